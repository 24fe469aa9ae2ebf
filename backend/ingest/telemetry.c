#include "ingest/telemetry.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)SM_SCAN_DEPTH_MAX == (int)SM_INGEST_DEPTH_MAX, "one limit of depth");

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
  sm_refusal refusal;
  char detail[200];
} verdict;

/* Always false, so that a check can `return refuse(…)`. Without a verdict nobody asks why. */
static bool refuse(verdict *v, sm_refusal refusal, const char *format, ...) SM_PRINTF(3, 4);

static bool refuse(verdict *v, sm_refusal refusal, const char *format, ...) {
  if (v == NULL) return false;
  va_list args;
  va_start(args, format);
  v->refusal = refusal;
  (void)vsnprintf(v->detail, sizeof v->detail, format, args);
  va_end(args);
  return false;
}

/* ---- the members of a reading, as they are written ---- */

typedef enum member {
  DEVICE_ID,
  TIMESTAMP,
  TEXTS_, /* how many of them are texts; the others are numbers */
  VOLTAGE = TEXTS_,
  CURRENT,
  POWER_W,
  ENERGY_KWH,
  POWER_FACTOR,
  RSSI,
  FREQUENCY_HZ,
  SEQ,
  EPOCH,
  SEQ_FIRST,
  ASKS,
  MEMBERS_,
  UNKNOWN = MEMBERS_
} member;

static const struct {
  const char *name;
  size_t len;
} members[MEMBERS_] = {
    {"device_id", 9},   {"timestamp", 9},     {"voltage", 7}, {"current", 7},       {"power_w", 7},
    {"energy_kwh", 10}, {"power_factor", 12}, {"rssi", 4},    {"frequency_hz", 12}, {"seq", 3},
    {"epoch", 5},       {"seq_first", 9},     {"asks", 4}};

/* One element. `has` and `fits` are sets of members: those that are there, and those of them that
 * are what they should be, a text or a number. */
typedef struct element {
  bool is_object;
  uint32_t has;
  uint32_t fits;
  member next; /* the one behind the last that was known */
  sm_scan_text text[TEXTS_];
  sm_number number[MEMBERS_]; /* the places of texts are not used */
} element;

static uint32_t bit(member m) {
  return 1U << (unsigned)m;
}

/* The one that a name of this length and first letter can only be. */
static member guess(const char *name, size_t len) {
  switch (len) {
  case 3:
    return SEQ;
  case 4:
    return name[0] == 'r' ? RSSI : ASKS;
  case 5:
    return EPOCH;
  case 7:
    return name[0] == 'v' ? VOLTAGE : name[0] == 'c' ? CURRENT : POWER_W;
  case 9:
    return name[0] == 'd' ? DEVICE_ID : name[0] == 't' ? TIMESTAMP : SEQ_FIRST;
  case 10:
    return ENERGY_KWH;
  case 12:
    return name[0] == 'p' ? POWER_FACTOR : FREQUENCY_HZ;
  default:
    return UNKNOWN;
  }
}

static member member_named(const sm_scan_text *name) {
  if (!name->escaped) {
    member m = guess(name->text, name->len);
    return m != UNKNOWN && memcmp(name->text, members[m].name, name->len) == 0 ? m : UNKNOWN;
  }
  for (unsigned m = 0; m < MEMBERS_; m++)
    if (sm_scan_says(name, members[m].name, members[m].len)) return (member)m;
  return UNKNOWN;
}

static bool scan_value(sm_scan *scan, member m, element *e) {
  char c = sm_scan_peek(scan);
  bool is_number = c == '-' || (c >= '0' && c <= '9');
  if (m == UNKNOWN) return sm_scan_skip(scan);
  if (m < TEXTS_ && c == '"') {
    e->fits |= bit(m);
    return sm_scan_string(scan, &e->text[m]);
  }
  if (m >= TEXTS_ && is_number) {
    e->fits |= bit(m);
    return sm_scan_number(scan, &e->number[m]);
  }
  return sm_scan_skip(scan);
}

/* Meters write their members in one order, mostly that of the documents: so the one that follows
 * the last is looked for first, which is one comparison. */
static bool scan_foretold(sm_scan *scan, member m) {
  if (m >= MEMBERS_ || sm_scan_peek(scan) != '"') return false;
  size_t len = members[m].len;
  const char *name = scan->at + 1;
  if ((size_t)(scan->end - name) <= len || name[len] != '"' ||
      memcmp(name, members[m].name, len) != 0)
    return false;
  scan->at = name + len + 1;
  return true;
}

