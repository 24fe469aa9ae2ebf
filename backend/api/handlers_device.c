#define _GNU_SOURCE
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/device_json.h"
#include "api/firmware_json.h"
#include "api/routes.h"
#include "api/visible.h"
#include "auth/apikey.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char SCOPE[] = "devices";
enum { ONLINE_MS = 300000, SCAN_PAGE = 500, SCAN_MAX = 20000 };

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

static const char *status_of(const present *now) {
  bool known = now->live.seen || now->has_reading;
  return !known ? "never" : now->live.online ? "online" : "offline";
}

static void write_present(sm_jsonw *w, const sm_device *device, const present *now) {
  char seen[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, "status", status_of(now));
  sm_jsonw_key_text(w, "last_seen",
                    now->live.seen ? sm_rfc3339_format(now->live.last_seen_ms, seen) : NULL);
  sm_jsonw_key(w, "last_reading");
  if (now->has_reading)
    sm_reading_write_json(w, device->device_id, &now->reading);
  else
    sm_jsonw_null(w);
}

static void write_limits(sm_jsonw *w, const sm_device *device) {
  sm_jsonw_key_text(w, "account_id", device->account_id);
  sm_jsonw_key_text(w, "cohort", device->cohort);
  sm_jsonw_key_bool(w, "disabled", device->disabled);
  sm_jsonw_key_bool(w, "revoked", device->revoked);
  sm_jsonw_key_decimal(w, "modulus_kwh", device->modulus_wh, 3);
  sm_jsonw_key_decimal(w, "max_power_kw", device->max_power_w, 3);
}

sm_err sm_device_write_json(sm_api *api, const sm_request *request, sm_jsonw *w,
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
  if (sm_request_is_admin(request)) write_limits(w, device);
  free(owner);
  return SM_OK;
}

/* ---- the list ---- */

/* What `status`, `owner` and `q` ask for. */
typedef struct filter {
  const char *status; /* NULL: any, as all of these */
  const char *owner;
  const char *q;
} filter;

static bool take_filter(const sm_request *request, sm_answer *answer, filter *out) {
  *out = (filter){.status = NULL};
  if (!sm_request_param_text(request, answer, "status", &out->status) ||
      !sm_request_param_text(request, answer, "owner", &out->owner) ||
      !sm_request_param_text(request, answer, "q", &out->q))
    return false;
  static const char *const words[] = {"online", "offline", "never", "disabled", "revoked"};
  bool known = out->status == NULL;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    known = known || strcmp(out->status, words[i]) == 0;
  if (known) return true;
  sm_answer_field(answer, 400, "status", "is one of online, offline, never, disabled, revoked");
  return false;
}

static bool is_filter(const filter *f) {
  return f->status != NULL || f->owner != NULL || f->q != NULL;
}

/* As people look for names: ASCII letters of either case are one. */
static bool contains(const char *text, const char *part) {
  return text != NULL && strcasestr(text, part) != NULL;
}

static sm_err fits(sm_api *api, const sm_request *request, const filter *f, const sm_device *device,
                   bool *out) {
  *out = true;
  if (f->q != NULL) *out = contains(device->device_id, f->q) || contains(device->name, f->q);
  if (*out && f->owner != NULL) {
    char *email = NULL;
    sm_err err = take_owner(api, request, device, &email);
    if (err != SM_OK) return err;
    *out = email != NULL ? strcasecmp(email, f->owner) == 0 : f->owner[0] == '\0';
    free(email);
  }
  if (!*out || f->status == NULL) return SM_OK;
  if (strcmp(f->status, "disabled") == 0)
    *out = device->disabled && !device->revoked;
  else if (strcmp(f->status, "revoked") == 0)
    *out = device->revoked;
  else {
    present now;
    sm_err err = take_present(api, request, device->device_id, &now);
    if (err != SM_OK) return err;
    *out = strcmp(f->status, status_of(&now)) == 0;
  }
  return SM_OK;
}

/* A page of those that fit: the store knows neither statuses nor open addresses, so it is read page
 * by page until enough are found, and no further than SCAN_MAX, where the next page goes on. */
typedef struct page {
  size_t limit;
  size_t shown;
  size_t seen;
  char after[SM_CURSOR_KEY_MAX];
  bool more;
} page;

