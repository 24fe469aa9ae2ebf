/* Alerts: listed, acknowledged, and what they are judged by. */
#include "alerts/limits.h"
#include "api/api.h"
#include "api/body.h"
#include "api/list.h"
#include "api/routes.h"
#include "api/visible.h"
#include "base/decimal.h"
#include "store/ledger_alerts.h"

#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static bool take_state(const sm_request *request, sm_answer *answer, sm_alert_query *query) {
  static const char *const names[] = {[SM_ALERT_OPEN] = "open",
                                      [SM_ALERT_ACKNOWLEDGED] = "acknowledged",
                                      [SM_ALERT_UNENDED] = "unended",
                                      [SM_ALERT_ENDED] = "ended"};
  const char *text;
  if (!sm_request_param_text(request, answer, "state", &text)) return false;
  if (text == NULL) return true;
  for (int i = SM_ALERT_OPEN; i <= SM_ALERT_ENDED; i++)
    if (strcmp(names[i], text) == 0) {
      query->state = (sm_alert_phase)i;
      return true;
    }
  sm_answer_field(answer, 400, "state", "is '%.20s': give open, acknowledged, unended or ended",
                  text);
  return false;
}

static bool take_kind(const sm_request *request, sm_answer *answer, sm_alert_query *query) {
  sm_alert_kind kind;
  if (!sm_request_param_text(request, answer, "kind", &query->kind)) return false;
  if (query->kind == NULL || sm_alert_kind_parse(query->kind, &kind) == SM_OK) return true;
  sm_answer_field(answer, 400, "kind", "is '%.40s', which is no kind of alert", query->kind);
  return false;
}

static bool take_order(const sm_request *request, sm_answer *answer, sm_alert_query *query) {
  const char *text;
  if (!sm_request_param_text(request, answer, "order", &text)) return false;
  query->newest_first = text != NULL && strcmp(text, "newest") == 0;
  if (text == NULL || query->newest_first || strcmp(text, "oldest") == 0) return true;
  sm_answer_field(answer, 400, "order", "is '%.20s': give oldest or newest", text);
  return false;
}

static bool take_query(const sm_request *request, sm_answer *answer, sm_alert_query *query,
                       sm_page *page) {
  *query = (sm_alert_query){.user_id = sm_request_own_user(request)};
  if (!take_state(request, answer, query) || !take_kind(request, answer, query) ||
      !take_order(request, answer, query) ||
      !sm_request_param_text(request, answer, "device", &query->device_id) ||
      !sm_page_take(request, answer, query->newest_first ? "alerts newest" : "alerts", page))
    return false;
  query->after_no = page->after_no;
  query->limit = page->limit + 1;
  return true;
}

void sm_handle_alerts(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_alert_query query;
  sm_page page;
  sm_alert *alerts = NULL;
  size_t count = 0;
  if (!take_query(request, answer, &query, &page)) return;
  sm_err err = sm_ledger_alerts(api->options.ledger, &query, &alerts, &count);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  size_t shown = sm_page_shown(&page, count);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "alerts");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++)
    sm_alert_write_json(&w, &alerts[i], api->options.currency, sm_request_is_admin(request));
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, &page, shown<count, shown> 0 ? alerts[shown - 1].alert_no : 0);
  sm_jsonw_object_end(&w);
  free(alerts);
}

void sm_handle_alert_acknowledge(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_alert alert;
  int64_t alert_no = 0;
  const char *no = request->param[0];
  sm_err err = sm_decimal_parse(no, strlen(no), 0, &alert_no);
  if (err != SM_OK) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK)
    err = sm_ledger_alert_acknowledge(api->options.ledger, sm_request_actor(request),
                                      sm_request_own_user(request), alert_no, sm_api_now_ms(api),
                                      &alert);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
  } else if (err != SM_OK) {
    sm_api_fail(request, answer, err);
  } else {
    sm_live_publish_alert(api->options.live, &alert);
    sm_jsonw w = sm_answer_json(answer, 200);
    sm_alert_write_json(&w, &alert, api->options.currency, sm_request_is_admin(request));
  }
}

/* ---- thresholds ---- */

typedef struct words {
  char *operators; /* NULL: nothing */
  char *owners;    /* the caller's own, or for an admin those of the present owner */
} words;

static void words_fini(words *w) {
  free(w->operators);
  free(w->owners);
}

static sm_err load_words(sm_api *api, const sm_request *request, words *out) {
  sm_ledger *ledger = api->options.ledger;
  const char *own = sm_request_own_user(request);
  sm_device device = {.device_id = NULL};
  *out = (words){NULL, NULL};
  sm_err err = sm_ledger_threshold(ledger, request->param[0], NULL, &out->operators);
  if (err == SM_OK && own == NULL) err = sm_ledger_device(ledger, request->param[0], &device);
  const char *owner = own != NULL ? own : device.owner_user_id;
  if (err == SM_OK && owner != NULL)
    err = sm_ledger_threshold(ledger, request->param[0], owner, &out->owners);
  sm_device_fini(&device);
  if (err != SM_OK) words_fini(out);
  return err;
}

