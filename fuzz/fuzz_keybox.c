/* What is inside an export of keys, which whoever has the passphrase may have made: any bytes. What
 * is taken must be secrets' paths alone, in order. */
#include "transfer/keybox.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_keybox box = {0};
  sm_err err = sm_keybox_read((const char *)data, size, &box);
  if (err == SM_OK && box.count == 0) abort();
  if (err != SM_OK && err != SM_ERR_CORRUPT) abort();
  for (size_t i = 0; i < box.count; i++) {
    if (!sm_secret_path(box.file[i].path)) abort();
    if (i > 0 && strcmp(box.file[i - 1].path, box.file[i].path) >= 0) abort();
  }
  sm_keybox_fini(&box);
  return 0;
}
