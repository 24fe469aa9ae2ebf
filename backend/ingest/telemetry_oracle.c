#include "ingest/telemetry_oracle.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t earliest_ms = 1577836800000; /* 2020-01-01T00:00:00Z */
static const int64_t ahead_max_ms = 5 * 60 * 1000;
static const int64_t default_modulus_wh = 10000000;

/* The numbers of a payload, in their order. */
typedef struct texts {
  const char **item;
  size_t *len;
  size_t count;
} texts;

/* Always false, so that a check can `return refuse(…)`. */
static bool refuse(sm_refusal *why, sm_refusal refusal) {
  *why = refusal;
  return false;
}

/* ---- numbers as they are written ---- */

static size_t digits(const char *text, size_t len) {
  size_t n = 0;
  while (n < len && text[n] >= '0' && text[n] <= '9') n++;
  return n;
}

/* Whether all of it is one number of JSON's grammar. */
static bool is_number(const char *text, size_t len) {
  size_t at = len > 0 && text[0] == '-' ? 1 : 0;
  size_t n = digits(text + at, len - at);
  if (n == 0 || (n > 1 && text[at] == '0')) return false;
  at += n;
  if (at < len && text[at] == '.') {
    at++;
    n = digits(text + at, len - at);
    if (n == 0) return false;
    at += n;
  }
  if (at < len && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    if (at < len && (text[at] == '-' || text[at] == '+')) at++;
    n = digits(text + at, len - at);
    if (n == 0) return false;
    at += n;
  }
  return at == len;
}

static bool is_whole(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') return false;
  return true;
}

/* What jansson is given for a number: itself, or a smaller one of its kind and sign. */
static void write_small(sm_buf *out, const char *text, size_t len) {
  char *copy = strndup(text, len);
  if (copy == NULL) abort();
  errno = 0;
  bool whole = is_whole(text, len);
  if (whole)
    (void)strtoll(copy, NULL, 10);
  else if (!isinf(strtod(copy, NULL)))
    errno = 0; /* too small for a double is 0 */
  bool beyond = errno == ERANGE;
  free(copy);
  if (!beyond)
    sm_buf_append(out, text, len);
  else
    sm_buf_append_text(out,
                       whole ? (text[0] == '-' ? "-7" : "7") : (text[0] == '-' ? "-7.5" : "7.5"));
}

/* The payload as jansson is given it; with `list`, numbers are replaced by their index in it. */
static void rewrite(const sm_telemetry_message *m, sm_buf *out, texts *list) {
  bool in_string = false;
  for (size_t i = 0; i < m->payload_len;) {
    char c = m->payload[i];
    size_t run = 0;
    if (!in_string && (c == '-' || (c >= '0' && c <= '9')))
      while (i + run < m->payload_len && m->payload[i + run] != '\0' &&
             strchr("-+.eE0123456789", m->payload[i + run]) != NULL)
        run++;
    if (run > 0 && is_number(m->payload + i, run)) {
      if (list == NULL) {
        write_small(out, m->payload + i, run);
      } else {
        sm_buf_printf(out, "%zu", list->count);
        list->item[list->count] = m->payload + i;
        list->len[list->count++] = run;
      }
      i += run;
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < m->payload_len) {
      sm_buf_append_char(out, c);
      c = m->payload[++i];
    }
    sm_buf_append_char(out, c == '\0' ? '\x01' : c);
    i++;
  }
  if (out->err != SM_OK) abort();
}

/* The digits of a number with the point moved `places` to the right: how many stand before the
 * point (may be less than 0, or more than there are), leading zeros left out. */
typedef struct decimal {
  bool negative;
  char *digit;
  int64_t count;
  int64_t point;
} decimal;

