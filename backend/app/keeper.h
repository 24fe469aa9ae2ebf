/* The keeper of the authority's key beside the server: a process of its own, forked before the
 * server has opened anything, without network, that can do one thing: put serials on the list of
 * what is revoked, and make that list again long before it ends. The server itself gives up the
 * key's folder (app/confine.h), and asks over a socket pair; so whoever takes over the server can
 * revoke certificates, which an admin may anyhow, and cannot make any. It ends with the server. */
#ifndef SM_APP_KEEPER_H
#define SM_APP_KEEPER_H

#include "app/credentials.h"

typedef struct sm_keeper sm_keeper;

/* Forks it, for the key in `ca_dir`, the authority's certificate and the list published at
 * `crl_path`; copied. One thread, no files open. SM_ERR_IO, SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_keeper_start(const char *ca_dir, const char *certificate,
                                     const char *crl_path, sm_keeper **keeper);
/* Ends it and waits for its end. NULL is fine. */
void sm_keeper_stop(sm_keeper *keeper);
/* For sm_credentials_…: `context` is the keeper. SM_ERR_UNSUPPORTED: the key is not there;
 * SM_ERR_TIMEOUT, SM_ERR_CLOSED: it does not answer; SM_ERR_IO: logged by it. Any thread. */
SM_MUST_CHECK sm_err sm_keeper_revoke(void *context, const char *const *serial, size_t count);

#endif
