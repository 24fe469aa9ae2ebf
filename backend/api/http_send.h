/* Sends an answer through libmicrohttpd, with the headers that every answer has: what browsers may
 * and may not do with it, and the request's id. */
#ifndef SM_API_HTTP_SEND_H
#define SM_API_HTTP_SEND_H

#include "api/answer.h"
#include "api/request.h"

#include <stdbool.h>

struct MHD_Connection;

typedef struct sm_send_style {
  bool secure; /* over TLS: browsers are told to come by TLS only */
  bool close;  /* the connection is not kept */
} sm_send_style;

/* Empties the answer. False: nothing could be sent, and the connection is to be closed. */
bool sm_http_send(struct MHD_Connection *connection, const sm_request *request, sm_answer *answer,
                  const sm_send_style *style);

#endif
