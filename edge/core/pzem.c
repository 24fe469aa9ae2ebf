#include "core/pzem.h"

#include "core/bytes.h"
#include "core/crc.h"

#include <stdbool.h>

enum {
  READ_INPUT = 0x04,
  REGISTERS = 10,
  DATA_LEN = 2 * REGISTERS,
  EXCEPTION_BIT = 0x80,
  HEAD = 3
};

void edge_pzem_request(uint8_t address, uint8_t out[EDGE_PZEM_REQUEST_LEN]) {
  out[0] = address;
  out[1] = READ_INPUT;
  edge_put_u16be(out + 2, 0);
  edge_put_u16be(out + 4, REGISTERS);
  edge_put_u16(out + 6, edge_crc16(out, 6)); /* low byte first, unlike the rest */
}

static bool answers(uint8_t asked, uint8_t address) {
  if (address == asked) return true;
  return asked == EDGE_PZEM_ANY_ADDRESS && address >= 1 && address <= EDGE_PZEM_ADDRESS_MAX;
}

static bool crc_good(const uint8_t *bytes, size_t len) {
  return edge_get_u16(bytes + len - 2) == edge_crc16(bytes, len - 2);
}

/* Two registers, the low word first. */
static uint32_t wide(const uint8_t *at) {
  return edge_get_u16be(at) | (uint32_t)edge_get_u16be(at + 2) << 16;
}

edge_pzem_status edge_pzem_parse(uint8_t address, const uint8_t *bytes, size_t len,
                                 edge_sample *sample) {
  if (len >= 1 && !answers(address, bytes[0])) return EDGE_PZEM_ADDRESS;
  if (len >= 2 && bytes[1] == (READ_INPUT | EXCEPTION_BIT)) {
    if (len < EDGE_PZEM_EXCEPTION_LEN) return EDGE_PZEM_SHORT;
    return crc_good(bytes, EDGE_PZEM_EXCEPTION_LEN) ? EDGE_PZEM_EXCEPTION : EDGE_PZEM_CRC;
  }
  if (len >= 2 && bytes[1] != READ_INPUT) return EDGE_PZEM_FUNCTION;
  if (len >= 3 && bytes[2] != DATA_LEN) return EDGE_PZEM_LENGTH;
  if (len < EDGE_PZEM_REPLY_LEN) return EDGE_PZEM_SHORT;
  if (!crc_good(bytes, EDGE_PZEM_REPLY_LEN)) return EDGE_PZEM_CRC;
  const uint8_t *data = bytes + HEAD;
  *sample = (edge_sample){.voltage_dv = edge_get_u16be(data),
                          .current_ma = wide(data + 2),
                          .power_dw = wide(data + 6),
                          .energy_wh = wide(data + 10),
                          .frequency_dhz = edge_get_u16be(data + 14),
                          .power_factor_centi = edge_get_u16be(data + 16)};
  return EDGE_PZEM_OK;
}
