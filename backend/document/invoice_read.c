#include "document/invoice.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "model/money.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this a double no longer holds every Wh. */
static const double kwh_max = 9.0e12;

typedef struct reader {
  sm_document_invoice *out;
  sm_buf *problem;
  sm_err err; /* the first failure */
} reader;

/* Where in the row something is. */
typedef struct place {
  const char *of; /* the list or object that it is in; NULL: none */
  bool in_list;
  size_t at; /* of the list */
} place;

static void wrong(reader *r, place where, const char *member, const char *what) {
  if (r->err != SM_OK) return;
  r->err = SM_ERR_CORRUPT;
  if (where.of != NULL) sm_buf_append_text(r->problem, where.of);
  if (where.in_list) sm_buf_printf(r->problem, "[%zu]", where.at);
  if (where.of != NULL) sm_buf_append_char(r->problem, '.');
  sm_buf_printf(r->problem, "%s %s", member, what);
}

static bool is_absent(const json_t *value) {
  return value == NULL || json_is_null(value);
}

/* ---- members ---- */

/* NULL where it is absent or null. */
static const char *take_text(reader *r, place where, const json_t *from, const char *member) {
  const json_t *value = json_object_get(from, member);
  if (is_absent(value)) return NULL;
  if (!json_is_string(value)) wrong(r, where, member, "is no text");
  return json_string_value(value);
}

static const char *need_text(reader *r, place where, const json_t *from, const char *member) {
  const char *text = take_text(r, where, from, member);
  if (text == NULL) wrong(r, where, member, "is missing");
  return text != NULL ? text : "";
}

static int64_t take_int(reader *r, place where, const json_t *from, const char *member,
                        int64_t otherwise) {
  const json_t *value = json_object_get(from, member);
  if (is_absent(value)) return otherwise;
  if (!json_is_integer(value)) wrong(r, where, member, "is no whole number");
  return json_integer_value(value);
}

static bool take_bool(reader *r, place where, const json_t *from, const char *member) {
  const json_t *value = json_object_get(from, member);
  if (is_absent(value)) return false;
  if (!json_is_boolean(value)) wrong(r, where, member, "is neither true nor false");
  return json_is_true(value);
}

/* kWh (or kW, or a factor) with three places. False: absent. */
static bool take_milli(reader *r, place where, const json_t *from, const char *member,
                       int64_t *milli) {
  const json_t *value = json_object_get(from, member);
  if (is_absent(value)) return false;
  double number = json_number_value(value);
  if (!json_is_number(value) || !(fabs(number) <= kwh_max)) {
    wrong(r, where, member, "is no number that a register can show");
    return false;
  }
  *milli = llround(number * 1000);
  return true;
}

static int64_t need_milli(reader *r, place where, const json_t *from, const char *member) {
  int64_t milli = 0;
  if (!take_milli(r, where, from, member, &milli)) wrong(r, where, member, "is missing");
  return milli;
}

/* False: absent. */
static bool take_money(reader *r, place where, const json_t *from, const char *member,
                       int64_t *minor) {
  const char *text = take_text(r, where, from, member);
  if (text == NULL) return false;
  if (sm_decimal_parse(text, strlen(text), sm_currency_digits(r->out->currency), minor) == SM_OK)
    return true;
  wrong(r, where, member, "is no amount of this currency");
  return false;
}

static int64_t need_money(reader *r, place where, const json_t *from, const char *member) {
  int64_t minor = 0;
  if (!take_money(r, where, from, member, &minor)) wrong(r, where, member, "is missing");
  return minor;
}

static int64_t need_time(reader *r, place where, const json_t *from, const char *member) {
  int64_t instant_ms = 0;
  const char *text = need_text(r, where, from, member);
  if (sm_rfc3339_parse(text, strlen(text), &instant_ms) != SM_OK)
    wrong(r, where, member, "is no instant");
  return instant_ms;
}

/* ---- lists ---- */
typedef void take_element(reader *r, place where, const json_t *from, void *element);

/* Takes a list of objects, each into an element of `size` bytes. Absent is empty. */
static void take_list(reader *r, const json_t *from, const char *member, size_t size,
                      take_element *take, void **list, size_t *count) {
  const json_t *array = json_object_get(from, member);
  if (is_absent(array)) return;
  size_t n = json_array_size(array);
  if (!json_is_array(array) || n > SM_DOCUMENT_LIST_MAX) {
    wrong(r, (place){0}, member, "is no list, or too long a one");
    return;
  }
  *list = n == 0 ? NULL : calloc(n, size);
  if (n != 0 && *list == NULL && r->err == SM_OK) r->err = SM_ERR_NOMEM;
  for (size_t i = 0; i < n && r->err == SM_OK; i++) {
    place where = {.of = member, .in_list = true, .at = i};
    const json_t *element = json_array_get(array, i);
    if (!json_is_object(element)) wrong(r, where, "element", "is no object");
    take(r, where, element, (char *)*list + i * size);
  }
  if (r->err == SM_OK) *count = n;
}

