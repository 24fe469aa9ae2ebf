#include "document/cabinet.h"

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "document/press.h"
#include "store/ledger_audit.h"
#include "store/ledger_print.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum { NAME_MAX_BYTES = 96 };

struct sm_cabinet {
  char *folder;
  sm_ledger *ledger;
  sm_sealer *sealer;
  sm_press *press;
  pthread_mutex_t keeping;
};

sm_err sm_cabinet_new(const sm_cabinet_options *options, sm_cabinet **cabinet) {
  sm_cabinet *out = calloc(1, sizeof *out);
  if (out != NULL) {
    (void)pthread_mutex_init(&out->keeping, NULL);
    out->folder = sm_path_join(options->data_dir, SM_CABINET_FOLDER);
    out->ledger = options->ledger;
    out->sealer = options->sealer;
  }
  sm_err err = out != NULL && out->folder != NULL ? SM_OK : SM_ERR_NOMEM;
  if (err == SM_OK) err = sm_press_new(options->ledger, &out->press);
  if (err == SM_OK)
    *cabinet = out;
  else
    sm_cabinet_free(out);
  return err;
}

void sm_cabinet_free(sm_cabinet *cabinet) {
  if (cabinet == NULL) return;
  sm_press_free(cabinet->press);
  (void)pthread_mutex_destroy(&cabinet->keeping);
  free(cabinet->folder);
  free(cabinet);
}

const char *sm_cabinet_folder(const sm_cabinet *cabinet) {
  return cabinet->folder;
}

/* ---- the payer's name ---- */
static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static sm_err from_hex(const char *hex, sm_bytes *out) {
  size_t len = strlen(hex) / 2;
  uint8_t *data = malloc(len + 1);
  bool good = data != NULL && strlen(hex) == 2 * len;
  for (size_t i = 0; good && i < len; i++) {
    int high = hex_digit(hex[2 * i]);
    int low = hex_digit(hex[2 * i + 1]);
    good = high >= 0 && low >= 0;
    data[i] = (uint8_t)((unsigned)(high & 15) << 4 | (unsigned)(low & 15));
  }
  if (good) {
    *out = (sm_bytes){.data = data, .len = len};
    return SM_OK;
  }
  sm_err err = data == NULL ? SM_ERR_NOMEM : SM_ERR_CORRUPT;
  free(data);
  return err;
}

/* *text is a heap text, NULL if the snapshot has no such member. */
static sm_err open_member(const sm_cabinet *cabinet, const json_t *payer, const char *member,
                          const char *field, char **text) {
  const char *hex = json_string_value(json_object_get(payer, member));
  sm_bytes sealed = {0};
  *text = NULL;
  if (hex == NULL) return SM_OK;
  sm_err err = from_hex(hex, &sealed);
  if (err == SM_OK) err = sm_unseal(cabinet->sealer, field, &sealed, text);
  free(sealed.data);
  return err;
}

/* The account's person, else its user's name, else the user's e-mail. *payer is a heap text, NULL
 * if none was given. */
static sm_err open_payer(const sm_cabinet *cabinet, const sm_invoice *invoice, char **payer) {
  static const char *const members[][2] = {{"person_sealed", SM_FIELD_PERSON},
                                           {"name_sealed", SM_FIELD_NAME},
                                           {"email_sealed", SM_FIELD_EMAIL}};
  json_t *snapshot = json_loads(invoice->snapshot, JSON_REJECT_DUPLICATES, NULL);
  const json_t *of = json_object_get(snapshot, "payer");
  *payer = NULL;
  sm_err err = snapshot != NULL ? SM_OK : SM_ERR_CORRUPT;
  for (size_t i = 0; err == SM_OK && *payer == NULL && i < sizeof members / sizeof members[0]; i++)
    err = open_member(cabinet, of, members[i][0], members[i][1], payer);
  json_decref(snapshot);
  return err;
}

/* ---- printing ---- */
static bool is_cancelled(const sm_invoice *invoice) {
  return invoice->status != NULL && strcmp(invoice->status, "cancelled") == 0;
}

sm_document_source sm_cabinet_source(const sm_invoice *invoice) {
  return (sm_document_source){.number = invoice->number,
                              .kind = invoice->kind,
                              .month = invoice->month,
                              .currency = invoice->currency,
                              .issued_ms = invoice->issued_ms,
                              .due_ms = invoice->due_ms,
                              .total_minor = invoice->total_minor,
                              .body = invoice->body,
                              .snapshot = invoice->snapshot,
                              .cancelled = is_cancelled(invoice)};
}

