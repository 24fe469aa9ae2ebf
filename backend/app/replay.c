#include "app/replay.h"

#include "base/log.h"
#include "foreign/translate.h"
#include "ingest/telemetry.h"

#include <stdlib.h>
#include <string.h>

static const sm_seq_mark no_mark = {.present = false};
enum { REPLAY_MAX = 500 }; /* rejects in one step: one batch */

/* What judging a reject again came to. */
typedef struct verdict {
  size_t readings;
  size_t refusals;
  size_t questions;
  sm_reading reading; /* the last */
  sm_seq_mark mark;
} verdict;

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  verdict *v = context;
  (void)text;
  (void)text_len;
  v->readings++;
  v->reading = *reading;
  v->mark = *mark;
}

static void on_refused(void *context, sm_refusal reason, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  verdict *v = context;
  (void)reason;
  (void)detail;
  (void)mark;
  (void)text;
  (void)text_len;
  v->refusals++;
}

/* A question for the time: nothing to store, the meter sends the reading itself. */
static bool on_asked(void *context, uint32_t asks, bool good, const sm_seq_mark *mark,
                     const char *text, size_t text_len) {
  verdict *v = context;
  (void)asks;
  (void)good;
  (void)mark;
  (void)text;
  (void)text_len;
  v->questions++;
  return true;
}

static bool is_known(void *context, const char *device_id) {
  const sm_replay *replay = context;
  bool known = false;
  sm_err err = sm_pipeline_device_known(replay->pipeline, device_id, false, &known);
  return err == SM_OK && known;
}

/* Only what a meter sent says something of its sequence: an import's topic is its file. */
static bool sent_by_meter(const sm_reject *reject) {
  static const char start[] = "meters/";
  size_t len = sizeof start - 1;
  return reject->topic_len > len && memcmp(reject->topic, start, len) == 0;
}

typedef enum what { STAYS, IS_READING, GOES } what;

/* The one reading that a reject holds, judged by the clock of the time it came. What was cut off,
 * or is no reading, stays where it is; a question has had its time, and goes. */
static what reading_of(const sm_replay *replay, const sm_reject *reject, sm_reading_in *out) {
  if (reject->payload_len != reject->payload_len_sent) return STAYS;
  verdict v = {.readings = 0};
  const sm_telemetry_sink sink = {
      .context = &v, .reading = on_reading, .refused = on_refused, .asked = on_asked};
  const sm_telemetry_message message = {
      .device_id = reject->device_id,
      .payload = reject->payload,
      .payload_len = reject->payload_len,
      .payload_len_sent = reject->payload_len_sent,
      .now_ms = reject->received_ms,
      .modulus_wh = sent_by_meter(reject)
                        ? sm_pipeline_modulus_wh(replay->pipeline, reject->device_id)
                        : SM_FOREIGN_REGISTER_MAX_WH};
  if (sm_telemetry_parse(&message, &sink) != SM_OK) return STAYS;
  if (v.questions > 0) return GOES;
  if (v.readings != 1 || v.refusals != 0) return STAYS;
  *out = (sm_reading_in){.device_id = reject->device_id,
                         .channel = SM_CHANNEL_IMPORT,
                         .imported = !sent_by_meter(reject),
                         .reading = v.reading,
                         .mark = sent_by_meter(reject) ? v.mark : no_mark};
  return IS_READING;
}

static sm_err store(sm_replay *replay, const sm_reject_list *list) {
  sm_reading_in *readings = calloc(list->count, sizeof *readings);
  sm_reject_in *drops = calloc(list->count, sizeof *drops);
  sm_err err = readings != NULL && drops != NULL ? SM_OK : SM_ERR_NOMEM;
  size_t count = 0;
  size_t gone = 0;
  for (size_t i = 0; err == SM_OK && i < list->count; i++) {
    what is = reading_of(replay, &list->item[i], &readings[count]);
    if (is == STAYS) continue;
    if (is == IS_READING) count++;
    drops[gone++] = (sm_reject_in){.device_id = "", .drop_no = list->item[i].reject_no};
  }
  if (err == SM_OK && gone > 0) {
    sm_readings_batch batch = {
        .readings = readings, .reading_count = count, .rejects = drops, .reject_count = gone};
    err = sm_pipeline_commit(replay->pipeline, &batch);
    if (err == SM_OK && count > 0) {
      sm_pipeline_count_replayed(replay->pipeline, count);
      sm_log(SM_LOG_INFO, "ingest.replayed", SM_LOG_INT("rejects", count),
             SM_LOG_TEXT("first_device_id", readings[0].device_id));
    }
  }
  free(drops);
  free(readings);
  return err;
}

sm_err sm_replay_step(sm_replay *replay) {
  sm_reject_list list;
  int64_t next = 0;
  sm_err err =
      sm_readings_rejects_wanted(replay->readings, sm_refusal_word(SM_REFUSAL_UNKNOWN_DEVICE),
                                 is_known, replay, replay->after, REPLAY_MAX, &list, &next);
  if (err == SM_OK) {
    if (list.count > 0) err = store(replay, &list);
    sm_reject_list_fini(&list);
  }
  if (err == SM_OK)
    replay->after = next;
  else
    sm_log(SM_LOG_WARN, "ingest.not_replayed", SM_LOG_TEXT("reason", sm_err_text(err)));
  return err;
}
