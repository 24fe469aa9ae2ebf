#include "ingest/number.h"

#include "base/ascii.h"

enum {
  PLACES = 3,
  /* so many digits in all, and before the point, fit 64 bits also as thousandths */
  QUICK_DIGITS_MAX = 18,
  QUICK_WHOLE_MAX = 15,
  EXPONENT_MAX = 100000000 /* beyond any number of digits that a payload can have */
};

static const uint64_t power_of_ten[] = {1,
                                        10,
                                        100,
                                        1000,
                                        10000,
                                        100000,
                                        1000000,
                                        10000000,
                                        100000000,
                                        1000000000,
                                        10000000000,
                                        100000000000,
                                        1000000000000,
                                        10000000000000,
                                        100000000000000,
                                        1000000000000000};

/* The digits of a number, and how many of them stand before its point. */
typedef struct digits {
  const char *whole;
  size_t whole_len;
  const char *fraction;
  size_t fraction_len;
  int64_t exponent;
} digits;

static void keep_digit(uint64_t *value, unsigned digit) {
  if (*value > (UINT64_MAX - 9) / 10)
    *value = UINT64_MAX;
  else
    *value = *value * 10 + digit;
}

/* Of any length: digit by digit, with the cut where exponent and places put it. */
static void from_digits(const digits *d, sm_number *number) {
  int64_t total = (int64_t)(d->whole_len + d->fraction_len);
  int64_t kept = (int64_t)d->whole_len + d->exponent + PLACES;
  uint64_t value = 0;
  bool cut_any = false;
  bool cut_half = false;
  for (int64_t i = 0; i < total; i++) {
    size_t at = (size_t)i;
    char c = at < d->whole_len ? d->whole[at] : d->fraction[at - d->whole_len];
    if (i < kept)
      keep_digit(&value, (unsigned)(c - '0'));
    else if (c != '0')
      cut_any = true;
    if (i == kept && c >= '5') cut_half = true;
  }
  for (int64_t i = total; i < kept && value != 0 && value != UINT64_MAX; i++) keep_digit(&value, 0);
  number->milli = value;
  number->rest = cut_half ? SM_REST_HALF_OR_MORE : cut_any ? SM_REST_BELOW_HALF : SM_REST_NONE;
}

/* What nearly every number is: `value` holds all of its digits. */
static void from_value(uint64_t value, size_t fraction_len, sm_number *number) {
  if (fraction_len <= PLACES) {
    number->milli = value * power_of_ten[PLACES - fraction_len];
    number->rest = SM_REST_NONE;
    return;
  }
  uint64_t divisor = power_of_ten[fraction_len - PLACES];
  uint64_t cut = value % divisor;
  number->milli = value / divisor;
  number->rest = cut == 0             ? SM_REST_NONE
                 : cut * 2 >= divisor ? SM_REST_HALF_OR_MORE
                                      : SM_REST_BELOW_HALF;
}

static const char *scan_exponent(const char **at, const char *end, int64_t *exponent) {
  const char *p = *at + 1; /* behind the e */
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  *at = p;
  if (p == end || !sm_is_digit(*p)) return "an exponent without digits";
  int64_t value = 0;
  for (; p < end && sm_is_digit(*p); p++)
    if (value < EXPONENT_MAX) value = value * 10 + (*p - '0');
  *exponent = negative ? -value : value;
  *at = p;
  return NULL;
}

const char *sm_number_scan(const char **at, const char *end, sm_number *number) {
  const char *p = *at;
  number->text = p;
  number->negative = *p == '-';
  if (number->negative) p++;
  digits d = {.whole = p};
  uint64_t value = 0; /* wraps with many digits, and is not used then */
  for (; p < end && sm_is_digit(*p); p++) value = value * 10 + (uint64_t)(*p - '0');
  d.whole_len = (size_t)(p - d.whole);
  *at = p;
  if (d.whole_len == 0) return "a number without digits";
  if (d.whole_len > 1 && d.whole[0] == '0') return "a number with a leading zero";
  number->whole = true;
  if (p < end && *p == '.') {
    d.fraction = ++p;
    for (; p < end && sm_is_digit(*p); p++) value = value * 10 + (uint64_t)(*p - '0');
    d.fraction_len = (size_t)(p - d.fraction);
    number->whole = false;
    *at = p;
    if (d.fraction_len == 0) return "a point without digits behind it";
  }
  bool quick = d.whole_len <= QUICK_WHOLE_MAX && d.whole_len + d.fraction_len <= QUICK_DIGITS_MAX;
  if (p < end && (*p == 'e' || *p == 'E')) {
    const char *problem = scan_exponent(at, end, &d.exponent);
    if (problem != NULL) return problem;
    number->whole = false;
    quick = false;
  }
  number->len = (size_t)(*at - number->text);
  if (quick)
    from_value(value, d.fraction_len, number);
  else
    from_digits(&d, number);
  return NULL;
}

void sm_number_shift(sm_number *number, int places) {
  const char *end = number->text + number->len;
  const char *p = number->text + (number->negative ? 1 : 0);
  digits d = {.whole = p};
  while (p < end && sm_is_digit(*p)) p++;
  d.whole_len = (size_t)(p - d.whole);
  if (p < end && *p == '.') {
    d.fraction = ++p;
    while (p < end && sm_is_digit(*p)) p++;
    d.fraction_len = (size_t)(p - d.fraction);
  }
  /* It was read once, so it is good. */
  if (p < end) (void)scan_exponent(&p, end, &d.exponent);
  d.exponent += places;
  from_digits(&d, number);
}

bool sm_number_within(const sm_number *number, int64_t low_milli, int64_t high_milli) {
  bool more = number->rest != SM_REST_NONE;
  /* Away from zero by more than `edge`: by whole thousandths, or by what was cut. */
  bool zero = number->milli == 0 && !more;
  if (number->negative && !zero) {
    if (low_milli >= 0) return false;
    uint64_t edge = (uint64_t)-low_milli;
    bool beyond = number->milli > edge || (number->milli == edge && more);
    bool before = high_milli < 0 && number->milli < (uint64_t)-high_milli;
    return !beyond && !before;
  }
  if (high_milli < 0) return false;
  uint64_t edge = (uint64_t)high_milli;
  bool beyond = number->milli > edge || (number->milli == edge && more);
  bool before = low_milli > 0 && number->milli < (uint64_t)low_milli;
  return !beyond && !before;
}

static int64_t with_sign(const sm_number *number, uint64_t magnitude) {
  return number->negative ? -(int64_t)magnitude : (int64_t)magnitude;
}

int64_t sm_number_milli(const sm_number *number) {
  uint64_t up = number->rest == SM_REST_HALF_OR_MORE ? 1 : 0;
  return with_sign(number, number->milli + up);
}

int64_t sm_number_whole(const sm_number *number) {
  /* What was cut behind the thousandths cannot make half of a whole where they do not. */
  return with_sign(number, (number->milli + 500) / 1000);
}
