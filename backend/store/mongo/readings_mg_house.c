/* Moving house, MongoDB's part (store/readings_move.h). A time series takes no part in a
 * transaction, so a day's raw readings go there first, in bulk, and are read back; then one
 * transaction puts its quarters, its course and what is known of the series. Cut off in between,
 * raw is there and nothing that says so: the day still differs, is put again, and what is there of
 * it already is not put twice. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"
#include "store/series/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 5, PAUSE_NS = 100000000 };

/* ---- reading ---- */

sm_err mg_readings_course(sm_readings *base, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  mg_conn conn;
  const mg_which which = {.no = mg_series_no(mg_of(base), device_id, channel, NULL, NULL),
                          .device_id = device_id,
                          .channel = channel};
  if (which.no == 0) return SM_OK;
  mg_take(mg_of(base)->pool, &conn);
  sm_err err = mg_course(&conn, &which, from_ms, to_ms, list);
  mg_give(&conn);
  return err;
}

/* As it is stored, written as every engine writes it. */
sm_err mg_take_series(const bson_t *doc, sm_move_series *out) {
  size_t len = 0;
  const char *device_id = mg_text(doc, "_id.device");
  const uint8_t *state = mg_bytes(doc, "state", &len);
  if (device_id == NULL || strlen(device_id) > SM_DEVICE_ID_MAX || state == NULL)
    return SM_ERR_CORRUPT;
  sm_series *s = sm_series_new(device_id, (uint8_t)mg_i64(doc, "_id.channel"));
  if (s == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_state_decode(state, len, s);
  if (err == SM_OK) {
    out->series_no = mg_i64(doc, "no");
    out->channel = s->channel;
    (void)snprintf(out->device_id, sizeof out->device_id, "%s", s->device_id);
    out->has_readings = s->has_last;
    out->first_ms = s->has_last ? s->first_ms : 0;
    out->last_ms = s->has_last ? s->last.ts_ms : 0;
    sm_state_encode(s, &out->state);
    err = out->state.err;
  }
  sm_series_free(s);
  return err;
}

sm_err mg_readings_move_series(sm_readings *base, int64_t after_no, sm_move_series *out) {
  mg_conn conn;
  mg_find find;
  *out = (sm_move_series){0};
  sm_buf_init(&out->state, 0);
  mg_take(mg_of(base)->pool, &conn);
  mg_find_begin(&find, &conn, MG_SERIES, BCON_NEW("no", "{", "$gt", BCON_INT64(after_no), "}"),
                BCON_NEW("sort", "{", "no", BCON_INT32(1), "}", "limit", BCON_INT64(1)));
  const bson_t *doc = mg_find_next(&find);
  if (doc != NULL) find.err = mg_take_series(doc, out);
  sm_err err = mg_find_end(&find);
  mg_give(&conn);
  if (err == SM_OK && out->series_no == 0) err = SM_ERR_NOT_FOUND;
  if (err != SM_OK) sm_move_series_fini(out);
  return err;
}

/* ---- raw ---- */

typedef struct put {
  mg_readings *store;
  mg_conn *conn;
  mg_which which;
  const sm_move_series *series;
  const sm_move_day *days;
  size_t count;
  int64_t from_ms; /* of the first day */
  int64_t to_ms;   /* behind the last */
} put;

/* Both ascend. */
static bool holds_all(const sm_reading *theirs, size_t count, const sm_reading_list *ours) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < ours->count && ours->item[at].ts_ms < theirs[i].ts_ms) at++;
    if (at == ours->count || !sm_reading_equal(&ours->item[at], &theirs[i])) return false;
  }
  return true;
}

static sm_err delete_raw(const put *p, int64_t day) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, p->conn, MG_RAW);
  mg_bulk_delete_many(&bulk, BCON_NEW("m.device", BCON_UTF8(p->which.device_id), "m.channel",
                                      BCON_INT32(p->which.channel), "ts", "{", "$gte",
                                      BCON_DATE_TIME(day * DAY_MS), "$lt",
                                      BCON_DATE_TIME((day + 1) * DAY_MS), "}"));
  return mg_bulk_end(&bulk);
}

/* What is there already of one day stays, unless something is there that is not of it. */
static sm_err add_missing(const put *p, const sm_move_day *day, const sm_reading *there,
                          size_t count, mg_bulk *bulk) {
  size_t at = 0;
  if (!holds_all(there, count, &day->raw)) {
    sm_err err = delete_raw(p, day->day);
    if (err != SM_OK) return err;
    count = 0;
  }
  for (size_t i = 0; i < day->raw.count; i++) {
    const sm_reading *r = &day->raw.item[i];
    while (at < count && there[at].ts_ms < r->ts_ms) at++;
    if (at < count && there[at].ts_ms == r->ts_ms) continue;
    mg_bulk_insert(bulk, mg_raw_doc(p->which.device_id, p->which.channel, r));
  }
  return bulk->err;
}

