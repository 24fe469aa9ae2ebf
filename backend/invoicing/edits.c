#include "invoicing/edits.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "billing/billing.h"
#include "billing/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLIEST_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z, as for readings */

/* ---- what holds ---- */

sm_err sm_meter_edits_load(sm_ledger *ledger, const char *device_id, sm_meter_edits *edits) {
  const sm_reading_edit_query query = {.device_id = device_id,
                                       .channel = SM_CHANNEL_IMPORT,
                                       .from_ms = INT64_MIN,
                                       .to_ms = INT64_MAX,
                                       .after_ms = INT64_MIN,
                                       .limit = SIZE_MAX};
  sm_meter_edits out = {0};
  sm_err err = sm_ledger_edits(ledger, &query, &out.row, &out.count);
  if (err != SM_OK) return err;
  out.item = calloc(out.count + 1, sizeof *out.item);
  if (out.item == NULL) {
    sm_meter_edits_fini(&out);
    return SM_ERR_NOMEM;
  }
  for (size_t i = 0; i < out.count; i++)
    out.item[i] =
        (sm_edit){.ts_ms = out.row[i].ts_ms, .kind = out.row[i].kind, .wh = out.row[i].wh};
  *edits = out;
  return SM_OK;
}

void sm_meter_edits_fini(sm_meter_edits *edits) {
  if (edits == NULL) return;
  sm_reading_edits_free(edits->row, edits->count);
  free(edits->item);
  *edits = (sm_meter_edits){0};
}

sm_edits sm_meter_edits_list(const sm_meter_edits *edits) {
  return (sm_edits){.item = edits->item, .count = edits->count};
}

const char *sm_edit_author(const char *made_by) {
  if (strcmp(made_by, "server") == 0) return "server";
  return strcmp(made_by, "cli") == 0 ? "operator" : "admin";
}

/* ---- what an edit touches ---- */

/* The register of an instant depends on the readings around it up to three that agree: so far
 * reaches the trace of that instant alone. An end with nothing beyond it is open. */
static sm_err trace_around(sm_ledger *ledger, sm_readings *readings, const sm_device *device,
                           int64_t ts_ms, sm_trace *trace) {
  sm_meter_edits edits;
  sm_err err = sm_meter_edits_load(ledger, device->device_id, &edits);
  if (err != SM_OK) return err;
  const sm_edits list = sm_meter_edits_list(&edits);
  err = sm_readings_trace(readings, device->device_id, SM_CHANNEL_IMPORT, ts_ms, ts_ms,
                          sm_billing_step_limit_w(device->max_power_w), &list, trace);
  sm_meter_edits_fini(&edits);
  return err;
}

static sm_err find_reach(sm_ledger *ledger, sm_readings *readings, const sm_device *device,
                         int64_t ts_ms, int64_t *from_ms, int64_t *to_ms) {
  sm_trace trace = {0};
  sm_err err = trace_around(ledger, readings, device, ts_ms, &trace);
  if (err != SM_OK) return err;
  bool before = trace.count > 0 && trace.point[0].ts_ms < ts_ms;
  bool after = trace.count > 0 && trace.point[trace.count - 1].ts_ms > ts_ms;
  *from_ms = before ? trace.point[0].ts_ms : INT64_MIN;
  *to_ms = after ? trace.point[trace.count - 1].ts_ms : INT64_MAX;
  sm_trace_fini(&trace);
  return SM_OK;
}

/* ---- which invoices ---- */

static void write_touched(const sm_touched_invoice *list, size_t shown, size_t count,
                          char out[SM_EDIT_TOUCHES_MAX]) {
  sm_buf text;
  sm_buf_init(&text, SM_EDIT_TOUCHES_MAX - 1);
  for (size_t i = 0; i < shown && i < count; i++)
    sm_buf_printf(&text, "%s%s (%s)", i > 0 ? ", " : "", list[i].number, list[i].month);
  if (count > shown) sm_buf_printf(&text, " and %zu more", count - shown);
  (void)snprintf(out, SM_EDIT_TOUCHES_MAX, "%s", sm_buf_text(&text));
  sm_buf_fini(&text);
}

sm_err sm_edit_touches(sm_ledger *ledger, sm_readings *readings, const char *device_id,
                       int64_t ts_ms, char out[SM_EDIT_TOUCHES_MAX]) {
  enum { SHOWN = 4 };
  sm_touched_invoice list[SHOWN];
  size_t count = 0;
  int64_t from_ms, to_ms;
  sm_device device = {0};
  sm_err err = sm_ledger_device(ledger, device_id, &device);
  if (err != SM_OK) return err;
  err = find_reach(ledger, readings, &device, ts_ms, &from_ms, &to_ms);
  if (err == SM_OK)
    err = sm_ledger_edit_touches(ledger, device_id, from_ms, to_ms, list, SHOWN, &count);
  if (err == SM_OK) write_touched(list, SHOWN, count, out);
  sm_device_fini(&device);
  return err;
}

