#include "document/press.h"

#include "base/clock.h"
#include "base/log.h"
#include "document/logo_picture.h"
#include "document/page.h"
#include "document/tail.h"

#include <cairo-pdf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one thread prints with. */
typedef struct machine {
  struct machine *next;
  sm_type *type;
  char logo_name[SM_LOGO_NAME_MAX]; /* of `logo`; "": none yet */
  cairo_surface_t *logo;            /* NULL: it is not to be had */
} machine;

struct sm_press {
  sm_ledger *ledger; /* NULL: none are printed */
  pthread_mutex_t lock;
  machine *free_one; /* guarded by lock, as the next */
  sm_fonts *fonts;   /* NULL until the first print */
};

sm_err sm_press_new(sm_ledger *ledger, sm_press **press) {
  sm_press *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->ledger = ledger;
  (void)pthread_mutex_init(&out->lock, NULL);
  *press = out;
  return SM_OK;
}

static void free_machine(machine *m) {
  if (m->logo != NULL) cairo_surface_destroy(m->logo);
  sm_type_free(m->type);
  free(m);
}

void sm_press_free(sm_press *press) {
  if (press == NULL) return;
  while (press->free_one != NULL) {
    machine *m = press->free_one;
    press->free_one = m->next;
    free_machine(m);
  }
  sm_fonts_free(press->fonts);
  (void)pthread_mutex_destroy(&press->lock);
  free(press);
}

static sm_err new_machine(const sm_fonts *fonts, machine **out) {
  machine *m = calloc(1, sizeof *m);
  if (m == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_type_new(fonts, &m->type);
  if (err == SM_OK)
    *out = m;
  else
    free(m);
  return err;
}

static sm_err take_machine(sm_press *press, machine **out) {
  (void)pthread_mutex_lock(&press->lock);
  sm_err err = press->fonts == NULL ? sm_fonts_new(&press->fonts) : SM_OK;
  machine *m = press->free_one;
  if (m != NULL) press->free_one = m->next;
  (void)pthread_mutex_unlock(&press->lock);
  if (err != SM_OK) return err;
  if (m == NULL) return new_machine(press->fonts, out);
  *out = m;
  return SM_OK;
}

static void give_machine(sm_press *press, machine *m) {
  (void)pthread_mutex_lock(&press->lock);
  m->next = press->free_one;
  press->free_one = m;
  (void)pthread_mutex_unlock(&press->lock);
}

/* Whether it is to be had at another time: what is printed without it would be another page. */
static bool is_passing(sm_err err) {
  return err != SM_ERR_NOT_FOUND && err != SM_ERR_CORRUPT && err != SM_ERR_SYNTAX &&
         err != SM_ERR_RANGE;
}

/* The logo of an invoice, NULL if it is not to be had; the last one is kept. */
static sm_err find_logo(const sm_press *press, machine *m, const char *name,
                        cairo_surface_t **logo) {
  *logo = NULL;
  if (name == NULL || name[0] == '\0' || press->ledger == NULL) return SM_OK;
  if (m->logo != NULL && strcmp(m->logo_name, name) == 0) {
    *logo = m->logo;
    return SM_OK;
  }
  if (m->logo != NULL) cairo_surface_destroy(m->logo);
  m->logo = NULL;
  sm_err err = sm_logo_load(press->ledger, name, &m->logo);
  (void)snprintf(m->logo_name, sizeof m->logo_name, "%s", name);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "document.logo_missing", SM_LOG_TEXT("logo", &m->logo_name[0]),
           SM_LOG_TEXT("reason", sm_err_text(err)));
  *logo = m->logo;
  return err != SM_OK && is_passing(err) ? err : SM_OK;
}

