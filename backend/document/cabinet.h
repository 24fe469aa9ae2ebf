/* The cabinet: PDFs of what the ledger has issued. One that was printed is kept, as
 * {data}/invoices/{month}/{number}.{hash of the row}.pdf, and given again as it is: what a resident
 * once got does not change when the program, its libraries or its fonts do. What is not kept (never
 * asked for, or gone: backups leave the folder out) is printed again from the ledger, to the same
 * bytes as long as libraries and fonts are the same.
 *
 * Any number of threads may use one, and several processes one folder. */
#ifndef SM_DOCUMENT_CABINET_H
#define SM_DOCUMENT_CABINET_H

#include "auth/seal.h"
#include "base/buf.h"
#include "base/err.h"
#include "document/invoice.h"
#include "document/words.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A folder of the data folder. */
#define SM_CABINET_FOLDER "invoices"

enum { SM_PDF_BYTES_MAX = 16 << 20 };

typedef struct sm_cabinet sm_cabinet;

typedef struct sm_cabinet_options {
  const char *data_dir;
  sm_ledger *ledger; /* borrowed, as the sealer; both must outlive the cabinet */
  sm_sealer *sealer; /* opens the payers' names */
} sm_cabinet_options;

/* SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_cabinet_new(const sm_cabinet_options *options, sm_cabinet **cabinet);
void sm_cabinet_free(sm_cabinet *cabinet); /* NULL is fine */

/* Where it keeps them; borrowed. It is made when there is something to keep. */
const char *sm_cabinet_folder(const sm_cabinet *cabinet);

/* The PDF of an invoice, appended to `pdf` (empty before), in `language`, or (NULL) in the one that
 * it was issued in. SM_ERR_CORRUPT: the row or the payer's name cannot be read, which is logged;
 * errors of sm_press_print. That it could not be kept is logged, and no error. */
SM_MUST_CHECK sm_err sm_cabinet_pdf(sm_cabinet *cabinet, const sm_invoice *invoice,
                                    const sm_language *language, sm_buf *pdf);

/* What the page says of a row of the ledger; borrowed from it. Without payer, audit and language.
 */
sm_document_source sm_cabinet_source(const sm_invoice *invoice);

/* ---- a month ---- */
/* Called now and then; false ends the work (SM_ERR_CLOSED). */
typedef bool sm_cabinet_progress_fn(void *context, size_t done, size_t total);

/* Writes the PDFs of all invoices and credit notes of a month, each in its own language, into one
 * ZIP file at `path`, which is replaced as a whole. The same invoices give the same bytes. An entry
 * is called as its number and is not packed again. *count is how many; SM_ERR_NOT_FOUND: none.
 * Broken off and begun again, it goes on from what is kept. */
SM_MUST_CHECK sm_err sm_cabinet_zip(sm_cabinet *cabinet, const char *month, const char *path,
                                    sm_cabinet_progress_fn *progress, void *context, size_t *count);

#endif
