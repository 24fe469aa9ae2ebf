/* One device: looking at it, changing it, putting another meter in its place, revoking it, and its
 * logins at the broker. */
#include "api/api.h"
#include "api/body.h"
#include "api/device_json.h"
#include "api/firmware_json.h"
#include "api/routes.h"
#include "api/visible.h"
#include "base/clock.h"
#include "base/log.h"
#include "invoicing/edits.h"
#include "model/firmware.h"
#include "model/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MODULUS_MAX_WH = 1000000000, /* a million kWh */
  POWER_MAX_W = 10000000,
  GRACE_DAYS_MAX = 365,
  GRACE_DAYS_DEFAULT = 7,
  REGISTER_MAX_WH = 1000000000
};

static const int64_t day_ms = 86400000;

static bool given(const json_t *body, const char *name) {
  return json_object_get(body, name) != NULL;
}

/* ---- looking ---- */

static void answer_device(sm_api *api, const sm_request *request, sm_answer *answer,
                          unsigned status, const char *device_id, bool with_credentials) {
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, device_id, &device);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
    return;
  }
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, status);
    sm_jsonw_object(&w);
    err = sm_device_write_json(api, request, &w, &device);
    if (err == SM_OK) err = sm_firmware_write_json(api, &w, device_id);
    if (err == SM_OK && with_credentials) sm_device_write_credentials(api, request, &w, device_id);
    sm_jsonw_object_end(&w);
    sm_device_fini(&device);
  }
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

void sm_handle_device(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_visible visible;
  if (!sm_visible_of(api, request, answer, &visible)) return;
  bool seen = visible.count > 0 && visible.interval[0].from_ms <= sm_api_now_ms(api);
  sm_visible_fini(&visible);
  if (seen)
    answer_device(api, request, answer, 200, request->param[0], false);
  else
    sm_answer_not_found(answer);
}

/* False: it is not there, and that is answered. */
static bool is_there(sm_api *api, const sm_request *request, sm_answer *answer, sm_device *device) {
  sm_err err = sm_ledger_device(api->options.ledger, request->param[0], device);
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}

/* ---- changing ---- */

static void take_flag(const json_t *body, const char *name, bool *has, bool *value,
                      sm_problems *problems) {
  const json_t *member = json_object_get(body, name);
  if (member == NULL) return;
  *has = json_is_boolean(member);
  *value = json_is_true(member);
  if (!*has) sm_problems_add(problems, name, "must be true or false");
}

static void take_cohort(const json_t *body, const char **cohort, sm_problems *problems) {
  const json_t *member = json_object_get(body, "cohort");
  const char *text = json_string_value(member);
  if (member == NULL) return;
  if (text != NULL && sm_firmware_name_valid(text, strlen(text)))
    *cohort = text;
  else
    sm_problems_add(problems, "cohort", "must be 1 to 32 of A-Z a-z 0-9 . _ + -");
}

typedef struct change {
  sm_device_change row;
  const char *owner; /* e-mail; NULL */
} change;

static sm_err take_change(sm_api *api, const json_t *body, change *c, sm_problems *problems) {
  static const char *const members[] = {"name",        "owner",        "tariff", "from", "disabled",
                                        "modulus_kwh", "max_power_kw", "cohort", NULL};
  bool has_from = false;
  sm_body_known(body, "", members, problems);
  c->row.has_name = given(body, "name");
  sm_body_text(body, "", "name", false, SM_DEVICE_NAME_CHARS_MAX, &c->row.name, problems);
  c->row.has_owner = given(body, "owner");
  sm_body_email(body, "", "owner", &c->owner, problems);
  sm_body_text(body, "", "tariff", false, SM_DEVICE_TARIFF_CHARS_MAX, &c->row.tariff, problems);
  take_flag(body, "disabled", &c->row.has_disabled, &c->row.disabled, problems);
  sm_body_milli(body, "", "modulus_kwh", 1000, MODULUS_MAX_WH, &c->row.modulus_wh, problems);
  sm_body_milli(body, "", "max_power_kw", 1, POWER_MAX_W, &c->row.max_power_w, problems);
  take_cohort(body, &c->row.cohort, problems);
  c->row.from = sm_zone_date(api->options.zone, sm_api_now_ms(api));
  sm_body_date(body, "", "from", &has_from, &c->row.from, problems);
  if (has_from && !c->row.has_owner && c->row.tariff == NULL)
    sm_problems_add(problems, "from", "is the day from which an owner or a tariff holds: give one");
  sm_err err = sm_device_check_tariff(api, c->row.tariff, problems);
  return err == SM_OK && sm_problems_any(problems) ? SM_ERR_INVALID : err;
}

