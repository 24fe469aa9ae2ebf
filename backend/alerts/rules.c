#include "alerts/rules.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };

bool sm_alert_is_open(const sm_alert_state *state, sm_alert_kind kind) {
  return (state->open & (1u << kind)) != 0;
}

void sm_alert_set_open(sm_alert_state *state, sm_alert_kind kind, bool open) {
  uint16_t bit = (uint16_t)(1u << kind);
  state->open = (uint16_t)(open ? state->open | bit : state->open & ~bit);
  state->since_s[kind] = 0;
}

static void change(sm_alert_state *state, sm_alert_kind kind, bool opens, int64_t at_ms,
                   int64_t value, int64_t limit, const sm_alert_sink *sink) {
  sm_alert_set_open(state, kind, opens);
  sink->change(sink->context, kind, opens, at_ms, value, limit);
}

static void end(sm_alert_state *state, sm_alert_kind kind, int64_t at_ms,
                const sm_alert_sink *sink) {
  change(state, kind, false, at_ms, 0, 0, sink);
}

/* ---- what must hold for a time ---- */

typedef struct held {
  sm_alert_kind kind;
  bool bad;  /* the condition */
  bool good; /* its opposite, with hysteresis; neither: what was begun stays as it is */
  int64_t for_ms;
  int64_t clear_ms;
  int64_t value;
  int64_t limit;
} held;

static void hold(sm_alert_state *state, const held *h, int64_t at_ms, const sm_alert_sink *sink) {
  uint32_t *since = &state->since_s[h->kind];
  bool open = sm_alert_is_open(state, h->kind);
  bool wanted = open ? h->good : h->bad;
  if (!wanted) {
    *since = 0;
    return;
  }
  uint32_t now_s = (uint32_t)(at_ms / 1000);
  if (*since == 0) *since = now_s;
  int64_t began_ms = (int64_t)*since * 1000;
  if (at_ms - began_ms < (open ? h->clear_ms : h->for_ms)) return;
  /* What begins and counts with this reading has its instant to the ms. */
  change(state, h->kind, !open, *since == now_s ? at_ms : began_ms, open ? 0 : h->value,
         open ? 0 : h->limit, sink);
}

static int64_t less_percent(int64_t value, int64_t percent_milli) {
  return value - value / 1000 * percent_milli / 100;
}

static void judge_voltage(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                          const sm_alert_sink *sink) {
  const int64_t *v = l->value;
  const held low = {.kind = SM_ALERT_VOLTAGE_LOW,
                    .bad = v[SM_LIMIT_LOW_ON] != 0 && p->voltage_mv < v[SM_LIMIT_LOW_AT],
                    .good = p->voltage_mv >= v[SM_LIMIT_LOW_AT] + v[SM_LIMIT_LOW_HYSTERESIS],
                    .for_ms = v[SM_LIMIT_LOW_FOR],
                    .clear_ms = v[SM_LIMIT_LOW_CLEAR],
                    .value = p->voltage_mv,
                    .limit = v[SM_LIMIT_LOW_AT]};
  const held high = {.kind = SM_ALERT_VOLTAGE_HIGH,
                     .bad = v[SM_LIMIT_HIGH_ON] != 0 && p->voltage_mv > v[SM_LIMIT_HIGH_AT],
                     .good = p->voltage_mv <= v[SM_LIMIT_HIGH_AT] - v[SM_LIMIT_HIGH_HYSTERESIS],
                     .for_ms = v[SM_LIMIT_HIGH_FOR],
                     .clear_ms = v[SM_LIMIT_HIGH_CLEAR],
                     .value = p->voltage_mv,
                     .limit = v[SM_LIMIT_HIGH_AT]};
  hold(s, &low, p->ts_ms, sink);
  hold(s, &high, p->ts_ms, sink);
}

