/* What an engine gives to the readings store: its store begins with a pointer to these functions,
 * each of which does what the function of readings.h of the same name says, and is called by that
 * alone. */
#ifndef SM_STORE_READINGS_ENGINE_H
#define SM_STORE_READINGS_ENGINE_H

#include "store/readings_move.h"

typedef struct sm_readings_engine {
  sm_err (*commit)(sm_readings *store, sm_readings_batch *batch);
  sm_err (*maintain)(sm_readings *store, bool force, bool *more);
  sm_err (*raw)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                int64_t to_ms, size_t limit, sm_reading_list *list);
  sm_err (*brief)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                  int64_t to_ms, size_t limit, sm_reading_list *list);
  sm_err (*latest)(sm_readings *store, const char *device_id, uint8_t channel, sm_reading *reading);
  sm_err (*last_ms)(sm_readings *store, int64_t *ts_ms);
  sm_err (*first_ms)(sm_readings *store, const char *device_id, uint8_t channel, int64_t *ts_ms);
  sm_err (*each)(sm_readings *store, sm_readings_each_fn each, void *context);
  sm_err (*quarters)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                     int64_t to_ms, size_t limit, sm_quarter_list *list);
  sm_err (*trace)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                  int64_t to_ms, int64_t step_limit_w, const sm_edits *edits, sm_trace *trace);
  sm_err (*outline)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                    int64_t to_ms, int64_t step_limit_w, const int64_t *instant_ms, size_t count,
                    sm_trace *trace, bool *whole);
  sm_err (*survey)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                   int64_t to_ms, int64_t step_limit_w, const sm_edits *edits, sm_trace *trace,
                   sm_quarter_list *quarters);
  sm_err (*rejects)(sm_readings *store, int64_t from_ms, int64_t to_ms, int64_t after, size_t limit,
                    sm_reject_list *list);
  sm_err (*rejects_wanted)(sm_readings *store, const char *reason, sm_reject_wanted_fn wanted,
                           void *context, int64_t after, size_t limit, sm_reject_list *list,
                           int64_t *next);
  sm_err (*backup)(sm_readings *store, const char *path, sm_readings_progress_fn progress,
                   void *context);
  sm_err (*check)(sm_readings *store, sm_readings_finding_fn finding,
                  sm_readings_progress_fn progress, void *context,
                  sm_readings_check_result *result);
  /* readings_move.h */
  sm_err (*course)(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                   int64_t to_ms, sm_reading_list *list);
  sm_err (*move_series)(sm_readings *store, int64_t after_no, sm_move_series *series);
  sm_err (*move_put)(sm_readings *store, const sm_move_series *series, const sm_move_day *days,
                     size_t count);
  sm_err (*move_meta)(sm_readings *store, sm_move_meta *meta);
  sm_err (*move_set_meta)(sm_readings *store, const sm_move_meta *meta);
  sm_err (*move_rejects)(sm_readings *store, const sm_reject_list *rejects);
  void (*stats_get)(sm_readings *store, sm_readings_stats *stats);
  const char *(*client_id)(sm_readings *store);
  void (*close)(sm_readings *store);
} sm_readings_engine;

#endif
