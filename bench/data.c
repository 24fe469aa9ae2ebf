#include "data.h"

#include "sim/hash.h"

#include <string.h>

/* The table of data.h. */
typedef struct profile {
  int32_t load_ppm;
  int32_t voltage_mv;
  int32_t power_factor_milli;
  int32_t frequency_mhz;
  int32_t current_ma;
  uint32_t size; /* how many times a household's loads */
} profile;

static const profile profiles[] = {
    [BENCH_CALM] = {15000, 250, 6, 20, 2, 1},
    [BENCH_NOISY] = {250000, 3000, 60, 150, 20, 3},
};

/* ---- chance ---- */

static uint64_t draw(bench_meter *m) {
  m->random += 0x9e3779b97f4a7c15U;
  return sm_sim_mix(m->random);
}

/* From low to high, both included. */
static int32_t between(bench_meter *m, int32_t low, int32_t high) {
  return low + (int32_t)(draw(m) % (uint64_t)(high - low + 1));
}

/* Four bytes of `bits` as noise of the given deviation: their sum has mean 510 and deviation 147.8.
 */
static int64_t spread(uint32_t bits, int64_t deviation) {
  int64_t sum = (int64_t)(bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24);
  return (sum - 510) * deviation * 10 / 1478;
}

/* ---- a household ---- */

static int32_t walk(int32_t value, int32_t home, int32_t step_max, int32_t chance) {
  int32_t step = chance % (2 * step_max + 1) - step_max;
  /* A fiftieth of the way home each time keeps it near. */
  return value + step - (value - home) / 50;
}

static void switch_appliance(bench_meter *m, bench_appliance *a, uint32_t interval_s) {
  a->left_s -= (int32_t)interval_s;
  if (a->left_s > 0) return;
  if (a->power_mw == 0) {
    a->power_mw = (uint32_t)between(m, 60, 2000) * 1000 * profiles[m->noise].size;
    a->left_s = between(m, 5 * 60, 35 * 60);
  } else {
    a->power_mw = 0;
    a->left_s = between(m, 20 * 60, 140 * 60);
  }
}

void bench_meter_init(bench_meter *meter, uint64_t seed, uint32_t no, bench_noise noise) {
  *meter = (bench_meter){
      .random = sm_sim_mix(seed ^ sm_sim_mix(no)), .noise = noise, .frequency_mhz = 50000};
  meter->voltage_home_mv = between(meter, 226000, 236000);
  meter->voltage_mv = meter->voltage_home_mv;
  meter->power_factor_milli = between(meter, 850, 980);
  meter->standby_mw = (uint32_t)between(meter, 60, 300) * 1000 * profiles[noise].size;
  /* Meters are not new: up to 5000 kWh, so that no run reaches the modulus. */
  meter->energy_mj = (uint64_t)between(meter, 0, 5000000) * 3600000;
  for (size_t i = 0; i < BENCH_APPLIANCES; i++)
    meter->appliance[i].left_s = between(meter, 0, 140 * 60);
}

static uint32_t clamp(int64_t value, int64_t low, int64_t high) {
  return (uint32_t)(value < low ? low : value > high ? high : value);
}

void bench_meter_next(bench_meter *meter, int64_t ts_ms, uint32_t interval_s, bench_reading *out) {
  const profile *p = &profiles[meter->noise];
  int64_t drawn_mw = meter->standby_mw;
  for (size_t i = 0; i < BENCH_APPLIANCES; i++) {
    switch_appliance(meter, &meter->appliance[i], interval_s);
    drawn_mw += meter->appliance[i].power_mw;
  }
  uint64_t a = draw(meter);
  uint64_t b = draw(meter);
  uint64_t c = draw(meter);
  int64_t power_mw = drawn_mw + spread((uint32_t)a, drawn_mw * p->load_ppm / 1000000);
  meter->voltage_mv =
      walk(meter->voltage_mv, meter->voltage_home_mv, 100, (int32_t)(a >> 32 & 0xffff));
  meter->frequency_mhz = walk(meter->frequency_mhz, 50000, 10, (int32_t)(a >> 48));
  int64_t voltage_mv = meter->voltage_mv + spread((uint32_t)b, p->voltage_mv);
  int64_t factor_milli =
      meter->power_factor_milli + spread((uint32_t)(b >> 32), p->power_factor_milli);
  int64_t frequency_mhz = meter->frequency_mhz + spread((uint32_t)c, p->frequency_mhz);
  /* mW over mV is A: times 10^3 for mA, and 10^3 more for the power factor. */
  int64_t current_ma =
      power_mw * 1000000 / (voltage_mv * factor_milli) + spread((uint32_t)(c >> 32), p->current_ma);
  meter->energy_mj += (uint64_t)power_mw * interval_s;
  *out = (bench_reading){
      .ts_ms = ts_ms,
      .energy_wh = (uint32_t)(meter->energy_mj / 3600000),
      .voltage_dv = clamp((voltage_mv + 50) / 100, 0, 5000),
      .current_ma = clamp(current_ma, 0, 120000),
      .power_dw = clamp((power_mw + 50) / 100, 0, 600000),
      .power_factor_pct = clamp((factor_milli + 5) / 10, 0, 100),
      .frequency_dhz = clamp((frequency_mhz + 50) / 100, 450, 650),
  };
}