static void judge_power(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                        const sm_alert_sink *sink) {
  const int64_t *v = l->value;
  int64_t most = v[SM_LIMIT_OVERLOAD_AT] != 0 ? v[SM_LIMIT_OVERLOAD_AT] : l->sanctioned_load_mw;
  bool on = v[SM_LIMIT_OVERLOAD_ON] != 0 && most > 0;
  const held h = {.kind = SM_ALERT_OVERLOAD,
                  .bad = on && p->power_mw > most,
                  .good = !on || p->power_mw <= less_percent(most, v[SM_LIMIT_OVERLOAD_HYSTERESIS]),
                  .for_ms = v[SM_LIMIT_OVERLOAD_FOR],
                  .clear_ms = v[SM_LIMIT_OVERLOAD_CLEAR],
                  .value = p->power_mw,
                  .limit = most};
  hold(s, &h, p->ts_ms, sink);
}

static bool within(int64_t from, int64_t to, int minute) {
  if (from <= to) return minute >= from && minute < to;
  return minute >= from || minute < to;
}

static void judge_hours(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                        int minute, const sm_alert_sink *sink) {
  const int64_t *v = l->value;
  int64_t most = v[SM_LIMIT_ODD_AT];
  bool inside = v[SM_LIMIT_ODD_ON] != 0 && most > 0 &&
                within(v[SM_LIMIT_ODD_FROM], v[SM_LIMIT_ODD_TO], minute);
  const held h = {.kind = SM_ALERT_ODD_HOURS,
                  .bad = inside && p->power_mw > most,
                  .good = !inside || p->power_mw <= less_percent(most, v[SM_LIMIT_ODD_HYSTERESIS]),
                  .for_ms = v[SM_LIMIT_ODD_FOR],
                  .clear_ms = v[SM_LIMIT_ODD_CLEAR],
                  .value = p->power_mw,
                  .limit = most};
  hold(s, &h, p->ts_ms, sink);
}

/* ---- the register ---- */

/* Whether a step up is one that the meter can have measured, as bills judge it. */
static bool plausible(const sm_alert_limits *l, int64_t step_wh, int64_t ms) {
  if (step_wh < 0) return false;
  return step_wh - 2 <= l->max_power_w * 6 / 5 * (ms / 1000 + 1) / 3600;
}

static void believe(sm_alert_state *s, int64_t ts_ms, int64_t wh) {
  s->good_ms = ts_ms;
  s->good_wh = wh;
  s->has_good = true;
  s->run_count = 0;
}

static void judge_run(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                      const sm_alert_sink *sink) {
  bool fell = s->run_first_wh < s->good_wh;
  bool rolled =
      fell && plausible(l, l->modulus_wh - s->good_wh + s->run_first_wh, s->run_ms - s->good_ms);
  bool wanted = l->value[SM_LIMIT_RESET_ON] != 0 && fell && !rolled;
  int64_t before_wh = s->good_wh;
  believe(s, p->ts_ms, p->energy_wh);
  if (!wanted) return;
  s->since_s[SM_ALERT_REGISTER_RESET] = 0;
  if (!sm_alert_is_open(s, SM_ALERT_REGISTER_RESET))
    change(s, SM_ALERT_REGISTER_RESET, true, s->run_ms, s->run_first_wh, before_wh, sink);
}

/* One reading makes no event: three must agree with each other. */
static void judge_register(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                           const sm_alert_sink *sink) {
  if (!s->has_good || plausible(l, p->energy_wh - s->good_wh, p->ts_ms - s->good_ms)) {
    believe(s, p->ts_ms, p->energy_wh);
  } else if (s->run_count > 0 &&
             plausible(l, p->energy_wh - s->run_last_wh, p->ts_ms - s->last_ms)) {
    s->run_count++;
    s->run_last_wh = p->energy_wh;
  } else {
    s->run_count = 1;
    s->run_ms = p->ts_ms;
    s->run_first_wh = s->run_last_wh = p->energy_wh;
  }
  if (s->run_count >= SM_ALERT_AGREE) judge_run(s, l, p, sink);
  const held h = {.kind = SM_ALERT_REGISTER_RESET,
                  .good = s->run_count == 0,
                  .clear_ms = l->value[SM_LIMIT_RESET_CLEAR]};
  if (sm_alert_is_open(s, SM_ALERT_REGISTER_RESET)) hold(s, &h, p->ts_ms, sink);
}

