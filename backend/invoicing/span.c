#include "invoicing/span.h"

#include "base/checked.h"
#include "billing/use.h"
#include "invoicing/collect.h"
#include "invoicing/thin.h"

/* One meter at a time: what it counts does not hang on the others. */
static sm_err meter_use(const sm_invoicing *invoicing, const sm_account_meter *from,
                        const sm_span *span, int64_t *wh, bool *estimated) {
  sm_meter_edits edits = {0};
  sm_trace trace = {0};
  sm_err err = sm_meter_edits_load(invoicing->ledger, from->device_id, &edits);
  if (err != SM_OK) return err;
  const sm_edits list = sm_meter_edits_list(&edits);
  err = sm_readings_trace(invoicing->readings, from->device_id, SM_CHANNEL_IMPORT, span->from_ms,
                          span->to_ms, sm_billing_step_limit_w(from->max_power_w), &list, &trace);
  if (err == SM_OK) {
    const sm_billing_meter meter = sm_meter_of(from, &trace);
    err = sm_billing_use(&meter, 1, span->from_ms, span->to_ms, wh, estimated);
  }
  sm_trace_fini(&trace);
  sm_meter_edits_fini(&edits);
  return err;
}

sm_err sm_span_use(const sm_invoicing *invoicing, const sm_span *span, int64_t *wh,
                   bool *estimated) {
  int64_t sum = 0;
  bool unsure = false;
  sm_err err = SM_OK;
  for (size_t i = 0; i < span->meter_count && err == SM_OK; i++) {
    const sm_account_meter *meter = &span->meter[i];
    int64_t use = 0;
    bool meter_unsure = false;
    if (!sm_meter_serves(meter, span->from_ms, span->to_ms)) continue;
    err = meter_use(invoicing, meter, span, &use, &meter_unsure);
    if (err == SM_OK) err = sm_add_i64(sum, use, &sum);
    unsure = unsure || meter_unsure;
  }
  if (err != SM_OK) return err;
  *wh = sum;
  *estimated = unsure;
  return SM_OK;
}

/* As a month's bill by days reads its meters (collect.c). */
static sm_err read_thin(const sm_invoicing *invoicing, const sm_account_meter *meter,
                        const int64_t ends_ms[2], sm_trace *trace) {
  bool whole = false;
  const int64_t limit_w = sm_billing_step_limit_w(meter->max_power_w);
  sm_err err = sm_readings_outline(invoicing->readings, meter->device_id, SM_CHANNEL_IMPORT,
                                   ends_ms[0], ends_ms[1], limit_w, ends_ms, 2, trace, &whole);
  if (err != SM_OK || whole || sm_trace_thin(trace, limit_w, ends_ms, 2)) return err;
  sm_trace_fini(trace);
  *trace = (sm_trace){0};
  return sm_readings_trace(invoicing->readings, meter->device_id, SM_CHANNEL_IMPORT, ends_ms[0],
                           ends_ms[1], limit_w, NULL, trace);
}

sm_err sm_span_use_of(const sm_invoicing *invoicing, const sm_account_meter *meter, int64_t from_ms,
                      int64_t to_ms, int64_t *wh, bool *estimated) {
  const sm_span span = {.meter = meter, .meter_count = 1, .from_ms = from_ms, .to_ms = to_ms};
  const int64_t ends_ms[2] = {from_ms, to_ms};
  sm_meter_edits edits = {0};
  sm_trace trace = {0};
  sm_err err = sm_meter_edits_load(invoicing->ledger, meter->device_id, &edits);
  if (err != SM_OK) return err;
  bool edited = edits.count > 0;
  sm_meter_edits_fini(&edits);
  if (edited) return sm_span_use(invoicing, &span, wh, estimated);
  err = read_thin(invoicing, meter, ends_ms, &trace);
  if (err == SM_OK) {
    const sm_billing_meter of = sm_meter_of(meter, &trace);
    err = sm_billing_use(&of, 1, from_ms, to_ms, wh, estimated);
  }
  sm_trace_fini(&trace);
  return err;
}
