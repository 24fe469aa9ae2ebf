/* The register trace: quarters where the register's course is plain, raw readings where it is not.
 * Billing judges readings one after the other (three that agree settle any doubt), so it may start
 * at any three readings that agree, and needs of a plain quarter only its ends. What people edited
 * is applied to the finished points (model/edit.h); where an edit lies nothing is plain. */
#include "store/embedded/readings_internal.h"

#include <stdlib.h>

enum { AGREEING = 3 };

/* What a trace is judged with. */
typedef struct trace_rule {
  int64_t step_limit_w;
  const sm_edits *edits;
} trace_rule;

/* No doubt inside. Its ends are looked at too: each step may be 2 Wh above the limit, for the
 * register's resolution, and many such steps together are not. */
static bool is_plain(const sm_quarter *q, const trace_rule *rule) {
  return !q->fell && q->step_max_w <= rule->step_limit_w &&
         sm_step_w(q->first, q->last) <= rule->step_limit_w &&
         !sm_edits_touch(rule->edits, q->start_ms, q->start_ms + SM_QUARTER_MS);
}

static bool joins_plainly(const sm_quarter *before, const sm_quarter *q, const trace_rule *rule) {
  return q->first.wh >= before->last.wh &&
         sm_step_w(before->last, q->first) <= rule->step_limit_w &&
         !sm_edits_touch(rule->edits, before->start_ms + SM_QUARTER_MS, q->start_ms);
}

/* Neighbouring readings that agree, over as many quarters as it takes (a meter may send one an
 * hour). */
typedef struct agreement {
  uint32_t count;  /* readings */
  sm_quarter edge; /* the quarter looked at last, if count > 0 */
} agreement;

/* Adds the quarter before (or, forward, behind) those looked at; true: enough agree. */
static bool agrees(agreement *a, const sm_quarter *q, bool forward, const trace_rule *rule) {
  if (!is_plain(q, rule)) {
    a->count = 0;
    return false;
  }
  bool joined = a->count > 0 &&
                (forward ? joins_plainly(&a->edge, q, rule) : joins_plainly(q, &a->edge, rule));
  a->count = joined ? a->count + q->count : q->count;
  a->edge = *q;
  return a->count >= AGREEING;
}

/* Where to start: three readings that agree and end at or before from_ms, looked for in ever wider
 * steps back; else the first reading. */
static sm_err find_start(reader *r, int64_t from_ms, int64_t first_ms, const trace_rule *rule,
                         int64_t *start_ms) {
  int64_t end_ms = sm_quarter_start_ms(from_ms);
  int64_t width_ms = (int64_t)16 * SM_QUARTER_MS;
  int64_t floor_ms = sm_quarter_start_ms(first_ms);
  agreement found = {.count = 0};
  while (end_ms > floor_ms) {
    int64_t begin_ms = end_ms - floor_ms > width_ms ? end_ms - width_ms : floor_ms;
    sm_quarter_list list = {0};
    sm_err err = sm_reader_quarters(r, begin_ms, end_ms, SIZE_MAX, &list);
    if (err != SM_OK) return err;
    bool enough = false;
    for (size_t i = list.count; !enough && i-- > 0;)
      enough = agrees(&found, &list.item[i], false, rule);
    sm_quarter_list_fini(&list);
    if (enough) {
      *start_ms = found.edge.start_ms;
      return SM_OK;
    }
    end_ms = begin_ms;
    width_ms *= 8;
  }
  *start_ms = floor_ms;
  return SM_OK;
}

/* Where to stop (exclusive): behind three readings that agree and begin at or after to_ms; else
 * behind the last reading. */
static sm_err find_end(reader *r, int64_t to_ms, int64_t last_ms, const trace_rule *rule,
                       int64_t *end_ms) {
  int64_t begin_ms = sm_quarter_start_ms(to_ms + SM_QUARTER_MS - 1);
  int64_t stop_ms = sm_quarter_start_ms(last_ms) + SM_QUARTER_MS;
  int64_t width_ms = (int64_t)16 * SM_QUARTER_MS;
  agreement found = {.count = 0};
  while (begin_ms < stop_ms) {
    int64_t next_ms = stop_ms - begin_ms > width_ms ? begin_ms + width_ms : stop_ms;
    sm_quarter_list list = {0};
    sm_err err = sm_reader_quarters(r, begin_ms, next_ms, SIZE_MAX, &list);
    if (err != SM_OK) return err;
    bool enough = false;
    for (size_t i = 0; !enough && i < list.count; i++)
      enough = agrees(&found, &list.item[i], true, rule);
    sm_quarter_list_fini(&list);
    if (enough) {
      *end_ms = found.edge.start_ms + SM_QUARTER_MS;
      return SM_OK;
    }
    begin_ms = next_ms;
    width_ms *= 8;
  }
  *end_ms = stop_ms > begin_ms ? stop_ms : begin_ms;
  return SM_OK;
}

/* Marks the quarters that must be given whole: those with a doubt inside or at their joint, the one
 * before, and those after until three more readings have agreed. */
