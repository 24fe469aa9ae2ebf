/* What must hold in a ledger, looked at row by row. Triggers and constraints keep most of it; this
 * is for what happens to a file besides. */
#include "base/decimal.h"
#include "model/money.h"
#include "model/tariff.h"
#include "store/ledger/ledger_files.h"
#include "store/ledger/ledger_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check {
  sm_ledger *ledger;
  sm_sql *db; /* one snapshot */
  sm_ledger_finding_fn finding;
  void *context;
  sm_ledger_check_result *result;
} check;

static void find(check *c, const char *kind, const char *subject, const char *format, ...)
    SM_PRINTF(4, 5);

static void find(check *c, const char *kind, const char *subject, const char *format, ...) {
  char detail[400];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  c->result->findings++;
  const sm_ledger_finding finding = {
      .kind = kind, .subject = subject != NULL ? subject : "", .detail = detail};
  c->finding(c->context, &finding);
}

/* A damaged page ends a query, not the check. */
static sm_err end(check *c, sm_sql_stmt *q, const char *what) {
  sm_err err = sm_sql_end(q);
  if (err != SM_ERR_CORRUPT) return err;
  find(c, "page", what, "the file is damaged where %s are stored", what);
  return SM_OK;
}

/* ---- the file ---- */

/* Pages and references are SQLite's to judge; PostgreSQL has amcheck and its own constraints. */
static sm_err check_pages(check *c) {
  if (sm_sql_engine_of(c->db) != SM_SQL_SQLITE) return SM_OK;
  sm_sql_stmt q = sm_sql_use(c->db, "PRAGMA integrity_check(100)");
  while (sm_sql_row(&q)) {
    const char *text = sm_sql_text(&q, 0);
    if (text == NULL || strcmp(text, "ok") != 0) find(c, "page", "", "%s", text);
  }
  return end(c, &q, "pages");
}

static sm_err check_references(check *c) {
  if (sm_sql_engine_of(c->db) != SM_SQL_SQLITE) return SM_OK;
  sm_sql_stmt q = sm_sql_use(c->db, "PRAGMA foreign_key_check");
  while (sm_sql_row(&q))
    find(c, "reference", sm_sql_text(&q, 0), "row %lld of %s names a row of %s that is not there",
         (long long)sm_sql_i64(&q, 1), sm_sql_text(&q, 0), sm_sql_text(&q, 2));
  return end(c, &q, "references");
}

static sm_err check_audit(check *c) {
  int64_t bad_no = 0;
  sm_err err =
      sm_ledger_audit_verify(c->ledger, &c->result->audit_count, &bad_no, c->result->audit_head);
  if (err == SM_ERR_CORRUPT) {
    find(c, "audit", "", "the audit log cannot be read");
    return SM_OK;
  }
  char subject[24];
  (void)snprintf(subject, sizeof subject, "%lld", (long long)bad_no);
  if (err == SM_OK && bad_no != 0)
    find(c, "audit", subject, "entry %s is not what was written, or one before it is gone",
         subject);
  return err;
}

/* ---- what a query can find: rows of subject and detail ---- */

static const sm_ledger_rule rules[] = {
    {"site", "sites",
     "SELECT count(*), 'there must be one site, number 1' FROM site"
     " HAVING count(*) <> 1 OR min(site_no) <> 1"},
    {"series", "invoices",
     "SELECT s.series || s.financial_year, format('%s numbers were given, but %s invoices from "
     "number %s to %s are there', s.last_serial, count(i.invoice_no), coalesce(min(i.serial), 0),"
     " coalesce(max(i.serial), 0))"
     " FROM invoice_series s LEFT JOIN invoice i ON i.site_no = s.site_no AND i.series = s.series"
     " AND i.financial_year = s.financial_year"
     " GROUP BY s.site_no, s.series, s.financial_year"
     " HAVING count(i.invoice_no) <> s.last_serial OR min(i.serial) IS NOT 1"
     " OR max(i.serial) IS NOT s.last_serial"},
    {"entry", "entries",
     "SELECT i.number, 'it must have one entry of its amount in its account'"
     " FROM invoice i WHERE 1 <> (SELECT count(*) FROM entry e WHERE e.invoice_no = i.invoice_no"
     " AND e.account_no = i.account_no AND e.currency = i.currency"
     " AND e.kind = iif(i.kind = 'invoice', 'invoice', 'credit')"
     " AND e.amount_minor = iif(i.kind = 'invoice', i.total_minor, -i.total_minor))"},
    {"entry", "entries",
     "SELECT e.entry_no, 'it belongs to an invoice of another account'"
     " FROM entry e JOIN invoice i ON i.invoice_no = e.invoice_no"
     " WHERE e.account_no <> i.account_no"},
    {"invoice", "invoices",
     "SELECT n.number, 'it takes back an invoice that is not there' FROM invoice n"
     " WHERE n.kind = 'credit_note' AND NOT EXISTS (SELECT 1 FROM invoice i"
     " WHERE i.account_no = n.account_no AND i.kind = 'invoice' AND i.month = n.month"
     " AND i.revision = n.revision)"},
    {"edit", "edits of readings",
     "SELECT d.device_id, format('%s edits hold for the instant %s ms', count(*), e.ts_ms)"
     " FROM reading_edit e JOIN device d USING (device_no) WHERE e.kind <> 'withdraw'"
     " AND NOT EXISTS (SELECT 1 FROM reading_edit w WHERE w.withdraws = e.edit_no)"
     " GROUP BY e.device_no, d.device_id, e.channel, e.ts_ms HAVING count(*) > 1"},
    {"tariff", "tariffs",
     "SELECT t.name, format('%s versions are there, the last one is number %s', count(*),"
     " max(v.version)) FROM tariff t JOIN tariff_version v USING (tariff_no)"
     " GROUP BY t.tariff_no HAVING count(*) <> max(v.version)"},
};

