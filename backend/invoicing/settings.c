#include "invoicing/settings.h"

#include "base/decimal.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/money.h"

#include <stdlib.h>
#include <string.h>

#define CAPITALS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define AMOUNT_MAX INT64_C(1000000) /* whole units of the currency */

enum {
  PERCENT_PLACES = 6,
  PERCENT_MAX_MICRO = 100 * 1000000,
  LINE_MAX_CHARS = 120,
  UPI_NAME_PART_MAX = 256,
  UPI_BANK_PART_MAX = 64,
  HSN_MIN = 4,
  HSN_MAX = 8
};

typedef struct reading {
  sm_setting_fn *get;
  unsigned digits; /* of the currency */
  sm_buf *problem;
  sm_err err; /* the first failure; later takes go on, so that all are told */
} reading;

/* ---- what all have in common ---- */

static void refuse(reading *r, const char *name, const char *text, const char *advice) {
  sm_buf_line(r->problem, "%s is '%.60s': give %s", name, text, advice);
  r->err = SM_ERR_INVALID;
}

/* The text of a setting; NULL if it is not set or is empty. */
static char *text_of(reading *r, const char *name) {
  char *text = r->get(name);
  if (text != NULL && text[0] == '\0') {
    free(text);
    text = NULL;
  }
  return text;
}

/* A decimal from 0 to `most`, scaled by 10^places. */
static void take_number(reading *r, const char *name, unsigned places, int64_t most,
                        const char *advice, int64_t *value) {
  char *text = text_of(r, name);
  if (text == NULL) return;
  int64_t got = 0;
  sm_err err = sm_decimal_parse(text, strlen(text), places, &got);
  if (err == SM_OK && got >= 0 && got <= most)
    *value = got;
  else
    refuse(r, name, text, advice);
  free(text);
}

static void take_count(reading *r, const char *name, int32_t most, const char *advice,
                       int32_t *value) {
  int64_t got = *value;
  take_number(r, name, 0, most, advice, &got);
  *value = (int32_t)got;
}

static void take_amount(reading *r, const char *name, int64_t *minor) {
  take_number(r, name, r->digits, AMOUNT_MAX * sm_pow10(r->digits),
              "an amount of money from 0 to 1000000, such as 100", minor);
}

static void take_flag(reading *r, const char *name, bool *flag) {
  char *text = text_of(r, name);
  if (text == NULL) return;
  bool on = strcmp(text, "1") == 0;
  if (on || strcmp(text, "0") == 0)
    *flag = on;
  else
    refuse(r, name, text, "0 or 1");
  free(text);
}

/* ---- texts that are printed ---- */

static size_t char_count(const char *text) {
  size_t count = 0;
  for (; *text != '\0'; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
  return count;
}

/* Visible characters: none of the controls, C1 among them, nor the marks that turn the direction of
 * text around, with which an address could read as another. */
static bool is_plain(const char *text) {
  size_t len = strlen(text);
  if (!sm_utf8_valid(text, len)) return false;
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
    if (*at < 0x20 || *at == 0x7f) return false;
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) return false;
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) return false;
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9) return false;
  }
  return true;
}

/* One line, or several parted by the two characters \n (a .env line has no other way) or by a
 * newline, in which case they are parted by newlines afterwards. */
static bool part_lines(char *text, size_t lines_max) {
  size_t lines = 0;
  char *to = text;
  for (char *from = text;; lines++) {
    char *end = from;
    while (*end != '\0' && *end != '\n' && !(end[0] == '\\' && end[1] == 'n')) end++;
    size_t len = (size_t)(end - from);
    char *next = end + (*end == '\\' ? 2 : 1);
    bool last = *end == '\0';
    memmove(to, from, len);
    to[len] = '\0';
    if (!is_plain(to) || char_count(to) > LINE_MAX_CHARS || lines >= lines_max) return false;
    to += len;
    if (last) return true;
    *to++ = '\n';
    from = next;
  }
}

static void take_text(reading *r, const char *name, size_t lines_max, char **out) {
  char *text = text_of(r, name);
  if (text == NULL) return;
  if (part_lines(text, lines_max)) {
    *out = text;
    return;
  }
  refuse(r, name, "…",
         lines_max == 1 ? "one line of at most 120 visible characters in UTF-8"
                        : "at most 6 lines, parted by \\n, each of at most 120 visible characters "
                          "in UTF-8");
  free(text);
}

/* ---- numbers of invoices ---- */