static decimal decimal_of(const char *text, size_t len, int places) {
  decimal d = {.negative = text[0] == '-', .digit = malloc(len + 1), .point = places};
  if (d.digit == NULL) abort();
  bool behind = false;
  size_t i = d.negative ? 1 : 0;
  for (; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
    if (text[i] == '.') {
      behind = true;
      continue;
    }
    bool leading = d.count == 0 && text[i] == '0';
    if (!leading) d.digit[d.count++] = text[i];
    if (!leading && !behind) d.point++;
    if (leading && behind) d.point--;
  }
  if (i < len) {
    errno = 0;
    long long exponent = strtoll(text + i + 1, NULL, 10);
    if (exponent > 100000000) exponent = 100000000;
    if (exponent < -100000000) exponent = -100000000;
    d.point += exponent;
  }
  while (d.count > 0 && d.digit[d.count - 1] == '0') d.count--;
  return d;
}

/* How the magnitude compares with a whole number, from the left: more digits before the point are
 * more, then digit by digit. */
static int compare_magnitude(const decimal *d, int64_t whole) {
  char other[32];
  (void)sm_decimal_format(whole, 0, 0, other);
  int64_t other_len = whole == 0 ? 0 : (int64_t)strlen(other);
  if (d->count == 0 || other_len == 0) return (d->count > 0) - (other_len > 0);
  if (d->point != other_len) return d->point < other_len ? -1 : 1;
  for (int64_t i = 0; i < d->count || i < other_len; i++) {
    char a = i < d->count ? d->digit[i] : '0';
    char b = i < other_len ? other[i] : '0';
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

static int compare(const decimal *d, int64_t whole) {
  bool negative = d->negative && d->count > 0;
  if (negative != (whole < 0)) return negative ? -1 : 1;
  int order = compare_magnitude(d, whole < 0 ? -whole : whole);
  return negative ? -order : order;
}

/* Half away from zero; only of a number in a range that an int64_t has. */
static int64_t rounded(const decimal *d) {
  int64_t value = 0;
  for (int64_t i = 0; i < d->point; i++)
    value = value * 10 + (i < d->count ? d->digit[i] - '0' : 0);
  if (d->count > 0 && d->point >= 0 && d->point < d->count && d->digit[d->point] >= '5') value++;
  return d->negative ? -value : value;
}

/* ---- members ---- */

/* A number that a member may have, kept in 10^-places. */
typedef struct field {
  const char *name;
  int places;
  int64_t low; /* in 10^-places */
  int64_t high;
} field;

static bool take_number(json_t *object, const texts *t, const field *f, bool required,
                        bool *present, int64_t *out, sm_refusal *why) {
  json_t *value = json_object_get(object, f->name);
  *present = value != NULL;
  if (value == NULL) return !required || refuse(why, SM_REFUSAL_MISSING);
  if (!json_is_integer(value)) return refuse(why, SM_REFUSAL_WRONG_TYPE);
  size_t index = (size_t)json_integer_value(value);
  decimal d = decimal_of(t->item[index], t->len[index], f->places);
  bool within = compare(&d, f->low) >= 0 && compare(&d, f->high) <= 0;
  if (within) *out = rounded(&d);
  free(d.digit);
  return within || refuse(why, SM_REFUSAL_OUT_OF_RANGE);
}

static bool take_u32(json_t *object, const texts *t, const char *name, bool *present, uint32_t *out,
                     sm_refusal *why) {
  const field f = {name, 0, 0, UINT32_MAX};
  json_t *value = json_object_get(object, name);
  size_t index = json_is_integer(value) ? (size_t)json_integer_value(value) : 0;
  if (json_is_integer(value) && !is_whole(t->item[index], t->len[index])) {
    *present = true;
    return refuse(why, SM_REFUSAL_WRONG_TYPE);
  }
  int64_t number = 0;
  if (!take_number(object, t, &f, false, present, &number, why)) return false;
  if (*present) *out = (uint32_t)number;
  return true;
}

static bool take_device_id(json_t *object, const char *topic_id, sm_refusal *why) {
  json_t *value = json_object_get(object, "device_id");
  if (value == NULL) return refuse(why, SM_REFUSAL_MISSING);
  if (!json_is_string(value)) return refuse(why, SM_REFUSAL_WRONG_TYPE);
  return strcmp(json_string_value(value), topic_id) == 0 || refuse(why, SM_REFUSAL_DEVICE_MISMATCH);
}

static bool take_timestamp(json_t *object, int64_t now_ms, int64_t *ts_ms, sm_refusal *why) {
  json_t *value = json_object_get(object, "timestamp");
  if (value == NULL) return refuse(why, SM_REFUSAL_MISSING);
  if (!json_is_string(value)) return refuse(why, SM_REFUSAL_WRONG_TYPE);
  int64_t instant;
  if (sm_rfc3339_parse(json_string_value(value), json_string_length(value), &instant) != SM_OK)
    return refuse(why, SM_REFUSAL_BAD_TIMESTAMP);
  if (instant < earliest_ms) return refuse(why, SM_REFUSAL_TOO_OLD);
  if (instant > now_ms + ahead_max_ms) return refuse(why, SM_REFUSAL_IN_FUTURE);
  *ts_ms = instant;
  return true;
}

static bool take_optional(json_t *object, const texts *t, sm_reading *r, sm_refusal *why) {
  static const field power_factor = {"power_factor", 3, 0, 1000};
  static const field rssi = {"rssi", 0, -127, 0};
  static const field frequency = {"frequency_hz", 3, 45000, 65000};
  bool present;
  int64_t value = 0;
  if (!take_number(object, t, &power_factor, false, &present, &value, why)) return false;
  if (present) {
    r->power_factor_milli = (int16_t)value;
    r->has |= SM_READING_POWER_FACTOR;
  }
  if (!take_number(object, t, &rssi, false, &present, &value, why)) return false;
  if (present) {
    r->rssi_dbm = (int16_t)value;
    r->has |= SM_READING_RSSI;
  }
  if (!take_number(object, t, &frequency, false, &present, &value, why)) return false;
  if (present) {
    r->frequency_mhz = (int32_t)value;
    r->has |= SM_READING_FREQUENCY;
  }
  if (!take_u32(object, t, "seq", &present, &r->seq, why)) return false;
  if (present) r->has |= SM_READING_SEQ;
  if (!take_u32(object, t, "epoch", &present, &r->epoch, why)) return false;
  if (present) r->has |= SM_READING_EPOCH;
  uint32_t unused;
  return take_u32(object, t, "seq_first", &present, &unused, why);
}

static sm_seq_mark mark_of(json_t *object, const texts *t) {
  sm_seq_mark mark = {.present = false};
  bool has_epoch;
  sm_refusal unused;
  bool good = take_u32(object, t, "seq", &mark.present, &mark.seq, &unused) &&
              take_u32(object, t, "epoch", &has_epoch, &mark.epoch, &unused) &&
              take_u32(object, t, "seq_first", &mark.has_first, &mark.first, &unused);
  return good && mark.present ? mark : (sm_seq_mark){.present = false};
}

static bool take_reading(json_t *object, const texts *t, const sm_telemetry_message *m,
                         sm_reading *out, sm_refusal *why) {
  static const field voltage = {"voltage", 3, 0, 500000};
  static const field current = {"current", 3, 0, 120000};
  static const field power = {"power_w", 3, 0, 60000000};
  const field energy = {"energy_kwh", 3, 0, m->modulus_wh > 0 ? m->modulus_wh : default_modulus_wh};
  if (!json_is_object(object)) return refuse(why, SM_REFUSAL_NOT_AN_OBJECT);
  sm_reading r = {0};
  bool present;
  int64_t mv = 0;
  int64_t ma = 0;
  int64_t mw = 0;
  if (!take_device_id(object, m->device_id, why) ||
      !take_timestamp(object, m->now_ms, &r.ts_ms, why) ||
      !take_number(object, t, &voltage, true, &present, &mv, why) ||
      !take_number(object, t, &current, true, &present, &ma, why) ||
      !take_number(object, t, &power, true, &present, &mw, why) ||
      !take_number(object, t, &energy, true, &present, &r.energy_wh, why) ||
      !take_optional(object, t, &r, why))
    return false;
  r.voltage_mv = (int32_t)mv;
  r.current_ma = (int32_t)ma;
  r.power_mw = (int32_t)mw;
  *out = r;
  return true;
}

/* Bounds recursion before any parser sees the text. Braces inside strings do not count. */
static bool too_deep(const char *text, size_t len) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"')
      in_string = true;
    else if (c == '{' || c == '[') {
      if (++depth > SM_INGEST_DEPTH_MAX) return true;
    } else if (c == '}' || c == ']')
      depth--;
  }
  return false;
}

