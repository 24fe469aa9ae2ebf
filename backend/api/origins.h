/* The sites whose pages may use this API from a browser, beside the server's own: the setting
 * SMARTMETER_ALLOWED_ORIGINS, "https://meters.example, https://admin.example:8443". An origin is
 * scheme, host and, unless it is the scheme's own, port; it is compared as a whole, so there are no
 * wildcards. The answers to these pages (CORS), the check of the refresh cookie's routes and the
 * WebSocket all go by this list. */
#ifndef SM_API_ORIGINS_H
#define SM_API_ORIGINS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SM_ORIGINS_MAX = 32, SM_ORIGIN_CHARS_MAX = 280 };

typedef struct sm_origins {
  char *text;                           /* what the items point into; NULL: none */
  const char *item[SM_ORIGINS_MAX + 1]; /* in lower case; NULL ends them */
  size_t count;
} sm_origins;

/* Reads the setting; NULL, empty or blank: no origins. SM_ERR_INVALID: `problem` (initialised by
 * the caller) names the entry, what is wrong and what would be right. SM_ERR_NOMEM. fini after
 * success. */
SM_MUST_CHECK sm_err sm_origins_parse(const char *text, sm_origins *origins, sm_buf *problem);
void sm_origins_fini(sm_origins *origins); /* safe on a zeroed one */

/* Whether the value of an Origin header is one of them. NULL and "null" never are. */
bool sm_origins_has(const sm_origins *origins, const char *origin);

#endif
