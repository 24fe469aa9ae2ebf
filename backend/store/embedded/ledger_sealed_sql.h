/* The SQL functions seal_text(field, text) and open_text(field, text) of the ledger's connections.
 */
#ifndef SM_STORE_EMBEDDED_LEDGER_SEALED_SQL_H
#define SM_STORE_EMBEDDED_LEDGER_SEALED_SQL_H

#include "store/embedded/ledger_internal.h"

SM_MUST_CHECK sm_err sm_ledger_sealed_functions(sm_ledger *ledger, sm_sql *db);

#endif
