/* One writer a data directory, whatever store its settings name. */
#ifndef SM_STORE_DATA_LOCK_H
#define SM_STORE_DATA_LOCK_H

#include "base/err.h"

/* Takes the writer's lock of a data directory without opening a store, for work on its files as
 * such (a restore). *lock is a descriptor: closing it gives the lock back. SM_ERR_BUSY: a writer is
 * at work; SM_ERR_IO, SM_ERR_FULL. */
SM_MUST_CHECK sm_err sm_data_lock(const char *data_dir, int *lock);

#endif
