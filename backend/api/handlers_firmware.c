/* Firmware: the images that meters fetch, releases, and how far their meters are. Publishing is the
 * command line's, where the signed files are. */
#include "api/api.h"
#include "api/body.h"
#include "api/firmware_json.h"
#include "api/images.h"
#include "api/list.h"
#include "api/negotiate.h"
#include "api/ranges.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "store/ledger_firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REASON_CHARS_MAX = 200 };

/* ---- images ---- */

/* Only of another kind than it was: nothing changes under that name. */
static bool wants_part(const sm_request *request, const char *etag) {
  const char *if_range = request->header[SM_HEADER_IF_RANGE];
  return if_range == NULL || strcmp(if_range, etag) == 0;
}

static void answer_image(const sm_request *request, sm_answer *answer, int file, uint64_t size,
                         const char *etag) {
  sm_range range = {.kind = SM_RANGE_WHOLE};
  if (wants_part(request, etag)) range = sm_range_parse(request->header[SM_HEADER_RANGE], size);
  if (range.kind == SM_RANGE_OUTSIDE) {
    (void)close(file);
    sm_answer_problem(answer, 416, "The image has %llu bytes: ask for some of these.",
                      (unsigned long long)size);
    sm_answer_header_add(answer, "Content-Range", "bytes */%llu", (unsigned long long)size);
    return;
  }
  sm_answer_file(answer, "application/octet-stream", file, size);
  if (range.kind == SM_RANGE_PART) sm_answer_file_part(answer, range.first, range.last);
  sm_answer_header_add(answer, "ETag", "%s", etag);
  sm_answer_header_add(answer, "Cache-Control", "public, max-age=31536000, immutable");
}

void sm_handle_firmware_image(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *sha256 = request->param[0];
  char etag[72];
  int file = -1;
  uint64_t size = 0;
  sm_err err = sm_images_open(api->images, sha256, &file, &size);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
    return;
  }
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  (void)snprintf(etag, sizeof etag, "\"%s\"", sha256);
  sm_answer_header_add(answer, "Accept-Ranges", "bytes");
  if (!sm_negotiate_match(request->header[SM_HEADER_IF_NONE_MATCH], etag)) {
    answer_image(request, answer, file, size, etag);
    return;
  }
  (void)close(file);
  sm_answer_empty(answer, 304);
  sm_answer_header_add(answer, "ETag", "%s", etag);
  sm_answer_header_add(answer, "Cache-Control", "public, max-age=31536000, immutable");
}

/* ---- releases ---- */

static void key_instant(sm_jsonw *w, const char *key, int64_t at_ms) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, key, sm_rfc3339_format(at_ms, text));
}

static void write_rule(sm_jsonw *w, const sm_release *r) {
  sm_jsonw_key(w, "stages");
  sm_jsonw_array(w);
  for (size_t i = 0; i < r->rule.stages; i++) sm_jsonw_int(w, r->rule.stage[i]);
  sm_jsonw_array_end(w);
  sm_jsonw_key_int(w, "stage_percent", r->rule.stage[r->stage]);
  key_instant(w, "stage_since", r->stage_ms);
  sm_jsonw_key_int(w, "hold_minutes", r->rule.hold_ms / 60000);
  sm_jsonw_key_int(w, "share_percent", r->rule.share);
  sm_jsonw_key_int(w, "failed_percent", r->rule.failed);
  sm_jsonw_key_int(w, "least_meters", r->rule.least);
}

static void write_release(const void *context, sm_jsonw *w, const void *row) {
  const sm_release *r = row;
  (void)context;
  sm_jsonw_key_int(w, "no", r->release_no);
  sm_jsonw_key_text(w, "product", r->product);
  sm_jsonw_key_text(w, "hardware", r->hardware);
  sm_jsonw_key_text(w, "version", r->version);
  sm_jsonw_key_int(w, "counter", r->counter);
  sm_jsonw_key_int(w, "from_counter", r->from_counter);
  sm_jsonw_key_int(w, "size", r->size);
  sm_jsonw_key_text(w, "sha256", r->sha256);
  sm_jsonw_key_text(w, "key", r->key_id);
  sm_jsonw_key_text(w, "cohort", r->cohort);
  key_instant(w, "published_at", r->published_ms);
  key_instant(w, "expires_at", r->expires_ms);
  sm_jsonw_key_text(w, "state", r->state);
  sm_jsonw_key_text(w, "reason", r->reason[0] != '\0' ? r->reason : NULL);
  write_rule(w, r);
  sm_jsonw_key(w, "meters");
  sm_jsonw_object(w);
  for (unsigned i = 0; i < SM_FIRMWARE_PHASES; i++)
    sm_jsonw_key_int(w, sm_firmware_phase_name((sm_firmware_phase)i), (int64_t)r->phase[i]);
  sm_jsonw_object_end(w);
}

static int64_t no_of_release(const void *row) {
  return ((const sm_release *)row)->release_no;
}

