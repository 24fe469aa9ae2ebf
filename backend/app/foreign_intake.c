#include "app/foreign_intake.h"

#include "base/clock.h"
#include "base/log.h"
#include "foreign/gather.h"
#include "foreign/translate.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_FIRST = 64 };

static const sm_seq_mark no_mark = {.present = false};

/* What a message came to. Its texts lie in `bytes`. */
typedef struct entry {
  sm_foreign_outcome outcome;
  sm_refusal refusal;
  sm_reading reading;
  char device_id[SM_DEVICE_ID_MAX + 1];
  char detail[200];
  int64_t received_ms;
  size_t topic_at;
  size_t text_at; /* a reading's telemetry, or the refused payload as far as it is kept */
  size_t text_len;
  size_t text_len_sent;
} entry;

struct sm_foreign_intake {
  sm_foreign_intake_options options;
  sm_gather *gather;
  sm_buf telemetry; /* of the message being looked at */

  entry *item; /* of the batch */
  size_t count;
  size_t cap;
  sm_buf bytes; /* their texts, each with a NUL behind it */
  bool lost;    /* memory ran out while taking */

  sm_reading_in *readings; /* room for `cap`, as the next */
  sm_reject_in *rejects;

  atomic_uint_fast64_t messages;
  atomic_uint_fast64_t retained;
  atomic_uint_fast64_t thinned;
  atomic_uint_fast64_t other;
};

static int64_t last_ms(void *context, const char *device_id) {
  sm_foreign_intake *in = context;
  sm_reading latest;
  sm_err err = sm_readings_latest(in->options.readings, device_id, SM_CHANNEL_IMPORT, &latest);
  return err == SM_OK ? latest.ts_ms : INT64_MIN;
}

sm_err sm_foreign_intake_new(const sm_foreign_intake_options *options, sm_foreign_intake **intake) {
  sm_foreign_intake *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->options = *options;
  sm_buf_init(&out->telemetry, 0);
  sm_buf_init(&out->bytes, 0);
  sm_err err = sm_gather_new(last_ms, out, &out->gather);
  if (err != SM_OK) {
    free(out);
    return err;
  }
  *intake = out;
  return SM_OK;
}

void sm_foreign_intake_free(sm_foreign_intake *intake) {
  if (intake == NULL) return;
  sm_gather_free(intake->gather);
  sm_buf_fini(&intake->telemetry);
  sm_buf_fini(&intake->bytes);
  free(intake->item);
  free(intake->readings);
  free(intake->rejects);
  free(intake);
}

/* ---- taking ---- */

static bool grow(sm_foreign_intake *in) {
  if (in->count < in->cap) return true;
  size_t cap = in->cap == 0 ? ENTRIES_FIRST : in->cap * 2;
  entry *item = realloc(in->item, cap * sizeof *item);
  if (item != NULL) in->item = item;
  sm_reading_in *readings = realloc(in->readings, cap * sizeof *readings);
  if (readings != NULL) in->readings = readings;
  sm_reject_in *rejects = realloc(in->rejects, cap * sizeof *rejects);
  if (rejects != NULL) in->rejects = rejects;
  if (item == NULL || readings == NULL || rejects == NULL) return false;
  in->cap = cap;
  return true;
}

static size_t keep(sm_foreign_intake *in, const char *text, size_t len) {
  size_t at = in->bytes.len;
  sm_buf_append(&in->bytes, text, len);
  sm_buf_append_char(&in->bytes, '\0');
  return at;
}

/* Of a reading the telemetry is kept, by which it is judged again should its meter be added later;
 * of all else the message as it came. */
static void add(sm_foreign_intake *in, const sm_mqtt_message *m, const char *device_id,
                const sm_foreign_result *result, int64_t now_ms) {
  if (!grow(in)) {
    in->lost = true;
    return;
  }
  entry *e = &in->item[in->count];
  *e = (entry){.outcome = result->outcome,
               .refusal = result->refusal,
               .reading = result->reading,
               .received_ms = now_ms};
  memcpy(e->device_id, device_id, strlen(device_id) + 1);
  memcpy(e->detail, result->detail, sizeof e->detail);
  bool reading = result->outcome == SM_FOREIGN_READING;
  const char *text = reading ? sm_buf_text(&in->telemetry) : m->payload;
  size_t len = reading ? in->telemetry.len : m->payload_len;
  e->text_len_sent = reading ? len : m->payload_len_sent;
  e->text_len = len > SM_REJECT_PAYLOAD_MAX ? SM_REJECT_PAYLOAD_MAX : len;
  e->topic_at = keep(in, m->topic, m->topic_len);
  e->text_at = keep(in, text, e->text_len);
  if (in->bytes.err != SM_OK)
    in->lost = true;
  else
    in->count++;
}

