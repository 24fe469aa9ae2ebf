#include "billing/measure.h"

#include "base/checked.h"
#include "base/order.h"

#include <stdlib.h>

#define MULTIPLIER_MAX_MILLI INT64_C(1000000000) /* × 1,000,000 */
#define AVERAGE_MAX_WH INT64_C(1000000000000000) /* a day */

enum { DAY_MS = 86400000 };

sm_err sm_measures_init(sm_measures *measures, const sm_billing_meter *meter, size_t count) {
  sm_measures out = {.item = calloc(count + 1, sizeof *out.item)};
  if (out.item == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    const sm_billing_meter *m = &meter[i];
    out.item[i] = (sm_measure){.meter = m, .from_ms = m->from_ms, .to_ms = m->to_ms};
    if ((m->sign != 1 && m->sign != -1) || m->multiplier_milli < 1 ||
        m->multiplier_milli > MULTIPLIER_MAX_MILLI)
      err = SM_ERR_INVALID;
    else
      err = sm_course_init(&out.item[i].course, m->point, m->point_count, m->modulus_wh,
                           m->max_power_w);
    if (err == SM_OK) out.count++;
  }
  if (err == SM_OK)
    *measures = out;
  else
    sm_measures_fini(&out);
  return err;
}

void sm_measures_fini(sm_measures *measures) {
  if (measures == NULL) return;
  for (size_t i = 0; i < measures->count; i++) sm_course_fini(&measures->item[i].course);
  free(measures->item);
  *measures = (sm_measures){0};
}

bool sm_measures_begin(const sm_measures *measures, int64_t *begin_ms) {
  bool any = false;
  for (size_t i = 0; i < measures->count; i++) {
    const sm_measure *measure = &measures->item[i];
    if (measure->course.point_count == 0) continue;
    int64_t begin = sm_max_i64(measure->course.point[0].ts_ms, measure->from_ms);
    if (begin >= measure->to_ms) continue;
    if (!any || begin < *begin_ms) *begin_ms = begin;
    any = true;
  }
  return any;
}

void sm_measures_clip(sm_measures *measures, int64_t from_ms, int64_t to_ms) {
  for (size_t i = 0; i < measures->count; i++) {
    measures->item[i].from_ms = sm_max_i64(measures->item[i].from_ms, from_ms);
    measures->item[i].to_ms = sm_min_i64(measures->item[i].to_ms, to_ms);
  }
}

int64_t sm_measure_last_ms(const sm_measure *measure) {
  size_t readings = measure->course.point_count - (measure->extended ? 1 : 0);
  return measure->course.point[readings - 1].ts_ms;
}

/* The only meter that serves at the end; NULL: none or several. */
static sm_measure *last_alone(const sm_measures *measures, int64_t to_ms) {
  sm_measure *found = NULL;
  for (size_t i = 0; i < measures->count; i++) {
    sm_measure *measure = &measures->item[i];
    if (measure->from_ms >= measure->to_ms || measure->to_ms != to_ms) continue;
    if (found != NULL) return NULL;
    found = measure;
  }
  return found;
}

sm_err sm_measures_extend(sm_measures *measures, int64_t to_ms, int64_t average_wh_per_day) {
  sm_measure *measure = last_alone(measures, to_ms);
  if (measure == NULL || measure->meter->sign < 0 || measure->course.point_count == 0) return SM_OK;
  sm_course *course = &measure->course;
  const sm_register_point *last = &course->point[course->point_count - 1];
  int64_t more_wh;
  if (last->ts_ms >= to_ms) return SM_OK;
  if (average_wh_per_day < 0 || average_wh_per_day > AVERAGE_MAX_WH) return SM_ERR_OVERFLOW;
  sm_err err = sm_div_round_wide((sm_i128)average_wh_per_day * (to_ms - last->ts_ms) * 1000,
                                 (sm_i128)measure->meter->multiplier_milli * DAY_MS, &more_wh);
  if (err == SM_OK) err = sm_course_extend(course, to_ms, more_wh);
  if (err == SM_OK) measure->extended = true;
  return err;
}

bool sm_measures_last(const sm_measures *measures, int64_t *last_ms) {
  bool any = false;
  for (size_t i = 0; i < measures->count; i++) {
    const sm_measure *measure = &measures->item[i];
    const sm_register_point *before, *after;
    if (measure->from_ms >= measure->to_ms) continue;
    sm_course_around(&measure->course, measure->to_ms, &before, &after);
    if (before == NULL) continue;
    int64_t known_ms = after != NULL ? measure->to_ms : before->ts_ms;
    if (known_ms < measure->from_ms) continue;
    if (!any || known_ms > *last_ms) *last_ms = known_ms;
    any = true;
  }
  return any;
}

bool sm_measure_shows(const sm_measure *measure) {
  return measure->from_ms < measure->to_ms && measure->course.point_count > 0 &&
         measure->course.point[0].ts_ms < measure->to_ms;
}

static sm_err use_of(const sm_measure *measure, int64_t until_ms, int64_t *wh) {
  int64_t opening, closing;
  int64_t multiplier_milli = measure->meter->multiplier_milli;
  int64_t end_ms = sm_min_i64(until_ms, measure->to_ms);
  *wh = 0;
  if (end_ms <= measure->from_ms) return SM_OK;
  sm_err err = sm_course_total(&measure->course, multiplier_milli, measure->from_ms, &opening);
  if (err == SM_OK) err = sm_course_total(&measure->course, multiplier_milli, end_ms, &closing);
  if (err == SM_OK) err = sm_sub_i64(closing, opening, wh);
  return err;
}

sm_err sm_measures_use(const sm_measures *measures, int64_t until_ms, int64_t *wh) {
  int64_t sum = 0;
  for (size_t i = 0; i < measures->count; i++) {
    int64_t use;
    sm_err err = use_of(&measures->item[i], until_ms, &use);
    if (err == SM_OK) err = sm_add_i64(sum, measures->item[i].meter->sign * use, &sum);
    if (err != SM_OK) return err;
  }
  *wh = sum;
  return SM_OK;
}
