#include "billing/billing_case.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "model/money.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES_KEPT = 16, ZONE_NAME_BYTES = 64 };

/* What was made for one meter. */
typedef struct case_meter {
  sm_register_point *point; /* with the edits applied */
  sm_billing_edit *edit;
} case_meter;

struct billing_case {
  sm_billing_input input;
  sm_billing_meter *meter;
  case_meter *owned;
  sm_billing_tariff *tariff;
  sm_tariff **version;
  sm_billing_true_up *true_up;
  sm_billing_true_up_tax **true_up_tax;
  unsigned digits;
  char *why;
};

static bool fail_with(billing_case *c, const char *format, ...) SM_PRINTF(2, 3);
static bool fail_with(billing_case *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(c->why, BILLING_CASE_WHY, format, args);
  va_end(args);
  return false;
}

static void *room(billing_case *c, size_t count, size_t size) {
  void *memory = calloc(count + 1, size);
  if (memory == NULL) (void)fail_with(c, "no memory");
  return memory;
}

/* ---- members ---- */
static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static bool read_time(billing_case *c, const json_t *value, int64_t *ms) {
  if (json_is_integer(value)) {
    *ms = json_integer_value(value);
    return true;
  }
  const char *text = json_string_value(value);
  if (text != NULL && sm_rfc3339_parse(text, strlen(text), ms) == SM_OK) return true;
  return fail_with(c, "not a time: %.60s", text != NULL ? text : "(no text)");
}

static bool read_time_or(billing_case *c, const json_t *object, const char *key, int64_t fallback,
                         int64_t *ms) {
  const json_t *value = json_object_get(object, key);
  *ms = fallback;
  return value == NULL || json_is_null(value) || read_time(c, value, ms);
}

static bool read_date(billing_case *c, const json_t *object, const char *key, bool *has,
                      sm_date *date) {
  const char *text = text_of(object, key);
  *has = text != NULL;
  if (text == NULL || sm_date_parse(text, date) == SM_OK) return true;
  return fail_with(c, "%s is not a date: %.60s", key, text);
}

/* A JSON number of up to three places as thousandths. */
static bool read_milli(billing_case *c, const json_t *value, int64_t fallback, int64_t *milli) {
  char text[64];
  *milli = fallback;
  if (value == NULL || json_is_null(value)) return true;
  double number = json_number_value(value);
  if (!json_is_number(value) || !(number > -1e15 && number < 1e15))
    return fail_with(c, "not a number that can be read");
  if (json_is_integer(value)) {
    *milli = json_integer_value(value) * 1000;
    return true;
  }
  (void)snprintf(text, sizeof text, "%.3f", number);
  return sm_decimal_parse(text, strlen(text), 3, milli) == SM_OK ||
         fail_with(c, "not a number of three places: %s", text);
}

static bool read_decimal(billing_case *c, const json_t *object, const char *key, unsigned places,
                         int64_t *scaled) {
  const char *text = text_of(object, key);
  if (text != NULL && sm_decimal_parse(text, strlen(text), places, scaled) == SM_OK) return true;
  return fail_with(c, "%s is not a decimal of %u places", key, places);
}

/* ---- meters ---- */
static bool read_point(billing_case *c, const json_t *from, sm_register_point *point) {
  *point =
      (sm_register_point){.gap_ms = (int32_t)json_integer_value(json_array_get(from, 2)) % 900001};
  return read_time(c, json_array_get(from, 0), &point->ts_ms) &&
         read_milli(c, json_array_get(from, 1), 0, &point->wh);
}

static bool read_edit(billing_case *c, const json_t *from, sm_billing_edit *edit) {
  const char *kind = text_of(from, "kind");
  edit->edit_no = json_integer_value(json_object_get(from, "no"));
  edit->reason = text_of(from, "reason");
  edit->by = text_of(from, "by");
  if (kind == NULL || sm_edit_kind_parse(kind, &edit->edit.kind) != SM_OK || edit->reason == NULL ||
      edit->by == NULL)
    return fail_with(c, "an edit has kind, reason and by");
  return read_time(c, json_object_get(from, "at"), &edit->edit.ts_ms) &&
         read_time(c, json_object_get(from, "made_at"), &edit->made_ms) &&
         read_milli(c, json_object_get(from, "after_kwh"), 0, &edit->edit.wh) &&
         read_milli(c, json_object_get(from, "before_kwh"), 0, &edit->raw_wh);
}

static bool apply_edits(billing_case *c, const sm_billing_edit *edit, size_t edit_count,
                        sm_register_point **point, size_t *count) {
  sm_edit *list = room(c, edit_count, sizeof *list);
  if (list == NULL) return false;
  for (size_t i = 0; i < edit_count; i++) list[i] = edit[i].edit;
  const sm_edits edits = {.item = list, .count = edit_count};
  sm_register_point *applied = NULL;
  sm_err err = sm_edits_apply(&edits, INT64_MIN, INT64_MAX, *point, *count, &applied, count);
  free(list);
  if (err != SM_OK) return fail_with(c, "%s", sm_err_text(err));
  free(*point);
  *point = applied;
  return true;
}

