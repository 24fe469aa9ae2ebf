#include "mqtt/session.h"

#include "base/clock.h"

enum {
  ANSWER_TIMEOUT_MS = 10000,
  DISCONNECT_TIMEOUT_MS = 1000,
  ALLOWED_MS = 250,        /* how often it is asked whether the connection may be */
  OUTBOX_HIGH = 256 * 1024 /* with this much unsent nothing more is read */
};

void sm_mqtt_session_end(sm_mqtt_session *session, sm_mqtt_ending ending, const char *reason) {
  if (session->phase == SM_MQTT_ENDED) return;
  session->phase = SM_MQTT_ENDED;
  session->ending = ending;
  sm_mqtt_reason_set(&session->reason, "%s", reason);
}

bool sm_mqtt_session_stalled(const sm_mqtt_session *session) {
  return session->batch->stalled != SM_OK;
}

static bool listening(const sm_mqtt_session *session) {
  return !sm_mqtt_session_stalled(session) &&
         sm_mqtt_outbox_pending(&session->outbox) < OUTBOX_HIGH;
}

bool sm_mqtt_allowed(const sm_mqtt_settings *settings) {
  return settings->allowed == NULL || settings->allowed(settings->allowed_context);
}

/* Connected, and on the way to serve or to retire. */
static bool expecting(const sm_mqtt_session *session) {
  return session->phase == SM_MQTT_SUBSCRIBING || session->phase == SM_MQTT_PROBING ||
         session->phase == SM_MQTT_LEAVING;
}

void sm_mqtt_session_show_state(sm_mqtt_session *session) {
  sm_mqtt_reason reason;
  if (sm_mqtt_session_stalled(session)) {
    sm_mqtt_reason_set(&reason, "the store does not take the batch: %s",
                       sm_err_text(session->batch->stalled));
    sm_mqtt_control_set_state(session->control, SM_MQTT_STALLED, reason.text);
  } else if (session->phase == SM_MQTT_SERVING) {
    sm_mqtt_control_set_state(session->control, SM_MQTT_READY, "");
  } else if (expecting(session)) {
    sm_mqtt_control_set_state(session->control, SM_MQTT_CONNECTING, session->reason.text);
  }
}

void sm_mqtt_session_reached(sm_mqtt_session *session, sm_mqtt_state state) {
  const sm_mqtt_settings *settings = session->settings;
  if (settings->reached != NULL) settings->reached(settings->reached_context, state);
}

void sm_mqtt_session_serve(sm_mqtt_session *session, int64_t now_ms) {
  session->phase = SM_MQTT_SERVING;
  session->serving_ms = now_ms;
  sm_mqtt_session_show_state(session);
  sm_mqtt_session_reached(session, SM_MQTT_READY);
}

/* ---- out ---- */

static void flush(sm_mqtt_session *session) {
  if (session->phase == SM_MQTT_ENDED) return;
  size_t pubacks = 0;
  sm_mqtt_reason reason;
  sm_err err = sm_mqtt_outbox_flush(&session->outbox, session->transport, sm_clock_steady_ms(),
                                    &pubacks, &reason);
  session->control->counts.acknowledged += pubacks;
  if (err != SM_OK) sm_mqtt_session_end(session, SM_MQTT_END_LOST, reason.text);
}

bool sm_mqtt_session_commit(sm_mqtt_session *session) {
  bool was_stalled = sm_mqtt_session_stalled(session);
  int64_t begun_ms = sm_clock_steady_ms();
  sm_err err = sm_mqtt_batch_commit(session->batch);
  if (err == SM_OK) {
    sm_mqtt_batch_release(session->batch, &session->outbox);
    sm_mqtt_inbox *inbox = session->inbox;
    if (inbox->start == inbox->end && session->skip == 0) sm_mqtt_inbox_reset(inbox);
  }
  if (was_stalled != sm_mqtt_session_stalled(session)) sm_mqtt_session_show_state(session);
  if (err != SM_OK) return false;
  /* A commit may have taken any time, in which nothing was listened to nor written. */
  int64_t now_ms = sm_clock_steady_ms();
  sm_mqtt_keepalive_listen(&session->keepalive, now_ms);
  session->outbox.progress_ms = now_ms;
  if (was_stalled && session->subscription.packet_id != 0)
    session->answer_ms = now_ms + ANSWER_TIMEOUT_MS;
  if (session->phase == SM_MQTT_PROBING)
    session->answer_ms = was_stalled ? now_ms + session->settings->probe_timeout_ms
                                     : session->answer_ms + (now_ms - begun_ms);
  sm_mqtt_leave_put_off(session, now_ms);
  flush(session);
  return session->phase != SM_MQTT_ENDED;
}

