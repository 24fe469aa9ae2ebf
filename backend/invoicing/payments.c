#include "invoicing/payments.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "model/money.h"

#include <string.h>

#define EARLIEST_MS INT64_C(946684800000) /* 2000-01-01T00:00:00Z */
enum { AHEAD_MS = 300000 };               /* a clock of another machine */

static void check_amount(const sm_payment *p, const char *currency, int64_t *minor,
                         sm_problems *problems) {
  char most[SM_DECIMAL_TEXT_MAX];
  unsigned digits = sm_currency_digits(currency);
  int64_t got = 0;
  bool good = p->amount != NULL &&
              sm_decimal_parse(p->amount, strlen(p->amount), digits, &got) == SM_OK && got > 0 &&
              got <= SM_ENTRY_MAX_MINOR;
  if (good)
    *minor = got;
  else
    sm_problems_add(problems, "amount",
                    "must be a text such as \"%s\": above 0, at most %s, with at most %u decimals",
                    digits == 2 ? "1888.00" : "1888",
                    sm_decimal_format(SM_ENTRY_MAX_MINOR, digits, digits, most), digits);
  if (p->currency != NULL && strcmp(p->currency, currency) != 0)
    sm_problems_add(problems, "currency", "must be %s, as all amounts here", currency);
}

static bool has_method(const char *method) {
  static const char *const methods[] = {"cash", "upi", "bank", "card", "cheque", "other"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    if (strcmp(methods[i], method) == 0) return true;
  return false;
}

/* NULL is fine. */
static void check_text(const char *field, const char *text, size_t max_chars,
                       sm_problems *problems) {
  if (text == NULL) return;
  size_t len = strlen(text);
  size_t chars = 0;
  bool good = len > 0 && sm_utf8_valid(text, len);
  for (size_t at = 0; good && at < len; at += sm_utf8_step(text + at, len - at)) {
    good = (unsigned char)text[at] >= 0x20 && text[at] != 0x7f;
    chars++;
  }
  if (!good || chars > max_chars)
    sm_problems_add(problems, field, "must have 1 to %zu characters on one line", max_chars);
}

static void check_received(const sm_zone *zone, int64_t received_ms, int64_t now_ms,
                           sm_problems *problems) {
  char then[SM_RFC3339_MAX], now[SM_RFC3339_MAX];
  if (received_ms == INT64_MIN)
    sm_problems_add(problems, "received_at", "is required");
  else if (received_ms < EARLIEST_MS)
    sm_problems_add(problems, "received_at", "must not be before 2000");
  else if (received_ms > now_ms + AHEAD_MS)
    sm_problems_add(problems, "received_at",
                    "is %s, which is yet to come: it is %s now, and a payment counts from when it "
                    "came in",
                    sm_zone_format(zone, received_ms, then),
                    sm_zone_format(zone, now_ms - now_ms % 1000, now));
}

static void check(const sm_invoicing *invoicing, const sm_payment *p, int64_t now_ms,
                  int64_t *minor, sm_problems *problems) {
  check_amount(p, invoicing->currency, minor, problems);
  check_received(invoicing->zone, p->received_ms, now_ms, problems);
  if (p->method != NULL && !has_method(p->method))
    sm_problems_add(problems, "method", "must be one of " SM_PAYMENT_METHODS);
  if (p->reference == NULL && p->request_key == NULL)
    sm_problems_add(problems, "reference",
                    "is required, so that a payment that is sent twice is counted once");
  check_text("reference", p->reference, SM_REFERENCE_MAX, problems);
  check_text("note", p->note, SM_REASON_MAX, problems);
}

sm_err sm_payment_received(const sm_invoicing *invoicing, const char *text, int64_t *received_ms) {
  sm_date day;
  if (sm_date_parse(text, &day) != SM_OK)
    return sm_rfc3339_parse(text, strlen(text), received_ms) == SM_OK ? SM_OK : SM_ERR_SYNTAX;
  *received_ms = sm_zone_day_start_ms(invoicing->zone, day);
  return SM_OK;
}

void sm_payment_check(const sm_invoicing *invoicing, const sm_payment *p, int64_t now_ms,
                      sm_problems *problems, sm_entry_new *entry) {
  int64_t minor = 0;
  check(invoicing, p, now_ms, &minor, problems);
  *entry = (sm_entry_new){.account_id = p->account_id,
                          .kind = "payment",
                          .amount_minor = -minor,
                          .currency = invoicing->currency,
                          .invoice = p->invoice,
                          .at_ms = p->received_ms,
                          .method = p->method != NULL ? p->method : "other",
                          .reference = p->reference,
                          .request_key = p->request_key,
                          .reason = p->note};
}

sm_err sm_payment_add(const sm_invoicing *invoicing, sm_actor actor, const sm_payment *p,
                      int64_t now_ms, sm_problems *problems, bool *added, int64_t *entry_no) {
  sm_entry_new entry;
  sm_payment_check(invoicing, p, now_ms, problems, &entry);
  if (sm_problems_any(problems)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_entry_add(invoicing->ledger, actor, &entry, added, entry_no);
  if (err != SM_ERR_CONFLICT) return err;
  sm_problems_add(problems, "invoice", "is none of this account's valid invoices");
  return SM_ERR_INVALID;
}
