#include "store/series/packed.h"

#include "store/series/varint.h"
#include "store/series/wrapping.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The first byte of a reading: what differs from the usual. */
enum {
  HAS_FOLLOWS = 1,    /* `has` differs from the one before: a byte */
  STEP_FOLLOWS = 2,   /* so does the time passed: the difference of the differences */
  COARSE_VOLTAGE = 4, /* differences in tenths of a unit, as most meters measure */
  COARSE_POWER = 8,
  COARSE_FREQUENCY = 16,
  COARSE_FACTOR = 32
};

void sm_packed_fini(sm_packed *packed) {
  free(packed->data);
  *packed = (sm_packed){0};
}

sm_err sm_packed_reserve(sm_packed *packed, size_t more) {
  const size_t most = (size_t)INT32_MAX;
  if (more > (most - packed->len) / SM_PACKED_READING_MAX) return SM_ERR_RANGE;
  size_t need = packed->len + more * SM_PACKED_READING_MAX;
  if (need <= packed->cap) return SM_OK;
  /* Readings take a fraction of what is reserved for them: growing by half is growing seldom. */
  size_t cap = packed->cap + packed->cap / 2;
  if (cap < need) cap = need;
  if (cap > most) cap = most;
  uint8_t *data = realloc(packed->data, cap);
  if (data == NULL) return SM_ERR_NOMEM;
  packed->data = data;
  packed->cap = (uint32_t)cap;
  return SM_OK;
}

void sm_packed_trim(sm_packed *packed) {
  if (packed->len == packed->cap || packed->len == 0) return;
  uint8_t *data = realloc(packed->data, packed->len);
  if (data == NULL) return;
  packed->data = data;
  packed->cap = packed->len;
}

/* ---- numbers ---- */

static const uint8_t *get(const uint8_t *at, int64_t *value) {
  uint64_t bits = *at & 0x7f;
  for (unsigned shift = 7; (*at++ & 0x80) != 0; shift += 7) bits |= (uint64_t)(*at & 0x7f) << shift;
  *value = sm_unzigzag(bits);
  return at;
}

/* A difference, in units of `coarse` where that divides it: then the flag is set. */
static uint8_t *put_coarse(uint8_t *at, int32_t value, int32_t before, int32_t coarse, uint8_t flag,
                           uint8_t *flags) {
  int64_t step = (int64_t)value - before;
  if (step % coarse == 0) {
    *flags |= flag;
    step /= coarse;
  }
  return sm_varint_write_signed(at, step);
}

static const uint8_t *get_coarse(const uint8_t *at, int32_t before, int32_t coarse, bool is_coarse,
                                 int32_t *value) {
  int64_t step;
  at = get(at, &step);
  *value = (int32_t)(before + (is_coarse ? step * coarse : step));
  return at;
}

/* ---- readings ---- */

/* Members that a reading has not are 0 on both sides, so that both count from the same. */
static void clear_absent(sm_reading *r) {
  if (!(r->has & SM_READING_FREQUENCY)) r->frequency_mhz = 0;
  if (!(r->has & SM_READING_POWER_FACTOR)) r->power_factor_milli = 0;
  if (!(r->has & SM_READING_RSSI)) r->rssi_dbm = 0;
  if (!(r->has & SM_READING_SEQ)) r->seq = 0;
  if (!(r->has & SM_READING_EPOCH)) r->epoch = 0;
}

enum { VOLTAGE_MV = 100, POWER_MW = 100, FREQUENCY_MHZ = 100, FACTOR_MILLI = 10 };

static uint8_t *put_options(uint8_t *at, const sm_reading *r, const sm_reading *before,
                            uint8_t *flags) {
  if (r->has & SM_READING_FREQUENCY)
    at = put_coarse(at, r->frequency_mhz, before->frequency_mhz, FREQUENCY_MHZ, COARSE_FREQUENCY,
                    flags);
  if (r->has & SM_READING_POWER_FACTOR)
    at = put_coarse(at, r->power_factor_milli, before->power_factor_milli, FACTOR_MILLI,
                    COARSE_FACTOR, flags);
  if (r->has & SM_READING_RSSI)
    at = sm_varint_write_signed(at, (int64_t)r->rssi_dbm - before->rssi_dbm);
  if (r->has & SM_READING_SEQ) at = sm_varint_write_signed(at, (int64_t)r->seq - before->seq);
  if (r->has & SM_READING_EPOCH) at = sm_varint_write_signed(at, (int64_t)r->epoch - before->epoch);
  return at;
}

