/* The PostgreSQL engine: ledger and readings in one database of a server (PostgreSQL 15), in the
 * schema `smartmeter`. Any number of processes on any number of machines share a ledger. */
#ifndef SM_STORE_POSTGRES_H
#define SM_STORE_POSTGRES_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>

typedef struct sm_postgres_options {
  const char *url;      /* postgresql://…, as libpq reads it */
  const char *data_dir; /* of this server alone: keys, and the copy of the newest signed head;
                           readings: locked by a writer, NULL: not */
  /* first creation only: the site's zone and currency */
  const char *zone;
  const char *currency;
  bool create;                /* ledger: made if it is not there; else SM_ERR_NOT_FOUND */
  int64_t raw_retention_days; /* readings: dropped by whole months after so many days; 0: never */
} sm_postgres_options;

/* Whether a setting names this engine. */
bool sm_postgres_url(const char *store);

/* Opens the ledger, creating and migrating it. The errors of sm_embedded_ledger_open, and
 * SM_ERR_IO: the server is not there or refuses. */
SM_MUST_CHECK sm_err sm_postgres_ledger_open(const sm_postgres_options *options,
                                             sm_ledger **ledger);

/* Opens the readings. writer: makes what is missing and takes the writer's locks, that of the
 * data folder and that of the database, which the server gives back when this process is gone
 * (SM_ERR_BUSY: another process has one of them); else beside a writer
 * (SM_ERR_NOT_FOUND if there is no store). */
SM_MUST_CHECK sm_err sm_postgres_readings_open(const sm_postgres_options *options, bool writer,
                                               sm_readings **store);

#endif
