/* The meters and tariffs of a tenancy. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static void bind_instant(sm_sql_stmt *q, int index, int64_t instant_ms, int64_t open) {
  if (instant_ms == open) {
    sm_sql_bind_null(q, index);
  } else {
    sm_sql_bind_i64(q, index, instant_ms);
  }
}

static sm_err insert_meter(sm_sql *db, int64_t account_no, int64_t device_no,
                           const sm_account_meter *meter) {
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO account_meter (site_no, account_no, device_no, from_ms, to_ms, "
                     "sign, multiplier_milli) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, device_no);
  bind_instant(&q, 3, meter->from_ms, INT64_MIN);
  bind_instant(&q, 4, meter->to_ms, INT64_MAX);
  sm_sql_bind_i64(&q, 5, meter->sign);
  sm_sql_bind_i64(&q, 6, meter->multiplier_milli);
  return sm_sql_run(&q);
}

/* After the meter is in: it must not serve two at once. */
static sm_err check_meter(sm_ledger *ledger, sm_sql *db, int64_t device_no) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_servings(ledger, db, device_no, &list, &count);
  if (err == SM_OK && sm_ledger_servings_clash(list, count)) err = SM_ERR_CONFLICT;
  free(list);
  return err;
}

static sm_err insert_tariff(sm_sql *db, int64_t account_no, const sm_account_tariff *tariff) {
  int64_t tariff_no;
  sm_err err = sm_ledger_tariff_no(db, tariff->name, &tariff_no);
  if (err != SM_OK) return err;
  char from[SM_DATE_MAX];
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO account_tariff (account_no, from_date, site_no, "
                                 "tariff_no) VALUES (?1, ?2, 1, ?3)");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_text(&q, 2, tariff->has_from ? sm_date_format(tariff->from, from) : "");
  sm_sql_bind_i64(&q, 3, tariff_no);
  err = sm_sql_run(&q);
  return err == SM_ERR_EXISTS ? SM_ERR_INVALID : err; /* two from the same day */
}

sm_err sm_ledger_account_parts_insert(sm_ledger *ledger, sm_sql *db, int64_t account_no,
                                      const sm_account *account) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < account->meter_count; i++) {
    int64_t device_no = 0;
    err = sm_ledger_device_no(db, account->meter[i].device_id, &device_no);
    if (err == SM_OK) err = insert_meter(db, account_no, device_no, &account->meter[i]);
    if (err == SM_OK) err = check_meter(ledger, db, device_no);
  }
  for (size_t i = 0; err == SM_OK && i < account->tariff_count; i++) {
    err = insert_tariff(db, account_no, &account->tariff[i]);
  }
  return err;
}

/* ---- reading ---- */

/* The account that a row is about; NULL after a failure. */
static sm_account *its_account(sm_sql_stmt *q, const int64_t *account_no,
                               sm_account *const *account, size_t count, size_t *at) {
  *at = sm_ledger_list_find(account_no, count, sm_sql_i64(q, 0));
  if (*at != SIZE_MAX) return account[*at];
  q->err = SM_ERR_INTERNAL;
  return NULL;
}

static void take_meter(sm_sql_stmt *q, sm_account_meter *meter) {
  *meter = (sm_account_meter){.from_ms = sm_sql_is_null(q, 2) ? INT64_MIN : sm_sql_i64(q, 2),
                              .to_ms = sm_sql_is_null(q, 3) ? INT64_MAX : sm_sql_i64(q, 3),
                              .sign = (int32_t)sm_sql_i64(q, 4),
                              .multiplier_milli = sm_sql_i64(q, 5),
                              .modulus_wh = sm_sql_i64(q, 6),
                              .max_power_w = sm_sql_i64(q, 7)};
  sm_sql_take_text(q, 1, &meter->device_id);
}

static sm_err load_meters(sm_sql *db, const int64_t *account_no, sm_account *const *account,
                          size_t count) {
  size_t cap[SM_LEDGER_LIST_MAX] = {0};
  size_t at;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT m.account_no, d.device_id, m.from_ms, m.to_ms, m.sign, "
                     "m.multiplier_milli, d.modulus_wh, d.max_power_w FROM account_meter m "
                     "JOIN device d ON d.device_no = m.device_no "
                     "WHERE m.account_no IN " SM_LEDGER_LIST
                     " ORDER BY m.from_ms NULLS FIRST, m.meter_no"); /* NULL comes first */
  sm_ledger_bind_list(&q, account_no, count);
  while (sm_sql_row(&q)) {
    sm_account *its = its_account(&q, account_no, account, count, &at);
    if (its == NULL) break;
    sm_account_meter *grown = sm_ledger_room(its->meter, &cap[at], its->meter_count, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    its->meter = grown;
    take_meter(&q, &its->meter[its->meter_count++]);
  }
  return sm_sql_end(&q);
}

static void take_tariff(sm_sql_stmt *q, sm_account_tariff *tariff) {
  *tariff = (sm_account_tariff){0};
  sm_sql_take_text(q, 1, &tariff->name);
  const char *from = sm_sql_text(q, 2);
  tariff->has_from = from != NULL && from[0] != '\0';
  if (tariff->has_from) sm_ledger_take_date(q, 2, &tariff->from);
}

static sm_err load_tariffs(sm_sql *db, const int64_t *account_no, sm_account *const *account,
                           size_t count) {
  size_t cap[SM_LEDGER_LIST_MAX] = {0};
  size_t at;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT at.account_no, t.name, at.from_date FROM account_tariff at "
                     "JOIN tariff t ON t.tariff_no = at.tariff_no WHERE at.account_no "
                     "IN " SM_LEDGER_LIST " ORDER BY at.from_date"); /* '' comes first */
  sm_ledger_bind_list(&q, account_no, count);
  while (sm_sql_row(&q)) {
    sm_account *its = its_account(&q, account_no, account, count, &at);
    if (its == NULL) break;
    sm_account_tariff *grown =
        sm_ledger_room(its->tariff, &cap[at], its->tariff_count, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    its->tariff = grown;
    take_tariff(&q, &its->tariff[its->tariff_count++]);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_accounts_parts_load(sm_sql *db, const int64_t *account_no,
                                     sm_account *const *account, size_t count) {
  sm_err err = load_meters(db, account_no, account, count);
  return err == SM_OK ? load_tariffs(db, account_no, account, count) : err;
}

sm_err sm_ledger_account_parts_load(sm_sql *db, int64_t account_no, sm_account *account) {
  return sm_ledger_accounts_parts_load(db, &account_no, &account, 1);
}
