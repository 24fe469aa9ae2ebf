/* What the operator decides about invoices: numbers, days, fees, late data, and what is printed on
 * them. Read once at the start of a command, checked as a whole, and read only from then on; an
 * issued invoice keeps what it was made with. .env.example names every setting.
 *
 * Threads: any number may read one. */
#ifndef SM_INVOICING_SETTINGS_H
#define SM_INVOICING_SETTINGS_H

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  /* A number is prefix, financial year ("2627"), '-', six digits: 16 characters at most. */
  SM_INVOICE_PREFIX_MAX = 5,
  SM_INVOICE_LANGUAGE_MAX = 2,
  SM_INVOICE_LOGO_BYTES_MAX = 1 << 20,
  SM_INVOICE_TEXT_LINES_MAX = 6 /* of an address or a note */
};

/* What a register is taken to do after its last reading. */
typedef enum sm_after_last_reading {
  SM_AFTER_LAST_READING_STILL,
  SM_AFTER_LAST_READING_AVERAGE /* of the account's last three invoices that are measured */
} sm_after_last_reading;

typedef struct sm_invoicing_settings {
  char invoice_prefix[SM_INVOICE_PREFIX_MAX + 1]; /* 1 to 5 of A-Z 0-9; never the same as: */
  char credit_prefix[SM_INVOICE_PREFIX_MAX + 1];  /* that of the credit notes */
  int32_t due_days;                               /* from the day of issue; 0 to 365 */
  int32_t settle_days;     /* so long a reading after the month is waited for; 0 to 28 */
  bool billing_job;        /* the server issues months by itself */
  int32_t billing_delay_s; /* but so long after its start; 0 to 86400 */

  bool arrears;                   /* an invoice asks for what was owed before it too */
  int64_t late_fee_percent_micro; /* of what is overdue, a month; millionths of a per cent */
  int64_t late_fee_flat_minor;    /* each month */
  int32_t late_fee_grace_days;    /* after the day due; 0 to 365 */

  sm_after_last_reading after_last_reading;
  int32_t recheck_months;      /* so many issued months are computed again for late data; 0 to 12 */
  int64_t true_up_limit_minor; /* a difference under it goes on the next invoice by itself */

  /* What is printed. Texts are heap texts of valid UTF-8 without control characters, NULL if not
   * set; those marked * may have lines, parted by '\n'. */
  char *seller_name;
  char *seller_address; /* * */
  char *seller_tax_id;
  char *hsn;                                  /* 4 to 8 digits */
  char *note;                                 /* * */
  char *logo;                                 /* path of a PNG file that was there at the start */
  char logo_sha256[SM_SHA256_HEX_MAX];        /* of its bytes then */
  char language[SM_INVOICE_LANGUAGE_MAX + 1]; /* "en", "hi" */
  char *upi_id;                               /* "name@bank"; only with the currency INR */
  char *upi_name; /* never NULL with upi_id: the seller's name if none is set */
} sm_invoicing_settings;

/* Finds a setting by its whole name: a heap text, NULL if it is not set. sm_config_get is one. */
typedef char *sm_setting_fn(const char *name);

/* Reads and checks all of them; amounts are of `currency`. SM_ERR_INVALID: `problem` (initialised
 * by the caller) names the variable, what is wrong and what would be right. SM_ERR_NOMEM. fini with
 * sm_invoicing_settings_fini. */
SM_MUST_CHECK sm_err sm_invoicing_settings_load(sm_setting_fn *get, const char *currency,
                                                sm_invoicing_settings *settings, sm_buf *problem);
/* Those of a deployment that sets none. Nothing to free, fini is fine. */
void sm_invoicing_settings_default(const char *currency, sm_invoicing_settings *settings);
void sm_invoicing_settings_fini(sm_invoicing_settings *settings); /* NULL is fine */

#endif
