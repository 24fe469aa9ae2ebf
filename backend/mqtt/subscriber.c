#include "mqtt/subscriber.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/thread.h"
#include "mqtt/session.h"
#include "mqtt/version.h"

#include <pthread.h>
#include <stdlib.h>

enum {
  CONNECT_TIMEOUT_MS = 10000,
  BACKOFF_FLOOR_MS = 500,
  BACKOFF_CEILING_MS = 30000,
  SOUND_MS = 10000, /* a connection that served this long was sound: the next tries start over */
  FREE_TIMEOUT_MS = 5000,
  IDLE_MS = 60000,
  ALLOWED_MS = 250,       /* how often it is asked whether a connection may be made */
  INBOX_SIZE = 512 * 1024 /* a batch of the usual size fits without a commit for want of room */
};

struct sm_mqtt_subscriber {
  sm_mqtt_settings settings;
  sm_mqtt_control control;
  sm_mqtt_batch batch;
  sm_mqtt_inbox inbox;
  sm_mqtt_backoff backoff;
  sm_mqtt_versions versions;
  bool drained;     /* to retire: the session is empty and gets nothing; it is to be dropped */
  pthread_t thread; /* of a started subscriber */
};

/* ---- the thread ---- */

/* True: the broker has refused the version and has to be asked in the other one at once. */
static bool note_version(sm_mqtt_subscriber *subscriber, const sm_mqtt_session *session) {
  sm_mqtt_versions *versions = &subscriber->versions;
  bool at_once = false;
  if (session->greeting == SM_MQTT_ACCEPTED)
    sm_mqtt_versions_accepted(versions);
  else if (session->greeting == SM_MQTT_VERSION_REFUSED)
    at_once = sm_mqtt_versions_refused(versions);
  else if (session->greeting == SM_MQTT_UNANSWERED && session->ending == SM_MQTT_END_LOST)
    sm_mqtt_versions_unanswered(versions);
  if (versions->next != session->version)
    sm_log(SM_LOG_INFO, "mqtt.version", SM_LOG_TEXT("reason", session->reason.text),
           SM_LOG_TEXT("spoken", sm_mqtt_version_text(session->version)),
           SM_LOG_TEXT("next", sm_mqtt_version_text(versions->next)));
  return at_once;
}

/* One connection from its opening to its end. *at_once: make the next one without waiting. */
static sm_mqtt_ending connect_once(sm_mqtt_subscriber *subscriber, sm_mqtt_reason *reason,
                                   bool *at_once) {
  const sm_mqtt_settings *settings = &subscriber->settings;
  sm_mqtt_endpoint endpoint = {settings->url.host, settings->url.port, settings->url.tls,
                               settings->ca_file};
  sm_mqtt_session session = {
      .settings = settings,
      .control = &subscriber->control,
      .batch = &subscriber->batch,
      .inbox = &subscriber->inbox,
      .version = subscriber->versions.next,
      .clean = subscriber->drained || settings->live,
  };
  *at_once = false;
  sm_err err = sm_mqtt_transport_open(&endpoint, subscriber->control.wake_fd, CONNECT_TIMEOUT_MS,
                                      &session.transport, reason);
  if (err != SM_OK) return err == SM_ERR_BUSY ? SM_MQTT_END_STOP : SM_MQTT_END_LOST;

  sm_mqtt_ending ending = sm_mqtt_session_run(&session);
  *reason = session.reason;
  *at_once = note_version(subscriber, &session);
  if (session.serving_ms != 0 && sm_clock_steady_ms() - session.serving_ms >= SOUND_MS)
    subscriber->backoff.failures = 0;
  sm_mqtt_transport_close(session.transport);
  sm_mqtt_batch_disconnected(&subscriber->batch);
  sm_mqtt_session_fini(&session);
  return ending;
}

/* Commits once; true if nothing is pending any more. */
static bool settle_once(sm_mqtt_subscriber *subscriber) {
  sm_mqtt_batch *batch = &subscriber->batch;
  if (!sm_mqtt_control_enter(&subscriber->control)) return false;
  bool settled = sm_mqtt_batch_commit(batch) == SM_OK;
  sm_mqtt_control_leave(&subscriber->control);
  if (settled) sm_mqtt_inbox_reset(&subscriber->inbox);
  return settled;
}

