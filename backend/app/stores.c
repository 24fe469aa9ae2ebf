#include "app/stores.h"

#include "base/file.h"
#include "store/embedded/embedded.h"

#include <stdlib.h>

static bool has_ledger(const char *data_dir) {
  char *path = sm_path_join(data_dir, "ledger.db");
  bool has = path != NULL && sm_file_exists(path);
  free(path);
  return has;
}

void sm_stores_open(const char *data_dir, sm_stores *stores, sm_err *ledger, sm_err *readings) {
  const sm_embedded_options options = {.data_dir = data_dir};
  *stores = (sm_stores){.ledger = NULL};
  *ledger =
      has_ledger(data_dir) ? sm_embedded_ledger_open(&options, &stores->ledger) : SM_ERR_NOT_FOUND;
  *readings = sm_embedded_readings_open(&options, false, &stores->readings);
}

void sm_stores_fini(sm_stores *stores) {
  sm_readings_close(stores->readings);
  sm_ledger_close(stores->ledger);
  *stores = (sm_stores){.ledger = NULL};
}
