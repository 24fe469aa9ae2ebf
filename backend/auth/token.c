#include "auth/token.h"

#include "auth/keyfile.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#include <jansson.h>
#include <jwt.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How far the clock of another server may be ahead of this one's. */
enum { SKEW_S = 30, LOOK_MS = 1000, HEADER_MAX = 512 };

static const char file_name[] = "token-signing";
static const char use_sign[] = "sign";
static const char *const uses[] = {use_sign, NULL};

/* A file that is written anew, or given to somebody else, has another one. */
typedef struct file_mark {
  ino_t inode;
  off_t size;
  struct timespec written;
} file_mark;

struct sm_tokens {
  char *data_dir;
  char *path;
  char *issuer;
  char *audience;
  sm_now_fn now;
  void *now_context;

  pthread_rwlock_t lock; /* over what follows */
  sm_keyfile keys;
  file_mark mark;    /* of the file that they are from */
  int64_t looked_ms; /* steady: when the file was last looked at */
};

/* ---- life ---- */

static char *path_of(const char *data_dir) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_buf_printf(&buf, "%s/keys/%s.json", data_dir, file_name);
  return sm_buf_take(&buf);
}

sm_err sm_tokens_new(const sm_tokens_options *options, sm_tokens **tokens) {
  sm_tokens *t = calloc(1, sizeof *t);
  if (t == NULL) return SM_ERR_NOMEM;
  if (pthread_rwlock_init(&t->lock, NULL) != 0) {
    free(t);
    return SM_ERR_INTERNAL;
  }
  t->now = options->now != NULL ? options->now : sm_clock_now_ms_for;
  t->now_context = options->now_context;
  t->looked_ms = INT64_MIN;
  t->data_dir = strdup(options->data_dir);
  t->path = path_of(options->data_dir);
  t->issuer = strdup(options->issuer != NULL ? options->issuer : "smartmeter");
  t->audience = strdup(options->audience != NULL ? options->audience : "smartmeter-api");
  sm_err err = SM_ERR_NOMEM;
  if (t->data_dir != NULL && t->path != NULL && t->issuer != NULL && t->audience != NULL)
    err = sm_keyfile_open(t->data_dir, file_name, uses, t->now(t->now_context), &t->keys);
  if (err != SM_OK) {
    sm_tokens_free(t);
    return err;
  }
  *tokens = t;
  return SM_OK;
}

void sm_tokens_free(sm_tokens *t) {
  if (t == NULL) return;
  sm_keyfile_fini(&t->keys);
  (void)pthread_rwlock_destroy(&t->lock);
  free(t->data_dir);
  free(t->path);
  free(t->issuer);
  free(t->audience);
  free(t);
}

/* ---- keys ---- */

static sm_err reread(sm_tokens *t) {
  sm_keyfile fresh = {0};
  sm_err err = sm_keyfile_open(t->data_dir, file_name, uses, t->now(t->now_context), &fresh);
  if (err != SM_OK) return err;
  (void)pthread_rwlock_wrlock(&t->lock);
  sm_keyfile old = t->keys;
  t->keys = fresh;
  (void)pthread_rwlock_unlock(&t->lock);
  sm_keyfile_fini(&old);
  return SM_OK;
}

static bool same_mark(const file_mark *a, const file_mark *b) {
  return a->inode == b->inode && a->size == b->size && a->written.tv_sec == b->written.tv_sec &&
         a->written.tv_nsec == b->written.tv_nsec;
}

/* Whether it is time to look, or `now`; and whether the file is another one than last time. A file
 * that is gone changes nothing: the keys in memory are all that is left of it. */
static bool is_new(sm_tokens *t, bool now) {
  int64_t steady_ms = sm_clock_steady_ms();
  (void)pthread_rwlock_rdlock(&t->lock);
  bool due = now || t->looked_ms == INT64_MIN || steady_ms - t->looked_ms >= LOOK_MS;
  (void)pthread_rwlock_unlock(&t->lock);
  struct stat st;
  if (!due || stat(t->path, &st) != 0) return false;
  const file_mark mark = {.inode = st.st_ino, .size = st.st_size, .written = st.st_ctim};
  (void)pthread_rwlock_wrlock(&t->lock);
  bool other = !same_mark(&t->mark, &mark);
  t->mark = mark;
  t->looked_ms = steady_ms;
  (void)pthread_rwlock_unlock(&t->lock);
  return other;
}

/* A file that cannot be read leaves the keys as they are; that is logged where it is read. */
static void look(sm_tokens *t, bool now) {
  if (!is_new(t, now)) return;
  sm_err err = reread(t);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "auth.keys_not_reread", SM_LOG_TEXT("error", sm_err_text(err)));
}

