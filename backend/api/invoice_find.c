#include "api/invoice_find.h"

#include "api/api.h"

#include <string.h>

/* Whether an invoice is of an account that the device served, and the caller may see it. */
static sm_err invoice_is_of(sm_api *api, const sm_request *request, const sm_invoice *invoice) {
  sm_account account;
  sm_err err = sm_ledger_account(api->options.ledger, invoice->account_id, &account);
  if (err != SM_OK) return err;
  const char *own = sm_request_own_user(request);
  bool theirs = own == NULL || (account.user_id != NULL && strcmp(account.user_id, own) == 0);
  bool served =
      strcmp(invoice->device_id == NULL ? "" : invoice->device_id, request->param[0]) == 0;
  for (size_t i = 0; i < account.meter_count; i++)
    if (strcmp(account.meter[i].device_id, request->param[0]) == 0) served = true;
  sm_account_fini(&account);
  return theirs && served ? SM_OK : SM_ERR_NOT_FOUND;
}

bool sm_invoice_find(sm_api *api, const sm_request *request, sm_answer *answer,
                     sm_invoice *invoice) {
  sm_invoice found;
  sm_err err = sm_ledger_invoice(api->options.ledger, request->param[1], &found);
  if (err == SM_OK) {
    err = invoice_is_of(api, request, &found);
    if (err == SM_OK) {
      *invoice = found;
      return true;
    }
    sm_invoice_fini(&found);
  }
  if (err == SM_ERR_NOT_FOUND)
    sm_answer_not_found(answer);
  else
    sm_api_fail(request, answer, err);
  return false;
}
