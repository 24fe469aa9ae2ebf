#include "app/device_states.h"

#include "base/clock.h"

#include <inttypes.h>

/* A sign of life older than this is not believed without a word from the meter. */
static const int64_t silent_after_ms = 5 * 60 * 1000;

static bool is_recent(int64_t seen_ms) {
  return sm_clock_now_ms() - seen_ms < silent_after_ms;
}

bool sm_device_live_get(sm_pipeline *pipeline, sm_readings *readings, const char *device_id,
                        sm_device_live *live) {
  sm_presence presence;
  if (!sm_pipeline_presence(pipeline, device_id, &presence)) return false;
  sm_reading last;
  /* Another server may have taken a newer reading. */
  if (sm_readings_latest(readings, device_id, SM_CHANNEL_IMPORT, &last) == SM_OK &&
      (!presence.seen || last.ts_ms > presence.last_seen_ms)) {
    presence.seen = true;
    presence.last_seen_ms = last.ts_ms;
  }
  *live = (sm_device_live){.seen = presence.seen,
                           .last_seen_ms = presence.last_seen_ms,
                           .online = presence.online && presence.seen &&
                                     is_recent(presence.last_seen_ms)};
  return true;
}

enum { ONLINE, OFFLINE, NEVER, INACTIVE, STATES };
static const char *const state_name[STATES] = {"online", "offline", "never", "inactive"};

typedef struct tally {
  sm_pipeline *pipeline;
  sm_readings *readings;
  uint64_t count[STATES];
} tally;

static unsigned state_of(const tally *t, const char *device_id) {
  sm_device_live live = {.seen = false};
  if (sm_device_live_get(t->pipeline, t->readings, device_id, &live))
    return live.online ? ONLINE : live.seen ? OFFLINE : NEVER;
  sm_reading last;
  if (sm_readings_latest(t->readings, device_id, SM_CHANNEL_IMPORT, &last) != SM_OK) return NEVER;
  return is_recent(last.ts_ms) ? ONLINE : OFFLINE;
}

static void count(void *context, const char *device_id, bool able) {
  tally *t = context;
  t->count[able ? state_of(t, device_id) : INACTIVE]++;
}

void sm_device_states_write_metrics(sm_ledger *ledger, sm_pipeline *pipeline, sm_readings *readings,
                                    sm_buf *out) {
  tally t = {.pipeline = pipeline, .readings = readings};
  sm_ledger_devices_each(ledger, count, &t);
  sm_buf_append_text(out, "# HELP smartmeter_devices Devices by state; never: nothing was ever "
                          "heard, inactive: revoked or disabled.\n"
                          "# TYPE smartmeter_devices gauge\n");
  for (unsigned i = 0; i < STATES; i++)
    sm_buf_printf(out, "smartmeter_devices{state=\"%s\"} %" PRIu64 "\n", state_name[i], t.count[i]);
}