sm_err sm_tokens_rotate(sm_tokens *t, bool at_once) {
  int64_t now = t->now(t->now_context);
  int64_t ended = now - (int64_t)(SM_TOKEN_LIFE_S + 2 * SKEW_S) * 1000;
  sm_err err =
      sm_keyfile_replace(t->data_dir, file_name, use_sign, at_once ? INT64_MAX : ended, now);
  return err == SM_OK ? reread(t) : err;
}

/* A key, copied out, so that nothing is held while it is used. */
typedef struct key_copy {
  sm_key key;
  int64_t superseded_ms;
} key_copy;

/* kid NULL: the newest. */
static bool copy_key(sm_tokens *t, const char *kid, key_copy *copy) {
  (void)pthread_rwlock_rdlock(&t->lock);
  const sm_key *found = kid != NULL ? sm_keyfile_find(&t->keys, use_sign, kid)
                                    : sm_keyfile_newest(&t->keys, use_sign);
  if (found != NULL)
    *copy = (key_copy){.key = *found, .superseded_ms = sm_keyfile_superseded_ms(&t->keys, found)};
  (void)pthread_rwlock_unlock(&t->lock);
  return found != NULL;
}

/* A key id that is not known has the file looked at, which costs next to nothing while it is the
 * same. */
static bool key_for(sm_tokens *t, const char *kid, key_copy *copy) {
  look(t, false);
  if (copy_key(t, kid, copy)) return true;
  look(t, true);
  return copy_key(t, kid, copy);
}

/* ---- making ---- */

static bool fill(jwt_t *jwt, const sm_tokens *t, const sm_key *key, const char *user_id,
                 const char *session_id, sm_role role, int64_t now_s) {
  char jti[SM_ID_MAX];
  return jwt_add_header(jwt, "kid", key->kid) == 0 && jwt_add_grant(jwt, "iss", t->issuer) == 0 &&
         jwt_add_grant(jwt, "aud", t->audience) == 0 && jwt_add_grant(jwt, "sub", user_id) == 0 &&
         jwt_add_grant(jwt, "sid", session_id) == 0 &&
         jwt_add_grant(jwt, "role", sm_role_name(role)) == 0 &&
         jwt_add_grant(jwt, "jti", sm_random_id("t", jti)) == 0 &&
         jwt_add_grant_int(jwt, "iat", (long)now_s) == 0 &&
         jwt_add_grant_int(jwt, "nbf", (long)now_s) == 0 &&
         jwt_add_grant_int(jwt, "exp", (long)(now_s + SM_TOKEN_LIFE_S)) == 0 &&
         jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, SM_KEY_BYTES) == 0;
}

static bool fits(const char *id, size_t most) {
  size_t len = strlen(id);
  return len > 0 && len <= most;
}

sm_err sm_tokens_issue(sm_tokens *t, const char *user_id, const char *session_id, sm_role role,
                       char **token, int64_t *expires_ms) {
  if (!fits(user_id, SM_USER_ID_MAX) || !fits(session_id, SM_SESSION_ID_MAX)) return SM_ERR_RANGE;
  key_copy copy;
  look(t, true);
  if (!copy_key(t, NULL, &copy)) return SM_ERR_INTERNAL;
  int64_t now_s = t->now(t->now_context) / 1000;
  jwt_t *jwt = NULL;
  char *text = NULL;
  if (jwt_new(&jwt) == 0 && fill(jwt, t, &copy.key, user_id, session_id, role, now_s))
    text = jwt_encode_str(jwt);
  if (jwt != NULL) jwt_free(jwt);
  sodium_memzero(&copy, sizeof copy);
  if (text == NULL) return SM_ERR_NOMEM;
  *token = text;
  *expires_ms = (now_s + SM_TOKEN_LIFE_S) * 1000;
  return SM_OK;
}

/* ---- checking ---- */

