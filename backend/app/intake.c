#include "app/intake.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/put.h"
#include "ingest/firmware.h"
#include "ingest/telemetry.h"

#include <stdlib.h>
#include <string.h>

enum {
  TAKEN_FIRST = 2048, /* room for the subscriber's batches as they usually are */
  SLICE_READINGS = 8192,
  SLICE_REFUSALS = 1024,
  CLOCK_APART_S = 60,  /* edge/core/clock.h: then the meter sends nothing */
  TOPIC_KEPT_MAX = 256 /* bytes of a refused message's topic */
};

/* A message of the batch; its bytes stay with the subscriber until the commit has succeeded. */
typedef struct taken {
  sm_mqtt_message message;
  sm_topic topic; /* set when it is judged; readings point to its device_id */
} taken;

typedef struct refusal {
  const taken *from;
  sm_refusal reason;
  const char *text; /* in the message's payload */
  size_t text_len;
  sm_seq_mark mark;
  char detail[200];
} refusal;

/* A status message. */
typedef struct sign {
  const taken *from;
  bool online;
} sign;

/* A report of a meter's firmware. */
typedef struct report {
  const taken *from;
  sm_firmware_report said;
} report;

/* A meter's question for the time. */
typedef struct question {
  const taken *from;
  uint32_t asks;
  sm_seq_mark mark;
} question;

static const sm_seq_mark no_mark = {.present = false};

#define LIST_OF(type)                                                                              \
  struct {                                                                                         \
    type *item;                                                                                    \
    size_t count;                                                                                  \
    size_t cap;                                                                                    \
  }

/* What is known of the message's device, asked when first it matters. */
typedef enum known { UNASKED, KNOWN, UNKNOWN_DEVICE } known;

struct sm_intake {
  sm_pipeline *pipeline;
  sm_intake_publish publish;
  void *publish_context;
  void (*speak)(void *context); /* NULL: nothing to say */
  void *speak_context;

  LIST_OF(taken) batch;
  size_t done;         /* messages of the batch that are durable */
  int64_t received_ms; /* of the batch's first message: a batch is a few milliseconds */
  bool lost;           /* memory ran out while taking: the batch must not be acknowledged */

  /* the slice: what messages from `done` on came to */
  LIST_OF(sm_reading_in) readings;
  LIST_OF(refusal) refusals;
  LIST_OF(sign) signs;
  LIST_OF(report) reports;
  LIST_OF(question) questions;
  LIST_OF(sm_reject_in) rejects;
  LIST_OF(sm_ack) acks;
  sm_err err; /* the first failure of judging it */

  /* the message being judged */
  const taken *current;
  known known;
  const char *known_id; /* whose `known` is; NULL: nobody's */
  int64_t modulus_wh;
  const char *modulus_id; /* likewise */
};

sm_err sm_intake_new(sm_pipeline *pipeline, sm_intake_publish publish, void *context,
                     sm_intake **intake) {
  sm_intake *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->pipeline = pipeline;
  out->publish = publish;
  out->publish_context = context;
  out->batch.item = calloc(TAKEN_FIRST, sizeof *out->batch.item);
  if (out->batch.item == NULL) {
    free(out);
    return SM_ERR_NOMEM;
  }
  out->batch.cap = TAKEN_FIRST;
  *intake = out;
  return SM_OK;
}

void sm_intake_free(sm_intake *intake) {
  if (intake == NULL) return;
  free(intake->batch.item);
  free(intake->readings.item);
  free(intake->refusals.item);
  free(intake->signs.item);
  free(intake->reports.item);
  free(intake->questions.item);
  free(intake->rejects.item);
  free(intake->acks.item);
  free(intake);
}

/* ---- lists ---- */

/* Makes `count` items fit. */
static bool make_room(void **items, size_t *cap, size_t count, size_t size) {
  if (count <= *cap) return true;
  size_t more = *cap < 64 ? 64 : *cap * 2;
  if (more < count) more = count;
  void *grown = realloc(*items, more * size);
  if (grown == NULL) return false;
  *items = grown;
  *cap = more;
  return true;
}

#define MAKE_ROOM(list, more)                                                                      \
  make_room((void **)&(list).item, &(list).cap, (list).count + (more), sizeof *(list).item)

/* ---- taking ---- */

static void take(void *context, const sm_mqtt_message *message) {
  sm_intake *in = context;
  if (in->batch.count == 0) in->received_ms = sm_clock_now_ms();
  if (!MAKE_ROOM(in->batch, 1)) {
    in->lost = true;
    return;
  }
  in->batch.item[in->batch.count++].message = *message;
}

