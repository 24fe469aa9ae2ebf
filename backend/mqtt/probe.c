#include "mqtt/probe.h"

#include "base/crypto.h"
#include "base/log.h"
#include "mqtt/session.h"
#include "mqtt/topic.h"

#include <string.h>

enum { RETRY_FLOOR_MS = 1000, RETRY_CEILING_MS = 60000, TIMEOUTS_MAX = 12 };

static const char undelivered[] =
    "the broker grants shared subscriptions but does not deliver to them: run one server with "
    "SMARTMETER_MQTT_SHARE=none and one connection, or partition by topic filter";

static void fail(sm_mqtt_session *session, int64_t now_ms, const char *text) {
  sm_mqtt_probe *probe = &session->probe;
  uint32_t wait_ms = sm_mqtt_backoff_next_ms(&probe->backoff);
  probe->step = SM_MQTT_PROBE_RESTING;
  session->answer_ms = now_ms + wait_ms;
  sm_mqtt_reason_set(&session->reason, "%s", text);
  sm_log(SM_LOG_WARN, "mqtt.share", SM_LOG_TEXT("reason", text), SM_LOG_INT("retry_ms", wait_ms));
  sm_mqtt_session_show_state(session);
}

static void send(sm_mqtt_session *session, int64_t now_ms) {
  sm_mqtt_probe *probe = &session->probe;
  sm_mqtt_batch *batch = session->batch;
  sm_err err = sm_mqtt_outgoing_add(&batch->outgoing, session->settings->probe_topic, probe->token,
                                    strlen(probe->token), false, &probe->packet_id);
  if (err != SM_OK) {
    sm_mqtt_reason reason;
    sm_mqtt_reason_set(&reason, "the probe message cannot be sent: %s", sm_err_text(err));
    fail(session, now_ms, reason.text);
    return;
  }
  probe->step = SM_MQTT_PROBE_SENT;
  session->answer_ms = now_ms + session->settings->probe_timeout_ms;
  probe->latest_ms = now_ms + (int64_t)TIMEOUTS_MAX * session->settings->probe_timeout_ms;
  /* With messages pending it leaves when they are committed, as all that is queued. */
  if (!sm_mqtt_batch_pending(batch)) sm_mqtt_batch_release(batch, &session->outbox);
}

void sm_mqtt_probe_begin(sm_mqtt_session *session, int64_t now_ms) {
  if (session->settings->shared_count == 0) {
    sm_mqtt_leave_begin(session, now_ms);
    return;
  }
  uint8_t bytes[SM_MQTT_TOKEN_BYTES];
  sm_random_bytes(bytes, sizeof bytes);
  sm_mqtt_probe *probe = &session->probe;
  *probe = (sm_mqtt_probe){.backoff = {RETRY_FLOOR_MS, RETRY_CEILING_MS, 0}};
  (void)sm_hex(bytes, sizeof bytes, probe->token);
  session->phase = SM_MQTT_PROBING;
  sm_mqtt_reason_set(&session->reason, "waiting for the proof that what is shared arrives");
  sm_mqtt_session_show_state(session);
  send(session, now_ms);
}

/* Nothing but a shared filter asks for this topic. */
static bool came_shared(const sm_mqtt_settings *settings, const sm_mqtt_packet *packet) {
  bool shared = false;
  for (size_t i = 0; i < settings->filter_count; i++) {
    const char *filter = sm_mqtt_filter_unshared(settings->filters[i]);
    if (!sm_mqtt_filter_matches(filter, packet->topic, packet->topic_len)) continue;
    if (i >= settings->shared_count) return false;
    shared = true;
  }
  return shared;
}

static void put_off(sm_mqtt_session *session, int64_t now_ms) {
  int64_t answer_ms = now_ms + session->settings->probe_timeout_ms;
  int64_t latest_ms = session->probe.latest_ms;
  session->answer_ms = answer_ms < latest_ms ? answer_ms : latest_ms;
}

bool sm_mqtt_probe_take(sm_mqtt_session *session, const sm_mqtt_packet *packet, int64_t now_ms) {
  const sm_mqtt_settings *settings = session->settings;
  const char *topic = settings->probe_topic;
  sm_mqtt_probe *probe = &session->probe;
  bool proving = session->phase == SM_MQTT_PROBING;
  if (strlen(topic) != packet->topic_len || memcmp(topic, packet->topic, packet->topic_len) != 0) {
    if (proving && probe->step == SM_MQTT_PROBE_SENT && came_shared(settings, packet))
      put_off(session, now_ms);
    return false;
  }
  size_t len = strlen(probe->token);
  if (!proving || packet->payload_len != len || memcmp(packet->payload, probe->token, len) != 0)
    return true; /* of an earlier connection, or once more */
  sm_log(SM_LOG_INFO, "mqtt.shared", SM_LOG_INT("tries", probe->backoff.failures + 1));
  sm_mqtt_leave_begin(session, now_ms);
  return true;
}

void sm_mqtt_probe_answered(sm_mqtt_session *session, const sm_mqtt_packet *puback,
                            int64_t now_ms) {
  sm_mqtt_probe *probe = &session->probe;
  if (probe->packet_id == 0 || puback->packet_id != probe->packet_id) return;
  probe->packet_id = 0;
  if (puback->code < SM_MQTT_FAILURE || session->phase != SM_MQTT_PROBING) return;
  sm_mqtt_reason reason;
  sm_mqtt_reason_set(&reason, "the broker refuses the probe message under \"%.64s\": %s",
                     session->settings->probe_topic,
                     sm_mqtt_code_text(session->version, puback->code));
  fail(session, now_ms, reason.text);
}

void sm_mqtt_probe_check(sm_mqtt_session *session, int64_t now_ms) {
  switch (session->probe.step) {
  case SM_MQTT_PROBE_SENT:
    fail(session, now_ms, undelivered);
    break;
  case SM_MQTT_PROBE_RESTING:
    send(session, now_ms);
    break;
  }
}
