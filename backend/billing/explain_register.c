/* Meters: what each edge's register was taken from. */
#include "billing/explain_internal.h"

#include <string.h>

/* The last point of a register that goes on by the average is none of the meter's. */
static bool is_average(const sm_measure *measure, const sm_register_point *point) {
  const sm_course *course = &measure->course;
  return measure->extended && point == &course->point[course->point_count - 1];
}

static void write_point(sm_explainer *x, const char *key, const sm_measure *measure,
                        const sm_register_point *point) {
  const sm_course *course = &measure->course;
  if (point == NULL) return;
  sm_jsonw_key(x->w, key);
  sm_jsonw_object(x->w);
  sm_explain_time(x, "at", point->ts_ms);
  sm_jsonw_key_decimal(x->w, "kwh", point->wh, 3);
  if (point->wh > course->modulus_wh) {
    x->named[SM_RULE_REGISTER_UNROLLED] = true;
    sm_jsonw_key_decimal(x->w, "shown_kwh", (point->wh - 1) % course->modulus_wh + 1, 3);
  }
  if (is_average(measure, point)) sm_explain_rule(x, SM_RULE_REGISTER_AVERAGE);
  sm_jsonw_object_end(x->w);
}

/* ---- one edge ---- */
typedef struct edge {
  const sm_measure *measure;
  size_t stretch;
  int64_t at_ms;
  const sm_register_point *before;
  const sm_register_point *after;
  int64_t wh; /* unrolled */
} edge;

/* The point that a reset begins with is none of the meter's: zero at the last good reading. */
static bool counts_from_zero(const edge *e) {
  const sm_course *course = &e->measure->course;
  const sm_register_point *first = &course->point[course->stretch[e->stretch].first];
  if (e->before != first || first->wh != 0) return false;
  for (size_t i = 0; i < course->event_count; i++)
    if (course->event[i].kind == SM_EVENT_RESET && !course->event[i].stated &&
        course->event[i].last_good_ms == first->ts_ms)
      return true;
  return false;
}

static sm_rule edge_rule(const edge *e) {
  if (e->before == NULL) return SM_RULE_REGISTER_BEFORE_FIRST;
  if (is_average(e->measure, e->before)) return SM_RULE_REGISTER_AVERAGE;
  if (e->before->ts_ms == e->at_ms)
    return counts_from_zero(e) ? SM_RULE_REGISTER_FROM_ZERO : SM_RULE_REGISTER_READ;
  return e->after == NULL ? SM_RULE_REGISTER_AFTER_LAST : SM_RULE_REGISTER_BETWEEN;
}

/* How a register that goes on by the average came to its last value. */
static void write_average(sm_explainer *x, const edge *e) {
  const sm_register_point *last = e->before - 1; /* the meter's own */
  write_point(x, "last", e->measure, last);
  sm_jsonw_key_decimal(x->w, "average_day_kwh", x->c->input->average_wh_per_day, 3);
}

static void say_edge(sm_explainer *x, const edge *e) {
  if (e->before == NULL || e->after == NULL) {
    sm_explain_text(x, "%s kWh", sm_figure_kwh(e->wh).text);
    return;
  }
  char passed[SM_DECIMAL_TEXT_MAX], whole[SM_DECIMAL_TEXT_MAX];
  sm_explain_text(x, "%s + (%s - %s) × %s s / %s s = %s kWh", sm_figure_kwh(e->before->wh).text,
                  sm_figure_kwh(e->after->wh).text, sm_figure_kwh(e->before->wh).text,
                  sm_decimal_format(e->at_ms - e->before->ts_ms, 3, 0, passed),
                  sm_decimal_format(e->after->ts_ms - e->before->ts_ms, 3, 0, whole),
                  sm_figure_kwh(e->wh).text);
}

void sm_explain_edge(sm_explainer *x, const sm_measure *measure, size_t stretch, int64_t at_ms) {
  const sm_course *course = &measure->course;
  edge e = {.measure = measure,
            .stretch = stretch,
            .at_ms = at_ms,
            .wh = sm_course_at(course, stretch, at_ms)};
  int64_t counted;
  sm_course_around_in(course, stretch, at_ms, &e.before, &e.after);
  sm_jsonw_object(x->w);
  sm_explain_time(x, "at", at_ms);
  sm_jsonw_key_decimal(x->w, "kwh", e.wh, 3);
  if (sm_register_scale(e.wh, measure->meter->multiplier_milli, &counted) == SM_OK)
    sm_jsonw_key_decimal(x->w, "counted_kwh", counted, 3);
  sm_explain_rule(x, edge_rule(&e));
  say_edge(x, &e);
  write_point(x, "before", measure, e.before);
  write_point(x, "after", measure, e.after);
  if (edge_rule(&e) == SM_RULE_REGISTER_AVERAGE) write_average(x, &e);
  sm_jsonw_object_end(x->w);
}

/* ---- stretches ---- */
/* Until when a meter is looked at: of one that still serves in the running month, the last reading.
 */
static int64_t seen_until(const sm_explainer *x, const sm_measure *measure) {
  bool open = x->c->bill->running && measure->to_ms == x->c->to_ms;
  return open && x->c->bill->to_ms < measure->to_ms ? x->c->bill->to_ms : measure->to_ms;
}

