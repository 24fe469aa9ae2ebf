#include "app/live_source.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static sm_err authenticate(void *context, const char *token, size_t len, sm_live_user *user) {
  sm_live_parts *parts = context;
  sm_claims claims;
  sm_err err = sm_identity_authenticate(parts->identity, token, len, &claims);
  if (err != SM_OK) return err;
  if (claims.must_change) return SM_ERR_DENIED;
  sm_live_user out = {.role = claims.role, .expires_ms = claims.expires_ms};
  (void)snprintf(out.session_id, sizeof out.session_id, "%s", claims.session_id);
  (void)snprintf(out.user_id, sizeof out.user_id, "%s", claims.user_id);
  *user = out;
  return SM_OK;
}

/* Only a clear no ends a connection: a ledger that is busy for a moment must not end all of them.
 */
static bool still(void *context, const sm_live_user *user) {
  sm_live_parts *parts = context;
  sm_standing now = {.role = user->role};
  sm_err err = sm_identity_active(parts->identity, user->user_id, user->session_id, &now);
  return err != SM_ERR_DENIED && now.role == user->role && !now.must_change;
}

/* The interval that is now, else the last one: what the hub's header says. */
static sm_err interval_of(sm_live_parts *parts, const sm_live_user *user, sm_live_device *device) {
  device->from_ms = INT64_MIN;
  device->to_ms = INT64_MAX;
  if (user->role == SM_ROLE_ADMIN) return SM_OK;
  sm_interval *intervals = NULL;
  size_t count = 0;
  sm_err err = sm_ledger_device_intervals(parts->ledger, user->user_id, device->device_id,
                                          &intervals, &count);
  if (err == SM_OK && count == 0) err = SM_ERR_NOT_FOUND;
  int64_t now_ms = sm_clock_now_ms();
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    device->from_ms = intervals[i].from_ms;
    device->to_ms = intervals[i].to_ms;
    if (intervals[i].from_ms <= now_ms && now_ms < intervals[i].to_ms) break;
  }
  free(intervals);
  return err;
}

static sm_err device(void *context, const sm_live_user *user, const char *device_id,
                     sm_live_device *out) {
  sm_live_parts *parts = context;
  sm_live_device found = {.from_ms = 0};
  sm_device row;
  sm_err err = sm_ledger_device(parts->ledger, device_id, &row);
  if (err != SM_OK) return err;
  sm_device_fini(&row);
  (void)snprintf(found.device_id, sizeof found.device_id, "%s", device_id);
  err = interval_of(parts, user, &found);
  if (err == SM_OK) *out = found;
  return err;
}

static sm_err devices(void *context, const sm_live_user *user, const char *after, size_t limit,
                      sm_live_device *out, size_t *count) {
  sm_live_parts *parts = context;
  sm_device *rows = NULL;
  size_t found = 0;
  const char *owner = user->role == SM_ROLE_ADMIN ? NULL : user->user_id;
  sm_err err = sm_ledger_devices(parts->ledger, owner, after, limit, &rows, &found);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < found; i++) {
    (void)snprintf(out[i].device_id, sizeof out[i].device_id, "%s", rows[i].device_id);
    err = interval_of(parts, user, &out[i]);
    if (err == SM_ERR_NOT_FOUND) {
      /* Taken away between the two questions: an interval in which nothing can lie. */
      out[i].from_ms = out[i].to_ms = 0;
      err = SM_OK;
    }
  }
  sm_devices_free(rows, found);
  if (err == SM_OK) *count = found;
  return err;
}

static sm_err latest(void *context, const char *device_id, sm_reading *reading) {
  sm_live_parts *parts = context;
  return sm_readings_latest(parts->readings, device_id, SM_CHANNEL_IMPORT, reading);
}

sm_live_source sm_live_source_of(sm_live_parts *parts) {
  return (sm_live_source){.context = parts,
                          .authenticate = authenticate,
                          .still = still,
                          .device = device,
                          .devices = devices,
                          .latest = latest};
}
