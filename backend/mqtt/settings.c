#include "mqtt/settings.h"

#include "base/utf8.h"
#include "mqtt/topic.h"

#include <stdlib.h>
#include <string.h>

enum {
  CLIENT_ID_MAX = 256,
  FILTERS_MAX = 256,
  CREDENTIAL_MAX = 65535,
  KEEPALIVE_DEFAULT_S = 30,
  BATCH_MESSAGES_DEFAULT = 2000,
  BATCH_AGE_DEFAULT_MS = 5,
  PACKET_DEFAULT = 1024 * 1024
};

static sm_err invalid(sm_mqtt_reason *reason, const char *text) {
  sm_mqtt_reason_set(reason, "%s", text);
  return SM_ERR_INVALID;
}

/* NULL stays NULL. */
static sm_err copy(const char *text, char **made) {
  if (text == NULL) return SM_OK;
  *made = strdup(text);
  return *made == NULL ? SM_ERR_NOMEM : SM_OK;
}

static void free_secret(char *secret) {
  if (secret != NULL) explicit_bzero(secret, strlen(secret));
  free(secret);
}

static sm_err check_client_id(const char *id, sm_mqtt_reason *reason) {
  if (id == NULL || id[0] == '\0')
    return invalid(reason, "client_id: must not be empty; the broker keeps the session under it");
  size_t len = strlen(id);
  if (len > CLIENT_ID_MAX) return invalid(reason, "client_id: longer than 256 bytes");
  if (!sm_utf8_valid(id, len)) return invalid(reason, "client_id: not UTF-8");
  return SM_OK;
}

static sm_err check_filters(const char *const *filters, size_t count, sm_mqtt_reason *reason) {
  if (filters == NULL || count == 0) return invalid(reason, "filters: at least one is needed");
  if (count > FILTERS_MAX) return invalid(reason, "filters: more than 256");
  for (size_t i = 0; i < count; i++) {
    if (filters[i] != NULL && sm_mqtt_filter_valid(filters[i], strlen(filters[i]))) continue;
    sm_mqtt_reason_set(reason,
                       "filters[%zu]: \"%.64s\" is no topic filter; '+' must be a whole level and "
                       "'#' the last one",
                       i, filters[i] == NULL ? "" : filters[i]);
    return SM_ERR_INVALID;
  }
  return SM_OK;
}

static sm_err copy_filters(sm_mqtt_settings *settings, const sm_mqtt_options *options) {
  settings->filters = calloc(options->filter_count, sizeof *settings->filters);
  if (settings->filters == NULL) return SM_ERR_NOMEM;
  settings->filter_count = options->filter_count;
  for (size_t i = 0; i < options->filter_count; i++) {
    sm_err err = copy(options->filters[i], &settings->filters[i]);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

static sm_err set_credentials(sm_mqtt_settings *settings, const sm_mqtt_options *options,
                              sm_mqtt_reason *reason) {
  const sm_broker_url *url = &settings->url;
  sm_err err = copy(options->username ? options->username : url->username, &settings->username);
  if (err == SM_OK)
    err = copy(options->password ? options->password : url->password, &settings->password);
  if (err != SM_OK) return err;
  const char *user = settings->username;
  if (settings->password != NULL && user == NULL)
    return invalid(reason, "password: MQTT 3.1.1 allows none without a user name");
  if (user != NULL && (strlen(user) > CREDENTIAL_MAX || !sm_utf8_valid(user, strlen(user))))
    return invalid(reason, "username: not UTF-8, or too long");
  if (settings->password != NULL && strlen(settings->password) > CREDENTIAL_MAX)
    return invalid(reason, "password: too long");
  return SM_OK;
}

static void set_limits(sm_mqtt_settings *settings, const sm_mqtt_options *options) {
  settings->keepalive_s = options->keepalive_s ? options->keepalive_s : KEEPALIVE_DEFAULT_S;
  settings->batch_messages_max =
      options->batch_messages_max ? options->batch_messages_max : BATCH_MESSAGES_DEFAULT;
  settings->batch_age_max_ms =
      options->batch_age_max_ms ? options->batch_age_max_ms : BATCH_AGE_DEFAULT_MS;
  settings->packet_max = options->packet_max ? options->packet_max : PACKET_DEFAULT;
}

static sm_err take_url(const char *text, sm_broker_url *url, sm_mqtt_reason *reason) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_broker_url_parse(text, url, &problem);
  if (err != SM_OK) sm_mqtt_reason_set(reason, "%s", sm_buf_text(&problem));
  sm_buf_fini(&problem);
  return err;
}

static sm_err fill(sm_mqtt_settings *settings, const sm_mqtt_options *options,
                   sm_mqtt_reason *reason) {
  if (options->url == NULL) return invalid(reason, "url: missing; as in mqtt://localhost:1883");
  sm_err err = take_url(options->url, &settings->url, reason);
  if (err == SM_OK) err = check_client_id(options->client_id, reason);
  if (err == SM_OK) err = check_filters(options->filters, options->filter_count, reason);
  if (err == SM_OK) err = set_credentials(settings, options, reason);
  if (err == SM_OK) err = copy(options->ca_file, &settings->ca_file);
  if (err == SM_OK) err = copy(options->client_id, &settings->client_id);
  if (err == SM_OK) err = copy_filters(settings, options);
  set_limits(settings, options);
  return err;
}

sm_err sm_mqtt_settings_init(sm_mqtt_settings *settings, const sm_mqtt_options *options,
                             sm_mqtt_reason *reason) {
  sm_mqtt_settings made = {0};
  sm_err err = fill(&made, options, reason);
  if (err != SM_OK) {
    if (err == SM_ERR_NOMEM) sm_mqtt_reason_set(reason, "%s", sm_err_text(err));
    sm_mqtt_settings_fini(&made);
    return err;
  }
  *settings = made;
  return SM_OK;
}

void sm_mqtt_settings_fini(sm_mqtt_settings *settings) {
  sm_broker_url_fini(&settings->url);
  free(settings->username);
  free_secret(settings->password);
  free(settings->ca_file);
  free(settings->client_id);
  for (size_t i = 0; i < settings->filter_count; i++) free(settings->filters[i]);
  free(settings->filters);
  *settings = (sm_mqtt_settings){0};
}
