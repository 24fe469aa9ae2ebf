/* A growable run of bytes with a limit, for building text and packets. The first failed append
 * (no memory, over the limit) sticks: later appends do nothing and `err` says why, so a writer
 * checks once at its end. */
#ifndef SM_BASE_BUF_H
#define SM_BASE_BUF_H

#include "base/err.h"

#include <stddef.h>

typedef struct sm_buf {
  char *data;   /* len bytes and, after sm_buf_text, a NUL; NULL while empty */
  size_t len;   /* bytes used */
  size_t cap;   /* bytes allocated */
  size_t limit; /* bytes allowed; 0: no limit */
  sm_err err;   /* the first failure, SM_OK until then */
} sm_buf;

void sm_buf_init(sm_buf *buf, size_t limit);
/* Frees the bytes; safe on a zeroed buf and NULL; the buf can be used again as after init. */
void sm_buf_fini(sm_buf *buf);
/* Forgets content and error, keeps the memory. */
void sm_buf_clear(sm_buf *buf);

void sm_buf_append(sm_buf *buf, const void *bytes, size_t len);
void sm_buf_append_text(sm_buf *buf, const char *text);
void sm_buf_append_char(sm_buf *buf, char c);
void sm_buf_printf(sm_buf *buf, const char *format, ...) SM_PRINTF(2, 3);
/* The same on a line of its own: parted by a newline from what is there. For reasons, of which
 * there may be several. */
void sm_buf_line(sm_buf *buf, const char *format, ...) SM_PRINTF(2, 3);

/* The content as a NUL-terminated text, borrowed until the next append; "" when empty or failed. */
const char *sm_buf_text(sm_buf *buf);
/* The content as a NUL-terminated heap text that the caller frees; NULL if the buf has failed. The
 * buf is empty afterwards. */
char *sm_buf_take(sm_buf *buf);

#endif
