#include "auth/password.h"

#include "base/crypto.h"
#include "base/steady.h"
#include "base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sm_passwords {
  unsigned long long ops;
  size_t memory;
  unsigned at_once;
  unsigned waiting_max;
  uint32_t wait_ms;
  char nobody[crypto_pwhash_STRBYTES]; /* the hash of a password that was thrown away */

  pthread_mutex_t mutex;
  pthread_cond_t left;
  unsigned inside;
  unsigned waiting;

  atomic_uint_fast64_t checks;
};

/* ---- the gate ---- */

static sm_err gate_enter(sm_passwords *p) {
  const struct timespec until = sm_steady_after(p->wait_ms);
  sm_err err = SM_OK;
  (void)pthread_mutex_lock(&p->mutex);
  if (p->inside >= p->at_once && p->waiting >= p->waiting_max) {
    err = SM_ERR_BUSY;
  } else {
    p->waiting++;
    while (p->inside >= p->at_once && err == SM_OK)
      if (pthread_cond_timedwait(&p->left, &p->mutex, &until) == ETIMEDOUT) err = SM_ERR_BUSY;
    p->waiting--;
    if (p->inside < p->at_once) err = SM_OK;
    if (err == SM_OK) p->inside++;
  }
  (void)pthread_mutex_unlock(&p->mutex);
  return err;
}

static void gate_leave(sm_passwords *p) {
  (void)pthread_mutex_lock(&p->mutex);
  p->inside--;
  (void)pthread_cond_signal(&p->left);
  (void)pthread_mutex_unlock(&p->mutex);
}

static bool gate_init(sm_passwords *p) {
  if (pthread_mutex_init(&p->mutex, NULL) != 0) return false;
  bool done = sm_steady_cond_init(&p->left);
  if (!done) (void)pthread_mutex_destroy(&p->mutex);
  return done;
}

/* ---- life ---- */

static sm_err make_nobody(sm_passwords *p) {
  char password[32];
  sm_random_bytes(password, sizeof password);
  int failed = crypto_pwhash_str(p->nobody, password, sizeof password, p->ops, p->memory);
  sodium_memzero(password, sizeof password);
  return failed != 0 ? SM_ERR_NOMEM : SM_OK;
}

sm_err sm_passwords_new(const sm_passwords_options *options, sm_passwords **passwords) {
  sm_passwords_options o = options != NULL ? *options : (sm_passwords_options){0};
  sm_passwords *p = calloc(1, sizeof *p);
  if (p == NULL) return SM_ERR_NOMEM;
  p->ops = o.ops != 0 ? o.ops : crypto_pwhash_OPSLIMIT_INTERACTIVE;
  p->memory = o.memory != 0 ? o.memory : crypto_pwhash_MEMLIMIT_INTERACTIVE;
  p->at_once = o.at_once != 0 ? o.at_once : 2;
  p->waiting_max = o.waiting != 0 ? o.waiting : 16;
  p->wait_ms = o.wait_ms != 0 ? o.wait_ms : 5000;
  sm_err err = gate_init(p) ? SM_OK : SM_ERR_INTERNAL;
  if (err != SM_OK) {
    free(p);
    return err;
  }
  err = make_nobody(p);
  if (err != SM_OK) {
    sm_passwords_free(p);
    return err;
  }
  *passwords = p;
  return SM_OK;
}

void sm_passwords_free(sm_passwords *p) {
  if (p == NULL) return;
  (void)pthread_cond_destroy(&p->left);
  (void)pthread_mutex_destroy(&p->mutex);
  free(p);
}

/* ---- hashing ---- */

sm_err sm_passwords_hash(sm_passwords *p, const char *password, size_t len, char **hash) {
  if (sm_password_problem(password, len) != NULL) return SM_ERR_INVALID;
  char *text = malloc(crypto_pwhash_STRBYTES);
  if (text == NULL) return SM_ERR_NOMEM;
  sm_err err = gate_enter(p);
  if (err == SM_OK) {
    if (crypto_pwhash_str(text, password, len, p->ops, p->memory) != 0) err = SM_ERR_NOMEM;
    gate_leave(p);
  }
  if (err == SM_OK)
    *hash = text;
  else
    free(text);
  return err;
}

sm_err sm_passwords_verify(sm_passwords *p, const char *hash, const char *password, size_t len) {
  /* What can be no password is checked all the same, in place of it nothing: time must not tell. */
  bool possible = hash != NULL && len <= SM_PASSWORD_MAX;
  sm_err err = gate_enter(p);
  if (err != SM_OK) return err;
  atomic_fetch_add(&p->checks, 1);
  errno = 0;
  int differs = crypto_pwhash_str_verify(possible ? hash : p->nobody, password,
                                         len <= SM_PASSWORD_MAX ? len : SM_PASSWORD_MAX);
  bool starved = differs != 0 && errno == ENOMEM;
  gate_leave(p);
  if (starved) return SM_ERR_NOMEM;
  return possible && differs == 0 ? SM_OK : SM_ERR_DENIED;
}

uint64_t sm_passwords_checks(sm_passwords *p) {
  return atomic_load(&p->checks);
}

const char *sm_passwords_nobody(const sm_passwords *p) {
  return p->nobody;
}
