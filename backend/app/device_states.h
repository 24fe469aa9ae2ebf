/* Which devices are alive: what the API says of one, and how many there are of each state. */
#ifndef SM_APP_DEVICE_STATES_H
#define SM_APP_DEVICE_STATES_H

#include "api/server.h"
#include "app/pipeline.h"
#include "base/buf.h"
#include "store/ledger.h"
#include "store/readings.h"

/* A sign of life since the start, or before that the latest reading. false: nothing was heard of it
 * since the start. */
bool sm_device_live_get(sm_pipeline *pipeline, sm_readings *readings, const char *device_id,
                        sm_device_live *live);

/* Appends smartmeter_devices by state: online, offline, never (no reading, no word), inactive
 * (revoked or disabled). From memory; some milliseconds for 20,000 devices. */
void sm_device_states_write_metrics(sm_ledger *ledger, sm_pipeline *pipeline, sm_readings *readings,
                                    sm_buf *out);

#endif
