/* A supplier's bill and its recovery as JSON, for the API and the command line. */
#ifndef SM_API_UTILITY_JSON_H
#define SM_API_UTILITY_JSON_H

#include "base/jsonw.h"
#include "invoicing/recovery.h"

/* The members of a bill, without braces. */
void sm_utility_write_members(sm_jsonw *w, const sm_utility_bill *bill);
/* "open", "posted", "cancelled". */
const char *sm_utility_status(const sm_utility_bill *bill);
/* The object of a bill with its recovery. */
void sm_recovery_write_json(sm_jsonw *w, const sm_recovery *recovery);

#endif
