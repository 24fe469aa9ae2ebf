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
  char **filters;
  size_t filter_count;
  uint16_t keepalive_s;
  size_t batch_messages_max;
  uint32_t batch_age_max_ms;
  size_t packet_max;
} sm_mqtt_settings;

/* SM_ERR_INVALID with the reason, SM_ERR_NOMEM. The caller ends it by fini. */
SM_MUST_CHECK sm_err sm_mqtt_settings_init(sm_mqtt_settings *settings,
                                           const sm_mqtt_options *options, sm_mqtt_reason *reason);
void sm_mqtt_settings_fini(sm_mqtt_settings *settings); /* wipes the password */

#endif
