/* Firmware going out, as the server runs it: what meters say is kept, releases go from stage to
 * stage or halt, and the broker is told what to hold for each meter. All state is in the ledger, so
 * a server that is started again goes on where it was. A thread of its own does it; the path of
 * readings only hands reports over. */
#ifndef SM_APP_ROLLOUT_H
#define SM_APP_ROLLOUT_H

#include "app/offers.h"
#include "base/buf.h"
#include "store/ledger_firmware.h"

typedef struct sm_rollout sm_rollout;

/* Both are borrowed. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_rollout_new(sm_ledger *ledger, sm_offers *offers, sm_rollout **rollout);
SM_MUST_CHECK sm_err sm_rollout_start(sm_rollout *rollout);
void sm_rollout_stop(sm_rollout *rollout); /* NULL, and not started, are fine */
void sm_rollout_free(sm_rollout *rollout); /* NULL is fine; stops first */

/* A report of a device that is known; the last one of each is what counts. Any thread; quick. */
void sm_rollout_said(void *rollout, const char *device_id, const sm_firmware_report *report,
                     bool fresh);
/* Whether this server tells the broker of offers, which one of several does; at first it does. Any
 * thread. */
void sm_rollout_lead(sm_rollout *rollout, bool leads);
void sm_rollout_write_metrics(sm_rollout *rollout, sm_buf *out);

#endif
