#include "app/uplinks.h"

#include "app/intake.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"
#include "mqtt/subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 96, PROBE_MAX = ID_MAX + 32, GROUP_MAX = 64 };

typedef struct uplink {
  unsigned number; /* 1 and up */
  char client_id[ID_MAX];
  char username[ID_MAX]; /* "": as the broker's settings say */
  char probe_topic[PROBE_MAX];
  sm_intake *intake;
  sm_mqtt_subscriber *subscriber;
} uplink;

struct sm_uplinks {
  size_t count;
  uplink *item;
};

/* ---- how many ---- */

/* What is shared, by how many: as set, or as an earlier start has left it at the broker. */
typedef struct sharing {
  uint16_t count;
  char group[GROUP_MAX + 1]; /* "": not shared */
} sharing;

/* Two lines: how many, and the group. */
static sm_err recall(const char *path, sharing *before) {
  char *text = NULL;
  *before = (sharing){.count = 0};
  sm_err err = sm_file_read(path, 256, &text, NULL);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  size_t first_len = strcspn(text, "\n");
  const char *group = text[first_len] == '\n' ? text + first_len + 1 : "";
  size_t group_len = strcspn(group, "\n");
  int64_t value = 0;
  err = sm_decimal_parse(text, first_len, 0, &value);
  bool good = err == SM_OK && value >= 1 && value <= SM_CONFIG_CONNECTIONS_MAX && group_len > 0 &&
              group_len <= GROUP_MAX;
  if (good) {
    before->count = (uint16_t)value;
    memcpy(before->group, group, group_len);
  } else {
    sm_log(SM_LOG_WARN, "mqtt.connections_unreadable", SM_LOG_TEXT("file", path));
  }
  free(text);
  return SM_OK;
}

/* Before the first of them connects: a session is never there without being remembered. */
static sm_err remember(const char *path, const sharing *now) {
  char text[GROUP_MAX + 16];
  int len = snprintf(text, sizeof text, "%u\n%s\n", (unsigned)now->count, now->group);
  return sm_file_write_private(path, text, (size_t)len);
}

static sm_err settle_sharing(const char *path, const sm_config *config, sharing *now) {
  sharing before;
  sm_err err = recall(path, &before);
  if (err != SM_OK) return err;
  sharing wanted = {.count = config->mqtt_connections};
  if (config->mqtt_share != NULL)
    (void)snprintf(wanted.group, sizeof wanted.group, "%s", config->mqtt_share);
  *now = wanted;
  if (before.count > wanted.count) {
    now->count = before.count;
    if (wanted.group[0] == '\0') memcpy(now->group, before.group, sizeof now->group);
    sm_log(SM_LOG_WARN, "mqtt.more_connections_served", SM_LOG_INT("set", wanted.count),
           SM_LOG_INT("served", now->count),
           SM_LOG_TEXT("why", "their sessions at the broker would keep a share of the readings"));
  }
  bool changed = now->count != before.count || strcmp(now->group, before.group) != 0;
  return now->count > 1 && changed ? remember(path, now) : SM_OK;
}

static sm_err find_sharing(const sm_config *config, sharing *now) {
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s/mqtt-connections", config->data_dir);
  sm_err err = path.err == SM_OK ? settle_sharing(sm_buf_text(&path), config, now) : path.err;
  sm_buf_fini(&path);
  return err;
}

/* ---- making ---- */

static sm_err publish(void *context, const char *topic, const void *payload, size_t len) {
  uplink *c = context;
  return sm_mqtt_subscriber_publish(c->subscriber, topic, payload, len);
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
static const char *const status_filter[] = {"meters/+/status"};
static const char *const both_filters[] = {"meters/+/telemetry", "meters/+/status"};

/* All that the settings say of one connection. */
static sm_mqtt_options make_options(const sm_uplinks_options *o, const sharing *s,
                                    const uplink *c) {
  bool shared = s->group[0] != '\0';
  bool first = c->number == 1;
  return (sm_mqtt_options){
      .url = o->broker->url,
      .username = c->username[0] != '\0' ? c->username : o->broker->username,
      .password = o->broker->password,
      .ca_file = o->broker->ca_file,
      .client_id = c->client_id,
      .version = (sm_mqtt_version)o->config->mqtt_version,
      .filters = shared ? telemetry_filter : both_filters,
      .filter_count = shared ? 1 : 2,
      .share_group = shared ? s->group : NULL,
      .unshared_filters = shared && first ? status_filter : NULL,
      .unshared_filter_count = shared && first ? 1 : 0,
      .probe_topic = shared ? c->probe_topic : NULL,
  };
}

static sm_err make(const sm_uplinks_options *o, const sharing *s, uplink *c) {
  sm_err err = name(o, c);
  if (err == SM_OK) err = sm_intake_new(o->pipeline, publish, c, &c->intake);
  if (err != SM_OK) return err;
  const sm_mqtt_options options = make_options(o, s, c);
  const sm_mqtt_sink sink = sm_intake_sink(c->intake);
  return sm_mqtt_subscriber_new(&options, &sink, &c->subscriber);
}

sm_err sm_uplinks_new(const sm_uplinks_options *options, sm_uplinks **uplinks) {
  sharing s;
  sm_err err = find_sharing(options->config, &s);
  if (err != SM_OK) return err;
  sm_uplinks *out = calloc(1, sizeof *out);
  if (out != NULL) out->item = calloc(s.count, sizeof *out->item);
  err = out != NULL && out->item != NULL ? SM_OK : SM_ERR_NOMEM;
  for (unsigned i = 0; err == SM_OK && i < s.count; i++) {
    out->count++;
    out->item[i].number = i + 1;
    err = make(options, &s, &out->item[i]);
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
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_err err = sm_mqtt_subscriber_start(uplinks->item[i].subscriber);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

bool sm_uplinks_stop(sm_uplinks *uplinks, uint32_t timeout_ms) {
  int64_t end_ms = sm_clock_steady_ms() + timeout_ms;
  bool all = true;
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
  free(uplinks);
}

/* ---- state ---- */

bool sm_uplinks_ready(sm_uplinks *uplinks, char *reason, size_t cap) {
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_mqtt_status status;
    sm_mqtt_subscriber_status(uplinks->item[i].subscriber, &status);
    if (status.state == SM_MQTT_READY) continue;
    char which[32] = "";
    if (uplinks->count > 1)
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
  uint64_t messages = 0;
  uint64_t acknowledged = 0;
  uint64_t connects = 0;
  sm_buf_append_text(out, "# HELP smartmeter_mqtt_connected 1 while subscribed at the broker.\n"
                          "# TYPE smartmeter_mqtt_connected gauge\n");
  for (size_t i = 0; i < uplinks->count; i++) {
    sm_mqtt_status status;
    sm_mqtt_subscriber_status(uplinks->item[i].subscriber, &status);
    sm_buf_printf(out, "smartmeter_mqtt_connected{connection=\"%zu\"} %d\n", i + 1,
                  status.state == SM_MQTT_READY ? 1 : 0);
    messages += status.messages;
    acknowledged += status.acknowledged;
    connects += status.connects;
  }
  const struct {
    const char *name;
    const char *help;
    uint64_t value;
  } rows[] = {
      {"smartmeter_mqtt_messages_total", "Messages taken from the broker.", messages},
      {"smartmeter_mqtt_acknowledged_total", "Messages acknowledged to the broker.", acknowledged},
      {"smartmeter_mqtt_connects_total", "Connections made to the broker.", connects},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    sm_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", rows[i].name, rows[i].help,
                  rows[i].name, rows[i].name, (unsigned long long)rows[i].value);
}
