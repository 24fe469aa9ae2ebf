/* A bill's input as JSON, as the cases of contracts/bills have it: read, computed, written. Test
 * code only; one thread.
 *
 * Members: `zone`, `currency`, `month`, `now`, `device_id`, and as wanted `account_id`, `from`,
 * `to` (dates), `sanctioned_load_kw`, `average_kwh_per_day`, `true_ups` [{`month`, `net`, `taxes`
 * [{`name`, `percent`, `base`, `amount`}]}] (decimal texts), `tariffs` [{`from`, `version`,
 * `tariff`}] and `meters` [{`device_id`, and as wanted `from`, `to` (times), `sign`, `multiplier`,
 * `modulus_kwh`, `max_power_kw`, `edits`, `readings`}]. A reading is [time, kWh] or [time, kWh,
 * gap_ms] (see sm_register_point); a time is RFC 3339, or a number of ms. */
#ifndef SM_BILLING_CASE_H
#define SM_BILLING_CASE_H

#include "billing/billing.h"

#include <jansson.h>

enum { BILLING_CASE_WHY = 512 };

typedef struct billing_case billing_case;

/* NULL: `why` says what is wrong. The texts of `input` are borrowed until the case is freed. */
billing_case *billing_case_read(const json_t *input, char why[BILLING_CASE_WHY]);
void billing_case_free(billing_case *c); /* NULL is fine */

const sm_billing_input *billing_case_input(const billing_case *c);
/* The bill's JSON, for the caller to free. NULL: `why` says what is wrong. */
char *billing_case_bill(const billing_case *c, char why[BILLING_CASE_WHY]);

#endif
