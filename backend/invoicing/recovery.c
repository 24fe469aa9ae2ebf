#include "invoicing/recovery.h"

#include "base/checked.h"
#include "base/order.h"
#include "billing/share.h"
#include "invoicing/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
  const sm_invoicing *invoicing;
  sm_recovery *r;
  int64_t from_ms; /* the bill's period */
  int64_t to_ms;
} work;

void sm_recovery_fini(sm_recovery *recovery) {
  if (recovery == NULL) return;
  for (size_t i = 0; recovery->part != NULL && i < recovery->part_count; i++)
    free(recovery->part[i].share.account_id);
  free(recovery->part);
  sm_utility_bill_fini(&recovery->bill);
  *recovery = (sm_recovery){0};
}

/* ---- energy ---- */
static sm_err measure_account(work *w, const sm_account *account, sm_recovery_part *part) {
  int64_t from_ms = w->from_ms;
  int64_t to_ms = w->to_ms;
  int64_t wh = 0;
  if (account->has_from)
    from_ms = sm_max_i64(from_ms, sm_zone_day_start_ms(w->invoicing->zone, account->from));
  if (account->has_to)
    to_ms = sm_min_i64(to_ms, sm_zone_day_start_ms(w->invoicing->zone, account->to));
  part->share.load_w = account->sanctioned_load_w;
  if (from_ms >= to_ms) return SM_OK;
  const sm_span span = {.meter = account->meter,
                        .meter_count = account->meter_count,
                        .from_ms = from_ms,
                        .to_ms = to_ms};
  sm_err err = sm_span_use(w->invoicing, &span, &wh, &part->estimated);
  part->share.use_wh = wh > 0 ? wh : 0;
  return err;
}

static sm_err measure_main(work *w) {
  sm_device device = {0};
  if (w->r->bill.device_id == NULL) {
    w->r->main_wh = w->r->bill.energy_wh;
    return SM_OK;
  }
  sm_err err = sm_ledger_device(w->invoicing->ledger, w->r->bill.device_id, &device);
  if (err != SM_OK) return err;
  const sm_account_meter meter = {.device_id = device.device_id,
                                  .from_ms = INT64_MIN,
                                  .to_ms = INT64_MAX,
                                  .sign = 1,
                                  .multiplier_milli = 1000,
                                  .modulus_wh = device.modulus_wh,
                                  .max_power_w = device.max_power_w};
  const sm_span span = {
      .meter = &meter, .meter_count = 1, .from_ms = w->from_ms, .to_ms = w->to_ms};
  err = sm_span_use(w->invoicing, &span, &w->r->main_wh, &w->r->main_estimated);
  sm_device_fini(&device);
  return err;
}

/* ---- own invoices ---- */
/* How many days of [a, b) lie in [from, to). */
static int64_t days_inside(sm_date a, sm_date b, sm_date from, sm_date to) {
  sm_date begin = sm_date_compare(a, from) > 0 ? a : from;
  sm_date end = sm_date_compare(b, to) < 0 ? b : to;
  return sm_date_compare(begin, end) < 0 ? sm_date_days_between(begin, end) : 0;
}

static bool lives_in(const sm_account *account, sm_date from, sm_date to) {
  return (!account->has_from || sm_date_compare(account->from, to) < 0) &&
         (!account->has_to || sm_date_compare(account->to, from) > 0);
}

static sm_err add_invoice(work *w, const sm_account *account, sm_date month, int64_t days,
                          sm_recovery_part *part) {
  char name[16];
  sm_invoice invoice = {0};
  int64_t own_minor;
  int64_t month_days = sm_date_days_between(month, sm_date_add_months(month, 1));
  (void)snprintf(name, sizeof name, "%04d-%02d", month.year, month.month);
  sm_err err = sm_ledger_invoice_of(w->invoicing->ledger, account->account_id, name, &invoice);
  if (err == SM_ERR_NOT_FOUND) {
    part->own_missing++;
    return SM_OK;
  }
  if (err == SM_OK) err = sm_mul_div_round(invoice.total_minor, days, month_days, &own_minor);
  if (err == SM_OK) err = sm_add_i64(part->own_minor, own_minor, &part->own_minor);
  if (err == SM_OK) part->own_invoices++;
  if (days < month_days) w->r->prorated = true;
  sm_invoice_fini(&invoice);
  return err;
}

