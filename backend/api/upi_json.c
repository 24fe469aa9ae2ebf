#include "api/upi_json.h"

#include "base/log.h"
#include "document/cabinet.h"
#include "model/money.h"

static void write_payment(sm_jsonw *w, const sm_document_invoice *document) {
  sm_buf link;
  sm_buf_init(&link, 1024);
  sm_document_upi(document, &link);
  if (link.err != SM_OK || link.len == 0) {
    sm_jsonw_null(w);
  } else {
    const bool named = document->upi_name != NULL && document->upi_name[0] != '\0';
    sm_jsonw_object(w);
    sm_jsonw_key_text(w, "id", document->upi_id);
    sm_jsonw_key_text(w, "name", named ? document->upi_name : document->seller_name);
    sm_jsonw_key_text(w, "reference", document->number);
    sm_money_write_key(w, "amount", document->to_pay_minor, document->currency);
    sm_jsonw_key_text(w, "link", sm_buf_text(&link));
    sm_jsonw_object_end(w);
  }
  sm_buf_fini(&link);
}

void sm_upi_write_key(sm_jsonw *w, const sm_invoice *invoice) {
  const sm_document_source source = sm_cabinet_source(invoice);
  sm_document_invoice document;
  sm_buf problem;
  sm_buf_init(&problem, 1024);
  sm_err err = sm_document_invoice_read(&source, &document, &problem);
  sm_jsonw_key(w, "upi");
  if (err == SM_OK) {
    write_payment(w, &document);
    sm_document_invoice_fini(&document);
  } else {
    sm_jsonw_null(w);
    sm_log(SM_LOG_ERROR, "document.row_not_read", SM_LOG_TEXT("number", invoice->number),
           SM_LOG_TEXT("reason", sm_buf_text(&problem)));
  }
  sm_buf_fini(&problem);
}
