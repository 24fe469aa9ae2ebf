/* An account's own ledger: entries added, taken back, listed, summed. */
#include "base/checked.h"
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_sealed.h"

#include <stdlib.h>
#include <string.h>

/* ---- adding ---- */

static bool kind_fits(const sm_entry_new *e) {
  if (e->kind == NULL) return false;
  if (strcmp(e->kind, "payment") == 0 || strcmp(e->kind, "prepayment") == 0)
    return e->amount_minor < 0;
  return strcmp(e->kind, "opening") == 0 && e->invoice == NULL;
}

static bool fits_or_null(const char *text) {
  return text == NULL || sm_ledger_text_valid(text, SM_REFERENCE_MAX);
}

static bool entry_valid(const sm_entry_new *e) {
  if (e->account_id == NULL || e->currency == NULL || !kind_fits(e)) return false;
  if (e->amount_minor == 0 || e->amount_minor > SM_ENTRY_MAX_MINOR ||
      e->amount_minor < -SM_ENTRY_MAX_MINOR)
    return false;
  if (e->reference == NULL && e->request_key == NULL) return false;
  return fits_or_null(e->reference) && fits_or_null(e->request_key) && fits_or_null(e->method) &&
         (e->reason == NULL || sm_ledger_text_valid(e->reason, SM_REASON_MAX));
}

typedef struct entry_row {
  const sm_entry_new *entry;
  int64_t account_no;
  int64_t invoice_no; /* 0: none */
} entry_row;

static sm_err check_currency(sm_sql *db, const char *currency) {
  int64_t site_no;
  sm_err err = sm_ledger_find_no(db, "SELECT site_no FROM site WHERE site_no = 1 AND currency = ?1",
                                 currency, &site_no);
  return err == SM_ERR_NOT_FOUND ? SM_ERR_INVALID : err;
}

/* The entry that stands under the same key or reference. SM_ERR_NOT_FOUND: none; SM_ERR_EXISTS: it
 * says something else. When and how it came is not asked: who sends it again may not know. */
static sm_err find_same(sm_sql *db, const entry_row *row, int64_t *entry_no) {
  const sm_entry_new *e = row->entry;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT entry_no, account_no = ?3 AND kind = ?4 AND amount_minor = ?5 "
          "AND currency = ?6 AND (invoice_no IS ?7) AND (reference IS ?1) "
          "FROM entry WHERE (reference = ?1 AND account_no = ?3) "
          "OR (site_no = 1 AND request_key = ?2) ORDER BY request_key IS ?2 DESC LIMIT 1");
  sm_sql_bind_text(&q, 1, e->reference);
  sm_sql_bind_text(&q, 2, e->request_key);
  sm_sql_bind_i64(&q, 3, row->account_no);
  sm_sql_bind_text(&q, 4, e->kind);
  sm_sql_bind_i64(&q, 5, e->amount_minor);
  sm_sql_bind_text(&q, 6, e->currency);
  sm_ledger_bind_no(&q, 7, row->invoice_no);
  bool found = sm_sql_row(&q);
  int64_t no = found ? sm_sql_i64(&q, 0) : 0;
  bool same = found && sm_sql_i64(&q, 1) != 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  if (!same) return SM_ERR_EXISTS;
  *entry_no = no;
  return SM_OK;
}

/* The invoice that a payment names, valid or not: one that came before is asked for first. */
static sm_err find_named(sm_sql *db, entry_row *row, bool *valid) {
  const char *number = row->entry->invoice;
  *valid = true;
  if (number == NULL) return SM_OK;
  sm_sql_stmt q = sm_sql_use(db, "SELECT i.invoice_no, EXISTS (" SM_LEDGER_CREDIT_NOTE ") "
                                 "FROM invoice i WHERE i.number = ?1 AND i.account_no = ?2 "
                                 "AND i.kind = 'invoice'");
  sm_sql_bind_text(&q, 1, number);
  sm_sql_bind_i64(&q, 2, row->account_no);
  bool found = sm_sql_row(&q);
  if (found) row->invoice_no = sm_sql_i64(&q, 0);
  *valid = found && sm_sql_i64(&q, 1) == 0;
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_CONFLICT : err;
}

