/* Exceptions: what an issued month would be now, opened, decided, settled, and taken back. */
#include "base/checked.h"
#include "base/clock.h"
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

static bool exception_valid(const sm_exception_new *e) {
  if (e->invoice == NULL || e->cause == NULL || e->readings_hash == NULL || e->body == NULL)
    return false;
  for (size_t i = 0; i < e->tax_count; i++)
    if (e->tax[i].name == NULL) return false;
  bool tariff = strcmp(e->cause, "tariff") == 0;
  return tariff ? e->rebill_tariff != NULL : strcmp(e->cause, "readings") == 0;
}

static bool says_nothing(const sm_exception_new *e) {
  for (size_t i = 0; i < e->tax_count; i++)
    if (e->tax[i].amount_minor != 0) return false;
  return e->net_minor == 0;
}

static sm_err sum_taxes(const sm_exception_new *e, int64_t *sum) {
  sm_err err = SM_OK;
  *sum = 0;
  for (size_t i = 0; err == SM_OK && i < e->tax_count; i++)
    err = sm_add_i64(*sum, e->tax[i].amount_minor, sum);
  return err;
}

static void write_taxes(const sm_exception_new *e, sm_buf *out) {
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_array(&w);
  for (size_t i = 0; i < e->tax_count; i++) {
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "name", e->tax[i].name);
    sm_jsonw_key_int(&w, "percent_micro", e->tax[i].percent_micro);
    sm_jsonw_key_int(&w, "base_minor", e->tax[i].base_minor);
    sm_jsonw_key_int(&w, "amount_minor", e->tax[i].amount_minor);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
}

static sm_err last_of(sm_sql *db, int64_t invoice_no, int64_t *last_no) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT coalesce(max(exception_no), 0) FROM exception "
                                 "WHERE invoice_no = ?1");
  sm_sql_bind_i64(&q, 1, invoice_no);
  if (sm_sql_row(&q)) *last_no = sm_sql_i64(&q, 0);
  return sm_sql_end(&q);
}

/* What is decided of all exceptions of an invoice that stand on none. */
static sm_err close_unsettled(sm_sql *db, sm_actor actor, int64_t invoice_no, const char *state,
                              const char *reason) {
  for (;;) {
    sm_sql_stmt q =
        sm_sql_use(db, "SELECT exception_no FROM exception e WHERE e.invoice_no = ?1 "
                       "AND e.state IN ('open', 'true_up') AND e.cause <> 'credit' AND NOT EXISTS "
                       "(SELECT 1 FROM settled s WHERE s.exception_no = e.exception_no) LIMIT 1");
    sm_sql_bind_i64(&q, 1, invoice_no);
    bool found = sm_sql_row(&q);
    int64_t exception_no = found ? sm_sql_i64(&q, 0) : 0;
    sm_err err = sm_sql_end(&q);
    if (err == SM_OK && found)
      err = sm_ledger_exception_set(db, actor, exception_no, state, reason);
    if (err != SM_OK || !found) return err;
  }
}

static sm_err rebill_done(sm_sql *db, int64_t invoice_no, const char *tariff, int32_t version) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE rebill SET done_ms = ?4 WHERE invoice_no = ?1 "
                                 "AND version = ?3 AND done_ms IS NULL AND tariff_no = "
                                 "(SELECT tariff_no FROM tariff WHERE site_no = 1 AND name = ?2)");
  sm_sql_bind_i64(&q, 1, invoice_no);
  sm_sql_bind_text(&q, 2, tariff);
  sm_sql_bind_i64(&q, 3, version);
  sm_sql_bind_i64(&q, 4, sm_clock_now_ms());
  return sm_sql_run(&q);
}

typedef struct exception_row {
  const sm_exception_new *e;
  int64_t invoice_no;
  int64_t account_no;
  int64_t tax_minor;
  const char *taxes;
  sm_actor actor;
} exception_row;

static const char *automatic = "below the limit: it goes on the next invoice by itself";

