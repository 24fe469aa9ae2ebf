/* Logos and images of firmware were files of the data folder once (logos/{sha256}.png and
 * firmware/{sha256}), and are so in backups of that time. Where they are found they go into the
 * ledger (store/ledger_files.h), each held against its name before. */
#ifndef SM_APP_OLD_FILES_H
#define SM_APP_OLD_FILES_H

#include "app/program.h"

/* Puts in what the ledger does not have yet; how many that are is logged. The files stay: an older
 * program may be at work on them. What cannot be taken is no failure, and tried again the next
 * time. */
void sm_old_files_take(const sm_program *program);
/* As the one server of the data folder, behind sm_old_files_take: removes what the ledger gives
 * back byte by byte, and the folders with it. What is left of them is said in the log. */
void sm_old_files_clear(const sm_program *program);

#endif
