#include "billing/windows.h"

#include "base/checked.h"
#include "base/order.h"
#include "billing/walk.h"

#include <assert.h>
#include <stdlib.h>

/* One time that a window holds. */
typedef struct hold {
  int64_t from_ms;
  int64_t to_ms;
  size_t window;
} hold;

typedef struct holds {
  hold *item; /* by time, apart from each other */
  size_t count;
} holds;

/* A segment being measured. */
typedef struct span {
  const sm_calendar *calendar;
  const sm_tariff *tariff;
  size_t first; /* days of the calendar */
  size_t end;
  int64_t from_ms;
  int64_t to_ms;
  sm_window_time_fn *see; /* NULL: nobody */
  void *context;
} span;

/* ---- when the windows hold ---- */
static void order_windows(const sm_tariff *tariff, size_t order[SM_TARIFF_WINDOWS_MAX]) {
  for (size_t i = 0; i < tariff->window_count; i++) {
    size_t at = i;
    while (at > 0 && tariff->window[order[at - 1]].from_minute > tariff->window[i].from_minute) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = i;
  }
}

/* A window of the day that follows its own of the day before at once goes on. */
static void add_hold(holds *list, const hold *next) {
  hold *last = list->count > 0 ? &list->item[list->count - 1] : NULL;
  if (next->to_ms <= next->from_ms) return; /* in a skipped hour */
  if (last != NULL && last->window == next->window && last->to_ms == next->from_ms)
    last->to_ms = next->to_ms;
  else
    list->item[list->count++] = *next;
}

/* The windows that begin on the days from the one before the span's first. */
static sm_err find_holds(const span *s, holds *list) {
  const sm_tariff *tariff = s->tariff;
  size_t order[SM_TARIFF_WINDOWS_MAX];
  order_windows(tariff, order);
  list->item = calloc((s->end - s->first + 1) * tariff->window_count + 1, sizeof *list->item);
  if (list->item == NULL) return SM_ERR_NOMEM;
  for (size_t day = s->first - 1; day < s->end; day++) {
    uint8_t bit = sm_tariff_day_bit(tariff, sm_calendar_date(s->calendar, day));
    for (size_t i = 0; i < tariff->window_count; i++) {
      const sm_tod_window *window = &tariff->window[order[i]];
      if ((window->days & bit) == 0) continue;
      size_t to_day = window->to_minute > window->from_minute ? day : day + 1;
      hold next = {.from_ms = sm_calendar_at(s->calendar, day, window->from_minute),
                   .to_ms = sm_calendar_at(s->calendar, to_day, window->to_minute),
                   .window = order[i]};
      add_hold(list, &next);
    }
  }
  return SM_OK;
}

/* ---- gaps over the span's ends ---- */
/* The time that a window holds which begins on a date. */
static bool hold_of_day(const span *s, size_t at, sm_date date, hold *out) {
  const sm_tod_window *window = &s->tariff->window[at];
  if ((window->days & sm_tariff_day_bit(s->tariff, date)) == 0) return false;
  sm_date to_date = window->to_minute > window->from_minute ? date : sm_date_add_days(date, 1);
  out->from_ms = sm_calendar_find(s->calendar->zone, date, window->from_minute);
  out->to_ms = sm_calendar_find(s->calendar->zone, to_date, window->to_minute);
  return true;
}

/* How far back and on the long gaps reach that lie over the span's ends. */
static void find_reach(const span *s, const sm_measures *measures, int64_t *from_ms,
                       int64_t *to_ms) {
  *from_ms = s->from_ms;
  *to_ms = s->to_ms;
  for (size_t i = 0; i < measures->count; i++) {
    const sm_register_point *before, *after;
    const sm_course *course = &measures->item[i].course;
    sm_course_around(course, s->from_ms, &before, &after);
    if (before != NULL && after != NULL) *from_ms = sm_min_i64(*from_ms, before->ts_ms);
    sm_course_around(course, s->to_ms, &before, &after);
    if (before != NULL && after != NULL) *to_ms = sm_max_i64(*to_ms, after->ts_ms);
  }
}

/* A window of whole days may have held for weeks before the span and hold on behind it: whether a
 * gap over the span's end crosses an edge is told by those days. */
static void reach_out(const span *s, const sm_measures *measures, holds *list) {
  int64_t from_ms, to_ms;
  hold more;
  if (list->count == 0) return;
  find_reach(s, measures, &from_ms, &to_ms);
  hold *first = &list->item[0];
  sm_date date = sm_calendar_date(s->calendar, s->first - 1);
  while (first->from_ms > from_ms) {
    date = sm_date_add_days(date, -1);
    if (!hold_of_day(s, first->window, date, &more) || more.to_ms != first->from_ms) break;
    first->from_ms = more.from_ms;
  }
  hold *last = &list->item[list->count - 1];
  date = sm_calendar_date(s->calendar, s->end);
  while (last->to_ms < to_ms) {
    if (!hold_of_day(s, last->window, date, &more) || more.from_ms != last->to_ms) break;
    last->to_ms = more.to_ms;
    date = sm_date_add_days(date, 1);
  }
}

/* ---- one meter ---- */
/* The long gaps of a meter by time. */
typedef struct gap {
  const sm_course *course;
  size_t stretch;
  size_t next; /* of the course's points: the one behind the gap */
  int64_t from_ms;
  int64_t to_ms;
} gap;

static bool next_gap(gap *g) {
  const sm_course *course = g->course;
  for (g->next++; g->next < course->point_count; g->next++) {
    const sm_stretch *stretch = &course->stretch[g->stretch];
    if (g->next == stretch->first + stretch->count) {
      g->stretch++;
      continue;
    }
    const sm_register_point *point = &course->point[g->next];
    g->from_ms = point[-1].ts_ms;
    g->to_ms = point->ts_ms;
    if (g->to_ms - g->from_ms > SM_BILLING_GAP_MS) return true;
  }
  return false;
}

