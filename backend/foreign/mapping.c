#include "foreign/mapping.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  INTERVAL_DEFAULT_S = 10,
  INTERVAL_MAX_S = 3600,
  STALE_DEFAULT_S = 900,
  STALE_MAX_S = 86400,
  DECIMALS_MAX = 9
};

typedef struct unit {
  const char *name; /* NULL ends the list; the first is the default */
  int shift;
} unit;

static const unit energy_units[] = {{"kWh", 0}, {"Wh", -3}, {"MWh", 3}, {NULL, 0}};
static const unit power_units[] = {{"W", 0}, {"kW", 3}, {"mW", -3}, {NULL, 0}};
static const unit voltage_units[] = {{"V", 0}, {"mV", -3}, {"kV", 3}, {NULL, 0}};
static const unit current_units[] = {{"A", 0}, {"mA", -3}, {NULL, 0}};
static const unit factor_units[] = {{"1", 0}, {"%", -2}, {NULL, 0}};
static const unit frequency_units[] = {{"Hz", 0}, {"mHz", -3}, {NULL, 0}};
static const unit rssi_units[] = {{"dBm", 0}, {NULL, 0}};

static const struct {
  const char *name;
  const char *member;
  const char *tasmota; /* NULL: its message has none */
  const unit *units;
} fields[SM_FIELD_COUNT_] = {
    {"energy", "energy_kwh", "/ENERGY/Total", energy_units},
    {"power", "power_w", "/ENERGY/Power", power_units},
    {"voltage", "voltage", "/ENERGY/Voltage", voltage_units},
    {"current", "current", "/ENERGY/Current", current_units},
    {"power_factor", "power_factor", "/ENERGY/Factor", factor_units},
    {"frequency", "frequency_hz", "/ENERGY/Frequency", frequency_units},
    {"rssi", "rssi", NULL, rssi_units},
};

const char *sm_field_name(sm_field field) {
  return fields[field].name;
}

const char *sm_field_member(sm_field field) {
  return fields[field].member;
}

/* ---- reading ---- */

/* Where the walk is: an object, and its path. */
typedef struct place {
  const json_t *object;
  char path[64];
  sm_problems *problems;
} place;

static void problem(const place *at, const char *key, const char *message) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s%s%.40s", at->path,
                 at->path[0] != '\0' && key[0] != '\0' ? "." : "", key);
  sm_problems_add(at->problems, path, "%s", message);
}

static void only(const place *at, const char *const *allowed) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)at->object, key, value) {
    (void)value;
    size_t i = 0;
    while (allowed[i] != NULL && strcmp(allowed[i], key) != 0) i++;
    if (allowed[i] == NULL)
      problem(at, key, "is not known here; check the spelling or leave it out");
  }
}

static bool descend(const place *at, const char *key, place *out) {
  const json_t *value = json_object_get(at->object, key);
  *out = (place){.object = value, .problems = at->problems};
  (void)snprintf(out->path, sizeof out->path, "%.40s.%.20s", at->path, key);
  if (json_is_object(value)) return true;
  problem(at, key, value == NULL ? "is missing; give an object" : "must be an object");
  return false;
}

/* A text without control characters of 1 to `max` bytes; NULL: absent, or bad (told). */
static const char *text_of(const place *at, const char *key, size_t max, const char *wanted) {
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) return NULL;
  const char *text = json_string_value(value);
  size_t len = text != NULL ? json_string_length(value) : 0;
  bool good = len >= 1 && len <= max;
  for (size_t i = 0; good && i < len; i++) good = (unsigned char)text[i] >= ' ';
  if (good) return text;
  problem(at, key, wanted);
  return NULL;
}

static int64_t whole_of(const place *at, const char *key, int64_t low, int64_t high,
                        int64_t fallback) {
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) return fallback;
  json_int_t number = json_integer_value(value);
  if (json_is_integer(value) && number >= low && number <= high) return number;
  char message[80];
  (void)snprintf(message, sizeof message, "must be a whole number from %" PRId64 " to %" PRId64,
                 low, high);
  problem(at, key, message);
  return fallback;
}

/* ---- topics ---- */

