#include "alerts/limits.h"

#include "base/decimal.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum limit_type { FLAG, MILLI, TIME, MONEY } limit_type;

typedef struct limit_row {
  sm_alert_kind kind;
  const char *member;
  limit_type type;
  int64_t otherwise;
  int64_t min;
  int64_t max;
} limit_row;

static const limit_row rows[SM_LIMITS] = {
#define SM_ALERT_LIMIT(code, kind, member, type, default_, min, max)                               \
  {SM_ALERT_##kind, member, type, default_, min, max},
#include "alerts/limits.def"
#undef SM_ALERT_LIMIT
};

void sm_alert_limits_default(sm_alert_limits *limits) {
  *limits = (sm_alert_limits){.modulus_wh = 10000000, .max_power_w = 23000};
  for (int i = 0; i < SM_LIMITS; i++) limits->value[i] = rows[i].otherwise;
}

/* ---- reading ---- */

static void tell_range(const limit_row *row, const char *field, sm_problems *problems) {
  char low[SM_DECIMAL_TEXT_MAX];
  char high[SM_DECIMAL_TEXT_MAX];
  sm_problems_add(problems, field, "must be a number from %s to %s, of at most 3 decimals",
                  sm_decimal_format(row->min, 3, 0, low), sm_decimal_format(row->max, 3, 0, high));
}

static bool read_milli(const limit_row *row, const json_t *value, int64_t *out) {
  char text[64];
  int64_t got = 0;
  if (json_is_integer(value)) {
    if (json_integer_value(value) > row->max / 1000) return false;
    if (json_integer_value(value) < -row->max / 1000) return false;
    got = json_integer_value(value) * 1000;
  } else {
    /* Only to print it as it was written: what is kept are the digits. */
    if (!json_is_real(value)) return false;
    int len = snprintf(text, sizeof text, "%.15g", json_real_value(value));
    if (len <= 0 || sm_decimal_parse(text, (size_t)len, 3, &got) != SM_OK) return false;
  }
  if (got < row->min || got > row->max) return false;
  *out = got;
  return true;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool read_time(const json_t *value, int64_t *out) {
  const char *t = json_string_value(value);
  if (t == NULL || json_string_length(value) != 5 || t[2] != ':' || !is_digit(t[0]) ||
      !is_digit(t[1]) || !is_digit(t[3]) || !is_digit(t[4]))
    return false;
  int hour = (t[0] - '0') * 10 + t[1] - '0';
  int minute = (t[3] - '0') * 10 + t[4] - '0';
  if (hour > 23 || minute > 59) return false;
  *out = hour * 60 + minute;
  return true;
}

static bool read_money(const limit_row *row, const json_t *value, const char *currency,
                       int64_t *out) {
  int64_t got = 0;
  if (!json_is_string(value) ||
      sm_decimal_parse(json_string_value(value), json_string_length(value),
                       sm_currency_digits(currency), &got) != SM_OK ||
      got < row->min || got > row->max)
    return false;
  *out = got;
  return true;
}

static void read_value(const limit_row *row, const char *field, const json_t *value,
                       const char *currency, int64_t *out, sm_problems *problems) {
  switch (row->type) {
  case FLAG:
    if (json_is_boolean(value))
      *out = json_is_true(value);
    else
      sm_problems_add(problems, field, "must be true or false");
    break;
  case MILLI:
    if (!read_milli(row, value, out)) tell_range(row, field, problems);
    break;
  case TIME:
    if (!read_time(value, out))
      sm_problems_add(problems, field, "must be a time of the day such as \"22:30\"");
    break;
  case MONEY:
    if (!read_money(row, value, currency, out))
      sm_problems_add(problems, field, "must be an amount as a text such as \"1500.00\"");
    break;
  }
}

static int find_row(sm_alert_kind kind, const char *member) {
  for (int i = 0; i < SM_LIMITS; i++)
    if (rows[i].kind == kind && strcmp(rows[i].member, member) == 0) return i;
  return -1;
}

static void read_kind(sm_alert_kind kind, const json_t *object, const char *currency,
                      sm_alert_limits *limits, sm_problems *problems) {
  const char *member;
  const json_t *value;
  /* jansson's loop wants what it may change, and changes nothing. */
  for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
       at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
    char field[96];
    member = json_object_iter_key(at);
    value = json_object_iter_value(at);
    (void)snprintf(field, sizeof field, "%s.%.40s", sm_alert_kind_name(kind), member);
    int row = find_row(kind, member);
    if (row < 0)
      sm_problems_add(problems, field, "is not known");
    else if (!json_is_null(value))
      read_value(&rows[row], field, value, currency, &limits->value[row], problems);
  }
}

/* A window of no length would be a rule that silently never holds. */
static void check_windows(const sm_alert_limits *limits, sm_problems *problems) {
  const int64_t *v = limits->value;
  if (v[SM_LIMIT_ODD_FROM] == v[SM_LIMIT_ODD_TO])
    sm_problems_add(problems, "odd_hours.to", "must differ from \"from\"");
  if (v[SM_LIMIT_NIGHT_FROM] >= v[SM_LIMIT_NIGHT_TO])
    sm_problems_add(problems, "night_baseload.to", "must be later than \"from\" on the same day");
  if (v[SM_LIMIT_LOW_AT] + v[SM_LIMIT_LOW_HYSTERESIS] >= v[SM_LIMIT_HIGH_AT])
    sm_problems_add(problems, "voltage_low.below_v",
                    "must be below voltage_high.above_v, hysteresis included");
}

void sm_alert_limits_read(const json_t *object, const char *currency, sm_alert_limits *limits,
                          sm_problems *problems) {
  for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
       at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
    char field[48];
    sm_alert_kind kind;
    const char *name = json_object_iter_key(at);
    const json_t *value = json_object_iter_value(at);
    (void)snprintf(field, sizeof field, "%.40s", name);
    if (sm_alert_kind_parse(name, &kind) != SM_OK)
      sm_problems_add(problems, field, "is no kind of alert");
    else if (json_is_object(value))
      read_kind(kind, value, currency, limits, problems);
    else if (!json_is_null(value))
      sm_problems_add(problems, field, "must be an object");
  }
  check_windows(limits, problems);
}

