/* People, as admins see and change them. */
#include "api/api.h"
#include "api/body.h"
#include "api/cursor.h"
#include "api/person_json.h"
#include "api/routes.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char SCOPE[] = "users";
enum { PASSWORD_BYTES_MAX = 1024 };

/* ---- listing ---- */

static bool read_filter(const sm_request *request, sm_answer *answer, sm_people_filter *filter) {
  const char *role = NULL;
  const char *disabled = NULL;
  if (!sm_request_param_text(request, answer, "email", &filter->email) ||
      !sm_request_param_text(request, answer, "role", &role) ||
      !sm_request_param_text(request, answer, "disabled", &disabled))
    return false;
  filter->by_role = role != NULL;
  filter->by_disabled = disabled != NULL;
  filter->disabled = disabled != NULL && strcmp(disabled, "true") == 0;
  if (role != NULL && sm_role_parse(role, &filter->role) != SM_OK) {
    sm_answer_field(answer, 400, "role", "must be 'admin' or 'consumer'");
    return false;
  }
  if (disabled != NULL && !filter->disabled && strcmp(disabled, "false") != 0) {
    sm_answer_field(answer, 400, "disabled", "must be 'true' or 'false'");
    return false;
  }
  return true;
}

static void answer_page(sm_answer *answer, const sm_person *people, size_t shown, bool more) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "users");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++) {
    sm_jsonw_object(&w);
    sm_person_write_members(&w, &people[i]);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_cursor_write_next(&w, SCOPE, more ? people[shown - 1].user_id : NULL);
  sm_jsonw_object_end(&w);
}

void sm_handle_users(sm_api *api, const sm_request *request, sm_answer *answer) {
  int64_t limit;
  char after[SM_CURSOR_KEY_MAX];
  sm_people_filter filter = {.email = NULL};
  if (!sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, SCOPE, after) ||
      !read_filter(request, answer, &filter))
    return;
  sm_person *people = NULL;
  size_t count = 0;
  sm_err err = sm_identity_people_find(api->options.identity, &filter, after, (size_t)limit + 1,
                                       &people, &count);
  if (err == SM_ERR_INVALID) {
    sm_answer_field(answer, 400, "email",
                    "must be a whole e-mail address: they are sealed, so a "
                    "part of one finds nobody");
  } else if (err != SM_OK) {
    sm_api_fail(request, answer, err);
  } else {
    size_t shown = count < (size_t)limit ? count : (size_t)limit;
    answer_page(answer, people, shown, shown < count);
    sm_people_free(people, count);
  }
}

/* ---- one ---- */

/* A link as a browser opens it. What is behind '#' stays in the browser: it reaches no server's log
 * and no other page. Without SMARTMETER_PUBLIC_URL the reader knows where the dashboard is. */
static void write_link(const sm_api *api, sm_jsonw *w, const sm_link *link) {
  const char *base = api->options.public_url != NULL ? api->options.public_url : "";
  size_t len = strlen(base);
  while (len > 0 && base[len - 1] == '/') len--;
  char expires[SM_RFC3339_MAX];
  sm_buf url;
  sm_buf_init(&url, 0);
  sm_buf_printf(&url, "%.*s/password#%s", (int)len, base, link->token);
  sm_jsonw_key_text(w, "url", sm_buf_text(&url));
  sm_jsonw_key_text(w, "expires_at", sm_rfc3339_format(link->expires_ms, expires));
  sm_buf_fini(&url);
}

/* link NULL: none was made. */
static void answer_person(sm_api *api, const sm_request *request, sm_answer *answer,
                          unsigned status, const char *user_id, const sm_link *link) {
  sm_person person = {0};
  sm_err err = sm_identity_person(api->options.identity, user_id, &person);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err != SM_OK) {
    sm_api_fail(request, answer, err);
  } else {
    sm_jsonw w = sm_answer_json(answer, status);
    sm_jsonw_object(&w);
    sm_person_write_members(&w, &person);
    if (link != NULL) {
      sm_jsonw_key(&w, "link");
      sm_jsonw_object(&w);
      write_link(api, &w, link);
      sm_jsonw_object_end(&w);
    }
    sm_jsonw_object_end(&w);
    sm_person_fini(&person);
  }
}

void sm_handle_user(sm_api *api, const sm_request *request, sm_answer *answer) {
  answer_person(api, request, answer, 200, request->param[0], NULL);
}