static void refuse_change(const sm_request *request, sm_answer *answer, sm_err err) {
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_DENIED)
    sm_answer_field(answer, 409, "from",
                    "falls into a month that is invoiced: give a later day, or take the invoices "
                    "back first");
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, "owner",
                    "its account has other meters or days that would overlap: change the accounts "
                    "themselves at /api/accounts");
  else if (err == SM_ERR_INVALID)
    sm_answer_field(answer, 422, "from", "is not possible with the days of its account");
  else
    sm_api_fail(request, answer, err);
}

static sm_err make_change(sm_api *api, const sm_request *request, change *c) {
  char *owner_id = NULL;
  sm_err err = SM_OK;
  sm_actor actor = sm_request_actor(request);
  if (c->owner != NULL)
    err = sm_identity_ensure_person(api->options.identity, actor, c->owner, &owner_id);
  c->row.owner_user_id = owner_id;
  c->row.device_id = request->param[0];
  if (err == SM_OK) err = sm_ledger_device_change(api->options.ledger, actor, &c->row);
  free(owner_id);
  return err;
}

void sm_handle_device_change(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_device device;
  if (is_there(api, request, answer, &device)) {
    sm_device_fini(&device);
    change c = {.owner = NULL};
    sm_problems problems = {0};
    sm_err err = take_change(api, body, &c, &problems);
    if (sm_problems_any(&problems)) {
      sm_answer_problems(answer, 422, &problems);
    } else {
      if (err == SM_OK) err = make_change(api, request, &c);
      if (err == SM_OK)
        answer_device(api, request, answer, 200, request->param[0], false);
      else
        refuse_change(request, answer, err);
    }
  }
  json_decref(body);
}

/* ---- ending logins ---- */

/* What of a broker's work is told; *pending: something is left to somebody. */
static void write_ended(sm_jsonw *w, sm_err err, const sm_api_credentials_ended *ended) {
  sm_jsonw_key_int(w, "credentials_ended", (int64_t)ended->ended);
  sm_jsonw_key_int(w, "certificates_waiting", (int64_t)ended->waiting);
  const char *note = NULL;
  if (err == SM_ERR_UNSUPPORTED)
    note = "No broker is managed here: end the meter's login at your broker.";
  else if (err != SM_OK)
    note = "Its readings are refused, but the broker could not be told: say it again.";
  else if (ended->waiting > 0)
    note = "Its certificate can only be revoked with the authority's key: run `smartmeter device "
           "revoke` where that is. Its readings are refused all the same.";
  if (note != NULL) sm_jsonw_key_text(w, "note", note);
}

static sm_err end_logins(sm_api *api, const sm_request *request, const char *device_id,
                         sm_api_credentials_ended *ended) {
  const sm_api_hooks *hooks = &api->options.hooks;
  *ended = (sm_api_credentials_ended){.ended = 0};
  if (hooks->revoke_credentials == NULL) return SM_ERR_UNSUPPORTED;
  sm_err err = hooks->revoke_credentials(hooks->context, device_id, ended);
  if (err != SM_OK)
    sm_log(SM_LOG_ERROR, "http.revoke_failed", SM_LOG_TEXT("request", request->id),
           SM_LOG_TEXT("device", device_id), SM_LOG_TEXT("reason", sm_err_text(err)));
  return err;
}

void sm_handle_device_revoke(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_err err =
      sm_ledger_device_revoke(api->options.ledger, sm_request_actor(request), request->param[0]);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
    return;
  }
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_api_credentials_ended ended;
  err = end_logins(api, request, request->param[0], &ended);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", request->param[0]);
  sm_jsonw_key_bool(&w, "revoked", true);
  write_ended(&w, err, &ended);
  sm_jsonw_object_end(&w);
}

/* ---- another login ---- */

typedef struct login {
  sm_api_credential_order order;
  bool finish;
} login;

static void take_login(const sm_api *api, const json_t *body, login *l, sm_problems *problems) {
  static const char *const members[] = {"kind", "grace_days", "finish", NULL};
  const char *kind = "password";
  int64_t grace = GRACE_DAYS_DEFAULT * 1000;
  bool unused;
  sm_body_known(body, "", members, problems);
  sm_body_text(body, "", "kind", false, 20, &kind, problems);
  sm_body_milli(body, "", "grace_days", 0, GRACE_DAYS_MAX * 1000, &grace, problems);
  take_flag(body, "finish", &unused, &l->finish, problems);
  l->order = (sm_api_credential_order){.psk = strcmp(kind, "psk") == 0,
                                       .grace_ms = grace * (day_ms / 1000),
                                       .host = api->options.mqtt.host};
  if (strcmp(kind, "certificate") == 0)
    sm_problems_add(problems, "kind",
                    "certificates come from `smartmeter device rotate`, since "
                    "the authority's key stays out of this process");
  else if (strcmp(kind, "password") != 0 && strcmp(kind, "psk") != 0)
    sm_problems_add(problems, "kind", "must be password or psk");
}

