/* The stores of a data folder as they are found, for what looks at them and makes nothing: unlike a
 * program, which creates what it lacks. Which engine they are of, only the program knows: it hands
 * in how they are opened. */
#ifndef SM_TRANSFER_STORES_H
#define SM_TRANSFER_STORES_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

typedef struct sm_stores {
  sm_ledger *ledger;
  sm_readings *readings; /* read-only; NULL: there are none yet */
} sm_stores;

/* SM_ERR_NOT_FOUND: there is no ledger. Failures of each store are given apart, so that one can be
 * looked at when the other is damaged; what could not be opened is NULL. fini in any case. */
typedef void sm_stores_open(const char *data_dir, sm_stores *stores, sm_err *ledger,
                            sm_err *readings);
void sm_stores_fini(sm_stores *stores);

#endif
