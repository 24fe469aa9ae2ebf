/* Our own messages on their way to the broker: queued while a batch is being committed, free to
 * leave once it is, and sent as fast as the broker answers them (its Receive Maximum). */
#ifndef SM_MQTT_OUTGOING_H
#define SM_MQTT_OUTGOING_H

#include "base/buf.h"
#include "mqtt/packet.h"

typedef struct sm_mqtt_outgoing {
  sm_mqtt_version version;
  sm_mqtt_terms terms;
  bool connected;
  sm_buf bytes;        /* PUBLISH packets one behind another */
  size_t sent;         /* of these bytes */
  size_t count;        /* packets that are not sent */
  size_t ready;        /* the first so many of them may leave */
  size_t in_flight;    /* packets sent and not answered */
  uint64_t connection; /* its number, one for each in this process, growing; 0: none yet */
  uint64_t added;      /* packets over this one, and how many of them the broker has answered */
  uint64_t answered;
  uint16_t last_id;
} sm_mqtt_outgoing;

void sm_mqtt_outgoing_init(sm_mqtt_outgoing *outgoing);
void sm_mqtt_outgoing_fini(sm_mqtt_outgoing *outgoing);

void sm_mqtt_outgoing_connected(sm_mqtt_outgoing *outgoing, sm_mqtt_version version,
                                const sm_mqtt_terms *terms);
void sm_mqtt_outgoing_disconnected(sm_mqtt_outgoing *outgoing); /* forgets all */

/* Queues one; *packet_id (NULL is fine) is its own. Errors as sm_mqtt_subscriber_publish. */
SM_MUST_CHECK sm_err sm_mqtt_outgoing_add(sm_mqtt_outgoing *outgoing, const char *topic,
                                          const void *payload, size_t payload_len, bool retained,
                                          uint16_t *packet_id);
/* A state to go back to, as long as nothing was made ready or released in between. */
typedef struct sm_mqtt_outgoing_mark {
  size_t len;
  size_t count;
  uint16_t last_id;
} sm_mqtt_outgoing_mark;

sm_mqtt_outgoing_mark sm_mqtt_outgoing_get_mark(const sm_mqtt_outgoing *outgoing);
void sm_mqtt_outgoing_go_back(sm_mqtt_outgoing *outgoing, sm_mqtt_outgoing_mark mark);

/* What is queued may leave from now on. */
void sm_mqtt_outgoing_make_ready(sm_mqtt_outgoing *outgoing);
/* Moves to `out` what may leave and the broker takes now. */
void sm_mqtt_outgoing_release(sm_mqtt_outgoing *outgoing, sm_buf *out);
/* The broker has answered one. */
void sm_mqtt_outgoing_answered(sm_mqtt_outgoing *outgoing);
/* A packet id that is not in use. */
uint16_t sm_mqtt_outgoing_next_id(sm_mqtt_outgoing *outgoing);

#endif
