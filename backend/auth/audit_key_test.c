/* The key on a real ledger: what is signed, and what is found out when somebody who can write the
 * database, but has not the key, changes it. */
#include "auth/audit_key.h"

#include "auth/auth_test_util.h"
#include "auth/keyfile.h"
#include "base/crypto.h"
#include "base/file.h"
#include "store/embedded/embedded.h"
#include "store/ledger_audit.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const sm_actor cli = {"cli"};

typedef struct fixture {
  char dir[TEST_DIR_MAX];
  sm_ledger *ledger;
  sm_audit_key *key;
} fixture;

static void open_all(fixture *f) {
  const sm_embedded_options options = {.data_dir = f->dir, .zone = "UTC", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  assert_int_equal(sm_audit_key_open(f->dir, true, &f->key), SM_OK);
  sm_ledger_set_signer(f->ledger, sm_audit_key_signer(f->key));
}

static void close_all(fixture *f) {
  sm_ledger_close(f->ledger);
  sm_audit_key_free(f->key);
  f->ledger = NULL;
  f->key = NULL;
}

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  if (f == NULL) return -1;
  (void)test_dir_make(f->dir);
  open_all(f);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  close_all(f);
  test_dir_remove(f->dir);
  free(f);
  return 0;
}

static void add(const fixture *f, int count) {
  for (int i = 0; i < count; i++)
    assert_int_equal(sm_ledger_audit(f->ledger, cli, "login.failed", "u_1", "{}"), SM_OK);
}

