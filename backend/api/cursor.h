/* The opaque `next` of a list: the key of its last row, with a check that binds it to its list. It
 * gives nobody anything (a page holds what its reader may see, wherever it starts), so it is
 * checked and not signed: a cursor of another list, a cut or an edited one is refused. */
#ifndef SM_API_CURSOR_H
#define SM_API_CURSOR_H

#include "base/err.h"
#include "base/jsonw.h"

#include <stddef.h>

enum { SM_CURSOR_KEY_MAX = 320, SM_CURSOR_TEXT_MAX = 448 }; /* with the NUL */

/* Writes the cursor of a key (at most SM_CURSOR_KEY_MAX - 1 bytes, asserted) of the list `scope`,
 * such as "devices" or "readings meter-001 1h". Returns out. */
char *sm_cursor_format(const char *scope, const char *key, char out[SM_CURSOR_TEXT_MAX]);

/* The key of a cursor, terminated. SM_ERR_SYNTAX: it is not one of this list. */
SM_MUST_CHECK sm_err sm_cursor_parse(const char *scope, const char *text,
                                     char key[SM_CURSOR_KEY_MAX]);

/* Writes the member `next` of a list: the cursor of a key, or null where key is NULL. */
void sm_cursor_write_next(sm_jsonw *w, const char *scope, const char *key);

#endif
