/* The tariff version that an account will be priced by next, decided and not yet in force, and what
 * the last month that is over would have cost by it. Nothing is written. Threads as invoicing.h. */
#ifndef SM_INVOICING_COMING_H
#define SM_INVOICING_COMING_H

#include "invoicing/invoicing.h"

typedef struct sm_coming {
  char *account_id; /* NULL: a meter that serves none */
  int year;         /* of the month that is priced */
  int month;
  char *tariff; /* its name; NULL: nothing is decided, and nothing below is set */
  int32_t version;
  sm_date from;    /* the first day that it prices */
  bool has_totals; /* the account was measured in the month */
  char *invoice; /* the month's valid invoice, which old_minor is of (preview.h); NULL: computed */
  int64_t consumption_wh;
  int64_t old_minor;
  int64_t new_minor;
  int64_t difference_minor; /* new less old */
} sm_coming;

/* Of whom the query asks for in the running month; its own month is left aside. Errors of
 * sm_invoicing_bill. fini with sm_coming_fini. */
SM_MUST_CHECK sm_err sm_invoicing_coming(const sm_invoicing *invoicing,
                                         const sm_invoicing_query *query, sm_coming *coming);
void sm_coming_fini(sm_coming *coming); /* safe on a zeroed one */

#endif
