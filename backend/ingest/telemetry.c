#include "ingest/telemetry.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t earliest_ms = 1577836800000; /* 2020-01-01T00:00:00Z */
static const int64_t ahead_max_ms = 5 * 60 * 1000;
static const int64_t default_modulus_wh = 10000000;

const char *sm_refusal_word(sm_refusal refusal) {
  static const char *const words[] = {
#define SM_REFUSAL(code, word) word,
#include "ingest/refusal.def"
#undef SM_REFUSAL
  };
  unsigned at = (unsigned)refusal;
  return at < sizeof words / sizeof words[0] ? words[at] : "unknown";
}

/* The judgement of one element: refused with a sentence, or a reading. */
typedef struct verdict {
  bool refused;
  sm_refusal refusal;
  char detail[200];
} verdict;

static bool refuse(verdict *v, sm_refusal refusal, const char *format, ...) SM_PRINTF(3, 4);

/* Always false, so that a check can `return refuse(…)`. */
static bool refuse(verdict *v, sm_refusal refusal, const char *format, ...) {
  va_list args;
  va_start(args, format);
  v->refused = true;
  v->refusal = refusal;
  (void)vsnprintf(v->detail, sizeof v->detail, format, args);
  va_end(args);
  return false;
}

/* A finite double in thousandths, rounded half away from zero as its shortest decimal reads: 1.0005
 * is 1001 although the double is a hair below. Only values near a half need the slow way. */
static int64_t thousandths(double value) {
  double scaled = value * 1000.0;
  double below = floor(scaled);
  double rest = scaled - below;
  if (value >= 0 && fabs(rest - 0.5) > 1e-3) return (int64_t)below + (rest > 0.5 ? 1 : 0);
  char text[40];
  int64_t out = 0;
  (void)snprintf(text, sizeof text, "%.15g", value);
  sm_err err = sm_decimal_parse_rounded(text, strlen(text), 3, &out);
  return err == SM_OK ? out : (int64_t)below;
}

/* A number that a member may have, in thousandths. */
typedef struct field {
  const char *name;
  const char *unit;
  int32_t low;  /* in whole units */
  int32_t high; /* in whole units */
} field;

static bool take_number(json_t *object, const field *f, bool required, bool *present, int64_t *out,
                        verdict *v) {
  json_t *value = json_object_get(object, f->name);
  *present = value != NULL;
  if (value == NULL)
    return !required || refuse(v, SM_REFUSAL_MISSING, "%s is missing: send it as a number in %s",
                               f->name, f->unit);
  if (!json_is_number(value))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "%s must be a number in %s, without quotes", f->name,
                  f->unit);
  double number = json_number_value(value);
  if (!(number >= f->low && number <= f->high))
    return refuse(v, SM_REFUSAL_OUT_OF_RANGE, "%s is %.15g: it must be from %d to %d %s", f->name,
                  number, (int)f->low, (int)f->high, f->unit);
  *out = thousandths(number);
  return true;
}

static bool take_u32(json_t *object, const char *name, bool *present, uint32_t *out, verdict *v) {
  json_t *value = json_object_get(object, name);
  *present = value != NULL;
  if (value == NULL) return true;
  if (!json_is_integer(value))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "%s must be a whole number", name);
  json_int_t number = json_integer_value(value);
  if (number < 0 || number > UINT32_MAX)
    return refuse(v, SM_REFUSAL_OUT_OF_RANGE, "%s must be from 0 to 4294967295", name);
  *out = (uint32_t)number;
  return true;
}

static bool take_device_id(json_t *object, const char *topic_id, verdict *v) {
  json_t *value = json_object_get(object, "device_id");
  if (value == NULL)
    return refuse(v, SM_REFUSAL_MISSING, "device_id is missing: send the topic's, '%s'", topic_id);
  if (!json_is_string(value))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "device_id must be a text: the topic's, '%s'",
                  topic_id);
  if (strcmp(json_string_value(value), topic_id) != 0)
    return refuse(v, SM_REFUSAL_DEVICE_MISMATCH,
                  "device_id is '%.64s' but the topic is of '%s': they must be equal",
                  json_string_value(value), topic_id);
  return true;
}

