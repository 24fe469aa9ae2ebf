/* What meters prove themselves with at the bundled broker: passwords, certificates, pre-shared
 * keys. A device may have several at once, of any kind: that is how they are changed without a
 * visit. The old ones go on until their time of grace is over.
 *
 * `credentials` in the broker's folder has a line for each. The user name of the first password or
 * key of a device is its device_id, that of others "device_id~2", "~3", …, which `aliases.acl`
 * allows the same topics: the broker knows one password a name. The name in a certificate is always
 * the device_id. */
#ifndef SM_APP_CREDENTIALS_H
#define SM_APP_CREDENTIALS_H

#include "app/broker.h"
#include "auth/authority.h"
#include "base/jsonw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_CREDENTIAL_NAME_MAX = 80 };

typedef enum sm_credential_kind {
  SM_CREDENTIAL_PASSWORD,
  SM_CREDENTIAL_CERTIFICATE,
  SM_CREDENTIAL_PSK
} sm_credential_kind;
const char *sm_credential_kind_name(sm_credential_kind kind); /* "password", "certificate", "psk" */

/* What is kept of one. */
typedef struct sm_credential_row {
  sm_credential_kind kind;
  char device_id[SM_CREDENTIAL_NAME_MAX];
  char name[SM_CREDENTIAL_NAME_MAX]; /* the user name; of a certificate its serial */
  int64_t ends_ms;                   /* when its grace is over; 0: it stays */
  int64_t not_after_ms;              /* of a certificate; else 0 */
} sm_credential_row;

typedef struct sm_credential_rows {
  sm_credential_row *row; /* heap */
  size_t count;
} sm_credential_rows;
/* All of them; none if there is no such file. SM_ERR_IO, SM_ERR_CORRUPT. free(rows->row). */
SM_MUST_CHECK sm_err sm_credentials_read(const sm_broker *broker, sm_credential_rows *rows);

/* A new one, as it is told once. */
typedef struct sm_credential {
  sm_credential_kind kind;
  char username[SM_CREDENTIAL_NAME_MAX];
  char secret[72];            /* the password, or the key in hex; "" of a certificate */
  sm_certificate certificate; /* of a certificate; its key NULL if the device has made it */
  uint16_t port;              /* of the listener that takes it */
  int64_t old_end_ms;         /* when what the device had before ends; 0: there was nothing */
} sm_credential;
void sm_credential_fini(sm_credential *credential); /* wipes what is secret */
/* The members of "credentials" in the API: {"mqtt": {…}, "certificate_pem", …, "ca_pem"}. */
void sm_credential_write_json(sm_jsonw *w, const sm_broker *broker, const char *host,
                              const sm_credential *credential);

typedef struct sm_credential_order {
  const char *device_id;
  sm_credential_kind kind;
  sm_authority *authority; /* for a certificate */
  const char *request;     /* the device's own CSR, PEM; NULL: a key is made */
  size_t request_len;
  int days;         /* of a certificate; 0: SM_CERTIFICATE_DAYS_DEFAULT */
  int64_t grace_ms; /* how long what the device has now stays good */
} sm_credential_order;
/* Makes one and has the broker know it. SM_ERR_UNSUPPORTED: no bundled broker, or it has no
 * listener for that kind; SM_ERR_INVALID: the request, or a device_id that begins as the server's
 * own accounts; `problem` (initialised) says which. */
SM_MUST_CHECK sm_err sm_credential_make(const sm_broker *broker, const sm_credential_order *order,
                                        sm_buf *problem, sm_credential *out);

/* Who puts serials on the list of what is revoked: the command line by the authority's key, the
 * server by its keeper (app/keeper.h). */
typedef struct sm_crl_port {
  sm_err (*revoke)(void *context, const char *const *serial, size_t count);
  void *context;
} sm_crl_port;

typedef struct sm_credentials_ended {
  size_t ended;   /* credentials that are no more */
  size_t waiting; /* certificates that could not be revoked: whoever has the key must */
} sm_credentials_ended;
/* Ends all of a device's credentials, now, and its live connections. Certificates that the port
 * cannot revoke are tried again by sm_credentials_expire. SM_ERR_UNSUPPORTED: no bundled broker;
 * SM_ERR_TIMEOUT: it was told, and does not answer. */
SM_MUST_CHECK sm_err sm_credentials_revoke(const sm_broker *broker, const char *device_id,
                                           const sm_crl_port *port, sm_credentials_ended *ended);
/* Ends those whose grace is over; of one device all that have one (`device_id` not NULL). The same
 * errors. */
SM_MUST_CHECK sm_err sm_credentials_expire(const sm_broker *broker, const char *device_id,
                                           int64_t now_ms, const sm_crl_port *port,
                                           sm_credentials_ended *ended);

#endif
