/* TLS over a connected non-blocking socket: the upper half of a transport, and the only file that
 * knows OpenSSL. */
#ifndef SM_MQTT_TLS_H
#define SM_MQTT_TLS_H

#include "mqtt/transport.h"

typedef struct sm_mqtt_tls sm_mqtt_tls;

/* What TLS needs from the socket before it can go on. */
typedef enum sm_mqtt_tls_need { SM_MQTT_TLS_READ, SM_MQTT_TLS_WRITE } sm_mqtt_tls_need;

/* Shakes hands and verifies the broker. Errors as sm_mqtt_transport_open. fd stays the caller's. */
SM_MUST_CHECK sm_err sm_mqtt_tls_open(const sm_mqtt_endpoint *endpoint, int fd, int wake_fd,
                                      int64_t deadline_ms, sm_mqtt_tls **tls,
                                      sm_mqtt_reason *reason);
void sm_mqtt_tls_close(sm_mqtt_tls *tls); /* says goodbye if the socket takes it; NULL is fine */

/* As the transport's read and write. On *got or *sent short of what was asked, *need is what to
 * wait for. */
SM_MUST_CHECK sm_err sm_mqtt_tls_read(sm_mqtt_tls *tls, void *bytes, size_t room, size_t *got,
                                      sm_mqtt_tls_need *need, sm_mqtt_reason *reason);
SM_MUST_CHECK sm_err sm_mqtt_tls_write(sm_mqtt_tls *tls, const void *bytes, size_t len,
                                       size_t *sent, sm_mqtt_tls_need *need,
                                       sm_mqtt_reason *reason);

#endif