static void tell(const sm_invoice *invoice, const char *event, const char *reason) {
  sm_log(SM_LOG_ERROR, event, SM_LOG_TEXT("number", invoice->number),
         SM_LOG_TEXT("reason", reason));
}

/* The entry of its own issue: the same at each printing, and bound to all before it. */
static bool find_audit(const sm_cabinet *cabinet, const sm_invoice *invoice,
                       char out[SM_AUDIT_SHORT_MAX]) {
  int64_t audit_no;
  uint8_t hash[32];
  sm_err err = sm_ledger_audit_of_invoice(cabinet->ledger, invoice->number, &audit_no, hash);
  if (err == SM_OK) (void)sm_audit_short_write(audit_no, hash, out);
  return err == SM_OK;
}

static sm_err print(const sm_cabinet *cabinet, const sm_invoice *invoice,
                    const sm_language *language, sm_buf *pdf, bool *whole) {
  sm_document_source source = sm_cabinet_source(invoice);
  source.language = language;
  sm_document_invoice document;
  char audit[SM_AUDIT_SHORT_MAX];
  char *payer = NULL;
  sm_buf problem;
  sm_err err = open_payer(cabinet, invoice, &payer);
  if (err != SM_OK) {
    tell(invoice, "document.payer_not_read", sm_err_text(err));
    return err;
  }
  source.payer = payer;
  if (find_audit(cabinet, invoice, audit)) source.audit = audit;
  sm_buf_init(&problem, 1024);
  err = sm_document_invoice_read(&source, &document, &problem);
  if (err == SM_OK) {
    err = sm_press_print(cabinet->press, &document, pdf, whole);
    sm_document_invoice_fini(&document);
  } else {
    tell(invoice, "document.row_not_read", sm_buf_text(&problem));
  }
  sm_buf_fini(&problem);
  free(payer);
  return err;
}

/* ---- keeping ---- */
/* Without the payer, whose name is sealed anew when its key is: the page stays the same. */
static void append_snapshot(sm_buf *text, const char *snapshot) {
  json_t *root = json_loads(snapshot, JSON_REJECT_DUPLICATES, NULL);
  (void)json_object_del(root, "payer");
  char *rest = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
  sm_buf_append_text(text, rest != NULL ? rest : snapshot);
  free(rest);
  json_decref(root);
}

/* Half a hash of all that a page is made from: another ledger, put in this one's place, may have
 * another invoice of the same number. */
static void sign(const sm_invoice *invoice, char hex[SM_SHA256_HEX_MAX]) {
  enum { SIGN_DIGITS = 32 };
  uint8_t digest[SM_SHA256_BYTES];
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_printf(&text, "%s %s %s %" PRId64 " %" PRId64 " %" PRId64 "\n", invoice->number,
                invoice->account_id, invoice->kind, invoice->total_minor, invoice->issued_ms,
                invoice->due_ms);
  sm_buf_append_text(&text, invoice->body);
  append_snapshot(&text, invoice->snapshot);
  if (is_cancelled(invoice)) sm_buf_append_text(&text, "cancelled");
  sm_sha256(sm_buf_text(&text), text.len, digest);
  (void)sm_hex(digest, sizeof digest, hex);
  hex[SIGN_DIGITS] = '\0';
  sm_buf_fini(&text);
}

/* "2026-01/SM2526-000001.{sign}.pdf" in the language that it was issued in, else "….hi.pdf". */
static char *path_of(const sm_cabinet *cabinet, const sm_invoice *invoice,
                     const sm_language *language) {
  char name[NAME_MAX_BYTES], signature[SM_SHA256_HEX_MAX];
  sign(invoice, signature);
  (void)snprintf(name, sizeof name, "%.16s/%.16s.%.32s%s%s.pdf", invoice->month, invoice->number,
                 signature, language != NULL ? "." : "",
                 language != NULL ? sm_language_name(*language) : "");
  return sm_path_join(cabinet->folder, name);
}

static bool looks_whole(const char *data, size_t len) {
  return len > 12 && memcmp(data, "%PDF-", 5) == 0 && memcmp(data + len - 6, "%%EOF\n", 6) == 0;
}

static sm_err take_kept(const char *path, sm_buf *pdf) {
  char *data = NULL;
  size_t len = 0;
  sm_err err = sm_file_read(path, SM_PDF_BYTES_MAX, &data, &len);
  if (err == SM_OK && !looks_whole(data, len)) err = SM_ERR_CORRUPT;
  if (err == SM_OK) {
    sm_buf_append(pdf, data, len);
    err = pdf->err;
  }
  free(data);
  return err;
}