typedef struct meter_walk {
  const sm_measure *measure;
  sm_walk walk;
  gap gap;
  bool has_gap;
} meter_walk;

static sm_err use_between(const sm_measure *measure, int64_t from_ms, int64_t to_ms, int64_t *wh) {
  int64_t opening, closing;
  int64_t multiplier_milli = measure->meter->multiplier_milli;
  sm_err err = sm_course_total(&measure->course, multiplier_milli, from_ms, &opening);
  if (err == SM_OK) err = sm_course_total(&measure->course, multiplier_milli, to_ms, &closing);
  return err == SM_OK ? sm_sub_i64(closing, opening, wh) : err;
}

/* Of what is used in [from, to], a part of the hold, what lies in gaps over the hold's edges. */
static sm_err untimed_in(meter_walk *m, const hold *h, int64_t from_ms, int64_t to_ms,
                         int64_t *wh) {
  sm_err err = SM_OK;
  *wh = 0;
  while (m->has_gap && m->gap.to_ms <= from_ms) m->has_gap = next_gap(&m->gap);
  while (err == SM_OK && m->has_gap && m->gap.from_ms < to_ms) {
    int64_t part = 0;
    if (m->gap.from_ms < h->from_ms || m->gap.to_ms > h->to_ms)
      err = use_between(m->measure, sm_max_i64(from_ms, m->gap.from_ms),
                        sm_min_i64(to_ms, m->gap.to_ms), &part);
    if (err == SM_OK) err = sm_add_i64(*wh, part, wh);
    if (m->gap.to_ms > to_ms) break; /* the next hold may lie in it too */
    m->has_gap = next_gap(&m->gap);
  }
  return err;
}

static sm_err add_scaled(int64_t wh, int32_t sign, int64_t *sum) {
  int64_t signed_wh;
  sm_err err = sm_mul_i64(wh, sign, &signed_wh);
  return err == SM_OK ? sm_add_i64(*sum, signed_wh, sum) : err;
}

static void show(const span *s, const sm_window_time *time) {
  if (s->see != NULL) s->see(s->context, time);
}

static sm_err measure_hold(const span *s, meter_walk *m, const hold *h, int64_t from_ms,
                           int64_t to_ms, sm_window_use *use) {
  int64_t opening, closing, untimed, whole;
  int32_t sign = m->measure->meter->sign;
  sm_err err = sm_walk_total(&m->walk, from_ms, &opening);
  if (err == SM_OK) err = sm_walk_total(&m->walk, to_ms, &closing);
  if (err == SM_OK) err = sm_sub_i64(closing, opening, &whole);
  if (err == SM_OK) err = untimed_in(m, h, from_ms, to_ms, &untimed);
  if (err == SM_OK)
    show(s, &(sm_window_time){.meter = m->measure->meter,
                              .window = h->window,
                              .from_ms = from_ms,
                              .to_ms = to_ms,
                              .opening_wh = opening,
                              .closing_wh = closing,
                              .untimed_wh = untimed});
  if (err == SM_OK) err = sm_sub_i64(whole, untimed, &whole);
  if (err == SM_OK) err = add_scaled(whole, sign, &use->use_wh);
  return err == SM_OK ? add_scaled(untimed, sign, &use->untimed_wh) : err;
}

static sm_err measure_meter(const span *s, const sm_measure *measure, const holds *list,
                            sm_window_use *use) {
  meter_walk m = {.measure = measure, .gap = {.course = &measure->course}};
  int64_t from_ms = sm_max_i64(s->from_ms, measure->from_ms);
  int64_t to_ms = sm_min_i64(s->to_ms, measure->to_ms);
  if (from_ms >= to_ms || measure->course.point_count == 0) return SM_OK;
  m.has_gap = measure->course.longest_ms > SM_BILLING_GAP_MS && next_gap(&m.gap);
  sm_err err = sm_walk_init(&m.walk, measure);
  for (size_t i = 0; i < list->count && err == SM_OK; i++) {
    const hold *h = &list->item[i];
    int64_t a = sm_max_i64(h->from_ms, from_ms);
    int64_t b = sm_min_i64(h->to_ms, to_ms);
    if (a < b) err = measure_hold(s, &m, h, a, b, &use[h->window]);
  }
  return err;
}

sm_err sm_windows_measure(const sm_measures *measures, const sm_calendar *calendar,
                          const sm_tariff *tariff, size_t first, size_t end, int64_t until_ms,
                          sm_window_use *use) {
  return sm_windows_measure_seen(measures, calendar, tariff, first, end, until_ms, NULL, NULL, use);
}

sm_err sm_windows_measure_seen(const sm_measures *measures, const sm_calendar *calendar,
                               const sm_tariff *tariff, size_t first, size_t end, int64_t until_ms,
                               sm_window_time_fn *see, void *context, sm_window_use *use) {
  assert(first > 0 && end < calendar->count);
  span s = {.calendar = calendar,
            .tariff = tariff,
            .first = first,
            .end = end,
            .from_ms = calendar->start_ms[first],
            .to_ms = sm_min_i64(calendar->start_ms[end], until_ms),
            .see = see,
            .context = context};
  holds list = {0};
  for (size_t i = 0; i < tariff->window_count; i++) use[i] = (sm_window_use){0};
  sm_err err = find_holds(&s, &list);
  if (err == SM_OK) reach_out(&s, measures, &list);
  for (size_t i = 0; i < measures->count && err == SM_OK; i++)
    err = measure_meter(&s, &measures->item[i], &list, use);
  free(list.item);
  return err;
}
