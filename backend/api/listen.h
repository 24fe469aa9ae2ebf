/* A listening TCP socket. */
#ifndef SM_API_LISTEN_H
#define SM_API_LISTEN_H

#include "base/err.h"

#include <stdint.h>

/* Listens on an address ("127.0.0.1", "::", "localhost") and port (0: any free one); *bound_port is
 * the one taken. The caller closes *fd. `what` names the listener in the log. SM_ERR_BUSY: taken;
 * SM_ERR_INVALID: no such address here; SM_ERR_DENIED: not allowed (a port under 1024); SM_ERR_IO.
 * A failure is logged with what to do. */
SM_MUST_CHECK sm_err sm_listen(const char *what, const char *bind_to, uint16_t port, int *fd,
                               uint16_t *bound_port);

#endif
