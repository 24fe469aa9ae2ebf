#include "base/decimal.h"

#include "base/ascii.h"
#include "base/checked.h"
#include "base/put.h"

#include <assert.h>
#include <stdbool.h>

int64_t sm_pow10(unsigned n) {
  assert(n <= 18);
  int64_t power = 1;
  while (n-- > 0) power *= 10;
  return power;
}

/* A number taken apart: sign, where its digits are, and how far its point is moved. */
typedef struct parts {
  bool negative;
  const char *whole;
  size_t whole_len;
  const char *fraction;
  size_t fraction_len;
  int exponent;
} parts;

static size_t digits(const char *text, size_t len) {
  size_t n = 0;
  while (n < len && sm_is_digit(text[n])) n++;
  return n;
}

static sm_err take_exponent(const char *text, size_t len, int *exponent) {
  size_t at = 1; /* behind the e */
  bool negative = at < len && text[at] == '-';
  if (at < len && (text[at] == '-' || text[at] == '+')) at++;
  size_t n = digits(text + at, len - at);
  if (n == 0 || at + n != len) return SM_ERR_SYNTAX;
  int value = 0;
  for (size_t i = 0; i < n && value < 1000; i++) value = value * 10 + (text[at + i] - '0');
  *exponent = negative ? -value : value;
  return SM_OK;
}

static sm_err take_apart(const char *text, size_t len, bool with_exponent, parts *out) {
  parts p = {0};
  size_t at = 0;
  if (at < len && text[at] == '-') {
    p.negative = true;
    at++;
  }
  p.whole = text + at;
  p.whole_len = digits(text + at, len - at);
  if (p.whole_len == 0) return SM_ERR_SYNTAX;
  at += p.whole_len;
  if (at < len && text[at] == '.') {
    at++;
    p.fraction = text + at;
    p.fraction_len = digits(text + at, len - at);
    if (p.fraction_len == 0) return SM_ERR_SYNTAX;
    at += p.fraction_len;
  }
  if (with_exponent && at < len && (text[at] == 'e' || text[at] == 'E')) {
    sm_err err = take_exponent(text + at, len - at, &p.exponent);
    if (err != SM_OK) return err;
    at = len;
  }
  if (at != len) return SM_ERR_SYNTAX;
  *out = p;
  return SM_OK;
}

/* Digit number i of the digits of whole and fraction joined. */
static int digit_at(const parts *p, size_t i) {
  return (i < p->whole_len ? p->whole[i] : p->fraction[i - p->whole_len]) - '0';
}

static sm_err parse(const char *text, size_t len, unsigned places, bool rounded, int64_t *scaled) {
  assert(places <= 9);
  parts p;
  sm_err err = take_apart(text, len, rounded, &p);
  if (err != SM_OK) return err;
  size_t total = p.whole_len + p.fraction_len;
  /* how many of the joined digits stand before the scaled value's point */
  int64_t keep = (int64_t)p.whole_len + p.exponent + (int64_t)places;
  int64_t value = 0;
  bool zero_so_far = true;
  for (int64_t i = 0; i < keep; i++) {
    int digit = (size_t)i < total ? digit_at(&p, (size_t)i) : 0;
    if (digit != 0) zero_so_far = false;
    if (zero_so_far) {
      if ((size_t)i >= total) break;
      continue;
    }
    if (sm_mul_i64(value, 10, &value) != SM_OK || sm_add_i64(value, digit, &value) != SM_OK)
      return SM_ERR_OVERFLOW;
  }
  size_t from = keep < 0 ? 0 : (size_t)keep;
  if (rounded) {
    if (keep >= 0 && from < total && digit_at(&p, from) >= 5 &&
        sm_add_i64(value, 1, &value) != SM_OK)
      return SM_ERR_OVERFLOW;
  } else {
    for (size_t i = from; i < total; i++)
      if (digit_at(&p, i) != 0) return SM_ERR_RANGE;
  }
  *scaled = p.negative ? -value : value;
  return SM_OK;
}

sm_err sm_decimal_parse(const char *text, size_t len, unsigned places, int64_t *scaled) {
  return parse(text, len, places, false, scaled);
}

sm_err sm_decimal_parse_rounded(const char *text, size_t len, unsigned places, int64_t *scaled) {
  return parse(text, len, places, true, scaled);
}

/* Digits by hand: an answer of a month's quarters has twenty thousand numbers, and printf was half
 * of its time. */
char *sm_decimal_put(char *at, int64_t value, unsigned places, unsigned min_places) {
  static const uint64_t powers[] = {1, 10, 100, 1000};
  assert(places <= 18 && min_places <= places);
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  uint64_t one =
      places < sizeof powers / sizeof powers[0] ? powers[places] : (uint64_t)sm_pow10(places);
  uint64_t fraction = rest % one;
  if (value < 0) *at++ = '-';
  at = sm_put_u64(at, rest / one);
  if (min_places == 0 && fraction == 0) return at;
  if (places == 0) return at;
  for (unsigned i = places; i > 0; i--, fraction /= 10) at[i] = (char)('0' + fraction % 10);
  *at = '.';
  at += places;
  while (places-- > min_places && *at == '0') at--;
  return at + 1;
}

char *sm_decimal_format(int64_t value, unsigned places, unsigned min_places,
                        char out[SM_DECIMAL_TEXT_MAX]) {
  *sm_decimal_put(out, value, places, min_places) = '\0';
  return out;
}
