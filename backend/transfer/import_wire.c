#include "transfer/import_wire.h"

#include "base/crc32.h"

#include <stdlib.h>
#include <string.h>

enum { READING_BYTES = 46 };

/* ---- integers ---- */

static void put(uint8_t *at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

static void append(sm_buf *out, uint64_t value, size_t bytes) {
  uint8_t at[8];
  put(at, value, bytes);
  sm_buf_append(out, at, bytes);
}

/* ---- frames ---- */

static size_t begin(sm_buf *out, sm_wire_kind kind) {
  size_t start = out->len;
  append(out, 0, SM_WIRE_HEAD);
  sm_buf_append_char(out, (char)kind);
  return start;
}

static void end(sm_buf *out, size_t start) {
  if (out->err != SM_OK) return;
  uint8_t *head = (uint8_t *)out->data + start;
  size_t len = out->len - start - SM_WIRE_HEAD;
  put(head, len, 4);
  put(head + 4, sm_crc32(head + SM_WIRE_HEAD, len), 4);
}

static bool known_kind(uint8_t kind) {
  return kind == SM_WIRE_HELLO || kind == SM_WIRE_BATCH || kind == SM_WIRE_VERDICTS ||
         kind == SM_WIRE_SORRY;
}

sm_err sm_wire_take(const uint8_t *data, size_t len, sm_wire_body *body, size_t *frame_len) {
  *frame_len = 0;
  if (len < SM_WIRE_HEAD) return SM_OK;
  size_t body_len = (size_t)get(data, 4);
  if (body_len == 0 || body_len > SM_WIRE_BODY_MAX) return SM_ERR_SYNTAX;
  if (len < SM_WIRE_HEAD + body_len) return SM_OK;
  const uint8_t *at = data + SM_WIRE_HEAD;
  if (get(data + 4, 4) != sm_crc32(at, body_len) || !known_kind(at[0])) return SM_ERR_SYNTAX;
  *body = (sm_wire_body){.kind = (sm_wire_kind)at[0], .data = at + 1, .len = body_len - 1};
  *frame_len = SM_WIRE_HEAD + body_len;
  return SM_OK;
}

void sm_wire_put_hello(sm_buf *out) {
  size_t start = begin(out, SM_WIRE_HELLO);
  append(out, SM_WIRE_VERSION, 2);
  end(out, start);
}

void sm_wire_put_sorry(sm_buf *out, const char *sentence) {
  size_t start = begin(out, SM_WIRE_SORRY);
  sm_buf_append_text(out, sentence);
  end(out, start);
}

void sm_wire_put_verdicts(sm_buf *out, const sm_readings_batch *batch) {
  size_t start = begin(out, SM_WIRE_VERDICTS);
  for (size_t i = 0; i < batch->reading_count; i++)
    sm_buf_append_char(out, (char)batch->readings[i].verdict);
  end(out, start);
}

sm_err sm_wire_read_hello(const sm_wire_body *body, uint16_t *version) {
  if (body->kind != SM_WIRE_HELLO || body->len < 2) return SM_ERR_SYNTAX;
  *version = (uint16_t)get(body->data, 2);
  return SM_OK;
}

sm_err sm_wire_read_verdicts(const sm_wire_body *body, sm_readings_batch *batch) {
  if (body->kind != SM_WIRE_VERDICTS || body->len != batch->reading_count) return SM_ERR_SYNTAX;
  for (size_t i = 0; i < body->len; i++)
    if (body->data[i] > SM_VERDICT_PAST_RETENTION) return SM_ERR_SYNTAX;
  for (size_t i = 0; i < body->len; i++) batch->readings[i].verdict = (sm_verdict)body->data[i];
  return SM_OK;
}

/* ---- batches: readings in runs of one device and channel ---- */

static void put_reading(uint8_t *at, const sm_reading *r) {
  put(at, (uint64_t)r->ts_ms, 8);
  put(at + 8, (uint64_t)r->energy_wh, 8);
  put(at + 16, (uint32_t)r->voltage_mv, 4);
  put(at + 20, (uint32_t)r->current_ma, 4);
  put(at + 24, (uint32_t)r->power_mw, 4);
  put(at + 28, (uint32_t)r->frequency_mhz, 4);
  put(at + 32, r->seq, 4);
  put(at + 36, r->epoch, 4);
  put(at + 40, (uint16_t)r->power_factor_milli, 2);
  put(at + 42, (uint16_t)r->rssi_dbm, 2);
  put(at + 44, r->has, 2);
}

static void get_reading(const uint8_t *at, sm_reading *r) {
  r->ts_ms = (int64_t)get(at, 8);
  r->energy_wh = (int64_t)get(at + 8, 8);
  r->voltage_mv = (int32_t)get(at + 16, 4);
  r->current_ma = (int32_t)get(at + 20, 4);
  r->power_mw = (int32_t)get(at + 24, 4);
  r->frequency_mhz = (int32_t)get(at + 28, 4);
  r->seq = (uint32_t)get(at + 32, 4);
  r->epoch = (uint32_t)get(at + 36, 4);
  r->power_factor_milli = (int16_t)get(at + 40, 2);
  r->rssi_dbm = (int16_t)get(at + 42, 2);
  r->has = at[44];
}

static size_t put_run(sm_buf *out, const sm_reading_in *readings, size_t count) {
  size_t n = 1;
  while (n < count && sm_reading_in_same_series(&readings[0], &readings[n])) n++;
  size_t id_len = strlen(readings[0].device_id);
  append(out, id_len, 1);
  sm_buf_append(out, readings[0].device_id, id_len);
  append(out, readings[0].channel, 1);
  append(out, n, 2);
  for (size_t i = 0; i < n; i++) {
    uint8_t bytes[READING_BYTES];
    put_reading(bytes, &readings[i].reading);
    sm_buf_append(out, bytes, sizeof bytes);
  }
  return n;
}

/* With its length before and a zero behind, so that it can be read where it lies. */
static void put_text(sm_buf *out, const char *text, size_t len) {
  append(out, len, 4);
  sm_buf_append(out, text, len);
  sm_buf_append_char(out, '\0');
}

static void put_reject(sm_buf *out, const sm_reject_in *r) {
  size_t kept = r->payload_len < SM_REJECT_PAYLOAD_MAX ? r->payload_len : SM_REJECT_PAYLOAD_MAX;
  append(out, (uint64_t)r->received_ms, 8);
  append(out, r->payload_len_sent, 8);
  put_text(out, r->topic, r->topic_len);
  put_text(out, r->device_id, strlen(r->device_id));
  put_text(out, r->reason, strlen(r->reason));
  put_text(out, r->detail, strlen(r->detail));
  put_text(out, r->payload, kept);
}

void sm_wire_put_batch(sm_buf *out, const sm_readings_batch *batch) {
  size_t start = begin(out, SM_WIRE_BATCH);
  append(out, batch->reading_count, 2);
  append(out, batch->reject_count, 2);
  for (size_t i = 0; i < batch->reading_count;)
    i += put_run(out, batch->readings + i, batch->reading_count - i);
  for (size_t i = 0; i < batch->reject_count; i++) put_reject(out, &batch->rejects[i]);
  end(out, start);
}

/* ---- reading a batch ---- */

typedef struct cursor {
  const uint8_t *at;
  const uint8_t *end;
  bool bad; /* it ended too early */
} cursor;

static const uint8_t *take(cursor *c, size_t len) {
  if (c->bad || (size_t)(c->end - c->at) < len) {
    c->bad = true;
    return NULL;
  }
  const uint8_t *at = c->at;
  c->at += len;
  return at;
}

static uint64_t take_int(cursor *c, size_t bytes) {
  const uint8_t *at = take(c, bytes);
  return at != NULL ? get(at, bytes) : 0;
}

/* A text and its zero; "" if it is not there. */
static const char *take_text(cursor *c, size_t *len, bool any_bytes) {
  *len = 0;
  size_t n = (size_t)take_int(c, 4);
  if (n > SM_WIRE_BODY_MAX) c->bad = true;
  const uint8_t *at = take(c, n + 1);
  if (at == NULL) return "";
  if (at[n] != 0 || (!any_bytes && memchr(at, 0, n) != NULL)) {
    c->bad = true;
    return "";
  }
  *len = n;
  return (const char *)at;
}

/* The widest limits of ingest; the exact ones were its client's. */
static bool reading_sane(const sm_reading *r, int64_t now_ms) {
  static const int64_t earliest_ms = 1577836800000; /* 2020-01-01 */
  static const int64_t ahead_ms = 5 * 60 * 1000;
  const uint8_t all = SM_READING_POWER_FACTOR | SM_READING_RSSI | SM_READING_FREQUENCY |
                      SM_READING_SEQ | SM_READING_EPOCH;
  return r->ts_ms >= earliest_ms && r->ts_ms <= now_ms + ahead_ms && r->energy_wh >= 0 &&
         r->energy_wh <= INT32_MAX * (int64_t)1000 && r->voltage_mv >= 0 &&
         r->voltage_mv <= 500000 && r->current_ma >= 0 && r->current_ma <= 120000 &&
         r->power_mw >= 0 && r->power_mw <= 60000000 && r->power_factor_milli >= 0 &&
         r->power_factor_milli <= 1000 && r->rssi_dbm >= -127 && r->rssi_dbm <= 0 &&
         (r->has & ~all) == 0 &&
         (!(r->has & SM_READING_FREQUENCY) ||
          (r->frequency_mhz >= 45000 && r->frequency_mhz <= 65000));
}

static sm_err read_run(cursor *c, int64_t now_ms, sm_wire_room *room, char *id, size_t *count,
                       size_t wanted) {
  size_t id_len = (size_t)take_int(c, 1);
  const uint8_t *id_at = take(c, id_len);
  uint8_t channel = (uint8_t)take_int(c, 1);
  size_t n = (size_t)take_int(c, 2);
  if (c->bad || n == 0 || n > wanted - *count) return SM_ERR_SYNTAX;
  if (!sm_device_id_valid((const char *)id_at, id_len)) return SM_ERR_SYNTAX;
  memcpy(id, id_at, id_len);
  id[id_len] = '\0';
  for (size_t i = 0; i < n; i++) {
    const uint8_t *at = take(c, READING_BYTES);
    if (at == NULL) return SM_ERR_SYNTAX;
    sm_reading_in *in = &room->readings[(*count)++];
    *in = (sm_reading_in){.device_id = id, .channel = channel, .imported = true};
    get_reading(at, &in->reading);
    if (!reading_sane(&in->reading, now_ms)) return SM_ERR_RANGE;
  }
  return SM_OK;
}

static void read_reject(cursor *c, sm_reject_in *r) {
  size_t unused;
  *r = (sm_reject_in){.received_ms = (int64_t)take_int(c, 8)};
  r->payload_len_sent = (size_t)take_int(c, 8);
  r->topic = take_text(c, &r->topic_len, true);
  r->device_id = take_text(c, &unused, false);
  if (unused > SM_DEVICE_ID_MAX) c->bad = true;
  r->reason = take_text(c, &unused, false);
  r->detail = take_text(c, &unused, false);
  r->payload = take_text(c, &r->payload_len, true);
}

sm_err sm_wire_read_batch(const sm_wire_body *body, int64_t now_ms, sm_wire_room *room,
                          sm_readings_batch *batch) {
  if (body->kind != SM_WIRE_BATCH) return SM_ERR_SYNTAX;
  cursor c = {.at = body->data, .end = body->data + body->len};
  size_t readings = (size_t)take_int(&c, 2);
  size_t rejects = (size_t)take_int(&c, 2);
  if (c.bad || readings > SM_WIRE_READINGS_MAX || rejects > SM_WIRE_REJECTS_MAX)
    return SM_ERR_SYNTAX;
  size_t count = 0;
  for (size_t run = 0; count < readings; run++) {
    sm_err err = read_run(&c, now_ms, room, room->ids[run], &count, readings);
    if (err != SM_OK) return err;
  }
  for (size_t i = 0; i < rejects; i++) read_reject(&c, &room->rejects[i]);
  if (c.bad || c.at != c.end) return SM_ERR_SYNTAX;
  *batch = (sm_readings_batch){.readings = room->readings,
                               .reading_count = readings,
                               .rejects = room->rejects,
                               .reject_count = rejects};
  return SM_OK;
}

sm_err sm_wire_room_init(sm_wire_room *room) {
  room->readings = calloc(SM_WIRE_READINGS_MAX, sizeof *room->readings);
  room->rejects = calloc(SM_WIRE_REJECTS_MAX, sizeof *room->rejects);
  room->ids = calloc(SM_WIRE_READINGS_MAX, sizeof *room->ids);
  bool all = room->readings != NULL && room->rejects != NULL && room->ids != NULL;
  return all ? SM_OK : SM_ERR_NOMEM;
}

void sm_wire_room_fini(sm_wire_room *room) {
  free(room->readings);
  free(room->rejects);
  free(room->ids);
  *room = (sm_wire_room){0};
}
