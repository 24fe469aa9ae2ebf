/* Segments and lines: what each line was priced from. */
#include "billing/explain_internal.h"

#include "base/checked.h"

static const sm_line_set PERCENT_OF =
    SM_LINE_BIT(SM_LINE_ENERGY) | SM_LINE_BIT(SM_LINE_TIME_OF_DAY);
static const sm_line_set MINIMUM_OF = SM_LINE_BIT(SM_LINE_ENERGY) |
                                      SM_LINE_BIT(SM_LINE_TIME_OF_DAY) |
                                      SM_LINE_BIT(SM_LINE_DEMAND) | SM_LINE_BIT(SM_LINE_FIXED);

/* ---- segments ---- */
static sm_err explain_segment(sm_explainer *x, size_t i) {
  const sm_price_segment *segment = &x->c->segment[i];
  sm_jsonw_object(x->w);
  sm_explain_time(x, "from", segment->from_ms);
  sm_explain_time(x, "to", segment->to_ms);
  sm_jsonw_key_int(x->w, "days", segment->days);
  sm_jsonw_key_int(x->w, "month_days", x->c->month_days);
  sm_jsonw_key_decimal(x->w, "used_before_kwh", segment->start_wh, 3);
  sm_jsonw_key_decimal(x->w, "used_until_kwh", segment->end_wh, 3);
  sm_jsonw_key_int(x->w, "version", segment->tariff->version);
  sm_jsonw_key(x->w, "tariff");
  sm_tariff_write_json(x->w, segment->tariff);
  sm_explain_rule(x, SM_RULE_SEGMENT);
  if (segment->start_wh < 0 || segment->end_wh < 0) x->named[SM_RULE_USE_FLOOR] = true;
  sm_err err = sm_explain_windows(x, i);
  sm_explain_demand(x, segment);
  sm_jsonw_object_end(x->w);
  return err;
}

sm_err sm_explain_segments(sm_explainer *x) {
  sm_err err = SM_OK;
  sm_jsonw_key(x->w, "segments");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < x->c->segment_count && err == SM_OK; i++) err = explain_segment(x, i);
  sm_jsonw_array_end(x->w);
  return err;
}

/* ---- one line ---- */
typedef struct subject {
  const sm_bill_line *line;
  size_t at;                       /* in the bill */
  const sm_bill_segment *part;     /* NULL: of the month as a whole */
  const sm_price_segment *segment; /* the same; NULL likewise */
} subject;

/* The segment's lines of some kinds that stand before this one: what it is a per cent of. */
static void write_base(sm_explainer *x, const subject *s, sm_line_set kinds) {
  sm_jsonw_key(x->w, "of_lines");
  sm_jsonw_array(x->w);
  for (size_t i = s->part->first_line; i < s->at; i++)
    if ((SM_LINE_BIT(x->c->bill->line[i].kind) & kinds) != 0) sm_jsonw_int(x->w, (int64_t)i);
  sm_jsonw_array_end(x->w);
}

static void say_product(sm_explainer *x, const subject *s, const char *unit) {
  char quantity[SM_DECIMAL_TEXT_MAX];
  sm_explain_text(x, "%s %s × %s = %s",
                  sm_decimal_format(s->line->quantity, s->line->quantity_places,
                                    s->line->quantity_min_places, quantity),
                  unit, sm_figure_rate(s->line->rate_micro).text,
                  sm_figure_money(x, s->line->amount_minor).text);
}

static void say_percent(sm_explainer *x, const subject *s) {
  char percent[SM_DECIMAL_TEXT_MAX];
  sm_explain_text(x, "%s %% of %s = %s", sm_decimal_format(s->line->rate_micro, 6, 0, percent),
                  sm_figure_money(x, s->line->quantity).text,
                  sm_figure_money(x, s->line->amount_minor).text);
}

static void write_place(sm_explainer *x, const sm_line_source *source) {
  sm_jsonw_key_decimal(x->w, "from_kwh", source->from_wh, 3);
  sm_jsonw_key_decimal(x->w, "to_kwh", source->to_wh, 3);
}

