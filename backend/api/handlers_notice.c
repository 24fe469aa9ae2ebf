/* How the caller wants to hear of alerts. */
#include "alerts/sender.h"
#include "alerts/signature.h"
#include "alerts/webhook.h"
#include "api/api.h"
#include "api/body.h"
#include "api/routes.h"
#include "auth/seal.h"
#include "store/ledger_alerts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WEBHOOK_TEXT_MAX = SM_WEBHOOK_URL_MAX + SM_WEBHOOK_SECRET_MAX + 2 };

/* What is set, with the webhook opened. */
typedef struct settings {
  sm_notice notice;
  char *webhook; /* heap; cut in two: */
  size_t webhook_len;
  const char *url;
  const char *secret;
} settings;

static void settings_fini(settings *s) {
  if (s->webhook != NULL) sodium_memzero(s->webhook, s->webhook_len);
  free(s->webhook);
  sm_notice_fini(&s->notice);
  *s = (settings){.webhook = NULL};
}

static sm_err load(sm_api *api, const sm_request *request, settings *s) {
  *s = (settings){.webhook = NULL};
  sm_err err = sm_ledger_notice(api->options.ledger, request->caller.user_id, &s->notice);
  if (err != SM_OK || s->notice.webhook_sealed.data == NULL) return err;
  err = sm_unseal(sm_identity_sealer(api->options.identity), SM_FIELD_WEBHOOK,
                  &s->notice.webhook_sealed, &s->webhook);
  if (s->webhook != NULL) s->webhook_len = strlen(s->webhook);
  if (err == SM_OK && (s->webhook == NULL || !sm_webhook_split(s->webhook, &s->url, &s->secret)))
    err = SM_ERR_CORRUPT;
  if (err != SM_OK) settings_fini(s);
  return err;
}

/* ---- writing ---- */

static void write_kinds(sm_jsonw *w, const char *kinds) {
  sm_jsonw_key(w, "kinds");
  if (kinds == NULL) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_array(w);
  while (*kinds != '\0') {
    size_t len = strcspn(kinds, " ");
    sm_jsonw_text_len(w, kinds, len);
    kinds += len + (kinds[len] == ' ');
  }
  sm_jsonw_array_end(w);
}

static void write_minute(sm_jsonw *w, const char *key, int minute) {
  char text[16];
  (void)snprintf(text, sizeof text, "%02d:%02d", minute / 60, minute % 60);
  sm_jsonw_key_text(w, key, text);
}

/* `secret` is shown once: NULL else. */
static void write_settings(sm_answer *answer, const settings *s, const char *secret) {
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_bool(&w, "email", s->notice.email);
  sm_jsonw_key_text(&w, "webhook_url", s->url);
  if (secret != NULL) sm_jsonw_key_text(&w, "webhook_secret", secret);
  write_kinds(&w, s->notice.kinds);
  if (s->notice.has_quiet) {
    sm_jsonw_key(&w, "quiet_hours");
    sm_jsonw_object(&w);
    write_minute(&w, "from", s->notice.quiet_from);
    write_minute(&w, "to", s->notice.quiet_to);
    sm_jsonw_object_end(&w);
  } else {
    sm_jsonw_key_null(&w, "quiet_hours");
  }
  sm_jsonw_object_end(&w);
}

static void answer_settings(sm_api *api, const sm_request *request, sm_answer *answer,
                            bool with_secret) {
  settings s;
  sm_err err = load(api, request, &s);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  write_settings(answer, &s, with_secret ? s.secret : NULL);
  settings_fini(&s);
}

void sm_handle_notifications(sm_api *api, const sm_request *request, sm_answer *answer) {
  answer_settings(api, request, answer, false);
}

/* ---- changing ---- */

static bool take_minute(const json_t *object, const char *name, int *minute,
                        sm_problems *problems) {
  char field[SM_FIELD_PATH_MAX];
  const char *text = json_string_value(json_object_get(object, name));
  if (text != NULL && strlen(text) == 5 && strspn(text, "0123456789") == 2 && text[2] == ':' &&
      strspn(text + 3, "0123456789") == 2) {
    int hour = (text[0] - '0') * 10 + text[1] - '0';
    int min = (text[3] - '0') * 10 + text[4] - '0';
    if (hour <= 23 && min <= 59) {
      *minute = hour * 60 + min;
      return true;
    }
  }
  sm_problems_add(problems, sm_field_path("quiet_hours", name, field),
                  "must be a time of the day such as \"22:30\"");
  return false;
}

