/* Raw readings leave by whole days of UTC once they are older than they are kept. Before they do,
 * the register's course of days that are not plain is kept, so that a trace still judges as if all
 * readings were there. Deleting by time needs MongoDB 7.0. */
#include "store/mongo/readings_mg.h"

#include <stdlib.h>

enum { SERIES_AT_ONCE = 20, AROUND_DAYS = 8, STEP_LIMIT_W = 5000 };

int64_t mg_horizon_ms(const mg_readings *store, int64_t now_ms) {
  int64_t kept_ms = store->kept_ms > 0 ? store->kept_ms : INT64_MIN;
  if (store->retention_days == 0) return kept_ms;
  /* By both clocks: one that jumps must not drop what is kept. */
  int64_t sure_ms = now_ms < store->newest_ms ? now_ms : store->newest_ms;
  int64_t oldest_ms = sure_ms > 0 ? sure_ms - store->retention_days * DAY_MS : 0;
  int64_t horizon_ms = oldest_ms > 0 ? oldest_ms / DAY_MS * DAY_MS : INT64_MIN;
  /* Where another server has been already, nothing can join. */
  return horizon_ms > kept_ms ? horizon_ms : kept_ms;
}

/* ---- days in doubt ---- */

typedef struct day {
  int64_t no; /* since 1970 */
  bool doubt;
} day;

static bool is_doubtful(const sm_quarter *before, const sm_quarter *q) {
  return q->fell || q->step_max_w > STEP_LIMIT_W || q->first.wh > q->last.wh ||
         !sm_step_within(q->first, q->last, STEP_LIMIT_W) || before == NULL ||
         before->last.wh > q->first.wh || !sm_step_within(before->last, q->first, STEP_LIMIT_W);
}

static size_t days_of(const sm_quarter_list *list, day *days) {
  size_t count = 0;
  for (size_t i = 0; i < list->count; i++) {
    const sm_quarter *q = &list->item[i];
    int64_t no = q->start_ms / DAY_MS;
    if (count == 0 || days[count - 1].no != no) days[count++] = (day){.no = no};
    days[count - 1].doubt |= is_doubtful(i > 0 ? q - 1 : NULL, q);
  }
  return count;
}

/* A day whose neighbour is in doubt, or that has none to be judged by, is so too. */
static bool keeps_course(const day *days, size_t count, size_t at) {
  return days[at].doubt || at == 0 || days[at - 1].doubt || at + 1 == count || days[at + 1].doubt;
}

static sm_err write_course(mg_conn *conn, const mg_which *which, int64_t day_no, mg_bulk *bulk) {
  sm_run run = {0};
  sm_err err = mg_raw(conn, which, day_no * DAY_MS, (day_no + 1) * DAY_MS, SIZE_MAX, &run);
  if (err == SM_OK && run.count > 0)
    mg_bulk_replace(
        bulk, mg_place_id(which->device_id, which->channel, day_no * DAY_MS),
        mg_course_doc(which->device_id, which->channel, day_no * DAY_MS, run.item, run.count),
        true);
  sm_run_fini(&run);
  return err;
}

static sm_err keep_days(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                        const day *days, size_t count, uint64_t *left) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_COURSE);
  for (size_t i = 0; bulk.err == SM_OK && i < count; i++) {
    if (days[i].no * DAY_MS < from_ms || days[i].no * DAY_MS >= to_ms) continue;
    (*left)++;
    if (keeps_course(days, count, i)) bulk.err = write_course(conn, which, days[i].no, &bulk);
  }
  return mg_bulk_end(&bulk);
}

static sm_err keep_course(mg_readings *store, mg_conn *conn, const sm_series *series,
                          int64_t to_ms) {
  const mg_which which = {
      .no = series->no, .device_id = series->device_id, .channel = series->channel};
  uint64_t left = 0;
  int64_t first_ms = series->first_ms / DAY_MS * DAY_MS;
  int64_t from_ms = first_ms > store->kept_ms ? first_ms : store->kept_ms;
  if (!series->has_last || from_ms >= to_ms) return SM_OK;
  sm_quarter_list list = {0};
  sm_err err = mg_quarters(conn, &which, from_ms - AROUND_DAYS * DAY_MS,
                           to_ms + AROUND_DAYS * DAY_MS, SIZE_MAX, &list);
  if (err != SM_OK) return err;
  day *days = malloc((list.count + 1) * sizeof *days);
  err = days == NULL ? SM_ERR_NOMEM
                     : keep_days(conn, &which, from_ms, to_ms, days, days_of(&list, days), &left);
  free(days);
  sm_quarter_list_fini(&list);
  if (err == SM_OK) atomic_fetch_add(&store->dropped_days, left);
  return err;
}

/* ---- dropping ---- */

sm_err mg_load_kept(mg_readings *store, mg_conn *conn) {
  mg_find find;
  mg_find_begin(&find, conn, MG_META, BCON_NEW("_id", BCON_UTF8("retention")), NULL);
  const bson_t *doc = mg_find_next(&find);
  int64_t kept_ms = doc != NULL ? mg_i64(doc, "kept") : 0;
  if (kept_ms > store->kept_ms) store->kept_ms = kept_ms;
  return mg_find_end(&find);
}

/* First it is said that raw of before counts no more, then it goes. */
static sm_err drop(mg_readings *store, mg_conn *conn) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_META);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("retention")),
                 BCON_NEW("$max", "{", "kept", BCON_DATE_TIME(store->retain_ms), "}"), true);
  sm_err err = mg_bulk_end(&bulk);
  if (err != SM_OK) return err;
  store->kept_ms = store->retain_ms;
  mg_bulk_begin(&bulk, conn, MG_RAW);
  mg_bulk_delete_many(&bulk, BCON_NEW("ts", "{", "$lt", BCON_DATE_TIME(store->retain_ms), "}"));
  return mg_bulk_end(&bulk);
}

/* Its quarters need all of their readings first. */
static sm_err begin(mg_readings *store, mg_conn *conn, int64_t horizon_ms) {
  sm_err err = SM_OK;
  for (bool done = true; err == SM_OK && done;) err = mg_move(store, conn, true, &done);
  for (bool done = true; err == SM_OK && done;) err = mg_make_due(store, conn, horizon_ms, &done);
  if (err != SM_OK) return err;
  store->retain_ms = horizon_ms;
  store->retain_at = 0;
  return SM_OK;
}

sm_err mg_retain(mg_readings *store, mg_conn *conn, int64_t now_ms, bool *done) {
  *done = false;
  if (store->retention_days == 0) return SM_OK;
  sm_err err = SM_OK;
  if (store->retain_ms == 0) {
    err = mg_load_kept(store, conn);
    int64_t horizon_ms = mg_horizon_ms(store, now_ms);
    if (err != SM_OK || horizon_ms <= store->kept_ms) return err;
    err = begin(store, conn, horizon_ms);
  }
  for (int i = 0; err == SM_OK && i < SERIES_AT_ONCE && store->retain_at < store->series_count; i++)
    err = keep_course(store, conn, store->series[store->retain_at++], store->retain_ms);
  if (err != SM_OK) return err;
  *done = true;
  if (store->retain_at < store->series_count) return SM_OK;
  err = drop(store, conn);
  store->retain_ms = 0;
  return err;
}
