/* Accounts, their people and opening balances from a file: all of them or none. */
#include "base/clock.h"
#include "base/crypto.h"
#include "store/ledger/ledger_internal.h"
#include "store/ledger_landlord.h"

#include <stdlib.h>
#include <string.h>

typedef struct import {
  sm_ledger *ledger;
  sm_sql *db;
  sm_actor actor;
  const char *currency;
  int64_t now_ms;
} import;

/* Sets *known if the key is there with the same content. SM_ERR_EXISTS: with another. */
static sm_err find_key(const import *im, sm_account_import *item) {
  sm_sql_stmt q = sm_sql_use(
      im->db, "SELECT a.account_id, i.content_hash = ?2 FROM account_import i JOIN account a "
              "ON a.account_no = i.account_no WHERE i.site_no = 1 AND i.key = ?1");
  sm_sql_bind_text(&q, 1, item->key);
  sm_sql_bind_blob(&q, 2, item->content_hash, sizeof item->content_hash);
  bool found = sm_sql_row(&q);
  bool same = found && sm_sql_i64(&q, 1) != 0;
  if (same) sm_sql_take_text(&q, 0, &item->account.account_id);
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (found && !same) return SM_ERR_EXISTS;
  item->known = same;
  return SM_OK;
}

static sm_err find_person(const import *im, const sm_user *person, char **user_id) {
  sm_sql_stmt q = sm_sql_use(im->db, "SELECT user_id FROM user WHERE email_hash = ?1");
  sm_sql_bind_blob(&q, 1, person->email_hash, sizeof person->email_hash);
  bool found = sm_sql_row(&q);
  if (found) sm_sql_take_text(&q, 0, user_id);
  sm_err err = sm_sql_end(&q);
  return err == SM_OK && !found ? SM_ERR_NOT_FOUND : err;
}

static sm_err take_person(const import *im, sm_account_import *item) {
  char text[SM_ID_MAX];
  char *user_id = NULL;
  if (item->person == NULL) return SM_OK;
  sm_err err = find_person(im, item->person, &user_id);
  if (err == SM_ERR_NOT_FOUND) {
    user_id = strdup(sm_random_id("u_", text));
    err = user_id == NULL
              ? SM_ERR_NOMEM
              : sm_ledger_user_insert(im->db, im->actor, item->person, user_id, im->now_ms);
  }
  free(item->account.user_id);
  item->account.user_id = user_id;
  return err;
}

static sm_err note_key(const import *im, const sm_account_import *item) {
  int64_t account_no = 0;
  sm_err err = sm_ledger_account_no(im->db, item->account.account_id, &account_no);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(im->db, "INSERT INTO account_import (site_no, key, account_no, "
                                     "content_hash, made_ms) VALUES (1, ?1, ?2, ?3, ?4)");
  sm_sql_bind_text(&q, 1, item->key);
  sm_sql_bind_i64(&q, 2, account_no);
  sm_sql_bind_blob(&q, 3, item->content_hash, sizeof item->content_hash);
  sm_sql_bind_i64(&q, 4, im->now_ms);
  return sm_sql_run(&q);
}

static sm_err add_opening(const import *im, const sm_account_import *item) {
  bool added;
  int64_t entry_no;
  const sm_entry_new entry = {.account_id = item->account.account_id,
                              .kind = "opening",
                              .amount_minor = item->opening_minor,
                              .currency = im->currency,
                              .at_ms = item->opening_ms,
                              .reference = "opening balance"};
  if (item->opening_minor == 0) return SM_OK;
  return sm_ledger_entry_insert(im->db, im->actor, &entry, &added, &entry_no);
}

static sm_err add_account(const import *im, sm_account_import *item) {
  char text[SM_ID_MAX];
  sm_err err = take_person(im, item);
  if (err != SM_OK) return err;
  item->account.account_id = strdup(sm_random_id("a_", text));
  if (item->account.account_id == NULL) return SM_ERR_NOMEM;
  err = sm_ledger_account_insert(im->ledger, im->db, im->actor, &item->account,
                                 item->account.account_id);
  if (err == SM_OK) err = note_key(im, item);
  return err == SM_OK ? add_opening(im, item) : err;
}

static sm_err import_all(const import *im, sm_account_import *items, size_t count, size_t *failed) {
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    *failed = i;
    if (!sm_ledger_text_valid(items[i].key, SM_IMPORT_KEY_MAX)) return SM_ERR_INVALID;
    err = find_key(im, &items[i]);
    if (err == SM_OK && !items[i].known) err = add_account(im, &items[i]);
  }
  return err;
}

sm_err sm_ledger_accounts_import(sm_ledger *ledger, sm_actor actor, const char *currency,
                                 bool dry_run, sm_account_import *items, size_t count,
                                 size_t *failed) {
import im = {.ledger = ledger, .actor = actor, .currency = currency, .now_ms = sm_clock_now_ms() };
  sm_err err = sm_ledger_write_begin(ledger, &im.db);
  if (err != SM_OK) return err;
  err = import_all(&im, items, count, failed);
  /* An error, whichever, takes everything back. */
  sm_err done = sm_ledger_write_end(ledger, err == SM_OK && dry_run ? SM_ERR_CLOSED : err);
  return err == SM_OK && dry_run && done == SM_ERR_CLOSED ? SM_OK : done;
}