static void write_stretch(sm_explainer *x, const sm_measure *measure, size_t stretch,
                          int64_t until_ms) {
  const sm_course *course = &measure->course;
  int64_t from_ms = sm_stretch_from_ms(course, stretch);
  int64_t to_ms = sm_stretch_to_ms(course, stretch);
  if (from_ms < measure->from_ms || stretch == 0) from_ms = measure->from_ms;
  if (to_ms > until_ms || stretch + 1 == course->stretch_count) to_ms = until_ms;
  if (from_ms > to_ms) return;
  sm_jsonw_object(x->w);
  sm_jsonw_key(x->w, "edges");
  sm_jsonw_array(x->w);
  sm_explain_edge(x, measure, stretch, from_ms);
  for (size_t i = 0; i + 1 < x->c->segment_count; i++)
    if (x->c->cut_ms[i] > from_ms && x->c->cut_ms[i] < to_ms)
      sm_explain_edge(x, measure, stretch, x->c->cut_ms[i]);
  if (to_ms > from_ms) sm_explain_edge(x, measure, stretch, to_ms);
  sm_jsonw_array_end(x->w);
  sm_jsonw_object_end(x->w);
}

/* ---- what else was judged ---- */
static void write_events(sm_explainer *x, const sm_measure *measure) {
  static const sm_rule rule[] = {[SM_EVENT_RESET] = SM_RULE_EVENT_RESET,
                                 [SM_EVENT_ROLLOVER] = SM_RULE_EVENT_ROLLOVER,
                                 [SM_EVENT_JUMP] = SM_RULE_EVENT_JUMP};
  sm_jsonw_key(x->w, "events");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < measure->course.event_count; i++) {
    const sm_register_event *event = &measure->course.event[i];
    if (event->at_ms <= measure->from_ms || event->last_good_ms >= measure->to_ms) continue;
    sm_jsonw_object(x->w);
    sm_jsonw_key_text(x->w, "kind", sm_event_kind_name(event->kind));
    sm_explain_time(x, "last_good_at", event->last_good_ms);
    sm_jsonw_key_decimal(x->w, "before_kwh", event->before_wh, 3);
    sm_explain_time(x, "at", event->at_ms);
    sm_jsonw_key_decimal(x->w, "after_kwh", event->after_wh, 3);
    sm_explain_rule(x, rule[event->kind]);
    sm_jsonw_object_end(x->w);
  }
  sm_jsonw_array_end(x->w);
}

/* The first of an instant stands, and is the one that was judged. */
static const sm_register_point *point_at(const sm_billing_meter *meter, int64_t ts_ms) {
  size_t low = 0;
  size_t high = meter->point_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (meter->point[middle].ts_ms < ts_ms)
      low = middle + 1;
    else
      high = middle;
  }
  return low < meter->point_count && meter->point[low].ts_ms == ts_ms ? &meter->point[low] : NULL;
}

static void write_suspects(sm_explainer *x, const sm_measure *measure) {
  sm_jsonw_key(x->w, "suspects");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < measure->course.suspect_count; i++) {
    int64_t at_ms = measure->course.suspect_ms[i];
    const sm_register_point *point = point_at(measure->meter, at_ms);
    if (at_ms < measure->from_ms || at_ms >= measure->to_ms || point == NULL) continue;
    sm_jsonw_object(x->w);
    sm_explain_time(x, "at", at_ms);
    sm_jsonw_key_decimal(x->w, "kwh", point->wh, 3);
    sm_explain_rule(x, SM_RULE_SUSPECT);
    sm_jsonw_object_end(x->w);
  }
  sm_jsonw_array_end(x->w);
}

static void write_meter(sm_explainer *x, const sm_measure *measure) {
  const sm_billing_meter *meter = measure->meter;
  int64_t until_ms = seen_until(x, measure);
  sm_jsonw_object(x->w);
  sm_jsonw_key_text(x->w, "device_id", meter->device_id);
  sm_explain_time(x, "from", measure->from_ms);
  sm_explain_time(x, "to", measure->to_ms);
  sm_jsonw_key_int(x->w, "sign", meter->sign);
  sm_jsonw_key_decimal(x->w, "multiplier", meter->multiplier_milli, 3);
  sm_jsonw_key_decimal(x->w, "modulus_kwh", meter->modulus_wh, 3);
  sm_jsonw_key_decimal(x->w, "max_power_kw", meter->max_power_w, 3);
  sm_explain_rule(x, SM_RULE_REGISTER_MULTIPLIER);
  sm_jsonw_key(x->w, "stretches");
  sm_jsonw_array(x->w);
  for (size_t s = 0; sm_measure_shows(measure) && s < measure->course.stretch_count; s++)
    if (sm_stretch_from_ms(&measure->course, s) <= until_ms) write_stretch(x, measure, s, until_ms);
  sm_jsonw_array_end(x->w);
  write_events(x, measure);
  write_suspects(x, measure);
  sm_jsonw_object_end(x->w);
}

void sm_explain_meters(sm_explainer *x) {
  sm_jsonw_key(x->w, "meters");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < x->c->measures->count; i++)
    if (x->c->measures->item[i].from_ms < x->c->measures->item[i].to_ms)
      write_meter(x, &x->c->measures->item[i]);
  sm_jsonw_array_end(x->w);
}
