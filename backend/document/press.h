/* The printing press: makes the PDF of an invoice. The same invoice gives the same bytes, whoever
 * asks, when, in which process, locale or time zone, as long as the libraries and fonts are the
 * same; an issued PDF is kept (document/archive is who keeps it), so that it outlives those too.
 *
 * Any number of threads may use one press: each print takes a machine (fonts, shaped words) that no
 * other has, made when there is none free. */
#ifndef SM_DOCUMENT_PRESS_H
#define SM_DOCUMENT_PRESS_H

#include "base/buf.h"
#include "base/err.h"
#include "document/invoice.h"
#include "store/ledger.h"

#include <stdbool.h>

typedef struct sm_press sm_press;

/* The ledger has the logos (document/logo.h); it is borrowed. NULL: none are printed.
 * SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_press_new(sm_ledger *ledger, sm_press **press);
void sm_press_free(sm_press *press); /* none may be printing; NULL is fine */

/* Appends the PDF to `pdf`. *whole is false if the ledger does not have the invoice's logo, or it
 * is damaged: then the page is without it, and no copy should be kept. If it cannot be asked for
 * it: the ledger's error, and no page. SM_ERR_UNSUPPORTED: the fonts are not installed (Debian:
 * fonts-noto-core); SM_ERR_NOMEM; SM_ERR_RANGE: larger than the buffer may be; SM_ERR_INTERNAL: a
 * library refused, which is logged. */
SM_MUST_CHECK sm_err sm_press_print(sm_press *press, const sm_document_invoice *invoice,
                                    sm_buf *pdf, bool *whole);

#endif
