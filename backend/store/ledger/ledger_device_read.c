/* Finding and listing devices, and what a user may see of one. */
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define DEVICE_COLUMNS                                                                             \
  "device_no, device_id, name, modulus_wh, max_power_w, created_ms, revoked_ms IS NOT NULL, "      \
  "disabled_ms IS NOT NULL, cohort"

static void take_device(sm_sql_stmt *q, sm_device *device) {
  *device = (sm_device){.modulus_wh = sm_sql_i64(q, 3),
                        .max_power_w = sm_sql_i64(q, 4),
                        .created_ms = sm_sql_i64(q, 5),
                        .revoked = sm_sql_i64(q, 6) != 0,
                        .disabled = sm_sql_i64(q, 7) != 0};
  sm_sql_take_text(q, 1, &device->device_id);
  sm_sql_take_text(q, 2, &device->name);
  sm_sql_take_text(q, 8, &device->cohort);
}

static sm_err fill_account(sm_sql *db, int64_t account_no, const char *today, sm_device *device) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.account_id, u.user_id, u.email_sealed, "
          "(SELECT t.name FROM account_tariff at JOIN tariff t ON t.tariff_no = at.tariff_no "
          " WHERE at.account_no = a.account_no AND at.from_date <= ?2 "
          " ORDER BY at.from_date DESC LIMIT 1) "
          "FROM account a LEFT JOIN user u ON u.user_no = a.user_no WHERE a.account_no = ?1");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_text(&q, 2, today);
  if (sm_sql_row(&q)) {
    sm_sql_take_text(&q, 0, &device->account_id);
    sm_sql_take_text(&q, 1, &device->owner_user_id);
    sm_sql_take_blob(&q, 2, &device->owner_email_sealed.data, &device->owner_email_sealed.len);
    sm_sql_take_text(&q, 3, &device->tariff);
  }
  return sm_sql_end(&q);
}

/* What a listing knows of one device's accounts. user_no 0: anybody's. */
typedef struct device_view {
  sm_ledger *ledger;
  sm_sql *db;
  int64_t user_no;
  int64_t now_ms;
} device_view;

/* Whether the user sees any of it, up to now. */
static sm_err is_visible(const device_view *view, const sm_ledger_serving *list, size_t count,
                         bool *visible) {
  *visible = true;
  if (view->user_no == 0) return SM_OK;
  sm_interval *intervals = NULL;
  size_t interval_count = 0;
  sm_err err = sm_ledger_servings_visible(list, count, view->user_no, &intervals, &interval_count);
  *visible = err == SM_OK && interval_count > 0 && intervals[0].from_ms <= view->now_ms;
  free(intervals);
  return err;
}

static sm_err fill_current(const device_view *view, int64_t device_no, sm_device *device,
                           bool *visible) {
  sm_ledger_serving *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_servings(view->ledger, view->db, device_no, &list, &count);
  if (err != SM_OK) return err;
  err = is_visible(view, list, count, visible);
  const sm_ledger_serving *serving =
      sm_ledger_serving_last(list, count, view->user_no, view->now_ms, view->now_ms + 1);
  if (err == SM_OK && *visible && serving != NULL) {
    char today[SM_DATE_MAX];
    (void)sm_date_format(sm_zone_date(view->ledger->zone, view->now_ms), today);
    err = fill_account(view->db, serving->account_no, today, device);
  }
  free(list);
  return err;
}

static sm_err find_device(const device_view *view, const char *device_id, sm_device *device) {
  sm_device got = {0};
  int64_t device_no = 0;
  sm_sql_stmt q =
      sm_sql_use(view->db, "SELECT " DEVICE_COLUMNS " FROM device WHERE device_id = ?1");
  sm_sql_bind_text(&q, 1, device_id);
  if (sm_sql_row(&q)) {
    device_no = sm_sql_i64(&q, 0);
    take_device(&q, &got);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && device_no == 0) err = SM_ERR_NOT_FOUND;
  bool visible;
  if (err == SM_OK) err = fill_current(view, device_no, &got, &visible);
  if (err == SM_OK) {
    *device = got;
  } else {
    sm_device_fini(&got);
  }
  return err;
}

sm_err sm_ledger_device(sm_ledger *ledger, const char *device_id, sm_device *device) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  const device_view view = {.ledger = ledger, .db = db, .now_ms = sm_clock_now_ms()};
  err = find_device(&view, device_id, device);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* A server gives all rows that are asked for, taken or not: so no more than are wanted. */
