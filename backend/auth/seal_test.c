#include "auth/seal.h"

#include "auth/auth_test_util.h"
#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  char dir[TEST_DIR_MAX];
  sm_sealer *sealer;
} fixture;

static int setup(void **state) {
  static fixture f;
  (void)test_dir_make(f.dir);
  *state = &f;
  return sm_sealer_new(f.dir, &f.sealer) == SM_OK ? 0 : -1;
}

static int teardown(void **state) {
  fixture *f = *state;
  sm_sealer_free(f->sealer);
  test_dir_remove(f->dir);
  return 0;
}

static void opens(sm_sealer *s, const char *field, const sm_bytes *sealed, const char *wanted) {
  char *text = NULL;
  assert_int_equal(sm_unseal(s, field, sealed, &text), SM_OK);
  assert_string_equal(text, wanted);
  free(text);
}

static void what_was_sealed_opens_for_its_field_only(void **state) {
  const fixture *f = *state;
  sm_bytes sealed = {0};
  char *text = NULL;
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_EMAIL, "anna@example.org", &sealed), SM_OK);
  opens(f->sealer, SM_FIELD_EMAIL, &sealed, "anna@example.org");
  assert_int_equal(sm_unseal(f->sealer, SM_FIELD_NAME, &sealed, &text), SM_ERR_CORRUPT);
  free(sealed.data);
}

static void the_empty_text_and_no_text_are_two_things(void **state) {
  const fixture *f = *state;
  sm_bytes sealed = {0};
  char *text = NULL;
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "", &sealed), SM_OK);
  opens(f->sealer, SM_FIELD_NAME, &sealed, "");
  free(sealed.data);
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, NULL, &sealed), SM_OK);
  assert_null(sealed.data);
  assert_int_equal(sm_unseal(f->sealer, SM_FIELD_NAME, &sealed, &text), SM_OK);
  assert_null(text);
}

static void one_flipped_bit_anywhere_or_a_cut_does_not_open(void **state) {
  const fixture *f = *state;
  sm_bytes sealed = {0};
  char *text = NULL;
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &sealed), SM_OK);
  for (size_t i = 0; i < sealed.len; i++) {
    sealed.data[i] ^= 1;
    assert_int_equal(sm_unseal(f->sealer, SM_FIELD_NAME, &sealed, &text), SM_ERR_CORRUPT);
    sealed.data[i] ^= 1;
  }
  for (size_t len = 0; len < sealed.len; len++) {
    sm_bytes cut = {sealed.data, len};
    assert_int_equal(sm_unseal(f->sealer, SM_FIELD_NAME, &cut, &text), SM_ERR_CORRUPT);
  }
  opens(f->sealer, SM_FIELD_NAME, &sealed, "Anna");
  free(sealed.data);
}

static void sealing_twice_gives_different_bytes(void **state) {
  const fixture *f = *state;
  sm_bytes a = {0};
  sm_bytes b = {0};
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &a), SM_OK);
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &b), SM_OK);
  assert_int_equal(a.len, b.len);
  assert_memory_not_equal(a.data, b.data, a.len);
  free(a.data);
  free(b.data);
}

static void after_a_rotation_and_a_restart_old_seals_open_and_hashes_stay(void **state) {
  fixture *f = *state;
  sm_bytes sealed = {0};
  uint8_t before[32];
  uint8_t after[32];
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &sealed), SM_OK);
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", before), SM_OK);
  assert_int_equal(sm_sealer_rotate(f->sealer), SM_OK);
  opens(f->sealer, SM_FIELD_NAME, &sealed, "Anna");
  sm_bytes newer = {0};
  assert_int_equal(sm_seal(f->sealer, SM_FIELD_NAME, "Anna", &newer), SM_OK);
  assert_memory_not_equal(sealed.data, newer.data, 23); /* the head, with the key id */
  sm_sealer_free(f->sealer);
  f->sealer = NULL;
  assert_int_equal(sm_sealer_new(f->dir, &f->sealer), SM_OK);
  opens(f->sealer, SM_FIELD_NAME, &sealed, "Anna");
  opens(f->sealer, SM_FIELD_NAME, &newer, "Anna");
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", after), SM_OK);
  assert_memory_equal(before, after, 32);
  free(sealed.data);
  free(newer.data);
}

static void an_address_has_one_hash_however_it_is_typed(void **state) {
  const fixture *f = *state;
  uint8_t a[32];
  uint8_t b[32];
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", a), SM_OK);
  assert_int_equal(sm_email_hash(f->sealer, "  Anna@EXAMPLE.org\n", b), SM_OK);
  assert_memory_equal(a, b, 32);
  assert_int_equal(sm_email_hash(f->sealer, "anne@example.org", b), SM_OK);
  assert_memory_not_equal(a, b, 32);
  assert_int_equal(sm_email_hash(f->sealer, "anna", b), SM_ERR_INVALID);
}

static void another_deployment_has_other_hashes(void **state) {
  const fixture *f = *state;
  char dir[TEST_DIR_MAX];
  sm_sealer *other = NULL;
  uint8_t a[32];
  uint8_t b[32];
  assert_int_equal(sm_sealer_new(test_dir_make(dir), &other), SM_OK);
  assert_int_equal(sm_email_hash(f->sealer, "anna@example.org", a), SM_OK);
  assert_int_equal(sm_email_hash(other, "anna@example.org", b), SM_OK);
  assert_memory_not_equal(a, b, 32);
  sm_sealer_free(other);
  test_dir_remove(dir);
}

static void addresses_are_told_from_other_texts(void **state) {
  (void)state;
  static const char *const good[] = {"a@b", "anna@example.org", " anna+meter@mail.example.co.in ",
                                     "o'neill@example.org", "ज्योति@उदाहरण.भारत"};
  static const char *const bad[] = {"",
                                    "anna",
                                    "@example.org",
                                    "anna@",
                                    "a@b@c",
                                    "an na@example.org",
                                    "anna@exam ple.org",
                                    "anna@.example.org",
                                    "anna@example..org",
                                    "anna@-example.org",
                                    "<anna@example.org>",
                                    "anna@example.org\r\nBcc: x@y",
                                    "an\x01na@example.org",
                                    "an\x7fna@example.org",
                                    "an\xc2\x80na@example.org",
                                    "anna\xff@example.org"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(sm_email_valid(good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(sm_email_valid(bad[i]));
  static char giant[400];
  memset(giant, 'a', sizeof giant - 1);
  giant[30] = '@';
  for (size_t i = 60; i < 399; i += 50) giant[i] = '.';
  giant[254] = '\0';
  assert_true(sm_email_valid(giant));
  giant[254] = 'a';
  assert_false(sm_email_valid(giant));
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_KEYS(what_was_sealed_opens_for_its_field_only),
      WITH_KEYS(the_empty_text_and_no_text_are_two_things),
      WITH_KEYS(one_flipped_bit_anywhere_or_a_cut_does_not_open),
      WITH_KEYS(sealing_twice_gives_different_bytes),
      WITH_KEYS(after_a_rotation_and_a_restart_old_seals_open_and_hashes_stay),
      WITH_KEYS(an_address_has_one_hash_however_it_is_typed),
      WITH_KEYS(another_deployment_has_other_hashes),
      cmocka_unit_test(addresses_are_told_from_other_texts),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
