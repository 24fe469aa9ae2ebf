#include "auth/identity.h"

#include "auth/identity_internal.h"
#include "auth/identity_people.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 200 };

bool sm_person_name_valid(const char *name) {
  size_t len = strlen(name);
  if (len == 0 || len > NAME_MAX_BYTES || !sm_utf8_valid(name, len)) return false;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) return false;
  return true;
}

void sm_identity_check_password(const char *field, const char *password, size_t len,
                                const char *email, const char *name, sm_problems *problems) {
  const char *problem = sm_password_problem_of(password, len, email, name);
  if (problem != NULL) sm_problems_add(problems, field, "%s", problem);
}

static bool user_checked(const sm_user_new *user, sm_problems *problems) {
  size_t before = problems->count;
  if (user->email == NULL || !sm_email_valid(user->email))
    sm_problems_add(problems, "email", "not an e-mail address: want name@host, at most %d bytes",
                    SM_EMAIL_MAX);
  if (user->name != NULL && !sm_person_name_valid(user->name))
    sm_problems_add(problems, "name", "want 1 to %d bytes of text without control characters",
                    NAME_MAX_BYTES);
  if (user->password != NULL)
    sm_identity_check_password("password", user->password, user->password_len, user->email,
                               user->name, problems);
  return problems->count == before;
}

/* The ledger's form of a new user. The address is kept as it was typed, without blanks around. */
static sm_err user_seal(sm_identity *id, const sm_user_new *user, sm_user *row) {
  const char *start = user->email + strspn(user->email, " \t\r\n");
  char *email = strdup(start);
  if (email == NULL) return SM_ERR_NOMEM;
  email[strcspn(email, " \t\r\n")] = '\0';
  row->role = user->role;
  row->must_change = user->must_change && user->password != NULL;
  sm_err err = sm_email_hash(id->sealer, email, row->email_hash);
  if (err == SM_OK) err = sm_seal(id->sealer, SM_FIELD_EMAIL, email, &row->email_sealed);
  if (err == SM_OK) err = sm_seal(id->sealer, SM_FIELD_NAME, user->name, &row->name_sealed);
  if (err == SM_OK && user->password != NULL)
    err = sm_passwords_hash(id->passwords, user->password, user->password_len, &row->password_hash);
  free(email);
  return err;
}

/* Somebody who was only named as an owner gets a password. */
static sm_err adopt(sm_identity *id, sm_actor actor, const sm_user *row, char **user_id) {
  sm_user there = {0};
  sm_err err = sm_ledger_user_by_email(id->ledger, row->email_hash, &there);
  bool only_named = err == SM_OK && there.password_hash == NULL && !there.disabled;
  if (err == SM_OK && (!only_named || row->password_hash == NULL || there.role != row->role))
    err = SM_ERR_EXISTS;
  if (err == SM_OK)
    err = sm_ledger_password_set(id->ledger, actor, there.user_id, row->password_hash,
                                 row->must_change, NULL);
  if (err == SM_OK) {
    *user_id = there.user_id;
    there.user_id = NULL;
  }
  sm_user_fini(&there);
  return err;
}

sm_err sm_identity_user_add(sm_identity *id, sm_actor actor, const sm_user_new *user,
                            sm_problems *problems, char **user_id) {
  if (!user_checked(user, problems)) return SM_ERR_INVALID;
  sm_user row = {0};
  sm_err err = user_seal(id, user, &row);
  if (err == SM_OK) err = sm_ledger_user_add(id->ledger, actor, &row);
  if (err == SM_ERR_EXISTS) {
    err = adopt(id, actor, &row, user_id);
  } else if (err == SM_OK) {
    *user_id = row.user_id;
    row.user_id = NULL;
  }
  sm_user_fini(&row);
  sm_identity_forget(id);
  return err;
}

static sm_err find_id(sm_identity *id, const char *email, char **user_id) {
  uint8_t hash[32];
  sm_user user = {0};
  sm_err err = sm_email_hash(id->sealer, email, hash);
  if (err == SM_OK) err = sm_ledger_user_by_email(id->ledger, hash, &user);
  if (err == SM_OK) {
    *user_id = user.user_id;
    user.user_id = NULL;
  }
  sm_user_fini(&user);
  return err;
}

/* What the rule needs to know of a person is sealed: it is opened for that. */
static sm_err checked_hash(sm_identity *id, const char *user_id, const char *password, size_t len,
                           sm_problems *problems, char **hash) {
  sm_person person = {0};
  size_t before = problems->count;
  sm_err err = sm_identity_person(id, user_id, &person);
  if (err != SM_OK) return err;
  sm_identity_check_password("password", password, len, person.email, person.name, problems);
  sm_person_fini(&person);
  if (problems->count != before) return SM_ERR_INVALID;
  return sm_passwords_hash(id->passwords, password, len, hash);
}

