#include "auth/seal.h"

#include "auth/keyfile.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "store/ledger_sealed.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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
  char *path;            /* of the file */
  pthread_rwlock_t lock; /* over what follows */
  sm_keyfile keys;
  struct timespec read; /* the file's own time when it was read, */
  ino_t inode;
  int64_t looked_ms; /* and when it was looked at; steady */
  sm_text_sealer texts;
};

static sm_err text_seal(void *context, const char *field, const char *text, sm_bytes *out) {
  return sm_seal(context, field, text, out);
}

static sm_err text_open(void *context, const char *field, const sm_bytes *sealed, char **text) {
  return sm_unseal(context, field, sealed, text);
}

static sm_err text_again(void *context, const char *field, const sm_bytes *sealed,
                         sm_bytes *fresh) {
  return sm_seal_again(context, field, sealed, fresh);
}

const sm_text_sealer *sm_sealer_texts(const sm_sealer *s) {
  return &s->texts;
}

/* What the file is now; by this a change of another process is noticed. */
static bool note_file(sm_sealer *s) {
  struct stat st;
  s->looked_ms = sm_clock_steady_ms();
  if (stat(s->path, &st) != 0) return false;
  bool other = st.st_ino != s->inode || st.st_mtim.tv_sec != s->read.tv_sec ||
               st.st_mtim.tv_nsec != s->read.tv_nsec;
  s->inode = st.st_ino;
  s->read = st.st_mtim;
  return other;
}

sm_err sm_sealer_new(const char *data_dir, sm_sealer **sealer) {
  sm_sealer *s = calloc(1, sizeof *s);
  if (s == NULL) return SM_ERR_NOMEM;
  if (pthread_rwlock_init(&s->lock, NULL) != 0) {
    free(s);
    return SM_ERR_INTERNAL;
  }
  s->data_dir = strdup(data_dir);
  s->path = sm_path_join(data_dir, "keys/pii.json");
  s->texts =
      (sm_text_sealer){.context = s, .seal = text_seal, .open = text_open, .again = text_again};
  sm_err err = SM_ERR_NOMEM;
  if (s->data_dir != NULL && s->path != NULL) {
    (void)note_file(s); /* before it is read: a change in between is noticed later */
    err = sm_keyfile_open(data_dir, file_name, uses, sm_clock_now_ms(), &s->keys);
  }
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
  free(s->path);
  free(s);
}

/* Reads the file again. A file that cannot be read leaves the keys as they are. */
static sm_err reload(sm_sealer *s) {
  sm_keyfile fresh = {0};
  sm_err err = sm_keyfile_open(s->data_dir, file_name, uses, sm_clock_now_ms(), &fresh);
  if (err != SM_OK) return err;
  (void)pthread_rwlock_wrlock(&s->lock);
  sm_keyfile old = s->keys;
  s->keys = fresh;
  (void)pthread_rwlock_unlock(&s->lock);
  sm_keyfile_fini(&old);
  return SM_OK;
}

/* Another process may have made a new key: looked for once in so long, and for a key that is not
 * known at once. */
static void notice(sm_sealer *s, bool at_once) {
  (void)pthread_rwlock_wrlock(&s->lock);
  bool due = at_once || sm_clock_steady_ms() - s->looked_ms >= SM_SEALER_NOTICE_MS / 2;
  bool changed = due && note_file(s);
  (void)pthread_rwlock_unlock(&s->lock);
  if (!changed || reload(s) == SM_OK) return;
  sm_log(SM_LOG_ERROR, "auth.keys_not_read", SM_LOG_TEXT("file", s->path));
  (void)pthread_rwlock_wrlock(&s->lock);
  s->inode = 0; /* tried again */
  (void)pthread_rwlock_unlock(&s->lock);
}

sm_err sm_sealer_rotate(sm_sealer *s) {
  sm_err err = sm_keyfile_rotate(s->data_dir, file_name, use_seal, SM_KEYS_MAX, sm_clock_now_ms());
  return err == SM_OK ? reload(s) : err;
}

sm_err sm_sealer_drop_old(sm_sealer *s) {
  sm_err err = sm_keyfile_keep_newest(s->data_dir, file_name, use_seal);
  return err == SM_OK ? reload(s) : err;
}

void sm_sealer_keys(sm_sealer *s, size_t *count, int64_t *newest_ms) {
  *count = 0;
  (void)pthread_rwlock_rdlock(&s->lock);
  for (size_t i = 0; i < s->keys.count; i++) *count += strcmp(s->keys.key[i].use, use_seal) == 0;
  const sm_key *newest = sm_keyfile_newest(&s->keys, use_seal);
  *newest_ms = newest != NULL ? newest->created_ms : 0;
  (void)pthread_rwlock_unlock(&s->lock);
}

/* kid NULL: the newest. */
static bool find_key(sm_sealer *s, const char *use, const char *kid, sm_key *key) {
  (void)pthread_rwlock_rdlock(&s->lock);
  const sm_key *found =
      kid != NULL ? sm_keyfile_find(&s->keys, use, kid) : sm_keyfile_newest(&s->keys, use);
  if (found != NULL) *key = *found;
  (void)pthread_rwlock_unlock(&s->lock);
  return found != NULL;
}

static bool copy_key(sm_sealer *s, const char *use, const char *kid, sm_key *key) {
  if (kid == NULL) notice(s, false);
  if (find_key(s, use, kid, key)) return true;
  notice(s, true);
  return find_key(s, use, kid, key);
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

sm_err sm_seal_again(sm_sealer *s, const char *field, const sm_bytes *sealed, sm_bytes *fresh) {
  sm_key newest;
  sm_key used;
  char *text = NULL;
  *fresh = (sm_bytes){0};
  if (sealed->data == NULL) return SM_OK;
  if (key_of_head(s, sealed, &used) == 0) return SM_ERR_CORRUPT;
  if (!copy_key(s, use_seal, NULL, &newest)) return SM_ERR_INTERNAL;
  bool same = strcmp(newest.kid, used.kid) == 0;
  sodium_memzero(&newest, sizeof newest);
  sodium_memzero(&used, sizeof used);
  if (same) return SM_OK;
  sm_err err = sm_unseal(s, field, sealed, &text);
  if (err == SM_OK) err = sm_seal(s, field, text, fresh);
  if (text != NULL) sodium_memzero(text, strlen(text));
  free(text);
  return err;
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
