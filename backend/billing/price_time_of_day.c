/* Time-of-day lines: a window's per cent of its part of the energy lines. */
#include "billing/pricing.h"

#include "base/checked.h"
#include "base/decimal.h"

enum { BASE_PLACES = 6 };

/* The base is the part of the energy lines that the window's use has of the segment's. It is shown
 * to 6 places; the amount is computed from the fraction itself, so that it is rounded once. */
static sm_err price_window(sm_pricing *p, size_t i, int64_t use_wh, int64_t energy_minor) {
  const sm_tod_window *window = &p->tariff->window[i];
  int64_t window_wh = p->segment->window[i].use_wh;
  sm_line_draft d = {.kind = SM_LINE_TIME_OF_DAY,
                     .name = window->name,
                     .places = BASE_PLACES,
                     .min_places = p->digits,
                     .unit = "percent",
                     .rate_micro = window->percent_micro,
                     .source = {.item = i + 1}};
  sm_i128 part; /* of the energy lines, × the segment's Wh */
  sm_i128 scaled;
  if (__builtin_mul_overflow((sm_i128)energy_minor, (sm_i128)window_wh, &part) ||
      __builtin_mul_overflow(part, (sm_i128)sm_pow10(BASE_PLACES - p->digits), &scaled))
    return SM_ERR_OVERFLOW;
  sm_err err = sm_div_round_i128(scaled, use_wh, &d.quantity);
  if (err != SM_OK) return err;
  if (__builtin_mul_overflow(part, (sm_i128)d.rate_micro, &scaled)) return SM_ERR_OVERFLOW;
  err = sm_div_round_wide(scaled, (sm_i128)use_wh * 100000000, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

sm_err sm_price_time_of_day(sm_pricing *p) {
  int64_t use_wh, energy_minor;
  if (p->tariff->window_count == 0) return SM_OK;
  sm_err err = sm_sub_i64(p->segment->end_wh, p->segment->start_wh, &use_wh);
  if (err == SM_OK) err = sm_price_sum(p, SM_LINE_BIT(SM_LINE_ENERGY), &energy_minor);
  if (err != SM_OK || use_wh == 0) return err; /* nothing that a window could have a part of */
  for (size_t i = 0; i < p->tariff->window_count && err == SM_OK; i++)
    err = price_window(p, i, use_wh, energy_minor);
  return err;
}
