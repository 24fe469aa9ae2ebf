/* The functions of readings.h as the embedded store has them, for its own files and
 * readings_open.c, which puts them into its engine. */
#ifndef SM_STORE_EMBEDDED_READINGS_EMBEDDED_H
#define SM_STORE_EMBEDDED_READINGS_EMBEDDED_H

#include "store/readings_engine.h"

SM_MUST_CHECK sm_err sm_embedded_commit(sm_readings *store, sm_readings_batch *batch);
SM_MUST_CHECK sm_err sm_embedded_maintain(sm_readings *store, bool force, bool *more);
SM_MUST_CHECK sm_err sm_embedded_raw(sm_readings *store, const char *device_id, uint8_t channel,
                                     int64_t from_ms, int64_t to_ms, size_t limit,
                                     sm_reading_list *list);
SM_MUST_CHECK sm_err sm_embedded_brief(sm_readings *store, const char *device_id, uint8_t channel,
                                       int64_t from_ms, int64_t to_ms, size_t limit,
                                       sm_reading_list *list);
SM_MUST_CHECK sm_err sm_embedded_latest(sm_readings *store, const char *device_id, uint8_t channel,
                                        sm_reading *reading);
SM_MUST_CHECK sm_err sm_embedded_last_ms(sm_readings *store, int64_t *ts_ms);
SM_MUST_CHECK sm_err sm_embedded_first_ms(sm_readings *store, const char *device_id,
                                          uint8_t channel, int64_t *ts_ms);
SM_MUST_CHECK sm_err sm_embedded_each(sm_readings *store, sm_readings_each_fn each, void *context);
SM_MUST_CHECK sm_err sm_embedded_quarters(sm_readings *store, const char *device_id,
                                          uint8_t channel, int64_t from_ms, int64_t to_ms,
                                          size_t limit, sm_quarter_list *list);
SM_MUST_CHECK sm_err sm_embedded_trace(sm_readings *store, const char *device_id, uint8_t channel,
                                       int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                       const sm_edits *edits, sm_trace *trace);
SM_MUST_CHECK sm_err sm_embedded_outline(sm_readings *store, const char *device_id, uint8_t channel,
                                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                         const int64_t *instant_ms, size_t count, sm_trace *trace,
                                         bool *whole);
SM_MUST_CHECK sm_err sm_embedded_survey(sm_readings *store, const char *device_id, uint8_t channel,
                                        int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                        const sm_edits *edits, sm_trace *trace,
                                        sm_quarter_list *quarters);
SM_MUST_CHECK sm_err sm_embedded_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms,
                                         int64_t after, size_t limit, sm_reject_list *list);
SM_MUST_CHECK sm_err sm_embedded_rejects_wanted(sm_readings *store, const char *reason,
                                                sm_reject_wanted_fn wanted, void *context,
                                                int64_t after, size_t limit, sm_reject_list *list,
                                                int64_t *next);
SM_MUST_CHECK sm_err sm_embedded_backup(sm_readings *store, const char *path,
                                        sm_readings_progress_fn progress, void *context);
SM_MUST_CHECK sm_err sm_embedded_check(sm_readings *store, sm_readings_finding_fn finding,
                                       sm_readings_progress_fn progress, void *context,
                                       sm_readings_check_result *result);
/* readings_move.h */
SM_MUST_CHECK sm_err sm_embedded_course(sm_readings *store, const char *device_id, uint8_t channel,
                                        int64_t from_ms, int64_t to_ms, sm_reading_list *list);
SM_MUST_CHECK sm_err sm_embedded_move_series(sm_readings *store, int64_t after_no,
                                             sm_move_series *series);
SM_MUST_CHECK sm_err sm_embedded_move_put(sm_readings *store, const sm_move_series *series,
                                          const sm_move_day *days, size_t count);
SM_MUST_CHECK sm_err sm_embedded_move_meta(sm_readings *store, sm_move_meta *meta);
SM_MUST_CHECK sm_err sm_embedded_move_set_meta(sm_readings *store, const sm_move_meta *meta);
SM_MUST_CHECK sm_err sm_embedded_move_rejects(sm_readings *store, const sm_reject_list *rejects);
void sm_embedded_stats_get(sm_readings *store, sm_readings_stats *stats);
const char *sm_embedded_client_id(sm_readings *store);
void sm_embedded_close(sm_readings *store);

#endif