static sm_err add_invoices(work *w, const sm_account *account, sm_recovery_part *part) {
  const sm_utility_bill *bill = &w->r->bill;
  sm_date month = {.year = bill->from.year, .month = bill->from.month, .day = 1};
  sm_err err = SM_OK;
  for (; sm_date_compare(month, bill->to) < 0 && err == SM_OK;
       month = sm_date_add_months(month, 1)) {
    sm_date next = sm_date_add_months(month, 1);
    sm_date from = sm_date_compare(month, bill->from) > 0 ? month : bill->from;
    sm_date to = sm_date_compare(next, bill->to) < 0 ? next : bill->to;
    if (lives_in(account, from, to))
      err = add_invoice(w, account, month, days_inside(month, next, bill->from, bill->to), part);
  }
  return err;
}

/* ---- the parts ---- */
static sm_err take_account(work *w, size_t i) {
  sm_recovery_part *part = &w->r->part[i];
  sm_account account = {0};
  sm_err err = sm_ledger_account(w->invoicing->ledger, w->r->bill.account_id[i], &account);
  if (err == SM_OK) {
    part->share.account_id = strdup(w->r->bill.account_id[i]);
    if (part->share.account_id == NULL) err = SM_ERR_NOMEM;
  }
  if (err == SM_OK) err = measure_account(w, &account, part);
  if (err == SM_OK) err = add_invoices(w, &account, part);
  sm_account_fini(&account);
  return err;
}

static sm_err take_accounts(work *w) {
  w->r->part = calloc(w->r->bill.account_count + 1, sizeof *w->r->part);
  if (w->r->part == NULL) return SM_ERR_NOMEM;
  w->r->part_count = w->r->bill.account_count;
  sm_err err = SM_OK;
  for (size_t i = 0; i < w->r->part_count && err == SM_OK; i++) err = take_account(w, i);
  return err;
}

/* What is posted stands, whatever was read since. */
static sm_err take_posted(work *w) {
  sm_utility_share *posted = NULL;
  size_t count = 0;
  if (!w->r->bill.posted) return SM_OK;
  sm_err err =
      sm_ledger_utility_posted(w->invoicing->ledger, w->r->bill.utility_id, &posted, &count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < w->r->part_count; i++)
    for (size_t k = 0; k < count; k++) {
      sm_utility_share *share = &w->r->part[i].share;
      if (strcmp(share->account_id, posted[k].account_id) != 0) continue;
      share->use_wh = posted[k].use_wh;
      share->load_w = posted[k].load_w;
      share->energy_minor = posted[k].energy_minor;
      share->common_minor = posted[k].common_minor;
    }
  sm_utility_shares_free(posted, count);
  return SM_OK;
}

/* ---- the money ---- */
static int64_t weight_of(const sm_utility_bill *bill, const sm_utility_share *share) {
  if (strcmp(bill->split, "use") == 0) return share->use_wh;
  return strcmp(bill->split, "load") == 0 ? share->load_w : 1;
}

static sm_err part_common(sm_recovery *r, int64_t *weight, int64_t *part) {
  int64_t any = 0;
  for (size_t i = 0; i < r->part_count; i++)
    any |= weight[i] = weight_of(&r->bill, &r->part[i].share);
  for (size_t i = 0; any == 0 && i < r->part_count; i++) weight[i] = 1;
  sm_err err = sm_share(r->common_minor, weight, r->part_count, part);
  for (size_t i = 0; i < r->part_count && err == SM_OK; i++)
    r->part[i].share.common_minor = part[i];
  return err;
}

/* Own use, and behind them all what is common. */
static sm_err part_cost(sm_recovery *r, int64_t *weight, int64_t *part) {
  int64_t any = 0;
  for (size_t i = 0; i < r->part_count; i++) any |= weight[i] = r->part[i].share.use_wh;
  weight[r->part_count] = r->difference_wh > 0 || any == 0 ? sm_max_i64(r->difference_wh, 1) : 0;
  sm_err err = sm_share(r->cost_minor, weight, r->part_count + 1, part);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < r->part_count; i++) r->part[i].share.energy_minor = part[i];
  r->common_minor = part[r->part_count];
  return part_common(r, weight, part);
}

