/* The audit log, for admins. */
#include "api/api.h"
#include "api/cursor.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "store/ledger_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_entry(sm_jsonw *w, const sm_audit_entry *e) {
  char at[SM_RFC3339_MAX];
  char hex[SM_SHA256_HEX_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "no", e->audit_no);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(e->at_ms, at));
  sm_jsonw_key_text(w, "actor", e->actor);
  sm_jsonw_key_text(w, "action", e->action);
  sm_jsonw_key_text(w, "subject", e->subject);
  sm_jsonw_key(w, "detail");
  sm_jsonw_raw(w, e->detail, strlen(e->detail));
  sm_jsonw_key_text(w, "hash", sm_hex(e->hash, sizeof e->hash, hex));
  sm_jsonw_object_end(w);
}

/* The state of the chain: what is signed, and, if it was asked for, whether all of it is whole. */
static void write_chain(sm_jsonw *w, const sm_audit_head *head, const sm_audit_report *report) {
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  char brief[SM_AUDIT_SHORT_MAX];
  bool has = head->count > 0;
  sm_jsonw_key(w, "chain");
  sm_jsonw_object(w);
  sm_jsonw_key_int(w, "signed", head->count);
  sm_jsonw_key_text(w, "short", has ? sm_audit_short_write(head->count, head->hash, brief) : NULL);
  sm_jsonw_key_text(w, "head", has ? sm_audit_head_write(head, text) : NULL);
  if (report != NULL) {
    bool whole = report->verdict == SM_AUDIT_WHOLE;
    sm_jsonw_key_bool(w, "whole", whole);
    sm_jsonw_key_int(w, "checked", report->checked);
    sm_jsonw_key_text(w, "problem", whole ? NULL : sm_audit_verdict_text(report->verdict));
    if (!whole) sm_jsonw_key_int(w, "at", report->at_no);
  }
  sm_jsonw_object_end(w);
}

static sm_err look_at_chain(sm_api *api, bool verify, sm_audit_head *head,
                            sm_audit_report *report) {
  sm_err err = sm_ledger_audit_head(api->options.ledger, head);
  if (err == SM_ERR_NOT_FOUND) {
    head->count = 0;
    err = SM_OK;
  }
  if (err == SM_OK && verify) err = sm_ledger_audit_check(api->options.ledger, true, report);
  return err;
}

static bool take_query(sm_api *api, const sm_request *request, sm_answer *answer,
                       sm_audit_query *query, int64_t *verify) {
  int64_t limit;
  int64_t newest;
  char key[SM_CURSOR_KEY_MAX];
  *query = (sm_audit_query){0};
  if (!sm_request_param_range(request, answer, sm_api_now_ms(api) + 1, &query->from_ms,
                              &query->to_ms) ||
      !sm_request_param_text(request, answer, "action", &query->action) ||
      !sm_request_param_text(request, answer, "subject", &query->subject) ||
      !sm_request_param_text(request, answer, "user", &query->actor) ||
      !sm_request_param_int(request, answer, "verify", 0, 1, 0, verify) ||
      !sm_request_param_int(request, answer, "newest", 0, 1, 0, &newest) ||
      !sm_request_param_int(request, answer, "limit", 1, 1000, 100, &limit) ||
      !sm_request_param_cursor(request, answer, "audit", key))
    return false;
  if (key[0] != '\0' && sm_decimal_parse(key, strlen(key), 0, &query->after_no) != SM_OK)
    query->after_no = 0;
  query->newest_first = newest != 0;
  query->limit = (size_t)limit + 1;
  return true;
}

static void answer_list(sm_answer *answer, const sm_audit_entry *entries, size_t count,
                        size_t limit, const sm_audit_head *head, const sm_audit_report *report) {
  char key[SM_CURSOR_KEY_MAX];
  size_t shown = count < limit ? count : limit;
  sm_jsonw w = sm_answer_json(answer, 200);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "entries");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < shown; i++) write_entry(&w, &entries[i]);
  sm_jsonw_array_end(&w);
  write_chain(&w, head, report);
  if (shown < count) (void)snprintf(key, sizeof key, "%" PRId64, entries[shown - 1].audit_no);
  sm_cursor_write_next(&w, "audit", shown < count ? key : NULL);
  sm_jsonw_object_end(&w);
}

void sm_handle_audit(sm_api *api, const sm_request *request, sm_answer *answer) {
  sm_audit_query query;
  int64_t verify;
  if (!take_query(api, request, answer, &query, &verify)) return;
  if (verify != 0 && !sm_api_expensive_enter(api, answer)) return;
  sm_audit_head head = {0};
  sm_audit_report report;
  sm_audit_entry *entries = NULL;
  size_t count = 0;
  sm_err err = look_at_chain(api, verify != 0, &head, &report);
  if (verify != 0) sm_api_expensive_leave(api);
  if (err == SM_OK) err = sm_ledger_audit_list(api->options.ledger, &query, &entries, &count);
  if (err == SM_OK)
    answer_list(answer, entries, count, query.limit - 1, &head, verify != 0 ? &report : NULL);
  else
    sm_api_fail(request, answer, err);
  sm_audit_entries_free(entries, count);
}