static sm_err insert_entry(sm_sql *db, sm_actor actor, const entry_row *row, int64_t *entry_no) {
  const sm_entry_new *e = row->entry;
  char *sealed = NULL;
  sm_err err = sm_ledger_seal_text(db, SM_SEALED_NOTE, e->reason, &sealed);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, invoice_no, "
          "at_ms, posted_ms, made_by, method, reference, request_key, note) VALUES (1, ?1, ?2, "
          "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
          "iif(?12 IS NULL, '{}', json_object('reason', ?12)))");
  sm_sql_bind_i64(&q, 1, row->account_no);
  sm_sql_bind_text(&q, 2, e->kind);
  sm_sql_bind_i64(&q, 3, e->amount_minor);
  sm_sql_bind_text(&q, 4, e->currency);
  sm_ledger_bind_no(&q, 5, row->invoice_no);
  sm_sql_bind_i64(&q, 6, e->at_ms);
  sm_sql_bind_i64(&q, 7, sm_clock_now_ms());
  sm_sql_bind_text(&q, 8, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 9, e->method);
  sm_sql_bind_text(&q, 10, e->reference);
  sm_sql_bind_text(&q, 11, e->request_key);
  sm_sql_bind_text(&q, 12, sealed);
  err = sm_sql_run(&q);
  free(sealed);
  if (err == SM_OK) *entry_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err audit_entry(sm_sql *db, sm_actor actor, const sm_entry_new *e, int64_t entry_no) {
  char at[SM_RFC3339_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "entry_no", entry_no);
  sm_jsonw_key_text(&detail.w, "kind", e->kind);
  sm_jsonw_key_int(&detail.w, "amount_minor", e->amount_minor);
  sm_jsonw_key_text(&detail.w, "currency", e->currency);
  sm_jsonw_key_text(&detail.w, "at", sm_rfc3339_format(e->at_ms, at));
  if (e->invoice != NULL) sm_jsonw_key_text(&detail.w, "invoice", e->invoice);
  if (e->method != NULL) sm_jsonw_key_text(&detail.w, "method", e->method);
  if (e->reference != NULL) sm_jsonw_key_text(&detail.w, "reference", e->reference);
  /* Not the reason: people are named in it, and nothing is ever erased here. */
  return sm_ledger_detail_add(&detail, db, actor, "entry.add", e->account_id);
}

static sm_err add(sm_sql *db, sm_actor actor, const sm_entry_new *entry, bool *added,
                  int64_t *entry_no) {
  entry_row row = {.entry = entry};
  bool valid = false;
  sm_err err = sm_ledger_account_no(db, entry->account_id, &row.account_no);
  if (err == SM_OK) err = check_currency(db, entry->currency);
  if (err == SM_OK) err = find_named(db, &row, &valid);
  if (err != SM_OK) return err;
  err = find_same(db, &row, entry_no);
  if (err != SM_ERR_NOT_FOUND) return err;
  if (!valid) return SM_ERR_CONFLICT;
  err = insert_entry(db, actor, &row, entry_no);
  if (err == SM_OK) err = audit_entry(db, actor, entry, *entry_no);
  *added = err == SM_OK;
  return err;
}

sm_err sm_ledger_entry_insert(sm_sql *db, sm_actor actor, const sm_entry_new *entry, bool *added,
                              int64_t *entry_no) {
  *added = false;
  return entry_valid(entry) ? add(db, actor, entry, added, entry_no) : SM_ERR_INVALID;
}

sm_err sm_ledger_entry_add(sm_ledger *ledger, sm_actor actor, const sm_entry_new *entry,
                           bool *added, int64_t *entry_no) {
  int64_t no = 0;
  bool is_new = false;
  if (!entry_valid(entry)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, sm_ledger_entry_insert(db, actor, entry, &is_new, &no));
  if (err != SM_OK) return err;
  *added = is_new;
  *entry_no = no;
  return SM_OK;
}

static sm_err add_all(sm_sql *db, sm_actor actor, const sm_entry_new *entries, size_t count,
                      bool *added, size_t *failed) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    int64_t no;
    *failed = i;
    err = sm_ledger_entry_insert(db, actor, &entries[i], &added[i], &no);
  }
  return err;
}

sm_err sm_ledger_entries_add(sm_ledger *ledger, sm_actor actor, const sm_entry_new *entries,
                             size_t count, bool dry_run, bool *added, size_t *failed) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = add_all(db, actor, entries, count, added, failed);
  /* An error, whichever, takes everything back. */
  sm_err done = sm_ledger_write_end(ledger, err == SM_OK && dry_run ? SM_ERR_CLOSED : err);
  return err == SM_OK && dry_run && done == SM_ERR_CLOSED ? SM_OK : done;
}

