#include "api/api.h"
#include "api/cursor.h"
#include "api/rebill.h"
#include "api/routes.h"
#include "base/decimal.h"
#include "model/tariff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SCOPE[] = "tariffs";

/* A cursor's key is "<version> <name>". */
static void split_key(const char *key, const char **name, int32_t *version) {
  const char *blank = strchr(key, ' ');
  int64_t number;
  *name = "";
  *version = 0;
  if (blank == NULL || sm_decimal_parse(key, (size_t)(blank - key), 0, &number) != SM_OK ||
      number < 0 || number > INT32_MAX)
    return;
  *name = blank + 1;
  *version = (int32_t)number;
}

static sm_err write_row(sm_jsonw *w, const sm_tariff_row *row) {
  sm_tariff *tariff;
  sm_problems problems = {0};
  sm_err err = sm_tariff_read_json(row->body, strlen(row->body), &tariff, NULL, &problems);
  if (err != SM_OK) return SM_ERR_CORRUPT;
  sm_jsonw_object(w);
  sm_tariff_write_members(w, tariff);
  sm_jsonw_key_int(w, "version", row->version);
  sm_jsonw_object_end(w);
  sm_tariff_free(tariff);
  return SM_OK;
}

/* The one of accounts that have none of their own. */
static sm_err write_default(sm_api *api, sm_jsonw *w) {
  char *name = NULL;
  sm_err err = sm_ledger_default_tariff(api->options.ledger, &name);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  sm_jsonw_key_text(w, "default", name);
  free(name);
  return SM_OK;
}

static sm_err answer_rows(sm_api *api, sm_answer *answer, const sm_tariff_row *rows, size_t shown,
                          bool more) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_err err = SM_OK;
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "tariffs");
  sm_jsonw_array(&w);
  for (size_t i = 0; err == SM_OK && i < shown; i++) err = write_row(&w, &rows[i]);
  sm_jsonw_array_end(&w);
  if (err == SM_OK) err = write_default(api, &w);
  char key[SM_CURSOR_KEY_MAX] = "";
  int len =
      more ? snprintf(key, sizeof key, "%d %s", rows[shown - 1].version, rows[shown - 1].name) : 0;
  if (len < 0 || (size_t)len >= sizeof key) err = SM_ERR_INTERNAL;
  sm_cursor_write_next(&w, SCOPE, more ? key : NULL);
  sm_jsonw_object_end(&w);
  answer->cache = SM_CACHE_OWN;
  return err;
}

void sm_handle_tariffs(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  char key[SM_CURSOR_KEY_MAX];
  const char *name;
  const char *only; /* one tariff's versions */
  int32_t version;
  if (!sm_request_param_text(request, answer, "name", &only) ||
      !sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, key))
    return;
  split_key(key, &name, &version);
  sm_tariff_row *rows;
  size_t count;
  sm_err err =
      sm_ledger_tariffs(api->options.ledger, only, name, version, (size_t)limit + 1, &rows, &count);
  if (err == SM_OK) {
    size_t shown = count < (size_t)limit ? count : (size_t)limit;
    err = answer_rows(api, answer, rows, shown, shown < count);
    sm_tariff_rows_free(rows, count);
  }
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

static void store(sm_api *api, const sm_request *request, sm_answer *answer,
                  const sm_tariff *tariff) {
  sm_buf body;
  sm_jsonw w;
  int32_t version;
  sm_buf_init(&body, SM_TARIFF_JSON_MAX);
  sm_jsonw_init(&w, &body);
  sm_tariff_write_json(&w, tariff);
  sm_err err = body.err;
  if (err == SM_OK)
    err = sm_ledger_tariff_add(api->options.ledger, sm_request_actor(request), tariff->name,
                               tariff->effective_from, sm_buf_text(&body), false, &version);
  sm_buf_fini(&body);
  switch (err) {
  case SM_OK:
    w = sm_answer_json(answer, 201);
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "name", tariff->name);
    sm_jsonw_key_int(&w, "version", version);
    sm_jsonw_object_end(&w);
    break;
  case SM_ERR_EXISTS:
    sm_answer_field(answer, 409, "effective_from",
                    "another version of this tariff begins on that day: a version is never "
                    "edited, choose another day");
    break;
  case SM_ERR_CONFLICT:
    sm_answer_field(
        answer, 409, "effective_from",
        "lies in a period that has been invoiced: choose a later day, or set \"rebill\" "
        "to see what it would change");
    break;
  default:
    sm_api_fail(request, answer, err);
    break;
  }
}

static void add(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_tariff *tariff = NULL;
  bool rebill = false;
  sm_problems problems = {0};
  sm_err err =
      sm_tariff_read_json(request->body.data, request->body.len, &tariff, &rebill, &problems);
  if (err == SM_OK) err = sm_tariff_supported(tariff, api->options.currency, &problems);
  if (err == SM_OK && rebill)
    sm_api_rebill(api, request, tariff, answer);
  else if (err == SM_OK)
    store(api, request, answer, tariff);
  else if (err == SM_ERR_INVALID || err == SM_ERR_UNSUPPORTED)
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_SYNTAX)
    sm_answer_problems(answer, 400, &problems);
  else
    sm_api_fail(request, answer, err);
  sm_tariff_free(tariff);
}

void sm_handle_tariff_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *object = sm_request_object(request, answer);
  if (object == NULL) return;
  json_decref(object);
  add(api, request, answer);
}
