#include "app/pipeline.h"

#include "base/clock.h"
#include "base/log.h"
#include "ingest/telemetry.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Upper edges of the commit-time histogram, ms; the last bucket is open. */
static const int64_t commit_edges_ms[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000};
enum { COMMIT_EDGES = sizeof commit_edges_ms / sizeof commit_edges_ms[0] };

/* A reading that passed ingest; whether its device exists is asked at the commit. */
typedef struct candidate {
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_reading reading;
  sm_seq_mark mark;
} candidate;

/* A refusal, with copies of everything, since an element's text does not outlive its message. */
typedef struct refusal {
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_refusal reason;
  char detail[200];
  char *topic;
  size_t topic_len;
  char *payload;
  size_t payload_len;
  size_t payload_len_sent;
  int64_t received_ms;
  sm_seq_mark mark;
} refusal;

/* A status message. */
typedef struct sign {
  char device_id[SM_DEVICE_ID_MAX + 1];
  bool online;
  bool fresh; /* sent just now by the meter itself: not retained, not a last will */
} sign;

static const sm_seq_mark no_mark = {.present = false};

#define LIST_OF(type)                                                                              \
  struct {                                                                                         \
    type *item;                                                                                    \
    size_t count;                                                                                  \
    size_t cap;                                                                                    \
  }

struct sm_pipeline {
  sm_pipeline_options options;
  sm_presence_table *presence;

  /* the batch: taken and not yet committed */
  LIST_OF(candidate) candidates;
  LIST_OF(refusal) refusals;
  LIST_OF(sign) signs;
  bool lost; /* memory ran out while taking: the batch must not be acknowledged */

  const sm_mqtt_message *message; /* the one being taken */
  const char *device_id;          /* its topic's */

  atomic_uint_fast64_t stored;
  atomic_uint_fast64_t late;
  atomic_uint_fast64_t duplicates;
  atomic_uint_fast64_t refused[SM_REFUSAL_COUNT_];
  atomic_uint_fast64_t registered;
  atomic_uint_fast64_t commit_failures;
  atomic_uint_fast64_t acks_sent;
  atomic_uint_fast64_t acks_lost;
  atomic_uint_fast64_t commit_buckets[COMMIT_EDGES + 1];
  atomic_uint_fast64_t commit_ms_sum;
  atomic_int_fast64_t last_stored_ms;
};

sm_err sm_pipeline_new(const sm_pipeline_options *options, sm_pipeline **pipeline) {
  sm_pipeline *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->options = *options;
  out->presence = sm_presence_table_new();
  if (out->presence == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  *pipeline = out;
  return SM_OK;
}

static void clear_batch(sm_pipeline *p) {
  for (size_t i = 0; i < p->refusals.count; i++) {
    free(p->refusals.item[i].topic);
    free(p->refusals.item[i].payload);
  }
  p->refusals.count = 0;
  p->candidates.count = 0;
  p->signs.count = 0;
}

void sm_pipeline_free(sm_pipeline *pipeline) {
  if (pipeline == NULL) return;
  clear_batch(pipeline);
  free(pipeline->candidates.item);
  free(pipeline->refusals.item);
  free(pipeline->signs.item);
  sm_presence_table_free(pipeline->presence);
  free(pipeline);
}

/* ---- taking ---- */

/* One more place at the end of a list; NULL (and the batch is lost) without memory. */
static void *one_more(sm_pipeline *p, void **items, size_t *count, size_t *cap, size_t size) {
  if (*count == *cap) {
    size_t more = *cap < 256 ? 256 : *cap * 2;
    void *grown = realloc(*items, more * size);
    if (grown == NULL) {
      p->lost = true;
      return NULL;
    }
    *items = grown;
    *cap = more;
  }
  void *at = (char *)*items + *count * size;
  memset(at, 0, size);
  (*count)++;
  return at;
}

#define ONE_MORE(p, list)                                                                          \
  one_more((p), (void **)&(p)->list.item, &(p)->list.count, &(p)->list.cap, sizeof *(p)->list.item)

static char *copy_bytes(const char *bytes, size_t len) {
  char *copy = malloc(len + 1);
  if (copy == NULL) return NULL;
  if (len > 0) memcpy(copy, bytes, len);
  copy[len] = '\0';
  return copy;
}

static void add_refusal(sm_pipeline *p, const char *device_id, sm_refusal reason,
                        const char *detail, const char *payload, size_t payload_len,
                        const sm_seq_mark *mark) {
  const sm_mqtt_message *m = p->message;
  refusal *r = ONE_MORE(p, refusals);
  if (r == NULL) return;
  (void)snprintf(r->device_id, sizeof r->device_id, "%s", device_id);
  (void)snprintf(r->detail, sizeof r->detail, "%s", detail);
  r->reason = reason;
  r->received_ms = sm_clock_now_ms();
  r->mark = *mark;
  bool whole = payload == m->payload;
  r->payload_len_sent = whole ? m->payload_len_sent : payload_len;
  r->payload_len = payload_len > SM_REJECT_PAYLOAD_MAX ? SM_REJECT_PAYLOAD_MAX : payload_len;
  r->payload = copy_bytes(payload, r->payload_len);
  r->topic_len = m->topic_len > 256 ? 256 : m->topic_len;
  r->topic = copy_bytes(m->topic, r->topic_len);
  if (r->payload == NULL || r->topic == NULL) p->lost = true;
}

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  sm_pipeline *p = context;
  (void)text;
  (void)text_len;
  candidate *c = ONE_MORE(p, candidates);
  if (c == NULL) return;
  (void)snprintf(c->device_id, sizeof c->device_id, "%s", p->device_id);
  c->reading = *reading;
  c->mark = *mark;
}

