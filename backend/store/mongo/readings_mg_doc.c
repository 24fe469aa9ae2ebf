/* Readings and quarters as documents: named members, instants as dates, numbers as 64-bit integers.
 * What a reading does not have is not there. */
#include "store/mongo/readings_mg.h"

bson_t *mg_raw_doc(const char *device_id, uint8_t channel, const sm_reading *r) {
  bson_t v;
  bson_t *doc = BCON_NEW("ts", BCON_DATE_TIME(r->ts_ms), "m", "{", "device", BCON_UTF8(device_id),
                         "channel", BCON_INT32(channel), "}");
  bson_append_document_begin(doc, "v", 1, &v);
  BSON_APPEND_INT64(&v, "energy_wh", r->energy_wh);
  BSON_APPEND_INT32(&v, "voltage_mv", r->voltage_mv);
  BSON_APPEND_INT32(&v, "current_ma", r->current_ma);
  BSON_APPEND_INT32(&v, "power_mw", r->power_mw);
  if (r->has & SM_READING_FREQUENCY) BSON_APPEND_INT32(&v, "frequency_mhz", r->frequency_mhz);
  if (r->has & SM_READING_POWER_FACTOR)
    BSON_APPEND_INT32(&v, "power_factor_milli", r->power_factor_milli);
  if (r->has & SM_READING_RSSI) BSON_APPEND_INT32(&v, "rssi_dbm", r->rssi_dbm);
  if (r->has & SM_READING_SEQ) BSON_APPEND_INT64(&v, "seq", r->seq);
  if (r->has & SM_READING_EPOCH) BSON_APPEND_INT64(&v, "epoch", r->epoch);
  bson_append_document_end(doc, &v);
  return doc;
}

static uint8_t flag_if(const bson_t *doc, const char *path, uint8_t flag) {
  return mg_has(doc, path) ? flag : 0;
}

sm_reading mg_take_raw(const bson_t *doc) {
  return (sm_reading){.ts_ms = mg_i64(doc, "ts"),
                      .energy_wh = mg_i64(doc, "v.energy_wh"),
                      .voltage_mv = (int32_t)mg_i64(doc, "v.voltage_mv"),
                      .current_ma = (int32_t)mg_i64(doc, "v.current_ma"),
                      .power_mw = (int32_t)mg_i64(doc, "v.power_mw"),
                      .frequency_mhz = (int32_t)mg_i64(doc, "v.frequency_mhz"),
                      .power_factor_milli = (int16_t)mg_i64(doc, "v.power_factor_milli"),
                      .rssi_dbm = (int16_t)mg_i64(doc, "v.rssi_dbm"),
                      .seq = (uint32_t)mg_i64(doc, "v.seq"),
                      .epoch = (uint32_t)mg_i64(doc, "v.epoch"),
                      .has =
                          (uint8_t)(flag_if(doc, "v.frequency_mhz", SM_READING_FREQUENCY) |
                                    flag_if(doc, "v.power_factor_milli", SM_READING_POWER_FACTOR) |
                                    flag_if(doc, "v.rssi_dbm", SM_READING_RSSI) |
                                    flag_if(doc, "v.seq", SM_READING_SEQ) |
                                    flag_if(doc, "v.epoch", SM_READING_EPOCH))};
}

/* ---- places: a series and an instant ---- */

bson_t *mg_place_id(const char *device_id, uint8_t channel, int64_t start_ms) {
  return BCON_NEW("_id", "{", "device", BCON_UTF8(device_id), "channel", BCON_INT32(channel),
                  "start", BCON_DATE_TIME(start_ms), "}");
}

bson_t *mg_place_filter(const char *device_id, uint8_t channel, int64_t from_ms, int64_t to_ms) {
  return BCON_NEW("_id.device", BCON_UTF8(device_id), "_id.channel", BCON_INT32(channel),
                  "_id.start", "{", "$gte", BCON_DATE_TIME(from_ms), "$lt", BCON_DATE_TIME(to_ms),
                  "}");
}

/* ---- quarters ---- */

bson_t *mg_quarter_doc(const char *device_id, uint8_t channel, const sm_quarter *q) {
  bson_t *doc = mg_place_id(device_id, channel, q->start_ms);
  BSON_APPEND_DATE_TIME(doc, "first", q->first.ts_ms);
  BSON_APPEND_INT64(doc, "first_wh", q->first.wh);
  BSON_APPEND_DATE_TIME(doc, "last", q->last.ts_ms);
  BSON_APPEND_INT64(doc, "last_wh", q->last.wh);
  BSON_APPEND_INT64(doc, "count", q->count);
  BSON_APPEND_INT64(doc, "power_sum_mw", q->power_sum_mw);
  BSON_APPEND_INT64(doc, "power_max_mw", q->power_max_mw);
  BSON_APPEND_INT64(doc, "voltage_sum_mv", q->voltage_sum_mv);
  BSON_APPEND_INT64(doc, "voltage_min_mv", q->voltage_min_mv);
  BSON_APPEND_INT64(doc, "voltage_max_mv", q->voltage_max_mv);
  BSON_APPEND_INT64(doc, "gap_max_ms", q->gap_max_ms);
  BSON_APPEND_INT64(doc, "step_max_w", q->step_max_w);
  BSON_APPEND_BOOL(doc, "fell", q->fell);
  return doc;
}

sm_quarter mg_take_quarter(const bson_t *doc) {
  return (sm_quarter){.start_ms = mg_i64(doc, "_id.start"),
                      .first = {.ts_ms = mg_i64(doc, "first"), .wh = mg_i64(doc, "first_wh")},
                      .last = {.ts_ms = mg_i64(doc, "last"), .wh = mg_i64(doc, "last_wh")},
                      .count = (uint32_t)mg_i64(doc, "count"),
                      .power_sum_mw = mg_i64(doc, "power_sum_mw"),
                      .power_max_mw = (int32_t)mg_i64(doc, "power_max_mw"),
                      .voltage_sum_mv = mg_i64(doc, "voltage_sum_mv"),
                      .voltage_min_mv = (int32_t)mg_i64(doc, "voltage_min_mv"),
                      .voltage_max_mv = (int32_t)mg_i64(doc, "voltage_max_mv"),
                      .gap_max_ms = (int32_t)mg_i64(doc, "gap_max_ms"),
                      .step_max_w = mg_i64(doc, "step_max_w"),
                      .fell = mg_i64(doc, "fell") != 0};
}
