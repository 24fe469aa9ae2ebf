#include "billing/line.h"

#include <stdio.h>
#include <string.h>

sm_err sm_line_add(sm_bill *bill, const sm_line_draft *d) {
  if (d->amount_minor == 0 && d->kind != SM_LINE_FIXED) return SM_OK;
  sm_bill_line *line = sm_bill_add_line(bill);
  if (line == NULL) return SM_ERR_NOMEM;
  *line = (sm_bill_line){.kind = d->kind,
                         .name = strdup(d->name),
                         .quantity = d->quantity,
                         .quantity_places = (uint8_t)d->places,
                         .quantity_min_places = (uint8_t)d->min_places,
                         .rate_micro = d->rate_micro,
                         .amount_minor = d->amount_minor,
                         .source = d->source};
  (void)snprintf(line->unit, sizeof line->unit, "%s", d->unit);
  return line->name != NULL ? SM_OK : SM_ERR_NOMEM;
}
