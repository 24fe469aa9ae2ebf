#include "document/chart.h"

#include "document/amount.h"

#include <math.h>
#include <qrencode.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- bars ---- */
static int64_t highest(const sm_chart *chart) {
  int64_t most = 0;
  for (size_t i = 0; i < chart->count; i++)
    if (chart->bar[i].wh > most) most = chart->bar[i].wh;
  return most;
}

static void put_small(sm_sheet *sheet, double x, double y, double width, sm_align align,
                      const char *text) {
  const sm_piece piece = {
      .set = {.text = text, .style = SM_STYLE_SMALL, .width = width, .lines = 1},
      .x = x,
      .y = y,
      .align = align,
      .colour = &sm_grey};
  (void)sm_sheet_put(sheet, &piece);
}

/* The name of a bar below it. */
static void put_name(sm_sheet *sheet, const sm_chart *chart, size_t i, double x, double width) {
  char text[16];
  sm_date date = chart->bar[i].date;
  double y = chart->y + chart->height - sm_style_line(SM_STYLE_SMALL);
  if (chart->months) {
    put_small(sheet, x - 2, y, width + 4, SM_CENTRE,
              sm_month_short(sheet->invoice->language, date.month));
  } else if (date.day % 7 == 1 && date.day < 30) {
    (void)snprintf(text, sizeof text, "%d", date.day);
    put_small(sheet, x - 5, y, width + 10, SM_CENTRE, text);
  }
}

/* Above a bar, but not beyond the chart. */
static void put_number(sm_sheet *sheet, const sm_chart *chart, double x, double y, double width,
                       const char *text) {
  const sm_setting set = {.text = text, .style = SM_STYLE_SMALL};
  double spare = chart->x + chart->width - (x + width / 2 + sm_type_width(sheet->type, &set) / 2);
  put_small(sheet, (spare < 0 ? x + spare : x) - 12, y, width + 24, SM_CENTRE, text);
}

/* "350", or "0.35" of a small use: what a bar's height is worth. */
static char *short_kwh(int64_t wh, const char *currency, char out[SM_AMOUNT_TEXT_MAX]) {
  int64_t unit = wh >= 100000 ? 1000 : wh >= 10000 ? 100 : 10;
  int64_t rest = wh % unit;
  int64_t whole = wh - rest;
  if (rest * 2 >= unit && whole <= INT64_MAX - unit) whole += unit;
  return sm_energy_text(whole, 0, currency, out);
}

/* Where a bar stands, in quarters of a point. */
typedef struct frame {
  double top, floor; /* of the highest bar */
  double step, width;
  int64_t most;
} frame;

static double bar_x(const sm_chart *chart, const frame *f, size_t i) {
  return round((chart->x + f->step * (double)i + (f->step - f->width) / 2) * 4) / 4;
}

static int64_t bar_wh(const sm_chart *chart, size_t i) {
  return chart->bar[i].wh > 0 ? chart->bar[i].wh : 0;
}

static double bar_height(const sm_chart *chart, const frame *f, size_t i) {
  if (f->most <= 0) return 0;
  return (f->floor - f->top) * ((double)bar_wh(chart, i) / (double)f->most);
}

static void put_bar(sm_sheet *sheet, const sm_chart *chart, const frame *f, size_t i) {
  double height = bar_height(chart, f, i);
  sm_sheet_rectangle(sheet, bar_x(chart, f, i), f->floor - height, f->width, height);
}

/* Of months the bill's own stands out. */
static void put_bars(sm_sheet *sheet, const sm_chart *chart, const frame *f) {
  static const sm_colour earlier = {0.62, 0.70, 0.79};
  size_t pale = chart->months ? chart->count - 1 : 0;
  for (size_t i = 0; i < pale; i++) put_bar(sheet, chart, f, i);
  if (pale > 0) sm_sheet_paint(sheet, &earlier);
  for (size_t i = pale; i < chart->count; i++) put_bar(sheet, chart, f, i);
  sm_sheet_paint(sheet, &sheet->accent);
}