static sm_err write_some(sm_api *api, const sm_request *request, const filter *f, sm_jsonw *w,
                         page *p) {
  sm_device *devices;
  size_t count;
  size_t wanted = p->limit - p->shown + 1;
  if (is_filter(f) || request->key_devices != NULL) wanted = SCAN_PAGE;
  sm_err err = sm_ledger_devices(api->options.ledger, sm_request_own_user(request), p->after,
                                 wanted, &devices, &count);
  if (err != SM_OK) return err;
  p->more = count == wanted;
  for (size_t i = 0; err == SM_OK && i < count; i++) {
    bool shows = sm_apikey_has_device(request->key_devices, devices[i].device_id);
    if (shows && is_filter(f)) err = fits(api, request, f, &devices[i], &shows);
    if (err != SM_OK) break;
    if (shows && p->shown == p->limit) {
      p->more = true;
      break;
    }
    (void)snprintf(p->after, sizeof p->after, "%s", devices[i].device_id);
    p->seen++;
    if (!shows) continue;
    p->shown++;
    sm_jsonw_object(w);
    err = sm_device_write_json(api, request, w, &devices[i]);
    sm_jsonw_object_end(w);
  }
  sm_devices_free(devices, count);
  return err;
}

void sm_handle_devices(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  page p = {.more = true};
  filter f;
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, p.after) ||
      !take_filter(request, answer, &f))
    return;
  p.limit = (size_t)limit;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "devices");
  sm_jsonw_array(&w);
  sm_err err = SM_OK;
  do {
    err = write_some(api, request, &f, &w, &p);
  } while (err == SM_OK && p.more && p.shown < p.limit && p.seen < SCAN_MAX);
  sm_jsonw_array_end(&w);
  sm_cursor_write_next(&w, SCOPE, p.more ? p.after : NULL);
  sm_jsonw_object_end(&w);
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

/* ---- a new one ---- */

typedef struct new_device {
  sm_device_new row;
  const char *owner; /* e-mail; NULL */
} new_device;

sm_err sm_device_check_tariff(sm_api *api, const char *name, sm_problems *problems) {
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
  static const char *const members[] = {"device_id", "name", "owner", "tariff", NULL};
  *out = (new_device){0};
  sm_body_known(body, "", members, problems);
  sm_body_device_id(body, "", "device_id", &out->row.device_id, problems);
  sm_body_text(body, "", "name", false, SM_DEVICE_NAME_CHARS_MAX, &out->row.name, problems);
  sm_body_email(body, "", "owner", &out->owner, problems);
  sm_body_text(body, "", "tariff", false, SM_DEVICE_TARIFF_CHARS_MAX, &out->row.tariff, problems);
  sm_err err = sm_device_check_tariff(api, out->row.tariff, problems);
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

void sm_device_write_credentials(sm_api *api, const sm_request *request, sm_jsonw *w,
                                 const char *device_id) {
  const sm_api_hooks *hooks = &api->options.hooks;
  const sm_api_credential_order order = {.host = api->options.mqtt.host};
  sm_buf text;
  sm_buf problem;
  sm_buf_init(&text, 0);
  sm_buf_init(&problem, 0);
  sm_jsonw made;
  sm_jsonw_init(&made, &text);
  sm_err err = hooks->make_credentials == NULL
                   ? SM_ERR_UNSUPPORTED
                   : hooks->make_credentials(hooks->context, device_id, &order, &made, &problem);
  sm_jsonw_key(w, "credentials");
  if (err == SM_OK) {
    sm_jsonw_raw(w, text.data, text.len);
  } else {
    sm_jsonw_null(w);
    sm_jsonw_key_text(w, "note",
                      hooks->make_credentials == NULL
                          ? "No broker is managed here: give the meter its login at your broker."
                          : "The device is there, but the broker could not be told: make its "
                            "login with `smartmeter device rotate`.");
    if (hooks->make_credentials != NULL)
      sm_log(SM_LOG_ERROR, "http.credentials_failed", SM_LOG_TEXT("request", request->id),
             SM_LOG_TEXT("device", device_id), SM_LOG_TEXT("reason", sm_err_text(err)),
             SM_LOG_TEXT("problem", sm_buf_text(&problem)));
  }
  if (text.data != NULL) explicit_bzero(text.data, text.len);
  sm_buf_fini(&text);
  sm_buf_fini(&problem);
}

static void answer_added(sm_api *api, const sm_request *request, sm_answer *answer,
                         const char *device_id) {
  sm_device device;
  sm_err err = sm_ledger_device(api->options.ledger, device_id, &device);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 201);
    sm_jsonw_object(&w);
    err = sm_device_write_json(api, request, &w, &device);
    if (err == SM_OK) err = sm_firmware_write_json(api, &w, device_id);
    if (err == SM_OK) sm_device_write_credentials(api, request, &w, device_id);
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
