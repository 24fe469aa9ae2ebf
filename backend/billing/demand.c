#include "billing/demand.h"

#include "base/checked.h"
#include "billing/walk.h"

#include <stdlib.h>

enum { MINUTE_MS = 60000 };

/* One window of the clock. */
typedef struct slot {
  int64_t from_ms;
  int64_t use_wh;
  bool served;
  bool spoilt;
} slot;

typedef struct slots {
  slot *item; /* by time */
  size_t count;
  int64_t length_ms;
} slots;

/* ---- the windows ---- */
static void add_slot(slots *list, int64_t from_ms, int64_t to_ms, int64_t until_ms) {
  if (to_ms - from_ms == list->length_ms && to_ms <= until_ms)
    list->item[list->count++] = (slot){.from_ms = from_ms};
}

/* On a day with a change of the clock: from quarter hour to quarter hour. */
static void add_odd_day(slots *list, const sm_calendar *c, size_t day, int minutes,
                        int64_t until_ms) {
  int64_t edge_ms = -1;
  int64_t end_ms = c->start_ms[day + 1];
  for (int64_t at_ms = c->start_ms[day]; at_ms <= end_ms; at_ms += SM_CALENDAR_QUARTER_MS) {
    if (sm_zone_minute_of_day(c->zone, at_ms) % minutes != 0) continue;
    if (edge_ms >= 0) add_slot(list, edge_ms, at_ms, until_ms);
    edge_ms = at_ms;
  }
}

static sm_err find_slots(const sm_calendar *c, int minutes, size_t first, size_t end,
                         int64_t until_ms, slots *list) {
  int64_t span_ms = c->start_ms[end] - c->start_ms[first];
  list->length_ms = (int64_t)minutes * MINUTE_MS;
  list->item = calloc((size_t)(span_ms / list->length_ms) + 1, sizeof *list->item);
  if (list->item == NULL) return SM_ERR_NOMEM;
  for (size_t day = first; day < end; day++) {
    if (!c->plain[day]) {
      add_odd_day(list, c, day, minutes, until_ms);
      continue;
    }
    for (int64_t at_ms = c->start_ms[day]; at_ms < c->start_ms[day + 1]; at_ms += list->length_ms)
      add_slot(list, at_ms, at_ms + list->length_ms, until_ms);
  }
  return SM_OK;
}

/* ---- one meter ---- */
/* Times that a meter was not read closely, or an event lies in, one after the other. */
typedef struct holes {
  const sm_course *course;
  size_t next; /* of the course's points: the one behind the hole; beyond the last: all after it */
  size_t event;
  int64_t from_ms;
  int64_t to_ms;
} holes;

/* Whether what lies between a point and the one before is a hole. Where a stretch ends and the next
 * begins there is an event. */
static bool is_hole(holes *h) {
  const sm_course *course = h->course;
  const sm_register_point *point = &course->point[h->next];
  while (h->event < course->event_count && course->event[h->event].at_ms < point->ts_ms) h->event++;
  bool event = h->event < course->event_count && course->event[h->event].at_ms == point->ts_ms;
  return event || sm_register_gap_ms(point - 1, point) > SM_DEMAND_GAP_MS;
}

static void next_hole(holes *h) {
  const sm_course *course = h->course;
  while (++h->next < course->point_count) {
    h->from_ms = course->point[h->next - 1].ts_ms;
    h->to_ms = course->point[h->next].ts_ms;
    if (is_hole(h)) return;
  }
  h->from_ms = course->point[course->point_count - 1].ts_ms;
  h->to_ms = INT64_MAX;
}

/* Before the first point nothing is known. */
static holes first_hole(const sm_course *course) {
  return (holes){.course = course,
                 .from_ms = INT64_MIN,
                 .to_ms = course->point_count > 0 ? course->point[0].ts_ms : INT64_MAX};
}

static sm_err add_use(sm_walk *walk, const sm_measure *measure, slot *s, int64_t length_ms) {
  int64_t opening, closing, use;
  sm_err err = sm_walk_total(walk, s->from_ms, &opening);
  if (err == SM_OK) err = sm_walk_total(walk, s->from_ms + length_ms, &closing);
  if (err == SM_OK) err = sm_sub_i64(closing, opening, &use);
  if (err == SM_OK) err = sm_mul_i64(use, measure->meter->sign, &use);
  return err == SM_OK ? sm_add_i64(s->use_wh, use, &s->use_wh) : err;
}

static sm_err measure_meter(const sm_measure *measure, slots *list) {
  sm_walk walk;
  holes hole = first_hole(&measure->course);
  sm_err err = sm_walk_init(&walk, measure);
  for (size_t i = 0; i < list->count && err == SM_OK; i++) {
    slot *s = &list->item[i];
    int64_t to_ms = s->from_ms + list->length_ms;
    if (s->from_ms >= measure->to_ms || to_ms <= measure->from_ms) continue;
    s->served = true;
    while (hole.to_ms <= s->from_ms) next_hole(&hole);
    if (s->from_ms < measure->from_ms || to_ms > measure->to_ms || hole.from_ms < to_ms)
      s->spoilt = true;
    else if (!s->spoilt)
      err = add_use(&walk, measure, s, list->length_ms);
  }
  return err;
}

/* ---- the highest ---- */
static sm_err find_highest(const slots *list, sm_demand_found *found) {
  const slot *highest = NULL;
  sm_demand_found out = {0};
  for (size_t i = 0; i < list->count; i++) {
    const slot *s = &list->item[i];
    if (!s->served || s->spoilt)
      out.skipped++;
    else if (highest == NULL || s->use_wh > highest->use_wh)
      highest = s;
  }
  if (highest != NULL) {
    out.measured = true;
    out.from_ms = highest->from_ms;
    out.to_ms = highest->from_ms + list->length_ms;
    /* W are Wh × 3,600,000 / ms, and a hundredth of a kW is 10 of them */
    sm_err err = sm_mul_div_round(highest->use_wh > 0 ? highest->use_wh : 0, 360000,
                                  list->length_ms, &out.kw_centi);
    if (err != SM_OK) return err;
  }
  *found = out;
  return SM_OK;
}

sm_err sm_demand_measure(const sm_measures *measures, const sm_calendar *calendar,
                         int window_minutes, size_t first, size_t end, int64_t until_ms,
                         sm_demand_found *found) {
  slots list = {0};
  sm_err err = find_slots(calendar, window_minutes, first, end, until_ms, &list);
  for (size_t i = 0; i < measures->count && err == SM_OK; i++)
    err = measure_meter(&measures->item[i], &list);
  if (err == SM_OK) err = find_highest(&list, found);
  free(list.item);
  return err;
}
