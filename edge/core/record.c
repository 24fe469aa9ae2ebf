#include "core/record.h"

#include "core/bytes.h"
#include "core/crc.h"

enum { CRC_AT = 28 };

static uint32_t checksum(const uint8_t *bytes, uint32_t epoch, uint32_t seq) {
  uint8_t place[8];
  edge_put_u32(place, epoch);
  edge_put_u32(place + 4, seq);
  return edge_crc32(edge_crc32(0, place, sizeof place), bytes, CRC_AT);
}

void edge_record_write(const edge_record *record, uint32_t epoch, uint32_t seq,
                       uint8_t out[EDGE_RECORD_LEN]) {
  const edge_sample *s = &record->sample;
  edge_put_u32(out, record->wall_s);
  edge_put_u32(out + 4, record->uptime_s);
  edge_put_u16(out + 8, record->boot);
  out[10] = (uint8_t)s->power_factor_centi;
  out[11] = (uint8_t)record->rssi_dbm;
  edge_put_u16(out + 12, s->voltage_dv);
  edge_put_u16(out + 14, s->frequency_dhz);
  edge_put_u24(out + 16, s->current_ma);
  edge_put_u24(out + 19, s->power_dw);
  edge_put_u24(out + 22, s->energy_wh);
  out[25] = record->flags;
  edge_put_u16(out + 26, 0);
  edge_put_u32(out + CRC_AT, checksum(out, epoch, seq));
}

bool edge_record_read(const uint8_t bytes[EDGE_RECORD_LEN], uint32_t epoch, uint32_t seq,
                      edge_record *record) {
  if (edge_get_u32(bytes + CRC_AT) != checksum(bytes, epoch, seq)) return false;
  *record = (edge_record){.wall_s = edge_get_u32(bytes),
                          .uptime_s = edge_get_u32(bytes + 4),
                          .boot = edge_get_u16(bytes + 8),
                          .rssi_dbm = (int8_t)bytes[11],
                          .flags = bytes[25],
                          .sample = {.power_factor_centi = bytes[10],
                                     .voltage_dv = edge_get_u16(bytes + 12),
                                     .frequency_dhz = edge_get_u16(bytes + 14),
                                     .current_ma = edge_get_u24(bytes + 16),
                                     .power_dw = edge_get_u24(bytes + 19),
                                     .energy_wh = edge_get_u24(bytes + 22)}};
  return true;
}
