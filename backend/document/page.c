#include "document/page.h"

#include "base/buf.h"
#include "base/clock.h"
#include "document/amount.h"
#include "document/charges.h"
#include "document/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 };

static const double column_gap = 18;
static const double right_x = 330; /* where the right half begins */

void sm_page_colours(sm_sheet *sheet) {
  static const sm_colour blue = {0.07, 0.29, 0.53}, blue_tint = {0.925, 0.949, 0.976};
  static const sm_colour red = {0.58, 0.13, 0.16}, red_tint = {0.988, 0.937, 0.933};
  bool credit = sheet->invoice->credit_note;
  sheet->accent = credit ? red : blue;
  sheet->tint = credit ? red_tint : blue_tint;
}

static const char *say(const sm_sheet *sheet, sm_word word) {
  return sm_word_text(sheet->invoice->language, word);
}

static bool has(const char *text) {
  return text != NULL && text[0] != '\0';
}

/* ---- the head: who sends it, and what it is ---- */
static double put_logo(sm_sheet *sheet, cairo_surface_t *logo) {
  static const double most_width = 110, most_height = 42;
  double width = cairo_image_surface_get_width(logo);
  double height = cairo_image_surface_get_height(logo);
  double scale =
      most_width / width < most_height / height ? most_width / width : most_height / height;
  if (sheet->cr != NULL) {
    cairo_save(sheet->cr);
    cairo_translate(sheet->cr, SM_PAGE_MARGIN, SM_PAGE_MARGIN);
    cairo_scale(sheet->cr, scale, scale);
    cairo_set_source_surface(sheet->cr, logo, 0, 0);
    cairo_paint(sheet->cr);
    cairo_restore(sheet->cr);
  }
  return width * scale + 12;
}

/* The next line of a text that may have several; *rest is NULL behind the last. */
static char *next_line(const char **rest, char *out, size_t cap) {
  size_t len = strcspn(*rest, "\n");
  (void)snprintf(out, cap, "%.*s", (int)(len < cap ? len : cap - 1), *rest);
  *rest = (*rest)[len] == '\n' ? *rest + len + 1 : NULL;
  return out;
}

static double put_address(sm_sheet *sheet, double x, double y, double width) {
  enum { ADDRESS_LINES = 6 };
  char text[TEXT_MAX];
  const char *rest = sheet->invoice->seller_address;
  for (int i = 0; i < ADDRESS_LINES && rest != NULL; i++)
    y += sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, x, y, width,
                       next_line(&rest, text, sizeof text));
  return y;
}

static double put_seller(sm_sheet *sheet, double x) {
  char text[TEXT_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  double width = right_x - column_gap - x;
  double y = SM_PAGE_MARGIN;
  sm_piece piece = {.x = x, .y = y};
  sm_sheet_tag(sheet, "P");
  if (has(invoice->seller_name)) {
    piece.set = (sm_setting){invoice->seller_name, SM_STYLE_HEAD, width, 2};
    y += sm_sheet_put(sheet, &piece);
  }
  if (has(invoice->seller_address)) y = put_address(sheet, x, y, width);
  if (has(invoice->seller_tax_id)) {
    (void)snprintf(text, sizeof text, "%s %s", say(sheet, SM_WORD_TAX_ID), invoice->seller_tax_id);
    y += sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, x, y, width, text);
  }
  sm_sheet_tag_end(sheet, "P");
  return y;
}

/* ---- "Number  SM2627-000001": a word and what it says ---- */
static const double fact_name_width = 84;

static double fact_width(void) {
  return SM_PAGE_WIDTH - SM_PAGE_MARGIN - right_x - fact_name_width;
}

static double put_fact_text(sm_sheet *sheet, double y, const char *text) {
  double line = sm_style_line(SM_STYLE_BODY);
  const sm_piece piece = {
      .set = {text, SM_STYLE_BODY, fact_width(), 2}, .x = right_x + fact_name_width, .y = y};
  double height = sm_sheet_put(sheet, &piece);
  return y + (height > line ? height : line);
}

