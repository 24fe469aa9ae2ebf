#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/routes.h"
#include "api/visible.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static const char SCOPE[] = "devices";
enum { NAME_CHARS_MAX = 80, TARIFF_CHARS_MAX = 80, ONLINE_MS = 300000, PEM_MAX = 65536 };

/* ---- one device ---- */

/* What the caller may see of a device's present: its last reading and its being online. */
typedef struct present {
  bool has_reading;
  sm_reading reading;
  sm_device_live live;
} present;

static sm_err take_present(sm_api *api, const sm_request *request, const char *device_id,
                           present *out) {
  *out = (present){0};
  sm_visible visible;
  int64_t now = sm_api_now_ms(api);
  sm_err err = sm_visible_get(api, request, device_id, &visible);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  err = sm_readings_latest(api->options.readings, device_id, SM_CHANNEL_IMPORT, &out->reading);
  out->has_reading = err == SM_OK && sm_visible_at(&visible, out->reading.ts_ms);
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  const sm_api_hooks *hooks = &api->options.hooks;
  /* A meter that serves somebody else now is, to who had it before, as it was then. */
  bool now_theirs = sm_visible_at(&visible, now);
  bool told = now_theirs && hooks->device_status != NULL &&
              hooks->device_status(hooks->context, device_id, &out->live);
  sm_visible_fini(&visible);
  if (err != SM_OK || told || !out->has_reading) return err;
  out->live = (sm_device_live){.seen = true,
                               .last_seen_ms = out->reading.ts_ms,
                               .online = now_theirs && now - out->reading.ts_ms < ONLINE_MS};
  return SM_OK;
}

/* The owner's e-mail for admins and for the owner; *email is a heap text or NULL. */
static sm_err take_owner(sm_api *api, const sm_request *request, const sm_device *device,
                         char **email) {
  *email = NULL;
  if (!sm_request_knows_people(request)) return SM_OK;
  if (!sm_request_is_admin(request) &&
      (device->owner_user_id == NULL ||
       strcmp(device->owner_user_id, request->caller.user_id) != 0))
    return SM_OK;
  return sm_unseal(sm_identity_sealer(api->options.identity), SM_FIELD_EMAIL,
                   &device->owner_email_sealed, email);
}

static void write_present(sm_jsonw *w, const sm_device *device, const present *now) {
  char seen[SM_RFC3339_MAX];
  bool known = now->live.seen || now->has_reading;
  sm_jsonw_key_text(w, "status", !known ? "never" : now->live.online ? "online" : "offline");
  sm_jsonw_key_text(w, "last_seen",
                    now->live.seen ? sm_rfc3339_format(now->live.last_seen_ms, seen) : NULL);
  sm_jsonw_key(w, "last_reading");
  if (now->has_reading)
    sm_reading_write_json(w, device->device_id, &now->reading);
  else
    sm_jsonw_null(w);
}

/* The members of the contract's device, without the braces. */
static sm_err write_device(sm_api *api, const sm_request *request, sm_jsonw *w,
                           const sm_device *device) {
  present now;
  char *owner = NULL;
  sm_err err = take_present(api, request, device->device_id, &now);
  if (err == SM_OK) err = take_owner(api, request, device, &owner);
  if (err != SM_OK) return err;
  bool knows_tariff = sm_request_is_admin(request) || owner != NULL;
  sm_jsonw_key_text(w, "device_id", device->device_id);
  sm_jsonw_key_text(w, "name", device->name);
  sm_jsonw_key_text(w, "owner", owner);
  sm_jsonw_key_text(w, "tariff", knows_tariff ? device->tariff : NULL);
  write_present(w, device, &now);
  free(owner);
  return SM_OK;
}

/* ---- the list ---- */

void sm_handle_devices(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  char after[SM_CURSOR_KEY_MAX];
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, after))
    return;
  sm_device *devices;
  size_t count;
  sm_err err = sm_ledger_devices(api->options.ledger, sm_request_own_user(request), after,
                                 (size_t)limit + 1, &devices, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = count < (size_t)limit ? count : (size_t)limit;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "devices");
  sm_jsonw_array(&w);
  for (size_t i = 0; err == SM_OK && i < shown; i++) {
    if (!sm_apikey_has_device(request->key_devices, devices[i].device_id)) continue;
    sm_jsonw_object(&w);
    err = write_device(api, request, &w, &devices[i]);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_cursor_write_next(&w, SCOPE, shown < count ? devices[shown - 1].device_id : NULL);
  sm_jsonw_object_end(&w);
  sm_devices_free(devices, count);
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

/* ---- a new one ---- */

typedef struct new_device {
  sm_device_new row;
  const char *owner; /* e-mail; NULL */
} new_device;

static sm_err check_tariff(sm_api *api, const char *name, sm_problems *problems) {
  sm_tariff_row *rows;
  size_t count;
  if (name == NULL) return SM_OK;
  sm_err err = sm_ledger_tariffs(api->options.ledger, name, "", 0, 1, &rows, &count);
  if (err != SM_OK) return err;
  sm_tariff_rows_free(rows, count);
  if (count == 0)
    sm_problems_add(problems, "tariff", "is not there: give the name of one from /api/tariffs");
  return SM_OK;
}

/* SM_ERR_INVALID: `problems` says why. */
static sm_err take_new(sm_api *api, const json_t *body, new_device *out, sm_problems *problems) {
  *out = (new_device){0};
  sm_body_device_id(body, "", "device_id", &out->row.device_id, problems);
  sm_body_text(body, "", "name", false, NAME_CHARS_MAX, &out->row.name, problems);
  sm_body_email(body, "", "owner", &out->owner, problems);
  sm_body_text(body, "", "tariff", false, TARIFF_CHARS_MAX, &out->row.tariff, problems);
  sm_err err = check_tariff(api, out->row.tariff, problems);
  return err == SM_OK && sm_problems_any(problems) ? SM_ERR_INVALID : err;
}

/* Looked at first, so that a repeated request does not make a person. */
static sm_err must_be_new(sm_api *api, const char *device_id) {
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, device_id, &device);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  sm_device_fini(&device);
  return SM_ERR_EXISTS;
}

