#include "document/charges.h"

#include "base/decimal.h"
#include "document/amount.h"
#include "model/money.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 };

static const double edge = SM_PAGE_WIDTH - SM_PAGE_MARGIN;

static const char *say(const sm_sheet *sheet, sm_word word) {
  return sm_word_text(sheet->invoice->language, word);
}

/* ---- registers ---- */
/* "meter-001", "meter-001 × 40", "− meter-001": how it counts. */
static void name_register(const sm_document_register *reg, char *out, size_t cap) {
  char factor[SM_DECIMAL_TEXT_MAX];
  (void)sm_decimal_format(reg->multiplier_milli, 3, 0, factor);
  (void)snprintf(out, cap, "%s%s%s%s", reg->sign < 0 ? "− " : "", reg->device_id,
                 reg->multiplier_milli != 1000 ? " × " : "",
                 reg->multiplier_milli != 1000 ? factor : "");
}

static void put_register(const sm_table *table, const sm_document_register *reg) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char name[TEXT_MAX], from[SM_DATE_WORDS_MAX], to[SM_DATE_WORDS_MAX];
  char opening[SM_AMOUNT_TEXT_MAX], closing[SM_AMOUNT_TEXT_MAX], use[SM_AMOUNT_TEXT_MAX];
  name_register(reg, name, sizeof name);
  const char *const cell[] = {
      name,
      sm_instant_words(invoice->language, invoice->zone, reg->from_ms, from),
      sm_instant_words(invoice->language, invoice->zone, reg->to_ms, to),
      sm_energy_text(reg->opening_wh, 3, invoice->currency, opening),
      sm_energy_text(reg->closing_wh, 3, invoice->currency, closing),
      sm_energy_text(reg->use_wh, 3, invoice->currency, use)};
  sm_table_row(table, SM_STYLE_BODY, cell);
}

void sm_charges_put_registers(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  const sm_column columns[] = {{SM_PAGE_MARGIN, 126, SM_LEFT, say(sheet, SM_WORD_METER)},
                               {SM_PAGE_MARGIN + 130, 94, SM_LEFT, say(sheet, SM_WORD_FROM)},
                               {SM_PAGE_MARGIN + 226, 94, SM_LEFT, say(sheet, SM_WORD_UNTIL)},
                               {edge - 190, 64, SM_RIGHT, say(sheet, SM_WORD_OPENING)},
                               {edge - 124, 64, SM_RIGHT, say(sheet, SM_WORD_CLOSING)},
                               {edge - 58, 58, SM_RIGHT, say(sheet, SM_WORD_USE)}};
  const sm_table table = {sheet, columns, sizeof columns / sizeof columns[0],
                          say(sheet, SM_WORD_REGISTERS)};
  char use[SM_AMOUNT_TEXT_MAX];
  if (invoice->credit_note) return;
  sm_table_begin(&table);
  for (size_t i = 0; i < invoice->reg_count; i++) put_register(&table, &invoice->reg[i]);
  if (invoice->reg_count == 0)
    sm_table_note(&table, SM_STYLE_BODY, say(sheet, SM_WORD_NO_REGISTERS));
  if (invoice->reg_count > 1) {
    const char *const sum[] = {say(sheet, SM_WORD_TOTAL_USE),
                               "",
                               "",
                               "",
                               "",
                               sm_energy_text(invoice->consumption_wh, 3, invoice->currency, use)};
    sm_table_row(&table, SM_STYLE_BOLD, sum);
  }
  sheet->y += sm_sheet_gap(sheet, 10);
}

/* ---- charges ---- */
static const char *unit_word(const sm_sheet *sheet, const char *unit) {
  if (strcmp(unit, "percent") == 0 || strcmp(unit, sheet->invoice->currency) == 0) return "";
  return strcmp(unit, "month") == 0 ? say(sheet, SM_WORD_MONTH) : unit;
}

/* What a line's quantity is. The base of a per cent is money, which of time of day has six places.
 */
