/* Files in the ledger, on every engine: put in once, read whole, found damaged. */
#include "store/ledger_files.h"

#include "base/crypto.h"
#include "store/ledger/ledger_test_util.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the ones above, which it wants */
#include <cmocka.h>

static const int64_t t0 = 1769679900000;

/* No two parts of it are the same. */
static uint8_t *make_bytes(size_t len, uint32_t seed) {
  uint8_t *bytes = malloc(len + 1);
  assert_non_null(bytes);
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1664525U + 1013904223U;
    bytes[i] = (uint8_t)(seed >> 24);
  }
  return bytes;
}

static void put(sm_ledger *ledger, sm_file_kind kind, const void *bytes, size_t len,
                char name[SM_FILE_NAME_MAX], bool wanted) {
  bool added = !wanted;
  assert_int_equal(sm_ledger_file_put(ledger, kind, bytes, len, t0, name, &added), SM_OK);
  assert_int_equal(added, wanted);
}

static void is_there(sm_ledger *ledger, sm_file_kind kind, const char *name, const void *bytes,
                     size_t len) {
  uint8_t *got = NULL;
  size_t got_len = 0;
  assert_int_equal(sm_ledger_file_get(ledger, kind, name, &got, &got_len), SM_OK);
  assert_int_equal(got_len, len);
  assert_memory_equal(got, bytes, len);
  free(got);
}

static void what_is_put_in_is_read_back(void **state) {
  ledger_fixture *f = *state;
  static const size_t sizes[] = {1, SM_FILE_PART_BYTES - 1, SM_FILE_PART_BYTES,
                                 SM_FILE_PART_BYTES + 1, SM_FILE_BYTES_MAX};
  char name[5][SM_FILE_NAME_MAX];
  uint8_t *bytes[5];
  for (size_t i = 0; i < 5; i++) {
    uint8_t digest[SM_SHA256_BYTES];
    char hex[SM_SHA256_HEX_MAX];
    bytes[i] = make_bytes(sizes[i], (uint32_t)i);
    put(f->ledger, SM_FILE_FIRMWARE, bytes[i], sizes[i], name[i], true);
    sm_sha256(bytes[i], sizes[i], digest);
    assert_string_equal(name[i], sm_hex(digest, sizeof digest, hex));
    assert_true(sm_file_name_valid(name[i]));
  }
  ledger_reopen(f);
  for (size_t i = 0; i < 5; i++) {
    is_there(f->ledger, SM_FILE_FIRMWARE, name[i], bytes[i], sizes[i]);
    free(bytes[i]);
  }
}

static void the_same_is_there_once(void **state) {
  ledger_fixture *f = *state;
  char name[SM_FILE_NAME_MAX];
  char again[SM_FILE_NAME_MAX];
  bool known = true;
  put(f->ledger, SM_FILE_LOGO, "picture", 7, name, true);
  put(f->ledger, SM_FILE_LOGO, "picture", 7, again, false);
  assert_string_equal(name, again);
  assert_int_equal(raw_i64(f->dir, "SELECT count(*) FROM file"), 1);
  /* Each kind is a shelf of its own. */
  assert_int_equal(sm_ledger_file_known(f->ledger, SM_FILE_FIRMWARE, name, &known), SM_OK);
  assert_false(known);
  put(f->ledger, SM_FILE_FIRMWARE, "picture", 7, again, true);
  assert_string_equal(name, again);
  assert_int_equal(sm_ledger_file_known(f->ledger, SM_FILE_FIRMWARE, name, &known), SM_OK);
  assert_true(known);
  is_there(f->ledger, SM_FILE_LOGO, name, "picture", 7);
}

