/* Bills of suppliers: entered, cancelled, put on accounts and taken back. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_landlord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *who(sm_actor actor) {
  return actor.id != NULL ? actor.id : "server";
}

/* ---- entering ---- */

static bool split_known(const char *split) {
  return split != NULL &&
         (strcmp(split, "equal") == 0 || strcmp(split, "use") == 0 || strcmp(split, "load") == 0);
}

static bool bill_valid(const sm_utility_bill *b) {
  return sm_ledger_text_valid(b->supplier, SM_UTILITY_TEXT_MAX) &&
         sm_ledger_text_valid(b->number, SM_UTILITY_TEXT_MAX) && sm_ledger_date_valid(b->from) &&
         sm_ledger_date_valid(b->to) && sm_date_compare(b->from, b->to) < 0 && b->energy_wh >= 0 &&
         b->amount_minor >= 0 && b->amount_minor <= SM_ENTRY_MAX_MINOR && b->tax_minor >= 0 &&
         b->tax_minor <= SM_ENTRY_MAX_MINOR && b->currency != NULL && split_known(b->split) &&
         b->account_count > 0 && b->account_count <= SM_UTILITY_MEMBERS_MAX;
}

static sm_err insert_bill(sm_sql *db, sm_actor actor, const sm_utility_bill *b, const char *id,
                          int64_t now_ms, int64_t *utility_no) {
  char from[SM_DATE_MAX], to[SM_DATE_MAX];
  int64_t device_no = 0;
  sm_err err = b->device_id != NULL ? sm_ledger_device_no(db, b->device_id, &device_no) : SM_OK;
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO utility_bill (site_no, utility_id, device_no, supplier, number, from_date, "
          "to_date, energy_wh, amount_minor, tax_minor, currency, split, made_ms, made_by) "
          "SELECT 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, currency, ?11, ?12, ?13 FROM site "
          "WHERE site_no = 1 AND currency = ?10");
  sm_sql_bind_text(&q, 1, id);
  sm_ledger_bind_no(&q, 2, device_no);
  sm_sql_bind_text(&q, 3, b->supplier);
  sm_sql_bind_text(&q, 4, b->number);
  sm_sql_bind_text(&q, 5, sm_date_format(b->from, from));
  sm_sql_bind_text(&q, 6, sm_date_format(b->to, to));
  sm_sql_bind_i64(&q, 7, b->energy_wh);
  sm_sql_bind_i64(&q, 8, b->amount_minor);
  sm_sql_bind_i64(&q, 9, b->tax_minor);
  sm_sql_bind_text(&q, 10, b->currency);
  sm_sql_bind_text(&q, 11, b->split);
  sm_sql_bind_i64(&q, 12, now_ms);
  sm_sql_bind_text(&q, 13, who(actor));
  err = sm_sql_run(&q);
  if (err == SM_OK && sm_sql_changes(db) != 1) err = SM_ERR_INVALID; /* another currency */
  if (err == SM_OK) *utility_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err insert_members(sm_sql *db, int64_t utility_no, const sm_utility_bill *b) {
  for (size_t i = 0; i < b->account_count; i++) {
    int64_t account_no = 0;
    sm_err err = sm_ledger_account_no(db, b->account_id[i], &account_no);
    if (err != SM_OK) return err;
    sm_sql_stmt q = sm_sql_use(
        db, "INSERT INTO utility_member (utility_no, account_no, site_no) VALUES (?1, ?2, 1)");
    sm_sql_bind_i64(&q, 1, utility_no);
    sm_sql_bind_i64(&q, 2, account_no);
    err = sm_sql_run(&q);
    if (err != SM_OK) return err == SM_ERR_EXISTS ? SM_ERR_INVALID : err; /* one twice */
  }
  return SM_OK;
}

static sm_err audit_bill(sm_sql *db, sm_actor actor, const sm_utility_bill *b, const char *id) {
  char date[SM_DATE_MAX];
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "supplier", b->supplier);
  sm_jsonw_key_text(&detail.w, "number", b->number);
  sm_jsonw_key_text(&detail.w, "device_id", b->device_id);
  sm_jsonw_key_text(&detail.w, "from", sm_date_format(b->from, date));
  sm_jsonw_key_text(&detail.w, "to", sm_date_format(b->to, date));
  sm_jsonw_key_int(&detail.w, "energy_wh", b->energy_wh);
  sm_jsonw_key_int(&detail.w, "amount_minor", b->amount_minor);
  sm_jsonw_key_int(&detail.w, "tax_minor", b->tax_minor);
  sm_jsonw_key_text(&detail.w, "split", b->split);
  sm_jsonw_key_int(&detail.w, "accounts", (int64_t)b->account_count);
  return sm_ledger_detail_add(&detail, db, actor, "utility.add", id);
}

