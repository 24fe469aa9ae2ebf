/* Issuing: check, number, row, entry and audit in one transaction. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL_MAX = 999999, PREFIX_MAX = 5, FINANCIAL_YEAR_LEN = 4 };

typedef struct issue {
  sm_actor actor;
  const char *prefix;
  const char *financial_year;
  const sm_invoice *invoice;
  bool credit_note;
  int64_t account_no;
  int64_t device_no; /* 0: none */
  int64_t serial;
  int64_t invoice_no; /* 0: not asked for */
  bool one_of_many;   /* what becomes of its rows is told when all are there */
  sm_ledger_audit_end audit;
  char number[SM_LEDGER_NUMBER_MAX + 1];
} issue;

/* ---- checking ---- */

static bool series_valid(const char *prefix, const char *financial_year) {
  size_t len = strlen(prefix);
  if (len < 1 || len > PREFIX_MAX) return false;
  if (strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != len) return false;
  return strlen(financial_year) == FINANCIAL_YEAR_LEN &&
         strspn(financial_year, "0123456789") == FINANCIAL_YEAR_LEN;
}

static bool invoice_valid(const sm_invoice *invoice) {
  int year;
  int month;
  if (invoice->account_id == NULL || invoice->month == NULL || invoice->kind == NULL) return false;
  if (sm_month_parse(invoice->month, &year, &month) != SM_OK) return false;
  return strcmp(invoice->kind, "invoice") == 0 || strcmp(invoice->kind, "credit_note") == 0;
}

/* SM_OK or SM_ERR_NOT_FOUND: whether (account, kind, month, revision) is there. */
static sm_err find_issued(sm_sql *db, const issue *it, const char *kind) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT 1 FROM invoice WHERE account_no = ?1 AND kind = ?2 "
                                 "AND month = ?3 AND revision = ?4");
  sm_sql_bind_i64(&q, 1, it->account_no);
  sm_sql_bind_text(&q, 2, kind);
  sm_sql_bind_text(&q, 3, it->invoice->month);
  sm_sql_bind_i64(&q, 4, it->invoice->revision);
  bool found = sm_sql_row(&q);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err check(sm_sql *db, issue *it) {
  sm_err err = sm_ledger_account_no(db, it->invoice->account_id, &it->account_no);
  if (err == SM_OK && it->invoice->device_id != NULL) {
    err = sm_ledger_device_no(db, it->invoice->device_id, &it->device_no);
  }
  if (err == SM_OK && it->credit_note) err = find_issued(db, it, "invoice");
  if (err != SM_OK) return err;
  err = find_issued(db, it, it->invoice->kind);
  if (err == SM_OK) return SM_ERR_EXISTS;
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

/* ---- writing ---- */

static sm_err last_serial(sm_sql *db, const issue *it, int64_t *serial) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT last_serial FROM invoice_series "
                                 "WHERE site_no = 1 AND series = ?1 AND financial_year = ?2");
  sm_sql_bind_text(&q, 1, it->prefix);
  sm_sql_bind_text(&q, 2, it->financial_year);
  *serial = sm_sql_row(&q) ? sm_sql_i64(&q, 0) : 0;
  return sm_sql_end(&q);
}

static sm_err write_row(const issue *it, sm_sql_stmt *q) {
  return it->one_of_many ? sm_sql_later(q) : sm_sql_run(q);
}

static sm_err take_number(sm_sql *db, issue *it, int64_t last) {
  if (last >= SERIAL_MAX) return SM_ERR_OVERFLOW;
  it->serial = last + 1;
  (void)snprintf(it->number, sizeof it->number, "%s%s-%06d", it->prefix, it->financial_year,
                 (int)it->serial);
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO invoice_series (site_no, series, financial_year, last_serial) "
                     "VALUES (1, ?1, ?2, 1) ON CONFLICT (site_no, series, financial_year) "
                     "DO UPDATE SET last_serial = invoice_series.last_serial + 1");
  sm_sql_bind_text(&q, 1, it->prefix);
  sm_sql_bind_text(&q, 2, it->financial_year);
  return write_row(it, &q);
}

