#include "app/uplinks.h"

#include "app/intake.h"
#include "app/sharing.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mqtt/subscriber.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 96, PROBE_MAX = ID_MAX + 32 };

typedef struct uplink {
  sm_uplinks *all;
  unsigned number; /* 1 and up */
  char client_id[ID_MAX];
  char username[ID_MAX]; /* "": as the broker's settings say */
  char probe_topic[PROBE_MAX];
  sm_intake *intake;
  sm_mqtt_subscriber *subscriber;
  sm_offers *offers; /* NULL: it says nothing by itself */
  bool reached;      /* it has been READY once, or is RETIRED; under the lock */
} uplink;

struct sm_uplinks {
  size_t serve; /* that many are served, the others retired */
  size_t count; /* made */
  uplink *item;
  pthread_mutex_t lock; /* guards what follows, and `reached` of each */
  bool stopping;
  bool retiring; /* those that are to be retired are started */
  sm_sharing sharing;
  sm_slots *slots; /* NULL: one server alone; else all above is empty */
};

/* ---- getting there ---- */

/* Not before those that are served are subscribed: until then the surplus sessions may be the only
 * ones that get anything. */
static void start_retiring(sm_uplinks *uplinks) {
  if (uplinks->retiring || uplinks->stopping) return;
  uplinks->retiring = true;
  for (size_t i = uplinks->serve; i < uplinks->count; i++) {
    const uplink *c = &uplinks->item[i];
    sm_err err = sm_mqtt_subscriber_start(c->subscriber);
    if (err == SM_OK)
      sm_log(SM_LOG_INFO, "mqtt.retiring", SM_LOG_INT("connection", c->number),
             SM_LOG_TEXT("client_id", c->client_id));
    else
      sm_log(SM_LOG_WARN, "mqtt.not_retired", SM_LOG_INT("connection", c->number),
             SM_LOG_TEXT("reason", sm_err_text(err)));
  }
}

static bool all_served(const sm_uplinks *uplinks) {
  for (size_t i = 0; i < uplinks->serve; i++)
    if (!uplinks->item[i].reached) return false;
  return true;
}

static void on_reached(void *context, sm_mqtt_state state) {
  uplink *c = context;
  sm_uplinks *uplinks = c->all;
  sm_err err = SM_OK;
  (void)pthread_mutex_lock(&uplinks->lock);
  c->reached = true;
  if (state == SM_MQTT_RETIRED) {
    err = sm_sharing_retired(&uplinks->sharing, c->number);
  } else if (all_served(uplinks)) {
    err = sm_sharing_settled(&uplinks->sharing);
    start_retiring(uplinks);
  }
  (void)pthread_mutex_unlock(&uplinks->lock);
  if (err != SM_OK) /* the next start does it again */
    sm_log(SM_LOG_WARN, "mqtt.connections_not_written", SM_LOG_TEXT("reason", sm_err_text(err)));
}

/* ---- making ---- */

static sm_err publish(void *context, const char *topic, const void *payload, size_t len) {
  uplink *c = context;
  return sm_mqtt_subscriber_publish(c->subscriber, topic, payload, len);
}

static void speak(void *context) {
  uplink *c = context;
  sm_offers_speak(c->offers, c->subscriber);
}

static sm_err name(const sm_uplinks_options *o, uplink *c) {
  char suffix[16] = "";
  if (c->number > 1) (void)snprintf(suffix, sizeof suffix, "-%u", c->number);
  (void)snprintf(c->client_id, sizeof c->client_id, "%s%s", o->client_id, suffix);
  (void)snprintf(c->probe_topic, sizeof c->probe_topic, "smartmeter/probe/%s", c->client_id);
  if (o->broker->passwords == NULL) return SM_OK;
  return sm_broker_server_account(o->broker, c->number, c->username, sizeof c->username);
}

static const char *const telemetry_filter[] = {"meters/+/telemetry"};
static const char *const state_filters[] = {"meters/+/status", "meters/+/firmware"};
static const char *const all_filters[] = {"meters/+/telemetry", "meters/+/status",
                                          "meters/+/firmware"};

