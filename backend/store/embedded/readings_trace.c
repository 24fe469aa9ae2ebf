/* The register trace of the embedded store (trace.h), and its outline. */
#include "base/order.h"
#include "store/embedded/readings_internal.h"
#include "store/series/trace.h"

#include <stdlib.h>

/* ---- a reader as the source of a trace ---- */

static sm_err source_quarters(void *context, int64_t from_ms, int64_t to_ms,
                              sm_quarter_list *list) {
  return sm_reader_quarters(context, from_ms, to_ms, SIZE_MAX, list);
}

static sm_err source_day(void *context, int64_t day, const sm_run **run) {
  return sm_reader_day(context, day, run);
}

static sm_err source_course(void *context, int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  return sm_reader_course(context, from_ms, to_ms, list);
}

static sm_trace_source source_of(reader *r) {
  return (sm_trace_source){.there = r->series_no != 0,
                           .first_ms = r->first_ms,
                           .last_ms = r->last_ms,
                           .quarters = source_quarters,
                           .day = source_day,
                           .course = source_course,
                           .context = r,
                           .outline = &r->outline};
}

static sm_err begin_survey(sm_readings *store, const char *device_id, uint8_t channel,
                           bool course_only, reader *r) {
  sm_err err = sm_reader_begin(store, device_id, channel, INT64_MIN, INT64_MAX, r);
  if (err != SM_OK) return err;
  r->brief = true;
  r->course_only = course_only;
  return SM_OK;
}

sm_err sm_embedded_survey(sm_readings *store, const char *device_id, uint8_t channel,
                          int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                          const sm_edits *edits, sm_trace *trace, sm_quarter_list *quarters) {
  const sm_trace_rule rule = {.step_limit_w = step_limit_w,
                              .edits = edits != NULL ? edits : &sm_trace_no_edits};
  reader r;
  sm_err err = begin_survey(store, device_id, channel, quarters == NULL, &r);
  if (err != SM_OK) return err;
  from_ms = sm_trace_near(from_ms, 0);
  const sm_trace_source source = source_of(&r);
  err = sm_trace_survey(&source, from_ms, sm_trace_near(to_ms, from_ms), &rule, trace, quarters);
  sm_reader_end(&r);
  return err;
}

sm_err sm_embedded_trace(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                         const sm_edits *edits, sm_trace *trace) {
  return sm_embedded_survey(store, device_id, channel, from_ms, to_ms, step_limit_w, edits, trace,
                            NULL);
}

/* ---- the outline of a trace ---- */

sm_err sm_embedded_outline(sm_readings *store, const char *device_id, uint8_t channel,
                           int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                           const int64_t *instant_ms, size_t count, sm_trace *trace, bool *whole) {
  const sm_outline_ask ask = {
      .step_limit_w = step_limit_w, .instant_ms = instant_ms, .instant_count = count};
  reader r;
  sm_err err = begin_survey(store, device_id, channel, true, &r);
  if (err != SM_OK) return err;
  from_ms = sm_trace_near(from_ms, 0);
  const sm_trace_source source = source_of(&r);
  err = sm_trace_outline(&source, from_ms, sm_trace_near(to_ms, from_ms), &ask, trace, whole);
  sm_reader_end(&r);
  return err;
}
