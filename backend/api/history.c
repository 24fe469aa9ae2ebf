#include "api/history.h"

#include "base/order.h"
#include "billing/billing.h"

#include <stdlib.h>
#include <string.h>

enum {
  DAY_MS = 86400000,
  RAW_PAGE = 20000, /* readings asked for at once */
  PIECES_MAX = 400  /* in one answer: a year of minutes, 34 years of anything else */
};

/* One piece of the way: whole buckets side by side, few enough to hold. */
typedef struct piece {
  const sm_history_query *query;
  int64_t from_ms; /* what is asked for of it */
  int64_t to_ms;
  sm_bucket *bucket;
  size_t count;
  size_t at; /* the bucket that was added to last: readings come by time */
  sm_trace trace;
  sm_quarter_list quarters;
  sm_register_point *point; /* readings around cuts that the trace may lack, by time */
  size_t point_count;
  size_t point_cap;
} piece;

/* Two parts that may be seen can lie in one quarter, which then comes twice. */
static sm_err add_point(piece *p, int64_t ts_ms, int64_t wh) {
  if (p->point_count > 0 && ts_ms <= p->point[p->point_count - 1].ts_ms) return SM_OK;
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
    sm_err err = sm_readings_brief(p->query->readings, p->query->device_id, SM_CHANNEL_IMPORT,
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

/* What was read in [from, to) of one quarter. It is as it is unless the cut lies among its
 * readings: then these are told apart, and are points around the cut. */
static sm_err take_quarter(piece *p, const sm_quarter *quarter, int64_t from, int64_t to) {
  if (quarter->last.ts_ms < from || quarter->first.ts_ms >= to) return SM_OK;
  if (quarter->first.ts_ms < from || quarter->last.ts_ms >= to)
    return take_raw(p, quarter->start_ms, quarter->start_ms + SM_QUARTER_MS, from, to);
  sm_bucket_add_quarter(bucket_at(p, quarter->first.ts_ms), quarter);
  return SM_OK;
}

static sm_err take_span(piece *p, int64_t from, int64_t to) {
  if (p->query->agg == SM_AGG_MINUTE) return take_raw(p, from, to, from, to);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < p->quarters.count; i++)
    err = take_quarter(p, &p->quarters.item[i], from, to);
  return err;
}

/* ---- use ---- */

/* The trace and the points at the cuts, by time: *joined is heap memory of the caller. */
static sm_err join_points(const piece *p, sm_register_point **joined, size_t *count) {
  const sm_register_point *a = p->point;
  const sm_register_point *b = p->trace.point;
  const sm_register_point *a_end = a + p->point_count;
  const sm_register_point *b_end = b + p->trace.count;
  sm_register_point *out = calloc(p->point_count + p->trace.count, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  while (a < a_end && b < b_end) out[n++] = a->ts_ms < b->ts_ms ? *a++ : *b++;
  while (a < a_end) out[n++] = *a++;
  while (b < b_end) out[n++] = *b++;
  *joined = out;
  *count = n;
  return SM_OK;
}

/* The readings at the cuts are as they were stored: with the edits they are what the trace is. */
static sm_err edit_points(const sm_edits *edits, sm_register_point **point, size_t *count) {
  sm_register_point *edited = NULL;
  size_t left = 0;
  if (edits == NULL || edits->count == 0) return SM_OK;
  sm_err err = sm_edits_apply(edits, (*point)[0].ts_ms, (*point)[*count - 1].ts_ms + 1, *point,
                              *count, &edited, &left);
  if (err != SM_OK) return err;
  free(*point);
  *point = edited;
  *count = left;
  return SM_OK;
}

/* Judges the register around the piece: the store's trace, and the readings at the cuts. */
static sm_err judge(const piece *p, sm_course *course) {
  const sm_history_query *q = p->query;
  if (p->point_count == 0)
    return sm_course_init(course, p->trace.point, p->trace.count, q->modulus_wh, q->max_power_w);
  sm_register_point *point = NULL;
  size_t count = 0;
  sm_err err = join_points(p, &point, &count);
  if (err == SM_OK) err = edit_points(q->edits, &point, &count);
  if (err == SM_OK) err = sm_course_init(course, point, count, q->modulus_wh, q->max_power_w);
  free(point);
  return err;
}

/* Each edge is the end of one bucket and the start of the next: it is worked out once. */
static sm_err take_use(piece *p, const sm_course *course, int64_t from, int64_t to) {
  int64_t opening = 0;
  int64_t closing = 0;
  sm_err err = sm_course_total(course, 1000, from, &opening);
  for (size_t i = 0; err == SM_OK && i < p->count && p->bucket[i].start_ms < to; i++) {
    int64_t end = i + 1 < p->count ? sm_min_i64(p->bucket[i + 1].start_ms, to) : to;
    if (end <= from) continue;
    err = sm_course_total(course, 1000, end, &closing);
    if (err == SM_OK) err = sm_bucket_add_use(&p->bucket[i], opening, closing);
    opening = closing;
  }
  return err;
}

/* The trace, and the quarters where whole ones can be used. */
static sm_err look(piece *p) {
  const sm_history_query *q = p->query;
  sm_quarter_list *quarters = q->agg == SM_AGG_MINUTE ? NULL : &p->quarters;
  return sm_readings_survey(q->readings, q->device_id, SM_CHANNEL_IMPORT, p->from_ms, p->to_ms,
                            sm_billing_step_limit_w(q->max_power_w), q->edits, &p->trace, quarters);
}

/* The part of the piece that lies in what may be seen; false: none. */
static bool visible_part(const piece *p, size_t i, int64_t *from, int64_t *to) {
  *from = sm_max_i64(p->from_ms, p->query->visible[i].from_ms);
  *to = sm_min_i64(p->to_ms, p->query->visible[i].to_ms);
  return *from < *to;
}

static sm_err fill(piece *p) {
  int64_t from, to;
  sm_course course;
  sm_err err = look(p);
  for (size_t i = 0; err == SM_OK && i < p->query->visible_count; i++)
    if (visible_part(p, i, &from, &to)) err = take_span(p, from, to);
  if (err == SM_OK) err = judge(p, &course);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < p->query->visible_count; i++)
    if (visible_part(p, i, &from, &to)) err = take_use(p, &course, from, to);
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

/* Moves what the piece has to say into the history, as far as the limit goes: the first one's
 * memory becomes the history's. */
static sm_err keep(sm_history *history, piece *p) {
  size_t count = 0;
  for (size_t i = 0; i < p->count; i++)
    if (!sm_bucket_is_empty(&p->bucket[i])) p->bucket[count++] = p->bucket[i];
  size_t room = p->query->limit - history->count;
  if (count > room) {
    history->more = true;
    history->next_ms = p->bucket[room].start_ms;
    count = room;
  }
  if (history->bucket == NULL) {
    history->bucket = p->bucket;
    p->bucket = NULL;
  } else if (count > 0) {
    sm_bucket *grown = realloc(history->bucket, (history->count + count) * sizeof *grown);
    if (grown == NULL) return SM_ERR_NOMEM;
    history->bucket = grown;
    memcpy(grown + history->count, p->bucket, count * sizeof *grown);
  }
  history->count += count;
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
  sm_trace_fini(&p.trace);
  sm_quarter_list_fini(&p.quarters);
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
