/* The operator's logo: a PNG picture. It is kept in the ledger under the SHA-256 of its bytes
 * (store/ledger_files.h), and an invoice remembers that: a bill of last year keeps the logo of last
 * year, whichever server prints it. */
#ifndef SM_DOCUMENT_LOGO_H
#define SM_DOCUMENT_LOGO_H

#include "base/err.h"
#include "store/ledger_files.h"

enum {
  SM_LOGO_BYTES_MAX = 1 << 20,
  SM_LOGO_SIDE_MAX = 2000, /* pixels */
  SM_LOGO_NAME_MAX = SM_FILE_NAME_MAX
};

/* Reads the PNG file at `path`, and puts it into the ledger if it is not there yet; `name` gets the
 * hash. SM_ERR_NOT_FOUND, SM_ERR_DENIED, SM_ERR_RANGE (too large, in bytes or pixels),
 * SM_ERR_SYNTAX (no PNG picture), and what sm_ledger_file_put gives. */
SM_MUST_CHECK sm_err sm_logo_keep(const char *path, sm_ledger *ledger, char name[SM_LOGO_NAME_MAX]);

#endif