static void on_refused(void *context, sm_refusal reason, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  sm_pipeline *p = context;
  add_refusal(p, p->device_id, reason, detail, text, text_len, mark);
}

static void take_status(sm_pipeline *p, const char *device_id, const sm_mqtt_message *m) {
  bool online = m->payload_len == 6 && memcmp(m->payload, "online", 6) == 0;
  bool offline = m->payload_len == 7 && memcmp(m->payload, "offline", 7) == 0;
  if (!online && !offline) {
    /* An empty retained message is how a broker is told to forget one: nothing to say about it. */
    if (m->payload_len > 0)
      add_refusal(p, device_id, SM_REFUSAL_MALFORMED, "a status is 'online' or 'offline'",
                  m->payload, m->payload_len, &no_mark);
    return;
  }
  sign *s = ONE_MORE(p, signs);
  if (s == NULL) return;
  (void)snprintf(s->device_id, sizeof s->device_id, "%s", device_id);
  s->online = online;
  s->fresh = online && !m->retained;
}

static void take_telemetry(sm_pipeline *p, const char *device_id, const sm_mqtt_message *m) {
  const sm_telemetry_sink sink = {.context = p, .reading = on_reading, .refused = on_refused};
  const sm_telemetry_message message = {.device_id = device_id,
                                        .payload = m->payload,
                                        .payload_len = m->payload_len,
                                        .payload_len_sent = m->payload_len_sent,
                                        .now_ms = sm_clock_now_ms()};
  p->device_id = device_id;
  if (sm_telemetry_parse(&message, &sink) != SM_OK) p->lost = true;
}

static void take(void *context, const sm_mqtt_message *message) {
  sm_pipeline *p = context;
  sm_topic topic;
  p->message = message;
  sm_topic_parse(message->topic, message->topic_len, &topic);
  if (topic.kind == SM_TOPIC_TELEMETRY)
    take_telemetry(p, topic.device_id, message);
  else if (topic.kind == SM_TOPIC_STATUS)
    take_status(p, topic.device_id, message);
  else
    add_refusal(p, "", SM_REFUSAL_BAD_TOPIC,
                "the topic must be meters/{device_id}/telemetry or …/status, the device_id 1 to 64 "
                "of A-Z a-z 0-9 _ -",
                message->payload, message->payload_len, &no_mark);
  p->message = NULL;
}

/* ---- committing ---- */

static sm_err register_device(sm_pipeline *p, const char *device_id, bool *known) {
  const sm_device_new device = {.device_id = device_id};
  sm_err err = sm_ledger_device_add(p->options.ledger, (sm_actor){.id = "server"}, &device);
  /* There already, yet not known: it is revoked, and stays refused. */
  if (err == SM_ERR_EXISTS) return SM_OK;
  if (err != SM_OK) return err;
  sm_log(SM_LOG_INFO, "ingest.device_registered", SM_LOG_TEXT("device_id", device_id));
  atomic_fetch_add(&p->registered, 1);
  *known = true;
  return SM_OK;
}