static sm_err insert_invoice(sm_sql *db, issue *it) {
  const sm_invoice *invoice = it->invoice;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO invoice (site_no, account_no, device_no, kind, month, revision, series, "
          "financial_year, serial, number, total_minor, tax_minor, currency, issued_ms, due_ms, "
          "body, snapshot) "
          "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
  sm_sql_bind_i64(&q, 1, it->account_no);
  sm_ledger_bind_no(&q, 2, it->device_no);
  sm_sql_bind_text(&q, 3, invoice->kind);
  sm_sql_bind_text(&q, 4, invoice->month);
  sm_sql_bind_i64(&q, 5, invoice->revision);
  sm_sql_bind_text(&q, 6, it->prefix);
  sm_sql_bind_text(&q, 7, it->financial_year);
  sm_sql_bind_i64(&q, 8, it->serial);
  sm_sql_bind_text(&q, 9, it->number);
  sm_sql_bind_i64(&q, 10, invoice->total_minor);
  sm_sql_bind_i64(&q, 11, invoice->tax_minor);
  sm_sql_bind_text(&q, 12, invoice->currency);
  sm_sql_bind_i64(&q, 13, invoice->issued_ms);
  sm_sql_bind_i64(&q, 14, invoice->due_ms);
  sm_sql_bind_text(&q, 15, invoice->body);
  sm_sql_bind_text(&q, 16, invoice->snapshot);
  if (it->one_of_many && invoice->settle_count == 0) return sm_sql_later(&q);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) it->invoice_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err insert_use(sm_sql *db, const issue *it) {
  const sm_invoice *invoice = it->invoice;
  if (it->credit_note) return SM_OK;
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO invoice_use (account_no, month, revision, use_wh, "
                                 "days, measured) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  sm_sql_bind_i64(&q, 1, it->account_no);
  sm_sql_bind_text(&q, 2, invoice->month);
  sm_sql_bind_i64(&q, 3, invoice->revision);
  sm_sql_bind_i64(&q, 4, invoice->use_wh);
  sm_sql_bind_i64(&q, 5, invoice->days);
  sm_sql_bind_i64(&q, 6, invoice->measured);
  return write_row(it, &q);
}

static sm_err insert_entry(sm_sql *db, const issue *it) {
  int64_t total = it->invoice->total_minor;
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO entry (site_no, account_no, kind, amount_minor, "
                                 "currency, invoice_no, at_ms) VALUES (1, ?1, ?2, ?3, ?4, "
                                 "(SELECT invoice_no FROM invoice WHERE number = ?5), ?6)");
  sm_sql_bind_i64(&q, 1, it->account_no);
  sm_sql_bind_text(&q, 2, it->credit_note ? "credit" : "invoice");
  sm_sql_bind_i64(&q, 3, it->credit_note ? -total : total);
  sm_sql_bind_text(&q, 4, it->invoice->currency);
  sm_sql_bind_text(&q, 5, it->number);
  sm_sql_bind_i64(&q, 6, it->invoice->issued_ms);
  return write_row(it, &q);
}

static sm_err audit_issue(sm_sql *db, issue *it) {
  const sm_invoice *invoice = it->invoice;
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "account_id", invoice->account_id);
  sm_jsonw_key_text(&detail.w, "kind", invoice->kind);
  sm_jsonw_key_text(&detail.w, "month", invoice->month);
  sm_jsonw_key_int(&detail.w, "revision", invoice->revision);
  sm_jsonw_key_int(&detail.w, "total_minor", invoice->total_minor);
  sm_jsonw_key_text(&detail.w, "currency", invoice->currency);
  uint8_t digest[SM_SHA256_BYTES];
  char hex[SM_SHA256_HEX_MAX];
  sm_sha256(invoice->body, strlen(invoice->body), digest);
  sm_jsonw_key_text(&detail.w, "body_sha256", sm_hex(digest, sizeof digest, hex));
  return sm_ledger_detail_add_at(&detail, db, &it->audit, it->actor, "invoice.issue", it->number);
}

/* What was checked, with the number after `last`. */
static sm_err write_rows(sm_sql *db, issue *it, int64_t last) {
  sm_err err = take_number(db, it, last);
  if (err == SM_OK) err = insert_invoice(db, it);
  if (err == SM_OK) err = insert_use(db, it);
  if (err == SM_OK) err = insert_entry(db, it);
  if (err == SM_OK)
    err = sm_ledger_settle(db, it->invoice_no, it->invoice->settles, it->invoice->settle_count);
  if (err == SM_OK) err = audit_issue(db, it);
  return err;
}

static sm_err issue_locked(sm_sql *db, issue *it) {
  int64_t last = 0;
  sm_err err = check(db, it);
  if (err == SM_OK) err = last_serial(db, it, &last);
  return err == SM_OK ? write_rows(db, it, last) : err;
}

static issue issue_of(sm_actor actor, const char *prefix, const char *financial_year,
                      const sm_invoice *invoice) {
  return (issue){.actor = actor,
                 .prefix = prefix,
                 .financial_year = financial_year,
                 .invoice = invoice,
                 .credit_note = invoice->kind != NULL && strcmp(invoice->kind, "credit_note") == 0};
}

/* ---- many ---- */

/* Of items that are of one month and revision, each of another account. */
typedef struct checks {
  const sm_ledger_issuing *run;
  const sm_issue_item *item;
  size_t count;
  issue *issue; /* of each item */
  sm_err err[SM_LEDGER_LIST_MAX];
} checks;

static void bind_list(sm_sql_stmt *q, const checks *c, const char *(*text)(const sm_invoice *)) {
  for (size_t i = 0; i < SM_LEDGER_LIST_MAX; i++)
    sm_sql_bind_text(q, (int)i + 1, i < c->count ? text(&c->item[i].invoice) : NULL);
}

static const char *account_of(const sm_invoice *invoice) {
  return invoice->account_id;
}

static const char *device_of(const sm_invoice *invoice) {
  return invoice->device_id;
}

static void take_account(sm_sql_stmt *q, checks *c) {
  const char *account_id = sm_sql_text(q, 0);
  for (size_t i = 0; account_id != NULL && i < c->count; i++) {
    const sm_issue_basis *basis = &c->item[i].basis;
    if (strcmp(c->item[i].invoice.account_id, account_id) != 0) continue;
    bool same = sm_sql_i64(q, 3) == basis->changed_no && sm_sql_i64(q, 4) == basis->entry_no &&
                c->run->tariffs_no == basis->tariffs_no;
    c->issue[i].account_no = sm_sql_i64(q, 1);
    if (sm_sql_i64(q, 2) != 0)
      c->err[i] = SM_ERR_EXISTS;
    else
      c->err[i] = same ? SM_OK : SM_ERR_CONFLICT;
  }
}

/* The accounts, whether they have such an invoice, and the basis. */
static sm_err check_accounts(sm_sql *db, checks *c) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT a.account_id, a.account_no, "
          "EXISTS (SELECT 1 FROM invoice i WHERE i.account_no = a.account_no AND i.kind = "
          "'invoice' AND i.month = ?17 AND i.revision = ?18), a.changed_no, "
          "coalesce((SELECT max(e.entry_no) FROM entry e WHERE e.account_no = a.account_no), 0) "
          "FROM account a WHERE a.account_id IN " SM_LEDGER_LIST);
  for (size_t i = 0; i < c->count; i++) c->err[i] = SM_ERR_NOT_FOUND;
  bind_list(&q, c, account_of);
  sm_sql_bind_text(&q, 17, c->item[0].invoice.month);
  sm_sql_bind_i64(&q, 18, c->item[0].invoice.revision);
  while (sm_sql_row(&q)) take_account(&q, c);
  return sm_sql_end(&q);
}