static void take_quiet(const json_t *body, sm_notice *notice, sm_problems *problems) {
  static const char *const names[] = {"from", "to", NULL};
  const json_t *quiet = json_object_get(body, "quiet_hours");
  if (quiet == NULL || json_is_null(quiet)) return;
  if (!json_is_object(quiet)) {
    sm_problems_add(problems, "quiet_hours", "must be {\"from\": \"22:00\", \"to\": \"07:00\"}");
    return;
  }
  sm_body_known(quiet, "quiet_hours", names, problems);
  bool from = take_minute(quiet, "from", &notice->quiet_from, problems);
  bool to = take_minute(quiet, "to", &notice->quiet_to, problems);
  notice->has_quiet = from && to;
  if (notice->has_quiet && notice->quiet_from == notice->quiet_to)
    sm_problems_add(problems, "quiet_hours.to", "must differ from \"from\"");
}

/* Names apart by blanks, in the order of the kinds. */
static void take_kinds(const json_t *body, sm_notice *notice, sm_problems *problems) {
  bool wanted[SM_ALERT_KINDS] = {false};
  const json_t *list = sm_body_list(body, "", "kinds", SM_ALERT_KINDS, problems);
  sm_buf text;
  if (list == NULL) return;
  for (size_t i = 0; i < json_array_size(list); i++) {
    char field[40];
    sm_alert_kind kind;
    const char *name = json_string_value(json_array_get(list, i));
    (void)snprintf(field, sizeof field, "kinds[%zu]", i);
    if (name == NULL || sm_alert_kind_parse(name, &kind) != SM_OK)
      sm_problems_add(problems, field, "is no kind of alert");
    else
      wanted[kind] = true;
  }
  if (json_array_size(list) == 0)
    sm_problems_add(problems, "kinds", "is empty: name kinds, or leave it out for all");
  sm_buf_init(&text, 0);
  for (int kind = 0; kind < SM_ALERT_KINDS; kind++) {
    if (!wanted[kind]) continue;
    if (text.len > 0) sm_buf_append_char(&text, ' ');
    sm_buf_append_text(&text, sm_alert_kind_name((sm_alert_kind)kind));
  }
  notice->kinds = text.len > 0 ? sm_buf_take(&text) : NULL;
  sm_buf_fini(&text);
}

static void take_url(const json_t *body, const char **url, sm_problems *problems) {
  const json_t *value = json_object_get(body, "webhook_url");
  if (value == NULL || json_is_null(value)) return;
  *url = json_string_value(value);
  const char *problem = *url == NULL || strlen(*url) != json_string_length(value)
                            ? "must be a text"
                            : sm_webhook_url_problem(*url);
  if (problem != NULL) sm_problems_add(problems, "webhook_url", "%s", problem);
}

/* The secret stays while the address does, unless another one is asked for. */
static sm_err seal(sm_api *api, const char *url, const char *secret, sm_notice *notice) {
  char text[WEBHOOK_TEXT_MAX];
  char fresh[SM_WEBHOOK_SECRET_MAX];
  if (url == NULL) return SM_OK;
  (void)snprintf(text, sizeof text, "%s\n%s", url,
                 secret != NULL ? secret : sm_webhook_secret(fresh));
  sm_err err = sm_seal(sm_identity_sealer(api->options.identity), SM_FIELD_WEBHOOK, text,
                       &notice->webhook_sealed);
  sodium_memzero(text, sizeof text);
  sodium_memzero(fresh, sizeof fresh);
  return err;
}

static void change(sm_api *api, const sm_request *request, sm_answer *answer, sm_notice *notice,
                   const char *url, bool new_secret) {
  settings before;
  sm_err err = load(api, request, &before);
  /* What does not open any more may be set anew. */
  if (err == SM_ERR_CORRUPT) err = SM_OK;
  bool keeps = err == SM_OK && !new_secret && url != NULL && before.url != NULL &&
               strcmp(before.url, url) == 0;
  if (err == SM_OK) err = seal(api, url, keeps ? before.secret : NULL, notice);
  settings_fini(&before);
  if (err == SM_OK)
    err = sm_ledger_notice_set(api->options.ledger, sm_request_actor(request),
                               request->caller.user_id, notice);
  if (err == SM_OK)
    answer_settings(api, request, answer, url != NULL && !keeps);
  else
    sm_api_fail(request, answer, err);
}

void sm_handle_notifications_set(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const names[] = {"email",       "webhook_url",        "kinds",
                                      "quiet_hours", "new_webhook_secret", NULL};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  sm_problems problems = {.count = 0};
  sm_notice notice = {.email = false};
  const char *url = NULL;
  bool has = false;
  bool new_secret = false;
  sm_body_only(body, names, &problems);
  sm_body_bool(body, "", "email", &has, &notice.email, &problems);
  sm_body_bool(body, "", "new_webhook_secret", &has, &new_secret, &problems);
  take_url(body, &url, &problems);
  take_kinds(body, &notice, &problems);
  take_quiet(body, &notice, &problems);
  if (problems.count > 0)
    sm_answer_problems(answer, 422, &problems);
  else
    change(api, request, answer, &notice, url, new_secret);
  sm_notice_fini(&notice);
  json_decref(body);
}