sm_err sm_edit_withdrawal_touches(sm_ledger *ledger, sm_readings *readings, const char *device_id,
                                  int64_t edit_no, char out[SM_EDIT_TOUCHES_MAX]) {
  sm_reading_edit edit = {0};
  sm_err err = sm_ledger_edit(ledger, device_id, edit_no, &edit);
  if (err != SM_OK) return err;
  err = sm_edit_touches(ledger, readings, device_id, edit.ts_ms, out);
  sm_reading_edit_fini(&edit);
  return err;
}

/* ---- adding ---- */

static void check_fields(const sm_edit_request *r, const sm_device *device, sm_problems *problems) {
  if (r->ts_ms < EARLIEST_MS || r->ts_ms > r->now_ms)
    sm_problems_add(problems, "at", "must not be before 2020, nor in the future");
  if (r->kind == SM_EDIT_VOID && r->has_wh)
    sm_problems_add(problems, "kwh", "is not for a void: to give the right register, correct it");
  if (r->kind != SM_EDIT_VOID && !r->has_wh)
    sm_problems_add(problems, "kwh", "is missing: give the register that was read");
  char most[SM_DECIMAL_TEXT_MAX];
  if (r->has_wh && (r->wh < 0 || r->wh > device->modulus_wh))
    sm_problems_add(problems, "kwh", "must be from 0 to %s, where this meter starts over",
                    sm_decimal_format(device->modulus_wh, 3, 0, most));
}

/* The reading that is voided or corrected. */
static sm_err find_raw(const sm_edit_request *r, sm_problems *problems, int64_t *raw_wh) {
  sm_reading_list list = {0};
  if (r->kind == SM_EDIT_MANUAL) return SM_OK;
  sm_err err = sm_readings_raw(r->readings, r->device_id, SM_CHANNEL_IMPORT, r->ts_ms, r->ts_ms + 1,
                               1, &list);
  if (err != SM_OK) return err;
  if (list.count == 1)
    *raw_wh = list.item[0].energy_wh;
  else
    sm_problems_add(problems, "at",
                    "is no reading's: give the exact timestamp of the one that is meant");
  sm_reading_list_fini(&list);
  return SM_OK;
}

static sm_err add(const sm_edit_request *r, const sm_device *device, sm_problems *problems,
                  int64_t *edit_no) {
  sm_reading_edit_new edit = {.device_id = r->device_id,
                              .channel = SM_CHANNEL_IMPORT,
                              .ts_ms = r->ts_ms,
                              .kind = r->kind,
                              .wh = r->wh,
                              .reason = r->reason};
  check_fields(r, device, problems);
  sm_err err = sm_problems_any(problems) ? SM_ERR_INVALID : find_raw(r, problems, &edit.raw_wh);
  if (err == SM_OK && sm_problems_any(problems)) err = SM_ERR_INVALID;
  if (err != SM_OK) return err;
  err = find_reach(r->ledger, r->readings, device, r->ts_ms, &edit.touches_from_ms,
                   &edit.touches_to_ms);
  if (err == SM_OK) err = sm_ledger_edit_add(r->ledger, r->actor, &edit, edit_no);
  if (err == SM_ERR_INVALID)
    sm_problems_add(problems, "reason", "must have 1 to %d characters", SM_EDIT_REASON_MAX);
  return err;
}

sm_err sm_edit_add(const sm_edit_request *request, sm_problems *problems, int64_t *edit_no) {
  sm_device device = {0};
  sm_err err = sm_ledger_device(request->ledger, request->device_id, &device);
  if (err != SM_OK) return err;
  err = add(request, &device, problems, edit_no);
  sm_device_fini(&device);
  return err;
}

sm_err sm_edit_believed(sm_ledger *ledger, sm_readings *readings, const char *device_id,
                        int64_t ts_ms, bool *believed) {
  sm_device device = {0};
  sm_trace trace = {0};
  sm_course course = {0};
  sm_err err = sm_ledger_device(ledger, device_id, &device);
  if (err != SM_OK) return err;
  err = trace_around(ledger, readings, &device, ts_ms, &trace);
  if (err == SM_OK)
    err = sm_course_init(&course, trace.point, trace.count, device.modulus_wh, device.max_power_w);
  if (err == SM_OK) *believed = !sm_course_doubts(&course, ts_ms);
  sm_course_fini(&course);
  sm_trace_fini(&trace);
  sm_device_fini(&device);
  return err;
}

/* ---- withdrawing ---- */

sm_err sm_edit_withdraw(sm_ledger *ledger, sm_readings *readings, sm_actor actor,
                        const char *device_id, int64_t edit_no, const char *reason) {
  sm_device device = {0};
  sm_reading_edit edit = {0};
  int64_t from_ms = INT64_MIN;
  int64_t to_ms = INT64_MAX;
  sm_err err = sm_ledger_device(ledger, device_id, &device);
  if (err != SM_OK) return err;
  err = sm_ledger_edit(ledger, device_id, edit_no, &edit);
  if (err == SM_OK) err = find_reach(ledger, readings, &device, edit.ts_ms, &from_ms, &to_ms);
  if (err == SM_OK)
    err = sm_ledger_edit_withdraw(ledger, actor, device_id, edit_no, reason, from_ms, to_ms);
  sm_reading_edit_fini(&edit);
  sm_device_fini(&device);
  return err;
}
