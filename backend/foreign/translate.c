#include "foreign/translate.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "foreign/instant.h"
#include "foreign/pick.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const int64_t year_1_ms = -INT64_C(62135596800000);
static const int64_t year_9999_ms = INT64_C(253402300799000);
/* Far beyond any range, and far within 64 bits when eight of them are added. */
static const int64_t far_milli = INT64_C(1000000000000000);

/* An optional value beyond these is left out: a meter without a load says 0 Hz, and its register is
 * as good as ever. */
static const struct {
  int64_t low_milli;
  int64_t high_milli;
} optional_range[SM_FIELD_COUNT_] = {
    [SM_FIELD_POWER_FACTOR] = {0, 1000},
    [SM_FIELD_FREQUENCY] = {45000, 65000},
    [SM_FIELD_RSSI] = {-127000, 0},
};

SM_PRINTF(3, 4)
static bool refuse(sm_foreign_result *r, sm_refusal refusal, const char *format, ...) {
  va_list args;
  r->outcome = SM_FOREIGN_REFUSED;
  r->refusal = refusal;
  va_start(args, format);
  (void)vsnprintf(r->detail, sizeof r->detail, format, args);
  va_end(args);
  return false;
}

/* ---- values ---- */

static bool to_milli(const sm_number *number, int shift, int64_t *milli) {
  sm_number n = *number;
  if (shift != 0) sm_number_shift(&n, shift);
  if (!sm_number_within(&n, -far_milli, far_milli)) return false;
  *milli = sm_number_milli(&n);
  return true;
}

/* Energy and power of all phases are added. Of the others the highest says most: a current that
 * trips, a voltage of a phase that is used. */
static int64_t together(sm_field field, const int64_t *milli, size_t count) {
  bool add = field == SM_FIELD_ENERGY || field == SM_FIELD_POWER;
  int64_t all = milli[0];
  for (size_t i = 1; i < count; i++) {
    if (add)
      all += milli[i];
    else if (milli[i] > all)
      all = milli[i];
  }
  return all;
}

/* What a pick comes to. False: refused (told). *has stays false where a value that need not be
 * there is not there, or is none. */
static bool value_of(const sm_mapping *m, sm_field field, const sm_pick *p, bool *has,
                     int64_t *milli, sm_foreign_result *r) {
  const char *name = sm_field_name(field);
  bool required = field < SM_FIELD_REQUIRED_;
  int64_t each[SM_MAPPING_PHASES_MAX];
  if (p->count == 0 && !p->other)
    return !required ||
           refuse(r, SM_REFUSAL_MISSING, "%s: nothing stands at %.120s", name, p->pointer);
  bool shared = field == SM_FIELD_VOLTAGE || field >= SM_FIELD_POWER_FACTOR;
  if (p->other || p->count == 0)
    return !required || refuse(r, SM_REFUSAL_WRONG_TYPE, "%s: what stands at %.100s is no number",
                               name, p->pointer);
  for (size_t i = 0; i < p->count; i++)
    if (!to_milli(&p->number[i], m->field[field].shift, &each[i]))
      return !required ||
             refuse(r, SM_REFUSAL_OUT_OF_RANGE, "%s is %.*s: no meter shows that", name,
                    p->number[i].len > 40 ? 40 : (int)p->number[i].len, p->number[i].text);
  if (m->phase > 0 && p->array) {
    if (m->phase > p->count)
      return !required || refuse(r, SM_REFUSAL_MISSING, "%s: there is no phase %u at %.100s", name,
                                 m->phase, p->pointer);
    *milli = each[m->phase - 1];
  } else if (m->phase > 0 && !shared) {
    return refuse(r, SM_REFUSAL_WRONG_TYPE,
                  "%s: one number for all phases stands at %.100s, and phase %u is wanted", name,
                  p->pointer, m->phase);
  } else if (p->array && field == SM_FIELD_POWER_FACTOR) {
    return true; /* of several phases there is no one factor */
  } else {
    *milli = together(field, each, p->count);
  }
  *has = required ||
         (*milli >= optional_range[field].low_milli && *milli <= optional_range[field].high_milli);
  return true;
}

static bool time_of(const sm_foreign_message *m, const sm_pick *p, int64_t *ts_ms,
                    sm_foreign_result *r) {
  const sm_mapping *mapping = m->mapping;
  *ts_ms = m->now_ms;
  if (mapping->time == SM_TIME_RECEIPT) return true;
  if (p->count == 0 && !p->other)
    return refuse(r, SM_REFUSAL_MISSING, "time: nothing stands at %.120s", p->pointer);
  if (mapping->time == SM_TIME_TEXT) {
    char plain[80];
    if (p->text.text == NULL || p->array)
      return refuse(r, SM_REFUSAL_WRONG_TYPE, "time: what stands at %.100s is no text", p->pointer);
    size_t len = sm_scan_decode(&p->text, plain, sizeof plain);
    const char *wrong = sm_foreign_instant(plain, len, mapping->zone, m->now_ms, ts_ms);
    if (wrong == NULL && (*ts_ms < year_1_ms || *ts_ms > year_9999_ms))
      wrong = "no meter measured then";
    return wrong == NULL || refuse(r, SM_REFUSAL_BAD_TIMESTAMP, "'%.30s': %s", plain, wrong);
  }
  bool seconds = mapping->time == SM_TIME_UNIX_S;
  if (p->count != 1 || p->array)
    return refuse(r, SM_REFUSAL_WRONG_TYPE, "time: what stands at %.100s is no number", p->pointer);
  if (!sm_number_within(&p->number[0], 0, seconds ? year_9999_ms : year_9999_ms * 1000))
    return refuse(r, SM_REFUSAL_BAD_TIMESTAMP, "time: %.*s is no time since 1970 in %s",
                  p->number[0].len > 40 ? 40 : (int)p->number[0].len, p->number[0].text,
                  seconds ? "seconds" : "milliseconds");
  *ts_ms = seconds ? sm_number_milli(&p->number[0]) : sm_number_whole(&p->number[0]);
  return true;
}

