#include "billing/price.h"

#include "base/checked.h"
#include "base/decimal.h"
#include "billing/line.h"
#include "model/money.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One segment being priced. */
typedef struct pricing {
  const sm_price_input *in;
  const sm_price_segment *segment;
  const sm_tariff *tariff;
  sm_bill *bill;
  unsigned digits;    /* of the currency */
  int64_t unit_micro; /* micro units in a minor unit */
  int32_t bill_days;  /* of all segments */
  int64_t month_wh;   /* use of all segments: what `whole_use` looks at */
  size_t first_line;
} pricing;

/* The sum of the rounded lines of some kinds in this segment. */
static sm_err sum_lines(const pricing *p, sm_line_set kinds, int64_t *sum_minor) {
  sm_i128 sum = 0;
  for (size_t i = p->first_line; i < p->bill->line_count; i++)
    if ((SM_LINE_BIT(p->bill->line[i].kind) & kinds) != 0) sum += p->bill->line[i].amount_minor;
  return sm_div_round_i128(sum, 1, sum_minor);
}

/* A month's charge in micro units × this segment's days / the month's, in minor units. */
static sm_err month_share(const pricing *p, int64_t charge_micro, int64_t *minor) {
  return sm_div_round_i128((sm_i128)charge_micro * p->segment->days,
                           p->in->month_days * p->unit_micro, minor);
}

