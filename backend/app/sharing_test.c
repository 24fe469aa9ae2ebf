#include "app/sharing.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
  char dir[64];
  char path[96];
} fixture;

static int make_folder(void **state) {
  static fixture f;
  (void)snprintf(f.dir, sizeof f.dir, "/tmp/sm-sharing.XXXXXX");
  if (mkdtemp(f.dir) == NULL) return -1;
  (void)snprintf(f.path, sizeof f.path, "%s/mqtt-connections", f.dir);
  *state = &f;
  return 0;
}

static int remove_folder(void **state) {
  const fixture *f = *state;
  (void)unlink(f->path);
  return rmdir(f->dir);
}

static void assert_file(const fixture *f, const char *wanted) {
  char *text = NULL;
  assert_int_equal(sm_file_read(f->path, 4096, &text, NULL), SM_OK);
  assert_string_equal(text, wanted);
  free(text);
}

static void write_file(const fixture *f, const char *text) {
  assert_int_equal(sm_file_write_private(f->path, text, strlen(text)), SM_OK);
}

static sm_sharing begun(const fixture *f, uint16_t serve, const char *group) {
  sm_sharing s;
  assert_int_equal(sm_sharing_init(&s, f->dir, serve, group), SM_OK);
  return s;
}

static void one_connection_alone_writes_nothing(void **state) {
  const fixture *f = *state;
  sm_sharing s = begun(f, 1, NULL);
  assert_int_equal(s.count, 1);
  assert_int_equal(s.former_count, 0);
  assert_int_equal(sm_sharing_settled(&s), SM_OK);
  assert_false(sm_file_exists(f->path));
  sm_sharing_fini(&s);
}

static void fewer_are_remembered_until_the_last_is_gone(void **state) {
  const fixture *f = *state;
  sm_sharing s = begun(f, 4, "g");
  assert_file(f, "4\ng\n");
  sm_sharing_fini(&s);
  s = begun(f, 1, NULL);
  assert_int_equal(s.count, 4);
  assert_int_equal(s.former_count, 1);
  assert_string_equal(s.former[0], "g");
  assert_int_equal(sm_sharing_settled(&s), SM_OK);
  assert_file(f, "4\ng\n"); /* the others still hold it */
  assert_int_equal(sm_sharing_retired(&s, 3), SM_OK);
  assert_file(f, "4\ng\n");
  assert_int_equal(sm_sharing_retired(&s, 4), SM_OK);
  assert_file(f, "2\ng\n");
  sm_sharing_fini(&s);
  s = begun(f, 1, NULL); /* a restart in between */
  assert_int_equal(s.count, 2);
  assert_int_equal(sm_sharing_retired(&s, 2), SM_OK);
  assert_file(f, "1\ng\n");
  assert_int_equal(sm_sharing_settled(&s), SM_OK);
  assert_file(f, "1\n");
  sm_sharing_fini(&s);
}

static void another_group_is_remembered_beside_the_old_one(void **state) {
  const fixture *f = *state;
  write_file(f, "2\na\n");
  sm_sharing s = begun(f, 3, "b");
  assert_file(f, "3\nb\na\n");
  sm_sharing_fini(&s);
  s = begun(f, 3, "a"); /* back, and b was never given up */
  assert_file(f, "3\na\nb\n");
  assert_int_equal(s.former_count, 1);
  assert_string_equal(s.former[0], "b");
  assert_int_equal(sm_sharing_settled(&s), SM_OK);
  assert_file(f, "3\na\n");
  sm_sharing_fini(&s);
}

static void nine_groups_are_more_than_is_remembered(void **state) {
  const fixture *f = *state;
  write_file(f, "1\na\nb\nc\nd\ne\nf\ng\nh\ni\n");
  sm_sharing s = begun(f, 1, "j");
  assert_int_equal(s.former_count, SM_SHARING_FORMER_MAX);
  assert_file(f, "1\nj\na\nb\nc\nd\ne\nf\ng\nh\n"); /* the oldest is forgotten */
  sm_sharing_fini(&s);
}

static void nonsense_in_the_file_is_replaced(void **state) {
  const fixture *f = *state;
  static const char *const texts[] = {"", "0\n", "65\ng\n", "x\ng\n", "2\n\n\n", "2\na/b\n"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    write_file(f, texts[i]);
    sm_sharing s = begun(f, 2, "g");
    assert_int_equal(s.count, 2);
    assert_file(f, "2\ng\n");
    sm_sharing_fini(&s);
  }
}

int main(void) {
#define WITH_FOLDER(test_) cmocka_unit_test_setup_teardown(test_, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      WITH_FOLDER(one_connection_alone_writes_nothing),
      WITH_FOLDER(fewer_are_remembered_until_the_last_is_gone),
      WITH_FOLDER(another_group_is_remembered_beside_the_old_one),
      WITH_FOLDER(nine_groups_are_more_than_is_remembered),
      WITH_FOLDER(nonsense_in_the_file_is_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