static sm_err check_rule(check *c, const sm_ledger_rule *r) {
  sm_sql_stmt q = sm_sql_use(c->db, r->sql);
  while (sm_sql_row(&q)) find(c, r->kind, sm_sql_text(&q, 0), "%s", sm_sql_text(&q, 1));
  return end(c, &q, r->what);
}

static sm_err check_rules(check *c) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < sizeof rules / sizeof rules[0]; i++)
    err = check_rule(c, &rules[i]);
  for (size_t i = 0; err == SM_OK && i < sm_ledger_money_rule_count; i++)
    err = check_rule(c, &sm_ledger_money_rules[i]);
  return err;
}

/* ---- invoices: the stored bill against the row ---- */

/* What the lines of a bill add up to. */
typedef struct sums {
  int64_t tax;
  int64_t rest;
  bool good;
} sums;

static bool take_amount(const char *text, unsigned places, int64_t *amount) {
  return text != NULL && sm_decimal_parse(text, strlen(text), places, amount) == SM_OK;
}

static sm_err add_lines(check *c, const char *body, unsigned places, sums *s) {
  sm_sql_stmt q =
      sm_sql_use(c->db, "SELECT json_extract(value, '$.kind'),"
                        " json_extract(value, '$.amount') FROM json_each(?1, '$.lines')");
  sm_sql_bind_text(&q, 1, body);
  s->good = true;
  while (sm_sql_row(&q)) {
    const char *kind = sm_sql_text(&q, 0);
    int64_t amount = 0;
    s->good = s->good && kind != NULL && take_amount(sm_sql_text(&q, 1), places, &amount);
    bool overflow = __builtin_add_overflow(s->rest, amount, &s->rest);
    if (kind != NULL && strcmp(kind, "tax") == 0)
      overflow = overflow || __builtin_add_overflow(s->tax, amount, &s->tax);
    s->good = s->good && !overflow;
  }
  return sm_sql_end(&q);
}

static sm_err check_bill(check *c, sm_sql_stmt *q) {
  const char *number = sm_sql_text(q, 0);
  const char *currency = sm_sql_text(q, 3);
  if (number == NULL || currency == NULL) return SM_ERR_CORRUPT;
  unsigned places = sm_currency_digits(currency);
  int64_t total = 0;
  int64_t tax = 0;
  if (!take_amount(sm_sql_text(q, 4), places, &total) ||
      !take_amount(sm_sql_text(q, 5), places, &tax)) {
    find(c, "invoice", number, "its stored bill has no total and tax that can be read");
    return SM_OK;
  }
  if (total != sm_sql_i64(q, 1) || tax != sm_sql_i64(q, 2))
    find(c, "invoice", number,
         "its stored bill says total %s, tax %s, which is not what its row says", sm_sql_text(q, 4),
         sm_sql_text(q, 5));
  sums s = {0};
  sm_err err = add_lines(c, sm_sql_text(q, 6), places, &s);
  if (err == SM_OK && (!s.good || s.rest != total || s.tax != tax))
    find(c, "invoice", number, "the lines of its stored bill do not add up to its total and tax");
  return err;
}

