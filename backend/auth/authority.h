/* The deployment's own certificate authority for meters: it makes a key and certificate for a
 * device, or signs a device's own request, and makes the list of what is revoked (CRL).
 *
 * Its folder holds `ca.key` (mode 0600, and nobody else's), `crl.pem` (the newest list) and `lock`.
 * The certificate `ca.crt` lies where brokers and meters find it. Keys are EC P-256; the common
 * name of a meter's certificate is its device_id, whatever a request says, and it is for clients
 * alone.
 *
 * What was revoked once stays so: a new list holds all that the one before it held. One command or
 * thread at a time by the lock; a handle belongs to one thread. */
#ifndef SM_AUTH_AUTHORITY_H
#define SM_AUTH_AUTHORITY_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sm_authority sm_authority;

enum {
  SM_SERIAL_MAX = 41, /* hex, upper case, with its NUL */
  SM_REQUEST_MAX = 16384,
  SM_CERTIFICATE_DAYS_DEFAULT = 1825,
  SM_CERTIFICATE_DAYS_MAX = 3650,
  /* Read by the broker beside it, so a short life would protect from nothing: an ended list refuses
   * every meter. */
  SM_CRL_DAYS = 365
};

/* `dir` with ca.key; `certificate` is the path of ca.crt. SM_ERR_NOT_FOUND: the key or the
 * certificate is not there; SM_ERR_DENIED: it may not be read; SM_ERR_CORRUPT: they do not belong
 * together, or others than the owner may read the key. `problem` (initialised) says it in words. */
SM_MUST_CHECK sm_err sm_authority_open(const char *dir, const char *certificate, sm_buf *problem,
                                       sm_authority **authority);
void sm_authority_free(sm_authority *authority); /* wipes the key; NULL is fine */

typedef struct sm_certificate {
  char *pem;     /* heap */
  char *key_pem; /* heap; NULL: the device made it */
  char serial[SM_SERIAL_MAX];
  int64_t not_after_ms;
} sm_certificate;
void sm_certificate_fini(sm_certificate *certificate); /* wipes the key */

/* A new key and a certificate of it, valid for `days` but not beyond the authority's own end.
 * SM_ERR_INVALID: not a device_id, or days not in 1 to SM_CERTIFICATE_DAYS_MAX; SM_ERR_INTERNAL. */
SM_MUST_CHECK sm_err sm_authority_issue(sm_authority *authority, const char *device_id, int days,
                                        sm_certificate *out);
/* A certificate for the key of a request (PKCS#10, PEM, len bytes). The request must be signed by
 * its own key (proof of possession), and the key be EC on P-256, P-384 or P-521, Ed25519, or RSA of
 * 2048 to 8192 bits with a usual exponent. Its subject and extensions are not taken over.
 * SM_ERR_INVALID also if it is none of that: `problem` says what. */
SM_MUST_CHECK sm_err sm_authority_sign(sm_authority *authority, const char *device_id,
                                       const char *request, size_t len, int days, sm_buf *problem,
                                       sm_certificate *out);
/* Reads and checks a request as sm_authority_sign does, and signs nothing. */
SM_MUST_CHECK sm_err sm_request_check(const char *request, size_t len, sm_buf *problem);

/* Makes a new list with these serials (may be none) beside those of the one before, keeps it in the
 * folder, and publishes it as a whole at `path`. SM_ERR_INVALID: not a serial; SM_ERR_IO,
 * SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_authority_revoke(sm_authority *authority, const char *const *serial,
                                         size_t count, const char *path);

/* When a certificate file (its first certificate) or a list ends, ms. SM_ERR_NOT_FOUND,
 * SM_ERR_CORRUPT. */
SM_MUST_CHECK sm_err sm_certificate_file_ends(const char *path, int64_t *ends_ms);
SM_MUST_CHECK sm_err sm_crl_file_ends(const char *path, int64_t *ends_ms);

#endif
