#include "auth/apikey.h"

#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_key_is_known_by_its_look(void **state) {
  (void)state;
  char one[SM_APIKEY_MAX];
  char two[SM_APIKEY_MAX];
  uint8_t hash[32];
  uint8_t other[32];
  assert_int_equal(strlen(sm_apikey_make(one)), SM_APIKEY_LEN);
  assert_string_not_equal(one, sm_apikey_make(two));
  assert_true(sm_apikey_is(one, strlen(one)));
  assert_int_equal(sm_apikey_hash(one, strlen(one), hash), SM_OK);
  assert_int_equal(sm_apikey_hash(two, strlen(two), other), SM_OK);
  assert_memory_not_equal(hash, other, 32);
  assert_false(sm_apikey_is("smk", 3));
  assert_false(sm_apikey_is("eyJhbGciOi", 10));
}

/* Whatever one character becomes, and whatever length it has. */
static void a_key_that_was_mistyped_is_refused(void **state) {
  (void)state;
  char key[SM_APIKEY_MAX];
  uint8_t hash[32];
  (void)sm_apikey_make(key);
  for (size_t i = 0; i < SM_APIKEY_LEN; i++) {
    char kept = key[i];
    key[i] = kept == 'a' ? 'b' : 'a';
    assert_int_equal(sm_apikey_hash(key, SM_APIKEY_LEN, hash), SM_ERR_DENIED);
    key[i] = 'A';
    assert_int_equal(sm_apikey_hash(key, SM_APIKEY_LEN, hash), SM_ERR_DENIED);
    key[i] = kept;
    assert_int_equal(sm_apikey_hash(key, i, hash), SM_ERR_DENIED);
  }
  assert_int_equal(sm_apikey_hash(key, SM_APIKEY_LEN, hash), SM_OK);
}

static void scopes_are_written_and_read(void **state) {
  (void)state;
  char text[SM_SCOPES_TEXT_MAX];
  uint32_t all = (1U << SM_SCOPE_COUNT) - 1;
  assert_true(strlen(sm_scopes_write(all, text)) < SM_SCOPES_TEXT_MAX);
  assert_int_equal(sm_scopes_read(text), all);
  assert_string_equal(sm_scopes_write(SM_SCOPE_READINGS_READ | SM_SCOPE_AUDIT_READ, text),
                      "readings:read audit:read");
  assert_int_equal(sm_scopes_read("readings:read root tariffs:read"),
                   SM_SCOPE_READINGS_READ | SM_SCOPE_TARIFFS_READ);
  assert_int_equal(sm_scopes_read(""), 0);
  assert_int_equal(sm_scope_parse("readings", 8), 0);
  assert_string_equal(sm_scope_name_of(SM_SCOPE_INVOICES_READ), "invoices:read");
}

static void devices_are_whole_words(void **state) {
  (void)state;
  assert_true(sm_apikey_has_device(NULL, "m1"));
  assert_true(sm_apikey_has_device("m1 m22", "m22"));
  assert_false(sm_apikey_has_device("m1 m22", "m2"));
  assert_false(sm_apikey_has_device("m1 m22", "m1 m22"));
  assert_false(sm_apikey_has_device("", "m1"));
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_key_is_known_by_its_look),
                                     cmocka_unit_test(a_key_that_was_mistyped_is_refused),
                                     cmocka_unit_test(scopes_are_written_and_read),
                                     cmocka_unit_test(devices_are_whole_words)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
