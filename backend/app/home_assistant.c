#include "app/home_assistant.h"

#include "app/discovery.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/strmap.h"
#include "ingest/telemetry.h"
#include "mqtt/subscriber.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  ID_MAX = 96,
  FILTER_MAX = SM_DISCOVERY_PREFIX_MAX + 32,
  TICK_MS = 1000,
  LOOK_TICKS = 5,      /* seconds between two looks at the meters */
  NAMES_TICKS = 3600,  /* between two at their names */
  SETTLE_TICKS = 5,    /* for what is retained to come, before anything is taken to be all */
  A_TICK_MAX = 500,    /* messages sent in one tick */
  METERS_MAX = 200000, /* more than that are not told of */
  STRANGERS_MAX = METERS_MAX / 2
};

/* One meter: the thread's own. */
typedef struct meter {
  char device_id[SM_DEVICE_ID_MAX + 1];
  bool heard;    /* it has a status at the broker */
  bool able;     /* as of the last look */
  bool told;     /* its message under `prefix` is at the broker */
  bool told_old; /* one under `old_prefix` is */
  bool due;      /* to be sent again, whatever is there */
  uint8_t has;   /* SM_READING_… seen so far */
  struct meter *next;
} meter;

struct sm_home_assistant {
  sm_ledger *ledger;
  sm_readings *readings;
  bool wanted;                                  /* else all is taken back */
  bool with_names;                              /* of the ledger, which may be people's */
  char prefix[SM_DISCOVERY_PREFIX_MAX + 1];     /* "" if not wanted */
  char old_prefix[SM_DISCOVERY_PREFIX_MAX + 1]; /* what is there from an earlier run; "" none */
  char *kept_path;
  char client_id[ID_MAX];
  char username[ID_MAX];
  sm_mqtt_subscriber *subscriber;

  /* the subscriber's thread's */
  sm_strmap *meters;
  meter *first;
  sm_buf message;
  int64_t tick_ms; /* steady clock: when the next one is due */
  unsigned ticks;  /* since the connection is ready; small again after a new one */
  uint64_t connects;
  unsigned sent; /* in this tick */

  atomic_uint_fast64_t told_count;
  atomic_uint_fast64_t messages;
};

/* ---- meters ---- */

static meter *find(sm_home_assistant *h, const char *device_id) {
  meter *m = sm_strmap_get(h->meters, device_id);
  if (m != NULL) return m;
  if (sm_strmap_count(h->meters) >= METERS_MAX) return NULL;
  m = calloc(1, sizeof *m);
  if (m == NULL) return NULL;
  (void)snprintf(m->device_id, sizeof m->device_id, "%s", device_id);
  if (sm_strmap_put(h->meters, device_id, m) != SM_OK) {
    free(m);
    return NULL;
  }
  m->next = h->first;
  h->first = m;
  return m;
}

static void note_able(void *context, const char *device_id, bool able) {
  sm_home_assistant *h = context;
  meter *m = sm_strmap_get(h->meters, device_id);
  if (m != NULL) m->able = able;
}

static void look_at_readings(sm_home_assistant *h, meter *m) {
  static const uint8_t shown = SM_READING_POWER_FACTOR | SM_READING_FREQUENCY | SM_READING_RSSI;
  sm_reading latest;
  if (sm_readings_latest(h->readings, m->device_id, SM_CHANNEL_IMPORT, &latest) != SM_OK) return;
  uint8_t has = m->has | (latest.has & shown);
  if (has == m->has) return;
  m->has = has;
  m->due = true;
}

static void look(sm_home_assistant *h) {
  for (meter *m = h->first; m != NULL; m = m->next) m->able = false;
  sm_ledger_devices_each(h->ledger, note_able, h);
  for (meter *m = h->first; m != NULL; m = m->next)
    if (m->able && m->heard) look_at_readings(h, m);
}

/* ---- sending ---- */

/* False: not now. */
static bool say(sm_home_assistant *h, const char *prefix, const meter *m, const char *text,
                size_t len) {
  char topic[SM_DISCOVERY_TOPIC_MAX];
  if (h->sent >= A_TICK_MAX) return false;
  sm_err err = sm_mqtt_subscriber_retain(
      h->subscriber, sm_discovery_topic(prefix, m->device_id, topic), text, len, NULL);
  if (err != SM_OK) {
    h->sent = A_TICK_MAX;
    return false;
  }
  h->sent++;
  atomic_fetch_add(&h->messages, 1);
  return true;
}