static void what_is_no_file_is_refused(void **state) {
  ledger_fixture *f = *state;
  char name[SM_FILE_NAME_MAX] = "untouched";
  bool added = true;
  uint8_t *got = NULL;
  size_t len = 0;
  uint8_t *large = make_bytes(SM_FILE_BYTES_MAX + 1, 1);
  assert_int_equal(sm_ledger_file_put(f->ledger, SM_FILE_LOGO, "", 0, t0, name, &added),
                   SM_ERR_INVALID);
  assert_int_equal(
      sm_ledger_file_put(f->ledger, SM_FILE_LOGO, large, SM_FILE_BYTES_MAX + 1, t0, name, &added),
      SM_ERR_RANGE);
  assert_string_equal(name, "untouched");
  assert_true(added);
  free(large);
  assert_int_equal(sm_ledger_file_get(f->ledger, SM_FILE_LOGO, "../../etc/passwd", &got, &len),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_ledger_file_get(f->ledger, SM_FILE_LOGO, "", &got, &len), SM_ERR_NOT_FOUND);
  assert_null(got);
  assert_false(sm_file_name_valid(""));
  assert_false(
      sm_file_name_valid("9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"));
  assert_false(
      sm_file_name_valid("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.png"));
}

static void nothing_of_it_changes(void **state) {
  ledger_fixture *f = *state;
  char name[SM_FILE_NAME_MAX];
  put(f->ledger, SM_FILE_LOGO, "picture", 7, name, true);
  static const char *const changes[] = {
      "UPDATE file SET size = 8", "DELETE FROM file", "UPDATE file_part SET part_no = 1",
      "DELETE FROM file_part",
      "INSERT INTO file_part (file_no, part_no, bytes) VALUES (1, 0, 'x')"};
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
    assert_int_not_equal(raw_run(f->dir, changes[i]), SQLITE_OK);
  is_there(f->ledger, SM_FILE_LOGO, name, "picture", 7);
}

typedef struct found {
  int count;
  char subject[SM_FILE_NAME_MAX];
} found;

static void on_finding(void *context, const sm_ledger_finding *finding) {
  found *f = context;
  assert_string_equal(finding->kind, "file");
  (void)snprintf(f->subject, sizeof f->subject, "%s", finding->subject);
  f->count++;
}

static int findings(const ledger_fixture *f, found *seen) {
  sm_ledger_check_result result;
  *seen = (found){.count = 0};
  assert_int_equal(sm_ledger_check(f->ledger, on_finding, NULL, seen, &result), SM_OK);
  return seen->count;
}

/* What triggers do not keep away: a file changed by hand, or by its disk. */
static void other_bytes_are_found_out(void **state) {
  ledger_fixture *f = *state;
  static const char *const damage[] = {
      "DROP TRIGGER file_part_keep; DROP TRIGGER file_part_stay; DROP TRIGGER file_keep;"
      "UPDATE file_part SET bytes = CAST('pictUre' AS BLOB)",
      "UPDATE file_part SET bytes = CAST('picture' AS BLOB)",
      "INSERT INTO file_part SELECT file_no, 1, bytes FROM file_part",
      "DELETE FROM file_part WHERE part_no = 1; UPDATE file_part SET part_no = 5",
      "UPDATE file_part SET part_no = 0; UPDATE file SET size = 6",
      "UPDATE file SET size = 70000000",
      "UPDATE file SET size = 7",
      "DELETE FROM file_part"};
  char name[SM_FILE_NAME_MAX];
  found seen;
  only_embedded();
  put(f->ledger, SM_FILE_LOGO, "picture", 7, name, true);
  assert_int_equal(findings(f, &seen), 0);
  for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
    bool whole = i == 1 || i == 6;
    uint8_t *got = NULL;
    size_t len = 0;
    assert_int_equal(raw_run(f->dir, damage[i]), SQLITE_OK);
    sm_err err = sm_ledger_file_get(f->ledger, SM_FILE_LOGO, name, &got, &len);
    free(got);
    if (err != (whole ? SM_OK : SM_ERR_CORRUPT)) fail_msg("after: %s", damage[i]);
    assert_int_equal(findings(f, &seen), whole ? 0 : 1);
    if (!whole) assert_string_equal(seen.subject, name);
  }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, ledger_set_up, ledger_tear_down)
  const struct CMUnitTest tests[] = {
      CASE(what_is_put_in_is_read_back), CASE(the_same_is_there_once),
      CASE(what_is_no_file_is_refused),  CASE(nothing_of_it_changes),
      CASE(other_bytes_are_found_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