/* The telemetry filters by which its session may be subscribed from an earlier run. */
typedef struct former {
  char text[1 + SM_SHARING_FORMER_MAX][SM_SHARING_GROUP_MAX + 32];
  const char *filter[1 + SM_SHARING_FORMER_MAX];
  size_t count;
} former;

static void add_former(former *f, const char *group) {
  (void)snprintf(f->text[f->count], sizeof f->text[0], "$share/%s/%s", group, telemetry_filter[0]);
  f->filter[f->count] = f->text[f->count];
  f->count++;
}

static void find_former(const sm_sharing *s, bool retire, former *f) {
  f->count = 0;
  if (retire && s->group[0] != '\0') add_former(f, s->group);
  for (size_t i = 0; i < s->former_count; i++) add_former(f, s->former[i]);
}

/* All that the settings say of one connection. */
static sm_mqtt_options make_options(const sm_uplinks_options *o, const sm_sharing *s, uplink *c,
                                    const former *f) {
  bool retire = c->number > s->serve;
  bool shared = s->group[0] != '\0' && !retire;
  bool first = c->number == 1;
  return (sm_mqtt_options){
      .url = o->broker->url,
      .username = c->username[0] != '\0' ? c->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = c->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = shared || retire ? telemetry_filter : all_filters,
      .filter_count = shared || retire ? 1 : 3,
      .share_group = shared ? s->group : NULL,
      .unshared_filters = shared && first ? state_filters : NULL,
      .unshared_filter_count = shared && first ? 2 : 0,
      .former_filters = f->filter,
      .former_filter_count = f->count,
      .retire = retire,
      .probe_topic = shared || f->count > 0 ? c->probe_topic : NULL,
      .reached = on_reached,
      .reached_context = c,
  };
}

static sm_err make(const sm_uplinks_options *o, const sm_sharing *s, uplink *c) {
  sm_err err = name(o, c);
  if (err == SM_OK) err = sm_intake_new(o->pipeline, publish, c, &c->intake);
  if (err != SM_OK) return err;
  former f;
  find_former(s, c->number > s->serve, &f);
  const sm_mqtt_options options = make_options(o, s, c, &f);
  if (c->number == 1 && o->offers != NULL) {
    c->offers = o->offers;
    sm_intake_speak_by(c->intake, speak, c);
  }
  const sm_mqtt_sink sink = sm_intake_sink(c->intake);
  return sm_mqtt_subscriber_new(&options, &sink, &c->subscriber);
}

static sm_err make_all(const sm_uplinks_options *o, sm_uplinks *uplinks) {
  const sm_sharing *s = &uplinks->sharing;
  uplinks->serve = s->serve;
  uplinks->item = calloc(s->count, sizeof *uplinks->item);
  sm_err err = uplinks->item != NULL ? SM_OK : SM_ERR_NOMEM;
  for (unsigned i = 0; err == SM_OK && i < s->count; i++) {
    uplink *c = &uplinks->item[uplinks->count++];
    c->all = uplinks;
    c->number = i + 1;
    err = make(o, s, c);
  }
  return err;
}

static sm_err make_slots(const sm_uplinks_options *o, sm_slots **slots) {
  const sm_slots_options options = {.config = o->config,
                                    .broker = o->broker,
                                    .pipeline = o->pipeline,
                                    .ledger = o->ledger,
                                    .client_id = o->client_id,
                                    .server_id = o->server_id,
                                    .lease_ms = o->lease_ms,
                                    .offers = o->offers};
  return sm_slots_new(&options, slots);
}

sm_slots *sm_uplinks_slots(sm_uplinks *uplinks) {
  return uplinks != NULL ? uplinks->slots : NULL;
}

sm_err sm_uplinks_new(const sm_uplinks_options *options, sm_uplinks **uplinks) {
  const sm_config *config = options->config;
  sm_uplinks *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  if (pthread_mutex_init(&out->lock, NULL) != 0) {
    free(out);
    return SM_ERR_NOMEM;
  }
  sm_err err = SM_OK;
  if (options->server_id != NULL) {
    err = make_slots(options, &out->slots);
  } else {
    err = sm_sharing_init(&out->sharing, config->data_dir, config->mqtt_connections,
                          config->mqtt_share);
    if (err == SM_OK) err = make_all(options, out);
  }
  if (err != SM_OK) {
    sm_uplinks_free(out);
    return err;
  }
  *uplinks = out;
  return SM_OK;
}

