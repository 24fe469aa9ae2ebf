#include "api/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char JSON[] = "application/json";
static const char PROBLEM[] = "application/problem+json";

const char *sm_status_text(unsigned status) {
  static const struct {
    unsigned status;
    const char *text;
  } texts[] = {{200, "OK"},
               {201, "Created"},
               {204, "No Content"},
               {206, "Partial Content"},
               {304, "Not Modified"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {406, "Not Acceptable"},
               {409, "Conflict"},
               {413, "Content Too Large"},
               {415, "Unsupported Media Type"},
               {416, "Range Not Satisfiable"},
               {422, "Unprocessable Content"},
               {426, "Upgrade Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (texts[i].status == status) return texts[i].text;
  return "Error";
}

void sm_answer_init(sm_answer *answer) {
  *answer = (sm_answer){.file = -1};
  sm_buf_init(&answer->body, SM_ANSWER_BODY_MAX);
}

static void drop_body(sm_answer *answer) {
  sm_buf_clear(&answer->body);
  if (answer->file >= 0) (void)close(answer->file);
  answer->file = -1;
  answer->content_type = NULL;
  answer->status = 0;
  answer->err = SM_OK;
}

static void drop_headers(sm_answer *answer) {
  for (size_t i = 0; i < answer->header_count; i++) free(answer->header[i].value);
  answer->header_count = 0;
}

void sm_answer_clear(sm_answer *answer) {
  drop_body(answer);
  drop_headers(answer);
  answer->cache = SM_CACHE_NONE;
}

void sm_answer_fini(sm_answer *answer) {
  sm_answer_clear(answer);
  sm_buf_fini(&answer->body);
}

static sm_jsonw begin_json(sm_answer *answer, unsigned status, const char *content_type) {
  drop_body(answer);
  answer->status = status;
  answer->content_type = content_type;
  sm_jsonw w;
  sm_jsonw_init(&w, &answer->body);
  return w;
}

sm_jsonw sm_answer_json(sm_answer *answer, unsigned status) {
  return begin_json(answer, status, JSON);
}

void sm_answer_text(sm_answer *answer, unsigned status, const char *content_type,
                    const char *text) {
  drop_body(answer);
  answer->status = status;
  answer->content_type = content_type;
  sm_buf_append_text(&answer->body, text);
}

void sm_answer_empty(sm_answer *answer, unsigned status) {
  drop_body(answer);
  answer->status = status;
}

void sm_answer_file(sm_answer *answer, const char *content_type, int file, uint64_t size) {
  drop_body(answer);
  answer->status = 200;
  answer->content_type = content_type;
  answer->file = file;
  answer->file_size = size;
  answer->file_from = 0;
}

void sm_answer_file_part(sm_answer *answer, uint64_t first, uint64_t last) {
  sm_answer_header_add(answer, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
                       (unsigned long long)last, (unsigned long long)answer->file_size);
  answer->status = 206;
  answer->file_from = first;
  answer->file_size = last - first + 1;
}

void sm_answer_header_add(sm_answer *answer, const char *name, const char *format, ...) {
  char value[4096];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(value, sizeof value, format, args);
  va_end(args);
  char *copy = NULL;
  if (len < 0 || (size_t)len >= sizeof value || strpbrk(value, "\r\n") != NULL)
    answer->err = SM_ERR_INTERNAL;
  else if (answer->header_count == SM_ANSWER_HEADERS_MAX)
    answer->err = SM_ERR_FULL;
  else if ((copy = strdup(value)) == NULL)
    answer->err = SM_ERR_NOMEM;
  else
    answer->header[answer->header_count++] = (sm_answer_header){.name = name, .value = copy};
}

/* The members that every problem has; the object stays open. */
static sm_jsonw begin_problem(sm_answer *answer, unsigned status, const char *detail) {
  sm_jsonw w = begin_json(answer, status, PROBLEM);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "type", "about:blank");
  sm_jsonw_key_text(&w, "title", sm_status_text(status));
  sm_jsonw_key_int(&w, "status", status);
  sm_jsonw_key_text(&w, "detail", detail);
  return w;
}

void sm_answer_problem(sm_answer *answer, unsigned status, const char *detail, ...) {
  char text[1024];
  va_list args;
  va_start(args, detail);
  (void)vsnprintf(text, sizeof text, detail, args);
  va_end(args);
  sm_jsonw w = begin_problem(answer, status, text);
  sm_jsonw_object_end(&w);
}

void sm_answer_problems(sm_answer *answer, unsigned status, const sm_problems *problems) {
  char detail[sizeof problems->item[0].field + sizeof problems->item[0].message + 64];
  const sm_problem *first = &problems->item[0];
  size_t kept = problems->count < SM_PROBLEMS_MAX ? problems->count : SM_PROBLEMS_MAX;
  (void)snprintf(detail, sizeof detail, problems->count > 1 ? "%s: %s, and %zu more." : "%s: %s.",
                 first->field, first->message, problems->count - 1);
  sm_jsonw w = begin_problem(answer, status, kept == 0 ? "Not valid." : detail);
  sm_jsonw_key(&w, "errors");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < kept; i++) {
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "field", problems->item[i].field);
    sm_jsonw_key_text(&w, "message", problems->item[i].message);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_jsonw_object_end(&w);
}

void sm_answer_field(sm_answer *answer, unsigned status, const char *field, const char *format,
                     ...) {
  sm_problems problems = {0};
  char message[sizeof problems.item[0].message];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(message, sizeof message, format, args);
  va_end(args);
  sm_problems_add(&problems, field, "%s", message);
  sm_answer_problems(answer, status, &problems);
}

void sm_answer_not_found(sm_answer *answer) {
  sm_answer_problem(answer, 404, "There is nothing here.");
}

void sm_answer_later(sm_answer *answer, unsigned status, unsigned retry_after_s,
                     const char *detail) {
  sm_answer_problem(answer, status, "%s", detail);
  sm_answer_header_add(answer, "Retry-After", "%u", retry_after_s);
}

void sm_answer_failure(sm_answer *answer, sm_err err) {
  switch (err) {
  case SM_ERR_BUSY:
  case SM_ERR_TIMEOUT:
    sm_answer_later(answer, 503, 1, "The store is busy. Try again in a moment.");
    break;
  case SM_ERR_FULL:
  case SM_ERR_IO:
  case SM_ERR_CLOSED:
  case SM_ERR_NOMEM:
    sm_answer_later(answer, 503, 10,
                    "The server can't reach or extend its store now. Try again later; its "
                    "operator finds the reason in the log and at /readyz.");
    break;
  default:
    sm_answer_problem(answer, 500,
                      "The server failed. Its operator finds the reason in the log under this "
                      "answer's X-Request-Id.");
    break;
  }
}

void sm_answer_finish(sm_answer *answer) {
  if (answer->status != 0 && answer->err == SM_OK && answer->body.err == SM_OK) return;
  sm_answer_clear(answer);
  sm_answer_failure(answer, SM_ERR_INTERNAL);
}