static sm_err part_money(sm_recovery *r) {
  sm_err err = SM_ERR_NOMEM;
  int64_t *weight = calloc(r->part_count + 1, sizeof *weight);
  int64_t *part = calloc(r->part_count + 1, sizeof *part);
  if (weight != NULL && part != NULL) err = part_cost(r, weight, part);
  free(weight);
  free(part);
  return err;
}

static sm_err add_up(sm_recovery *r) {
  sm_err err = SM_OK;
  r->energy_minor = r->common_minor = 0;
  for (size_t i = 0; i < r->part_count && err == SM_OK; i++) {
    const sm_recovery_part *part = &r->part[i];
    r->own_missing += part->own_missing;
    err = sm_add_i64(r->own_minor, part->own_minor, &r->own_minor);
    if (err == SM_OK) err = sm_add_i64(r->energy_minor, part->share.energy_minor, &r->energy_minor);
    if (err == SM_OK) err = sm_add_i64(r->common_minor, part->share.common_minor, &r->common_minor);
  }
  return err == SM_OK ? sm_sub_i64(r->own_minor, r->cost_minor, &r->difference_minor) : err;
}

static sm_err add_up_energy(sm_recovery *r) {
  sm_err err = SM_OK;
  r->flats_wh = 0;
  for (size_t i = 0; i < r->part_count && err == SM_OK; i++)
    err = sm_add_i64(r->flats_wh, r->part[i].share.use_wh, &r->flats_wh);
  return err == SM_OK ? sm_sub_i64(r->main_wh, r->flats_wh, &r->difference_wh) : err;
}

sm_err sm_invoicing_recovery(const sm_invoicing *invoicing, const char *utility_id,
                             sm_recovery *recovery) {
  sm_recovery out = {0};
  work w = {.invoicing = invoicing, .r = &out};
  sm_err err = sm_ledger_utility(invoicing->ledger, utility_id, &out.bill);
  if (err != SM_OK) return err;
  w.from_ms = sm_zone_day_start_ms(invoicing->zone, out.bill.from);
  w.to_ms = sm_zone_day_start_ms(invoicing->zone, out.bill.to);
  err = sm_add_i64(out.bill.amount_minor, out.bill.tax_minor, &out.cost_minor);
  if (err == SM_OK) err = measure_main(&w);
  if (err == SM_OK) err = take_accounts(&w);
  if (err == SM_OK) err = take_posted(&w);
  if (err == SM_OK) err = add_up_energy(&out);
  if (err == SM_OK && !out.bill.posted) err = part_money(&out);
  if (err == SM_OK) err = add_up(&out);
  if (err == SM_OK)
    *recovery = out;
  else
    sm_recovery_fini(&out);
  return err;
}

sm_err sm_invoicing_recovery_post(const sm_invoicing *invoicing, sm_actor actor,
                                  const char *utility_id, int64_t now_ms) {
  sm_recovery r = {0};
  char reason[400];
  sm_utility_share *shares = NULL;
  sm_err err = sm_invoicing_recovery(invoicing, utility_id, &r);
  if (err != SM_OK) return err;
  if (sm_zone_day_start_ms(invoicing->zone, r.bill.to) > now_ms) err = SM_ERR_RANGE;
  if (err == SM_OK) {
    shares = calloc(r.part_count + 1, sizeof *shares);
    if (shares == NULL) err = SM_ERR_NOMEM;
  }
  for (size_t i = 0; err == SM_OK && i < r.part_count; i++) shares[i] = r.part[i].share;
  (void)snprintf(reason, sizeof reason, "Common area, %s %s", r.bill.supplier, r.bill.number);
  if (err == SM_OK)
    err =
        sm_ledger_utility_post(invoicing->ledger, actor, utility_id, shares, r.part_count, reason);
  free(shares); /* its texts are the recovery's */
  sm_recovery_fini(&r);
  return err;
}
