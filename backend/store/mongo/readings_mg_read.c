/* Raw readings, quarters, and the trace made from them. */
#include "store/mongo/readings_mg.h"

#include "store/series/journal_row.h"
#include "store/series/trace.h"

#include <stdlib.h>
#include <string.h>

/* ---- the journal ---- */

sm_err mg_journal_doc_walk(const bson_t *doc, mg_journal_fn each, void *context) {
  size_t len = 0;
  sm_journal_reader r;
  const sm_journal_entry *entry;
  const uint8_t *data = mg_bytes(doc, "data", &len);
  if (data == NULL) return SM_ERR_CORRUPT;
  sm_err err = sm_journal_reader_open(&r, data, len);
  while (err == SM_OK && (entry = sm_journal_reader_next(&r)) != NULL)
    if (entry->has_reading) err = each(context, entry->series_no, &entry->reading);
  if (err != SM_OK) return err;
  return sm_journal_reader_done(&r) ? SM_OK : SM_ERR_CORRUPT;
}

sm_err mg_journal_walk(mg_conn *conn, bson_t *filter, mg_journal_fn each, void *context) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_JOURNAL, filter, NULL);
  while ((doc = mg_find_next(&find)) != NULL) find.err = mg_journal_doc_walk(doc, each, context);
  return mg_find_end(&find);
}

typedef struct wanted {
  int64_t no;
  int64_t from_ms;
  int64_t to_ms;
  sm_run *run;
} wanted;

static sm_err take_wanted(void *context, int64_t series_no, const sm_reading *r) {
  const wanted *w = context;
  if (series_no != w->no || r->ts_ms < w->from_ms || r->ts_ms >= w->to_ms) return SM_OK;
  sm_err err = sm_run_reserve(w->run, 1);
  if (err == SM_OK) w->run->item[w->run->count++] = *r;
  return err;
}

static int by_instant(const void *a, const void *b) {
  const sm_reading *left = a;
  const sm_reading *right = b;
  return (left->ts_ms > right->ts_ms) - (left->ts_ms < right->ts_ms);
}

static sm_err in_journal(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                         sm_run *run) {
  wanted w = {.no = which->no, .from_ms = from_ms, .to_ms = to_ms, .run = run};
  sm_err err = mg_journal_walk(conn, BCON_NEW("s", BCON_INT64(which->no)), take_wanted, &w);
  if (run->count > 1) qsort(run->item, run->count, sizeof *run->item, by_instant);
  return err;
}

/* ---- raw ---- */

/* The first `limit` of MG_RAW, each instant once. */
static sm_err in_raw(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                     size_t limit, sm_run *run) {
  enum { AT_ONCE = 5000 };
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_RAW,
                BCON_NEW("m.device", BCON_UTF8(which->device_id), "m.channel",
                         BCON_INT32(which->channel), "ts", "{", "$gte", BCON_DATE_TIME(from_ms),
                         "$lt", BCON_DATE_TIME(to_ms), "}"),
                BCON_NEW("sort", "{", "ts", BCON_INT32(1), "}", "batchSize",
                         BCON_INT32(limit < AT_ONCE ? (int32_t)limit + 1 : AT_ONCE)));
  while (run->count < limit && (doc = mg_find_next(&find)) != NULL) {
    const sm_reading r = mg_take_raw(doc);
    if (run->count > 0 && run->item[run->count - 1].ts_ms == r.ts_ms) continue; /* moved twice */
    find.err = sm_run_reserve(run, 1);
    if (find.err == SM_OK) run->item[run->count++] = r;
  }
  return mg_find_end(&find);
}

static sm_err merge_runs(const sm_run *a, const sm_run *b, size_t limit, sm_run *out) {
  sm_err err = sm_run_reserve(out, a->count + b->count);
  if (err != SM_OK) return err;
  out->count = sm_run_merge(a->item, a->count, b->item, b->count, out->item);
  if (out->count > limit) out->count = limit;
  return SM_OK;
}

sm_err mg_raw(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms, size_t limit,
              sm_run *run) {
  sm_run journal = {0};
  sm_run raw = {0};
  run->count = 0;
  sm_err err = in_journal(conn, which, from_ms, to_ms, &journal);
  if (err == SM_OK) err = in_raw(conn, which, from_ms, to_ms, limit, &raw);
  if (err == SM_OK) err = merge_runs(&raw, &journal, limit, run);
  sm_run_fini(&journal);
  sm_run_fini(&raw);
  return err;
}

/* ---- quarters ---- */

typedef struct instants {
  int64_t *item;
  size_t count;
  size_t cap;
} instants;