static bool take_timestamp(json_t *object, int64_t now_ms, int64_t *ts_ms, verdict *v) {
  json_t *value = json_object_get(object, "timestamp");
  if (value == NULL)
    return refuse(v, SM_REFUSAL_MISSING,
                  "timestamp is missing: send RFC 3339, such as 2026-01-29T09:45:00Z");
  if (!json_is_string(value))
    return refuse(v, SM_REFUSAL_WRONG_TYPE,
                  "timestamp must be a text in RFC 3339, such as 2026-01-29T09:45:00Z");
  const char *text = json_string_value(value);
  int64_t instant;
  if (sm_rfc3339_parse(text, json_string_length(value), &instant) != SM_OK)
    return refuse(v, SM_REFUSAL_BAD_TIMESTAMP,
                  "timestamp is '%.40s': send RFC 3339 with Z or an offset, such as "
                  "2026-01-29T09:45:00Z",
                  text);
  if (instant < earliest_ms)
    return refuse(v, SM_REFUSAL_TOO_OLD,
                  "timestamp is %.40s: before 2020 a meter's clock is not set", text);
  if (instant > now_ms + ahead_max_ms)
    return refuse(v, SM_REFUSAL_IN_FUTURE,
                  "timestamp is %.40s: more than 5 minutes ahead of the server's clock", text);
  *ts_ms = instant;
  return true;
}

static bool take_optional(json_t *object, sm_reading *r, verdict *v) {
  static const field power_factor = {"power_factor", "(no unit)", 0, 1};
  static const field rssi = {"rssi", "dBm", -127, 0};
  static const field frequency = {"frequency_hz", "Hz", 45, 65};
  bool present;
  int64_t value = 0;
  if (!take_number(object, &power_factor, false, &present, &value, v)) return false;
  if (present) {
    r->power_factor_milli = (int16_t)value;
    r->has |= SM_READING_POWER_FACTOR;
  }
  if (!take_number(object, &rssi, false, &present, &value, v)) return false;
  if (present) {
    r->rssi_dbm = (int16_t)((value - 500) / 1000); /* not above 0: half away from zero */
    r->has |= SM_READING_RSSI;
  }
  if (!take_number(object, &frequency, false, &present, &value, v)) return false;
  if (present) {
    r->frequency_mhz = (int32_t)value;
    r->has |= SM_READING_FREQUENCY;
  }
  if (!take_u32(object, "seq", &present, &r->seq, v)) return false;
  if (present) r->has |= SM_READING_SEQ;
  if (!take_u32(object, "epoch", &present, &r->epoch, v)) return false;
  if (present) r->has |= SM_READING_EPOCH;
  uint32_t unused;
  return take_u32(object, "seq_first", &present, &unused, v);
}

static bool peek_u32(json_t *object, const char *name, bool *present, uint32_t *out) {
  verdict unused;
  return take_u32(object, name, present, out, &unused);
}

/* The place in the sequence, also of a reading that is refused for something else: the meter must
 * not have to send that one for ever. */
static sm_seq_mark mark_of(json_t *object) {
  sm_seq_mark mark = {.present = false};
  bool has_epoch;
  bool good = peek_u32(object, "seq", &mark.present, &mark.seq) &&
              peek_u32(object, "epoch", &has_epoch, &mark.epoch) &&
              peek_u32(object, "seq_first", &mark.has_first, &mark.first);
  return good && mark.present ? mark : (sm_seq_mark){.present = false};
}