/* What cannot be read any more does not hold, as for the watch. */
static void read_over(const char *text, const char *currency, sm_alert_limits *limits) {
  if (text == NULL) return;
  sm_err err = sm_alert_limits_read_text(text, currency, limits);
  (void)err;
}

static void answer_thresholds(sm_api *api, const sm_request *request, sm_answer *answer) {
  words said;
  sm_alert_limits limits;
  sm_err err = load_words(api, request, &said);
  if (err == SM_ERR_NOT_FOUND) {
    sm_answer_not_found(answer);
    return;
  }
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  bool is_admin = sm_request_is_admin(request);
  const char *given = is_admin ? said.operators : said.owners;
  sm_alert_limits_default(&limits);
  sm_alert_limits otherwise = limits;
  read_over(said.operators, api->options.currency, &limits);
  if (!is_admin) otherwise = limits;
  read_over(said.owners, api->options.currency, &limits);
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "device_id", request->param[0]);
  sm_jsonw_key(&w, "thresholds");
  sm_alert_limits_write(&w, &limits, api->options.currency);
  sm_jsonw_key(&w, "given");
  if (given != NULL)
    sm_jsonw_raw(&w, given, strlen(given));
  else
    sm_jsonw_raw(&w, "{}", 2);
  sm_jsonw_key(&w, "otherwise");
  sm_alert_limits_write(&w, &otherwise, api->options.currency);
  sm_jsonw_object_end(&w);
  words_fini(&said);
}

void sm_handle_thresholds(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_visible visible;
  if (!sm_visible_of(api, request, answer, &visible)) return;
  sm_visible_fini(&visible);
  answer_thresholds(api, request, answer);
}

/* NULL: nothing is given, or it was answered. */
static void check(sm_api *api, const sm_request *request, const json_t *given,
                  sm_problems *problems) {
  sm_alert_limits limits;
  words said = {NULL, NULL};
  sm_alert_limits_default(&limits);
  /* An owner's word is read over the operator's, and checked with it. */
  if (!sm_request_is_admin(request) && load_words(api, request, &said) == SM_OK) {
    read_over(said.operators, api->options.currency, &limits);
    words_fini(&said);
  }
  sm_problems inside = {.count = 0};
  sm_alert_limits_read(given, api->options.currency, &limits, &inside);
  for (size_t i = 0; i < inside.count && i < SM_PROBLEMS_MAX; i++) {
    char field[SM_FIELD_PATH_MAX];
    sm_problems_add(problems, sm_field_path("thresholds", inside.item[i].field, field), "%s",
                    inside.item[i].message);
  }
}

static sm_err store(sm_api *api, const sm_request *request, const json_t *given) {
  sm_buf text;
  sm_jsonw w;
  sm_buf_init(&text, 65536);
  sm_jsonw_init(&w, &text);
  sm_alert_limits_write_given(&w, given);
  bool any = json_object_size(given) > 0;
  const char *body = any ? sm_buf_text(&text) : NULL;
  sm_err err = text.err;
  if (err == SM_OK)
    err = sm_ledger_threshold_set(api->options.ledger, sm_request_actor(request), request->param[0],
                                  sm_request_own_user(request), body);
  sm_buf_fini(&text);
  return err;
}

/* Of a meter that is not there nothing is said about the body. */
static bool is_there(sm_api *api, const sm_request *request, sm_answer *answer) {
  words said;
  sm_visible visible;
  if (!sm_visible_of(api, request, answer, &visible)) return false;
  sm_visible_fini(&visible);
  sm_err err = load_words(api, request, &said);
  if (err == SM_OK)
    words_fini(&said);
  else if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  return err == SM_OK;
}

void sm_handle_thresholds_set(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const names[] = {"thresholds", NULL};
  sm_problems problems = {.count = 0};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  if (!is_there(api, request, answer)) {
    json_decref(body);
    return;
  }
  const json_t *given = json_object_get(body, "thresholds");
  sm_body_only(body, names, &problems);
  if (!json_is_object(given))
    sm_problems_add(&problems, "thresholds", "is needed: an object of kinds, {} for the defaults");
  else
    check(api, request, given, &problems);
  if (problems.count > 0) {
    sm_answer_problems(answer, 422, &problems);
  } else {
    sm_err err = store(api, request, given);
    if (err == SM_OK)
      answer_thresholds(api, request, answer);
    else if (err == SM_ERR_NOT_FOUND)
      sm_answer_not_found(answer);
    else
      sm_api_fail(request, answer, err);
  }
  json_decref(body);
}
