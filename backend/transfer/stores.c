#include "transfer/stores.h"

void sm_stores_fini(sm_stores *stores) {
  sm_readings_close(stores->readings);
  sm_ledger_close(stores->ledger);
  *stores = (sm_stores){.ledger = NULL};
}