static bool read_course(billing_case *c, size_t m, const json_t *from) {
  const json_t *readings = json_object_get(from, "readings");
  const json_t *edits = json_object_get(from, "edits");
  case_meter *own = &c->owned[m];
  size_t count = json_array_size(readings);
  size_t edit_count = json_array_size(edits);
  own->point = room(c, count, sizeof *own->point);
  own->edit = room(c, edit_count, sizeof *own->edit);
  if (own->point == NULL || own->edit == NULL) return false;
  for (size_t i = 0; i < count; i++)
    if (!read_point(c, json_array_get(readings, i), &own->point[i])) return false;
  for (size_t i = 0; i < edit_count; i++)
    if (!read_edit(c, json_array_get(edits, i), &own->edit[i])) return false;
  if (edit_count > 0 && !apply_edits(c, own->edit, edit_count, &own->point, &count)) return false;
  c->meter[m].point = own->point;
  c->meter[m].point_count = count;
  c->meter[m].edit = own->edit;
  c->meter[m].edit_count = edit_count;
  return true;
}

static bool read_meter(billing_case *c, size_t m, const json_t *from) {
  sm_billing_meter *meter = &c->meter[m];
  int64_t sign_milli = 0;
  meter->device_id = text_of(from, "device_id");
  if (meter->device_id == NULL) return fail_with(c, "a meter has a device_id");
  if (!read_time_or(c, from, "from", INT64_MIN, &meter->from_ms) ||
      !read_time_or(c, from, "to", INT64_MAX, &meter->to_ms) ||
      !read_milli(c, json_object_get(from, "sign"), 1000, &sign_milli) ||
      !read_milli(c, json_object_get(from, "multiplier"), 1000, &meter->multiplier_milli) ||
      !read_milli(c, json_object_get(from, "modulus_kwh"), 10000000, &meter->modulus_wh) ||
      !read_milli(c, json_object_get(from, "max_power_kw"), 23000, &meter->max_power_w))
    return false;
  meter->sign = (int32_t)(sign_milli / 1000);
  return read_course(c, m, from);
}

/* ---- tariffs ---- */
static bool read_tariff(billing_case *c, size_t i, const json_t *from) {
  sm_problems problems = {0};
  bool has = false;
  char *text = json_dumps(json_object_get(from, "tariff"), JSON_COMPACT);
  if (text == NULL) return fail_with(c, "tariffs[%zu] has no tariff", i);
  sm_err err = sm_tariff_read_json(text, strlen(text), &c->version[i], NULL, &problems);
  free(text);
  if (err != SM_OK)
    return fail_with(c, "tariffs[%zu].tariff.%s %s", i, problems.item[0].field,
                     problems.item[0].message);
  c->version[i]->version = (int32_t)json_integer_value(json_object_get(from, "version"));
  c->tariff[i].tariff = c->version[i];
  if (!read_date(c, from, "from", &has, &c->tariff[i].from)) return false;
  return has || fail_with(c, "tariffs[%zu] has no from", i);
}

/* ---- corrections ---- */
static bool read_true_up_tax(billing_case *c, const json_t *from, sm_billing_true_up_tax *tax) {
  tax->name = text_of(from, "name");
  if (tax->name == NULL) return fail_with(c, "a tax of a correction has a name");
  return read_decimal(c, from, "percent", 6, &tax->percent_micro) &&
         read_decimal(c, from, "base", c->digits, &tax->base_minor) &&
         read_decimal(c, from, "amount", c->digits, &tax->amount_minor);
}

static bool read_true_up(billing_case *c, size_t i, const json_t *from) {
  sm_billing_true_up *out = &c->true_up[i];
  const char *month = text_of(from, "month");
  const json_t *taxes = json_object_get(from, "taxes");
  if (month == NULL || sm_month_parse(month, &out->year, &out->month) != SM_OK)
    return fail_with(c, "true_ups[%zu].month is no month", i);
  out->tax_count = json_array_size(taxes);
  c->true_up_tax[i] = room(c, out->tax_count, sizeof *c->true_up_tax[i]);
  if (c->true_up_tax[i] == NULL) return false;
  out->tax = c->true_up_tax[i];
  for (size_t k = 0; k < out->tax_count; k++)
    if (!read_true_up_tax(c, json_array_get(taxes, k), &c->true_up_tax[i][k])) return false;
  return read_decimal(c, from, "net", c->digits, &out->net_minor);
}

