/* The receiving half of a session: from bytes to packets to what they cause. */
#include "mqtt/session.h"

#include "base/log.h"
#include "mqtt/version.h"

#include <string.h>

enum {
  ANSWER_TIMEOUT_MS = 10000,
  ROOM_MIN = 16 * 1024, /* less free room than this is not worth a read */
  READ_MAX = 256 * 1024 /* at once, so that timers are looked at between */
};

static void breach(sm_mqtt_session *session, const char *problem) {
  sm_mqtt_reason reason;
  sm_mqtt_reason_set(&reason, "the broker broke the protocol: %s", problem);
  sm_mqtt_session_end(session, SM_MQTT_END_LOST, reason.text);
}

/* ---- what each packet causes ---- */

/* Whether the broker can do what this subscriber needs, and if not, what it cannot. */
static const char *term_missing(const sm_mqtt_settings *settings, const sm_mqtt_terms *terms) {
  if (!terms->qos1 && !settings->live) return "the broker does not offer QoS 1";
  if (!terms->shared && settings->shared_count > 0)
    return sm_mqtt_code_text(SM_MQTT_VERSION_5, 0x9e);
  for (size_t i = 0; !terms->wildcards && i < settings->filter_count; i++)
    if (strpbrk(settings->filters[i], "+#") != NULL)
      return sm_mqtt_code_text(SM_MQTT_VERSION_5, 0xa2);
  return NULL;
}

static void on_refusal(sm_mqtt_session *session, const sm_mqtt_packet *packet) {
  sm_mqtt_version version = packet->old_form ? SM_MQTT_VERSION_3_1_1 : session->version;
  uint8_t bad_version = version == SM_MQTT_VERSION_5 ? SM_MQTT_CODE_BAD_VERSION : 1;
  session->greeting = packet->code == bad_version ? SM_MQTT_VERSION_REFUSED : SM_MQTT_REFUSED;
  sm_mqtt_session_end(session, SM_MQTT_END_REFUSED, sm_mqtt_code_text(version, packet->code));
}

static void log_connected(const sm_mqtt_session *session, const sm_mqtt_packet *packet) {
  const sm_broker_url *url = &session->settings->url;
  sm_log(SM_LOG_INFO, "mqtt.connected", SM_LOG_TEXT("host", url->host),
         SM_LOG_INT("port", url->port), SM_LOG_TEXT("tls", url->tls ? "yes" : "no"),
         SM_LOG_TEXT("version", sm_mqtt_version_text(session->version)),
         SM_LOG_TEXT("client_id", session->settings->client_id),
         SM_LOG_TEXT("session_present", packet->session_present ? "yes" : "no"));
  const sm_mqtt_settings *settings = session->settings;
  if (packet->terms.session_expiry_s != UINT32_MAX && !settings->retire && !settings->live)
    sm_log(SM_LOG_WARN, "mqtt.session_expires",
           SM_LOG_INT("after_s", packet->terms.session_expiry_s));
}

/* The broker has dropped the session, and this connection's ends with it. */
static void retired(sm_mqtt_session *session) {
  sm_mqtt_encode_disconnect(&session->outbox.bytes);
  sm_mqtt_session_end(session, SM_MQTT_END_RETIRED, "");
  sm_mqtt_control_set_state(session->control, SM_MQTT_RETIRED, "");
  sm_log(SM_LOG_INFO, "mqtt.retired", SM_LOG_TEXT("client_id", session->settings->client_id));
  sm_mqtt_session_reached(session, SM_MQTT_RETIRED);
}

static void on_connack(sm_mqtt_session *session, const sm_mqtt_packet *packet, int64_t now_ms) {
  if (packet->code != 0) {
    on_refusal(session, packet);
    return;
  }
  const sm_mqtt_terms *terms = &packet->terms;
  session->greeting = SM_MQTT_ACCEPTED;
  session->session_present = packet->session_present;
  session->control->counts.version = session->version;
  bool retire = session->settings->retire;
  const char *missing = retire ? NULL : term_missing(session->settings, terms);
  if (missing != NULL) {
    sm_mqtt_session_end(session, SM_MQTT_END_REFUSED, missing);
    return;
  }
  log_connected(session, packet);
  session->control->counts.connects++;
  /* To ask more often than the broker wants to hear from us is fine. */
  if (terms->keepalive_s != 0 && terms->keepalive_s < session->settings->keepalive_s)
    sm_mqtt_keepalive_init(&session->keepalive, terms->keepalive_s, now_ms);
  sm_mqtt_outgoing_connected(&session->batch->outgoing, session->version, terms);
  if (session->clean && retire) {
    retired(session);
  } else if (retire) {
    sm_mqtt_leave_begin(session, now_ms);
  } else {
    session->phase = SM_MQTT_SUBSCRIBING;
    sm_mqtt_session_show_state(session);
    sm_mqtt_session_subscribe(session, now_ms);
  }
}

