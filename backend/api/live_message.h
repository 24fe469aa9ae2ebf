/* What a client of /api/live sends: {"token":"…","devices":["…"] or "*"}. Members that are not
 * known are ignored; a member given twice is not JSON to us. */
#ifndef SM_API_LIVE_MESSAGE_H
#define SM_API_LIVE_MESSAGE_H

#include "base/err.h"
#include "model/reading.h"

#include <stddef.h>

enum { SM_LIVE_MESSAGE_MAX = 16384 }; /* bytes */

typedef enum sm_live_choice {
  SM_LIVE_CHOICE_NONE, /* no "devices": a renewal */
  SM_LIVE_CHOICE_ALL,  /* "*" */
  SM_LIVE_CHOICE_LIST
} sm_live_choice;

typedef char sm_live_id[SM_DEVICE_ID_MAX + 1];

typedef struct sm_live_message {
  char *token; /* heap */
  size_t token_len;
  sm_live_choice choice;
  sm_live_id *device; /* heap; of a list: in byte order, each once */
  size_t device_count;
} sm_live_message;

/* SM_ERR_SYNTAX: not a JSON object with a token that is a text; SM_ERR_INVALID: "devices" is
 * neither
 * "*" nor an array of at least one text; SM_ERR_NOT_FOUND: one of them cannot be a device's id;
 * SM_ERR_NOMEM. fini with sm_live_message_fini. */
SM_MUST_CHECK sm_err sm_live_message_parse(const char *text, size_t len, sm_live_message *message);
/* Safe on a zeroed one; wipes the token. */
void sm_live_message_fini(sm_live_message *message);

#endif
