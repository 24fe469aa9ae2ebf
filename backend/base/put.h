/* Writing text where the caller knows that there is room, for what is written a million times:
 * each gives the place behind what it wrote, and ends nothing with a NUL. Elsewhere use
 * base/buf.h. */
#ifndef SM_BASE_PUT_H
#define SM_BASE_PUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SM_PUT_U64_MAX = 20 };

static inline char *sm_put_text(char *at, const char *text, size_t len) {
  memcpy(at, text, len);
  return at + len;
}

static inline char *sm_put_u64(char *at, uint64_t value) {
  char digits[SM_PUT_U64_MAX];
  size_t n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (n > 0) *at++ = digits[--n];
  return at;
}

#endif
