/* The page (or pages) of an invoice and of a credit note. Internal to document. */
#ifndef SM_DOCUMENT_PAGE_H
#define SM_DOCUMENT_PAGE_H

#include "document/sheet.h"

/* Draws all of it, onto a sheet at its first page. `logo` may be NULL. */
void sm_page_draw(sm_sheet *sheet, cairo_surface_t *logo);

/* The colours that an invoice is in; those of a credit note are others. */
void sm_page_colours(sm_sheet *sheet);

#endif
