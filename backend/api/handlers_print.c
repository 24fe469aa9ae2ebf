/* Invoices as PDF, and those of a month as one ZIP. */
#include "api/api.h"
#include "api/invoices.h"
#include "api/routes.h"
#include "api/zip_desk.h"
#include "base/crypto.h"
#include "document/cabinet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ZIP_WAIT_MS = 400 };

static bool take_language(const sm_request *request, sm_answer *answer, sm_language *language,
                          bool *given) {
  const char *name;
  if (!sm_request_param_text(request, answer, "lang", &name)) return false;
  *given = name != NULL;
  if (name == NULL || sm_language_parse(name, language) == SM_OK) return true;
  sm_answer_field(answer, 400, "lang", "is '%.20s': give en or hi", name);
  return false;
}

static bool find_invoice(sm_api *api, const sm_request *request, sm_answer *answer,
                         sm_invoice *invoice) {
  sm_err err = sm_api_find_invoice(api, request, invoice);
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}

static bool can_print(sm_api *api, sm_answer *answer) {
  if (api->options.cabinet != NULL) return true;
  sm_answer_later(answer, 503, 60, "Invoices are not printed here.");
  return false;
}

static void fail_to_print(const sm_request *request, sm_answer *answer, sm_err err) {
  if (err == SM_ERR_UNSUPPORTED)
    sm_answer_later(answer, 503, 60,
                    "The fonts of the invoices are not installed (Debian: fonts-noto-core).");
  else
    sm_api_fail(request, answer, err);
}

/* The PDF moves into the answer. */
static void answer_pdf(sm_answer *answer, const sm_invoice *invoice, sm_buf *pdf) {
  uint8_t digest[SM_SHA256_BYTES];
  char etag[SM_SHA256_HEX_MAX + 2];
  sm_sha256(pdf->data, pdf->len, digest);
  etag[0] = '"';
  (void)sm_hex(digest, sizeof digest, etag + 1);
  etag[33] = '"'; /* half of it is enough to tell two apart */
  etag[34] = '\0';
  answer->status = 200;
  answer->content_type = "application/pdf";
  answer->cache = SM_CACHE_OWN;
  sm_buf_append(&answer->body, pdf->data, pdf->len);
  sm_answer_header_add(answer, "Content-Disposition", "inline; filename=\"%s.pdf\"",
                       invoice->number);
  sm_answer_header_add(answer, "ETag", "%s", etag);
}

void sm_handle_invoice_pdf(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_invoice invoice;
  sm_language language = SM_LANGUAGE_EN;
  bool given;
  if (!take_language(request, answer, &language, &given) ||
      !find_invoice(api, request, answer, &invoice))
    return;
  if (can_print(api, answer) && sm_api_expensive_enter(api, answer)) {
    sm_buf pdf;
    sm_buf_init(&pdf, SM_PDF_BYTES_MAX);
    sm_err err = sm_cabinet_pdf(api->options.cabinet, &invoice, given ? &language : NULL, &pdf);
    sm_api_expensive_leave(api);
    if (err == SM_OK)
      answer_pdf(answer, &invoice, &pdf);
    else
      fail_to_print(request, answer, err);
    sm_buf_fini(&pdf);
  }
  sm_invoice_fini(&invoice);
}

static void tell_how_far(sm_answer *answer, const char *month, const sm_zip_ticket *ticket) {
  char text[160];
  if (ticket->month[0] != '\0' && strcmp(ticket->month, month) != 0)
    (void)snprintf(text, sizeof text,
                   "The ZIP of %s is being made first: %zu of %zu invoices. Ask again.",
                   ticket->month, ticket->done, ticket->total);
  else
    (void)snprintf(text, sizeof text, "The ZIP is being made: %zu of %zu invoices. Ask again.",
                   ticket->done, ticket->total);
  sm_answer_later(answer, 503, 3, text);
}

void sm_handle_invoices_zip(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *month;
  int year, number, file;
  uint64_t size;
  sm_zip_ticket ticket;
  if (!sm_request_param_text(request, answer, "month", &month)) return;
  if (month == NULL || sm_month_parse(month, &year, &number) != SM_OK) {
    sm_answer_field(answer, 400, "month", "is needed: a month such as 2026-01");
    return;
  }
  if (!can_print(api, answer) || !sm_api_expensive_enter(api, answer)) return;
  sm_err err = sm_zip_desk_ask(api->zip_desk, month, ZIP_WAIT_MS, &file, &size, &ticket);
  sm_api_expensive_leave(api);
  if (err == SM_OK) {
    sm_answer_file(answer, "application/zip", file, size);
    sm_answer_header_add(answer, "Content-Disposition", "attachment; filename=\"invoices-%s.zip\"",
                         month);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_problem(answer, 404, "No invoice has been issued for %s.", month);
  } else if (err == SM_ERR_BUSY) {
    tell_how_far(answer, month, &ticket);
  } else {
    fail_to_print(request, answer, err);
  }
}
