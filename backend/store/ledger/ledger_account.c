/* Adding and changing tenancies. Their meters and tariffs are in ledger_account_parts.c. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- checking ---- */

static bool dates_valid(const sm_account *account) {
  if (account->has_from && !sm_ledger_date_valid(account->from)) return false;
  if (account->has_to && !sm_ledger_date_valid(account->to)) return false;
  if (!account->has_from || !account->has_to) return true;
  return sm_date_compare(account->from, account->to) <= 0;
}

static bool parts_valid(const sm_account *account) {
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    if (meter->device_id == NULL || meter->from_ms > meter->to_ms) return false;
    if ((meter->sign != 1 && meter->sign != -1) || meter->multiplier_milli <= 0) return false;
  }
  for (size_t i = 0; i < account->tariff_count; i++) {
    const sm_account_tariff *tariff = &account->tariff[i];
    if (tariff->name == NULL) return false;
    if (tariff->has_from && !sm_ledger_date_valid(tariff->from)) return false;
  }
  return account->sanctioned_load_w >= 0;
}

/* ---- writing ---- */

typedef struct account_refs {
  int64_t user_no;  /* 0: none */
  int64_t place_no; /* 0: none */
} account_refs;

static sm_err add_place(sm_sql *db, const char *name, int64_t *place_no) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO place (site_no, name) VALUES (1, ?1) "
                                 "ON CONFLICT (site_no, name) DO NOTHING");
  sm_sql_bind_text(&q, 1, name);
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  return sm_ledger_find_no(db, "SELECT place_no FROM place WHERE site_no = 1 AND name = ?1", name,
                           place_no);
}

static sm_err find_refs(sm_sql *db, const sm_account *account, account_refs *refs) {
  *refs = (account_refs){0};
  sm_err err = SM_OK;
  if (account->user_id != NULL) err = sm_ledger_user_no(db, account->user_id, &refs->user_no);
  if (err == SM_OK && account->place != NULL) err = add_place(db, account->place, &refs->place_no);
  return err;
}

/* Binds ?2 to ?7, the same in both statements. */
static sm_err run_row(sm_sql_stmt *q, const sm_account *account, const account_refs *refs) {
  char from[SM_DATE_MAX];
  char to[SM_DATE_MAX];
  sm_ledger_bind_no(q, 2, refs->user_no);
  sm_ledger_bind_no(q, 3, refs->place_no);
  sm_sql_bind_blob(q, 4, account->person_sealed.data, account->person_sealed.len);
  sm_sql_bind_text(q, 5, account->has_from ? sm_date_format(account->from, from) : NULL);
  sm_sql_bind_text(q, 6, account->has_to ? sm_date_format(account->to, to) : NULL);
  sm_sql_bind_i64(q, 7, account->sanctioned_load_w);
  return sm_sql_run(q);
}

