#include "app/commands.h"
#include "app/options.h"
#include "app/printing.h"
#include "app/program.h"
#include "app/verbs.h"

#include "base/complain.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "transfer/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: smartmeter invoice pdf NUMBER --out FILE [--lang en|hi] [--json]\n"
    "       smartmeter invoice zip --month YYYY-MM --out FILE [--json]\n"
    "Writes an issued invoice or credit note as PDF, in the language that it was issued in or in\n"
    "another one, and all those for a month as one ZIP. --out - writes the PDF to standard "
    "output.\n";

typedef struct words {
  const char *number;
  const char *month;
  const char *out;
  const char *lang;
  bool json;
} words;

/* What was written, for who asked for JSON. */
static void print_written(const words *w, const char *subject, size_t count, size_t bytes) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw json;
  sm_jsonw_init(&json, &text);
  sm_jsonw_object(&json);
  sm_jsonw_key_text(&json, w->month != NULL ? "month" : "number", subject);
  sm_jsonw_key_text(&json, "file", w->out);
  if (w->month != NULL)
    sm_jsonw_key_int(&json, "invoices", (int64_t)count);
  else
    sm_jsonw_key_int(&json, "bytes", (int64_t)bytes);
  sm_jsonw_object_end(&json);
  sm_print_json(&text);
  sm_buf_fini(&text);
}

static sm_err write_out(const char *out, const sm_buf *pdf) {
  if (strcmp(out, "-") == 0) return sm_write_all(STDOUT_FILENO, pdf->data, pdf->len);
  return sm_file_write_private(out, pdf->data, pdf->len);
}

static void tell_failure(const char *what, sm_err err) {
  if (err == SM_ERR_UNSUPPORTED)
    sm_complain("the fonts of the invoices are not installed: apt-get install fonts-noto-core");
  else
    sm_complain("%s: %s", what, sm_complain_text(err));
}

static int write_pdf(sm_program *program, sm_cabinet *cabinet, const words *w) {
  sm_invoice invoice;
  sm_language language = SM_LANGUAGE_EN;
  sm_buf pdf;
  sm_err err = w->lang != NULL ? sm_language_parse(w->lang, &language) : SM_OK;
  if (err != SM_OK) return sm_misused(usage, "--lang must be en or hi");
  err = sm_ledger_invoice(program->ledger, w->number, &invoice);
  if (err == SM_ERR_NOT_FOUND) {
    sm_complain("there is no invoice %s", w->number);
    return SM_EXIT_FAILED;
  }
  if (!sm_complain_unless(err, "read the invoice", w->number)) return SM_EXIT_FAILED;
  sm_buf_init(&pdf, SM_PDF_BYTES_MAX);
  err = sm_cabinet_pdf(cabinet, &invoice, w->lang != NULL ? &language : NULL, &pdf);
  bool good = err == SM_OK;
  if (good)
    good = sm_complain_unless(write_out(w->out, &pdf), "write", w->out);
  else
    tell_failure("the invoice cannot be printed", err);
  if (good && w->json) print_written(w, invoice.number, 1, pdf.len);
  sm_buf_fini(&pdf);
  sm_invoice_fini(&invoice);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static bool on_progress(void *context, size_t done, size_t total) {
  sm_progress_at(context, (sm_progress_point){.count = done, .done = done, .total = total});
  return true;
}

static int write_zip(sm_cabinet *cabinet, const words *w) {
  sm_progress progress;
  size_t count = 0;
  sm_progress_init(&progress, stderr, "printing", "invoices");
  sm_err err = sm_cabinet_zip(cabinet, w->month, w->out, on_progress, &progress, &count);
  sm_progress_end(&progress);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("no invoice has been issued for %s", w->month);
  else if (err != SM_OK)
    tell_failure("the ZIP cannot be written", err);
  else if (w->json)
    print_written(w, w->month, count, 0);
  else
    (void)printf("%zu invoices of %s in %s\n", count, w->month, w->out);
  return err == SM_OK ? SM_EXIT_OK : SM_EXIT_FAILED;
}

static int run(const words *w) {
  sm_program program;
  sm_cabinet *cabinet = NULL;
  int status = SM_EXIT_FAILED;
  if (sm_program_open(&program, SM_PROGRAM_EXISTING) && sm_program_open_identity(&program) &&
      sm_printing_open(&program, &cabinet))
    status = w->number != NULL ? write_pdf(&program, cabinet, w) : write_zip(cabinet, w);
  sm_cabinet_free(cabinet);
  sm_program_fini(&program);
  return status;
}

int sm_cmd_invoice(int argc, char **argv) {
  words w = {0};
  int status;
  int year;
  int month;
  const sm_option options[] = {{"--month", .text = &w.month},
                               {"--out", .text = &w.out},
                               {"--lang", .text = &w.lang},
                               {"--json", .flag = &w.json}};
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  bool pdf = argc == 3 && strcmp(argv[1], "pdf") == 0;
  bool zip = argc == 2 && strcmp(argv[1], "zip") == 0;
  if (!pdf && !zip) return sm_misused(usage, "say what to write: pdf NUMBER or zip");
  if (w.out == NULL) return sm_misused(usage, "--out must name a file");
  if (pdf && w.month != NULL) return sm_misused(usage, "--month belongs to zip");
  if (zip && w.lang != NULL) return sm_misused(usage, "--lang belongs to pdf");
  if (zip && (w.month == NULL || sm_month_parse(w.month, &year, &month) != SM_OK))
    return sm_misused(usage, "--month must be a month such as 2026-01");
  if (zip && strcmp(w.out, "-") == 0) return sm_misused(usage, "a ZIP is written to a file");
  if (pdf) w.number = argv[2];
  return run(&w);
}
