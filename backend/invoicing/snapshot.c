#include "invoicing/snapshot.h"

#include "base/jsonw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void write_points(const sm_billing_meter *meter, const sm_bill *bill, sm_buf *text,
                         size_t *count) {
  int64_t from_ms = meter->from_ms > bill->from_ms ? meter->from_ms : bill->from_ms;
  int64_t to_ms = meter->to_ms < bill->to_ms ? meter->to_ms : bill->to_ms;
  if (from_ms >= to_ms) return;
  sm_buf_printf(text, "meter %s %" PRId32 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                meter->device_id, meter->sign, meter->multiplier_milli, from_ms, to_ms);
  size_t first = 0;
  while (first + 1 < meter->point_count && meter->point[first + 1].ts_ms <= from_ms) first++;
  for (size_t i = first; i < meter->point_count; i++) {
    sm_buf_printf(text, "%" PRId64 " %" PRId64 "%s\n", meter->point[i].ts_ms, meter->point[i].wh,
                  meter->point[i].stated ? " stated" : "");
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

static sm_err write_payer(sm_jsonw *w, const sm_account *account) {
  sm_jsonw_key(w, "payer");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "user_id", account->user_id);
  sm_jsonw_key_text(w, "place", account->place);
  sm_jsonw_key(w, "person_sealed");
  if (account->person_sealed.data == NULL) {
    sm_jsonw_null(w);
  } else {
    char *hex = malloc(2 * account->person_sealed.len + 1);
    if (hex == NULL) return SM_ERR_NOMEM;
    sm_jsonw_text(w, sm_hex(account->person_sealed.data, account->person_sealed.len, hex));
    free(hex);
  }
  sm_jsonw_object_end(w);
  return SM_OK;
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

sm_err sm_snapshot_write(const sm_account *account, const sm_collected *collected,
                         const sm_bill *bill, sm_buf *out) {
  char hex[SM_SHA256_HEX_MAX];
  size_t points = 0;
  sm_jsonw w;
  sm_err err = sm_snapshot_hash(collected, bill, hex, &points);
  if (err != SM_OK) return err;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "account_id", account->account_id);
  err = write_payer(&w, account);
  if (err != SM_OK) return err;
  sm_jsonw_key_text(&w, "zone", sm_zone_name(collected->input.zone));
  sm_jsonw_key_text(&w, "currency", collected->input.currency);
  sm_jsonw_key_decimal(&w, "sanctioned_load_kw", account->sanctioned_load_w, 3);
  write_tariffs(&w, collected, bill);
  sm_jsonw_key(&w, "readings");
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "sha256", hex);
  sm_jsonw_key_int(&w, "points", (int64_t)points);
  sm_jsonw_object_end(&w);
  sm_jsonw_object_end(&w);
  return out->err;
}
