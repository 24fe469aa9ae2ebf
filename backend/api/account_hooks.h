/* What a file of accounts needs of an identity: names and addresses sealed. */
#ifndef SM_API_ACCOUNT_HOOKS_H
#define SM_API_ACCOUNT_HOOKS_H

#include "auth/identity.h"
#include "invoicing/account_file.h"

/* Borrows the identity. */
sm_account_file_hooks sm_account_hooks(sm_identity *identity);

#endif