static sm_err audit(sm_api *api, const sm_request *request, const char *action, const char *kind) {
  char detail[64];
  (void)snprintf(detail, sizeof detail, "{\"kind\":\"%s\"}", kind);
  return sm_ledger_audit(api->options.ledger, sm_request_actor(request), action, request->param[0],
                         kind != NULL ? detail : NULL);
}

static void answer_login(sm_api *api, const sm_request *request, sm_answer *answer,
                         const login *l) {
  const sm_api_hooks *hooks = &api->options.hooks;
  sm_buf text;
  sm_buf problem;
  sm_buf_init(&text, 0);
  sm_buf_init(&problem, 0);
  sm_jsonw made;
  sm_jsonw_init(&made, &text);
  sm_err err = audit(api, request, "device.credentials", l->order.psk ? "psk" : "password");
  if (err == SM_OK)
    err = hooks->make_credentials(hooks->context, request->param[0], &l->order, &made, &problem);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 201);
    sm_jsonw_object(&w);
    sm_jsonw_key_text(&w, "device_id", request->param[0]);
    sm_jsonw_key(&w, "credentials");
    sm_jsonw_raw(&w, text.data, text.len);
    sm_jsonw_object_end(&w);
  } else if (err == SM_ERR_UNSUPPORTED || err == SM_ERR_INVALID) {
    sm_answer_field(answer, 409, "kind", "%s", sm_buf_text(&problem));
  } else if (err == SM_ERR_EXISTS) {
    sm_answer_field(answer, 409, "kind",
                    "too many logins are good at once: finish the change "
                    "that is under way first");
  } else {
    sm_api_fail(request, answer, err);
  }
  if (text.data != NULL) explicit_bzero(text.data, text.len);
  sm_buf_fini(&text);
  sm_buf_fini(&problem);
}

static void finish_login(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_api_hooks *hooks = &api->options.hooks;
  sm_api_credentials_ended ended = {.ended = 0};
  sm_err err = audit(api, request, "device.credentials_finish", "old");
  if (err == SM_OK) err = hooks->finish_credentials(hooks->context, request->param[0], &ended);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", request->param[0]);
  write_ended(&w, err, &ended);
  sm_jsonw_object_end(&w);
}

static void change_logins(sm_api *api, const sm_request *request, sm_answer *answer,
                          const json_t *body) {
  login l = {.finish = false};
  sm_problems problems = {0};
  take_login(api, body, &l, &problems);
  if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else if (api->options.hooks.make_credentials == NULL ||
           api->options.hooks.finish_credentials == NULL)
    sm_answer_problem(answer, 409,
                      "No broker is managed here: make the meter's login at your "
                      "broker.");
  else if (l.finish)
    finish_login(api, request, answer);
  else
    answer_login(api, request, answer, &l);
}

void sm_handle_device_credentials(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_device device;
  if (is_there(api, request, answer, &device)) {
    if (device.revoked)
      sm_answer_problem(answer, 409, "The device is revoked, which is for good: add another one.");
    else
      change_logins(api, request, answer, body);
    sm_device_fini(&device);
  }
  json_decref(body);
}

void sm_handle_device_logins(sm_api *api, const sm_request *request, sm_answer *answer) {
  const sm_api_hooks *hooks = &api->options.hooks;
  sm_device device;
  if (!is_there(api, request, answer, &device)) return;
  sm_device_fini(&device);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", request->param[0]);
  sm_jsonw_key(&w, "credentials");
  if (hooks->write_credentials != NULL)
    hooks->write_credentials(hooks->context, request->param[0], &w);
  else
    sm_jsonw_null(&w);
  sm_jsonw_object_end(&w);
}

/* ---- another meter in its place ---- */

typedef struct swap {
  sm_device_swap row;
  bool has_closing;
  int64_t closing_wh;
  bool has_opening;
  int64_t opening_wh;
} swap;

static void take_register(const json_t *body, const char *name, bool *has, int64_t *wh,
                          sm_problems *problems) {
  const json_t *member = json_object_get(body, name);
  *has = member != NULL && !json_is_null(member);
  sm_body_milli(body, "", name, 0, REGISTER_MAX_WH, wh, problems);
}

