/* What the benches feed to every store: readings of simulated households at the resolution of a
 * PZEM-004T (0.1 V, 1 mA, 0.1 W, 1 Wh, 0.01 power factor, 0.1 Hz), in integer arithmetic from a
 * seed, so that each store is given the same bytes in the same order on any machine.
 *
 * A meter's power is a standby load of its own and four appliances that are on for 5 to 35 and off
 * for 20 to 140 minutes. On top of that comes noise, new at each reading and independent (a sum of
 * four uniform bytes, nearly normal; s is its standard deviation):
 *
 *                              calm                      noisy
 *   standby, appliance         60..300 W, 60..2000 W     180..900 W, 180..6000 W
 *   load                       s = 1.5 %                 s = 25 %
 *   voltage                    s = 0.25 V                s = 3 V
 *   power factor               s = 0.006                 s = 0.06
 *   frequency                  s = 20 mHz                s = 150 mHz
 *   current's sensor           s = 2 mA                  s = 20 mA
 *
 * Besides, voltage walks by at most 0.1 V a reading around the meter's own 226 to 236 V, and
 * frequency by at most 10 mHz around 50 Hz; the power factor is the meter's own 0.85 to 0.98; the
 * current follows from the three. `calm` is what a meter in a household looks like; `noisy` is
 * wilder than any, with its figures chosen such that VictoriaMetrics takes about 7 bytes for a
 * reading of the six fields, which is the measure that docs/design.md sets. The storage bench
 * prints what it really takes of both. The register is the exact integral of the power. Not
 * thread-safe; nothing allocates. */
#ifndef SM_BENCH_DATA_H
#define SM_BENCH_DATA_H

#include <stddef.h>
#include <stdint.h>

typedef enum bench_noise { BENCH_CALM, BENCH_NOISY } bench_noise;

enum {
  BENCH_APPLIANCES = 4,
  BENCH_ID_LEN = 12,   /* "meter-000001" */
  BENCH_TEXT_MAX = 320 /* bytes that any one reading takes in any of the formats below */
};

typedef struct bench_reading {
  int64_t ts_ms;
  uint32_t energy_wh;
  uint32_t voltage_dv;       /* 0.1 V */
  uint32_t current_ma;       /* 1 mA */
  uint32_t power_dw;         /* 0.1 W */
  uint32_t power_factor_pct; /* 0.01 */
  uint32_t frequency_dhz;    /* 0.1 Hz */
} bench_reading;

typedef struct bench_appliance {
  int32_t left_s;    /* until it is switched */
  uint32_t power_mw; /* 0 while off */
} bench_appliance;

typedef struct bench_meter {
  uint64_t random;
  bench_noise noise;
  uint64_t energy_mj;
  int32_t voltage_home_mv;
  int32_t voltage_mv;
  int32_t frequency_mhz;
  int32_t power_factor_milli;
  uint32_t standby_mw;
  bench_appliance appliance[BENCH_APPLIANCES];
} bench_meter;

/* Meter `no` of `seed`, before its first reading. */
void bench_meter_init(bench_meter *meter, uint64_t seed, uint32_t no, bench_noise noise);
/* What it says at ts_ms, interval_s after the reading before. */
void bench_meter_next(bench_meter *meter, int64_t ts_ms, uint32_t interval_s, bench_reading *out);

/* The formats: each writes one reading at `out` (BENCH_TEXT_MAX bytes) without NUL or newline and
 * returns its length. `no` names the device. */
size_t bench_write_id(char *out, uint32_t no);
/* The telemetry object of docs/protocol.md; with `seq`, `epoch` 1 and `seq_first` 1 if seq > 0. */
size_t bench_write_json(char *out, uint32_t no, const bench_reading *reading, uint32_t seq);
/* A line of InfluxDB's line protocol, time in ms. */
size_t bench_write_line(char *out, uint32_t no, const bench_reading *reading);

#endif
