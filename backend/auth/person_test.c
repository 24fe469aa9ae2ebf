/* A person's data on a real ledger: sealed wherever it stands, sealed again under a new key, given
 * out as a whole, and erased. */
#include "auth/person.h"

#include "auth/auth_test_util.h"
#include "auth/identity.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "store/embedded/embedded.h"
#include "store/ledger_money.h"
#include "store/ledger_sealed.h"

#include <jansson.h>
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
static const sm_date today = {2026, 6, 1};

typedef struct fixture {
  char dir[TEST_DIR_MAX];
  sm_ledger *ledger;
  sm_identity *identity;
  sm_sealer *sealer;
  char *user_id;
  char *account_id;
  char *number;
} fixture;

static char *hex_of(sm_sealer *sealer, const char *field, const char *text) {
  sm_bytes sealed = {0};
  assert_int_equal(sm_seal(sealer, field, text, &sealed), SM_OK);
  char *hex = malloc(2 * sealed.len + 1);
  assert_non_null(hex);
  (void)sm_hex(sealed.data, sealed.len, hex);
  free(sealed.data);
  return hex;
}

static void add_account(fixture *f, bool ended) {
  int32_t version;
  sm_account account = {.user_id = f->user_id,
                        .place = strdup("Flat 1"),
                        .has_from = true,
                        .from = {2025, 1, 1},
                        .has_to = ended,
                        .to = {2026, 2, 1},
                        .tariff = calloc(1, sizeof(sm_account_tariff)),
                        .tariff_count = 1};
  account.tariff[0].name = strdup("T");
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_PERSON, "Anna Account", &account.person_sealed),
                   SM_OK);
  assert_int_equal(
      sm_ledger_tariff_add(f->ledger, cli, "T", (sm_date){2025, 1, 1}, "{}", false, &version),
      SM_OK);
  assert_int_equal(sm_ledger_account_add(f->ledger, cli, &account), SM_OK);
  f->account_id = strdup(account.account_id);
  account.user_id = NULL;
  sm_account_fini(&account);
}

static void add_invoice(fixture *f) {
  char snapshot[2000];
  char *person = hex_of(f->sealer, SM_FIELD_PERSON, "Anna Account");
  char *email = hex_of(f->sealer, SM_FIELD_EMAIL, "anna@example.org");
  (void)snprintf(snapshot, sizeof snapshot,
                 "{\"payer\":{\"place\":\"Flat 1\",\"person_sealed\":\"%s\",\"name_sealed\":null,"
                 "\"email_sealed\":\"%s\"},\"n\":1.50}",
                 person, email);
  sm_invoice invoice = {.account_id = strdup(f->account_id),
                        .kind = strdup("invoice"),
                        .month = strdup("2026-01"),
                        .revision = 1,
                        .total_minor = 1000,
                        .tax_minor = 0,
                        .currency = strdup("INR"),
                        .issued_ms = 1769900000000,
                        .due_ms = 1770900000000,
                        .body = strdup("{\"total\":\"10.00\"}"),
                        .snapshot = strdup(snapshot)};
  assert_int_equal(sm_ledger_invoice_issue(f->ledger, cli, "SM", "2526", &invoice), SM_OK);
  f->number = strdup(invoice.number);
  sm_invoice_fini(&invoice);
  free(person);
  free(email);
}

static void add_texts(const fixture *f) {
  int64_t no;
  bool added;
  const sm_entry_new payment = {.account_id = f->account_id,
                                .kind = "payment",
                                .amount_minor = -400,
                                .currency = "INR",
                                .at_ms = 1769900000000,
                                .method = "upi",
                                .reference = "R1",
                                .reason = "paid by cousin Kavita"};
  assert_int_equal(sm_ledger_entry_add(f->ledger, cli, &payment, &added, &no), SM_OK);
  assert_int_equal(sm_ledger_dispute_open(f->ledger, cli, f->number, "my wife Usha was away", "{}",
                                          1769990000000, &no),
                   SM_OK);
  assert_int_equal(sm_ledger_dispute_resolve(f->ledger, cli, no, "told to Usha", 1769990000001),
                   SM_OK);
}

static fixture *make(bool ended) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)test_dir_make(f->dir);
  const sm_embedded_options options = {.data_dir = f->dir, .zone = "UTC", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->ledger), SM_OK);
  const sm_identity_options identity = {
      .ledger = f->ledger, .data_dir = f->dir, .password = test_cheap};
  assert_int_equal(sm_identity_new(&identity, &f->identity), SM_OK);
  f->sealer = sm_identity_sealer(f->identity);
  sm_ledger_set_texts(f->ledger, sm_sealer_texts(f->sealer));
  const sm_user_new user = {.email = "anna@example.org",
                            .name = "Anna Person",
                            .password = "nine lives, one meter",
                            .password_len = 21};
  sm_problems problems = {.count = 0};
  assert_int_equal(sm_identity_user_add(f->identity, cli, &user, &problems, &f->user_id), SM_OK);
  add_account(f, ended);
  add_invoice(f);
  add_texts(f);
  return f;
}

