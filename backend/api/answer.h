/* What a handler answers with, apart from how it is sent: a status, headers, and a body in memory
 * or an open file. Errors are written here as application/problem+json (RFC 9457). */
#ifndef SM_API_ANSWER_H
#define SM_API_ANSWER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/jsonw.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SM_ANSWER_HEADERS_MAX = 16, SM_ANSWER_BODY_MAX = 64 << 20 };

typedef struct sm_answer_header {
  const char *name; /* static */
  char *value;      /* heap */
} sm_answer_header;

/* Whether the client may keep an answer and ask whether it still holds (ETag, 304). */
typedef enum sm_cache {
  SM_CACHE_NONE, /* "no-store": what nobody said anything of */
  SM_CACHE_OWN,  /* by the caller alone */
  SM_CACHE_ALL   /* by anybody: it is the same for all */
} sm_cache;

typedef struct sm_answer {
  unsigned status;          /* 0 until a handler has answered */
  const char *content_type; /* static; NULL: no body */
  sm_cache cache;           /* counts for a 200 to a GET */
  sm_buf body;
  sm_answer_header header[SM_ANSWER_HEADERS_MAX];
  size_t header_count;
  int file;           /* an open file to send in place of `body`; -1: none */
  uint64_t file_size; /* so much of it */
  uint64_t file_from; /* from here on */
  bool close;         /* the connection is not to be used again */
  sm_err err;         /* the first failure while answering: it becomes a 500 */
} sm_answer;

void sm_answer_init(sm_answer *answer);
void sm_answer_fini(sm_answer *answer);
/* Forgets all that has been answered so far. */
void sm_answer_clear(sm_answer *answer);

/* Begins a JSON answer: write one value to the writer. A body that fails (memory, limit) becomes a
 * 500 in sm_answer_finish. */
sm_jsonw sm_answer_json(sm_answer *answer, unsigned status);
/* A text, copied. `content_type` is static. */
void sm_answer_text(sm_answer *answer, unsigned status, const char *content_type, const char *text);
/* No body. */
void sm_answer_empty(sm_answer *answer, unsigned status);
/* An open file, which the answer takes over. */
void sm_answer_file(sm_answer *answer, const char *content_type, int file, uint64_t size);
/* Of the file that is answered only these bytes, both included: a 206 with its Content-Range. */
void sm_answer_file_part(sm_answer *answer, uint64_t first, uint64_t last);

/* Adds a header; `name` is static. Line breaks in the value are a failure. */
void sm_answer_header_add(sm_answer *answer, const char *name, const char *format, ...)
    SM_PRINTF(3, 4);

/* Replaces what was answered by a problem; headers stay. `detail` is for people and names what is
 * wrong and what would be right. */
void sm_answer_problem(sm_answer *answer, unsigned status, const char *detail, ...) SM_PRINTF(3, 4);
/* The same with `errors`, field by field. */
void sm_answer_problems(sm_answer *answer, unsigned status, const sm_problems *problems);
/* The same with one field. */
void sm_answer_field(sm_answer *answer, unsigned status, const char *field, const char *format, ...)
    SM_PRINTF(4, 5);
/* The one 404: it tells nobody whether something is absent or somebody else's. */
void sm_answer_not_found(sm_answer *answer);
/* A 429 or 503 with its Retry-After. */
void sm_answer_later(sm_answer *answer, unsigned status, unsigned retry_after_s,
                     const char *detail);
/* The answer to a failure of a store or of this program: 503 for what passes by itself (busy, full,
 * input or output, a time-out), else 500. The detail says nothing of the inside; the log does. */
void sm_answer_failure(sm_answer *answer, sm_err err);

/* Turns a failed or missing answer into a 500. Call once, before sending. */
void sm_answer_finish(sm_answer *answer);

/* "Not Found" for 404. */
const char *sm_status_text(unsigned status);

#endif
