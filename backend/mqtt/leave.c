#include "mqtt/leave.h"

#include "mqtt/session.h"

enum { ANSWER_TIMEOUT_MS = 10000 };

static void ask(sm_mqtt_session *session, int64_t now_ms) {
  const sm_mqtt_settings *settings = session->settings;
  sm_mqtt_leave *leave = &session->leave;
  leave->packet_id = sm_mqtt_outgoing_next_id(&session->batch->outgoing);
  leave->heard = false;
  session->answer_ms = now_ms + ANSWER_TIMEOUT_MS;
  sm_mqtt_encode_unsubscribe(&session->outbox.bytes, session->version, leave->packet_id,
                             (const char *const *)settings->former, settings->former_count);
}

void sm_mqtt_leave_begin(sm_mqtt_session *session, int64_t now_ms) {
  const sm_mqtt_settings *settings = session->settings;
  /* A new session holds nothing that would have to be given up. */
  bool holds = session->session_present && settings->former_count > 0;
  if (!holds && !settings->retire) {
    sm_mqtt_session_serve(session, now_ms);
    return;
  }
  session->phase = SM_MQTT_LEAVING;
  sm_mqtt_reason_set(&session->reason, settings->retire
                                           ? "taking what the session still holds, to end it"
                                           : "giving up the filters of an earlier run");
  sm_mqtt_session_show_state(session);
  ask(session, now_ms);
}

void sm_mqtt_leave_put_off(sm_mqtt_session *session, int64_t now_ms) {
  if (session->phase != SM_MQTT_LEAVING) return;
  bool asked = session->leave.packet_id != 0;
  session->answer_ms = now_ms + (asked ? ANSWER_TIMEOUT_MS : session->settings->retire_quiet_ms);
}

void sm_mqtt_leave_heard(sm_mqtt_session *session, int64_t now_ms) {
  session->leave.heard = true;
  sm_mqtt_leave_put_off(session, now_ms);
}

static void end_drained(sm_mqtt_session *session) {
  sm_mqtt_encode_disconnect(&session->outbox.bytes);
  sm_mqtt_session_end(session, SM_MQTT_END_DRAINED, "");
}

bool sm_mqtt_leave_answered(sm_mqtt_session *session, const sm_mqtt_packet *unsuback,
                            int64_t now_ms) {
  sm_mqtt_leave *leave = &session->leave;
  if (session->phase != SM_MQTT_LEAVING || leave->packet_id == 0 ||
      unsuback->packet_id != leave->packet_id)
    return false;
  leave->packet_id = 0;
  if (unsuback->code >= SM_MQTT_FAILURE) {
    sm_mqtt_reason reason;
    sm_mqtt_reason_set(&reason, "the broker refuses to end a subscription: %s",
                       sm_mqtt_code_text(session->version, unsuback->code));
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, reason.text);
    return true;
  }
  if (!session->settings->retire) {
    sm_mqtt_session_serve(session, now_ms);
    return true;
  }
  if (leave->left && !leave->heard) {
    end_drained(session);
    return true;
  }
  leave->left = true;
  sm_mqtt_leave_put_off(session, now_ms);
  return true;
}

/* Something is on its way here, or not acknowledged yet. */
static bool busy(const sm_mqtt_session *session) {
  const sm_mqtt_inbox *inbox = session->inbox;
  return session->skip > 0 || inbox->start < inbox->end || sm_mqtt_batch_pending(session->batch) ||
         sm_mqtt_outbox_pending(&session->outbox) > 0;
}

void sm_mqtt_leave_check(sm_mqtt_session *session, int64_t now_ms) {
  if (session->leave.packet_id != 0)
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker does not answer UNSUBSCRIBE");
  else if (busy(session))
    sm_mqtt_leave_put_off(session, now_ms);
  else
    ask(session, now_ms);
}