/* ---- adding ---- */

/* Whoever gets no password here gets a link to make one. */
static void added(sm_api *api, const sm_request *request, sm_answer *answer, const char *user_id,
                  bool with_password) {
  sm_link link;
  sm_err err = SM_OK;
  if (!with_password)
    err = sm_identity_link_make(api->options.identity, sm_request_actor(request), user_id, &link);
  if (err == SM_OK)
    answer_person(api, request, answer, 201, user_id, with_password ? NULL : &link);
  else
    sm_api_fail(request, answer, err);
}

static void add(sm_api *api, const sm_request *request, sm_answer *answer,
                const sm_user_new *user) {
  sm_problems problems = {0};
  char *user_id = NULL;
  sm_err err = sm_identity_user_add(api->options.identity, sm_request_actor(request), user,
                                    &problems, &user_id);
  if (err == SM_OK)
    added(api, request, answer, user_id, user->password != NULL);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_EXISTS)
    sm_answer_field(answer, 409, "email",
                    "somebody has this address already: find them by GET /api/users?email=");
  else if (err == SM_ERR_BUSY)
    sm_answer_later(answer, 429, 2, "Too many passwords are being made. Try again in a moment.");
  else
    sm_api_fail(request, answer, err);
  free(user_id);
}

void sm_handle_user_add(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"email", "name", "role", "password", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_person_change profile = {.set_name = false};
  sm_user_new user = {.role = SM_ROLE_CONSUMER, .must_change = true};
  bool has_role = false;
  sm_body_only(body, members, &problems);
  sm_body_email(body, "", "email", &user.email, &problems);
  if (user.email == NULL && !sm_problems_any(&problems))
    sm_problems_add(&problems, "email", "is required");
  sm_person_read_profile(body, &profile, &problems);
  sm_person_read_role(body, &has_role, &user.role, &problems);
  user.name = profile.name;
  if (json_object_get(body, "password") != NULL)
    sm_body_secret(body, "", "password", PASSWORD_BYTES_MAX, &user.password, &problems);
  if (user.password != NULL) user.password_len = strlen(user.password);
  if (sm_problems_any(&problems)) {
    sm_answer_problems(answer, 422, &problems);
  } else if (sm_gate_enter(&api->logins)) {
    add(api, request, answer, &user);
    sm_gate_leave(&api->logins);
  } else {
    sm_answer_later(answer, 429, 1, "Too many people are logging in. Try again in a second.");
  }
  json_decref(body);
}

/* ---- changing ---- */

static void change(sm_api *api, const sm_request *request, sm_answer *answer,
                   const sm_person_change *wanted) {
  sm_problems problems = {0};
  sm_err err = sm_identity_change(api->options.identity, sm_request_actor(request),
                                  request->param[0], wanted, &problems);
  if (err == SM_OK)
    answer_person(api, request, answer, 200, request->param[0], NULL);
  else if (err == SM_ERR_INVALID)
    sm_answer_problems(answer, 422, &problems);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, wanted->set_disabled && wanted->disabled ? "disabled" : "role",
                    "no administrator who can log in would be left: make another one first");
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_user_change(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const members[] = {"name", "language", "role", "disabled", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {0};
  sm_person_change wanted = {.set_name = false};
  sm_body_only(body, members, &problems);
  sm_person_read_profile(body, &wanted, &problems);
  sm_person_read_role(body, &wanted.set_role, &wanted.role, &problems);
  sm_body_bool(body, "", "disabled", &wanted.set_disabled, &wanted.disabled, &problems);
  if (sm_problems_any(&problems))
    sm_answer_problems(answer, 422, &problems);
  else
    change(api, request, answer, &wanted);
  json_decref(body);
}

void sm_handle_user_link(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_link link;
  sm_err err = sm_identity_link_make(api->options.identity, sm_request_actor(request),
                                     request->param[0], &link);
  if (err == SM_OK) {
    sm_jsonw w = sm_answer_json(answer, 201);
    sm_jsonw_object(&w);
    write_link(api, &w, &link);
    sm_jsonw_object_end(&w);
  } else if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err == SM_ERR_DENIED) {
    sm_answer_field(answer, 409, "disabled", "is true: enable this person first");
  } else {
    sm_api_fail(request, answer, err);
  }
}