static const char *quantity_words(const sm_document_line *line, bool percent, bool strip,
                                  const char *currency, char out[SM_AMOUNT_TEXT_MAX]) {
  int64_t base_minor = 0;
  if (percent && sm_decimal_parse_rounded(line->quantity, strlen(line->quantity),
                                          sm_currency_digits(currency), &base_minor) == SM_OK)
    return sm_amount_plain(base_minor, currency, out);
  return sm_decimal_words(line->quantity, strip, currency, out);
}

/* The window that a time-of-day line is of: of its segment, by name. */
static const sm_document_window *window_of(const sm_document_invoice *invoice,
                                           const sm_document_line *line) {
  size_t at = (size_t)(line - invoice->line);
  for (size_t i = 0; i < invoice->window_count; i++) {
    const sm_document_window *window = &invoice->window[i];
    const sm_document_segment *segment = &invoice->segment[window->segment];
    if (at >= segment->first_line && at - segment->first_line < segment->line_count &&
        strcmp(window->name, line->name) == 0)
      return window;
  }
  return NULL;
}

/* "Evening peak (Mon–Fri 18:00–22:00), 30 kWh" */
static void name_window(const sm_document_invoice *invoice, const sm_document_window *window,
                        char *out, size_t cap) {
  char days[SM_DAYS_WORDS_MAX] = "", kwh[SM_AMOUNT_TEXT_MAX], hours[SM_DAYS_WORDS_MAX + 64] = "";
  if (window->days != 0) (void)sm_days_words(invoice->language, window->days, days);
  if (window->from != NULL && window->to != NULL)
    (void)snprintf(hours, sizeof hours, " (%s%s%.16s–%.16s)", days, days[0] != '\0' ? " " : "",
                   window->from, window->to);
  (void)snprintf(out, cap, "%s%s, %s kWh", window->name, hours,
                 sm_energy_text(window->use_wh, 0, invoice->currency, kwh));
}

static const char *name_line(const sm_document_invoice *invoice, const sm_document_line *line,
                             char *out, size_t cap) {
  const sm_document_window *window =
      line->kind == SM_LINE_TIME_OF_DAY ? window_of(invoice, line) : NULL;
  if (window == NULL) return sm_line_name(invoice->language, line->name, out, cap);
  name_window(invoice, window, out, cap);
  return out;
}

static void put_line(const sm_table *table, const sm_document_line *line) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char name[TEXT_MAX], quantity[SM_AMOUNT_TEXT_MAX + 32], rate[SM_AMOUNT_TEXT_MAX + 8];
  char number[SM_AMOUNT_TEXT_MAX], amount[SM_AMOUNT_TEXT_MAX];
  bool percent = strcmp(line->unit, "percent") == 0;
  const char *unit = unit_word(table->sheet, line->unit);
  /* A load has two places wherever it stands. */
  bool strip = unit[0] != '\0' && strcmp(line->unit, "kW") != 0;
  (void)snprintf(quantity, sizeof quantity, "%s%s%.24s",
                 quantity_words(line, percent, strip, invoice->currency, number),
                 unit[0] != '\0' ? " " : "", unit);
  (void)snprintf(rate, sizeof rate, "%s%s",
                 sm_decimal_words(line->rate, percent, invoice->currency, number),
                 percent ? " %" : "");
  if (line->kind == SM_LINE_ROUNDING || line->kind == SM_LINE_TRUE_UP) {
    quantity[0] = '\0';
    rate[0] = '\0';
  }
  const char *const cell[] = {name_line(invoice, line, name, sizeof name), quantity, rate,
                              sm_amount_plain(line->amount_minor, invoice->currency, amount)};
  sm_table_row(table, SM_STYLE_BODY, cell);
}

/* Tax and rounding stand below the subtotal. */
static bool is_above_subtotal(const sm_document_line *line) {
  return line->kind != SM_LINE_TAX && line->kind != SM_LINE_ROUNDING;
}

static void name_segment(const sm_table *table, const sm_document_segment *segment) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char text[TEXT_MAX], version[24], from[SM_DATE_WORDS_MAX], to[SM_DATE_WORDS_MAX];
  (void)snprintf(version, sizeof version, "%lld", (long long)segment->version);
  const char *const parts[] = {
      segment->tariff, version,
      sm_date_words(invoice->language, sm_zone_date(invoice->zone, segment->from_ms), from),
      sm_date_words(invoice->language, sm_zone_date(invoice->zone, segment->to_ms - 1), to)};
  sm_table_note(table, SM_STYLE_SMALL,
                sm_word_fill(invoice->language, SM_WORD_TARIFF, parts, 4, text, sizeof text));
}

