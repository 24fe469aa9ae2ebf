/* Accounts with all that an invoice needs of the ledger, page by page in one snapshot. */
#include "base/checked.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the basis ---- */

#define TARIFFS_NO "(SELECT count(*) FROM tariff_version)"
#define ENTRY_NO                                                                                   \
  "coalesce((SELECT max(entry_no) FROM entry e WHERE e.account_no = a.account_no), 0)"

sm_err sm_ledger_tariffs_no(sm_sql *db, int64_t *tariffs_no) {
  return sm_sql_query_i64(db, "SELECT " TARIFFS_NO, tariffs_no);
}

/* ---- some candidates ---- */

/* Up to SM_LEDGER_LIST_MAX, by the same questions. */
typedef struct some {
  sm_sql *db;
  const char *month;
  const int64_t *account_no;
  sm_issue_candidate *candidate;
  size_t count;
  int64_t last_no[SM_LEDGER_LIST_MAX]; /* the entry of the last invoice; 0: none */
} some;

/* The one that a row is about; NULL after a failure. */
static sm_issue_candidate *its(const some *s, sm_sql_stmt *q) {
  size_t at = sm_ledger_list_find(s->account_no, s->count, sm_sql_i64(q, 0));
  if (at == SIZE_MAX) q->err = SM_ERR_INTERNAL;
  return at != SIZE_MAX ? &s->candidate[at] : NULL;
}

/* The valid invoice of the month: the highest revision without a credit note. */
static void take_invoice(sm_sql_stmt *q, sm_issue_candidate *c) {
  bool valid = sm_sql_i64(q, 3) == 0;
  if (c->number != NULL) return;
  c->cancelled = !valid;
  if (!valid) return;
  sm_sql_take_text(q, 1, &c->number);
  c->total_minor = sm_sql_i64(q, 2);
}

static sm_err load_invoices(const some *s) {
  sm_sql_stmt q = sm_sql_use(
      s->db, "SELECT i.account_no, i.number, i.total_minor, EXISTS (SELECT 1 FROM invoice n WHERE "
             "n.account_no = i.account_no AND n.kind = 'credit_note' AND n.month = i.month "
             "AND n.revision = i.revision) FROM invoice i WHERE i.account_no IN " SM_LEDGER_LIST
             " AND i.kind = 'invoice' AND i.month = ?17 ORDER BY i.revision DESC");
  sm_ledger_bind_list(&q, s->account_no, s->count);
  sm_sql_bind_text(&q, 17, s->month);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL) take_invoice(&q, c);
  }
  return sm_sql_end(&q);
}

static void take_use(sm_sql_stmt *q, sm_issue_candidate *c) {
  sm_issue_use use = {.use_wh = sm_sql_i64(q, 2),
                      .days = (int32_t)sm_sql_i64(q, 3),
                      .measured = sm_sql_i64(q, 4) != 0};
  const char *text = sm_sql_text(q, 1);
  if (text == NULL || sm_month_parse(text, &use.year, &use.month) != SM_OK ||
      c->use_count == SM_ISSUE_USES_MAX)
    q->err = SM_ERR_CORRUPT;
  else
    c->use[c->use_count++] = use;
}

static sm_err load_uses(const some *s) {
  sm_sql_stmt q = sm_sql_use(
      s->db, "SELECT v.account_no, v.month, v.use_wh, v.days, v.measured FROM (SELECT u.*, "
             "row_number() OVER (PARTITION BY u.account_no ORDER BY u.month DESC, u.revision DESC) "
             "AS place FROM invoice_use u WHERE u.account_no IN " SM_LEDGER_LIST
             " AND u.month < ?17 AND NOT EXISTS (SELECT 1 FROM invoice n "
             "WHERE n.account_no = u.account_no AND n.kind = 'credit_note' AND n.month = u.month "
             "AND n.revision = u.revision)) v WHERE v.place <= ?18 ORDER BY v.place");
  sm_ledger_bind_list(&q, s->account_no, s->count);
  sm_sql_bind_text(&q, 17, s->month);
  sm_sql_bind_i64(&q, 18, SM_ISSUE_USES_MAX);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL) take_use(&q, c);
  }
  return sm_sql_end(&q);
}

/* ---- money ---- */

/* What is behind the last invoice, and stands. */
#define SINCE                                                                                      \
  "FROM entry e LEFT JOIN entry b ON b.entry_no = e.reverses "                                     \
  "WHERE e.account_no = ?1 AND e.entry_no > ?2 AND e.amount_minor <> 0 "                           \
  "AND (e.reverses IS NULL OR e.reverses <= ?2) "                                                  \
  "AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.reverses = e.entry_no) "