/* What somebody does to the file with the tools of the trade. */
static void tamper(const fixture *f, const char *sql) {
  char path[TEST_DIR_MAX + 20];
  sqlite3 *db = NULL;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "DROP TRIGGER IF EXISTS audit_keep; "
                                "DROP TRIGGER IF EXISTS audit_stay; "
                                "DROP TRIGGER IF EXISTS audit_chain; "
                                "DROP TRIGGER IF EXISTS audit_head_keep; "
                                "DROP TRIGGER IF EXISTS audit_head_stay; "
                                "DROP TRIGGER IF EXISTS audit_head_end",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_verdict(const fixture *f, sm_audit_verdict verdict, int64_t at_no) {
  sm_audit_report r;
  assert_int_equal(sm_ledger_audit_check(f->ledger, true, &r), SM_OK);
  assert_string_equal(sm_audit_verdict_text(r.verdict), sm_audit_verdict_text(verdict));
  assert_int_equal(r.at_no, at_no);
}

static void each_write_is_signed(void **state) {
  fixture *f = *state;
  sm_audit_head head;
  sm_audit_report r;
  assert_int_equal(sm_ledger_audit_head(f->ledger, &head), SM_ERR_NOT_FOUND);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
  add(f, 3);
  assert_int_equal(sm_ledger_audit_head(f->ledger, &head), SM_OK);
  assert_int_equal(head.count, 3);
  assert_int_equal(sm_audit_key_signer(f->key)->check(f->key, &head), SM_OK);
  head.count++;
  assert_int_equal(sm_audit_key_signer(f->key)->check(f->key, &head), SM_ERR_DENIED);
  assert_int_equal(sm_ledger_audit_check(f->ledger, true, &r), SM_OK);
  assert_int_equal(r.verdict, SM_AUDIT_WHOLE);
  assert_int_equal(r.heads, 3);
  assert_memory_equal(r.hash, r.head.hash, 32);
  /* A write that adds no entry signs nothing. */
  assert_int_equal(sm_ledger_session_end(f->ledger, r.hash), SM_OK);
  assert_int_equal(sm_ledger_audit_head(f->ledger, &head), SM_OK);
  assert_int_equal(head.count, 3);
}

static void the_key_is_the_same_at_the_next_start(void **state) {
  fixture *f = *state;
  add(f, 1);
  close_all(f);
  open_all(f);
  add(f, 1);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
  assert_int_equal(sm_keyfile_rotate(f->dir, "audit", "audit-sign", SM_KEYS_MAX, 0), SM_OK);
  close_all(f);
  open_all(f);
  add(f, 1);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
}

static void without_the_key_nothing_is_added(void **state) {
  fixture *f = *state;
  add(f, 1);
  sm_ledger_set_signer(f->ledger, NULL);
  assert_int_equal(sm_ledger_audit(f->ledger, cli, "a", "b", "{}"), SM_ERR_NO_KEY);
  sm_ledger_set_signer(f->ledger, sm_audit_key_signer(f->key));
  add(f, 1);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
}

static void an_older_log_is_signed_as_it_is(void **state) {
  fixture *f = *state;
  sm_ledger_set_signer(f->ledger, NULL);
  add(f, 4);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
  sm_ledger_set_signer(f->ledger, sm_audit_key_signer(f->key));
  add(f, 1);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
}

static void an_edit_is_found(void **state) {
  fixture *f = *state;
  add(f, 6);
  tamper(f, "UPDATE audit SET actor = 'nobody' WHERE audit_no = 3");
  assert_verdict(f, SM_AUDIT_CHANGED, 3);
}

static void a_removal_is_found(void **state) {
  fixture *f = *state;
  add(f, 6);
  tamper(f, "PRAGMA foreign_keys = OFF; DELETE FROM audit WHERE audit_no = 3");
  assert_verdict(f, SM_AUDIT_CHANGED, 4);
}

static void another_order_is_found(void **state) {
  fixture *f = *state;
  add(f, 6);
  tamper(f, "PRAGMA foreign_keys = OFF; UPDATE audit SET audit_no = 99 WHERE audit_no = 3; "
            "UPDATE audit SET audit_no = 3 WHERE audit_no = 4; "
            "UPDATE audit SET audit_no = 4 WHERE audit_no = 99");
  assert_verdict(f, SM_AUDIT_CHANGED, 3);
}

static void an_end_cut_off_is_found(void **state) {
  fixture *f = *state;
  add(f, 6);
  tamper(f, "PRAGMA foreign_keys = OFF; DELETE FROM audit WHERE audit_no > 4");
  assert_verdict(f, SM_AUDIT_HEAD_DIFFERS, 5);
  /* With its heads too: the copy beside knows. */
  tamper(f, "DELETE FROM audit_head WHERE audit_no > 4");
  assert_verdict(f, SM_AUDIT_CUT, 6);
  /* What is added since does not take the copy's place, as that is the proof. */
  add(f, 1);
  assert_verdict(f, SM_AUDIT_CUT, 6);
  add(f, 1);
  assert_verdict(f, SM_AUDIT_OTHER, 6);
}

static void a_log_written_anew_is_found(void **state) {
  fixture *f = *state;
  add(f, 4);
  uint8_t zeros[32] = {0};
  uint8_t hash[32];
  assert_int_equal(sm_ledger_audit_hash(f->ledger, 4, hash), SM_OK);
  assert_memory_not_equal(hash, zeros, 32);
  /* All entries again, right in themselves, by one who has no key. */
  tamper(f, "PRAGMA foreign_keys = OFF; CREATE TEMP TABLE heads AS SELECT * FROM audit_head; "
            "DELETE FROM audit_head; DELETE FROM audit");
  sm_ledger_set_signer(f->ledger, NULL);
  for (int i = 0; i < 4; i++)
    assert_int_equal(sm_ledger_audit(f->ledger, cli, "login.failed", "u_2", "{}"), SM_OK);
  sm_ledger_set_signer(f->ledger, sm_audit_key_signer(f->key));
  assert_verdict(f, SM_AUDIT_OTHER, 4);
}

static void a_forged_head_is_found(void **state) {
  fixture *f = *state;
  add(f, 4);
  tamper(f, "UPDATE audit_head SET signature = zeroblob(64) WHERE audit_no = 2");
  assert_verdict(f, SM_AUDIT_FORGED, 2);
  tamper(f, "UPDATE audit_head SET kid = 'kother' WHERE audit_no = 2");
  assert_verdict(f, SM_AUDIT_FORGED, 2);
}

static void an_unsigned_end_is_found(void **state) {
  fixture *f = *state;
  add(f, 4);
  tamper(f, "DELETE FROM audit_head WHERE audit_no = 4");
  assert_verdict(f, SM_AUDIT_UNSIGNED, 4);
}

static void a_copy_that_is_gone_is_told(void **state) {
  fixture *f = *state;
  char path[TEST_DIR_MAX + 20];
  add(f, 2);
  (void)snprintf(path, sizeof path, "%s/%s", f->dir, SM_AUDIT_HEAD_FILE);
  assert_int_equal(unlink(path), 0);
  assert_verdict(f, SM_AUDIT_NOTHING_BESIDE, 2);
  assert_int_equal(sm_file_write_private(path, "x", 1), SM_OK);
  assert_verdict(f, SM_AUDIT_NOTHING_BESIDE, 2);
  add(f, 1);
  assert_verdict(f, SM_AUDIT_WHOLE, 0);
}

static void a_key_that_is_not_there(void **state) {
  fixture *f = *state;
  char path[TEST_DIR_MAX + 20];
  sm_audit_key *key = NULL;
  (void)snprintf(path, sizeof path, "%s/keys/audit.json", f->dir);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(sm_audit_key_open(f->dir, false, &key), SM_ERR_NOT_FOUND);
  assert_null(key);
}

static size_t listed(const fixture *f, sm_audit_query query) {
  sm_audit_entry *entries = NULL;
  size_t count = 0;
  if (query.to_ms == 0) query.to_ms = INT64_MAX;
  query.limit = 100;
  assert_int_equal(sm_ledger_audit_list(f->ledger, &query, &entries, &count), SM_OK);
  sm_audit_entries_free(entries, count);
  return count;
}

static void the_list_is_filtered(void **state) {
  fixture *f = *state;
  assert_int_equal(sm_ledger_audit(f->ledger, cli, "user.add", "u_1", "{}"), SM_OK);
  assert_int_equal(sm_ledger_audit(f->ledger, cli, "user.disable", "u_1", "{}"), SM_OK);
  assert_int_equal(sm_ledger_audit(f->ledger, (sm_actor){"u_9"}, "user.disable", "u_2", "{}"),
                   SM_OK);
  assert_int_equal(listed(f, (sm_audit_query){0}), 3);
  assert_int_equal(listed(f, (sm_audit_query){.action = "user.disable"}), 2);
  assert_int_equal(listed(f, (sm_audit_query){.action = "user."}), 3);
  assert_int_equal(listed(f, (sm_audit_query){.action = "user"}), 0);
  assert_int_equal(listed(f, (sm_audit_query){.action = "%."}), 0);
  assert_int_equal(listed(f, (sm_audit_query){.subject = "u_1"}), 2);
  assert_int_equal(listed(f, (sm_audit_query){.subject = "u_1", .action = "user.add"}), 1);
  assert_int_equal(listed(f, (sm_audit_query){.actor = "u_9"}), 1);
  assert_int_equal(listed(f, (sm_audit_query){.after_no = 2}), 1);
  assert_int_equal(listed(f, (sm_audit_query){.newest_first = true}), 3);
  assert_int_equal(listed(f, (sm_audit_query){.newest_first = true, .after_no = 2}), 1);
  assert_int_equal(listed(f, (sm_audit_query){.newest_first = true, .subject = "u_1"}), 2);
  assert_int_equal(listed(f, (sm_audit_query){.from_ms = INT64_MAX - 1}), 0);
}

static void a_changed_setting_is_noted(void **state) {
  fixture *f = *state;
  sm_audit_entry *entries = NULL;
  size_t count = 0;
  const sm_audit_query query = {.action = "settings.change", .to_ms = INT64_MAX, .limit = 10};
  static const char *const started[] = {"{\"A\":\"1\",\"B\":\"2\"}", "{\"A\":\"1\",\"B\":\"2\"}",
                                        "{\"A\":\"3\",\"C\":\"4\"}"};
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(sm_ledger_settings_note(f->ledger, cli, started[i]), SM_OK);
  assert_int_equal(sm_ledger_audit_list(f->ledger, &query, &entries, &count), SM_OK);
  assert_int_equal(count, 2);
  assert_string_equal(entries[0].detail, "{\"before\":{},\"after\":{\"A\":\"1\",\"B\":\"2\"}}");
  assert_string_equal(entries[1].detail,
                      "{\"before\":{\"A\":\"1\",\"B\":\"2\"},\"after\":{\"A\":\"3\",\"C\":\"4\"}}");
  sm_audit_entries_free(entries, count);
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {T(each_write_is_signed),
                                     T(the_key_is_the_same_at_the_next_start),
                                     T(without_the_key_nothing_is_added),
                                     T(an_older_log_is_signed_as_it_is),
                                     T(an_edit_is_found),
                                     T(a_removal_is_found),
                                     T(another_order_is_found),
                                     T(an_end_cut_off_is_found),
                                     T(a_log_written_anew_is_found),
                                     T(a_forged_head_is_found),
                                     T(an_unsigned_end_is_found),
                                     T(a_copy_that_is_gone_is_told),
                                     T(a_key_that_is_not_there),
                                     T(the_list_is_filtered),
                                     T(a_changed_setting_is_noted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