/* ---- judging ---- */

static bool fail(sm_intake *in, sm_err err) {
  if (in->err == SM_OK) in->err = err;
  return false;
}

static void add_refusal(sm_intake *in, sm_refusal reason, const char *detail,
                        const sm_seq_mark *mark, const char *text, size_t text_len) {
  if (!MAKE_ROOM(in->refusals, 1)) {
    (void)fail(in, SM_ERR_NOMEM);
    return;
  }
  refusal *r = &in->refusals.item[in->refusals.count++];
  r->from = in->current;
  r->reason = reason;
  r->text = text;
  r->text_len = text_len;
  r->mark = *mark;
  size_t len = strnlen(detail, sizeof r->detail - 1);
  memcpy(r->detail, detail, len);
  r->detail[len] = '\0';
}

/* Whether the current message's device is known. A valid reading may make it so. */
static bool is_known(sm_intake *in, bool may_register) {
  const char *device_id = in->current->topic.device_id;
  bool asked = in->known_id != NULL && strcmp(in->known_id, device_id) == 0;
  if (asked && (in->known == KNOWN || !may_register)) return in->known == KNOWN;
  bool yes = false;
  sm_err err = sm_pipeline_device_known(in->pipeline, device_id, may_register, &yes);
  if (err != SM_OK) return fail(in, err);
  in->known = yes ? KNOWN : UNKNOWN_DEVICE;
  in->known_id = device_id;
  return yes;
}

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  sm_intake *in = context;
  bool good = is_known(in, true);
  if (in->err != SM_OK) return;
  if (!good) {
    add_refusal(in, SM_REFUSAL_UNKNOWN_DEVICE,
                "no device has this device_id: once it is added, this is judged again", &no_mark,
                text, text_len);
    return;
  }
  if (!MAKE_ROOM(in->readings, 1)) {
    (void)fail(in, SM_ERR_NOMEM);
    return;
  }
  sm_reading_in *to = &in->readings.item[in->readings.count++];
  to->device_id = in->current->topic.device_id;
  to->channel = SM_CHANNEL_IMPORT;
  to->imported = false;
  to->topic = NULL;
  to->reading = *reading;
  to->mark = *mark;
}

/* A refusal is settled for meters that somebody has added: others keep what they have. */
static void on_refused(void *context, sm_refusal reason, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  sm_intake *in = context;
  bool settled = mark->present && is_known(in, false);
  if (in->err == SM_OK) add_refusal(in, reason, detail, settled ? mark : &no_mark, text, text_len);
}

/* Of a meter that is not known it is judged like a reading, so that somebody sees the meter. */
static bool on_asked(void *context, uint32_t asks, bool good, const sm_seq_mark *mark,
                     const char *text, size_t text_len) {
  sm_intake *in = context;
  (void)text;
  (void)text_len;
  if (!is_known(in, good) || in->err != SM_OK) return in->err != SM_OK;
  if (!MAKE_ROOM(in->questions, 1))
    (void)fail(in, SM_ERR_NOMEM);
  else
    in->questions.item[in->questions.count++] =
        (question){.from = in->current, .asks = asks, .mark = *mark};
  return true;
}

static void judge_status(sm_intake *in, const sm_mqtt_message *m) {
  bool online = m->payload_len == 6 && memcmp(m->payload, "online", 6) == 0;
  bool offline = m->payload_len == 7 && memcmp(m->payload, "offline", 7) == 0;
  if (!online && !offline) {
    /* An empty retained message is how a broker is told to forget one: nothing to say about it. */
    if (m->payload_len > 0)
      add_refusal(in, SM_REFUSAL_MALFORMED, "a status is 'online' or 'offline'", &no_mark,
                  m->payload, m->payload_len);
    return;
  }
  if (!MAKE_ROOM(in->signs, 1))
    (void)fail(in, SM_ERR_NOMEM);
  else
    in->signs.item[in->signs.count++] = (sign){.from = in->current, .online = online};
}

static void judge_firmware(sm_intake *in, const sm_mqtt_message *m) {
  report r = {.from = in->current};
  sm_refusal reason = SM_REFUSAL_MALFORMED;
  char detail[SM_FIRMWARE_DETAIL_MAX];
  if (m->payload_len_sent == 0) return; /* as of a status */
  size_t len = m->payload_len_sent > m->payload_len ? m->payload_len_sent : m->payload_len;
  if (!sm_firmware_report_parse(m->payload, len, &r.said, &reason, detail))
    add_refusal(in, reason, detail, &no_mark, m->payload, m->payload_len);
  else if (!MAKE_ROOM(in->reports, 1))
    (void)fail(in, SM_ERR_NOMEM);
  else
    in->reports.item[in->reports.count++] = r;
}

