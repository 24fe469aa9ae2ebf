#include "base/file.h"
#include "transfer/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char dir[] = "/tmp/sm-manifest-XXXXXX";

static int make_dir(void **state) {
  (void)state;
  return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state) {
  (void)state;
  return sm_tree_remove(dir) == SM_OK ? 0 : -1;
}

static sm_manifest example(void) {
  sm_manifest m = {.created_ms = 1769680000000,
                   .content = {.readings = {.series = 2, .readings = 3}, .audit_count = 4}};
  sm_file_print print = {.size = 5};
  memset(m.content.readings.digest, 0xab, SM_SHA256_BYTES);
  memset(print.sha256, 0x1f, SM_SHA256_BYTES);
  assert_int_equal(sm_manifest_add(&m, "ledger.db", &print), SM_OK);
  assert_int_equal(sm_manifest_add(&m, "keys/pii.json", &print), SM_OK);
  assert_int_equal(sm_manifest_add_secret(&m, "keys/audit.json"), SM_OK);
  return m;
}

static void what_is_written_is_read(void **state) {
  (void)state;
  sm_manifest m = example();
  sm_manifest back = {0};
  assert_int_equal(sm_manifest_write(&m, dir), SM_OK);
  assert_int_equal(sm_manifest_read(dir, &back), SM_OK);
  assert_int_equal(back.created_ms, m.created_ms);
  assert_int_equal(back.file_count, 2);
  assert_string_equal(back.file[1].path, "keys/pii.json");
  assert_int_equal(back.file[1].print.size, 5);
  assert_memory_equal(back.file[1].print.sha256, m.file[1].print.sha256, SM_SHA256_BYTES);
  assert_int_equal(back.secret_count, 1);
  assert_string_equal(back.secret[0], "keys/audit.json");
  assert_true(sm_manifest_content_equal(&back.content, &m.content));
  back.content.readings.digest[31] ^= 1;
  assert_false(sm_manifest_content_equal(&back.content, &m.content));
  sm_manifest_fini(&back);
  sm_manifest_fini(&m);
}

/* Writes the example with `from` replaced by `to`, and reads it. */
static sm_err read_changed(const char *from, const char *to) {
  char path[100];
  char *text = NULL;
  sm_manifest m = example();
  sm_manifest back = {0};
  assert_int_equal(sm_manifest_write(&m, dir), SM_OK);
  sm_manifest_fini(&m);
  (void)snprintf(path, sizeof path, "%s/manifest.json", dir);
  assert_int_equal(sm_file_read(path, 100000, &text, NULL), SM_OK);
  char *at = strstr(text, from);
  assert_non_null(at);
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_buf_append(&out, text, (size_t)(at - text));
  sm_buf_append_text(&out, to);
  sm_buf_append_text(&out, at + strlen(from));
  assert_int_equal(sm_file_write_private(path, out.data, out.len), SM_OK);
  sm_buf_fini(&out);
  free(text);
  sm_err err = sm_manifest_read(dir, &back);
  sm_manifest_fini(&back);
  return err;
}

static void what_leads_elsewhere_is_refused(void **state) {
  (void)state;
  static const char *const paths[] = {"/etc/x",  "../x",  "keys/../x", "a/b/c", ".x",
                                      "keys/.x", "keys/", "",          "a b.c", "a\\\\b"};
  assert_int_equal(read_changed("keys/pii.json", "keys/other.json"), SM_OK);
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    assert_int_equal(read_changed("keys/pii.json", paths[i]), SM_ERR_CORRUPT);
}

static void what_is_no_manifest_is_told(void **state) {
  (void)state;
  sm_manifest m = {0};
  assert_int_equal(sm_manifest_read("/tmp/sm-there-is-no-such-folder", &m), SM_ERR_NOT_FOUND);
  assert_int_equal(read_changed("\"format\":1", "\"format\":2"), SM_ERR_UNSUPPORTED);
  assert_int_equal(read_changed("\"format\":1", "\"format\":\"1\""), SM_ERR_CORRUPT);
  assert_int_equal(read_changed("1f1f", "1F1f"), SM_ERR_CORRUPT);
  assert_int_equal(read_changed("\"size\":5", "\"size\":-5"), SM_ERR_CORRUPT);
  assert_int_equal(read_changed("\"series\":2,", ""), SM_ERR_CORRUPT);
  assert_int_equal(read_changed("\"files\":[", "\"files\":[["), SM_ERR_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(what_leads_elsewhere_is_refused),
      cmocka_unit_test(what_is_no_manifest_is_told),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
