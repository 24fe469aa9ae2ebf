/* What a month costs however much is used: fixed charges and the minimum; and the demand. All are ×
 * the segment's days / the month's. */
#include "billing/pricing.h"

#include "base/checked.h"

/* A month's charge in micro units × this segment's days / the month's, in minor units. */
static sm_err month_share(const sm_pricing *p, int64_t charge_micro, int64_t *minor) {
  return sm_div_round_i128((sm_i128)charge_micro * p->segment->days,
                           p->in->month_days * p->unit_micro, minor);
}

static sm_err price_fixed_charge(sm_pricing *p) {
  sm_line_draft d = {.kind = SM_LINE_FIXED,
                     .name = "Fixed charge",
                     .places = 6,
                     .unit = "month",
                     .rate_micro = p->tariff->fixed_charge_micro,
                     .source = {.item = 1}};
  sm_err err = sm_mul_div_round(p->segment->days, 1000000, p->in->month_days, &d.quantity);
  if (err == SM_OK) err = month_share(p, d.rate_micro, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

static sm_err price_fixed_per_kw(sm_pricing *p) {
  if (!p->tariff->has_fixed_per_kw) return SM_OK;
  sm_line_draft d = {.kind = SM_LINE_FIXED,
                     .name = "Fixed charge per kW of sanctioned load",
                     .places = 6,
                     .min_places = 2,
                     .unit = "kW",
                     .rate_micro = p->tariff->fixed_per_kw_micro,
                     .source = {.item = 2}};
  int64_t load_w = p->in->sanctioned_load_w;
  if (load_w < 0 || load_w > INT64_C(1000000000000)) return SM_ERR_OVERFLOW;
  sm_err err = sm_mul_div_round(load_w * 1000, p->segment->days, p->in->month_days, &d.quantity);
  if (err == SM_OK)
    err = sm_div_round_i128((sm_i128)d.rate_micro * load_w * p->segment->days,
                            1000 * p->in->month_days * p->unit_micro, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

sm_err sm_price_fixed(sm_pricing *p) {
  sm_err err = price_fixed_charge(p);
  return err == SM_OK ? price_fixed_per_kw(p) : err;
}

/* No window that counted: no line; the segment says so. */
sm_err sm_price_demand(sm_pricing *p) {
  const sm_demand_found *found = &p->segment->demand;
  if (!p->tariff->has_demand || !found->measured) return SM_OK;
  sm_line_draft d = {.kind = SM_LINE_DEMAND,
                     .name = "Demand",
                     .places = 6,
                     .min_places = 2,
                     .unit = "kW",
                     .rate_micro = p->tariff->demand.rate_per_kw_micro};
  sm_err err = sm_div_round_i128((sm_i128)found->kw_centi * 10000 * p->segment->days,
                                 p->in->month_days, &d.quantity);
  if (err == SM_OK)
    err = sm_div_round_i128((sm_i128)found->kw_centi * p->segment->days * d.rate_micro,
                            100 * p->in->month_days * p->unit_micro, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

sm_err sm_price_minimum(sm_pricing *p) {
  const sm_line_set counted = SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_TIME_OF_DAY) |
                              SM_LINE_BIT(SM_LINE_DEMAND) | SM_LINE_BIT(SM_LINE_FIXED);
  sm_line_draft d = {.kind = SM_LINE_MINIMUM,
                     .name = "Minimum charge",
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = p->in->currency};
  int64_t minimum_minor;
  sm_err err = sm_price_sum(p, counted, &d.quantity);
  if (err == SM_OK) err = month_share(p, p->tariff->minimum_charge_micro, &minimum_minor);
  /* No minimum is none, not one of 0.00: it would take back what a net that fell gives back. */
  if (err != SM_OK || minimum_minor == 0 || d.quantity >= minimum_minor) return err;
  err = sm_mul_i64(minimum_minor, p->unit_micro, &d.rate_micro);
  if (err == SM_OK) err = sm_sub_i64(minimum_minor, d.quantity, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}
