/* A request as a handler sees it: decoded, bounded, with its caller known. Handlers know nothing of
 * the HTTP library. What is wrong with a parameter or a body is written to the answer here, in the
 * same words for every route. */
#ifndef SM_API_REQUEST_H
#define SM_API_REQUEST_H

#include "api/answer.h"
#include "api/query.h"
#include "base/crypto.h"
#include "store/ledger.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
  SM_BODY_MAX = 262144,     /* bytes of a body: 256 KiB */
  SM_BODY_DEPTH_MAX = 32,   /* of objects and lists in one another */
  SM_HEADERS_MAX = 100,     /* of a request */
  SM_PATH_PARAMS_MAX = 2,   /* {…} in a pattern */
  SM_PATH_PARAM_MAX = 65,   /* of one, decoded, with its NUL */
  SM_ADDRESS_TEXT_MAX = 46, /* of an IPv6 address */
  SM_CALLER_ID_MAX = 65     /* of a user's or session's id, with its NUL */
};

typedef enum sm_header {
  SM_HEADER_ACCEPT,
  SM_HEADER_ACCEPT_ENCODING,
  SM_HEADER_AUTHORIZATION,
  SM_HEADER_CONTENT_ENCODING,
  SM_HEADER_CONTENT_LENGTH,
  SM_HEADER_CONTENT_TYPE,
  SM_HEADER_COOKIE,
  SM_HEADER_EXPECT,
  SM_HEADER_FORWARDED_FOR,
  SM_HEADER_HOST,
  SM_HEADER_IDEMPOTENCY_KEY,
  SM_HEADER_IF_NONE_MATCH,
  SM_HEADER_IF_RANGE,
  SM_HEADER_ORIGIN,
  SM_HEADER_RANGE,
  SM_HEADER_REQUEST_METHOD, /* Access-Control-Request-Method */
  SM_HEADER_SEC_FETCH_SITE,
  SM_HEADER_TRANSFER_ENCODING,
  SM_HEADER_COUNT_
} sm_header;

typedef struct sm_caller {
  bool known; /* a good token was shown */
  char user_id[SM_CALLER_ID_MAX];
  char session_id[SM_CALLER_ID_MAX];
  sm_role role;
  uint32_t scopes; /* of an API key: what it may; 0: it is none */
} sm_caller;

typedef struct sm_request {
  char id[SM_ID_MAX];                   /* of this request, for log and X-Request-Id */
  const char *method;                   /* "GET", …; borrowed */
  char *path;                           /* heap: as it was sent, undecoded, without the query */
  char *raw_query;                      /* inside `path`'s memory; NULL: none */
  sm_query query;                       /* decoded */
  const char *header[SM_HEADER_COUNT_]; /* NULL: not sent; borrowed */
  size_t header_count;
  const char *repeated; /* the name of a header that may stand once and stands twice; NULL */
  char param[SM_PATH_PARAMS_MAX][SM_PATH_PARAM_MAX]; /* decoded, in the pattern's order */
  char address[SM_ADDRESS_TEXT_MAX];                 /* of the client; "" if unknown */
  sm_buf body;
  sm_caller caller;
  char *key_devices; /* heap: what an API key is limited to, apart by blanks; NULL: all */
} sm_request;

/* Takes a request target ("/a/b?c=d"), copied. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_request_init(sm_request *request, const char *target);
void sm_request_fini(sm_request *request); /* wipes the body: it may hold a password */

/* Notes a header, borrowed, by its name if it is one of sm_header. */
void sm_request_header(sm_request *request, const char *name, const char *value);

/* The value of a cookie, borrowed, not terminated; SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_request_cookie(const sm_request *request, const char *name,
                                       const char **value, size_t *len);
/* The token of "Authorization: Bearer …", borrowed; SM_ERR_NOT_FOUND: no such header;
 * SM_ERR_SYNTAX: it says something else. */
SM_MUST_CHECK sm_err sm_request_bearer(const sm_request *request, const char **token, size_t *len);

/* Whether the caller may know of people: not a key without that scope. */
bool sm_request_knows_people(const sm_request *request);
bool sm_request_is_admin(const sm_request *request);
/* What the ledger's lists take to see only the caller's own: NULL for an admin. */
const char *sm_request_own_user(const sm_request *request);
sm_actor sm_request_actor(const sm_request *request);

/* ---- parameters: false means that the answer is a 400 that names the parameter ---- */

/* The text of a parameter, NULL if not given. */
bool sm_request_param_text(const sm_request *request, sm_answer *answer, const char *name,
                           const char **value);
/* A whole number in [min, max]; `otherwise` if not given. */
bool sm_request_param_int(const sm_request *request, sm_answer *answer, const char *name,
                          int64_t min, int64_t max, int64_t otherwise, int64_t *value);
/* `from` and `to` as instants, by default the 24 hours up to now. from must be before to. */
bool sm_request_param_range(const sm_request *request, sm_answer *answer, int64_t now_ms,
                            int64_t *from_ms, int64_t *to_ms);
/* The key behind `cursor` of the list `scope` into `key` (of SM_CURSOR_KEY_MAX); "" if not given.
 */
bool sm_request_param_cursor(const sm_request *request, sm_answer *answer, const char *scope,
                             char *key);

/* ---- body ---- */

/* Whether the body says that it is of a media type, in UTF-8 and in no coding; else the answer is a
 * 415. */
bool sm_request_body_is(const sm_request *request, sm_answer *answer, const char *type);

/* The body as a JSON object, NULL after a 400, or a 415 where it does not say that it is JSON, was
 * answered; the caller decrefs it. */
json_t *sm_request_object(const sm_request *request, sm_answer *answer);

#endif
