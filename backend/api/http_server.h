/* The glue to libmicrohttpd: takes requests from its threads, bounds what they may bring and how
 * long they may take, has them answered (api/api.h), and sends the answers with the headers that
 * every answer has. */
#ifndef SM_API_HTTP_SERVER_H
#define SM_API_HTTP_SERVER_H

#include "base/err.h"

#include <stdint.h>

struct sm_api;
struct sm_http;

/* Listens and serves. Errors as sm_api_start. */
SM_MUST_CHECK sm_err sm_http_start(struct sm_api *api, struct sm_http **http);
uint16_t sm_http_port(const struct sm_http *http);
/* Takes nothing new, waits a while for the running requests, closes all, frees. NULL is fine. */
void sm_http_stop(struct sm_http *http);

#endif
