#include "billing/walk.h"

#include "base/checked.h"
#include "base/order.h"

#include <stdlib.h>

static const sm_register_point *points(const sm_walk *walk) {
  return &walk->course->point[walk->course->stretch[walk->stretch].first];
}

static size_t point_count(const sm_walk *walk) {
  return walk->course->stretch[walk->stretch].count;
}

static sm_err open_stretch(sm_walk *walk) {
  walk->point = 0;
  return sm_register_scale(points(walk)[0].wh, walk->multiplier_milli, &walk->opening_wh);
}

sm_err sm_walk_init(sm_walk *walk, const sm_measure *measure) {
  *walk =
      (sm_walk){.course = &measure->course, .multiplier_milli = measure->meter->multiplier_milli};
  return walk->course->stretch_count > 0 ? open_stretch(walk) : SM_OK;
}

/* Use in the stretch until an unrolled register. */
static sm_err use_until(const sm_walk *walk, int64_t register_wh, int64_t *wh) {
  int64_t closing;
  sm_err err = sm_register_scale(register_wh, walk->multiplier_milli, &closing);
  if (err == SM_OK) err = sm_sub_i64(closing, walk->opening_wh, &closing);
  return err == SM_OK ? sm_add_i64(walk->done_wh, closing, wh) : err;
}

static sm_err next_stretch(sm_walk *walk) {
  sm_err err = use_until(walk, points(walk)[point_count(walk) - 1].wh, &walk->done_wh);
  walk->stretch++;
  return err == SM_OK ? open_stretch(walk) : err;
}

/* The last point at or before an instant, or where the search begins: it doubles its steps, since
 * the next instant may be a point away or hundreds. */
static size_t last_before(const sm_register_point *point, size_t count, size_t from,
                          int64_t at_ms) {
  size_t step = 1;
  while (from + step < count && point[from + step].ts_ms <= at_ms) {
    from += step;
    step *= 2;
  }
  for (; step > 0; step /= 2)
    if (from + step < count && point[from + step].ts_ms <= at_ms) from += step;
  return from;
}

/* The register at an instant, with the point before it at hand. */
static int64_t register_at(sm_walk *walk, int64_t at_ms) {
  const sm_register_point *point = points(walk);
  size_t count = point_count(walk);
  walk->point = last_before(point, count, walk->point, at_ms);
  const sm_register_point *a = &point[walk->point];
  if (walk->point + 1 == count) return a->wh;
  return sm_register_between(a, a + 1, at_ms);
}

sm_err sm_walk_total(sm_walk *walk, int64_t at_ms, int64_t *wh) {
  const sm_course *course = walk->course;
  sm_err err = SM_OK;
  if (course->stretch_count == 0 || at_ms == walk->last_ms) {
    *wh = walk->last_wh;
    return SM_OK;
  }
  while (err == SM_OK && walk->stretch + 1 < course->stretch_count &&
         sm_stretch_from_ms(course, walk->stretch + 1) < at_ms)
    err = next_stretch(walk);
  if (err == SM_OK) err = use_until(walk, register_at(walk, at_ms), &walk->last_wh);
  if (err != SM_OK) return err;
  walk->last_ms = at_ms;
  *wh = walk->last_wh;
  return SM_OK;
}

sm_err sm_account_walk_init(sm_account_walk *walk, const sm_measures *measures) {
  *walk = (sm_account_walk){.measures = measures,
                            .walk = calloc(measures->count + 1, sizeof *walk->walk),
                            .opening_wh = calloc(measures->count + 1, sizeof *walk->opening_wh)};
  if (walk->walk == NULL || walk->opening_wh == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < measures->count; i++) {
    sm_err err = sm_walk_init(&walk->walk[i], &measures->item[i]);
    if (err == SM_OK)
      err = sm_walk_total(&walk->walk[i], measures->item[i].from_ms, &walk->opening_wh[i]);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

void sm_account_walk_fini(sm_account_walk *walk) {
  free(walk->walk);
  free(walk->opening_wh);
  *walk = (sm_account_walk){0};
}

sm_err sm_account_walk_use(sm_account_walk *walk, int64_t until_ms, int64_t *wh) {
  int64_t sum = 0;
  for (size_t i = 0; i < walk->measures->count; i++) {
    const sm_measure *measure = &walk->measures->item[i];
    int64_t end_ms = sm_min_i64(until_ms, measure->to_ms);
    int64_t total, use;
    if (end_ms <= measure->from_ms) continue;
    sm_err err = sm_walk_total(&walk->walk[i], end_ms, &total);
    if (err == SM_OK) err = sm_sub_i64(total, walk->opening_wh[i], &use);
    if (err == SM_OK) err = sm_mul_i64(use, measure->meter->sign, &use);
    if (err == SM_OK) err = sm_add_i64(sum, use, &sum);
    if (err != SM_OK) return err;
  }
  *wh = sum;
  return SM_OK;
}
