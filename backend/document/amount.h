/* Numbers as people read them: money with its symbol and grouped digits (1,23,456.00 where the
 * currency is INR, 123,456.00 elsewhere), energy, and decimal texts of a bill. */
#ifndef SM_DOCUMENT_AMOUNT_H
#define SM_DOCUMENT_AMOUNT_H

#include <stddef.h>
#include <stdint.h>

enum { SM_AMOUNT_TEXT_MAX = 64 };

/* "₹ 1,23,456.00", "−EUR 12.50". Returns out. */
char *sm_amount_text(int64_t minor, const char *currency, char out[SM_AMOUNT_TEXT_MAX]);
/* The same without the symbol. */
char *sm_amount_plain(int64_t minor, const char *currency, char out[SM_AMOUNT_TEXT_MAX]);
/* Wh as kWh with `min_places` to 3 places: "1,234.5". */
char *sm_energy_text(int64_t wh, unsigned min_places, const char *currency,
                     char out[SM_AMOUNT_TEXT_MAX]);
/* A decimal text of a bill, grouped; what does not fit or is no number stays as it is, cut off.
 * `strip`: without zeros at the end ("18.00" is "18"). */
char *sm_decimal_words(const char *decimal, int strip, const char *currency,
                       char out[SM_AMOUNT_TEXT_MAX]);

#endif
