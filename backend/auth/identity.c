#include "auth/identity.h"

#include "auth/identity_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Failed logins in the audit log: a burst, then one a second; the rest is counted. */
enum { AUDIT_BURST = 60, AUDIT_REFILL_MS = 1000, GATE_RETRY_S = 2 };

static int64_t steady_of_clock(void *context) {
  (void)context;
  return sm_clock_steady_ms();
}

int64_t sm_identity_now_ms(const sm_identity *id) {
  return id->now(id->now_context);
}

int64_t sm_identity_steady_ms(const sm_identity *id) {
  return id->steady(id->now_context);
}

/* ---- life ---- */

static sm_err open_parts(sm_identity *id, const sm_identity_options *options) {
  sm_tokens_options tokens = {.data_dir = options->data_dir,
                              .issuer = options->issuer,
                              .now = id->now,
                              .now_context = id->now_context};
  sm_err err = sm_tokens_new(&tokens, &id->tokens);
  if (err == SM_OK) err = sm_sealer_new(options->data_dir, &id->sealer);
  if (err == SM_OK) err = sm_passwords_new(&options->password, &id->passwords);
  /* All servers with the same keys have the same, and nobody else has. */
  uint8_t key[32] = {0};
  sm_throttle_options throttle = options->throttle;
  if (err == SM_OK && throttle.table != NULL) {
    err = sm_email_hash(id->sealer, "throttle@servers.invalid", key);
    throttle.table_key = key;
  }
  if (err == SM_OK) err = sm_throttle_new(&throttle, &id->throttle);
  sodium_memzero(key, sizeof key);
  return err;
}

sm_err sm_identity_new(const sm_identity_options *options, sm_identity **identity) {
  sm_identity *id = calloc(1, sizeof *id);
  if (id == NULL) return SM_ERR_NOMEM;
  if (pthread_mutex_init(&id->mutex, NULL) != 0) {
    free(id);
    return SM_ERR_INTERNAL;
  }
  id->ledger = options->ledger;
  id->now = options->now != NULL ? options->now : sm_clock_now_ms_for;
  id->steady = options->steady != NULL ? options->steady : steady_of_clock;
  id->now_context = options->now_context;
  id->audit_full_ms = INT64_MIN;
  id->version_until_ms = INT64_MIN;
  sm_err err = open_parts(id, options);
  if (err != SM_OK) {
    sm_identity_free(id);
    return err;
  }
  *identity = id;
  return SM_OK;
}

void sm_identity_free(sm_identity *id) {
  if (id == NULL) return;
  sm_throttle_free(id->throttle);
  sm_passwords_free(id->passwords);
  sm_sealer_free(id->sealer);
  sm_tokens_free(id->tokens);
  (void)pthread_mutex_destroy(&id->mutex);
  free(id);
}

sm_sealer *sm_identity_sealer(sm_identity *id) {
  return id->sealer;
}

sm_err sm_identity_rotate_tokens(sm_identity *id, sm_actor actor, bool at_once) {
  sm_err err = sm_tokens_rotate(id->tokens, at_once);
  if (err != SM_OK) return err;
  return sm_ledger_audit(id->ledger, actor, "keys.rotate", "token-signing",
                         at_once ? "{\"at_once\":true}" : NULL);
}

static void wipe_text(char *text) {
  if (text != NULL) sodium_memzero(text, strlen(text));
  free(text);
}

void sm_person_fini(sm_person *person) {
  free(person->user_id);
  free(person->email);
  free(person->name);
  free(person->language);
  *person = (sm_person){0};
}

void sm_session_fini(sm_session *session) {
  wipe_text(session->token);
  sodium_memzero(session->refresh, sizeof session->refresh);
  sm_person_fini(&session->user);
  *session = (sm_session){0};
}

/* ---- the audit of failures ---- */

