/* The words of a printed invoice in the languages that it can be had in. */
#ifndef SM_DOCUMENT_WORDS_H
#define SM_DOCUMENT_WORDS_H

#include "base/err.h"
#include "base/zone.h"

#include <stddef.h>

typedef enum sm_language { SM_LANGUAGE_EN, SM_LANGUAGE_HI, SM_LANGUAGE_COUNT } sm_language;

/* "en", "hi": the tag of the PDF too. */
const char *sm_language_name(sm_language language);
/* SM_ERR_NOT_FOUND */
SM_MUST_CHECK sm_err sm_language_parse(const char *name, sm_language *language);

typedef enum sm_word {
  SM_WORD_BILL,
  SM_WORD_CREDIT_NOTE,
  SM_WORD_NUMBER,
  SM_WORD_ISSUED,
  SM_WORD_DUE,
  SM_WORD_PERIOD,
  SM_WORD_BILLED_TO,
  SM_WORD_ACCOUNT,
  SM_WORD_ACCOUNT_ID,
  SM_WORD_METER,
  SM_WORD_LOAD,
  SM_WORD_TAX_ID,
  SM_WORD_HSN,
  SM_WORD_USED,
  SM_WORD_TO_PAY,
  SM_WORD_NOTHING_TO_PAY,
  SM_WORD_IN_CREDIT,
  SM_WORD_GIVEN_BACK,
  SM_WORD_PAY_BY,
  SM_WORD_CANCELLED,
  SM_WORD_WAS_TO_PAY,
  SM_WORD_ESTIMATED,
  SM_WORD_ESTIMATED_WHY,
  SM_WORD_REGISTERS,
  SM_WORD_FROM,
  SM_WORD_UNTIL,
  SM_WORD_OPENING,
  SM_WORD_CLOSING,
  SM_WORD_USE,
  SM_WORD_TOTAL_USE,
  SM_WORD_NO_REGISTERS,
  SM_WORD_CHARGES,
  SM_WORD_ITEM,
  SM_WORD_MONTH,
  SM_WORD_QUANTITY,
  SM_WORD_RATE,
  SM_WORD_AMOUNT,
  SM_WORD_DEMAND_AT,
  SM_WORD_NO_DEMAND,
  SM_WORD_UNTIMED,
  SM_WORD_SUBTOTAL,
  SM_WORD_TOTAL,
  SM_WORD_TOTAL_CREDITED,
  SM_WORD_ARREARS,
  SM_WORD_CREDIT_BEFORE,
  SM_WORD_OWED_AFTER,
  SM_WORD_CREDIT_AFTER,
  SM_WORD_TRUE_UP_NOTE,
  SM_WORD_LAST_MONTHS,
  SM_WORD_EACH_DAY,
  SM_WORD_EDITS,
  SM_WORD_SCAN,
  SM_WORD_TAKES_BACK,
  SM_WORD_REASON,
  SM_WORD_REPLACES,
  SM_WORD_PREVIOUS_TOTAL,
  SM_WORD_NEW_TOTAL,
  SM_WORD_DIFFERENCE,
  SM_WORD_PAGE,
  SM_WORD_CONTINUED,
  SM_WORD_TARIFF,
  SM_WORD_NO_NAME,
  SM_WORD_READINGS_HASH,
  SM_WORD_BY,
  SM_WORD_COUNT
} sm_word;

const char *sm_word_text(sm_language language, sm_word word);
/* The word with its "%s" filled in, in order, cut off where `cap` ends. Returns out. */
char *sm_word_fill(sm_language language, sm_word word, const char *const *texts, size_t count,
                   char *out, size_t cap);

/* "January"; "Jan". Hindi has no short ones: the first letters stand under the bars. */
const char *sm_month_name(sm_language language, int month);
const char *sm_month_short(sm_language language, int month);
/* A sentence for a reason's code ("register_reset"); NULL: the row's own text is to be used. */
const char *sm_reason_sentence(sm_language language, const char *code);
/* "voided" for "void"; the word itself if it is not known. */
const char *sm_edit_word(sm_language language, const char *kind);
/* "operator": who edited, in that language; the word itself if it is not known. */
const char *sm_editor_word(sm_language language, const char *by);
/* "Payment received", "Late fee taken back": what an entry of an account is (model of kinds:
 * sm_entry); `reverses` NULL: it takes nothing back. The kind itself if it is not known. */
const char *sm_entry_word(sm_language language, const char *kind, const char *reverses);
/* "bank transfer" for "bank"; NULL: the method says nothing that a reader would want. */
const char *sm_method_word(sm_language language, const char *method);
/* A line's name in that language: the names that the program gives itself are known, others stay.
 */
char *sm_line_name(sm_language language, const char *name, char *out, size_t cap);

enum {
  SM_DATE_WORDS_MAX = 64,
  SM_PERIOD_WORDS_MAX = 3 * SM_DATE_WORDS_MAX,
  SM_DAYS_WORDS_MAX = 160
};
/* "1 January 2026"; "January 2026"; "1 Jan 2026, 10:10" on the zone's clock. Each returns out. */
char *sm_date_words(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]);
/* "1 Jan 2026" */
char *sm_date_short(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]);
/* "1 – 31 January 2026", "15 January – 14 February 2026": first and last day. *rest is where a line
 * may be broken, NULL if it should not. */
char *sm_period_words(sm_language language, sm_date first, sm_date last,
                      char out[SM_PERIOD_WORDS_MAX], char **rest);
/* "Mon–Fri, holidays" for days as bits (bit 0 Monday, bit 7 holidays). */
char *sm_days_words(sm_language language, unsigned days, char out[SM_DAYS_WORDS_MAX]);
char *sm_month_words(sm_language language, sm_date date, char out[SM_DATE_WORDS_MAX]);
char *sm_instant_words(sm_language language, const sm_zone *zone, int64_t instant_ms,
                       char out[SM_DATE_WORDS_MAX]);

#endif
