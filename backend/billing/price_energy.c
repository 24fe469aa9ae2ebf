/* Energy lines: use on the slabs. */
#include "billing/pricing.h"

#include "base/checked.h"
#include "base/decimal.h"

#include <stdio.h>

/* A slab's bound in this segment; with prorate_slabs it shrinks with the days. */
static sm_err bound_of(const sm_pricing *p, const sm_slab *slab, int32_t days, int64_t *bound_wh) {
  if (!p->tariff->prorate_slabs) {
    *bound_wh = slab->up_to_wh;
    return SM_OK;
  }
  return sm_mul_div_round(slab->up_to_wh, days, p->in->month_days, bound_wh);
}

static void name_slab(const sm_slab *slab, int64_t lower_wh, int64_t upper_wh, char out[80]) {
  char lower[SM_DECIMAL_TEXT_MAX], upper[SM_DECIMAL_TEXT_MAX];
  (void)sm_decimal_format(lower_wh, 3, 0, lower);
  (void)sm_decimal_format(upper_wh, 3, 0, upper);
  if (!slab->open)
    (void)snprintf(out, 80, "%s-%s kWh", lower, upper);
  else if (lower_wh > 0)
    (void)snprintf(out, 80, "over %s kWh", lower);
  else
    (void)snprintf(out, 80, "all kWh");
}

/* The part from one position on the slabs to another, all inside one slab (or priced as if). */
static sm_err add_energy(sm_pricing *p, const sm_slab *slab, int64_t lower_wh, int64_t upper_wh,
                         int64_t from_wh, int64_t to_wh) {
  char name[80];
  int64_t use_wh = to_wh - from_wh;
  sm_line_draft d = {.kind = SM_LINE_ENERGY,
                     .name = name,
                     .quantity = use_wh,
                     .places = 3,
                     .min_places = 3,
                     .unit = "kWh",
                     .rate_micro = slab->rate_micro,
                     .source = {.item = (size_t)(slab - p->tariff->slab) + 1,
                                .slab_from_wh = lower_wh,
                                .slab_to_wh = upper_wh,
                                .from_wh = from_wh,
                                .to_wh = to_wh}};
  name_slab(slab, lower_wh, upper_wh, name);
  sm_err err =
      sm_div_round_i128((sm_i128)use_wh * slab->rate_micro, 1000 * p->unit_micro, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

int64_t sm_price_floor(int64_t wh) {
  return wh > 0 ? wh : 0;
}

/* The part of [low, high] that lies in [lower, upper], upper open if `open`. */
static int64_t part_in(int64_t low, int64_t high, int64_t lower, int64_t upper, bool open) {
  int64_t from = low > lower ? low : lower;
  int64_t to = open || high < upper ? high : upper;
  return to > from ? to - from : 0;
}

int64_t sm_price_range(const sm_pricing *p, int64_t *low_wh, int64_t *high_wh) {
  int64_t start = sm_price_floor(p->segment->start_wh);
  int64_t end = sm_price_floor(p->segment->end_wh);
  if (p->tariff->prorate_slabs && p->tariff->slab_mode == SM_SLAB_TELESCOPIC) {
    end = sm_price_floor(end - start);
    start = 0;
  }
  *low_wh = start < end ? start : end;
  *high_wh = start < end ? end : start;
  return start <= end ? 1 : -1;
}

static sm_err price_telescopic(sm_pricing *p) {
  int64_t low, high;
  int64_t sign = sm_price_range(p, &low, &high);
  int64_t lower = 0;
  for (size_t i = 0; i < p->tariff->slab_count; i++) {
    const sm_slab *slab = &p->tariff->slab[i];
    int64_t upper = 0;
    sm_err err = slab->open ? SM_OK : bound_of(p, slab, p->segment->days, &upper);
    int64_t part = part_in(low, high, lower, upper, slab->open);
    int64_t from = low > lower ? low : lower;
    if (err == SM_OK && part > 0)
      err = add_energy(p, slab, lower, upper, sign > 0 ? from : from + part,
                       sign > 0 ? from + part : from);
    if (err != SM_OK) return err;
    lower = upper;
  }
  return SM_OK;
}

static sm_err price_whole_use(sm_pricing *p) {
  int64_t low, high;
  int64_t sign = sm_price_range(p, &low, &high);
  int64_t lower = 0;
  for (size_t i = 0; i < p->tariff->slab_count; i++) {
    const sm_slab *slab = &p->tariff->slab[i];
    int64_t upper = 0;
    /* the month's total picks the slab, so it is the bill's days that shrink the bounds */
    sm_err err = slab->open ? SM_OK : bound_of(p, slab, p->bill_days, &upper);
    if (err != SM_OK) return err;
    if (slab->open || p->month_wh <= upper)
      return add_energy(p, slab, lower, upper, sign > 0 ? low : high, sign > 0 ? high : low);
    lower = upper;
  }
  return SM_OK;
}

sm_err sm_price_energy(sm_pricing *p) {
  return p->tariff->slab_mode == SM_SLAB_WHOLE_USE ? price_whole_use(p) : price_telescopic(p);
}
