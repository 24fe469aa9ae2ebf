/* Invoices of the whole deployment, by month, state, account and words: what an admin looks for. */
#include "api/api.h"
#include "api/invoices.h"
#include "api/list.h"
#include "api/routes.h"
#include "base/zone.h"
#include "store/ledger_invoices.h"

#include <string.h>

enum { WORDS_MAX = 80 };

static bool is_one_of(const char *text, const char *const *list) {
  for (; *list != NULL; list++)
    if (strcmp(*list, text) == 0) return true;
  return false;
}

/* False: the answer is a 400. */
static bool take_wish(const sm_request *request, sm_answer *answer, sm_invoice_wish *wish) {
  static const char *const kinds[] = {"invoice", "credit_note", NULL};
  static const char *const states[] = {"issued", "paid", "overdue", "cancelled", NULL};
  int year;
  int month;
  *wish = (sm_invoice_wish){.month = NULL};
  if (!sm_request_param_text(request, answer, "month", &wish->month) ||
      !sm_request_param_text(request, answer, "kind", &wish->kind) ||
      !sm_request_param_text(request, answer, "status", &wish->status) ||
      !sm_request_param_text(request, answer, "account", &wish->account_id) ||
      !sm_request_param_text(request, answer, "q", &wish->text))
    return false;
  if (wish->month != NULL && sm_month_parse(wish->month, &year, &month) != SM_OK)
    sm_answer_field(answer, 400, "month", "must be a month such as 2026-01");
  else if (wish->kind != NULL && !is_one_of(wish->kind, kinds))
    sm_answer_field(answer, 400, "kind", "must be invoice or credit_note");
  else if (wish->status != NULL && !is_one_of(wish->status, states))
    sm_answer_field(answer, 400, "status", "must be issued, paid, overdue or cancelled");
  else if (wish->text != NULL && strlen(wish->text) > WORDS_MAX)
    sm_answer_field(answer, 400, "q", "must be of at most %d characters", WORDS_MAX);
  else
    return true;
  return false;
}

static void write_row(sm_jsonw *w, const sm_invoice_row *row) {
  sm_jsonw_object(w);
  sm_api_write_invoice(w, &row->invoice);
  sm_jsonw_key_text(w, "device_id", row->invoice.device_id);
  sm_jsonw_key_text(w, "place", row->place);
  sm_jsonw_key_bool(w, "estimated", row->estimated);
  sm_jsonw_object_end(w);
}

void sm_handle_invoices_find(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_page page;
  sm_invoice_wish wish;
  sm_invoice_rows rows;
  if (!take_wish(request, answer, &wish) || !sm_page_take(request, answer, "invoices", &page) ||
      !sm_api_expensive_enter(api, answer))
    return;
  sm_err err =
      sm_ledger_invoices_find(api->options.ledger, &wish, page.after_no, page.limit, &rows);
  sm_api_expensive_leave(api);
  if (err != SM_OK) {
    sm_api_fail(request, answer, err);
    return;
  }
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "invoices");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < rows.count; i++) write_row(&w, &rows.item[i]);
  sm_jsonw_array_end(&w);
  sm_page_write_next_no(&w, &page, rows.more, rows.last_no);
  sm_jsonw_object_end(&w);
  sm_invoice_rows_fini(&rows);
}