static sm_sql_stmt use_device_list(sm_sql *db, const char *after, size_t limit, int64_t user_no) {
  sm_sql_stmt q =
      user_no == 0
          ? sm_sql_use(db, "SELECT " DEVICE_COLUMNS " FROM device WHERE device_id > ?1 "
                           "ORDER BY device_id LIMIT ?2")
          : sm_sql_use(db, "SELECT " DEVICE_COLUMNS " FROM device WHERE device_id > ?1 AND "
                           "device_no IN (SELECT m.device_no FROM account a JOIN account_meter m "
                           "ON m.account_no = a.account_no WHERE a.user_no = ?3) "
                           "ORDER BY device_id LIMIT ?2");
  sm_sql_bind_text(&q, 1, after);
  sm_ledger_bind_limit(&q, 2, limit);
  if (user_no != 0) sm_sql_bind_i64(&q, 3, user_no);
  return q;
}

typedef struct device_list {
  sm_device *item;
  size_t count;
  size_t cap;
  char last[SM_DEVICE_ID_MAX + 1]; /* that was looked at, visible or not */
} device_list;

static sm_err add_device(const device_view *view, sm_sql_stmt *q, device_list *list) {
  bool visible = false;
  sm_device *grown = sm_ledger_room(list->item, &list->cap, list->count, sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  list->item = grown;
  sm_device *device = &grown[list->count++];
  take_device(q, device);
  if (q->err == SM_OK) {
    (void)snprintf(list->last, sizeof list->last, "%s", device->device_id);
    q->err = fill_current(view, sm_sql_i64(q, 0), device, &visible);
  }
  if (!visible) sm_device_fini(&list->item[--list->count]);
  return q->err;
}

/* As many as there is room for; *more: there may be others behind them. */
static sm_err list_some(const device_view *view, const char *after, size_t limit, device_list *list,
                        bool *more) {
  size_t seen = 0;
  size_t wanted = limit - list->count;
  sm_sql_stmt q = use_device_list(view->db, after, wanted, view->user_no);
  for (; sm_sql_row(&q); seen++) q.err = add_device(view, &q, list);
  *more = seen == wanted;
  return sm_sql_end(&q);
}

static sm_err list_devices(const device_view *view, const char *after, size_t limit,
                           sm_device **devices, size_t *count) {
  device_list list = {.count = 0};
  char from[SM_DEVICE_ID_MAX + 1];
  bool more = limit > 0;
  (void)snprintf(from, sizeof from, "%s", after);
  sm_err err = SM_OK;
  while (err == SM_OK && more && list.count < limit) {
    err = list_some(view, from, limit, &list, &more);
    (void)snprintf(from, sizeof from, "%s", list.last);
  }
  if (err != SM_OK) {
    sm_devices_free(list.item, list.count);
    return err;
  }
  *devices = list.item;
  *count = list.count;
  return SM_OK;
}

sm_err sm_ledger_devices(sm_ledger *ledger, const char *user_id, const char *after, size_t limit,
                         sm_device **devices, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  device_view view = {.ledger = ledger, .db = db, .now_ms = sm_clock_now_ms()};
  bool nobody = false;
  if (user_id != NULL) {
    err = sm_ledger_user_no(db, user_id, &view.user_no);
    nobody = err == SM_ERR_NOT_FOUND;
  }
  if (err == SM_OK) err = list_devices(&view, after, limit, devices, count);
  sm_ledger_read_end(ledger, db);
  if (!nobody) return err;
  *devices = NULL;
  *count = 0;
  return SM_OK;
}

/* ---- what a user may see of a device ---- */

static sm_err find_intervals(sm_ledger *ledger, sm_sql *db, const char *user_id,
                             const char *device_id, sm_interval **intervals, size_t *count) {
  int64_t user_no;
  int64_t device_no;
  sm_err err = sm_ledger_user_no(db, user_id, &user_no);
  if (err == SM_OK) err = sm_ledger_device_no(db, device_id, &device_no);
  if (err != SM_OK) return err;
  sm_ledger_serving *list = NULL;
  size_t n = 0;
  err = sm_ledger_servings(ledger, db, device_no, &list, &n);
  if (err == SM_OK) err = sm_ledger_servings_visible(list, n, user_no, intervals, count);
  free(list);
  return err;
}

sm_err sm_ledger_device_intervals(sm_ledger *ledger, const char *user_id, const char *device_id,
                                  sm_interval **intervals, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_interval *got = NULL;
  size_t n = 0;
  err = find_intervals(ledger, db, user_id, device_id, &got, &n);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  *intervals = got;
  *count = n;
  return SM_OK;
}