#define DETAIL                                                                                     \
  "CASE e.kind WHEN 'payment' THEN e.method "                                                      \
  "WHEN 'fee' THEN (SELECT number FROM invoice i WHERE i.invoice_no = e.invoice_no) "              \
  "WHEN 'credit' THEN (SELECT i.number FROM invoice n JOIN invoice i "                             \
  " ON i.account_no = n.account_no AND i.kind = 'invoice' AND i.month = n.month "                  \
  " AND i.revision = n.revision WHERE n.invoice_no = e.invoice_no) "                               \
  "WHEN 'common' THEN (SELECT u.supplier || ' ' || u.number FROM utility_share s "                 \
  " JOIN utility_posting p ON p.posting_no = s.posting_no "                                        \
  " JOIN utility_bill u ON u.utility_no = p.utility_no WHERE s.entry_no = e.entry_no) END "

static void copy_kind(sm_sql_stmt *q, int column, char out[static 16]) {
  const char *text = sm_sql_text(q, column);
  (void)snprintf(out, 16, "%.15s", text != NULL ? text : "");
}

/* More of them than fit: *more, and what was taken stays. */
static sm_err take_entries(sm_sql_stmt *q, size_t limit, sm_issue_candidate *c, bool *more) {
  while (sm_sql_row(q)) {
    *more = c->entry_count == limit;
    if (*more) break;
    sm_issue_entry *entry = &c->entry[c->entry_count++];
    *entry = (sm_issue_entry){
        .amount_minor = sm_sql_i64(q, 2), .at_ms = sm_sql_i64(q, 3), .count = sm_sql_i64(q, 4)};
    copy_kind(q, 0, entry->kind);
    copy_kind(q, 1, entry->reverses);
    sm_sql_take_text(q, 5, &entry->detail);
  }
  return sm_sql_end(q);
}

static void drop_entries(sm_issue_candidate *c) {
  for (size_t i = 0; i < c->entry_count; i++) free(c->entry[i].detail);
  c->entry_count = 0;
}

static sm_err load_entries(sm_sql *db, int64_t account_no, int64_t since_no,
                           sm_issue_candidate *c) {
  bool more = false;
  sm_sql_stmt q = sm_sql_use(db, "SELECT e.kind, b.kind, e.amount_minor, e.at_ms, 1, " DETAIL SINCE
                                 "ORDER BY e.entry_no LIMIT ?3");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, since_no);
  sm_sql_bind_i64(&q, 3, SM_ISSUE_ENTRIES_APART + 1);
  sm_err err = take_entries(&q, SM_ISSUE_ENTRIES_APART, c, &more);
  if (err != SM_OK || !more) return err;
  drop_entries(c);
  q = sm_sql_use(db,
                 "SELECT e.kind, b.kind, sum(e.amount_minor), max(e.at_ms), count(*), NULL " SINCE
                 "GROUP BY e.kind, b.kind ORDER BY min(e.entry_no)");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, since_no);
  err = take_entries(&q, SM_ISSUE_ENTRIES_MAX, c, &more);
  return err == SM_OK && more ? SM_ERR_CORRUPT : err; /* more kinds than there are */
}

/* The invoices that the last entries are of. */
static sm_err load_last(const some *s) {
  bool any = false;
  for (size_t i = 0; i < s->count; i++) any = any || s->last_no[i] != 0;
  if (!any) return SM_OK;
  sm_sql_stmt q = sm_sql_use(s->db, "SELECT e.account_no, i.number FROM entry e JOIN invoice i "
                                    "ON i.invoice_no = e.invoice_no "
                                    "WHERE e.entry_no IN " SM_LEDGER_LIST);
  sm_ledger_bind_list(&q, s->last_no, s->count);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL && c->last_number == NULL) sm_sql_take_text(&q, 1, &c->last_number);
  }
  return sm_sql_end(&q);
}

static sm_err load_sums(some *s) {
  sm_sql_stmt q =
      sm_sql_use(s->db, "SELECT account_no, max(entry_no), sum(amount_minor), "
                        "max(iif(kind = 'invoice', entry_no, 0)) "
                        "FROM entry WHERE account_no IN " SM_LEDGER_LIST " GROUP BY account_no");
  sm_ledger_bind_list(&q, s->account_no, s->count);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c == NULL) break;
    c->basis.entry_no = sm_sql_i64(&q, 1);
    c->balance_minor = sm_sql_i64(&q, 2);
    s->last_no[c - s->candidate] = sm_sql_i64(&q, 3);
  }
  return sm_sql_end(&q);
}