/* Of the current message's device; asked when the device changes. */
static int64_t modulus_of(sm_intake *in) {
  const char *device_id = in->current->topic.device_id;
  if (in->modulus_id == NULL || strcmp(in->modulus_id, device_id) != 0) {
    in->modulus_wh = sm_pipeline_modulus_wh(in->pipeline, device_id);
    in->modulus_id = device_id;
  }
  return in->modulus_wh;
}

static void judge_telemetry(sm_intake *in, const sm_mqtt_message *m) {
  const sm_telemetry_sink sink = {
      .context = in, .reading = on_reading, .refused = on_refused, .asked = on_asked};
  const sm_telemetry_message message = {.device_id = in->current->topic.device_id,
                                        .payload = m->payload,
                                        .payload_len = m->payload_len,
                                        .payload_len_sent = m->payload_len_sent,
                                        .now_ms = in->received_ms,
                                        .modulus_wh = modulus_of(in)};
  sm_err err = sm_telemetry_parse(&message, &sink);
  if (err != SM_OK) (void)fail(in, err);
}

static void judge(sm_intake *in, taken *t) {
  const sm_mqtt_message *m = &t->message;
  sm_topic_parse(m->topic, m->topic_len, &t->topic);
  in->current = t;
  if (t->topic.kind == SM_TOPIC_TELEMETRY)
    judge_telemetry(in, m);
  else if (t->topic.kind == SM_TOPIC_STATUS)
    judge_status(in, m);
  else if (t->topic.kind == SM_TOPIC_FIRMWARE)
    judge_firmware(in, m);
  else
    add_refusal(in, SM_REFUSAL_BAD_TOPIC,
                "the topic must be meters/{device_id}/telemetry, …/status or …/firmware, the "
                "device_id 1 to 64 "
                "of A-Z a-z 0-9 _ -",
                &no_mark, m->payload, m->payload_len);
}

/* Judges messages from `done` on until the slice is full; *end is behind the last. */
static sm_err judge_slice(sm_intake *in, size_t *end) {
  in->readings.count = 0;
  in->refusals.count = 0;
  in->signs.count = 0;
  in->reports.count = 0;
  in->questions.count = 0;
  in->known_id = NULL;
  in->modulus_id = NULL;
  in->err = SM_OK;
  size_t i = in->done;
  while (i < in->batch.count && in->err == SM_OK && in->readings.count < SLICE_READINGS &&
         in->refusals.count < SLICE_REFUSALS)
    judge(in, &in->batch.item[i++]);
  *end = i;
  return in->err;
}

/* ---- committing ---- */

static sm_reject_in reject_of(const refusal *r, int64_t received_ms) {
  const sm_mqtt_message *m = &r->from->message;
  bool whole = r->text == m->payload && r->text_len == m->payload_len;
  return (sm_reject_in){.received_ms = received_ms,
                        .topic = m->topic,
                        .topic_len = m->topic_len > TOPIC_KEPT_MAX ? TOPIC_KEPT_MAX : m->topic_len,
                        .device_id = r->from->topic.device_id,
                        .reason = sm_refusal_word(r->reason),
                        .detail = r->detail,
                        .payload = r->text,
                        .payload_len = r->text_len > SM_REJECT_PAYLOAD_MAX ? SM_REJECT_PAYLOAD_MAX
                                                                           : r->text_len,
                        .payload_len_sent = whole ? m->payload_len_sent : r->text_len,
                        .mark = r->mark};
}

/* `more`, "" or members with a comma in front, is at most 40 bytes. */
static bool send_ack(const sm_intake *in, const char *device_id, uint32_t epoch, uint32_t seq,
                     const char *more) {
  char topic[SM_DEVICE_ID_MAX + 16];
  char payload[96];
  char *at = sm_put_text(topic, "meters/", 7);
  at = sm_put_text(at, device_id, strnlen(device_id, SM_DEVICE_ID_MAX));
  (void)sm_put_text(at, "/ack", 5); /* with its end */
  at = sm_put_text(payload, "{\"epoch\":", 9);
  at = sm_put_text(sm_put_u64(at, epoch), ",\"seq\":", 7);
  at = sm_put_text(sm_put_u64(at, seq), more, strlen(more));
  at = sm_put_text(at, "}", 1);
  return in->publish(in->publish_context, topic, payload, (size_t)(at - payload)) == SM_OK;
}

