#include "api/api.h"

#include "api/dress.h"
#include "api/key_gate.h"
#include "api/negotiate.h"
#include "api/page.h"
#include "api/routes.h"
#include "api/static_files.h"
#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int64_t sm_api_now_ms(const sm_api *api) {
  return api->options.now_ms();
}

void sm_api_fail(const sm_request *request, sm_answer *answer, sm_err err) {
  sm_log(SM_LOG_ERROR, "http.failed", SM_LOG_TEXT("request", request->id),
         SM_LOG_TEXT("method", request->method), SM_LOG_TEXT("reason", sm_err_text(err)));
  sm_answer_failure(answer, err);
}

bool sm_api_expensive_enter(sm_api *api, sm_answer *answer) {
  if (sm_gate_enter(&api->expensive)) return true;
  atomic_fetch_add(&api->figures.turned_away, 1);
  sm_answer_later(answer, 503, 1,
                  "Enough wide queries are running. Try again in a second, or ask for less.");
  return false;
}

void sm_api_expensive_leave(sm_api *api) {
  sm_gate_leave(&api->expensive);
}

/* What makes a request unusable before anybody looks at its path. */
static bool well_formed(sm_request *request, sm_answer *answer) {
  /* Where two sides may disagree on where a request ends, nothing may follow it. */
  if (request->repeated != NULL) {
    answer->close = true;
    sm_answer_problem(answer, 400, "The header %s is there more than once.", request->repeated);
    return false;
  }
  if (request->header[SM_HEADER_TRANSFER_ENCODING] != NULL &&
      request->header[SM_HEADER_CONTENT_LENGTH] != NULL) {
    answer->close = true;
    sm_answer_problem(answer, 400, "Content-Length and Transfer-Encoding exclude each other.");
    return false;
  }
  if (request->header[SM_HEADER_TRANSFER_ENCODING] != NULL &&
      strcasecmp(request->header[SM_HEADER_TRANSFER_ENCODING], "chunked") != 0) {
    answer->close = true;
    sm_answer_problem(answer, 501, "Of transfer encodings only 'chunked' is known here.");
    return false;
  }
  if (request->header_count > SM_HEADERS_MAX) {
    answer->close = true;
    sm_answer_problem(answer, 431, "There are more than %d headers.", (int)SM_HEADERS_MAX);
    return false;
  }
  sm_err err = sm_query_parse(&request->query, request->raw_query);
  if (err == SM_OK) return true;
  if (err == SM_ERR_SYNTAX)
    sm_answer_problem(answer, 400,
                      "The query can't be read: write %%XX escapes of UTF-8, and at most %d "
                      "parameters.",
                      SM_QUERY_ITEMS_MAX);
  else
    sm_api_fail(request, answer, err);
  return false;
}

static void unauthorized(sm_answer *answer, bool had_token) {
  sm_answer_problem(answer, 401,
                    had_token ? "The token is not good, or not any more. Get a new one from "
                                "/api/auth/refresh or /api/auth/login."
                              : "A token is needed: send Authorization: Bearer <token>, from "
                                "/api/auth/login.");
  sm_answer_header_add(answer, "WWW-Authenticate", "Bearer realm=\"smartmeter\"%s",
                       had_token ? ", error=\"invalid_token\"" : "");
}

static bool know_caller(sm_api *api, sm_request *request, sm_answer *answer, bool *must_change) {
  const char *token;
  size_t len;
  sm_claims claims;
  sm_err err = sm_request_bearer(request, &token, &len);
  bool had_token = err == SM_OK;
  if (err == SM_OK) err = sm_identity_authenticate(api->options.identity, token, len, &claims);
  if (err == SM_OK) {
    request->caller = (sm_caller){.known = true, .role = claims.role};
    static_assert(sizeof request->caller.user_id >= sizeof claims.user_id, "a user id fits");
    (void)snprintf(request->caller.user_id, sizeof request->caller.user_id, "%s", claims.user_id);
    (void)snprintf(request->caller.session_id, sizeof request->caller.session_id, "%s",
                   claims.session_id);
    *must_change = claims.must_change;
    return true;
  }
  if (err == SM_ERR_DENIED || !had_token)
    unauthorized(answer, had_token);
  else
    sm_api_fail(request, answer, err);
  return false;
}

static bool answer_too_many(sm_answer *answer, unsigned retry_after_s) {
  sm_answer_later(answer, 429, retry_after_s,
                  "Too many requests. Wait as long as Retry-After says, and ask less often.");
  return false;
}

/* Before anything is looked up: whoever floods is turned away for the price of a hash. */
static bool address_in_rates(sm_api *api, const sm_route *route, const sm_request *request,
                             sm_answer *answer) {
  unsigned retry_after_s = 1;
  return sm_rates_take_address(api->rates, sm_rate_class_of(route), request->address,
                               sm_clock_steady_us(), &retry_after_s) ||
         answer_too_many(answer, retry_after_s);
}

static bool caller_in_rates(sm_api *api, const sm_route *route, const sm_request *request,
                            sm_answer *answer) {
  unsigned retry_after_s = 1;
  return sm_rates_take_user(api->rates, sm_rate_class_of(route), request->caller.user_id,
                            sm_clock_steady_us(), &retry_after_s) ||
         answer_too_many(answer, retry_after_s);
}

