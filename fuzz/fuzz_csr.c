/* Certificate requests (PKCS#10), as `smartmeter device add --csr` takes them. */
#include "auth/authority.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_request_check((const char *)data, size, &problem);
  /* A refusal says why. */
  if (err == SM_ERR_INVALID && problem.len == 0) __builtin_trap();
  sm_buf_fini(&problem);
  return 0;
}
