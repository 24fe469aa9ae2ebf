/* Numbers in bytes: little-endian in flash, big-endian in Modbus. The caller knows that there is
 * room. */
#ifndef EDGE_CORE_BYTES_H
#define EDGE_CORE_BYTES_H

#include <stdint.h>

static inline uint16_t edge_get_u16(const uint8_t *at) {
  return (uint16_t)(at[0] | (unsigned)at[1] << 8);
}
static inline uint32_t edge_get_u24(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}
static inline uint32_t edge_get_u32(const uint8_t *at) {
  return edge_get_u24(at) | (uint32_t)at[3] << 24;
}
static inline uint16_t edge_get_u16be(const uint8_t *at) {
  return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline void edge_put_u16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
}
static inline void edge_put_u24(uint8_t *at, uint32_t value) {
  edge_put_u16(at, value);
  at[2] = (uint8_t)(value >> 16);
}
static inline void edge_put_u32(uint8_t *at, uint32_t value) {
  edge_put_u24(at, value);
  at[3] = (uint8_t)(value >> 24);
}
static inline void edge_put_u16be(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

#endif
