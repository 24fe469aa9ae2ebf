/* The proof that shared subscriptions deliver, as a part of a session: a small message to a topic
 * of our own, which is subscribed in a group of our own, has to come back. A broker that only
 * grants (RabbitMQ 3.10, NATS 2.9) is found out by that and by nothing else.
 *
 * Time is counted from the last message that came by a shared filter: behind a backlog the probe's
 * comes last. But not for ever, since messages may also come by what the session holds unshared
 * from an earlier run. The same token is sent again and again on one connection, so that a late
 * answer is as good as any; one of an earlier connection proves nothing.
 */
#ifndef SM_MQTT_PROBE_H
#define SM_MQTT_PROBE_H

#include "mqtt/backoff.h"
#include "mqtt/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum { SM_MQTT_TOKEN_BYTES = 16 };

typedef struct sm_mqtt_session sm_mqtt_session;

typedef enum sm_mqtt_probe_step {
  SM_MQTT_PROBE_SENT,   /* waits for the message */
  SM_MQTT_PROBE_RESTING /* waits for the time to send it again */
} sm_mqtt_probe_step;

typedef struct sm_mqtt_probe {
  char token[2 * SM_MQTT_TOKEN_BYTES + 1];
  sm_mqtt_probe_step step;
  int64_t latest_ms;  /* steady clock: when it is given up whatever else comes */
  uint16_t packet_id; /* of the last message, while it is not answered; 0: none */
  sm_mqtt_backoff backoff;
} sm_mqtt_probe;

/* All is granted: goes on at once (leave.h) if nothing is shared, else begins to prove. */
void sm_mqtt_probe_begin(sm_mqtt_session *session, int64_t now_ms);
/* Looks at a PUBLISH, where something is shared. True: it is the probe's, and not for the owner. */
bool sm_mqtt_probe_take(sm_mqtt_session *session, const sm_mqtt_packet *packet, int64_t now_ms);
/* Looks at a PUBACK. */
void sm_mqtt_probe_answered(sm_mqtt_session *session, const sm_mqtt_packet *puback, int64_t now_ms);
/* The time that it waits for has come. */
void sm_mqtt_probe_check(sm_mqtt_session *session, int64_t now_ms);

#endif
