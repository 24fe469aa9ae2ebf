/* Readings as the contract's JSON: members in the order of its example, numbers from integers, the
 * same reading always the same bytes. contracts/payloads holds what must come out. Pure. */
#ifndef EDGE_CORE_TELEMETRY_H
#define EDGE_CORE_TELEMETRY_H

#include "core/text.h"

#include <stdbool.h>
#include <stdint.h>

enum { EDGE_TELEMETRY_MAX = 420, EDGE_DEVICE_ID_MAX = 64 };

typedef struct edge_reading {
  uint32_t wall_s;
  int32_t voltage_mv;
  int32_t current_ma;
  int32_t power_mw;
  int64_t energy_wh;
  bool has_power_factor;
  bool has_rssi;
  bool has_frequency;
  bool has_seq; /* and epoch and seq_first */
  bool has_asks;
  int32_t power_factor_milli;
  int32_t rssi_dbm;
  int32_t frequency_mhz;
  uint32_t seq;
  uint32_t epoch;
  uint32_t seq_first;
  uint32_t asks; /* the server's time: what the meter's clock shows, seconds since 1970 */
} edge_reading;

/* Adds one object, EDGE_TELEMETRY_MAX bytes at most. `fw` is the firmware's version, of characters
 * that need no escape, or NULL. */
void edge_telemetry_add(edge_text *text, const char *device_id, const edge_reading *reading,
                        const char *fw);

#endif
