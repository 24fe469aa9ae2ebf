#include "base/utf8.h"

static bool is_tail(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

size_t sm_utf8_step(const char *text, size_t len) {
  const unsigned char *s = (const unsigned char *)text;
  if (len == 0) return 0;
  if (s[0] < 0x80) return 1;
  if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
  if (s[0] < 0xe0) return len >= 2 && is_tail(s[1]) ? 2 : 0;
  if (s[0] < 0xf0) {
    if (len < 3 || !is_tail(s[1]) || !is_tail(s[2])) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogate */
    return 3;
  }
  if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3])) return 0;
  if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* over U+10FFFF */
  return 4;
}

bool sm_utf8_valid(const char *text, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t step = sm_utf8_step(text + at, len - at);
    if (step == 0) return false;
    at += step;
  }
  return true;
}

bool sm_utf8_plain(const char *text, size_t len, size_t max_chars) {
  size_t chars = 0;
  for (size_t at = 0; at < len; chars++) {
    size_t step = sm_utf8_step(text + at, len - at);
    unsigned char c = (unsigned char)text[at];
    bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text[at + 1] < 0xa0);
    if (step == 0 || control) return false;
    at += step;
  }
  return chars >= 1 && chars <= max_chars;
}