/* Tells meters how far they may forget. One that misses it sends again and is told again. */
static void send_acks(sm_intake *in, const sm_readings_batch *batch) {
  uint64_t sent = 0;
  if (in->publish == NULL) return; /* then no acks were asked for */
  for (size_t i = 0; i < batch->ack_count; i++) {
    const sm_ack *ack = &batch->acks[i];
    sent += send_ack(in, ack->device_id, ack->epoch, ack->seq, "") ? 1 : 0;
  }
  sm_pipeline_count_acks(in->pipeline, sent, batch->ack_count - sent);
}

/* The time, and nothing that the meter did not say: what is below its first is settled. */
static void answer(const sm_intake *in, const question *q) {
  const char *device_id = q->from->topic.device_id;
  int64_t now_s = sm_clock_now_ms() / 1000;
  int64_t apart_s = now_s - (int64_t)q->asks;
  char more[48];
  char *at = sm_put_text(more, ",\"asked\":", 9);
  at = sm_put_text(sm_put_u64(at, q->asks), ",\"time\":", 8);
  *sm_put_u64(at, (uint64_t)now_s) = '\0';
  if (in->publish != NULL) (void)send_ack(in, device_id, q->mark.epoch, q->mark.first - 1, more);
  if (apart_s > CLOCK_APART_S || apart_s < -CLOCK_APART_S)
    sm_log(SM_LOG_WARN, "meter.clock_apart", SM_LOG_TEXT("device_id", device_id),
           SM_LOG_INT("server_less_meter_s", apart_s));
}

static void announce(sm_intake *in) {
  uint32_t counts[SM_REFUSAL_COUNT_] = {0};
  for (size_t i = 0; i < in->refusals.count; i++) counts[in->refusals.item[i].reason]++;
  if (in->refusals.count > 0) sm_pipeline_count_refused(in->pipeline, counts);
  for (size_t i = 0; i < in->signs.count; i++) {
    const sign *s = &in->signs.item[i];
    sm_pipeline_status(in->pipeline, s->from->topic.device_id, s->online,
                       s->online && !s->from->message.retained);
  }
  for (size_t i = 0; i < in->questions.count; i++) answer(in, &in->questions.item[i]);
  for (size_t i = 0; i < in->reports.count; i++) {
    const report *r = &in->reports.item[i];
    sm_pipeline_firmware(in->pipeline, r->from->topic.device_id, &r->said,
                         !r->from->message.retained);
  }
}

static sm_err commit_slice(sm_intake *in) {
  in->rejects.count = 0;
  in->acks.count = 0;
  if (!MAKE_ROOM(in->rejects, in->refusals.count) ||
      !MAKE_ROOM(in->acks, in->readings.count + in->refusals.count))
    return SM_ERR_NOMEM;
  for (size_t i = 0; i < in->refusals.count; i++)
    in->rejects.item[i] = reject_of(&in->refusals.item[i], in->received_ms);
  sm_readings_batch batch = {.readings = in->readings.item,
                             .reading_count = in->readings.count,
                             .rejects = in->rejects.item,
                             .reject_count = in->refusals.count,
                             .acks = in->publish != NULL ? in->acks.item : NULL};
  sm_err err = sm_pipeline_commit(in->pipeline, &batch);
  if (err != SM_OK) return err;
  if (in->publish != NULL && batch.ack_count > 0) send_acks(in, &batch);
  announce(in);
  return SM_OK;
}

static sm_err commit(void *context) {
  sm_intake *in = context;
  if (in->lost) {
    /* Something that was taken is not in the batch. Only a new delivery can bring it back, and the
     * broker makes one when the process starts again; going on would acknowledge a loss. */
    sm_log(SM_LOG_ERROR, "ingest.out_of_memory", SM_LOG_TEXT("action", "restart"));
    abort();
  }
  while (in->done < in->batch.count) {
    size_t end = in->done;
    sm_err err = judge_slice(in, &end);
    if (err == SM_OK) err = commit_slice(in);
    if (err != SM_OK) return err;
    in->done = end;
  }
  in->batch.count = 0;
  in->done = 0;
  return SM_OK;
}

static void speak(void *context) {
  const sm_intake *in = context;
  in->speak(in->speak_context);
}

void sm_intake_speak_by(sm_intake *intake, void (*say)(void *context), void *context) {
  intake->speak = say;
  intake->speak_context = context;
}

sm_mqtt_sink sm_intake_sink(sm_intake *intake) {
  return (sm_mqtt_sink){.context = intake,
                        .take = take,
                        .commit = commit,
                        .speak = intake->speak != NULL ? speak : NULL};
}
