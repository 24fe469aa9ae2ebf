/* What this server calls itself among those that share a store: the same after every start, and
 * nobody else's. It is made in the data folder, in the file `server-id`; so a data folder is one
 * server's, and a copy of one must lose that file before a second server begins on it. */
#ifndef SM_APP_SERVER_ID_H
#define SM_APP_SERVER_ID_H

#include "base/err.h"

enum { SM_SERVER_ID_MAX = 32 }; /* letters and digits, with the NUL */

/* SM_ERR_IO, SM_ERR_FULL, SM_ERR_DENIED; SM_ERR_CORRUPT: the file holds something else. */
SM_MUST_CHECK sm_err sm_server_id_get(const char *data_dir, char id[SM_SERVER_ID_MAX]);

#endif
