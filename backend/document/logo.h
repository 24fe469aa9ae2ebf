/* The operator's logo: a PNG picture. It is kept under the SHA-256 of its bytes, and an invoice
 * remembers that: a bill of last year keeps the logo of last year. */
#ifndef SM_DOCUMENT_LOGO_H
#define SM_DOCUMENT_LOGO_H

#include "base/crypto.h"
#include "base/err.h"

enum {
  SM_LOGO_BYTES_MAX = 1 << 20,
  SM_LOGO_SIDE_MAX = 2000, /* pixels */
  SM_LOGO_NAME_MAX = SM_SHA256_HEX_MAX
};

/* Reads the PNG file at `path`, and keeps it as `dir`/{sha256}.png if it is not there yet; `name`
 * gets the hash. SM_ERR_NOT_FOUND, SM_ERR_DENIED, SM_ERR_RANGE (too large, in bytes or pixels),
 * SM_ERR_SYNTAX (no PNG picture), and what writing gives. */
SM_MUST_CHECK sm_err sm_logo_keep(const char *path, const char *dir, char name[SM_LOGO_NAME_MAX]);

#endif