/* A file under another name, which it loses once it is whole; what a power cut leaves of it is
 * found out by looks_whole. */
static sm_err write_for_now(const char *path, const sm_buf *pdf) {
  char fresh[4096];
  int len = snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
  if (len < 0 || (size_t)len >= sizeof fresh) return SM_ERR_RANGE;
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return sm_write_err();
  sm_err err = sm_write_all(fd, pdf->data, pdf->len);
  if (close(fd) != 0 && err == SM_OK) err = sm_write_err();
  if (err == SM_OK && rename(fresh, path) != 0) err = sm_write_err();
  if (err != SM_OK) (void)unlink(fresh);
  return err;
}

static sm_err make_folder_of(const char *path) {
  char *folder = strdup(path);
  if (folder == NULL) return SM_ERR_NOMEM;
  *strrchr(folder, '/') = '\0';
  sm_err err = sm_dir_make(folder);
  free(folder);
  return err;
}

/* `synced`: before this returns; else the caller sees to it (sync_all). One at a time: two threads
 * that have printed the same page would write to the same new file. */
static sm_err keep(sm_cabinet *cabinet, const char *path, const sm_buf *pdf, bool synced) {
  (void)pthread_mutex_lock(&cabinet->keeping);
  sm_err err = make_folder_of(path);
  if (err == SM_OK)
    err = synced ? sm_file_write_private(path, pdf->data, pdf->len) : write_for_now(path, pdf);
  (void)pthread_mutex_unlock(&cabinet->keeping);
  return err;
}

/* All that was kept without a sync: one for thousands. */
static sm_err sync_all(const sm_cabinet *cabinet) {
  int fd = open(cabinet->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? SM_OK : SM_ERR_IO; /* nothing was kept */
  sm_err err = syncfs(fd) == 0 ? SM_OK : SM_ERR_IO;
  (void)close(fd);
  return err;
}

/* Gives the kept one or prints. *kept: it is in its file now. */
static sm_err find_or_print(sm_cabinet *cabinet, const sm_invoice *invoice,
                            const sm_language *language, const char *path, bool synced, sm_buf *pdf,
                            sm_err *kept) {
  bool whole = false;
  sm_err err = take_kept(path, pdf);
  *kept = SM_OK;
  if (err == SM_OK || err == SM_ERR_NOMEM) return err;
  sm_buf_clear(pdf);
  err = print(cabinet, invoice, language, pdf, &whole);
  if (err != SM_OK) return err;
  *kept = whole ? keep(cabinet, path, pdf, synced) : SM_ERR_NOT_FOUND;
  return SM_OK;
}

static bool is_own_language(const sm_invoice *invoice, sm_language language) {
  json_t *snapshot = json_loads(invoice->snapshot, 0, NULL);
  const char *name = json_string_value(json_object_get(snapshot, "language"));
  sm_language own;
  bool same =
      (name != NULL && sm_language_parse(name, &own) == SM_OK ? own : SM_LANGUAGE_EN) == language;
  json_decref(snapshot);
  return same;
}

sm_err sm_cabinet_pdf(sm_cabinet *cabinet, const sm_invoice *invoice, const sm_language *language,
                      sm_buf *pdf) {
  sm_err kept = SM_OK;
  if (language != NULL && is_own_language(invoice, *language)) language = NULL;
  char *path = path_of(cabinet, invoice, language);
  if (path == NULL) return SM_ERR_NOMEM;
  sm_err err = find_or_print(cabinet, invoice, language, path, true, pdf, &kept);
  if (err == SM_OK && kept != SM_OK)
    sm_log(SM_LOG_WARN, "document.not_kept", SM_LOG_TEXT("number", invoice->number),
           SM_LOG_TEXT("reason", sm_err_text(kept)));
  free(path);
  return err;
}

/* ---- a month ---- */
typedef struct bundle {
  sm_cabinet *cabinet;
  zip_t *zip;
  char month[16];
} bundle;

/* Not the moment of packing, and no zone's clock: the first of the month, as far as ZIP can say. */
static zip_uint16_t dos_date(const char *month) {
  int year = 1980, number = 1;
  if (sm_month_parse(month, &year, &number) != SM_OK || year > 2107) return 0x21;
  return (zip_uint16_t)((year - 1980) << 9 | number << 5 | 1);
}

/* The bytes are read from the kept file when the archive is written, so that a month of any size
 * takes little memory; one that is not kept (its logo is gone) is held. */
static zip_source_t *source_of(bundle *b, const char *path, const sm_buf *pdf, bool in_file) {
  if (in_file) return zip_source_file(b->zip, path, 0, -1);
  void *held = malloc(pdf->len);
  if (held == NULL) return NULL;
  memcpy(held, pdf->data, pdf->len);
  zip_source_t *source = zip_source_buffer(b->zip, held, pdf->len, 1);
  if (source == NULL) free(held);
  return source; /* NOLINT(clang-analyzer-unix.Malloc): the source frees it */
}

static sm_err add_entry(bundle *b, const sm_invoice *invoice, zip_source_t *source) {
  char name[NAME_MAX_BYTES];
  if (source == NULL) return SM_ERR_NOMEM;
  (void)snprintf(name, sizeof name, "%.16s.pdf", invoice->number);
  zip_int64_t at = zip_file_add(b->zip, name, source, 0);
  if (at < 0) {
    zip_source_free(source);
    return SM_ERR_NOMEM;
  }
  zip_uint64_t index = (zip_uint64_t)at;
  bool good = zip_set_file_compression(b->zip, index, ZIP_CM_STORE, 0) == 0 &&
              zip_file_set_dostime(b->zip, index, 0, dos_date(b->month), 0) == 0 &&
              zip_file_set_external_attributes(b->zip, index, 0, ZIP_OPSYS_UNIX,
                                               (zip_uint32_t)0100600 << 16) == 0;
  return good ? SM_OK : SM_ERR_NOMEM;
}

static sm_err add_invoice(bundle *b, int64_t after_no) {
  sm_invoice *invoice = NULL;
  size_t count = 0;
  int64_t next_no;
  sm_err kept = SM_OK;
  sm_buf pdf;
  sm_err err =
      sm_ledger_invoices(b->cabinet->ledger, NULL, NULL, after_no, 1, &invoice, &count, &next_no);
  if (err != SM_OK) return err;
  sm_buf_init(&pdf, SM_PDF_BYTES_MAX);
  char *path = count == 1 ? path_of(b->cabinet, &invoice[0], NULL) : NULL;
  err = path != NULL ? SM_OK : SM_ERR_NOMEM;
  if (err == SM_OK) err = find_or_print(b->cabinet, &invoice[0], NULL, path, false, &pdf, &kept);
  /* Without room for the pages there is none for the archive. */
  if (err == SM_OK && kept != SM_OK && kept != SM_ERR_NOT_FOUND) err = kept;
  if (err == SM_OK) err = add_entry(b, &invoice[0], source_of(b, path, &pdf, kept == SM_OK));
  free(path);
  sm_buf_fini(&pdf);
  sm_invoices_free(invoice, count);
  return err;
}

static sm_err add_all(bundle *b, const int64_t *after_no, size_t count,
                      sm_cabinet_progress_fn *progress, void *context) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    err = add_invoice(b, after_no[i]);
    if (err == SM_OK && progress != NULL && !progress(context, i + 1, count)) err = SM_ERR_CLOSED;
  }
  return err;
}

