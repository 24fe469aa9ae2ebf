#include "base/crypto.h"
#include "base/file.h"
#include "transfer/filecopy.h"
#include "transfer/keybox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[] = "/tmp/sm-keybox-XXXXXX";
static const char phrase[] = "correct horse battery";

static void in_dir(const char *name, char out[200]) {
  (void)snprintf(out, 200, "%s/%s", dir, name);
}

static void put(const char *name, const char *text) {
  char path[200];
  in_dir(name, path);
  assert_int_equal(sm_file_write_private(path, text, strlen(text)), SM_OK);
}

static void assert_holds(const char *name, const char *text) {
  char path[200];
  char *data = NULL;
  in_dir(name, path);
  assert_int_equal(sm_file_read(path, 1000, &data, NULL), SM_OK);
  assert_string_equal(data, text);
  free(data);
}

static int make(void **state) {
  (void)state;
  static const char *const folders[] = {"a/keys", "a/broker", "a.ca", "b"};
  if (sm_crypto_init() != SM_OK || mkdtemp(dir) == NULL) return -1;
  for (size_t i = 0; i < 4; i++) {
    char path[200];
    in_dir(folders[i], path);
    if (sm_dir_make(path) != SM_OK) return -1;
  }
  put("a/keys/pii.json", "pii");
  put("a/keys/audit.json", "audit");
  put("a/broker/ca.key", "ca");
  put("a/broker/ca.crt", "public");
  put("a.ca/ca.key", "of the authority");
  put("a/broker/server.password", "secret");
  put("a/broker/psk", "m1:00");
  put("a/broker/passwords", "hashes");
  put("a/keys/pii.json.replaced-2026-01-01T00", "old");
  put("a/keys/half.new", "half");
  return 0;
}

static int drop(void **state) {
  (void)state;
  return sm_tree_remove(dir) == SM_OK ? 0 : -1;
}

static void which_files_are_secrets(void **state) {
  (void)state;
  assert_true(sm_secret_is("keys", "anything"));
  assert_true(sm_secret_is("broker", "broker.key"));
  assert_true(sm_secret_is("broker", "server.password"));
  assert_false(sm_secret_is("broker", "ca.crt"));
  assert_false(sm_secret_is("broker", "passwords"));
  assert_false(sm_secret_is("logos", "x.key"));
  assert_true(sm_secret_path("keys/pii.json"));
  static const char *const bad[] = {
      "keys/../ledger.db", "keys/",        "/etc/passwd", "keys/a/b", "broker/ca.crt", "keys", "",
      "logos/x.png",       "keys/.hidden", "keysx/a"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(sm_secret_path(bad[i]));
}

static void what_is_locked_opens_again(void **state) {
  (void)state;
  char from[200];
  char to[200];
  size_t written = 0;
  sm_keybox box = {0};
  sm_keybox back = {0};
  sm_buf locked;
  in_dir("a", from);
  in_dir("b", to);
  assert_int_equal(sm_keybox_gather(to, &box), SM_ERR_NOT_FOUND);
  assert_int_equal(sm_keybox_gather(from, &box), SM_OK);
  assert_int_equal(box.count, 6);
  sm_buf_init(&locked, 0);
  assert_int_equal(sm_keybox_lock(&box, phrase, strlen(phrase), &locked), SM_OK);
  for (size_t i = 0; i + 6 <= locked.len; i++)
    assert_memory_not_equal(locked.data + i, "secret", 6);
  assert_int_equal(sm_keybox_unlock(locked.data, locked.len, "correct horse batterx", 21, &back),
                   SM_ERR_DENIED);
  assert_int_equal(sm_keybox_unlock(locked.data, locked.len, phrase, strlen(phrase), &back), SM_OK);
  assert_int_equal(back.count, 6);
  assert_int_equal(back.created_ms, box.created_ms);
  assert_true(sm_keybox_unpack(&back, to, false, &written));
  assert_int_equal(written, 6);
  assert_holds("b/keys/pii.json", "pii");
  assert_holds("b/broker/psk", "m1:00");
  assert_holds("b.ca/ca.key", "of the authority");
  char path[200];
  struct stat st;
  in_dir("b/keys/pii.json", path);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);

  assert_true(sm_keybox_unpack(&back, to, false, &written));
  assert_int_equal(written, 0);
  put("b/keys/pii.json", "another");
  put("b/broker/ca.key", "another");
  (void)remove(path);
  put("b/keys/pii.json", "another");
  assert_false(sm_keybox_unpack(&back, to, false, &written));
  assert_holds("b/keys/pii.json", "another");
  assert_true(sm_keybox_unpack(&back, to, true, &written));
  assert_int_equal(written, 2);
  assert_holds("b/keys/pii.json", "pii");

  /* One bit of any part is enough: the magic, the work, the salt, the stream. */
  static const size_t at[] = {0, 11, 20, 40, 70};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    sm_keybox none = {0};
    locked.data[at[i]] ^= 1;
    assert_int_not_equal(sm_keybox_unlock(locked.data, locked.len, phrase, strlen(phrase), &none),
                         SM_OK);
    locked.data[at[i]] ^= 1;
  }
  locked.data[8] = 1; /* 16 million passes */
  sm_keybox none = {0};
  assert_int_equal(sm_keybox_unlock(locked.data, locked.len, phrase, strlen(phrase), &none),
                   SM_ERR_RANGE);
  locked.data[8] = 0;
  assert_int_equal(sm_keybox_unlock(locked.data, 60, phrase, strlen(phrase), &none), SM_ERR_SYNTAX);
  sm_keybox_fini(&box);
  sm_keybox_fini(&back);
  sm_buf_fini(&locked);
}

static void text_that_leads_elsewhere_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "{}",
      "{\"created\":\"2026-01-01T00:00:00Z\",\"files\":[]}",
      "{\"created\":\"2026-01-01T00:00:00Z\",\"files\":[{\"path\":\"../x\",\"data\":\"\"}]}",
      "{\"created\":\"2026-01-01T00:00:00Z\",\"files\":[{\"path\":\"keys/a\",\"data\":\"*\"}]}",
      "{\"created\":\"2026-01-01T00:00:00Z\",\"files\":[{\"path\":\"keys/a\",\"data\":\"\"},"
      "{\"path\":\"keys/a\",\"data\":\"\"}]}",
      "{\"created\":\"yesterday\",\"files\":[{\"path\":\"keys/a\",\"data\":\"\"}]}",
  };
  sm_keybox box = {0};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_keybox_read(bad[i], strlen(bad[i]), &box), SM_ERR_CORRUPT);
  static const char good[] =
      "{\"created\":\"2026-01-01T00:00:00Z\",\"files\":[{\"path\":\"keys/a\",\"data\":\"YQ==\"}]}";
  assert_int_equal(sm_keybox_read(good, strlen(good), &box), SM_OK);
  assert_int_equal(box.file[0].len, 1);
  sm_keybox_fini(&box);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(which_files_are_secrets),
                                     cmocka_unit_test(what_is_locked_opens_again),
                                     cmocka_unit_test(text_that_leads_elsewhere_is_refused)};
  return cmocka_run_group_tests(tests, make, drop);
}