static void read_topic(const place *at, sm_mapping *m) {
  static const char wanted[] = "must be a topic of 1 to 200 bytes without '#', and with a '+' at "
                               "most once, as a whole level, "
                               "such as \"tele/+/SENSOR\"";
  const char *topic = text_of(at, "topic", SM_MAPPING_TOPIC_MAX, wanted);
  if (topic == NULL) {
    if (json_object_get(at->object, "topic") == NULL)
      problem(at, "topic", "is missing; give the topic, such as \"tele/+/SENSOR\"");
    return;
  }
  const char *plus = strchr(topic, '+');
  bool whole =
      plus == NULL || ((plus == topic || plus[-1] == '/') && (plus[1] == '\0' || plus[1] == '/') &&
                       strchr(plus + 1, '+') == NULL);
  if (!whole || strchr(topic, '#') != NULL || topic[0] == '$') {
    problem(at, "topic", wanted);
    return;
  }
  if (strncmp(topic, "meters/", 7) == 0) {
    problem(at, "topic", "must not begin with meters/: those topics have our own payload");
    return;
  }
  m->wild = plus != NULL;
  (void)snprintf(m->topic, sizeof m->topic, "%s", topic);
}

static void read_device(const place *at, sm_mapping *m) {
  const json_t *value = json_object_get(at->object, "device_id");
  if (value == NULL) {
    if (m->topic[0] != '\0' && !m->wild)
      problem(at, "device_id", "is missing: the topic has no '+', so say whose it is");
    return;
  }
  const char *id = json_string_value(value);
  if (id == NULL || !sm_device_id_valid(id, json_string_length(value)))
    problem(at, "device_id", "must be 1 to 64 of A-Z a-z 0-9 _ -");
  else if (m->wild)
    problem(at, "device_id", "must be left out: the '+' of the topic is the device_id");
  else
    (void)snprintf(m->device_id, sizeof m->device_id, "%s", id);
}

/* ---- fields ---- */

static void read_unit(const place *at, sm_field field, sm_mapping_field *out) {
  const unit *units = fields[field].units;
  const json_t *value = json_object_get(at->object, "unit");
  int64_t decimals = whole_of(at, "decimals", 0, DECIMALS_MAX, 0);
  const unit *found = units;
  if (value != NULL) {
    const char *name = json_is_string(value) ? json_string_value(value) : "";
    while (found->name != NULL && strcmp(found->name, name) != 0) found++;
  }
  if (found->name == NULL) {
    char message[80] = "must be";
    for (const unit *u = units; u->name != NULL; u++) {
      size_t len = strlen(message);
      (void)snprintf(message + len, sizeof message - len, "%s \"%s\"", u == units ? "" : " or",
                     u->name);
    }
    problem(at, "unit", message);
    return;
  }
  out->shift = found->shift - (int)decimals;
}

static void read_fixed(const place *at, sm_mapping_field *out) {
  const json_t *value = json_object_get(at->object, "fixed");
  const char *text = json_string_value(value);
  if (text == NULL || sm_decimal_parse(text, strlen(text), 3, &out->fixed_milli) != SM_OK ||
      out->fixed_milli < 0 || out->fixed_milli > INT64_C(1000000000)) {
    problem(at, "fixed", "must be a decimal string such as \"230\", with at most 3 places");
    return;
  }
  out->fixed = true;
}

static bool pointer_good(const char *text) {
  if (text[0] != '/') return false;
  for (const char *p = text; *p != '\0'; p++)
    if (*p == '~' && p[1] != '0' && p[1] != '1') return false;
  return true;
}

static bool sensor_good(const char *text) {
  return strpbrk(text, "/+#") == NULL;
}

/* {"pointer" or "sensor": …, "unit", "decimals"}, {"fixed": "230"}, or only the pointer or sensor.
 */
