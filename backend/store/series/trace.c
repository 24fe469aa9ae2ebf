/* The register trace: quarters where the register's course is plain, raw readings where it is not.
 * Billing judges readings one after the other (three that agree settle any doubt), so it may start
 * at any three readings that agree, and needs of a plain quarter only its ends. What people edited
 * is applied to the finished points (model/edit.h); where an edit lies nothing is plain. */
#include "store/series/trace.h"

#include "base/order.h"
#include "store/series/quarter.h"

#include <stdlib.h>

#define DAY_MS ((int64_t)86400000)

enum {
  AGREEING = 3,
  /* Above it no outline is made: up to it a step of a day is far from what cannot be computed with.
   */
  OUTLINE_W_MAX = 10000000
};

/* No doubt inside. Its ends are looked at too: each step may be 2 Wh above the limit, for the
 * register's resolution, and many such steps together are not. */
static bool is_plain(const sm_quarter *q, const sm_trace_rule *rule) {
  return !q->fell && q->step_max_w <= rule->step_limit_w &&
         sm_step_within(q->first, q->last, rule->step_limit_w) &&
         !sm_edits_touch(rule->edits, q->start_ms, q->start_ms + SM_QUARTER_MS);
}

static bool joins_plainly(const sm_quarter *before, const sm_quarter *q,
                          const sm_trace_rule *rule) {
  return q->first.wh >= before->last.wh &&
         sm_step_within(before->last, q->first, rule->step_limit_w) &&
         !sm_edits_touch(rule->edits, before->start_ms + SM_QUARTER_MS, q->start_ms);
}

/* Neighbouring readings that agree, over as many quarters as it takes (a meter may send one an
 * hour). */
typedef struct agreement {
  uint32_t count;  /* readings */
  sm_quarter edge; /* the quarter looked at last, if count > 0 */
} agreement;

/* Adds the quarter before (or, forward, behind) those looked at; true: enough agree. */
static bool agrees(agreement *a, const sm_quarter *q, bool forward, const sm_trace_rule *rule) {
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

/* ---- where it begins and ends ---- */

/* Where to start: three readings that agree and end at or before from_ms, looked for in ever wider
 * steps back; else the first reading. */
static sm_err find_start(sm_quarter_span *s, int64_t from_ms, const sm_trace_rule *rule,
                         int64_t *start_ms) {
  agreement found = {.count = 0};
  size_t left = sm_span_find(s, sm_quarter_start_ms(from_ms));
  for (int64_t width_ms = (int64_t)8 * SPAN_STEP_MS;; width_ms *= 8) {
    while (left > 0) {
      if (!agrees(&found, &s->list.item[--left], false, rule)) continue;
      *start_ms = found.edge.start_ms;
      return SM_OK;
    }
    if (s->from_ms <= s->floor_ms) break;
    sm_err err = sm_span_back(s, width_ms, &left);
    if (err != SM_OK) return err;
  }
  *start_ms = s->floor_ms;
  return SM_OK;
}

/* Where to stop (exclusive): behind three readings that agree and begin at or after to_ms; else
 * behind the last reading. */
static sm_err find_end(sm_quarter_span *s, int64_t to_ms, const sm_trace_rule *rule,
                       int64_t *end_ms) {
  agreement found = {.count = 0};
  int64_t begin_ms = sm_quarter_start_ms(to_ms + SM_QUARTER_MS - 1);
  size_t at = sm_span_find(s, begin_ms);
  for (int64_t width_ms = (int64_t)8 * SPAN_STEP_MS;; width_ms *= 8) {
    while (at < s->list.count) {
      if (!agrees(&found, &s->list.item[at++], true, rule)) continue;
      *end_ms = found.edge.start_ms + SM_QUARTER_MS;
      return SM_OK;
    }
    if (s->to_ms >= s->stop_ms) break;
    sm_err err = sm_span_on(s, width_ms);
    if (err != SM_OK) return err;
  }
  *end_ms = sm_max_i64(s->stop_ms, begin_ms);
  return SM_OK;
}

/* ---- its points ---- */

/* Marks the quarters that must be given whole: those with a doubt inside or at their joint, the one
 * before, and those after until three more readings have agreed. False: there are none. */
static bool mark_doubtful(const sm_quarter *q, size_t count, const sm_trace_rule *rule,
                          bool *whole) {
  uint32_t wanted = 0; /* agreeing readings still wanted */
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    bool doubt_inside = !is_plain(&q[i], rule);
    bool doubt_at_joint = i > 0 && !joins_plainly(&q[i - 1], &q[i], rule);
    if (doubt_inside || doubt_at_joint) {
      any = whole[i] = true;
      if (i > 0) whole[i - 1] = true;
      wanted = AGREEING;
      if (!doubt_inside) wanted -= q[i].count < AGREEING ? q[i].count : AGREEING;
    } else if (wanted > 0) {
      whole[i] = true;
      wanted -= q[i].count < wanted ? q[i].count : wanted;
    }
  }
  return any;
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

static sm_err put_readings(const sm_reading *reading, size_t count, sm_trace *trace, size_t *cap) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err =
        put(trace, cap, (sm_register_point){.ts_ms = reading[i].ts_ms, .wh = reading[i].energy_wh});
  return err;
}