static sm_err find_devices(sm_sql *db, checks *c) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT d.device_id, d.device_no FROM device d WHERE d.device_id IN " SM_LEDGER_LIST);
  bind_list(&q, c, device_of);
  while (sm_sql_row(&q)) {
    const char *device_id = sm_sql_text(&q, 0);
    for (size_t i = 0; device_id != NULL && i < c->count; i++)
      if (c->item[i].invoice.device_id != NULL &&
          strcmp(c->item[i].invoice.device_id, device_id) == 0)
        c->issue[i].device_no = sm_sql_i64(&q, 1);
  }
  sm_err err = sm_sql_end(&q);
  for (size_t i = 0; i < c->count; i++)
    if (c->item[i].invoice.device_id != NULL && c->issue[i].device_no == 0)
      c->err[i] = SM_ERR_NOT_FOUND;
  return err;
}

static sm_err put_one(sm_sql *db, sm_ledger_issuing *run, sm_issue_item *item, issue *it) {
  it->audit = run->audit;
  sm_err err = run->last_serial < 0 ? last_serial(db, it, &run->last_serial) : SM_OK;
  if (err == SM_OK) err = write_rows(db, it, run->last_serial);
  if (err != SM_OK) return err;
  run->audit = it->audit;
  run->last_serial = it->serial;
  item->invoice.number = strdup(it->number);
  return item->invoice.number != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* How many of the items can be checked by one question. */
static size_t alike(const sm_issue_item *item, size_t count) {
  size_t n = 1;
  for (; n < count && n < SM_LEDGER_LIST_MAX; n++) {
    const sm_invoice *next = &item[n].invoice;
    if (next->revision != item->invoice.revision || strcmp(next->month, item->invoice.month) != 0)
      break;
    for (size_t i = 0; i < n; i++)
      if (strcmp(item[i].invoice.account_id, next->account_id) == 0) return n;
  }
  return n;
}

static sm_err put_some(sm_sql *db, sm_ledger_issuing *run, sm_issue_item *item, size_t count) {
  issue its[SM_LEDGER_LIST_MAX];
  checks c = {.run = run, .item = item, .count = count, .issue = its};
  for (size_t i = 0; i < count; i++) {
    its[i] = issue_of(run->actor, run->prefix, run->financial_year, &item[i].invoice);
    its[i].one_of_many = true;
  }
  sm_err err = check_accounts(db, &c);
  if (err == SM_OK) err = find_devices(db, &c);
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    item[i].err = c.err[i];
    if (c.err[i] == SM_ERR_EXISTS || c.err[i] == SM_ERR_CONFLICT) continue;
    err = c.err[i] == SM_OK ? put_one(db, run, &item[i], &its[i]) : c.err[i];
  }
  return err;
}