static double put_fact(sm_sheet *sheet, double y, sm_word word, const char *text) {
  (void)sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, right_x, y + 1.6, fact_name_width,
                      say(sheet, word));
  return put_fact_text(sheet, y, text);
}

/* On two lines, if need be, each has a whole date. */
static double put_period(sm_sheet *sheet, double y) {
  char text[SM_PERIOD_WORDS_MAX];
  char *rest;
  const sm_document_invoice *invoice = sheet->invoice;
  const sm_setting set = {
      .text = sm_period_words(invoice->language, sm_zone_date(invoice->zone, invoice->from_ms),
                              sm_zone_date(invoice->zone, invoice->to_ms - 1), text, &rest),
      .style = SM_STYLE_BODY};
  if (rest == NULL || sm_type_width(sheet->type, &set) <= fact_width())
    return put_fact(sheet, y, SM_WORD_PERIOD, text);
  rest[-1] = '\0';
  y = put_fact(sheet, y, SM_WORD_PERIOD, text);
  return put_fact_text(sheet, y, rest);
}

static double put_title(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  double width = SM_PAGE_WIDTH - SM_PAGE_MARGIN - right_x;
  double y = SM_PAGE_MARGIN - 4;
  sm_sheet_tag(sheet, "H1");
  y += sm_sheet_line(sheet, SM_STYLE_TITLE, &sheet->accent, right_x, y, width,
                     say(sheet, invoice->credit_note ? SM_WORD_CREDIT_NOTE : SM_WORD_BILL));
  sm_sheet_tag_end(sheet, "H1");
  if (invoice->credit_note || (!invoice->estimated && !invoice->cancelled)) return y;
  const sm_setting badge = {say(sheet, invoice->cancelled ? SM_WORD_CANCELLED : SM_WORD_ESTIMATED),
                            SM_STYLE_BOLD, 0, 0};
  double badge_width = sm_type_width(sheet->type, &badge) + 16;
  sm_sheet_round(sheet, &sm_amber, right_x, y + 1, badge_width, 16, 3);
  (void)sm_sheet_line(sheet, SM_STYLE_BOLD, &sm_white, right_x + 8, y + 2.5, width, badge.text);
  return y + 20;
}

static double put_facts(sm_sheet *sheet, double y) {
  char from[SM_DATE_WORDS_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  sm_language language = invoice->language;
  sm_sheet_tag(sheet, "P");
  y = put_fact(sheet, y, SM_WORD_NUMBER, invoice->number);
  y = put_fact(sheet, y, SM_WORD_ISSUED,
               sm_date_words(language, sm_zone_date(invoice->zone, invoice->issued_ms), from));
  if (!invoice->credit_note && !invoice->cancelled)
    y = put_fact(sheet, y, SM_WORD_DUE,
                 sm_date_words(language, sm_zone_date(invoice->zone, invoice->due_ms), from));
  y = put_period(sheet, y);
  sm_sheet_tag_end(sheet, "P");
  return y;
}

/* ---- who gets it ---- */
static double put_payer(sm_sheet *sheet, double y) {
  char text[TEXT_MAX], number[SM_AMOUNT_TEXT_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  double width = right_x - column_gap - SM_PAGE_MARGIN;
  sm_sheet_tag(sheet, "P");
  y += sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, SM_PAGE_MARGIN, y, width,
                     say(sheet, SM_WORD_BILLED_TO));
  sm_piece piece = {.x = SM_PAGE_MARGIN, .y = y};
  piece.set = (sm_setting){has(invoice->payer) ? invoice->payer : say(sheet, SM_WORD_NO_NAME),
                           SM_STYLE_HEAD, width, 3};
  y += sm_sheet_put(sheet, &piece);
  if (has(invoice->place)) {
    piece.set = (sm_setting){invoice->place, SM_STYLE_BODY, width, 2};
    piece.y = y;
    y += sm_sheet_put(sheet, &piece);
  }
  if (has(invoice->account_name)) {
    (void)snprintf(text, sizeof text, "%s %s", say(sheet, SM_WORD_ACCOUNT), invoice->account_name);
    y += sm_sheet_line(sheet, SM_STYLE_BODY, NULL, SM_PAGE_MARGIN, y, width, text);
  }
  if (has(invoice->device_id)) {
    (void)snprintf(text, sizeof text, "%s %s", say(sheet, SM_WORD_METER), invoice->device_id);
    y += sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, SM_PAGE_MARGIN, y, width, text);
  }
  if (invoice->sanctioned_load_w > 0) {
    (void)snprintf(text, sizeof text, "%s %s kW", say(sheet, SM_WORD_LOAD),
                   sm_energy_text(invoice->sanctioned_load_w, 2, invoice->currency, number));
    y += sm_sheet_line(sheet, SM_STYLE_SMALL, &sm_grey, SM_PAGE_MARGIN, y, width, text);
  }
  sm_sheet_tag_end(sheet, "P");
  return y;
}

