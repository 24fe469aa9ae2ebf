#include "invoicing/losses.h"

#include "base/checked.h"
#include "base/order.h"
#include "base/strmap.h"
#include "invoicing/span.h"
#include "model/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, MICRO_PLACES = 6, KILO_PLACES = 3 };

/* How accounts take a meter. */
typedef struct role {
  bool subtracted;
  int64_t served_ms; /* till when, of the time that is asked for */
  int64_t multiplier_milli;
} role;

typedef struct work {
  const sm_invoicing *invoicing;
  sm_losses *out;
  int64_t from_ms;
  int64_t to_ms;
  sm_strmap *roles; /* of meters that serve in that time */
} work;

void sm_losses_fini(sm_losses *losses) {
  if (losses == NULL) return;
  sm_main_meters_fini(&losses->main);
  sm_utility_bill_fini(&losses->bill);
  *losses = (sm_losses){0};
}

/* ---- how accounts take the meters ---- */

static role *role_of(work *w, const char *device_id) {
  role *r = sm_strmap_get(w->roles, device_id);
  if (r != NULL) return r;
  r = malloc(sizeof *r);
  if (r == NULL) return NULL;
  *r = (role){.served_ms = INT64_MIN, .multiplier_milli = 1000};
  if (sm_strmap_put(w->roles, device_id, r) == SM_OK) return r;
  free(r);
  return NULL;
}

static sm_err take_meter(work *w, const sm_account *account, const sm_account_meter *meter) {
  int64_t from_ms = sm_max_i64(meter->from_ms, w->from_ms);
  int64_t to_ms = sm_min_i64(meter->to_ms, w->to_ms);
  if (account->has_from)
    from_ms = sm_max_i64(from_ms, sm_zone_day_start_ms(w->invoicing->zone, account->from));
  if (account->has_to)
    to_ms = sm_min_i64(to_ms, sm_zone_day_start_ms(w->invoicing->zone, account->to));
  if (from_ms >= to_ms) return SM_OK;
  role *r = role_of(w, meter->device_id);
  if (r == NULL) return SM_ERR_NOMEM;
  if (meter->sign < 0) {
    r->subtracted = true;
  } else if (to_ms > r->served_ms) {
    r->served_ms = to_ms;
    r->multiplier_milli = meter->multiplier_milli;
  }
  return SM_OK;
}

static sm_err take_roles(work *w) {
  char after[64] = "";
  for (;;) {
    sm_account *accounts = NULL;
    size_t count = 0;
    sm_err err = sm_ledger_accounts(w->invoicing->ledger, NULL, after, PAGE, &accounts, &count);
    for (size_t i = 0; err == SM_OK && i < count; i++)
      for (size_t k = 0; err == SM_OK && k < accounts[i].meter_count; k++)
        err = take_meter(w, &accounts[i], &accounts[i].meter[k]);
    if (err == SM_OK && count > 0)
      (void)snprintf(after, sizeof after, "%s", accounts[count - 1].account_id);
    sm_accounts_free(accounts, count);
    if (err != SM_OK || count < PAGE) return err;
  }
}

/* ---- energy ---- */

static bool is_main(const sm_main_meters *main, const char *device_id) {
  for (size_t i = 0; i < main->count; i++)
    if (strcmp(main->device_id[i], device_id) == 0) return true;
  return false;
}

