/* Giving up what a session of an earlier run is subscribed to, as a part of a session.
 *
 * Once everything is granted (and proved, where it is shared), and not before, the filters that are
 * not wanted any more are unsubscribed from: the session would go on getting their messages. What
 * the broker has queued for the session already comes all the same, and is taken as any message.
 *
 * A session that is retired gives up all its filters, so that nothing new is put into it, and is
 * then emptied: it is empty when an UNSUBSCRIBE, sent while nothing waited to be acknowledged, is
 * answered with no message before the answer. That is asked again and again, each time after a
 * pause without messages; a slow broker or network so takes longer and loses nothing. */
#ifndef SM_MQTT_LEAVE_H
#define SM_MQTT_LEAVE_H

#include "mqtt/packet.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_mqtt_session sm_mqtt_session;

typedef struct sm_mqtt_leave {
  uint16_t packet_id; /* of the UNSUBSCRIBE that waits for its answer; 0: none */
  bool left;          /* one has been answered */
  bool heard;         /* a message has come since the latest was sent */
} sm_mqtt_leave;

/* Begins; serves at once where there is nothing to give up. */
void sm_mqtt_leave_begin(sm_mqtt_session *session, int64_t now_ms);
/* A message has come. */
void sm_mqtt_leave_heard(sm_mqtt_session *session, int64_t now_ms);
/* Nothing was listened to until now. */
void sm_mqtt_leave_put_off(sm_mqtt_session *session, int64_t now_ms);
/* Takes an UNSUBACK. False: there was no UNSUBSCRIBE. */
bool sm_mqtt_leave_answered(sm_mqtt_session *session, const sm_mqtt_packet *unsuback,
                            int64_t now_ms);
/* The time that it waits for has come. */
void sm_mqtt_leave_check(sm_mqtt_session *session, int64_t now_ms);

#endif