/* ---- judging ---- */

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  sm_foreign_result *r = context;
  (void)mark;
  (void)text;
  (void)text_len;
  r->outcome = SM_FOREIGN_READING;
  r->reading = *reading;
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  (void)mark;
  (void)text;
  (void)text_len;
  (void)refuse(context, refusal, "%s", detail);
}

sm_err sm_foreign_judge(const char *device_id, int64_t ts_ms, int64_t now_ms,
                        const sm_foreign_values *values, sm_buf *telemetry,
                        sm_foreign_result *result) {
  sm_jsonw w;
  char stamp[SM_RFC3339_MAX];
  sm_buf_clear(telemetry);
  sm_jsonw_init(&w, telemetry);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", device_id);
  sm_jsonw_key_text(&w, "timestamp", sm_rfc3339_format(ts_ms, stamp));
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++)
    if (values->has[i]) sm_jsonw_key_decimal(&w, sm_field_member((sm_field)i), values->milli[i], 3);
  sm_jsonw_object_end(&w);
  const char *text = sm_buf_text(telemetry);
  if (telemetry->err != SM_OK) return telemetry->err;
  const sm_telemetry_sink sink = {.context = result, .reading = on_reading, .refused = on_refused};
  const sm_telemetry_message message = {.device_id = device_id,
                                        .payload = text,
                                        .payload_len = telemetry->len,
                                        .payload_len_sent = telemetry->len,
                                        .now_ms = now_ms,
                                        .modulus_wh = SM_FOREIGN_REGISTER_MAX_WH};
  return sm_telemetry_parse(&message, &sink);
}

/* ---- messages ---- */

enum { TIME_PICK = SM_FIELD_COUNT_, PICKS };

static void refuse_unreadable(sm_scan *scan, sm_foreign_result *r) {
  sm_scan_settle(scan);
  if (scan->problem == SM_SCAN_TWICE) {
    char name[65];
    (void)sm_scan_decode(&scan->twice, name, sizeof name);
    (void)refuse(r, SM_REFUSAL_DUPLICATE_MEMBER, "the member '%s' stands twice in one object",
                 name);
  } else {
    (void)refuse(r, SM_REFUSAL_MALFORMED, "not JSON at byte %zu: %s",
                 (size_t)(scan->at - scan->begin), scan->what);
  }
}

static bool pick_values(const sm_foreign_message *m, const sm_pick pick[PICKS],
                        sm_foreign_values *values, sm_foreign_result *r) {
  bool any = false;
  for (unsigned i = 0; i < SM_FIELD_REQUIRED_; i++) any = any || pick[i].count > 0 || pick[i].other;
  if (!any) {
    (void)refuse(r, SM_REFUSAL_MISSING, "energy: nothing stands at %.120s, nor anything else of it",
                 pick[SM_FIELD_ENERGY].pointer);
    r->outcome = SM_FOREIGN_NOTHING;
    return false;
  }
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) {
    const sm_mapping_field *f = &m->mapping->field[i];
    if (!f->given) continue;
    if (f->fixed) {
      values->has[i] = true;
      values->milli[i] = f->fixed_milli;
    } else if (!value_of(m->mapping, (sm_field)i, &pick[i], &values->has[i], &values->milli[i],
                         r)) {
      return false;
    }
  }
  return true;
}

sm_err sm_foreign_translate(const sm_foreign_message *message, sm_buf *telemetry,
                            sm_foreign_result *result) {
  if (message->payload_len_sent > SM_INGEST_PAYLOAD_MAX) {
    (void)refuse(result, SM_REFUSAL_TOO_LARGE, "the payload has %zu bytes: at most %d are read",
                 message->payload_len_sent, (int)SM_INGEST_PAYLOAD_MAX);
    return SM_OK;
  }
  const sm_mapping *m = message->mapping;
  sm_pick pick[PICKS] = {0};
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++)
    pick[i].pointer = m->field[i].given && !m->field[i].fixed ? m->field[i].source : "";
  pick[TIME_PICK].pointer = m->time_source;
  sm_scan scan;
  sm_scan_init(&scan, message->payload, message->payload_len);
  sm_err err = SM_OK;
  sm_foreign_values values = {0};
  int64_t ts_ms = 0;
  if (!sm_pick_all(&scan, pick, PICKS)) {
    err = scan.problem == SM_SCAN_NO_MEMORY ? SM_ERR_NOMEM : SM_OK;
    refuse_unreadable(&scan, result);
  } else if (pick_values(message, pick, &values, result) &&
             time_of(message, &pick[TIME_PICK], &ts_ms, result)) {
    err = sm_foreign_judge(message->device_id, ts_ms, message->now_ms, &values, telemetry, result);
  }
  sm_scan_fini(&scan);
  return err;
}

bool sm_foreign_state(const sm_mapping_field *field, const char *payload, size_t len, bool *none,
                      int64_t *milli) {
  while (len > 0 && (payload[0] == ' ' || payload[0] == '\n')) payload++, len--;
  while (len > 0 && (payload[len - 1] == ' ' || payload[len - 1] == '\n')) len--;
  *none = len == 0 || (len == 3 && strncasecmp(payload, "nan", 3) == 0);
  if (*none) return true;
  const char *at = payload;
  sm_number number;
  return sm_number_scan(&at, payload + len, &number) == NULL && at == payload + len &&
         to_milli(&number, field->shift, milli);
}
