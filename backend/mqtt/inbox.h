/* The one buffer that packets are read into and parsed in place. Bytes before `start` are used up,
 * but may still be pointed to by messages that wait for their commit: so nothing here moves bytes
 * except `compact`, and that is called only when no message is pending. */
#ifndef SM_MQTT_INBOX_H
#define SM_MQTT_INBOX_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sm_mqtt_inbox {
  uint8_t *data;
  size_t cap;
  size_t start; /* the first unread byte */
  size_t end;   /* behind the last byte received */
} sm_mqtt_inbox;

SM_MUST_CHECK sm_err sm_mqtt_inbox_init(sm_mqtt_inbox *inbox, size_t cap);
void sm_mqtt_inbox_fini(sm_mqtt_inbox *inbox);

/* Forgets all bytes. Nothing may point into it. */
void sm_mqtt_inbox_reset(sm_mqtt_inbox *inbox);
/* Moves the unread bytes to the front and makes `need` bytes from there fit. Nothing may point into
 * it. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_mqtt_inbox_compact(sm_mqtt_inbox *inbox, size_t need);

#endif