/* Whether one more failure may be written; *left_out is how many were not, before this one. */
static bool audit_allowed(sm_identity *id, uint64_t *left_out) {
  int64_t now = sm_identity_steady_ms(id);
  (void)pthread_mutex_lock(&id->mutex);
  if (id->audit_full_ms < now) id->audit_full_ms = now;
  bool allowed = id->audit_full_ms - now <= (int64_t)(AUDIT_BURST - 1) * AUDIT_REFILL_MS;
  if (allowed) {
    id->audit_full_ms += AUDIT_REFILL_MS;
    *left_out = id->audit_left_out;
    id->audit_left_out = 0;
  } else {
    id->audit_left_out++;
  }
  (void)pthread_mutex_unlock(&id->mutex);
  return allowed;
}

/* The address somebody typed is personal data (or a password in the wrong field): it is not
 * written. */
void sm_identity_audit_failure(sm_identity *id, const char *action, const char *user_id,
                               const char *address) {
  uint64_t left_out = 0;
  if (!audit_allowed(id, &left_out)) return;
  sm_buf detail;
  sm_buf_init(&detail, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &detail);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "address", address);
  if (left_out > 0) sm_jsonw_key_int(&w, "left_out_before", (int64_t)left_out);
  sm_jsonw_object_end(&w);
  sm_actor actor = {.id = "server"};
  sm_err err = sm_ledger_audit(id->ledger, actor, action, user_id != NULL ? user_id : "",
                               sm_buf_text(&detail));
  sm_buf_fini(&detail);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "auth.audit_failed", SM_LOG_TEXT("action", action),
           SM_LOG_TEXT("error", sm_err_text(err)));
}

/* ---- sessions ---- */

sm_err sm_identity_open(sm_identity *id, const sm_user *user, sm_person *person) {
  sm_person got = {.role = user->role,
                   .disabled = user->disabled,
                   .has_password = user->password_hash != NULL,
                   .must_change = user->must_change,
                   .created_ms = user->created_ms};
  got.user_id = strdup(user->user_id);
  sm_err err = got.user_id == NULL ? SM_ERR_NOMEM : SM_OK;
  if (err == SM_OK && user->language != NULL) {
    got.language = strdup(user->language);
    if (got.language == NULL) err = SM_ERR_NOMEM;
  }
  if (err == SM_OK) err = sm_unseal(id->sealer, SM_FIELD_EMAIL, &user->email_sealed, &got.email);
  if (err == SM_OK) err = sm_unseal(id->sealer, SM_FIELD_NAME, &user->name_sealed, &got.name);
  if (err == SM_OK)
    *person = got;
  else
    sm_person_fini(&got);
  return err;
}

/* All of a session but its refresh token and its id, which is there already. */
static sm_err session_fill(sm_identity *id, const sm_user *user, sm_session *session) {
  int64_t expires_ms = 0;
  sm_err err = sm_identity_open(id, user, &session->user);
  if (err == SM_OK)
    err = sm_tokens_issue(id->tokens, user->user_id, session->session_id, user->role,
                          &session->token, &expires_ms);
  session->expires_in_s = SM_TOKEN_LIFE_S;
  session->refresh_expires_in_s = SM_REFRESH_LIFE_S;
  return err;
}

static int64_t refresh_end_ms(int64_t now) {
  return now + (int64_t)SM_REFRESH_LIFE_S * 1000;
}

static sm_err session_begin(sm_identity *id, const sm_user *user, sm_session *session) {
  sm_session got = {0};
  uint8_t hash[32];
  int64_t now = sm_identity_now_ms(id);
  (void)sm_refresh_token_make(got.refresh);
  sm_err err = sm_refresh_token_hash(got.refresh, strlen(got.refresh), hash);
  if (err == SM_OK)
    err = sm_ledger_session_start(id->ledger, user->user_id, hash, now, refresh_end_ms(now),
                                  got.session_id);
  if (err == SM_OK) err = session_fill(id, user, &got);
  if (err == SM_OK)
    *session = got;
  else
    sm_session_fini(&got);
  return err;
}

/* What cannot be an address still has a bucket, and goes the same way. */
static void account_key(sm_identity *id, const char *email, uint8_t key[32]) {
  if (sm_email_hash(id->sealer, email, key) != SM_OK)
    sm_sha256(email, strnlen(email, SM_EMAIL_MAX + 1), key);
}

