/* What a write does at its end for the audit log's signed heads. */
#ifndef SM_STORE_LEDGER_LEDGER_AUDIT_HEAD_H
#define SM_STORE_LEDGER_LEDGER_AUDIT_HEAD_H

#include "store/audit_head.h"
#include "store/ledger/ledger_internal.h"

/* Inside a write, at its end: signs the last entry if the transaction added any. head->count is 0
 * if it did not, or if nobody signs. SM_ERR_NO_KEY. */
SM_MUST_CHECK sm_err sm_ledger_head_add(sm_ledger *ledger, sm_audit_head *head);
/* After the commit, still under the write lock: keeps a copy beside the database. */
void sm_ledger_head_publish(sm_ledger *ledger, const sm_audit_head *head);
/* The copy. SM_ERR_NOT_FOUND, SM_ERR_SYNTAX, SM_ERR_RANGE, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_ledger_head_beside(sm_ledger *ledger, sm_audit_head *head);

#endif