static sm_err enter(sm_sql *db, sm_actor actor, const sm_utility_bill *b, const char *id,
                    int64_t now_ms) {
  int64_t utility_no = 0;
  sm_utility_bill first = {0};
  sm_err err = sm_ledger_utility_find_same(db, b, &first);
  if (err == SM_OK) {
    sm_utility_bill_fini(&first);
    return SM_ERR_EXISTS;
  }
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  if (err == SM_OK) err = insert_bill(db, actor, b, id, now_ms, &utility_no);
  if (err == SM_OK) err = insert_members(db, utility_no, b);
  if (err == SM_OK) err = audit_bill(db, actor, b, id);
  return err;
}

sm_err sm_ledger_utility_add(sm_ledger *ledger, sm_actor actor, sm_utility_bill *bill) {
  char text[SM_ID_MAX];
  sm_sql *db;
  if (!bill_valid(bill)) return SM_ERR_INVALID;
  int64_t now_ms = sm_clock_now_ms();
  char *id = strdup(sm_random_id("b_", text));
  if (id == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err == SM_OK) err = sm_ledger_write_end(ledger, enter(db, actor, bill, id, now_ms));
  if (err != SM_OK) {
    free(id);
    return err;
  }
  bill->utility_id = id;
  bill->made_ms = now_ms;
  return SM_OK;
}

/* ---- its state ---- */

typedef struct state {
  int64_t utility_no;
  bool cancelled;
  int64_t posting_no; /* 0: not posted */
} state;

static sm_err find_state(sm_sql *db, const char *utility_id, state *out) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT b.utility_no, b.cancelled_ms IS NOT NULL, coalesce((SELECT p.posting_no FROM "
          "utility_posting p WHERE p.utility_no = b.utility_no AND p.reversed_ms IS NULL), 0) "
          "FROM utility_bill b WHERE b.utility_id = ?1");
  sm_sql_bind_text(&q, 1, utility_id);
  bool found = sm_sql_row(&q);
  if (found)
    *out = (state){.utility_no = sm_sql_i64(&q, 0),
                   .cancelled = sm_sql_i64(&q, 1) != 0,
                   .posting_no = sm_sql_i64(&q, 2)};
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err audit_reason(sm_sql *db, sm_actor actor, const char *action, const char *utility_id,
                           const char *reason) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key_text(&detail.w, "reason", reason);
  return sm_ledger_detail_add(&detail, db, actor, action, utility_id);
}

/* ---- cancelling ---- */

static sm_err cancel(sm_sql *db, sm_actor actor, const char *utility_id, const char *reason) {
  state s = {0};
  sm_err err = find_state(db, utility_id, &s);
  if (err == SM_OK && s.cancelled) err = SM_ERR_EXISTS;
  if (err == SM_OK && s.posting_no != 0) err = SM_ERR_CONFLICT;
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE utility_bill SET cancelled_ms = ?2, cancelled_by = ?3, "
                                 "cancel_reason = ?4 WHERE utility_no = ?1");
  sm_sql_bind_i64(&q, 1, s.utility_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  sm_sql_bind_text(&q, 3, who(actor));
  sm_sql_bind_text(&q, 4, reason);
  err = sm_sql_run(&q);
  return err == SM_OK ? audit_reason(db, actor, "utility.cancel", utility_id, reason) : err;
}

