/* What contracts/openapi.json says of each route, as far as the server holds requests to it: which
 * query members there are, and which media types it answers with. The document that is served is
 * the one that is kept, so what it does not name is not taken. Immutable once made; any thread. */
#ifndef SM_API_SURFACE_H
#define SM_API_SURFACE_H

#include "api/router.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct sm_surface sm_surface;

/* Reads the document, a terminated text, for the routes of the table, which is borrowed. A route
 * that is not in it has no query members and no types. SM_ERR_SYNTAX: the document is not JSON or
 * a "$ref" of a parameter leads nowhere; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_surface_new(const char *document, const sm_route *table, size_t count,
                                    sm_surface **surface);
void sm_surface_free(sm_surface *surface); /* NULL is fine */

/* Whether the route has a query member of that name. */
bool sm_surface_has_member(const sm_surface *surface, const sm_route *route, const char *name);
/* The names of all its query members, "limit, cursor"; "" if it has none. */
const char *sm_surface_members(const sm_surface *surface, const sm_route *route);
/* The media types of its successful answers, NULL after the last one; none for a route that only
 * answers without a body. */
char *const *sm_surface_types(const sm_surface *surface, const sm_route *route);

#endif
