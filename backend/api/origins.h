/* Which pages may speak for a browser: our own, and those of SMARTMETER_ALLOWED_ORIGINS. A cookie
 * goes along with whatever page makes a request, so what acts by the cookie alone asks here first.
 */
#ifndef SM_API_ORIGINS_H
#define SM_API_ORIGINS_H

#include "api/request.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sm_api;

/* A list of origins such as "https://dash.example, http://localhost:5173"; NULL and "" are none.
 * SM_ERR_INVALID: one of them has no http(s):// or something behind the host and port ("*" is none
 * either: with a cookie it would be everybody); SM_ERR_NOMEM. fini in any case. */
typedef struct sm_origins {
  char **origin; /* lowered */
  size_t count;
} sm_origins;
SM_MUST_CHECK sm_err sm_origins_parse(const char *text, sm_origins *origins);
void sm_origins_fini(sm_origins *origins);
/* Whether an Origin header's value is one of them. NULL is not. */
bool sm_origins_has(const sm_origins *origins, const char *origin);

typedef enum sm_page {
  SM_PAGE_NONE,    /* no browser says that a page makes it */
  SM_PAGE_OWN,     /* of this server */
  SM_PAGE_ALLOWED, /* of an allowed origin */
  SM_PAGE_FOREIGN
} sm_page;
/* Which page makes a request, by Origin, Host and Sec-Fetch-Site. */
sm_page sm_page_of(const struct sm_api *api, const sm_request *request);

#endif
