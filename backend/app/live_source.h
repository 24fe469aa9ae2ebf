/* What the live hub asks: whose token it is, which devices they may see, the latest readings. */
#ifndef SM_APP_LIVE_SOURCE_H
#define SM_APP_LIVE_SOURCE_H

#include "api/live.h"
#include "auth/identity.h"
#include "store/ledger.h"
#include "store/readings.h"

typedef struct sm_live_parts { /* borrowed; must outlive the hub */
  sm_identity *identity;
  sm_ledger *ledger;
  sm_readings *readings;
} sm_live_parts;

/* The source over these parts; borrows `parts` itself too. */
sm_live_source sm_live_source_of(sm_live_parts *parts);

#endif
