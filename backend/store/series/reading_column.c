#include "store/series/reading_column.h"

#include "base/crc32.h"

#define COLUMN(name, type, low, high)                                                              \
  static int64_t get_##name(const sm_reading *r) {                                                 \
    return (int64_t)r->name;                                                                       \
  }                                                                                                \
  static bool set_##name(sm_reading *r, int64_t value) {                                           \
    if (value < (low) || value > (high)) return false;                                             \
    r->name = (type)value;                                                                         \
    return true;                                                                                   \
  }

static int64_t get_energy_wh(const sm_reading *r) {
  return r->energy_wh;
}
static bool set_energy_wh(sm_reading *r, int64_t value) {
  r->energy_wh = value;
  return true;
}
COLUMN(voltage_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(current_ma, int32_t, INT32_MIN, INT32_MAX)
COLUMN(power_mw, int32_t, INT32_MIN, INT32_MAX)
COLUMN(frequency_mhz, int32_t, INT32_MIN, INT32_MAX)
COLUMN(power_factor_milli, int16_t, INT16_MIN, INT16_MAX)
COLUMN(rssi_dbm, int16_t, INT16_MIN, INT16_MAX)
COLUMN(seq, uint32_t, 0, UINT32_MAX)
COLUMN(epoch, uint32_t, 0, UINT32_MAX)
#undef COLUMN

const sm_reading_column sm_reading_columns[SM_READING_COLUMNS] = {
    {0, get_energy_wh, set_energy_wh},
    {0, get_voltage_mv, set_voltage_mv},
    {0, get_current_ma, set_current_ma},
    {0, get_power_mw, set_power_mw},
    {SM_READING_FREQUENCY, get_frequency_mhz, set_frequency_mhz},
    {SM_READING_POWER_FACTOR, get_power_factor_milli, set_power_factor_milli},
    {SM_READING_RSSI, get_rssi_dbm, set_rssi_dbm},
    {SM_READING_SEQ, get_seq, set_seq},
    {SM_READING_EPOCH, get_epoch, set_epoch},
};

void sm_reading_put(sm_buf *out, const sm_reading *r) {
  sm_buf_append_char(out, (char)r->has);
  for (size_t c = 0; c < SM_READING_COLUMNS; c++)
    if (sm_reading_has(r, &sm_reading_columns[c]))
      sm_varint_put_signed(out, sm_reading_columns[c].get(r));
}

void sm_reading_get(sm_cursor *in, sm_reading *r) {
  r->has = sm_byte_get(in);
  for (size_t c = 0; c < SM_READING_COLUMNS && !in->bad; c++) {
    if (!sm_reading_has(r, &sm_reading_columns[c])) continue;
    if (!sm_reading_columns[c].set(r, sm_varint_get_signed(in))) in->bad = true;
  }
}

void sm_crc_put(sm_buf *out, size_t from) {
  if (out->err != SM_OK) return;
  uint32_t crc = sm_crc32(out->data + from, out->len - from);
  for (unsigned shift = 0; shift < 32; shift += 8)
    sm_buf_append_char(out, (char)(uint8_t)(crc >> shift));
}

bool sm_crc_good(const uint8_t *data, size_t len) {
  if (len < SM_CRC_BYTES) return false;
  size_t body = len - SM_CRC_BYTES;
  uint32_t crc = 0;
  for (unsigned i = 0; i < SM_CRC_BYTES; i++) crc |= (uint32_t)data[body + i] << (8 * i);
  return crc == sm_crc32(data, body);
}
