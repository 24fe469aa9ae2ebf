#include "transfer/import_batch.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { REJECTS = 1024 };

struct sm_import_batch {
  sm_readings_batch batch;
  sm_reading_in *readings; /* SM_IMPORT_BATCH_READINGS */
  uint64_t *lines;
  char (*ids)[SM_DEVICE_ID_MAX + 1];
  size_t id_count;
  sm_reject_in *rejects; /* REJECTS */
  uint64_t *reject_lines;
  char **texts; /* of each reject: all of its texts in one piece */
  size_t reject_bytes;
  sm_import_place place;
};

sm_err sm_import_batch_new(sm_import_batch **out) {
  sm_import_batch *b = calloc(1, sizeof *b);
  if (b == NULL) return SM_ERR_NOMEM;
  b->readings = calloc(SM_IMPORT_BATCH_READINGS, sizeof *b->readings);
  b->lines = calloc(SM_IMPORT_BATCH_READINGS, sizeof *b->lines);
  b->ids = calloc(SM_IMPORT_BATCH_READINGS, sizeof *b->ids);
  b->rejects = calloc(REJECTS, sizeof *b->rejects);
  b->reject_lines = calloc(REJECTS, sizeof *b->reject_lines);
  b->texts = calloc(REJECTS, sizeof *b->texts);
  if (b->readings == NULL || b->lines == NULL || b->ids == NULL || b->rejects == NULL ||
      b->reject_lines == NULL || b->texts == NULL) {
    sm_import_batch_free(b);
    return SM_ERR_NOMEM;
  }
  sm_import_batch_clear(b);
  *out = b;
  return SM_OK;
}

void sm_import_batch_clear(sm_import_batch *b) {
  for (size_t i = 0; i < b->batch.reject_count; i++) free(b->texts[i]);
  b->batch = (sm_readings_batch){.readings = b->readings, .rejects = b->rejects};
  b->id_count = 0;
  b->reject_bytes = 0;
}

void sm_import_batch_free(sm_import_batch *b) {
  if (b == NULL) return;
  for (size_t i = 0; i < b->batch.reject_count; i++) free(b->texts[i]);
  free(b->readings);
  free(b->lines);
  free(b->ids);
  free(b->rejects);
  free(b->reject_lines);
  free(b->texts);
  free(b);
}

bool sm_import_batch_full(const sm_import_batch *b) {
  return b->batch.reading_count >= SM_IMPORT_BATCH_READINGS || b->batch.reject_count >= REJECTS ||
         b->reject_bytes >= SM_IMPORT_BATCH_REJECT_BYTES;
}

bool sm_import_batch_empty(const sm_import_batch *b) {
  return b->batch.reading_count == 0 && b->batch.reject_count == 0;
}

/* Files are by device for the most part: the id of the reading before is used again. */
static const char *keep_id(sm_import_batch *b, const char *device_id) {
  size_t n = b->id_count;
  if (n > 0 && strcmp(b->ids[n - 1], device_id) == 0) return b->ids[n - 1];
  memcpy(b->ids[n], device_id, strlen(device_id) + 1);
  b->id_count++;
  return b->ids[n];
}

sm_err sm_import_batch_add(sm_import_batch *b, const char *device_id, const sm_reading *reading,
                           uint64_t line) {
  if (sm_import_batch_full(b)) return SM_ERR_FULL;
  size_t at = b->batch.reading_count++;
  b->readings[at] = (sm_reading_in){.device_id = keep_id(b, device_id),
                                    .channel = SM_CHANNEL_IMPORT,
                                    .imported = true,
                                    .reading = *reading};
  b->lines[at] = line;
  return SM_OK;
}

static char *put_text(char **at, const char *text, size_t len) {
  char *begin = *at;
  if (len > 0) memcpy(begin, text, len);
  begin[len] = '\0';
  *at += len + 1;
  return begin;
}

sm_err sm_import_batch_refuse(sm_import_batch *b, const sm_import_refusal *r) {
  if (sm_import_batch_full(b)) return SM_ERR_FULL;
  size_t kept = r->payload_len < SM_REJECT_PAYLOAD_MAX ? r->payload_len : SM_REJECT_PAYLOAD_MAX;
  size_t id_len = strlen(r->device_id);
  size_t detail_len = strlen(r->detail);
  size_t topic_len = strlen(r->topic);
  size_t bytes = kept + id_len + detail_len + topic_len + 4;
  char *texts = malloc(bytes);
  if (texts == NULL) return SM_ERR_NOMEM;
  char *at = texts;
  size_t i = b->batch.reject_count++;
  b->texts[i] = texts;
  b->reject_bytes += bytes;
  b->reject_lines[i] = r->line;
  b->rejects[i] = (sm_reject_in){.received_ms = sm_clock_now_ms(),
                                 .topic = put_text(&at, r->topic, topic_len),
                                 .topic_len = topic_len,
                                 .device_id = put_text(&at, r->device_id, id_len),
                                 .reason = sm_refusal_word(r->reason),
                                 .detail = put_text(&at, r->detail, detail_len),
                                 .payload = put_text(&at, r->payload, kept),
                                 .payload_len = kept,
                                 .payload_len_sent = r->payload_len};
  return SM_OK;
}

sm_readings_batch *sm_import_batch_get(sm_import_batch *b) {
  return &b->batch;
}

uint64_t sm_import_batch_line(const sm_import_batch *b, size_t reading) {
  return b->lines[reading];
}

uint64_t sm_import_batch_reject_line(const sm_import_batch *b, size_t reject) {
  return b->reject_lines[reject];
}

void sm_import_batch_set_place(sm_import_batch *b, sm_import_place place) {
  b->place = place;
}

sm_import_place sm_import_batch_place(const sm_import_batch *b) {
  return b->place;
}
