#include "api/api.h"
#include "api/cursor.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "api/static_files.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 256 };

void sm_handle_health(sm_api *api, const sm_request *request, sm_answer *answer) {
  (void)api;
  (void)request;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "status", "ok");
  sm_jsonw_object_end(&w);
}

void sm_handle_ready(sm_api *api, const sm_request *request, sm_answer *answer) {
  char reason[REASON_MAX] = "";
  const sm_api_hooks *hooks = &api->options.hooks;
  if (hooks->ready == NULL || hooks->ready(hooks->context, reason, sizeof reason))
    sm_handle_health(api, request, answer);
  else
    sm_answer_later(answer, 503, 5, reason[0] == '\0' ? "Not ready." : reason);
}

void sm_handle_openapi(sm_api *api, const sm_request *request, sm_answer *answer) {
  (void)api;
  (void)request;
  sm_answer_text(answer, 200, "application/json", sm_openapi_json);
  answer->cache = SM_CACHE_ALL;
}

/* Made from the document above with the dashboard, and served like its files. */
void sm_handle_docs(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_static_serve_path(api->options.dashboard_dir, api->public_origin, "/api-docs.html", request,
                       answer);
  if (answer->status == 404)
    sm_answer_problem(answer, 404,
                      "The dashboard, which has this page, has not been built. The document is at "
                      "/api/openapi.json.");
}

void sm_handle_site(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_site site;
  sm_err err = sm_ledger_site(api->options.ledger, &site);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "name", site.name == NULL ? "" : site.name);
  sm_jsonw_key_text(&w, "timezone", sm_zone_name(api->options.zone));
  sm_jsonw_key_text(&w, "currency", api->options.currency);
  sm_jsonw_object_end(&w);
  answer->cache = SM_CACHE_ALL;
  sm_site_fini(&site);
}

/* ---- rejects ---- */

/* The length of a payload as text: all of it, or, where it was cut, all but the torn last
 * character; -1 if it is not UTF-8. */
static int64_t text_length(const sm_reject *reject) {
  size_t len = reject->payload_len;
  if (sm_utf8_valid(reject->payload, len)) return (int64_t)len;
  bool cut = reject->payload_len < reject->payload_len_sent;
  for (size_t torn = 1; cut && torn < 4 && torn < len; torn++)
    if (sm_utf8_valid(reject->payload, len - torn)) return (int64_t)(len - torn);
  return -1;
}

static void write_base64(sm_jsonw *w, const sm_reject *reject) {
  char text[SM_REJECT_PAYLOAD_MAX * 4 / 3 + 8];
  size_t len =
      reject->payload_len < SM_REJECT_PAYLOAD_MAX ? reject->payload_len : SM_REJECT_PAYLOAD_MAX;
  sm_jsonw_text(w, sodium_bin2base64(text, sizeof text,
                                     (const unsigned char *)(const void *)reject->payload, len,
                                     sodium_base64_VARIANT_ORIGINAL));
}

static void write_reject(sm_jsonw *w, const sm_reject *reject) {
  char at[SM_RFC3339_MAX];
  int64_t text_len = text_length(reject);
  bool has_device = reject->device_id != NULL && reject->device_id[0] != '\0';
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(reject->received_ms, at));
  sm_jsonw_key(w, "topic");
  sm_jsonw_text_len(w, reject->topic, reject->topic_len);
  sm_jsonw_key_text(w, "device_id", has_device ? reject->device_id : NULL);
  sm_jsonw_key_text(w, "reason", reject->reason);
  sm_jsonw_key_text(w, "detail", reject->detail);
  sm_jsonw_key(w, "payload");
  if (text_len >= 0)
    sm_jsonw_text_len(w, reject->payload, (size_t)text_len);
  else
    write_base64(w, reject);
  sm_jsonw_key_text(w, "payload_encoding", text_len >= 0 ? "utf-8" : "base64");
  sm_jsonw_key_int(w, "payload_bytes", (int64_t)reject->payload_len_sent);
  sm_jsonw_object_end(w);
}

void sm_handle_rejects(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t from;
  int64_t to;
  int64_t limit;
  int64_t after = 0;
  char key[SM_CURSOR_KEY_MAX];
  if (!sm_request_param_range(request, answer, sm_api_now_ms(api) + 1, &from, &to) ||
      !sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, "rejects", key))
    return;
  if (key[0] != '\0' && sm_decimal_parse(key, strlen(key), 0, &after) != SM_OK) after = 0;
  sm_reject_list list;
  sm_err err =
      sm_readings_rejects(api->options.readings, from, to, after, (size_t)limit + 1, &list);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = list.count < (size_t)limit ? list.count : (size_t)limit;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "rejects");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++) write_reject(&w, &list.item[i]);
  sm_jsonw_array_end(&w);
  if (shown < list.count)
    (void)snprintf(key, sizeof key, "%" PRId64, list.item[shown - 1].reject_no);
  sm_cursor_write_next(&w, "rejects", shown < list.count ? key : NULL);
  sm_jsonw_object_end(&w);
  sm_reject_list_fini(&list);
}