static sm_err add_instant(instants *list, int64_t at_ms) {
  if (list->count == list->cap) {
    size_t cap = list->cap == 0 ? 32 : list->cap * 2;
    int64_t *item = realloc(list->item, cap * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    list->cap = cap;
  }
  list->item[list->count++] = at_ms;
  return SM_OK;
}

static bson_t *by_start(size_t limit) {
  bson_t *opts = BCON_NEW("sort", "{", "_id.start", BCON_INT32(1), "}");
  if (limit < INT32_MAX) BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
  return opts;
}

/* Which have a mark. They are asked for first: one that gets its mark later is told as it was. */
static sm_err find_due(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                       size_t limit, instants *due) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_DUE,
                mg_place_filter(which->device_id, which->channel, from_ms, to_ms), by_start(limit));
  while ((doc = mg_find_next(&find)) != NULL) find.err = add_instant(due, mg_i64(doc, "_id.start"));
  return mg_find_end(&find);
}

static bool is_due(const instants *due, int64_t start_ms, size_t *at) {
  while (*at < due->count && due->item[*at] < start_ms) (*at)++;
  return *at < due->count && due->item[*at] == start_ms;
}

static sm_err add_quarter(sm_quarter_list *list, size_t *cap, const sm_quarter *q) {
  if (list->count == *cap) {
    size_t more = *cap == 0 ? 128 : *cap * 2;
    sm_quarter *item = realloc(list->item, more * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    *cap = more;
  }
  list->item[list->count++] = *q;
  return SM_OK;
}

/* Those whose document knows all readings. */
static sm_err find_made(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                        size_t limit, const instants *due, sm_quarter_list *list) {
  mg_find find;
  const bson_t *doc;
  size_t cap = 0;
  size_t at = 0;
  size_t want = limit < SIZE_MAX - due->count ? limit + due->count : limit;
  mg_find_begin(&find, conn, MG_QUARTERS,
                mg_place_filter(which->device_id, which->channel, from_ms, to_ms), by_start(want));
  while (list->count < limit && (doc = mg_find_next(&find)) != NULL) {
    const sm_quarter q = mg_take_quarter(doc);
    if (!is_due(due, q.start_ms, &at)) find.err = add_quarter(list, &cap, &q);
  }
  return mg_find_end(&find);
}

/* Those that are due, from raw: neighbours by one question. */
static sm_err make_due(mg_conn *conn, const mg_which *which, const instants *due,
                       sm_quarter_list *list) {
  sm_run all = {0};
  sm_run piece = {0};
  sm_err err = SM_OK;
  for (size_t from = 0, to; err == SM_OK && from < due->count; from = to) {
    to = from + 1;
    while (to < due->count && due->item[to] == due->item[to - 1] + SM_QUARTER_MS) to++;
    err = mg_raw(conn, which, due->item[from], due->item[to - 1] + SM_QUARTER_MS, SIZE_MAX, &piece);
    if (err == SM_OK) err = sm_run_join(&all, piece.item, piece.count);
  }
  sm_quarter *item = err == SM_OK ? malloc((all.count + 1) * sizeof *item) : NULL;
  if (err == SM_OK && item == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK)
    *list = (sm_quarter_list){.item = item, .count = sm_quarters_of(all.item, all.count, item)};
  sm_run_fini(&all);
  sm_run_fini(&piece);
  return err;
}

static sm_err merge(const sm_quarter_list *a, const sm_quarter_list *b, size_t limit,
                    sm_quarter_list *out) {
  size_t i = 0;
  size_t j = 0;
  sm_quarter *item = malloc((a->count + b->count + 1) * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  while (n < limit && (i < a->count || j < b->count)) {
    bool first = j == b->count || (i < a->count && a->item[i].start_ms < b->item[j].start_ms);
    item[n++] = first ? a->item[i++] : b->item[j++];
  }
  *out = (sm_quarter_list){.item = item, .count = n};
  return SM_OK;
}

sm_err mg_quarters(mg_conn *conn, const mg_which *which, int64_t from_ms, int64_t to_ms,
                   size_t limit, sm_quarter_list *list) {
  instants due = {0};
  sm_quarter_list made = {0};
  sm_quarter_list rest = {0};
  sm_err err = find_due(conn, which, from_ms, to_ms, limit, &due);
  if (err == SM_OK) err = find_made(conn, which, from_ms, to_ms, limit, &due, &made);
  if (err == SM_OK) err = make_due(conn, which, &due, &rest);
  if (err == SM_OK) err = merge(&made, &rest, limit, list);
  free(due.item);
  sm_quarter_list_fini(&made);
  sm_quarter_list_fini(&rest);
  return err;
}

/* ---- the contract's ---- */

sm_err mg_readings_raw(sm_readings *base, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list) {
  mg_conn conn;
  sm_run run = {0};
  const mg_which which = {.no = mg_series_no(mg_of(base), device_id, channel, NULL, NULL),
                          .device_id = device_id,
                          .channel = channel};
  sm_err err = SM_OK;
  if (which.no != 0 && limit > 0) {
    mg_take(mg_of(base)->pool, &conn);
    err = mg_raw(&conn, &which, from_ms, to_ms, limit, &run);
    mg_give(&conn);
  }
  if (err == SM_OK)
    *list = (sm_reading_list){.item = run.item, .count = run.count};
  else
    sm_run_fini(&run);
  return err;
}

sm_err mg_readings_quarters(sm_readings *base, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list) {
  mg_conn conn;
  sm_quarter_list out = {0};
  const mg_which which = {.no = mg_series_no(mg_of(base), device_id, channel, NULL, NULL),
                          .device_id = device_id,
                          .channel = channel};
  sm_err err = SM_OK;
  if (which.no != 0 && limit > 0) {
    mg_take(mg_of(base)->pool, &conn);
    err = mg_quarters(&conn, &which, from_ms, to_ms, limit, &out);
    mg_give(&conn);
  }
  if (err == SM_OK) *list = out;
  return err;
}

/* ---- the trace ---- */

typedef struct source {
  mg_conn conn;
  mg_which which;
  int64_t kept_day; /* the day that was read last; -1: none */
  sm_run kept;
} source;

static sm_err source_quarters(void *context, int64_t from_ms, int64_t to_ms,
                              sm_quarter_list *list) {
  source *s = context;
  return mg_quarters(&s->conn, &s->which, from_ms, to_ms, SIZE_MAX, list);
}

static sm_err source_day(void *context, int64_t day, const sm_run **run) {
  source *s = context;
  *run = &s->kept;
  if (s->kept_day == day) return SM_OK;
  s->kept_day = -1;
  sm_err err = mg_raw(&s->conn, &s->which, day * DAY_MS, (day + 1) * DAY_MS, SIZE_MAX, &s->kept);
  if (err == SM_OK) s->kept_day = day;
  return err;
}

/* A day's points, as many numbers each: instant, register. */
static sm_err take_course(const bson_t *doc, int64_t from_ms, int64_t to_ms, sm_run *run) {
  bson_iter_t iter;
  bson_iter_t points;
  if (!bson_iter_init_find(&iter, doc, "points") || !bson_iter_recurse(&iter, &points))
    return SM_ERR_CORRUPT;
  while (bson_iter_next(&points)) {
    bson_iter_t point;
    sm_reading r = {0};
    if (!bson_iter_recurse(&points, &point)) return SM_ERR_CORRUPT;
    while (bson_iter_next(&point)) {
      if (strcmp(bson_iter_key(&point), "ts") == 0) r.ts_ms = bson_iter_date_time(&point);
      if (strcmp(bson_iter_key(&point), "energy_wh") == 0) r.energy_wh = bson_iter_as_int64(&point);
    }
    if (r.ts_ms < from_ms || r.ts_ms >= to_ms) continue;
    sm_err err = sm_run_reserve(run, 1);
    if (err != SM_OK) return err;
    run->item[run->count++] = r;
  }
  return SM_OK;
}

static sm_err source_course(void *context, int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  source *s = context;
  sm_run run = {0};
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, &s->conn, MG_COURSE,
                mg_place_filter(s->which.device_id, s->which.channel, from_ms - DAY_MS, to_ms),
                by_start(SIZE_MAX));
  while ((doc = mg_find_next(&find)) != NULL) find.err = take_course(doc, from_ms, to_ms, &run);
  sm_err err = mg_find_end(&find);
  if (err == SM_OK)
    *list = (sm_reading_list){.item = run.item, .count = run.count};
  else
    sm_run_fini(&run);
  return err;
}

sm_err mg_readings_survey(sm_readings *base, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters) {
  const sm_trace_rule rule = {.step_limit_w = step_limit_w,
                              .edits = edits != NULL ? edits : &sm_trace_no_edits};
  source s = {.which = {.device_id = device_id, .channel = channel}, .kept_day = -1};
  sm_trace_source from = {
      .quarters = source_quarters, .day = source_day, .course = source_course, .context = &s};
  s.which.no = mg_series_no(mg_of(base), device_id, channel, &from.first_ms, &from.last_ms);
  from.there = s.which.no != 0;
  from_ms = sm_trace_near(from_ms, 0);
  mg_take(mg_of(base)->pool, &s.conn);
  sm_err err =
      sm_trace_survey(&from, from_ms, sm_trace_near(to_ms, from_ms), &rule, trace, quarters);
  mg_give(&s.conn);
  sm_run_fini(&s.kept);
  return err;
}

sm_err mg_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  return mg_readings_survey(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace,
                            NULL);
}

/* Nothing is left out: the quarters are read by one question either way. */
sm_err mg_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole) {
  (void)instant_ms;
  (void)count;
  *whole = true;
  return mg_readings_trace(store, device_id, channel, from_ms, to_ms, step_limit_w, NULL, trace);
}
