#include "app/account_words.h"

#include "base/complain.h"
#include "invoicing/account_meant.h"
#include "store/ledger_landlord.h"

#include <stdio.h>

bool sm_account_words_find(sm_ledger *ledger, const char *said, char **account_id) {
  char why[SM_ACCOUNT_WHY_MAX];
  sm_err err = sm_account_meant(ledger, said, account_id, why);
  if (err != SM_OK) sm_complain("account %s", why);
  return err == SM_OK;
}

char *sm_account_words_label(sm_ledger *ledger, const char *account_id,
                             char out[SM_ACCOUNT_LABEL_MAX]) {
  sm_account_name name = {0};
  sm_err err = sm_ledger_account_name(ledger, account_id, &name);
  (void)snprintf(out, SM_ACCOUNT_LABEL_MAX, "%s",
                 err == SM_OK && name.name != NULL ? name.name : account_id);
  sm_account_name_fini(&name);
  return out;
}
