#include "auth/identity_people.h"

#include "auth/identity_internal.h"
#include "auth/person.h"

#include <stdlib.h>
#include <string.h>

enum { GATE_RETRY_S = 2 };

/* ---- changing ---- */

static void check_change(const sm_person_change *change, sm_problems *problems) {
  if (change->set_name && change->name != NULL && !sm_person_name_valid(change->name))
    sm_problems_add(problems, "name", "must be 1 to 200 bytes of text without control characters");
  if (change->set_language && change->language != NULL && strcmp(change->language, "en") != 0 &&
      strcmp(change->language, "hi") != 0)
    sm_problems_add(problems, "language", "must be 'en', 'hi' or null");
}

sm_err sm_identity_change(sm_identity *id, sm_actor actor, const char *user_id,
                          const sm_person_change *change, sm_problems *problems) {
  size_t before = problems->count;
  check_change(change, problems);
  if (problems->count != before) return SM_ERR_INVALID;
  sm_user_change row = {.set_name = change->set_name,
                        .set_language = change->set_language,
                        .language = change->language,
                        .set_role = change->set_role,
                        .role = change->role,
                        .set_disabled = change->set_disabled,
                        .disabled = change->disabled};
  sm_err err = SM_OK;
  if (change->set_name) err = sm_seal(id->sealer, SM_FIELD_NAME, change->name, &row.name_sealed);
  if (err == SM_OK) err = sm_ledger_user_change(id->ledger, actor, user_id, &row);
  free(row.name_sealed.data);
  sm_identity_forget(id);
  return err;
}

sm_err sm_identity_session_close(sm_identity *id, sm_actor actor, const char *user_id,
                                 const char *session_id) {
  sm_err err = sm_ledger_session_close(id->ledger, actor, user_id, session_id);
  sm_identity_forget(id);
  return err;
}

sm_err sm_identity_erase(sm_identity *id, sm_actor actor, const char *user_id, sm_date today,
                         size_t *accounts) {
  sm_err err = sm_person_erase(id->ledger, id->sealer, actor, user_id, today, accounts);
  sm_identity_forget(id);
  return err;
}

/* ---- links ---- */

sm_err sm_identity_link_make(sm_identity *id, sm_actor actor, const char *user_id, sm_link *link) {
  sm_link got;
  uint8_t hash[32];
  int64_t now = sm_identity_now_ms(id);
  got.expires_ms = now + (int64_t)SM_LINK_LIFE_S * 1000;
  (void)sm_refresh_token_make(got.token);
  sm_err err = sm_refresh_token_hash(got.token, strlen(got.token), hash);
  if (err == SM_OK)
    err = sm_ledger_link_make(id->ledger, actor, user_id, hash, now, got.expires_ms);
  if (err == SM_OK) *link = got;
  return err;
}

/* What the rule says for the person whose link or session it is. */
static sm_err check_for(sm_identity *id, const sm_user *user, const char *field,
                        const char *password, size_t len, sm_problems *problems) {
  sm_person person = {0};
  size_t before = problems->count;
  sm_err err = sm_identity_open(id, user, &person);
  if (err != SM_OK) return err;
  sm_identity_check_password(field, password, len, person.email, person.name, problems);
  sm_person_fini(&person);
  return problems->count != before ? SM_ERR_INVALID : SM_OK;
}

sm_err sm_identity_redeem(sm_identity *id, const char *token, size_t len, const char *password,
                          size_t password_len, const char *address, sm_problems *problems) {
  uint8_t link[32];
  sm_user user = {0};
  char *hash = NULL;
  int64_t now = sm_identity_now_ms(id);
  sm_err err = sm_refresh_token_hash(token, len, link);
  if (err == SM_OK) err = sm_ledger_link_user(id->ledger, link, now, &user);
  if (err == SM_OK) err = check_for(id, &user, "password", password, password_len, problems);
  if (err == SM_OK) err = sm_passwords_hash(id->passwords, password, password_len, &hash);
  if (err == SM_OK) err = sm_ledger_link_redeem(id->ledger, link, now, hash);
  if (err == SM_ERR_NOT_FOUND) err = SM_ERR_DENIED;
  if (err == SM_ERR_DENIED) sm_identity_audit_failure(id, "link.failed", NULL, address);
  free(hash);
  sm_user_fini(&user);
  sm_identity_forget(id);
  return err;
}

/* ---- one's own password ---- */

static bool same_password(const sm_password_new *change) {
  return change->password_len == change->current_len &&
         memcmp(change->password, change->current, change->current_len) == 0;
}

/* Whether the present one is right; if not, "current" is noted. */
static sm_err check_current(sm_identity *id, const sm_user *user, const sm_password_new *change,
                            sm_problems *problems, int64_t *retry_after_s) {
  int64_t wait_ms = 0;
  const char *address = change->address;
  sm_err err = sm_throttle_take(id->throttle, user->email_hash, address, sm_identity_steady_ms(id),
                                &wait_ms);
  if (err != SM_OK) {
    *retry_after_s = (wait_ms + 999) / 1000;
    return err;
  }
  err =
      sm_passwords_verify(id->passwords, user->password_hash, change->current, change->current_len);
  if (err == SM_ERR_BUSY) *retry_after_s = GATE_RETRY_S;
  if (err != SM_ERR_DENIED) {
    sm_throttle_forgive(id->throttle, user->email_hash, address, sm_identity_steady_ms(id));
    return err;
  }
  sm_identity_audit_failure(id, "password.failed", user->user_id, address);
  sm_problems_add(problems, "current", "is not the present password");
  return SM_ERR_INVALID;
}

static sm_err store_new(sm_identity *id, const sm_password_new *change, int64_t *retry_after_s) {
  char *hash = NULL;
  sm_err err = sm_passwords_hash(id->passwords, change->password, change->password_len, &hash);
  if (err == SM_ERR_BUSY) *retry_after_s = GATE_RETRY_S;
  if (err == SM_OK)
    err = sm_ledger_password_set(id->ledger, (sm_actor){change->user_id}, change->user_id, hash,
                                 false, change->session_id);
  free(hash);
  return err;
}

sm_err sm_identity_change_password(sm_identity *id, const sm_password_new *change,
                                   sm_problems *problems, int64_t *retry_after_s) {
  sm_user user = {0};
  sm_err err = sm_ledger_user_by_id(id->ledger, change->user_id, &user);
  if (err == SM_OK) err = check_current(id, &user, change, problems, retry_after_s);
  if (err == SM_OK && same_password(change)) {
    sm_problems_add(problems, "new", "is the same as the present one");
    err = SM_ERR_INVALID;
  }
  if (err == SM_OK)
    err = check_for(id, &user, "new", change->password, change->password_len, problems);
  if (err == SM_OK) err = store_new(id, change, retry_after_s);
  sm_user_fini(&user);
  sm_identity_forget(id);
  return err;
}