sm_err sm_identity_set_password(sm_identity *id, sm_actor actor, const char *email,
                                const char *password, size_t password_len, sm_problems *problems) {
  sm_user_new checked = {.email = email, .password = password, .password_len = password_len};
  bool good = user_checked(&checked, problems);
  if (password == NULL) sm_problems_add(problems, "password", "missing");
  if (!good || password == NULL) return SM_ERR_INVALID;
  char *user_id = NULL;
  char *hash = NULL;
  sm_err err = find_id(id, email, &user_id);
  if (err == SM_OK) err = checked_hash(id, user_id, password, password_len, problems, &hash);
  if (err == SM_OK) err = sm_ledger_user_set_password(id->ledger, actor, user_id, hash);
  free(hash);
  free(user_id);
  sm_identity_forget(id);
  return err;
}

sm_err sm_identity_set_disabled(sm_identity *id, sm_actor actor, const char *email, bool disabled) {
  char *user_id = NULL;
  sm_err err = find_id(id, email, &user_id);
  if (err == SM_OK) err = sm_ledger_user_set_disabled(id->ledger, actor, user_id, disabled);
  free(user_id);
  sm_identity_forget(id);
  return err;
}

sm_err sm_identity_ensure_person(sm_identity *id, sm_actor actor, const char *email,
                                 char **user_id) {
  sm_err err = find_id(id, email, user_id);
  if (err != SM_ERR_NOT_FOUND) return err;
  sm_problems problems = {0};
  sm_user_new user = {.email = email, .role = SM_ROLE_CONSUMER};
  err = sm_identity_user_add(id, actor, &user, &problems, user_id);
  /* Somebody else named the same person in between. */
  return err == SM_ERR_EXISTS ? find_id(id, email, user_id) : err;
}

sm_err sm_identity_named(sm_identity *id, const char *email, sm_user *row) {
  sm_user out = {0};
  const sm_user_new user = {.email = email, .role = SM_ROLE_CONSUMER};
  if (!sm_email_valid(email)) return SM_ERR_INVALID;
  sm_err err = user_seal(id, &user, &out);
  if (err == SM_OK)
    *row = out;
  else
    sm_user_fini(&out);
  return err;
}

sm_err sm_identity_person(sm_identity *id, const char *user_id, sm_person *person) {
  sm_user user = {0};
  sm_err err = sm_ledger_user_by_id(id->ledger, user_id, &user);
  if (err == SM_OK) err = sm_identity_open(id, &user, person);
  sm_user_fini(&user);
  return err;
}

static sm_err open_all(sm_identity *id, const sm_user *users, size_t count, sm_person **people) {
  sm_person *opened = calloc(count > 0 ? count : 1, sizeof *opened);
  sm_err err = opened == NULL ? SM_ERR_NOMEM : SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = sm_identity_open(id, &users[i], &opened[i]);
  if (err != SM_OK) {
    sm_people_free(opened, count);
    return err;
  }
  *people = opened;
  return SM_OK;
}

sm_err sm_identity_people_find(sm_identity *id, const sm_people_filter *filter, const char *after,
                               size_t limit, sm_person **people, size_t *count) {
  uint8_t hash[32];
  sm_user_filter rows = {.by_role = filter->by_role,
                         .role = filter->role,
                         .by_disabled = filter->by_disabled,
                         .disabled = filter->disabled};
  sm_err err = SM_OK;
  if (filter->email != NULL) {
    err = sm_email_hash(id->sealer, filter->email, hash);
    rows.email_hash = hash;
  }
  sm_user *users = NULL;
  size_t got = 0;
  if (err == SM_OK) err = sm_ledger_users_find(id->ledger, &rows, after, limit, &users, &got);
  if (err != SM_OK) return err;
  err = open_all(id, users, got, people);
  sm_users_free(users, got);
  if (err == SM_OK) *count = got;
  return err;
}

sm_err sm_identity_people(sm_identity *id, const char *after, size_t limit, sm_person **people,
                          size_t *count) {
  return sm_identity_people_find(id, &(sm_people_filter){.email = NULL}, after, limit, people,
                                 count);
}

void sm_people_free(sm_person *people, size_t count) {
  for (size_t i = 0; people != NULL && i < count; i++) sm_person_fini(&people[i]);
  free(people);
}