static void put_head(sm_sheet *sheet, cairo_surface_t *logo) {
  double indent = logo != NULL ? put_logo(sheet, logo) : 0;
  double left = put_seller(sheet, SM_PAGE_MARGIN + indent);
  if (logo != NULL && left < SM_PAGE_MARGIN + 46) left = SM_PAGE_MARGIN + 46;
  double title = put_title(sheet);
  double y = (left > title ? left : title) + sm_sheet_gap(sheet, 8);
  sm_sheet_fill(sheet, &sheet->accent, SM_PAGE_MARGIN, y, SM_PAGE_INNER, 1.6);
  y += 4 + sm_sheet_gap(sheet, 6);
  double payer = put_payer(sheet, y);
  double facts = put_facts(sheet, y);
  sheet->y = (payer > facts ? payer : facts) + sm_sheet_gap(sheet, 12);
}

/* ---- what matters: how much, until when ---- */
/* As large as there is room for, and never cut off. */
static double put_large(sm_sheet *sheet, const sm_colour *colour, sm_style style, double x,
                        double y, double width, const char *text) {
  const sm_piece piece = {
      .set = {.text = text, .style = sm_type_fit(sheet->type, text, style, width)},
      .x = x,
      .y = y,
      .colour = colour};
  return sm_sheet_put(sheet, &piece);
}

/* What stands above the amount, and which amount. */
static int64_t headline(const sm_sheet *sheet, const char **name) {
  const sm_document_invoice *invoice = sheet->invoice;
  int64_t to_pay = invoice->to_pay_minor;
  *name = say(sheet, to_pay > 0    ? SM_WORD_TO_PAY
                     : to_pay == 0 ? SM_WORD_NOTHING_TO_PAY
                                   : SM_WORD_IN_CREDIT);
  if (invoice->credit_note) *name = say(sheet, SM_WORD_GIVEN_BACK);
  if (invoice->cancelled) *name = say(sheet, SM_WORD_WAS_TO_PAY);
  return invoice->credit_note || to_pay > 0 || to_pay == INT64_MIN ? to_pay : -to_pay;
}