/* Doubtful quarters are neighbours: their day is decoded once. */
static sm_err put_whole(const sm_trace_source *r, const sm_quarter *q, sm_trace *trace,
                        size_t *cap) {
  const int64_t end_ms = q->start_ms + SM_QUARTER_MS;
  const sm_run *day;
  sm_err err = r->day(r->context, q->start_ms / DAY_MS, &day);
  if (err != SM_OK) return err;
  size_t first = sm_run_find(day, q->start_ms);
  size_t end = sm_run_find(day, end_ms);
  if (end > first) return put_readings(day->item + first, end - first, trace, cap);
  sm_reading_list kept = {0};
  err = r->course(r->context, q->start_ms, end_ms, &kept);
  if (err != SM_OK) return err;
  err = kept.count > 0 ? put_readings(kept.item, kept.count, trace, cap) : put_ends(q, trace, cap);
  sm_reading_list_fini(&kept);
  return err;
}

/* Where days were left out (`outlined`) nothing may be in doubt: then *outlined is false after it,
 * and there is no trace. */
static sm_err put_quarters(const sm_trace_source *r, const sm_quarter *quarter, size_t count,
                           const sm_trace_rule *rule, bool *outlined, sm_trace *trace) {
  bool *whole = calloc(count + 1, sizeof *whole);
  if (whole == NULL) return SM_ERR_NOMEM;
  if (mark_doubtful(quarter, count, rule, whole) && *outlined) {
    *outlined = false;
    free(whole);
    return SM_OK;
  }
  size_t cap = 2 * count; /* the ends; more is wanted only in doubt */
  trace->point = malloc((cap + 1) * sizeof *trace->point);
  sm_err err = trace->point == NULL ? SM_ERR_NOMEM : SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = whole[i] ? put_whole(r, &quarter[i], trace, &cap) : put_ends(&quarter[i], trace, &cap);
  free(whole);
  return err;
}

/* The readings of the trace, before any edit. An end that nothing was found beyond is open. */
sm_err sm_trace_readings(sm_quarter_span *s, int64_t *from_ms, int64_t *to_ms,
                         const sm_trace_rule *rule, bool *outlined, sm_trace *trace) {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  sm_err err = find_start(s, *from_ms, rule, &start_ms);
  if (err == SM_OK) err = find_end(s, *to_ms, rule, &end_ms);
  if (err != SM_OK) return err;
  size_t first = sm_span_find(s, start_ms);
  size_t end = sm_span_find(s, end_ms);
  *from_ms = start_ms <= s->r->first_ms ? INT64_MIN : start_ms;
  *to_ms = end_ms > s->r->last_ms ? INT64_MAX : end_ms;
  if (first == end) return SM_OK;
  return put_quarters(s->r, s->list.item + first, end - first, rule, outlined, trace);
}

