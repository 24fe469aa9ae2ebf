/* Edits and manual readings of a meter. */
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/routes.h"
#include "api/visible.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "invoicing/edits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_REGISTER INT64_MIN
#define REGISTER_MAX_WH INT64_C(1000000000000) /* a number's limit; the meter's own comes after */

/* ---- one edit ---- */

/* Who it was, in a word for residents; admins see the user too. */
static void write_author(sm_jsonw *w, const sm_request *request, const char *by) {
  sm_jsonw_key_text(w, "by", sm_edit_author(by));
  sm_jsonw_key_text(w, "by_user", sm_request_is_admin(request) ? by : NULL);
}

static void write_kwh(sm_jsonw *w, const char *key, bool has, int64_t wh) {
  if (has)
    sm_jsonw_key_decimal(w, key, wh, 3);
  else
    sm_jsonw_key_null(w, key);
}

static void write_edit(sm_jsonw *w, const sm_request *request, const sm_reading_edit *edit) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "no", edit->edit_no);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(edit->ts_ms, text));
  sm_jsonw_key_text(w, "kind", sm_edit_kind_name(edit->kind));
  write_kwh(w, "before_kwh", edit->kind != SM_EDIT_MANUAL, edit->raw_wh);
  write_kwh(w, "after_kwh", edit->kind != SM_EDIT_VOID, edit->wh);
  sm_jsonw_key_text(w, "reason", edit->reason);
  write_author(w, request, edit->made_by);
  sm_jsonw_key_text(w, "made_at", sm_rfc3339_format(edit->made_ms, text));
  sm_jsonw_key(w, "withdrawn");
  if (edit->withdrawn) {
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "at", sm_rfc3339_format(edit->withdrawn_ms, text));
    write_author(w, request, edit->withdrawn_by);
    sm_jsonw_key_text(w, "reason", edit->withdrawn_reason);
    sm_jsonw_object_end(w);
  } else {
    sm_jsonw_null(w);
  }
  sm_jsonw_object_end(w);
}

static void answer_edit(sm_api *api, const sm_request *request, sm_answer *answer, unsigned status,
                        int64_t edit_no) {
  sm_reading_edit edit;
  sm_err err = sm_ledger_edit(api->options.ledger, request->param[0], edit_no, &edit);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, status);
  write_edit(&w, request, &edit);
  sm_reading_edit_fini(&edit);
}

/* ---- the list ---- */

typedef struct ask {
  sm_reading_edit_query query;
  int64_t limit;
  char scope[SM_PATH_PARAM_MAX + 16];
} ask;

/* All of time unless `from` or `to` is given. */
static bool take_range(const sm_api *api, const sm_request *request, sm_answer *answer, ask *out) {
  const char *from;
  const char *to;
  if (!sm_request_param_text(request, answer, "from", &from) ||
      !sm_request_param_text(request, answer, "to", &to))
    return false;
  out->query.from_ms = INT64_MIN;
  out->query.to_ms = INT64_MAX;
  return (from == NULL && to == NULL) ||
         sm_request_param_range(request, answer, sm_api_now_ms(api) + 1, &out->query.from_ms,
                                &out->query.to_ms);
}

/* A cursor's key is "<instant> <number>". */
static void take_key(const char *key, ask *out) {
  const char *blank = strchr(key, ' ');
  int64_t ms, no;
  if (blank == NULL || sm_decimal_parse(key, (size_t)(blank - key), 0, &ms) != SM_OK ||
      sm_decimal_parse(blank + 1, strlen(blank + 1), 0, &no) != SM_OK)
    return;
  out->query.after_ms = ms;
  out->query.after_no = no;
}

static bool take_ask(const sm_api *api, const sm_request *request, sm_answer *answer, ask *out) {
  char key[SM_CURSOR_KEY_MAX];
  int64_t withdrawn;
  *out = (ask){.query = {.device_id = request->param[0],
                         .channel = SM_CHANNEL_IMPORT,
                         .after_ms = INT64_MIN}};
  (void)snprintf(out->scope, sizeof out->scope, "edits %s", request->param[0]);
  if (!take_range(api, request, answer, out) ||
      !sm_request_param_int(request, answer, "withdrawn", 0, 1, 0, &withdrawn) ||
      !sm_request_param_int(request, answer, "limit", 1, 1000, 100, &out->limit) ||
      !sm_request_param_cursor(request, answer, out->scope, key))
    return false;
  out->query.withdrawn = withdrawn != 0;
  take_key(key, out);
  return true;
}

/* Adds the edits of what may be seen, up to the limit; `key` is the last one's if there are more,
 * else "". */
static sm_err write_list(sm_api *api, const sm_request *request, sm_jsonw *w, const ask *a,
                         const sm_visible *visible, char key[SM_CURSOR_KEY_MAX]) {
  size_t room = (size_t)a->limit;
  bool more = false;
  for (size_t i = 0; !more && i < visible->count; i++) {
    sm_reading_edit_query query = a->query;
    sm_reading_edit *edits;
    size_t count;
    const sm_interval *seen = &visible->interval[i];
    if (seen->from_ms > query.from_ms) query.from_ms = seen->from_ms;
    if (seen->to_ms < query.to_ms) query.to_ms = seen->to_ms;
    query.limit = room + 1;
    sm_err err = sm_ledger_edits(api->options.ledger, &query, &edits, &count);
    if (err != SM_OK) return err;
    more = count > room;
    size_t shown = more ? room : count;
    for (size_t k = 0; k < shown; k++) write_edit(w, request, &edits[k]);
    if (shown > 0)
      (void)snprintf(key, SM_CURSOR_KEY_MAX, "%" PRId64 " %" PRId64, edits[shown - 1].ts_ms,
                     edits[shown - 1].edit_no);
    room -= shown;
    sm_reading_edits_free(edits, count);
  }
  if (!more) key[0] = '\0';
  return SM_OK;
}

