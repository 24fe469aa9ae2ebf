#include "mqtt/reason.h"

#include <stdarg.h>
#include <stdio.h>

void sm_mqtt_reason_set(sm_mqtt_reason *reason, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(reason->text, sizeof reason->text, format, args);
  va_end(args);
}
