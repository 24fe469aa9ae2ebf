/* API keys, for admins: made, listed, rotated, revoked. */
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/routes.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "model/reading.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, HOUR_MS = 3600000 };
#define SCOPE "keys"

/* ---- writing ---- */

static void write_words(sm_jsonw *w, const char *name, const char *words) {
  sm_jsonw_key(w, name);
  if (words == NULL) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_array(w);
  while (*words != '\0') {
    size_t len = strcspn(words, " ");
    sm_jsonw_text_len(w, words, len);
    words += len + (words[len] == ' ');
  }
  sm_jsonw_array_end(w);
}

static void write_instant(sm_jsonw *w, const char *name, bool has, int64_t ms) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, name, has ? sm_rfc3339_format(ms, text) : NULL);
}

/* `secret` is shown once; NULL in lists. */
static void write_key(sm_jsonw *w, const sm_api_key *key, const char *secret) {
  bool ended = key->secrets == 0;
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "id", key->key_id);
  sm_jsonw_key_text(w, "name", key->name);
  write_words(w, "scopes", key->scopes);
  write_words(w, "devices", key->devices);
  sm_jsonw_key_text(w, "status", key->revoked ? "revoked" : ended ? "ended" : "good");
  write_instant(w, "created_at", true, key->created_ms);
  sm_jsonw_key_text(w, "created_by", key->created_by);
  write_instant(w, "expires_at", !key->revoked && key->ends_ms > 0, key->ends_ms);
  write_instant(w, "last_used_at", key->used, key->last_used_ms);
  sm_jsonw_key_int(w, "secrets", key->secrets);
  if (secret != NULL) sm_jsonw_key_text(w, "key", secret);
  sm_jsonw_object_end(w);
}

static void answer_one(sm_api *api, const sm_request *request, sm_answer *answer, unsigned status,
                       const char *key_id, const char *secret) {
  sm_api_key key = {0};
  int64_t now = sm_api_now_ms(api);
  sm_err err = sm_ledger_key(api->options.ledger, key_id, now, &key);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, status);
    write_key(&w, &key, secret);
    sm_answer_header_add(answer, "Cache-Control", "no-store");
  } else {
    sm_api_fail(request, answer, err);
  }
  sm_api_key_fini(&key);
}

void sm_handle_keys(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  char after[SM_CURSOR_KEY_MAX];
  sm_api_key *keys = NULL;
  size_t count = 0;
  int64_t now = sm_api_now_ms(api);
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, after))
    return;
  sm_err err = sm_ledger_keys(api->options.ledger, after, now, (size_t)limit + 1, &keys, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = count < (size_t)limit ? count : (size_t)limit;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "keys");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++) write_key(&w, &keys[i], NULL);
  sm_jsonw_array_end(&w);
  sm_cursor_write_next(&w, SCOPE, shown < count ? keys[shown - 1].key_id : NULL);
  sm_jsonw_object_end(&w);
  sm_api_keys_free(keys, count);
}

/* ---- reading a body ---- */

static void take_days(const json_t *body, const char *name, int64_t most, int64_t *days,
                      sm_problems *problems) {
  int64_t milli = *days * 1000;
  sm_body_milli(body, "", name, 1000, most * 1000, &milli, problems);
  if (milli % 1000 != 0)
    sm_problems_add(problems, name, "must be a whole number");
  else
    *days = milli / 1000;
}

static uint32_t take_scopes(const json_t *body, sm_problems *problems) {
  const json_t *list = sm_body_list(body, "", "scopes", SM_SCOPE_COUNT, problems);
  uint32_t scopes = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i);
    uint32_t bit = json_is_string(item)
                       ? sm_scope_parse(json_string_value(item), json_string_length(item))
                       : 0;
    char field[40];
    (void)snprintf(field, sizeof field, "scopes[%zu]", i);
    if (bit == 0)
      sm_problems_add(problems, field,
                      "is no scope: take one of devices:read, readings:read, "
                      "billing:read, invoices:read, tariffs:read, accounts:read, "
                      "payments:write, audit:read");
    scopes |= bit;
  }
  if (scopes == 0 && problems->count == 0)
    sm_problems_add(problems, "scopes", "is needed: what the key may, such as [\"readings:read\"]");
  return scopes;
}

