#include "store/refused.h"

#include "base/jsonw.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void sm_refused_init(sm_refused *room) {
  room->topic[0] = '\0';
  sm_buf_init(&room->payload, 0);
}

void sm_refused_fini(sm_refused *room) {
  sm_buf_fini(&room->payload);
}

/* Where it came from, as far as a reading says: its meter's topic, or an import. */
static const char *topic_of(sm_refused *room, const sm_reading_in *in) {
  if (in->topic != NULL) return in->topic;
  if (in->imported)
    (void)snprintf(room->topic, sizeof room->topic, "import");
  else
    (void)snprintf(room->topic, sizeof room->topic, "meters/%.*s/telemetry", SM_DEVICE_ID_MAX,
                   in->device_id);
  return room->topic;
}

sm_err sm_refused_make(sm_refused *room, const sm_reading_in *in, sm_verdict verdict,
                       int64_t now_ms, sm_reject_in *reject) {
  sm_jsonw w;
  bool conflict = verdict == SM_VERDICT_CONFLICT;
  const char *topic = topic_of(room, in);
  assert(conflict || verdict == SM_VERDICT_PAST_RETENTION);
  sm_buf_clear(&room->payload);
  sm_jsonw_init(&w, &room->payload);
  sm_reading_write_json(&w, in->device_id, &in->reading);
  if (room->payload.err != SM_OK) return room->payload.err;
  *reject = (sm_reject_in){
      .received_ms = now_ms,
      .topic = topic,
      .topic_len = strlen(topic),
      .device_id = in->device_id,
      .reason = conflict ? "conflict" : "past_retention",
      .detail = conflict
                    ? "another reading with this timestamp is stored already: the first one stays"
                    : "raw readings of that time are kept no more, so nothing can join them",
      .payload = room->payload.data,
      .payload_len = room->payload.len,
      .payload_len_sent = room->payload.len};
  return SM_OK;
}