static sm_err device_known(sm_pipeline *p, const char *device_id, bool *known) {
  *known = false;
  sm_err err = sm_ledger_device_known(p->options.ledger, device_id, known);
  if (err != SM_OK || *known || !p->options.auto_register) return err;
  return register_device(p, device_id, known);
}

static sm_err refuse_unknown(sm_pipeline *p, const candidate *c) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, &text);
  sm_reading_write_json(&w, c->device_id, &c->reading);
  char topic[SM_DEVICE_ID_MAX + 32];
  (void)snprintf(topic, sizeof topic, "meters/%s/telemetry", c->device_id);
  const sm_mqtt_message message = {.topic = topic,
                                   .topic_len = strlen(topic),
                                   .payload = text.data,
                                   .payload_len = text.len,
                                   .payload_len_sent = text.len};
  p->message = &message;
  if (text.err == SM_OK)
    add_refusal(p, c->device_id, SM_REFUSAL_UNKNOWN_DEVICE,
                "no device has this device_id: add it first, then send again", text.data, text.len,
                &no_mark);
  p->message = NULL;
  sm_err err = text.err;
  sm_buf_fini(&text);
  return err != SM_OK ? err : p->lost ? SM_ERR_NOMEM : SM_OK;
}

/* Moves candidates of unknown devices to the refusals. May be called again after a failure: what
 * was moved stays moved. */
static sm_err settle_devices(sm_pipeline *p) {
  size_t kept = 0;
  sm_err err = SM_OK;
  size_t i = 0;
  bool known = false;
  for (; i < p->candidates.count; i++) {
    const candidate *c = &p->candidates.item[i];
    bool same = i > 0 && kept > 0 && known &&
                strcmp(c->device_id, p->candidates.item[kept - 1].device_id) == 0;
    if (!same) err = device_known(p, c->device_id, &known);
    if (err == SM_OK && !known) err = refuse_unknown(p, c);
    if (err != SM_OK) break;
    if (known) p->candidates.item[kept++] = *c;
  }
  /* On failure the rest is kept for the next try. */
  for (; i < p->candidates.count; i++) p->candidates.item[kept++] = p->candidates.item[i];
  p->candidates.count = kept;
  return err;
}

static void count_commit(sm_pipeline *p, int64_t ms) {
  size_t bucket = 0;
  while (bucket < COMMIT_EDGES && ms > commit_edges_ms[bucket]) bucket++;
  atomic_fetch_add(&p->commit_buckets[bucket], 1);
  atomic_fetch_add(&p->commit_ms_sum, (uint64_t)ms);
}

static void announce_status(sm_pipeline *p, const sign *s, int64_t now_ms) {
  bool known = false;
  if (sm_ledger_device_known(p->options.ledger, s->device_id, &known) != SM_OK || !known) return;
  if (s->fresh) sm_presence_sign(p->presence, s->device_id, now_ms);
  sm_presence_status(p->presence, s->device_id, s->online);
}

/* After it is durable: figures, presence, live clients. */
static void announce(sm_pipeline *p, const sm_reading_in *readings, size_t count) {
  int64_t now_ms = sm_clock_now_ms();
  for (size_t i = 0; i < count; i++) {
    const sm_reading_in *in = &readings[i];
    bool late = in->verdict == SM_VERDICT_LATE;
    if (in->verdict == SM_VERDICT_DUPLICATE)
      atomic_fetch_add(&p->duplicates, 1);
    else if (in->verdict == SM_VERDICT_CONFLICT)
      atomic_fetch_add(&p->refused[SM_REFUSAL_CONFLICT], 1);
    else {
      atomic_fetch_add(late ? &p->late : &p->stored, 1);
      if (p->options.live != NULL)
        sm_live_publish(p->options.live, in->device_id, &in->reading, late);
    }
    /* When the meter measured, not when a backlog of it came in: that is how long it is silent. */
    sm_presence_sign(p->presence, in->device_id,
                     in->reading.ts_ms < now_ms ? in->reading.ts_ms : now_ms);
  }
  if (count > 0) atomic_store(&p->last_stored_ms, now_ms);
  for (size_t i = 0; i < p->refusals.count; i++)
    atomic_fetch_add(&p->refused[p->refusals.item[i].reason], 1);
  for (size_t i = 0; i < p->signs.count; i++) announce_status(p, &p->signs.item[i], now_ms);
}