static const char *text_of(const json_t *object, const char *member) {
  const json_t *value = json_object_get(object, member);
  const char *text = json_string_value(value);
  return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool text_is(const json_t *object, const char *member, const char *wanted) {
  const char *text = text_of(object, member);
  return text != NULL && strcmp(text, wanted) == 0;
}

/* Three parts of base64url, nothing else. */
static bool looks_like_one(const char *token, size_t len) {
  size_t dots = 0;
  for (size_t i = 0; i < len; i++) {
    char c = token[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_';
    if (c == '.')
      dots++;
    else if (!plain)
      return false;
  }
  return dots == 2;
}

/* The header is read before the signature is checked: it names the key. The algorithm in it is not
 * a choice of the sender's: there is one. */
static bool header_kid(const char *token, char kid[SM_KEY_ID_MAX]) {
  char text[HEADER_MAX];
  size_t len = 0;
  if (sodium_base642bin((unsigned char *)text, sizeof text, token, strcspn(token, "."), NULL, &len,
                        NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return false;
  json_t *header = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
  const char *named = text_of(header, "kid");
  bool ours = text_is(header, "alg", "HS256") && named != NULL && strlen(named) < SM_KEY_ID_MAX &&
              json_object_get(header, "crit") == NULL;
  if (ours) memcpy(kid, named, strlen(named) + 1);
  json_decref(header);
  return ours;
}

static bool second_of(const json_t *claims, const char *member, int64_t *second) {
  const json_t *value = json_object_get(claims, member);
  if (!json_is_integer(value)) return false;
  *second = json_integer_value(value);
  return *second >= 0 && *second < INT64_MAX / 1000;
}

/* A key that has a successor signs no more: what says it was signed later is somebody else's. */
static bool in_time(const json_t *claims, int64_t now_s, int64_t superseded_ms,
                    int64_t *expires_s) {
  int64_t issued;
  int64_t not_before;
  return second_of(claims, "iat", &issued) && second_of(claims, "nbf", &not_before) &&
         second_of(claims, "exp", expires_s) && issued <= now_s + SKEW_S &&
         (superseded_ms == INT64_MAX || issued <= superseded_ms / 1000 + SKEW_S) &&
         not_before <= now_s + SKEW_S && *expires_s > now_s && *expires_s > issued &&
         *expires_s - issued <= SM_TOKEN_LIFE_S;
}

static bool take_id(const json_t *claims, const char *member, size_t most, char *out) {
  const char *id = text_of(claims, member);
  if (id == NULL || !fits(id, most)) return false;
  memcpy(out, id, strlen(id) + 1);
  return true;
}

static sm_err claims_read(const sm_tokens *t, jwt_t *jwt, int64_t superseded_ms, sm_claims *out) {
  char *text = jwt_get_grants_json(jwt, NULL);
  json_t *claims = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  free(text);
  sm_claims got = {.user_id = ""};
  int64_t expires_s = 0;
  const char *role = text_of(claims, "role");
  bool ours = text_is(claims, "iss", t->issuer) && text_is(claims, "aud", t->audience) &&
              take_id(claims, "sub", SM_USER_ID_MAX, got.user_id) &&
              take_id(claims, "sid", SM_SESSION_ID_MAX, got.session_id) && role != NULL &&
              sm_role_parse(role, &got.role) == SM_OK && text_of(claims, "jti") != NULL &&
              in_time(claims, t->now(t->now_context) / 1000, superseded_ms, &expires_s);
  if (ours) {
    got.expires_ms = expires_s * 1000;
    *out = got;
  }
  json_decref(claims);
  return ours ? SM_OK : SM_ERR_DENIED;
}

sm_err sm_tokens_verify(sm_tokens *t, const char *token, size_t len, sm_claims *claims) {
  char text[SM_TOKEN_MAX + 1];
  if (len > SM_TOKEN_MAX || !looks_like_one(token, len)) return SM_ERR_DENIED;
  memcpy(text, token, len);
  text[len] = '\0';
  char kid[SM_KEY_ID_MAX];
  key_copy copy;
  if (!header_kid(text, kid) || !key_for(t, kid, &copy)) return SM_ERR_DENIED;
  jwt_t *jwt = NULL;
  sm_err err = SM_ERR_DENIED;
  if (jwt_decode(&jwt, text, copy.key.bytes, SM_KEY_BYTES) == 0 &&
      jwt_get_alg(jwt) == JWT_ALG_HS256)
    err = claims_read(t, jwt, copy.superseded_ms, claims);
  if (jwt != NULL) jwt_free(jwt);
  sodium_memzero(&copy, sizeof copy);
  return err;
}

/* ---- refresh tokens ---- */

char *sm_refresh_token_make(char out[SM_REFRESH_TOKEN_MAX]) {
  uint8_t random[32];
  sm_random_bytes(random, sizeof random);
  (void)sodium_bin2base64(out, SM_REFRESH_TOKEN_MAX, random, sizeof random,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(random, sizeof random);
  return out;
}

sm_err sm_refresh_token_hash(const char *token, size_t len, uint8_t hash[32]) {
  uint8_t bytes[32];
  size_t got = 0;
  bool ours = len == SM_REFRESH_TOKEN_MAX - 1 &&
              sodium_base642bin(bytes, sizeof bytes, token, len, NULL, &got, NULL,
                                sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
              got == sizeof bytes;
  if (ours) sm_sha256(bytes, sizeof bytes, hash);
  sodium_memzero(bytes, sizeof bytes);
  return ours ? SM_OK : SM_ERR_DENIED;
}
