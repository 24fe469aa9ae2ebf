/* One connection from CONNECT to its end: reads and dispatches packets, decides when to commit,
 * acknowledges after that, and keeps time. It borrows everything that outlives a connection. */
#ifndef SM_MQTT_SESSION_H
#define SM_MQTT_SESSION_H

#include "mqtt/batch.h"
#include "mqtt/control.h"
#include "mqtt/inbox.h"
#include "mqtt/keepalive.h"
#include "mqtt/leave.h"
#include "mqtt/outbox.h"
#include "mqtt/probe.h"
#include "mqtt/settings.h"
#include "mqtt/subscription.h"
#include "mqtt/transport.h"

typedef enum sm_mqtt_phase {
  SM_MQTT_AWAITS_CONNACK,
  SM_MQTT_SUBSCRIBING, /* connected; some filter is not granted yet */
  SM_MQTT_PROBING,     /* all granted; not seen yet that what is shared arrives */
  SM_MQTT_LEAVING,     /* all that, or retiring; filters of an earlier run are given up */
  SM_MQTT_SERVING,
  SM_MQTT_ENDED
} sm_mqtt_phase;

typedef enum sm_mqtt_ending {
  SM_MQTT_END_STOP,    /* asked to stop */
  SM_MQTT_END_LOST,    /* broken, closed, or closed by us after a breach of the protocol */
  SM_MQTT_END_HELD,    /* it is not allowed any more */
  SM_MQTT_END_REFUSED, /* the broker answered CONNECT with no */
  SM_MQTT_END_DRAINED, /* to retire: the session holds nothing any more and gets nothing */
  SM_MQTT_END_RETIRED  /* to retire: the session is gone from the broker */
} sm_mqtt_ending;

/* What came of CONNECT. */
typedef enum sm_mqtt_greeting {
  SM_MQTT_UNANSWERED, /* nothing, or nonsense, before the connection ended */
  SM_MQTT_TIMED_OUT,  /* nothing for too long */
  SM_MQTT_ACCEPTED,
  SM_MQTT_REFUSED,
  SM_MQTT_VERSION_REFUSED
} sm_mqtt_greeting;

struct sm_mqtt_session {
  const sm_mqtt_settings *settings;
  sm_mqtt_control *control;
  sm_mqtt_batch *batch;
  sm_mqtt_inbox *inbox; /* empty when the session begins */
  sm_mqtt_transport *transport;
  sm_mqtt_version version; /* 3.1.1 or 5 */
  bool clean; /* what there is of a session is dropped by this CONNECT: to retire, after
                 END_DRAINED, and where there is to be none */

  sm_mqtt_phase phase;
  sm_mqtt_greeting greeting;
  bool session_present;  /* the broker has kept the session of an earlier connection */
  sm_mqtt_ending ending; /* once ended, with `reason` */
  sm_mqtt_reason reason; /* also: why it does not serve yet */
  sm_mqtt_outbox outbox;
  sm_mqtt_subscription subscription;
  sm_mqtt_probe probe;
  sm_mqtt_leave leave;
  sm_mqtt_keepalive keepalive;
  sm_mqtt_events events; /* of the last wait */
  int64_t answer_ms;     /* steady clock: CONNACK, SUBACK, UNSUBACK or the probe's message must have
                            come, or SUBSCRIBE, UNSUBSCRIBE or the probe is repeated */
  int64_t speak_ms;      /* steady clock: when the owner may speak again */
  int64_t serving_ms;    /* since when it serves; 0: it never did */
  size_t need;           /* bytes at inbox->start that the next packet needs at least */
  bool drained;          /* the last read took all there was */

  /* A packet too large to be held: its prefix stays in the inbox, `skip` bytes of the rest are
   * still to be read and dropped, and only then it is handed on, so that no PUBACK goes out for
   * what the broker is still sending. Nothing else is pending meanwhile. */
  sm_mqtt_packet large;
  sm_mqtt_parsed large_parsed;
  size_t skip;
};

/* Runs until the end and says how it ended; `reason` says why. Closes nothing: the transport, and a
 * batch that could not be committed (its PUBACKs included), are the caller's to deal with. */
sm_mqtt_ending sm_mqtt_session_run(sm_mqtt_session *session);
void sm_mqtt_session_fini(sm_mqtt_session *session);

/* ---- between the parts of a session ---- */

void sm_mqtt_session_end(sm_mqtt_session *session, sm_mqtt_ending ending, const char *reason);
/* Commits the batch and sends its PUBACKs. False: stalled, or the session has ended. */
bool sm_mqtt_session_commit(sm_mqtt_session *session);
/* Whether there may be a connection now. */
bool sm_mqtt_allowed(const sm_mqtt_settings *settings);
bool sm_mqtt_session_stalled(const sm_mqtt_session *session);
/* CONNECTED states of the status, from the phase. */
void sm_mqtt_session_show_state(sm_mqtt_session *session);
/* Everything is as it should be: READY. */
void sm_mqtt_session_serve(sm_mqtt_session *session, int64_t now_ms);
/* Tells the owner. */
void sm_mqtt_session_reached(sm_mqtt_session *session, sm_mqtt_state state);
/* Reads once and handles every packet that is complete. */
void sm_mqtt_session_receive(sm_mqtt_session *session, int64_t now_ms);
/* Handles packets that are in the inbox already. */
void sm_mqtt_session_consume(sm_mqtt_session *session, int64_t now_ms);
/* Sends a SUBSCRIBE for what is not granted. */
void sm_mqtt_session_subscribe(sm_mqtt_session *session, int64_t now_ms);

#endif
