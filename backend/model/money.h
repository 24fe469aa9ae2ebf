/* Money: whole minor units of one currency. */
#ifndef SM_MODEL_MONEY_H
#define SM_MODEL_MONEY_H

#include <stdint.h>

/* Digits behind the point of an ISO 4217 currency: 0 for JPY, 3 for KWD, 2 for most. */
unsigned sm_currency_digits(const char *currency);

#endif
