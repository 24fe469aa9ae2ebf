/* Characters of ASCII, whatever the locale is. */
#ifndef SM_BASE_ASCII_H
#define SM_BASE_ASCII_H

#include <stdbool.h>

static inline bool sm_is_digit(char c) {
  return c >= '0' && c <= '9';
}
/* The white space of JSON. */
static inline bool sm_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
/* Of a hexadecimal digit of either case; -1: it is none. */
static inline int sm_hex_value(char c) {
  if (sm_is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

#endif