static sm_err check_password(sm_identity *id, const uint8_t account[32], const char *password,
                             size_t len, sm_user *user) {
  sm_err found = sm_ledger_user_by_email(id->ledger, account, user);
  if (found != SM_OK && found != SM_ERR_NOT_FOUND) return found;
  bool usable = found == SM_OK && !user->disabled;
  sm_err err =
      sm_passwords_verify(id->passwords, usable ? user->password_hash : NULL, password, len);
  return err;
}

sm_err sm_identity_login(sm_identity *id, const char *email, const char *password,
                         size_t password_len, const char *address, sm_session *session,
                         int64_t *retry_after_s) {
  uint8_t account[32];
  int64_t wait_ms = 0;
  account_key(id, email, account);
  sm_err err =
      sm_throttle_take(id->throttle, account, address, sm_identity_steady_ms(id), &wait_ms);
  if (err != SM_OK) {
    *retry_after_s = (wait_ms + 999) / 1000;
    return err;
  }
  sm_user user = {0};
  err = check_password(id, account, password, password_len, &user);
  if (err == SM_ERR_DENIED) sm_identity_audit_failure(id, "login.failed", user.user_id, address);
  if (err == SM_OK) err = session_begin(id, &user, session);
  int64_t steady = sm_identity_steady_ms(id);
  if (err != SM_ERR_DENIED) sm_throttle_forgive(id->throttle, account, address, steady);
  if (err == SM_OK) sm_throttle_know(id->throttle, account, address, steady);
  if (err == SM_ERR_BUSY) *retry_after_s = GATE_RETRY_S;
  sm_user_fini(&user);
  return err;
}

/* The successor is stored already; if it cannot be given out, it must not live. */
static sm_err session_continue(sm_identity *id, const char *user_id, const uint8_t hash[32],
                               const char *address, sm_session *got) {
  sm_user user = {0};
  sm_err err = sm_ledger_user_by_id(id->ledger, user_id, &user);
  if (err == SM_ERR_NOT_FOUND || (err == SM_OK && user.disabled)) err = SM_ERR_DENIED;
  if (err == SM_OK) err = session_fill(id, &user, got);
  if (err == SM_OK)
    sm_throttle_know(id->throttle, user.email_hash, address, sm_identity_steady_ms(id));
  sm_user_fini(&user);
  if (err == SM_ERR_DENIED && sm_ledger_session_end(id->ledger, hash) != SM_OK)
    sm_log(SM_LOG_WARN, "auth.session_not_ended", SM_LOG_TEXT("user", user_id));
  return err;
}

sm_err sm_identity_refresh(sm_identity *id, const char *refresh, size_t len, const char *address,
                           sm_session *session) {
  uint8_t old_hash[32];
  uint8_t new_hash[32];
  sm_err err = sm_refresh_token_hash(refresh, len, old_hash);
  if (err != SM_OK) return err;
  sm_session got = {0};
  char *user_id = NULL;
  int64_t now = sm_identity_now_ms(id);
  (void)sm_refresh_token_make(got.refresh);
  err = sm_refresh_token_hash(got.refresh, strlen(got.refresh), new_hash);
  if (err == SM_OK)
    err = sm_ledger_session_rotate(id->ledger, old_hash, new_hash, now, refresh_end_ms(now),
                                   &user_id, got.session_id);
  if (err == SM_ERR_NOT_FOUND) err = SM_ERR_DENIED;
  if (err == SM_OK) err = session_continue(id, user_id, new_hash, address, &got);
  free(user_id);
  if (err == SM_OK)
    *session = got;
  else
    sm_session_fini(&got);
  return err;
}

sm_err sm_identity_logout(sm_identity *id, const char *refresh, size_t len) {
  uint8_t hash[32];
  if (refresh == NULL || sm_refresh_token_hash(refresh, len, hash) != SM_OK) return SM_OK;
  sm_err err = sm_ledger_session_end(id->ledger, hash);
  sm_identity_forget(id);
  return err;
}

