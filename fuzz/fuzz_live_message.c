/* What a client of /api/live may send first. Whatever is accepted must be what the hub relies on: a
 * token, and of a list possible device ids, in order, each once. */
#include "api/live_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const sm_live_message *m) {
  if (m->device_count == 0) abort();
  for (size_t i = 0; i < m->device_count; i++) {
    if (!sm_device_id_valid(m->device[i], strlen(m->device[i]))) abort();
    if (i > 0 && strcmp(m->device[i - 1], m->device[i]) >= 0) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_live_message message = {0};
  sm_err err = sm_live_message_parse((const char *)data, size, &message);
  if (err == SM_OK) {
    if (message.token_len == 0 || message.token[message.token_len] != '\0') abort();
    if (message.choice == SM_LIVE_CHOICE_LIST)
      check_list(&message);
    else if (message.device_count != 0)
      abort();
  } else if (message.token != NULL || message.device != NULL) {
    abort();
  }
  sm_live_message_fini(&message);
  return 0;
}