static bool take_reading(json_t *object, const sm_telemetry_message *m, sm_reading *out,
                         verdict *v) {
  static const field voltage = {"voltage", "V", 0, 500};
  static const field current = {"current", "A", 0, 120};
  static const field power = {"power_w", "W", 0, 60000};
  int64_t modulus_wh = m->modulus_wh > 0 ? m->modulus_wh : default_modulus_wh;
  const field energy = {"energy_kwh", "kWh", 0, (int32_t)(modulus_wh / 1000)};
  if (!json_is_object(object))
    return refuse(v, SM_REFUSAL_NOT_AN_OBJECT, "a reading must be a JSON object");
  sm_reading r = {0};
  bool present;
  int64_t mv = 0;
  int64_t ma = 0;
  int64_t mw = 0;
  if (!take_device_id(object, m->device_id, v) || !take_timestamp(object, m->now_ms, &r.ts_ms, v) ||
      !take_number(object, &voltage, true, &present, &mv, v) ||
      !take_number(object, &current, true, &present, &ma, v) ||
      !take_number(object, &power, true, &present, &mw, v) ||
      !take_number(object, &energy, true, &present, &r.energy_wh, v) ||
      !take_optional(object, &r, v))
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

static json_t *load(const sm_telemetry_message *m, verdict *v) {
  if (m->payload_len_sent > SM_INGEST_PAYLOAD_MAX) {
    (void)refuse(v, SM_REFUSAL_TOO_LARGE, "the payload has %zu bytes: send at most %d",
                 m->payload_len_sent, (int)SM_INGEST_PAYLOAD_MAX);
    return NULL;
  }
  if (!sm_utf8_valid(m->payload, m->payload_len)) {
    (void)refuse(v, SM_REFUSAL_NOT_UTF8, "the payload is not UTF-8");
    return NULL;
  }
  if (too_deep(m->payload, m->payload_len)) {
    (void)refuse(v, SM_REFUSAL_NESTED, "the payload is nested deeper than %d",
                 (int)SM_INGEST_DEPTH_MAX);
    return NULL;
  }
  json_error_t error;
  json_t *root = json_loadb(m->payload, m->payload_len, JSON_REJECT_DUPLICATES, &error);
  if (root != NULL) return root;
  if (json_error_code(&error) == json_error_duplicate_key)
    (void)refuse(v, SM_REFUSAL_DUPLICATE_MEMBER, "a member stands twice: %.120s", error.text);
  else
    (void)refuse(v, SM_REFUSAL_MALFORMED, "not JSON at byte %d: %.140s", error.position,
                 error.text);
  return NULL;
}

static void judge_element(json_t *element, const sm_telemetry_message *m,
                          const sm_telemetry_sink *sink) {
  verdict v = {0};
  sm_reading reading;
  const sm_seq_mark mark = mark_of(element);
  if (take_reading(element, m, &reading, &v)) {
    sink->reading(sink->context, m->device_id, &reading, &mark);
    return;
  }
  char *text = json_dumps(element, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
  sink->refused(sink->context, m->device_id, v.refusal, v.detail, text != NULL ? text : "",
                text != NULL ? strlen(text) : 0, &mark);
  free(text);
}

static void refuse_whole(const verdict *v, const sm_telemetry_message *m,
                         const sm_telemetry_sink *sink, const sm_seq_mark *mark) {
  sink->refused(sink->context, m->device_id, v->refusal, v->detail, m->payload, m->payload_len,
                mark);
}

static void judge_array(json_t *array, const sm_telemetry_message *m,
                        const sm_telemetry_sink *sink) {
  static const sm_seq_mark none = {.present = false};
  size_t count = json_array_size(array);
  verdict v = {0};
  if (count == 0)
    (void)refuse(&v, SM_REFUSAL_EMPTY_ARRAY, "the array is empty: send 1 to %d readings",
                 (int)SM_INGEST_ARRAY_MAX);
  else if (count > SM_INGEST_ARRAY_MAX)
    (void)refuse(&v, SM_REFUSAL_TOO_MANY, "the array has %zu readings: send at most %d", count,
                 (int)SM_INGEST_ARRAY_MAX);
  if (v.refused) {
    refuse_whole(&v, m, sink, &none);
    return;
  }
  for (size_t i = 0; i < count; i++) judge_element(json_array_get(array, i), m, sink);
}

void sm_telemetry_parse(const sm_telemetry_message *message, const sm_telemetry_sink *sink) {
  verdict v = {0};
  json_t *root = load(message, &v);
  const sm_seq_mark mark = mark_of(root); /* of no object: not present */
  if (root == NULL) {
    refuse_whole(&v, message, sink, &mark);
    return;
  }
  sm_reading reading;
  if (json_is_array(root))
    judge_array(root, message, sink);
  else if (take_reading(root, message, &reading, &v))
    sink->reading(sink->context, message->device_id, &reading, &mark);
  else
    refuse_whole(&v, message, sink, &mark);
  json_decref(root);
}
