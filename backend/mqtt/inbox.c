#include "mqtt/inbox.h"

#include <stdlib.h>
#include <string.h>

sm_err sm_mqtt_inbox_init(sm_mqtt_inbox *inbox, size_t cap) {
  uint8_t *data = malloc(cap);
  if (data == NULL) return SM_ERR_NOMEM;
  *inbox = (sm_mqtt_inbox){.data = data, .cap = cap};
  return SM_OK;
}

void sm_mqtt_inbox_fini(sm_mqtt_inbox *inbox) {
  free(inbox->data);
  *inbox = (sm_mqtt_inbox){0};
}

void sm_mqtt_inbox_reset(sm_mqtt_inbox *inbox) {
  inbox->start = 0;
  inbox->end = 0;
}

sm_err sm_mqtt_inbox_compact(sm_mqtt_inbox *inbox, size_t need) {
  size_t unread = inbox->end - inbox->start;
  if (unread > 0 && inbox->start > 0) memmove(inbox->data, inbox->data + inbox->start, unread);
  inbox->start = 0;
  inbox->end = unread;
  if (need <= inbox->cap) return SM_OK;
  uint8_t *data = realloc(inbox->data, need);
  if (data == NULL) return SM_ERR_NOMEM;
  inbox->data = data;
  inbox->cap = need;
  return SM_OK;
}
