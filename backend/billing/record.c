#include "billing/record.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No register comes round so often in a month: a modulus and readings that do not belong together
 * must not make a bill of millions of entries. */
enum { ROLLOVERS_MAX = 20000 };

sm_err sm_record_reason(sm_bill *bill, sm_reason_code code, const char *device_id, int64_t at_ms,
                        const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  sm_bill_reason *reason = sm_bill_add_reason(bill);
  if (reason == NULL) return SM_ERR_NOMEM;
  reason->code = code;
  reason->at_ms = at_ms;
  reason->text = strdup(text);
  reason->device_id = device_id != NULL ? strdup(device_id) : NULL;
  bill->estimated = true;
  return reason->text == NULL || (device_id != NULL && reason->device_id == NULL) ? SM_ERR_NOMEM
                                                                                  : SM_OK;
}

/* ---- registers ---- */
/* One entry: a stretch between two instants, without a rollover inside. The values are unrolled;
 * `base_wh` is what rollovers had added to them. */
typedef struct piece {
  int64_t from_ms;
  int64_t to_ms;
  int64_t opening_wh;
  int64_t closing_wh;
  int64_t base_wh;
} piece;

static sm_err add_piece(const sm_measure *measure, const piece *p, sm_bill *bill) {
  const sm_billing_meter *meter = measure->meter;
  int64_t opening, closing, use;
  sm_err err = sm_register_scale(p->opening_wh, meter->multiplier_milli, &opening);
  if (err == SM_OK) err = sm_register_scale(p->closing_wh, meter->multiplier_milli, &closing);
  if (err == SM_OK) err = sm_sub_i64(closing, opening, &use);
  if (err != SM_OK) return err;
  sm_bill_register *reg = sm_bill_add_register(bill);
  if (reg == NULL) return SM_ERR_NOMEM;
  *reg = (sm_bill_register){.device_id = strdup(meter->device_id),
                            .from_ms = p->from_ms,
                            .to_ms = p->to_ms,
                            .opening_wh = p->opening_wh - p->base_wh,
                            .closing_wh = p->closing_wh - p->base_wh,
                            .sign = meter->sign,
                            .multiplier_milli = meter->multiplier_milli,
                            .use_wh = meter->sign * use};
  return reg->device_id != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* What rollovers had added to the unrolled value of a stretch at an instant. A value on the edge is
 * shown as the modulus until the first reading after the rollover. */
static int64_t rolled_wh(const sm_measure *measure, size_t stretch, int64_t unrolled_wh,
                         int64_t at_ms) {
  const sm_course *course = &measure->course;
  int64_t from_ms = sm_stretch_from_ms(course, stretch);
  int64_t to_ms = sm_stretch_to_ms(course, stretch);
  int64_t seen_wh = 0;
  /* Where it is taken to go on it passes the edge as the meter does. */
  bool ever = measure->extended && stretch + 1 == course->stretch_count;
  for (size_t i = 0; i < course->event_count; i++) {
    const sm_register_event *event = &course->event[i];
    if (event->kind != SM_EVENT_ROLLOVER || event->at_ms <= from_ms || event->at_ms > to_ms)
      continue;
    ever = true;
    if (event->at_ms <= at_ms) seen_wh += course->modulus_wh;
  }
  if (unrolled_wh == 0 || !ever) return 0;
  int64_t passed_wh = (unrolled_wh - 1) / course->modulus_wh * course->modulus_wh;
  return passed_wh > seen_wh ? passed_wh : seen_wh;
}

/* A stretch from one instant to another, cut where the register started over, so that closing less
 * opening is the use of each entry. */
static sm_err add_stretch(const sm_measure *measure, size_t stretch, int64_t from_ms, int64_t to_ms,
                          sm_bill *bill) {
  const sm_course *course = &measure->course;
  piece p = {.from_ms = from_ms, .opening_wh = sm_course_at(course, stretch, from_ms)};
  int64_t closing_wh = sm_course_at(course, stretch, to_ms);
  p.base_wh = rolled_wh(measure, stretch, p.opening_wh, from_ms);
  /* A reading after a rollover that stands on the very end has no stretch of its own before it. */
  int64_t last_base_wh = rolled_wh(measure, stretch, closing_wh, to_ms - 1);
  sm_err err = SM_OK;
  if ((last_base_wh - p.base_wh) / course->modulus_wh > ROLLOVERS_MAX) return SM_ERR_OVERFLOW;
  while (err == SM_OK && p.base_wh < last_base_wh) {
    p.closing_wh = p.base_wh + course->modulus_wh;
    p.to_ms = sm_course_when(course, stretch, p.closing_wh);
    if (p.to_ms < from_ms) p.to_ms = from_ms;
    if (p.closing_wh > p.opening_wh) err = add_piece(measure, &p, bill);
    p = (piece){.from_ms = p.to_ms, .opening_wh = p.closing_wh, .base_wh = p.closing_wh};
  }
  p.to_ms = to_ms;
  p.closing_wh = closing_wh;
  return err == SM_OK ? add_piece(measure, &p, bill) : err;
}

/* The stretch that a meter stands still in, if no stretch moves inside its service: the last one
 * that had begun. */
static size_t resting_stretch(const sm_course *course, int64_t at_ms) {
  size_t s = 0;
  while (s + 1 < course->stretch_count && sm_stretch_from_ms(course, s + 1) <= at_ms) s++;
  return s;
}

static sm_err add_resting(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  const sm_course *course = &measure->course;
  int64_t first_ms = course->point[0].ts_ms;
  int64_t from_ms = first_ms > measure->from_ms ? first_ms : measure->from_ms;
  size_t s = resting_stretch(course, from_ms);
  bool open_end = measure->to_ms == in->to_ms && in->running;
  return add_stretch(measure, s, from_ms, open_end ? from_ms : measure->to_ms, bill);
}

static sm_err add_registers(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  const sm_course *course = &measure->course;
  size_t before = bill->reg_count;
  for (size_t s = 0; s < course->stretch_count; s++) {
    int64_t from_ms = sm_stretch_from_ms(course, s);
    int64_t to_ms = sm_stretch_to_ms(course, s);
    if (from_ms < measure->from_ms) from_ms = measure->from_ms;
    if (to_ms > measure->to_ms) to_ms = measure->to_ms;
    if (from_ms >= to_ms) continue;
    /* after its last reading it stands still until the end; while the month runs, who knows */
    bool open_end = measure->to_ms == in->to_ms && in->running;
    if (s + 1 == course->stretch_count && !open_end) to_ms = measure->to_ms;
    sm_err err = add_stretch(measure, s, from_ms, to_ms, bill);
    if (err != SM_OK) return err;
  }
  return bill->reg_count > before ? SM_OK : add_resting(in, measure, bill);
}

/* ---- events ---- */
static sm_err add_event(sm_bill *bill, const char *device_id, const sm_register_event *event) {
  sm_bill_event *out = sm_bill_add_event(bill);
  if (out == NULL) return SM_ERR_NOMEM;
  *out = (sm_bill_event){.kind = event->kind,
                         .device_id = strdup(device_id),
                         .at_ms = event->at_ms,
                         .before_wh = event->before_wh,
                         .after_wh = event->after_wh};
  return out->device_id != NULL ? SM_OK : SM_ERR_NOMEM;
}

static sm_err explain_event(const sm_record_input *in, sm_bill *bill, const char *device_id,
                            const sm_register_event *event) {
  char last[40], at[40];
  if (event->kind == SM_EVENT_ROLLOVER || event->known) return SM_OK;
  bool reset = event->kind == SM_EVENT_RESET;
  bool from_zero = reset && !event->stated;
  char how[120];
  if (from_zero)
    (void)snprintf(how, sizeof how,
                   "started again from zero (it stood at %lld.%03d kWh, which is billed)",
                   (long long)(event->after_wh / 1000), (int)(event->after_wh % 1000));
  else
    (void)snprintf(how, sizeof how, "%s",
                   reset ? "started again from what was read by hand" : "jumped");
  return sm_record_reason(bill, reset ? SM_REASON_RESET : SM_REASON_JUMP, device_id, event->at_ms,
                          "The register of %s %s between %s and %s; what %swas used in between is "
                          "not known and not billed.",
                          device_id, how, sm_zone_format(in->zone, event->last_good_ms, last),
                          sm_zone_format(in->zone, event->at_ms, at), from_zero ? "else " : "");
}

static sm_err add_events(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  const sm_course *course = &measure->course;
  for (size_t i = 0; i < course->event_count; i++) {
    const sm_register_event *event = &course->event[i];
    if (event->at_ms <= measure->from_ms || event->last_good_ms >= measure->to_ms) continue;
    sm_err err = explain_event(in, bill, measure->meter->device_id, event);
    if (err == SM_OK && event->at_ms <= measure->to_ms)
      err = add_event(bill, measure->meter->device_id, event);
    if (err != SM_OK) return err;
  }
  for (size_t i = 0; i < course->suspect_count; i++)
    if (course->suspect_ms[i] >= measure->from_ms && course->suspect_ms[i] < measure->to_ms)
      bill->suspects++;
  return SM_OK;
}

/* ---- edits ---- */
static sm_err add_edit(const sm_measure *measure, const sm_billing_edit *edit, sm_bill *bill) {
  sm_bill_edit *out = sm_bill_add_edit(bill);
  if (out == NULL) return SM_ERR_NOMEM;
  bool doubted =
      edit->edit.kind != SM_EDIT_VOID && sm_course_doubts(&measure->course, edit->edit.ts_ms);
  *out = (sm_bill_edit){.edit_no = edit->edit_no,
                        .kind = edit->edit.kind,
                        .device_id = strdup(measure->meter->device_id),
                        .at_ms = edit->edit.ts_ms,
                        .before_wh = edit->raw_wh,
                        .after_wh = edit->edit.wh,
                        .believed = !doubted,
                        .reason = strdup(edit->reason),
                        .by = strdup(edit->by),
                        .made_ms = edit->made_ms};
  return out->device_id != NULL && out->reason != NULL && out->by != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* Those that the register stands on: from the last good reading at or before the service's begin to
 * the first one at or after its end. */
static sm_err add_edits(const sm_measure *measure, sm_bill *bill) {
  const sm_register_point *before, *after, *unused;
  sm_course_around(&measure->course, measure->from_ms, &before, &unused);
  sm_course_around(&measure->course, measure->to_ms, &unused, &after);
  int64_t from_ms = before != NULL ? before->ts_ms : measure->from_ms;
  int64_t to_ms = after != NULL ? after->ts_ms : measure->to_ms;
  sm_err err = SM_OK;
  for (size_t i = 0; i < measure->meter->edit_count && err == SM_OK; i++) {
    const sm_billing_edit *edit = &measure->meter->edit[i];
    if (edit->edit.ts_ms >= from_ms && edit->edit.ts_ms <= to_ms)
      err = add_edit(measure, edit, bill);
  }
  return err;
}

/* ---- edges ---- */
static sm_err check_edge(const sm_record_input *in, const sm_measure *measure, int64_t at_ms,
                         sm_bill *bill) {
  const sm_register_point *before, *after;
  char edge[40], from[40], to[40];
  /* What comes after the last reading has a reason of its own. */
  if (measure->extended && at_ms > sm_measure_last_ms(measure)) return SM_OK;
  sm_course_around(&measure->course, at_ms, &before, &after);
  if (before == NULL || after == NULL || after->ts_ms - before->ts_ms <= SM_BILLING_GAP_MS)
    return SM_OK;
  return sm_record_reason(
      bill, SM_REASON_GAP_AT_BOUNDARY, measure->meter->device_id, at_ms,
      "%s has no reading between %s and %s: its register at %s is taken from an even use between "
      "the two.",
      measure->meter->device_id, sm_zone_format(in->zone, before->ts_ms, from),
      sm_zone_format(in->zone, after->ts_ms, to), sm_zone_format(in->zone, at_ms, edge));
}

/* A meter that came in the middle of the period, for one that went: its first reading should follow
 * at once. */
static sm_err check_arrival(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  char from[40], to[40];
  int64_t first_ms = measure->course.point[0].ts_ms;
  bool came = measure->from_ms > in->from_ms && in->begin_ms < measure->from_ms;
  if (!came || first_ms - measure->from_ms <= SM_BILLING_GAP_MS) return SM_OK;
  return sm_record_reason(bill, SM_REASON_METER_GAP, measure->meter->device_id, measure->from_ms,
                          "%s serves from %s, but its first reading is of %s: what was used in "
                          "between is not known and not billed.",
                          measure->meter->device_id,
                          sm_zone_format(in->zone, measure->from_ms, from),
                          sm_zone_format(in->zone, first_ms, to));
}

/* The end of a meter's service. At the period's end a reading after it must have been seen; a meter
 * that was taken off before is not read again, so standing still for up to an hour is its truth. */
static sm_err check_end(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  char last[40], end[40];
  bool period_end = measure->to_ms == in->to_ms;
  if (period_end && in->running) return SM_OK;
  int64_t last_ms = sm_measure_last_ms(measure);
  if (last_ms >= measure->to_ms) return check_edge(in, measure, measure->to_ms, bill);
  if (!period_end && measure->to_ms - last_ms <= SM_BILLING_GAP_MS) return SM_OK;
  if (period_end) bill->settled = false;
  if (measure->extended)
    return sm_record_reason(
        bill, SM_REASON_NO_READING_AFTER_END, measure->meter->device_id, measure->to_ms,
        "The last reading of %s is of %s: use is taken to go on by %lld.%03d kWh "
        "a day, the average of the last bills, until %s.",
        measure->meter->device_id, sm_zone_format(in->zone, last_ms, last),
        (long long)(in->average_wh_per_day / 1000), (int)(in->average_wh_per_day % 1000),
        sm_zone_format(in->zone, measure->to_ms, end));
  return sm_record_reason(bill, SM_REASON_NO_READING_AFTER_END, measure->meter->device_id,
                          measure->to_ms,
                          "The last reading of %s is of %s: its register is taken to stand still "
                          "from then until %s.",
                          measure->meter->device_id, sm_zone_format(in->zone, last_ms, last),
                          sm_zone_format(in->zone, measure->to_ms, end));
}

static sm_err check_edges(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  sm_err err = check_edge(in, measure, measure->from_ms, bill);
  if (err == SM_OK) err = check_arrival(in, measure, bill);
  for (size_t i = 0; i < in->cut_count && err == SM_OK; i++)
    if (in->cut_ms[i] > measure->from_ms && in->cut_ms[i] < measure->to_ms)
      err = check_edge(in, measure, in->cut_ms[i], bill);
  return err == SM_OK ? check_end(in, measure, bill) : err;
}

/* ---- swaps ---- */
/* The meter of the same sign that went last before another came; NULL: none. */
static const sm_measure *predecessor(const sm_record_input *in, const sm_measure *came) {
  const sm_measure *found = NULL;
  for (size_t i = 0; i < in->measures->count; i++) {
    const sm_measure *went = &in->measures->item[i];
    if (went == came || went->meter->sign != came->meter->sign || !sm_measure_shows(went)) continue;
    if (went->to_ms > came->from_ms || went->to_ms <= in->from_ms) continue;
    if (found == NULL || went->to_ms > found->to_ms) found = went;
  }
  return found;
}

static int64_t shown_register(const sm_measure *measure, int64_t at_ms) {
  const sm_course *course = &measure->course;
  size_t stretch = resting_stretch(course, at_ms);
  int64_t unrolled_wh = sm_course_at(course, stretch, at_ms);
  return unrolled_wh - rolled_wh(measure, stretch, unrolled_wh, at_ms);
}

static sm_err add_swap(const sm_record_input *in, const sm_measure *came, sm_bill *bill) {
  char from[40], to[40];
  if (came->from_ms <= in->from_ms || !sm_measure_shows(came)) return SM_OK;
  const sm_measure *went = predecessor(in, came);
  if (went == NULL) return SM_OK;
  sm_register_event event = {.kind = SM_EVENT_SWAP,
                             .at_ms = came->from_ms,
                             .before_wh = shown_register(went, went->to_ms),
                             .after_wh = shown_register(came, came->from_ms)};
  sm_err err = add_event(bill, came->meter->device_id, &event);
  if (err != SM_OK || came->from_ms - went->to_ms <= SM_BILLING_GAP_MS) return err;
  return sm_record_reason(bill, SM_REASON_METER_GAP, came->meter->device_id, came->from_ms,
                          "No meter served between %s and %s: what was used in between is not "
                          "known and not billed.",
                          sm_zone_format(in->zone, went->to_ms, from),
                          sm_zone_format(in->zone, came->from_ms, to));
}

/* ---- the whole ---- */
static bool overlap(const sm_measure *a, const sm_measure *b) {
  return a->from_ms < b->to_ms && b->from_ms < a->to_ms;
}

/* Opening and closing of the bill: of the one meter that served at a time. Several at once have no
 * common register; then the entries tell. */
static void set_opening_and_closing(const sm_record_input *in, sm_bill *bill) {
  for (size_t i = 0; i < in->measures->count; i++)
    for (size_t k = i + 1; k < in->measures->count; k++)
      if (sm_measure_shows(&in->measures->item[i]) && sm_measure_shows(&in->measures->item[k]) &&
          overlap(&in->measures->item[i], &in->measures->item[k]))
        return;
  bill->has_registers = bill->reg_count > 0;
  if (!bill->has_registers) return;
  bill->opening_wh = bill->reg[0].opening_wh;
  bill->closing_wh = bill->reg[bill->reg_count - 1].closing_wh;
}

static int by_time(const void *left, const void *right) {
  const sm_bill_event *a = left;
  const sm_bill_event *b = right;
  return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

static int edits_by_time(const void *left, const void *right) {
  const sm_bill_edit *a = left;
  const sm_bill_edit *b = right;
  if (a->at_ms != b->at_ms) return a->at_ms > b->at_ms ? 1 : -1;
  return (a->edit_no > b->edit_no) - (a->edit_no < b->edit_no);
}

/* The meters in the order in which their service begins, and as given where it begins at once. */
static void order_meters(const sm_measures *measures, const sm_measure **order) {
  for (size_t i = 0; i < measures->count; i++) {
    size_t at = i;
    while (at > 0 && order[at - 1]->from_ms > measures->item[i].from_ms) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = &measures->item[i];
  }
}

/* A meter without a reading until its service ends. If its first one came later, it had not begun,
 * unless it came for one that went; if it never had one beside meters that had, what went through
 * it is missing. */
static sm_err check_silent(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  if (measure->course.point_count > 0)
    return in->measured && measure->to_ms - measure->from_ms > SM_BILLING_GAP_MS
               ? check_arrival(in, measure, bill)
               : SM_OK;
  if (measure->to_ms == in->to_ms) bill->settled = false;
  if (in->running || !in->measured) return SM_OK;
  return sm_record_reason(bill, SM_REASON_NO_READING_AFTER_END, measure->meter->device_id,
                          measure->to_ms,
                          "%s has never been read: what went through it is not known and not "
                          "billed.",
                          measure->meter->device_id);
}

static sm_err record_meter(const sm_record_input *in, const sm_measure *measure, sm_bill *bill) {
  if (measure->from_ms >= measure->to_ms) return SM_OK;
  sm_err err = add_edits(measure, bill);
  if (err != SM_OK) return err;
  if (!sm_measure_shows(measure)) return check_silent(in, measure, bill);
  err = add_registers(in, measure, bill);
  if (err == SM_OK) err = add_events(in, measure, bill);
  if (err == SM_OK) err = check_edges(in, measure, bill);
  return err == SM_OK ? add_swap(in, measure, bill) : err;
}

/* ---- without a meter ---- */
static sm_err explain_hole(const sm_record_input *in, const char *device_id, int64_t from_ms,
                           int64_t to_ms, sm_bill *bill) {
  char from[40], to[40];
  if (to_ms - from_ms <= SM_BILLING_GAP_MS) return SM_OK;
  return sm_record_reason(bill, SM_REASON_METER_GAP, device_id, to_ms,
                          "No meter served between %s and %s: what was used in between is not "
                          "known and not billed.",
                          sm_zone_format(in->zone, from_ms, from),
                          sm_zone_format(in->zone, to_ms, to));
}

/* Times in which no meter counts for the account at all. What lies between two meters in turn was
 * told with the swap. */
static sm_err check_holes(const sm_record_input *in, const sm_measure *const *order,
                          sm_bill *bill) {
  if (!in->measured) return SM_OK;
  int64_t covered_ms = in->begin_ms > in->from_ms ? in->begin_ms : in->from_ms;
  sm_err err = SM_OK;
  for (size_t i = 0; i < in->measures->count && err == SM_OK; i++) {
    const sm_measure *m = order[i];
    if (m->meter->sign < 0 || m->from_ms >= m->to_ms) continue;
    if (!sm_measure_shows(m) || predecessor(in, m) == NULL)
      err = explain_hole(in, m->meter->device_id, covered_ms, m->from_ms, bill);
    if (m->to_ms > covered_ms) covered_ms = m->to_ms;
  }
  if (err != SM_OK || in->running) return err;
  return explain_hole(in, NULL, covered_ms, in->to_ms, bill);
}

sm_err sm_record_meters(const sm_record_input *in, sm_bill *bill) {
  const sm_measure **order = calloc(in->measures->count + 1, sizeof *order);
  if (order == NULL) return SM_ERR_NOMEM;
  order_meters(in->measures, order);
  bill->settled = !in->running;
  sm_err err = SM_OK;
  for (size_t i = 0; i < in->measures->count && err == SM_OK; i++)
    err = record_meter(in, order[i], bill);
  if (err == SM_OK) err = check_holes(in, order, bill);
  if (err == SM_OK && bill->event_count > 1)
    qsort(bill->event, bill->event_count, sizeof *bill->event, by_time);
  if (err == SM_OK && bill->edit_count > 1)
    qsort(bill->edit, bill->edit_count, sizeof *bill->edit, edits_by_time);
  if (err == SM_OK) set_opening_and_closing(in, bill);
  free(order);
  return err;
}