static void take_line(reader *r, place where, const json_t *from, void *element) {
  sm_document_line *line = element;
  if (sm_line_kind_parse(need_text(r, where, from, "kind"), &line->kind) != SM_OK)
    wrong(r, where, "kind", "is none that is known");
  line->name = need_text(r, where, from, "name");
  line->quantity = need_text(r, where, from, "quantity");
  line->unit = need_text(r, where, from, "unit");
  line->rate = need_text(r, where, from, "rate");
  line->amount_minor = need_money(r, where, from, "amount");
}

static void take_register(reader *r, place where, const json_t *from, void *element) {
  sm_document_register *reg = element;
  reg->device_id = need_text(r, where, from, "device_id");
  reg->from_ms = need_time(r, where, from, "from");
  reg->to_ms = need_time(r, where, from, "to");
  reg->opening_wh = need_milli(r, where, from, "opening_kwh");
  reg->closing_wh = need_milli(r, where, from, "closing_kwh");
  reg->sign = take_int(r, where, from, "sign", 1);
  reg->multiplier_milli = 1000;
  (void)take_milli(r, where, from, "multiplier", &reg->multiplier_milli);
  reg->use_wh = need_milli(r, where, from, "use_kwh");
}

/* Each window has the same untimed use: what could not be told for one could be for none. */
static void take_untimed(reader *r, place where, const json_t *from, sm_document_segment *segment) {
  const json_t *windows = json_object_get(from, "windows");
  if (is_absent(windows)) return;
  if (!json_is_array(windows)) wrong(r, where, "windows", "is no list");
  for (size_t i = 0; i < json_array_size(windows); i++) {
    int64_t untimed_wh = 0;
    const json_t *window = json_array_get(windows, i);
    (void)take_milli(r, where, window, "untimed_kwh", &untimed_wh);
    if (untimed_wh > segment->untimed_wh) segment->untimed_wh = untimed_wh;
  }
}

static void take_demand(reader *r, place where, const json_t *from, sm_document_segment *segment) {
  const json_t *demand = json_object_get(from, "demand");
  int64_t milli_kw = 0;
  segment->demand_note = take_text(r, where, from, "demand_note");
  if (is_absent(demand)) return;
  (void)take_milli(r, where, demand, "kw", &milli_kw);
  segment->demand_kw_milli = milli_kw;
  segment->demand_from_ms = need_time(r, where, demand, "from");
  segment->demand_to_ms = need_time(r, where, demand, "to");
}

static void take_segment(reader *r, place where, const json_t *from, void *element) {
  sm_document_segment *segment = element;
  segment->tariff = need_text(r, where, from, "tariff");
  segment->version = take_int(r, where, from, "version", 0);
  segment->from_ms = need_time(r, where, from, "from");
  segment->to_ms = need_time(r, where, from, "to");
  int64_t first = take_int(r, where, from, "first_line", 0);
  int64_t count = take_int(r, where, from, "line_count", 0);
  take_untimed(r, where, from, segment);
  take_demand(r, where, from, segment);
  int64_t lines = (int64_t)r->out->line_count;
  if (first < 0 || count < 0 || first > lines || count > lines - first) {
    wrong(r, where, "line_count", "reaches beyond the lines");
    return;
  }
  segment->first_line = (size_t)first;
  segment->line_count = (size_t)count;
}

/* ---- time-of-day windows ---- */
/* A window's days as bits; what is no day is none. */
static unsigned days_of(const json_t *days) {
  static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"};
  unsigned bits = 0;
  for (size_t i = 0; i < json_array_size(days); i++) {
    const char *day = json_string_value(json_array_get(days, i));
    for (unsigned k = 0; day != NULL && k < sizeof names / sizeof names[0]; k++)
      if (strcmp(day, names[k]) == 0) bits |= 1U << k;
  }
  return bits;
}