/* ---- silence ---- */

bool sm_alert_rules_silent(const sm_alert_state *state, const sm_alert_limits *limits,
                           int64_t now_ms) {
  return limits->value[SM_LIMIT_SILENT_ON] != 0 && state->last_ms != 0 &&
         !sm_alert_is_open(state, SM_ALERT_SILENT) &&
         now_ms - state->last_ms >= limits->value[SM_LIMIT_SILENT_AFTER];
}

void sm_alert_rules_silence(sm_alert_state *state, const sm_alert_limits *limits, int64_t now_ms,
                            const sm_alert_sink *sink) {
  if (!sm_alert_rules_silent(state, limits, now_ms)) return;
  change(state, SM_ALERT_SILENT, true, state->last_ms, now_ms - state->last_ms,
         limits->value[SM_LIMIT_SILENT_AFTER], sink);
}

/* One that catches up is back when it is at the present. */
static void judge_back(sm_alert_state *s, const sm_alert_limits *l, const sm_alert_point *p,
                       int64_t now_ms, const sm_alert_sink *sink) {
  const held h = {.kind = SM_ALERT_SILENT,
                  .good = now_ms - p->ts_ms < l->value[SM_LIMIT_SILENT_AFTER],
                  .clear_ms = l->value[SM_LIMIT_SILENT_CLEAR]};
  if (sm_alert_is_open(s, SM_ALERT_SILENT)) hold(s, &h, p->ts_ms, sink);
}

/* ---- a reading ---- */

void sm_alert_rules_reading(sm_alert_state *state, const sm_alert_limits *limits,
                            const sm_alert_point *point, int minute, int64_t now_ms,
                            const sm_alert_sink *sink) {
  if (state->last_ms != 0 && point->ts_ms <= state->last_ms) return;
  if (point->ts_ms - state->last_ms > SM_ALERT_GAP_MS)
    for (int kind = 0; kind < SM_ALERT_KINDS; kind++) state->since_s[kind] = 0;
  judge_back(state, limits, point, now_ms, sink);
  judge_voltage(state, limits, point, sink);
  judge_power(state, limits, point, sink);
  judge_hours(state, limits, point, minute, sink);
  judge_register(state, limits, point, sink);
  state->last_ms = point->ts_ms;
}

/* ---- nights ---- */

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Of the nights before; below 0: too few are known. */
static int64_t usual(const int64_t night_mw[SM_ALERT_NIGHTS + 1]) {
  int64_t known[SM_ALERT_NIGHTS];
  size_t count = 0;
  for (size_t i = 1; i <= SM_ALERT_NIGHTS; i++)
    if (night_mw[i] >= 0) known[count++] = night_mw[i];
  if (count < SM_ALERT_NIGHTS_MIN) return -1;
  qsort(known, count, sizeof known[0], by_size);
  return known[(count - 1) / 2];
}

void sm_alert_rules_night(sm_alert_state *state, const sm_alert_limits *limits,
                          const int64_t night_mw[SM_ALERT_NIGHTS + 1], int64_t at_ms,
                          const sm_alert_sink *sink) {
  const int64_t *v = limits->value;
  bool open = sm_alert_is_open(state, SM_ALERT_NIGHT_BASELOAD);
  int64_t median = usual(night_mw);
  if (v[SM_LIMIT_NIGHT_ON] == 0 || median < 0 || night_mw[0] < 0) return;
  int64_t rise = median * v[SM_LIMIT_NIGHT_PERCENT] / 100000;
  if (rise < v[SM_LIMIT_NIGHT_WATTS]) rise = v[SM_LIMIT_NIGHT_WATTS];
  if (!open && night_mw[0] >= median + rise && night_mw[0] > median)
    change(state, SM_ALERT_NIGHT_BASELOAD, true, at_ms, night_mw[0], median, sink);
  else if (open && night_mw[0] <= median + rise / 2)
    end(state, SM_ALERT_NIGHT_BASELOAD, at_ms, sink);
}

