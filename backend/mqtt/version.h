/* Which version of MQTT the next connection speaks. Pure.
 *
 * Told to find out, it tries 5 first. A broker that refuses the version in so many words is asked
 * in the other at once. One that closes without an answer may not understand the question, but may
 * as well be about to stop or be a proxy with nothing behind it: then the other version has its
 * turn at the next try. What has worked is believed in for longer: only after a few such endings in
 * a row is the other one tried, so that an outage does not change the version. */
#ifndef SM_MQTT_VERSION_H
#define SM_MQTT_VERSION_H

#include "mqtt/subscriber.h"

typedef struct sm_mqtt_versions {
  sm_mqtt_version wish;
  sm_mqtt_version next; /* to speak: 3.1.1 or 5 */
  bool proven;          /* `next` has been accepted once */
  uint32_t unanswered;  /* endings in a row */
  bool other_refused;   /* and nothing has been accepted since */
} sm_mqtt_versions;

void sm_mqtt_versions_init(sm_mqtt_versions *versions, sm_mqtt_version wish);
/* The broker has accepted a connection. */
void sm_mqtt_versions_accepted(sm_mqtt_versions *versions);
/* The broker has refused the version. True: try the other one at once. */
bool sm_mqtt_versions_refused(sm_mqtt_versions *versions);
/* The connection has ended between CONNECT and any answer to it that makes sense. */
void sm_mqtt_versions_unanswered(sm_mqtt_versions *versions);

const char *sm_mqtt_version_text(sm_mqtt_version version); /* "5", "3.1.1" */

#endif