static const json_t *tariff_of(const json_t *snapshot, const sm_document_segment *segment) {
  const json_t *tariffs = json_object_get(snapshot, "tariffs");
  for (size_t i = 0; i < json_array_size(tariffs); i++) {
    const json_t *tariff = json_array_get(tariffs, i);
    const char *name = json_string_value(json_object_get(tariff, "name"));
    if (name != NULL && strcmp(name, segment->tariff) == 0 &&
        json_integer_value(json_object_get(tariff, "version")) == segment->version)
      return tariff;
  }
  return NULL;
}

/* A bill's windows are its tariff's, in the same order. */
static void take_window(reader *r, const json_t *from, const json_t *by, size_t segment) {
  sm_document_window *window = &r->out->window[r->out->window_count++];
  const place where = {.of = "windows"};
  *window = (sm_document_window){.segment = segment, .name = need_text(r, where, from, "name")};
  (void)take_milli(r, where, from, "kwh", &window->use_wh);
  const char *name = json_string_value(json_object_get(by, "name"));
  if (name == NULL || strcmp(name, window->name) != 0) return;
  window->from = take_text(r, where, by, "from");
  window->to = take_text(r, where, by, "to");
  window->days = days_of(json_object_get(by, "days"));
}

static void take_windows(reader *r, const json_t *body, const json_t *snapshot) {
  sm_document_invoice *out = r->out;
  const json_t *segments = json_object_get(body, "segments");
  size_t count = 0;
  for (size_t i = 0; i < out->segment_count; i++)
    count += json_array_size(json_object_get(json_array_get(segments, i), "windows"));
  if (count == 0) return;
  if (count > SM_DOCUMENT_LIST_MAX) {
    wrong(r, (place){0}, "windows", "are too many");
    return;
  }
  out->window = calloc(count, sizeof *out->window);
  if (out->window == NULL) r->err = SM_ERR_NOMEM;
  for (size_t i = 0; i < out->segment_count && r->err == SM_OK; i++) {
    const json_t *list = json_object_get(json_array_get(segments, i), "windows");
    const json_t *by = json_object_get(tariff_of(snapshot, &out->segment[i]), "time_of_day");
    for (size_t k = 0; k < json_array_size(list) && r->err == SM_OK; k++)
      take_window(r, json_array_get(list, k), json_array_get(by, k), i);
  }
}

static void take_reason(reader *r, place where, const json_t *from, void *element) {
  sm_document_reason *reason = element;
  reason->code = need_text(r, where, from, "reason");
  reason->device_id = take_text(r, where, from, "device_id");
  reason->text = need_text(r, where, from, "text");
  reason->at_ms = need_time(r, where, from, "at");
}

static void take_edit(reader *r, place where, const json_t *from, void *element) {
  sm_document_edit *edit = element;
  edit->at_ms = need_time(r, where, from, "at");
  edit->kind = need_text(r, where, from, "kind");
  edit->device_id = need_text(r, where, from, "device_id");
  edit->has_before = take_milli(r, where, from, "before_kwh", &edit->before_wh);
  edit->has_after = take_milli(r, where, from, "after_kwh", &edit->after_wh);
  edit->reason = need_text(r, where, from, "reason");
  edit->by = need_text(r, where, from, "by");
}

static void take_day(reader *r, place where, const json_t *from, void *element) {
  sm_document_bar *bar = element;
  if (sm_date_parse(need_text(r, where, from, "date"), &bar->date) != SM_OK)
    wrong(r, where, "date", "is no date");
  bar->wh = need_milli(r, where, from, "kwh");
}

static bool parse_month(const char *text, sm_date *date) {
  date->day = 1;
  return sm_month_parse(text, &date->year, &date->month) == SM_OK;
}

static void take_month(reader *r, place where, const json_t *from, void *element) {
  sm_document_bar *bar = element;
  if (!parse_month(need_text(r, where, from, "month"), &bar->date))
    wrong(r, where, "month", "is no month");
  bar->wh = need_milli(r, where, from, "kwh");
}

#define TAKE_LIST(r, from, member, take, list, counter)                                            \
  do {                                                                                             \
    void *taken = NULL;                                                                            \
    take_list((r), (from), (member), sizeof *(r)->out->list, (take), &taken, &(r)->out->counter);  \
    (r)->out->list = taken;                                                                        \
  } while (0)

/* ---- the bill ---- */
static void take_correction(reader *r, const json_t *body) {
  sm_document_invoice *out = r->out;
  const json_t *difference = json_object_get(body, "difference");
  place where = {.of = "difference"};
  if (out->credit_note) {
    out->credited = take_text(r, (place){0}, body, "credits");
    out->reason = take_text(r, (place){0}, body, "reason");
  }
  if (is_absent(difference) || out->credit_note) return;
  out->reason = take_text(r, where, difference, "reason");
  out->previous = take_text(r, where, difference, "previous");
  (void)take_money(r, where, difference, "previous_total", &out->previous_minor);
  (void)take_money(r, where, difference, "difference", &out->difference_minor);
}

