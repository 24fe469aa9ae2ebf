#include "api/router.h"

#include "model/reading.h"

#include <stdio.h>
#include <string.h>

static bool all_of(const char *text, const char *set) {
  return text[0] != '\0' && text[strspn(text, set)] == '\0';
}

static bool is_kind(sm_param_kind kind, const char *text) {
  static const char opaque[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  static const char number[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  switch (kind) {
  case SM_PARAM_DEVICE:
    return sm_device_id_valid(text, strlen(text));
  case SM_PARAM_OPAQUE:
    return all_of(text, opaque);
  case SM_PARAM_NUMBER:
    return strlen(text) <= 16 && all_of(text, number);
  case SM_PARAM_NONE:
    break;
  }
  return false;
}

typedef enum fit { FIT, NO_FIT, BROKEN } fit;

/* One segment against a {…} and what stands behind it ("{number}.pdf"): decoded into out. */
static fit take_param(const char *pattern, size_t pattern_len, const char *segment, size_t len,
                      sm_param_kind kind, char *out) {
  char decoded[3 * SM_PATH_PARAM_MAX];
  const char *end = memchr(pattern, '}', pattern_len);
  size_t ending = end != NULL ? pattern_len - (size_t)(end + 1 - pattern) : 0;
  if (len < ending || (ending > 0 && memcmp(segment + len - ending, end + 1, ending) != 0))
    return NO_FIT;
  len -= ending;
  if (len >= sizeof decoded) return NO_FIT;
  if (!sm_percent_decode(segment, len, decoded)) return BROKEN;
  size_t decoded_len = strlen(decoded);
  if (decoded_len >= SM_PATH_PARAM_MAX || !is_kind(kind, decoded)) return NO_FIT;
  memcpy(out, decoded, decoded_len + 1);
  return FIT;
}

static fit match_path(const sm_route *route, const char *path, sm_request *request) {
  const char *pattern = route->pattern;
  size_t params = 0;
  for (;;) {
    size_t pattern_len = strcspn(pattern + 1, "/");
    size_t path_len = *path == '/' ? strcspn(path + 1, "/") : 0;
    if (*path != '/') return NO_FIT;
    if (pattern[1] == '{') {
      fit fits = take_param(pattern + 1, pattern_len, path + 1, path_len, route->param[params],
                            request->param[params]);
      if (fits != FIT) return fits;
      params++;
    } else if (pattern_len != path_len || strncmp(pattern + 1, path + 1, path_len) != 0) {
      return NO_FIT;
    }
    pattern += 1 + pattern_len;
    path += 1 + path_len;
    if (*pattern == '\0') return *path == '\0' ? FIT : NO_FIT;
  }
}

static void add_method(char allow[SM_ALLOW_MAX], const char *method) {
  size_t used = strlen(allow);
  (void)snprintf(allow + used, SM_ALLOW_MAX - used, "%s%s", used > 0 ? ", " : "", method);
}

sm_match sm_router_find(const sm_route *table, size_t count, sm_request *request,
                        const sm_route **route, char allow[SM_ALLOW_MAX]) {
  const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
  allow[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    fit fits = match_path(&table[i], request->path, request);
    if (fits == BROKEN) return SM_MATCH_MALFORMED;
    if (fits == NO_FIT) continue;
    if (strcmp(table[i].method, method) == 0) {
      *route = &table[i];
      return SM_MATCH_ROUTE;
    }
    add_method(allow, table[i].method);
    if (strcmp(table[i].method, "GET") == 0) add_method(allow, "HEAD");
  }
  return allow[0] != '\0' ? SM_MATCH_METHOD : SM_MATCH_NONE;
}