/* Makes durable what a lost connection, or an earlier run, has left behind. Its messages are in the
 * inbox, so no other connection can begin before. `then` is why there is no connection. False:
 * asked to stop. */
static bool settle(sm_mqtt_subscriber *subscriber, const char *then) {
  sm_mqtt_control *control = &subscriber->control;
  sm_mqtt_batch *batch = &subscriber->batch;
  while (!sm_mqtt_control_stopping(control)) {
    if (settle_once(subscriber)) {
      sm_mqtt_control_set_state(control, SM_MQTT_CONNECTING, then);
      return true;
    }
    sm_mqtt_reason reason;
    sm_mqtt_reason_set(&reason, "the store does not take the batch: %s",
                       sm_err_text(batch->stalled));
    sm_mqtt_control_set_state(control, SM_MQTT_STALLED, reason.text);
    sm_mqtt_control_sleep(control, batch->retry_ms - sm_clock_steady_ms());
  }
  return false;
}

/* False: asked to stop. */
static bool await_allowed(sm_mqtt_subscriber *subscriber) {
  sm_mqtt_control *control = &subscriber->control;
  if (sm_mqtt_allowed(&subscriber->settings)) return true;
  sm_mqtt_control_set_state(control, SM_MQTT_CONNECTING, "a connection is not allowed now");
  while (!sm_mqtt_control_stopping(control)) {
    if (sm_mqtt_allowed(&subscriber->settings)) return true;
    sm_mqtt_control_sleep(control, ALLOWED_MS);
  }
  return false;
}

static void log_failure(const sm_mqtt_subscriber *subscriber, sm_mqtt_ending ending,
                        const char *reason, uint32_t wait_ms) {
  const sm_broker_url *url = &subscriber->settings.url;
  sm_log(SM_LOG_WARN, ending == SM_MQTT_END_REFUSED ? "mqtt.refused" : "mqtt.lost",
         SM_LOG_TEXT("host", url->host), SM_LOG_INT("port", url->port),
         SM_LOG_TEXT("reason", reason), SM_LOG_INT("retry_ms", wait_ms));
}

static void serve(sm_mqtt_subscriber *subscriber) {
  sm_mqtt_control *control = &subscriber->control;
  sm_mqtt_reason reason = {""};
  while (settle(subscriber, reason.text) && await_allowed(subscriber)) {
    bool at_once = false;
    sm_mqtt_ending ending = connect_once(subscriber, &reason, &at_once);
    if (ending == SM_MQTT_END_STOP) return; /* with its one try to commit */
    if (ending == SM_MQTT_END_RETIRED) {
      while (!sm_mqtt_control_stopping(control)) sm_mqtt_control_sleep(control, IDLE_MS);
      return;
    }
    if (ending == SM_MQTT_END_DRAINED) subscriber->drained = true;
    if (at_once || ending == SM_MQTT_END_DRAINED || ending == SM_MQTT_END_HELD) continue;
    uint32_t wait_ms = sm_mqtt_backoff_next_ms(&subscriber->backoff);
    int64_t again_ms = sm_clock_steady_ms() + wait_ms;
    log_failure(subscriber, ending, reason.text, wait_ms);
    if (!settle(subscriber, reason.text)) break;
    while (!sm_mqtt_control_stopping(control) && sm_clock_steady_ms() < again_ms)
      sm_mqtt_control_sleep(control, again_ms - sm_clock_steady_ms());
  }
  (void)settle_once(subscriber); /* asked to stop: one try */
}

static void destroy(sm_mqtt_subscriber *subscriber) {
  sm_mqtt_batch_fini(&subscriber->batch);
  sm_mqtt_inbox_fini(&subscriber->inbox);
  sm_mqtt_settings_fini(&subscriber->settings);
  sm_mqtt_control_fini(&subscriber->control);
  free(subscriber);
}

static void *run(void *context) {
  sm_mqtt_subscriber *subscriber = context;
  serve(subscriber);
  if (sm_mqtt_control_end(&subscriber->control)) destroy(subscriber);
  return NULL;
}

/* ---- the owner's side ---- */