static sm_err insert_row(sm_sql *db, const sm_account *account, const char *account_id,
                         int64_t *account_no) {
  account_refs refs;
  sm_err err = find_refs(db, account, &refs);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO account (site_no, account_id, user_no, place_no, person_sealed, "
                     "from_date, to_date, sanctioned_load_w, created_ms) "
                     "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  sm_sql_bind_text(&q, 1, account_id);
  sm_sql_bind_i64(&q, 8, sm_clock_now_ms());
  err = run_row(&q, account, &refs);
  if (err == SM_OK) *account_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err update_row(sm_sql *db, const sm_account *account, int64_t account_no) {
  account_refs refs;
  sm_err err = find_refs(db, account, &refs);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "UPDATE account SET user_no = ?2, place_no = ?3, person_sealed = ?4, from_date = ?5, "
          "to_date = ?6, sanctioned_load_w = ?7 WHERE account_no = ?1");
  sm_sql_bind_i64(&q, 1, account_no);
  return run_row(&q, account, &refs);
}

static void write_date(sm_jsonw *w, const char *key, bool has, sm_date date) {
  char text[SM_DATE_MAX];
  sm_jsonw_key_text(w, key, has ? sm_date_format(date, text) : NULL);
}

static void write_parts(sm_jsonw *w, const sm_account *account) {
  sm_jsonw_key(w, "meters");
  sm_jsonw_array(w);
  for (size_t i = 0; i < account->meter_count; i++) {
    const sm_account_meter *meter = &account->meter[i];
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "device_id", meter->device_id);
    if (meter->from_ms != INT64_MIN) sm_jsonw_key_int(w, "from_ms", meter->from_ms);
    if (meter->to_ms != INT64_MAX) sm_jsonw_key_int(w, "to_ms", meter->to_ms);
    sm_jsonw_key_int(w, "sign", meter->sign);
    sm_jsonw_key_decimal(w, "multiplier", meter->multiplier_milli, 3);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
  sm_jsonw_key(w, "tariffs");
  sm_jsonw_array(w);
  for (size_t i = 0; i < account->tariff_count; i++) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "name", account->tariff[i].name);
    write_date(w, "from", account->tariff[i].has_from, account->tariff[i].from);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static sm_err audit_account(sm_sql *db, sm_actor actor, const char *action, const char *account_id,
                            const sm_account *account) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "user_id", account->user_id);
  sm_jsonw_key_text(&detail.w, "place", account->place);
  write_date(&detail.w, "from", account->has_from, account->from);
  write_date(&detail.w, "to", account->has_to, account->to);
  sm_jsonw_key_int(&detail.w, "sanctioned_load_w", account->sanctioned_load_w);
  write_parts(&detail.w, account);
  return sm_ledger_detail_add(&detail, db, actor, action, account_id);
}

sm_err sm_ledger_account_insert(sm_ledger *ledger, sm_sql *db, sm_actor actor,
                                const sm_account *account, const char *account_id) {
  if (!dates_valid(account) || !parts_valid(account)) return SM_ERR_INVALID;
  int64_t account_no = 0;
  sm_err err = insert_row(db, account, account_id, &account_no);
  if (err == SM_OK) err = sm_ledger_account_parts_insert(ledger, db, account_no, account);
  if (err == SM_OK) err = audit_account(db, actor, "account.add", account_id, account);
  return err;
}

sm_err sm_ledger_account_add(sm_ledger *ledger, sm_actor actor, sm_account *account) {
  char id[SM_ID_MAX];
  char *account_id = strdup(sm_random_id("a_", id));
  if (account_id == NULL) return SM_ERR_NOMEM;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) {
    err = sm_ledger_account_insert(ledger, db, actor, account, account_id);
    err = sm_ledger_write_end(ledger, err);
  }
  if (err == SM_OK) {
    account->account_id = account_id;
  } else {
    free(account_id);
  }
  return err;
}

static sm_err delete_parts(sm_sql *db, int64_t account_no) {
  sm_sql_stmt meters = sm_sql_use(db, "DELETE FROM account_meter WHERE account_no = ?1");
  sm_sql_bind_i64(&meters, 1, account_no);
  sm_err err = sm_sql_run(&meters);
  if (err != SM_OK) return err;
  sm_sql_stmt tariffs = sm_sql_use(db, "DELETE FROM account_tariff WHERE account_no = ?1");
  sm_sql_bind_i64(&tariffs, 1, account_no);
  return sm_sql_run(&tariffs);
}

sm_err sm_ledger_account_update(sm_ledger *ledger, sm_sql *db, sm_actor actor,
                                const sm_account *account) {
  if (!dates_valid(account) || !parts_valid(account)) return SM_ERR_INVALID;
  int64_t account_no = 0;
  sm_err err = sm_ledger_account_no(db, account->account_id, &account_no);
  if (err == SM_OK) err = sm_ledger_account_check_invoiced(ledger, db, account_no, account);
  if (err == SM_OK) err = update_row(db, account, account_no);
  if (err == SM_OK) err = delete_parts(db, account_no);
  if (err == SM_OK) err = sm_ledger_account_parts_insert(ledger, db, account_no, account);
  if (err == SM_OK) err = audit_account(db, actor, "account.change", account->account_id, account);
  return err;
}

sm_err sm_ledger_account_change(sm_ledger *ledger, sm_actor actor, const sm_account *account) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, sm_ledger_account_update(ledger, db, actor, account));
}
