#include "api/history.h"

#include "base/order.h"
#include "billing/billing.h"

#include <stdlib.h>
#include <string.h>

enum {
  DAY_MS = 86400000,
  RAW_PAGE = 20000,    /* readings asked for at once */
  QUARTER_PAGE = 4000, /* quarters asked for at once: a month has 2,976 */
  PIECES_MAX = 400     /* in one answer: a year of minutes, 34 years of anything else */
};

/* One piece of the way: whole buckets side by side, few enough to hold. */
typedef struct piece {
  const sm_history_query *query;
  int64_t from_ms; /* what is asked for of it */
  int64_t to_ms;
  sm_bucket *bucket;
  size_t count;
  size_t at; /* the bucket that was added to last: readings come by time */
  sm_register_point *point;
  size_t point_count;
  size_t point_cap;
} piece;

static sm_err add_point(piece *p, int64_t ts_ms, int64_t wh) {
  if (p->point_count == p->point_cap) {
    size_t cap = p->point_cap == 0 ? 1024 : 2 * p->point_cap;
    sm_register_point *grown = realloc(p->point, cap * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    p->point = grown;
    p->point_cap = cap;
  }
  p->point[p->point_count++] = (sm_register_point){.ts_ms = ts_ms, .wh = wh};
  return SM_OK;
}

static sm_bucket *bucket_at(piece *p, int64_t ts_ms) {
  if (ts_ms < p->bucket[p->at].start_ms) p->at = 0;
  while (p->at + 1 < p->count && p->bucket[p->at + 1].start_ms <= ts_ms) p->at++;
  return &p->bucket[p->at];
}

/* ---- tallies of readings ---- */

/* All readings of [read_from, read_to) become points; those of [from, to) count. */
static sm_err take_raw(piece *p, int64_t read_from, int64_t read_to, int64_t from, int64_t to) {
  for (;;) {
    sm_reading_list list;
    sm_err err = sm_readings_raw(p->query->readings, p->query->device_id, SM_CHANNEL_IMPORT,
                                 read_from, read_to, RAW_PAGE, &list);
    if (err != SM_OK) return err;
    for (size_t i = 0; err == SM_OK && i < list.count; i++) {
      const sm_reading *reading = &list.item[i];
      if (reading->ts_ms >= from && reading->ts_ms < to)
        sm_bucket_add_reading(bucket_at(p, reading->ts_ms), reading);
      err = add_point(p, reading->ts_ms, reading->energy_wh);
    }
    bool last = list.count < RAW_PAGE;
    if (!last) read_from = list.item[list.count - 1].ts_ms + 1;
    sm_reading_list_fini(&list);
    if (err != SM_OK || last) return err;
  }
}

static int64_t quarter_down(int64_t at_ms) {
  int64_t rest = at_ms % SM_QUARTER_MS;
  return at_ms - (rest < 0 ? rest + SM_QUARTER_MS : rest);
}

static int64_t quarter_up(int64_t at_ms) {
  int64_t down = quarter_down(at_ms);
  return down == at_ms ? down : down + SM_QUARTER_MS;
}

static sm_err take_quarters(piece *p, int64_t from, int64_t to) {
  for (;;) {
    sm_quarter_list list;
    sm_err err = sm_readings_quarters(p->query->readings, p->query->device_id, SM_CHANNEL_IMPORT,
                                      from, to, QUARTER_PAGE, &list);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < list.count; i++)
      sm_bucket_add_quarter(bucket_at(p, list.item[i].start_ms), &list.item[i]);
    bool last = list.count < QUARTER_PAGE;
    if (!last) from = list.item[list.count - 1].start_ms + SM_QUARTER_MS;
    sm_quarter_list_fini(&list);
    if (last) return SM_OK;
  }
}

/* What was read in [from, to): whole quarters where there are any, the readings of a cut one. */
static sm_err take_span(piece *p, int64_t from, int64_t to) {
  if (p->query->agg == SM_AGG_MINUTE) return take_raw(p, from, to, from, to);
  int64_t first = quarter_up(from);
  int64_t last = quarter_down(to);
  sm_err err = SM_OK;
  if (from < first) err = take_raw(p, quarter_down(from), first, from, to);
  if (err == SM_OK && first < last) err = take_quarters(p, first, last);
  if (err == SM_OK && last < to && last >= first) err = take_raw(p, last, quarter_up(to), last, to);
  return err;
}