sm_err sm_alert_limits_read_text(const char *text, const char *currency, sm_alert_limits *limits) {
  sm_problems problems = {.count = 0};
  sm_alert_limits read = *limits;
  json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(object)) {
    json_decref(object);
    return SM_ERR_CORRUPT;
  }
  sm_alert_limits_read(object, currency, &read, &problems);
  json_decref(object);
  if (problems.count > 0) return SM_ERR_CORRUPT;
  *limits = read;
  return SM_OK;
}

/* ---- writing ---- */

static void write_value(sm_jsonw *w, const limit_row *row, int64_t value, const char *currency) {
  char text[8];
  sm_jsonw_key(w, row->member);
  switch (row->type) {
  case FLAG:
    sm_jsonw_bool(w, value != 0);
    break;
  case MILLI:
    /* Only a limit that must be set by somebody has a default of nothing. */
    if (value == 0 && row->otherwise == 0)
      sm_jsonw_null(w);
    else
      sm_jsonw_decimal(w, value, 3);
    break;
  case TIME:
    (void)snprintf(text, sizeof text, "%02d:%02d", (int)(value / 60) % 24, (int)(value % 60));
    sm_jsonw_text(w, text);
    break;
  case MONEY:
    if (value == 0)
      sm_jsonw_null(w);
    else
      sm_jsonw_decimal_text(w, value, sm_currency_digits(currency));
    break;
  }
}

void sm_alert_limits_write(sm_jsonw *w, const sm_alert_limits *limits, const char *currency) {
  sm_jsonw_object(w);
  for (int i = 0; i < SM_LIMITS; i++) {
    bool first = i == 0 || rows[i].kind != rows[i - 1].kind;
    bool last = i + 1 == SM_LIMITS || rows[i].kind != rows[i + 1].kind;
    if (first) {
      sm_jsonw_key(w, sm_alert_kind_name(rows[i].kind));
      sm_jsonw_object(w);
    }
    write_value(w, &rows[i], limits->value[i], currency);
    if (last) sm_jsonw_object_end(w);
  }
  sm_jsonw_object_end(w);
}

static void write_given_kind(sm_jsonw *w, sm_alert_kind kind, const json_t *given) {
  sm_jsonw_key(w, sm_alert_kind_name(kind));
  sm_jsonw_object(w);
  for (int i = 0; i < SM_LIMITS; i++) {
    const json_t *value = rows[i].kind == kind ? json_object_get(given, rows[i].member) : NULL;
    if (value == NULL || json_is_null(value)) continue;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    sm_jsonw_key(w, rows[i].member);
    if (text != NULL)
      sm_jsonw_raw(w, text, strlen(text));
    else
      w->buf->err = SM_ERR_NOMEM;
    free(text);
  }
  sm_jsonw_object_end(w);
}

void sm_alert_limits_write_given(sm_jsonw *w, const json_t *object) {
  sm_jsonw_object(w);
  for (int kind = 0; kind < SM_ALERT_KINDS; kind++) {
    const json_t *given = json_object_get(object, sm_alert_kind_name((sm_alert_kind)kind));
    if (json_is_object(given)) write_given_kind(w, (sm_alert_kind)kind, given);
  }
  sm_jsonw_object_end(w);
}

bool sm_alert_limits_on(const sm_alert_limits *limits, sm_alert_kind kind) {
  for (int i = 0; i < SM_LIMITS; i++)
    if (rows[i].kind == kind && rows[i].type == FLAG) return limits->value[i] != 0;
  return false;
}