void sm_chart_draw(sm_sheet *sheet, const sm_chart *chart) {
  if (sheet->cr == NULL) return;
  char text[SM_AMOUNT_TEXT_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  double line = sm_style_line(SM_STYLE_SMALL);
  frame f = {.top = chart->y + line + 4 + line,
             .floor = chart->y + chart->height - line - 2,
             .step = chart->width / (double)chart->count,
             .most = highest(chart)};
  f.width = round(f.step * 0.7 * 4) / 4;
  bool said = f.most == 0; /* of days only the highest has its number */
  sm_sheet_tag(sheet, "Figure");
  (void)sm_sheet_line(sheet, SM_STYLE_SMALL_BOLD, NULL, chart->x, chart->y, chart->width,
                      chart->title);
  put_bars(sheet, chart, &f);
  for (size_t i = 0; i < chart->count; i++) {
    double x = bar_x(chart, &f, i);
    int64_t wh = bar_wh(chart, i);
    put_name(sheet, chart, i, x, f.width);
    if (chart->months || (!said && wh == f.most))
      put_number(sheet, chart, x, f.floor - bar_height(chart, &f, i) - line, f.width,
                 short_kwh(wh, invoice->currency, text));
    if (wh == f.most) said = true;
  }
  sm_sheet_fill(sheet, &sm_grey, chart->x, f.floor, chart->width, 0.6);
  sm_sheet_tag_end(sheet, "Figure");
}

/* ---- QR ---- */
enum {
  QUIET = 4,   /* modules around the code, as the standard has it */
  FINENESS = 6 /* dots a module and side: with fewer, programs that enlarge the picture blur it */
};

/* A dark module in a line of dots. Cairo packs bits into words of the machine. */
static void put_module(unsigned char *line, int x) {
  for (int i = x * FINENESS; i < (x + 1) * FINENESS; i++) {
    uint32_t word;
    unsigned char *place = line + (size_t)(i / 32) * sizeof word;
    unsigned bit = (unsigned)i % 32;
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) bit = 31 - bit;
    memcpy(&word, place, sizeof word);
    word |= UINT32_C(1) << bit;
    memcpy(place, &word, sizeof word);
  }
}

/* A picture in black: an eighth of what lines are, on the page and in time. NULL without memory. */
static cairo_surface_t *picture_of(const QRcode *code) {
  int side = code->width * FINENESS;
  cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_A1, side, side);
  unsigned char *data = cairo_image_surface_get_data(picture);
  if (data == NULL) {
    cairo_surface_destroy(picture);
    return NULL;
  }
  size_t stride = (size_t)cairo_image_surface_get_stride(picture);
  for (int y = 0; y < code->width; y++) {
    unsigned char *line = data + (size_t)(y * FINENESS) * stride;
    for (int x = 0; x < code->width; x++)
      if ((code->data[y * code->width + x] & 1) != 0) put_module(line, x);
    for (size_t i = 1; i < FINENESS; i++) memcpy(line + i * stride, line, stride);
  }
  cairo_surface_mark_dirty(picture);
  return picture;
}

static void put_picture(cairo_t *cr, cairo_surface_t *picture, double x, double y, double module) {
  cairo_pattern_t *pattern = cairo_pattern_create_for_surface(picture);
  cairo_pattern_set_filter(pattern, CAIRO_FILTER_NEAREST);
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_scale(cr, module / FINENESS, module / FINENESS);
  cairo_set_source_rgb(cr, 0, 0, 0);
  cairo_mask(cr, pattern);
  cairo_restore(cr);
  cairo_pattern_destroy(pattern);
}

/* Modules are quarters of a point wide and begin on one. */
sm_err sm_qr_draw(sm_sheet *sheet, const char *text, double x, double y, double size) {
  if (sheet->cr == NULL) return SM_OK;
  QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
  if (code == NULL) return SM_ERR_RANGE;
  cairo_surface_t *picture = picture_of(code);
  double module = floor(size / (code->width + 2 * QUIET) * 4) / 4;
  double space = (size - module * code->width) / 2;
  QRcode_free(code);
  if (picture == NULL) return SM_ERR_NOMEM;
  sm_sheet_fill(sheet, &sm_white, x, y, size, size);
  put_picture(sheet->cr, picture, floor(x + space), floor(y + space), module);
  cairo_surface_destroy(picture);
  return SM_OK;
}
