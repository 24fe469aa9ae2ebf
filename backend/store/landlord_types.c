#include "store/ledger_landlord.h"

#include <stdlib.h>

void sm_account_name_fini(sm_account_name *name) {
  if (name == NULL) return;
  free(name->account_id);
  free(name->name);
  free(name->place);
  *name = (sm_account_name){0};
}

void sm_account_names_free(sm_account_name *names, size_t count) {
  for (size_t i = 0; i < count; i++) sm_account_name_fini(&names[i]);
  free(names);
}

void sm_main_meters_fini(sm_main_meters *meters) {
  if (meters == NULL) return;
  for (size_t i = 0; i < meters->count; i++) free(meters->device_id[i]);
  free(meters->device_id);
  *meters = (sm_main_meters){0};
}

void sm_utility_bill_fini(sm_utility_bill *bill) {
  if (bill == NULL) return;
  for (size_t i = 0; i < bill->account_count; i++) free(bill->account_id[i]);
  free(bill->account_id);
  free(bill->utility_id);
  free(bill->device_id);
  free(bill->supplier);
  free(bill->number);
  free(bill->currency);
  free(bill->split);
  free(bill->made_by);
  free(bill->cancel_reason);
  *bill = (sm_utility_bill){0};
}

void sm_utility_bills_free(sm_utility_bill *bills, size_t count) {
  for (size_t i = 0; bills != NULL && i < count; i++) sm_utility_bill_fini(&bills[i]);
  free(bills);
}

void sm_utility_shares_free(sm_utility_share *shares, size_t count) {
  for (size_t i = 0; shares != NULL && i < count; i++) free(shares[i].account_id);
  free(shares);
}