/* ---- bearers ---- */

static sm_active *active_slot(sm_identity *id, const char *user_id, const char *session_id) {
  uint32_t hash = 2166136261u;
  for (const char *at = user_id; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
  for (const char *at = session_id; *at != '\0'; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
  return &id->active[hash % SM_ACTIVE_SLOTS];
}

void sm_identity_forget(sm_identity *id) {
  (void)pthread_mutex_lock(&id->mutex);
  id->version_until_ms = INT64_MIN;
  id->changes++;
  (void)pthread_mutex_unlock(&id->mutex);
}

/* Asks the ledger, at most once in SM_ACTIVE_MS, whether what is remembered still holds. */
static sm_err check_version(sm_identity *id) {
  int64_t now = sm_identity_steady_ms(id);
  (void)pthread_mutex_lock(&id->mutex);
  bool fresh = id->version_until_ms > now;
  (void)pthread_mutex_unlock(&id->mutex);
  if (fresh) return SM_OK;
  int64_t version;
  sm_err err = sm_ledger_people_version(id->ledger, &version);
  if (err != SM_OK) return err;
  (void)pthread_mutex_lock(&id->mutex);
  if (version != id->people_version) {
    memset(id->active, 0, sizeof id->active);
    id->people_version = version;
    id->changes++;
  }
  id->version_until_ms = now + SM_ACTIVE_MS;
  (void)pthread_mutex_unlock(&id->mutex);
  return SM_OK;
}

static bool remembered(sm_identity *id, const char *user_id, const char *session_id, sm_active *out,
                       uint64_t *changes) {
  (void)pthread_mutex_lock(&id->mutex);
  const sm_active *slot = active_slot(id, user_id, session_id);
  bool same = strcmp(slot->user_id, user_id) == 0 && strcmp(slot->session_id, session_id) == 0;
  if (same) *out = *slot;
  *changes = id->changes;
  (void)pthread_mutex_unlock(&id->mutex);
  return same;
}

static void remember(sm_identity *id, const sm_active *answer, uint64_t changes) {
  (void)pthread_mutex_lock(&id->mutex);
  if (id->changes == changes) *active_slot(id, answer->user_id, answer->session_id) = *answer;
  (void)pthread_mutex_unlock(&id->mutex);
}

static sm_err ask(sm_identity *id, const char *user_id, const char *session_id, sm_active *answer) {
  sm_err err = sm_ledger_standing(id->ledger, user_id, session_id[0] != '\0' ? session_id : NULL,
                                  &answer->standing);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  memcpy(answer->user_id, user_id, strlen(user_id) + 1);
  memcpy(answer->session_id, session_id, strlen(session_id) + 1);
  answer->there = err == SM_OK;
  return SM_OK;
}

sm_err sm_identity_active(sm_identity *id, const char *user_id, const char *session_id,
                          sm_standing *standing) {
  const char *session = session_id != NULL ? session_id : "";
  size_t len = strlen(user_id);
  if (len == 0 || len > SM_USER_ID_MAX || strlen(session) > SM_SESSION_ID_MAX) return SM_ERR_DENIED;
  sm_active answer = {.user_id = ""};
  uint64_t changes = 0;
  sm_err err = check_version(id);
  if (err == SM_OK && !remembered(id, user_id, session, &answer, &changes)) {
    err = ask(id, user_id, session, &answer);
    if (err == SM_OK) remember(id, &answer, changes);
  }
  if (err != SM_OK) return err;
  if (!answer.there) return SM_ERR_DENIED;
  *standing = answer.standing;
  return SM_OK;
}

sm_err sm_identity_authenticate(sm_identity *id, const char *token, size_t len, sm_claims *claims) {
  sm_claims got;
  sm_standing standing;
  sm_err err = sm_tokens_verify(id->tokens, token, len, &got);
  if (err == SM_OK) err = sm_identity_active(id, got.user_id, got.session_id, &standing);
  if (err != SM_OK) return err;
  got.role = standing.role;
  got.must_change = standing.must_change;
  *claims = got;
  return SM_OK;
}
