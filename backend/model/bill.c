#include "model/bill.h"

#include "base/decimal.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sm_event_kind_name(sm_event_kind kind) {
  static const char *const names[] = {[SM_EVENT_RESET] = "reset",
                                      [SM_EVENT_ROLLOVER] = "rollover",
                                      [SM_EVENT_JUMP] = "jump",
                                      [SM_EVENT_SWAP] = "swap"};
  return names[kind];
}

const char *sm_reason_name(sm_reason_code code) {
  static const char *const names[] = {[SM_REASON_GAP_AT_BOUNDARY] = "gap_at_boundary",
                                      [SM_REASON_NO_READING_AFTER_END] = "no_reading_after_end",
                                      [SM_REASON_RESET] = "register_reset",
                                      [SM_REASON_JUMP] = "register_jump",
                                      [SM_REASON_METER_GAP] = "meter_gap",
                                      [SM_REASON_NEGATIVE_USE] = "negative_use"};
  return names[code];
}

static void free_lists(sm_bill *bill) {
  for (size_t i = 0; i < bill->reason_count; i++) {
    free(bill->reason[i].device_id);
    free(bill->reason[i].text);
  }
  for (size_t i = 0; i < bill->reg_count; i++) free(bill->reg[i].device_id);
  for (size_t i = 0; i < bill->event_count; i++) free(bill->event[i].device_id);
  for (size_t i = 0; i < bill->edit_count; i++) {
    free(bill->edit[i].device_id);
    free(bill->edit[i].reason);
    free(bill->edit[i].by);
  }
  for (size_t i = 0; i < bill->line_count; i++) free(bill->line[i].name);
  for (size_t i = 0; i < bill->segment_count; i++) {
    sm_bill_segment *segment = &bill->segment[i];
    for (size_t k = 0; k < segment->window_count; k++) free(segment->window[k].name);
    free(segment->window);
    free(segment->tariff);
  }
  free(bill->reason);
  free(bill->reg);
  free(bill->event);
  free(bill->edit);
  free(bill->line);
  free(bill->segment);
  free(bill->day);
}

void sm_bill_free(sm_bill *bill) {
  if (bill == NULL) return;
  free_lists(bill);
  free(bill->device_id);
  free(bill->account_id);
  free(bill->invoice);
  free(bill);
}

/* Room for one more in a list that doubles at powers of two: no capacity to keep. */
static void *grow(void *list, size_t count, size_t size) {
  if (count != 0 && (count & (count - 1)) != 0) return list;
  size_t room = count == 0 ? 1 : count * 2;
  return room > SIZE_MAX / size ? NULL : realloc(list, room * size);
}

#define ADD(bill, list, counter)                                                                   \
  do {                                                                                             \
    void *more = grow((bill)->list, (bill)->counter, sizeof *(bill)->list);                        \
    if (more == NULL) return NULL;                                                                 \
    (bill)->list = more;                                                                           \
    memset(&(bill)->list[(bill)->counter], 0, sizeof *(bill)->list);                               \
    return &(bill)->list[(bill)->counter++];                                                       \
  } while (0)

sm_bill_reason *sm_bill_add_reason(sm_bill *bill) {
  ADD(bill, reason, reason_count);
}
sm_bill_register *sm_bill_add_register(sm_bill *bill) {
  ADD(bill, reg, reg_count);
}
sm_bill_event *sm_bill_add_event(sm_bill *bill) {
  ADD(bill, event, event_count);
}
sm_bill_edit *sm_bill_add_edit(sm_bill *bill) {
  ADD(bill, edit, edit_count);
}
sm_bill_line *sm_bill_add_line(sm_bill *bill) {
  ADD(bill, line, line_count);
}
sm_bill_segment *sm_bill_add_segment(sm_bill *bill) {
  ADD(bill, segment, segment_count);
}
sm_bill_day *sm_bill_add_day(sm_bill *bill) {
  ADD(bill, day, day_count);
}

/* ---- writing ---- */
typedef struct writer {
  sm_jsonw *w;
  const sm_zone *zone;
  unsigned digits; /* of the currency */
} writer;

static void key_time(const writer *to, const char *key, int64_t instant_ms) {
  char text[40];
  sm_jsonw_key_text(to->w, key, sm_zone_format(to->zone, instant_ms, text));
}

static void key_money(const writer *to, const char *key, int64_t minor) {
  sm_jsonw_key(to->w, key);
  sm_jsonw_decimal_text(to->w, minor, to->digits);
}

static bool reason_is_first(const sm_bill *bill, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (bill->reason[i].code == bill->reason[at].code) return false;
  return true;
}