static void on_suback(sm_mqtt_session *session, const sm_mqtt_packet *packet, int64_t now_ms) {
  sm_mqtt_subscription *subscription = &session->subscription;
  sm_err err = sm_mqtt_subscription_answer(subscription, packet, &session->reason);
  if (err == SM_ERR_PROTOCOL) {
    breach(session, "SUBACK does not answer a SUBSCRIBE");
    return;
  }
  if (err == SM_OK) {
    sm_log(SM_LOG_INFO, "mqtt.subscribed", SM_LOG_INT("filters", subscription->filter_count));
    sm_mqtt_probe_begin(session, now_ms);
    return;
  }
  uint32_t wait_ms = sm_mqtt_backoff_next_ms(&subscription->backoff);
  session->answer_ms = now_ms + wait_ms;
  sm_log(SM_LOG_WARN, "mqtt.refused", SM_LOG_TEXT("reason", session->reason.text),
         SM_LOG_INT("retry_ms", wait_ms));
  sm_mqtt_session_show_state(session);
}

static void on_publish(sm_mqtt_session *session, const sm_mqtt_packet *packet,
                       sm_mqtt_parsed parsed, int64_t now_ms) {
  sm_mqtt_leave_heard(session, now_ms);
  if (parsed == SM_MQTT_COMPLETE) {
    bool shares = session->settings->probe_topic != NULL;
    if (shares && sm_mqtt_probe_take(session, packet, now_ms))
      sm_mqtt_batch_skip(session->batch, packet);
    else
      sm_mqtt_batch_take(session->batch, packet, now_ms);
    return;
  }
  /* One line a million, not one each: whoever sends these must not fill the disk with log. */
  if (session->control->counts.unusable++ % 1000000 == 0)
    sm_log(SM_LOG_WARN, "mqtt.unusable", SM_LOG_TEXT("reason", packet->problem),
           SM_LOG_INT("so_far", session->control->counts.unusable));
  sm_mqtt_batch_skip(session->batch, packet);
}

static void on_puback(sm_mqtt_session *session, const sm_mqtt_packet *packet, int64_t now_ms) {
  sm_mqtt_outgoing_answered(&session->batch->outgoing);
  /* What is said to a meter may be lost. A broker that refuses one refuses many: as above. */
  if (packet->code >= SM_MQTT_FAILURE &&
      session->control->counts.publishes_refused++ % 1000000 == 0)
    sm_log(SM_LOG_WARN, "mqtt.publish_refused",
           SM_LOG_TEXT("reason", sm_mqtt_code_text(session->version, packet->code)),
           SM_LOG_INT("so_far", session->control->counts.publishes_refused));
  sm_mqtt_probe_answered(session, packet, now_ms);
}

static void on_disconnect(sm_mqtt_session *session, const sm_mqtt_packet *packet) {
  sm_mqtt_reason reason;
  sm_mqtt_reason_set(&reason, "the broker ends the connection: %s",
                     packet->code == 0 ? "for no reason"
                                       : sm_mqtt_code_text(session->version, packet->code));
  sm_mqtt_session_end(session, SM_MQTT_END_LOST, reason.text);
}

static void handle(sm_mqtt_session *session, const sm_mqtt_packet *packet, sm_mqtt_parsed parsed,
                   int64_t now_ms) {
  bool is_connack = packet->type == SM_MQTT_CONNACK;
  if (is_connack != (session->phase == SM_MQTT_AWAITS_CONNACK)) {
    breach(session, is_connack ? "a second CONNACK" : "a packet before CONNACK");
    return;
  }
  switch (packet->type) {
  case SM_MQTT_PUBLISH:
    on_publish(session, packet, parsed, now_ms);
    break;
  case SM_MQTT_CONNACK:
    on_connack(session, packet, now_ms);
    break;
  case SM_MQTT_SUBACK:
    on_suback(session, packet, now_ms);
    break;
  case SM_MQTT_UNSUBACK:
    if (!sm_mqtt_leave_answered(session, packet, now_ms))
      breach(session, "UNSUBACK does not answer an UNSUBSCRIBE");
    break;
  case SM_MQTT_PUBACK:
    on_puback(session, packet, now_ms);
    break;
  case SM_MQTT_DISCONNECT:
    on_disconnect(session, packet);
    break;
  case SM_MQTT_PINGRESP: /* that something came was noted when it was read */
    break;
  }
}

/* ---- from bytes to packets ---- */

/* Sets a packet aside that is too large: see session.h. False: first the batch must be durable. */
static bool set_aside(sm_mqtt_session *session) {
  sm_mqtt_inbox *inbox = session->inbox;
  if (sm_mqtt_batch_pending(session->batch) && !sm_mqtt_session_commit(session)) return false;
  /* Makes room to read into behind the prefix; the packet's pointers move with it. */
  if (sm_mqtt_inbox_compact(inbox, SM_MQTT_HELD_MAX + ROOM_MIN) != SM_OK) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, sm_err_text(SM_ERR_NOMEM));
    return false;
  }
  session->large_parsed = sm_mqtt_parse(inbox->data, inbox->end, session->version,
                                        session->settings->packet_max, &session->large);
  session->skip = session->large.size - inbox->end;
  inbox->end = session->large.held;
  return true;
}

