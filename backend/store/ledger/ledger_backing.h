/* What a ledger stands on: the one thing in which its engines differ is how a connection is made.
 */
#ifndef SM_STORE_LEDGER_LEDGER_BACKING_H
#define SM_STORE_LEDGER_LEDGER_BACKING_H

#include "store/ledger.h"
#include "store/sql/sql.h"

typedef struct sm_ledger_backing {
  /* Opens a connection for writing, which makes and migrates what is missing, or for reading. */
  sm_err (*open)(void *context, bool writer, sm_sql **db);
  /* NULL: leases are written as all else is. Or opens a connection for them alone, whose writes
   * wait for nobody who writes the ledger, and end within seconds: who holds up the ledger must not
   * make all servers lose their leases. */
  sm_err (*open_leases)(void *context, sm_sql **db);
  uint64_t (*bytes)(void *context); /* that it takes on the disk, as sm_ledger_bytes */
  void (*free)(void *context);
  void *context;
  const char *data_dir; /* where a copy of the newest signed head is kept; the context's */
} sm_ledger_backing;

/* Opens a ledger; the backing's context is the ledger's from now on, also on failure. The errors of
 * the backing's open, and SM_ERR_INVALID: this system lacks the ledger's time zone. */
SM_MUST_CHECK sm_err sm_ledger_open_on(const sm_ledger_backing *backing, sm_ledger **ledger);

/* The first row of a new ledger, inside the transaction that makes it. SM_ERR_INVALID: zone or
 * currency. */
SM_MUST_CHECK sm_err sm_ledger_add_site(sm_sql *db, const char *zone, const char *currency);

#endif
