/* The ids of all devices in memory, and where their registers start over, for the question that
 * every message asks. Any number of threads look; at most every so often one of them asks the
 * database whether another connection has written (PRAGMA data_version), and reads what was added
 * or revoked since. Unknown ids cost no more than known ones, so a flood of them does not reach the
 * database either. */
#ifndef SM_STORE_LEDGER_LEDGER_KNOWN_H
#define SM_STORE_LEDGER_LEDGER_KNOWN_H

#include "store/sql/sql.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct sm_ledger_known_slot {
  char *device_id; /* NULL: free */
  bool revoked;
  int64_t modulus_wh;
} sm_ledger_known_slot;

typedef struct sm_ledger_known {
  pthread_rwlock_t table_lock; /* guards slot, cap, count */
  sm_ledger_known_slot *slot;
  size_t cap; /* 0 or a power of two */
  size_t count;
  uint64_t seed;

  pthread_mutex_t refresh_lock; /* guards the members below */
  sm_sql *watch;
  int64_t data_version;
  int64_t changed_no; /* all changes up to this one are in the table */

  _Atomic int64_t checked_ms; /* steady clock */
  _Atomic uint64_t touched;   /* how often this process has written */
  _Atomic uint64_t seen;      /* which of these the last finished refresh began after */
  _Atomic int failed;         /* the sm_err of the last refresh */
} sm_ledger_known;

/* Takes the connection `watch` over, also on failure, and reads all devices. */
SM_MUST_CHECK sm_err sm_ledger_known_init(sm_ledger_known *known, sm_sql *watch);
void sm_ledger_known_fini(sm_ledger_known *known);
/* After a commit that added or revoked a device: the next look asks the database. */
void sm_ledger_known_touch(sm_ledger_known *known);
/* As sm_ledger_device_known and sm_ledger_device_modulus; `modulus_wh` may be NULL. */
SM_MUST_CHECK sm_err sm_ledger_known_ask(sm_ledger_known *known, const char *device_id,
                                         bool *is_known, int64_t *modulus_wh);
/* As sm_ledger_devices_each. */
void sm_ledger_known_each(sm_ledger_known *known,
                          void (*each)(void *context, const char *device_id, bool able),
                          void *context);

#endif
