#include "mqtt/settings.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "mqtt/topic.h"

#include <stdlib.h>
#include <string.h>

enum {
  CLIENT_ID_MAX = 256,
  FILTERS_MAX = 256,
  GROUP_MAX = 128,
  CREDENTIAL_MAX = 65535,
  KEEPALIVE_DEFAULT_S = 30,
  BATCH_MESSAGES_DEFAULT = 2000,
  BATCH_AGE_DEFAULT_MS = 5,
  PACKET_DEFAULT = 1024 * 1024,
  PROBE_TIMEOUT_DEFAULT_MS = 5000,
  RETIRE_QUIET_DEFAULT_MS = 3000,
  SPEAK_EVERY_DEFAULT_MS = 250,
  /* Mosquitto 2.0 does not save what is on its way to a connected client, and takes this number
     over its own max_inflight_messages: so it is also what a killed broker can lose, of meters
     that send no `seq`. */
  RECEIVE_MAX_DEFAULT = 20
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

static sm_err check_filters(const char *name, const char *const *filters, size_t count,
                            sm_mqtt_reason *reason) {
  for (size_t i = 0; i < count; i++) {
    if (filters[i] != NULL && sm_mqtt_filter_valid(filters[i], strlen(filters[i]))) continue;
    sm_mqtt_reason_set(reason,
                       "%s[%zu]: \"%.64s\" is no topic filter; '+' must be a whole level and "
                       "'#' the last one",
                       name, i, filters[i] == NULL ? "" : filters[i]);
    return SM_ERR_INVALID;
  }
  return SM_OK;
}

static sm_err check_all_filters(const sm_mqtt_options *options, sm_mqtt_reason *reason) {
  size_t shared = options->filter_count;
  size_t unshared = options->unshared_filter_count;
  size_t former = options->former_filter_count;
  bool missing = (options->filters == NULL && shared > 0) ||
                 (options->unshared_filters == NULL && unshared > 0) ||
                 (options->former_filters == NULL && former > 0);
  if (missing || (shared == 0 && unshared == 0))
    return invalid(reason, "filters: at least one is needed");
  if (shared > FILTERS_MAX || unshared > FILTERS_MAX || former > FILTERS_MAX)
    return invalid(reason, "filters: more than 256");
  sm_err err = check_filters("filters", options->filters, shared, reason);
  if (err == SM_OK)
    err = check_filters("unshared_filters", options->unshared_filters, unshared, reason);
  if (err == SM_OK) err = check_filters("former_filters", options->former_filters, former, reason);
  return err;
}

/* ---- sharing ---- */

/* A copy of the probe that comes by another way than a shared subscription would prove nothing. */
static sm_err check_probe(const sm_mqtt_options *options, const char *const *filters, size_t count,
                          sm_mqtt_reason *reason) {
  const char *topic = options->probe_topic;
  for (size_t i = 0; i < count; i++) {
    if (!sm_mqtt_filter_matches(sm_mqtt_filter_unshared(filters[i]), topic, strlen(topic)))
      continue;
    sm_mqtt_reason_set(reason, "probe_topic: \"%.48s\" is also what the filter \"%.48s\" asks for",
                       topic, filters[i]);
    return SM_ERR_INVALID;
  }
  return SM_OK;
}

static sm_err check_group(const sm_mqtt_options *options, sm_mqtt_reason *reason) {
  const char *group = options->share_group;
  size_t group_len = strlen(group);
  if (group_len > GROUP_MAX || !sm_mqtt_group_valid(group, group_len))
    return invalid(reason, "share_group: 1 to 128 bytes of UTF-8 without '/', '+' and '#'");
  if (options->filter_count == 0) return invalid(reason, "share_group: no filter to share");
  for (size_t i = 0; i < options->filter_count; i++) {
    if (sm_mqtt_filter_unshared(options->filters[i]) != options->filters[i])
      return invalid(reason, "share_group: a filter is shared already");
  }
  return SM_OK;
}

static sm_err check_sharing(const sm_mqtt_options *options, sm_mqtt_reason *reason) {
  if (options->share_group == NULL && options->probe_topic == NULL) return SM_OK;
  sm_err err = options->share_group != NULL ? check_group(options, reason) : SM_OK;
  if (err != SM_OK) return err;
  const char *probe = options->probe_topic;
  if (probe == NULL || !sm_mqtt_topic_valid(probe, strlen(probe)))
    return invalid(reason, "probe_topic: a topic is needed to prove that what is shared arrives");
  if (!sm_mqtt_group_valid(options->client_id, strlen(options->client_id)))
    return invalid(reason, "client_id: with share_group no '/', '+' or '#', as it names a group");
  err = check_probe(options, options->filters, options->filter_count, reason);
  if (err == SM_OK)
    err = check_probe(options, options->unshared_filters, options->unshared_filter_count, reason);
  return err;
}

/* One more text in a list that has room for it. */
static sm_err add_filter(char **list, size_t *count, const char *group, const char *suffix,
                         const char *filter) {
  sm_buf text;
  sm_buf_init(&text, 0);
  if (group != NULL) sm_buf_printf(&text, "$share/%s%s/", group, suffix);
  sm_buf_append_text(&text, filter);
  char *made = sm_buf_take(&text);
  sm_buf_fini(&text);
  if (made == NULL) return SM_ERR_NOMEM;
  list[(*count)++] = made;
  return SM_OK;
}

static sm_err make_filters(sm_mqtt_settings *settings, const sm_mqtt_options *options) {
  const char *group = options->share_group;
  size_t count = options->filter_count + options->unshared_filter_count + 2;
  settings->filters = calloc(count, sizeof *settings->filters);
  if (settings->filters == NULL) return SM_ERR_NOMEM;
  char **list = settings->filters;
  size_t *made = &settings->filter_count;
  sm_err err = copy(options->probe_topic, &settings->probe_topic);
  for (size_t i = 0; err == SM_OK && i < options->filter_count; i++)
    err = add_filter(list, made, group, "", options->filters[i]);
  for (size_t i = 0; err == SM_OK && i < options->unshared_filter_count; i++)
    err = add_filter(list, made, NULL, "", options->unshared_filters[i]);
  if (group == NULL || err != SM_OK) return err;
  settings->shared_count = options->filter_count;
  return add_filter(list, made, options->client_id, "-probe", options->probe_topic);
}

/* ---- giving up ---- */

/* The list ends with NULL. */
static bool contains(char *const *list, const char *filter) {
  for (; *list != NULL; list++)
    if (strcmp(*list, filter) == 0) return true;
  return false;
}

/* Unless it is wanted. */
static sm_err add_former(sm_mqtt_settings *settings, const char *group, const char *suffix,
                         const char *filter) {
  bool wanted = group == NULL && !settings->retire && contains(settings->filters, filter);
  if (wanted || (group == NULL && contains(settings->former, filter))) return SM_OK;
  return add_filter(settings->former, &settings->former_count, group, suffix, filter);
}

/* The shared filters without their group, from a time without one; what the owner names; and the
 * probe's, from a time with one. */
static sm_err make_former(sm_mqtt_settings *settings, const sm_mqtt_options *options) {
  size_t count = 2 * settings->filter_count + options->former_filter_count + 2;
  settings->former = calloc(count, sizeof *settings->former);
  if (settings->former == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && settings->retire && i < settings->filter_count; i++)
    err = add_former(settings, NULL, "", settings->filters[i]);
  for (size_t i = 0; err == SM_OK && i < settings->shared_count; i++)
    err = add_former(settings, NULL, "", options->filters[i]);
  for (size_t i = 0; err == SM_OK && i < options->former_filter_count; i++)
    err = add_former(settings, NULL, "", options->former_filters[i]);
  if (err == SM_OK && options->probe_topic != NULL && options->share_group == NULL)
    err = add_former(settings, options->client_id, "-probe", options->probe_topic);
  return err;
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
  settings->probe_timeout_ms =
      options->probe_timeout_ms ? options->probe_timeout_ms : PROBE_TIMEOUT_DEFAULT_MS;
  settings->receive_max = options->receive_max ? options->receive_max : RECEIVE_MAX_DEFAULT;
  settings->speak_every_ms =
      options->speak_every_ms ? options->speak_every_ms : SPEAK_EVERY_DEFAULT_MS;
  settings->retire_quiet_ms =
      options->retire_quiet_ms ? options->retire_quiet_ms : RETIRE_QUIET_DEFAULT_MS;
}

static sm_err set_version(sm_mqtt_settings *settings, const sm_mqtt_options *options,
                          sm_mqtt_reason *reason) {
  settings->version = options->version;
  switch (options->version) {
  case SM_MQTT_VERSION_AUTO:
  case SM_MQTT_VERSION_3_1_1:
  case SM_MQTT_VERSION_5:
    return SM_OK;
  }
  return invalid(reason, "version: there is MQTT 3.1.1 and 5");
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
  if (options->live && (options->retire || options->share_group != NULL))
    return invalid(reason, "live: there is no session to retire or to share");
  if (options->url == NULL) return invalid(reason, "url: missing; as in mqtt://localhost:1883");
  sm_err err = take_url(options->url, &settings->url, reason);
  if (err == SM_OK) err = check_client_id(options->client_id, reason);
  if (err == SM_OK) err = set_version(settings, options, reason);
  if (err == SM_OK) err = check_all_filters(options, reason);
  if (err == SM_OK) err = check_sharing(options, reason);
  if (err == SM_OK) err = set_credentials(settings, options, reason);
  if (err == SM_OK) err = copy(options->ca_file, &settings->ca_file);
  if (err == SM_OK) err = copy(options->client_id, &settings->client_id);
  settings->retire = options->retire;
  settings->live = options->live;
  settings->reached = options->reached;
  settings->reached_context = options->reached_context;
  settings->allowed = options->allowed;
  settings->allowed_context = options->allowed_context;
  if (err == SM_OK) err = make_filters(settings, options);
  if (err == SM_OK) err = make_former(settings, options);
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
  for (size_t i = 0; i < settings->former_count; i++) free(settings->former[i]);
  free(settings->former);
  free(settings->probe_topic);
  *settings = (sm_mqtt_settings){0};
}