static bool scan_member(sm_scan *scan, element *e) {
  sm_scan_text name;
  member m = e->next;
  if (scan_foretold(scan, m)) {
    name = (sm_scan_text){.text = members[m].name, .len = members[m].len};
  } else {
    if (!sm_scan_name(scan, &name)) return false;
    m = member_named(&name);
  }
  if (m == UNKNOWN) {
    if (!sm_scan_keep_name(scan, &name)) return false;
  } else {
    if (e->has & bit(m)) return sm_scan_fail_twice(scan, &name);
    e->has |= bit(m);
    e->next = m + 1;
  }
  return sm_scan_colon(scan) && scan_value(scan, m, e);
}

/* The value that the scan stands at; anything else than an object has no members. */
static bool scan_element(sm_scan *scan, element *e) {
  e->is_object = sm_scan_peek(scan) == '{';
  e->has = 0;
  e->fits = 0;
  e->next = DEVICE_ID;
  if (!e->is_object) return sm_scan_skip(scan);
  if (!sm_scan_open(scan)) return false;
  if (sm_scan_empty(scan, '}')) return true;
  bool more = true;
  while (more)
    if (!scan_member(scan, e) || !sm_scan_next(scan, '}', &more)) return false;
  return true;
}

/* ---- judging ---- */

/* What a number may be. */
typedef struct range {
  member member;
  const char *unit;
  int64_t low_milli;
  int64_t high_milli;
} range;

static bool number_good(const element *e, const range *r, verdict *v) {
  const char *name = members[r->member].name;
  if (!(e->has & bit(r->member)))
    return refuse(v, SM_REFUSAL_MISSING, "%s is missing: send it as a number in %s", name, r->unit);
  if (!(e->fits & bit(r->member)))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "%s must be a number in %s, without quotes", name,
                  r->unit);
  const sm_number *n = &e->number[r->member];
  if (sm_number_within(n, r->low_milli, r->high_milli)) return true;
  return refuse(v, SM_REFUSAL_OUT_OF_RANGE, "%s is %.*s: it must be from %d to %d %s", name,
                n->len > 40 ? 40 : (int)n->len, n->text, (int)(r->low_milli / 1000),
                (int)(r->high_milli / 1000), r->unit);
}

static bool u32_good(const element *e, member m, uint32_t *out, verdict *v) {
  if (!(e->has & bit(m))) return true;
  const sm_number *n = &e->number[m];
  if (!(e->fits & bit(m)) || !n->whole)
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "%s must be a whole number", members[m].name);
  if (!sm_number_within(n, 0, (int64_t)UINT32_MAX * 1000))
    return refuse(v, SM_REFUSAL_OUT_OF_RANGE, "%s must be from 0 to 4294967295", members[m].name);
  *out = (uint32_t)(n->milli / 1000);
  return true;
}

static bool device_id_good(const element *e, const char *topic_id, verdict *v) {
  if (!(e->has & bit(DEVICE_ID)))
    return refuse(v, SM_REFUSAL_MISSING, "device_id is missing: send the topic's, '%s'", topic_id);
  if (!(e->fits & bit(DEVICE_ID)))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, "device_id must be a text: the topic's, '%s'",
                  topic_id);
  if (sm_scan_says(&e->text[DEVICE_ID], topic_id, strlen(topic_id))) return true;
  if (v == NULL) return false;
  char shown[65];
  (void)sm_scan_decode(&e->text[DEVICE_ID], shown, sizeof shown);
  return refuse(v, SM_REFUSAL_DEVICE_MISMATCH,
                "device_id is '%s' but the topic is of '%s': they must be equal", shown, topic_id);
}

static bool refuse_timestamp(const element *e, sm_refusal refusal, verdict *v) {
  if (v == NULL) return false;
  char shown[41];
  (void)sm_scan_decode(&e->text[TIMESTAMP], shown, sizeof shown);
  if (refusal == SM_REFUSAL_TOO_OLD)
    return refuse(v, refusal, "timestamp is %s: before 2020 a meter's clock is not set", shown);
  if (refusal == SM_REFUSAL_IN_FUTURE)
    return refuse(v, refusal, "timestamp is %s: more than 5 minutes ahead of the server's clock",
                  shown);
  return refuse(v, refusal,
                "timestamp is '%s': send RFC 3339 with Z or an offset, such as "
                "2026-01-29T09:45:00Z",
                shown);
}

