/* The address of a broker: mqtt://[user[:password]@]host[:port][/] or mqtts://… . User and password
 * are percent-encoded, an IPv6 address stands in brackets, the default ports are 1883 and 8883. */
#ifndef SM_MQTT_URL_H
#define SM_MQTT_URL_H

#include "mqtt/reason.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_mqtt_url {
  bool tls;
  char *host; /* a name or an address, without brackets */
  uint16_t port;
  char *username; /* decoded UTF-8; NULL if there is none */
  char *password; /* decoded; NULL if there is none */
} sm_mqtt_url;

/* SM_ERR_INVALID: `reason` says what is wrong and what would be right, without quoting what may be
 * a secret. SM_ERR_NOMEM. The caller frees the parts by fini. */
SM_MUST_CHECK sm_err sm_mqtt_url_parse(const char *text, sm_mqtt_url *url, sm_mqtt_reason *reason);
/* Wipes the password first. Safe on a zeroed url. */
void sm_mqtt_url_fini(sm_mqtt_url *url);

#endif
