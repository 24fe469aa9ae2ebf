/* Fonts without hinting. What steers letters onto the pixels of a screen is a third of a font of
 * Debian's and half of what of it goes into a page; a page is drawn without it. Internal to
 * document. */
#ifndef SM_DOCUMENT_LEAN_H
#define SM_DOCUMENT_LEAN_H

#include "base/err.h"

enum { SM_LEAN_PATH_MAX = 64, SM_LEAN_FONTS_MAX = 8 };

/* The lean copy of a font file: `name` is what it is opened by. It is made once, by HarfBuzz in
 * some milliseconds, and stays in memory until the process ends: libraries remember a font by its
 * name, which must not become another's. The same file gives the same bytes. Any thread.
 * SM_ERR_NOT_FOUND: there is no such file; SM_ERR_UNSUPPORTED: it is no font; SM_ERR_RANGE: more
 * than SM_LEAN_FONTS_MAX; SM_ERR_NOMEM, SM_ERR_FULL, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_lean_font(const char *path, char name[SM_LEAN_PATH_MAX]);

#endif
