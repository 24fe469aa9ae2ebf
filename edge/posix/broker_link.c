#include "posix/broker_link.h"

#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

enum { KEEPALIVE_S = 30, TOPIC_MAX = EDGE_SETTINGS_TEXT_MAX + 32 };

void broker_link_begin(void) {
  (void)mosquitto_lib_init();
}

void broker_link_end(void) {
  (void)mosquitto_lib_cleanup();
}

static void topic_of(const broker_link *l, const char *channel, char out[TOPIC_MAX]) {
  (void)snprintf(out, TOPIC_MAX, "meters/%s/%s", l->meter->settings.device_id, channel);
}

static int64_t now_of(const broker_link *l) {
  return l->now_ms(l->context);
}

static void drop(broker_link *l) {
  if (l->client != NULL) mosquitto_destroy(l->client);
  l->client = NULL;
}

/* ---- what libmosquitto tells ---- */

static void on_connect(struct mosquitto *client, void *context, int code) {
  broker_link *l = context;
  char topic[TOPIC_MAX];
  if (code != 0) {
    l->failed = true;
    return;
  }
  topic_of(l, "command", topic);
  if (mosquitto_subscribe(client, NULL, topic, 1) != MOSQ_ERR_SUCCESS) l->failed = true;
  topic_of(l, "ack", topic);
  if (mosquitto_subscribe(client, NULL, topic, 1) != MOSQ_ERR_SUCCESS) l->failed = true;
}

/* The second of the two. */
static void on_subscribe(struct mosquitto *client, void *context, int mid, int count,
                         const int *granted) {
  broker_link *l = context;
  char topic[TOPIC_MAX];
  (void)mid;
  (void)count;
  if (granted[0] > 2) {
    l->failed = true;
    return;
  }
  if (l->meter->uplink.state == EDGE_UPLINK_OPEN) return;
  topic_of(l, "status", topic);
  (void)mosquitto_publish(client, NULL, topic, 6, "online", 1, true);
  edge_meter_opened(l->meter, now_of(l));
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message) {
  broker_link *l = context;
  char topic[TOPIC_MAX];
  (void)client;
  topic_of(l, "ack", topic);
  if (strcmp(message->topic, topic) == 0)
    edge_uplink_ack(&l->meter->uplink, message->payload, (size_t)message->payloadlen, now_of(l));
  else
    edge_meter_command(l->meter, message->payload, (size_t)message->payloadlen, now_of(l));
}

static void on_disconnect(struct mosquitto *client, void *context, int code) {
  broker_link *l = context;
  (void)client;
  (void)code;
  l->failed = true;
}

/* ---- what the meter asks for ---- */

/* Who gives a name logs in by that. */
static bool secure(broker_link *l, const edge_login *login) {
  secret_path path[EDGE_ENROL_SECRETS];
  bool has[EDGE_ENROL_SECRETS];
  for (unsigned i = 0; i < EDGE_ENROL_SECRETS; i++)
    has[i] = secret_files_find(l->secrets, login->secrets, (edge_enrol_secret)i, path[i]);
  const char *ca = has[EDGE_ENROL_CA] ? path[EDGE_ENROL_CA] : l->ca_file;
  bool own = login->username[0] == '\0' && has[EDGE_ENROL_CERTIFICATE] && has[EDGE_ENROL_KEY];
  return mosquitto_tls_set(l->client, ca, ca == NULL ? "/etc/ssl/certs" : NULL,
                           own ? path[EDGE_ENROL_CERTIFICATE] : NULL,
                           own ? path[EDGE_ENROL_KEY] : NULL, NULL) == MOSQ_ERR_SUCCESS;
}

static bool prepare(broker_link *l) {
  const edge_settings *s = &l->meter->settings;
  const edge_login login = edge_meter_login(l->meter);
  char topic[TOPIC_MAX];
  l->client = mosquitto_new(s->device_id, true, l);
  if (l->client == NULL) return false;
  mosquitto_connect_callback_set(l->client, on_connect);
  mosquitto_subscribe_callback_set(l->client, on_subscribe);
  mosquitto_message_callback_set(l->client, on_message);
  mosquitto_disconnect_callback_set(l->client, on_disconnect);
  if (login.username[0] != '\0' &&
      mosquitto_username_pw_set(l->client, login.username, login.password) != MOSQ_ERR_SUCCESS)
    return false;
  if (s->tls && !secure(l, &login)) return false;
  topic_of(l, "status", topic);
  return mosquitto_will_set(l->client, topic, 7, "offline", 1, true) == MOSQ_ERR_SUCCESS;
}

static void open_link(void *context) {
  broker_link *l = context;
  const edge_login login = edge_meter_login(l->meter);
  drop(l);
  l->failed = !prepare(l) || mosquitto_connect_async(l->client, login.host, login.port,
                                                     KEEPALIVE_S) != MOSQ_ERR_SUCCESS;
}

static void close_link(void *context) {
  broker_link *l = context;
  drop(l);
  l->failed = false;
}

static bool publish(void *context, const char *payload, size_t len) {
  broker_link *l = context;
  char topic[TOPIC_MAX];
  topic_of(l, "telemetry", topic);
  return l->client != NULL &&
         mosquitto_publish(l->client, NULL, topic, (int)len, payload, 1, false) == MOSQ_ERR_SUCCESS;
}

bool broker_link_report(broker_link *link, const char *payload, size_t len) {
  char topic[TOPIC_MAX];
  topic_of(link, "firmware", topic);
  return link->client != NULL && mosquitto_publish(link->client, NULL, topic, (int)len, payload, 1,
                                                   true) == MOSQ_ERR_SUCCESS;
}

edge_link broker_link_port(broker_link *link) {
  return (edge_link){link, open_link, close_link, publish};
}

int broker_link_fd(const broker_link *link, bool *writes) {
  *writes = link->client != NULL && mosquitto_want_write(link->client);
  return link->client == NULL ? -1 : mosquitto_socket(link->client);
}

void broker_link_service(broker_link *link) {
  if (link->client != NULL && !link->failed &&
      mosquitto_loop(link->client, 0, 1) != MOSQ_ERR_SUCCESS)
    link->failed = true;
  if (!link->failed) return;
  link->failed = false;
  drop(link);
  edge_meter_closed(link->meter, now_of(link));
}

void broker_link_leave(broker_link *link) {
  char topic[TOPIC_MAX];
  if (link->client != NULL && link->meter->uplink.state == EDGE_UPLINK_OPEN) {
    topic_of(link, "status", topic);
    (void)mosquitto_publish(link->client, NULL, topic, 7, "offline", 1, true);
    (void)mosquitto_disconnect(link->client);
    (void)mosquitto_loop(link->client, 100, 1);
  }
  drop(link);
}
