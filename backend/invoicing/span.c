#include "invoicing/span.h"

#include "base/checked.h"
#include "billing/use.h"
#include "invoicing/collect.h"

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
