#include "model/alert.h"

#include "base/clock.h"
#include "model/money.h"

#include <string.h>

static const char *const names[SM_ALERT_KINDS] = {
#define SM_ALERT_KIND(code, name, unit) name,
#include "model/alert.def"
#undef SM_ALERT_KIND
};

static const char *const units[SM_ALERT_KINDS] = {
#define SM_ALERT_KIND(code, name, unit) unit,
#include "model/alert.def"
#undef SM_ALERT_KIND
};

const char *sm_alert_kind_name(sm_alert_kind kind) {
  return names[kind];
}

const char *sm_alert_kind_unit(sm_alert_kind kind) {
  return units[kind];
}

sm_err sm_alert_kind_parse(const char *name, sm_alert_kind *kind) {
  for (int i = 0; i < SM_ALERT_KINDS; i++)
    if (strcmp(names[i], name) == 0) {
      *kind = (sm_alert_kind)i;
      return SM_OK;
    }
  return SM_ERR_NOT_FOUND;
}

const char *sm_alert_state_name(const sm_alert *alert) {
  return alert->ended ? "ended" : alert->acknowledged ? "acknowledged" : "open";
}

static void write_instant(sm_jsonw *w, const char *key, bool has, int64_t ms) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, key, has ? sm_rfc3339_format(ms, text) : NULL);
}

static void write_amount(sm_jsonw *w, const char *key, const sm_alert *alert, int64_t value,
                         const char *currency) {
  if (alert->kind == SM_ALERT_BUDGET_MONEY)
    sm_money_write_key(w, key, value, currency);
  else
    sm_jsonw_key_decimal(w, key, value, 3);
}

void sm_alert_write_json(sm_jsonw *w, const sm_alert *alert, const char *currency,
                         bool with_person) {
  bool of_site = alert->device_id[0] == '\0';
  const char *unit = units[alert->kind];
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "id", alert->alert_no);
  sm_jsonw_key_text(w, "kind", names[alert->kind]);
  sm_jsonw_key_text(w, "device_id", of_site ? NULL : alert->device_id);
  sm_jsonw_key_text(w, "subject", of_site ? alert->subject : NULL);
  sm_jsonw_key_text(w, "state", sm_alert_state_name(alert));
  write_amount(w, "value", alert, alert->value, currency);
  write_amount(w, "limit", alert, alert->limit, currency);
  sm_jsonw_key_text(w, "unit", unit[0] != '\0' ? unit : currency);
  write_instant(w, "opened_at", true, alert->opened_ms);
  write_instant(w, "found_at", true, alert->found_ms);
  write_instant(w, "ended_at", alert->ended, alert->ended_ms);
  write_instant(w, "acknowledged_at", alert->acknowledged, alert->acknowledged_ms);
  if (with_person)
    sm_jsonw_key_text(w, "acknowledged_by", alert->acknowledged ? alert->acknowledged_by : NULL);
  sm_jsonw_object_end(w);
}

static bool within(int from, int to, int minute) {
  if (from <= to) return minute >= from && minute < to;
  return minute >= from || minute < to;
}

/* A clock that is set meanwhile makes the first guess wrong by an hour; then another is made. */
int64_t sm_alert_quiet_until(const sm_zone *zone, int from_minute, int to_minute, int64_t at_ms) {
  enum { DAY_MINUTES = 1440, MINUTE_MS = 60000, GUESSES = 3 };
  int64_t until_ms = at_ms;
  for (int i = 0; i < GUESSES; i++) {
    int minute = sm_zone_minute_of_day(zone, until_ms);
    if (!within(from_minute, to_minute, minute)) break;
    int left = (to_minute - minute + DAY_MINUTES) % DAY_MINUTES;
    until_ms += (int64_t)left * MINUTE_MS - until_ms % MINUTE_MS;
  }
  return until_ms;
}
