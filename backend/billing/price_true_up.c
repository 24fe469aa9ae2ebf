/* Corrections of months that are issued already. */
#include "billing/pricing.h"

#include "base/checked.h"

#include <stdio.h>

static sm_err add_true_up_tax(const sm_pricing *p, const char *month,
                              const sm_billing_true_up_tax *tax) {
  char name[SM_TARIFF_NAME_CHARS * 4 + 40];
  (void)snprintf(name, sizeof name, "%s, correction of %s", tax->name, month);
  sm_line_draft d = {.kind = SM_LINE_TAX,
                     .name = name,
                     .quantity = tax->base_minor,
                     .places = p->digits,
                     .min_places = p->digits,
                     .unit = "percent",
                     .rate_micro = tax->percent_micro,
                     .amount_minor = tax->amount_minor};
  return sm_line_add(p->bill, &d);
}

sm_err sm_price_true_up(sm_pricing *p, const sm_billing_true_up *true_up) {
  char month[16], name[40];
  (void)snprintf(month, sizeof month, "%04u-%02u", (unsigned)true_up->year % 10000,
                 (unsigned)true_up->month % 100);
  (void)snprintf(name, sizeof name, "Correction of %s", month);
  sm_line_draft d = {.kind = SM_LINE_TRUE_UP,
                     .name = name,
                     .quantity = 1,
                     .unit = "month",
                     .amount_minor = true_up->net_minor};
  sm_err err = sm_mul_i64(true_up->net_minor, p->unit_micro, &d.rate_micro);
  if (err == SM_OK) err = sm_line_add(p->bill, &d);
  for (size_t i = 0; i < true_up->tax_count && err == SM_OK; i++)
    err = add_true_up_tax(p, month, &true_up->tax[i]);
  return err;
}