/* Every instant is shorter: take_fraction in base/clock.c takes 60 digits at most. */
enum { TIMESTAMP_MAX = 128 };

static bool timestamp_good(const element *e, int64_t now_ms, int64_t *ts_ms, verdict *v) {
  if (!(e->has & bit(TIMESTAMP)))
    return refuse(v, SM_REFUSAL_MISSING,
                  "timestamp is missing: send RFC 3339, such as 2026-01-29T09:45:00Z");
  if (!(e->fits & bit(TIMESTAMP)))
    return refuse(v, SM_REFUSAL_WRONG_TYPE,
                  "timestamp must be a text in RFC 3339, such as 2026-01-29T09:45:00Z");
  const sm_scan_text *text = &e->text[TIMESTAMP];
  char plain[TIMESTAMP_MAX];
  const char *from = text->text;
  size_t len = text->len;
  if (text->escaped) {
    len = sm_scan_decode(text, plain, sizeof plain);
    from = plain;
  }
  int64_t instant_ms;
  if (sm_rfc3339_parse(from, len, &instant_ms) != SM_OK)
    return refuse_timestamp(e, SM_REFUSAL_BAD_TIMESTAMP, v);
  if (instant_ms < earliest_ms) return refuse_timestamp(e, SM_REFUSAL_TOO_OLD, v);
  if (instant_ms > now_ms + ahead_max_ms) return refuse_timestamp(e, SM_REFUSAL_IN_FUTURE, v);
  *ts_ms = instant_ms;
  return true;
}

/* The place in the sequence, also of a reading that is refused for something else: the meter must
 * not have to send that one for ever. */
static sm_seq_mark mark_of(const element *e) {
  sm_seq_mark mark = {.present = (e->has & bit(SEQ)) != 0,
                      .has_first = (e->has & bit(SEQ_FIRST)) != 0};
  bool good = u32_good(e, SEQ, &mark.seq, NULL) && u32_good(e, EPOCH, &mark.epoch, NULL) &&
              u32_good(e, SEQ_FIRST, &mark.first, NULL);
  return good && mark.present ? mark : (sm_seq_mark){.present = false};
}

static bool required_good(const element *e, const sm_telemetry_message *m, sm_reading *r,
                          verdict *v) {
  static const range voltage = {VOLTAGE, "V", 0, 500 * 1000};
  static const range current = {CURRENT, "A", 0, 120 * 1000};
  static const range power = {POWER_W, "W", 0, 60000 * 1000};
  int64_t modulus_wh = m->modulus_wh > 0 ? m->modulus_wh : default_modulus_wh;
  const range energy = {ENERGY_KWH, "kWh", 0, modulus_wh};
  if (!number_good(e, &voltage, v) || !number_good(e, &current, v) || !number_good(e, &power, v) ||
      !number_good(e, &energy, v))
    return false;
  r->voltage_mv = (int32_t)sm_number_milli(&e->number[VOLTAGE]);
  r->current_ma = (int32_t)sm_number_milli(&e->number[CURRENT]);
  r->power_mw = (int32_t)sm_number_milli(&e->number[POWER_W]);
  r->energy_wh = sm_number_milli(&e->number[ENERGY_KWH]);
  return true;
}

/* An optional number: good if it is not there, and then `flag` is not set. */
static bool optional_good(const element *e, const range *r, uint8_t flag, sm_reading *reading,
                          verdict *v) {
  if (!(e->has & bit(r->member))) return true;
  if (!number_good(e, r, v)) return false;
  reading->has |= flag;
  return true;
}