sm_err sm_ledger_invoice_put_all(sm_sql *db, sm_ledger_issuing *run, sm_issue_item *item,
                                 size_t count) {
  sm_err err = SM_OK;
  if (!series_valid(run->prefix, run->financial_year)) return SM_ERR_INVALID;
  for (size_t i = 0; i < count; i++)
    if (!invoice_valid(&item[i].invoice) || strcmp(item[i].invoice.kind, "invoice") != 0)
      return SM_ERR_INVALID;
  for (size_t at = 0, n; err == SM_OK && at < count; at += n) {
    n = alike(item + at, count - at);
    err = put_some(db, run, item + at, n);
  }
  return err;
}

/* ---- one ---- */

sm_err sm_ledger_invoice_insert(sm_sql *db, sm_actor actor, const char *prefix,
                                const char *financial_year, sm_invoice *invoice) {
  if (!series_valid(prefix, financial_year) || !invoice_valid(invoice)) return SM_ERR_INVALID;
  issue it = issue_of(actor, prefix, financial_year, invoice);
  sm_err err = issue_locked(db, &it);
  if (err == SM_OK) err = sm_ledger_invoice_state(db, it.account_no, it.invoice_no, invoice);
  if (err != SM_OK) return err;
  invoice->number = strdup(it.number);
  if (invoice->number != NULL) return SM_OK;
  free(invoice->status);
  invoice->status = NULL;
  return SM_ERR_NOMEM;
}

sm_err sm_ledger_invoice_issue(sm_ledger *ledger, sm_actor actor, const char *prefix,
                               const char *financial_year, sm_invoice *invoice) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger,
                            sm_ledger_invoice_insert(db, actor, prefix, financial_year, invoice));
  if (err == SM_OK) return SM_OK;
  free(invoice->number); /* a commit that failed */
  free(invoice->status);
  invoice->number = NULL;
  invoice->status = NULL;
  return err;
}
