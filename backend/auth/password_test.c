#include "auth/password.h"

#include "auth/auth_test_util.h"
#include "base/crypto.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sm_passwords *cheap(void) {
  sm_passwords *p = NULL;
  assert_int_equal(sm_passwords_new(&test_cheap, &p), SM_OK);
  return p;
}

static void a_password_opens_its_own_hash_only(void **state) {
  (void)state;
  sm_passwords *p = cheap();
  char *hash = NULL;
  static const char good[] = "crème brûlée 42";
  assert_int_equal(sm_passwords_hash(p, good, strlen(good), &hash), SM_OK);
  assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
  assert_null(strstr(hash, "brul"));
  assert_int_equal(sm_passwords_verify(p, hash, good, strlen(good)), SM_OK);
  assert_int_equal(sm_passwords_verify(p, hash, good, strlen(good) - 1), SM_ERR_DENIED);
  assert_int_equal(sm_passwords_verify(p, hash, "", 0), SM_ERR_DENIED);
  free(hash);
  sm_passwords_free(p);
}

static void two_hashes_of_one_password_differ(void **state) {
  (void)state;
  sm_passwords *p = cheap();
  char *a = NULL;
  char *b = NULL;
  assert_int_equal(sm_passwords_hash(p, "not so common", 13, &a), SM_OK);
  assert_int_equal(sm_passwords_hash(p, "not so common", 13, &b), SM_OK);
  assert_string_not_equal(a, b);
  free(a);
  free(b);
  sm_passwords_free(p);
}

static void nobody_and_giants_and_broken_hashes_are_denied(void **state) {
  (void)state;
  sm_passwords *p = cheap();
  static char giant[100000];
  memset(giant, 'x', sizeof giant);
  assert_int_equal(sm_passwords_verify(p, NULL, "whatever it is", 14), SM_ERR_DENIED);
  assert_int_equal(sm_passwords_verify(p, NULL, giant, sizeof giant), SM_ERR_DENIED);
  assert_int_equal(sm_passwords_verify(p, "", "whatever it is", 14), SM_ERR_DENIED);
  assert_int_equal(sm_passwords_verify(p, "$argon2id$v=19$", "whatever it is", 14), SM_ERR_DENIED);
  char *hash = NULL;
  assert_int_equal(sm_passwords_hash(p, giant, SM_PASSWORD_MAX, &hash), SM_ERR_INVALID);
  giant[0] = 'y';
  assert_int_equal(sm_passwords_hash(p, giant, SM_PASSWORD_MAX, &hash), SM_OK);
  /* 256 right bytes and more behind them are not the password. */
  assert_int_equal(sm_passwords_verify(p, hash, giant, SM_PASSWORD_MAX + 1), SM_ERR_DENIED);
  assert_int_equal(sm_passwords_verify(p, hash, giant, SM_PASSWORD_MAX), SM_OK);
  free(hash);
  sm_passwords_free(p);
}

static void the_rule_names_what_is_wrong(void **state) {
  (void)state;
  static char long_one[SM_PASSWORD_MAX + 2];
  for (size_t i = 0; i < sizeof long_one; i++) long_one[i] = (char)('a' + i % 26);
  assert_null(sm_password_problem("abcdefghik", 10));
  assert_null(sm_password_problem(long_one, SM_PASSWORD_MAX));
  assert_non_null(strstr(sm_password_problem("abcdefghi", 9), "at least 10"));
  assert_non_null(strstr(sm_password_problem(long_one, SM_PASSWORD_MAX + 1), "at most 256"));
  assert_non_null(strstr(sm_password_problem("abc\xff\xfe zzzzz", 11), "UTF-8"));
  assert_non_null(strstr(sm_password_problem("abcde\0fghij", 11), "UTF-8"));
  assert_non_null(strstr(sm_password_problem("PassWord123", 11), "commonest"));
  assert_non_null(strstr(sm_password_problem("zzzzzzzzzzzz", 12), "repeated"));
}

typedef struct crowd {
  sm_passwords *passwords;
  atomic_int busy;
  atomic_int denied;
} crowd;

static void *knock(void *context) {
  crowd *c = context;
  sm_err err = sm_passwords_verify(c->passwords, NULL, "whatever it is", 14);
  if (err == SM_ERR_BUSY) atomic_fetch_add(&c->busy, 1);
  if (err == SM_ERR_DENIED) atomic_fetch_add(&c->denied, 1);
  return NULL;
}

/* One at a time, none may wait, and a hash of 16 MiB takes longer than it takes to start threads:
 * of twenty some find the gate shut, and those that do are told so rather than queued. */
static void a_full_gate_says_busy_and_lets_others_in_again(void **state) {
  (void)state;
  enum { N = 20 };
  sm_passwords_options options = {
      .ops = 3, .memory = 16u << 20, .at_once = 1, .waiting = 1, .wait_ms = 1};
  crowd c = {0};
  assert_int_equal(sm_passwords_new(&options, &c.passwords), SM_OK);
  pthread_t thread[N];
  for (size_t i = 0; i < N; i++) assert_int_equal(pthread_create(&thread[i], NULL, knock, &c), 0);
  for (size_t i = 0; i < N; i++) (void)pthread_join(thread[i], NULL);
  assert_true(atomic_load(&c.busy) > 0);
  assert_int_equal(atomic_load(&c.busy) + atomic_load(&c.denied), N);
  assert_int_equal(sm_passwords_verify(c.passwords, NULL, "whatever it is", 14), SM_ERR_DENIED);
  sm_passwords_free(c.passwords);
}

static void those_that_may_wait_all_get_in(void **state) {
  (void)state;
  enum { N = 8 };
  sm_passwords_options options = test_cheap;
  options.wait_ms = 60000;
  crowd c = {0};
  assert_int_equal(sm_passwords_new(&options, &c.passwords), SM_OK);
  pthread_t thread[N];
  for (size_t i = 0; i < N; i++) assert_int_equal(pthread_create(&thread[i], NULL, knock, &c), 0);
  for (size_t i = 0; i < N; i++) (void)pthread_join(thread[i], NULL);
  assert_int_equal(atomic_load(&c.denied), N);
  sm_passwords_free(c.passwords);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_password_opens_its_own_hash_only),
      cmocka_unit_test(two_hashes_of_one_password_differ),
      cmocka_unit_test(nobody_and_giants_and_broken_hashes_are_denied),
      cmocka_unit_test(the_rule_names_what_is_wrong),
      cmocka_unit_test(a_full_gate_says_busy_and_lets_others_in_again),
      cmocka_unit_test(those_that_may_wait_all_get_in),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
