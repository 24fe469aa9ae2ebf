#include "auth/audit_key.h"

#include "auth/keyfile.h"
#include "base/clock.h"
#include "base/file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(SM_KEY_BYTES == crypto_sign_SEEDBYTES, "a key of the file is a seed");
_Static_assert(SM_AUDIT_SIGNATURE_BYTES == crypto_sign_BYTES, "one size of signatures");
_Static_assert((int)SM_AUDIT_KID_MAX == (int)SM_KEY_ID_MAX, "one size of key ids");

static const char file_name[] = "audit";
static const char use_sign[] = "audit-sign";
static const char *const uses[] = {use_sign, NULL};

typedef struct pair {
  char kid[SM_KEY_ID_MAX];
  uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
  uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
} pair;

struct sm_audit_key {
  pair *pair; /* oldest first */
  size_t count;
  sm_audit_signer signer;
};

static sm_err sign(void *context, sm_audit_head *head) {
  const sm_audit_key *k = context;
  const pair *p = &k->pair[k->count - 1];
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  memcpy(head->kid, p->kid, sizeof head->kid);
  size_t len = sm_audit_head_signed_text(head, text);
  int bad =
      crypto_sign_detached(head->signature, NULL, (const unsigned char *)text, len, p->secret_key);
  return bad == 0 ? SM_OK : SM_ERR_INTERNAL;
}

static sm_err check(void *context, const sm_audit_head *head) {
  const sm_audit_key *k = context;
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  size_t len = sm_audit_head_signed_text(head, text);
  for (size_t i = 0; i < k->count; i++)
    if (strcmp(k->pair[i].kid, head->kid) == 0)
      return crypto_sign_verify_detached(head->signature, (const unsigned char *)text, len,
                                         k->pair[i].public_key) == 0
                 ? SM_OK
                 : SM_ERR_DENIED;
  return SM_ERR_NOT_FOUND;
}

static sm_err make_pairs(const sm_keyfile *file, sm_audit_key *k) {
  k->pair = calloc(file->count, sizeof *k->pair);
  if (k->pair == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < file->count; i++) {
    if (strcmp(file->key[i].use, use_sign) != 0) continue;
    pair *p = &k->pair[k->count++];
    memcpy(p->kid, file->key[i].kid, sizeof p->kid);
    (void)crypto_sign_seed_keypair(p->public_key, p->secret_key, file->key[i].bytes);
  }
  return SM_OK;
}

static sm_err look(const char *data_dir) {
  char *path = sm_path_join(data_dir, "keys/audit.json");
  sm_err err = path != NULL ? sm_file_look(path) : SM_ERR_NOMEM;
  free(path);
  return err;
}

sm_err sm_audit_key_open(const char *data_dir, bool create, sm_audit_key **key) {
  sm_keyfile file = {0};
  sm_err err = create ? SM_OK : look(data_dir);
  if (err != SM_OK) return err;
  sm_audit_key *k = calloc(1, sizeof *k);
  if (k == NULL) return SM_ERR_NOMEM;
  err = sm_keyfile_open(data_dir, file_name, uses, sm_clock_now_ms(), &file);
  if (err == SM_OK) err = make_pairs(&file, k);
  sm_keyfile_fini(&file);
  if (err != SM_OK) {
    sm_audit_key_free(k);
    return err;
  }
  k->signer = (sm_audit_signer){.context = k, .sign = sign, .check = check};
  *key = k;
  return SM_OK;
}

void sm_audit_key_free(sm_audit_key *k) {
  if (k == NULL) return;
  if (k->pair != NULL) sodium_memzero(k->pair, k->count * sizeof *k->pair);
  free(k->pair);
  free(k);
}

const sm_audit_signer *sm_audit_key_signer(const sm_audit_key *k) {
  return &k->signer;
}
