/* readings.h over whichever engine made the store. */
#include "store/readings_engine.h"

static const sm_readings_engine *of(sm_readings *store) {
  return *(const sm_readings_engine **)(void *)store; /* its first member */
}

sm_err sm_readings_commit(sm_readings *store, sm_readings_batch *batch) {
  return of(store)->commit(store, batch);
}

sm_err sm_readings_maintain(sm_readings *store, bool force, bool *more) {
  bool unused;
  if (more == NULL) more = &unused;
  *more = false;
  return of(store)->maintain(store, force, more);
}

sm_err sm_readings_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list) {
  return of(store)->raw(store, device_id, channel, from_ms, to_ms, limit, list);
}

sm_err sm_readings_brief(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, size_t limit, sm_reading_list *list) {
  return of(store)->brief(store, device_id, channel, from_ms, to_ms, limit, list);
}

sm_err sm_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading) {
  return of(store)->latest(store, device_id, channel, reading);
}

sm_err sm_readings_last_ms(sm_readings *store, int64_t *ts_ms) {
  return of(store)->last_ms(store, ts_ms);
}

sm_err sm_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms) {
  return of(store)->first_ms(store, device_id, channel, ts_ms);
}

sm_err sm_readings_each(sm_readings *store, sm_readings_each_fn each, void *context) {
  return of(store)->each(store, each, context);
}

sm_err sm_readings_quarters(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list) {
  return of(store)->quarters(store, device_id, channel, from_ms, to_ms, limit, list);
}

sm_err sm_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  return of(store)->trace(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace);
}

sm_err sm_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole) {
  return of(store)->outline(store, device_id, channel, from_ms, to_ms, step_limit_w, instant_ms,
                            count, trace, whole);
}

sm_err sm_readings_survey(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters) {
  return of(store)->survey(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace,
                           quarters);
}

sm_err sm_readings_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list) {
  return of(store)->rejects(store, from_ms, to_ms, after, limit, list);
}

sm_err sm_readings_rejects_wanted(sm_readings *store, const char *reason,
                                  sm_reject_wanted_fn wanted, void *context, int64_t after,
                                  size_t limit, sm_reject_list *list, int64_t *next) {
  return of(store)->rejects_wanted(store, reason, wanted, context, after, limit, list, next);
}

sm_err sm_readings_backup(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                          void *context) {
  return of(store)->backup(store, path, progress, context);
}

sm_err sm_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result) {
  return of(store)->check(store, finding, progress, context, result);
}

void sm_readings_stats_get(sm_readings *store, sm_readings_stats *stats) {
  of(store)->stats_get(store, stats);
}

const char *sm_readings_client_id(sm_readings *store) {
  return of(store)->client_id(store);
}

void sm_readings_close(sm_readings *store) {
  if (store != NULL) of(store)->close(store);
}
