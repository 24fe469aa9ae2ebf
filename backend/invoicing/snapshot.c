#include "invoicing/snapshot.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/put.h"
#include "model/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *put_i64(char *at, int64_t value) {
  if (value < 0) *at++ = '-';
  return sm_put_u64(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* A demand is measured only where the meter was read closely: then pauses count as well. */
static bool charges_demand(const sm_bill *bill) {
  for (size_t i = 0; i < bill->segment_count; i++)
    if (bill->segment[i].demand.charged) return true;
  return false;
}

static void write_point(const sm_register_point *point, bool gaps, sm_buf *text) {
  char line[3 * (SM_PUT_U64_MAX + 1) + sizeof "  stated gap \n"];
  char *at = put_i64(line, point->ts_ms);
  *at++ = ' ';
  at = put_i64(at, point->wh);
  if (point->stated) at = sm_put_text(at, " stated", sizeof " stated" - 1);
  if (gaps && point->gap_ms > 0) {
    at = sm_put_text(at, " gap ", sizeof " gap " - 1);
    at = put_i64(at, point->gap_ms);
  }
  *at++ = '\n';
  sm_buf_append(text, line, (size_t)(at - line));
}

static void write_points(const sm_billing_meter *meter, const sm_bill *bill, sm_buf *text,
                         size_t *count) {
  int64_t from_ms = meter->from_ms > bill->from_ms ? meter->from_ms : bill->from_ms;
  int64_t to_ms = meter->to_ms < bill->to_ms ? meter->to_ms : bill->to_ms;
  if (from_ms >= to_ms) return;
  sm_buf_printf(text, "meter %s %" PRId32 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                meter->device_id, meter->sign, meter->multiplier_milli, from_ms, to_ms);
  bool gaps = charges_demand(bill);
  size_t first = 0;
  while (first + 1 < meter->point_count && meter->point[first + 1].ts_ms <= from_ms) first++;
  for (size_t i = first; i < meter->point_count; i++) {
    write_point(&meter->point[i], gaps, text);
    (*count)++;
    if (meter->point[i].ts_ms >= to_ms) break;
  }
}

sm_err sm_snapshot_hash(const sm_collected *collected, const sm_bill *bill,
                        char hex[SM_SHA256_HEX_MAX], size_t *count) {
  sm_buf text;
  uint8_t digest[SM_SHA256_BYTES];
  size_t points = 0;
  sm_buf_init(&text, 0);
  for (size_t i = 0; i < collected->count; i++)
    write_points(&collected->meter[i], bill, &text, &points);
  sm_err err = text.err;
  if (err == SM_OK) {
    sm_sha256(sm_buf_text(&text), text.len, digest);
    (void)sm_hex(digest, sizeof digest, hex);
    *count = points;
  }
  sm_buf_fini(&text);
  return err;
}

static sm_err write_sealed(sm_jsonw *w, const char *key, const sm_bytes *sealed) {
  sm_jsonw_key(w, key);
  if (sealed->data == NULL) {
    sm_jsonw_null(w);
    return SM_OK;
  }
  char *hex = malloc(2 * sealed->len + 1);
  if (hex == NULL) return SM_ERR_NOMEM;
  sm_jsonw_text(w, sm_hex(sealed->data, sealed->len, hex));
  free(hex);
  return SM_OK;
}

static sm_err write_payer(sm_jsonw *w, const sm_account *account, const sm_user *user) {
  sm_jsonw_key(w, "payer");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "user_id", account->user_id);
  sm_jsonw_key_text(w, "place", account->place);
  sm_err err = write_sealed(w, "person_sealed", &account->person_sealed);
  if (err == SM_OK && user != NULL) err = write_sealed(w, "name_sealed", &user->name_sealed);
  if (err == SM_OK && user != NULL) err = write_sealed(w, "email_sealed", &user->email_sealed);
  sm_jsonw_object_end(w);
  return err;
}

/* The whole tariff of every segment: the invoice can be worked out again from itself. */
static void write_tariffs(sm_jsonw *w, const sm_collected *collected, const sm_bill *bill) {
  sm_jsonw_key(w, "tariffs");
  sm_jsonw_array(w);
  for (size_t i = 0; i < collected->input.tariff_count; i++) {
    const sm_tariff *tariff = collected->schedule[i].tariff;
    bool used = false;
    for (size_t k = 0; k < bill->segment_count && !used; k++)
      used = bill->segment[k].version == tariff->version &&
             strcmp(bill->segment[k].tariff, tariff->name) == 0;
    if (!used) continue;
    sm_jsonw_object(w);
    sm_tariff_write_members(w, tariff);
    sm_jsonw_key_int(w, "version", tariff->version);
    sm_jsonw_object_end(w);
  }
  sm_jsonw_array_end(w);
}

