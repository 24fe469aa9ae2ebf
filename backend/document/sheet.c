#include "document/sheet.h"

#include <math.h>
#include <stdio.h>

const sm_colour sm_ink = {0.11, 0.13, 0.16};
const sm_colour sm_grey = {0.38, 0.41, 0.45};
const sm_colour sm_pale = {0.85, 0.87, 0.89};
const sm_colour sm_white = {1, 1, 1};
const sm_colour sm_amber = {0.60, 0.36, 0.02};
const sm_colour sm_amber_tint = {1, 0.953, 0.835};

static const double half_turn = 3.14159265358979323846;

static void use_colour(sm_sheet *sheet, const sm_colour *colour) {
  if (colour == NULL) colour = &sm_ink;
  cairo_set_source_rgb(sheet->cr, colour->red, colour->green, colour->blue);
}

double sm_sheet_gap(const sm_sheet *sheet, double gap) {
  static const double share[SM_DENSE_MAX + 1] = {1, 0.5, 0.15, 0.35, 0.1};
  return gap * share[sheet->dense];
}

sm_style sm_sheet_style(const sm_sheet *sheet, sm_style style) {
  if (sheet->dense < SM_DENSE_SMALL) return style;
  if (style == SM_STYLE_BODY) return SM_STYLE_SMALL;
  if (style == SM_STYLE_BOLD) return SM_STYLE_SMALL_BOLD;
  return style == SM_STYLE_HEAD ? SM_STYLE_BOLD : style;
}

/* Nobody sees less, and long numbers make long pages. */
static double tenths(double points) {
  return round(points * 10) / 10;
}

double sm_sheet_put(sm_sheet *sheet, const sm_piece *piece) {
  double line = sm_style_line(piece->set.style);
  if (sheet->cr == NULL && piece->set.lines == 1) return line;
  PangoLayout *layout = sm_type_set(sheet->type, &piece->set);
  double height = pango_layout_get_line_count(layout) * line;
  if (sheet->cr == NULL || piece->set.text[0] == '\0') return height;
  double x = piece->x;
  if (piece->align != SM_LEFT) {
    PangoRectangle logical;
    pango_layout_get_extents(layout, NULL, &logical);
    double spare = piece->set.width - (double)logical.width / PANGO_SCALE;
    if (spare > 0) x += piece->align == SM_RIGHT ? spare : spare / 2;
  }
  use_colour(sheet, piece->colour);
  double base = (double)pango_layout_get_baseline(layout) / PANGO_SCALE;
  cairo_move_to(sheet->cr, tenths(x), tenths(piece->y + sm_style_base(piece->set.style)) - base);
  pango_cairo_show_layout(sheet->cr, layout);
  return height;
}

double sm_sheet_line(sm_sheet *sheet, sm_style style, const sm_colour *colour, double x, double y,
                     double width, const char *text) {
  const sm_piece piece = {.set = {.text = text, .style = style, .width = width, .lines = 1},
                          .x = x,
                          .y = y,
                          .colour = colour};
  return sm_sheet_put(sheet, &piece);
}

void sm_sheet_rectangle(sm_sheet *sheet, double x, double y, double width, double height) {
  if (sheet->cr != NULL) cairo_rectangle(sheet->cr, x, y, width, height);
}

void sm_sheet_paint(sm_sheet *sheet, const sm_colour *colour) {
  if (sheet->cr == NULL) return;
  use_colour(sheet, colour);
  cairo_fill(sheet->cr);
}

void sm_sheet_fill(sm_sheet *sheet, const sm_colour *colour, double x, double y, double width,
                   double height) {
  sm_sheet_rectangle(sheet, x, y, width, height);
  sm_sheet_paint(sheet, colour);
}

