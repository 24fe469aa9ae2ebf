#include "document/invoice.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_BYTES = 60 }; /* of the payee: a QR code is to stay readable */

static bool stays(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         strchr("-._~", c) != NULL;
}

/* Percent-encoded as RFC 3986 has it. `also` stays as it is too: '@' may stand in a query, and not
 * every app decodes the address of the payee. */
static void append_encoded(sm_buf *out, const char *text, size_t len, char also) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c != '\0' && (stays(c) || c == (unsigned char)also))
      sm_buf_append_char(out, (char)c);
    else
      sm_buf_printf(out, "%%%02X", c);
  }
}

/* How many bytes of a text fit without cutting a character; bad UTF-8 ends it. */
static size_t fitting(const char *text, size_t most) {
  size_t len = strlen(text);
  size_t at = 0;
  for (;;) {
    size_t step = sm_utf8_step(text + at, len - at);
    if (step == 0 || at + step > most) return at;
    at += step;
  }
}

void sm_document_upi(const sm_document_invoice *invoice, sm_buf *out) {
  char amount[SM_DECIMAL_TEXT_MAX];
  const char *id = invoice->upi_id;
  if (id == NULL || id[0] == '\0' || invoice->credit_note || invoice->cancelled ||
      invoice->to_pay_minor <= 0 || strcmp(invoice->currency, "INR") != 0)
    return;
  const char *name = invoice->upi_name != NULL && invoice->upi_name[0] != '\0'
                         ? invoice->upi_name
                         : invoice->seller_name;
  sm_buf_append_text(out, "upi://pay?pa=");
  append_encoded(out, id, strlen(id), '@');
  if (name != NULL) {
    sm_buf_append_text(out, "&pn=");
    append_encoded(out, name, fitting(name, NAME_MAX_BYTES), '\0');
  }
  sm_buf_append_text(out, "&am=");
  sm_buf_append_text(out, sm_decimal_format(invoice->to_pay_minor, 2, 2, amount));
  sm_buf_append_text(out, "&cu=INR&tr=");
  append_encoded(out, invoice->number, strlen(invoice->number), '\0');
}
