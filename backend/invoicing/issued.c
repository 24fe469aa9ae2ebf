#include "invoicing/issued.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void sm_issued_fini(sm_issued *issued) {
  if (issued == NULL) return;
  for (size_t i = 0; i < issued->tariff_count; i++) sm_tariff_free(issued->tariff[i]);
  free(issued->tariff);
  free(issued->schedule);
  free(issued->readings_hash);
  *issued = (sm_issued){0};
}

/* A tariff of the snapshot is what the ledger has, and its version beside it. */
static sm_err read_tariff(json_t *object, sm_tariff **tariff) {
  json_int_t version = json_integer_value(json_object_get(object, "version"));
  json_t *plain = json_copy(object);
  char *text = NULL;
  sm_problems problems = {0};
  sm_err err = SM_ERR_NOMEM;
  if (plain != NULL && json_object_del(plain, "version") == 0) text = json_dumps(plain, 0);
  if (text != NULL) err = sm_tariff_read_json(text, strlen(text), tariff, NULL, &problems);
  if (err == SM_OK) (*tariff)->version = (int32_t)version;
  free(text);
  json_decref(plain);
  return err == SM_ERR_INVALID || err == SM_ERR_SYNTAX ? SM_ERR_CORRUPT : err;
}

static sm_err read_tariffs(const json_t *snapshot, sm_issued *out) {
  const json_t *list = json_object_get(snapshot, "tariffs");
  size_t count = json_array_size(list);
  if (count == 0) return SM_ERR_CORRUPT;
  out->tariff = calloc(count, sizeof(sm_tariff *));
  if (out->tariff == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++) {
    json_t *object = json_array_get(list, i);
    err = json_is_object(object) ? read_tariff(object, &out->tariff[i]) : SM_ERR_CORRUPT;
    if (err == SM_OK) out->tariff_count++;
  }
  return err;
}

static const sm_tariff *find_tariff(const sm_issued *issued, const char *name, json_int_t version) {
  for (size_t i = 0; i < issued->tariff_count; i++)
    if (issued->tariff[i]->version == version && strcmp(issued->tariff[i]->name, name) == 0)
      return issued->tariff[i];
  return NULL;
}

/* "2026-01-15T00:00:00+05:30" begins with the local day, and segments begin with one. */
static sm_err read_segment(const json_t *segment, sm_issued *out) {
  char day[11] = "";
  const char *name = json_string_value(json_object_get(segment, "tariff"));
  const char *from = json_string_value(json_object_get(segment, "from"));
  if (name == NULL || from == NULL || strlen(from) < sizeof day) return SM_ERR_CORRUPT;
  memcpy(day, from, sizeof day - 1);
  sm_billing_tariff *entry = &out->schedule[out->schedule_count];
  entry->tariff = find_tariff(out, name, json_integer_value(json_object_get(segment, "version")));
  if (entry->tariff == NULL || sm_date_parse(day, &entry->from) != SM_OK) return SM_ERR_CORRUPT;
  out->schedule_count++;
  return SM_OK;
}

static sm_err read_schedule(const json_t *body, sm_issued *out) {
  const json_t *list = json_object_get(body, "segments");
  size_t count = json_array_size(list);
  if (count == 0) return SM_ERR_CORRUPT;
  out->schedule = calloc(count, sizeof *out->schedule);
  if (out->schedule == NULL) return SM_ERR_NOMEM;
  sm_err err = SM_OK;
  for (size_t i = 0; i < count && err == SM_OK; i++)
    err = read_segment(json_array_get(list, i), out);
  return err;
}

static sm_err read_hash(const json_t *snapshot, sm_issued *out) {
  const json_t *readings = json_object_get(snapshot, "readings");
  const char *hash = json_string_value(json_object_get(readings, "sha256"));
  if (hash == NULL) return SM_ERR_CORRUPT;
  out->readings_hash = strdup(hash);
  return out->readings_hash != NULL ? SM_OK : SM_ERR_NOMEM;
}

sm_err sm_issued_read(const sm_invoice *invoice, sm_issued *issued) {
  sm_issued out = {0};
  json_t *body = json_loads(invoice->body, JSON_REJECT_DUPLICATES, NULL);
  json_t *snapshot = json_loads(invoice->snapshot, JSON_REJECT_DUPLICATES, NULL);
  sm_err err = json_is_object(body) && json_is_object(snapshot) ? SM_OK : SM_ERR_CORRUPT;
  if (err == SM_OK) err = read_tariffs(snapshot, &out);
  if (err == SM_OK) err = read_schedule(body, &out);
  if (err == SM_OK) err = read_hash(snapshot, &out);
  json_decref(body);
  json_decref(snapshot);
  if (err == SM_OK)
    *issued = out;
  else
    sm_issued_fini(&out);
  return err;
}