/* A refusal is settled for meters that somebody has added: others keep what they have. */
static sm_err settled_mark(sm_pipeline *p, const refusal *r, sm_seq_mark *mark) {
  bool known = false;
  sm_err err = SM_OK;
  if (r->mark.present) err = sm_ledger_device_known(p->options.ledger, r->device_id, &known);
  *mark = known ? r->mark : no_mark;
  return err;
}

/* Tells meters how far they may forget. One that misses it sends again and is told again. */
static void send_acks(sm_pipeline *p, const sm_readings_batch *batch) {
  for (size_t i = 0; i < batch->ack_count; i++) {
    const sm_ack *ack = &batch->acks[i];
    char topic[SM_DEVICE_ID_MAX + 16];
    char payload[64];
    (void)snprintf(topic, sizeof topic, "meters/%s/ack", ack->device_id);
    int len = snprintf(payload, sizeof payload, "{\"epoch\":%lu,\"seq\":%lu}",
                       (unsigned long)ack->epoch, (unsigned long)ack->seq);
    sm_err err = p->options.publish(p->options.publish_context, topic, payload, (size_t)len);
    atomic_fetch_add(err == SM_OK ? &p->acks_sent : &p->acks_lost, 1);
  }
}

static sm_err store_batch(sm_pipeline *p, sm_reading_in *readings, sm_reject_in *rejects,
                          sm_ack *acks) {
  for (size_t i = 0; i < p->candidates.count; i++)
    readings[i] = (sm_reading_in){.device_id = p->candidates.item[i].device_id,
                                  .channel = SM_CHANNEL_IMPORT,
                                  .reading = p->candidates.item[i].reading,
                                  .mark = p->candidates.item[i].mark};
  for (size_t i = 0; i < p->refusals.count; i++) {
    const refusal *r = &p->refusals.item[i];
    rejects[i] = (sm_reject_in){.received_ms = r->received_ms,
                                .topic = r->topic,
                                .topic_len = r->topic_len,
                                .device_id = r->device_id,
                                .reason = sm_refusal_word(r->reason),
                                .detail = r->detail,
                                .payload = r->payload,
                                .payload_len = r->payload_len,
                                .payload_len_sent = r->payload_len_sent};
    sm_err err = settled_mark(p, r, &rejects[i].mark);
    if (err != SM_OK) return err;
  }
  sm_readings_batch batch = {.readings = readings,
                             .reading_count = p->candidates.count,
                             .rejects = rejects,
                             .reject_count = p->refusals.count,
                             .acks = p->options.publish != NULL ? acks : NULL};
  int64_t begun_ms = sm_clock_steady_ms();
  sm_err err = sm_readings_commit(p->options.readings, &batch);
  if (err != SM_OK) return err;
  count_commit(p, sm_clock_steady_ms() - begun_ms);
  send_acks(p, &batch);
  return SM_OK;
}

static sm_err commit_batch(sm_pipeline *p) {
  sm_err err = settle_devices(p);
  if (err != SM_OK) return err;
  sm_reading_in *readings = calloc(p->candidates.count + 1, sizeof *readings);
  sm_reject_in *rejects = calloc(p->refusals.count + 1, sizeof *rejects);
  sm_ack *acks = calloc(p->candidates.count + p->refusals.count + 1, sizeof *acks);
  err = SM_ERR_NOMEM;
  if (readings != NULL && rejects != NULL && acks != NULL)
    err = store_batch(p, readings, rejects, acks);
  if (err == SM_OK) announce(p, readings, p->candidates.count);
  free(acks);
  free(rejects);
  free(readings);
  return err;
}

static sm_err commit(void *context) {
  sm_pipeline *p = context;
  if (p->lost) {
    /* Something that was taken is not in the batch. Only a new delivery can bring it back, and the
     * broker makes one when the process starts again; going on would acknowledge a loss. */
    sm_log(SM_LOG_ERROR, "ingest.out_of_memory", SM_LOG_TEXT("action", "restart"));
    abort();
  }
  sm_err err = commit_batch(p);
  if (err != SM_OK) {
    atomic_fetch_add(&p->commit_failures, 1);
    return err;
  }
  clear_batch(p);
  /* The batch is durable whatever becomes of the sealing, which is tried again next time. */
  sm_err seal = sm_readings_maintain(p->options.readings, false);
  (void)seal;
  return SM_OK;
}

