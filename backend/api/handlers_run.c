/* A month billed at an admin's word, for all accounts: begun, followed, and looked through. */
#include "api/api.h"
#include "api/body.h"
#include "api/list.h"
#include "api/month.h"
#include "api/routes.h"
#include "api/run_desk.h"

#include <string.h>

enum { MONTH_CHARS_MAX = 10 };

static void answer_run(sm_api *api, sm_answer *answer, unsigned status) {
  sm_jsonw w = sm_answer_json(answer, status);
  sm_jsonw_object(&w);
  sm_run_desk_write(api->run_desk, &w);
  sm_jsonw_object_end(&w);
}

void sm_handle_run(sm_api *api, const sm_request *request, sm_answer *answer) {
  (void)request;
  answer_run(api, answer, 200);
}

static bool read_wish(const json_t *body, sm_answer *answer, sm_run_wish *wish) {
  sm_problems problems = {0};
  const char *month = NULL;
  bool has_dry_run;
  sm_body_text(body, "", "month", true, MONTH_CHARS_MAX, &month, &problems);
  if (month != NULL && sm_month_parse(month, &wish->year, &wish->month) != SM_OK)
    sm_problems_add(&problems, "month", "must be a month such as 2026-01");
  sm_body_bool(body, "", "dry_run", &has_dry_run, &wish->dry_run, &problems);
  if (sm_problems_any(&problems)) sm_answer_problems(answer, 422, &problems);
  return !sm_problems_any(&problems);
}

void sm_handle_run_begin(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_run_wish wish = {.actor = sm_request_actor(request), .now_ms = sm_api_now_ms(api)};
  json_t *body = sm_request_object(request, answer);
  if (body == NULL) return;
  if (read_wish(body, answer, &wish)) {
    sm_err err = sm_run_desk_begin(api->run_desk, &wish);
    if (err == SM_OK)
      answer_run(api, answer, 202);
    else if (err == SM_ERR_BUSY)
      sm_answer_problem(answer, 409, "A billing run is on: wait for its end.");
    else if (err == SM_ERR_RANGE)
      sm_answer_field(answer, 422, "month", "is not over: only past months are invoiced");
    else
      sm_api_fail(request, answer, err);
  }
  json_decref(body);
}

void sm_handle_run_accounts(sm_api *api, const sm_request *request, sm_answer *answer) {
  static const char *const scopes[] = {
      [SM_RUN_LOOK] = "billing-run look", [SM_RUN_REST] = "billing-run rest"};
  int64_t look;
  sm_page page;
  if (!sm_request_param_int(request, answer, "look", 0, 1, 1, &look)) return;
  sm_run_part part = look == 1 ? SM_RUN_LOOK : SM_RUN_REST;
  if (!sm_page_take(request, answer, scopes[part], &page)) return;
  size_t from = page.after_no > 0 ? (size_t)page.after_no : 0;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "accounts");
  sm_jsonw_array(&w);
  size_t rest = sm_run_desk_write_accounts(api->run_desk, part, from, page.limit, &w);
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, &page, rest > 0, (int64_t)(from + page.limit));
  sm_jsonw_object_end(&w);
}
