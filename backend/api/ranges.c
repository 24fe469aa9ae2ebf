#include "api/ranges.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 18 };

/* Passes digits; false: there are none, or too many for any file. */
static bool take_number(const char **at, uint64_t *value) {
  size_t len = strspn(*at, "0123456789");
  uint64_t out = 0;
  if (len == 0 || len > DIGITS_MAX) return false;
  for (size_t i = 0; i < len; i++) out = out * 10 + (uint64_t)((*at)[i] - '0');
  *at += len;
  *value = out;
  return true;
}

static sm_range part(uint64_t first, uint64_t last, uint64_t size) {
  if (first >= size) return (sm_range){.kind = SM_RANGE_OUTSIDE};
  return (sm_range){SM_RANGE_PART, first, last < size ? last : size - 1};
}

sm_range sm_range_parse(const char *header, uint64_t size) {
  static const char unit[] = "bytes=";
  const sm_range whole = {.kind = SM_RANGE_WHOLE};
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
  if (header == NULL || strncasecmp(header, unit, sizeof unit - 1) != 0) return whole;
  const char *at = header + sizeof unit - 1;
  at += strspn(at, " \t");
  if (*at == '-') { /* the last so many */
    at++;
    if (!take_number(&at, &last) || at[strspn(at, " \t")] != '\0') return whole;
    if (last == 0) return (sm_range){.kind = SM_RANGE_OUTSIDE};
    return part(last < size ? size - last : 0, UINT64_MAX, size);
  }
  if (!take_number(&at, &first) || *at++ != '-') return whole;
  if (*at >= '0' && *at <= '9' && (!take_number(&at, &last) || last < first)) return whole;
  return at[strspn(at, " \t")] == '\0' ? part(first, last, size) : whole;
}