/* Whether jansson can read it. */
static bool readable(const sm_telemetry_message *m, sm_refusal *why) {
  if (m->payload_len_sent > SM_INGEST_PAYLOAD_MAX) return refuse(why, SM_REFUSAL_TOO_LARGE);
  if (!sm_utf8_valid(m->payload, m->payload_len)) return refuse(why, SM_REFUSAL_NOT_UTF8);
  if (too_deep(m->payload, m->payload_len)) return refuse(why, SM_REFUSAL_NESTED);
  sm_buf text;
  sm_buf_init(&text, 0);
  rewrite(m, &text, NULL);
  json_error_t error;
  json_t *root = json_loadb(sm_buf_text(&text), text.len, JSON_REJECT_DUPLICATES, &error);
  sm_buf_fini(&text);
  if (root != NULL) {
    json_decref(root);
    return true;
  }
  bool twice = json_error_code(&error) == json_error_duplicate_key;
  return refuse(why, twice ? SM_REFUSAL_DUPLICATE_MEMBER : SM_REFUSAL_MALFORMED);
}

static void tell(const sm_telemetry_message *m, const sm_telemetry_sink *sink, json_t *element,
                 const texts *t) {
  sm_reading reading;
  sm_refusal why;
  const sm_seq_mark mark = mark_of(element, t);
  if (take_reading(element, t, m, &reading, &why))
    sink->reading(sink->context, &reading, &mark, m->payload, m->payload_len);
  else
    sink->refused(sink->context, why, "", &mark, m->payload, m->payload_len);
}

