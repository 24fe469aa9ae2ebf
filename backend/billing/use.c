#include "billing/use.h"

#include "billing/measure.h"

/* Whether an edge's register is read, or lies between two readings at most an hour apart. */
static bool is_sure(const sm_course *course, int64_t at_ms) {
  const sm_register_point *before, *after;
  sm_course_around(course, at_ms, &before, &after);
  return before != NULL && after != NULL &&
         (before == after || sm_register_gap_ms(before, after) <= SM_BILLING_GAP_MS);
}

static bool hides_use(const sm_measure *measure) {
  for (size_t i = 0; i < measure->course.event_count; i++) {
    const sm_register_event *event = &measure->course.event[i];
    if (event->kind != SM_EVENT_ROLLOVER && !event->known && event->at_ms > measure->from_ms &&
        event->last_good_ms < measure->to_ms)
      return true;
  }
  return false;
}

sm_err sm_billing_use(const sm_billing_meter *meter, size_t count, int64_t from_ms, int64_t to_ms,
                      int64_t *wh, bool *estimated) {
  sm_measures measures;
  bool unsure = false;
  sm_err err = sm_measures_init(&measures, meter, count);
  if (err != SM_OK) return err;
  sm_measures_clip(&measures, from_ms, to_ms);
  for (size_t i = 0; i < measures.count && !unsure; i++) {
    const sm_measure *m = &measures.item[i];
    if (m->from_ms < m->to_ms)
      unsure = !is_sure(&m->course, m->from_ms) || !is_sure(&m->course, m->to_ms) || hides_use(m);
  }
  err = sm_measures_use(&measures, to_ms, wh);
  sm_measures_fini(&measures);
  if (err == SM_OK) *estimated = unsure;
  return err;
}