static void write_seller(sm_jsonw *w, const sm_invoicing_settings *settings) {
  sm_jsonw_key(w, "seller");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "name", settings->seller_name);
  sm_jsonw_key_text(w, "address", settings->seller_address);
  sm_jsonw_key_text(w, "tax_id", settings->seller_tax_id);
  sm_jsonw_object_end(w);
  sm_jsonw_key_text(w, "hsn", settings->hsn);
  sm_jsonw_key_text(w, "note", settings->note);
  sm_jsonw_key_text(w, "language", settings->language);
  sm_jsonw_key_text(w, "logo", settings->logo != NULL ? settings->logo_sha256 : NULL);
  sm_jsonw_key(w, "upi");
  if (settings->upi_id == NULL) {
    sm_jsonw_null(w);
    return;
  }
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "id", settings->upi_id);
  sm_jsonw_key_text(w, "name", settings->upi_name);
  sm_jsonw_object_end(w);
}

static void write_month(sm_jsonw *w, int year, int month, int64_t use_wh) {
  char text[16];
  (void)snprintf(text, sizeof text, "%04d-%02d", year, month);
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "month", text);
  sm_jsonw_key_decimal(w, "kwh", use_wh, 3);
  sm_jsonw_object_end(w);
}

/* Twelve months, this one too; months between that have no invoice are left out. */
static void write_history(sm_jsonw *w, const sm_snapshot_input *in) {
  const sm_bill *bill = in->bill;
  const sm_issue_use *use = in->candidate->use;
  int first = bill->year * 12 + bill->month - SM_ISSUE_USES_MAX + 1;
  sm_jsonw_key(w, "history");
  sm_jsonw_array(w);
  for (size_t i = in->candidate->use_count; i-- > 0;)
    if (use[i].year * 12 + use[i].month >= first)
      write_month(w, use[i].year, use[i].month, use[i].use_wh);
  write_month(w, bill->year, bill->month, bill->consumption_wh);
  sm_jsonw_array_end(w);
}

static void write_readings(sm_jsonw *w, const char *hex, size_t points) {
  sm_jsonw_key(w, "readings");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "sha256", hex);
  sm_jsonw_key_int(w, "points", (int64_t)points);
  sm_jsonw_object_end(w);
}

static void write_entry(sm_jsonw *w, const sm_issue_entry *entry, const char *currency) {
  char at[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "kind", entry->kind);
  if (entry->reverses[0] != '\0') sm_jsonw_key_text(w, "reverses", entry->reverses);
  sm_jsonw_key_text(w, "at", sm_rfc3339_format(entry->at_ms, at));
  sm_money_write_key(w, "amount", entry->amount_minor, currency);
  if (entry->count != 1) sm_jsonw_key_int(w, "count", entry->count);
  if (entry->detail != NULL) sm_jsonw_key_text(w, "detail", entry->detail);
  sm_jsonw_object_end(w);
}

/* What was owed before this invoice, and what that came from. */
static void write_balance(sm_jsonw *w, const sm_issue_candidate *candidate, const char *currency) {
  sm_money_write_key(w, "balance_before", candidate->balance_minor, currency);
  sm_jsonw_key(w, "balance");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "invoice", candidate->last_number);
  sm_money_write_key(w, "previous", candidate->last_balance_minor, currency);
  sm_jsonw_key(w, "entries");
  sm_jsonw_array(w);
  for (size_t i = 0; i < candidate->entry_count; i++)
    write_entry(w, &candidate->entry[i], currency);
  sm_jsonw_array_end(w);
  sm_jsonw_object_end(w);
}

sm_err sm_snapshot_write(const sm_snapshot_input *in, sm_buf *out) {
  char hex[SM_SHA256_HEX_MAX];
  size_t points = 0;
  const sm_account *account = &in->candidate->account;
  const sm_billing_input *input = &in->collected->input;
  sm_jsonw w;
  sm_err err = sm_snapshot_hash(in->collected, in->bill, hex, &points);
  if (err != SM_OK) return err;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", account->account_id);
  sm_jsonw_key_text(&w, "account_name", in->candidate->name);
  err = write_payer(&w, account, in->user);
  if (err != SM_OK) return err;
  sm_jsonw_key_text(&w, "zone", sm_zone_name(input->zone));
  sm_jsonw_key_text(&w, "currency", input->currency);
  sm_jsonw_key_decimal(&w, "sanctioned_load_kw", account->sanctioned_load_w, 3);
  write_tariffs(&w, in->collected, in->bill);
  write_readings(&w, hex, points);
  write_seller(&w, in->settings);
  if (in->settings->arrears) write_balance(&w, in->candidate, input->currency);
  write_history(&w, in);
  sm_jsonw_object_end(&w);
  return out->err;
}
