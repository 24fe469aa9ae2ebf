/* A reading as it lies in the ring log, 32 bytes, little-endian:
 *
 *   0 u32 wall_s      seconds since 1970, 0 while the clock is not set
 *   4 u32 uptime_s    of its boot
 *   8 u16 boot        counts starts
 *  10 u8  power factor in hundredths
 *  11 i8  rssi_dbm
 *  12 u16 voltage_dv
 *  14 u16 frequency_dhz
 *  16 u24 current_ma
 *  19 u24 power_dw
 *  22 u24 energy_wh
 *  25 u8  flags       EDGE_RECORD_LEAPT, EDGE_RECORD_UNCHECKED
 *  26 u16 0
 *  28 u32 CRC-32 of epoch and seq (8 bytes, in front) and the 28 bytes above
 *
 * Its place says its sequence number, which is in the checksum: so a record that stands where it
 * was not written is none. */
#ifndef EDGE_CORE_RECORD_H
#define EDGE_CORE_RECORD_H

#include "core/sample.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  EDGE_RECORD_LEN = 32,
  EDGE_RECORD_LEAPT = 1,
  EDGE_RECORD_UNCHECKED = 2 /* wall_s is of a clock not held against the server's: core/stamp.h */
};

typedef struct edge_record {
  edge_sample sample;
  uint32_t wall_s;
  uint32_t uptime_s;
  uint16_t boot;
  int8_t rssi_dbm;
  uint8_t flags;
} edge_record;

void edge_record_write(const edge_record *record, uint32_t epoch, uint32_t seq,
                       uint8_t out[EDGE_RECORD_LEN]);
/* False: damaged, or of another place. */
bool edge_record_read(const uint8_t bytes[EDGE_RECORD_LEN], uint32_t epoch, uint32_t seq,
                      edge_record *record);

#endif