static void take_body(reader *r, const json_t *body) {
  sm_document_invoice *out = r->out;
  place top = {0};
  out->account_id = take_text(r, top, body, "account_id");
  out->device_id = take_text(r, top, body, "device_id");
  out->from_ms = need_time(r, top, body, "from");
  out->to_ms = need_time(r, top, body, "to");
  out->has_registers = take_milli(r, top, body, "opening_kwh", &out->opening_wh) &&
                       take_milli(r, top, body, "closing_kwh", &out->closing_wh);
  out->consumption_wh = need_milli(r, top, body, "consumption_kwh");
  out->estimated = take_bool(r, top, body, "estimated");
  out->subtotal_minor = need_money(r, top, body, "subtotal");
  out->tax_minor = need_money(r, top, body, "tax");
  TAKE_LIST(r, body, "lines", take_line, line, line_count);
  TAKE_LIST(r, body, "registers", take_register, reg, reg_count);
  TAKE_LIST(r, body, "segments", take_segment, segment, segment_count);
  TAKE_LIST(r, body, "explanations", take_reason, why, why_count);
  TAKE_LIST(r, body, "edits", take_edit, edit, edit_count);
  TAKE_LIST(r, body, "days", take_day, day, day_count);
  take_correction(r, body);
  if (out->from_ms >= out->to_ms) wrong(r, top, "to", "is not after `from`");
}

static void take_total(reader *r, const json_t *body, int64_t row_minor) {
  int64_t total = need_money(r, (place){0}, body, "total");
  r->out->total_minor = row_minor;
  bool same = total == row_minor || (r->out->credit_note && total == -row_minor);
  if (!same) wrong(r, (place){0}, "total", "is not the row's");
}

/* ---- the balance ---- */
static void take_entry(reader *r, place where, const json_t *from, void *element) {
  sm_document_entry *entry = element;
  entry->kind = need_text(r, where, from, "kind");
  entry->reverses = take_text(r, where, from, "reverses");
  entry->detail = take_text(r, where, from, "detail");
  entry->amount_minor = need_money(r, where, from, "amount");
  entry->at_ms = need_time(r, where, from, "at");
  entry->count = take_int(r, where, from, "count", 1);
}

/* Entries that do not make up the difference would explain a sum that is another. */
static void check_balance(reader *r) {
  const sm_document_invoice *out = r->out;
  int64_t sum = out->previous_owed_minor;
  bool fits = true;
  for (size_t i = 0; fits && i < out->entry_count; i++)
    fits = !__builtin_add_overflow(sum, out->entry[i].amount_minor, &sum);
  if (!fits || !out->has_before || sum != out->before_minor)
    wrong(r, (place){.of = "balance"}, "entries", "do not add up");
}

static void take_balance(reader *r, const json_t *snapshot) {
  sm_document_invoice *out = r->out;
  const json_t *balance = json_object_get(snapshot, "balance");
  const place where = {.of = "balance"};
  out->has_before = take_money(r, (place){0}, snapshot, "balance_before", &out->before_minor);
  if (is_absent(balance)) return;
  out->has_previous = true;
  out->previous_number = take_text(r, where, balance, "invoice");
  out->previous_owed_minor = need_money(r, where, balance, "previous");
  TAKE_LIST(r, balance, "entries", take_entry, entry, entry_count);
  if (r->err == SM_OK) check_balance(r);
}

/* ---- the snapshot ---- */
static void take_seller(reader *r, const json_t *snapshot) {
  sm_document_invoice *out = r->out;
  const json_t *seller = json_object_get(snapshot, "seller");
  const json_t *upi = json_object_get(snapshot, "upi");
  place in_seller = {.of = "seller"};
  place in_upi = {.of = "upi"};
  out->seller_name = take_text(r, in_seller, seller, "name");
  out->seller_address = take_text(r, in_seller, seller, "address");
  out->seller_tax_id = take_text(r, in_seller, seller, "tax_id");
  out->hsn = take_text(r, (place){0}, snapshot, "hsn");
  out->note = take_text(r, (place){0}, snapshot, "note");
  out->logo = take_text(r, (place){0}, snapshot, "logo");
  out->upi_id = take_text(r, in_upi, upi, "id");
  out->upi_name = take_text(r, in_upi, upi, "name");
}