static const sm_document_segment *segment_at(const sm_document_invoice *invoice, size_t line) {
  for (size_t i = 0; i < invoice->segment_count; i++)
    if (invoice->segment[i].first_line == line && invoice->segment[i].line_count > 0)
      return &invoice->segment[i];
  return NULL;
}

/* What a part of the month says beside its lines. */
static void put_remarks(const sm_table *table, const sm_document_segment *segment) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char text[TEXT_MAX], number[SM_AMOUNT_TEXT_MAX];
  char from[SM_DATE_WORDS_MAX], to[SM_DATE_WORDS_MAX];
  sm_language language = invoice->language;
  if (segment->demand_from_ms != 0) {
    const char *const parts[] = {
        sm_energy_text(segment->demand_kw_milli, 2, invoice->currency, number),
        sm_instant_words(language, invoice->zone, segment->demand_from_ms, from),
        sm_instant_words(language, invoice->zone, segment->demand_to_ms, to)};
    sm_table_note(table, SM_STYLE_SMALL,
                  sm_word_fill(language, SM_WORD_DEMAND_AT, parts, 3, text, sizeof text));
  } else if (segment->demand_note != NULL) {
    const char *known = sm_word_text(language, SM_WORD_NO_DEMAND);
    sm_table_note(table, SM_STYLE_SMALL, known != NULL ? known : segment->demand_note);
  }
  if (segment->untimed_wh > 0) {
    const char *const parts[] = {sm_energy_text(segment->untimed_wh, 0, invoice->currency, number)};
    sm_table_note(table, SM_STYLE_SMALL,
                  sm_word_fill(language, SM_WORD_UNTIMED, parts, 1, text, sizeof text));
  }
}

static void put_sum(const sm_table *table, sm_style style, const char *name, int64_t minor) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char amount[SM_AMOUNT_TEXT_MAX];
  const char *const cell[] = {name, "", "",
                              style == SM_STYLE_HEAD
                                  ? sm_amount_text(minor, invoice->currency, amount)
                                  : sm_amount_plain(minor, invoice->currency, amount)};
  sm_table_row(table, style, cell);
}

/* ---- what was owed before, and what is to be paid now ---- */
/* "Payment received, UPI", "Late fee, SM2627-000001", "Payment received (12)". */
static void name_entry(const sm_document_invoice *invoice, const sm_document_entry *entry,
                       char *out, size_t cap) {
  char count[32] = "";
  const char *detail = entry->detail;
  if (strcmp(entry->kind, "payment") == 0 && detail != NULL)
    detail = sm_method_word(invoice->language, detail);
  if (entry->count > 1) (void)snprintf(count, sizeof count, " (%lld)", (long long)entry->count);
  (void)snprintf(out, cap, "%s%s%s%s",
                 sm_entry_word(invoice->language, entry->kind, entry->reverses), count,
                 detail != NULL ? ", " : "", detail != NULL ? detail : "");
}

static void put_entry(const sm_table *table, const sm_document_entry *entry) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char name[TEXT_MAX], date[SM_DATE_WORDS_MAX] = "", amount[SM_AMOUNT_TEXT_MAX];
  name_entry(invoice, entry, name, sizeof name);
  if (entry->count == 1)
    (void)sm_date_short(invoice->language, sm_zone_date(invoice->zone, entry->at_ms), date);
  const char *const cell[] = {name, date, "",
                              sm_amount_plain(entry->amount_minor, invoice->currency, amount)};
  sm_table_row(table, SM_STYLE_BODY, cell);
}

static void put_owed_after(const sm_table *table) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char text[TEXT_MAX];
  const char *const number[] = {invoice->previous_number};
  if (invoice->previous_number == NULL) return;
  put_sum(
      table, SM_STYLE_BODY,
      sm_word_fill(invoice->language,
                   invoice->previous_owed_minor >= 0 ? SM_WORD_OWED_AFTER : SM_WORD_CREDIT_AFTER,
                   number, 1, text, sizeof text),
      invoice->previous_owed_minor);
}

