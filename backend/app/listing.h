/* A list on standard output, page by page, as lines or as the JSON of an array: what `list` of
 * every command has in common. */
#ifndef SM_APP_LISTING_H
#define SM_APP_LISTING_H

#include "base/err.h"
#include "base/jsonw.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct sm_listing {
  const char *plural; /* the member's name in JSON */
  size_t item_size;
  void *context;
  /* The next page, at most `limit`, which moves the context's own cursor. Fewer: it was the last.
   */
  sm_err (*load)(void *context, size_t limit, void **items, size_t *count);
  void (*release)(void *items, size_t count);
  void (*print)(void *context, const void *item); /* a line */
  /* The members of its object. */
  sm_err (*write)(void *context, sm_jsonw *w, const void *item);
} sm_listing;

/* Prints all. json: "<plural>":[…] without the braces around it, which are the caller's with what
 * else belongs in them. Errors are those of `load` and `write`, after what was printed before. */
SM_MUST_CHECK sm_err sm_listing_print(const sm_listing *listing, bool json);
/* The same for a list that is alone in its object; the exit status, after an error has been told.
 */
int sm_listing_run(const sm_listing *listing, bool json);

#endif
