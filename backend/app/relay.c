#include "app/relay.h"

#include "app/relay_text.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mqtt/subscriber.h"
#include "store/ledger_alerts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "smartmeter/live/"

enum {
  WAITING_MAX = 4 * 1024 * 1024,
  MESSAGE_MAX = 100 * 1024, /* AWS IoT Core takes 128 KB */
  SPEAK_MS = 20,
  STOP_MS = 2000,
  HEARD_MAX = 256, /* readings handed on at once */
  ID_MAX = 128
};

struct sm_relay {
  sm_relay_options options;
  char client_id[ID_MAX];
  char username[ID_MAX]; /* "": as the broker's settings say */
  char topic[ID_MAX];
  sm_mqtt_subscriber *subscriber;
  bool running; /* the turn's thread, as the next */
  bool ending;  /* its last call has not returned, or its thread is not seen to */

  atomic_bool telling;  /* there are others */
  pthread_mutex_t lock; /* guards waiting */
  sm_buf waiting;
  sm_buf speaking; /* the subscriber's thread */

  /* the subscriber's thread: readings of the message that is being looked at */
  sm_reading_in heard[HEARD_MAX];
  char heard_id[HEARD_MAX][SM_DEVICE_ID_MAX + 1];
  size_t heard_count;

  atomic_uint_fast64_t told;
  atomic_uint_fast64_t dropped;
  atomic_uint_fast64_t heard_total;
  atomic_uint_fast64_t unusable;
};

/* ---- telling ---- */

static void put(sm_relay *r, const sm_buf *text, size_t lines) {
  bool fits = false;
  (void)pthread_mutex_lock(&r->lock);
  if (text->err == SM_OK && r->waiting.len + text->len <= WAITING_MAX) {
    sm_buf_append(&r->waiting, text->data, text->len);
    fits = r->waiting.err == SM_OK;
    if (!fits) sm_buf_clear(&r->waiting); /* without memory all that waits is given up */
  }
  (void)pthread_mutex_unlock(&r->lock);
  atomic_fetch_add(fits ? &r->told : &r->dropped, lines);
}

void sm_relay_batch(void *relay, const sm_readings_batch *batch) {
  sm_relay *r = relay;
  size_t lines = 0;
  if (r == NULL || !atomic_load(&r->telling)) return;
  sm_buf text;
  sm_buf_init(&text, 0);
  for (size_t i = 0; i < batch->reading_count; i++) {
    const sm_reading_in *in = &batch->readings[i];
    if (in->channel != SM_CHANNEL_IMPORT ||
        (in->verdict != SM_VERDICT_STORED && in->verdict != SM_VERDICT_LATE))
      continue;
    sm_relay_put_reading(&text, in->device_id, &in->reading, in->verdict == SM_VERDICT_LATE);
    lines++;
  }
  if (lines > 0) put(r, &text, lines);
  sm_buf_fini(&text);
}

void sm_relay_alert(void *relay, const sm_alert *alert) {
  sm_relay *r = relay;
  if (r == NULL || !atomic_load(&r->telling)) return;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_relay_put_alert(&text, alert->alert_no);
  put(r, &text, 1);
  sm_buf_fini(&text);
}

/* As many whole lines as a message holds; a line is far shorter. */
static size_t message_len(const char *text, size_t len) {
  if (len <= MESSAGE_MAX) return len;
  size_t at = MESSAGE_MAX;
  while (at > 0 && text[at - 1] != '\n') at--;
  return at > 0 ? at : len;
}

static void speak(void *context) {
  sm_relay *r = context;
  (void)pthread_mutex_lock(&r->lock);
  const sm_buf filled = r->waiting;
  r->waiting = r->speaking;
  r->speaking = filled;
  (void)pthread_mutex_unlock(&r->lock);
  for (size_t at = 0; at < r->speaking.len;) {
    const char *text = r->speaking.data + at;
    size_t len = message_len(text, r->speaking.len - at);
    sm_err err = sm_mqtt_subscriber_publish(r->subscriber, r->topic, text, len);
    if (err != SM_OK) atomic_fetch_add(&r->dropped, 1);
    at += len;
  }
  sm_buf_clear(&r->speaking);
}

/* ---- hearing ---- */

static void hand_on(sm_relay *r) {
  const sm_readings_batch batch = {.readings = r->heard, .reading_count = r->heard_count};
  if (r->heard_count > 0) sm_pipeline_heard(r->options.pipeline, &batch);
  r->heard_count = 0;
}

static void on_reading(void *context, const char *device_id, const sm_reading *reading, bool late) {
  sm_relay *r = context;
  if (r->heard_count == HEARD_MAX) hand_on(r);
  char *id = r->heard_id[r->heard_count];
  (void)snprintf(id, SM_DEVICE_ID_MAX + 1, "%s", device_id);
  r->heard[r->heard_count++] =
      (sm_reading_in){.device_id = id,
                      .channel = SM_CHANNEL_IMPORT,
                      .reading = *reading,
                      .verdict = late ? SM_VERDICT_LATE : SM_VERDICT_STORED};
  atomic_fetch_add(&r->heard_total, 1);
}