static bool optionals_good(const element *e, sm_reading *r, verdict *v) {
  static const range power_factor = {POWER_FACTOR, "(no unit)", 0, 1000};
  static const range rssi = {RSSI, "dBm", -127 * 1000, 0};
  static const range frequency = {FREQUENCY_HZ, "Hz", 45 * 1000, 65 * 1000};
  if (!optional_good(e, &power_factor, SM_READING_POWER_FACTOR, r, v) ||
      !optional_good(e, &rssi, SM_READING_RSSI, r, v) ||
      !optional_good(e, &frequency, SM_READING_FREQUENCY, r, v))
    return false;
  if (r->has & SM_READING_POWER_FACTOR)
    r->power_factor_milli = (int16_t)sm_number_milli(&e->number[POWER_FACTOR]);
  if (r->has & SM_READING_RSSI) r->rssi_dbm = (int16_t)sm_number_whole(&e->number[RSSI]);
  if (r->has & SM_READING_FREQUENCY)
    r->frequency_mhz = (int32_t)sm_number_milli(&e->number[FREQUENCY_HZ]);
  uint32_t first;
  if (!u32_good(e, SEQ, &r->seq, v) || !u32_good(e, EPOCH, &r->epoch, v) ||
      !u32_good(e, SEQ_FIRST, &first, v))
    return false;
  if (e->has & bit(SEQ)) r->has |= SM_READING_SEQ;
  if (e->has & bit(EPOCH)) r->has |= SM_READING_EPOCH;
  return true;
}

static bool judge(const element *e, const sm_telemetry_message *m, sm_reading *out, verdict *v) {
  if (!e->is_object) return refuse(v, SM_REFUSAL_NOT_AN_OBJECT, "a reading must be a JSON object");
  sm_reading r = {0};
  if (!device_id_good(e, m->device_id, v) || !timestamp_good(e, m->now_ms, &r.ts_ms, v) ||
      !required_good(e, m, &r, v) || !optionals_good(e, &r, v))
    return false;
  *out = r;
  return true;
}

/* ---- messages ---- */

static const sm_seq_mark no_mark = {.present = false};

static void refuse_whole(const verdict *v, const sm_telemetry_message *m,
                         const sm_telemetry_sink *sink, const sm_seq_mark *mark) {
  sink->refused(sink->context, v->refusal, v->detail, mark, m->payload, m->payload_len);
}

/* Braces inside strings do not count. */
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

/* What a payload that cannot be read is refused for: of several reasons the one that says most,
 * wherever in the text it is. */
static void refuse_unreadable(sm_scan *scan, const sm_telemetry_message *m,
                              const sm_telemetry_sink *sink) {
  verdict v;
  sm_scan_settle(scan);
  if (!sm_utf8_valid(m->payload, m->payload_len)) {
    (void)refuse(&v, SM_REFUSAL_NOT_UTF8, "the payload is not UTF-8");
  } else if (too_deep(m->payload, m->payload_len)) {
    (void)refuse(&v, SM_REFUSAL_NESTED, "the payload is nested deeper than %d",
                 (int)SM_INGEST_DEPTH_MAX);
  } else if (scan->problem == SM_SCAN_TWICE) {
    char name[65];
    (void)sm_scan_decode(&scan->twice, name, sizeof name);
    (void)refuse(&v, SM_REFUSAL_DUPLICATE_MEMBER, "the member '%s' stands twice in one object",
                 name);
  } else {
    (void)refuse(&v, SM_REFUSAL_MALFORMED, "not JSON at byte %zu: %s",
                 (size_t)(scan->at - scan->begin), scan->what);
  }
  refuse_whole(&v, m, sink, &no_mark);
}

/* Nothing but white space is left. */
static bool ends(sm_scan *scan) {
  (void)sm_scan_peek(scan);
  return scan->at == scan->end || sm_scan_fail(scan, "more behind the end");
}

static bool is_asked(const element *e, const sm_telemetry_message *m, const sm_telemetry_sink *sink,
                     const sm_seq_mark *mark) {
  uint32_t asks;
  if (sink->asked == NULL || !(e->has & bit(ASKS)) || !u32_good(e, ASKS, &asks, NULL) ||
      !device_id_good(e, m->device_id, NULL) || !mark->present || !mark->has_first ||
      mark->first == 0 || !(e->has & bit(EPOCH)))
    return false;
  sm_telemetry_message whenever = *m;
  whenever.now_ms = INT64_MAX - ahead_max_ms;
  sm_reading unused;
  bool good = judge(e, &whenever, &unused, NULL);
  return sink->asked(sink->context, asks, good, mark, m->payload, m->payload_len);
}

static bool take_object(sm_scan *scan, const sm_telemetry_message *m,
                        const sm_telemetry_sink *sink) {
  element e;
  if (!scan_element(scan, &e) || !ends(scan)) return false;
  const sm_seq_mark mark = mark_of(&e);
  if (is_asked(&e, m, sink, &mark)) return true;
  verdict v;
  sm_reading reading;
  if (judge(&e, m, &reading, &v))
    sink->reading(sink->context, &reading, &mark, m->payload, m->payload_len);
  else
    refuse_whole(&v, m, sink, &mark);
  return true;
}

