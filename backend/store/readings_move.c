#include "store/readings_move.h"

#include "store/readings_engine.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)86400000)

static const sm_readings_engine *of(sm_readings *store) {
  return *(const sm_readings_engine **)(void *)store; /* its first member */
}

void sm_move_series_fini(sm_move_series *series) {
  if (series != NULL) sm_buf_fini(&series->state);
}

void sm_move_day_fini(sm_move_day *day) {
  if (day == NULL) return;
  sm_quarter_list_fini(&day->quarters);
  sm_reading_list_fini(&day->raw);
  sm_reading_list_fini(&day->course);
}

sm_err sm_readings_move_series(sm_readings *store, int64_t after_no, sm_move_series *series) {
  return of(store)->move_series(store, after_no, series);
}

sm_err sm_readings_move_put(sm_readings *store, const sm_move_series *series,
                            const sm_move_day *days, size_t count) {
  return of(store)->move_put(store, series, days, count);
}

sm_err sm_readings_move_meta(sm_readings *store, sm_move_meta *meta) {
  return of(store)->move_meta(store, meta);
}

sm_err sm_readings_move_set_meta(sm_readings *store, const sm_move_meta *meta) {
  return of(store)->move_set_meta(store, meta);
}

sm_err sm_readings_move_rejects(sm_readings *store, const sm_reject_list *rejects) {
  return of(store)->move_rejects(store, rejects);
}

/* Raw goes and leaves its course in one step: the course is read behind it. */
sm_err sm_readings_move_day(sm_readings *store, const char *device_id, uint8_t channel, int64_t day,
                            sm_move_day *out) {
  int64_t from_ms = day * DAY_MS;
  int64_t to_ms = from_ms + DAY_MS;
  sm_move_day got = {.day = day};
  sm_err err =
      sm_readings_quarters(store, device_id, channel, from_ms, to_ms, SIZE_MAX, &got.quarters);
  if (err == SM_OK)
    err = sm_readings_raw(store, device_id, channel, from_ms, to_ms, SIZE_MAX, &got.raw);
  if (err == SM_OK && got.raw.count == 0)
    err = of(store)->course(store, device_id, channel, from_ms, to_ms, &got.course);
  if (err == SM_OK)
    *out = got;
  else
    sm_move_day_fini(&got);
  return err;
}

/* ---- the same? ---- */

bool sm_move_quarters_same(const sm_quarter *a, size_t a_count, const sm_quarter *b,
                           size_t b_count) {
  if (a_count != b_count) return false;
  for (size_t i = 0; i < a_count; i++)
    if (!sm_quarter_equal(&a[i], &b[i])) return false;
  return true;
}

static bool courses_same(const sm_reading_list *a, const sm_reading_list *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (a->item[i].ts_ms != b->item[i].ts_ms || a->item[i].energy_wh != b->item[i].energy_wh)
      return false;
  return true;
}

bool sm_move_days_same(const sm_move_day *a, const sm_move_day *b) {
  if (!sm_move_quarters_same(a->quarters.item, a->quarters.count, b->quarters.item,
                             b->quarters.count) ||
      a->raw.count != b->raw.count || !courses_same(&a->course, &b->course))
    return false;
  for (size_t i = 0; i < a->raw.count; i++)
    if (!sm_reading_equal(&a->raw.item[i], &b->raw.item[i])) return false;
  return true;
}

static bool bytes_same(const char *a, size_t a_len, const char *b, size_t b_len) {
  return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool reject_same(const sm_reject *a, const sm_reject *b) {
  return a->reject_no == b->reject_no && a->received_ms == b->received_ms &&
         a->payload_len_sent == b->payload_len_sent && strcmp(a->device_id, b->device_id) == 0 &&
         strcmp(a->reason, b->reason) == 0 && strcmp(a->detail, b->detail) == 0 &&
         bytes_same(a->topic, a->topic_len, b->topic, b->topic_len) &&
         bytes_same(a->payload, a->payload_len, b->payload, b->payload_len);
}

bool sm_move_rejects_same(const sm_reject_list *a, const sm_reject_list *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (!reject_same(&a->item[i], &b->item[i])) return false;
  return true;
}

/* ---- bytes for checksums ---- */

static void put(sm_buf *out, int64_t value) {
  uint8_t bytes[8];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
  sm_buf_append(out, bytes, sizeof bytes);
}

static void put_quarter(sm_buf *out, const sm_quarter *q) {
  const int64_t value[] = {q->start_ms,       q->first.ts_ms,  q->first.wh,
                           q->last.ts_ms,     q->last.wh,      q->count,
                           q->power_sum_mw,   q->power_max_mw, q->voltage_sum_mv,
                           q->voltage_min_mv, q->gap_max_ms,   q->voltage_max_mv,
                           q->step_max_w,     q->fell};
  for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) put(out, value[i]);
}

static int64_t where(const sm_reading *r, uint8_t flag, int64_t value) {
  return (r->has & flag) != 0 ? value : 0;
}

static void put_reading(sm_buf *out, const sm_reading *r) {
  const int64_t value[] = {r->ts_ms,
                           r->energy_wh,
                           r->voltage_mv,
                           r->current_ma,
                           r->power_mw,
                           r->has,
                           where(r, SM_READING_FREQUENCY, r->frequency_mhz),
                           where(r, SM_READING_POWER_FACTOR, r->power_factor_milli),
                           where(r, SM_READING_RSSI, r->rssi_dbm),
                           where(r, SM_READING_SEQ, r->seq),
                           where(r, SM_READING_EPOCH, r->epoch)};
  for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) put(out, value[i]);
}

void sm_move_day_print(const sm_move_day *day, sm_buf *out) {
  put(out, day->day);
  put(out, (int64_t)day->quarters.count);
  for (size_t i = 0; i < day->quarters.count; i++) put_quarter(out, &day->quarters.item[i]);
  put(out, (int64_t)day->raw.count);
  for (size_t i = 0; i < day->raw.count; i++) put_reading(out, &day->raw.item[i]);
  put(out, (int64_t)day->course.count);
  for (size_t i = 0; i < day->course.count; i++) {
    put(out, day->course.item[i].ts_ms);
    put(out, day->course.item[i].energy_wh);
  }
}
