/* Money: whole minor units of one currency. */
#ifndef SM_MODEL_MONEY_H
#define SM_MODEL_MONEY_H

#include "base/decimal.h"
#include "base/jsonw.h"

#include <stdint.h>

/* Digits behind the point of an ISO 4217 currency: 0 for JPY, 3 for KWD, 2 for most. */
unsigned sm_currency_digits(const char *currency);
/* An amount with the currency's digits ("1888.00"). Returns out. */
char *sm_money_format(int64_t minor, const char *currency, char out[SM_DECIMAL_TEXT_MAX]);
/* A member of a JSON object: the same text. */
void sm_money_write_key(sm_jsonw *w, const char *key, int64_t minor, const char *currency);

#endif
