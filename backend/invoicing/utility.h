/* A supplier's bill as somebody tells of it, over HTTP or on the command line: checked field by
 * field, with the accounts that it is recovered from. Threads and errors as invoicing.h. */
#ifndef SM_INVOICING_UTILITY_H
#define SM_INVOICING_UTILITY_H

#include "base/problem.h"
#include "invoicing/invoicing.h"
#include "store/ledger_landlord.h"

/* What is said; texts that are NULL are not said. Borrowed for the call. */
typedef struct sm_utility_request {
  const char *main_meter; /* NULL: none */
  const char *supplier;
  const char *number;
  bool has_from;
  sm_date from;
  bool has_to;
  sm_date to; /* the day after the last */
  bool has_kwh;
  int64_t energy_wh;
  const char *amount; /* without tax: "1234.50" */
  const char *tax;    /* NULL: none */
  const char *split;  /* "equal", "use", "load" */
  /* From whom it is recovered: these, by id, own name or place; or, where `accounts` is false, all
   * accounts on one of the tariffs (of any, if none is named; without one of its own an account is
   * on the site's first) with days and a meter of their own in the period. */
  bool accounts;
  const char *const *account;
  size_t account_count;
  const char *const *tariff;
  size_t tariff_count;
} sm_utility_request;

/* Checks and enters it; *bill is what was entered, freed by the caller. SM_ERR_INVALID: `problems`,
 * which may hold some already, says by field what is wrong ("supplier", "to", "accounts[2]", …).
 * SM_ERR_EXISTS: it is entered already, and *bill is that first one (without accounts). */
SM_MUST_CHECK sm_err sm_utility_enter(const sm_invoicing *invoicing, sm_actor actor,
                                      const sm_utility_request *request, sm_problems *problems,
                                      sm_utility_bill *bill);
/* What to say of one that is entered already, behind the word "number". */
enum { SM_UTILITY_SAME_MAX = 200 };
void sm_utility_say_same(const sm_utility_bill *first, char out[SM_UTILITY_SAME_MAX]);

#endif
