#include "app/discovery.h"

#include "base/jsonw.h"

#include <stdio.h>
#include <string.h>

static const char own[] = "smartmeter_";

typedef struct sensor {
  const char *key; /* behind the device in unique_id: never changes */
  const char *name;
  const char *member; /* of telemetry */
  const char *device_class;
  const char *state_class;
  const char *unit; /* NULL: none */
  uint8_t flag;     /* SM_READING_…; 0: always */
  unsigned places;  /* that are shown */
  bool diagnostic;
} sensor;

static const sensor sensors[] = {
    {"energy", "Energy", "energy_kwh", "energy", "total_increasing", "kWh", 0, 3, false},
    {"power", "Power", "power_w", "power", "measurement", "W", 0, 1, false},
    {"voltage", "Voltage", "voltage", "voltage", "measurement", "V", 0, 1, false},
    {"current", "Current", "current", "current", "measurement", "A", 0, 2, false},
    {"power_factor", "Power factor", "power_factor", "power_factor", "measurement", NULL,
     SM_READING_POWER_FACTOR, 2, false},
    {"frequency", "Frequency", "frequency_hz", "frequency", "measurement", "Hz",
     SM_READING_FREQUENCY, 1, false},
    {"signal", "Signal", "rssi", "signal_strength", "measurement", "dBm", SM_READING_RSSI, 0, true},
};

bool sm_discovery_prefix_valid(const char *prefix) {
  size_t len = strlen(prefix);
  if (len == 0 || len > SM_DISCOVERY_PREFIX_MAX) return false;
  for (const char *level = prefix; level != NULL;) {
    const char *end = strchr(level, '/');
    if (!sm_device_id_valid(level, end != NULL ? (size_t)(end - level) : strlen(level)))
      return false;
    level = end != NULL ? end + 1 : NULL;
  }
  return true;
}

char *sm_discovery_topic(const char *prefix, const char *device_id,
                         char out[SM_DISCOVERY_TOPIC_MAX]) {
  (void)snprintf(out, SM_DISCOVERY_TOPIC_MAX, "%s/device/%s%s/config", prefix, own, device_id);
  return out;
}

bool sm_discovery_topic_is(const char *prefix, const char *topic, size_t topic_len,
                           char device_id[SM_DEVICE_ID_MAX + 1]) {
  char before[SM_DISCOVERY_TOPIC_MAX];
  static const char behind[] = "/config";
  size_t behind_len = sizeof behind - 1;
  (void)snprintf(before, sizeof before, "%s/device/%s", prefix, own);
  size_t before_len = strlen(before);
  if (topic_len <= before_len + behind_len || memcmp(topic, before, before_len) != 0 ||
      memcmp(topic + topic_len - behind_len, behind, behind_len) != 0)
    return false;
  size_t len = topic_len - before_len - behind_len;
  if (!sm_device_id_valid(topic + before_len, len)) return false;
  memcpy(device_id, topic + before_len, len);
  device_id[len] = '\0';
  return true;
}

/* ---- the message ---- */

/* A backlog is an array, and may be of any age: of an array the last is taken, and nothing that is
 * older than five minutes is shown as what is now. What comes out empty leaves the sensor as it is.
 */
static void write_template(sm_jsonw *w, const char *member) {
  char text[320];
  (void)snprintf(text, sizeof text,
                 "{%% set r = value_json if value_json is mapping else value_json | last %%}"
                 "{%% if r is mapping and r.%s is defined and "
                 "as_timestamp(now()) - as_timestamp(r.timestamp, 0) < 300 %%}"
                 "{{ r.%s }}{%% endif %%}",
                 member, member);
  sm_jsonw_key_text(w, "value_template", text);
}

static void write_sensor(sm_jsonw *w, const sensor *s, const char *device_id) {
  char unique[SM_DEVICE_ID_MAX + 40];
  (void)snprintf(unique, sizeof unique, "%s%s_%s", own, device_id, s->key);
  sm_jsonw_key(w, s->key);
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "platform", "sensor");
  sm_jsonw_key_text(w, "unique_id", unique);
  sm_jsonw_key_text(w, "name", s->name);
  sm_jsonw_key_text(w, "device_class", s->device_class);
  sm_jsonw_key_text(w, "state_class", s->state_class);
  if (s->unit != NULL) sm_jsonw_key_text(w, "unit_of_measurement", s->unit);
  sm_jsonw_key_int(w, "suggested_display_precision", s->places);
  if (s->diagnostic) sm_jsonw_key_text(w, "entity_category", "diagnostic");
  write_template(w, s->member);
  sm_jsonw_object_end(w);
}

static void write_device(sm_jsonw *w, const sm_discovery *d) {
  char text[SM_DEVICE_ID_MAX + 40];
  sm_jsonw_key(w, "device");
  sm_jsonw_object(w);
  sm_jsonw_key(w, "identifiers");
  sm_jsonw_array(w);
  (void)snprintf(text, sizeof text, "%s%s", own, d->device_id);
  sm_jsonw_text(w, text);
  sm_jsonw_array_end(w);
  (void)snprintf(text, sizeof text, "Meter %s", d->device_id);
  sm_jsonw_key_text(w, "name", d->name != NULL ? d->name : text);
  sm_jsonw_key_text(w, "manufacturer", "Smartmeter");
  sm_jsonw_key_text(w, "model", "Energy meter");
  sm_jsonw_key_text(w, "serial_number", d->device_id);
  sm_jsonw_object_end(w);
}

void sm_discovery_write(const sm_discovery *discovery, sm_buf *out) {
  char topic[SM_DEVICE_ID_MAX + 24];
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  write_device(&w, discovery);
  sm_jsonw_key(&w, "origin");
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "name", "Smartmeter");
  sm_jsonw_key_text(&w, "sw_version", discovery->version);
  sm_jsonw_object_end(&w);
  (void)snprintf(topic, sizeof topic, "meters/%s/telemetry", discovery->device_id);
  sm_jsonw_key_text(&w, "state_topic", topic);
  (void)snprintf(topic, sizeof topic, "meters/%s/status", discovery->device_id);
  sm_jsonw_key_text(&w, "availability_topic", topic);
  sm_jsonw_key_text(&w, "payload_available", "online");
  sm_jsonw_key_text(&w, "payload_not_available", "offline");
  sm_jsonw_key_int(&w, "qos", 0);
  sm_jsonw_key(&w, "components");
  sm_jsonw_object(&w);
  for (size_t i = 0; i < sizeof sensors / sizeof sensors[0]; i++)
    if (sensors[i].flag == 0 || (discovery->has & sensors[i].flag) != 0)
      write_sensor(&w, &sensors[i], discovery->device_id);
  sm_jsonw_object_end(&w);
  sm_jsonw_object_end(&w);
}
