#include "document/amount.h"

#include "base/decimal.h"
#include "model/money.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_indian(const char *currency) {
  return strcmp(currency, "INR") == 0;
}

/* Whether a comma stands before the digit that has `left` digits from itself to the point. */
static bool comma_before(size_t left, bool indian) {
  if (left < 3) return false;
  return indian ? (left == 3 || (left - 3) % 2 == 0) : left % 3 == 0;
}

/* Digits of `plain` ("-1234.50", at most 32 bytes) grouped behind `symbol`. */
static char *group(const char *plain, const char *symbol, bool indian,
                   char out[SM_AMOUNT_TEXT_MAX]) {
  bool negative = plain[0] == '-';
  const char *digits = plain + negative;
  size_t whole = strcspn(digits, ".");
  size_t n = (size_t)snprintf(out, SM_AMOUNT_TEXT_MAX, "%s%s", negative ? "−" : "", symbol);
  for (size_t i = 0; i < whole; i++) {
    if (i > 0 && comma_before(whole - i, indian)) out[n++] = ',';
    out[n++] = digits[i];
  }
  (void)snprintf(out + n, SM_AMOUNT_TEXT_MAX - n, "%s", digits + whole);
  return out;
}

char *sm_amount_plain(int64_t minor, const char *currency, char out[SM_AMOUNT_TEXT_MAX]) {
  char plain[SM_DECIMAL_TEXT_MAX];
  unsigned digits = sm_currency_digits(currency);
  (void)sm_decimal_format(minor, digits, digits, plain);
  return group(plain, "", is_indian(currency), out);
}

char *sm_amount_text(int64_t minor, const char *currency, char out[SM_AMOUNT_TEXT_MAX]) {
  char plain[SM_DECIMAL_TEXT_MAX];
  char symbol[8];
  unsigned digits = sm_currency_digits(currency);
  (void)snprintf(symbol, sizeof symbol, "%.3s\xc2\xa0", currency);
  (void)sm_decimal_format(minor, digits, digits, plain);
  return group(plain, is_indian(currency) ? "₹\xc2\xa0" : symbol, is_indian(currency), out);
}

char *sm_energy_text(int64_t wh, unsigned min_places, const char *currency,
                     char out[SM_AMOUNT_TEXT_MAX]) {
  char plain[SM_DECIMAL_TEXT_MAX];
  (void)sm_decimal_format(wh, 3, min_places, plain);
  return group(plain, "", is_indian(currency), out);
}

static bool is_decimal(const char *text) {
  const char *digits = text + (text[0] == '-');
  size_t whole = strspn(digits, "0123456789");
  if (whole == 0) return false;
  if (digits[whole] == '\0') return true;
  size_t fraction = strspn(digits + whole + 1, "0123456789");
  return digits[whole] == '.' && fraction > 0 && digits[whole + 1 + fraction] == '\0';
}

char *sm_decimal_words(const char *decimal, int strip, const char *currency,
                       char out[SM_AMOUNT_TEXT_MAX]) {
  char plain[SM_DECIMAL_TEXT_MAX];
  size_t len = strlen(decimal);
  if (len >= sizeof plain || !is_decimal(decimal)) {
    (void)snprintf(out, SM_AMOUNT_TEXT_MAX, "%.40s", decimal);
    return out;
  }
  memcpy(plain, decimal, len + 1);
  if (strip && strchr(plain, '.') != NULL) {
    while (plain[len - 1] == '0') plain[--len] = '\0';
    if (plain[len - 1] == '.') plain[--len] = '\0';
  }
  return group(plain, "", is_indian(currency), out);
}
