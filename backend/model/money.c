#include "model/money.h"

#include <stddef.h>
#include <string.h>

unsigned sm_currency_digits(const char *currency) {
  static const char none[][4] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
                                 "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"};
  static const char three[][4] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    if (strcmp(currency, none[i]) == 0) return 0;
  for (size_t i = 0; i < sizeof three / sizeof three[0]; i++)
    if (strcmp(currency, three[i]) == 0) return 3;
  return 2;
}

char *sm_money_format(int64_t minor, const char *currency, char out[SM_DECIMAL_TEXT_MAX]) {
  unsigned digits = sm_currency_digits(currency);
  return sm_decimal_format(minor, digits, digits, out);
}

void sm_money_write_key(sm_jsonw *w, const char *key, int64_t minor, const char *currency) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal_text(w, minor, sm_currency_digits(currency));
}
