#include "api/key_gate.h"

#include "api/api.h"
#include "auth/apikey.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* Use is noted once in so long: a key that asks every second must not write every second. */
enum { NOTE_USE_MS = 60 * 1000 };

bool sm_key_gate_is(const sm_request *request) {
  const char *token;
  size_t len;
  return sm_request_bearer(request, &token, &len) == SM_OK && sm_apikey_is(token, len);
}

static void refuse(sm_answer *answer) {
  sm_answer_problem(answer, 401,
                    "The API key is not good, or not any more: it was revoked, rotated or has "
                    "ended. An administrator makes a new one.");
  sm_answer_header_add(answer, "WWW-Authenticate",
                       "Bearer realm=\"smartmeter\", error=\"invalid_token\"");
}

static void note_use(sm_api *api, const sm_api_key *key, int64_t now) {
  if (key->used && now - key->last_used_ms < NOTE_USE_MS) return;
  sm_err err = sm_ledger_key_used(api->options.ledger, key->key_id, now);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "auth.key_use_not_noted", SM_LOG_TEXT("key", key->key_id),
           SM_LOG_TEXT("reason", sm_err_text(err)));
}

static bool knows_key(sm_api *api, sm_request *request, sm_answer *answer, sm_api_key *key) {
  const char *token = NULL;
  size_t len = 0;
  uint8_t hash[32];
  int64_t now = sm_api_now_ms(api);
  sm_err err = sm_request_bearer(request, &token, &len);
  if (err == SM_OK) err = sm_apikey_hash(token, len, hash);
  if (err == SM_OK) err = sm_ledger_key_of_secret(api->options.ledger, hash, now, key);
  if (err == SM_OK) {
    note_use(api, key, now);
    return true;
  }
  if (err == SM_ERR_DENIED || err == SM_ERR_NOT_FOUND)
    refuse(answer);
  else
    sm_api_fail(request, answer, err);
  return false;
}

/* A limited key may ask of its devices, list them, and read tariffs; what is another's is absent.
 */
static bool in_reach(const sm_route *route, const sm_request *request, const sm_api_key *key,
                     sm_answer *answer) {
  if (key->devices == NULL) return true;
  if (route->param[0] == SM_PARAM_DEVICE) {
    if (sm_apikey_has_device(key->devices, request->param[0])) return true;
    sm_answer_not_found(answer);
    return false;
  }
  const unsigned without = SM_KEY(SM_SCOPE_DEVICES_READ | SM_SCOPE_TARIFFS_READ);
  if ((route->access & without) != 0) return true;
  sm_answer_problem(answer, 403, "This API key is limited to devices, and this is of no device.");
  return false;
}

static bool in_scope(const sm_route *route, const sm_api_key *key, sm_answer *answer) {
  uint32_t wanted = route->access >> 3;
  if (wanted != 0 && (sm_scopes_read(key->scopes) & wanted) == wanted) return true;
  if (wanted == 0) {
    sm_answer_problem(answer, 403, "API keys may not do this: it needs a person's token.");
  } else {
    const char *name = sm_scope_name_of(wanted);
    sm_answer_problem(answer, 403, "This API key lacks the scope %s.", name);
    sm_answer_header_add(answer, "WWW-Authenticate",
                         "Bearer realm=\"smartmeter\", error=\"insufficient_scope\", scope=\"%s\"",
                         name);
  }
  return false;
}

bool sm_key_gate_pass(sm_api *api, const sm_route *route, sm_request *request, sm_answer *answer) {
  sm_api_key key = {0};
  if (!knows_key(api, request, answer, &key)) return false;
  bool may = in_scope(route, &key, answer) && in_reach(route, request, &key, answer);
  if (may) {
    request->caller =
        (sm_caller){.known = true, .role = SM_ROLE_ADMIN, .scopes = sm_scopes_read(key.scopes)};
    (void)snprintf(request->caller.user_id, sizeof request->caller.user_id, "key:%s", key.key_id);
    request->key_devices = key.devices;
    key.devices = NULL;
  }
  sm_api_key_fini(&key);
  return may;
}
