/* Reading exceptions and what tariffs change. */
#include "store/ledger/ledger_internal.h"

#include <stdlib.h>

#define EXCEPTION_SELECT                                                                           \
  "SELECT e.exception_no, a.account_id, d.device_id, i.number, i.month, e.cause, e.state, "        \
  "e.readings_hash, e.net_minor, e.tax_minor, e.taxes, e.currency, i.total_minor, "                \
  "e.new_total_minor, e.body, e.found_ms, e.decided_ms, e.decided_by, e.reason, "                  \
  "(SELECT n.number FROM settled s JOIN invoice n ON n.invoice_no = s.invoice_no "                 \
  " WHERE s.exception_no = e.exception_no) "                                                       \
  "FROM exception e JOIN invoice i ON i.invoice_no = e.invoice_no "                                \
  "JOIN account a ON a.account_no = e.account_no LEFT JOIN device d ON d.device_no = i.device_no "

static void take_exception(sm_sql_stmt *q, sm_exception *e) {
  *e = (sm_exception){.exception_no = sm_sql_i64(q, 0),
                      .net_minor = sm_sql_i64(q, 8),
                      .tax_minor = sm_sql_i64(q, 9),
                      .old_total_minor = sm_sql_i64(q, 12),
                      .new_total_minor = sm_sql_i64(q, 13),
                      .found_ms = sm_sql_i64(q, 15),
                      .decided_ms = sm_sql_i64(q, 16)};
  sm_sql_take_text(q, 1, &e->account_id);
  sm_sql_take_text(q, 2, &e->device_id);
  sm_sql_take_text(q, 3, &e->invoice);
  sm_sql_take_text(q, 4, &e->month);
  sm_sql_take_text(q, 5, &e->cause);
  sm_sql_take_text(q, 6, &e->state);
  sm_sql_take_text(q, 7, &e->readings_hash);
  sm_sql_take_text(q, 11, &e->currency);
  sm_sql_take_text(q, 14, &e->body);
  sm_sql_take_text(q, 17, &e->decided_by);
  sm_sql_take_text(q, 18, &e->reason);
  sm_sql_take_text(q, 19, &e->settled_by);
}