/* An element of an array, judged before it is known whether all of the array can be read. */
typedef struct judged {
  const char *text;
  size_t len;
  bool good;
  sm_reading reading; /* if good */
  sm_seq_mark mark;
} judged;

/* Only the refused ones are looked at again, for their sentence. False without memory. */
static bool tell_element(const judged *j, const sm_telemetry_message *m,
                         const sm_telemetry_sink *sink) {
  if (j->good) {
    sink->reading(sink->context, &j->reading, &j->mark, j->text, j->len);
    return true;
  }
  sm_scan scan;
  element e;
  sm_scan_init(&scan, j->text, j->len);
  bool read = scan_element(&scan, &e);
  if (read) {
    verdict v;
    sm_reading unused;
    (void)judge(&e, m, &unused, &v);
    sink->refused(sink->context, v.refusal, v.detail, &j->mark, j->text, j->len);
  }
  sm_scan_fini(&scan);
  return read;
}

/* Scans and judges elements up to the array's end; *count may be more than are kept. */
static bool judge_elements(sm_scan *scan, const sm_telemetry_message *m, judged *kept,
                           size_t *count) {
  *count = 0;
  if (!sm_scan_open(scan)) return false;
  if (sm_scan_empty(scan, ']')) return true;
  for (bool more = true; more; (*count)++) {
    element e;
    (void)sm_scan_peek(scan);
    const char *from = scan->at;
    if (!scan_element(scan, &e)) return false;
    if (*count < SM_INGEST_ARRAY_MAX) {
      judged *j = &kept[*count];
      j->text = from;
      j->len = (size_t)(scan->at - from);
      j->mark = mark_of(&e);
      j->good = judge(&e, m, &j->reading, NULL);
    }
    if (!sm_scan_next(scan, ']', &more)) return false;
  }
  return true;
}

static bool take_array(sm_scan *scan, const sm_telemetry_message *m,
                       const sm_telemetry_sink *sink) {
  judged kept[SM_INGEST_ARRAY_MAX];
  size_t count;
  if (!judge_elements(scan, m, kept, &count) || !ends(scan)) return false;
  verdict v;
  if (count == 0)
    (void)refuse(&v, SM_REFUSAL_EMPTY_ARRAY, "the array is empty: send 1 to %d readings",
                 (int)SM_INGEST_ARRAY_MAX);
  else if (count > SM_INGEST_ARRAY_MAX)
    (void)refuse(&v, SM_REFUSAL_TOO_MANY, "the array has %zu readings: send at most %d", count,
                 (int)SM_INGEST_ARRAY_MAX);
  if (count == 0 || count > SM_INGEST_ARRAY_MAX) {
    refuse_whole(&v, m, sink, &no_mark);
    return true;
  }
  for (size_t i = 0; i < count; i++) {
    if (tell_element(&kept[i], m, sink)) continue;
    scan->problem = SM_SCAN_NO_MEMORY;
    return false;
  }
  return true;
}

sm_err sm_telemetry_parse(const sm_telemetry_message *message, const sm_telemetry_sink *sink) {
  if (message->payload_len_sent > SM_INGEST_PAYLOAD_MAX) {
    verdict v;
    (void)refuse(&v, SM_REFUSAL_TOO_LARGE, "the payload has %zu bytes: send at most %d",
                 message->payload_len_sent, (int)SM_INGEST_PAYLOAD_MAX);
    refuse_whole(&v, message, sink, &no_mark);
    return SM_OK;
  }
  sm_scan scan;
  sm_scan_init(&scan, message->payload, message->payload_len);
  char first = sm_scan_peek(&scan);
  bool read = false;
  if (first == '{')
    read = take_object(&scan, message, sink);
  else if (first == '[')
    read = take_array(&scan, message, sink);
  else
    (void)sm_scan_fail(&scan, "an object or an array is expected");
  sm_err err = scan.problem == SM_SCAN_NO_MEMORY ? SM_ERR_NOMEM : SM_OK;
  if (!read && err == SM_OK) refuse_unreadable(&scan, message, sink);
  sm_scan_fini(&scan);
  return err;
}