static bool tell(sm_home_assistant *h, const meter *m) {
  sm_device device = {0};
  /* Without its name it is told of all the same. */
  bool named = h->with_names && sm_ledger_device(h->ledger, m->device_id, &device) == SM_OK;
  const sm_discovery discovery = {.device_id = m->device_id,
                                  .name = named ? device.name : NULL,
                                  .version = SM_VERSION,
                                  .has = m->has};
  sm_buf_clear(&h->message);
  sm_discovery_write(&discovery, &h->message);
  if (named) sm_device_fini(&device);
  const char *text = sm_buf_text(&h->message);
  return h->message.err == SM_OK && say(h, h->prefix, m, text, h->message.len);
}

static void settle(sm_home_assistant *h, meter *m) {
  bool wanted = h->wanted && m->able;
  if (m->told_old && say(h, h->old_prefix, m, "", 0)) m->told_old = false;
  if (m->told && !wanted && say(h, h->prefix, m, "", 0)) m->told = false;
  if (wanted && m->heard && (m->due || !m->told) && tell(h, m)) {
    m->told = true;
    m->due = false;
  }
}

/* The setting is gone, and now what it made is gone too. */
static void forget(sm_home_assistant *h) {
  h->old_prefix[0] = '\0';
  sm_err err = SM_OK;
  if (h->wanted)
    err = sm_file_write_private(h->kept_path, h->prefix, strlen(h->prefix));
  else if (unlink(h->kept_path) != 0)
    err = sm_write_err();
  if (err == SM_OK)
    sm_log(SM_LOG_INFO, "home_assistant.taken_back", SM_LOG_TEXT("now", h->prefix));
  else
    sm_log(SM_LOG_WARN, "home_assistant.not_written", SM_LOG_TEXT("reason", sm_err_text(err)));
}

static void tick(sm_home_assistant *h) {
  sm_mqtt_status status;
  sm_mqtt_subscriber_status(h->subscriber, &status);
  if (status.connects != h->connects) {
    h->connects = status.connects;
    h->ticks = 0;
    for (meter *m = h->first; m != NULL; m = m->next) m->due = true;
  }
  h->ticks++;
  if (h->ticks % LOOK_TICKS == 1) look(h);
  if (h->with_names && h->ticks % NAMES_TICKS == 0)
    for (meter *m = h->first; m != NULL; m = m->next) m->due = true;
  uint64_t told = 0;
  bool old = false;
  h->sent = 0;
  for (meter *m = h->first; m != NULL; m = m->next) {
    settle(h, m);
    told += m->told ? 1 : 0;
    old = old || m->told_old;
  }
  atomic_store(&h->told_count, told);
  if (h->old_prefix[0] != '\0' && !old && h->ticks > SETTLE_TICKS) forget(h);
}

static void speak(void *context) {
  sm_home_assistant *h = context;
  int64_t now_ms = sm_clock_steady_ms();
  if (now_ms < h->tick_ms) return;
  h->tick_ms = now_ms + TICK_MS;
  tick(h);
}

/* ---- hearing ---- */

static bool topic_is(const sm_mqtt_message *message, const char *prefix, const char *rest) {
  size_t len = strlen(prefix);
  return message->topic_len == len + strlen(rest) && memcmp(message->topic, prefix, len) == 0 &&
         memcmp(message->topic + len, rest, strlen(rest)) == 0;
}

static void take_status(sm_home_assistant *h, const sm_topic *topic,
                        const sm_mqtt_message *message) {
  bool good = (message->payload_len == 6 && memcmp(message->payload, "online", 6) == 0) ||
              (message->payload_len == 7 && memcmp(message->payload, "offline", 7) == 0);
  bool able = false;
  if (!good || sm_ledger_device_known(h->ledger, topic->device_id, &able) != SM_OK) return;
  /* One that is added later has said it already; but strangers may not take the room of others. */
  if (!able && sm_strmap_count(h->meters) >= STRANGERS_MAX) return;
  meter *m = find(h, topic->device_id);
  if (m == NULL) return;
  m->heard = true;
  m->able = able;
  if (able) look_at_readings(h, m);
}

