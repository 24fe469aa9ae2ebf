#include "model/tariff.h"

#include "base/decimal.h"
#include "model/money.h"

#include <stdlib.h>

void sm_tariff_free(sm_tariff *tariff) {
  if (tariff == NULL) return;
  for (size_t i = 0; i < tariff->window_count; i++) free(tariff->window[i].name);
  for (size_t i = 0; i < tariff->surcharge_count; i++) free(tariff->surcharge[i].name);
  for (size_t i = 0; i < tariff->tax_count; i++) free(tariff->tax[i].name);
  free(tariff->window);
  free(tariff->holiday);
  free(tariff->surcharge);
  free(tariff->tax);
  free(tariff->slab);
  free(tariff->name);
  free(tariff);
}

static void check_rounding(const sm_tariff *tariff, const char *currency, sm_problems *problems) {
  int64_t unit_micro = sm_pow10(6 - sm_currency_digits(currency));
  int64_t step_micro = tariff->round_total_to_micro;
  /* A step that divides the smallest unit ("0.01" in yen) asks for nothing. */
  if (step_micro == 0 || step_micro % unit_micro == 0 || unit_micro % step_micro == 0) return;
  sm_problems_add(problems, "round_total_to",
                  "must be a multiple of the smallest unit of %s (%u decimal places)", currency,
                  sm_currency_digits(currency));
}

sm_err sm_tariff_supported(const sm_tariff *tariff, const char *currency, sm_problems *problems) {
  sm_problems found = {0};
  check_rounding(tariff, currency, &found);
  for (size_t i = 0; i < found.count && i < SM_PROBLEMS_MAX; i++)
    sm_problems_add(problems, found.item[i].field, "%s", found.item[i].message);
  return sm_problems_any(&found) ? SM_ERR_UNSUPPORTED : SM_OK;
}

const char *sm_tariff_default_json(void) {
  return "{\"name\": \"LT-1 Domestic\", \"effective_from\": \"2026-01-01\", "
         "\"slabs\": [{\"up_to_kwh\": 100, \"rate\": \"3.50\"}, "
         "{\"up_to_kwh\": 300, \"rate\": \"4.50\"}, "
         "{\"up_to_kwh\": null, \"rate\": \"6.00\"}], "
         "\"slab_mode\": \"telescopic\", \"fixed_charge\": \"50.00\", "
         "\"taxes\": [{\"name\": \"GST\", \"percent\": \"18\"}]}";
}
