#include "auth/seal.h"

#include "auth/keyfile.h"
#include "base/clock.h"
#include "base/crypto.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  FORMAT = 1,
  NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
  TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
  HEAD_MAX = 2 + SM_KEY_ID_MAX,
  FIELD_MAX = 64
};
_Static_assert(SM_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size of keys");
_Static_assert(SM_KEY_BYTES >= crypto_generichash_KEYBYTES_MIN, "one size of keys");

static const char file_name[] = "pii";
static const char use_seal[] = "seal";
/* Its own key, never rotated: all hashes stored would be lost with it. */
static const char use_hash[] = "email-hash";
static const char *const uses[] = {use_seal, use_hash, NULL};

struct sm_sealer {
  char *data_dir;
  pthread_rwlock_t lock; /* over the keys */
  sm_keyfile keys;
};

sm_err sm_sealer_new(const char *data_dir, sm_sealer **sealer) {
  sm_sealer *s = calloc(1, sizeof *s);
  if (s == NULL) return SM_ERR_NOMEM;
  if (pthread_rwlock_init(&s->lock, NULL) != 0) {
    free(s);
    return SM_ERR_INTERNAL;
  }
  s->data_dir = strdup(data_dir);
  sm_err err = SM_ERR_NOMEM;
  if (s->data_dir != NULL)
    err = sm_keyfile_open(data_dir, file_name, uses, sm_clock_now_ms(), &s->keys);
  if (err != SM_OK) {
    sm_sealer_free(s);
    return err;
  }
  *sealer = s;
  return SM_OK;
}

void sm_sealer_free(sm_sealer *s) {
  if (s == NULL) return;
  sm_keyfile_fini(&s->keys);
  (void)pthread_rwlock_destroy(&s->lock);
  free(s->data_dir);
  free(s);
}

sm_err sm_sealer_rotate(sm_sealer *s) {
  int64_t now = sm_clock_now_ms();
  sm_err err = sm_keyfile_rotate(s->data_dir, file_name, use_seal, SM_KEYS_MAX, now);
  sm_keyfile fresh = {0};
  if (err == SM_OK) err = sm_keyfile_open(s->data_dir, file_name, uses, now, &fresh);
  if (err != SM_OK) return err;
  (void)pthread_rwlock_wrlock(&s->lock);
  sm_keyfile old = s->keys;
  s->keys = fresh;
  (void)pthread_rwlock_unlock(&s->lock);
  sm_keyfile_fini(&old);
  return SM_OK;
}

/* kid NULL: the newest. */
static bool copy_key(sm_sealer *s, const char *use, const char *kid, sm_key *key) {
  (void)pthread_rwlock_rdlock(&s->lock);
  const sm_key *found =
      kid != NULL ? sm_keyfile_find(&s->keys, use, kid) : sm_keyfile_newest(&s->keys, use);
  if (found != NULL) *key = *found;
  (void)pthread_rwlock_unlock(&s->lock);
  return found != NULL;
}

/* What the tag covers beside the text: the head (format, key id) and the field's name. */
static size_t bind_to(uint8_t out[HEAD_MAX + FIELD_MAX], const uint8_t *head, size_t head_len,
                      const char *field) {
  size_t len = strnlen(field, FIELD_MAX);
  memcpy(out, head, head_len);
  memcpy(out + head_len, field, len);
  return head_len + len;
}

static size_t write_head(uint8_t *out, const char *kid) {
  size_t len = strnlen(kid, SM_KEY_ID_MAX - 1);
  out[0] = FORMAT;
  out[1] = (uint8_t)len;
  memcpy(out + 2, kid, len);
  return 2 + len;
}

sm_err sm_seal(sm_sealer *s, const char *field, const char *text, sm_bytes *out) {
  if (text == NULL) {
    *out = (sm_bytes){0};
    return SM_OK;
  }
  size_t len = strlen(text);
  if (len > SM_SEAL_PLAIN_MAX) return SM_ERR_RANGE;
  uint8_t *data = malloc(HEAD_MAX + NONCE + len + TAG);
  sm_key key;
  if (data == NULL) return SM_ERR_NOMEM;
  if (!copy_key(s, use_seal, NULL, &key)) {
    free(data);
    return SM_ERR_INTERNAL;
  }
  size_t head = write_head(data, key.kid);
  uint8_t bound[HEAD_MAX + FIELD_MAX];
  size_t bound_len = bind_to(bound, data, head, field);
  uint8_t *nonce = data + head;
  sm_random_bytes(nonce, NONCE);
  unsigned long long sealed = 0;
  (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE, &sealed,
                                                   (const unsigned char *)text, len, bound,
                                                   bound_len, NULL, nonce, key.bytes);
  sodium_memzero(&key, sizeof key);
  *out = (sm_bytes){data, head + NONCE + (size_t)sealed};
  return SM_OK;
}

/* The key that the head names, and the head's length; 0 if there is none. */
static size_t key_of_head(sm_sealer *s, const sm_bytes *sealed, sm_key *key) {
  if (sealed->len < 2 || sealed->data[0] != FORMAT) return 0;
  size_t len = sealed->data[1];
  if (len == 0 || len >= SM_KEY_ID_MAX || sealed->len < 2 + len + NONCE + TAG) return 0;
  char kid[SM_KEY_ID_MAX];
  memcpy(kid, sealed->data + 2, len);
  kid[len] = '\0';
  return copy_key(s, use_seal, kid, key) ? 2 + len : 0;
}

sm_err sm_unseal(sm_sealer *s, const char *field, const sm_bytes *sealed, char **text) {
  if (sealed->data == NULL) {
    *text = NULL;
    return SM_OK;
  }
  sm_key key;
  size_t head = key_of_head(s, sealed, &key);
  if (head == 0) return SM_ERR_CORRUPT;
  uint8_t bound[HEAD_MAX + FIELD_MAX];
  size_t bound_len = bind_to(bound, sealed->data, head, field);
  const uint8_t *nonce = sealed->data + head;
  size_t cipher_len = sealed->len - head - NONCE;
  char *plain = malloc(cipher_len - TAG + 1);
  int bad = -1;
  unsigned long long len = 0;
  if (plain != NULL)
    bad = crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain, &len, NULL,
                                                     nonce + NONCE, cipher_len, bound, bound_len,
                                                     nonce, key.bytes);
  sodium_memzero(&key, sizeof key);
  if (bad != 0) {
    sm_err err = plain == NULL ? SM_ERR_NOMEM : SM_ERR_CORRUPT;
    free(plain);
    return err;
  }
  plain[len] = '\0';
  *text = plain;
  return SM_OK;
}

sm_err sm_email_hash(sm_sealer *s, const char *email, uint8_t hash[32]) {
  char *folded = NULL;
  sm_err err = sm_email_fold(email, &folded);
  if (err != SM_OK) return err;
  sm_key key;
  err = copy_key(s, use_hash, NULL, &key) ? SM_OK : SM_ERR_INTERNAL;
  if (err == SM_OK)
    (void)crypto_generichash(hash, 32, (const unsigned char *)folded, strlen(folded), key.bytes,
                             SM_KEY_BYTES);
  sodium_memzero(&key, sizeof key);
  free(folded);
  return err;
}