sm_err sm_ledger_utility_cancel(sm_ledger *ledger, sm_actor actor, const char *utility_id,
                                const char *reason) {
  sm_sql *db;
  if (!sm_ledger_text_valid(reason, SM_UTILITY_REASON_MAX)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, cancel(db, actor, utility_id, reason));
}

/* ---- posting ---- */

typedef struct posting {
  sm_actor actor;
  const char *utility_id;
  const char *reason;
  int64_t utility_no;
  int64_t posting_no;
  int64_t now_ms;
} posting;

static sm_err insert_posting(sm_sql *db, posting *p) {
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO utility_posting (site_no, utility_no, posted_ms, "
                                 "posted_by) VALUES (1, ?1, ?2, ?3)");
  sm_sql_bind_i64(&q, 1, p->utility_no);
  sm_sql_bind_i64(&q, 2, p->now_ms);
  sm_sql_bind_text(&q, 3, who(p->actor));
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) p->posting_no = sm_sql_last_insert_no(db);
  return err;
}

/* The bill's currency is the site's, and so the account's. */
static sm_err insert_entry(sm_sql *db, const posting *p, int64_t account_no, int64_t amount_minor,
                           int64_t *entry_no) {
  char key[128];
  (void)snprintf(key, sizeof key, "utility %s %lld %lld", p->utility_id, (long long)p->posting_no,
                 (long long)account_no);
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO entry (site_no, account_no, kind, amount_minor, currency, at_ms, posted_ms, "
          "made_by, request_key, note) SELECT 1, ?1, 'common', ?2, currency, ?3, ?3, ?4, ?5, "
          "json_object('reason', ?6) FROM utility_bill WHERE utility_no = ?7");
  sm_sql_bind_i64(&q, 1, account_no);
  sm_sql_bind_i64(&q, 2, amount_minor);
  sm_sql_bind_i64(&q, 3, p->now_ms);
  sm_sql_bind_text(&q, 4, who(p->actor));
  sm_sql_bind_text(&q, 5, key);
  sm_sql_bind_text(&q, 6, p->reason);
  sm_sql_bind_i64(&q, 7, p->utility_no);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) *entry_no = sm_sql_last_insert_no(db);
  return err;
}

static sm_err insert_share(sm_sql *db, const posting *p, int64_t account_no,
                           const sm_utility_share *share, int64_t entry_no) {
  sm_sql_stmt q = sm_sql_use(
      db, "INSERT INTO utility_share (posting_no, account_no, site_no, use_wh, load_w, "
          "energy_minor, common_minor, entry_no) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7)");
  sm_sql_bind_i64(&q, 1, p->posting_no);
  sm_sql_bind_i64(&q, 2, account_no);
  sm_sql_bind_i64(&q, 3, share->use_wh);
  sm_sql_bind_i64(&q, 4, share->load_w);
  sm_sql_bind_i64(&q, 5, share->energy_minor);
  sm_sql_bind_i64(&q, 6, share->common_minor);
  sm_ledger_bind_no(&q, 7, entry_no);
  return sm_sql_run(&q);
}

static sm_err member_no(sm_sql *db, const posting *p, const char *account_id, int64_t *account_no) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT m.account_no FROM utility_member m JOIN account a ON a.account_no = m.account_no "
          "WHERE m.utility_no = ?1 AND a.account_id = ?2");
  sm_sql_bind_i64(&q, 1, p->utility_no);
  sm_sql_bind_text(&q, 2, account_id);
  bool found = sm_sql_row(&q);
  if (found) *account_no = sm_sql_i64(&q, 0);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err post_share(sm_sql *db, const posting *p, const sm_utility_share *share) {
  int64_t account_no = 0;
  int64_t entry_no = 0;
  sm_err err = member_no(db, p, share->account_id, &account_no);
  if (err == SM_OK && share->common_minor != 0)
    err = insert_entry(db, p, account_no, share->common_minor, &entry_no);
  if (err == SM_OK) err = insert_share(db, p, account_no, share, entry_no);
  return err;
}