/* ---- budgets ---- */

static void judge_budget(sm_alert_state *s, sm_alert_kind kind, int64_t used, int64_t limit,
                         int64_t at_ms, const sm_alert_sink *sink) {
  bool open = sm_alert_is_open(s, kind);
  bool reached = limit > 0 && used >= limit;
  if (open && !reached)
    end(s, kind, at_ms, sink);
  else if (!open && reached)
    change(s, kind, true, at_ms, used, limit, sink);
}

void sm_alert_rules_month(sm_alert_state *state, const sm_alert_limits *limits,
                          const sm_alert_month *month, int64_t at_ms, const sm_alert_sink *sink) {
  const int64_t *v = limits->value;
  int64_t energy = v[SM_LIMIT_BUDGET_ENERGY_ON] != 0 ? v[SM_LIMIT_BUDGET_ENERGY_AT] : 0;
  int64_t money = v[SM_LIMIT_BUDGET_MONEY_ON] != 0 ? v[SM_LIMIT_BUDGET_MONEY_AT] : 0;
  judge_budget(state, SM_ALERT_BUDGET_ENERGY, month->energy_wh, energy, at_ms, sink);
  judge_budget(state, SM_ALERT_BUDGET_MONEY, month->total_minor, money, at_ms, sink);
}

/* ---- certificates, and what is switched off ---- */

void sm_alert_rules_certificate(sm_alert_state *state, const sm_alert_limits *limits,
                                int64_t ends_ms, int64_t now_ms, const sm_alert_sink *sink) {
  bool open = sm_alert_is_open(state, SM_ALERT_CERTIFICATE);
  int64_t left_ms = ends_ms - now_ms;
  int64_t days_milli = left_ms / (DAY_MS / 1000);
  int64_t limit = limits->value[SM_LIMIT_CERTIFICATE_DAYS];
  bool on = limits->value[SM_LIMIT_CERTIFICATE_ON] != 0 && ends_ms != 0;
  if (!open && on && days_milli < limit)
    change(state, SM_ALERT_CERTIFICATE, true, now_ms, days_milli, limit, sink);
  else if (open && (!on || days_milli >= limit + 1000))
    end(state, SM_ALERT_CERTIFICATE, now_ms, sink);
}

static bool judged(const sm_alert_limits *l, sm_alert_kind kind) {
  const int64_t *v = l->value;
  switch (kind) {
  case SM_ALERT_OVERLOAD:
    return v[SM_LIMIT_OVERLOAD_AT] > 0 || l->sanctioned_load_mw > 0;
  case SM_ALERT_ODD_HOURS:
    return v[SM_LIMIT_ODD_AT] > 0;
  case SM_ALERT_BUDGET_ENERGY:
    return v[SM_LIMIT_BUDGET_ENERGY_AT] > 0;
  case SM_ALERT_BUDGET_MONEY:
    return v[SM_LIMIT_BUDGET_MONEY_AT] > 0;
  default:
    return true;
  }
}

void sm_alert_rules_switched(sm_alert_state *state, const sm_alert_limits *limits, int64_t at_ms,
                             const sm_alert_sink *sink) {
  for (int i = 0; i < SM_ALERT_KINDS; i++) {
    sm_alert_kind kind = (sm_alert_kind)i;
    if (sm_alert_is_open(state, kind) &&
        (!sm_alert_limits_on(limits, kind) || !judged(limits, kind)))
      end(state, kind, at_ms, sink);
  }
}