sm_mqtt_sink sm_pipeline_sink(sm_pipeline *pipeline) {
  return (sm_mqtt_sink){.context = pipeline, .take = take, .commit = commit};
}

bool sm_pipeline_presence(sm_pipeline *pipeline, const char *device_id, sm_presence *presence) {
  return sm_presence_get(pipeline->presence, device_id, presence);
}

/* ---- metrics ---- */

static void counter(sm_buf *out, const char *name, const char *help, uint64_t value) {
  sm_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
                (unsigned long long)value);
}

static void write_refused(sm_pipeline *p, sm_buf *out) {
  sm_buf_append_text(out,
                     "# HELP smartmeter_readings_rejected_total Messages and readings refused, "
                     "by reason.\n# TYPE smartmeter_readings_rejected_total counter\n");
  for (unsigned i = 0; i < SM_REFUSAL_COUNT_; i++)
    sm_buf_printf(out, "smartmeter_readings_rejected_total{reason=\"%s\"} %llu\n",
                  sm_refusal_word((sm_refusal)i), (unsigned long long)atomic_load(&p->refused[i]));
}

static void write_commits(sm_pipeline *p, sm_buf *out) {
  sm_buf_append_text(out,
                     "# HELP smartmeter_ingest_commit_seconds Time of a batch's synced write.\n"
                     "# TYPE smartmeter_ingest_commit_seconds histogram\n");
  uint64_t total = 0;
  for (size_t i = 0; i < COMMIT_EDGES; i++) {
    total += atomic_load(&p->commit_buckets[i]);
    sm_buf_printf(out, "smartmeter_ingest_commit_seconds_bucket{le=\"%lld.%03lld\"} %llu\n",
                  (long long)(commit_edges_ms[i] / 1000), (long long)(commit_edges_ms[i] % 1000),
                  (unsigned long long)total);
  }
  total += atomic_load(&p->commit_buckets[COMMIT_EDGES]);
  uint64_t sum_ms = atomic_load(&p->commit_ms_sum);
  sm_buf_printf(out,
                "smartmeter_ingest_commit_seconds_bucket{le=\"+Inf\"} %llu\n"
                "smartmeter_ingest_commit_seconds_sum %llu.%03llu\n"
                "smartmeter_ingest_commit_seconds_count %llu\n",
                (unsigned long long)total, (unsigned long long)(sum_ms / 1000),
                (unsigned long long)(sum_ms % 1000), (unsigned long long)total);
}

void sm_pipeline_write_metrics(sm_pipeline *pipeline, sm_buf *out) {
  sm_pipeline *p = pipeline;
  uint64_t late = atomic_load(&p->late);
  counter(out, "smartmeter_readings_accepted_total", "Readings stored, late ones included.",
          atomic_load(&p->stored) + late);
  counter(out, "smartmeter_readings_late_total", "Readings stored that were older than the latest.",
          late);
  counter(out, "smartmeter_readings_duplicate_total", "Readings that were stored already.",
          atomic_load(&p->duplicates));
  write_refused(p, out);
  counter(out, "smartmeter_devices_registered_total", "Devices made at their first reading.",
          atomic_load(&p->registered));
  counter(out, "smartmeter_ingest_commit_failures_total", "Batches that the store did not take.",
          atomic_load(&p->commit_failures));
  counter(out, "smartmeter_acks_sent_total", "Acknowledgements queued for meters that send seq.",
          atomic_load(&p->acks_sent));
  counter(out, "smartmeter_acks_lost_total",
          "Acknowledgements that could not be queued; the meter sends again.",
          atomic_load(&p->acks_lost));
  write_commits(p, out);
  sm_buf_printf(out,
                "# HELP smartmeter_ingest_last_stored_timestamp_seconds When the last batch was "
                "stored, 0 if none was.\n"
                "# TYPE smartmeter_ingest_last_stored_timestamp_seconds gauge\n"
                "smartmeter_ingest_last_stored_timestamp_seconds %lld\n",
                (long long)(atomic_load(&p->last_stored_ms) / 1000));
}