static sm_err load_names(const some *s) {
  sm_sql_stmt q = sm_sql_use(s->db, "SELECT account_no, key FROM account_import "
                                    "WHERE account_no IN " SM_LEDGER_LIST);
  sm_ledger_bind_list(&q, s->account_no, s->count);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL) sm_sql_take_text(&q, 1, &c->name);
  }
  return sm_sql_end(&q);
}

static sm_err load_since(sm_sql *db, int64_t account_no, int64_t last_no, sm_issue_candidate *c) {
  sm_err err = c->basis.entry_no > last_no ? load_entries(db, account_no, last_no, c) : SM_OK;
  c->last_balance_minor = c->balance_minor;
  for (size_t i = 0; i < c->entry_count && err == SM_OK; i++)
    err = sm_sub_i64(c->last_balance_minor, c->entry[i].amount_minor, &c->last_balance_minor);
  return err;
}

static sm_err load_money(some *s) {
  sm_err err = load_sums(s);
  if (err == SM_OK) err = load_last(s);
  for (size_t i = 0; i < s->count && err == SM_OK; i++)
    err = load_since(s->db, s->account_no[i], s->last_no[i], &s->candidate[i]);
  return err;
}

static sm_err load_edited(const some *s) {
  sm_sql_stmt q =
      sm_sql_use(s->db, "SELECT DISTINCT m.account_no FROM account_meter m JOIN reading_edit e "
                        "ON e.device_no = m.device_no WHERE m.account_no IN " SM_LEDGER_LIST);
  sm_ledger_bind_list(&q, s->account_no, s->count);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL) c->edited = true;
  }
  return sm_sql_end(&q);
}

static sm_err load_corrected(const some *s) {
  sm_sql_stmt q = sm_sql_use(
      s->db, "SELECT DISTINCT e.account_no FROM exception e WHERE e.account_no IN " SM_LEDGER_LIST
             " AND e.state = 'true_up' AND NOT EXISTS (SELECT 1 FROM settled s "
             "WHERE s.exception_no = e.exception_no)");
  sm_ledger_bind_list(&q, s->account_no, s->count);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *c = its(s, &q);
    if (c != NULL) c->corrected = true;
  }
  return sm_sql_end(&q);
}

static sm_err load_accounts(const some *s) {
  sm_account *account[SM_LEDGER_LIST_MAX];
  for (size_t i = 0; i < s->count; i++) account[i] = &s->candidate[i].account;
  return sm_ledger_accounts_load(s->db, s->account_no, account, s->count);
}

static sm_err load_some(some *s) {
  sm_err err = load_accounts(s);
  if (err == SM_OK) err = load_invoices(s);
  if (err == SM_OK) err = load_uses(s);
  if (err == SM_OK) err = load_money(s);
  if (err == SM_OK) err = load_names(s);
  if (err == SM_OK) err = load_edited(s);
  if (err == SM_OK) err = load_corrected(s);
  return err;
}

static sm_err load_candidates(sm_sql *db, const char *month, const int64_t *account_no,
                              sm_issue_candidate *candidate, size_t count) {
  sm_err err = SM_OK;
  for (size_t at = 0; err == SM_OK && at < count; at += SM_LEDGER_LIST_MAX) {
    some s = {.db = db,
              .month = month,
              .account_no = account_no + at,
              .candidate = candidate + at,
              .count = count - at < SM_LEDGER_LIST_MAX ? count - at : SM_LEDGER_LIST_MAX};
    err = load_some(&s);
  }
  return err;
}

void sm_issue_candidate_fini(sm_issue_candidate *candidate) {
  if (candidate == NULL) return;
  sm_account_fini(&candidate->account);
  free(candidate->name);
  free(candidate->last_number);
  drop_entries(candidate);
  free(candidate->number);
  *candidate = (sm_issue_candidate){0};
}

void sm_issue_candidates_free(sm_issue_candidate *list, size_t count) {
  for (size_t i = 0; i < count; i++) sm_issue_candidate_fini(&list[i]);
  free(list);
}

/* ---- pages ---- */

#define AFTER                                                                                      \
  "a.account_no > CASE ?1 WHEN '' THEN 0 "                                                         \
  "ELSE (SELECT account_no FROM account WHERE account_id = ?1) END "
#define PAGE "ORDER BY a.account_no LIMIT ?2"