/* ---- the whole ---- */
/* Zones are few and their files are slow to read: they are kept. */
static const sm_zone *zone_named(const char *name) {
  static struct {
    char name[ZONE_NAME_BYTES];
    sm_zone *zone;
  } kept[ZONES_KEPT];
  static size_t next;
  for (size_t i = 0; i < ZONES_KEPT; i++)
    if (kept[i].zone != NULL && strcmp(kept[i].name, name) == 0) return kept[i].zone;
  sm_zone *zone = NULL;
  if (strlen(name) >= ZONE_NAME_BYTES || sm_zone_new(name, &zone) != SM_OK) return NULL;
  sm_zone_free(kept[next].zone);
  (void)snprintf(kept[next].name, ZONE_NAME_BYTES, "%s", name);
  kept[next].zone = zone;
  next = (next + 1) % ZONES_KEPT;
  return zone;
}

static bool read_head(billing_case *c, const json_t *from) {
  sm_billing_input *in = &c->input;
  const char *zone = text_of(from, "zone");
  const char *month = text_of(from, "month");
  in->currency = text_of(from, "currency");
  in->device_id = text_of(from, "device_id");
  in->account_id = text_of(from, "account_id");
  if (zone == NULL || (in->zone = zone_named(zone)) == NULL) return fail_with(c, "zone is no zone");
  if (month == NULL || sm_month_parse(month, &in->year, &in->month) != SM_OK)
    return fail_with(c, "month is no month");
  if (in->currency == NULL || in->device_id == NULL)
    return fail_with(c, "currency or device_id is missing");
  c->digits = sm_currency_digits(in->currency);
  const json_t *average = json_object_get(from, "average_kwh_per_day");
  in->has_average = average != NULL && !json_is_null(average);
  return read_time(c, json_object_get(from, "now"), &in->now_ms) &&
         read_date(c, from, "from", &in->has_from, &in->from) &&
         read_date(c, from, "to", &in->has_to, &in->to) &&
         read_milli(c, average, 0, &in->average_wh_per_day) &&
         read_milli(c, json_object_get(from, "sanctioned_load_kw"), 0, &in->sanctioned_load_w);
}

static bool read_lists(billing_case *c, const json_t *from) {
  const json_t *meters = json_object_get(from, "meters");
  const json_t *tariffs = json_object_get(from, "tariffs");
  const json_t *true_ups = json_object_get(from, "true_ups");
  sm_billing_input *in = &c->input;
  in->meter_count = json_array_size(meters);
  in->tariff_count = json_array_size(tariffs);
  in->true_up_count = json_array_size(true_ups);
  in->meter = c->meter = room(c, in->meter_count, sizeof *c->meter);
  c->owned = room(c, in->meter_count, sizeof *c->owned);
  in->tariff = c->tariff = room(c, in->tariff_count, sizeof *c->tariff);
  c->version = room(c, in->tariff_count, sizeof(sm_tariff *));
  in->true_up = c->true_up = room(c, in->true_up_count, sizeof *c->true_up);
  c->true_up_tax = room(c, in->true_up_count, sizeof(sm_billing_true_up_tax *));
  if (c->meter == NULL || c->owned == NULL || c->tariff == NULL || c->version == NULL ||
      c->true_up == NULL || c->true_up_tax == NULL)
    return false;
  for (size_t i = 0; i < in->meter_count; i++)
    if (!read_meter(c, i, json_array_get(meters, i))) return false;
  for (size_t i = 0; i < in->tariff_count; i++)
    if (!read_tariff(c, i, json_array_get(tariffs, i))) return false;
  for (size_t i = 0; i < in->true_up_count; i++)
    if (!read_true_up(c, i, json_array_get(true_ups, i))) return false;
  return true;
}

billing_case *billing_case_read(const json_t *input, char why[BILLING_CASE_WHY]) {
  billing_case *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->why = why;
  if (read_head(c, input) && read_lists(c, input)) return c;
  billing_case_free(c);
  return NULL;
}

void billing_case_free(billing_case *c) {
  if (c == NULL) return;
  for (size_t i = 0; c->owned != NULL && i < c->input.meter_count; i++) {
    free(c->owned[i].point);
    free(c->owned[i].edit);
  }
  for (size_t i = 0; c->version != NULL && i < c->input.tariff_count; i++)
    sm_tariff_free(c->version[i]);
  for (size_t i = 0; c->true_up_tax != NULL && i < c->input.true_up_count; i++)
    free(c->true_up_tax[i]);
  free(c->meter);
  free(c->owned);
  free(c->tariff);
  free(c->version);
  free(c->true_up);
  free(c->true_up_tax);
  free(c);
}

const sm_billing_input *billing_case_input(const billing_case *c) {
  return &c->input;
}

char *billing_case_bill(const billing_case *c, char why[BILLING_CASE_WHY]) {
  sm_bill *bill = NULL;
  sm_buf buf;
  sm_jsonw w;
  sm_err err = sm_billing_compute(&c->input, &bill);
  if (err != SM_OK) {
    (void)snprintf(why, BILLING_CASE_WHY, "%s", sm_err_text(err));
    return NULL;
  }
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_bill_write_json(&w, bill, c->input.zone);
  sm_bill_free(bill);
  char *text = sm_buf_take(&buf);
  if (text == NULL) (void)snprintf(why, BILLING_CASE_WHY, "no memory");
  return text;
}
