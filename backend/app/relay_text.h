/* What servers tell each other over the broker, as text: a line for each thing.
 *
 *   S meter-001 {…}    a reading that was stored and is its meter's latest, as in the protocol
 *   L meter-001 {…}    one that is older than that
 *   A 17               that alert was opened, acknowledged, or ended
 *
 * It is for people who look on, and for alerts: what decides anything is asked of the stores. */
#ifndef SM_APP_RELAY_TEXT_H
#define SM_APP_RELAY_TEXT_H

#include "base/buf.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void sm_relay_put_reading(sm_buf *out, const char *device_id, const sm_reading *reading, bool late);
void sm_relay_put_alert(sm_buf *out, int64_t alert_no);

typedef struct sm_relay_sink {
  void *context;
  void (*reading)(void *context, const char *device_id, const sm_reading *reading, bool late);
  void (*alert)(void *context, int64_t alert_no);
} sm_relay_sink;

/* Gives all lines that can be used to the sink, in their order; how many could not be. now_ms is
 * the clock that readings must not be ahead of, as at ingest. */
size_t sm_relay_read(const char *text, size_t len, int64_t now_ms, const sm_relay_sink *sink);

#endif