static sm_err take_taxes(sm_sql *db, const char *json, sm_exception *e) {
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(db, "SELECT json_extract(value, '$.name'), "
                                 "json_extract(value, '$.percent_micro'), "
                                 "json_extract(value, '$.base_minor'), "
                                 "json_extract(value, '$.amount_minor') FROM json_each(?1)");
  sm_sql_bind_text(&q, 1, json);
  while (sm_sql_row(&q)) {
    sm_exception_tax *grown = sm_ledger_room(e->tax, &cap, e->tax_count, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    e->tax = grown;
    e->tax[e->tax_count] = (sm_exception_tax){.percent_micro = sm_sql_i64(&q, 1),
                                              .base_minor = sm_sql_i64(&q, 2),
                                              .amount_minor = sm_sql_i64(&q, 3)};
    sm_sql_take_text(&q, 0, &e->tax[e->tax_count++].name);
  }
  return sm_sql_end(&q);
}

/* All rows of a bound EXCEPTION_SELECT, which ends with it. */
static sm_err take_rows(sm_sql_stmt *q, sm_exception **exceptions, size_t *count) {
  sm_exception *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  while (sm_sql_row(q)) {
    sm_exception *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q->err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    take_exception(q, &list[n]);
    sm_err err = take_taxes(q->db, sm_sql_text(q, 10), &list[n++]);
    if (err != SM_OK) q->err = err;
  }
  sm_err err = sm_sql_end(q);
  if (err != SM_OK) {
    sm_exceptions_free(list, n);
    return err;
  }
  *exceptions = list;
  *count = n;
  return SM_OK;
}

#define EXCEPTION_PAGE                                                                             \
  "e.exception_no > ?4 AND (?1 IS NULL OR e.state = ?1) AND (?2 IS NULL OR a.account_id = ?2) "    \
  "ORDER BY e.exception_no LIMIT ?5"

/* One text for each filter, so that each finds its rows by index. */
static sm_sql_stmt use_list(sm_sql *db, const sm_exception_query *query) {
  if (query->settled_by != NULL)
    return sm_sql_use(db, EXCEPTION_SELECT
                      "WHERE e.exception_no IN (SELECT s.exception_no FROM settlement s JOIN "
                      "invoice n ON n.invoice_no = s.invoice_no WHERE n.number = ?3) "
                      "AND " EXCEPTION_PAGE);
  if (query->invoice != NULL)
    return sm_sql_use(db, EXCEPTION_SELECT "WHERE i.number = ?3 AND " EXCEPTION_PAGE);
  return sm_sql_use(db, EXCEPTION_SELECT "WHERE " EXCEPTION_PAGE);
}

sm_err sm_ledger_exceptions(sm_ledger *ledger, const sm_exception_query *query,
                            sm_exception **exceptions, size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = use_list(db, query);
  sm_sql_bind_text(&q, 1, query->state);
  sm_sql_bind_text(&q, 2, query->account_id);
  if (query->settled_by != NULL)
    sm_sql_bind_text(&q, 3, query->settled_by);
  else if (query->invoice != NULL)
    sm_sql_bind_text(&q, 3, query->invoice);
  sm_sql_bind_i64(&q, 4, query->after_no);
  sm_ledger_bind_limit(&q, 5, query->limit);
  err = take_rows(&q, exceptions, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

sm_err sm_ledger_exception(sm_ledger *ledger, int64_t exception_no, sm_exception *exception) {
  const sm_exception_query query = {.after_no = exception_no - 1, .limit = 1};
  sm_exception *list = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_exceptions(ledger, &query, &list, &count);
  if (err != SM_OK) return err;
  bool found = count == 1 && list[0].exception_no == exception_no;
  if (found) {
    *exception = list[0];
    list[0] = (sm_exception){0};
  }
  sm_exceptions_free(list, count);
  return found ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_ledger_true_ups(sm_ledger *ledger, const char *account_id, sm_exception **exceptions,
                          size_t *count) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, EXCEPTION_SELECT
                             "WHERE e.account_no = (SELECT account_no FROM account "
                             " WHERE account_id = ?1) AND e.state = 'true_up' AND NOT EXISTS "
                             "(SELECT 1 FROM settled s WHERE s.exception_no = e.exception_no) "
                             "ORDER BY i.month, e.exception_no");
  sm_sql_bind_text(&q, 1, account_id);
  err = take_rows(&q, exceptions, count);
  sm_ledger_read_end(ledger, db);
  return err;
}

/* ---- tariffs ---- */

/* Invoices i that a version of tariff ?1 from day ?2 on would change: the days of the invoice's
 * month, of the account, of the account's time on this tariff, and of the version up to the next
 * one, all together. A first assignment and a first version reach back to the beginning; an account
 * without any is on the site's first tariff. */
#define TOUCHED                                                                                    \
  "i.kind = 'invoice' AND i.month >= iif(EXISTS (SELECT 1 FROM tariff_version v "                  \
  "WHERE v.tariff_no = ?1 AND v.effective_from < ?2), substr(?2, 1, 7), '') "                      \
  "AND NOT EXISTS (" SM_LEDGER_CREDIT_NOTE ") AND EXISTS (SELECT 1 FROM ("                         \
  " SELECT t.tariff_no, iif(EXISTS (SELECT 1 FROM account_tariff p "                               \
  "   WHERE p.account_no = t.account_no AND p.from_date < t.from_date), t.from_date, '') AS lo, "  \
  "  coalesce((SELECT min(n.from_date) FROM account_tariff n "                                     \
  "   WHERE n.account_no = t.account_no AND n.from_date > t.from_date), '9999-12-31') AS hi "      \
  "  FROM account_tariff t WHERE t.account_no = i.account_no "                                     \
  " UNION ALL SELECT (SELECT min(tariff_no) FROM tariff), '', '9999-12-31' "                       \
  "  WHERE NOT EXISTS (SELECT 1 FROM account_tariff t WHERE t.account_no = i.account_no)) span "   \
  "WHERE span.tariff_no = ?1 AND max(i.month || '-01', coalesce(a.from_date, ''), span.lo, "       \
  " iif(EXISTS (SELECT 1 FROM tariff_version v WHERE v.tariff_no = ?1 "                            \
  "  AND v.effective_from < ?2), ?2, '')) < min(date(i.month || '-01', '+1 month'), "              \
  " coalesce(a.to_date, '9999-12-31'), span.hi, coalesce((SELECT min(v.effective_from) "           \
  "  FROM tariff_version v WHERE v.tariff_no = ?1 AND v.effective_from > ?2), '9999-12-31')))"

sm_err sm_ledger_tariff_touches(sm_sql *db, int64_t tariff_no, const char *effective_from,
                                bool *touches) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT 1 FROM invoice i JOIN account a ON a.account_no = i.account_no WHERE " TOUCHED
          " LIMIT 1");
  sm_sql_bind_i64(&q, 1, tariff_no);
  sm_sql_bind_text(&q, 2, effective_from);
  bool found = sm_sql_row(&q);
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK) *touches = found;
  return err;
}

