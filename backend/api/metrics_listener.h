/* /metrics on a listener of its own, on loopback: figures are for the operator's machine, and a
 * scrape is answered also while every thread of the other listener is busy. */
#ifndef SM_API_METRICS_LISTENER_H
#define SM_API_METRICS_LISTENER_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

typedef struct sm_metrics_listener sm_metrics_listener;

/* Listens on 127.0.0.1 (port 0: any free one) and answers GET /metrics with what `write` appends;
 * it is called on the listener's thread. Errors as sm_listen. */
SM_MUST_CHECK sm_err sm_metrics_listener_start(uint16_t port,
                                               void (*write)(void *context, sm_buf *out),
                                               void *context, sm_metrics_listener **listener);
uint16_t sm_metrics_listener_port(const sm_metrics_listener *listener);
void sm_metrics_listener_stop(sm_metrics_listener *listener); /* frees; NULL is fine */

#endif
