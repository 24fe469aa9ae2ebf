#include "auth/token.h"

#include "auth/auth_test_util.h"
#include "auth/keyfile.h"
#include "base/crypto.h"

#include <jwt.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1767225600 };

typedef struct fixture {
  char dir[TEST_DIR_MAX];
  test_clock clock;
  sm_tokens *tokens;
  sm_key key; /* the newest, as a forger who has it would use it */
} fixture;

static sm_tokens *open_tokens(fixture *f) {
  sm_tokens_options options = {.data_dir = f->dir, .now = test_clock_now, .now_context = &f->clock};
  sm_tokens *tokens = NULL;
  assert_int_equal(sm_tokens_new(&options, &tokens), SM_OK);
  return tokens;
}

static int setup(void **state) {
  static fixture f;
  static const char *const uses[] = {"sign", NULL};
  (void)test_dir_make(f.dir);
  f.clock.ms = (int64_t)NOW_S * 1000;
  f.tokens = open_tokens(&f);
  sm_keyfile file = {0};
  if (sm_keyfile_open(f.dir, "token-signing", uses, 0, &file) != SM_OK) return -1;
  f.key = *sm_keyfile_newest(&file, "sign");
  sm_keyfile_fini(&file);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  sm_tokens_free(f->tokens);
  test_dir_remove(f->dir);
  return 0;
}

/* A token as somebody with the key could make it; each test bends one thing. */
typedef struct forgery {
  jwt_alg_t alg;
  const char *kid; /* NULL: the right one */
  const char *iss;
  const char *aud;
  const char *sub;
  const char *sid;
  const char *role;
  long iat;
  long nbf;
  long exp;
} forgery;

static const forgery right = {.alg = JWT_ALG_HS256,
                              .iss = "smartmeter",
                              .aud = "smartmeter-api",
                              .sub = "u_1",
                              .sid = "f_1",
                              .role = "admin",
                              .iat = NOW_S,
                              .nbf = NOW_S,
                              .exp = NOW_S + SM_TOKEN_LIFE_S};

static char *forge(const fixture *f, const forgery *how) {
  jwt_t *jwt = NULL;
  assert_int_equal(jwt_new(&jwt), 0);
  (void)jwt_add_header(jwt, "kid", how->kid != NULL ? how->kid : f->key.kid);
  if (how->iss != NULL) (void)jwt_add_grant(jwt, "iss", how->iss);
  if (how->aud != NULL) (void)jwt_add_grant(jwt, "aud", how->aud);
  if (how->sub != NULL) (void)jwt_add_grant(jwt, "sub", how->sub);
  if (how->sid != NULL) (void)jwt_add_grant(jwt, "sid", how->sid);
  if (how->role != NULL) (void)jwt_add_grant(jwt, "role", how->role);
  (void)jwt_add_grant(jwt, "jti", "t");
  if (how->iat >= 0) (void)jwt_add_grant_int(jwt, "iat", how->iat);
  if (how->nbf >= 0) (void)jwt_add_grant_int(jwt, "nbf", how->nbf);
  if (how->exp >= 0) (void)jwt_add_grant_int(jwt, "exp", how->exp);
  bool keyed = how->alg != JWT_ALG_NONE;
  assert_int_equal(
      jwt_set_alg(jwt, how->alg, keyed ? f->key.bytes : NULL, keyed ? SM_KEY_BYTES : 0), 0);
  char *text = jwt_encode_str(jwt);
  assert_non_null(text);
  jwt_free(jwt);
  return text;
}

static sm_err verify(const fixture *f, const char *token) {
  sm_claims claims;
  return sm_tokens_verify(f->tokens, token, strlen(token), &claims);
}

static sm_err verify_forged(const fixture *f, forgery how) {
  char *token = forge(f, &how);
  sm_err err = verify(f, token);
  free(token);
  return err;
}

static void an_issued_token_says_who_and_until_when(void **state) {
  const fixture *f = *state;
  char *token = NULL;
  int64_t expires_ms = 0;
  sm_claims claims = {0};
  assert_int_equal(
      sm_tokens_issue(f->tokens, "u_abc", "f_abc", SM_ROLE_CONSUMER, &token, &expires_ms), SM_OK);
  assert_int_equal(sm_tokens_verify(f->tokens, token, strlen(token), &claims), SM_OK);
  assert_string_equal(claims.user_id, "u_abc");
  assert_string_equal(claims.session_id, "f_abc");
  assert_int_equal(claims.role, SM_ROLE_CONSUMER);
  assert_int_equal(claims.expires_ms, f->clock.ms + 900000);
  assert_int_equal(expires_ms, claims.expires_ms);
  free(token);
}