static sm_err insert_exception(sm_sql *db, const exception_row *r, int64_t *exception_no) {
  const sm_exception_new *e = r->e;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO exception (site_no, account_no, invoice_no, cause, readings_hash, "
          "net_minor, tax_minor, taxes, currency, new_total_minor, body, found_ms, state, "
          "decided_ms, decided_by, reason) SELECT 1, ?2, ?1, ?3, ?4, ?5, ?6, ?7, i.currency, ?8, "
          "?9, ?10, ?11, ?12, ?13, ?14 FROM invoice i WHERE i.invoice_no = ?1");
  sm_sql_bind_i64(&q, 1, r->invoice_no);
  sm_sql_bind_i64(&q, 2, r->account_no);
  sm_sql_bind_text(&q, 3, e->cause);
  sm_sql_bind_text(&q, 4, e->readings_hash);
  sm_sql_bind_i64(&q, 5, e->net_minor);
  sm_sql_bind_i64(&q, 6, r->tax_minor);
  sm_sql_bind_text(&q, 7, r->taxes);
  sm_sql_bind_i64(&q, 8, e->new_total_minor);
  sm_sql_bind_text(&q, 9, e->body);
  int64_t now_ms = sm_clock_now_ms();
  sm_sql_bind_i64(&q, 10, now_ms);
  sm_sql_bind_text(&q, 11, e->true_up ? "true_up" : "open");
  if (e->true_up) {
    sm_sql_bind_i64(&q, 12, now_ms);
    sm_sql_bind_text(&q, 13, "server");
    sm_sql_bind_text(&q, 14, automatic);
  } else {
    sm_sql_bind_null(&q, 12);
    sm_sql_bind_text(&q, 13, NULL);
    sm_sql_bind_text(&q, 14, NULL);
  }
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) *exception_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err audit_open(sm_sql *db, const exception_row *r, int64_t exception_no) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_int(&detail.w, "exception_no", exception_no);
  sm_jsonw_key_text(&detail.w, "cause", r->e->cause);
  sm_jsonw_key_int(&detail.w, "net_minor", r->e->net_minor);
  sm_jsonw_key_int(&detail.w, "tax_minor", r->tax_minor);
  sm_jsonw_key_text(&detail.w, "state", r->e->true_up ? "true_up" : "open");
  sm_jsonw_key_text(&detail.w, "readings_sha256", r->e->readings_hash);
  return sm_ledger_detail_add(&detail, db, r->actor, "exception.open", r->e->invoice);
}

static sm_err open_exception(sm_sql *db, exception_row *r, int64_t *exception_no) {
  const sm_exception_new *e = r->e;
  int64_t last_no = 0;
  sm_err err = sm_ledger_invoice_valid_no(db, e->invoice, &r->invoice_no, &r->account_no);
  if (err == SM_OK) err = last_of(db, r->invoice_no, &last_no);
  if (err == SM_OK && last_no != e->last_no) err = SM_ERR_CONFLICT;
  if (err == SM_OK)
    err = close_unsettled(db, r->actor, r->invoice_no, "superseded",
                          "looked at again, with what has come since");
  if (err == SM_OK && e->rebill_tariff != NULL)
    err = rebill_done(db, r->invoice_no, e->rebill_tariff, e->rebill_version);
  if (err != SM_OK || says_nothing(e)) return err;
  err = insert_exception(db, r, exception_no);
  return err == SM_OK ? audit_open(db, r, *exception_no) : err;
}

sm_err sm_ledger_exception_open(sm_ledger *ledger, sm_actor actor,
                                const sm_exception_new *exception, int64_t *exception_no) {
  exception_row r = {.e = exception, .actor = actor};
  int64_t no = 0;
  if (!exception_valid(exception)) return SM_ERR_INVALID;
  sm_err err = sum_taxes(exception, &r.tax_minor);
  if (err != SM_OK) return err;
  sm_buf taxes;
  sm_buf_init(&taxes, 0);
  write_taxes(exception, &taxes);
  r.taxes = sm_buf_text(&taxes);
  err = taxes.err;
  sm_sql *db;
  if (err == SM_OK) err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) err = sm_ledger_write_end(ledger, open_exception(db, &r, &no));
  sm_buf_fini(&taxes);
  if (err == SM_OK) *exception_no = no;
  return err;
}

