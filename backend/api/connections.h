/* Cuts connections that are slow on purpose. libmicrohttpd's time-out counts from the last byte, so
 * a client that sends one byte now and then would hold a connection for ever; here each phase of a
 * request has a deadline that no byte moves. A thread of its own looks at the deadlines and shuts
 * down the sockets that have passed theirs; the library then finds them ended. */
#ifndef SM_API_CONNECTIONS_H
#define SM_API_CONNECTIONS_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct sm_connections sm_connections;
typedef struct sm_connection sm_connection;

/* Looks every `tick_ms`. *cut counts what was shut down; borrowed. Starts the thread. SM_ERR_NOMEM,
 * SM_ERR_INTERNAL. */
SM_MUST_CHECK sm_err sm_connections_new(uint32_t tick_ms, atomic_uint_fast64_t *cut,
                                        sm_connections **connections);
void sm_connections_free(sm_connections *connections); /* NULL is fine; all must be removed */

/* A new connection on a socket, with its first deadline. NULL without memory. */
sm_connection *sm_connections_add(sm_connections *connections, int socket, uint32_t timeout_ms);
/* Before its socket is closed. NULL is fine. */
void sm_connections_remove(sm_connections *connections, sm_connection *connection);
/* From now on it has so long; 0: for ever. NULL is fine. */
void sm_connection_allow(sm_connection *connection, uint32_t timeout_ms);

#endif
