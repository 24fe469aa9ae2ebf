#include "api/origins.h"

#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the setting ---- */

static bool is_origin(const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]";
  size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
  return scheme > 0 && text[scheme] != '\0' && text[scheme + strspn(text + scheme, plain)] == '\0';
}

static sm_err add(sm_origins *origins, const char *text, size_t len) {
  char *copy = strndup(text, len);
  char **grown = realloc(origins->origin, (origins->count + 1) * sizeof *grown);
  if (grown != NULL) origins->origin = grown;
  if (copy == NULL || grown == NULL) {
    free(copy);
    return SM_ERR_NOMEM;
  }
  for (char *c = copy; *c != '\0'; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  origins->origin[origins->count++] = copy;
  return is_origin(copy) ? SM_OK : SM_ERR_INVALID;
}

sm_err sm_origins_parse(const char *text, sm_origins *origins) {
  static const char between[] = ", \t";
  *origins = (sm_origins){0};
  sm_err err = SM_OK;
  for (const char *at = text == NULL ? "" : text; err == SM_OK && *at != '\0';) {
    at += strspn(at, between);
    size_t len = strcspn(at, between);
    if (len > 0) err = add(origins, at, len);
    at += len;
  }
  return err;
}

void sm_origins_fini(sm_origins *origins) {
  for (size_t i = 0; i < origins->count; i++) free(origins->origin[i]);
  free(origins->origin);
  *origins = (sm_origins){0};
}

bool sm_origins_has(const sm_origins *origins, const char *origin) {
  for (size_t i = 0; origin != NULL && i < origins->count; i++)
    if (strcasecmp(origins->origin[i], origin) == 0) return true;
  return false;
}

/* ---- a request ---- */

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
