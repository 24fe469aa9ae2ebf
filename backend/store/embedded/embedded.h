/* The embedded engine: SQLite files in the data directory. Readings and ledger are two files, so
 * that a long billing transaction never holds the lock that a reading's acknowledgement waits for.
 */
#ifndef SM_STORE_EMBEDDED_H
#define SM_STORE_EMBEDDED_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>

typedef struct sm_embedded_options {
  const char *data_dir; /* made if it is not there */
  /* first creation only: the site's zone and currency */
  const char *zone;
  const char *currency;
  /* readings: */
  int64_t raw_retention_days; /* raw readings are dropped after so many days; 0: never */
  size_t hot_bytes;           /* unsealed readings in memory, at most about; 0: SM_HOT_BYTES */
} sm_embedded_options;

enum { SM_HOT_BYTES = 48 * 1024 * 1024 };

/* Opens `readings.db`. writer: creates what is missing and takes the writer's lock (SM_ERR_BUSY if
 * another process has it, SM_ERR_DENIED: the files are another user's); else read-only beside a
 * writer (SM_ERR_NOT_FOUND if there is no store).
 */
SM_MUST_CHECK sm_err sm_embedded_readings_open(const sm_embedded_options *options, bool writer,
                                               sm_readings **store);

/* Opens `ledger.db`, creating and migrating it; any number of processes. A new ledger has the
 * default site; the caller adds the default tariff. SM_ERR_UNSUPPORTED: made by a newer program;
 * SM_ERR_INVALID: zone or currency of a new ledger, or this system lacks the zone of an old one;
 * SM_ERR_CORRUPT: not a ledger; SM_ERR_DENIED: another user's; SM_ERR_FULL, SM_ERR_BUSY, SM_ERR_IO.
 * A ledger must not be carried over a fork. */
SM_MUST_CHECK sm_err sm_embedded_ledger_open(const sm_embedded_options *options,
                                             sm_ledger **ledger);

#endif