static sm_err put_raw(const put *p) {
  mg_bulk bulk;
  sm_run there = {0};
  sm_err err = mg_raw(p->conn, &p->which, p->from_ms, p->to_ms, SIZE_MAX, &there);
  if (err != SM_OK) return err;
  mg_bulk_begin_loose(&bulk, p->conn, MG_RAW);
  for (size_t i = 0; err == SM_OK && i < p->count; i++) {
    size_t from = sm_run_find(&there, p->days[i].day * DAY_MS);
    size_t to = sm_run_find(&there, (p->days[i].day + 1) * DAY_MS);
    err = add_missing(p, &p->days[i], there.item + from, to - from, &bulk);
  }
  sm_err end = mg_bulk_end(&bulk);
  sm_run_fini(&there);
  return err == SM_OK ? end : err;
}

/* ---- what a transaction holds ---- */

static bool is_same_series(const bson_t *doc, const sm_move_series *s) {
  const char *device_id = mg_text(doc, "_id.device");
  return mg_i64(doc, "no") == s->series_no && mg_i64(doc, "_id.channel") == s->channel &&
         device_id != NULL && strcmp(device_id, s->device_id) == 0;
}

/* *version: 0 if it is new. SM_ERR_EXISTS: another one has its number, or it has another one. */
static sm_err find_series(const put *p, int64_t *version) {
  mg_find find;
  const bson_t *doc;
  const sm_move_series *s = p->series;
  *version = 0;
  mg_find_begin(&find, p->conn, MG_SERIES,
                BCON_NEW("$or", "[", "{", "_id", "{", "device", BCON_UTF8(s->device_id), "channel",
                         BCON_INT32(s->channel), "}", "}", "{", "no", BCON_INT64(s->series_no), "}",
                         "]"),
                NULL);
  while ((doc = mg_find_next(&find)) != NULL) {
    if (!is_same_series(doc, s)) find.err = SM_ERR_EXISTS;
    *version = mg_i64(doc, "version");
  }
  return mg_find_end(&find);
}

static sm_err put_series(const put *p) {
  int64_t version = 0;
  mg_bulk bulk;
  const sm_move_series *s = p->series;
  const mg_series_state state = {.state = &s->state,
                                 .has_readings = s->has_readings,
                                 .first_ms = s->first_ms,
                                 .last_ms = s->last_ms,
                                 .at_ms = sm_clock_now_ms()};
  sm_err err = find_series(p, &version);
  if (err != SM_OK) return err;
  mg_bulk_begin(&bulk, p->conn, MG_SERIES);
  if (version == 0)
    mg_bulk_insert(&bulk, mg_series_new_doc(s->device_id, s->channel, s->series_no, &state));
  else
    mg_series_update(&bulk, s->device_id, s->channel, version, &state);
  err = mg_bulk_end(&bulk);
  return err == SM_OK && version != 0 && bulk.matched != 1 ? SM_ERR_CONFLICT : err;
}

static sm_err empty_days(const put *p, const char *collection) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, p->conn, collection);
  for (size_t i = 0; i < p->count; i++)
    mg_bulk_delete_many(&bulk,
                        mg_place_filter(p->which.device_id, p->which.channel,
                                        p->days[i].day * DAY_MS, (p->days[i].day + 1) * DAY_MS));
  return mg_bulk_end(&bulk);
}

static sm_err put_quarters(const put *p) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, p->conn, MG_QUARTERS);
  for (size_t i = 0; i < p->count; i++)
    for (size_t q = 0; q < p->days[i].quarters.count; q++)
      mg_bulk_insert(&bulk, mg_quarter_doc(p->which.device_id, p->which.channel,
                                           &p->days[i].quarters.item[q]));
  return mg_bulk_end(&bulk);
}

static sm_err put_course(const put *p) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, p->conn, MG_COURSE);
  for (size_t i = 0; i < p->count; i++) {
    const sm_move_day *day = &p->days[i];
    if (day->course.count > 0)
      mg_bulk_insert(&bulk, mg_course_doc(p->which.device_id, p->which.channel, day->day * DAY_MS,
                                          day->course.item, day->course.count));
  }
  return mg_bulk_end(&bulk);
}

/* As the server has it: raw by a question of its own, since a majority has that; the rest inside
 * the transaction. */
static sm_err read_back(const put *p, sm_move_day *back) {
  mg_conn beside;
  sm_run raw = {0};
  mg_take(p->store->pool, &beside);
  sm_err err = mg_raw(&beside, &p->which, p->from_ms, p->to_ms, SIZE_MAX, &raw);
  mg_give(&beside);
  back->raw = (sm_reading_list){.item = raw.item, .count = raw.count};
  if (err == SM_OK)
    err = mg_quarters(p->conn, &p->which, p->from_ms, p->to_ms, SIZE_MAX, &back->quarters);
  return err == SM_OK ? mg_course(p->conn, &p->which, p->from_ms, p->to_ms, &back->course) : err;
}

static sm_err check_days(const put *p) {
  sm_move_day back = {.day = 0};
  if (p->count == 0) return SM_OK;
  sm_err err = read_back(p, &back);
  if (err == SM_OK && !sm_move_days_there(&back, p->days, p->count)) err = SM_ERR_CORRUPT;
  sm_move_day_fini(&back);
  return err;
}

