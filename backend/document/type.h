/* Type: fonts, styles and shaped texts, over Pango. Internal to document.
 *
 * Only the fonts of Debian's fonts-noto-core that are listed in type.c are used, by a list of our
 * own and not by the machine's font settings: what else is installed, the locale and the user's
 * configuration change no byte of a page.
 *
 * Texts are plain: no markup is read. What must not be drawn is taken out first: control
 * characters and line breaks (blanks come in their place), bytes that are no UTF-8, and the
 * characters that turn the direction of what follows.
 *
 * A sm_type is one thread's at a time. */
#ifndef SM_DOCUMENT_TYPE_H
#define SM_DOCUMENT_TYPE_H

#include "base/buf.h"
#include "base/err.h"

#include <pango/pangocairo.h>

typedef enum sm_style {
  SM_STYLE_SMALL,
  SM_STYLE_SMALL_BOLD,
  SM_STYLE_BODY,
  SM_STYLE_BOLD,
  SM_STYLE_HEAD,
  SM_STYLE_LARGE,
  SM_STYLE_TITLE,
  SM_STYLE_HUGE,
  SM_STYLE_COUNT
} sm_style;

/* The fonts, read from their files: a tenth of a second, once. Any number of threads may make types
 * of them. SM_ERR_UNSUPPORTED: they are not installed, or cannot be read, which is logged;
 * SM_ERR_NOMEM. The caller frees it, after the types. */
typedef struct sm_fonts sm_fonts;
SM_MUST_CHECK sm_err sm_fonts_new(sm_fonts **fonts);
void sm_fonts_free(sm_fonts *fonts); /* NULL is fine */

typedef struct sm_type sm_type;

/* SM_ERR_NOMEM. The caller frees it. */
SM_MUST_CHECK sm_err sm_type_new(const sm_fonts *fonts, sm_type **type);
void sm_type_free(sm_type *type); /* NULL is fine */

/* Height of a line, and how far below its top its letters stand, in points. */
double sm_style_line(sm_style style);
double sm_style_base(sm_style style);

/* A text to be set. */
typedef struct sm_setting {
  const char *text;
  sm_style style;
  double width; /* to wrap at, points; 0: one line as long as it gets */
  int lines;    /* at most, the last one ending in "…"; 0: as many as it takes */
} sm_setting;

/* The shaped text, borrowed until the next call; NULL without memory. */
PangoLayout *sm_type_set(sm_type *type, const sm_setting *setting);
double sm_type_width(sm_type *type, const sm_setting *setting);
double sm_type_height(sm_type *type, const sm_setting *setting);
/* The style in which `text` fits into one line of `width`: the given one, or the next smaller ones
 * of its weight; the smallest if none is small enough. */
sm_style sm_type_fit(sm_type *type, const char *text, sm_style style, double width);

/* What of a text may be drawn, appended to `out`. */
void sm_type_clean(const char *text, sm_buf *out);

#endif
