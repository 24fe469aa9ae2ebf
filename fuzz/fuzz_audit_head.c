/* A signed head, or its short form, that somebody gives to be checked: any bytes. What is taken
 * must come out of the writer as the same text. */
#include "store/audit_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_audit_head head;
  sm_audit_head again;
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  uint8_t hash[32];
  int64_t count = 0;
  size_t digits = 0;
  if (sm_audit_head_read((const char *)data, size, &head) == SM_OK) {
    (void)sm_audit_head_write(&head, text);
    if (sm_audit_head_read(text, strlen(text), &again) != SM_OK) abort();
    if (memcmp(&head, &again, sizeof head) != 0) abort();
  }
  if (sm_audit_short_read((const char *)data, size, &count, hash, &digits) == SM_OK)
    if (count < 1 || digits < SM_AUDIT_SHORT_DIGITS || digits > 64) abort();
  return 0;
}
