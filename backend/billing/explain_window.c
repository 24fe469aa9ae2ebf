/* Time-of-day windows and demand: when each was measured, and from what. */
#include "billing/explain_internal.h"

#include "base/order.h"

#include <stdlib.h>

/* ---- time of day ---- */
/* The times of one window; all windows are measured at once and one is written. */
typedef struct listing {
  sm_explainer *x;
  size_t window;
} listing;

static void write_time(void *context, const sm_window_time *time) {
  const listing *l = context;
  sm_explainer *x = l->x;
  if (time->window != l->window) return;
  sm_jsonw_object(x->w);
  sm_jsonw_key_text(x->w, "device_id", time->meter->device_id);
  sm_explain_time(x, "from", time->from_ms);
  sm_explain_time(x, "to", time->to_ms);
  sm_jsonw_key_decimal(x->w, "counted_from_kwh", time->opening_wh, 3);
  sm_jsonw_key_decimal(x->w, "counted_to_kwh", time->closing_wh, 3);
  sm_jsonw_key_decimal(x->w, "untimed_kwh", time->untimed_wh, 3);
  sm_jsonw_object_end(x->w);
}

/* Measured again by what measured it for the bill, with the same words: the same result. */
static sm_err write_times(sm_explainer *x, size_t i, size_t window) {
  const sm_computed *c = x->c;
  const sm_price_segment *segment = &c->segment[i];
  listing l = {.x = x, .window = window};
  size_t first = sm_calendar_index(c->calendar, sm_zone_date(c->input->zone, segment->from_ms));
  size_t end = first;
  while (c->calendar->start_ms[end] < segment->to_ms) end++;
  sm_window_use *use = calloc(segment->tariff->window_count, sizeof *use);
  if (use == NULL) return SM_ERR_NOMEM;
  sm_err err =
      sm_windows_measure_seen(c->measures, c->calendar, segment->tariff, first, end,
                              sm_min_i64(segment->to_ms, c->bill->to_ms), write_time, &l, use);
  free(use);
  return err;
}

sm_err sm_explain_windows(sm_explainer *x, size_t i) {
  const sm_price_segment *segment = &x->c->segment[i];
  sm_err err = SM_OK;
  if (segment->tariff->window_count == 0) return SM_OK;
  sm_jsonw_key(x->w, "windows");
  sm_jsonw_array(x->w);
  for (size_t k = 0; k < segment->tariff->window_count && err == SM_OK; k++) {
    sm_jsonw_object(x->w);
    sm_jsonw_key_text(x->w, "name", segment->tariff->window[k].name);
    sm_jsonw_key_decimal(x->w, "kwh", segment->window[k].use_wh, 3);
    sm_jsonw_key_decimal(x->w, "untimed_kwh", segment->window[k].untimed_wh, 3);
    sm_explain_rule(x, SM_RULE_WINDOW);
    if (segment->window[k].untimed_wh != 0) x->named[SM_RULE_UNTIMED] = true;
    sm_jsonw_key(x->w, "times");
    sm_jsonw_array(x->w);
    if (x->c->bill->days > 0) err = write_times(x, i, k);
    sm_jsonw_array_end(x->w);
    sm_jsonw_object_end(x->w);
  }
  sm_jsonw_array_end(x->w);
  return err;
}

/* ---- demand ---- */
/* The stretch that a window which counted lies in: it has no event inside. */
static bool stretch_of(const sm_measure *measure, int64_t from_ms, int64_t to_ms, size_t *stretch) {
  for (size_t s = 0; s < measure->course.stretch_count; s++) {
    if (sm_stretch_from_ms(&measure->course, s) > from_ms ||
        sm_stretch_to_ms(&measure->course, s) < to_ms)
      continue;
    *stretch = s;
    return true;
  }
  return false;
}

static void write_reached(sm_explainer *x, const sm_demand_found *demand) {
  sm_jsonw_key(x->w, "meters");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < x->c->measures->count; i++) {
    const sm_measure *measure = &x->c->measures->item[i];
    size_t stretch;
    if (measure->from_ms > demand->from_ms || measure->to_ms < demand->to_ms ||
        !stretch_of(measure, demand->from_ms, demand->to_ms, &stretch))
      continue;
    sm_jsonw_object(x->w);
    sm_jsonw_key_text(x->w, "device_id", measure->meter->device_id);
    sm_jsonw_key_int(x->w, "sign", measure->meter->sign);
    sm_jsonw_key_decimal(x->w, "multiplier", measure->meter->multiplier_milli, 3);
    sm_jsonw_key(x->w, "edges");
    sm_jsonw_array(x->w);
    sm_explain_edge(x, measure, stretch, demand->from_ms);
    sm_explain_edge(x, measure, stretch, demand->to_ms);
    sm_jsonw_array_end(x->w);
    sm_jsonw_object_end(x->w);
  }
  sm_jsonw_array_end(x->w);
}

void sm_explain_demand(sm_explainer *x, const sm_price_segment *segment) {
  const sm_demand_found *demand = &segment->demand;
  if (!segment->tariff->has_demand) return;
  sm_jsonw_key(x->w, "demand");
  sm_jsonw_object(x->w);
  sm_jsonw_key_int(x->w, "window_minutes", segment->tariff->demand.window_minutes);
  sm_jsonw_key_int(x->w, "skipped", demand->skipped);
  sm_explain_rule(x, demand->measured ? SM_RULE_DEMAND_HIGHEST : SM_RULE_DEMAND_NONE);
  if (demand->measured) {
    sm_jsonw_key_decimal(x->w, "kw", demand->kw_centi, 2);
    sm_explain_time(x, "from", demand->from_ms);
    sm_explain_time(x, "to", demand->to_ms);
    write_reached(x, demand);
  }
  sm_jsonw_object_end(x->w);
}