void sm_sheet_round(sm_sheet *sheet, const sm_colour *colour, double x, double y, double width,
                    double height, double radius) {
  if (sheet->cr == NULL) return;
  cairo_t *cr = sheet->cr;
  use_colour(sheet, colour);
  cairo_new_sub_path(cr);
  cairo_arc(cr, x + width - radius, y + radius, radius, -half_turn / 2, 0);
  cairo_arc(cr, x + width - radius, y + height - radius, radius, 0, half_turn / 2);
  cairo_arc(cr, x + radius, y + height - radius, radius, half_turn / 2, half_turn);
  cairo_arc(cr, x + radius, y + radius, radius, half_turn, half_turn * 1.5);
  cairo_close_path(cr);
  cairo_fill(cr);
}

void sm_sheet_tag(sm_sheet *sheet, const char *tag) {
  if (sheet->cr != NULL) cairo_tag_begin(sheet->cr, tag, NULL);
}

void sm_sheet_tag_end(sm_sheet *sheet, const char *tag) {
  if (sheet->cr != NULL) cairo_tag_end(sheet->cr, tag);
}

bool sm_sheet_fits(const sm_sheet *sheet, double height) {
  return sheet->y + height <= SM_PAGE_BOTTOM;
}

/* On every page: what it belongs to, and which of how many it is. */
static void put_foot(sm_sheet *sheet) {
  char which[64], page[16], pages[16];
  const char *const numbers[] = {page, pages};
  double y = SM_PAGE_HEIGHT - 34;
  (void)snprintf(page, sizeof page, "%d", sheet->page);
  (void)snprintf(pages, sizeof pages, "%d", sheet->pages);
  (void)sm_word_fill(sheet->invoice->language, SM_WORD_PAGE, numbers, 2, which, sizeof which);
  sm_sheet_fill(sheet, &sm_pale, SM_PAGE_MARGIN, y - 4, SM_PAGE_INNER, 0.6);
  (void)sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, SM_PAGE_MARGIN, y, SM_PAGE_INNER / 2,
                      sheet->invoice->number);
  const sm_piece right = {
      .set = {.text = which, .style = SM_STYLE_SMALL, .width = SM_PAGE_INNER, .lines = 1},
      .x = SM_PAGE_MARGIN,
      .y = y,
      .align = SM_RIGHT,
      .colour = &sm_grey};
  (void)sm_sheet_put(sheet, &right);
}

void sm_sheet_finish(sm_sheet *sheet) {
  put_foot(sheet);
  if (sheet->cr != NULL) cairo_show_page(sheet->cr);
}

void sm_sheet_break(sm_sheet *sheet) {
  sm_sheet_finish(sheet);
  sheet->page++;
  sheet->y = SM_PAGE_MARGIN;
}

bool sm_sheet_need(sm_sheet *sheet, double height) {
  if (sm_sheet_fits(sheet, height)) return false;
  sm_sheet_break(sheet);
  return true;
}

/* ---- tables ---- */
static const double plain_row_gap = 3;
enum { CELL_LINES = 3 };

static void put_heads(const sm_table *table) {
  sm_sheet *sheet = table->sheet;
  double line = sm_style_line(SM_STYLE_SMALL);
  for (size_t i = 0; i < table->count; i++) {
    const sm_column *column = &table->column[i];
    const sm_piece piece = {
        .set = {.text = column->head, .style = SM_STYLE_SMALL, .width = column->width, .lines = 1},
        .x = column->x,
        .y = sheet->y,
        .align = column->align,
        .colour = &sm_grey};
    (void)sm_sheet_put(sheet, &piece);
  }
  sheet->y += line + 2;
  sm_sheet_fill(sheet, &sm_grey, SM_PAGE_MARGIN, sheet->y - 1, SM_PAGE_INNER, 0.6);
  sheet->y += 1;
}

