#include "link.h"

#include "secrets.h"

#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/task.h>
#include <mqtt_client.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  KEEPALIVE_S = 30,
  TIMEOUT_MS = 10000,
  RECEIVE_ROOM = 4096, /* the longest command: a login with its certificates */
  SEND_ROOM = 2048,
  UNSENT_MAX = 3 * EDGE_MESSAGE_MAX,
  STACK = 6144,
  WAITING_MAX = 8,
  TOPIC_MAX = EDGE_SETTINGS_TEXT_MAX + 32
};

/* What came, on the heap; whose it is goes with the queue. */
typedef struct message {
  unsigned connection;
  bool is_ack;
  char *payload;
  size_t len;
} message;

/* Connections are counted, so that what an earlier one still says is told from what this one does.
 */
typedef struct link_state {
  edge_meter *meter;
  TaskHandle_t task;
  QueueHandle_t messages;
  esp_mqtt_client_handle_t client; /* NULL: no connection, and no attempt */
  unsigned connection;
  bool told_open;
  atomic_uint opened;        /* set by the client's task: the last one that stood … */
  atomic_uint closed;        /* … and that ended */
  char topics[2][TOPIC_MAX]; /* ack, command: for the client's task */
  char status_topic[TOPIC_MAX];
  char *ca; /* the client does not copy these */
  char *certificate;
  char *key;
} link_state;
static link_state state;

static void topic_of(const char *channel, char out[TOPIC_MAX]) {
  (void)snprintf(out, TOPIC_MAX, "meters/%s/%s", state.meter->settings.device_id, channel);
}

/* ---- the client's task: it holds the client's lock, so nothing here may wait ---- */

static void end(unsigned connection) {
  atomic_store(&state.closed, connection);
  (void)xTaskNotifyGive(state.task);
}

static void subscribe(unsigned connection, esp_mqtt_client_handle_t client) {
  const esp_mqtt_topic_t topics[] = {{state.topics[0], 1}, {state.topics[1], 1}};
  if (esp_mqtt_client_subscribe_multiple(client, topics, 2) < 0) end(connection);
}

static void stand(unsigned connection, const esp_mqtt_event_t *event) {
  if (event->error_handle->error_type == MQTT_ERROR_TYPE_SUBSCRIBE_FAILED) {
    end(connection);
    return;
  }
  (void)esp_mqtt_client_publish(event->client, state.status_topic, "online", 6, 1, 1);
  atomic_store(&state.opened, connection);
  (void)xTaskNotifyGive(state.task);
}

/* One in pieces is longer than any that a meter is sent; one that finds no room comes again. */
static void hand_over(unsigned connection, const esp_mqtt_event_t *event) {
  if (event->current_data_offset != 0 || event->data_len != event->total_data_len) return;
  size_t ack_len = strlen(state.topics[0]);
  message m = {.connection = connection,
               .is_ack = (size_t)event->topic_len == ack_len &&
                         memcmp(event->topic, state.topics[0], ack_len) == 0,
               .payload = malloc((size_t)event->data_len + 1),
               .len = (size_t)event->data_len};
  if (m.payload == NULL) return;
  if (m.len > 0) memcpy(m.payload, event->data, m.len);
  if (xQueueSend(state.messages, &m, 0) != pdTRUE) free(m.payload);
  (void)xTaskNotifyGive(state.task);
}

static void on_event(void *context, esp_event_base_t base, int32_t id, void *data) {
  unsigned connection = (unsigned)(uintptr_t)context;
  const esp_mqtt_event_t *event = data;
  (void)base;
  switch ((esp_mqtt_event_id_t)id) {
  case MQTT_EVENT_CONNECTED:
    subscribe(connection, event->client);
    break;
  case MQTT_EVENT_SUBSCRIBED:
    stand(connection, event);
    break;
  case MQTT_EVENT_DATA:
    hand_over(connection, event);
    break;
  case MQTT_EVENT_DISCONNECTED:
    end(connection);
    break;
  default:
    break;
  }
}

/* ---- what the meter asks for ---- */

static void drop(void) {
  if (state.client != NULL) (void)esp_mqtt_client_destroy(state.client);
  state.client = NULL;
  free(state.ca);
  free(state.certificate);
  free(state.key);
  state.ca = state.certificate = state.key = NULL;
}

