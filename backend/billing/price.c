#include "billing/price.h"

#include "base/checked.h"
#include "base/decimal.h"
#include "billing/pricing.h"
#include "model/money.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

sm_err sm_price_sum(const sm_pricing *p, sm_line_set kinds, int64_t *sum_minor) {
  sm_i128 sum = 0;
  for (size_t i = p->first_line; i < p->bill->line_count; i++)
    if ((SM_LINE_BIT(p->bill->line[i].kind) & kinds) != 0) sum += p->bill->line[i].amount_minor;
  return sm_div_round_i128(sum, 1, sum_minor);
}

/* ---- on top ---- */
static sm_err add_percent(sm_pricing *p, sm_line_kind kind, const char *name, sm_line_set on,
                          int64_t percent_micro, size_t item) {
  sm_line_draft d = {.kind = kind,
                     .name = name,
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = "percent",
                     .rate_micro = percent_micro,
                     .source = {.item = item}};
  sm_err err = sm_price_sum(p, on, &d.quantity);
  if (err == SM_OK) err = sm_mul_div_round(d.quantity, percent_micro, 100000000, &d.amount_minor);
  return err == SM_OK ? sm_line_add(p->bill, &d) : err;
}

static sm_err price_surcharge(sm_pricing *p, size_t i) {
  const sm_surcharge *surcharge = &p->tariff->surcharge[i];
  if (!surcharge->per_kwh)
    return add_percent(p, SM_LINE_SURCHARGE, surcharge->name,
                       SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_TIME_OF_DAY),
                       surcharge->rate_micro, i + 1);
  int64_t low, high;
  int64_t sign = sm_price_range(p, &low, &high);
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

static sm_err price_surcharges(sm_pricing *p) {
  for (size_t i = 0; i < p->tariff->surcharge_count; i++) {
    sm_err err = price_surcharge(p, i);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

static sm_err price_taxes(sm_pricing *p) {
  for (size_t i = 0; i < p->tariff->tax_count; i++) {
    const sm_tax *tax = &p->tariff->tax[i];
    sm_err err = add_percent(p, SM_LINE_TAX, tax->name, tax->on, tax->percent_micro, i + 1);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

/* ---- the segment and the month ---- */
static sm_bill_demand demand_of(const sm_pricing *p) {
  const sm_demand_found *found = &p->segment->demand;
  return (sm_bill_demand){.charged = true,
                          .measured = found->measured,
                          .kw_centi = found->kw_centi,
                          .from_ms = found->from_ms,
                          .to_ms = found->to_ms,
                          .window_minutes = p->tariff->demand.window_minutes,
                          .skipped = found->skipped};
}

static sm_err add_windows(const sm_pricing *p, sm_bill_segment *out) {
  if (p->tariff->window_count == 0) return SM_OK;
  out->window = calloc(p->tariff->window_count, sizeof *out->window);
  if (out->window == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < p->tariff->window_count; i++) {
    sm_bill_window *window = &out->window[out->window_count++];
    *window = (sm_bill_window){.name = strdup(p->tariff->window[i].name),
                               .use_wh = p->segment->window[i].use_wh,
                               .untimed_wh = p->segment->window[i].untimed_wh};
    if (window->name == NULL) return SM_ERR_NOMEM;
  }
  return SM_OK;
}

static sm_err add_segment(sm_pricing *p) {
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
  if (p->tariff->has_demand) out->demand = demand_of(p);
  return out->tariff != NULL ? add_windows(p, out) : SM_ERR_NOMEM;
}

static sm_err price_segment(sm_pricing *p) {
  sm_err err = sm_price_energy(p);
  if (err == SM_OK) err = sm_price_time_of_day(p);
  if (err == SM_OK) err = sm_price_demand(p);
  if (err == SM_OK) err = sm_price_fixed(p);
  if (err == SM_OK) err = price_surcharges(p);
  if (err == SM_OK) err = sm_price_minimum(p);
  if (err == SM_OK) err = price_taxes(p);
  return err == SM_OK ? add_segment(p) : err;
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
static sm_err round_total(sm_pricing *p) {
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
  sm_pricing p = {.in = in, .bill = bill, .digits = digits, .unit_micro = sm_pow10(6 - digits)};
  for (size_t i = 0; i < in->segment_count; i++) p.bill_days += in->segment[i].days;
  p.month_wh = sm_price_floor(in->segment[in->segment_count - 1].end_wh);
  sm_err err = SM_OK;
  for (size_t i = 0; i < in->segment_count && err == SM_OK; i++) {
    p.segment = &in->segment[i];
    p.tariff = p.segment->tariff;
    p.first_line = bill->line_count;
    err = price_segment(&p);
  }
  for (size_t i = 0; i < in->true_up_count && err == SM_OK; i++)
    err = sm_price_true_up(&p, &in->true_up[i]);
  if (err == SM_OK) err = add_up(bill);
  return err == SM_OK ? round_total(&p) : err;
}
