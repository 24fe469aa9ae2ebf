/* Meters that say each value in a message of its own, and no time: what came of each sensor is
 * kept, and a message of the register makes a reading of the time at which it was received, at most
 * one in the mapping's interval. The same thinning for whole messages that have no time.
 *
 * Nothing of it outlives the process, and nothing has to: a register that is read once more says
 * the same. Bounded: more devices than SM_GATHER_MAX are not kept. One thread. */
#ifndef SM_FOREIGN_GATHER_H
#define SM_FOREIGN_GATHER_H

#include "foreign/mapping.h"
#include "foreign/translate.h"

enum { SM_GATHER_MAX = 32768 };

typedef struct sm_gather sm_gather;

/* `last_ms` says when a device's latest reading was, INT64_MIN if it has none, so that nothing new
 * is made at or before it; it is asked once a device. NULL: nobody has any. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_gather_new(int64_t (*last_ms)(void *context, const char *device_id),
                                   void *context, sm_gather **gather);
void sm_gather_free(sm_gather *gather); /* NULL is fine */

typedef enum sm_gather_step {
  SM_GATHER_NONE,    /* kept, or too soon: nothing to do */
  SM_GATHER_READING, /* a reading is whole */
  SM_GATHER_MISSING, /* the register came again before the other values that a reading needs */
  SM_GATHER_BEHIND   /* the server's clock is not behind the device's latest reading */
} sm_gather_step;

typedef struct sm_gathered {
  sm_gather_step step;
  int64_t ts_ms;            /* of a reading */
  sm_foreign_values values; /* likewise */
  sm_field missing;         /* of SM_GATHER_MISSING */
} sm_gathered;

/* Takes a sensor's value; none: it has said that it has none. SM_ERR_NOMEM, SM_ERR_FULL: it is not
 * kept. */
SM_MUST_CHECK sm_err sm_gather_take(sm_gather *gather, const sm_mapping *mapping,
                                    const char *device_id, sm_field field, bool none, int64_t milli,
                                    int64_t now_ms, sm_gathered *out);
/* A whole message without a time: READING if it is due, BEHIND or NONE. */
SM_MUST_CHECK sm_err sm_gather_due(sm_gather *gather, const sm_mapping *mapping,
                                   const char *device_id, int64_t now_ms, sm_gather_step *step);

#endif