/* ---- taking back ---- */

static sm_err insert_reversal(sm_sql *db, sm_actor actor, int64_t entry_no, const char *reason,
                              int64_t *reversal_no) {
  char *sealed = NULL;
  sm_err err = sm_ledger_seal_text(db, SM_SEALED_NOTE, reason, &sealed);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, invoice_no, "
          "at_ms, posted_ms, made_by, reverses, note) SELECT 1, account_no, 'reversal', "
          "-amount_minor, currency, invoice_no, ?2, ?2, ?3, entry_no, "
          "json_object('reason', ?4) "
          "FROM entry WHERE entry_no = ?1");
  sm_sql_bind_i64(&q, 1, entry_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  sm_sql_bind_text(&q, 3, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 4, sealed);
  err = sm_sql_run(&q);
  free(sealed);
  if (err == SM_OK) *reversal_no = sm_sql_last_insert_no(db);
  return err;
}

typedef struct reversed {
  char *account_id;
  char *kind;
  int64_t amount_minor;
} reversed;

static sm_err load_reversed(sm_sql *db, int64_t entry_no, reversed *out) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT a.account_id, e.kind, e.amount_minor FROM entry e "
                                 "JOIN account a USING (account_no) WHERE e.entry_no = ?1");
  sm_sql_bind_i64(&q, 1, entry_no);
  if (sm_sql_row(&q)) {
    sm_sql_take_text(&q, 0, &out->account_id);
    sm_sql_take_text(&q, 1, &out->kind);
    out->amount_minor = sm_sql_i64(&q, 2);
  }
  return sm_sql_end(&q);
}

sm_err sm_ledger_reversal_insert(sm_sql *db, sm_actor actor, int64_t entry_no, const char *reason,
                                 int64_t *reversal_no) {
  reversed r = {0};
  sm_err err = load_reversed(db, entry_no, &r);
  if (err == SM_OK) err = insert_reversal(db, actor, entry_no, reason, reversal_no);
  if (err == SM_OK) {
    sm_ledger_detail detail;
    sm_ledger_detail_open(&detail);
    sm_jsonw_key_int(&detail.w, "entry_no", *reversal_no);
    sm_jsonw_key_int(&detail.w, "reverses", entry_no);
    sm_jsonw_key_text(&detail.w, "kind", r.kind);
    sm_jsonw_key_int(&detail.w, "amount_minor", -r.amount_minor);
    err = sm_ledger_detail_add(&detail, db, actor, "entry.reverse", r.account_id);
  }
  free(r.account_id);
  free(r.kind);
  return err;
}

static sm_err check_reversible(sm_sql *db, int64_t account_no, int64_t entry_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT e.kind IN ('payment', 'prepayment', 'fee', 'opening'), "
                                 "EXISTS (SELECT 1 FROM entry r WHERE r.reverses = e.entry_no) "
                                 "FROM entry e WHERE e.entry_no = ?1 AND e.account_no = ?2");
  sm_sql_bind_i64(&q, 1, entry_no);
  sm_sql_bind_i64(&q, 2, account_no);
  bool found = sm_sql_row(&q);
  bool can = found && sm_sql_i64(&q, 0) != 0;
  bool done = found && sm_sql_i64(&q, 1) != 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  if (!can) return SM_ERR_DENIED;
  return done ? SM_ERR_EXISTS : SM_OK;
}

static sm_err reverse(sm_sql *db, sm_actor actor, const char *account_id, int64_t entry_no,
                      const char *reason, int64_t *reversal_no) {
  int64_t account_no = 0;
  sm_err err = sm_ledger_account_no(db, account_id, &account_no);
  if (err == SM_OK) err = check_reversible(db, account_no, entry_no);
  if (err == SM_OK) err = sm_ledger_reversal_insert(db, actor, entry_no, reason, reversal_no);
  return err;
}

sm_err sm_ledger_entry_reverse(sm_ledger *ledger, sm_actor actor, const char *account_id,
                               int64_t entry_no, const char *reason, int64_t *reversal_no) {
  int64_t no = 0;
  if (!sm_ledger_text_valid(reason, SM_REASON_MAX)) return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_write_end(ledger, reverse(db, actor, account_id, entry_no, reason, &no));
  if (err == SM_OK) *reversal_no = no;
  return err;
}

/* ---- reading ---- */

