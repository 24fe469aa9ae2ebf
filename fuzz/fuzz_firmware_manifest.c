/* Manifests as somebody may hand them to the operator: what is taken is what the ledger takes, what
 * is not has a sentence. */
#include "app/firmware.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_release r;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  if (sm_firmware_read_manifest(data, size, &r, &problem) != SM_OK) {
    if (problem.len == 0) abort();
  } else {
    if (!sm_firmware_name_valid(r.product, strlen(r.product)) ||
        !sm_firmware_name_valid(r.hardware, strlen(r.hardware)) ||
        !sm_firmware_name_valid(r.version, strlen(r.version)) || strlen(r.sha256) != 64 ||
        r.size == 0 || r.size > SM_FIRMWARE_IMAGE_MAX || r.from_counter > r.counter ||
        r.expires_ms <= 0 || r.manifest_len != size || memcmp(r.manifest, data, size) != 0)
      abort();
  }
  sm_buf_fini(&problem);
  return 0;
}
