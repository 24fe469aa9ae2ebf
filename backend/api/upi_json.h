/* How an invoice is paid by UPI, as JSON: what the QR code of its PDF says. */
#ifndef SM_API_UPI_JSON_H
#define SM_API_UPI_JSON_H

#include "base/jsonw.h"
#include "store/ledger.h"

/* Writes the member "upi": {"id","name","reference","amount","link"}, or null if the invoice is not
 * to be paid that way (sm_document_upi), or its row cannot be read, which is logged. */
void sm_upi_write_key(sm_jsonw *w, const sm_invoice *invoice);

#endif
