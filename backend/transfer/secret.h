/* Which files of a data folder are secrets: they are never in a backup, and are carried by
 * `smartmeter keys export` alone. One place, since the two must part a folder without a gap. */
#ifndef SM_TRANSFER_SECRET_H
#define SM_TRANSFER_SECRET_H

#include "base/err.h"

#include <stdbool.h>

enum { SM_SECRET_PATH_MAX = 160 };

/* Where a secret is: in the data folder, but "ca/…" in the folder of the certificate authority,
 * which stands beside it (SMARTMETER_CA_DIR, else <data_dir>.ca). Heap; NULL without memory. */
char *sm_secret_place(const char *data_dir, const char *path);
/* Whether a secret's place is outside of the data folder. */
bool sm_secret_beside(const char *path);
/* Whether a file of one of the data folder's folders is a secret: all of keys/ and ca/, and what in
 * broker/ is a private key, a password in the clear or a shared key. */
bool sm_secret_is(const char *folder, const char *name);
/* Whether it is passed over by backup and export both: what is being written, what an import of
 * keys set aside, logs, process ids. */
bool sm_secret_passing(const char *name);
/* Whether "folder/name" is a path that the above takes for a secret: nothing that leads elsewhere.
 */
bool sm_secret_path(const char *path);

/* Calls `found` with the path ("keys/pii.json") of every secret in a data folder, in an order of
 * its own, until it fails. SM_ERR_IO, SM_ERR_DENIED, or what `found` gave. */
SM_MUST_CHECK sm_err sm_secret_each(const char *data_dir, void *context,
                                    sm_err (*found)(void *context, const char *path));

#endif
