/* Accounts as they are named on the command line, and shown there. */
#ifndef SM_APP_ACCOUNT_WORDS_H
#define SM_APP_ACCOUNT_WORDS_H

#include "store/ledger.h"

#include <stdbool.h>

/* The account that is meant by its id, own name or place; a heap text. false: it has been told what
 * is wrong. */
bool sm_account_words_find(sm_ledger *ledger, const char *said, char **account_id);
/* What to call an account in a line: its own name, else its id. Gives out. */
enum { SM_ACCOUNT_LABEL_MAX = 330 };
char *sm_account_words_label(sm_ledger *ledger, const char *account_id,
                             char out[SM_ACCOUNT_LABEL_MAX]);

#endif
