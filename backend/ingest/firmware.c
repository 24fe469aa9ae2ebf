#include "ingest/firmware.h"

#include "ingest/scan.h"

#include <stdio.h>
#include <string.h>

/* A member that was found: what it may be is the caller's to know. */
typedef struct verdict {
  sm_refusal *refusal;
  char *detail;
} verdict;

static bool refuse(const verdict *v, sm_refusal refusal, const char *name, const char *what) {
  *v->refusal = refusal;
  (void)snprintf(v->detail, SM_FIRMWARE_DETAIL_MAX, "%s%s%s", name, name[0] != '\0' ? " " : "",
                 what);
  return false;
}

static bool take_name(const verdict *v, sm_scan *s, const char *name,
                      char out[SM_FIRMWARE_NAME_MAX + 1]) {
  sm_scan_text text;
  char decoded[SM_FIRMWARE_NAME_MAX + 8];
  if (sm_scan_peek(s) != '"') return refuse(v, SM_REFUSAL_WRONG_TYPE, name, "must be a text");
  if (!sm_scan_string(s, &text)) return false;
  size_t len = sm_scan_decode(&text, decoded, sizeof decoded);
  if (!sm_firmware_name_valid(decoded, len))
    return refuse(v, SM_REFUSAL_OUT_OF_RANGE, name, "must be 1 to 32 of A-Z a-z 0-9 . _ + -");
  memcpy(out, decoded, len + 1);
  return true;
}

static bool take_u32(const verdict *v, sm_scan *s, const char *name, uint32_t *out) {
  char first = sm_scan_peek(s);
  const char *begin = s->at;
  if (first != '-' && (first < '0' || first > '9'))
    return refuse(v, SM_REFUSAL_WRONG_TYPE, name, "must be a whole number");
  if (!sm_scan_skip(s)) return false;
  uint64_t value = 0;
  for (const char *c = begin; c < s->at; c++) {
    if (*c < '0' || *c > '9' || value > UINT32_MAX)
      return refuse(v, SM_REFUSAL_OUT_OF_RANGE, name, "must be a whole number of 32 bits");
    value = value * 10 + (uint64_t)(*c - '0');
  }
  if (value > UINT32_MAX)
    return refuse(v, SM_REFUSAL_OUT_OF_RANGE, name, "must be a whole number of 32 bits");
  *out = (uint32_t)value;
  return true;
}

static bool take_word(const verdict *v, sm_scan *s, const char *name, unsigned count,
                      const char *(*word)(unsigned), unsigned *out) {
  sm_scan_text text;
  if (sm_scan_peek(s) != '"') return refuse(v, SM_REFUSAL_WRONG_TYPE, name, "must be a text");
  if (!sm_scan_string(s, &text)) return false;
  for (unsigned i = 0; i < count; i++)
    if (sm_scan_says(&text, word(i), strlen(word(i)))) {
      *out = i;
      return true;
    }
  return refuse(v, SM_REFUSAL_OUT_OF_RANGE, name, "is none of the words that are known");
}

static const char *state_word(unsigned i) {
  return sm_firmware_state_name((sm_firmware_state)i);
}

static const char *result_word(unsigned i) {
  return sm_firmware_result_name((sm_firmware_result)i);
}

/* ---- objects ---- */

typedef struct reading_of {
  const verdict *v;
  sm_firmware_report *r;
  unsigned has; /* a bit for each member */
} reading_of;

typedef struct field {
  const char *name;
  bool (*take)(reading_of *o, sm_scan *s);
} field;

static bool take_offer(reading_of *o, sm_scan *s);

#define TAKE(function, call)                                                                       \
  static bool function(reading_of *o, sm_scan *s) {                                                \
    return call;                                                                                   \
  }
TAKE(product, take_name(o->v, s, "product", o->r->product))
TAKE(hardware, take_name(o->v, s, "hardware", o->r->hardware))
TAKE(version, take_name(o->v, s, "version", o->r->version))
TAKE(counter, take_u32(o->v, s, "counter", &o->r->counter))
TAKE(offer_version, take_name(o->v, s, "offer.version", o->r->offer_version))
TAKE(offer_counter, take_u32(o->v, s, "offer.counter", &o->r->offer_counter))
TAKE(offer_at, take_u32(o->v, s, "offer.at", &o->r->at))
#undef TAKE