static void answer_list(sm_api *api, const sm_request *request, sm_answer *answer, const ask *a,
                        const sm_visible *visible) {
  char key[SM_CURSOR_KEY_MAX] = "";
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", request->param[0]);
  sm_jsonw_key(&w, "edits");
  sm_jsonw_array(&w);
  sm_err err = write_list(api, request, &w, a, visible, key);
  sm_jsonw_array_end(&w);
  sm_cursor_write_next(&w, a->scope, key[0] != '\0' ? key : NULL);
  sm_jsonw_object_end(&w);
  if (err != SM_OK) sm_api_fail(request, answer, err);
}

void sm_handle_edits(sm_api *api, const sm_request *request, sm_answer *answer) {
  ask a;
  sm_visible visible;
  sm_device device;
  if (!take_ask(api, request, answer, &a)) return;
  if (!sm_visible_of(api, request, answer, &visible)) return;
  sm_err err = sm_ledger_device(api->options.ledger, request->param[0], &device);
  if (err == SM_OK) {
    answer_list(api, request, answer, &a, &visible);
    sm_device_fini(&device);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else {
    sm_api_fail(request, answer, err);
  }
  sm_visible_fini(&visible);
}

/* ---- a new one, and one taken back ---- */

/* What the two have in common; `touched`: what is in the way, if anything. */
static void answer_refusal(const sm_request *request, sm_answer *answer, const char *field,
                           sm_err err, const char *touched) {
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(
        answer, 409, field,
        "changes a register that is invoiced%s%s: take that back by a credit note first",
        touched[0] != '\0' ? ", by " : "", touched);
  else
    sm_api_fail(request, answer, err);
}

static void take_request(const json_t *body, sm_edit_request *out, sm_problems *problems) {
  const char *kind = NULL;
  out->ts_ms = INT64_MIN;
  out->wh = NO_REGISTER;
  sm_body_instant(body, "", "at", &out->ts_ms, problems);
  sm_body_text(body, "", "kind", true, 20, &kind, problems);
  sm_body_milli(body, "", "kwh", 0, REGISTER_MAX_WH, &out->wh, problems);
  sm_body_text(body, "", "reason", true, SM_EDIT_REASON_MAX, &out->reason, problems);
  if (kind != NULL && sm_edit_kind_parse(kind, &out->kind) != SM_OK)
    sm_problems_add(problems, "kind", "must be manual, void or correct");
  out->has_wh = out->wh != NO_REGISTER;
  if (!out->has_wh) out->wh = 0;
}

void sm_handle_edit_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  char touched[SM_EDIT_TOUCHES_MAX] = "";
  int64_t edit_no = 0;
  sm_edit_request edit = {.ledger = api->options.ledger,
                          .readings = api->options.readings,
                          .actor = sm_request_actor(request),
                          .device_id = request->param[0],
                          .now_ms = sm_api_now_ms(api)};
  take_request(body, &edit, &problems);
  sm_err err =
      sm_problems_any(&problems) ? SM_ERR_INVALID : sm_edit_add(&edit, &problems, &edit_no);
  if (err == SM_ERR_CONFLICT &&
      sm_edit_touches(edit.ledger, edit.readings, edit.device_id, edit.ts_ms, touched) != SM_OK)
    touched[0] = '\0';
  if (err == SM_OK)
    answer_edit(api, request, answer, 201, edit_no);
  else if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "at", "has an edit that holds: withdraw that one first");
  else
    answer_refusal(request, answer, "at", err, touched);
  json_decref(body);
}

void sm_handle_edit_withdraw(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t edit_no;
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  const char *reason = NULL;
  char touched[SM_EDIT_TOUCHES_MAX] = "";
  sm_body_text(body, "", "reason", true, SM_EDIT_REASON_MAX, &reason, &problems);
  sm_err err = sm_decimal_parse(request->param[1], strlen(request->param[1]), 0, &edit_no);
  if (err != SM_OK)
    sm_answer_not_found(answer);
  else if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else {
    err = sm_edit_withdraw(api->options.ledger, api->options.readings, sm_request_actor(request),
                           request->param[0], edit_no, reason);
    if (err == SM_ERR_CONFLICT &&
        sm_edit_withdrawal_touches(api->options.ledger, api->options.readings, request->param[0],
                                   edit_no, touched) != SM_OK)
      touched[0] = '\0';
    if (err == SM_OK)
      answer_edit(api, request, answer, 200, edit_no);
    else if (err == SM_ERR_EXISTS)
      sm_answer_field(answer, 409, "no", "is withdrawn already");
    else
      answer_refusal(request, answer, "no", err, touched);
  }
  json_decref(body);
}
