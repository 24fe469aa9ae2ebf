#include "api/api.h"
#include "api/body.h"
#include "api/page.h"
#include "api/routes.h"

#include <string.h>

static const char COOKIE[] = "smartmeter_refresh";
enum { PASSWORD_BYTES_MAX = 1024, EMAIL_CHARS_MAX = 320 };

/* A page elsewhere gets its cookie back only as SameSite=None, which browsers take over HTTPS
 * alone; ours stays as strict as can be. */
static void set_cookie(const sm_api *api, const sm_request *request, sm_answer *answer,
                       const char *value, int64_t expires_in_s) {
  bool elsewhere = api->secure && sm_page_of(api, request) == SM_PAGE_ALLOWED;
  sm_answer_header_add(
      answer, "Set-Cookie", "%s=%s; Path=/api/auth; Max-Age=%lld; HttpOnly; SameSite=%s%s", COOKIE,
      value, (long long)expires_in_s, elsewhere ? "None" : "Strict", api->secure ? "; Secure" : "");
}

static void answer_session(const sm_api *api, const sm_request *request, sm_answer *answer,
                           const sm_session *session) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "token", session->token);
  sm_jsonw_key_int(&w, "expires_in", session->expires_in_s);
  sm_jsonw_key(&w, "user");
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "id", session->user.user_id);
  sm_jsonw_key_text(&w, "email", session->user.email);
  sm_jsonw_key_text(&w, "name", session->user.name == NULL ? "" : session->user.name);
  sm_jsonw_key_text(&w, "role", sm_role_name(session->user.role));
  sm_jsonw_key_text(&w, "language", session->user.language);
  sm_jsonw_key_bool(&w, "must_change_password", session->user.must_change);
  sm_jsonw_object_end(&w);
  sm_jsonw_object_end(&w);
  set_cookie(api, request, answer, session->refresh, session->refresh_expires_in_s);
}

static void log_in(sm_api *api, const sm_request *request, sm_answer *answer, const char *email,
                   const char *password) {
  sm_session session;
  int64_t retry_after_s = 1;
  sm_err err = sm_identity_login(api->options.identity, email, password, strlen(password),
                                 request->address, &session, &retry_after_s);
  switch (err) {
  case SM_OK:
    answer_session(api, request, answer, &session);
    sm_session_fini(&session);
    break;
  case SM_ERR_DENIED:
    sm_answer_problem(answer, 401, "The e-mail address or the password is wrong.");
    break;
  case SM_ERR_BUSY:
    sm_answer_later(answer, 429, (unsigned)retry_after_s,
                    "Too many tries to log in. Wait a little and try again.");
    break;
  default:
    sm_api_fail(request, answer, err);
    break;
  }
}

void sm_handle_login(sm_api *api, const sm_request *request, sm_answer *answer) {
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  const char *email = NULL;
  const char *password = NULL;
  sm_body_text(body, "", "email", true, EMAIL_CHARS_MAX, &email, &problems);
  sm_body_secret(body, "", "password", PASSWORD_BYTES_MAX, &password, &problems);
  if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_gate_enter(&api->logins)) {
    log_in(api, request, answer, email, password);
    sm_gate_leave(&api->logins);
  } else {
    sm_answer_later(answer, 429, 1, "Too many people are logging in. Try again in a second.");
  }
  json_decref(body);
}

void sm_handle_refresh(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *token;
  size_t len;
  sm_session session;
  sm_err err = sm_request_cookie(request, COOKIE, &token, &len);
  if (err == SM_OK)
    err = sm_identity_refresh(api->options.identity, token, len, request->address, &session);
  else
    err = SM_ERR_DENIED;
  if (err == SM_OK) {
    answer_session(api, request, answer, &session);
    sm_session_fini(&session);
  } else if (err == SM_ERR_DENIED) {
    sm_answer_problem(answer, 401, "There is no session here, or it has ended. Log in.");
    set_cookie(api, request, answer, "", 0);
  } else {
    sm_api_fail(request, answer, err);
  }
}

void sm_handle_logout(sm_api *api, const sm_request *request, sm_answer *answer) {
  const char *token;
  size_t len;
  sm_err err = SM_OK;
  if (sm_request_cookie(request, COOKIE, &token, &len) == SM_OK)
    err = sm_identity_logout(api->options.identity, token, len);
  if (err == SM_OK)
    sm_answer_empty(answer, 204);
  else
    sm_api_fail(request, answer, err);
  set_cookie(api, request, answer, "", 0);
}
