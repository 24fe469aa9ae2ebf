/* Bodies made smaller before they are sent: gzip by zlib, br by Brotli, in one go, since a body is
 * in memory and bounded. The levels are those that hold a thread up for some milliseconds at most
 * for a page of 10,000 readings, and are better for what is small; bench_squeeze prints what each
 * costs. */
#ifndef SM_API_SQUEEZE_H
#define SM_API_SQUEEZE_H

#include "api/negotiate.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

enum { SM_SQUEEZE_MIN = 1024 }; /* bytes: below, the headers are most of an answer */

/* Whether bodies of a media type get smaller: text, JSON, SVG; not PDF, ZIP, pictures, fonts. */
bool sm_squeeze_type(const char *content_type);

/* Puts `in` in its smaller form into `out` (initialised by the caller; its limit holds).
 * SM_ERR_FULL: it would not be smaller, and what is in `out` means nothing; SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_squeeze(sm_coding coding, const void *in, size_t len, sm_buf *out);

#endif