/* ---- life ---- */

sm_err sm_uplinks_start(sm_uplinks *uplinks) {
  for (size_t i = 0; i < uplinks->serve; i++) {
    sm_err err = sm_mqtt_subscriber_start(uplinks->item[i].subscriber);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

bool sm_uplinks_stop(sm_uplinks *uplinks, uint32_t timeout_ms) {
  if (uplinks->slots != NULL) return sm_slots_stop(uplinks->slots, timeout_ms);
  int64_t end_ms = sm_clock_steady_ms() + timeout_ms;
  bool all = true;
  (void)pthread_mutex_lock(&uplinks->lock);
  uplinks->stopping = true;
  (void)pthread_mutex_unlock(&uplinks->lock);
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_mqtt_subscriber *subscriber = uplinks->item[i].subscriber;
    int64_t left_ms = end_ms - sm_clock_steady_ms();
    uint32_t wait_ms = left_ms > 0 ? (uint32_t)left_ms : 0;
    if (subscriber != NULL && !sm_mqtt_subscriber_stop(subscriber, wait_ms)) all = false;
  }
  return all;
}

void sm_uplinks_free(sm_uplinks *uplinks) {
  if (uplinks == NULL) return;
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_mqtt_subscriber_free(uplinks->item[i].subscriber);
    sm_intake_free(uplinks->item[i].intake);
  }
  free(uplinks->item);
  sm_slots_free(uplinks->slots);
  sm_sharing_fini(&uplinks->sharing);
  (void)pthread_mutex_destroy(&uplinks->lock);
  free(uplinks);
}

/* ---- state ---- */

bool sm_uplinks_ready(sm_uplinks *uplinks, char *reason, size_t cap) {
  if (uplinks->slots != NULL) return sm_slots_ready(uplinks->slots, reason, cap);
  for (size_t i = 0; i < uplinks->serve; i++) {
    sm_mqtt_status status;
    sm_mqtt_subscriber_status(uplinks->item[i].subscriber, &status);
    if (status.state == SM_MQTT_READY) continue;
    char which[32] = "";
    if (uplinks->serve > 1)
      (void)snprintf(which, sizeof which, "connection %u: ", uplinks->item[i].number);
    (void)snprintf(reason, cap, "%s%s%s%s", which,
                   status.state == SM_MQTT_STALLED ? "the store does not take readings"
                                                   : "not subscribed at the MQTT broker",
                   status.reason[0] != '\0' ? ": " : "", status.reason);
    return false;
  }
  return true;
}

void sm_uplinks_write_metrics(sm_uplinks *uplinks, sm_buf *out) {
  if (uplinks->slots != NULL) {
    sm_slots_write_metrics(uplinks->slots, out);
    return;
  }
  uint64_t messages = 0;
  uint64_t acknowledged = 0;
  uint64_t connects = 0;
  unsigned retiring = 0;
  sm_buf_append_text(out, "# HELP smartmeter_mqtt_connected 1 while subscribed at the broker.\n"
                          "# TYPE smartmeter_mqtt_connected gauge\n");
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_mqtt_status status;
    sm_mqtt_subscriber_status(uplinks->item[i].subscriber, &status);
    if (i < uplinks->serve)
      sm_buf_printf(out, "smartmeter_mqtt_connected{connection=\"%zu\"} %d\n", i + 1,
                    status.state == SM_MQTT_READY ? 1 : 0);
    else if (status.state != SM_MQTT_RETIRED)
      retiring++;
    messages += status.messages;
    acknowledged += status.acknowledged;
    connects += status.connects;
  }
  const sm_metric rows[] = {
      {"smartmeter_mqtt_retiring", "gauge", "Sessions at the broker that are to be ended.",
       retiring},
      {"smartmeter_mqtt_messages_total", "counter", "Messages taken from the broker.", messages},
      {"smartmeter_mqtt_acknowledged_total", "counter", "Messages acknowledged to the broker.",
       acknowledged},
      {"smartmeter_mqtt_connects_total", "counter", "Connections made to the broker.", connects},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