static void the_forgers_tool_makes_a_token_that_would_pass(void **state) {
  assert_int_equal(verify_forged(*state, right), SM_OK);
}

static void other_algorithms_are_refused_even_with_the_right_key(void **state) {
  forgery how = right;
  how.alg = JWT_ALG_NONE;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.alg = JWT_ALG_HS384;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.alg = JWT_ALG_HS512;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
}

/* Puts another header before a good token's claims and signature, and optionally no signature. */
static sm_err verify_with_header(const fixture *f, const char *header, bool with_signature) {
  char *good = forge(f, &right);
  char head[256];
  char token[SM_TOKEN_MAX];
  (void)sodium_bin2base64(head, sizeof head, (const unsigned char *)header, strlen(header),
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  char *claims = strchr(good, '.');
  assert_non_null(claims);
  if (!with_signature) strrchr(good, '.')[1] = '\0';
  (void)snprintf(token, sizeof token, "%s%s", head, claims);
  free(good);
  return verify(f, token);
}

static void a_changed_header_is_refused(void **state) {
  const fixture *f = *state;
  static const char *const formats[] = {
      "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
      "{\"alg\":\"None\",\"kid\":\"%s\"}",
      "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
      "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
      "{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
      "{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
      "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"kid\":\"%s\"}",
      "{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"%s\"}",
      "{\"alg\":[\"HS256\"],\"kid\":\"%s\"}",
      "{\"kid\":\"%s\"}",
      "{\"alg\":\"HS256\",\"kid\":[\"%s\"]}",
      "[\"HS256\",\"%s\"]",
  };
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    char header[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(header, sizeof header, formats[i], f->key.kid);
#pragma GCC diagnostic pop
    assert_int_equal(verify_with_header(f, header, true), SM_ERR_DENIED);
    assert_int_equal(verify_with_header(f, header, false), SM_ERR_DENIED);
  }
}

static void an_unknown_key_id_is_refused(void **state) {
  forgery how = right;
  how.kid = "nobody";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.kid = "../../etc/passwd";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.kid = "a-key-id-that-is-much-longer-than-any-that-we-make";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
}

static void foreign_or_missing_claims_are_refused(void **state) {
  forgery how = right;
  how.iss = "somebody";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.iss = NULL;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.aud = "smartmeter";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.sub = NULL;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.sid = NULL;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.sid = "";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.sid = "a-session-id-that-is-longer-than-any-of-ours";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.role = "root";
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.role = NULL;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
}

static void a_token_is_taken_inside_its_time_only(void **state) {
  forgery how = right;
  how.exp = NOW_S;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.exp = -1;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.exp = NOW_S + SM_TOKEN_LIFE_S + 1; /* longer than any that we make */
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.nbf = NOW_S + 60;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.nbf = -1;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how = right;
  how.iat = NOW_S + 60;
  how.exp = NOW_S + 120;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
  how.iat = -1;
  assert_int_equal(verify_forged(*state, how), SM_ERR_DENIED);
}

static void time_ends_a_token(void **state) {
  fixture *f = *state;
  char *token = forge(f, &right);
  f->clock.ms += 899000;
  assert_int_equal(verify(f, token), SM_OK);
  f->clock.ms += 1000;
  assert_int_equal(verify(f, token), SM_ERR_DENIED);
  free(token);
}

static void cut_and_changed_tokens_are_refused(void **state) {
  const fixture *f = *state;
  char *token = forge(f, &right);
  size_t len = strlen(token);
  sm_claims claims;
  for (size_t cut = 0; cut < len; cut++)
    assert_int_equal(sm_tokens_verify(f->tokens, token, cut, &claims), SM_ERR_DENIED);
  for (size_t i = 0; i + 1 < len; i++) {
    char was = token[i];
    token[i] = was == 'A' ? 'B' : 'A';
    assert_int_equal(sm_tokens_verify(f->tokens, token, len, &claims), SM_ERR_DENIED);
    token[i] = was;
  }
  assert_int_equal(verify(f, token), SM_OK);
  free(token);
}

static void nonsense_and_giants_are_refused(void **state) {
  const fixture *f = *state;
  static char giant[1 << 20];
  memset(giant, 'A', sizeof giant);
  sm_claims claims;
  assert_int_equal(sm_tokens_verify(f->tokens, giant, sizeof giant, &claims), SM_ERR_DENIED);
  giant[10] = '.';
  giant[20] = '.';
  assert_int_equal(sm_tokens_verify(f->tokens, giant, SM_TOKEN_MAX, &claims), SM_ERR_DENIED);
  static const char *const bad[] = {
      "", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.e30", "\xff.\xff.\xff", " . . "};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(verify(f, bad[i]), SM_ERR_DENIED);
}

static char *issued(sm_tokens *tokens) {
  char *token = NULL;
  int64_t expires_ms = 0;
  assert_int_equal(sm_tokens_issue(tokens, "u_1", "f_1", SM_ROLE_ADMIN, &token, &expires_ms),
                   SM_OK);
  return token;
}

static bool same_key(const char *a, const char *b) {
  return strncmp(a, b, strcspn(a, ".") + 1) == 0;
}

static void after_rotations_old_tokens_pass_until_their_end(void **state) {
  fixture *f = *state;
  char *token[6];
  for (int i = 0; i < 6; i++) { /* however many within the life of a token */
    token[i] = issued(f->tokens);
    assert_int_equal(sm_tokens_rotate(f->tokens, false), SM_OK);
    if (i > 0) assert_false(same_key(token[i], token[i - 1]));
    f->clock.ms += 1000;
  }
  f->clock.ms += (SM_TOKEN_LIFE_S - 7) * 1000;
  for (int i = 0; i < 6; i++) assert_int_equal(verify(f, token[i]), SM_OK);
  f->clock.ms += 7000;
  for (int i = 0; i < 6; i++) {
    assert_int_equal(verify(f, token[i]), SM_ERR_DENIED);
    free(token[i]);
  }
}

static size_t keys_in_file(const fixture *f) {
  static const char *const uses[] = {"sign", NULL};
  sm_keyfile file = {0};
  assert_int_equal(sm_keyfile_open(f->dir, "token-signing", uses, 0, &file), SM_OK);
  size_t count = file.count;
  sm_keyfile_fini(&file);
  return count;
}

static void keys_go_when_all_that_they_signed_has_ended(void **state) {
  fixture *f = *state;
  for (int i = 0; i < 3; i++) assert_int_equal(sm_tokens_rotate(f->tokens, false), SM_OK);
  assert_int_equal(keys_in_file(f), 4);
  f->clock.ms += (SM_TOKEN_LIFE_S + 60) * 1000;
  assert_int_equal(sm_tokens_rotate(f->tokens, false), SM_OK);
  assert_int_equal(keys_in_file(f), 2); /* the one that signed until now, and the new one */
}

/* Who has stolen a key signs no further than the tokens that it was for. */
static void a_stolen_key_is_worth_nothing_after_its_successor(void **state) {
  fixture *f = *state;
  assert_int_equal(sm_tokens_rotate(f->tokens, false), SM_OK);
  f->clock.ms += 60000;
  forgery how = right;
  assert_int_equal(verify_forged(f, how), SM_OK); /* signed before */
  how.iat = how.nbf = NOW_S + 60;
  how.exp = NOW_S + 60 + SM_TOKEN_LIFE_S;
  assert_int_equal(verify_forged(f, how), SM_ERR_DENIED);
  how.iat = NOW_S;
  assert_int_equal(verify_forged(f, how), SM_ERR_DENIED); /* nor longer than it says */
}

static void a_rotation_at_once_ends_all_older_tokens(void **state) {
  fixture *f = *state;
  char *old = issued(f->tokens);
  assert_int_equal(sm_tokens_rotate(f->tokens, false), SM_OK);
  assert_int_equal(sm_tokens_rotate(f->tokens, true), SM_OK);
  assert_int_equal(keys_in_file(f), 1);
  assert_int_equal(verify(f, old), SM_ERR_DENIED);
  char *fresh = issued(f->tokens);
  assert_int_equal(verify(f, fresh), SM_OK);
  free(old);
  free(fresh);
}

/* The command line rotates, the server has the file open for long. */
static void another_process_sees_a_rotation_by_itself(void **state) {
  fixture *f = *state;
  sm_tokens *other = open_tokens(f);
  char *old = issued(f->tokens);
  assert_int_equal(sm_tokens_rotate(other, false), SM_OK);
  char *fresh = issued(other);
  assert_int_equal(verify(f, fresh), SM_OK);
  char *own = issued(f->tokens);
  assert_true(same_key(own, fresh));
  assert_int_equal(verify(f, old), SM_OK);
  free(old);
  free(fresh);
  free(own);
  sm_tokens_free(other);
}

static void a_key_file_that_is_broken_or_gone_changes_nothing(void **state) {
  fixture *f = *state;
  char path[TEST_DIR_MAX + 40];
  char *token = issued(f->tokens);
  (void)snprintf(path, sizeof path, "%s/keys/token-signing.json", f->dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs("{}", file) >= 0);
  assert_int_equal(fclose(file), 0);
  char *second = issued(f->tokens);
  assert_true(same_key(token, second));
  assert_int_equal(verify(f, token), SM_OK);
  assert_int_equal(remove(path), 0);
  assert_int_equal(verify(f, token), SM_OK);
  free(token);
  free(second);
}

/* A token of another deployment: its key, or its key under our key's name, or its issuer. */
static void tokens_of_another_deployment_are_refused(void **state) {
  fixture *f = *state;
  fixture other = *f;
  (void)test_dir_make(other.dir);
  other.tokens = open_tokens(&other);
  char *foreign = issued(other.tokens);
  assert_int_equal(verify(&other, foreign), SM_OK);
  assert_int_equal(verify(f, foreign), SM_ERR_DENIED);
  other.key.bytes[0] ^= 1;
  assert_int_equal(verify_forged(f, right), SM_OK);
  char *forged = forge(&other, &right);
  assert_int_equal(verify(f, forged), SM_ERR_DENIED);
  sm_tokens *named = NULL;
  sm_tokens_options options = {.data_dir = f->dir,
                               .issuer = "https://other.example",
                               .now = test_clock_now,
                               .now_context = &f->clock};
  assert_int_equal(sm_tokens_new(&options, &named), SM_OK);
  char *other_issuer = issued(named);
  assert_int_equal(verify(f, other_issuer), SM_ERR_DENIED);
  sm_tokens_free(named);
  sm_tokens_free(other.tokens);
  test_dir_remove(other.dir);
  free(foreign);
  free(forged);
  free(other_issuer);
}

static void refresh_tokens_are_random_and_hashed(void **state) {
  (void)state;
  char a[SM_REFRESH_TOKEN_MAX];
  char b[SM_REFRESH_TOKEN_MAX];
  uint8_t hash_a[32];
  uint8_t hash_b[32];
  assert_string_not_equal(sm_refresh_token_make(a), sm_refresh_token_make(b));
  assert_int_equal(strlen(a), 43);
  assert_int_equal(sm_refresh_token_hash(a, 43, hash_a), SM_OK);
  assert_int_equal(sm_refresh_token_hash(b, 43, hash_b), SM_OK);
  assert_memory_not_equal(hash_a, hash_b, 32);
  assert_int_equal(sm_refresh_token_hash(a, 42, hash_a), SM_ERR_DENIED);
  assert_int_equal(sm_refresh_token_hash("", 0, hash_a), SM_ERR_DENIED);
  a[5] = '!';
  assert_int_equal(sm_refresh_token_hash(a, 43, hash_a), SM_ERR_DENIED);
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_KEYS(an_issued_token_says_who_and_until_when),
      WITH_KEYS(the_forgers_tool_makes_a_token_that_would_pass),
      WITH_KEYS(other_algorithms_are_refused_even_with_the_right_key),
      WITH_KEYS(a_changed_header_is_refused),
      WITH_KEYS(an_unknown_key_id_is_refused),
      WITH_KEYS(foreign_or_missing_claims_are_refused),
      WITH_KEYS(a_token_is_taken_inside_its_time_only),
      WITH_KEYS(time_ends_a_token),
      WITH_KEYS(cut_and_changed_tokens_are_refused),
      WITH_KEYS(nonsense_and_giants_are_refused),
      WITH_KEYS(after_rotations_old_tokens_pass_until_their_end),
      WITH_KEYS(keys_go_when_all_that_they_signed_has_ended),
      WITH_KEYS(a_stolen_key_is_worth_nothing_after_its_successor),
      WITH_KEYS(a_rotation_at_once_ends_all_older_tokens),
      WITH_KEYS(a_key_file_that_is_broken_or_gone_changes_nothing),
      WITH_KEYS(tokens_of_another_deployment_are_refused),
      WITH_KEYS(another_process_sees_a_rotation_by_itself),
      cmocka_unit_test(refresh_tokens_are_random_and_hashed),
  };
  if (sm_crypto_init() != SM_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
