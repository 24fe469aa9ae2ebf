/* The subscriber's options, checked and copied. */
#ifndef SM_MQTT_SETTINGS_H
#define SM_MQTT_SETTINGS_H

#include "base/broker_url.h"
#include "mqtt/reason.h"
#include "mqtt/subscriber.h"

typedef struct sm_mqtt_settings {
  sm_broker_url url;
  char *username; /* NULL: none */
  char *password;
  char *ca_file;
  char *client_id;
  sm_mqtt_version version;
  char **filters; /* as they are subscribed: the shared ones, the others, the probe's */
  size_t filter_count;
  size_t shared_count; /* of these, at the front; without the probe's */
  char **former;       /* filters to give up: none of those above, or with `retire` these too */
  size_t former_count;
  bool retire;
  bool live;
  uint32_t retire_quiet_ms;
  uint32_t speak_every_ms;
  void (*reached)(void *context, sm_mqtt_state state); /* NULL: nobody wants to know */
  void *reached_context;
  bool (*allowed)(void *context); /* NULL: always */
  void *allowed_context;
  char *probe_topic; /* what comes under it is ours; NULL: nothing is shared, nothing to prove */
  uint32_t probe_timeout_ms;
  uint16_t keepalive_s;
  uint16_t receive_max;
  size_t batch_messages_max;
  uint32_t batch_age_max_ms;
  size_t packet_max;
} sm_mqtt_settings;

/* SM_ERR_INVALID with the reason, SM_ERR_NOMEM. The caller ends it by fini. */
SM_MUST_CHECK sm_err sm_mqtt_settings_init(sm_mqtt_settings *settings,
                                           const sm_mqtt_options *options, sm_mqtt_reason *reason);
void sm_mqtt_settings_fini(sm_mqtt_settings *settings); /* wipes the password */

#endif