/* ---- deciding ---- */

static sm_err update_state(sm_sql *db, sm_actor actor, int64_t exception_no, const char *state,
                           const char *reason) {
  sm_sql_stmt q = sm_sql_use(db, "UPDATE exception SET state = ?2, decided_ms = ?3, "
                                 "decided_by = ?4, reason = ?5 WHERE exception_no = ?1");
  sm_sql_bind_i64(&q, 1, exception_no);
  sm_sql_bind_text(&q, 2, state);
  sm_sql_bind_i64(&q, 3, sm_clock_now_ms());
  sm_sql_bind_text(&q, 4, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 5, reason);
  return sm_sql_run(&q);
}

/* Its invoice's number, a heap text, for the audit log. */
static sm_err number_of(sm_sql *db, int64_t exception_no, char **number) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT i.number FROM exception e JOIN invoice i "
                                 "USING (invoice_no) WHERE e.exception_no = ?1");
  sm_sql_bind_i64(&q, 1, exception_no);
  bool found = sm_sql_row(&q);
  char *got = NULL;
  if (found) sm_sql_take_text(&q, 0, &got);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK && !found) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK) *number = got;
  return err;
}

sm_err sm_ledger_exception_set(sm_sql *db, sm_actor actor, int64_t exception_no, const char *state,
                               const char *reason) {
  char *number = NULL;
  sm_err err = number_of(db, exception_no, &number);
  if (err == SM_OK) err = update_state(db, actor, exception_no, state, reason);
  if (err == SM_OK) {
    sm_ledger_detail detail;
    sm_ledger_detail_open(&detail);
    sm_jsonw_key_int(&detail.w, "exception_no", exception_no);
    sm_jsonw_key_text(&detail.w, "state", state);
    sm_jsonw_key_text(&detail.w, "reason", reason);
    err = sm_ledger_detail_add(&detail, db, actor, "exception.decide", number);
  }
  free(number);
  return err;
}

/* SM_ERR_EXISTS: it has that state, is decided for good, or stands on an invoice. */
static sm_err check_undecided(sm_sql *db, int64_t exception_no, const char *state) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT e.state IN ('open', 'true_up') AND e.state <> ?2 AND NOT EXISTS "
          "(SELECT 1 FROM settled s WHERE s.exception_no = e.exception_no), e.cause = 'credit' "
          "FROM exception e WHERE e.exception_no = ?1");
  sm_sql_bind_i64(&q, 1, exception_no);
  sm_sql_bind_text(&q, 2, state);
  bool found = sm_sql_row(&q);
  bool can = found && sm_sql_i64(&q, 0) != 0;
  bool counter = found && sm_sql_i64(&q, 1) != 0;
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (!found) return SM_ERR_NOT_FOUND;
  if (counter) return SM_ERR_DENIED; /* what was billed is owed back, whatever anybody says */
  return can ? SM_OK : SM_ERR_EXISTS;
}

static sm_err decide(sm_sql *db, sm_actor actor, int64_t exception_no, const char *state,
                     const char *reason) {
  sm_err err = check_undecided(db, exception_no, state);
  return err == SM_OK ? sm_ledger_exception_set(db, actor, exception_no, state, reason) : err;
}

sm_err sm_ledger_exception_decide(sm_ledger *ledger, sm_actor actor, int64_t exception_no,
                                  const char *state, const char *reason) {
  if (state == NULL || (strcmp(state, "true_up") != 0 && strcmp(state, "dismissed") != 0) ||
      !sm_ledger_text_valid(reason, SM_REASON_MAX))
    return SM_ERR_INVALID;
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, decide(db, actor, exception_no, state, reason));
}

/* ---- settling ---- */