/* Rows of older versions have the one sum. */
static bool has_balance(const sm_document_invoice *invoice) {
  if (invoice->credit_note || !invoice->has_before) return false;
  if (invoice->before_minor != 0) return true;
  return invoice->has_previous && (invoice->entry_count > 0 || invoice->previous_owed_minor != 0);
}

static void put_balance(const sm_table *table) {
  sm_sheet *sheet = table->sheet;
  const sm_document_invoice *invoice = sheet->invoice;
  if (!has_balance(invoice)) return;
  if (invoice->has_previous) {
    put_owed_after(table);
    for (size_t i = 0; i < invoice->entry_count; i++) put_entry(table, &invoice->entry[i]);
  } else {
    put_sum(table, SM_STYLE_BODY,
            say(sheet, invoice->before_minor > 0 ? SM_WORD_ARREARS : SM_WORD_CREDIT_BEFORE),
            invoice->before_minor);
  }
  put_sum(table, SM_STYLE_HEAD,
          say(sheet, invoice->to_pay_minor >= 0 ? SM_WORD_TO_PAY : SM_WORD_IN_CREDIT),
          invoice->to_pay_minor);
}

static void put_true_up_note(const sm_table *table) {
  const sm_document_invoice *invoice = table->sheet->invoice;
  char text[1024], least[SM_AMOUNT_TEXT_MAX];
  const char *const off[] = {sm_amount_plain(1, invoice->currency, least)};
  for (size_t i = 0; i < invoice->line_count; i++) {
    if (invoice->line[i].kind != SM_LINE_TRUE_UP) continue;
    sm_table_note(table, SM_STYLE_SMALL,
                  sm_word_fill(invoice->language, SM_WORD_TRUE_UP_NOTE, off, 1, text, sizeof text));
    return;
  }
}

static void put_total(const sm_table *table) {
  char text[TEXT_MAX], month[SM_DATE_WORDS_MAX];
  sm_sheet *sheet = table->sheet;
  const sm_document_invoice *invoice = sheet->invoice;
  const char *const names[] = {sm_month_words(invoice->language, invoice->month, month)};
  put_sum(table, SM_STYLE_HEAD,
          invoice->credit_note
              ? say(sheet, SM_WORD_TOTAL_CREDITED)
              : sm_word_fill(invoice->language, SM_WORD_TOTAL, names, 1, text, sizeof text),
          invoice->total_minor);
  put_balance(table);
}

void sm_charges_put_lines(sm_sheet *sheet) {
  const sm_document_invoice *invoice = sheet->invoice;
  const sm_column columns[] = {
      {SM_PAGE_MARGIN, SM_PAGE_INNER - 290, SM_LEFT, say(sheet, SM_WORD_ITEM)},
      {edge - 286, 100, SM_RIGHT, say(sheet, SM_WORD_QUANTITY)},
      {edge - 182, 70, SM_RIGHT, say(sheet, SM_WORD_RATE)},
      {edge - 108, 108, SM_RIGHT, say(sheet, SM_WORD_AMOUNT)}};
  const sm_table table = {sheet, columns, sizeof columns / sizeof columns[0],
                          say(sheet, SM_WORD_CHARGES)};
  sm_table_begin(&table);
  for (size_t i = 0; i < invoice->line_count; i++) {
    const sm_document_segment *segment = segment_at(invoice, i);
    if (segment != NULL && invoice->segment_count > 1) name_segment(&table, segment);
    if (is_above_subtotal(&invoice->line[i])) put_line(&table, &invoice->line[i]);
  }
  for (size_t i = 0; i < invoice->segment_count; i++) put_remarks(&table, &invoice->segment[i]);
  put_sum(&table, SM_STYLE_BOLD, say(sheet, SM_WORD_SUBTOTAL), invoice->subtotal_minor);
  for (size_t i = 0; i < invoice->line_count; i++)
    if (!is_above_subtotal(&invoice->line[i])) put_line(&table, &invoice->line[i]);
  put_true_up_note(&table);
  put_total(&table);
  sheet->y += 2;
}