static void refuse(sm_foreign_result *r, sm_refusal refusal, const char *detail) {
  r->outcome = SM_FOREIGN_REFUSED;
  r->refusal = refusal;
  (void)snprintf(r->detail, sizeof r->detail, "%s", detail);
}

static const char behind[] =
    "the server's clock is not behind this meter's latest reading: what has "
    "no time of its own is not stored until it is";

/* A whole message without a time is a reading if its turn has come. False: nothing to add. */
static bool is_due(sm_foreign_intake *in, const sm_mapping *mapping, const char *device_id,
                   int64_t now_ms, sm_foreign_result *r) {
  sm_gather_step step = SM_GATHER_READING;
  sm_err err = sm_gather_due(in->gather, mapping, device_id, now_ms, &step);
  if (err != SM_OK) in->lost = in->lost || err == SM_ERR_NOMEM;
  if (step == SM_GATHER_BEHIND) refuse(r, SM_REFUSAL_BAD_TIMESTAMP, behind);
  if (step == SM_GATHER_NONE) atomic_fetch_add(&in->thinned, 1);
  return err == SM_OK && step != SM_GATHER_NONE;
}

static const char no_device[] =
    "the level of the topic that says the device must be 1 to 64 of A-Z a-z 0-9 _ -";

static void take_whole(sm_foreign_intake *in, const sm_mqtt_message *m, const sm_mapping *mapping,
                       const char *device_id, int64_t now_ms) {
  sm_foreign_result r = {.outcome = SM_FOREIGN_REFUSED};
  const sm_foreign_message message = {.mapping = mapping,
                                      .device_id = device_id[0] != '\0' ? device_id : "nobody",
                                      .payload = m->payload,
                                      .payload_len = m->payload_len,
                                      .payload_len_sent = m->payload_len_sent,
                                      .now_ms = now_ms};
  if (m->payload_len == 0) return; /* how a broker is told to forget a retained message */
  if (sm_foreign_translate(&message, &in->telemetry, &r) != SM_OK) {
    in->lost = true;
    return;
  }
  if (device_id[0] == '\0') {
    if (r.outcome == SM_FOREIGN_NOTHING) return;
    refuse(&r, SM_REFUSAL_BAD_TOPIC, no_device);
  } else if (r.outcome == SM_FOREIGN_READING && sm_mapping_is_live(mapping) &&
             !is_due(in, mapping, device_id, now_ms, &r)) {
    return;
  }
  add(in, m, device_id, &r, now_ms);
}

static void take_sensor(sm_foreign_intake *in, const sm_mqtt_message *m, const sm_mapping *mapping,
                        const sm_mapping_match *match, int64_t now_ms) {
  sm_foreign_result r = {.outcome = SM_FOREIGN_REFUSED};
  bool none;
  int64_t milli = 0;
  sm_gathered gathered = {.step = SM_GATHER_NONE};
  if (match->device_id[0] == '\0') {
    if (match->field != SM_FIELD_ENERGY) return;
    refuse(&r, SM_REFUSAL_BAD_TOPIC, no_device);
  } else if (!sm_foreign_state(&mapping->field[match->field], m->payload, m->payload_len, &none,
                               &milli)) {
    refuse(&r, SM_REFUSAL_MALFORMED, "a sensor's state must be a number");
  } else {
    sm_err err = sm_gather_take(in->gather, mapping, match->device_id, match->field, none, milli,
                                now_ms, &gathered);
    if (err == SM_OK && gathered.step == SM_GATHER_READING)
      err = sm_foreign_judge(match->device_id, gathered.ts_ms, now_ms, &gathered.values,
                             &in->telemetry, &r);
    if (err == SM_ERR_NOMEM) in->lost = true;
    if (err == SM_OK && gathered.step == SM_GATHER_NONE && match->field == SM_FIELD_ENERGY)
      atomic_fetch_add(&in->thinned, 1);
    if (err != SM_OK || gathered.step == SM_GATHER_NONE) return;
  }
  if (gathered.step == SM_GATHER_BEHIND) refuse(&r, SM_REFUSAL_BAD_TIMESTAMP, behind);
  if (gathered.step == SM_GATHER_MISSING) {
    r.refusal = SM_REFUSAL_MISSING;
    (void)snprintf(r.detail, sizeof r.detail,
                   "the sensor of %s has said nothing (lately) that a reading could have",
                   sm_field_name(gathered.missing));
  }
  add(in, m, match->device_id, &r, now_ms);
}

static bool is_ours(const sm_foreign_intake *in, const sm_mapping *m) {
  return sm_mapping_is_live(m) == in->options.live;
}

