#include "document/document_test_kit.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/file.h"
#include "model/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(const sample *s, const char *member) {
  return json_string_value(json_object_get(s->json, member));
}

static int64_t instant_of(const sample *s, const char *member) {
  int64_t instant_ms = 0;
  const char *text = text_of(s, member);
  assert_non_null(text);
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &instant_ms), SM_OK);
  return instant_ms;
}

void sample_renew(sample *s) {
  free(s->body);
  free(s->snapshot);
  s->body = json_dumps(json_object_get(s->json, "body"), JSON_COMPACT);
  s->snapshot = json_dumps(json_object_get(s->json, "snapshot"), JSON_COMPACT);
  s->source.body = s->body;
  s->source.snapshot = s->snapshot;
}

void sample_load(const char *name, sample *s) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/contracts/documents/%s.json", SM_SOURCE_DIR, name);
  *s = (sample){.json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL)};
  assert_non_null(s->json);
  const char *total = text_of(s, "total");
  const char *currency = text_of(s, "currency");
  s->source = (sm_document_source){.number = text_of(s, "number"),
                                   .kind = text_of(s, "kind"),
                                   .month = text_of(s, "month"),
                                   .currency = currency,
                                   .issued_ms = instant_of(s, "issued_at"),
                                   .due_ms = instant_of(s, "due_at"),
                                   .payer = text_of(s, "payer")};
  assert_int_equal(
      sm_decimal_parse(total, strlen(total), sm_currency_digits(currency), &s->source.total_minor),
      SM_OK);
  sample_renew(s);
}

void sample_fini(sample *s) {
  free(s->body);
  free(s->snapshot);
  json_decref(s->json);
}

void sample_print(sm_press *press, const sample *s, sm_buf *pdf) {
  sm_document_invoice invoice;
  sm_buf problem;
  bool whole = false;
  sm_buf_init(&problem, 0);
  sm_err err = sm_document_invoice_read(&s->source, &invoice, &problem);
  if (err != SM_OK) fail_msg("%s", sm_buf_text(&problem));
  assert_int_equal(sm_press_print(press, &invoice, pdf, &whole), SM_OK);
  sm_document_invoice_fini(&invoice);
  sm_buf_fini(&problem);
}
