#include "api/request.h"

#include "api/cursor.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "base/decimal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DAY_MS = 86400000 };

static const struct {
  const char *name;
  bool once; /* two of them would mean two things */
} header_names[SM_HEADER_COUNT_] = {
    [SM_HEADER_ACCEPT] = {"Accept", false},
    [SM_HEADER_ACCEPT_ENCODING] = {"Accept-Encoding", false},
    [SM_HEADER_AUTHORIZATION] = {"Authorization", true},
    [SM_HEADER_CONTENT_ENCODING] = {"Content-Encoding", false},
    [SM_HEADER_CONTENT_LENGTH] = {"Content-Length", true},
    [SM_HEADER_CONTENT_TYPE] = {"Content-Type", true},
    [SM_HEADER_COOKIE] = {"Cookie", true},
    [SM_HEADER_EXPECT] = {"Expect", false},
    [SM_HEADER_FORWARDED_FOR] = {"X-Forwarded-For", false},
    [SM_HEADER_HOST] = {"Host", true},
    [SM_HEADER_IDEMPOTENCY_KEY] = {"Idempotency-Key", true},
    [SM_HEADER_IF_NONE_MATCH] = {"If-None-Match", false},
    [SM_HEADER_IF_RANGE] = {"If-Range", true},
    [SM_HEADER_ORIGIN] = {"Origin", true},
    [SM_HEADER_RANGE] = {"Range", true},
    [SM_HEADER_REQUEST_METHOD] = {"Access-Control-Request-Method", false},
    [SM_HEADER_SEC_FETCH_SITE] = {"Sec-Fetch-Site", true},
    [SM_HEADER_TRANSFER_ENCODING] = {"Transfer-Encoding", true},
};

sm_err sm_request_init(sm_request *request, const char *target) {
  sm_request out = {.method = ""};
  out.path = strdup(target);
  if (out.path == NULL) return SM_ERR_NOMEM;
  char *query = strchr(out.path, '?');
  if (query != NULL) {
    *query = '\0';
    out.raw_query = query + 1;
  }
  (void)sm_random_id("r_", out.id);
  sm_buf_init(&out.body, SM_BODY_MAX);
  *request = out;
  return SM_OK;
}

void sm_request_fini(sm_request *request) {
  free(request->key_devices);
  if (request->body.data != NULL) sodium_memzero(request->body.data, request->body.cap);
  sm_buf_fini(&request->body);
  sm_query_fini(&request->query);
  free(request->path);
  request->path = NULL;
}

void sm_request_header(sm_request *request, const char *name, const char *value) {
  request->header_count++;
  for (size_t i = 0; i < SM_HEADER_COUNT_; i++) {
    if (strcasecmp(name, header_names[i].name) != 0) continue;
    if (request->header[i] != NULL && header_names[i].once)
      request->repeated = header_names[i].name;
    /* Of a list in several lines the last one counts: it is the nearest proxy's. */
    request->header[i] = value == NULL ? "" : value;
  }
}

sm_err sm_request_cookie(const sm_request *request, const char *name, const char **value,
                         size_t *len) {
  const char *at = request->header[SM_HEADER_COOKIE];
  size_t name_len = strlen(name);
  while (at != NULL && *at != '\0') {
    at += strspn(at, " \t;");
    size_t pair_len = strcspn(at, ";");
    if (pair_len > name_len && at[name_len] == '=' && strncmp(at, name, name_len) == 0) {
      *value = at + name_len + 1;
      *len = pair_len - name_len - 1;
      return SM_OK;
    }
    at += pair_len;
  }
  return SM_ERR_NOT_FOUND;
}

sm_err sm_request_bearer(const sm_request *request, const char **token, size_t *len) {
  const char *value = request->header[SM_HEADER_AUTHORIZATION];
  if (value == NULL) return SM_ERR_NOT_FOUND;
  if (strncasecmp(value, "Bearer ", 7) != 0) return SM_ERR_SYNTAX;
  value += 7 + strspn(value + 7, " ");
  if (*value == '\0') return SM_ERR_SYNTAX;
  *token = value;
  *len = strlen(value);
  return SM_OK;
}

bool sm_request_knows_people(const sm_request *request) {
  uint32_t scopes = request->caller.scopes;
  return scopes == 0 || (scopes & SM_SCOPE_ACCOUNTS_READ) != 0;
}

bool sm_request_is_admin(const sm_request *request) {
  return request->caller.known && request->caller.role == SM_ROLE_ADMIN;
}

const char *sm_request_own_user(const sm_request *request) {
  return sm_request_is_admin(request) ? NULL : request->caller.user_id;
}

sm_actor sm_request_actor(const sm_request *request) {
  return (sm_actor){.id = request->caller.user_id};
}

/* ---- parameters ---- */

bool sm_request_param_text(const sm_request *request, sm_answer *answer, const char *name,
                           const char **value) {
  const char *found = NULL;
  if (sm_query_get(&request->query, name, &found) == SM_ERR_EXISTS) {
    sm_answer_field(answer, 400, name, "is given more than once: give it once");
    return false;
  }
  *value = found;
  return true;
}