/* ---- energy ---- */
/* A slab's bound in this segment; with prorate_slabs it shrinks with the days. */
static sm_err bound_of(const pricing *p, const sm_slab *slab, int32_t days, int64_t *bound_wh) {
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
static sm_err add_energy(pricing *p, const sm_slab *slab, int64_t lower_wh, int64_t upper_wh,
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

/* Use that is priced: never below nothing, however the meters' signs fall. */
static int64_t floor_zero(int64_t wh) {
  return wh > 0 ? wh : 0;
}

/* The part of [low, high] that lies in [lower, upper], upper open if `open`. */
static int64_t part_in(int64_t low, int64_t high, int64_t lower, int64_t upper, bool open) {
  int64_t from = low > lower ? low : lower;
  int64_t to = open || high < upper ? high : upper;
  return to > from ? to - from : 0;
}

/* From where to where on the slabs this segment's use lies, and its sign. */
static int64_t slab_range(const pricing *p, int64_t *low, int64_t *high) {
  int64_t start = floor_zero(p->segment->start_wh);
  int64_t end = floor_zero(p->segment->end_wh);
  if (p->tariff->prorate_slabs && p->tariff->slab_mode == SM_SLAB_TELESCOPIC) {
    end = floor_zero(end - start);
    start = 0;
  }
  *low = start < end ? start : end;
  *high = start < end ? end : start;
  return start <= end ? 1 : -1;
}

static sm_err price_telescopic(pricing *p) {
  int64_t low, high;
  int64_t sign = slab_range(p, &low, &high);
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

static sm_err price_whole_use(pricing *p) {
  int64_t low, high;
  int64_t sign = slab_range(p, &low, &high);
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

/* ---- charges by the month ---- */
static sm_err price_fixed(pricing *p) {
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

static sm_err price_fixed_per_kw(pricing *p) {
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

static sm_err price_minimum(pricing *p) {
  const sm_line_set counted = SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_TIME_OF_DAY) |
                              SM_LINE_BIT(SM_LINE_DEMAND) | SM_LINE_BIT(SM_LINE_FIXED);
  sm_line_draft d = {.kind = SM_LINE_MINIMUM,
                     .name = "Minimum charge",
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = p->in->currency};
  int64_t minimum_minor;
  sm_err err = sum_lines(p, counted, &d.quantity);
  if (err == SM_OK) err = month_share(p, p->tariff->minimum_charge_micro, &minimum_minor);
  if (err != SM_OK || d.quantity >= minimum_minor) return err;
  err = sm_mul_i64(minimum_minor, p->unit_micro, &d.rate_micro);
  if (err == SM_OK) err = sm_sub_i64(minimum_minor, d.quantity, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

/* ---- on top ---- */
static sm_err add_percent(pricing *p, sm_line_kind kind, const char *name, sm_line_set on,
                          int64_t percent_micro, size_t item) {
  sm_line_draft d = {.kind = kind,
                     .name = name,
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = "percent",
                     .rate_micro = percent_micro,
                     .source = {.item = item}};
  sm_err err = sum_lines(p, on, &d.quantity);
  if (err == SM_OK) err = sm_mul_div_round(d.quantity, percent_micro, 100000000, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

static sm_err price_surcharge(pricing *p, size_t i) {
  const sm_surcharge *surcharge = &p->tariff->surcharge[i];
  if (!surcharge->per_kwh)
    return add_percent(p, SM_LINE_SURCHARGE, surcharge->name,
                       SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_TIME_OF_DAY),
                       surcharge->rate_micro, i + 1);
  int64_t low, high;
  int64_t sign = slab_range(p, &low, &high);
  sm_line_draft d = {
      .kind = SM_LINE_SURCHARGE,
      .name = surcharge->name,
      .quantity = sign * (high - low),
      .places = 3,
      .min_places = 3,
      .unit = "kWh",
      .rate_micro = surcharge->rate_micro,
      .source = {.item = i + 1, .from_wh = sign > 0 ? low : high, .to_wh = sign > 0 ? high : low}};
  sm_err err = sm_div_round_i128((sm_i128)d.quantity * surcharge->rate_micro, 1000 * p->unit_micro,
                                 &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

static sm_err price_surcharges(pricing *p) {
  for (size_t i = 0; i < p->tariff->surcharge_count; i++) {
    sm_err err = price_surcharge(p, i);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

static sm_err price_taxes(pricing *p) {
  for (size_t i = 0; i < p->tariff->tax_count; i++) {
    const sm_tax *tax = &p->tariff->tax[i];
    sm_err err = add_percent(p, SM_LINE_TAX, tax->name, tax->on, tax->percent_micro, i + 1);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

/* ---- the segment and the month ---- */
static sm_err add_segment(pricing *p) {
  int64_t use_wh;
  sm_err err = sm_sub_i64(p->segment->end_wh, p->segment->start_wh, &use_wh);
  if (err != SM_OK) return err;
  sm_bill_segment *out = sm_bill_add_segment(p->bill);
  if (out == NULL) return SM_ERR_NOMEM;
  *out = (sm_bill_segment){.tariff = strdup(p->tariff->name),
                           .version = p->tariff->version,
                           .effective_from = p->tariff->effective_from,
                           .from_ms = p->segment->from_ms,
                           .to_ms = p->segment->to_ms,
                           .days = p->segment->days,
                           .month_days = p->in->month_days,
                           .use_wh = use_wh,
                           .first_line = p->first_line,
                           .line_count = p->bill->line_count - p->first_line};
  return out->tariff != NULL ? SM_OK : SM_ERR_NOMEM;
}

static sm_err price_segment(pricing *p) {
  sm_err err = p->tariff->slab_mode == SM_SLAB_WHOLE_USE ? price_whole_use(p) : price_telescopic(p);
  if (err == SM_OK) err = price_fixed(p);
  if (err == SM_OK) err = price_fixed_per_kw(p);
  if (err == SM_OK) err = price_surcharges(p);
  if (err == SM_OK) err = price_minimum(p);
  if (err == SM_OK) err = price_taxes(p);
  return err == SM_OK ? add_segment(p) : err;
}

/* ---- corrections of other months ---- */
static sm_err add_true_up_tax(const pricing *p, const char *month,
                              const sm_billing_true_up_tax *tax) {
  char name[SM_TARIFF_NAME_CHARS * 4 + 40];
  (void)snprintf(name, sizeof name, "%s, correction of %s", tax->name, month);
  sm_line_draft d = {.kind = SM_LINE_TAX,
                     .name = name,
                     .quantity = tax->base_minor,
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = "percent",
                     .rate_micro = tax->percent_micro,
                     .amount_minor = tax->amount_minor};
  return sm_line_add(p->bill, &d);
}

static sm_err add_true_up(const pricing *p, const sm_billing_true_up *true_up) {
  char month[16], name[40];
  (void)snprintf(month, sizeof month, "%04u-%02u", (unsigned)true_up->year % 10000,
                 (unsigned)true_up->month % 100);
  (void)snprintf(name, sizeof name, "Correction of %s", month);
  sm_line_draft d = {.kind = SM_LINE_TRUE_UP,
                     .name = name,
                     .quantity = 1,
                     .unit = "month",
                     .amount_minor = true_up->net_minor};
  sm_err err = sm_mul_i64(true_up->net_minor, p->unit_micro, &d.rate_micro);
  if (err == SM_OK) err = sm_line_add(p->bill, &d);
  for (size_t i = 0; i < true_up->tax_count && err == SM_OK; i++)
    err = add_true_up_tax(p, month, &true_up->tax[i]);
  return err;
}

static sm_err add_up(sm_bill *bill) {
  sm_i128 subtotal = 0;
  sm_i128 tax = 0;
  for (size_t i = 0; i < bill->line_count; i++)
    if (bill->line[i].kind == SM_LINE_TAX)
      tax += bill->line[i].amount_minor;
    else
      subtotal += bill->line[i].amount_minor;
  sm_err err = sm_div_round_i128(subtotal, 1, &bill->subtotal_minor);
  if (err == SM_OK) err = sm_div_round_i128(tax, 1, &bill->tax_minor);
  return err == SM_OK ? sm_div_round_i128(subtotal + tax, 1, &bill->total_minor) : err;
}

/* Brings the total to the step of the last version; the difference is a line of its own. */
static sm_err round_total(pricing *p) {
  int64_t step_micro = p->tariff->round_total_to_micro;
  if (step_micro == 0 || step_micro % p->unit_micro != 0 || step_micro == p->unit_micro)
    return SM_OK;
  sm_bill *bill = p->bill;
  sm_line_draft d = {.kind = SM_LINE_ROUNDING,
                     .name = "Rounding",
                     .quantity = bill->total_minor,
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = p->in->currency,
                     .rate_micro = step_micro};
  int64_t step_minor = step_micro / p->unit_micro;
  int64_t steps, rounded_minor;
  sm_err err = sm_mul_div_round(bill->total_minor, 1, step_minor, &steps);
  if (err == SM_OK) err = sm_mul_i64(steps, step_minor, &rounded_minor);
  if (err == SM_OK) err = sm_sub_i64(rounded_minor, bill->total_minor, &d.amount_minor);
  if (err != SM_OK) return err;
  bill->rounding_minor = d.amount_minor;
  bill->total_minor = rounded_minor;
  return sm_line_add(p->bill, &d);
}

sm_err sm_price_month(const sm_price_input *in, sm_bill *bill) {
  assert(in->segment_count > 0);
  unsigned digits = sm_currency_digits(in->currency);
  pricing p = {.in = in, .bill = bill, .digits = digits, .unit_micro = sm_pow10(6 - digits)};
  for (size_t i = 0; i < in->segment_count; i++) p.bill_days += in->segment[i].days;
  p.month_wh = floor_zero(in->segment[in->segment_count - 1].end_wh);
  sm_err err = SM_OK;
  for (size_t i = 0; i < in->segment_count && err == SM_OK; i++) {
    p.segment = &in->segment[i];
    p.tariff = p.segment->tariff;
    p.first_line = bill->line_count;
    err = price_segment(&p);
  }
  for (size_t i = 0; i < in->true_up_count && err == SM_OK; i++)
    err = add_true_up(&p, &in->true_up[i]);
  if (err == SM_OK) err = add_up(bill);
  return err == SM_OK ? round_total(&p) : err;
}
