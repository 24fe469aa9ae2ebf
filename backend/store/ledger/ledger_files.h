/* Files inside a transaction of somebody else's: of a release, and of the doctor. */
#ifndef SM_STORE_LEDGER_LEDGER_FILES_H
#define SM_STORE_LEDGER_LEDGER_FILES_H

#include "store/ledger/ledger_internal.h"
#include "store/ledger_files.h"

/* sm_ledger_file_put inside a write, of bytes whose size is good. */
SM_MUST_CHECK sm_err sm_ledger_file_insert(sm_sql *db, sm_file_kind kind, const void *bytes,
                                           size_t len, int64_t now_ms,
                                           const char name[SM_FILE_NAME_MAX], bool *added);

/* Calls `bad` for each file whose parts are not what its row says, in words. */
typedef void (*sm_ledger_file_bad_fn)(void *context, const char *kind, const char *name,
                                      const char *what);
SM_MUST_CHECK sm_err sm_ledger_files_check(sm_sql *db, sm_ledger_file_bad_fn bad, void *context);

#endif
