/* Leases of several servers that share a ledger: who serves what until when. Taking and giving one
 * back is in ledger_issue.h; here is what needs all whose names begin alike. A lease that has ended
 * stays in the list until somebody takes it or it is given back: what it stands for may outlive its
 * holder. As there, nothing that is right follows from a lease. */
#ifndef SM_STORE_LEDGER_LEASE_H
#define SM_STORE_LEDGER_LEASE_H

#include "store/ledger.h"

#include <stddef.h>
#include <stdint.h>

enum { SM_LEASE_NAME_MAX = 64, SM_LEASE_HOLDER_MAX = 64 };

typedef struct sm_lease {
  char name[SM_LEASE_NAME_MAX + 1];
  char holder[SM_LEASE_HOLDER_MAX + 1];
  int64_t until_ms; /* 0: ended by its holder */
} sm_lease;

/* All whose names begin with `prefix`, by name; the caller frees *list. */
SM_MUST_CHECK sm_err sm_ledger_leases(sm_ledger *ledger, const char *prefix, sm_lease **list,
                                      size_t *count);
/* Prolongs those of a holder until now + for_ms, ended ones that nobody has taken too. */
SM_MUST_CHECK sm_err sm_ledger_leases_keep(sm_ledger *ledger, const char *prefix,
                                           const char *holder, int64_t now_ms, int64_t for_ms);
/* Ends those of a holder at once; they stay in the list. */
SM_MUST_CHECK sm_err sm_ledger_leases_end(sm_ledger *ledger, const char *prefix,
                                          const char *holder);

#endif
