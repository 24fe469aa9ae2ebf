/* The name of the import's socket, for both of its ends. A path of a socket is at most 107 bytes
 * long; a data folder's may be longer, so it is reached through a descriptor of the folder. */
#ifndef SM_TRANSFER_IMPORT_SOCKET_H
#define SM_TRANSFER_IMPORT_SOCKET_H

#include "base/err.h"

/* A socket that listens at data_dir/import.sock, in place of what was there; 0600. The caller
 * closes *fd. SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_import_socket_listen(const char *data_dir, int *fd);
/* One that is connected to it. SM_ERR_NOT_FOUND: nobody listens. SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_import_socket_connect(const char *data_dir, int *fd);
/* Takes its name away. */
void sm_import_socket_remove(const char *data_dir);

#endif