static void write_reasons(const writer *to, const sm_bill *bill) {
  sm_jsonw_key(to->w, "reasons");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->reason_count; i++)
    if (reason_is_first(bill, i)) sm_jsonw_text(to->w, sm_reason_name(bill->reason[i].code));
  sm_jsonw_array_end(to->w);
  sm_jsonw_key(to->w, "explanations");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->reason_count; i++) {
    const sm_bill_reason *reason = &bill->reason[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "reason", sm_reason_name(reason->code));
    sm_jsonw_key_text(to->w, "device_id", reason->device_id);
    key_time(to, "at", reason->at_ms);
    sm_jsonw_key_text(to->w, "text", reason->text);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_registers(const writer *to, const sm_bill *bill) {
  sm_jsonw_key(to->w, "registers");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->reg_count; i++) {
    const sm_bill_register *reg = &bill->reg[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "device_id", reg->device_id);
    key_time(to, "from", reg->from_ms);
    key_time(to, "to", reg->to_ms);
    sm_jsonw_key_decimal(to->w, "opening_kwh", reg->opening_wh, 3);
    sm_jsonw_key_decimal(to->w, "closing_kwh", reg->closing_wh, 3);
    if (reg->sign != 1) sm_jsonw_key_int(to->w, "sign", reg->sign);
    if (reg->multiplier_milli != 1000)
      sm_jsonw_key_decimal(to->w, "multiplier", reg->multiplier_milli, 3);
    sm_jsonw_key_decimal(to->w, "use_kwh", reg->use_wh, 3);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_events(const writer *to, const sm_bill *bill) {
  sm_jsonw_key(to->w, "events");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->event_count; i++) {
    const sm_bill_event *event = &bill->event[i];
    sm_jsonw_object(to->w);
    key_time(to, "at", event->at_ms);
    sm_jsonw_key_text(to->w, "kind", sm_event_kind_name(event->kind));
    sm_jsonw_key_text(to->w, "device_id", event->device_id);
    sm_jsonw_key_decimal(to->w, "before_kwh", event->before_wh, 3);
    sm_jsonw_key_decimal(to->w, "after_kwh", event->after_wh, 3);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void key_kwh(const writer *to, const char *key, bool has, int64_t wh) {
  if (has)
    sm_jsonw_key_decimal(to->w, key, wh, 3);
  else
    sm_jsonw_key_null(to->w, key);
}

static void write_edits(const writer *to, const sm_bill *bill) {
  if (bill->edit_count == 0) return;
  sm_jsonw_key(to->w, "edits");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->edit_count; i++) {
    const sm_bill_edit *edit = &bill->edit[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_int(to->w, "no", edit->edit_no);
    key_time(to, "at", edit->at_ms);
    sm_jsonw_key_text(to->w, "kind", sm_edit_kind_name(edit->kind));
    sm_jsonw_key_text(to->w, "device_id", edit->device_id);
    key_kwh(to, "before_kwh", edit->kind != SM_EDIT_MANUAL, edit->before_wh);
    key_kwh(to, "after_kwh", edit->kind != SM_EDIT_VOID, edit->after_wh);
    sm_jsonw_key_bool(to->w, "believed", edit->believed);
    sm_jsonw_key_text(to->w, "reason", edit->reason);
    sm_jsonw_key_text(to->w, "by", edit->by);
    key_time(to, "made_at", edit->made_ms);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_lines(const writer *to, const sm_bill *bill) {
  char text[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_key(to->w, "lines");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->line_count; i++) {
    const sm_bill_line *line = &bill->line[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "kind", sm_line_kind_name(line->kind));
    sm_jsonw_key_text(to->w, "name", line->name);
    sm_jsonw_key_text(
        to->w, "quantity",
        sm_decimal_format(line->quantity, line->quantity_places, line->quantity_min_places, text));
    sm_jsonw_key_text(to->w, "unit", line->unit);
    sm_jsonw_key_text(to->w, "rate", sm_decimal_format(line->rate_micro, 6, 2, text));
    key_money(to, "amount", line->amount_minor);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_windows(const writer *to, const sm_bill_segment *segment) {
  if (segment->window_count == 0) return;
  sm_jsonw_key(to->w, "windows");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < segment->window_count; i++) {
    const sm_bill_window *window = &segment->window[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "name", window->name);
    sm_jsonw_key_decimal(to->w, "kwh", window->use_wh, 3);
    sm_jsonw_key_decimal(to->w, "untimed_kwh", window->untimed_wh, 3);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_demand(const writer *to, const sm_bill_segment *segment) {
  const sm_bill_demand *demand = &segment->demand;
  if (!demand->charged) return;
  if (!demand->measured) {
    char note[160];
    (void)snprintf(note, sizeof note,
                   "No window of %d minutes was read without a gap of more than 5 minutes and "
                   "without an event: no demand is charged.",
                   demand->window_minutes);
    sm_jsonw_key_null(to->w, "demand");
    sm_jsonw_key_text(to->w, "demand_note", note);
    return;
  }
  sm_jsonw_key(to->w, "demand");
  sm_jsonw_object(to->w);
  sm_jsonw_key_decimal(to->w, "kw", demand->kw_centi, 2);
  key_time(to, "from", demand->from_ms);
  key_time(to, "to", demand->to_ms);
  sm_jsonw_key_int(to->w, "skipped", demand->skipped);
  sm_jsonw_object_end(to->w);
}

static void write_segments(const writer *to, const sm_bill *bill) {
  char date[SM_DATE_MAX];
  sm_jsonw_key(to->w, "segments");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->segment_count; i++) {
    const sm_bill_segment *segment = &bill->segment[i];
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "tariff", segment->tariff);
    sm_jsonw_key_int(to->w, "version", segment->version);
    sm_jsonw_key_text(to->w, "effective_from", sm_date_format(segment->effective_from, date));
    key_time(to, "from", segment->from_ms);
    key_time(to, "to", segment->to_ms);
    sm_jsonw_key_int(to->w, "days", segment->days);
    sm_jsonw_key_int(to->w, "month_days", segment->month_days);
    sm_jsonw_key_decimal(to->w, "consumption_kwh", segment->use_wh, 3);
    sm_jsonw_key_int(to->w, "first_line", (int64_t)segment->first_line);
    sm_jsonw_key_int(to->w, "line_count", (int64_t)segment->line_count);
    write_windows(to, segment);
    write_demand(to, segment);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_days(const writer *to, const sm_bill *bill) {
  char date[SM_DATE_MAX];
  sm_jsonw_key(to->w, "days");
  sm_jsonw_array(to->w);
  for (size_t i = 0; i < bill->day_count; i++) {
    sm_jsonw_object(to->w);
    sm_jsonw_key_text(to->w, "date", sm_date_format(bill->day[i].date, date));
    sm_jsonw_key_decimal(to->w, "kwh", bill->day[i].use_wh, 3);
    sm_jsonw_object_end(to->w);
  }
  sm_jsonw_array_end(to->w);
}

static void write_projection(const writer *to, const sm_bill *bill) {
  if (!bill->has_projection) return;
  sm_jsonw_key(to->w, "projection");
  sm_jsonw_object(to->w);
  key_money(to, "total", bill->projection.total_minor);
  key_money(to, "low", bill->projection.low_minor);
  key_money(to, "high", bill->projection.high_minor);
  sm_jsonw_key_decimal(to->w, "consumption_kwh", bill->projection.consumption_wh, 3);
  sm_jsonw_object_end(to->w);
}

static void write_head(const writer *to, const sm_bill *bill) {
  char month[16];
  (void)snprintf(month, sizeof month, "%04u-%02u", (unsigned)bill->year % 10000,
                 (unsigned)bill->month % 100);
  sm_jsonw_key_text(to->w, "device_id", bill->device_id);
  sm_jsonw_key_text(to->w, "account_id", bill->account_id);
  sm_jsonw_key_text(to->w, "month", month);
  key_time(to, "from", bill->from_ms);
  key_time(to, "to", bill->to_ms);
  if (bill->has_registers) {
    sm_jsonw_key_decimal(to->w, "opening_kwh", bill->opening_wh, 3);
    sm_jsonw_key_decimal(to->w, "closing_kwh", bill->closing_wh, 3);
  } else {
    sm_jsonw_key_null(to->w, "opening_kwh");
    sm_jsonw_key_null(to->w, "closing_kwh");
  }
  sm_jsonw_key_decimal(to->w, "consumption_kwh", bill->consumption_wh, 3);
  sm_jsonw_key_bool(to->w, "estimated", bill->estimated);
}

void sm_bill_write_json(sm_jsonw *w, const sm_bill *bill, const sm_zone *zone) {
  writer to = {.w = w, .zone = zone, .digits = sm_currency_digits(bill->currency)};
  sm_jsonw_object(w);
  write_head(&to, bill);
  write_reasons(&to, bill);
  write_registers(&to, bill);
  write_lines(&to, bill);
  write_events(&to, bill);
  write_edits(&to, bill);
  key_money(&to, "subtotal", bill->subtotal_minor);
  key_money(&to, "tax", bill->tax_minor);
  key_money(&to, "total", bill->total_minor);
  sm_jsonw_key_text(w, "currency", bill->currency);
  sm_jsonw_key_text(w, "invoice", bill->invoice);
  write_projection(&to, bill);
  write_segments(&to, bill);
  write_days(&to, bill);
  sm_jsonw_object_end(w);
}