static void take_swap(sm_api *api, const sm_request *request, const json_t *body, swap *s,
                      sm_problems *problems) {
  static const char *const members[] = {"device_id",   "name",        "at",
                                        "closing_kwh", "opening_kwh", NULL};
  s->row.at_ms = sm_api_now_ms(api);
  sm_body_known(body, "", members, problems);
  sm_body_device_id(body, "", "device_id", &s->row.new_device_id, problems);
  sm_body_text(body, "", "name", false, SM_DEVICE_NAME_CHARS_MAX, &s->row.name, problems);
  sm_body_instant(body, "", "at", &s->row.at_ms, problems);
  take_register(body, "closing_kwh", &s->has_closing, &s->closing_wh, problems);
  take_register(body, "opening_kwh", &s->has_opening, &s->opening_wh, problems);
  if (s->row.at_ms > sm_api_now_ms(api))
    sm_problems_add(problems, "at", "is when it was done: it must not be in the future");
  s->row.device_id = request->param[0];
}

/* What somebody has read off the meter at the swap, where the bill ends and begins. */
static sm_err enter_register(sm_api *api, const sm_request *request, const swap *s,
                             const char *device_id, const char *field, int64_t wh,
                             sm_problems *problems) {
  char reason[160];
  (void)snprintf(reason, sizeof reason, "read at the swap of %s for %s", s->row.device_id,
                 s->row.new_device_id);
  const sm_edit_request edit = {.ledger = api->options.ledger,
                                .readings = api->options.readings,
                                .actor = sm_request_actor(request),
                                .device_id = device_id,
                                .ts_ms = s->row.at_ms,
                                .kind = SM_EDIT_MANUAL,
                                .has_wh = true,
                                .wh = wh,
                                .reason = reason,
                                .now_ms = sm_api_now_ms(api)};
  sm_problems found = {0};
  int64_t edit_no;
  sm_err err = sm_edit_add(&edit, &found, &edit_no);
  if (err == SM_ERR_EXISTS) return SM_OK;           /* said before: the swap is being repeated */
  if (err == SM_ERR_CONFLICT) return SM_ERR_DENIED; /* invoiced, as the ledger says it of a swap */
  if (err != SM_OK)
    sm_problems_add(problems, field, "%s",
                    sm_problems_any(&found) ? found.item[0].message
                                            : "could not be entered: see /api/devices/{id}/edits");
  return err;
}

/* The register of the old one first: it may be refused, and then nothing is done. */
static sm_err make_swap(sm_api *api, const sm_request *request, const swap *s,
                        sm_problems *problems) {
  sm_err err = SM_OK;
  if (s->has_closing)
    err = enter_register(api, request, s, s->row.device_id, "closing_kwh", s->closing_wh, problems);
  if (err == SM_OK)
    err = sm_ledger_device_replace(api->options.ledger, sm_request_actor(request), &s->row);
  if (err == SM_OK && s->has_opening)
    err = enter_register(api, request, s, s->row.new_device_id, "opening_kwh", s->opening_wh,
                         problems);
  return err;
}

static sm_err must_be_new(sm_api *api, const char *device_id) {
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, device_id, &device);
  if (err == SM_OK) sm_device_fini(&device);
  return err == SM_OK ? SM_ERR_EXISTS : err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

static void answer_swap(sm_api *api, const sm_request *request, sm_answer *answer, const swap *s,
                        sm_problems *problems) {
  sm_err err = must_be_new(api, s->row.new_device_id);
  if (err == SM_OK) err = make_swap(api, request, s, problems);
  if (sm_problems_any(problems))
    sm_answer_problems(answer, 422, problems);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "device_id", "is taken: choose another one");
  else if (err == SM_ERR_DENIED)
    sm_answer_field(answer, 409, "at",
                    "falls into a month that is invoiced: take the invoices back first");
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err != SM_OK)
    sm_api_fail(request, answer, err);
  else
    answer_device(api, request, answer, 201, s->row.new_device_id, true);
}

void sm_handle_device_replace(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_device device;
  if (is_there(api, request, answer, &device)) {
    sm_device_fini(&device);
    swap s = {.has_closing = false};
    sm_problems problems = {0};
    take_swap(api, request, body, &s, &problems);
    if (sm_problems_any(&problems))
      sm_answer_problems(answer, 422, &problems);
    else
      answer_swap(api, request, answer, &s, &problems);
  }
  json_decref(body);
}
