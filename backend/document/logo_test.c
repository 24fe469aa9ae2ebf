#include "document/logo_picture.h"

#include "base/crypto.h"
#include "base/file.h"
#include "store/embedded/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/sm-logo-test-XXXXXX";
static sm_ledger *ledger;

static char *in_dir(const char *name) {
  char *path = sm_path_join(dir, name);
  assert_non_null(path);
  return path;
}

static void draw(const char *path, int width, int height) {
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  assert_int_equal(cairo_surface_write_to_png(surface, path), CAIRO_STATUS_SUCCESS);
  cairo_surface_destroy(surface);
}

static void a_logo_is_kept_by_its_hash_and_found_again(void **state) {
  (void)state;
  char name[SM_LOGO_NAME_MAX], again[SM_LOGO_NAME_MAX];
  char *path = in_dir("a.png");
  cairo_surface_t *logo;
  draw(path, 300, 100);
  assert_int_equal(sm_logo_keep(path, ledger, name), SM_OK);
  assert_int_equal(sm_logo_keep(path, ledger, again), SM_OK);
  assert_string_equal(name, again);
  assert_int_equal(unlink(path), 0); /* what is kept does not need it */
  assert_int_equal(sm_logo_load(ledger, name, &logo), SM_OK);
  assert_int_equal(cairo_image_surface_get_width(logo), 300);
  cairo_surface_destroy(logo);
  free(path);
}

static void a_large_one_is_made_smaller_for_the_page(void **state) {
  (void)state;
  char name[SM_LOGO_NAME_MAX];
  char *path = in_dir("large.png");
  cairo_surface_t *logo;
  draw(path, 2000, 1);
  assert_int_equal(sm_logo_keep(path, ledger, name), SM_OK);
  assert_int_equal(sm_logo_load(ledger, name, &logo), SM_OK);
  assert_int_equal(cairo_image_surface_get_width(logo), 440);
  assert_int_equal(cairo_image_surface_get_height(logo), 1);
  cairo_surface_destroy(logo);
  free(path);
}

static sm_err keep_bytes(const void *bytes, size_t len) {
  char name[SM_LOGO_NAME_MAX];
  char *path = in_dir("odd.png");
  assert_int_equal(sm_file_write_private(path, bytes, len), SM_OK);
  sm_err err = sm_logo_keep(path, ledger, name);
  free(path);
  return err;
}

static void what_is_no_picture_is_refused(void **state) {
  (void)state;
  unsigned char head[33] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                            'I',  'H', 'D', 'R', 0,    0,    0,    8,    0, 0, 0, 8};
  assert_int_equal(keep_bytes("", 0), SM_ERR_SYNTAX);
  assert_int_equal(keep_bytes("<svg/>", 6), SM_ERR_SYNTAX);
  assert_int_equal(keep_bytes(head, sizeof head), SM_ERR_SYNTAX); /* and nothing behind it */
  head[16] = 0x7f;                                                /* two billion pixels wide */
  assert_int_equal(keep_bytes(head, sizeof head), SM_ERR_RANGE);
  char *large = calloc(1, SM_LOGO_BYTES_MAX + 1);
  assert_non_null(large);
  assert_int_equal(keep_bytes(large, SM_LOGO_BYTES_MAX + 1), SM_ERR_RANGE);
  free(large);
}

static void change(const char *sql) {
  char *file = in_dir("ledger.db");
  sqlite3 *db;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  free(file);
}

static void only_what_was_kept_is_loaded(void **state) {
  (void)state;
  char name[SM_LOGO_NAME_MAX];
  char *path = in_dir("b.png");
  cairo_surface_t *logo = NULL;
  draw(path, 10, 10);
  assert_int_equal(sm_logo_keep(path, ledger, name), SM_OK);
  /* Somebody has put another one in its place. */
  change("DROP TRIGGER file_part_keep; UPDATE file_part SET bytes = zeroblob(length(bytes))");
  assert_int_equal(sm_logo_load(ledger, name, &logo), SM_ERR_CORRUPT);
  assert_int_equal(sm_logo_load(ledger, "../../etc/passwd", &logo), SM_ERR_SYNTAX);
  memset(name, 'a', SM_LOGO_NAME_MAX - 1);
  assert_int_equal(sm_logo_load(ledger, name, &logo), SM_ERR_NOT_FOUND);
  assert_null(logo);
  free(path);
}

static int set_up(void **state) {
  (void)state;
  if (mkdtemp(dir) == NULL || sm_crypto_init() != SM_OK) return -1;
  const sm_embedded_options options = {.data_dir = dir, .zone = "UTC", .currency = "INR"};
  return sm_embedded_ledger_open(&options, &ledger) == SM_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  sm_ledger_close(ledger);
  (void)snprintf(command, sizeof command, "rm -rf -- %s", dir);
  return system(command); /* NOLINT(cert-env33-c): a folder of our own */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_logo_is_kept_by_its_hash_and_found_again),
      cmocka_unit_test(a_large_one_is_made_smaller_for_the_page),
      cmocka_unit_test(what_is_no_picture_is_refused),
      cmocka_unit_test(only_what_was_kept_is_loaded),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
