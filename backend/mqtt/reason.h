/* Why a connection could not be made or ended, in words for an operator: what the status and the
 * log show. A reason never holds a secret. */
#ifndef SM_MQTT_REASON_H
#define SM_MQTT_REASON_H

#include "base/err.h"

enum { SM_MQTT_REASON_MAX = 200 }; /* with the NUL; a longer text is cut */

typedef struct sm_mqtt_reason {
  char text[SM_MQTT_REASON_MAX];
} sm_mqtt_reason;

void sm_mqtt_reason_set(sm_mqtt_reason *reason, const char *format, ...) SM_PRINTF(2, 3);

#endif