static sm_sql_stmt use_page(sm_sql *db, const sm_issue_query *query) {
  sm_sql_stmt q =
      query->open_only
          ? sm_sql_use(db, "SELECT a.account_no, a.changed_no FROM account a WHERE " AFTER
                           "AND NOT EXISTS (SELECT 1 FROM invoice i WHERE i.account_no = "
                           "a.account_no AND i.kind = 'invoice' AND i.month = ?3 AND NOT EXISTS "
                           "(SELECT 1 FROM invoice n WHERE n.account_no = a.account_no "
                           "AND n.kind = 'credit_note' AND n.month = ?3 "
                           "AND n.revision = i.revision)) " PAGE)
          : sm_sql_use(db, "SELECT a.account_no, a.changed_no FROM account a WHERE " AFTER PAGE);
  sm_sql_bind_text(&q, 1, query->after);
  sm_ledger_bind_limit(&q, 2, query->limit);
  if (query->open_only) sm_sql_bind_text(&q, 3, query->month);
  return q;
}

/* The accounts of a page, with what is counted of each; *account_no is heap. */
static sm_err list_page(sm_sql *db, const sm_issue_query *query, int64_t tariffs_no,
                        int64_t **account_no, sm_issue_candidate **list, size_t *count) {
  size_t cap = 0;
  size_t no_cap = 0;
  sm_sql_stmt q = use_page(db, query);
  while (sm_sql_row(&q)) {
    sm_issue_candidate *grown = sm_ledger_room(*list, &cap, *count, sizeof *grown);
    if (grown != NULL) *list = grown;
    int64_t *more = sm_ledger_room(*account_no, &no_cap, *count, sizeof *more);
    if (more != NULL) *account_no = more;
    if (grown == NULL || more == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    more[*count] = sm_sql_i64(&q, 0);
    grown[(*count)++] =
        (sm_issue_candidate){.basis = {.changed_no = sm_sql_i64(&q, 1), .tariffs_no = tariffs_no}};
  }
  return sm_sql_end(&q);
}

static sm_err read_page(sm_sql *db, const sm_issue_query *query, sm_issue_candidate **list,
                        size_t *count) {
  int64_t *account_no = NULL;
  int64_t tariffs_no = 0;
  sm_err err = sm_ledger_tariffs_no(db, &tariffs_no);
  if (err == SM_OK) err = list_page(db, query, tariffs_no, &account_no, list, count);
  if (err == SM_OK) err = load_candidates(db, query->month, account_no, *list, *count);
  free(account_no);
  return err;
}

sm_err sm_ledger_issue_candidates(sm_ledger *ledger, const sm_issue_query *query,
                                  sm_issue_candidate **list, size_t *count) {
  sm_sql *db;
  sm_issue_candidate *out = NULL;
  size_t n = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = read_page(db, query, &out, &n);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    sm_issue_candidates_free(out, n);
    return err;
  }
  *list = out;
  *count = n;
  return SM_OK;
}

static sm_err read_one(sm_sql *db, const char *account_id, const char *month,
                       sm_issue_candidate *c) {
  int64_t account_no = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT account_no, changed_no FROM account WHERE account_id = ?1");
  sm_sql_bind_text(&q, 1, account_id);
  bool found = sm_sql_row(&q);
  if (found) {
    account_no = sm_sql_i64(&q, 0);
    c->basis.changed_no = sm_sql_i64(&q, 1);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) err = sm_ledger_tariffs_no(db, &c->basis.tariffs_no);
  return err == SM_OK ? load_candidates(db, month, &account_no, c, 1) : err;
}

sm_err sm_ledger_issue_candidate(sm_ledger *ledger, const char *account_id, const char *month,
                                 sm_issue_candidate *candidate) {
  sm_sql *db;
  sm_issue_candidate out = {.number = NULL};
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = read_one(db, account_id, month, &out);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK)
    *candidate = out;
  else
    sm_issue_candidate_fini(&out);
  return err;
}

/* ---- small questions ---- */

sm_err sm_ledger_account_count(sm_ledger *ledger, uint64_t *count) {
  sm_sql *db;
  int64_t got = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(db, "SELECT count(*) FROM account", &got);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *count = (uint64_t)got;
  return err;
}

sm_err sm_ledger_issue_begin(sm_ledger *ledger, int64_t *created_ms, char **last_month) {
  sm_sql *db;
  int64_t created = 0;
  char *month = NULL;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_sql_query_i64(db, "SELECT created_ms FROM site WHERE site_no = 1", &created);
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(db, "SELECT max(month) FROM invoice WHERE kind = 'invoice'");
    if (sm_sql_row(&q)) sm_sql_take_text(&q, 0, &month);
    err = sm_sql_end(&q);
  }
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    free(month);
    return err;
  }
  *created_ms = created;
  *last_month = month;
  return SM_OK;
}
