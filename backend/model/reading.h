/* A reading: what a meter said of one instant, in integers. JSON exists only at the edges. */
#ifndef SM_MODEL_READING_H
#define SM_MODEL_READING_H

#include "base/jsonw.h"

#include <stdbool.h>
#include <stdint.h>

enum { SM_DEVICE_ID_MAX = 64 }; /* characters, without the NUL */

/* Which of the optional members a reading has. */
enum {
  SM_READING_POWER_FACTOR = 1,
  SM_READING_RSSI = 2,
  SM_READING_FREQUENCY = 4,
  SM_READING_SEQ = 8,
  SM_READING_EPOCH = 16
};

typedef struct sm_reading {
  int64_t ts_ms;     /* the instant, UTC */
  int64_t energy_wh; /* the cumulative register */
  int32_t voltage_mv;
  int32_t current_ma;
  int32_t power_mw;
  int32_t frequency_mhz;      /* if SM_READING_FREQUENCY */
  uint32_t seq;               /* if SM_READING_SEQ */
  uint32_t epoch;             /* if SM_READING_EPOCH */
  int16_t power_factor_milli; /* if SM_READING_POWER_FACTOR */
  int16_t rssi_dbm;           /* if SM_READING_RSSI */
  uint8_t has;                /* SM_READING_… */
} sm_reading;

/* One point of a register: all that billing wants of a reading. */
typedef struct sm_register_point {
  int64_t ts_ms;
  int64_t wh;
  bool stated; /* by a person: a manual or corrected reading (model/edit.h) */
  /* Readings between the point before and this one that were left out because the register's course
   * is plain there: the longest time between two neighbours of them all. 0: none was left out. */
  int32_t gap_ms;
} sm_register_point;

/* 1 to 64 of A-Z a-z 0-9 _ - */
bool sm_device_id_valid(const char *text, size_t len);
/* Whether two readings say the same: all that is stored, `has` included; absent members are not
 * looked at. */
bool sm_reading_equal(const sm_reading *a, const sm_reading *b);
/* Writes the telemetry object of the contract. */
void sm_reading_write_json(sm_jsonw *w, const char *device_id, const sm_reading *reading);

#endif