/* ---- time ---- */

static void check_answer(sm_mqtt_session *session, int64_t now_ms) {
  if (now_ms < session->answer_ms) return;
  if (session->phase == SM_MQTT_AWAITS_CONNACK) {
    session->greeting = SM_MQTT_TIMED_OUT;
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker does not answer CONNECT");
  } else if (session->phase == SM_MQTT_PROBING && !sm_mqtt_session_stalled(session)) {
    sm_mqtt_probe_check(session, now_ms);
  } else if (session->phase == SM_MQTT_LEAVING && !sm_mqtt_session_stalled(session)) {
    sm_mqtt_leave_check(session, now_ms);
  } else if (session->phase == SM_MQTT_SUBSCRIBING && !sm_mqtt_session_stalled(session)) {
    if (session->subscription.packet_id == 0)
      sm_mqtt_session_subscribe(session, now_ms); /* it was refused; now again */
    else
      sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker does not answer SUBSCRIBE");
  }
}

static void check_keepalive(sm_mqtt_session *session, int64_t now_ms) {
  sm_mqtt_keepalive *keepalive = &session->keepalive;
  if (sm_mqtt_keepalive_dead(keepalive, listening(session), now_ms)) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker does not answer PINGREQ");
    return;
  }
  sm_mqtt_outbox *outbox = &session->outbox;
  bool stuck = sm_mqtt_outbox_pending(outbox) > 0 && !sm_mqtt_session_stalled(session) &&
               now_ms - outbox->progress_ms >= 2 * keepalive->half_ms;
  if (stuck) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker does not take what is sent");
    return;
  }
  if (sm_mqtt_keepalive_ping_due(keepalive, outbox->sent_ms, now_ms)) {
    sm_mqtt_encode_pingreq(&outbox->bytes);
    sm_mqtt_keepalive_asked(keepalive, now_ms);
  }
}

/* Ways to commit other than a full batch: it is old, there is nothing more to read, or an earlier
 * try failed and its time has come. */
static void check_batch(sm_mqtt_session *session, int64_t now_ms) {
  sm_mqtt_batch *batch = session->batch;
  if (session->phase == SM_MQTT_ENDED || !sm_mqtt_batch_pending(batch)) return;
  if (sm_mqtt_session_stalled(session)) {
    if (now_ms < batch->retry_ms || !sm_mqtt_session_commit(session)) return;
    sm_mqtt_session_consume(session, sm_clock_steady_ms());
    return;
  }
  bool old = now_ms - batch->begun_ms >= session->settings->batch_age_max_ms;
  if (session->drained || old) (void)sm_mqtt_session_commit(session);
}

static bool may_speak(const sm_mqtt_session *session) {
  return session->phase == SM_MQTT_SERVING && session->batch->sink.speak != NULL &&
         !sm_mqtt_session_stalled(session);
}

static void check_speak(sm_mqtt_session *session, int64_t now_ms) {
  if (!may_speak(session) || now_ms < session->speak_ms || sm_mqtt_batch_pending(session->batch))
    return;
  session->speak_ms = now_ms + session->settings->speak_every_ms;
  sm_mqtt_batch_speak(session->batch, &session->outbox);
}

static int64_t next_work_ms(const sm_mqtt_session *session, int64_t now_ms) {
  if (session->phase == SM_MQTT_AWAITS_CONNACK) return session->answer_ms;
  bool stalled = sm_mqtt_session_stalled(session);
  if (!stalled && sm_mqtt_batch_pending(session->batch)) return now_ms;
  int64_t next =
      sm_mqtt_keepalive_next_ms(&session->keepalive, listening(session), session->outbox.sent_ms);
  if (expecting(session) && !stalled && session->answer_ms < next) next = session->answer_ms;
  if (may_speak(session) && session->speak_ms < next) next = session->speak_ms;
  if (stalled && session->batch->retry_ms < next) next = session->batch->retry_ms;
  return next;
}

static int64_t next_timer_ms(const sm_mqtt_session *session, int64_t now_ms) {
  int64_t next = next_work_ms(session, now_ms);
  bool asks = session->settings->allowed != NULL && now_ms + ALLOWED_MS < next;
  return asks ? now_ms + ALLOWED_MS : next;
}

/* ---- life ---- */

