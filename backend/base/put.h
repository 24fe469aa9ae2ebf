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

/* Two digits at a time, from the end. */
static inline char *sm_put_u64(char *at, uint64_t value) {
  static const char pairs[201] = "00010203040506070809101112131415161718192021222324"
                                 "25262728293031323334353637383940414243444546474849"
                                 "50515253545556575859606162636465666768697071727374"
                                 "75767778798081828384858687888990919293949596979899";
  char digits[SM_PUT_U64_MAX];
  size_t from = sizeof digits;
  for (; value >= 100; value /= 100) {
    from -= 2;
    memcpy(digits + from, pairs + 2 * (value % 100), 2);
  }
  if (value >= 10) {
    from -= 2;
    memcpy(digits + from, pairs + 2 * value, 2);
  } else {
    digits[--from] = (char)('0' + value);
  }
  return sm_put_text(at, digits + from, sizeof digits - from);
}

#endif
