/* A kept logo as a picture. Internal to document. */
#ifndef SM_DOCUMENT_LOGO_PICTURE_H
#define SM_DOCUMENT_LOGO_PICTURE_H

#include "document/logo.h"

#include <cairo.h>

/* The kept picture, not larger than what is seen of it in print. SM_ERR_SYNTAX: `name` is none, or
 * no picture is kept there; and what sm_ledger_file_get gives. The caller destroys it. */
SM_MUST_CHECK sm_err sm_logo_load(sm_ledger *ledger, const char *name, cairo_surface_t **logo);

#endif
