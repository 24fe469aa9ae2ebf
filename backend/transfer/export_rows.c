#include "transfer/export_rows.h"

#include "base/clock.h"
#include "base/put.h"

#include <string.h>

const char *sm_export_header(void) {
  return "device_id,timestamp,voltage,current,power_w,energy_kwh,power_factor,frequency_hz,rssi,"
         "seq,"
         "epoch\n";
}

#define PUT_LITERAL(at, literal) sm_put_text((at), (literal), sizeof(literal) - 1)

static char *put_int(char *at, int64_t value) {
  if (value < 0) *at++ = '-';
  return sm_put_u64(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* value / 1000, without needless zeros. */
static char *put_milli(char *at, int64_t value) {
  if (value < 0) *at++ = '-';
  uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  at = sm_put_u64(at, size / 1000);
  unsigned rest = (unsigned)(size % 1000);
  if (rest == 0) return at;
  *at++ = '.';
  *at++ = (char)('0' + rest / 100);
  if (rest % 100 == 0) return at;
  *at++ = (char)('0' + rest / 10 % 10);
  if (rest % 10 != 0) *at++ = (char)('0' + rest % 10);
  return at;
}

static void take_minute(sm_export_clock *clock, int64_t minute) {
  char text[SM_RFC3339_MAX];
  (void)sm_rfc3339_format(minute * 60000, text);
  clock->len = strlen(text) - strlen("00Z");
  memcpy(clock->text, text, clock->len);
  clock->minute = minute;
}

/* As sm_rfc3339_format: ".250" only where there are ms. */
static char *put_time(char *at, sm_export_clock *clock, int64_t ts_ms) {
  int64_t minute = ts_ms / 60000 - (ts_ms % 60000 < 0 ? 1 : 0);
  if (clock->len == 0 || minute != clock->minute) take_minute(clock, minute);
  unsigned ms = (unsigned)(ts_ms - minute * 60000);
  at = sm_put_text(at, clock->text, clock->len);
  *at++ = (char)('0' + ms / 10000);
  *at++ = (char)('0' + ms / 1000 % 10);
  if (ms % 1000 != 0) {
    *at++ = '.';
    *at++ = (char)('0' + ms / 100 % 10);
    *at++ = (char)('0' + ms / 10 % 10);
    *at++ = (char)('0' + ms % 10);
  }
  *at++ = 'Z';
  return at;
}

static size_t put_csv(sm_export_clock *clock, const char *device_id, const sm_reading *r,
                      char *out) {
  /* A spreadsheet takes what begins with '-' for a formula, unless an apostrophe stands before it.
   * `import` takes that off again. */
  char *at = out;
  if (device_id[0] == '-') *at++ = '\'';
  at = sm_put_text(at, device_id, strlen(device_id));
  *at++ = ',';
  at = put_time(at, clock, r->ts_ms);
  *at++ = ',';
  at = put_milli(at, r->voltage_mv);
  *at++ = ',';
  at = put_milli(at, r->current_ma);
  *at++ = ',';
  at = put_milli(at, r->power_mw);
  *at++ = ',';
  at = put_milli(at, r->energy_wh);
  *at++ = ',';
  if (r->has & SM_READING_POWER_FACTOR) at = put_milli(at, r->power_factor_milli);
  *at++ = ',';
  if (r->has & SM_READING_FREQUENCY) at = put_milli(at, r->frequency_mhz);
  *at++ = ',';
  if (r->has & SM_READING_RSSI) at = put_int(at, r->rssi_dbm);
  *at++ = ',';
  if (r->has & SM_READING_SEQ) at = sm_put_u64(at, r->seq);
  *at++ = ',';
  if (r->has & SM_READING_EPOCH) at = sm_put_u64(at, r->epoch);
  *at++ = '\n';
  return (size_t)(at - out);
}

static char *put_json_optional(char *at, const sm_reading *r) {
  if (r->has & SM_READING_POWER_FACTOR)
    at = put_milli(PUT_LITERAL(at, ",\"power_factor\":"), r->power_factor_milli);
  if (r->has & SM_READING_FREQUENCY)
    at = put_milli(PUT_LITERAL(at, ",\"frequency_hz\":"), r->frequency_mhz);
  if (r->has & SM_READING_RSSI) at = put_int(PUT_LITERAL(at, ",\"rssi\":"), r->rssi_dbm);
  if (r->has & SM_READING_SEQ) at = sm_put_u64(PUT_LITERAL(at, ",\"seq\":"), r->seq);
  if (r->has & SM_READING_EPOCH) at = sm_put_u64(PUT_LITERAL(at, ",\"epoch\":"), r->epoch);
  return at;
}

/* A device_id needs no escapes. */
static size_t put_json(sm_export_clock *clock, const char *device_id, const sm_reading *r,
                       char *out) {
  char *at = PUT_LITERAL(out, "{\"device_id\":\"");
  at = sm_put_text(at, device_id, strlen(device_id));
  at = put_time(PUT_LITERAL(at, "\",\"timestamp\":\""), clock, r->ts_ms);
  at = put_milli(PUT_LITERAL(at, "\",\"voltage\":"), r->voltage_mv);
  at = put_milli(PUT_LITERAL(at, ",\"current\":"), r->current_ma);
  at = put_milli(PUT_LITERAL(at, ",\"power_w\":"), r->power_mw);
  at = put_milli(PUT_LITERAL(at, ",\"energy_kwh\":"), r->energy_wh);
  at = PUT_LITERAL(put_json_optional(at, r), "}\n");
  return (size_t)(at - out);
}

size_t sm_export_row(sm_export_format format, sm_export_clock *clock, const char *device_id,
                     const sm_reading *reading, char out[SM_EXPORT_ROW_MAX]) {
  return format == SM_EXPORT_CSV ? put_csv(clock, device_id, reading, out)
                                 : put_json(clock, device_id, reading, out);
}