/* The ledger knows what became of it. */
static void on_alert(void *context, int64_t alert_no) {
  sm_relay *r = context;
  sm_alert *alerts = NULL;
  size_t count = 0;
  const sm_alert_query query = {.after_no = alert_no - 1, .limit = 1};
  sm_err err = sm_ledger_alerts(r->options.ledger, &query, &alerts, &count);
  if (err == SM_OK && count == 1 && alerts[0].alert_no == alert_no)
    sm_live_show_alert(r->options.live, &alerts[0]);
  if (err == SM_OK) free(alerts);
}

static void take(void *context, const sm_mqtt_message *message) {
  sm_relay *r = context;
  const sm_relay_sink sink = {.context = r, .reading = on_reading, .alert = on_alert};
  if (message->truncated || (message->topic_len == strlen(r->topic) &&
                             memcmp(message->topic, r->topic, message->topic_len) == 0))
    return;
  size_t unusable = sm_relay_read(message->payload, message->payload_len, sm_clock_now_ms(), &sink);
  if (unusable > 0) atomic_fetch_add(&r->unusable, unusable);
  hand_on(r);
}

static sm_err commit(void *context) {
  (void)context;
  return SM_OK;
}

/* ---- life ---- */

static sm_err make(sm_relay *r) {
  static const char *const filters[] = {TOPIC "+"};
  const sm_relay_options *o = &r->options;
  (void)snprintf(r->client_id, sizeof r->client_id, "%s-live-%s", o->client_id, o->server_id);
  (void)snprintf(r->topic, sizeof r->topic, TOPIC "%s", o->server_id);
  sm_err err = SM_OK;
  if (o->broker->passwords != NULL)
    err = sm_broker_named_account(o->broker, "live", r->username, sizeof r->username);
  if (err != SM_OK) return err;
  const sm_mqtt_options options = {
      .url = o->broker->url,
      .username = r->username[0] != '\0' ? r->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = r->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = filters,
      .filter_count = 1,
      .live = true,
      .speak_every_ms = SPEAK_MS,
  };
  const sm_mqtt_sink sink = {.context = r, .take = take, .commit = commit, .speak = speak};
  return sm_mqtt_subscriber_new(&options, &sink, &r->subscriber);
}

sm_err sm_relay_new(const sm_relay_options *options, sm_relay **relay) {
  sm_relay *r = calloc(1, sizeof *r);
  if (r == NULL) return SM_ERR_NOMEM;
  r->options = *options;
  sm_buf_init(&r->waiting, 0);
  sm_buf_init(&r->speaking, 0);
  (void)pthread_mutex_init(&r->lock, NULL);
  sm_err err = make(r);
  if (err == SM_OK)
    *relay = r;
  else
    sm_relay_free(r);
  return err;
}

void sm_relay_free(sm_relay *relay) {
  if (relay == NULL) return;
  sm_mqtt_subscriber_free(relay->subscriber);
  sm_buf_fini(&relay->waiting);
  sm_buf_fini(&relay->speaking);
  (void)pthread_mutex_destroy(&relay->lock);
  free(relay);
}

void sm_relay_turn(sm_relay *relay, unsigned others) {
  bool wanted = others > 0;
  atomic_store(&relay->telling, wanted);
  if (!wanted) {
    if (relay->running) (void)sm_relay_stop(relay, STOP_MS);
    return;
  }
  if (relay->ending && !sm_relay_stop(relay, 0)) return; /* the next turn starts it */
  if (relay->running) return;
  (void)pthread_mutex_lock(&relay->lock);
  sm_buf_clear(&relay->waiting); /* of before: nobody looks on at that any more */
  (void)pthread_mutex_unlock(&relay->lock);
  sm_err err = sm_mqtt_subscriber_start(relay->subscriber);
  relay->running = err == SM_OK;
  relay->ending = !relay->running;
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "servers.not_told", SM_LOG_TEXT("reason", sm_err_text(err)));
}

bool sm_relay_stop(sm_relay *relay, uint32_t timeout_ms) {
  if (relay == NULL) return true;
  bool stopped = sm_mqtt_subscriber_stop(relay->subscriber, timeout_ms);
  relay->ending = true; /* a stop that is done twice does nothing */
  if (stopped) relay->running = false;
  return stopped;
}

void sm_relay_write_metrics(sm_relay *relay, sm_buf *out) {
  if (relay == NULL) return;
  const sm_metric rows[] = {
      {"smartmeter_relay_told_total", "counter", "Readings and alerts told to other servers.",
       atomic_load(&relay->told)},
      {"smartmeter_relay_dropped_total", "counter",
       "Readings, alerts and messages that could not be told to other servers.",
       atomic_load(&relay->dropped)},
      {"smartmeter_relay_heard_total", "counter", "Readings heard of from other servers.",
       atomic_load(&relay->heard_total)},
      {"smartmeter_relay_unusable_total", "counter",
       "Lines of other servers that could not be used.", atomic_load(&relay->unusable)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