void sm_mqtt_session_consume(sm_mqtt_session *session, int64_t now_ms) {
  sm_mqtt_inbox *inbox = session->inbox;
  session->need = 0;
  while (session->phase != SM_MQTT_ENDED && !sm_mqtt_session_stalled(session) &&
         session->skip == 0 && inbox->start < inbox->end) {
    size_t there = inbox->end - inbox->start;
    sm_mqtt_packet packet;
    sm_mqtt_parsed parsed = sm_mqtt_parse(inbox->data + inbox->start, there, session->version,
                                          session->settings->packet_max, &packet);
    if (parsed == SM_MQTT_INCOMPLETE) {
      session->need = packet.size;
      return;
    }
    if (parsed == SM_MQTT_BREACH) {
      breach(session, packet.problem);
      return;
    }
    if (packet.size > there) {
      if (!set_aside(session)) return;
      continue;
    }
    handle(session, &packet, parsed, now_ms);
    inbox->start += packet.size;
    const sm_mqtt_batch *batch = session->batch;
    if (batch->messages >= session->settings->batch_messages_max)
      (void)sm_mqtt_session_commit(session); /* a stall ends the loop */
  }
}

/* Counts what was read in, dropping what belongs to a packet that is too large. */
static void absorb(sm_mqtt_session *session, size_t got, int64_t now_ms) {
  sm_mqtt_inbox *inbox = session->inbox;
  size_t dropped = got < session->skip ? got : session->skip;
  if (dropped == 0) {
    inbox->end += got;
    return;
  }
  uint8_t *fresh = inbox->data + inbox->end;
  memmove(fresh, fresh + dropped, got - dropped);
  inbox->end += got - dropped;
  session->skip -= dropped;
  if (session->skip > 0) return;
  handle(session, &session->large, session->large_parsed, now_ms);
  inbox->start += session->large.held;
}

/* False: there is no room, since what fills it is not durable; or the session has ended. */
static bool make_room(sm_mqtt_session *session) {
  sm_mqtt_inbox *inbox = session->inbox;
  bool tight = inbox->cap - inbox->end < ROOM_MIN || session->need > inbox->cap - inbox->start;
  if (!tight) return true;
  if (sm_mqtt_batch_pending(session->batch) && !sm_mqtt_session_commit(session)) return false;
  size_t wanted = inbox->end - inbox->start + ROOM_MIN;
  if (session->need > wanted) wanted = session->need;
  if (sm_mqtt_inbox_compact(inbox, wanted) == SM_OK) return true;
  sm_mqtt_session_end(session, SM_MQTT_END_LOST, sm_err_text(SM_ERR_NOMEM));
  return false;
}

void sm_mqtt_session_receive(sm_mqtt_session *session, int64_t now_ms) {
  if (!make_room(session)) return;
  sm_mqtt_inbox *inbox = session->inbox;
  size_t room = inbox->cap - inbox->end;
  if (room > READ_MAX) room = READ_MAX;
  size_t got = 0;
  sm_mqtt_reason reason;
  sm_err err =
      sm_mqtt_transport_read(session->transport, inbox->data + inbox->end, room, &got, &reason);
  if (err != SM_OK) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, reason.text);
    return;
  }
  session->drained = got < room;
  if (got == 0) return;
  sm_mqtt_keepalive_heard(&session->keepalive, now_ms);
  bool asked = session->phase == SM_MQTT_SUBSCRIBING && session->subscription.packet_id != 0;
  bool leaving = session->phase == SM_MQTT_LEAVING && session->leave.packet_id != 0;
  if (asked || leaving)
    session->answer_ms = now_ms + ANSWER_TIMEOUT_MS; /* the answer may be behind messages */
  absorb(session, got, now_ms);
  sm_mqtt_session_consume(session, now_ms);
  /* Answers may have made room for messages of our own. */
  sm_mqtt_outgoing_release(&session->batch->outgoing, &session->outbox.bytes);
}

void sm_mqtt_session_subscribe(sm_mqtt_session *session, int64_t now_ms) {
  session->answer_ms = now_ms + ANSWER_TIMEOUT_MS;
  sm_mqtt_outgoing *outgoing = &session->batch->outgoing;
  sm_buf *out = &session->outbox.bytes;
  size_t before = out->len;
  sm_err err =
      sm_mqtt_subscription_ask(&session->subscription, sm_mqtt_outgoing_next_id(outgoing), out);
  if (err != SM_OK) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, sm_err_text(err));
  } else if (out->len - before > outgoing->terms.packet_max) {
    out->len = before;
    sm_mqtt_session_end(session, SM_MQTT_END_REFUSED,
                        "the broker takes no packet as long as our SUBSCRIBE");
  }
}
