/* Backups: making one while the server runs, verifying one, and what restoring (restore.h) shares
 * with both. */
#ifndef SM_TRANSFER_BACKUP_H
#define SM_TRANSFER_BACKUP_H

#include "base/err.h"
#include "transfer/manifest.h"
#include "transfer/stores.h"

#include <stdbool.h>

typedef struct sm_backup_source {
  const char *data_dir;  /* the broker's files are in it, and the keys, which stay there */
  sm_ledger *ledger;     /* borrowed, as the readings are */
  sm_readings *readings; /* NULL: there are none yet */
} sm_backup_source;

/* Makes the backup `dir`, which is not there yet (or an empty folder). It grows as `dir`.partial,
 * and gets its name once all of it, its manifest last, is synced: what is called .partial is none.
 *
 * The ledger is copied first, the readings after it, each from one snapshot. So all that an invoice
 * of the copy stands on is among the readings of the copy, which are newer. What else may happen in
 * between: a meter is added and sends; its readings are then in the copy and it is not, which
 * adding it again mends. Secrets (secret.h) are left out and named in the manifest. Failures are
 * told. The caller finis the manifest in any case. */
bool sm_backup_make(const sm_backup_source *source, sm_stores_open *open_stores, const char *dir,
                    sm_manifest *manifest);

/* Whether every file that the manifest names is as it was written, and no database is there
 * besides. The first that is not is told. */
bool sm_backup_verify(const char *dir, sm_manifest *manifest);

/* What the stores of a folder hold, and what the doctor finds, each finding told on standard error;
 * `keys_in` is the data folder whose keys/ must open what is sealed (NULL: not looked at).
 * false: it has been told why. */
bool sm_backup_content_of(const char *dir, const char *keys_in, sm_stores_open *open_stores,
                          sm_manifest_content *content);

/* "12 files, 1,234,567 readings of 12 devices, 3 invoices, made 2026-…". */
void sm_backup_print(const sm_manifest *manifest, bool json);

#endif
