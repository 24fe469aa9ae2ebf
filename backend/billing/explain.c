#include "billing/explain.h"

#include "billing/explain_internal.h"
#include "model/money.h"

#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_MAX = 512 };

/* ---- words ---- */
static const struct {
  const char *id;
  const char *text;
} rules[SM_RULE_COUNT] = {
#define SM_RULE(name, id, text) [SM_RULE_##name] = {id, text},
#include "billing/explain_rule.def"
#undef SM_RULE
};

void sm_explain_rule(sm_explainer *x, sm_rule rule) {
  x->named[rule] = true;
  sm_jsonw_key_text(x->w, "rule", rules[rule].id);
}

void sm_explain_text(sm_explainer *x, const char *format, ...) {
  char text[SENTENCE_MAX];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  sm_jsonw_key_text(x->w, "text", text);
}

void sm_explain_time(sm_explainer *x, const char *key, int64_t at_ms) {
  char text[40];
  sm_jsonw_key_text(x->w, key, sm_zone_format(x->c->input->zone, at_ms, text));
}

void sm_explain_money(sm_explainer *x, const char *key, int64_t minor) {
  sm_jsonw_key(x->w, key);
  sm_jsonw_decimal_text(x->w, minor, x->digits);
}

void sm_explain_rate(sm_explainer *x, const char *key, int64_t micro) {
  sm_jsonw_key_text(x->w, key, sm_figure_rate(micro).text);
}

static sm_figure figure(int64_t value, unsigned places, unsigned min_places) {
  sm_figure out;
  (void)sm_decimal_format(value, places, min_places, out.text);
  return out;
}

sm_figure sm_figure_kwh(int64_t wh) {
  return figure(wh, 3, 3);
}

sm_figure sm_figure_money(const sm_explainer *x, int64_t minor) {
  return figure(minor, x->digits, x->digits);
}

sm_figure sm_figure_rate(int64_t micro) {
  return figure(micro, 6, 2);
}

/* ---- the period ---- */
static sm_rule period_rule(const sm_computed *c) {
  const sm_billing_input *in = c->input;
  sm_date first = {.year = in->year, .month = in->month, .day = 1};
  sm_date from = sm_zone_date(in->zone, c->from_ms);
  sm_date next = sm_date_add_months(first, 1);
  if (c->bill->days == 0) return SM_RULE_PERIOD_NOT_MEASURED;
  bool first_reading =
      sm_date_compare(from, first) > 0 && !(in->has_from && sm_date_compare(from, in->from) == 0);
  if (first_reading) return SM_RULE_PERIOD_FIRST_READING;
  bool ends = in->has_to && sm_date_compare(in->to, next) < 0;
  return sm_date_compare(from, first) > 0 || ends ? SM_RULE_PERIOD_TENANCY : SM_RULE_PERIOD_MONTH;
}

static void explain_period(sm_explainer *x) {
  const sm_computed *c = x->c;
  sm_jsonw_key(x->w, "period");
  sm_jsonw_object(x->w);
  sm_explain_time(x, "from", c->from_ms);
  sm_explain_time(x, "to", c->to_ms);
  sm_jsonw_key_int(x->w, "days", c->bill->days);
  sm_jsonw_key_int(x->w, "month_days", c->month_days);
  sm_jsonw_key_bool(x->w, "running", c->bill->running);
  sm_explain_rule(x, period_rule(c));
  sm_explain_text(x, "%d of the month's %d days are charged.", (int)c->bill->days,
                  (int)c->month_days);
  sm_jsonw_object_end(x->w);
}

/* ---- totals ---- */
static void explain_totals(sm_explainer *x) {
  const sm_bill *bill = x->c->bill;
  sm_jsonw_key(x->w, "totals");
  sm_jsonw_object(x->w);
  sm_explain_money(x, "subtotal", bill->subtotal_minor);
  sm_explain_money(x, "tax", bill->tax_minor);
  sm_explain_money(x, "rounding", bill->rounding_minor);
  sm_explain_money(x, "total", bill->total_minor);
  sm_explain_rule(x, SM_RULE_TOTAL);
  sm_explain_text(x, "%s + %s + %s = %s %s", sm_figure_money(x, bill->subtotal_minor).text,
                  sm_figure_money(x, bill->tax_minor).text,
                  sm_figure_money(x, bill->rounding_minor).text,
                  sm_figure_money(x, bill->total_minor).text, bill->currency);
  sm_jsonw_object_end(x->w);
}