static sm_err audit_posting(sm_sql *db, const posting *p, const sm_utility_share *shares,
                            size_t count) {
  sm_ledger_detail detail;
  sm_ledger_detail_open(&detail);
  sm_jsonw_key(&detail.w, "shares");
  sm_jsonw_array(&detail.w);
  for (size_t i = 0; i < count; i++) {
    sm_jsonw_object(&detail.w);
    sm_jsonw_key_text(&detail.w, "account_id", shares[i].account_id);
    sm_jsonw_key_int(&detail.w, "common_minor", shares[i].common_minor);
    sm_jsonw_object_end(&detail.w);
  }
  sm_jsonw_array_end(&detail.w);
  return sm_ledger_detail_add(&detail, db, p->actor, "utility.post", p->utility_id);
}

static sm_err post(sm_sql *db, posting *p, const sm_utility_share *shares, size_t count) {
  state s = {0};
  sm_err err = find_state(db, p->utility_id, &s);
  if (err == SM_OK && s.cancelled) err = SM_ERR_CONFLICT;
  if (err == SM_OK && s.posting_no != 0) err = SM_ERR_EXISTS;
  p->utility_no = s.utility_no;
  if (err == SM_OK) err = insert_posting(db, p);
  for (size_t i = 0; i < count && err == SM_OK; i++) err = post_share(db, p, &shares[i]);
  return err == SM_OK ? audit_posting(db, p, shares, count) : err;
}

sm_err sm_ledger_utility_post(sm_ledger *ledger, sm_actor actor, const char *utility_id,
                              const sm_utility_share *shares, size_t count, const char *reason) {
  posting p = {
      .actor = actor, .utility_id = utility_id, .reason = reason, .now_ms = sm_clock_now_ms()};
  sm_sql *db;
  if (!sm_ledger_text_valid(reason, SM_UTILITY_REASON_MAX)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, post(db, &p, shares, count));
}

/* ---- taking back ---- */

/* The next entry of a posting that is not taken back yet; SM_ERR_NOT_FOUND: none. */
static sm_err next_entry(sm_sql *db, int64_t posting_no, int64_t *entry_no) {
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT s.entry_no FROM utility_share s WHERE s.posting_no = ?1 "
          "AND s.entry_no IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.reverses = "
          "s.entry_no) ORDER BY s.entry_no LIMIT 1");
  sm_sql_bind_i64(&q, 1, posting_no);
  bool found = sm_sql_row(&q);
  if (found) *entry_no = sm_sql_i64(&q, 0);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err reverse_entries(sm_sql *db, sm_actor actor, int64_t posting_no, const char *reason) {
  sm_err err = SM_OK;
  while (err == SM_OK) {
    int64_t entry_no = 0, reversal_no = 0;
    err = next_entry(db, posting_no, &entry_no);
    if (err == SM_ERR_NOT_FOUND) return SM_OK;
    if (err == SM_OK) err = sm_ledger_reversal_insert(db, actor, entry_no, reason, &reversal_no);
  }
  return err;
}

static sm_err reverse(sm_sql *db, sm_actor actor, const char *utility_id, const char *reason) {
  state s = {0};
  sm_err err = find_state(db, utility_id, &s);
  if (err == SM_OK && s.posting_no == 0) err = SM_ERR_CONFLICT;
  if (err == SM_OK) err = reverse_entries(db, actor, s.posting_no, reason);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE utility_posting SET reversed_ms = ?2, reversed_by = ?3, "
                                 "reverse_reason = ?4 WHERE posting_no = ?1");
  sm_sql_bind_i64(&q, 1, s.posting_no);
  sm_sql_bind_i64(&q, 2, sm_clock_now_ms());
  sm_sql_bind_text(&q, 3, who(actor));
  sm_sql_bind_text(&q, 4, reason);
  err = sm_sql_run(&q);
  return err == SM_OK ? audit_reason(db, actor, "utility.reverse", utility_id, reason) : err;
}

sm_err sm_ledger_utility_reverse(sm_ledger *ledger, sm_actor actor, const char *utility_id,
                                 const char *reason) {
  sm_sql *db;
  if (!sm_ledger_text_valid(reason, SM_UTILITY_REASON_MAX)) return SM_ERR_INVALID;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, reverse(db, actor, utility_id, reason));
}
