#include "api/page.h"

#include "api/api.h"

#include <string.h>
#include <strings.h>

/* A page of the same host over HTTP is not ours where we speak HTTPS: somebody in between could
 * have written it. */
static bool is_own(const sm_api *api, const sm_request *request, const char *origin) {
  const char *host = request->header[SM_HEADER_HOST];
  if (api->public_origin != NULL && strcasecmp(origin, api->public_origin) == 0) return true;
  const char *authority = strstr(origin, "://");
  if (authority == NULL || host == NULL || strcasecmp(authority + 3, host) != 0) return false;
  return !api->secure || strncasecmp(origin, "https://", 8) == 0;
}

sm_page sm_page_of(const sm_api *api, const sm_request *request) {
  const char *origin = request->header[SM_HEADER_ORIGIN];
  const char *site = request->header[SM_HEADER_SEC_FETCH_SITE];
  if (origin != NULL) {
    if (is_own(api, request, origin)) return SM_PAGE_OWN;
    return sm_origins_has(&api->origins, origin) ? SM_PAGE_ALLOWED : SM_PAGE_FOREIGN;
  }
  /* Browsers name the origin with every POST; one that did not would still tell the distance. */
  if (site == NULL) return SM_PAGE_NONE;
  bool own = strcasecmp(site, "same-origin") == 0 || strcasecmp(site, "none") == 0;
  return own ? SM_PAGE_OWN : SM_PAGE_FOREIGN;
}