static int setup(void **state) {
  *state = make(true);
  return 0;
}

static int setup_running(void **state) {
  *state = make(false);
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  sm_ledger_close(f->ledger);
  sm_identity_free(f->identity);
  test_dir_remove(f->dir);
  free(f->user_id);
  free(f->account_id);
  free(f->number);
  free(f);
  return 0;
}

static bool holds(const char *data, size_t len, const char *text) {
  size_t text_len = strlen(text);
  for (size_t i = 0; i + text_len <= len; i++)
    if (memcmp(data + i, text, text_len) == 0) return true;
  return false;
}

/* Whether a text stands anywhere in the ledger's files. */
static bool in_the_clear(const fixture *f, const char *text) {
  char path[TEST_DIR_MAX + 20];
  char *dump = NULL;
  size_t len = 0;
  bool found = false;
  (void)snprintf(path, sizeof path, "%s/ledger.db-wal", f->dir);
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(path, "rb");
    path[strlen(path) - 4] = '\0'; /* then the file itself */
    if (file == NULL) continue;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    len = (size_t)ftell(file);
    rewind(file);
    dump = malloc(len + 1);
    assert_non_null(dump);
    assert_int_equal(fread(dump, 1, len, file), len);
    found = found || holds(dump, len, text);
    free(dump);
    (void)fclose(file);
  }
  return found;
}

static const char *const personal[] = {"Anna Account", "Anna Person", "anna@example.org", "Kavita",
                                       "Usha"};
enum { PERSONAL = sizeof personal / sizeof personal[0] };

static void nothing_personal_is_stored_in_the_clear(void **state) {
  const fixture *f = *state;
  for (size_t i = 0; i < PERSONAL; i++)
    if (in_the_clear(f, personal[i])) fail_msg("%s", personal[i]);
  assert_true(in_the_clear(f, "Flat 1")); /* the search finds what is there */
}

static json_t *export(const fixture *f) {
  sm_buf out;
  sm_buf_init(&out, 0);
  assert_int_equal(sm_person_export(f->ledger, f->sealer, f->user_id, 0, &out), SM_OK);
  json_t *root = json_loadb(out.data, out.len, 0, NULL);
  assert_non_null(root);
  sm_buf_fini(&out);
  return root;
}

static bool export_has(const fixture *f, const char *text) {
  sm_buf out;
  sm_buf_init(&out, 0);
  assert_int_equal(sm_person_export(f->ledger, f->sealer, f->user_id, 0, &out), SM_OK);
  bool has = strstr(sm_buf_text(&out), text) != NULL;
  sm_buf_fini(&out);
  return has;
}

static void an_export_has_all_of_it(void **state) {
  const fixture *f = *state;
  for (size_t i = 0; i < PERSONAL; i++)
    if (!export_has(f, personal[i])) fail_msg("%s", personal[i]);
  json_t *root = export(f);
  json_t *account = json_array_get(json_object_get(root, "accounts"), 0);
  json_t *invoice = json_array_get(json_object_get(root, "invoices"), 0);
  assert_string_equal(json_string_value(json_object_get(account, "person")), "Anna Account");
  assert_int_equal(json_array_size(json_object_get(account, "entries")), 2);
  assert_string_equal(json_string_value(json_object_get(invoice, "number")), f->number);
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(invoice, "payer"), "person")),
      "Anna Account");
  assert_int_equal(json_array_size(json_object_get(root, "audit_of")), 1);
  json_decref(root);
  sm_buf out;
  sm_buf_init(&out, 0);
  assert_int_equal(sm_person_export(f->ledger, f->sealer, "u_nobody", 0, &out), SM_ERR_NOT_FOUND);
  sm_buf_fini(&out);
}

static void erasing_takes_all_but_the_invoice(void **state) {
  fixture *f = *state;
  size_t accounts = 0;
  assert_int_equal(sm_person_erase(f->ledger, f->sealer, cli, f->user_id, today, &accounts), SM_OK);
  assert_int_equal(accounts, 1);
  assert_false(export_has(f, "Anna Person"));
  assert_false(export_has(f, "Kavita"));
  assert_false(export_has(f, "Usha"));
  json_t *root = export(f);
  json_t *user = json_object_get(root, "user");
  assert_string_equal(json_string_value(json_object_get(user, "email")), SM_PERSON_ERASED);
  assert_true(json_is_null(json_object_get(user, "name")));
  assert_true(json_is_false(json_object_get(user, "has_password")));
  assert_int_equal(json_array_size(json_object_get(root, "sessions")), 0);
  assert_true(json_is_object(json_object_get(root, "notifications")));
  json_t *account = json_array_get(json_object_get(root, "accounts"), 0);
  assert_true(json_is_null(json_object_get(account, "person")));
  json_t *invoice = json_array_get(json_object_get(root, "invoices"), 0);
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(invoice, "payer"), "person")),
      "Anna Account");
  json_t *of = json_object_get(root, "audit_of");
  json_t *last = json_array_get(of, json_array_size(of) - 1);
  assert_string_equal(json_string_value(json_object_get(last, "action")), "user.erase");
  json_decref(root);
  /* Again is fine, and changes nothing. */
  assert_int_equal(sm_person_erase(f->ledger, f->sealer, cli, f->user_id, today, &accounts),
                   SM_ERR_EXISTS);
  /* The address is free for somebody else. */
  char *other = NULL;
  assert_int_equal(sm_identity_ensure_person(f->identity, cli, "anna@example.org", &other), SM_OK);
  assert_string_not_equal(other, f->user_id);
  free(other);
  int64_t checked;
  int64_t bad;
  uint8_t head[32];
  assert_int_equal(sm_ledger_audit_verify(f->ledger, &checked, &bad, head), SM_OK);
  assert_int_equal(bad, 0);
}