/* One that came within that time is whole from its first reading on, as on a first bill. */
static sm_err begin_of(const work *w, const char *device_id, int64_t *from_ms) {
  int64_t first_ms;
  sm_err err =
      sm_readings_first_ms(w->invoicing->readings, device_id, SM_CHANNEL_IMPORT, &first_ms);
  *from_ms = err == SM_OK && first_ms > w->from_ms && first_ms < w->to_ms ? first_ms : INT64_MIN;
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

static sm_err add_device(work *w, const sm_device *device) {
  sm_losses *out = w->out;
  int64_t begin_ms;
  const role *r = sm_strmap_get(w->roles, device->device_id);
  bool main = is_main(&out->main, device->device_id);
  if (!main && r != NULL && r->subtracted) return SM_OK;
  sm_err err = begin_of(w, device->device_id, &begin_ms);
  if (err != SM_OK) return err;
  const sm_account_meter meter = {.device_id = device->device_id,
                                  .from_ms = begin_ms,
                                  .to_ms = INT64_MAX,
                                  .sign = 1,
                                  .multiplier_milli = r != NULL ? r->multiplier_milli : 1000,
                                  .modulus_wh = device->modulus_wh,
                                  .max_power_w = device->max_power_w};
  int64_t wh = 0;
  bool estimated = false;
  err = sm_span_use_of(w->invoicing, &meter, w->from_ms, w->to_ms, &wh, &estimated);
  if (err != SM_OK) return err;
  if (main) {
    out->main_estimated = out->main_estimated || estimated;
    return sm_add_i64(out->main_wh, wh, &out->main_wh);
  }
  out->parts++;
  if (estimated) out->parts_estimated++;
  return sm_add_i64(out->parts_wh, wh, &out->parts_wh);
}

static sm_err add_devices(work *w) {
  char after[80] = "";
  for (;;) {
    sm_device *devices = NULL;
    size_t count = 0;
    sm_err err = sm_ledger_devices(w->invoicing->ledger, NULL, after, PAGE, &devices, &count);
    for (size_t i = 0; err == SM_OK && i < count; i++) err = add_device(w, &devices[i]);
    if (err == SM_OK && count > 0)
      (void)snprintf(after, sizeof after, "%s", devices[count - 1].device_id);
    sm_devices_free(devices, count);
    if (err != SM_OK || count < PAGE) return err;
  }
}

/* ---- money ---- */

static bool fits(const work *w, const sm_utility_bill *bill) {
  return !bill->cancelled && bill->energy_wh > 0 &&
         strcmp(bill->currency, w->invoicing->currency) == 0 &&
         (bill->device_id == NULL || is_main(&w->out->main, bill->device_id));
}

/* The latest by its days; of the same days that which was entered later. */
static sm_err find_bill(work *w) {
  int64_t after = 0;
  for (;;) {
    sm_utility_bill *bills = NULL;
    size_t count = 0;
    sm_err err = sm_ledger_utilities(w->invoicing->ledger, after, PAGE, &bills, &count, &after);
    if (err != SM_OK) return err;
    for (size_t i = 0; i < count; i++) {
      sm_utility_bill *best = &w->out->bill;
      if (!fits(w, &bills[i]) ||
          (best->utility_id != NULL && sm_date_compare(bills[i].to, best->to) < 0))
        continue;
      sm_utility_bill_fini(best);
      *best = bills[i];
      bills[i] = (sm_utility_bill){0};
    }
    sm_utility_bills_free(bills, count);
    if (count < PAGE) return SM_OK;
  }
}

static sm_err price_by_bill(work *w) {
  sm_losses *out = w->out;
  int64_t cost_minor;
  unsigned digits = sm_currency_digits(w->invoicing->currency);
  sm_err err = find_bill(w);
  if (err != SM_OK || out->bill.utility_id == NULL) return err;
  err = sm_add_i64(out->bill.amount_minor, out->bill.tax_minor, &cost_minor);
  if (err == SM_OK)
    err = sm_mul_div_round(out->loss_wh, cost_minor, out->bill.energy_wh, &out->loss_minor);
  if (err == SM_OK)
    err = sm_mul_div_round(cost_minor, sm_pow10(KILO_PLACES + MICRO_PLACES - digits),
                           out->bill.energy_wh, &out->rate_micro);
  if (err == SM_OK) out->rate = SM_LOSS_RATE_BILL;
  return err;
}

static sm_err price(work *w) {
  sm_losses *out = w->out;
  unsigned digits = sm_currency_digits(w->invoicing->currency);
  sm_err err = sm_sub_i64(out->main_wh, out->parts_wh, &out->loss_wh);
  if (err != SM_OK || out->main.count == 0) return err;
  if (!out->main.has_rate) return price_by_bill(w);
  out->rate = SM_LOSS_RATE_SET;
  out->rate_micro = out->main.rate_micro;
  return sm_mul_div_round(out->loss_wh, out->rate_micro,
                          sm_pow10(KILO_PLACES + MICRO_PLACES - digits), &out->loss_minor);
}

static void free_role(void *context, const char *key, void *value) {
  (void)context;
  (void)key;
  free(value);
}

sm_err sm_invoicing_losses(const sm_invoicing *invoicing, int64_t from_ms, int64_t to_ms,
                           sm_losses *losses) {
  sm_losses out = {0};
  work w = {.invoicing = invoicing, .out = &out, .from_ms = from_ms, .to_ms = to_ms};
  if (from_ms >= to_ms) return SM_ERR_INVALID;
  w.roles = sm_strmap_new();
  sm_err err = w.roles != NULL ? sm_ledger_main_meters(invoicing->ledger, &out.main) : SM_ERR_NOMEM;
  if (err == SM_OK) err = take_roles(&w);
  if (err == SM_OK) err = add_devices(&w);
  if (err == SM_OK) err = price(&w);
  if (w.roles != NULL) sm_strmap_each(w.roles, free_role, NULL);
  sm_strmap_free(w.roles);
  if (err == SM_OK)
    *losses = out;
  else
    sm_losses_fini(&out);
  return err;
}
