#include "api/correction_json.h"

#include "base/clock.h"
#include "model/money.h"

void sm_entry_write_head(sm_jsonw *w, const sm_entry *entry) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_int(w, "no", entry->entry_no);
  sm_jsonw_key_text(w, "kind", entry->kind);
  sm_money_write_key(w, "amount", entry->amount_minor, entry->currency);
  sm_money_write_key(w, "balance", entry->balance_minor, entry->currency);
  sm_jsonw_key_text(w, "currency", entry->currency);
  sm_jsonw_key_text(w, "invoice", entry->invoice);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(entry->at_ms, text));
  sm_jsonw_key_text(w, "posted_at", sm_rfc3339_format(entry->posted_ms, text));
  sm_jsonw_key_text(w, "method", entry->method);
  sm_jsonw_key_text(w, "reference", entry->reference);
  sm_jsonw_key_text(w, "note", entry->reason);
}

void sm_exception_write_head(sm_jsonw *w, const sm_exception *exception) {
  sm_jsonw_key_int(w, "no", exception->exception_no);
  sm_jsonw_key_text(w, "state", exception->state);
  sm_jsonw_key_text(w, "cause", exception->cause);
  sm_jsonw_key_text(w, "account_id", exception->account_id);
  sm_jsonw_key_text(w, "device_id", exception->device_id);
  sm_jsonw_key_text(w, "invoice", exception->invoice);
  sm_jsonw_key_text(w, "month", exception->month);
}
