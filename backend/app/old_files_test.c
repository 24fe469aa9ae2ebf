/* Folders of before: what is taken into the ledger, and what is left. */
#include "app/old_files.h"

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "store/embedded/embedded.h"
#include "store/ledger_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
  char dir[64];
  sm_program program; /* settings and ledger alone */
} fixture;

static const char logo[] = "a picture";
static const char image[] = "an image";

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sm-old-files-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  const sm_embedded_options options = {.data_dir = f->dir, .zone = "UTC", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &f->program.ledger), SM_OK);
  f->program.config.data_dir = f->dir;
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  sm_ledger_close(f->program.ledger);
  (void)snprintf(command, sizeof command, "rm -rf -- '%s'", f->dir);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
  free(f);
  return 0;
}

/* Paths of the data folder; each is good for seven more. */
static const char *in(const fixture *f, const char *folder, const char *name, const char *suffix) {
  static char path[8][200];
  static unsigned used;
  char *out = path[used++ % 8];
  (void)snprintf(out, sizeof path[0], "%s/%s/%s%s", f->dir, folder, name, suffix);
  return out;
}

static void put(const char *path, const void *bytes, size_t len) {
  char folder[200];
  (void)snprintf(folder, sizeof folder, "%s", path);
  *strrchr(folder, '/') = '\0';
  assert_int_equal(sm_dir_make(folder), SM_OK);
  assert_int_equal(sm_file_write_private(path, bytes, len), SM_OK);
}

static const char *sha_of(const void *bytes, size_t len, char out[SM_FILE_NAME_MAX]) {
  uint8_t digest[SM_SHA256_BYTES];
  sm_sha256(bytes, len, digest);
  return sm_hex(digest, sizeof digest, out);
}

static bool has(const fixture *f, sm_file_kind kind, const char *name) {
  bool known = false;
  assert_int_equal(sm_ledger_file_known(f->program.ledger, kind, name, &known), SM_OK);
  return known;
}

static void is_there(const fixture *f, sm_file_kind kind, const char *name, const void *bytes,
                     size_t len) {
  uint8_t *got = NULL;
  size_t got_len = 0;
  assert_int_equal(sm_ledger_file_get(f->program.ledger, kind, name, &got, &got_len), SM_OK);
  assert_int_equal(got_len, len);
  assert_memory_equal(got, bytes, len);
  free(got);
}

static void what_is_right_is_taken_once(void **state) {
  fixture *f = *state;
  char logo_name[SM_FILE_NAME_MAX];
  char image_name[SM_FILE_NAME_MAX];
  const char *logo_path = in(f, "logos", sha_of(logo, sizeof logo, logo_name), ".png");
  const char *image_path = in(f, "firmware", sha_of(image, sizeof image, image_name), "");
  put(logo_path, logo, sizeof logo);
  put(image_path, image, sizeof image);
  sm_old_files_take(&f->program);
  is_there(f, SM_FILE_LOGO, logo_name, logo, sizeof logo);
  is_there(f, SM_FILE_FIRMWARE, image_name, image, sizeof image);
  assert_false(has(f, SM_FILE_LOGO, image_name));
  /* The older program can be gone back to. */
  sm_old_files_tell_left(&f->program);
  assert_true(sm_file_exists(logo_path));
  assert_true(sm_file_exists(image_path));
  put(logo_path, "bit rot", 7); /* is not looked at any more */
  sm_old_files_take(&f->program);
  is_there(f, SM_FILE_LOGO, logo_name, logo, sizeof logo);
}

static void nothing_there_is_nothing_to_do(void **state) {
  fixture *f = *state;
  sm_old_files_take(&f->program);
  sm_old_files_tell_left(&f->program);
  assert_false(sm_file_exists(in(f, "logos", "", "")));
}

static void what_is_wrong_is_left(void **state) {
  fixture *f = *state;
  char name[SM_FILE_NAME_MAX];
  char large_name[SM_FILE_NAME_MAX];
  char pipe_name[SM_FILE_NAME_MAX];
  enum { LARGE = (1 << 20) + 1 }; /* for a logo */
  char *large = calloc(1, LARGE);
  assert_non_null(large);
  const char *other = in(f, "logos", sha_of("x", 1, name), ".png");
  put(other, logo, sizeof logo);
  const char *odd = in(f, "logos", "README", "");
  put(odd, "x", 1);
  const char *unsuffixed = in(f, "logos", name, "");
  put(unsuffixed, "x", 1);
  const char *too_large = in(f, "logos", sha_of(large, LARGE, large_name), ".png");
  put(too_large, large, LARGE);
  free(large);
  memset(pipe_name, 'a', sizeof pipe_name - 1);
  pipe_name[sizeof pipe_name - 1] = '\0';
  assert_int_equal(sm_dir_make(in(f, "firmware", "", "")), SM_OK);
  const char *fifo = in(f, "firmware", pipe_name, "");
  assert_int_equal(mkfifo(fifo, 0600), 0); /* to be opened is to wait */
  sm_old_files_take(&f->program);
  sm_old_files_tell_left(&f->program);
  assert_false(has(f, SM_FILE_LOGO, name));
  assert_false(has(f, SM_FILE_LOGO, large_name));
  assert_false(has(f, SM_FILE_FIRMWARE, pipe_name));
  assert_true(sm_file_exists(other));
  assert_true(sm_file_exists(odd));
  assert_true(sm_file_exists(unsuffixed));
  assert_true(sm_file_exists(too_large));
  assert_true(sm_file_exists(fifo));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {CASE(what_is_right_is_taken_once),
                                     CASE(nothing_there_is_nothing_to_do),
                                     CASE(what_is_wrong_is_left)};
  if (sm_crypto_init() != SM_OK) return 1;
  sm_log_set_level(SM_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
