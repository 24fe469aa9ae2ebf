#include "invoicing/coming.h"

#include "invoicing/preview.h"
#include "invoicing/subject.h"

#include <stdlib.h>
#include <string.h>

/* The first of a schedule, which is by date, that begins after today. */
static const sm_billing_tariff *next_of(const sm_collected *collected, sm_date today) {
  for (size_t i = 0; i < collected->input.tariff_count; i++)
    if (sm_date_compare(collected->schedule[i].from, today) > 0) return &collected->schedule[i];
  return NULL;
}

typedef struct pricing {
  sm_coming *out;
  sm_err err;
} pricing;

static bool take_totals(void *context, const sm_preview_result *result) {
  pricing *p = context;
  sm_coming *out = p->out;
  if (result->err != SM_OK || result->new_bill->consumption_wh == 0) return true;
  if (result->invoice != NULL) {
    out->invoice = strdup(result->invoice);
    if (out->invoice == NULL) p->err = SM_ERR_NOMEM;
  }
  out->consumption_wh = result->new_bill->consumption_wh;
  out->old_minor = result->old_minor;
  out->new_minor = result->new_bill->total_minor;
  out->difference_minor = result->difference_minor;
  out->has_totals = true;
  return true;
}

/* A month that the account, or the meter, had no part in has no totals, which is no error. */
static sm_err price(const sm_invoicing *invoicing, const sm_found *found, const sm_tariff *tariff,
                    int64_t now_ms, sm_coming *out) {
  const sm_preview_request request = {
      .tariff = tariff,
      .year = out->year,
      .month = out->month,
      .account_id = out->account_id,
      .device_id = out->account_id == NULL ? found->subject.shown_device_id : NULL,
      .now_ms = now_ms};
  sm_preview_sums sums;
  char *next = NULL;
  pricing p = {.out = out};
  sm_err err = sm_invoicing_preview(invoicing, &request, take_totals, &p, &sums, &next);
  free(next);
  if (err == SM_OK) err = p.err;
  return err == SM_ERR_NOT_FOUND ? SM_OK : err;
}

static sm_err take_version(const sm_billing_tariff *next, sm_coming *out) {
  out->tariff = strdup(next->tariff->name);
  out->version = next->tariff->version;
  out->from = next->from;
  return out->tariff != NULL ? SM_OK : SM_ERR_NOMEM;
}

static sm_err look(const sm_invoicing *invoicing, const sm_found *found, sm_date today,
                   sm_coming *out) {
  sm_book book;
  sm_collected collected = {0};
  const int64_t now_ms = found->subject.now_ms;
  if (found->subject.account != NULL) {
    out->account_id = strdup(found->subject.account->account_id);
    if (out->account_id == NULL) return SM_ERR_NOMEM;
  }
  sm_book_init(&book, invoicing->ledger);
  sm_err err = sm_collect(invoicing, &book, &found->subject, &collected);
  const sm_billing_tariff *next = err == SM_OK ? next_of(&collected, today) : NULL;
  if (next != NULL) err = take_version(next, out);
  if (err == SM_OK && next != NULL) err = price(invoicing, found, next->tariff, now_ms, out);
  sm_collected_fini(&collected);
  sm_book_fini(&book);
  return err;
}

sm_err sm_invoicing_coming(const sm_invoicing *invoicing, const sm_invoicing_query *query,
                           sm_coming *coming) {
  const sm_date today = sm_zone_date(invoicing->zone, query->now_ms);
  sm_coming out = {.year = today.month > 1 ? today.year : today.year - 1,
                   .month = today.month > 1 ? today.month - 1 : 12};
  sm_invoicing_query running = *query;
  sm_found found;
  running.year = today.year;
  running.month = today.month;
  sm_err err = sm_found_init(invoicing, &running, &found);
  if (err == SM_OK) err = look(invoicing, &found, today, &out);
  sm_found_fini(&found);
  if (err == SM_OK)
    *coming = out;
  else
    sm_coming_fini(&out);
  return err;
}

void sm_coming_fini(sm_coming *coming) {
  free(coming->account_id);
  free(coming->tariff);
  free(coming->invoice);
  *coming = (sm_coming){0};
}
