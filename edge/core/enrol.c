#include "core/enrol.h"

#include "core/json.h"

#include <string.h>

typedef struct enrol {
  edge_settings settings; /* as they will be */
  edge_json credentials;
  edge_json mqtt;
  bool by_password;
} enrol;

static bool text_of(edge_json object, const char *name, char *out, size_t cap) {
  edge_json value;
  return edge_json_member(object, name, &value) && edge_json_text(value, out, cap);
}

/* Takes a member as the setting of that name. */
static const char *take_text(enrol *e, edge_json object, const char *name, const char *wrong) {
  char text[EDGE_SETTINGS_TEXT_MAX + 1];
  return text_of(object, name, text, sizeof text) &&
                 edge_settings_set(&e->settings, name, text) == NULL
             ? NULL
             : wrong;
}

static const char *take_login(enrol *e) {
  const char *wrong = NULL;
  /* Who logs in by certificate has its name in it. */
  if (!e->by_password) {
    (void)edge_settings_set(&e->settings, "username", "");
    (void)edge_settings_set(&e->settings, "password", "");
    return NULL;
  }
  wrong = take_text(e, e->mqtt, "username", "credentials.mqtt.username is not one");
  return wrong != NULL ? wrong
                       : take_text(e, e->mqtt, "password", "credentials.mqtt.password is not one");
}

static const char *take_settings(enrol *e, edge_json object) {
  char kind[16];
  edge_json value;
  uint32_t port;
  if (!edge_json_member(object, "credentials", &e->credentials) ||
      !edge_json_member(e->credentials, "mqtt", &e->mqtt) ||
      !text_of(e->credentials, "kind", kind, sizeof kind))
    return "this is not what `smartmeter device add --json` prints";
  e->by_password = strcmp(kind, "password") == 0;
  if (!e->by_password && strcmp(kind, "certificate") != 0)
    return "credentials.kind must be password or certificate";
  const char *wrong = take_text(e, object, "device_id", "device_id is not one");
  if (wrong == NULL) wrong = take_text(e, e->mqtt, "host", "credentials.mqtt.host is not one");
  if (wrong == NULL) wrong = take_login(e);
  if (wrong != NULL) return wrong;
  if (!edge_json_member(e->mqtt, "port", &value) || !edge_json_u32(value, &port) || port == 0 ||
      port > 65535)
    return "credentials.mqtt.port is not one";
  e->settings.port = (uint16_t)port;
  e->settings.tls = true;
  edge_settings_drop_login(&e->settings);
  return NULL;
}

/* Whether it is one PEM at least, and fits. */
static bool read_pem(edge_json object, const char *name, char *room, size_t cap) {
  static const char head[] = "-----BEGIN ";
  return text_of(object, name, room, cap) && strncmp(room, head, sizeof head - 1) == 0;
}

const char *edge_enrol_secrets(edge_json credentials, bool by_password, unsigned set, char *room,
                               size_t cap, edge_enrol_keep keep, void *context) {
  static const struct {
    const char *name;
    edge_enrol_secret which;
  } pems[] = {{"ca_pem", EDGE_ENROL_CA},
              {"certificate_pem", EDGE_ENROL_CERTIFICATE},
              {"key_pem", EDGE_ENROL_KEY}};
  enum { PEMS = sizeof pems / sizeof pems[0] };
  /* All of them are looked at before the first is kept. */
  for (unsigned i = 0; i < PEMS; i++)
    if ((pems[i].which == EDGE_ENROL_CA || !by_password) &&
        !read_pem(credentials, pems[i].name, room, cap))
      return "a certificate or the key is missing, too long or no PEM";
  for (unsigned i = 0; i < PEMS; i++) {
    bool has_it = pems[i].which == EDGE_ENROL_CA || !by_password;
    if (has_it)
      (void)read_pem(credentials, pems[i].name, room, cap);
    else
      room[0] = '\0';
    if (!keep(context, set, pems[i].which, room)) return "the flash did not take a certificate";
  }
  return NULL;
}

const char *edge_enrol(edge_settings *settings, const char *json, size_t len, char *room,
                       size_t cap, edge_enrol_keep keep, void *context) {
  enrol e = {.settings = *settings};
  unsigned set = 1U - settings->secrets;
  const char *wrong = take_settings(&e, (edge_json){json, len});
  if (wrong == NULL)
    wrong = edge_enrol_secrets(e.credentials, e.by_password, set, room, cap, keep, context);
  if (wrong != NULL) return wrong;
  e.settings.secrets = (uint8_t)set;
  *settings = e.settings;
  return NULL;
}
