/* An HTTP request as a client may send it: the first line is the target, the rest the body. Decodes
 * and routes the target, reads every kind of parameter, and the body with every kind of member.
 * What is accepted must be what it claims to be. */
#include "api/aggregate.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/request.h"
#include "api/routes.h"
#include "base/utf8.h"
#include "model/reading.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_MS = 1769679900 };

static void read_parameters(const sm_request *request) {
  sm_answer answer;
  int64_t from = 0;
  int64_t to = 0;
  int64_t limit = 0;
  char key[SM_CURSOR_KEY_MAX] = "";
  char again[SM_CURSOR_TEXT_MAX];
  sm_answer_init(&answer);
  if (sm_request_param_range(request, &answer, NOW_MS, &from, &to) && from >= to) abort();
  if (sm_request_param_int(request, &answer, "limit", 1, 1000, 100, &limit) &&
      (limit < 1 || limit > 1000))
    abort();
  if (sm_request_param_cursor(request, &answer, "devices", key) && key[0] != '\0' &&
      sm_cursor_parse("devices", sm_cursor_format("devices", key, again), key) != SM_OK)
    abort();
  sm_answer_finish(&answer);
  sm_answer_fini(&answer);
}

static void route(sm_request *request) {
  static const char *const methods[] = {"GET", "POST", "PATCH", "HEAD", "DELETE"};
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    const sm_route *found = NULL;
    char allow[SM_ALLOW_MAX];
    request->method = methods[i];
    if (sm_router_find(table, count, request, &found, allow) != SM_MATCH_ROUTE) continue;
    for (size_t p = 0; p < SM_PATH_PARAMS_MAX; p++)
      if (found->param[p] == SM_PARAM_DEVICE &&
          !sm_device_id_valid(request->param[p], strlen(request->param[p])))
        abort();
  }
}

static void read_members(const json_t *body) {
  sm_problems problems = {.count = 0};
  const char *text = NULL;
  int64_t number = 0;
  bool has = false;
  sm_date date = {.year = 2026, .month = 1, .day = 1};
  sm_body_text(body, "", "name", false, 80, &text, &problems);
  if (text != NULL && !sm_utf8_valid(text, strlen(text))) abort();
  text = NULL;
  sm_body_device_id(body, "", "device_id", &text, &problems);
  if (text != NULL && !sm_device_id_valid(text, strlen(text))) abort();
  sm_body_email(body, "", "owner", &text, &problems);
  sm_body_date(body, "", "from", &has, &date, &problems);
  sm_body_instant(body, "", "at", &number, &problems);
  number = 5;
  sm_body_milli(body, "", "load", 0, 10000, &number, &problems);
  if (number < 0 || number > 10000) abort();
  (void)sm_body_list(body, "", "meters", 200, &problems);
}

static void read_body(sm_request *request, const uint8_t *data, size_t size) {
  sm_answer answer;
  sm_answer_init(&answer);
  request->header[SM_HEADER_CONTENT_TYPE] = "application/json";
  sm_buf_append(&request->body, data, size);
  json_t *body = request->body.err == SM_OK ? sm_request_object(request, &answer) : NULL;
  if (body != NULL) read_members(body);
  json_decref(body);
  sm_answer_finish(&answer);
  sm_answer_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
  size_t line = line_end == NULL ? size : (size_t)(line_end - data);
  char *target = calloc(line + 1, 1);
  if (target == NULL) return 0;
  if (line > 0) memcpy(target, data, line);
  sm_request request;
  if (sm_request_init(&request, target) == SM_OK) {
    if (sm_query_parse(&request.query, request.raw_query) == SM_OK) read_parameters(&request);
    route(&request);
    if (line < size) read_body(&request, data + line + 1, size - line - 1);
    sm_request_fini(&request);
  }
  free(target);
  return 0;
}
