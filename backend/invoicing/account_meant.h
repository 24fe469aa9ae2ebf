/* Which account a person means: by its id, by its own name (that of the file that it came by), or
 * by its place where that has one account. For commands and files; over HTTP accounts have ids.
 *
 * Threads: any. */
#ifndef SM_INVOICING_ACCOUNT_MEANT_H
#define SM_INVOICING_ACCOUNT_MEANT_H

#include "base/err.h"
#include "store/ledger.h"

enum { SM_ACCOUNT_WHY_MAX = 200 };

/* *account_id is a heap text. SM_ERR_NOT_FOUND: none is called so; SM_ERR_CONFLICT: several are;
 * `why` says it then, to be put behind the word "account": "'F9' is not there: …". */
SM_MUST_CHECK sm_err sm_account_meant(sm_ledger *ledger, const char *said, char **account_id,
                                      char why[SM_ACCOUNT_WHY_MAX]);

#endif
