/* An account (a tenancy) as the contract's JSON, both ways. */
#ifndef SM_API_ACCOUNT_JSON_H
#define SM_API_ACCOUNT_JSON_H

#include "auth/identity.h"
#include "base/err.h"
#include "base/jsonw.h"
#include "base/problem.h"
#include "store/ledger.h"

#include <jansson.h>
#include <stdbool.h>

/* Writes its members in an object that is open; name and e-mail are opened. SM_ERR_CORRUPT: they
 * can't be; and what the ledger gives. */
SM_MUST_CHECK sm_err sm_account_write_members(sm_jsonw *w, const sm_account *account,
                                              sm_identity *identity);
/* The name on an account's bills: its own, else its user's; a heap text, "" if there is none. The
 * same errors. */
SM_MUST_CHECK sm_err sm_account_person(const sm_account *account, sm_identity *identity,
                                       char **name);

/* What the reading of a body needs beside the body. */
typedef struct sm_account_body {
  sm_ledger *ledger;
  sm_identity *identity;
  sm_actor actor; /* of the person who is made if nobody has the e-mail yet */
} sm_account_body;

/* Puts the members of a body into an account (zeroed for a new one); those that are not there stay
 * as they are, a list replaces the whole list, null takes away. `all`: a new account, so what every
 * account has is required. SM_ERR_INVALID: `problems` says why, and nobody was made; other errors
 * are the ledger's or SM_ERR_NOMEM. The account is to be freed in any case. */
SM_MUST_CHECK sm_err sm_account_read_json(const sm_account_body *with, const json_t *body, bool all,
                                          sm_account *account, sm_problems *problems);

#endif