#define ENTRY_SELECT                                                                               \
  "SELECT e.entry_no, e.kind, e.amount_minor, e.currency, i.number, e.at_ms, "                     \
  "coalesce(e.posted_ms, e.at_ms), e.method, e.reference, json_extract(e.note, '$.reason'), "      \
  "e.made_by, e.part, e.reverses, (SELECT r.entry_no FROM entry r WHERE r.reverses = e.entry_no) " \
  "FROM entry e LEFT JOIN invoice i ON i.invoice_no = e.invoice_no "

static void take_entry(sm_sql_stmt *q, sm_entry *entry) {
  *entry = (sm_entry){.entry_no = sm_sql_i64(q, 0),
                      .amount_minor = sm_sql_i64(q, 2),
                      .at_ms = sm_sql_i64(q, 5),
                      .posted_ms = sm_sql_i64(q, 6),
                      .part = (int32_t)sm_sql_i64(q, 11),
                      .reverses = sm_sql_i64(q, 12),
                      .reversed_by = sm_sql_i64(q, 13)};
  sm_sql_take_text(q, 1, &entry->kind);
  sm_sql_take_text(q, 3, &entry->currency);
  sm_sql_take_text(q, 4, &entry->invoice);
  sm_sql_take_text(q, 7, &entry->method);
  sm_sql_take_text(q, 8, &entry->reference);
  sm_ledger_take_sealed(q, 9, SM_SEALED_NOTE, &entry->reason);
  sm_sql_take_text(q, 10, &entry->made_by);
}

/* The sum of an account's entries up to a number. sum() fails on overflow, which is ours. */
static sm_err sum_upto(sm_sql *db, int64_t account_no, int64_t entry_no, int64_t *sum) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT coalesce(sum(amount_minor), 0) FROM entry "
                                 "WHERE account_no = ?1 AND entry_no <= ?2");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, entry_no);
  if (sm_sql_row(&q)) *sum = sm_sql_i64(&q, 0);
  return sm_sql_end(&q);
}

static sm_err list_entries(sm_sql *db, int64_t account_no, int64_t after_no, size_t limit,
                           sm_entry **entries, size_t *count) {
  sm_entry *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  int64_t balance = 0;
  sm_err err = sum_upto(db, account_no, after_no, &balance);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, ENTRY_SELECT "WHERE e.account_no = ?1 AND e.entry_no > ?2 "
                                              "ORDER BY e.entry_no LIMIT ?3");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, after_no);
  sm_ledger_bind_limit(&q, 3, limit);
  while (sm_sql_row(&q)) {
    sm_entry *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_entry(&q, &list[n]);
    if (q.err == SM_OK) q.err = sm_add_i64(balance, list[n].amount_minor, &balance);
    list[n++].balance_minor = balance;
  }
  err = sm_sql_end(&q);
  if (err != SM_OK) {
    sm_entries_free(list, n);
    return err;
  }
  *entries = list;
  *count = n;
  return SM_OK;
}

sm_err sm_ledger_entries(sm_ledger *ledger, const char *account_id, int64_t after_no, size_t limit,
                         sm_entry **entries, size_t *count) {
  sm_sql *db;
  int64_t account_no = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_account_no(db, account_id, &account_no);
  if (err == SM_OK) err = list_entries(db, account_no, after_no, limit, entries, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_entry(sm_ledger *ledger, const char *account_id, int64_t entry_no,
                       sm_entry *entry) {
  sm_entry *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_entries(ledger, account_id, entry_no - 1, 1, &list, &count);
  if (err != SM_OK) return err;
  bool found = count == 1 && list[0].entry_no == entry_no;
  if (found) {
    *entry = list[0];
    list[0] = (sm_entry){0};
  }
  sm_entries_free(list, count);
  return found ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_balance(sm_ledger *ledger, const char *account_id, int64_t at_ms,
                         int64_t *balance_minor) {
  sm_sql *db;
  int64_t account_no = 0;
  int64_t sum = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_account_no(db, account_id, &account_no);
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(db, "SELECT amount_minor FROM entry "
                                   "WHERE account_no = ?1 AND at_ms <= ?2");
    sm_sql_bind_i64(&q, 1, account_no);
    sm_sql_bind_i64(&q, 2, at_ms);
    while (sm_sql_row(&q)) {
      sm_err added = sm_add_i64(sum, sm_sql_i64(&q, 0), &sum);
      if (added != SM_OK) q.err = added;
    }
    err = sm_sql_end(&q);
  }
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *balance_minor = sum;
  return err;
}
