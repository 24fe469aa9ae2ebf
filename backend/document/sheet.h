/* A document being drawn: pages that follow each other, a place on the page that moves down, and
 * what is put there. Internal to document.
 *
 * A sheet without a surface measures only: it goes through the same pages, so that a first go says
 * how many there will be. Lengths are points from the page's upper left corner. */
#ifndef SM_DOCUMENT_SHEET_H
#define SM_DOCUMENT_SHEET_H

#include "document/invoice.h"
#include "document/type.h"

#include <stdbool.h>

#define SM_PAGE_WIDTH 595.276
#define SM_PAGE_HEIGHT 841.89
#define SM_PAGE_MARGIN 42.0
#define SM_PAGE_INNER (SM_PAGE_WIDTH - 2 * SM_PAGE_MARGIN)
#define SM_PAGE_BOTTOM (SM_PAGE_HEIGHT - 46.0)

typedef struct sm_colour {
  double red, green, blue;
} sm_colour;

typedef struct sm_sheet {
  sm_type *type;
  cairo_t *cr; /* NULL: measures */
  const sm_document_invoice *invoice;
  sm_colour accent;
  sm_colour tint; /* the accent, pale */
  double y;       /* the place on the page */
  int page;       /* from 1 */
  int pages;      /* in all; 0: not known yet */
  int dense;      /* 0 … SM_DENSE_MAX: how much closer things stand, to save a page */
} sm_sheet;

enum { SM_DENSE_MAX = 4, SM_DENSE_SMALL = 3 };
/* A gap as it is on this sheet; a style as rows and boxes have it, smaller from
 * SM_DENSE_SMALL on. */
double sm_sheet_gap(const sm_sheet *sheet, double gap);
sm_style sm_sheet_style(const sm_sheet *sheet, sm_style style);

extern const sm_colour sm_ink, sm_grey, sm_pale, sm_white, sm_amber, sm_amber_tint;

typedef enum sm_align { SM_LEFT, SM_RIGHT, SM_CENTRE } sm_align;

/* A text in a box whose upper left corner is (x, y). */
typedef struct sm_piece {
  sm_setting set; /* its width is the box's, for the alignment too */
  double x, y;
  sm_align align;
  const sm_colour *colour; /* NULL: ink */
} sm_piece;

/* Draws it and gives its height. */
double sm_sheet_put(sm_sheet *sheet, const sm_piece *piece);
/* The plainest of them: one line, left, cut off at `width`. */
double sm_sheet_line(sm_sheet *sheet, sm_style style, const sm_colour *colour, double x, double y,
                     double width, const char *text);
void sm_sheet_fill(sm_sheet *sheet, const sm_colour *colour, double x, double y, double width,
                   double height);
/* Several of them as one: rectangles, then the colour. */
void sm_sheet_rectangle(sm_sheet *sheet, double x, double y, double width, double height);
void sm_sheet_paint(sm_sheet *sheet, const sm_colour *colour);
void sm_sheet_round(sm_sheet *sheet, const sm_colour *colour, double x, double y, double width,
                    double height, double radius);

/* Structure for those who have the page read aloud: "H1", "P", "Table", …; each is ended. */
void sm_sheet_tag(sm_sheet *sheet, const char *tag);
void sm_sheet_tag_end(sm_sheet *sheet, const char *tag);

/* Whether `height` still fits on this page. */
bool sm_sheet_fits(const sm_sheet *sheet, double height);
/* Ends the page, with its foot, and begins the next. */
void sm_sheet_break(sm_sheet *sheet);
/* A break if `height` does not fit. True: there was one. */
bool sm_sheet_need(sm_sheet *sheet, double height);
/* The foot of the last page. */
void sm_sheet_finish(sm_sheet *sheet);

/* ---- tables ---- */
enum { SM_COLUMNS_MAX = 6 };

typedef struct sm_column {
  double x, width;
  sm_align align;
  const char *head;
} sm_column;

typedef struct sm_table {
  sm_sheet *sheet;
  const sm_column *column;
  size_t count;
  const char *title;
} sm_table;

/* The table's title and heads; kept together with the first row. */
void sm_table_begin(const sm_table *table);
/* A row; on a new page the heads come again. Only the first cell may have several lines. */
void sm_table_row(const sm_table *table, sm_style style, const char *const *cell);
/* A line of text over the whole width. */
void sm_table_note(const sm_table *table, sm_style style, const char *text);

#endif