/* ---- the projection ---- */
static void explain_days(sm_explainer *x, const sm_bill_projection *p) {
  sm_jsonw_key(x->w, "full_days_kwh");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < p->day_count; i++) sm_jsonw_decimal(x->w, p->day_wh[i], 3);
  sm_jsonw_array_end(x->w);
}

static void explain_projection(sm_explainer *x) {
  const sm_bill_projection *p = &x->c->bill->projection;
  if (!x->c->bill->has_projection) return;
  sm_jsonw_key(x->w, "projection");
  sm_jsonw_object(x->w);
  sm_jsonw_key_decimal(x->w, "so_far_kwh", p->so_far_wh, 3);
  sm_jsonw_key_decimal(x->w, "passed_s", p->passed_ms, 3);
  sm_jsonw_key_decimal(x->w, "rest_s", p->rest_ms, 3);
  sm_jsonw_key_decimal(x->w, "mean_day_kwh", p->mean_wh, 3);
  explain_days(x, p);
  sm_jsonw_key_decimal(x->w, "spread_kwh", p->spread_wh, 3);
  sm_jsonw_key_decimal(x->w, "low_day_kwh", p->low_day_wh, 3);
  sm_jsonw_key_decimal(x->w, "high_day_kwh", p->high_day_wh, 3);
  sm_jsonw_key_decimal(x->w, "consumption_kwh", p->consumption_wh, 3);
  sm_explain_money(x, "low", p->low_minor);
  sm_explain_money(x, "total", p->total_minor);
  sm_explain_money(x, "high", p->high_minor);
  sm_explain_rule(x, SM_RULE_PROJECTION);
  sm_explain_text(
      x,
      "%s kWh so far are %s kWh a day on average. The %zu full days so far lie %s kWh from their "
      "own average%s: a coming day is given %s to %s kWh, and the month priced by the same rules.",
      sm_figure_kwh(p->so_far_wh).text, sm_figure_kwh(p->mean_wh).text, p->day_count,
      sm_figure_kwh(p->spread_wh).text, p->day_count < 2 ? " (too few: a half is taken)" : "",
      sm_figure_kwh(p->low_day_wh).text, sm_figure_kwh(p->high_day_wh).text);
  sm_jsonw_object_end(x->w);
}

/* ---- the whole ---- */
static void explain_rules(sm_explainer *x) {
  sm_jsonw_key(x->w, "rules");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < SM_RULE_COUNT; i++) {
    if (!x->named[i]) continue;
    sm_jsonw_object(x->w);
    sm_jsonw_key_text(x->w, "rule", rules[i].id);
    sm_jsonw_key_text(x->w, "text", rules[i].text);
    sm_jsonw_object_end(x->w);
  }
  sm_jsonw_array_end(x->w);
}

static sm_err explain(void *context, const sm_computed *computed) {
  sm_explainer x = {.w = context, .c = computed};
  x.digits = sm_currency_digits(computed->bill->currency);
  x.unit_micro = sm_pow10(6 - x.digits);
  sm_jsonw_key_text(x.w, "zone", sm_zone_name(computed->input->zone));
  sm_jsonw_key(x.w, "bill");
  sm_bill_write_json(x.w, computed->bill, computed->input->zone);
  explain_period(&x);
  sm_explain_meters(&x);
  sm_err err = sm_explain_segments(&x);
  if (err != SM_OK) return err;
  sm_explain_lines(&x);
  explain_totals(&x);
  explain_projection(&x);
  explain_rules(&x);
  return x.w->buf->err;
}

sm_err sm_billing_explain(const sm_billing_input *input, sm_jsonw *w, sm_bill **bill) {
  return sm_billing_compute_seen(input, explain, w, bill);
}