static void read_field(const place *at, const char *key, sm_field field, const char *what,
                       sm_mapping_field *out) {
  bool json = strcmp(what, "pointer") == 0;
  const char *wanted =
      json ? "must be a JSON pointer such as \"/ENERGY/Total\""
           : "must be a sensor's name as it stands in its topic, such as \"energy\"";
  const json_t *value = json_object_get(at->object, key);
  if (value == NULL) return;
  out->given = true;
  place inner = {.object = value, .problems = at->problems};
  (void)snprintf(inner.path, sizeof inner.path, "%.40s.%.20s", at->path, key);
  const char *text = NULL;
  if (json_is_string(value)) {
    text = text_of(at, key, SM_MAPPING_SOURCE_MAX, wanted);
    if (text != NULL && !(json ? pointer_good(text) : sensor_good(text))) problem(at, key, wanted);
  } else if (json_is_object(value)) {
    const char *const members[] = {what, "unit", "decimals", "fixed", NULL};
    only(&inner, members);
    if (json_object_get(value, "fixed") != NULL) {
      if (field == SM_FIELD_ENERGY)
        problem(&inner, "fixed", "must be left out: energy is what the meter counts");
      else if (json_object_size(value) > 1)
        problem(&inner, "fixed", "must stand alone");
      else
        read_fixed(&inner, out);
      return;
    }
    text = text_of(&inner, what, SM_MAPPING_SOURCE_MAX, wanted);
    if (json_object_get(value, what) == NULL)
      problem(&inner, what, "is missing; say where the value stands");
    else if (text != NULL && !(json ? pointer_good(text) : sensor_good(text)))
      problem(&inner, what, wanted);
    read_unit(&inner, field, out);
  } else {
    problem(at, key, wanted);
  }
  if (text != NULL) (void)snprintf(out->source, sizeof out->source, "%s", text);
}

static void read_fields(const place *at, const char *key, const char *what, sm_mapping *m) {
  place inner;
  if (!descend(at, key, &inner)) return;
  const char *names[SM_FIELD_COUNT_ + 1] = {NULL};
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) {
    names[i] = fields[i].name;
    read_field(&inner, names[i], (sm_field)i, what, &m->field[i]);
    if (i < SM_FIELD_REQUIRED_ && !m->field[i].given)
      problem(&inner, names[i],
              i == SM_FIELD_ENERGY
                  ? "is missing: without it there is no reading"
                  : "is missing: say where it stands, or {\"fixed\": \"…\"} if it is not measured");
  }
  only(&inner, names);
}

static void use_tasmota_fields(sm_mapping *m) {
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) {
    if (fields[i].tasmota == NULL) continue;
    m->field[i].given = true;
    (void)snprintf(m->field[i].source, sizeof m->field[i].source, "%s", fields[i].tasmota);
  }
}

/* ---- time ---- */

static void read_zone(const place *at, bool required, sm_mapping *m) {
  const char *name = text_of(at, "zone", 60, "must be a time zone such as \"Europe/Berlin\"");
  if (name == NULL) {
    if (required && json_object_get(at->object, "zone") == NULL)
      problem(at, "zone",
              "is missing: its times say no zone, so say the one that the device is set "
              "to, such as \"Europe/Berlin\" or \"UTC\"");
    return;
  }
  if (sm_zone_new(name, &m->zone) != SM_OK)
    problem(at, "zone", "is no time zone of this machine; give one such as \"Europe/Berlin\"");
}

static void read_tasmota_time(const place *at, sm_mapping *m) {
  const char *from = text_of(at, "time", 20, "must be \"device\" or \"receipt\"");
  m->time = SM_TIME_TEXT;
  if (from != NULL && strcmp(from, "receipt") == 0)
    m->time = SM_TIME_RECEIPT;
  else if (from != NULL && strcmp(from, "device") != 0)
    problem(at, "time", "must be \"device\" or \"receipt\"");
  if (m->time == SM_TIME_TEXT) (void)snprintf(m->time_source, sizeof m->time_source, "/Time");
  if (m->time == SM_TIME_TEXT)
    read_zone(at, true, m);
  else if (json_object_get(at->object, "zone") != NULL)
    problem(at, "zone", "must be left out with \"time\": \"receipt\"");
}