void sm_handle_firmware(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_page page;
  sm_release *list = NULL;
  size_t count = 0;
  if (!sm_page_take(request, answer, "firmware", &page)) return;
  sm_err err =
      sm_ledger_releases(api->options.ledger, page.after_no, page.limit + 1, &list, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  const sm_page_rows rows = {.plural = "releases",
                             .row = list,
                             .row_size = sizeof *list,
                             .count = count,
                             .no = no_of_release,
                             .write = write_release};
  sm_page_answer(answer, &page, &rows);
  free(list);
}

/* 0 names nothing. */
static int64_t release_no(const sm_request *request) {
  int64_t no = 0;
  const char *text = request->param[0];
  return sm_decimal_parse(text, strlen(text), 0, &no) == SM_OK ? no : 0;
}

static void write_device(const void *context, sm_jsonw *w, const void *row) {
  const sm_release_device *d = row;
  (void)context;
  sm_jsonw_key_text(w, "device_id", d->device_id);
  sm_jsonw_key_text(w, "version", d->version);
  sm_jsonw_key_text(w, "state", sm_firmware_phase_name(d->phase));
  sm_jsonw_key_text(w, "result", d->result[0] != '\0' ? d->result : NULL);
  sm_jsonw_key_int(w, "stage", (int64_t)d->stage + 1);
  key_instant(w, "offered_at", d->offered_ms);
  key_instant(w, "since", d->phase_ms);
}

static int64_t no_of_device(const void *row) {
  return ((const sm_release_device *)row)->device_no;
}

static bool take_state(const sm_request *request, sm_answer *answer, sm_firmware_phase *phase,
                       bool *has) {
  const char *text;
  if (!sm_request_param_text(request, answer, "state", &text)) return false;
  *has = text != NULL;
  if (text == NULL || sm_firmware_phase_parse(text, phase) == SM_OK) return true;
  sm_answer_field(answer, 400, "state",
                  "is '%.20s': give offered, taken, confirmed, failed or refused", text);
  return false;
}

void sm_handle_firmware_devices(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_page page;
  sm_firmware_phase phase = SM_FIRMWARE_OFFERED;
  bool has = false;
  sm_release_device *list = NULL;
  size_t count = 0;
  if (!take_state(request, answer, &phase, &has) ||
      !sm_page_take(request, answer, "firmware devices", &page))
    return;
  sm_err err =
      sm_ledger_release_devices(api->options.ledger, release_no(request), has ? &phase : NULL,
                                page.after_no, page.limit + 1, &list, &count);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
    return;
  }
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  const sm_page_rows rows = {.plural = "devices",
                             .row = list,
                             .row_size = sizeof *list,
                             .count = count,
                             .no = no_of_device,
                             .write = write_device};
  sm_page_answer(answer, &page, &rows);
  free(list);
}

/* ---- halting and going on ---- */

static void answer_release(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err) {
  sm_release release;
  if (err == SM_OK) err = sm_ledger_release(api->options.ledger, release_no(request), &release);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err == SM_ERR_CONFLICT) {
    sm_answer_problem(answer, 409,
                      "The release is superseded or has expired: publish another one with "
                      "`smartmeter firmware publish`.");
  } else if (err != SM_OK) {
    sm_api_fail(request, answer, err);
  } else {
    sm_jsonw w = sm_answer_json(answer, 200);
    sm_jsonw_object(&w);
    write_release(NULL, &w, &release);
    sm_jsonw_object_end(&w);
  }
}

void sm_handle_firmware_halt(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"reason", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  const char *reason = NULL;
  sm_problems problems = {0};
  sm_body_known(body, "", members, &problems);
  sm_body_text(body, "", "reason", true, REASON_CHARS_MAX, &reason, &problems);
  if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else
    answer_release(api, request, answer,
                   sm_ledger_firmware_halt(api->options.ledger, sm_request_actor(request),
                                           release_no(request), reason, sm_api_now_ms(api)));
  json_decref(body);
}

void sm_handle_firmware_resume(sm_api *api, const sm_request *request, sm_answer *answer) {
  answer_release(api, request, answer,
                 sm_ledger_firmware_resume(api->options.ledger, sm_request_actor(request),
                                           release_no(request), sm_api_now_ms(api)));
}

/* ---- of one device ---- */

sm_err sm_firmware_write_json(sm_api *api, sm_jsonw *w, const char *device_id) {
  sm_device_firmware f;
  sm_err err = sm_ledger_device_firmware(api->options.ledger, device_id, &f);
  sm_jsonw_key(w, "firmware");
  if (err != SM_OK) {
    sm_jsonw_null(w);
    return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  }
  const sm_firmware_report *r = &f.report;
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "product", r->product);
  sm_jsonw_key_text(w, "hardware", r->hardware);
  sm_jsonw_key_text(w, "version", r->version);
  sm_jsonw_key_int(w, "counter", r->counter);
  sm_jsonw_key_text(w, "state", sm_firmware_state_name(r->state));
  key_instant(w, "seen_at", f.seen_ms);
  sm_jsonw_key(w, "offer");
  if (r->has_offer) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "version", r->offer_version);
    sm_jsonw_key_int(w, "counter", r->offer_counter);
    sm_jsonw_key_text(w, "result", sm_firmware_result_name(r->result));
    sm_jsonw_key_int(w, "at", r->at);
    sm_jsonw_object_end(w);
  } else {
    sm_jsonw_null(w);
  }
  sm_jsonw_object_end(w);
  return SM_OK;
}
