#include "store/embedded/packed.h"

#include <stdlib.h>
#include <string.h>

void sm_packed_fini(sm_packed *packed) {
  free(packed->data);
  *packed = (sm_packed){0};
}

sm_err sm_packed_reserve(sm_packed *packed, size_t more) {
  size_t need = (packed->count + more) * sizeof(sm_reading);
  if (need <= packed->bytes) return SM_OK;
  size_t bytes = packed->bytes + packed->bytes / 2;
  if (bytes < need) bytes = need;
  uint8_t *data = realloc(packed->data, bytes);
  if (data == NULL) return SM_ERR_NOMEM;
  packed->data = data;
  packed->bytes = bytes;
  return SM_OK;
}

sm_err sm_packed_append(sm_packed *packed, const sm_reading *reading) {
  sm_err err = sm_packed_reserve(packed, 1);
  if (err != SM_OK) return err;
  memcpy(packed->data + packed->count * sizeof *reading, reading, sizeof *reading);
  if (packed->count++ == 0) packed->first_ms = reading->ts_ms;
  packed->last = *reading;
  return SM_OK;
}

void sm_packed_read(const sm_packed *packed, sm_reading *out) {
  if (packed->count > 0) memcpy(out, packed->data, packed->count * sizeof *out);
}