static void refuse_whole(const sm_telemetry_message *m, const sm_telemetry_sink *sink,
                         sm_refusal why) {
  static const sm_seq_mark none = {.present = false};
  sink->refused(sink->context, why, "", &none, m->payload, m->payload_len);
}

static void judge(const sm_telemetry_message *m, const sm_telemetry_sink *sink, json_t *root,
                  const texts *t) {
  if (!json_is_array(root)) {
    tell(m, sink, root, t);
    return;
  }
  size_t count = json_array_size(root);
  if (count == 0)
    refuse_whole(m, sink, SM_REFUSAL_EMPTY_ARRAY);
  else if (count > SM_INGEST_ARRAY_MAX)
    refuse_whole(m, sink, SM_REFUSAL_TOO_MANY);
  else
    for (size_t i = 0; i < count; i++) tell(m, sink, json_array_get(root, i), t);
}

void sm_telemetry_oracle(const sm_telemetry_message *message, const sm_telemetry_sink *sink) {
  sm_refusal why;
  if (!readable(message, &why)) {
    refuse_whole(message, sink, why);
    return;
  }
  texts t = {.item = calloc(message->payload_len + 1, sizeof *t.item),
             .len = calloc(message->payload_len + 1, sizeof *t.len)};
  if (t.item == NULL || t.len == NULL) abort();
  sm_buf text;
  sm_buf_init(&text, 0);
  rewrite(message, &text, &t);
  json_t *root = json_loadb(sm_buf_text(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
  if (root == NULL) abort(); /* it could be read a moment ago */
  sm_buf_fini(&text);
  judge(message, sink, root, &t);
  json_decref(root);
  free(t.len);
  free(t.item);
}