static void put_used(sm_sheet *sheet, double x, double y, double width) {
  char text[SM_AMOUNT_TEXT_MAX + 8], number[SM_AMOUNT_TEXT_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  (void)sm_sheet_line(sheet, SM_STYLE_BODY, &sm_grey, x, y, width, say(sheet, SM_WORD_USED));
  (void)snprintf(text, sizeof text, "%s kWh",
                 sm_energy_text(invoice->consumption_wh, 0, invoice->currency, number));
  (void)put_large(sheet, NULL, SM_STYLE_LARGE, x, y + 15, width, text);
}

static void put_qr(sm_sheet *sheet, const char *upi, double y, double size, double width) {
  double x = SM_PAGE_WIDTH - SM_PAGE_MARGIN - size - 8;
  if (sm_qr_draw(sheet, upi, floor(x), floor(y + 8), size) != SM_OK) return;
  sm_piece piece = {.set = {say(sheet, SM_WORD_SCAN), SM_STYLE_SMALL, width, 2},
                    .x = x - width - 8,
                    .y = y + size - 14,
                    .align = SM_RIGHT,
                    .colour = &sm_grey};
  (void)sm_sheet_put(sheet, &piece);
  piece.set = (sm_setting){sheet->invoice->upi_id, SM_STYLE_SMALL, width, 1};
  piece.y += sm_style_line(SM_STYLE_SMALL);
  (void)sm_sheet_put(sheet, &piece);
}

static void put_summary(sm_sheet *sheet) {
  char text[TEXT_MAX], date[SM_DATE_WORDS_MAX];
  static const double qr_sizes[SM_DENSE_MAX + 1] = {104, 104, 96, 96, 96};
  const double qr_size = qr_sizes[sheet->dense];
  const sm_document_invoice *invoice = sheet->invoice;
  const char *name;
  sm_buf upi;
  sm_buf_init(&upi, 1024);
  sm_document_upi(invoice, &upi);
  bool has_qr = upi.len > 0 && upi.err == SM_OK;
  double height = has_qr ? qr_size + 16 : 76;
  double y = sheet->y;
  double used_width = 112;
  double qr_width = has_qr ? qr_size + 16 : 0;
  double amount_width = SM_PAGE_INNER - 24 - used_width - qr_width;
  sm_sheet_round(sheet, &sheet->tint, SM_PAGE_MARGIN, y, SM_PAGE_INNER, height, 5);
  sm_sheet_tag(sheet, "P");
  int64_t amount = headline(sheet, &name);
  (void)sm_sheet_line(sheet, SM_STYLE_BODY, &sm_grey, SM_PAGE_MARGIN + 12, y + 8, amount_width,
                      name);
  double line = put_large(sheet, &sheet->accent, SM_STYLE_HUGE, SM_PAGE_MARGIN + 12, y + 21,
                          amount_width, sm_amount_text(amount, invoice->currency, text));
  if (!invoice->credit_note && !invoice->cancelled && invoice->to_pay_minor > 0) {
    const char *const until[] = {
        sm_date_words(invoice->language, sm_zone_date(invoice->zone, invoice->due_ms), date)};
    (void)sm_sheet_line(
        sheet, SM_STYLE_BOLD, NULL, SM_PAGE_MARGIN + 12, y + 22 + line, amount_width,
        sm_word_fill(invoice->language, SM_WORD_PAY_BY, until, 1, text, sizeof text));
  }
  put_used(sheet, SM_PAGE_WIDTH - SM_PAGE_MARGIN - qr_width - used_width, y + 8, used_width - 8);
  if (has_qr) put_qr(sheet, sm_buf_text(&upi), y, qr_size, used_width);
  sm_sheet_tag_end(sheet, "P");
  sm_buf_fini(&upi);
  sheet->y = y + height + 2 + sm_sheet_gap(sheet, 10);
}

/* ---- boxes of sentences ---- */
/* A sentence on a coloured ground over the whole width; the ground is drawn with each, so that a
 * box goes on over pages. */
static void put_in_box(sm_sheet *sheet, const sm_colour *ground, sm_style style, const char *text) {
  sm_piece piece = {.set = {text, sm_sheet_style(sheet, style), SM_PAGE_INNER - 24, 6},
                    .x = SM_PAGE_MARGIN + 12};
  double height = sm_type_height(sheet->type, &piece.set) + 4;
  (void)sm_sheet_need(sheet, height);
  sm_sheet_fill(sheet, ground, SM_PAGE_MARGIN, sheet->y, SM_PAGE_INNER, height);
  piece.y = sheet->y + 2;
  sm_sheet_tag(sheet, "P");
  (void)sm_sheet_put(sheet, &piece);
  sm_sheet_tag_end(sheet, "P");
  sheet->y += height;
}

static void pad_box(sm_sheet *sheet, const sm_colour *ground) {
  sm_sheet_fill(sheet, ground, SM_PAGE_MARGIN, sheet->y, SM_PAGE_INNER, 4);
  sheet->y += 4;
}

static bool digits_at(const char *text, const char *pattern) {
  for (; *pattern != '\0'; pattern++, text++) {
    bool digit = *text >= '0' && *text <= '9';
    if (*pattern == '0' ? !digit : *text != *pattern) return false;
  }
  return true;
}

/* The length of an RFC 3339 instant at the beginning of a text; 0: there is none. */
static size_t instant_length(const char *text) {
  if (!digits_at(text, "0000-00-00T00:00:00")) return 0;
  size_t len = 19;
  if (text[len] == '.') len += 1 + strspn(text + len + 1, "0123456789");
  if (text[len] == 'Z') return len + 1;
  if ((text[len] == '+' || text[len] == '-') && digits_at(text + len + 1, "00:00")) return len + 6;
  return 0;
}

/* A bill's sentence with its instants as people write them. */
static void rewrite_instants(const sm_document_invoice *invoice, const char *text, sm_buf *out) {
  char words[SM_DATE_WORDS_MAX];
  int64_t instant_ms;
  while (*text != '\0') {
    size_t len = instant_length(text);
    if (len > 0 && sm_rfc3339_parse(text, len, &instant_ms) == SM_OK) {
      sm_buf_append_text(out,
                         sm_instant_words(invoice->language, invoice->zone, instant_ms, words));
      text += len;
    } else {
      sm_buf_append_char(out, *text++);
    }
  }
}

static void put_reason(sm_sheet *sheet, const sm_document_reason *reason) {
  const sm_document_invoice *invoice = sheet->invoice;
  char words[SM_DATE_WORDS_MAX];
  sm_buf text;
  sm_buf_init(&text, 4096);
  sm_buf_append_text(&text, "• ");
  const char *sentence = sm_reason_sentence(invoice->language, reason->code);
  if (sentence == NULL) {
    rewrite_instants(invoice, reason->text, &text);
  } else {
    sm_buf_append_text(&text, sentence);
    sm_buf_printf(&text, " (%s%s%s)", reason->device_id != NULL ? reason->device_id : "",
                  reason->device_id != NULL ? ", " : "",
                  sm_instant_words(invoice->language, invoice->zone, reason->at_ms, words));
  }
  put_in_box(sheet, &sm_amber_tint, SM_STYLE_BODY, sm_buf_text(&text));
  sm_buf_fini(&text);
}

static void put_estimated(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  if (!invoice->estimated || invoice->credit_note) return;
  (void)sm_sheet_need(sheet, 40);
  pad_box(sheet, &sm_amber_tint);
  put_in_box(sheet, &sm_amber_tint, SM_STYLE_BOLD, say(sheet, SM_WORD_ESTIMATED_WHY));
  for (size_t i = 0; i < invoice->why_count; i++) put_reason(sheet, &invoice->why[i]);
  pad_box(sheet, &sm_amber_tint);
  sheet->y += sm_sheet_gap(sheet, 10);
}

static void put_why(sm_sheet *sheet) {
  char text[2048];
  const char *const reason[] = {sheet->invoice->reason};
  if (!has(reason[0])) return;
  put_in_box(sheet, &sheet->tint, SM_STYLE_BODY,
             sm_word_fill(sheet->invoice->language, SM_WORD_REASON, reason, 1, text, sizeof text));
}

static void put_box_amount(sm_sheet *sheet, sm_word word, int64_t minor) {
  char text[TEXT_MAX], amount[SM_AMOUNT_TEXT_MAX];
  (void)snprintf(text, sizeof text, "%s: %s", say(sheet, word),
                 sm_amount_text(minor, sheet->invoice->currency, amount));
  put_in_box(sheet, &sheet->tint, word == SM_WORD_DIFFERENCE ? SM_STYLE_BOLD : SM_STYLE_BODY, text);
}

/* What a credit note takes back, or what a bill stands in place of. */
static void put_correction(sm_sheet *sheet) {
  char text[TEXT_MAX], month[SM_DATE_WORDS_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  const char *other = invoice->credit_note ? invoice->credited : invoice->previous;
  const char *const names[] = {other, sm_month_words(invoice->language, invoice->month, month)};
  if (!has(other)) return;
  pad_box(sheet, &sheet->tint);
  put_in_box(sheet, &sheet->tint, SM_STYLE_BOLD,
             sm_word_fill(invoice->language,
                          invoice->credit_note ? SM_WORD_TAKES_BACK : SM_WORD_REPLACES, names,
                          invoice->credit_note ? 2 : 1, text, sizeof text));
  put_why(sheet);
  if (!invoice->credit_note) {
    put_box_amount(sheet, SM_WORD_PREVIOUS_TOTAL, invoice->previous_minor);
    put_box_amount(sheet, SM_WORD_NEW_TOTAL, invoice->total_minor);
    put_box_amount(sheet, SM_WORD_DIFFERENCE, invoice->difference_minor);
  }
  pad_box(sheet, &sheet->tint);
  sheet->y += sm_sheet_gap(sheet, 10);
}

/* ---- charts ---- */
enum { MONTHS_SHOWN = 12, DAYS_SHOWN = 31 };

static void put_charts(sm_sheet *sheet) {
  static const double heights[SM_DENSE_MAX + 1] = {92, 76, 60, 66, 54};
  const double height = heights[sheet->dense];
  const sm_document_invoice *invoice = sheet->invoice;
  size_t months = invoice->history_count < MONTHS_SHOWN ? invoice->history_count : MONTHS_SHOWN;
  size_t days = invoice->day_count < DAYS_SHOWN ? invoice->day_count : DAYS_SHOWN;
  if (invoice->credit_note || (months < 2 && days < 2)) return;
  (void)sm_sheet_need(sheet, height + sm_sheet_gap(sheet, 8));
  sheet->y += sm_sheet_gap(sheet, 8);
  double half = (SM_PAGE_INNER - column_gap) / 2;
  sm_chart chart = {.y = sheet->y, .width = half, .height = height, .x = SM_PAGE_MARGIN};
  if (months >= 2) {
    chart.title = say(sheet, SM_WORD_LAST_MONTHS);
    chart.bar = invoice->history + (invoice->history_count - months);
    chart.count = months;
    chart.months = true;
    sm_chart_draw(sheet, &chart);
    chart.x += half + column_gap;
  }
  if (days >= 2) {
    chart.title = say(sheet, SM_WORD_EACH_DAY);
    chart.bar = invoice->day;
    chart.count = days;
    chart.months = false;
    sm_chart_draw(sheet, &chart);
  }
  sheet->y += height + sm_sheet_gap(sheet, 6);
}

/* ---- the small print ---- */
static void put_paragraph(sm_sheet *sheet, sm_style style, const sm_colour *colour,
                          const char *text) {
  sm_piece piece = {.set = {text, style, SM_PAGE_INNER, 40}, .x = SM_PAGE_MARGIN, .colour = colour};
  double height = sm_type_height(sheet->type, &piece.set);
  (void)sm_sheet_need(sheet, height);
  piece.y = sheet->y;
  sm_sheet_tag(sheet, "P");
  (void)sm_sheet_put(sheet, &piece);
  sm_sheet_tag_end(sheet, "P");
  sheet->y += height + sm_sheet_gap(sheet, 2);
}

static void append_kwh(const sm_document_invoice *invoice, bool there, int64_t wh, sm_buf *out) {
  char number[SM_AMOUNT_TEXT_MAX];
  if (there)
    sm_buf_printf(out, "%s kWh", sm_energy_text(wh, 0, invoice->currency, number));
  else
    sm_buf_append_text(out, "–");
}

static void put_edit(sm_sheet *sheet, const sm_document_edit *edit) {
  const sm_document_invoice *invoice = sheet->invoice;
  char words[SM_DATE_WORDS_MAX];
  sm_buf text;
  sm_buf_init(&text, 4096);
  sm_buf_printf(&text, "%s, %s: %s (", edit->device_id,
                sm_instant_words(invoice->language, invoice->zone, edit->at_ms, words),
                sm_edit_word(invoice->language, edit->kind));
  append_kwh(invoice, edit->has_before, edit->before_wh, &text);
  sm_buf_append_text(&text, " → ");
  append_kwh(invoice, edit->has_after, edit->after_wh, &text);
  sm_buf_printf(&text, "). %s", edit->reason);
  const char *editor = sm_editor_word(invoice->language, edit->by);
  if (invoice->language == SM_LANGUAGE_HI)
    sm_buf_printf(&text, " (%s %s)", editor, say(sheet, SM_WORD_BY));
  else
    sm_buf_printf(&text, " (%s %s)", say(sheet, SM_WORD_BY), editor);
  put_paragraph(sheet, SM_STYLE_SMALL, NULL, sm_buf_text(&text));
  sm_buf_fini(&text);
}

static void put_edits(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  if (invoice->edit_count == 0 || invoice->credit_note) return;
  (void)sm_sheet_need(sheet, 30);
  sheet->y += sm_sheet_gap(sheet, 8);
  put_paragraph(sheet, SM_STYLE_SMALL_BOLD, NULL, say(sheet, SM_WORD_EDITS));
  for (size_t i = 0; i < invoice->edit_count; i++) put_edit(sheet, &invoice->edit[i]);
}

static void put_note(sm_sheet *sheet) {
  enum { NOTE_LINES = 60 };
  char text[4096];
  const char *rest = sheet->invoice->note;
  for (int i = 0; i < NOTE_LINES && rest != NULL; i++)
    put_paragraph(sheet, SM_STYLE_SMALL, &sm_grey, next_line(&rest, text, sizeof text));
}

/* "HSN 27160000 · Account id a_k3v7qpbn2xw5dmr4tzcy": for those who look things up. */
static void put_ids(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  sm_buf text;
  sm_buf_init(&text, 4096);
  if (has(invoice->hsn)) sm_buf_printf(&text, "%s %s", say(sheet, SM_WORD_HSN), invoice->hsn);
  if (has(invoice->hsn) && has(invoice->account_id)) sm_buf_append_text(&text, " · ");
  if (has(invoice->account_id))
    sm_buf_printf(&text, "%s %s", say(sheet, SM_WORD_ACCOUNT_ID), invoice->account_id);
  if (text.len > 0) put_paragraph(sheet, SM_STYLE_SMALL, &sm_grey, sm_buf_text(&text));
  sm_buf_fini(&text);
}

static void put_small_print(sm_sheet *sheet) {
  char text[TEXT_MAX];
  const sm_document_invoice *invoice = sheet->invoice;
  sheet->y += sm_sheet_gap(sheet, 8);
  put_note(sheet);
  put_ids(sheet);
  if (has(invoice->readings_sha256)) {
    const char *const hash[] = {invoice->readings_sha256};
    put_paragraph(
        sheet, SM_STYLE_SMALL, &sm_grey,
        sm_word_fill(invoice->language, SM_WORD_READINGS_HASH, hash, 1, text, sizeof text));
  }
}

void sm_page_draw(sm_sheet *sheet, cairo_surface_t *logo) {
  put_head(sheet, logo);
  put_summary(sheet);
  put_correction(sheet);
  put_estimated(sheet);
  sm_charges_put_registers(sheet);
  sm_charges_put_lines(sheet);
  put_charts(sheet);
  put_edits(sheet);
  put_small_print(sheet);
  sm_sheet_finish(sheet);
}