/* Without a CA there is no TLS here that proves anything: such a meter connects to nobody. */
static bool fetch_secrets(unsigned set) {
  if (!state.meter->settings.tls) return true;
  state.ca = secrets_of(set, EDGE_ENROL_CA);
  state.certificate = secrets_of(set, EDGE_ENROL_CERTIFICATE);
  state.key = secrets_of(set, EDGE_ENROL_KEY);
  return state.ca != NULL;
}

static bool begin(void) {
  const edge_settings *s = &state.meter->settings;
  const edge_login login = edge_meter_login(state.meter);
  topic_of("ack", state.topics[0]);
  topic_of("command", state.topics[1]);
  topic_of("status", state.status_topic);
  if (!fetch_secrets(login.secrets)) return false;
  bool has_key = login.username[0] == '\0' && state.certificate != NULL && state.key != NULL;
  const esp_mqtt_client_config_t config = {
      .broker.address.hostname = login.host,
      .broker.address.port = login.port,
      .broker.address.transport = s->tls ? MQTT_TRANSPORT_OVER_SSL : MQTT_TRANSPORT_OVER_TCP,
      .broker.verification.certificate = state.ca,
      .credentials.username = login.username[0] == '\0' ? NULL : login.username,
      .credentials.client_id = s->device_id,
      .credentials.authentication.password = login.username[0] == '\0' ? NULL : login.password,
      .credentials.authentication.certificate = has_key ? state.certificate : NULL,
      .credentials.authentication.key = has_key ? state.key : NULL,
      .session.last_will =
          {.topic = state.status_topic, .msg = "offline", .msg_len = 7, .qos = 1, .retain = 1},
      .session.keepalive = KEEPALIVE_S,
      .session.protocol_ver = MQTT_PROTOCOL_V_3_1_1,
      .network.timeout_ms = TIMEOUT_MS,
      .network.disable_auto_reconnect = true,
      .task.stack_size = STACK,
      .buffer.size = RECEIVE_ROOM,
      .buffer.out_size = SEND_ROOM,
      .outbox.limit = UNSENT_MAX};
  state.client = esp_mqtt_client_init(&config);
  return state.client != NULL &&
         esp_mqtt_client_register_event(state.client, MQTT_EVENT_ANY, on_event,
                                        (void *)(uintptr_t)state.connection) == ESP_OK &&
         esp_mqtt_client_start(state.client) == ESP_OK;
}

static void open_link(void *context) {
  (void)context;
  drop();
  state.connection++;
  state.told_open = false;
  if (!begin()) atomic_store(&state.closed, state.connection);
}

static void close_link(void *context) {
  (void)context;
  drop();
  state.connection++;
}

static bool send(const char *channel, const char *payload, size_t len, int retain) {
  char topic[TOPIC_MAX];
  topic_of(channel, topic);
  return state.client != NULL &&
         esp_mqtt_client_publish(state.client, topic, payload, (int)len, 1, retain) >= 0;
}

static bool publish(void *context, const char *payload, size_t len) {
  (void)context;
  return send("telemetry", payload, len, 0);
}

bool link_report(void *context, const char *payload, size_t len) {
  (void)context;
  return send("firmware", payload, len, 1);
}

edge_link link_begin(edge_meter *meter) {
  state.meter = meter;
  state.task = xTaskGetCurrentTaskHandle();
  state.messages = xQueueCreate(WAITING_MAX, sizeof(message));
  if (state.messages == NULL) abort();
  return (edge_link){NULL, open_link, close_link, publish};
}

void link_service(int64_t now_ms) {
  message m;
  if (!state.told_open && state.client != NULL && atomic_load(&state.opened) == state.connection) {
    state.told_open = true;
    edge_meter_opened(state.meter, now_ms);
  }
  while (xQueueReceive(state.messages, &m, 0) == pdTRUE) {
    if (m.connection == state.connection && m.is_ack)
      edge_uplink_ack(&state.meter->uplink, m.payload, m.len, now_ms);
    else if (m.connection == state.connection)
      edge_meter_command(state.meter, m.payload, m.len, now_ms);
    free(m.payload);
  }
  if (atomic_load(&state.closed) != state.connection || state.connection == 0) return;
  drop();
  state.connection++;
  edge_meter_closed(state.meter, now_ms);
}

void link_leave(void) {
  if (state.told_open) (void)send("status", "offline", 7, 1);
  if (state.client != NULL) (void)esp_mqtt_client_disconnect(state.client);
  drop();
}