bool sm_request_param_int(const sm_request *request, sm_answer *answer, const char *name,
                          int64_t min, int64_t max, int64_t otherwise, int64_t *value) {
  const char *text;
  if (!sm_request_param_text(request, answer, name, &text)) return false;
  int64_t number = otherwise;
  if (text != NULL &&
      (strspn(text, "0123456789") != strlen(text) ||
       sm_decimal_parse(text, strlen(text), 0, &number) != SM_OK || number < min || number > max)) {
    sm_answer_field(answer, 400, name, "is '%.40s': give a whole number from %lld to %lld", text,
                    (long long)min, (long long)max);
    return false;
  }
  *value = number;
  return true;
}

static bool take_instant(const sm_request *request, sm_answer *answer, const char *name,
                         int64_t otherwise, int64_t *instant_ms) {
  const char *text;
  if (!sm_request_param_text(request, answer, name, &text)) return false;
  int64_t value = otherwise;
  if (text != NULL && sm_rfc3339_parse(text, strlen(text), &value) != SM_OK) {
    sm_answer_field(answer, 400, name,
                    "is '%.40s': give an RFC 3339 time such as 2026-01-29T09:45:00Z or "
                    "2026-01-29T15:15:00+05:30",
                    text);
    return false;
  }
  *instant_ms = value;
  return true;
}

bool sm_request_param_range(const sm_request *request, sm_answer *answer, int64_t now_ms,
                            int64_t *from_ms, int64_t *to_ms) {
  int64_t from;
  int64_t to;
  if (!take_instant(request, answer, "to", now_ms, &to)) return false;
  if (!take_instant(request, answer, "from", to - DAY_MS, &from)) return false;
  if (from >= to) {
    sm_answer_field(answer, 400, "from", "must be before 'to' (by default now)");
    return false;
  }
  *from_ms = from;
  *to_ms = to;
  return true;
}

bool sm_request_param_cursor(const sm_request *request, sm_answer *answer, const char *scope,
                             char *key) {
  const char *text;
  if (!sm_request_param_text(request, answer, "cursor", &text)) return false;
  key[0] = '\0';
  if (text != NULL && sm_cursor_parse(scope, text, key) != SM_OK) {
    sm_answer_field(answer, 400, "cursor",
                    "is not one of this list: give the 'next' of the page "
                    "before, unchanged, with the same path");
    return false;
  }
  return true;
}

/* ---- body ---- */

/* The type that is meant, with nothing behind it or charset=utf-8. */
static bool is_type(const char *given, const char *type) {
  size_t len = strlen(type);
  if (given == NULL || strncasecmp(given, type, len) != 0) return false;
  const char *rest = given + len;
  rest += strspn(rest, " \t");
  if (*rest == '\0') return true;
  if (*rest != ';') return false;
  rest += 1 + strspn(rest + 1, " \t");
  return strcasecmp(rest, "charset=utf-8") == 0 || strcasecmp(rest, "charset=\"utf-8\"") == 0;
}

bool sm_request_body_is(const sm_request *request, sm_answer *answer, const char *type) {
  const char *coding = request->header[SM_HEADER_CONTENT_ENCODING];
  /* Bodies are small, and one that widens as it is read would not be. */
  if (coding != NULL && strcasecmp(coding, "identity") != 0) {
    sm_answer_problem(answer, 415, "The body must come as it is: leave out Content-Encoding.");
    sm_answer_header_add(answer, "Accept-Encoding", "identity");
    return false;
  }
  const char *given = request->header[SM_HEADER_CONTENT_TYPE];
  /* No body is of no type: what it lacks is told by who reads it. */
  if (given == NULL && request->body.len == 0) return true;
  if (is_type(given, type)) return true;
  sm_answer_problem(answer, 415, "The body must be %s in UTF-8: send it with Content-Type: %s.",
                    type, type);
  return false;
}

/* The deepest that objects and lists stand in one another, if the text is JSON. Looked at before it
 * is parsed: the parser's own limit is 2,048, and it descends on the thread's stack. */
static size_t json_depth(const char *text, size_t len) {
  size_t depth = 0;
  size_t deepest = 0;
  bool in_text = false;
  for (size_t i = 0; i < len; i++) {
    if (in_text && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      in_text = !in_text;
    else if (!in_text && (text[i] == '{' || text[i] == '['))
      deepest = ++depth > deepest ? depth : deepest;
    else if (!in_text && depth > 0 && (text[i] == '}' || text[i] == ']'))
      depth--;
  }
  return deepest;
}

json_t *sm_request_object(const sm_request *request, sm_answer *answer) {
  if (!sm_request_body_is(request, answer, "application/json")) return NULL;
  if (json_depth(request->body.data, request->body.len) > SM_BODY_DEPTH_MAX) {
    sm_answer_problem(answer, 400, "The body is nested more than %d deep.", (int)SM_BODY_DEPTH_MAX);
    return NULL;
  }
  json_error_t error;
  json_t *root = json_loadb(request->body.len == 0 ? "" : request->body.data, request->body.len,
                            JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) {
    sm_answer_problem(answer, 400, "The body is not valid JSON: line %d, column %d: %s.",
                      error.line, error.column, error.text);
    return NULL;
  }
  if (json_is_object(root)) return root;
  json_decref(root);
  sm_answer_problem(answer, 400, "The body must be a JSON object.");
  return NULL;
}