/* A tariff without an owner: the ledger keeps tariffs by account, so the meter gets one that only
 * admins see. */
static sm_err add_ownerless_account(sm_api *api, sm_actor actor, const sm_device_new *device) {
  char *device_id = strdup(device->device_id);
  char *name = strdup(device->tariff);
  sm_account_meter meter = {.device_id = device_id,
                            .from_ms = INT64_MIN,
                            .to_ms = INT64_MAX,
                            .sign = 1,
                            .multiplier_milli = 1000};
  sm_account_tariff tariff = {.name = name};
  sm_account account = {.meter = &meter, .meter_count = 1, .tariff = &tariff, .tariff_count = 1};
  sm_err err = SM_ERR_NOMEM;
  if (device_id != NULL && name != NULL)
    err = sm_ledger_account_add(api->options.ledger, actor, &account);
  free(account.account_id);
  free(device_id);
  free(name);
  return err;
}

static sm_err add_device(sm_api *api, const sm_request *request, new_device *device) {
  char *owner_id = NULL;
  sm_actor actor = sm_request_actor(request);
  sm_err err = must_be_new(api, device->row.device_id);
  if (err == SM_OK && device->owner != NULL)
    err = sm_identity_ensure_person(api->options.identity, actor, device->owner, &owner_id);
  device->row.owner_user_id = owner_id;
  if (err == SM_OK) err = sm_ledger_device_add(api->options.ledger, actor, &device->row);
  if (err == SM_OK && device->owner == NULL && device->row.tariff != NULL)
    err = add_ownerless_account(api, actor, &device->row);
  device->row.owner_user_id = NULL;
  free(owner_id);
  return err;
}

static void write_credentials(sm_api *api, const sm_request *request, sm_jsonw *w,
                              const char *device_id) {
  char password[SM_MQTT_PASSWORD_MAX] = "";
  const sm_api_hooks *hooks = &api->options.hooks;
  sm_err err = hooks->make_credentials == NULL
                   ? SM_ERR_UNSUPPORTED
                   : hooks->make_credentials(hooks->context, device_id, password, sizeof password);
  if (err != SM_OK) {
    sm_jsonw_key_null(w, "credentials");
    sm_jsonw_key_text(w, "note",
                      hooks->make_credentials == NULL
                          ? "No broker is managed here: give the meter its login at your broker."
                          : "The device is there, but the broker could not be told: make its "
                            "login with `smartmeter device add`.");
    if (hooks->make_credentials != NULL)
      sm_log(SM_LOG_ERROR, "http.credentials_failed", SM_LOG_TEXT("request", request->id),
             SM_LOG_TEXT("device", device_id), SM_LOG_TEXT("reason", sm_err_text(err)));
    return;
  }
  char *pem = NULL;
  if (api->options.mqtt.ca_pem != NULL &&
      sm_file_read(api->options.mqtt.ca_pem, PEM_MAX, &pem, NULL) != SM_OK)
    pem = NULL;
  sm_jsonw_key(w, "credentials");
  sm_jsonw_object(w);
  sm_jsonw_key(w, "mqtt");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "host", api->options.mqtt.host);
  sm_jsonw_key_int(w, "port", api->options.mqtt.port);
  sm_jsonw_key_text(w, "username", device_id);
  sm_jsonw_key_text(w, "password", password);
  sm_jsonw_object_end(w);
  sm_jsonw_key_text(w, "ca_pem", pem == NULL ? "" : pem);
  sm_jsonw_object_end(w);
  free(pem);
  explicit_bzero(password, sizeof password);
}

static void answer_added(sm_api *api, const sm_request *request, sm_answer *answer,
                         const char *device_id) {
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, device_id, &device);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 201);
    sm_jsonw_object(&w);
    err = write_device(api, request, &w, &device);
    if (err == SM_OK) write_credentials(api, request, &w, device_id);
    sm_jsonw_object_end(&w);
    sm_device_fini(&device);
  }
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

void sm_handle_device_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  new_device device;
  sm_problems problems = {0};
  sm_err err = take_new(api, body, &device, &problems);
  if (err == SM_OK) err = add_device(api, request, &device);
  if (err == SM_OK)
    answer_added(api, request, answer, device.row.device_id);
  else if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "device_id", "is taken: choose another one");
  else
    sm_api_fail(request, answer, err);
  json_decref(body);
}