static void take_prefix(reading *r, const char *name, char prefix[SM_INVOICE_PREFIX_MAX + 1]) {
  char *text = text_of(r, name);
  if (text == NULL) return;
  size_t len = strlen(text);
  if (len <= SM_INVOICE_PREFIX_MAX && strspn(text, CAPITALS_AND_DIGITS) == len)
    memcpy(prefix, text, len + 1);
  else
    refuse(r, name, text,
           "1 to 5 of A-Z and 0-9, such as SM: with year and serial a number has 16 characters at "
           "most");
  free(text);
}

static void take_numbers(reading *r, sm_invoicing_settings *s) {
  take_prefix(r, "SMARTMETER_INVOICE_PREFIX", s->invoice_prefix);
  take_prefix(r, "SMARTMETER_CREDIT_PREFIX", s->credit_prefix);
  if (strcmp(s->invoice_prefix, s->credit_prefix) == 0)
    refuse(r, "SMARTMETER_CREDIT_PREFIX", s->credit_prefix,
           "another one than SMARTMETER_INVOICE_PREFIX: credit notes have numbers of their own");
}

/* ---- the parts ---- */

static void take_days(reading *r, sm_invoicing_settings *s) {
  take_count(r, "SMARTMETER_DUE_DAYS", 365, "a number of days from 0 to 365", &s->due_days);
  take_count(r, "SMARTMETER_SETTLE_DAYS", 28, "a number of days from 0 to 28", &s->settle_days);
  take_flag(r, "SMARTMETER_BILLING_JOB", &s->billing_job);
  take_count(r, "SMARTMETER_BILLING_DELAY", 86400, "a number of seconds from 0 to 86400",
             &s->billing_delay_s);
}

static void take_fees(reading *r, sm_invoicing_settings *s) {
  take_flag(r, "SMARTMETER_ARREARS", &s->arrears);
  take_number(r, "SMARTMETER_LATE_FEE_PERCENT", PERCENT_PLACES, PERCENT_MAX_MICRO,
              "a per cent from 0 to 100 with at most 6 places, such as 1.5",
              &s->late_fee_percent_micro);
  take_amount(r, "SMARTMETER_LATE_FEE_FLAT", &s->late_fee_flat_minor);
  take_count(r, "SMARTMETER_LATE_FEE_GRACE_DAYS", 365, "a number of days from 0 to 365",
             &s->late_fee_grace_days);
}

static void take_late_data(reading *r, sm_invoicing_settings *s) {
  static const char name[] = "SMARTMETER_AFTER_LAST_READING";
  char *text = text_of(r, name);
  if (text != NULL && strcmp(text, "average") == 0)
    s->after_last_reading = SM_AFTER_LAST_READING_AVERAGE;
  else if (text != NULL && strcmp(text, "still") != 0)
    refuse(r, name, text, "still or average");
  free(text);
  take_count(r, "SMARTMETER_RECHECK_MONTHS", 12, "a number of months from 0 to 12",
             &s->recheck_months);
  take_amount(r, "SMARTMETER_TRUE_UP_LIMIT", &s->true_up_limit_minor);
}

static void take_seller(reading *r, sm_invoicing_settings *s) {
  take_text(r, "SMARTMETER_SELLER_NAME", 1, &s->seller_name);
  take_text(r, "SMARTMETER_SELLER_ADDRESS", SM_INVOICE_TEXT_LINES_MAX, &s->seller_address);
  take_text(r, "SMARTMETER_SELLER_TAX_ID", 1, &s->seller_tax_id);
  take_text(r, "SMARTMETER_INVOICE_NOTE", SM_INVOICE_TEXT_LINES_MAX, &s->note);
  s->hsn = text_of(r, "SMARTMETER_HSN");
  if (s->hsn == NULL) return;
  size_t len = strlen(s->hsn);
  if (len < HSN_MIN || len > HSN_MAX || strspn(s->hsn, "0123456789") != len)
    refuse(r, "SMARTMETER_HSN", s->hsn, "4 to 8 digits, such as 27160000 for electrical energy");
}

static void take_language(reading *r, sm_invoicing_settings *s) {
  static const char name[] = "SMARTMETER_INVOICE_LANGUAGE";
  char *text = text_of(r, name);
  if (text == NULL) return;
  if (strcmp(text, "en") == 0 || strcmp(text, "hi") == 0)
    memcpy(s->language, text, sizeof s->language);
  else
    refuse(r, name, text, "en or hi");
  free(text);
}

/* ---- logo ---- */