void sm_table_begin(const sm_table *table) {
  sm_sheet *sheet = table->sheet;
  double head = sm_style_line(SM_STYLE_HEAD);
  (void)sm_sheet_need(sheet, head + 50);
  sm_sheet_tag(sheet, "H2");
  (void)sm_sheet_line(sheet, SM_STYLE_HEAD, &sheet->accent, SM_PAGE_MARGIN, sheet->y, SM_PAGE_INNER,
                      table->title);
  sm_sheet_tag_end(sheet, "H2");
  sheet->y += head + 2;
  put_heads(table);
}

/* On a new page the title says that it goes on. */
static void make_room(const sm_table *table, double height) {
  char title[160];
  sm_sheet *sheet = table->sheet;
  if (!sm_sheet_need(sheet, height)) return;
  (void)snprintf(title, sizeof title, "%s (%s)", table->title,
                 sm_word_text(sheet->invoice->language, SM_WORD_CONTINUED));
  (void)sm_sheet_line(sheet, SM_STYLE_HEAD, &sheet->accent, SM_PAGE_MARGIN, sheet->y, SM_PAGE_INNER,
                      title);
  sheet->y += sm_style_line(SM_STYLE_HEAD) + 2;
  put_heads(table);
}

/* A number is never cut off: it is set smaller, and goes on to the left where it still has no room.
 */
static void put_cell(const sm_table *table, size_t i, sm_style style, const char *const *cell) {
  sm_sheet *sheet = table->sheet;
  const sm_column *column = &table->column[i];
  sm_piece piece = {.x = column->x,
                    .y = sheet->y + sm_sheet_gap(sheet, plain_row_gap) / 2,
                    .align = column->align};
  piece.set = (sm_setting){cell[i], style, column->width, i == 0 ? CELL_LINES : 1};
  if (column->align == SM_RIGHT) {
    double left = column->x;
    for (size_t k = i; k > 1 && cell[k - 1][0] == '\0'; k--) left = table->column[k - 1].x;
    piece.set.style = sm_type_fit(sheet->type, cell[i], style, column->x + column->width - left);
    const sm_setting free_set = {.text = cell[i], .style = piece.set.style};
    double width = sm_type_width(sheet->type, &free_set);
    piece.x = column->x + column->width - width;
    piece.align = SM_LEFT;
    piece.set = free_set;
  }
  (void)sm_sheet_put(sheet, &piece);
}

void sm_table_row(const sm_table *table, sm_style style, const char *const *cell) {
  sm_sheet *sheet = table->sheet;
  style = sm_sheet_style(sheet, style);
  sm_setting first = {
      .text = cell[0], .style = style, .width = table->column[0].width, .lines = CELL_LINES};
  double height = sm_type_height(sheet->type, &first) + sm_sheet_gap(sheet, plain_row_gap);
  make_room(table, height);
  sm_sheet_tag(sheet, "P");
  for (size_t i = 0; i < table->count && sheet->cr != NULL; i++)
    if (cell[i][0] != '\0') put_cell(table, i, style, cell);
  sm_sheet_tag_end(sheet, "P");
  sheet->y += height;
  sm_sheet_fill(sheet, &sm_pale, SM_PAGE_MARGIN, sheet->y - 0.3, SM_PAGE_INNER, 0.4);
}

void sm_table_note(const sm_table *table, sm_style style, const char *text) {
  sm_sheet *sheet = table->sheet;
  sm_piece piece = {
      .set = {.text = text, .style = style, .width = SM_PAGE_INNER, .lines = CELL_LINES},
      .x = SM_PAGE_MARGIN,
      .colour = &sm_grey};
  double row_gap = sm_sheet_gap(sheet, plain_row_gap);
  double height = sm_type_height(sheet->type, &piece.set) + row_gap + 2;
  /* With the row that it is about. */
  make_room(table, height + 20);
  piece.y = sheet->y + row_gap;
  sm_sheet_tag(sheet, "P");
  (void)sm_sheet_put(sheet, &piece);
  sm_sheet_tag_end(sheet, "P");
  sheet->y += height;
}