static bool may(sm_api *api, const sm_route *route, sm_request *request, sm_answer *answer) {
  switch ((sm_access)(route->access & SM_ACCESS_MASK)) {
  case SM_ACCESS_OPEN:
    return true;
  case SM_ACCESS_COOKIE:
    if (sm_page_of(api, request) != SM_PAGE_FOREIGN) return true;
    sm_answer_problem(answer, 403,
                      "This is for pages of this server only, and of the origins that its "
                      "SMARTMETER_ALLOWED_ORIGINS names.");
    return false;
  case SM_ACCESS_SELF:
  case SM_ACCESS_OWN:
  case SM_ACCESS_ADMIN:
  case SM_ACCESS_MASK:
    break;
  }
  if (sm_key_gate_is(request))
    return sm_key_gate_pass(api, route, request, answer) &&
           caller_in_rates(api, route, request, answer);
  bool must_change = false;
  if (!know_caller(api, request, answer, &must_change)) return false;
  if (!caller_in_rates(api, route, request, answer)) return false;
  sm_access access = (sm_access)(route->access & SM_ACCESS_MASK);
  if (must_change && access != SM_ACCESS_SELF) {
    sm_answer_problem(answer, 403,
                      "Your password was made by somebody else. Change it first: POST "
                      "/api/me/password.");
    return false;
  }
  if (access != SM_ACCESS_ADMIN || sm_request_is_admin(request)) return true;
  sm_answer_problem(answer, 403, "This is for administrators.");
  return false;
}

/* A path is there, but not with this method. OPTIONS is for all, and without a token. */
static void not_this_method(const sm_api *api, const sm_request *request, sm_answer *answer,
                            const char *methods) {
  char allow[SM_ALLOW_MAX + 16];
  (void)snprintf(allow, sizeof allow, "%s, OPTIONS", methods);
  if (strcmp(request->method, "OPTIONS") == 0) {
    sm_api_options_answer(api, request, answer, allow);
    return;
  }
  sm_answer_problem(answer, 405, "%.20s is not possible here, only: %s.", request->method, allow);
  sm_answer_header_add(answer, "Allow", "%s", allow);
}

/* Paths that belong to programs: what is absent there is a 404 and not the dashboard. */
static bool for_programs(const char *path) {
  return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0 ||
         strncmp(path, "/firmware/", 10) == 0 || strcmp(path, "/metrics") == 0;
}

/* A name that the route does not know is a mistake that would change the answer silently. Load
 * balancers ask for /healthz as they like. */
static bool known_members(const sm_api *api, const sm_route *route, const sm_request *request,
                          sm_answer *answer) {
  for (size_t i = 0; for_programs(route->pattern) && i < request->query.count; i++) {
    const char *name = request->query.item[i].name;
    const char *value;
    if (!sm_surface_has_member(api->surface, route, name)) {
      const char *known = sm_surface_members(api->surface, route);
      sm_answer_field(answer, 400, name, "is not known here: %s%s",
                      known[0] == '\0' ? "nothing is asked for in the query" : "give ", known);
      return false;
    }
    if (!sm_request_param_text(request, answer, name, &value)) return false;
  }
  return true;
}

static bool acceptable(const sm_api *api, const sm_route *route, const sm_request *request,
                       sm_answer *answer) {
  char *const *types = sm_surface_types(api->surface, route);
  sm_buf list;
  sm_buf_init(&list, 256);
  for (size_t i = 0; types[i] != NULL; i++) {
    if (sm_negotiate_type(request->header[SM_HEADER_ACCEPT], types[i])) {
      sm_buf_fini(&list);
      return true;
    }
    sm_buf_printf(&list, "%s%s", i > 0 ? ", " : "", types[i]);
  }
  bool none = types[0] == NULL;
  if (!none)
    sm_answer_problem(answer, 406, "This gives %s, which the header Accept leaves out.",
                      sm_buf_text(&list));
  sm_buf_fini(&list);
  return none;
}

static void answer_outside_table(sm_api *api, const sm_request *request, sm_answer *answer) {
  bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
  if (for_programs(request->path))
    sm_answer_not_found(answer);
  else if (!reads)
    not_this_method(api, request, answer, "GET, HEAD");
  else
    sm_static_serve(api->options.dashboard_dir, api->public_origin, request, answer);
}

bool sm_api_admit(sm_api *api, sm_request *request, const sm_route **route, sm_answer *answer) {
  *route = NULL;
  if (!well_formed(request, answer)) return true;
  size_t count;
  const sm_route *table = sm_routes(&count);
  char allow[SM_ALLOW_MAX];
  sm_match match = sm_router_find(table, count, request, route, allow);
  if (!address_in_rates(api, *route, request, answer)) return true;
  switch (match) {
  case SM_MATCH_ROUTE:
    return !may(api, *route, request, answer) || !known_members(api, *route, request, answer) ||
           !acceptable(api, *route, request, answer);
  case SM_MATCH_METHOD:
    not_this_method(api, request, answer, allow);
    return true;
  case SM_MATCH_MALFORMED:
    sm_answer_problem(answer, 400, "The path can't be read: write %%XX escapes of UTF-8.");
    return true;
  case SM_MATCH_NONE:
    break;
  }
  answer_outside_table(api, request, answer);
  return true;
}

void sm_api_handle(sm_api *api, const sm_route *route, const sm_request *request,
                   sm_answer *answer) {
  route->handler(api, request, answer);
  sm_answer_finish(answer);
}
