#include "invoicing/issued.h"

#include "base/checked.h"
#include "base/decimal.h"
#include "model/money.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void sm_issued_fini(sm_issued *issued) {
  if (issued == NULL) return;
  for (size_t i = 0; i < issued->tax_count; i++) free(issued->tax[i].name);
  for (size_t i = 0; i < issued->segment_count; i++) free(issued->segment[i].tariff);
  free(issued->tax);
  free(issued->segment);
  *issued = (sm_issued){0};
}

static sm_issued_tax *tax_of(sm_issued *issued, const char *name, int64_t percent_micro) {
  for (size_t i = 0; i < issued->tax_count; i++)
    if (issued->tax[i].percent_micro == percent_micro && strcmp(issued->tax[i].name, name) == 0)
      return &issued->tax[i];
  sm_issued_tax *more = realloc(issued->tax, (issued->tax_count + 1) * sizeof *more);
  if (more == NULL) return NULL;
  issued->tax = more;
  sm_issued_tax *tax = &more[issued->tax_count];
  *tax = (sm_issued_tax){.name = strdup(name), .percent_micro = percent_micro};
  if (tax->name == NULL) return NULL;
  issued->tax_count++;
  return tax;
}

sm_err sm_issued_add_tax(sm_issued *issued, const char *name, int64_t percent_micro,
                         int64_t base_minor, int64_t amount_minor) {
  sm_issued_tax *tax = tax_of(issued, name, percent_micro);
  if (tax == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_add_i64(tax->base_minor, base_minor, &tax->base_minor);
  return err == SM_OK ? sm_add_i64(tax->amount_minor, amount_minor, &tax->amount_minor) : err;
}

static sm_err add_segment(sm_issued *issued, const char *tariff, int32_t version, sm_date from) {
  sm_issued_segment *more = realloc(issued->segment, (issued->segment_count + 1) * sizeof *more);
  if (more == NULL) return SM_ERR_NOMEM;
  issued->segment = more;
  more[issued->segment_count] =
      (sm_issued_segment){.tariff = strdup(tariff), .version = version, .from = from};
  return more[issued->segment_count++].tariff != NULL ? SM_OK : SM_ERR_NOMEM;
}

/* ---- from a bill ---- */

sm_err sm_issued_of_bill(const sm_bill *bill, const sm_zone *zone, sm_issued *issued) {
  sm_issued out = {.net_minor = bill->subtotal_minor, .total_minor = bill->total_minor};
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < bill->line_count; i++) {
    const sm_bill_line *line = &bill->line[i];
    if (line->kind == SM_LINE_TAX)
      err =
          sm_issued_add_tax(&out, line->name, line->rate_micro, line->quantity, line->amount_minor);
  }
  for (size_t i = 0; err == SM_OK && i < bill->segment_count; i++)
    err = add_segment(&out, bill->segment[i].tariff, bill->segment[i].version,
                      sm_zone_date(zone, bill->segment[i].from_ms));
  if (err == SM_OK)
    *issued = out;
  else
    sm_issued_fini(&out);
  return err;
}

/* ---- from JSON ---- */

static sm_err take_decimal(const json_t *object, const char *name, unsigned places,
                           int64_t *value) {
  const char *text = json_string_value(json_object_get(object, name));
  if (text == NULL) return SM_ERR_CORRUPT;
  sm_err err = sm_decimal_parse(text, strlen(text), places, value);
  return err == SM_OK ? SM_OK : SM_ERR_CORRUPT;
}

static sm_err take_line(const json_t *line, unsigned digits, sm_issued *out) {
  int64_t base, rate, amount;
  const char *kind = json_string_value(json_object_get(line, "kind"));
  const char *name = json_string_value(json_object_get(line, "name"));
  if (kind == NULL || name == NULL) return SM_ERR_CORRUPT;
  if (strcmp(kind, "tax") != 0) return SM_OK;
  sm_err err = take_decimal(line, "quantity", digits, &base);
  if (err == SM_OK) err = take_decimal(line, "rate", 6, &rate);
  if (err == SM_OK) err = take_decimal(line, "amount", digits, &amount);
  return err == SM_OK ? sm_issued_add_tax(out, name, rate, base, amount) : err;
}

static sm_err take_segment(const json_t *segment, sm_issued *out) {
  sm_date from;
  char day[11] = "";
  const char *tariff = json_string_value(json_object_get(segment, "tariff"));
  const char *at = json_string_value(json_object_get(segment, "from"));
  json_int_t version = json_integer_value(json_object_get(segment, "version"));
  if (tariff == NULL || at == NULL || strlen(at) < 10 || version < 1 || version > INT32_MAX)
    return SM_ERR_CORRUPT;
  memcpy(day, at, 10); /* a time on the zone's clock begins with its date */
  if (sm_date_parse(day, &from) != SM_OK) return SM_ERR_CORRUPT;
  return add_segment(out, tariff, (int32_t)version, from);
}

static sm_err take_bill(const json_t *root, unsigned digits, sm_issued *out) {
  size_t i;
  const json_t *item;
  const json_t *lines = json_object_get(root, "lines");
  const json_t *segments = json_object_get(root, "segments");
  sm_err err = take_decimal(root, "subtotal", digits, &out->net_minor);
  if (err == SM_OK) err = take_decimal(root, "total", digits, &out->total_minor);
  json_array_foreach(lines, i, item) if (err == SM_OK) err = take_line(item, digits, out);
  json_array_foreach(segments, i, item) if (err == SM_OK) err = take_segment(item, out);
  if (err == SM_OK && out->segment_count == 0) err = SM_ERR_CORRUPT;
  return err;
}

sm_err sm_issued_read(const char *body, unsigned digits, sm_issued *issued) {
  sm_issued out = {0};
  json_error_t why;
  json_t *root = json_loads(body, JSON_REJECT_DUPLICATES, &why);
  if (root == NULL)
    return json_error_code(&why) == json_error_out_of_memory ? SM_ERR_NOMEM : SM_ERR_CORRUPT;
  sm_err err = take_bill(root, digits, &out);
  json_decref(root);
  if (err == SM_OK)
    *issued = out;
  else
    sm_issued_fini(&out);
  return err;
}