/* What was edited comes in; nothing to do is the rule. */
static sm_err apply_edits(sm_trace *trace, int64_t from_ms, int64_t to_ms, const sm_edits *edits) {
  sm_trace out = {0};
  if (edits->count == 0) return SM_OK;
  sm_err err =
      sm_edits_apply(edits, from_ms, to_ms, trace->point, trace->count, &out.point, &out.count);
  if (err != SM_OK) return err;
  sm_trace_fini(trace);
  *trace = out;
  return SM_OK;
}

sm_err sm_trace_survey(const sm_trace_source *r, int64_t from_ms, int64_t to_ms,
                       const sm_trace_rule *rule, sm_trace *trace, sm_quarter_list *quarters) {
  int64_t begin_ms = r->there ? from_ms : INT64_MIN;
  int64_t end_ms = r->there ? to_ms : INT64_MAX;
  bool outlined = false;
  sm_trace out = {0};
  sm_quarter_span s;
  sm_err err = sm_span_init(&s, r, from_ms, to_ms);
  if (err != SM_OK) return err;
  if (r->there) err = sm_trace_readings(&s, &begin_ms, &end_ms, rule, &outlined, &out);
  if (err == SM_OK) err = apply_edits(&out, begin_ms, end_ms, rule->edits);
  if (err == SM_OK) {
    out.from_beginning = out.count > 0 && begin_ms == INT64_MIN;
    *trace = out;
    if (quarters != NULL) sm_span_take(&s, from_ms, to_ms, quarters);
  } else {
    sm_trace_fini(&out);
  }
  sm_span_fini(&s);
  return err;
}

/* ---- the outline of a trace ---- */

/* The days between those that its ends are looked for in; none where it has to be given whole. */
static sm_outline_days days_between(const sm_trace_source *r, int64_t from_ms, int64_t to_ms,
                                    const sm_outline_ask *ask) {
  sm_outline_days days = {.ask = *ask};
  if (!r->there || ask->step_limit_w <= 0 || ask->step_limit_w > OUTLINE_W_MAX) return days;
  from_ms = sm_max_i64(from_ms, r->first_ms);
  to_ms = sm_min_i64(to_ms, r->last_ms);
  if (from_ms < 0 || from_ms >= to_ms) return days;
  days.from_day = from_ms / DAY_MS + 1;
  days.to_day = to_ms / DAY_MS;
  return days;
}

/* *outlined false: something is in doubt, so it was not done. */
static sm_err outline(const sm_trace_source *r, int64_t from_ms, int64_t to_ms,
                      const sm_trace_rule *rule, sm_outline_days *days, bool *outlined,
                      sm_trace *trace) {
  sm_trace out = {0};
  sm_quarter_span s;
  int64_t begin_ms = from_ms;
  *r->outline = days;
  sm_err err = sm_span_init(&s, r, from_ms, to_ms);
  *r->outline = NULL;
  if (err != SM_OK) return err;
  *outlined = !days->doubtful;
  if (*outlined) err = sm_trace_readings(&s, &begin_ms, &to_ms, rule, outlined, &out);
  out.from_beginning = out.count > 0 && begin_ms == INT64_MIN;
  if (err == SM_OK)
    *trace = out;
  else
    sm_trace_fini(&out);
  sm_span_fini(&s);
  return err;
}

sm_err sm_trace_outline(const sm_trace_source *r, int64_t from_ms, int64_t to_ms,
                        const sm_outline_ask *ask, sm_trace *trace, bool *whole) {
  const sm_trace_rule rule = {.step_limit_w = ask->step_limit_w, .edits = &sm_trace_no_edits};
  bool outlined = false;
  sm_err err = SM_OK;
  sm_outline_days days = days_between(r, from_ms, to_ms, ask);
  if (days.from_day < days.to_day) err = outline(r, from_ms, to_ms, &rule, &days, &outlined, trace);
  if (err == SM_OK && !outlined) err = sm_trace_survey(r, from_ms, to_ms, &rule, trace, NULL);
  *whole = !outlined;
  return err;
}

const sm_edits sm_trace_no_edits = {0};

int64_t sm_trace_near(int64_t at_ms, int64_t least_ms) {
  const int64_t far_ms = (int64_t)1 << 50;
  return sm_min_i64(sm_max_i64(at_ms, least_ms), far_ms);
}
