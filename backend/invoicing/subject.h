/* Whose bill is asked for: the query's account or lone meter, found and checked. Internal to
 * invoicing. */
#ifndef SM_INVOICING_SUBJECT_H
#define SM_INVOICING_SUBJECT_H

#include "invoicing/collect.h"

/* The subject and what it borrows. */
typedef struct sm_found {
  sm_subject subject;
  sm_account account;
  sm_device device;
} sm_found;

/* Finds by the rules of sm_invoicing_query; its errors. *found stays where it is (it borrows from
 * itself) and is freed with sm_found_fini, also after an error. */
SM_MUST_CHECK sm_err sm_found_init(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                                   sm_found *found);
void sm_found_fini(sm_found *found);

/* The valid invoice of the subject's month; SM_ERR_NOT_FOUND: none (also for a lone meter). */
SM_MUST_CHECK sm_err sm_found_invoice(const sm_invoicing *invoicing, const sm_subject *subject,
                                      sm_invoice *invoice);

#endif
