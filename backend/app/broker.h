/* The bundled broker as the server sees it: a folder `broker` in the data directory, made by ./run,
 * with the CA's certificate, the server's own password, the password file and the broker's pid.
 * What each meter has there is app/credentials.h. */
#ifndef SM_APP_BROKER_H
#define SM_APP_BROKER_H

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>

#define SM_BROKER_SERVER_USER "smartmeter-server"
/* Of the control listener (broker_control.c). */
#define SM_BROKER_CONTROL_USER "smartmeter-control"
/* Home Assistant: it hears all meters. */
#define SM_BROKER_HOME_USER "smartmeter-home-assistant"

typedef struct sm_broker {
  char *url;                 /* how the server connects */
  char *username;            /* NULL: as the url says */
  char *password;            /* NULL: as the url says */
  char *ca_file;             /* NULL: the system's */
  char *passwords;           /* the password file; NULL: the broker is not ours to manage */
  char *pid_file;            /* NULL likewise */
  char *dir;                 /* all that it is set up from; NULL likewise */
  char *ca_dir;              /* the authority's key, apart from all else; NULL likewise */
  uint16_t password_port;    /* its listeners over TLS; 0: off */
  uint16_t certificate_port; /* likewise */
  uint16_t psk_port;         /* likewise */
} sm_broker;

/* What the settings and the data directory say. SM_ERR_NOMEM, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_broker_find(const sm_config *config, sm_broker *broker);
void sm_broker_fini(sm_broker *broker);

/* Whether a name is one that the server's own accounts begin with: no meter may have it, since it
 * could take the server's session, or its account away. */
bool sm_broker_is_servers(const char *device_id);
/* A line of the password file, "user:$7$…\n", appended to `line`. SM_ERR_INTERNAL, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_broker_password_line(const char *user, const char *password, sm_buf *line);
/* One of the broker's files without the line that begins with "name:", and with `line` (NULL: none)
 * at its end; a file that is not there counts as empty. Under sm_broker_lock. SM_ERR_IO,
 * SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_broker_line_set(const char *path, const char *name, const char *line);
/* Whether it has such a line. */
SM_MUST_CHECK sm_err sm_broker_line_has(const char *path, const char *name, bool *has);
/* Changes of the broker's files by the server and the command line, one after the other: a file to
 * close. -1: it cannot be had. */
int sm_broker_lock(const sm_broker *broker);
/* Has the broker read its files again (SIGHUP), and waits until it has; then ends the sessions of
 * these client ids, live ones too. A broker that does not run reads them when it starts: SM_OK.
 * SM_ERR_TIMEOUT: it runs and has not read them; SM_ERR_UNSUPPORTED: it runs without the control
 * listener, was told, and nothing is known; SM_ERR_IO. Not under the lock. */
SM_MUST_CHECK sm_err sm_broker_reload(const sm_broker *broker, const char *const *client_id,
                                      size_t count);
/* The same connection publishes one message, QoS 1, as only the server may. */
SM_MUST_CHECK sm_err sm_broker_tell(const sm_broker *broker, const char *topic, const char *text);

/* The account of the server's connection `number` (1 and up): of the first it is
 * SM_BROKER_SERVER_USER, of others that with "-2", "-3", …: the bundled broker takes the user name
 * for the client id, and one client id has one connection. Made if it is not there, with the
 * server's password. `user` is terminated. SM_ERR_UNSUPPORTED: no bundled broker; SM_ERR_RANGE: cap
 * too small (32 is enough). */
SM_MUST_CHECK sm_err sm_broker_server_account(const sm_broker *broker, unsigned number, char *user,
                                              size_t cap);
/* The same of a connection of the server's for another purpose: SM_BROKER_SERVER_USER, "-", name.
 */
SM_MUST_CHECK sm_err sm_broker_named_account(const sm_broker *broker, const char *name, char *user,
                                             size_t cap);
/* The account of somebody who is no meter, SM_BROKER_HOME_USER, with its password in a file of the
 * broker's folder ("home-assistant.password"), made if it is not there; or, without `wanted`,
 * ended, its connection too. SM_ERR_UNSUPPORTED: no bundled broker. */
SM_MUST_CHECK sm_err sm_broker_home_account(const sm_broker *broker, bool wanted);
#endif