/* "receipt", or {"pointer": …, "as": "text", "unix_s" or "unix_ms", "zone"}. */
static void read_json_time(const place *at, sm_mapping *m) {
  static const char wanted[] =
      "must be \"receipt\", or an object such as {\"pointer\": \"/time\", \"as\": \"text\"}";
  static const char *const members[] = {"pointer", "as", "zone", NULL};
  const json_t *value = json_object_get(at->object, "time");
  if (json_is_string(value) && strcmp(json_string_value(value), "receipt") == 0) return;
  if (!json_is_object(value)) {
    problem(at, "time",
            value == NULL ? "is missing: say where the time stands, or \"receipt\"" : wanted);
    return;
  }
  place inner;
  if (!descend(at, "time", &inner)) return;
  only(&inner, members);
  const char *pointer =
      text_of(&inner, "pointer", SM_MAPPING_SOURCE_MAX, "must be a JSON pointer such as \"/time\"");
  if (pointer == NULL ? json_object_get(value, "pointer") == NULL : !pointer_good(pointer))
    problem(&inner, "pointer", "must be a JSON pointer such as \"/time\"");
  else if (pointer != NULL)
    (void)snprintf(m->time_source, sizeof m->time_source, "%s", pointer);
  const char *as = text_of(&inner, "as", 20, "must be \"text\", \"unix_s\" or \"unix_ms\"");
  m->time = SM_TIME_TEXT;
  if (as != NULL && strcmp(as, "unix_s") == 0)
    m->time = SM_TIME_UNIX_S;
  else if (as != NULL && strcmp(as, "unix_ms") == 0)
    m->time = SM_TIME_UNIX_MS;
  else if (as != NULL && strcmp(as, "text") != 0)
    problem(&inner, "as", "must be \"text\", \"unix_s\" or \"unix_ms\"");
  if (m->time == SM_TIME_TEXT)
    read_zone(&inner, false, m);
  else if (json_object_get(value, "zone") != NULL)
    problem(&inner, "zone", "must be left out: seconds since 1970 have none");
}

/* ---- one mapping ---- */

static void read_mapping(const place *at, sm_mapping *m) {
  static const char *const tasmota[] = {"form", "topic", "device_id",  "time",
                                        "zone", "phase", "interval_s", NULL};
  static const char *const esphome[] = {"form",       "topic",   "device_id", "sensors",
                                        "interval_s", "stale_s", NULL};
  static const char *const json[] = {"form", "topic", "device_id",  "fields",
                                     "time", "phase", "interval_s", NULL};
  const json_t *form = json_object_get(at->object, "form");
  const char *name = json_is_string(form) ? json_string_value(form) : "";
  read_topic(at, m);
  read_device(at, m);
  m->interval_ms =
      (uint32_t)whole_of(at, "interval_s", 1, INTERVAL_MAX_S, INTERVAL_DEFAULT_S) * 1000;
  m->stale_ms = (uint32_t)whole_of(at, "stale_s", 1, STALE_MAX_S, STALE_DEFAULT_S) * 1000;
  m->phase = (unsigned)whole_of(at, "phase", 1, SM_MAPPING_PHASES_MAX, 0);
  if (strcmp(name, "tasmota") == 0) {
    only(at, tasmota);
    use_tasmota_fields(m);
    read_tasmota_time(at, m);
  } else if (strcmp(name, "esphome") == 0) {
    only(at, esphome);
    m->form = SM_FORM_ESPHOME;
    read_fields(at, "sensors", "sensor", m);
  } else if (strcmp(name, "json") == 0) {
    only(at, json);
    read_fields(at, "fields", "pointer", m);
    read_json_time(at, m);
  } else {
    problem(at, "form",
            form == NULL ? "is missing; give \"tasmota\", \"esphome\" or \"json\""
                         : "must be \"tasmota\", \"esphome\" or \"json\"");
  }
  if (m->time != SM_TIME_RECEIPT && json_object_get(at->object, "interval_s") != NULL)
    problem(at, "interval_s",
            "must be left out: the device's own times say which reading is which");
}

/* Two that give one device one message would be told apart by nothing. */
static bool same_source(const sm_mapping *a, const sm_mapping *b) {
  return a->topic[0] != '\0' && strcmp(a->topic, b->topic) == 0 &&
         (a->wild || strcmp(a->device_id, b->device_id) == 0);
}

static void read_all(const json_t *root, sm_mappings *out, sm_problems *problems) {
  static const char *const members[] = {"mappings", NULL};
  const place top = {.object = root, .problems = problems};
  if (!json_is_object(root)) {
    problem(&top, "mappings", "is missing; the file must be an object: {\"mappings\": […]}");
    return;
  }
  only(&top, members);
  const json_t *list = json_object_get(root, "mappings");
  size_t count = json_array_size(list);
  if (count == 0 || count > SM_MAPPINGS_MAX) {
    problem(&top, "mappings", "must be an array of 1 to 64 mappings");
    return;
  }
  out->count = count;
  for (size_t i = 0; i < count; i++) {
    place at = {.object = json_array_get(list, i), .problems = problems};
    (void)snprintf(at.path, sizeof at.path, "mappings[%zu]", i);
    if (!json_is_object(at.object)) {
      problem(&at, "", "must be an object");
      continue;
    }
    read_mapping(&at, &out->item[i]);
    for (size_t j = 0; j < i; j++) {
      if (!same_source(&out->item[i], &out->item[j])) continue;
      char message[80];
      (void)snprintf(message, sizeof message, "is mappings[%zu]'s too, for the same device", j);
      problem(&at, "topic", message);
      break;
    }
  }
}

