/* The query part of a request target, decoded: `a=1&b=%20` into pairs. A '+' stays a '+', for times
 * have offsets. Unknown names are the caller's to ignore; what can't be decoded at all is refused
 * as a whole. */
#ifndef SM_API_QUERY_H
#define SM_API_QUERY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SM_QUERY_ITEMS_MAX = 32 };

typedef struct sm_query_item {
  const char *name; /* of the query, terminated, valid UTF-8 without NUL */
  const char *value;
} sm_query_item;

typedef struct sm_query {
  char *text; /* what the items point into */
  sm_query_item item[SM_QUERY_ITEMS_MAX];
  size_t count;
} sm_query;

/* Decodes percent escapes of all `len` bytes into `out` (len + 1 bytes; may be `text` itself) and
 * terminates it. False: an escape is broken, or the result holds a NUL or is not UTF-8. */
bool sm_percent_decode(const char *text, size_t len, char *out);

/* `raw` is what stands behind the '?', NULL if there is none. SM_ERR_SYNTAX: an escape is broken,
 * or it decodes to NUL or to no UTF-8, or there are too many items. fini after success. */
SM_MUST_CHECK sm_err sm_query_parse(sm_query *query, const char *raw);
void sm_query_fini(sm_query *query); /* safe on a zeroed one */

/* The value of a name, borrowed. SM_ERR_NOT_FOUND: not given; SM_ERR_EXISTS: given more than once,
 * and nobody can know which is meant. */
SM_MUST_CHECK sm_err sm_query_get(const sm_query *query, const char *name, const char **value);

#endif
