/* What everybody does with themselves: profile, password, sessions; and the sessions of others. */
#include "api/api.h"
#include "api/body.h"
#include "api/person_json.h"
#include "api/routes.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { PASSWORD_BYTES_MAX = 1024, TOKEN_CHARS_MAX = 100 };
static const char crowded[] = "Too many people are logging in. Try again in a second.";

/* ---- profile ---- */

void sm_handle_me(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_person person = {0};
  sm_err err = sm_identity_person(api->options.identity, request->caller.user_id, &person);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_person_write_members(&w, &person);
  sm_jsonw_object_end(&w);
  sm_person_fini(&person);
}

void sm_handle_me_change(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"name", "language", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_person_change wanted = {.set_name = false};
  sm_body_only(body, members, &problems);
  sm_person_read_profile(body, &wanted, &problems);
  sm_err err = sm_problems_any(&problems) ? SM_ERR_INVALID : SM_OK;
  if (err == SM_OK)
    err = sm_identity_change(api->options.identity, sm_request_actor(request),
                             request->caller.user_id, &wanted, &problems);
  if (err == SM_OK)
    sm_handle_me(api, request, answer);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else
    sm_api_fail(request, answer, err);
  json_decref(body);
}

/* ---- password ---- */

static void change_password(sm_api *api, const sm_request *request, sm_answer *answer,
                            const sm_password_new *wanted) {
  sm_problems problems = {0};
  int64_t retry_after_s = 1;
  sm_err err =
      sm_identity_change_password(api->options.identity, wanted, &problems, &retry_after_s);
  if (err == SM_OK)
    sm_answer_empty(answer, 204);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_BUSY)
    sm_answer_later(answer, 429, (unsigned)retry_after_s,
                    "Too many tries. Wait a little and try again.");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_me_password(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"current", "new", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_password_new wanted = {.user_id = request->caller.user_id,
                            .session_id = request->caller.session_id,
                            .address = request->address};
  sm_body_only(body, members, &problems);
  sm_body_secret(body, "", "current", PASSWORD_BYTES_MAX, &wanted.current, &problems);
  sm_body_secret(body, "", "new", PASSWORD_BYTES_MAX, &wanted.password, &problems);
  if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_gate_enter(&api->logins)) {
    wanted.current_len = strlen(wanted.current);
    wanted.password_len = strlen(wanted.password);
    change_password(api, request, answer, &wanted);
    sm_gate_leave(&api->logins);
  } else {
    sm_answer_later(answer, 429, 1, crowded);
  }
  json_decref(body);
}

static void redeem(sm_api *api, const sm_request *request, sm_answer *answer, const char *token,
                   const char *password) {
  sm_problems problems = {0};
  sm_err err = sm_identity_redeem(api->options.identity, token, strlen(token), password,
                                  strlen(password), request->address, &problems);
  if (err == SM_OK)
    sm_answer_empty(answer, 204);
  else if (err == SM_ERR_DENIED)
    sm_answer_field(answer, 422, "token",
                    "is not good, or not any more: ask an administrator for a new link");
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_BUSY)
    sm_answer_later(answer, 429, 2, crowded);
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_redeem(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"token", "password", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  const char *token = NULL;
  const char *password = NULL;
  sm_body_only(body, members, &problems);
  sm_body_text(body, "", "token", true, TOKEN_CHARS_MAX, &token, &problems);
  sm_body_secret(body, "", "password", PASSWORD_BYTES_MAX, &password, &problems);
  if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_gate_enter(&api->logins)) {
    redeem(api, request, answer, token, password);
    sm_gate_leave(&api->logins);
  } else {
    sm_answer_later(answer, 429, 1, crowded);
  }
  json_decref(body);
}

/* ---- sessions ---- */

static void write_session(sm_jsonw *w, const sm_session_row *row, const char *current) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "id", row->session_id);
  sm_jsonw_key_text(w, "began_at", sm_rfc3339_format(row->began_ms, text));
  sm_jsonw_key_text(w, "renewed_at", sm_rfc3339_format(row->renewed_ms, text));
  sm_jsonw_key_text(w, "expires_at", sm_rfc3339_format(row->expires_ms, text));
  sm_jsonw_key_bool(w, "current", strcmp(row->session_id, current) == 0);
  sm_jsonw_object_end(w);
}

static void answer_sessions(sm_api *api, const sm_request *request, sm_answer *answer,
                            const char *user_id) {
  sm_session_row *rows = NULL;
  size_t count = 0;
  /* The clock of tokens, not of bills. */
  sm_err err = sm_ledger_sessions(api->options.ledger, user_id, sm_clock_now_ms(), &rows, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "sessions");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < count; i++) write_session(&w, &rows[i], request->caller.session_id);
  sm_jsonw_array_end(&w);
  sm_jsonw_key_null(&w, "next");
  sm_jsonw_object_end(&w);
  free(rows);
}

static void end_session(sm_api *api, const sm_request *request, sm_answer *answer,
                        const char *user_id, const char *session_id) {
  sm_err err = sm_identity_session_close(api->options.identity, sm_request_actor(request), user_id,
                                         session_id);
  if (err == SM_OK)
    sm_answer_empty(answer, 204);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_me_sessions(sm_api *api, const sm_request *request, sm_answer *answer) {
  answer_sessions(api, request, answer, request->caller.user_id);
}

void sm_handle_me_session_end(sm_api *api, const sm_request *request, sm_answer *answer) {
  end_session(api, request, answer, request->caller.user_id, request->param[0]);
}

/* The same of somebody else, for admins. */
void sm_handle_user_sessions(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_person person = {0};
  sm_err err = sm_identity_person(api->options.identity, request->param[0], &person);
  sm_person_fini(&person);
  if (err == SM_OK)
    answer_sessions(api, request, answer, request->param[0]);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_user_session_end(sm_api *api, const sm_request *request, sm_answer *answer) {
  end_session(api, request, answer, request->param[0], request->param[1]);
}
