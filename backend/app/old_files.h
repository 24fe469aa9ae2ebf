/* Logos and images of firmware were files of the data folder once (logos/{sha256}.png and
 * firmware/{sha256}), and are so in backups of that time. Where they are found they go into the
 * ledger (store/ledger_files.h), each held against its name before. The folders stay, as do the
 * copies of stores in an older format: the older program can be gone back to. */
#ifndef SM_APP_OLD_FILES_H
#define SM_APP_OLD_FILES_H

#include "app/program.h"

/* Puts in what the ledger does not have yet; how many that are is logged. What cannot be taken is
 * no failure, and tried again the next time. */
void sm_old_files_take(const sm_program *program);
/* Behind that: says in the log what has not been taken, and why, and which releases that are out
 * have no image: it was in a folder that is gone. */
void sm_old_files_tell_left(const sm_program *program);

#endif