static void mark_doubtful(const sm_quarter *q, size_t count, const trace_rule *rule, bool *whole) {
  uint32_t wanted = 0; /* agreeing readings still wanted */
  for (size_t i = 0; i < count; i++) {
    bool doubt_inside = !is_plain(&q[i], rule);
    bool doubt_at_joint = i > 0 && !joins_plainly(&q[i - 1], &q[i], rule);
    if (doubt_inside || doubt_at_joint) {
      whole[i] = true;
      if (i > 0) whole[i - 1] = true;
      wanted = AGREEING;
      if (!doubt_inside) wanted -= q[i].count < AGREEING ? q[i].count : AGREEING;
    } else if (wanted > 0) {
      whole[i] = true;
      wanted -= q[i].count < wanted ? q[i].count : wanted;
    }
  }
}

static sm_err put(sm_trace *trace, size_t *cap, sm_register_point point) {
  if (trace->count == *cap) {
    size_t more = *cap < 64 ? 64 : *cap * 2;
    sm_register_point *list = realloc(trace->point, more * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    trace->point = list;
    *cap = more;
  }
  trace->point[trace->count++] = point;
  return SM_OK;
}

/* The ends of a plain quarter, or of one whose readings were dropped and whose course was not worth
 * keeping; the last one knows the longest gap between those left out. */
static sm_err put_ends(const sm_quarter *q, sm_trace *trace, size_t *cap) {
  sm_err err = put(trace, cap, q->first);
  if (err != SM_OK || q->count < 2) return err;
  sm_register_point last = q->last;
  last.gap_ms = q->count > 2 ? q->gap_max_ms : 0;
  return put(trace, cap, last);
}

static sm_err put_whole(reader *r, const sm_quarter *q, sm_trace *trace, size_t *cap) {
  sm_reading_list raw = {0};
  sm_err err = sm_reader_course(r, q->start_ms, q->start_ms + SM_QUARTER_MS, &raw);
  if (err == SM_OK && raw.count == 0) return put_ends(q, trace, cap);
  for (size_t i = 0; err == SM_OK && i < raw.count; i++)
    err = put(trace, cap,
              (sm_register_point){.ts_ms = raw.item[i].ts_ms, .wh = raw.item[i].energy_wh});
  sm_reading_list_fini(&raw);
  return err;
}

static sm_err put_quarters(reader *r, const sm_quarter_list *list, const trace_rule *rule,
                           sm_trace *trace) {
  bool *whole = calloc(list->count + 1, sizeof *whole);
  if (whole == NULL) return SM_ERR_NOMEM;
  mark_doubtful(list->item, list->count, rule, whole);
  size_t cap = 0;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < list->count; i++) {
    const sm_quarter *q = &list->item[i];
    if (whole[i]) {
      err = put_whole(r, q, trace, &cap);
      continue;
    }
    err = put_ends(q, trace, &cap);
  }
  free(whole);
  return err;
}

/* The readings of the trace, before any edit. An end that nothing was found beyond is open. */
static sm_err trace_readings(reader *r, int64_t *from_ms, int64_t *to_ms, int64_t last_ms,
                             const trace_rule *rule, sm_trace *trace) {
  int64_t first_ms;
  sm_err err = sm_reader_first_ms(r, &first_ms);
  if (err == SM_ERR_NOT_FOUND) {
    *from_ms = INT64_MIN;
    *to_ms = INT64_MAX;
    return SM_OK;
  }
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  if (err == SM_OK) err = find_start(r, *from_ms, first_ms, rule, &start_ms);
  if (err == SM_OK) err = find_end(r, *to_ms, last_ms, rule, &end_ms);
  sm_quarter_list list = {0};
  if (err == SM_OK) err = sm_reader_quarters(r, start_ms, end_ms, SIZE_MAX, &list);
  if (err == SM_OK) err = put_quarters(r, &list, rule, trace);
  sm_quarter_list_fini(&list);
  *from_ms = start_ms <= first_ms ? INT64_MIN : start_ms;
  *to_ms = end_ms > last_ms ? INT64_MAX : end_ms;
  return err;
}

static sm_err trace_all(reader *r, int64_t from_ms, int64_t to_ms, int64_t last_ms,
                        const trace_rule *rule, sm_trace *trace) {
  sm_trace raw = {0};
  sm_trace out = {0};
  sm_err err = trace_readings(r, &from_ms, &to_ms, last_ms, rule, &raw);
  if (err == SM_OK)
    err = sm_edits_apply(rule->edits, from_ms, to_ms, raw.point, raw.count, &out.point, &out.count);
  sm_trace_fini(&raw);
  if (err != SM_OK) return err;
  out.from_beginning = out.count > 0 && from_ms == INT64_MIN;
  *trace = out;
  return SM_OK;
}

sm_err sm_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  static const sm_edits none = {0};
  const trace_rule rule = {.step_limit_w = step_limit_w, .edits = edits != NULL ? edits : &none};
  /* Far edges ("open" is INT64_MIN or MAX) are brought near enough to compute with. */
  const int64_t far_ms = (int64_t)1 << 50;
  if (from_ms < 0) from_ms = 0;
  if (from_ms > far_ms) from_ms = far_ms;
  if (to_ms < from_ms) to_ms = from_ms;
  if (to_ms > far_ms) to_ms = far_ms;
  reader r;
  sm_reading last = {0};
  sm_err err = sm_reader_begin(store, device_id, channel, INT64_MIN, INT64_MAX, &r);
  if (err != SM_OK) return err;
  /* What was stored since the snapshot may make this later than its last reading: no harm. */
  if (sm_readings_latest(store, device_id, channel, &last) != SM_OK) last.ts_ms = 0;
  err = trace_all(&r, from_ms, to_ms, last.ts_ms, &rule, trace);
  sm_reader_end(&r);
  return err;
}
