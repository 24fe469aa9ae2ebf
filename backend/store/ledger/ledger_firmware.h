/* What the files of firmware in the embedded ledger share. */
#ifndef SM_STORE_LEDGER_LEDGER_FIRMWARE_H
#define SM_STORE_LEDGER_LEDGER_FIRMWARE_H

#include "store/ledger/ledger_internal.h"
#include "store/ledger_firmware.h"

#define SM_RELEASE_COLUMNS                                                                         \
  "f.firmware_no, f.product, f.hardware, f.version, f.counter, f.from_counter, f.size, f.sha256, " \
  "f.expires_ms, f.cohort, f.key_id, f.manifest, f.signature, f.stages, f.share_percent, "         \
  "f.failed_percent, f.least, f.hold_ms, f.state, f.reason, f.stage, f.stage_ms, f.published_ms, " \
  "f.judged_from_ms "

/* A row of SM_RELEASE_COLUMNS, without its meters. */
void sm_ledger_release_take(sm_sql_stmt *q, sm_release *release);
/* All rows of a bound SELECT of them, which ends with it. */
SM_MUST_CHECK sm_err sm_ledger_release_rows(sm_sql_stmt *q, sm_release **releases, size_t *count);
/* How many meters of it are in each phase. */
SM_MUST_CHECK sm_err sm_ledger_release_count(sm_sql *db, sm_release *release);
/* Sets the state, and the reason of a halt; with its audit entry. */
SM_MUST_CHECK sm_err sm_ledger_release_set(sm_sql *db, sm_actor actor, const sm_release *release,
                                           const char *state, const char *reason,
                                           const char *action);
/* Says anew what each meter is to be offered. */
SM_MUST_CHECK sm_err sm_ledger_firmware_want(sm_sql *db);

#endif
