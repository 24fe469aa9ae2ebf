#include "api/utility_json.h"

#include "base/clock.h"
#include "model/money.h"

static void write_date(sm_jsonw *w, const char *key, sm_date date) {
  char text[SM_DATE_MAX];
  sm_jsonw_key_text(w, key, sm_date_format(date, text));
}

const char *sm_utility_status(const sm_utility_bill *bill) {
  return bill->cancelled ? "cancelled" : bill->posted ? "posted" : "open";
}

void sm_utility_write_members(sm_jsonw *w, const sm_utility_bill *bill) {
  char text[SM_RFC3339_MAX];
  sm_jsonw_key_text(w, "utility_id", bill->utility_id);
  sm_jsonw_key_text(w, "main_meter", bill->device_id);
  sm_jsonw_key_text(w, "supplier", bill->supplier);
  sm_jsonw_key_text(w, "number", bill->number);
  write_date(w, "from", bill->from);
  write_date(w, "to", bill->to);
  sm_jsonw_key_decimal(w, "kwh", bill->energy_wh, 3);
  sm_money_write_key(w, "amount", bill->amount_minor, bill->currency);
  sm_money_write_key(w, "tax", bill->tax_minor, bill->currency);
  sm_jsonw_key_text(w, "currency", bill->currency);
  sm_jsonw_key_text(w, "split", bill->split);
  sm_jsonw_key_text(w, "made_at", sm_rfc3339_format(bill->made_ms, text));
  sm_jsonw_key_text(w, "status", sm_utility_status(bill));
  sm_jsonw_key_text(w, "cancel_reason", bill->cancel_reason);
  sm_jsonw_key_text(w, "posted_at", bill->posted ? sm_rfc3339_format(bill->posted_ms, text) : NULL);
}

static void write_part(sm_jsonw *w, const sm_recovery_part *part, const char *currency) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "account_id", part->share.account_id);
  sm_jsonw_key_decimal(w, "kwh", part->share.use_wh, 3);
  sm_jsonw_key_bool(w, "estimated", part->estimated);
  sm_jsonw_key_decimal(w, "sanctioned_load_kw", part->share.load_w, 3);
  sm_money_write_key(w, "energy_cost", part->share.energy_minor, currency);
  sm_money_write_key(w, "common_cost", part->share.common_minor, currency);
  sm_money_write_key(w, "invoiced", part->own_minor, currency);
  sm_jsonw_key_int(w, "invoices", (int64_t)part->own_invoices);
  sm_jsonw_key_int(w, "not_invoiced", (int64_t)part->own_missing);
  sm_jsonw_object_end(w);
}

void sm_recovery_write_json(sm_jsonw *w, const sm_recovery *r) {
  const char *currency = r->bill.currency;
  sm_jsonw_object(w);
  sm_utility_write_members(w, &r->bill);
  sm_jsonw_key(w, "energy");
  sm_jsonw_object(w);
  sm_jsonw_key_decimal(w, "billed_kwh", r->bill.energy_wh, 3);
  sm_jsonw_key_decimal(w, "main_kwh", r->main_wh, 3);
  sm_jsonw_key_bool(w, "main_estimated", r->main_estimated);
  sm_jsonw_key_decimal(w, "flats_kwh", r->flats_wh, 3);
  sm_jsonw_key_decimal(w, "difference_kwh", r->difference_wh, 3);
  sm_jsonw_object_end(w);
  sm_jsonw_key(w, "money");
  sm_jsonw_object(w);
  sm_money_write_key(w, "cost", r->cost_minor, currency);
  sm_money_write_key(w, "energy_cost", r->energy_minor, currency);
  sm_money_write_key(w, "common_cost", r->common_minor, currency);
  sm_money_write_key(w, "invoiced", r->own_minor, currency);
  sm_jsonw_key_bool(w, "prorated", r->prorated);
  sm_jsonw_key_int(w, "not_invoiced", (int64_t)r->own_missing);
  sm_money_write_key(w, "difference", r->difference_minor, currency);
  sm_jsonw_object_end(w);
  sm_jsonw_key(w, "accounts");
  sm_jsonw_array(w);
  for (size_t i = 0; i < r->part_count; i++) write_part(w, &r->part[i], currency);
  sm_jsonw_array_end(w);
  sm_jsonw_object_end(w);
}
