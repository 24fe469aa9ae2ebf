/* Rows of the ledger that are to be printed: 'i' or 'c' for the kind, the body, a line break, the
 * snapshot. What is read lies within the bounds that the page is drawn by; what is refused is
 * named.
 */
#include "base/decimal.h"
#include "document/invoice.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const sm_document_invoice *i) {
  sm_buf upi;
  if (i->zone == NULL || i->from_ms >= i->to_ms || i->line_count > SM_DOCUMENT_LIST_MAX) abort();
  for (size_t k = 0; k < i->segment_count; k++)
    if (i->segment[k].first_line + i->segment[k].line_count > i->line_count) abort();
  for (size_t k = 0; k < i->window_count; k++)
    if (i->window[k].segment >= i->segment_count || i->window[k].name == NULL) abort();
  for (size_t k = 0; k < i->entry_count; k++)
    if (i->entry[k].kind == NULL || !i->has_before) abort();
  for (size_t k = 0; k < i->line_count; k++)
    if (i->line[k].name == NULL || i->line[k].quantity == NULL || i->line[k].rate == NULL) abort();
  for (size_t k = 0; k < i->history_count; k++)
    if (i->history[k].date.month < 1 || i->history[k].date.month > 12) abort();
  sm_buf_init(&upi, 0);
  sm_document_upi(i, &upi);
  if (upi.len > 0 && (i->credit_note || i->to_pay_minor <= 0)) abort();
  sm_buf_fini(&upi);
}

/* The total that the body itself says: the row's must be the same. */
static int64_t total_of(const char *body) {
  int64_t minor = 0;
  const char *at = strstr(body, "\"total\":\"");
  if (at == NULL) return 0;
  at += 9;
  if (sm_decimal_parse(at, strcspn(at, "\""), 2, &minor) != SM_OK) return 0;
  return minor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_document_invoice invoice;
  sm_buf problem;
  if (size < 2) return 0;
  char *text = malloc(size);
  if (text == NULL) return 0;
  memcpy(text, data + 1, size - 1);
  text[size - 1] = '\0';
  char *snapshot = strchr(text, '\n');
  if (snapshot != NULL) *snapshot++ = '\0';
  const sm_document_source source = {.number = "SM2526-000001",
                                     .kind = data[0] == 'c' ? "credit_note" : "invoice",
                                     .month = "2026-01",
                                     .currency = "INR",
                                     .total_minor = total_of(text),
                                     .body = text,
                                     .snapshot = snapshot != NULL ? snapshot : "{}"};
  sm_buf_init(&problem, 0);
  sm_err err = sm_document_invoice_read(&source, &invoice, &problem);
  if (err == SM_OK) {
    check(&invoice);
    sm_document_invoice_fini(&invoice);
  } else if (err != SM_ERR_NOMEM && problem.len == 0) {
    abort();
  }
  sm_buf_fini(&problem);
  free(text);
  return 0;
}