static void who_lives_here_is_not_erased(void **state) {
  fixture *f = *state;
  size_t accounts = 0;
  assert_int_equal(sm_person_erase(f->ledger, f->sealer, cli, f->user_id, today, &accounts),
                   SM_ERR_CONFLICT);
  assert_int_equal(sm_person_erase(f->ledger, f->sealer, cli, "u_nobody", today, &accounts),
                   SM_ERR_NOT_FOUND);
  assert_true(export_has(f, "Anna Person"));
}

static uint64_t walk_all(const fixture *f) {
  sm_reseal walk = {0};
  while (!walk.done) assert_int_equal(sm_ledger_reseal(f->ledger, &walk), SM_OK);
  return walk.changed;
}

static void everything_is_sealed_again(void **state) {
  fixture *f = *state;
  uint8_t before[32];
  uint8_t after[32];
  size_t count;
  int64_t made_ms;
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", before), SM_OK);
  assert_int_equal(walk_all(f), 0);
  assert_int_equal(sm_sealer_rotate(f->sealer), SM_OK);
  /* user 2, account 1, invoice 2, note 1, dispute 2 */
  assert_int_equal(walk_all(f), 8);
  assert_int_equal(walk_all(f), 0);
  assert_int_equal(sm_sealer_drop_old(f->sealer), SM_OK);
  sm_sealer_keys(f->sealer, &count, &made_ms);
  assert_int_equal(count, 1);
  for (size_t i = 0; i < PERSONAL; i++)
    if (!export_has(f, personal[i])) fail_msg("%s", personal[i]);
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", after), SM_OK);
  assert_memory_equal(before, after, 32);
  /* A broken off walk begins anew, and passes over what it has done. */
  assert_int_equal(sm_sealer_rotate(f->sealer), SM_OK);
  sm_reseal walk = {0};
  assert_int_equal(sm_ledger_reseal(f->ledger, &walk), SM_OK);
  assert_int_equal(walk.changed, 1);
  assert_int_equal(walk_all(f), 7);
}

/* Two processes: what one seals by a key that the other has not seen opens there at once. */
static void a_new_key_is_noticed_elsewhere(void **state) {
  const fixture *f = *state;
  sm_sealer *other = NULL;
  sm_bytes sealed = {0};
  sm_bytes fresh = {0};
  char *text = NULL;
  assert_int_equal(sm_sealer_new(f->dir, &other), SM_OK);
  assert_int_equal(sm_sealer_rotate(f->sealer), SM_OK);
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &sealed), SM_OK);
  assert_int_equal(sm_unseal(other, SM_FIELD_NAME, &sealed, &text), SM_OK);
  assert_string_equal(text, "Anna");
  assert_int_equal(sm_seal_again(other, SM_FIELD_NAME, &sealed, &fresh), SM_OK);
  assert_null(fresh.data); /* it seals by the new one itself now */
  free(text);
  free(sealed.data);
  sm_sealer_free(other);
}

static void what_is_issued_stays_as_it_was(void **state) {
  const fixture *f = *state;
  static const char *const bad[] = {
      "UPDATE invoice SET total_minor = 1",
      "UPDATE invoice SET body = '{}'",
      "UPDATE invoice SET snapshot = '{}'",
      "UPDATE invoice SET snapshot = json_set(snapshot, '$.n', 2)",
      "UPDATE invoice SET snapshot = json_remove(snapshot, '$.payer.person_sealed')",
      "UPDATE entry SET amount_minor = 1",
      "UPDATE entry SET note = '{\"reason\":\"another\"}'",
      "UPDATE entry SET note = '{\"other\":1}'",
      "UPDATE entry SET reference = 'R2'",
      "UPDATE dispute SET text = 'another'",
      "UPDATE dispute SET resolution = 'another'",
      "UPDATE dispute SET resolved_ms = NULL, resolved_by = NULL, resolution = NULL"};
  char path[TEST_DIR_MAX + 20];
  sqlite3 *db = NULL;
  (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (sqlite3_exec(db, bad[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT) fail_msg("%s", bad[i]);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(nothing_personal_is_stored_in_the_clear),
      T(an_export_has_all_of_it),
      T(erasing_takes_all_but_the_invoice),
      cmocka_unit_test_setup_teardown(who_lives_here_is_not_erased, setup_running, teardown),
      T(everything_is_sealed_again),
      T(a_new_key_is_noticed_elsewhere),
      T(what_is_issued_stays_as_it_was)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
