/* The server's end of an import: a Unix socket `import.sock` (mode 0600) in the data folder, served
 * by a thread of its own, one import at a time. Each batch goes through `commit`, which shares the
 * store's one writer with the readings that come by MQTT, and is answered once it is durable. */
#ifndef SM_TRANSFER_IMPORT_SERVER_H
#define SM_TRANSFER_IMPORT_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "store/readings.h"

typedef struct sm_import_server sm_import_server;

typedef struct sm_import_server_options {
  const char *data_dir; /* borrowed; its writer's lock is this process's */
  /* As sm_readings_commit, from the thread of the import server; may wait its turn. */
  sm_err (*commit)(void *context, sm_readings_batch *batch);
  void *context;
} sm_import_server_options;

/* Listens and starts the thread. SM_ERR_IO, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_import_server_start(const sm_import_server_options *options,
                                            sm_import_server **server);
/* Lets the running batch end, ends the connection, frees. NULL is fine. */
void sm_import_server_stop(sm_import_server *server);

/* Appends its metrics in Prometheus text. Any thread. */
void sm_import_server_write_metrics(sm_import_server *server, sm_buf *out);

#endif