/* A topic that is named wins over a '+' that it fits too, whichever connection hears it. */
static bool is_named(const sm_foreign_intake *in, const sm_mqtt_message *m) {
  sm_mapping_match match;
  const sm_mappings *all = in->options.mappings;
  for (size_t i = 0; i < all->count; i++)
    if (!all->item[i].wild && sm_mapping_matches(&all->item[i], m->topic, m->topic_len, &match))
      return true;
  return false;
}

static void take(void *context, const sm_mqtt_message *message) {
  sm_foreign_intake *in = context;
  const sm_mappings *all = in->options.mappings;
  int64_t now_ms = sm_clock_now_ms();
  atomic_fetch_add(&in->messages, 1);
  if (all == NULL) return;
  if (in->options.live && message->retained) {
    atomic_fetch_add(&in->retained, 1);
    return;
  }
  bool named = is_named(in, message);
  for (size_t i = 0; i < all->count; i++) {
    const sm_mapping *m = &all->item[i];
    sm_mapping_match match;
    if (!is_ours(in, m) || (named && m->wild) ||
        !sm_mapping_matches(m, message->topic, message->topic_len, &match))
      continue;
    if (m->form == SM_FORM_ESPHOME)
      take_sensor(in, message, m, &match, now_ms);
    else
      take_whole(in, message, m, match.device_id, now_ms);
  }
}

/* ---- committing ---- */

static sm_reject_in reject_of(const sm_foreign_intake *in, const entry *e) {
  const char *topic = in->bytes.data + e->topic_at;
  return (sm_reject_in){.received_ms = e->received_ms,
                        .topic = topic,
                        .topic_len = strlen(topic),
                        .device_id = e->device_id,
                        .reason = sm_refusal_word(e->refusal),
                        .detail = e->detail,
                        .payload = in->bytes.data + e->text_at,
                        .payload_len = e->text_len,
                        .payload_len_sent = e->text_len_sent,
                        .mark = no_mark};
}

/* Sorts the batch into readings and rejects. */
static sm_err sort(sm_foreign_intake *in, sm_readings_batch *batch, uint32_t *counts) {
  for (size_t i = 0; i < in->count; i++) {
    entry *e = &in->item[i];
    bool reading = e->outcome == SM_FOREIGN_READING;
    bool known = false;
    sm_err err = e->device_id[0] == '\0' ? SM_OK
                                         : sm_pipeline_device_known(in->options.pipeline,
                                                                    e->device_id, reading, &known);
    if (err != SM_OK) return err;
    if (e->outcome == SM_FOREIGN_NOTHING && !known) {
      atomic_fetch_add(&in->other, 1);
      continue;
    }
    if (reading && known) {
      in->readings[batch->reading_count++] = (sm_reading_in){.device_id = e->device_id,
                                                             .channel = SM_CHANNEL_IMPORT,
                                                             .topic = in->bytes.data + e->topic_at,
                                                             .reading = e->reading,
                                                             .mark = no_mark};
      continue;
    }
    if (reading) {
      e->refusal = SM_REFUSAL_UNKNOWN_DEVICE;
      (void)snprintf(e->detail, sizeof e->detail,
                     "no device has this device_id: once it is added, this is judged again");
    }
    counts[e->refusal]++;
    in->rejects[batch->reject_count++] = reject_of(in, e);
  }
  return SM_OK;
}

static sm_err commit(void *context) {
  sm_foreign_intake *in = context;
  if (in->lost && !in->options.live) {
    /* As in app/intake.c: only a new delivery can bring it back. */
    sm_log(SM_LOG_ERROR, "ingest.out_of_memory", SM_LOG_TEXT("action", "restart"));
    abort();
  }
  uint32_t counts[SM_REFUSAL_COUNT_] = {0};
  sm_readings_batch batch = {.readings = in->readings, .rejects = in->rejects};
  sm_err err = sort(in, &batch, counts);
  if (err == SM_OK && batch.reading_count + batch.reject_count > 0)
    err = sm_pipeline_commit(in->options.pipeline, &batch);
  if (err != SM_OK) return err;
  if (batch.reject_count > 0) sm_pipeline_count_refused(in->options.pipeline, counts);
  in->count = 0;
  in->lost = false;
  sm_buf_clear(&in->bytes);
  return SM_OK;
}

sm_mqtt_sink sm_foreign_intake_sink(sm_foreign_intake *intake) {
  return (sm_mqtt_sink){.context = intake, .take = take, .commit = commit};
}

void sm_foreign_intake_add_counts(sm_foreign_intake *intake, sm_foreign_counts *counts) {
  counts->messages += atomic_load(&intake->messages);
  counts->retained += atomic_load(&intake->retained);
  counts->thinned += atomic_load(&intake->thinned);
  counts->other += atomic_load(&intake->other);
}
