#include "core/test_module.h"

#include "core/bytes.h"
#include "core/crc.h"

#include <stdlib.h>
#include <string.h>

void test_module_put_reply(test_module *module, uint8_t address) {
  uint8_t *r = module->bytes + module->len;
  const edge_sample *s = &module->says;
  memset(r, 0, EDGE_PZEM_REPLY_LEN);
  r[0] = address;
  r[1] = 4;
  r[2] = 20;
  edge_put_u16be(r + 3, s->voltage_dv);
  edge_put_u16be(r + 5, s->current_ma);
  edge_put_u16be(r + 7, s->current_ma >> 16);
  edge_put_u16be(r + 9, s->power_dw);
  edge_put_u16be(r + 11, s->power_dw >> 16);
  edge_put_u16be(r + 13, s->energy_wh);
  edge_put_u16be(r + 15, s->energy_wh >> 16);
  edge_put_u16be(r + 17, s->frequency_dhz);
  edge_put_u16be(r + 19, s->power_factor_centi);
  edge_put_u16(r + 23, edge_crc16(r, 23));
  module->len += EDGE_PZEM_REPLY_LEN;
}

static void put_refusal(test_module *l) {
  uint8_t *r = l->bytes + l->len;
  r[0] = 1;
  r[1] = 0x84;
  r[2] = 2;
  edge_put_u16(r + 3, edge_crc16(r, 3));
  l->len += EDGE_PZEM_EXCEPTION_LEN;
}

static void flush(void *context) {
  ((test_module *)context)->len = 0;
}

static void take_request(void *context, const uint8_t *bytes, size_t len) {
  test_module *l = context;
  /* Nothing else is ever asked. */
  if (len != EDGE_PZEM_REQUEST_LEN || bytes[1] != 4) abort();
  l->requests++;
  if (l->before != NULL) l->before(l);
  test_mode mode = l->mode_for > 0 ? l->mode : ANSWERS;
  if (l->mode_for > 0) l->mode_for--;
  if (mode == SILENT) return;
  if (mode == NOISY) {
    static const uint8_t noise[] = {0x00, 0xF8, 0x01, 0x04, 0x13, 0xFF};
    memcpy(l->bytes, noise, sizeof noise);
    l->len = sizeof noise;
  }
  if (mode == REFUSES)
    put_refusal(l);
  else
    test_module_put_reply(l, mode == STRANGER ? 2 : 1);
  if (mode == BAD_CRC) l->bytes[10] ^= 0x10;
  if (mode == CUT) l->len = 17;
}

static size_t give(void *context, uint8_t *bytes, size_t cap) {
  test_module *l = context;
  size_t some = l->len < cap ? l->len : cap;
  memcpy(bytes, l->bytes, some);
  memmove(l->bytes, l->bytes + some, l->len - some);
  l->len -= some;
  return some;
}

edge_serial test_module_serial(test_module *module) {
  return (edge_serial){module, flush, take_request, give};
}