sm_err sm_ledger_settle(sm_sql *db, int64_t invoice_no, const int64_t *exception_no, size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    sm_sql_stmt q = sm_sql_use(db, "INSERT INTO settlement (exception_no, invoice_no, site_no) "
                                   "VALUES (?1, ?2, 1)");
    sm_sql_bind_i64(&q, 1, exception_no[i]);
    sm_sql_bind_i64(&q, 2, invoice_no);
    err = sm_sql_run(&q);
  }
  return err;
}

/* ---- a credit note of the invoice ---- */

/* A correction that stands on another invoice would be billed twice once the month is issued again:
 * its opposite goes on the next invoice. */
static sm_err turn_round(sm_sql *db, sm_actor actor, int64_t exception_no) {
  int64_t opposite_no = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO exception (site_no, account_no, invoice_no, cause, readings_hash, "
          "net_minor, tax_minor, taxes, currency, new_total_minor, body, found_ms, state, "
          "decided_ms, decided_by, reason) SELECT 1, account_no, invoice_no, 'credit', "
          "readings_hash, -net_minor, -tax_minor, (SELECT json_group_array(json_object('name', "
          " json_extract(value, '$.name'), 'percent_micro', "
          " CAST(json_extract(value, '$.percent_micro') AS INTEGER), 'base_minor', "
          " -CAST(json_extract(value, '$.base_minor') AS INTEGER), 'amount_minor', "
          " -CAST(json_extract(value, '$.amount_minor') AS INTEGER))) FROM json_each(taxes)), "
          "currency, 0, '{}', "
          "?2, 'true_up', ?2, ?3, ?4 FROM exception WHERE exception_no = ?1");
  sm_sql_bind_i64(&q, 1, exception_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  sm_sql_bind_text(&q, 3, actor.id != NULL ? actor.id : "server");
  sm_sql_bind_text(&q, 4, "the corrected invoice was taken back by a credit note");
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  opposite_no = sm_sql_last_insert_no(db);
  char *number = NULL;
  err = number_of(db, opposite_no, &number);
  if (err == SM_OK) {
    sm_ledger_detail detail;
    sm_ledger_detail_open(&detail);
    sm_jsonw_key_int(&detail.w, "exception_no", opposite_no);
    sm_jsonw_key_text(&detail.w, "cause", "credit");
    sm_jsonw_key_int(&detail.w, "opposite_of", exception_no);
    err = sm_ledger_detail_add(&detail, db, actor, "exception.open", number);
  }
  free(number);
  return err;
}

sm_err sm_ledger_exceptions_credited(sm_sql *db, sm_actor actor, int64_t invoice_no) {
  sm_err err =
      close_unsettled(db, actor, invoice_no, "void", "the invoice was taken back by a credit note");
  int64_t after_no = 0;
  int64_t end_no = 0;
  if (err == SM_OK) err = last_of(db, invoice_no, &end_no);
  for (bool found = true; err == SM_OK && found;) {
    sm_sql_stmt q =
        sm_sql_use(db, "SELECT e.exception_no FROM exception e JOIN settled s USING (exception_no) "
                       "WHERE e.invoice_no = ?1 AND e.exception_no > ?2 AND e.exception_no <= ?3 "
                       "AND e.cause <> 'credit' ORDER BY e.exception_no LIMIT 1");
    sm_sql_bind_i64(&q, 1, invoice_no);
    sm_sql_bind_i64(&q, 2, after_no);
    sm_sql_bind_i64(&q, 3, end_no);
    found = sm_sql_row(&q);
    if (found) after_no = sm_sql_i64(&q, 0);
    err = sm_sql_end(&q);
    if (err == SM_OK && found) err = turn_round(db, actor, after_no);
  }
  return err;
}

sm_err sm_ledger_rebill_done(sm_ledger *ledger, const sm_rebill *rebill) {
  sm_sql *db;
  int64_t invoice_no = 0;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_find_no(db, "SELECT invoice_no FROM invoice WHERE number = ?1", rebill->invoice,
                          &invoice_no);
  if (err == SM_OK) err = rebill_done(db, invoice_no, rebill->tariff, rebill->version);
  return sm_ledger_write_end(ledger, err);
}
