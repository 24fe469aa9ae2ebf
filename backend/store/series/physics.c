#include "store/series/physics.h"

#include "store/series/wrapping.h"

static const int64_t limit_mw = (int64_t)1 << 36; /* beyond it nothing is foretold */
static const int64_t wh_uj = 3600000000;          /* a Wh in mW × ms */
enum { RATIO_BITS = 20, RATIO_SHIFT = 2 };

static const sm_reading *row(const sm_physics *p, size_t at) {
  return &p->rows[p->row_of != NULL ? p->row_of[at] : at];
}

/* 0 where it is none that can be computed with. */
static int64_t apparent_mw(const sm_reading *r) {
  int64_t mw = (int64_t)r->voltage_mv * r->current_ma / 1000;
  return mw > 0 && mw <= limit_mw ? mw : 0;
}

static void begin(void *context) {
  sm_physics *p = context;
  p->last = p->before;
  p->ratio = -1;
  p->part_uj = wh_uj / 2;
}

static void keep_last(void *context, size_t at, int64_t value) {
  sm_physics *p = context;
  (void)at;
  p->last = value;
}

/* ---- times ---- */

static int64_t foretell_time(void *context, size_t at) {
  const sm_physics *p = context;
  return at == 0 ? p->last : sm_wrapping_add(p->last, p->step);
}

sm_column_oracle sm_physics_times(sm_physics *physics) {
  return (sm_column_oracle){physics, begin, foretell_time, keep_last};
}

/* ---- power ---- */

static int64_t foretell_power(void *context, size_t at) {
  const sm_physics *p = context;
  int64_t apparent = apparent_mw(row(p, at));
  if (apparent == 0 || p->ratio < 0) return p->last;
  return (apparent * p->ratio + (1 << (RATIO_BITS - 1))) >> RATIO_BITS;
}

static void settle_power(void *context, size_t at, int64_t value) {
  sm_physics *p = context;
  p->last = value;
  int64_t apparent = apparent_mw(row(p, at));
  if (apparent == 0 || value < 0 || value > 2 * apparent) return;
  int64_t ratio = (value << RATIO_BITS) / apparent;
  p->ratio = p->ratio < 0 ? ratio : p->ratio + ((ratio - p->ratio) >> RATIO_SHIFT);
}

sm_column_oracle sm_physics_power(sm_physics *physics) {
  return (sm_column_oracle){physics, begin, foretell_power, settle_power};
}

/* ---- the register ---- */

/* mW × ms between a row and the one before, 0 where that makes no sense. */
static int64_t used_uj(const sm_physics *p, size_t at) {
  const int64_t day_ms = 86400000;
  const sm_reading *here = row(p, at);
  const sm_reading *before = row(p, at - 1);
  if (here->power_mw < 0 || before->power_mw < 0) return 0;
  uint64_t passed_ms = (uint64_t)here->ts_ms - (uint64_t)before->ts_ms;
  if (passed_ms > (uint64_t)day_ms) return 0;
  return ((int64_t)here->power_mw + before->power_mw) / 2 * (int64_t)passed_ms;
}

static int64_t foretell_energy(void *context, size_t at) {
  const sm_physics *p = context;
  if (at == 0) return p->last;
  return sm_wrapping_add(p->last, (p->part_uj + used_uj(p, at)) / wh_uj);
}

static void settle_energy(void *context, size_t at, int64_t value) {
  sm_physics *p = context;
  uint64_t step_wh = (uint64_t)value - (uint64_t)p->last;
  p->last = value;
  if (at == 0) return;
  if (step_wh > 1000000) { /* a fall or a jump: nothing is known of what is under way */
    p->part_uj = wh_uj / 2;
    return;
  }
  p->part_uj += used_uj(p, at) - (int64_t)step_wh * wh_uj;
  if (p->part_uj < 0) p->part_uj = 0;
  if (p->part_uj >= wh_uj) p->part_uj = wh_uj - 1;
}

sm_column_oracle sm_physics_energy(sm_physics *physics) {
  return (sm_column_oracle){physics, begin, foretell_energy, settle_energy};
}

/* ---- the power factor ---- */

static int64_t foretell_power_factor(void *context, size_t at) {
  const sm_physics *p = context;
  const sm_reading *r = row(p, at);
  int64_t apparent = apparent_mw(r);
  if (apparent == 0 || r->power_mw < 0) return p->last;
  int64_t milli = ((int64_t)r->power_mw * 1000 + apparent / 2) / apparent;
  return milli > 1000 ? 1000 : milli;
}

sm_column_oracle sm_physics_power_factor(sm_physics *physics) {
  return (sm_column_oracle){physics, begin, foretell_power_factor, keep_last};
}
