/* Files in the ledger: what invoices are printed with and meters fetch, as bytes that are known by
 * their SHA-256. Each kind is a shelf of its own. What is there never changes and is never deleted:
 * a bill of last year is printed with the logo of last year, whichever server prints it. The rules
 * of store/ledger.h hold.
 *
 * They are stored in parts of SM_FILE_PART_BYTES, so that no row is large, and read whole: whoever
 * gives parts of one to many keeps it in memory (api/images.h). A name is the 64 hexadecimal digits
 * of the hash, in small letters. */
#ifndef SM_STORE_LEDGER_FILES_H
#define SM_STORE_LEDGER_FILES_H

#include "base/crypto.h"
#include "store/ledger.h"

enum {
  SM_FILE_BYTES_MAX = 4 << 20, /* of one file */
  SM_FILE_PART_BYTES = 16384,
  SM_FILE_NAME_MAX = SM_SHA256_HEX_MAX /* with the NUL */
};

typedef enum sm_file_kind { SM_FILE_LOGO, SM_FILE_FIRMWARE } sm_file_kind;
const char *sm_file_kind_name(sm_file_kind kind); /* "logo", "firmware" */
/* Whether a text can be the name of a file. */
bool sm_file_name_valid(const char *name);

/* Puts a file in, of 1 to SM_FILE_BYTES_MAX bytes; `name` is what it is called from now on. *added
 * (may be NULL): it was not there. Two that put the same one in at once both succeed. now_ms: when
 * it came. SM_ERR_INVALID: it is empty; SM_ERR_RANGE: it is larger. */
SM_MUST_CHECK sm_err sm_ledger_file_put(sm_ledger *ledger, sm_file_kind kind, const void *bytes,
                                        size_t len, int64_t now_ms, char name[SM_FILE_NAME_MAX],
                                        bool *added);
/* Whether there is one. Its bytes are not looked at. */
SM_MUST_CHECK sm_err sm_ledger_file_known(sm_ledger *ledger, sm_file_kind kind, const char *name,
                                          bool *known);
/* All of it: *bytes is one heap block, the caller's. SM_ERR_NOT_FOUND; SM_ERR_CORRUPT: what is
 * stored is not what was put in. */
SM_MUST_CHECK sm_err sm_ledger_file_get(sm_ledger *ledger, sm_file_kind kind, const char *name,
                                        uint8_t **bytes, size_t *len);

#endif