static sm_err check_bills(check *c) {
  sm_sql_stmt q =
      sm_sql_use(c->db, "SELECT number, total_minor, tax_minor, currency,"
                        " json_extract(body, '$.total'), json_extract(body, '$.tax'), body"
                        " FROM invoice WHERE kind = 'invoice' AND json_valid(body)");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) err = check_bill(c, &q);
  sm_err ended = end(c, &q, "invoices");
  return err != SM_OK && err != SM_ERR_CORRUPT ? err : ended;
}

/* ---- tariffs and meters ---- */

static sm_err check_tariffs(check *c) {
  sm_sql_stmt q = sm_sql_use(c->db, "SELECT t.name, v.version, v.body FROM tariff_version v"
                                    " JOIN tariff t USING (tariff_no)");
  while (sm_sql_row(&q)) {
    const char *body = sm_sql_text(&q, 2);
    sm_problems problems = {.count = 0};
    sm_tariff *tariff = NULL;
    sm_err err = body != NULL ? sm_tariff_read_json(body, strlen(body), &tariff, NULL, &problems)
                              : SM_ERR_INVALID;
    if (err == SM_ERR_NOMEM) q.err = err;
    if (err != SM_OK && err != SM_ERR_NOMEM)
      find(c, "tariff", sm_sql_text(&q, 0), "version %lld cannot be read: %s",
           (long long)sm_sql_i64(&q, 1),
           problems.count > 0 ? problems.item[0].message : sm_err_text(err));
    sm_tariff_free(tariff);
  }
  return end(c, &q, "tariffs");
}

static sm_err check_meters(check *c) {
  sm_sql_stmt q = sm_sql_use(c->db, "SELECT device_no, device_id FROM device");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) {
    sm_ledger_serving *list = NULL;
    size_t count = 0;
    err = sm_ledger_servings(c->ledger, c->db, sm_sql_i64(&q, 0), &list, &count);
    if (err == SM_OK && sm_ledger_servings_clash(list, count))
      find(c, "meter", sm_sql_text(&q, 1), "it serves two accounts at once, with the same sign");
    free(list);
  }
  sm_err ended = end(c, &q, "meters");
  return err != SM_OK && err != SM_ERR_CORRUPT ? err : ended;
}

/* ---- files ---- */

static void find_file(void *context, const char *kind, const char *name, const char *what) {
  (void)kind;
  find(context, "file", name, "%s", what);
}

static sm_err check_files(check *c) {
  sm_err err = sm_ledger_files_check(c->db, find_file, c);
  if (err != SM_ERR_CORRUPT) return err;
  find(c, "page", "files", "the file is damaged where files are stored");
  return SM_OK;
}

/* ---- counts ---- */

static sm_err count_rows(check *c) {
  sm_ledger_check_result *r = c->result;
  sm_sql_stmt q =
      sm_sql_use(c->db, "SELECT (SELECT count(*) FROM user),"
                        " (SELECT count(*) FROM device), (SELECT count(*) FROM account),"
                        " (SELECT count(*) FROM tariff_version),"
                        " (SELECT count(*) FROM invoice), (SELECT count(*) FROM entry)");
  if (sm_sql_row(&q)) {
    r->users = (uint64_t)sm_sql_i64(&q, 0);
    r->devices = (uint64_t)sm_sql_i64(&q, 1);
    r->accounts = (uint64_t)sm_sql_i64(&q, 2);
    r->tariff_versions = (uint64_t)sm_sql_i64(&q, 3);
    r->invoices = (uint64_t)sm_sql_i64(&q, 4);
    r->entries = (uint64_t)sm_sql_i64(&q, 5);
  }
  return end(c, &q, "rows");
}

sm_err sm_ledger_check(sm_ledger *ledger, sm_ledger_finding_fn finding,
                       sm_ledger_progress_fn progress, void *context,
                       sm_ledger_check_result *result) {
  static sm_err (*const steps[])(check *) = {check_pages,  check_references, check_audit,
                                             check_rules,  check_bills,      check_tariffs,
                                             check_meters, check_files,      count_rows};
  const size_t count = sizeof steps / sizeof steps[0];
  sm_ledger_check_result got = {0};
  check c = {.ledger = ledger, .finding = finding, .context = context, .result = &got};
  sm_err err = sm_ledger_read_begin(ledger, &c.db);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    if (progress != NULL && !progress(context, i, count)) err = SM_ERR_CLOSED;
    if (err == SM_OK) err = steps[i](&c);
  }
  sm_ledger_read_end(ledger, c.db);
  if (err == SM_OK) *result = got;
  return err;
}