/* ---- drawing ---- */
static cairo_status_t append(void *context, const unsigned char *data, unsigned len) {
  sm_buf *out = context;
  sm_buf_append(out, data, len);
  return out->err == SM_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static void set_metadata(cairo_surface_t *surface, const sm_document_invoice *invoice) {
  char title[160], instant[SM_RFC3339_MAX];
  (void)snprintf(
      title, sizeof title, "%s %s",
      sm_word_text(invoice->language, invoice->credit_note ? SM_WORD_CREDIT_NOTE : SM_WORD_BILL),
      invoice->number);
  /* The moment of issue, not of printing. */
  (void)sm_rfc3339_format(invoice->issued_ms / 1000 * 1000, instant);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Smartmeter");
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, instant);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_MOD_DATE, instant);
  if (invoice->seller_name != NULL) {
    sm_buf name;
    sm_buf_init(&name, 0);
    sm_type_clean(invoice->seller_name, &name);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, sm_buf_text(&name));
    sm_buf_fini(&name);
  }
}

/* Goes through the document without drawing. *sheet is ready to draw it, and knows its pages. */
static void measure(sm_sheet *sheet, cairo_surface_t *logo, int dense) {
  sheet->dense = dense;
  sheet->page = 1;
  sheet->y = SM_PAGE_MARGIN;
  sm_page_draw(sheet, logo);
  sheet->pages = sheet->page;
  sheet->page = 1;
  sheet->y = SM_PAGE_MARGIN;
}

/* What would just run over onto a second page stands closer instead. */
static void lay_out(sm_sheet *sheet, cairo_surface_t *logo) {
  measure(sheet, logo, 0);
  if (sheet->pages != 2) return;
  for (int dense = 1; dense <= SM_DENSE_MAX && sheet->pages > 1; dense++)
    measure(sheet, logo, dense);
  if (sheet->pages > 1) measure(sheet, logo, 0);
}

static sm_err draw(machine *m, const sm_document_invoice *invoice, cairo_surface_t *logo,
                   sm_buf *out) {
  sm_sheet sheet = {.type = m->type, .invoice = invoice};
  sm_page_colours(&sheet);
  lay_out(&sheet, logo);
  cairo_surface_t *surface =
      cairo_pdf_surface_create_for_stream(append, out, SM_PAGE_WIDTH, SM_PAGE_HEIGHT);
  /* Below 1.5 Cairo does not say what text letters stand for that were put in another order. */
  cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_5);
  set_metadata(surface, invoice);
  sheet.cr = cairo_create(surface);
  sm_page_draw(&sheet, logo);
  cairo_status_t status = cairo_status(sheet.cr);
  cairo_destroy(sheet.cr);
  cairo_surface_finish(surface);
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  if (out->err != SM_OK) return out->err;
  if (status == CAIRO_STATUS_SUCCESS) return SM_OK;
  if (status == CAIRO_STATUS_NO_MEMORY) return SM_ERR_NOMEM;
  sm_log(SM_LOG_ERROR, "document.not_drawn", SM_LOG_TEXT("number", invoice->number),
         SM_LOG_TEXT("reason", cairo_status_to_string(status)));
  return SM_ERR_INTERNAL;
}

sm_err sm_press_print(sm_press *press, const sm_document_invoice *invoice, sm_buf *pdf,
                      bool *whole) {
  machine *m;
  sm_err err = take_machine(press, &m);
  if (err != SM_OK) return err;
  bool wants_logo = invoice->logo != NULL && invoice->logo[0] != '\0';
  cairo_surface_t *logo;
  sm_buf drawn;
  sm_buf_init(&drawn, pdf->limit);
  err = find_logo(press, m, invoice->logo, &logo);
  if (err == SM_OK) err = draw(m, invoice, logo, &drawn);
  give_machine(press, m);
  if (err == SM_OK)
    err = sm_tail_complete(invoice->language == SM_LANGUAGE_HI ? "hi-IN" : "en-IN", &drawn, pdf);
  sm_buf_fini(&drawn);
  if (err == SM_ERR_UNSUPPORTED) {
    sm_log(SM_LOG_ERROR, "document.not_finished", SM_LOG_TEXT("number", invoice->number));
    err = SM_ERR_INTERNAL;
  }
  if (err == SM_OK) *whole = !wants_logo || logo != NULL;
  return err;
}
