/* When to send a PINGREQ, and when to give a silent broker up. Pure; the caller brings the time.
 *
 * A ping is due when nothing has been sent for half of the keepalive interval. The broker counts as
 * dead when, for another half, nothing at all has come although this side was listening: while a
 * store stalls nothing is read, an answer may wait unseen behind messages, and silence proves
 * nothing. */
#ifndef SM_MQTT_KEEPALIVE_H
#define SM_MQTT_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_mqtt_keepalive {
  int64_t half_ms;
  bool asked;       /* a ping is out and nothing has come since */
  int64_t asked_ms; /* when it was sent */
  int64_t quiet_ms; /* since when this side has been listening without hearing anything */
} sm_mqtt_keepalive;

void sm_mqtt_keepalive_init(sm_mqtt_keepalive *keepalive, uint16_t keepalive_s, int64_t now_ms);
/* Bytes came. */
void sm_mqtt_keepalive_heard(sm_mqtt_keepalive *keepalive, int64_t now_ms);
/* This side listens again after it did not. */
void sm_mqtt_keepalive_listen(sm_mqtt_keepalive *keepalive, int64_t now_ms);
void sm_mqtt_keepalive_asked(sm_mqtt_keepalive *keepalive, int64_t now_ms);

bool sm_mqtt_keepalive_ping_due(const sm_mqtt_keepalive *keepalive, int64_t sent_ms,
                                int64_t now_ms);
bool sm_mqtt_keepalive_dead(const sm_mqtt_keepalive *keepalive, bool listening, int64_t now_ms);
/* When one of the two above can next become true. sent_ms: when a byte last left. */
int64_t sm_mqtt_keepalive_next_ms(const sm_mqtt_keepalive *keepalive, bool listening,
                                  int64_t sent_ms);

#endif