/* ---- use ---- */

static int by_time(const void *a, const void *b) {
  int64_t x = ((const sm_register_point *)a)->ts_ms;
  int64_t y = ((const sm_register_point *)b)->ts_ms;
  return (x > y) - (x < y);
}

/* The readings at the cuts are as they were stored: with the edits they are what the trace is. */
static sm_err edit_points(piece *p) {
  sm_register_point *edited = NULL;
  size_t count = 0;
  if (p->query->edits == NULL || p->point_count == 0) return SM_OK;
  sm_err err =
      sm_edits_apply(p->query->edits, p->point[0].ts_ms, p->point[p->point_count - 1].ts_ms + 1,
                     p->point, p->point_count, &edited, &count);
  if (err != SM_OK) return err;
  free(p->point);
  p->point = edited;
  p->point_count = p->point_cap = count;
  return SM_OK;
}

/* Judges the register around the piece: the store's trace and the readings at the cuts. */
static sm_err judge(piece *p, sm_course *course) {
  const sm_history_query *q = p->query;
  sm_trace trace;
  sm_err err = sm_readings_trace(q->readings, q->device_id, SM_CHANNEL_IMPORT, p->from_ms, p->to_ms,
                                 sm_billing_step_limit_w(q->max_power_w), q->edits, &trace);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < trace.count; i++)
    err = add_point(p, trace.point[i].ts_ms, trace.point[i].wh);
  sm_trace_fini(&trace);
  if (err != SM_OK) return err;
  if (p->point_count > 0) qsort(p->point, p->point_count, sizeof *p->point, by_time);
  err = edit_points(p);
  if (err != SM_OK) return err;
  return sm_course_init(course, p->point, p->point_count, q->modulus_wh, q->max_power_w);
}

static sm_err take_use(piece *p, const sm_course *course, int64_t from, int64_t to) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < p->count; i++) {
    int64_t begin = sm_max_i64(p->bucket[i].start_ms, from);
    int64_t end = i + 1 < p->count ? sm_min_i64(p->bucket[i + 1].start_ms, to) : to;
    if (begin < end) err = sm_bucket_add_use(&p->bucket[i], course, begin, end);
  }
  return err;
}

/* Calls `take` for every part of the piece that may be seen. */
static sm_err fill(piece *p) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < p->query->visible_count; i++) {
    int64_t from = sm_max_i64(p->from_ms, p->query->visible[i].from_ms);
    int64_t to = sm_min_i64(p->to_ms, p->query->visible[i].to_ms);
    if (from < to) err = take_span(p, from, to);
  }
  sm_course course;
  if (err == SM_OK) err = judge(p, &course);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < p->query->visible_count; i++) {
    int64_t from = sm_max_i64(p->from_ms, p->query->visible[i].from_ms);
    int64_t to = sm_min_i64(p->to_ms, p->query->visible[i].to_ms);
    if (from < to) err = take_use(p, &course, from, to);
  }
  sm_course_fini(&course);
  return err;
}

/* ---- the way through the span ---- */

/* Lays out the buckets from the one at *start_ms on and moves *start_ms behind the last. */
static sm_err lay_out(piece *p, int64_t *start_ms, int64_t to_ms) {
  const sm_history_query *q = p->query;
  int64_t longest = q->agg == SM_AGG_MINUTE ? DAY_MS : 31 * (int64_t)DAY_MS;
  int64_t begin = *start_ms;
  size_t cap = 0;
  p->from_ms = sm_max_i64(begin, q->from_ms);
  while (*start_ms < to_ms && (p->count == 0 || *start_ms - begin < longest)) {
    if (p->count == cap) {
      cap = cap == 0 ? 64 : 2 * cap;
      sm_bucket *grown = realloc(p->bucket, cap * sizeof *grown);
      if (grown == NULL) return SM_ERR_NOMEM;
      p->bucket = grown;
    }
    p->bucket[p->count++] = (sm_bucket){.start_ms = *start_ms};
    *start_ms = sm_agg_next_ms(q->agg, q->zone, *start_ms);
  }
  p->to_ms = sm_min_i64(*start_ms, to_ms);
  return SM_OK;
}

