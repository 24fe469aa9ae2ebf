#include "api/negotiate.h"

#include <string.h>
#include <strings.h>

static const char BLANKS[] = " \t";

/* A piece of a header's value: borrowed, not terminated, without blanks around it. */
typedef struct piece {
  const char *text;
  size_t len;
} piece;

static piece trimmed(const char *text, size_t len) {
  while (len > 0 && strchr(BLANKS, *text) != NULL) {
    text++;
    len--;
  }
  while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL) len--;
  return (piece){text, len};
}

/* The next piece up to `separator`; false at the end. */
static bool next_piece(const char **at, const char *end, char separator, piece *out) {
  if (*at == NULL || *at >= end) return false;
  const char *stop = memchr(*at, separator, (size_t)(end - *at));
  *out = trimmed(*at, (size_t)((stop == NULL ? end : stop) - *at));
  *at = stop == NULL ? end : stop + 1;
  return true;
}

static bool is(piece p, const char *text) {
  return p.len == strlen(text) && strncasecmp(p.text, text, p.len) == 0;
}

/* "0.75" in thousandths; -1: not a weight. */
static int weight_of(piece p) {
  if (p.len == 0 || p.len > 5 || (p.text[0] != '0' && p.text[0] != '1')) return -1;
  if (p.len > 1 && p.text[1] != '.') return -1;
  int value = (p.text[0] - '0') * 1000;
  int place = 100;
  for (size_t i = 2; i < p.len; i++, place /= 10) {
    if (p.text[i] < '0' || p.text[i] > '9') return -1;
    value += (p.text[i] - '0') * place;
  }
  return value <= 1000 ? value : -1;
}

/* What an element of a list names and how much it is wanted. False: it can't be read. */
static bool take_element(piece element, piece *name, int *weight) {
  const char *at = element.text;
  const char *end = element.text + element.len;
  piece parameter;
  *weight = 1000;
  if (!next_piece(&at, end, ';', name) || name->len == 0) return false;
  while (next_piece(&at, end, ';', &parameter))
    if (parameter.len >= 2 && (parameter.text[0] | 0x20) == 'q' && parameter.text[1] == '=')
      *weight = weight_of((piece){parameter.text + 2, parameter.len - 2});
  return *weight >= 0;
}

const char *sm_coding_name(sm_coding coding) {
  static const char *const names[] = {
      [SM_CODING_IDENTITY] = "identity", [SM_CODING_GZIP] = "gzip", [SM_CODING_BR] = "br"};
  return names[coding];
}

sm_coding sm_negotiate_coding(const char *accept_encoding) {
  enum { CODINGS = SM_CODING_BR + 1, NOT_NAMED = -1 };
  int weight[CODINGS] = {NOT_NAMED, NOT_NAMED, NOT_NAMED};
  int other = 0; /* of what is not named */
  if (accept_encoding == NULL) return SM_CODING_IDENTITY;
  const char *at = accept_encoding;
  const char *end = at + strlen(at);
  piece element, name;
  int wanted;
  while (next_piece(&at, end, ',', &element)) {
    if (!take_element(element, &name, &wanted)) continue;
    if (is(name, "*")) other = wanted;
    if (is(name, "x-gzip")) name = (piece){"gzip", 4};
    for (int c = 0; c < CODINGS; c++)
      if (is(name, sm_coding_name((sm_coding)c))) weight[c] = wanted;
  }
  /* Without a word on it, no coding is acceptable, and less wanted than one that is named. */
  if (weight[SM_CODING_IDENTITY] == NOT_NAMED) weight[SM_CODING_IDENTITY] = 1;
  sm_coding best = SM_CODING_IDENTITY;
  for (int c = SM_CODING_GZIP; c < CODINGS; c++) {
    if (weight[c] == NOT_NAMED) weight[c] = other;
    if (weight[c] > 0 && weight[c] >= weight[best]) best = (sm_coding)c;
  }
  return best;
}

/* How closely a range of Accept names a type: 0 not at all, 1 by "*" alone, 2 by its first half, 3
 * whole. */
static int closeness(piece range, const char *type) {
  const char *slash = strchr(type, '/');
  size_t first = slash == NULL ? strlen(type) : (size_t)(slash - type) + 1;
  if (is(range, "*/*")) return 1;
  if (is(range, type)) return 3;
  return range.len == first + 1 && range.text[first] == '*' &&
                 strncasecmp(range.text, type, first) == 0
             ? 2
             : 0;
}

bool sm_negotiate_type(const char *accept, const char *type) {
  if (accept == NULL) return true;
  const char *at = accept;
  const char *end = at + strlen(at);
  piece element, range;
  int wanted, closest = 0, weight = 0;
  bool any = false;
  while (next_piece(&at, end, ',', &element)) {
    if (!take_element(element, &range, &wanted)) continue;
    any = true;
    int close = closeness(range, type);
    if (close < closest || close == 0) continue;
    if (close > closest || wanted > weight) weight = wanted;
    closest = close;
  }
  return !any || weight > 0;
}

bool sm_negotiate_match(const char *if_none_match, const char *etag) {
  if (if_none_match == NULL || etag == NULL) return false;
  piece whole = trimmed(if_none_match, strlen(if_none_match));
  if (is(whole, "*")) return true;
  if (strncmp(etag, "W/", 2) == 0) etag += 2;
  size_t len = strlen(etag);
  /* Inside of quotes there may be commas, so tags are taken by their quotes. */
  for (const char *at = whole.text; (at = strchr(at, '"')) != NULL;) {
    const char *close = strchr(at + 1, '"');
    if (close == NULL) return false;
    if ((size_t)(close + 1 - at) == len && strncmp(at, etag, len) == 0) return true;
    at = close + 1;
  }
  return false;
}
