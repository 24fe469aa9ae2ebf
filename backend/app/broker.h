/* The bundled broker as the server sees it: a folder `broker` in the data directory, made by ./run,
 * with the CA's certificate, the server's own password, the password file and the broker's pid. */
#ifndef SM_APP_BROKER_H
#define SM_APP_BROKER_H

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>

#define SM_BROKER_SERVER_USER "smartmeter-server"

typedef struct sm_broker {
  char *url;       /* how the server connects */
  char *username;  /* NULL: as the url says */
  char *password;  /* NULL: as the url says */
  char *ca_file;   /* NULL: the system's */
  char *passwords; /* the password file; NULL: the broker is not ours to manage */
  char *pid_file;  /* NULL likewise */
} sm_broker;

/* What the settings and the data directory say. SM_ERR_NOMEM, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_broker_find(const sm_config *config, sm_broker *broker);
void sm_broker_fini(sm_broker *broker);

/* Gives a device a new random password at the bundled broker: writes its hash to the password file
 * and has the broker read it. `password` is terminated. SM_ERR_UNSUPPORTED: no bundled broker;
 * SM_ERR_INVALID: the id begins as the server's own do; SM_ERR_RANGE: cap too small (48 is enough).
 */
SM_MUST_CHECK sm_err sm_broker_add_device(const sm_broker *broker, const char *device_id,
                                          char *password, size_t cap);
/* The account of the server's connection `number` (1 and up): of the first it is
 * SM_BROKER_SERVER_USER, of others that with "-2", "-3", …: the bundled broker takes the user name
 * for the client id, and one client id has one connection. Made if it is not there, with the
 * server's password. `user` is terminated. SM_ERR_UNSUPPORTED: no bundled broker; SM_ERR_RANGE: cap
 * too small (32 is enough). */
SM_MUST_CHECK sm_err sm_broker_server_account(const sm_broker *broker, unsigned number, char *user,
                                              size_t cap);
/* Takes a device's password away. A session that is open stays until the broker drops it.
 * SM_ERR_INVALID as above. */
SM_MUST_CHECK sm_err sm_broker_remove_device(const sm_broker *broker, const char *device_id);

#endif
