#include "invoicing/account_meant.h"

#include "base/buf.h"
#include "store/ledger_landlord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 5 };

/* The days tell tenancies in turn apart. */
static void add_one(sm_buf *text, const char *said, const sm_account_name *n) {
  char day[SM_DATE_MAX];
  bool own = n->name != NULL && strcmp(n->name, said) != 0;
  sm_buf_printf(text, "%.40s", own ? n->name : n->account_id);
  if (n->has_to)
    sm_buf_printf(text, " (to %s)", sm_date_format(n->to, day));
  else if (n->has_from)
    sm_buf_printf(text, " (from %s)", sm_date_format(n->from, day));
}

static void say_several(const char *said, const sm_account_name *names, size_t count,
                        char why[SM_ACCOUNT_WHY_MAX]) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_printf(&text, "'%.40s' means several: say which,", said);
  for (size_t i = 0; i < count && i < LISTED; i++) {
    sm_buf_append_text(&text, i == 0 ? " " : ", ");
    add_one(&text, said, &names[i]);
  }
  if (count > LISTED) sm_buf_append_text(&text, ", …");
  (void)snprintf(why, SM_ACCOUNT_WHY_MAX, "%s", sm_buf_text(&text));
  sm_buf_fini(&text);
}

sm_err sm_account_meant(sm_ledger *ledger, const char *said, char **account_id,
                        char why[SM_ACCOUNT_WHY_MAX]) {
  sm_account_name *names = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_accounts_called(ledger, said, LISTED + 1, &names, &count);
  if (err != SM_OK) {
    (void)snprintf(why, SM_ACCOUNT_WHY_MAX, "cannot be looked for: %s", sm_err_text(err));
    return err;
  }
  if (count == 1) {
    *account_id = names[0].account_id;
    names[0].account_id = NULL;
    if (*account_id == NULL) err = SM_ERR_CORRUPT;
  } else if (count == 0) {
    (void)snprintf(why, SM_ACCOUNT_WHY_MAX,
                   "'%.80s' is not there: give its own name or id, as `smartmeter account list` "
                   "shows them",
                   said);
    err = SM_ERR_NOT_FOUND;
  } else {
    say_several(said, names, count, why);
    err = SM_ERR_CONFLICT;
  }
  sm_account_names_free(names, count);
  return err;
}
