/* Which devices were heard of since the start, when they last gave a sign of life, and whether they
 * say that they are online. Only devices that the ledger knows are ever put in, so strangers cannot
 * make it grow. Any thread; the writing functions between begin and end, so that a batch locks
 * once. */
#ifndef SM_APP_PRESENCE_H
#define SM_APP_PRESENCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_presence_table sm_presence_table;

typedef struct sm_presence {
  bool seen;            /* it gave a sign of life since the start */
  int64_t last_seen_ms; /* if seen */
  bool online;          /* as it last said; true for one that only sends readings */
} sm_presence;

sm_presence_table *sm_presence_table_new(void); /* NULL without memory */
void sm_presence_table_free(sm_presence_table *table);

/* Around sign and status; short, as readers wait. */
void sm_presence_begin(sm_presence_table *table);
void sm_presence_end(sm_presence_table *table);
/* A sign of life at an instant: a reading, or a status that has just been sent. One that is older
 * than the latest changes nothing. Without memory it is lost, and nothing else. */
void sm_presence_sign(sm_presence_table *table, const char *device_id, int64_t at_ms);
/* What its status says, of whatever age (a retained one may be a year old). */
void sm_presence_status(sm_presence_table *table, const char *device_id, bool online);

/* What is known of a device; false: nothing. Not between begin and end. */
bool sm_presence_get(sm_presence_table *table, const char *device_id, sm_presence *presence);

#endif