/* Writes the archive, to a file beside `path` that then takes its name. */
static sm_err close_archive(zip_t *zip, const char *path) {
  if (zip_close(zip) == 0) return sm_file_sync_name(path);
  zip_error_t *error = zip_get_error(zip);
  sm_log(SM_LOG_ERROR, "document.zip_failed", SM_LOG_TEXT("reason", zip_error_strerror(error)));
  sm_err err = zip_error_code_system(error) == ENOSPC ? SM_ERR_FULL : SM_ERR_IO;
  zip_discard(zip);
  return err;
}

sm_err sm_cabinet_zip(sm_cabinet *cabinet, const char *month, const char *path,
                      sm_cabinet_progress_fn *progress, void *context, size_t *count) {
  int64_t *after_no = NULL;
  size_t n = 0;
  int code = 0;
  bundle b = {.cabinet = cabinet};
  (void)snprintf(b.month, sizeof b.month, "%.7s", month);
  sm_err err = sm_ledger_invoices_of_month(cabinet->ledger, month, &after_no, &n);
  if (err == SM_OK && n == 0) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) {
    b.zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (b.zip == NULL) err = code == ZIP_ER_MEMORY ? SM_ERR_NOMEM : SM_ERR_IO;
  }
  if (err == SM_OK) {
    err = add_all(&b, after_no, n, progress, context);
    /* Before anybody has a page, it is kept for good. */
    if (err == SM_OK) err = sync_all(cabinet);
    if (err == SM_OK)
      err = close_archive(b.zip, path);
    else
      zip_discard(b.zip);
  }
  free(after_no);
  if (err == SM_OK) *count = n;
  return err;
}
