/* The MongoDB engine: ledger and readings in one database of a replica set or a sharded cluster
 * (MongoDB 7.0 or later), called by the URL's path, else "smartmeter". docs/mongodb.md says what
 * its collections hold.
 *
 * Readings: any number of servers write; what each knows of a meter is checked by the meter's
 * version in the transaction that stores its readings.
 *
 * Ledger: the documents are the truth; each server works on a copy in `ledger-copy.db` of its data
 * directory, and a change counts when the transaction that writes its documents is committed. */
#ifndef SM_STORE_MONGO_H
#define SM_STORE_MONGO_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>

typedef struct sm_mongo_options {
  const char *url;      /* mongodb://… or mongodb+srv://…, as libmongoc reads it */
  const char *data_dir; /* of this server alone: the copy of the ledger, keys */
  /* first creation only: the site's zone and currency */
  const char *zone;
  const char *currency;
  bool create;                /* ledger: made if it is not there; else SM_ERR_NOT_FOUND */
  int64_t raw_retention_days; /* readings: dropped by whole days after so many; 0: never */
} sm_mongo_options;

/* Whether a setting names this engine. */
bool sm_mongo_url(const char *store);

/* Whether this program has the engine. Where it does not (mongo_elsewhere.c in its place), opening
 * is SM_ERR_IO. */
bool sm_mongo_is_here(void);

/* Opens the ledger, creating it. The errors of sm_embedded_ledger_open, and SM_ERR_IO: the server
 * is not there or refuses; SM_ERR_UNSUPPORTED also: the documents are of another version of the
 * schema. */
SM_MUST_CHECK sm_err sm_mongo_ledger_open(const sm_mongo_options *options, sm_ledger **ledger);

/* Opens the readings. writer: makes what is missing (SM_ERR_BUSY: another process has this data
 * directory; SM_ERR_CONFLICT: `meter_readings` is there and no time-series collection); else
 * beside writers (SM_ERR_NOT_FOUND if there is no store). SM_ERR_IO: the server is not there or
 * refuses, the log says why; SM_ERR_INVALID: the URL. */
SM_MUST_CHECK sm_err sm_mongo_readings_open(const sm_mongo_options *options, bool writer,
                                            sm_readings **store);

#endif