sm_err sm_mqtt_subscriber_new(const sm_mqtt_options *options, const sm_mqtt_sink *sink,
                              sm_mqtt_subscriber **made) {
  sm_mqtt_subscriber *subscriber = calloc(1, sizeof *subscriber);
  if (subscriber == NULL) return SM_ERR_NOMEM;
  sm_mqtt_reason reason;
  sm_err err = sm_crypto_init();
  if (err == SM_OK) {
    err = sm_mqtt_settings_init(&subscriber->settings, options, &reason);
    if (err == SM_ERR_INVALID)
      sm_log(SM_LOG_ERROR, "mqtt.options", SM_LOG_TEXT("reason", reason.text));
  }
  if (err == SM_OK) err = sm_mqtt_inbox_init(&subscriber->inbox, INBOX_SIZE);
  if (err == SM_OK) err = sm_mqtt_control_init(&subscriber->control);
  if (err != SM_OK) {
    sm_mqtt_inbox_fini(&subscriber->inbox);
    sm_mqtt_settings_fini(&subscriber->settings);
    free(subscriber);
    return err;
  }
  sm_mqtt_batch_init(&subscriber->batch, sink, &subscriber->control.counts);
  subscriber->backoff = (sm_mqtt_backoff){BACKOFF_FLOOR_MS, BACKOFF_CEILING_MS, 0};
  sm_mqtt_versions_init(&subscriber->versions, subscriber->settings.version);
  *made = subscriber;
  return SM_OK;
}

sm_err sm_mqtt_subscriber_start(sm_mqtt_subscriber *subscriber) {
  sm_err err = sm_mqtt_control_begin(&subscriber->control);
  if (err != SM_OK) return err;
  subscriber->backoff.failures = 0;
  err = sm_thread_start(&subscriber->thread, run, subscriber);
  if (err != SM_OK) (void)sm_mqtt_control_end(&subscriber->control);
  return err;
}

bool sm_mqtt_subscriber_stop(sm_mqtt_subscriber *subscriber, uint32_t timeout_ms) {
  sm_mqtt_stopped stopped = sm_mqtt_control_stop(&subscriber->control, timeout_ms);
  if (stopped == SM_MQTT_THREAD_ENDED) (void)pthread_join(subscriber->thread, NULL);
  return stopped != SM_MQTT_THREAD_IN_CALL;
}

void sm_mqtt_subscriber_free(sm_mqtt_subscriber *subscriber) {
  if (subscriber == NULL) return;
  sm_mqtt_stopped stopped = sm_mqtt_control_stop(&subscriber->control, FREE_TIMEOUT_MS);
  if (stopped == SM_MQTT_THREAD_QUIET || stopped == SM_MQTT_THREAD_IN_CALL) {
    pthread_t thread = subscriber->thread; /* it may be freed as soon as it is orphaned */
    if (sm_mqtt_control_orphan(&subscriber->control)) {
      (void)pthread_detach(thread);
      return;
    }
    stopped = SM_MQTT_THREAD_ENDED;
  }
  if (stopped == SM_MQTT_THREAD_ENDED) (void)pthread_join(subscriber->thread, NULL);
  destroy(subscriber);
}

sm_err sm_mqtt_subscriber_publish(sm_mqtt_subscriber *subscriber, const char *topic,
                                  const void *payload, size_t payload_len) {
  return sm_mqtt_batch_publish(&subscriber->batch, topic, payload, payload_len);
}

sm_err sm_mqtt_subscriber_retain(sm_mqtt_subscriber *subscriber, const char *topic,
                                 const void *payload, size_t payload_len, sm_mqtt_sent *sent) {
  return sm_mqtt_batch_retain(&subscriber->batch, topic, payload, payload_len, sent);
}

sm_mqtt_sent sm_mqtt_subscriber_answered(const sm_mqtt_subscriber *subscriber) {
  const sm_mqtt_outgoing *outgoing = &subscriber->batch.outgoing;
  return (sm_mqtt_sent){outgoing->connection, outgoing->answered};
}

void sm_mqtt_subscriber_status(sm_mqtt_subscriber *subscriber, sm_mqtt_status *status) {
  sm_mqtt_control_status(&subscriber->control, status);
}
