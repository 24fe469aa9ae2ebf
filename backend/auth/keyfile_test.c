#include "auth/keyfile.h"

#include "auth/auth_test_util.h"
#include "base/crypto.h"
#include "base/file.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const uses[] = {"sign", "other", NULL};

typedef struct place {
  char dir[TEST_DIR_MAX];
  char path[TEST_DIR_MAX + 32];
} place;

static int setup(void **state) {
  static place p;
  (void)test_dir_make(p.dir);
  (void)snprintf(p.path, sizeof p.path, "%s/keys/k.json", p.dir);
  *state = &p;
  return 0;
}

static int teardown(void **state) {
  test_dir_remove(((place *)*state)->dir);
  return 0;
}

static void the_first_start_makes_private_keys_and_the_second_reads_the_same(void **state) {
  const place *p = *state;
  sm_keyfile first = {0};
  sm_keyfile second = {0};
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &first), SM_OK);
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 2000, &second), SM_OK);
  assert_int_equal(first.count, 2);
  assert_int_equal(second.count, 2);
  assert_memory_equal(first.key, second.key, 2 * sizeof *first.key);
  assert_memory_not_equal(first.key[0].bytes, first.key[1].bytes, SM_KEY_BYTES);
  struct stat st;
  assert_int_equal(stat(p->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  sm_keyfile_fini(&first);
  sm_keyfile_fini(&second);
}

static void *open_one(void *context) {
  sm_keyfile *file = calloc(1, sizeof *file);
  const place *p = context;
  if (file != NULL && sm_keyfile_open(p->dir, "k", uses, 1000, file) != SM_OK) {
    free(file);
    return NULL;
  }
  return file;
}

static size_t files_in(const char *dir) {
  DIR *d = opendir(dir);
  assert_non_null(d);
  size_t n = 0;
  for (const struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  (void)closedir(d);
  return n;
}

static void eight_that_start_at_once_agree_on_one_file(void **state) {
  place *p = *state;
  enum { N = 8 };
  pthread_t thread[N];
  sm_keyfile *file[N];
  for (size_t i = 0; i < N; i++) assert_int_equal(pthread_create(&thread[i], NULL, open_one, p), 0);
  for (size_t i = 0; i < N; i++) {
    void *got = NULL;
    (void)pthread_join(thread[i], &got);
    file[i] = got;
    assert_non_null(got);
  }
  for (size_t i = 0; i < N; i++) {
    assert_memory_equal(file[i]->key, file[0]->key, 2 * sizeof *file[0]->key);
    if (i > 0) {
      sm_keyfile_fini(file[i]);
      free(file[i]);
    }
  }
  sm_keyfile_fini(file[0]);
  free(file[0]);
  char keys[TEST_DIR_MAX + 8];
  (void)snprintf(keys, sizeof keys, "%s/keys", p->dir);
  assert_int_equal(files_in(keys), 1);
}

static void a_file_that_others_may_read_is_refused(void **state) {
  const place *p = *state;
  sm_keyfile file = {0};
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &file), SM_OK);
  sm_keyfile_fini(&file);
  assert_int_equal(chmod(p->path, 0640), 0);
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &file), SM_ERR_CORRUPT);
}

static void a_damaged_file_is_never_replaced_by_new_keys(void **state) {
  const place *p = *state;
  sm_keyfile file = {0};
  static const char *const bad[] = {
      "",
      "{}",
      "{\"keys\":[]}",
      "{\"keys\":[{\"kid\":\"a\",\"use\":\"sign\",\"created\":\"2026-01-01T00:00:00Z\","
      "\"key\":\"AAAA\"}]}",
      "{\"keys\":[{\"kid\":\"a b\",\"use\":\"sign\",\"created\":\"2026-01-01T00:00:00Z\","
      "\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}]}",
      /* good, but no key for "other" */
      "{\"keys\":[{\"kid\":\"a\",\"use\":\"sign\",\"created\":\"2026-01-01T00:00:00Z\","
      "\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}]}",
  };
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &file), SM_OK);
  sm_keyfile_fini(&file);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(sm_file_write_private(p->path, bad[i], strlen(bad[i])), SM_OK);
    assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &file), SM_ERR_CORRUPT);
    char *text = NULL;
    assert_int_equal(sm_file_read(p->path, 4096, &text, NULL), SM_OK);
    assert_string_equal(text, bad[i]);
    free(text);
  }
}

static void rotation_adds_a_newest_key_and_drops_the_oldest_of_that_use(void **state) {
  const place *p = *state;
  sm_keyfile before = {0};
  sm_keyfile after = {0};
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &before), SM_OK);
  assert_int_equal(sm_keyfile_rotate(p->dir, "k", "sign", 2, 2000), SM_OK);
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 3000, &after), SM_OK);
  const char *old = sm_keyfile_newest(&before, "sign")->kid;
  assert_string_not_equal(sm_keyfile_newest(&after, "sign")->kid, old);
  assert_non_null(sm_keyfile_find(&after, "sign", old));
  sm_keyfile_fini(&after);
  assert_int_equal(sm_keyfile_rotate(p->dir, "k", "sign", 2, 4000), SM_OK);
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 5000, &after), SM_OK);
  assert_null(sm_keyfile_find(&after, "sign", old));
  assert_int_equal(after.count, 3);
  assert_string_equal(sm_keyfile_newest(&after, "other")->kid,
                      sm_keyfile_newest(&before, "other")->kid);
  sm_keyfile_fini(&after);
  sm_keyfile_fini(&before);
}

/* Root rotates beside a server that runs as somebody else. */
static void who_owned_the_file_owns_it_after_a_rotation(void **state) {
  const place *p = *state;
  sm_keyfile file = {0};
  struct stat st;
  assert_int_equal(sm_keyfile_open(p->dir, "k", uses, 1000, &file), SM_OK);
  sm_keyfile_fini(&file);
  if (geteuid() != 0) skip();
  char *folder = strdup(p->path);
  assert_non_null(folder);
  *strrchr(folder, '/') = '\0';
  assert_int_equal(chown(folder, 4242, 4343), 0);
  free(folder);
  assert_int_equal(chown(p->path, 4242, 4343), 0);
  assert_int_equal(sm_keyfile_replace(p->dir, "k", "sign", 0, 2000), SM_OK);
  assert_int_equal(stat(p->path, &st), 0);
  assert_int_equal(st.st_uid, 4242);
  assert_int_equal(st.st_gid, 4343);
  assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(
          the_first_start_makes_private_keys_and_the_second_reads_the_same, setup, teardown),
      cmocka_unit_test_setup_teardown(eight_that_start_at_once_agree_on_one_file, setup, teardown),
      cmocka_unit_test_setup_teardown(a_file_that_others_may_read_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(a_damaged_file_is_never_replaced_by_new_keys, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(who_owned_the_file_owns_it_after_a_rotation, setup, teardown),
      cmocka_unit_test_setup_teardown(rotation_adds_a_newest_key_and_drops_the_oldest_of_that_use,
                                      setup, teardown),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
