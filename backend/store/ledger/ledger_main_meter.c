/* The meters by which the supply comes in: a setting of the site. */
#include "store/ledger/ledger_internal.h"
#include "store/ledger_landlord.h"

#include <stdlib.h>
#include <string.h>

#define MAIN "(SELECT value FROM setting WHERE site_no = 1 AND key = 'main_meters')"

/* ---- reading ---- */

static sm_err take_meters(sm_sql *db, sm_main_meters *meters) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT value FROM json_each(" MAIN ", '$.meters') ORDER BY key");
  size_t cap = 0;
  while (sm_sql_row(&q)) {
    char **grown =
        sm_ledger_room(meters->device_id, &cap, meters->count, sizeof *meters->device_id);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    meters->device_id = grown;
    meters->device_id[meters->count] = NULL;
    sm_sql_take_text(&q, 0, &meters->device_id[meters->count]);
    if (meters->device_id[meters->count] != NULL) meters->count++;
  }
  return sm_sql_end(&q);
}

static sm_err take_rate(sm_sql *db, sm_main_meters *meters) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT json_extract(" MAIN ", '$.rate_micro')");
  if (sm_sql_row(&q) && !sm_sql_is_null(&q, 0)) {
    meters->has_rate = true;
    meters->rate_micro = sm_sql_i64(&q, 0);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_main_meters(sm_ledger *ledger, sm_main_meters *meters) {
  sm_sql *db;
  sm_main_meters got = {0};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = take_meters(db, &got);
  if (err == SM_OK) err = take_rate(db, &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK)
    *meters = got;
  else
    sm_main_meters_fini(&got);
  return err;
}

/* ---- setting ---- */

static sm_err check(sm_sql *db, const sm_main_meters *meters, size_t *failed) {
  if (meters->count > SM_MAIN_METERS_MAX || (meters->has_rate && meters->rate_micro < 0))
    return SM_ERR_INVALID;
  for (size_t i = 0; i < meters->count; i++) {
    int64_t device_no;
    *failed = i;
    sm_err err = sm_ledger_device_no(db, meters->device_id[i], &device_no);
    if (err != SM_OK) return err;
    for (size_t k = 0; k < i; k++)
      if (strcmp(meters->device_id[k], meters->device_id[i]) == 0) return SM_ERR_EXISTS;
  }
  return SM_OK;
}

static void write_members(sm_jsonw *w, const sm_main_meters *meters) {
  sm_jsonw_key(w, "meters");
  sm_jsonw_array(w);
  for (size_t i = 0; i < meters->count; i++) sm_jsonw_text(w, meters->device_id[i]);
  sm_jsonw_array_end(w);
  if (meters->has_rate) sm_jsonw_key_int(w, "rate_micro", meters->rate_micro);
}

static sm_err put(sm_sql *db, const sm_main_meters *meters) {
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 0);
  sm_jsonw_init(&w, &text);
  sm_jsonw_object(&w);
  write_members(&w, meters);
  sm_jsonw_object_end(&w);
  const char *json = sm_buf_text(&text);
  sm_err err = text.err;
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(db, "INSERT INTO setting (site_no, key, value) "
                                   "VALUES (1, 'main_meters', ?1) "
                                   "ON CONFLICT (site_no, key) DO UPDATE SET value = ?1");
    sm_sql_bind_text(&q, 1, json);
    err = sm_sql_run(&q);
  }
  sm_buf_fini(&text);
  return err;
}

static sm_err set(sm_sql *db, sm_actor actor, const sm_main_meters *meters, size_t *failed) {
  sm_ledger_detail detail;
  sm_err err = check(db, meters, failed);
  if (err == SM_OK) err = put(db, meters);
  if (err != SM_OK) return err;
  sm_ledger_detail_open(&detail);
  write_members(&detail.w, meters);
  return sm_ledger_detail_add(&detail, db, actor, "site.main_meters", NULL);
}

sm_err sm_ledger_main_meters_set(sm_ledger *ledger, sm_actor actor, const sm_main_meters *meters,
                                 size_t *failed) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, set(db, actor, meters, failed));
}