static void take(void *context, const sm_mqtt_message *message) {
  sm_home_assistant *h = context;
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_topic topic;
  sm_topic_parse(message->topic, message->topic_len, &topic);
  if (topic.kind == SM_TOPIC_STATUS) {
    if (h->wanted) take_status(h, &topic, message);
    return;
  }
  if (h->wanted && topic_is(message, h->prefix, "/status")) {
    if (message->payload_len == 6 && memcmp(message->payload, "online", 6) == 0 &&
        !message->retained)
      for (meter *m = h->first; m != NULL; m = m->next) m->due = true;
    return;
  }
  bool now =
      h->wanted && sm_discovery_topic_is(h->prefix, message->topic, message->topic_len, device_id);
  bool before = !now && h->old_prefix[0] != '\0' &&
                sm_discovery_topic_is(h->old_prefix, message->topic, message->topic_len, device_id);
  if (!now && !before) return;
  meter *m = find(h, device_id);
  if (m == NULL) return;
  /* Until the next look. Without an answer nothing is taken back. */
  bool able = false;
  m->able = sm_ledger_device_known(h->ledger, device_id, &able) != SM_OK || able;
  bool there = message->payload_len > 0;
  /* Our own come back too. */
  if (now)
    m->told = there;
  else
    m->told_old = there;
}

static sm_err commit(void *context) {
  (void)context;
  return SM_OK;
}

/* ---- making ---- */

/* bundled: the broker is the one that ./run makes. */
static bool settings_hold(const char *prefix, const char *names, bool bundled) {
  bool good = true;
  if (prefix != NULL && !sm_discovery_prefix_valid(prefix)) {
    sm_complain(
        "SMARTMETER_HOME_ASSISTANT is '%.80s': give the discovery prefix of Home Assistant, "
        "usually homeassistant; levels of A-Z a-z 0-9 _ -",
        prefix);
    good = false;
  } else if (prefix != NULL && bundled && strcmp(prefix, "homeassistant") != 0) {
    sm_complain("SMARTMETER_HOME_ASSISTANT is '%.80s': the bundled broker lets through "
                "'homeassistant' only; set that one, or use another broker (SMARTMETER_MQTT_URL)",
                prefix);
    good = false;
  }
  if (names != NULL && strcmp(names, "0") != 0 && strcmp(names, "1") != 0) {
    sm_complain("SMARTMETER_HOME_ASSISTANT_NAMES is '%.20s': give 0 or 1", names);
    good = false;
  }
  return good;
}

bool sm_home_assistant_check(void) {
  char *prefix = sm_config_get("SMARTMETER_HOME_ASSISTANT");
  char *names = sm_config_get("SMARTMETER_HOME_ASSISTANT_NAMES");
  bool good = settings_hold(prefix, names, false);
  free(prefix);
  free(names);
  return good;
}

static sm_err read_settings(sm_home_assistant *h, const sm_home_assistant_options *o) {
  char *prefix = sm_config_get("SMARTMETER_HOME_ASSISTANT");
  char *names = sm_config_get("SMARTMETER_HOME_ASSISTANT_NAMES");
  bool good = settings_hold(prefix, names, o->broker->passwords != NULL);
  sm_err err = good ? SM_OK : SM_ERR_INVALID;
  if (err == SM_OK && prefix != NULL) {
    h->wanted = true;
    h->with_names = names != NULL && names[0] == '1';
    (void)snprintf(h->prefix, sizeof h->prefix, "%s", prefix);
  }
  free(prefix);
  free(names);
  return err;
}

/* The prefix that the last run used, until all under it is taken back. */
static sm_err read_kept(sm_home_assistant *h) {
  char *text = NULL;
  sm_err err = sm_file_read(h->kept_path, 4096, &text, NULL);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  text[strcspn(text, "\r\n")] = '\0';
  bool other = sm_discovery_prefix_valid(text) && strcmp(text, h->prefix) != 0;
  if (other) (void)snprintf(h->old_prefix, sizeof h->old_prefix, "%s", text);
  free(text);
  return SM_OK;
}