static void explain_energy(sm_explainer *x, const subject *s) {
  static const sm_rule rule[2][2] = {{SM_RULE_ENERGY_TELESCOPIC, SM_RULE_ENERGY_PRORATED},
                                     {SM_RULE_ENERGY_WHOLE_USE, SM_RULE_ENERGY_WHOLE_USE_PRORATED}};
  const sm_tariff *tariff = s->segment->tariff;
  const sm_line_source *source = &s->line->source;
  sm_jsonw_key_decimal(x->w, "slab_from_kwh", source->slab_from_wh, 3);
  if (tariff->slab[source->item - 1].open)
    sm_jsonw_key_null(x->w, "slab_to_kwh");
  else
    sm_jsonw_key_decimal(x->w, "slab_to_kwh", source->slab_to_wh, 3);
  write_place(x, source);
  sm_explain_rule(x, rule[tariff->slab_mode == SM_SLAB_WHOLE_USE][tariff->prorate_slabs]);
  say_product(x, s, "kWh");
}

static void explain_time_of_day(sm_explainer *x, const subject *s) {
  const sm_window_use *window = &s->segment->window[s->line->source.item - 1];
  char percent[SM_DECIMAL_TEXT_MAX];
  int64_t energy_minor = 0;
  write_base(x, s, SM_LINE_BIT(SM_LINE_ENERGY));
  for (size_t i = s->part->first_line; i < s->at; i++)
    if (x->c->bill->line[i].kind == SM_LINE_ENERGY)
      energy_minor += x->c->bill->line[i].amount_minor;
  sm_jsonw_key_int(x->w, "window", (int64_t)s->line->source.item - 1);
  sm_jsonw_key_decimal(x->w, "window_kwh", window->use_wh, 3);
  sm_jsonw_key_decimal(x->w, "segment_kwh", s->part->use_wh, 3);
  sm_explain_rule(x, SM_RULE_TIME_OF_DAY);
  sm_explain_text(x, "%s %% of %s × %s kWh / %s kWh = %s",
                  sm_decimal_format(s->line->rate_micro, 6, 0, percent),
                  sm_figure_money(x, energy_minor).text, sm_figure_kwh(window->use_wh).text,
                  sm_figure_kwh(s->part->use_wh).text,
                  sm_figure_money(x, s->line->amount_minor).text);
}