sm_err sm_mappings_parse(const char *text, size_t len, sm_mappings **out, sm_problems *problems) {
  sm_mappings *made = calloc(1, sizeof *made);
  if (made == NULL) return SM_ERR_NOMEM;
  json_error_t error;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
  size_t before = problems->count;
  if (root == NULL)
    sm_problems_add(problems, "mappings", "the file is not JSON, line %d: %s", error.line,
                    error.text);
  else
    read_all(root, made, problems);
  json_decref(root);
  if (problems->count != before) {
    sm_mappings_free(made);
    return SM_ERR_INVALID;
  }
  *out = made;
  return SM_OK;
}

void sm_mappings_free(sm_mappings *mappings) {
  if (mappings == NULL) return;
  for (size_t i = 0; i < SM_MAPPINGS_MAX; i++) sm_zone_free(mappings->item[i].zone);
  free(mappings);
}

/* ---- matching ---- */

bool sm_mapping_is_live(const sm_mapping *mapping) {
  return mapping->time == SM_TIME_RECEIPT;
}

bool sm_mapping_filter(const sm_mapping *mapping, sm_field field, char *out) {
  if (mapping->form != SM_FORM_ESPHOME) {
    (void)snprintf(out, SM_MAPPING_FILTER_MAX, "%s", mapping->topic);
    return field == SM_FIELD_ENERGY;
  }
  const sm_mapping_field *f = &mapping->field[field];
  if (!f->given || f->fixed) return false;
  (void)snprintf(out, SM_MAPPING_FILTER_MAX, "%s/sensor/%s/state", mapping->topic, f->source);
  return true;
}

static bool takes(const char **at, const char *end, const char *text, size_t len) {
  if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0) return false;
  *at += len;
  return true;
}

/* The topic's pattern at the begin of *at; the level of the '+' goes to `device_id`. */
static bool takes_pattern(const sm_mapping *m, const char **at, const char *end, char *device_id) {
  const char *plus = m->wild ? strchr(m->topic, '+') : NULL;
  (void)snprintf(device_id, SM_DEVICE_ID_MAX + 1, "%s", m->device_id);
  if (plus == NULL) return takes(at, end, m->topic, strlen(m->topic));
  if (!takes(at, end, m->topic, (size_t)(plus - m->topic))) return false;
  const char *level = *at;
  while (*at < end && **at != '/') (*at)++;
  size_t len = (size_t)(*at - level);
  device_id[0] = '\0';
  if (sm_device_id_valid(level, len)) {
    memcpy(device_id, level, len);
    device_id[len] = '\0';
  }
  return takes(at, end, plus + 1, strlen(plus + 1));
}

static bool takes_sensor(const sm_mapping *m, const char *at, const char *end, sm_field *field) {
  static const char before[] = "/sensor/";
  static const char behind[] = "/state";
  if (!takes(&at, end, before, sizeof before - 1)) return false;
  for (unsigned i = 0; i < SM_FIELD_COUNT_; i++) {
    const sm_mapping_field *f = &m->field[i];
    const char *rest = at;
    if (f->given && !f->fixed && takes(&rest, end, f->source, strlen(f->source)) &&
        takes(&rest, end, behind, sizeof behind - 1) && rest == end) {
      *field = (sm_field)i;
      return true;
    }
  }
  return false;
}

bool sm_mapping_matches(const sm_mapping *mapping, const char *topic, size_t topic_len,
                        sm_mapping_match *match) {
  const char *at = topic;
  const char *end = topic + topic_len;
  if (!takes_pattern(mapping, &at, end, match->device_id)) return false;
  match->field = SM_FIELD_ENERGY;
  return mapping->form == SM_FORM_ESPHOME ? takes_sensor(mapping, at, end, &match->field)
                                          : at == end;
}
