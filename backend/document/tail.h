/* The tail of a PDF: what Cairo does not say. Internal to document.
 *
 * Cairo 1.16 writes the catalogue as the last object, then the table of objects and the trailer.
 * The language, that the file is tagged, and an id made from its content are put in there; nothing
 * before the catalogue moves, so that the table stays as it is. */
#ifndef SM_DOCUMENT_TAIL_H
#define SM_DOCUMENT_TAIL_H

#include "base/buf.h"
#include "base/err.h"

/* Appends `drawn`, a whole PDF as Cairo 1.16 makes it, to `pdf`, completed. `language` is
 * a tag of RFC 3066 ("en-IN"). SM_ERR_UNSUPPORTED: it is not written as described; SM_ERR_NOMEM;
 * SM_ERR_RANGE: larger than the buffer may be. */
SM_MUST_CHECK sm_err sm_tail_complete(const char *language, const sm_buf *drawn, sm_buf *pdf);

#endif