static sm_err make_subscriber(sm_home_assistant *h, const sm_home_assistant_options *o) {
  char filter[4][FILTER_MAX];
  const char *filters[4];
  size_t count = 0;
  if (h->wanted) {
    (void)snprintf(filter[count++], FILTER_MAX, "%s/status", h->prefix);
    (void)snprintf(filter[count++], FILTER_MAX, "%s/device/+/config", h->prefix);
    (void)snprintf(filter[count++], FILTER_MAX, "meters/+/status");
  }
  if (h->old_prefix[0] != '\0')
    (void)snprintf(filter[count++], FILTER_MAX, "%s/device/+/config", h->old_prefix);
  for (size_t i = 0; i < count; i++) filters[i] = filter[i];
  (void)snprintf(h->client_id, sizeof h->client_id, "%s-home", sm_readings_client_id(o->readings));
  sm_err err = SM_OK;
  if (o->broker->passwords != NULL)
    err = sm_broker_named_account(o->broker, "home", h->username, sizeof h->username);
  const sm_mqtt_options options = {
      .url = o->broker->url,
      .username = h->username[0] != '\0' ? h->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = h->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = filters,
      .filter_count = count,
      .live = true,
  };
  const sm_mqtt_sink sink = {.context = h, .take = take, .commit = commit, .speak = speak};
  return err != SM_OK ? err : sm_mqtt_subscriber_new(&options, &sink, &h->subscriber);
}

static sm_err make(sm_home_assistant *h, const sm_home_assistant_options *o) {
  h->ledger = o->ledger;
  h->readings = o->readings;
  sm_buf_init(&h->message, 0);
  sm_err err = sm_crypto_init();
  if (err != SM_OK) return err;
  h->meters = sm_strmap_new();
  h->kept_path = sm_path_join(o->config->data_dir, "home-assistant");
  if (h->meters == NULL || h->kept_path == NULL) return SM_ERR_NOMEM;
  err = read_kept(h);
  /* Written before anything is said under it; another one stays remembered until that is gone. */
  if (err == SM_OK && h->wanted && h->old_prefix[0] == '\0')
    err = sm_file_write_private(h->kept_path, h->prefix, strlen(h->prefix));
  if (err == SM_OK && o->broker->passwords != NULL) {
    err = sm_broker_home_account(o->broker, h->wanted);
    if (err != SM_OK && !h->wanted) {
      sm_log(SM_LOG_WARN, "home_assistant.account_not_ended",
             SM_LOG_TEXT("reason", sm_err_text(err)));
      err = SM_OK;
    }
  }
  if (err == SM_OK && (h->wanted || h->old_prefix[0] != '\0')) err = make_subscriber(h, o);
  return err;
}

bool sm_home_assistant_new(const sm_home_assistant_options *options, sm_home_assistant **home) {
  sm_home_assistant *out = calloc(1, sizeof *out);
  if (out == NULL) {
    sm_complain("cannot set up Home Assistant: %s", sm_err_text(SM_ERR_NOMEM));
    return false;
  }
  sm_err err = read_settings(out, options);
  bool told = err != SM_OK;
  if (err == SM_OK) err = make(out, options);
  if (err != SM_OK && !told) sm_complain("cannot set up Home Assistant: %s", sm_complain_text(err));
  if (err != SM_OK || out->subscriber == NULL) {
    sm_home_assistant_free(out);
    return err == SM_OK;
  }
  *home = out;
  return true;
}

/* ---- life ---- */

sm_err sm_home_assistant_start(sm_home_assistant *home) {
  return home == NULL ? SM_OK : sm_mqtt_subscriber_start(home->subscriber);
}

bool sm_home_assistant_stop(sm_home_assistant *home, uint32_t timeout_ms) {
  return home == NULL || sm_mqtt_subscriber_stop(home->subscriber, timeout_ms);
}

void sm_home_assistant_free(sm_home_assistant *home) {
  if (home == NULL) return;
  sm_mqtt_subscriber_free(home->subscriber);
  sm_strmap_free(home->meters);
  for (meter *m = home->first; m != NULL;) {
    meter *next = m->next;
    free(m);
    m = next;
  }
  sm_buf_fini(&home->message);
  free(home->kept_path);
  free(home);
}

void sm_home_assistant_write_metrics(sm_home_assistant *home, sm_buf *out) {
  if (home == NULL || !home->wanted) return;
  sm_mqtt_status status;
  sm_mqtt_subscriber_status(home->subscriber, &status);
  const sm_metric rows[] = {
      {"smartmeter_home_assistant_connected", "gauge",
       "1 while subscribed at the broker for Home Assistant.",
       status.state == SM_MQTT_READY ? 1 : 0},
      {"smartmeter_home_assistant_meters", "gauge", "Meters that Home Assistant is told of.",
       atomic_load(&home->told_count)},
      {"smartmeter_home_assistant_messages_total", "counter",
       "Descriptions of meters that were sent or taken back.", atomic_load(&home->messages)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
