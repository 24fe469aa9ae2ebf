#include "invoicing/disputes.h"

#include "base/log.h"

#include <string.h>

static const char *explain(const sm_dispute_request *r, const sm_invoice *invoice, sm_buf *out) {
  if (r->explain == NULL) return invoice->body;
  sm_err err = r->explain(r->context, invoice, out);
  if (err == SM_OK) err = out->err;
  if (err == SM_OK) return sm_buf_text(out);
  sm_log(SM_LOG_ERROR, "dispute.unexplained", SM_LOG_TEXT("invoice", r->number),
         SM_LOG_TEXT("reason", sm_err_text(err)));
  return invoice->body;
}

sm_err sm_invoicing_dispute(const sm_invoicing *invoicing, const sm_dispute_request *r,
                            int64_t *dispute_no) {
  sm_invoice invoice = {0};
  sm_buf explanation;
  sm_err err = sm_ledger_invoice(invoicing->ledger, r->number, &invoice);
  if (err != SM_OK) return err;
  sm_buf_init(&explanation, 0);
  if (strcmp(invoice.kind, "invoice") == 0)
    err = sm_ledger_dispute_open(invoicing->ledger, r->actor, r->number, r->text,
                                 explain(r, &invoice, &explanation), r->now_ms, dispute_no);
  else
    err = SM_ERR_NOT_FOUND;
  sm_buf_fini(&explanation);
  sm_invoice_fini(&invoice);
  return err;
}