static void begin(sm_mqtt_session *session) {
  int64_t now_ms = sm_clock_steady_ms();
  const sm_mqtt_settings *settings = session->settings;
  session->phase = SM_MQTT_AWAITS_CONNACK;
  session->answer_ms = now_ms + ANSWER_TIMEOUT_MS;
  session->drained = true;
  sm_mqtt_keepalive_init(&session->keepalive, settings->keepalive_s, now_ms);
  sm_mqtt_outbox_init(&session->outbox, now_ms);
  sm_err err =
      sm_mqtt_subscription_init(&session->subscription, session->version, settings->live ? 0 : 1,
                                (const char *const *)settings->filters, settings->filter_count);
  if (err != SM_OK) {
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, sm_err_text(err));
    return;
  }
  sm_mqtt_encode_connect(&session->outbox.bytes, &(sm_mqtt_connect){
                                                     .version = session->version,
                                                     .client_id = settings->client_id,
                                                     .username = settings->username,
                                                     .password = settings->password,
                                                     .keepalive_s = settings->keepalive_s,
                                                     .receive_max = settings->receive_max,
                                                     .clean = session->clean,
                                                 });
}

/* One round between two waits, in which the owner's functions may be called. */
static void step(sm_mqtt_session *session) {
  int64_t now_ms = sm_clock_steady_ms();
  if (sm_mqtt_control_stopping(session->control)) {
    bool greeted = session->phase != SM_MQTT_AWAITS_CONNACK;
    /* One try, also where it was stalled: should it fail the broker keeps the messages. */
    if (sm_mqtt_batch_pending(session->batch)) (void)sm_mqtt_session_commit(session);
    if (greeted && session->phase != SM_MQTT_ENDED)
      sm_mqtt_encode_disconnect(&session->outbox.bytes);
    sm_mqtt_session_end(session, SM_MQTT_END_STOP, "");
    return;
  }
  /* Before anything is said: the process may have been stopped since the last round. */
  if (!sm_mqtt_allowed(session->settings)) {
    sm_mqtt_session_end(session, SM_MQTT_END_HELD, "the connection is not allowed any more");
    return;
  }
  if (session->events.readable)
    sm_mqtt_session_receive(session, now_ms);
  else if (session->events.broken)
    sm_mqtt_session_end(session, SM_MQTT_END_LOST, "the broker closed the connection");
  else
    session->drained = true;
  check_batch(session, now_ms);
  check_speak(session, now_ms);
  if (session->phase != SM_MQTT_AWAITS_CONNACK && session->phase != SM_MQTT_ENDED)
    check_keepalive(session, now_ms);
  check_answer(session, now_ms);
  flush(session);
}

/* Sends what is left, for three quarters of the time that the one who stops still waits. To retire
 * nothing is left but a DISCONNECT. */
static void say_goodbye(sm_mqtt_session *session) {
  int64_t now_ms = sm_clock_steady_ms();
  int64_t end_ms = now_ms + DISCONNECT_TIMEOUT_MS;
  if (session->ending == SM_MQTT_END_STOP)
    end_ms = now_ms + (sm_mqtt_control_stop_deadline_ms(session->control) - now_ms) * 3 / 4;
  sm_mqtt_reason reason;
  for (;;) {
    size_t pubacks = 0;
    sm_err err =
        sm_mqtt_outbox_flush(&session->outbox, session->transport, now_ms, &pubacks, &reason);
    session->control->counts.acknowledged += pubacks;
    now_ms = sm_clock_steady_ms();
    if (err != SM_OK || sm_mqtt_outbox_pending(&session->outbox) == 0 || now_ms >= end_ms) return;
    /* The stop has woken us already: only the connection is waited for. */
    sm_mqtt_transport_wait(session->transport, false, true, -1, end_ms - now_ms, &session->events);
    if (session->events.broken) return;
  }
}

sm_mqtt_ending sm_mqtt_session_run(sm_mqtt_session *session) {
  begin(session);
  while (session->phase != SM_MQTT_ENDED) {
    if (!sm_mqtt_control_enter(session->control)) {
      sm_mqtt_session_end(session, SM_MQTT_END_STOP, "");
      break;
    }
    step(session);
    sm_mqtt_control_leave(session->control);
    if (session->phase == SM_MQTT_ENDED) break;
    int64_t now_ms = sm_clock_steady_ms();
    sm_mqtt_transport_wait(session->transport, listening(session),
                           sm_mqtt_outbox_pending(&session->outbox) > 0, session->control->wake_fd,
                           next_timer_ms(session, now_ms) - now_ms, &session->events);
  }
  if (session->ending == SM_MQTT_END_STOP || session->ending == SM_MQTT_END_DRAINED ||
      session->ending == SM_MQTT_END_RETIRED)
    say_goodbye(session);
  return session->ending;
}

void sm_mqtt_session_fini(sm_mqtt_session *session) {
  sm_mqtt_outbox_fini(&session->outbox);
  sm_mqtt_subscription_fini(&session->subscription);
}