/* Moves what the piece has to say into the history, as far as the limit goes. */
static sm_err keep(sm_history *history, const piece *p) {
  size_t room = p->query->limit - history->count;
  size_t wanted = 0;
  for (size_t i = 0; i < p->count; i++)
    if (!sm_bucket_is_empty(&p->bucket[i])) wanted++;
  if (wanted == 0) return SM_OK;
  size_t taken = wanted < room ? wanted : room;
  sm_bucket *grown = realloc(history->bucket, (history->count + taken + 1) * sizeof *grown);
  if (grown == NULL) return SM_ERR_NOMEM;
  history->bucket = grown;
  for (size_t i = 0; i < p->count; i++) {
    if (sm_bucket_is_empty(&p->bucket[i])) continue;
    if (history->count == p->query->limit) {
      history->more = true;
      history->next_ms = p->bucket[i].start_ms;
      break;
    }
    history->bucket[history->count++] = p->bucket[i];
  }
  return SM_OK;
}

static sm_err do_piece(const sm_history_query *query, int64_t *start_ms, int64_t to_ms,
                       sm_history *history) {
  piece p = {.query = query};
  sm_err err = lay_out(&p, start_ms, to_ms);
  if (err == SM_OK) err = fill(&p);
  if (err == SM_OK) err = keep(history, &p);
  free(p.bucket);
  free(p.point);
  return err;
}

/* From the first to the last that is known of the meter, read by itself or by a person. */
static sm_err known_span(const sm_history_query *query, int64_t *first_ms, int64_t *last_ms) {
  int64_t first = INT64_MAX;
  sm_reading latest = {.ts_ms = INT64_MIN};
  sm_err err = sm_readings_first_ms(query->readings, query->device_id, SM_CHANNEL_IMPORT, &first);
  if (err == SM_OK)
    err = sm_readings_latest(query->readings, query->device_id, SM_CHANNEL_IMPORT, &latest);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  int64_t last = latest.ts_ms;
  for (size_t i = 0; query->edits != NULL && i < query->edits->count; i++) {
    const sm_edit *edit = &query->edits->item[i];
    if (edit->kind == SM_EDIT_VOID) continue;
    first = sm_min_i64(first, edit->ts_ms);
    last = sm_max_i64(last, edit->ts_ms);
  }
  if (first > last) return SM_ERR_NOT_FOUND;
  *first_ms = first;
  *last_ms = last;
  return SM_OK;
}

/* Narrows the query to when the register is known and the caller may see it: outside there is
 * neither reading nor use. */
static sm_err narrow(const sm_history_query *query, int64_t *from_ms, int64_t *to_ms) {
  int64_t first, last;
  if (query->visible_count == 0) return SM_ERR_NOT_FOUND;
  sm_err err = known_span(query, &first, &last);
  if (err != SM_OK) return err;
  const sm_interval *visible = query->visible;
  *from_ms = sm_max_i64(sm_max_i64(query->from_ms, first), visible[0].from_ms);
  *to_ms = sm_min_i64(sm_min_i64(query->to_ms, last + 1), visible[query->visible_count - 1].to_ms);
  return SM_OK;
}

sm_err sm_history_get(const sm_history_query *query, sm_history *history) {
  sm_history out = {0};
  sm_history_query inner = *query;
  int64_t to_ms;
  sm_err err = narrow(query, &inner.from_ms, &to_ms);
  if (err == SM_ERR_NOT_FOUND) {
    *history = out;
    return SM_OK;
  }
  if (err != SM_OK) return err;
  int64_t start_ms = sm_agg_start_ms(query->agg, query->zone, inner.from_ms);
  for (int pieces = 0; err == SM_OK && start_ms < to_ms && !out.more; pieces++) {
    if (out.count == query->limit || pieces == PIECES_MAX) {
      out.more = true;
      out.next_ms = start_ms;
    } else {
      err = do_piece(&inner, &start_ms, to_ms, &out);
    }
  }
  if (err == SM_OK)
    *history = out;
  else
    sm_history_fini(&out);
  return err;
}

void sm_history_fini(sm_history *history) {
  free(history->bucket);
  *history = (sm_history){0};
}
