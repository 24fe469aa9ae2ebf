/* Where an import's batches go: the store itself, when no server runs, or the running server
 * through its socket. At most two batches are on their way, so that the next one can be read while
 * this one is made durable. One thread. */
#ifndef SM_TRANSFER_IMPORT_PORT_H
#define SM_TRANSFER_IMPORT_PORT_H

#include "base/buf.h"
#include "base/err.h"
#include "store/readings.h"

typedef struct sm_import_port {
  void *context;
  /* Sends a batch off; it must stay as it is until `wait` has given it back. */
  sm_err (*send)(void *context, sm_readings_batch *batch, sm_buf *problem);
  /* Waits until the oldest batch that was sent (the caller knows which) is durable, and sets its
   * verdicts. On failure nothing is known of it, and `problem` says why: send it again later. */
  sm_err (*wait)(void *context, sm_readings_batch *batch, sm_buf *problem);
  void (*close)(void *context);
} sm_import_port;

/* Straight into a store that this process has opened as its writer; the port closes nothing. */
sm_import_port sm_import_port_local(sm_readings *store);
/* Through the server of a data folder. SM_ERR_NOT_FOUND: none listens there. Other failures are
 * told in `problem`. */
SM_MUST_CHECK sm_err sm_import_port_connect(const char *data_dir, sm_import_port *port,
                                            sm_buf *problem);

#endif
