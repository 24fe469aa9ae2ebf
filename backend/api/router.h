/* Which handler a request is for: a table of method, pattern, who may, and handler. A pattern is a
 * path with {…} for a segment that varies, also with an ending behind it ("{number}.pdf"); each
 * such segment has a kind, and one that can't be of its kind (a device id with a blank) is as
 * absent as one that nobody has. */
#ifndef SM_API_ROUTER_H
#define SM_API_ROUTER_H

#include "api/answer.h"
#include "api/request.h"

#include <stdbool.h>
#include <stddef.h>

struct sm_api;

typedef enum sm_access {
  SM_ACCESS_OPEN,   /* anybody */
  SM_ACCESS_COOKIE, /* the refresh cookie, which the handler looks at; only from our own pages and
                       those of allowed origins */
  SM_ACCESS_SELF,   /* a token, also of somebody who must change their password first */
  SM_ACCESS_OWN,    /* a token; the handler shows a consumer their own only */
  SM_ACCESS_ADMIN,  /* a token of an admin */
  SM_ACCESS_MASK = 7
} sm_access;

/* Beside who may by a token: which scope an API key needs. Without one a route takes no key. */
#define SM_KEY(scope) ((unsigned)(scope) << 3)

typedef enum sm_param_kind {
  SM_PARAM_NONE,
  SM_PARAM_DEVICE, /* a device id */
  SM_PARAM_OPAQUE, /* an id of our own making: a-z A-Z 0-9 _ - */
  SM_PARAM_NUMBER  /* an invoice's or an edit's: 1 to 16 of A-Z 0-9 - */
} sm_param_kind;

typedef void (*sm_handler)(struct sm_api *api, const sm_request *request, sm_answer *answer);

typedef struct sm_route {
  const char *method;
  const char *pattern;
  unsigned access;                         /* an sm_access, and SM_KEY(…) if keys may */
  sm_param_kind param[SM_PATH_PARAMS_MAX]; /* of the {…}, in order */
  sm_handler handler;                      /* NULL: the hand-over to the live hub */
} sm_route;

enum { SM_ALLOW_MAX = 64, SM_ROUTES_MAX = 128 /* in a table; it has room for more */ };

typedef enum sm_match {
  SM_MATCH_ROUTE,    /* *route is set, and request->param */
  SM_MATCH_METHOD,   /* the path is there, not with this method: `allow` is set */
  SM_MATCH_NONE,     /* no such path */
  SM_MATCH_MALFORMED /* an escape in the path is broken */
} sm_match;

/* Looks request->method and request->path up; HEAD counts as GET. `allow` is then the value of an
 * Allow header. */
sm_match sm_router_find(const sm_route *table, size_t count, sm_request *request,
                        const sm_route **route, char allow[SM_ALLOW_MAX]);

#endif