/* Ids apart by blanks into `out`; true if there are any. */
static bool take_devices(const json_t *body, sm_buf *out, sm_problems *problems) {
  const json_t *list = sm_body_list(body, "", "devices", SM_APIKEY_DEVICES_MAX, problems);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i);
    const char *id = json_string_value(item);
    char field[40];
    (void)snprintf(field, sizeof field, "devices[%zu]", i);
    if (id == NULL || !sm_device_id_valid(id, json_string_length(item))) {
      sm_problems_add(problems, field, "is no device id");
      continue;
    }
    if (out->len > 0) sm_buf_append_char(out, ' ');
    sm_buf_append_text(out, id);
  }
  if (list != NULL && json_array_size(list) == 0)
    sm_problems_add(problems, "devices", "is empty: name devices, or leave it out for all");
  return out->len > 0;
}

/* ---- making ---- */

static void make(sm_api *api, const sm_request *request, sm_answer *answer, sm_api_key *key,
                 int64_t days) {
  char secret_text[SM_APIKEY_MAX];
  sm_api_secret secret = {.ends_ms = sm_api_now_ms(api) + days * DAY_MS};
  sm_err err = sm_apikey_hash(sm_apikey_make(secret_text), SM_APIKEY_LEN, secret.hash);
  if (err == SM_OK)
    err = sm_ledger_key_add(api->options.ledger, sm_request_actor(request), key, &secret);
  if (err == SM_OK)
    answer_one(api, request, answer, 201, key->key_id, secret_text);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_field(answer, 422, "devices", "names a device that is not there");
  else
    sm_api_fail(request, answer, err);
  free(key->key_id);
  sodium_memzero(secret_text, sizeof secret_text);
}

void sm_handle_key_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"name", "scopes", "devices", "expires_in_days", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {.count = 0};
  char scopes[SM_SCOPES_TEXT_MAX];
  const char *name = NULL;
  int64_t days = SM_APIKEY_DAYS;
  sm_buf devices;
  sm_buf_init(&devices, 0);
  sm_body_only(body, members, &problems);
  sm_body_text(body, "", "name", true, SM_APIKEY_NAME_MAX, &name, &problems);
  take_days(body, "expires_in_days", SM_APIKEY_DAYS_MAX, &days, &problems);
  (void)sm_scopes_write(take_scopes(body, &problems), scopes);
  bool limited = take_devices(body, &devices, &problems);
  if (problems.count > 0) {
    sm_answer_problems(answer, 422, &problems);
  } else {
    /* Borrowed for the call, but the ledger's struct has no const texts. */
    sm_api_key key = {
        .name = strdup(name), .scopes = scopes, .devices = limited ? sm_buf_take(&devices) : NULL};
    if (key.name == NULL || (limited && key.devices == NULL))
      sm_api_fail(request, answer, SM_ERR_NOMEM);
    else
      make(api, request, answer, &key, days);
    free(key.name);
    free(key.devices);
  }
  sm_buf_fini(&devices);
  json_decref(body);
}

/* ---- rotating and revoking ---- */

static void answer_change(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err,
                          const char *secret) {
  if (err == SM_OK && secret != NULL)
    answer_one(api, request, answer, 200, request->param[0], secret);
  else if (err == SM_OK)
    sm_answer_empty(answer, 204);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_DENIED)
    sm_answer_problem(answer, 409, "This key is revoked, for good: make a new one.");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_key_rotate(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"expires_in_days", "grace_hours", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {.count = 0};
  int64_t days = SM_APIKEY_DAYS;
  int64_t hours = SM_APIKEY_GRACE_HOURS;
  int64_t now = sm_api_now_ms(api);
  char text[SM_APIKEY_MAX];
  sm_body_only(body, members, &problems);
  take_days(body, "expires_in_days", SM_APIKEY_DAYS_MAX, &days, &problems);
  take_days(body, "grace_hours", SM_APIKEY_GRACE_HOURS_MAX, &hours, &problems);
  json_decref(body);
  if (problems.count > 0) {
    sm_answer_problems(answer, 422, &problems);
    return;
  }
  sm_api_secret secret = {.ends_ms = now + days * DAY_MS};
  sm_err err = sm_apikey_hash(sm_apikey_make(text), SM_APIKEY_LEN, secret.hash);
  if (err == SM_OK)
    err = sm_ledger_key_rotate(api->options.ledger, sm_request_actor(request), request->param[0],
                               &secret, now, now + hours * HOUR_MS);
  answer_change(api, request, answer, err, text);
  sodium_memzero(text, sizeof text);
}

void sm_handle_key_revoke(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_err err =
      sm_ledger_key_revoke(api->options.ledger, sm_request_actor(request), request->param[0]);
  answer_change(api, request, answer, err, NULL);
}
