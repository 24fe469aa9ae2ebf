/* API keys for integrations: what one looks like, and what it may do.
 *
 * "smk_", 32 characters of randomness (160 bits) and 7 of a checksum, all of a-z and 2-7: known as
 * ours by its beginning, and told from a text that only looks alike by the checksum, so that a
 * scanner of source code finds one that was checked in. The ledger has its SHA-256 only.
 *
 * A key may do what its scopes say and no more, whoever made it. */
#ifndef SM_AUTH_APIKEY_H
#define SM_AUTH_APIKEY_H

#include "base/err.h"
#include "store/ledger_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_APIKEY_PREFIX "smk_"
enum {
  SM_APIKEY_RANDOM = 32, /* characters */
  SM_APIKEY_CHECK = 7,
  SM_APIKEY_LEN = 4 + SM_APIKEY_RANDOM + SM_APIKEY_CHECK,
  SM_APIKEY_MAX = SM_APIKEY_LEN + 1,
  SM_APIKEY_DAYS_MAX = 366, /* of life, at most; */
  SM_APIKEY_DAYS = 90,      /* if nothing is said */
  SM_APIKEY_GRACE_HOURS_MAX = 30 * 24,
  SM_APIKEY_GRACE_HOURS = 7 * 24,
  SM_APIKEY_NAME_MAX = 80, /* characters */
  SM_APIKEY_DEVICES_MAX = 100
};

/* One bit each. */
typedef enum sm_scope {
  SM_SCOPE_DEVICES_READ = 1 << 0,
  SM_SCOPE_READINGS_READ = 1 << 1,
  SM_SCOPE_BILLING_READ = 1 << 2,
  SM_SCOPE_INVOICES_READ = 1 << 3,
  SM_SCOPE_TARIFFS_READ = 1 << 4,
  SM_SCOPE_ACCOUNTS_READ = 1 << 5, /* names and addresses of people too */
  SM_SCOPE_PAYMENTS_WRITE = 1 << 6,
  SM_SCOPE_AUDIT_READ = 1 << 7
} sm_scope;
enum { SM_SCOPE_COUNT = 8 };

/* "devices:read", … for i in [0, SM_SCOPE_COUNT); the bit of a name, 0 for none. */
const char *sm_scope_name(unsigned i);
const char *sm_scope_name_of(uint32_t bit);
uint32_t sm_scope_parse(const char *name, size_t len);
/* Names apart by blanks, in the order above, and back (names that are not known are left out). */
enum { SM_SCOPES_TEXT_MAX = 160 };
char *sm_scopes_write(uint32_t scopes, char out[SM_SCOPES_TEXT_MAX]);
uint32_t sm_scopes_read(const char *text);

/* A new key. Returns out. */
char *sm_apikey_make(char out[SM_APIKEY_MAX]);
/* Whether a bearer's text is meant as one of ours. */
bool sm_apikey_is(const char *text, size_t len);
/* Its hash as the ledger knows it. SM_ERR_DENIED: its form or checksum is wrong. */
SM_MUST_CHECK sm_err sm_apikey_hash(const char *text, size_t len, uint8_t hash[32]);

/* Whether a key's list of devices (NULL: all) has one. */
bool sm_apikey_has_device(const char *devices, const char *device_id);

#endif