static bool state(reading_of *o, sm_scan *s) {
  unsigned word = 0;
  bool good = take_word(o->v, s, "state", SM_FIRMWARE_STATES, state_word, &word);
  o->r->state = (sm_firmware_state)word;
  return good;
}

static bool offer_result(reading_of *o, sm_scan *s) {
  unsigned word = 0;
  bool good = take_word(o->v, s, "offer.result", SM_FIRMWARE_RESULTS, result_word, &word);
  o->r->result = (sm_firmware_result)word;
  return good;
}

static const field members[] = {{"product", product}, {"hardware", hardware},
                                {"version", version}, {"counter", counter},
                                {"state", state},     {"offer", take_offer}};
enum { MEMBERS = sizeof members / sizeof members[0], NEEDED = MEMBERS - 1 };

static const field offer_members[] = {{"version", offer_version},
                                      {"counter", offer_counter},
                                      {"result", offer_result},
                                      {"at", offer_at}};
enum { OFFER_MEMBERS = sizeof offer_members / sizeof offer_members[0], OFFER_NEEDED = 3 };

/* An object whose first `needed` members must be there. */
static bool take_object(reading_of *o, sm_scan *s, const field *fields, size_t count, size_t needed,
                        const char *of) {
  bool more = true;
  o->has = 0;
  if (sm_scan_peek(s) != '{')
    return refuse(o->v, SM_REFUSAL_NOT_AN_OBJECT, of, "must be an object");
  if (!sm_scan_open(s)) return false;
  if (sm_scan_empty(s, '}')) more = false;
  while (more) {
    sm_scan_text name;
    if (!sm_scan_name(s, &name) || !sm_scan_keep_name(s, &name) || !sm_scan_colon(s)) return false;
    size_t i = 0;
    while (i < count && !sm_scan_says(&name, fields[i].name, strlen(fields[i].name))) i++;
    bool (*take)(reading_of *, sm_scan *) = i < count ? fields[i].take : NULL;
    unsigned has = o->has | (i < count ? 1U << i : 0);
    if (take != NULL ? !take(o, s) : !sm_scan_skip(s)) return false;
    o->has = has;
    if (!sm_scan_next(s, '}', &more)) return false;
  }
  for (size_t i = 0; i < needed; i++)
    if ((o->has & 1U << i) == 0) {
      char name[40];
      (void)snprintf(name, sizeof name, "%s%s%s", of, of[0] != '\0' ? "." : "", fields[i].name);
      return refuse(o->v, SM_REFUSAL_MISSING, name, "is missing");
    }
  return true;
}

/* null is as good as none. */
static bool take_offer(reading_of *o, sm_scan *s) {
  if (sm_scan_peek(s) == 'n') return sm_scan_skip(s);
  o->r->has_offer = true;
  return take_object(o, s, offer_members, OFFER_MEMBERS, OFFER_NEEDED, "offer");
}

static bool take_all(reading_of *o, sm_scan *s) {
  if (!take_object(o, s, members, MEMBERS, NEEDED, "")) return false;
  (void)sm_scan_peek(s);
  if (s->at != s->end) return sm_scan_fail(s, "there is something behind the object");
  return true;
}

bool sm_firmware_report_parse(const char *payload, size_t len, sm_firmware_report *report,
                              sm_refusal *refusal, char detail[SM_FIRMWARE_DETAIL_MAX]) {
  const verdict v = {.refusal = refusal, .detail = detail};
  sm_firmware_report out = {.counter = 0};
  reading_of o = {.v = &v, .r = &out};
  sm_scan s;
  if (len > SM_FIRMWARE_REPORT_MAX)
    return refuse(&v, SM_REFUSAL_TOO_LARGE, "", "a firmware report has at most 1024 bytes");
  sm_scan_init(&s, payload, len);
  bool good = take_all(&o, &s);
  if (s.problem == SM_SCAN_TWICE)
    (void)refuse(&v, SM_REFUSAL_DUPLICATE_MEMBER, "", "a member stands twice");
  else if (s.problem != SM_SCAN_GOOD)
    (void)refuse(&v, SM_REFUSAL_MALFORMED, "", "a firmware report is one JSON object");
  good = good && s.problem == SM_SCAN_GOOD;
  sm_scan_fini(&s);
  if (good) *report = out;
  return good;
}
