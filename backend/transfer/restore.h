/* Bringing a backup back: it is copied to a folder inside of the data folder, checked there by its
 * content, and only then moved to its place. What was there is set aside, never deleted. A backup
 * has no keys: those that are in the data folder stay in it. */
#ifndef SM_TRANSFER_RESTORE_H
#define SM_TRANSFER_RESTORE_H

#include "transfer/manifest.h"
#include "transfer/stores.h"

#include <stdbool.h>

typedef struct sm_restore_options {
  const char *backup;   /* the folder, verified by sm_backup_verify */
  const char *data_dir; /* it is there, and the caller holds the writer's lock of it */
  bool force;           /* it may hold data */
  const char *mark;     /* a file of this name is in data_dir while parts are moved: who finds it
                           must not take what is there for whole */
  sm_stores_open *open_stores;
} sm_restore_options;

/* Tells, on standard error, which secrets the backed up folder had and this one lacks; how many. */
size_t sm_restore_missing(const char *data_dir, const sm_manifest *manifest);

/* Restores what `manifest`, the backup's, names. false: it has been told why, and what is where if
 * anything was moved. */
bool sm_restore(const sm_restore_options *options, const sm_manifest *manifest);

#endif