void sm_packed_append(sm_packed *packed, const sm_reading *r) {
  assert(packed->cap - packed->len >= SM_PACKED_READING_MAX);
  assert(packed->count == 0 || r->ts_ms > packed->last.ts_ms);
  static const sm_reading nothing = {0};
  const sm_reading *before = packed->count > 0 ? &packed->last : &nothing;
  uint8_t *begin = packed->data + packed->len;
  uint8_t *at = begin + 1;
  uint8_t flags = 0;
  int64_t step_ms = sm_wrapping_sub(r->ts_ms, before->ts_ms);
  if (r->has != before->has) {
    flags |= HAS_FOLLOWS;
    *at++ = r->has;
  }
  if (step_ms != packed->step_ms) {
    flags |= STEP_FOLLOWS;
    at = sm_varint_write_signed(at, sm_wrapping_sub(step_ms, packed->step_ms));
  }
  at = sm_varint_write_signed(at, sm_wrapping_sub(r->energy_wh, before->energy_wh));
  at = put_coarse(at, r->voltage_mv, before->voltage_mv, VOLTAGE_MV, COARSE_VOLTAGE, &flags);
  at = sm_varint_write_signed(at, (int64_t)r->current_ma - before->current_ma);
  at = put_coarse(at, r->power_mw, before->power_mw, POWER_MW, COARSE_POWER, &flags);
  at = put_options(at, r, before, &flags);
  *begin = flags;
  if (packed->count == 0) packed->first_ms = r->ts_ms;
  packed->len += (uint32_t)(at - begin);
  packed->count++;
  packed->step_ms = step_ms;
  packed->last = *r;
  clear_absent(&packed->last);
}

static const uint8_t *get_options(const uint8_t *at, uint8_t flags, const sm_reading *before,
                                  sm_reading *r) {
  int64_t step;
  int32_t value;
  if (r->has & SM_READING_FREQUENCY)
    at = get_coarse(at, before->frequency_mhz, FREQUENCY_MHZ, (flags & COARSE_FREQUENCY) != 0,
                    &r->frequency_mhz);
  if (r->has & SM_READING_POWER_FACTOR) {
    at = get_coarse(at, before->power_factor_milli, FACTOR_MILLI, (flags & COARSE_FACTOR) != 0,
                    &value);
    r->power_factor_milli = (int16_t)value;
  }
  if (r->has & SM_READING_RSSI) {
    at = get(at, &step);
    r->rssi_dbm = (int16_t)(before->rssi_dbm + step);
  }
  if (r->has & SM_READING_SEQ) {
    at = get(at, &step);
    r->seq = (uint32_t)(before->seq + step);
  }
  if (r->has & SM_READING_EPOCH) {
    at = get(at, &step);
    r->epoch = (uint32_t)(before->epoch + step);
  }
  return at;
}

/* `r` comes in as the reading before. */
static const uint8_t *get_reading(const uint8_t *at, int64_t *step_ms, sm_reading *r) {
  const sm_reading before = *r;
  int64_t step;
  uint8_t flags = *at++;
  if (flags & HAS_FOLLOWS) r->has = *at++;
  if (flags & STEP_FOLLOWS) {
    at = get(at, &step);
    *step_ms = sm_wrapping_add(*step_ms, step);
  }
  r->ts_ms = sm_wrapping_add(before.ts_ms, *step_ms);
  at = get(at, &step);
  r->energy_wh = sm_wrapping_add(before.energy_wh, step);
  at = get_coarse(at, before.voltage_mv, VOLTAGE_MV, (flags & COARSE_VOLTAGE) != 0, &r->voltage_mv);
  at = get(at, &step);
  r->current_ma = (int32_t)(before.current_ma + step);
  at = get_coarse(at, before.power_mw, POWER_MW, (flags & COARSE_POWER) != 0, &r->power_mw);
  at = get_options(at, flags, &before, r);
  clear_absent(r);
  return at;
}

void sm_packed_read(const sm_packed *packed, sm_reading *out) {
  const uint8_t *at = packed->data;
  int64_t step_ms = 0;
  sm_reading r = {0};
  for (uint32_t i = 0; i < packed->count; i++) {
    at = get_reading(at, &step_ms, &r);
    out[i] = r;
  }
}