static sm_err put_all(const put *p) {
  sm_err err = put_series(p);
  if (err == SM_OK) err = empty_days(p, MG_DUE);
  if (err == SM_OK) err = empty_days(p, MG_QUARTERS);
  if (err == SM_OK) err = empty_days(p, MG_COURSE);
  if (err == SM_OK) err = put_quarters(p);
  if (err == SM_OK) err = put_course(p);
  return err == SM_OK ? check_days(p) : err;
}

/* SM_ERR_CONFLICT: another transaction was first. */
static sm_err put_once(const put *p) {
  sm_err err = mg_begin(p->conn);
  if (err == SM_OK) err = put_all(p);
  if (err == SM_OK) err = mg_commit(p->conn);
  mg_abort(p->conn);
  return err;
}

static sm_err again_and_again(const put *p) {
  sm_err err = SM_ERR_CONFLICT;
  for (int i = 0; err == SM_ERR_CONFLICT && i < TRIES; i++) {
    if (i > 0) (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    err = put_once(p);
  }
  if (err == SM_ERR_EXISTS) return SM_ERR_CONFLICT;
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}

static bson_t *by_name(const sm_move_series *s) {
  return BCON_NEW("_id", "{", "device", BCON_UTF8(s->device_id), "channel", BCON_INT32(s->channel),
                  "}");
}

sm_err mg_readings_move_put(sm_readings *base, const sm_move_series *series,
                            const sm_move_day *days, size_t count) {
  mg_readings *store = mg_of(base);
  put p = {.store = store,
           .conn = &store->own,
           .which = {.no = series->series_no,
                     .device_id = series->device_id,
                     .channel = series->channel},
           .series = series,
           .days = days,
           .count = count};
  if (!store->writer) return SM_ERR_DENIED;
  if (count > 0) p.from_ms = days[0].day * DAY_MS;
  if (count > 0) p.to_ms = (days[count - 1].day + 1) * DAY_MS;
  sm_err err = SM_OK;
  /* What was committed here before belongs where it is looked for. */
  for (bool done = true; err == SM_OK && done;) err = mg_move(store, p.conn, true, &done);
  int64_t version = 0;
  if (err == SM_OK) err = find_series(&p, &version);
  if (err == SM_ERR_EXISTS) return SM_ERR_CONFLICT; /* before anything of it is put */
  if (err == SM_OK && count > 0) err = put_raw(&p);
  if (err == SM_OK) err = again_and_again(&p);
  if (err == SM_OK) err = mg_load_series(store, p.conn, by_name(series));
  if (err != SM_OK) store->behind = true;
  return err;
}

/* ---- the rest ---- */

sm_err mg_readings_move_meta(sm_readings *base, sm_move_meta *meta) {
  mg_readings *store = mg_of(base);
  mg_conn conn;
  mg_take(store->pool, &conn);
  sm_err err = mg_load_kept(store, &conn);
  mg_give(&conn);
  if (err != SM_OK) return err;
  (void)snprintf(meta->client_id, sizeof meta->client_id, "%s", store->client_id);
  meta->horizon_ms = atomic_load(&store->kept_ms);
  return SM_OK;
}

/* Of a quarter all readings count, or none can join. */
static int64_t whole_quarters(int64_t horizon_ms) {
  return (horizon_ms + SM_QUARTER_MS - 1) / SM_QUARTER_MS * SM_QUARTER_MS;
}

sm_err mg_readings_move_set_meta(sm_readings *base, const sm_move_meta *meta) {
  mg_readings *store = mg_of(base);
  mg_bulk bulk;
  int64_t kept_ms = whole_quarters(meta->horizon_ms);
  if (!store->writer) return SM_ERR_DENIED;
  sm_err err = mg_begin(&store->own);
  if (err != SM_OK) return err;
  mg_bulk_begin(&bulk, &store->own, MG_META);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("store")),
                 BCON_NEW("$set", "{", "client_id", BCON_UTF8(meta->client_id), "}"), true);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("retention")),
                 BCON_NEW("$set", "{", "kept", BCON_DATE_TIME(kept_ms), "}"), true);
  err = mg_bulk_end(&bulk);
  if (err == SM_OK) err = mg_commit(&store->own);
  mg_abort(&store->own);
  if (err != SM_OK) return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
  (void)snprintf(store->client_id, sizeof store->client_id, "%s", meta->client_id);
  atomic_store(&store->kept_ms, kept_ms);
  return SM_OK;
}

sm_err mg_readings_move_rejects(sm_readings *base, const sm_reject_list *rejects) {
  mg_readings *store = mg_of(base);
  if (!store->writer) return SM_ERR_DENIED;
  sm_err err = mg_begin(&store->own);
  if (err == SM_OK) err = mg_rejects_replace(store, &store->own, rejects);
  if (err == SM_OK) err = mg_commit(&store->own);
  mg_abort(&store->own);
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}