/* ---- text ---- */

static char *put_text(char *at, const char *text) {
  size_t len = strlen(text);
  memcpy(at, text, len);
  return at + len;
}

/* At least `width` digits. */
static char *put_digits(char *at, uint64_t value, int width) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (count < width) digits[count++] = '0';
  while (count > 0) *at++ = digits[--count];
  return at;
}

/* value / scale with the places that the scale has: 12345, 1000, 3 is 12.345. */
static char *put_decimal(char *at, uint32_t value, uint32_t scale, int places) {
  at = put_digits(at, value / scale, 1);
  *at++ = '.';
  return put_digits(at, value % scale, places);
}

/* RFC 3339. The civil date of a day number, by the 400-year cycle that begins in March. */
static char *put_time(char *at, int64_t ts_ms) {
  int64_t seconds = ts_ms / 1000;
  uint64_t day = (uint64_t)(seconds / 86400) + 719468;
  uint64_t second = (uint64_t)(seconds % 86400);
  uint64_t era = day / 146097;
  uint64_t of_era = day % 146097;
  uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  uint64_t month = (5 * of_year + 2) / 153;
  at = put_digits(at, year + era * 400 + (month >= 10 ? 1 : 0), 4);
  *at++ = '-';
  at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
  *at++ = '-';
  at = put_digits(at, of_year - (153 * month + 2) / 5 + 1, 2);
  *at++ = 'T';
  at = put_digits(at, second / 3600, 2);
  *at++ = ':';
  at = put_digits(at, second / 60 % 60, 2);
  *at++ = ':';
  at = put_digits(at, second % 60, 2);
  *at++ = 'Z';
  return at;
}

size_t bench_write_id(char *out, uint32_t no) {
  return (size_t)(put_digits(put_text(out, "meter-"), no, 6) - out);
}

size_t bench_write_json(char *out, uint32_t no, const bench_reading *reading, uint32_t seq) {
  char *at = put_text(out, "{\"device_id\":\"");
  at += bench_write_id(at, no);
  at = put_time(put_text(at, "\",\"timestamp\":\""), reading->ts_ms);
  at = put_decimal(put_text(at, "\",\"voltage\":"), reading->voltage_dv, 10, 1);
  at = put_decimal(put_text(at, ",\"current\":"), reading->current_ma, 1000, 3);
  at = put_decimal(put_text(at, ",\"power_w\":"), reading->power_dw, 10, 1);
  at = put_decimal(put_text(at, ",\"energy_kwh\":"), reading->energy_wh, 1000, 3);
  at = put_decimal(put_text(at, ",\"power_factor\":"), reading->power_factor_pct, 100, 2);
  at = put_decimal(put_text(at, ",\"frequency_hz\":"), reading->frequency_dhz, 10, 1);
  if (seq > 0) {
    at = put_digits(put_text(at, ",\"seq\":"), seq, 1);
    at = put_text(at, ",\"epoch\":1,\"seq_first\":1");
  }
  *at++ = '}';
  return (size_t)(at - out);
}

size_t bench_write_line(char *out, uint32_t no, const bench_reading *reading) {
  char *at = put_text(out, "telemetry,device=");
  at += bench_write_id(at, no);
  at = put_decimal(put_text(at, " voltage="), reading->voltage_dv, 10, 1);
  at = put_decimal(put_text(at, ",current="), reading->current_ma, 1000, 3);
  at = put_decimal(put_text(at, ",power_w="), reading->power_dw, 10, 1);
  at = put_decimal(put_text(at, ",energy_kwh="), reading->energy_wh, 1000, 3);
  at = put_decimal(put_text(at, ",power_factor="), reading->power_factor_pct, 100, 2);
  at = put_decimal(put_text(at, ",frequency_hz="), reading->frequency_dhz, 10, 1);
  *at++ = ' ';
  at = put_digits(at, (uint64_t)reading->ts_ms, 1);
  return (size_t)(at - out);
}