static void explain_demand_line(sm_explainer *x, const subject *s) {
  char kw[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_key_decimal(x->w, "kw", s->segment->demand.kw_centi, 2);
  sm_jsonw_key_int(x->w, "days", s->part->days);
  sm_jsonw_key_int(x->w, "month_days", s->part->month_days);
  sm_explain_rule(x, SM_RULE_DEMAND);
  sm_explain_text(x, "%s kW × %s × %d / %d days = %s",
                  sm_decimal_format(s->segment->demand.kw_centi, 2, 2, kw),
                  sm_figure_rate(s->line->rate_micro).text, (int)s->part->days,
                  (int)s->part->month_days, sm_figure_money(x, s->line->amount_minor).text);
}

static void explain_fixed(sm_explainer *x, const subject *s) {
  bool per_kw = s->line->source.item == 2;
  char load[SM_DECIMAL_TEXT_MAX] = "1";
  sm_jsonw_key_int(x->w, "days", s->part->days);
  sm_jsonw_key_int(x->w, "month_days", s->part->month_days);
  if (per_kw) {
    sm_jsonw_key_decimal(x->w, "sanctioned_load_kw", x->c->input->sanctioned_load_w, 3);
    (void)sm_decimal_format(x->c->input->sanctioned_load_w, 3, 0, load);
  }
  sm_explain_rule(x, per_kw ? SM_RULE_FIXED_PER_KW : SM_RULE_FIXED_MONTH);
  sm_explain_text(x, "%s × %s %s × %d / %d days = %s", sm_figure_rate(s->line->rate_micro).text,
                  load, per_kw ? "kW" : "month", (int)s->part->days, (int)s->part->month_days,
                  sm_figure_money(x, s->line->amount_minor).text);
}

static void explain_surcharge(sm_explainer *x, const subject *s) {
  if (!s->segment->tariff->surcharge[s->line->source.item - 1].per_kwh) {
    write_base(x, s, PERCENT_OF);
    sm_explain_rule(x, SM_RULE_SURCHARGE_PERCENT);
    say_percent(x, s);
    return;
  }
  write_place(x, &s->line->source);
  sm_explain_rule(x, SM_RULE_SURCHARGE_PER_KWH);
  say_product(x, s, "kWh");
}

static void explain_minimum(sm_explainer *x, const subject *s) {
  write_base(x, s, MINIMUM_OF);
  sm_explain_rate(x, "charge", s->segment->tariff->minimum_charge_micro);
  sm_jsonw_key_int(x->w, "days", s->part->days);
  sm_jsonw_key_int(x->w, "month_days", s->part->month_days);
  sm_explain_rule(x, SM_RULE_MINIMUM);
  sm_explain_text(x, "%s × %d / %d days = %s; less %s = %s",
                  sm_figure_rate(s->segment->tariff->minimum_charge_micro).text, (int)s->part->days,
                  (int)s->part->month_days, sm_figure_rate(s->line->rate_micro).text,
                  sm_figure_money(x, s->line->quantity).text,
                  sm_figure_money(x, s->line->amount_minor).text);
}

/* Corrections are worked out in their own month. */
static void explain_correction(sm_explainer *x, const subject *s) {
  sm_explain_rule(x, s->line->kind == SM_LINE_TAX ? SM_RULE_TRUE_UP_TAX : SM_RULE_TRUE_UP);
  sm_explain_text(x, "%s", sm_figure_money(x, s->line->amount_minor).text);
}

static void explain_tax(sm_explainer *x, const subject *s) {
  write_base(x, s, s->segment->tariff->tax[s->line->source.item - 1].on);
  sm_explain_rule(x, SM_RULE_TAX);
  say_percent(x, s);
}

static void explain_rounding(sm_explainer *x, const subject *s) {
  int64_t total_minor = 0;
  sm_explain_rule(x, SM_RULE_ROUNDING);
  if (sm_add_i64(s->line->quantity, s->line->amount_minor, &total_minor) != SM_OK) return;
  sm_explain_text(x, "%s to the nearest %s is %s: %s", sm_figure_money(x, s->line->quantity).text,
                  sm_figure_rate(s->line->rate_micro).text, sm_figure_money(x, total_minor).text,
                  sm_figure_money(x, s->line->amount_minor).text);
}

/* Lines of the month as a whole: rounding, and corrections of other months. */
static void explain_of_month(sm_explainer *x, const subject *s) {
  if (s->line->kind == SM_LINE_ROUNDING)
    explain_rounding(x, s);
  else
    explain_correction(x, s);
}

static void explain_of_segment(sm_explainer *x, const subject *s) {
  switch (s->line->kind) {
  case SM_LINE_ENERGY:
    explain_energy(x, s);
    break;
  case SM_LINE_TIME_OF_DAY:
    explain_time_of_day(x, s);
    break;
  case SM_LINE_DEMAND:
    explain_demand_line(x, s);
    break;
  case SM_LINE_FIXED:
    explain_fixed(x, s);
    break;
  case SM_LINE_SURCHARGE:
    explain_surcharge(x, s);
    break;
  case SM_LINE_MINIMUM:
    explain_minimum(x, s);
    break;
  case SM_LINE_TAX:
    explain_tax(x, s);
    break;
  case SM_LINE_TRUE_UP:
  case SM_LINE_ROUNDING:
  case SM_LINE_KIND_COUNT: /* none of a segment */
    break;
  }
}

/* Which segment a line belongs to; the count of them: none. */
static size_t segment_of(const sm_bill *bill, size_t line) {
  size_t i = 0;
  while (i < bill->segment_count &&
         (line < bill->segment[i].first_line ||
          line >= bill->segment[i].first_line + bill->segment[i].line_count))
    i++;
  return i;
}

static void explain_line(sm_explainer *x, size_t at) {
  const sm_bill *bill = x->c->bill;
  size_t segment = segment_of(bill, at);
  subject s = {.line = &bill->line[at], .at = at};
  sm_jsonw_object(x->w);
  sm_jsonw_key_int(x->w, "line", (int64_t)at);
  if (segment < bill->segment_count) {
    s.part = &bill->segment[segment];
    s.segment = &x->c->segment[segment];
    sm_jsonw_key_int(x->w, "segment", (int64_t)segment);
  } else {
    sm_jsonw_key_null(x->w, "segment");
  }
  sm_jsonw_key_text(x->w, "kind", sm_line_kind_name(s.line->kind));
  sm_jsonw_key_text(x->w, "name", s.line->name);
  sm_explain_money(x, "amount", s.line->amount_minor);
  if (s.part != NULL && s.segment != NULL)
    explain_of_segment(x, &s);
  else
    explain_of_month(x, &s);
  sm_jsonw_object_end(x->w);
}

void sm_explain_lines(sm_explainer *x) {
  sm_jsonw_key(x->w, "lines");
  sm_jsonw_array(x->w);
  for (size_t i = 0; i < x->c->bill->line_count; i++) explain_line(x, i);
  sm_jsonw_array_end(x->w);
}
