/* What the files of alerts share. */
#ifndef SM_STORE_LEDGER_LEDGER_ALERT_H
#define SM_STORE_LEDGER_LEDGER_ALERT_H

#include "store/ledger/ledger_internal.h"
#include "store/ledger_alerts.h"

/* `a` is the alert, LEFT JOIN device d. */
#define SM_ALERT_COLUMNS                                                                           \
  "a.alert_no, a.kind, d.device_id, a.subject, a.opened_ms, a.found_ms, a.value, a.limit_value, "  \
  "a.ended_ms, a.acknowledged_ms, a.acknowledged_by "
#define SM_ALERT_FROM "FROM alert a LEFT JOIN device d ON d.device_no = a.device_no "
/* From column `at` on; a kind that is none is SM_ERR_CORRUPT in q. */
void sm_ledger_alert_take(sm_sql_stmt *q, int at, sm_alert *alert);
SM_MUST_CHECK sm_err sm_ledger_alert_load(sm_sql *db, int64_t alert_no, sm_alert *alert);
/* Writes the messages of a change inside its transaction. device_no 0: of the site. */
SM_MUST_CHECK sm_err sm_ledger_messages_add(sm_ledger *ledger, sm_sql *db, int64_t device_no,
                                            const sm_alert *alert, const sm_alert_apply *how);
SM_MUST_CHECK sm_err sm_ledger_messages_end(sm_ledger *ledger, sm_sql *db, const sm_alert *alert,
                                            const sm_alert_apply *how);

#endif
