/* A tariff that changes issued months: first what it would change, then, agreed to, the change. */
#include "api/api.h"
#include "api/rebill.h"
#include "api/rebill_desk.h"

#include <string.h>

enum { WAIT_MAX_S = 10, WAIT_S = 5, RETRY_S = 2 };

/* Neither an error nor the end: ask the same again. */
static void answer_working(sm_answer *answer, const sm_rebill_outcome *outcome) {
  sm_jsonw w = sm_answer_json(answer, 202);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "state", "working");
  sm_jsonw_key_int(&w, "invoices", (int64_t)outcome->done);
  sm_jsonw_object_end(&w);
  sm_answer_header_add(answer, "Retry-After", "%d", RETRY_S);
}

static void answer_done(sm_answer *answer, const sm_tariff *tariff, sm_rebill_outcome *outcome,
                        bool added) {
  sm_jsonw w = sm_answer_json(answer, added ? 201 : 200);
  if (!added) {
    sm_jsonw_raw(&w, sm_buf_text(&outcome->list), outcome->list.len);
    return;
  }
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "name", tariff->name);
  sm_jsonw_key_int(&w, "version", outcome->version);
  sm_jsonw_object_end(&w);
}

static void ask(sm_api *api, const sm_request *request, const sm_tariff *tariff,
                const sm_rebill_wish *wish, sm_answer *answer) {
  sm_rebill_outcome outcome;
  sm_err err = sm_rebill_desk_ask(api->rebill_desk, wish, &outcome);
  if (err == SM_OK)
    answer_done(answer, tariff, &outcome, wish->confirm != NULL);
  else if (err == SM_ERR_BUSY && outcome.mine)
    answer_working(answer, &outcome);
  else if (err == SM_ERR_BUSY)
    sm_answer_later(answer, 503, RETRY_S, "Another tariff is being worked on: ask again.");
  else if (err == SM_ERR_CONFLICT)
    sm_answer_field(answer, 409, "confirm",
                    "is not what the effects are now: ask without it and look at them again");
  else
    sm_api_fail(request, answer, err);
  sm_buf_fini(&outcome.list);
}

void sm_api_rebill(sm_api *api, const sm_request *request, const sm_tariff *tariff,
                   sm_answer *answer) {
  sm_rebill_wish wish = {.actor = sm_request_actor(request), .now_ms = sm_api_now_ms(api)};
  int64_t wait_s;
  sm_buf text;
  sm_jsonw w;
  if (!sm_request_param_text(request, answer, "confirm", &wish.confirm) ||
      !sm_request_param_int(request, answer, "wait", 0, WAIT_MAX_S, WAIT_S, &wait_s))
    return;
  wish.wait_ms = (uint32_t)wait_s * 1000;
  sm_buf_init(&text, SM_TARIFF_JSON_MAX);
  sm_jsonw_init(&w, &text);
  sm_tariff_write_json(&w, tariff);
  wish.tariff = sm_buf_text(&text);
  if (text.err == SM_OK)
    ask(api, request, tariff, &wish, answer);
  else
    sm_api_fail(request, answer, text.err);
  sm_buf_fini(&text);
}
