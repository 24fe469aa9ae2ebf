/* Pages a second of CPU: bench_pdf SECONDS SAMPLE... prints each sample of contracts/documents
 * again and again, each time with another number, payer and amounts, on one thread, and writes a
 * line "SAMPLE pages_a_cpu_second bytes". */
#include "document/press.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct row {
  json_t *json;
  char *body;
  char *snapshot;
} row;

static double cpu_s(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *text_of(const row *r, const char *member) {
  const char *text = json_string_value(json_object_get(r->json, member));
  return text != NULL ? text : "";
}

static int64_t instant_of(const row *r, const char *member) {
  int64_t instant_ms = 0;
  const char *text = text_of(r, member);
  if (sm_rfc3339_parse(text, strlen(text), &instant_ms) != SM_OK) abort();
  return instant_ms;
}

/* Other digits in all texts behind a mark, as they are from bill to bill. */
static void vary(char *body, const char *mark, unsigned n) {
  for (char *at = strstr(body, mark); at != NULL; at = strstr(at, mark)) {
    at += strlen(mark);
    for (; *at != '"' && *at != '\0'; at++) {
      if (*at < '1' || *at > '9') continue;
      n = n * 1103515245U + 12345U;
      *at = (char)('1' + n / 65536U % 9U);
    }
  }
}

/* As the server does it: from the row's texts each time. */
static size_t print(sm_press *press, const row *r) {
  static unsigned n;
  char number[24], payer[128];
  (void)snprintf(number, sizeof number, "SM2526-%06u", ++n % 1000000U);
  (void)snprintf(payer, sizeof payer, "%.100s %u", text_of(r, "payer"), n);
  vary(r->body, "\"amount\":\"", n);
  vary(r->body, "\"quantity\":\"", n + 1);
  vary(r->body, "\"subtotal\":\"", n + 2);
  const char *total = text_of(r, "total");
  sm_document_source source = {.number = number,
                               .kind = text_of(r, "kind"),
                               .month = text_of(r, "month"),
                               .currency = text_of(r, "currency"),
                               .issued_ms = instant_of(r, "issued_at"),
                               .due_ms = instant_of(r, "due_at"),
                               .body = r->body,
                               .snapshot = r->snapshot,
                               .payer = payer};
  sm_document_invoice invoice;
  sm_buf problem, pdf;
  bool whole;
  if (sm_decimal_parse(total, strlen(total), 2, &source.total_minor) != SM_OK) abort();
  sm_buf_init(&problem, 0);
  sm_buf_init(&pdf, 0);
  sm_err err = sm_document_invoice_read(&source, &invoice, &problem);
  if (err == SM_OK) {
    err = sm_press_print(press, &invoice, &pdf, &whole);
    sm_document_invoice_fini(&invoice);
  }
  if (err != SM_OK) {
    (void)fprintf(stderr, "bench_pdf: %s %s\n", sm_err_text(err), sm_buf_text(&problem));
    exit(1);
  }
  size_t len = pdf.len;
  sm_buf_fini(&pdf);
  sm_buf_fini(&problem);
  return len;
}

static void measure(sm_press *press, const char *name, double seconds) {
  char path[4096];
  row r;
  size_t bytes = 0;
  unsigned pages = 0;
  (void)snprintf(path, sizeof path, "%s/contracts/documents/%s.json", SM_SOURCE_DIR, name);
  r.json = json_load_file(path, 0, NULL);
  if (r.json == NULL) {
    (void)fprintf(stderr, "bench_pdf: there is no %s\n", path);
    exit(1);
  }
  r.body = json_dumps(json_object_get(r.json, "body"), JSON_COMPACT);
  r.snapshot = json_dumps(json_object_get(r.json, "snapshot"), JSON_COMPACT);
  (void)print(press, &r);
  double since = cpu_s();
  for (; cpu_s() - since < seconds; pages++) bytes = print(press, &r);
  (void)printf("%s %.0f %zu\n", name, pages / (cpu_s() - since), bytes);
  free(r.body);
  free(r.snapshot);
  json_decref(r.json);
}

int main(int argc, char **argv) {
  sm_press *press;
  if (argc < 3 || sm_crypto_init() != SM_OK || sm_press_new(NULL, &press) != SM_OK) {
    (void)fputs("usage: bench_pdf SECONDS SAMPLE...\n", stderr);
    return 2;
  }
  for (int i = 2; i < argc; i++) measure(press, argv[i], strtod(argv[1], NULL));
  sm_press_free(press);
  return 0;
}