sm_err sm_ledger_rebill_mark(sm_sql *db, int64_t tariff_no, const char *effective_from,
                             int32_t version) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO rebill (invoice_no, tariff_no, version, site_no) "
                                 "SELECT i.invoice_no, ?1, ?3, 1 FROM invoice i "
                                 "JOIN account a ON a.account_no = i.account_no WHERE " TOUCHED);
  sm_sql_bind_i64(&q, 1, tariff_no);
  sm_sql_bind_text(&q, 2, effective_from);
  sm_sql_bind_i64(&q, 3, version);
  return sm_sql_run(&q);
}

static sm_err list_touched(sm_sql *db, int64_t tariff_no, const char *effective_from,
                           int64_t after_no, size_t limit, sm_invoice **invoices, size_t *count,
                           int64_t *last_no) {
  sm_sql_stmt q = sm_sql_use(db, SM_LEDGER_INVOICE_SELECT "WHERE i.invoice_no > ?3 AND " TOUCHED
                                                          " ORDER BY i.invoice_no LIMIT ?4");
  sm_sql_bind_i64(&q, 1, tariff_no);
  sm_sql_bind_text(&q, 2, effective_from);
  sm_sql_bind_i64(&q, 3, after_no);
  sm_ledger_bind_limit(&q, 4, limit);
  return sm_ledger_invoice_rows(&q, invoices, count, last_no);
}

sm_err sm_ledger_tariff_touched(sm_ledger *ledger, const char *tariff, sm_date effective_from,
                                int64_t after_no, size_t limit, sm_invoice **invoices,
                                size_t *count, int64_t *next_no) {
  char from[SM_DATE_MAX];
  sm_sql *db;
  int64_t tariff_no = 0;
  int64_t last_no = after_no;
  if (!sm_ledger_date_valid(effective_from)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  err = sm_ledger_tariff_no(db, tariff, &tariff_no);
  if (err == SM_OK) {
    err = list_touched(db, tariff_no, sm_date_format(effective_from, from), after_no, limit,
                       invoices, count, &last_no);
  } else if (err == SM_ERR_NOT_FOUND) {
    *invoices = NULL;
    *count = 0;
    err = SM_OK;
  }
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK) *next_no = last_no;
  return err;
}

sm_err sm_ledger_rebills(sm_ledger *ledger, size_t limit, sm_rebill **rebills, size_t *count) {
  sm_sql *db;
  sm_rebill *list = NULL;
  size_t n = 0;
  size_t cap = 0;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT i.number, t.name, r.version FROM rebill r "
                     "JOIN invoice i ON i.invoice_no = r.invoice_no "
                     "JOIN tariff t ON t.tariff_no = r.tariff_no "
                     "WHERE r.done_ms IS NULL ORDER BY r.invoice_no, r.version LIMIT ?1");
  sm_ledger_bind_limit(&q, 1, limit);
  while (sm_sql_row(&q)) {
    sm_rebill *grown = sm_ledger_room(list, &cap, n, sizeof *grown);
    if (grown == NULL) {
      q.err = SM_ERR_NOMEM;
      break;
    }
    list = grown;
    list[n] = (sm_rebill){.version = (int32_t)sm_sql_i64(&q, 2)};
    sm_sql_take_text(&q, 0, &list[n].invoice);
    sm_sql_take_text(&q, 1, &list[n++].tariff);
  }
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err != SM_OK) {
    sm_rebills_free(list, n);
    return err;
  }
  *rebills = list;
  *count = n;
  return SM_OK;
}