/* A language that this program does not know any more is no reason to print nothing. */
static void take_language(reader *r, const json_t *snapshot, const sm_language *wanted) {
  const char *name = take_text(r, (place){0}, snapshot, "language");
  if (name == NULL || sm_language_parse(name, &r->out->language) != SM_OK)
    r->out->language = SM_LANGUAGE_EN;
  if (wanted != NULL) r->out->language = *wanted;
}

static void take_zone(reader *r, const json_t *snapshot) {
  const char *name = need_text(r, (place){0}, snapshot, "zone");
  if (r->err != SM_OK) return;
  sm_err err = sm_zone_new(name, &r->out->zone);
  if (err == SM_ERR_NOT_FOUND)
    wrong(r, (place){0}, "zone", "is none of the time zone database");
  else if (err != SM_OK)
    r->err = err;
}

static void take_snapshot(reader *r, const json_t *snapshot) {
  sm_document_invoice *out = r->out;
  const json_t *payer = json_object_get(snapshot, "payer");
  const json_t *readings = json_object_get(snapshot, "readings");
  out->place = take_text(r, (place){.of = "payer"}, payer, "place");
  (void)take_milli(r, (place){0}, snapshot, "sanctioned_load_kw", &out->sanctioned_load_w);
  out->readings_sha256 = take_text(r, (place){.of = "readings"}, readings, "sha256");
  out->account_name = take_text(r, (place){0}, snapshot, "account_name");
  take_balance(r, snapshot);
  TAKE_LIST(r, snapshot, "history", take_month, history, history_count);
  take_seller(r, snapshot);
  take_zone(r, snapshot);
}

/* ---- the whole ---- */
static json_t *load(reader *r, const char *what, const char *text) {
  json_error_t error;
  json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (value != NULL && json_is_object(value)) return value;
  json_decref(value);
  wrong(r, (place){0}, what, "is no JSON object");
  return NULL;
}

static void take_row(reader *r, const sm_document_source *source) {
  sm_document_invoice *out = r->out;
  out->number = source->number;
  out->payer = source->payer;
  out->credit_note = strcmp(source->kind, "credit_note") == 0;
  out->issued_ms = source->issued_ms;
  out->due_ms = source->due_ms;
  if (!out->credit_note && strcmp(source->kind, "invoice") != 0)
    wrong(r, (place){0}, "kind", "is neither an invoice nor a credit note");
  if (!parse_month(source->month, &out->month)) wrong(r, (place){0}, "month", "is no month");
  if (strlen(source->currency) != 3) wrong(r, (place){0}, "currency", "is none");
  (void)snprintf(out->currency, sizeof out->currency, "%.3s", source->currency);
}

static void take_to_pay(reader *r) {
  sm_document_invoice *out = r->out;
  int64_t before = out->has_before && !out->credit_note ? out->before_minor : 0;
  if (__builtin_add_overflow(before, out->total_minor, &out->to_pay_minor))
    wrong(r, (place){0}, "balance_before", "is too large");
}

sm_err sm_document_invoice_read(const sm_document_source *source, sm_document_invoice *invoice,
                                sm_buf *problem) {
  reader r = {.out = invoice, .problem = problem};
  *invoice = (sm_document_invoice){0};
  take_row(&r, source);
  json_t *body = r.err == SM_OK ? load(&r, "body", source->body) : NULL;
  json_t *snapshot = r.err == SM_OK ? load(&r, "snapshot", source->snapshot) : NULL;
  invoice->held[0] = body;
  invoice->held[1] = snapshot;
  if (r.err == SM_OK) take_body(&r, body);
  if (r.err == SM_OK) take_total(&r, body, source->total_minor);
  if (r.err == SM_OK) take_windows(&r, body, snapshot);
  if (r.err == SM_OK) take_snapshot(&r, snapshot);
  if (r.err == SM_OK) take_language(&r, snapshot, source->language);
  r.out->cancelled = source->cancelled;
  if (r.err == SM_OK) take_to_pay(&r);
  if (r.err != SM_OK) {
    sm_document_invoice_fini(invoice);
    *invoice = (sm_document_invoice){0};
  }
  return r.err;
}

void sm_document_invoice_fini(sm_document_invoice *invoice) {
  free(invoice->line);
  free(invoice->reg);
  free(invoice->segment);
  free(invoice->window);
  free(invoice->entry);
  free(invoice->why);
  free(invoice->edit);
  free(invoice->day);
  free(invoice->history);
  sm_zone_free(invoice->zone);
  json_decref(invoice->held[0]);
  json_decref(invoice->held[1]);
}