/* Its pixels are looked at where it is kept for printing (document/logo.h). */
static bool is_picture(const char *data, size_t len) {
  static const char png[] = "\x89PNG\r\n\x1a\n";
  return len >= sizeof png - 1 && memcmp(data, png, sizeof png - 1) == 0;
}

static void take_logo(reading *r, sm_invoicing_settings *s) {
  static const char name[] = "SMARTMETER_INVOICE_LOGO";
  char *data = NULL;
  size_t len = 0;
  s->logo = text_of(r, name);
  if (s->logo == NULL) return;
  sm_err err = sm_file_read(s->logo, SM_INVOICE_LOGO_BYTES_MAX, &data, &len);
  if (err == SM_ERR_NOMEM)
    r->err = err;
  else if (err == SM_ERR_RANGE)
    refuse(r, name, s->logo, "a smaller file: that one has more than 1 MiB");
  else if (err != SM_OK)
    refuse(r, name, s->logo, "the path of a PNG file that can be read");
  else if (!is_picture(data, len))
    refuse(r, name, s->logo, "a PNG picture: that one is none");
  else {
    uint8_t digest[SM_SHA256_BYTES];
    sm_sha256(data, len, digest);
    (void)sm_hex(digest, sizeof digest, s->logo_sha256);
  }
  free(data);
}

/* ---- UPI ---- */

static bool is_upi_id(const char *text) {
  const char *at = strchr(text, '@');
  if (at == NULL) return false;
  size_t name = (size_t)(at - text);
  size_t bank = strlen(at + 1);
  for (const char *c = text; *c != '\0'; c++) {
    bool alphanumeric =
        (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    bool mark = c < at && (*c == '.' || *c == '-' || *c == '_');
    if (!alphanumeric && !mark && c != at) return false;
  }
  return name >= 2 && name <= UPI_NAME_PART_MAX && bank >= 2 && bank <= UPI_BANK_PART_MAX;
}

static void take_upi(reading *r, const char *currency, sm_invoicing_settings *s) {
  static const char name[] = "SMARTMETER_UPI_ID";
  s->upi_id = text_of(r, name);
  take_text(r, "SMARTMETER_UPI_NAME", 1, &s->upi_name);
  if (s->upi_id == NULL) return;
  if (!is_upi_id(s->upi_id)) {
    refuse(r, name, s->upi_id, "an address such as society@bank");
  } else if (strcmp(currency, "INR") != 0) {
    refuse(r, name, s->upi_id, "none: UPI pays INR only, and SMARTMETER_CURRENCY is another");
  } else if (s->upi_name == NULL && s->seller_name == NULL) {
    refuse(r, name, s->upi_id,
           "SMARTMETER_UPI_NAME or SMARTMETER_SELLER_NAME with it: who is paid");
  } else if (s->upi_name == NULL) {
    s->upi_name = strdup(s->seller_name);
    if (s->upi_name == NULL) r->err = SM_ERR_NOMEM;
  }
}

/* ---- the whole ---- */

void sm_invoicing_settings_default(const char *currency, sm_invoicing_settings *settings) {
  *settings = (sm_invoicing_settings){
      .invoice_prefix = "SM",
      .credit_prefix = "CN",
      .due_days = 15,
      .settle_days = 3,
      .billing_job = true,
      .billing_delay_s = 300,
      .arrears = true,
      .recheck_months = 3,
      .true_up_limit_minor = 100 * sm_pow10(sm_currency_digits(currency)),
      .language = "en",
  };
}

sm_err sm_invoicing_settings_load(sm_setting_fn *get, const char *currency,
                                  sm_invoicing_settings *settings, sm_buf *problem) {
  reading r = {.get = get, .digits = sm_currency_digits(currency), .problem = problem};
  sm_invoicing_settings out;
  sm_invoicing_settings_default(currency, &out);
  take_numbers(&r, &out);
  take_days(&r, &out);
  take_fees(&r, &out);
  take_late_data(&r, &out);
  take_seller(&r, &out);
  take_language(&r, &out);
  take_logo(&r, &out);
  take_upi(&r, currency, &out);
  if (r.err == SM_OK)
    *settings = out;
  else
    sm_invoicing_settings_fini(&out);
  return r.err;
}

void sm_invoicing_settings_fini(sm_invoicing_settings *settings) {
  if (settings == NULL) return;
  char *const texts[] = {settings->seller_name, settings->seller_address, settings->seller_tax_id,
                         settings->hsn,         settings->note,           settings->logo,
                         settings->upi_id,      settings->upi_name};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  *settings = (sm_invoicing_settings){0};
}
