/* Changes as bytes: what SQLite makes is taken, and nothing that is cut or damaged. */
#include "store/sqlite/sql_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* user (a number, a text, bytes, a number): one row more, one changed, one gone. */
static const uint8_t head[] = {'T', 4, 1, 0, 0, 0, 'u', 's', 'e', 'r', 0};
static const uint8_t inserted[] = {18, 0, 1, 0,   0,   0,   0, 0, 0, 0,
                                   3,  3, 3, 'a', 'b', 'c', 4, 1, 7, 5};
static const uint8_t updated[] = {23, 0, 1,   0, 0, 0, 0, 0, 0,   0, 1,
                                  3,  1, 'a', 0, 0, 0, 3, 1, 'b', 0, 0};
static const uint8_t deleted[] = {9, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 5, 5};

static size_t put_all(uint8_t *out) {
  size_t len = 0;
  memcpy(out, head, sizeof head);
  len += sizeof head;
  memcpy(out + len, inserted, sizeof inserted);
  len += sizeof inserted;
  memcpy(out + len, updated, sizeof updated);
  len += sizeof updated;
  memcpy(out + len, deleted, sizeof deleted);
  return len + sizeof deleted;
}

static sm_err count(void *context, const char *table, sm_change_kind kind, const sm_cell *before,
                    const sm_cell *after) {
  size_t *seen = context;
  assert_string_equal(table, "user");
  if (kind == SM_CHANGE_INSERT) assert_int_equal(after[0].i64, 3);
  if (kind == SM_CHANGE_UPDATE) assert_int_equal(before[0].i64, 1);
  if (kind == SM_CHANGE_DELETE) assert_int_equal(before[0].i64, 2);
  ++*seen;
  return SM_OK;
}

static void what_sqlite_reads_is_whole(void **state) {
  (void)state;
  uint8_t changes[200];
  size_t seen = 0;
  size_t len = put_all(changes);
  assert_true(sm_changes_whole(changes, len));
  assert_int_equal(sm_changes_each(changes, len, count, &seen), SM_OK);
  assert_int_equal(seen, 3);
  assert_true(sm_changes_whole(changes, 0));
}

static void what_is_cut_is_not(void **state) {
  (void)state;
  uint8_t changes[200];
  size_t len = put_all(changes);
  size_t second = sizeof head + sizeof inserted;
  for (size_t cut = 1; cut < len; cut++) {
    bool between = cut == sizeof head || cut == second || cut == second + sizeof updated;
    assert_int_equal(sm_changes_whole(changes, cut), between);
  }
}

static void what_is_damaged_is_not(void **state) {
  (void)state;
  uint8_t changes[200];
  size_t seen = 0;
  static const struct {
    size_t at;
    uint8_t byte;
  } damage[] = {
      {0, 'P'},                 /* a patchset */
      {1, 0},                   /* no columns */
      {1, 65},                  /* too many */
      {2, 0},                   /* no key */
      {6, 0},                   /* no name */
      {sizeof head, 24},        /* no operation */
      {sizeof head + 2, 5},     /* a key that is NULL */
      {sizeof head + 12, 0xff}, /* a length without an end: SQLite 3.40 walks such for ever */
      {sizeof head + 11, 6},    /* no type */
  };
  for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
    size_t len = put_all(changes);
    changes[damage[i].at] = damage[i].byte;
    assert_false(sm_changes_whole(changes, len));
    assert_int_equal(sm_changes_each(changes, len, count, &seen), SM_ERR_CORRUPT);
    assert_int_equal(seen, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_sqlite_reads_is_whole),
      cmocka_unit_test(what_is_cut_is_not),
      cmocka_unit_test(what_is_damaged_is_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
