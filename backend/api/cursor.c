#include "api/cursor.h"

#include "base/crc32.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Before encoding: one byte of format, the key, four bytes of check over both and the scope. */
enum { FORMAT = 1, CHECK_BYTES = 4, RAW_MAX = 1 + SM_CURSOR_KEY_MAX + CHECK_BYTES };

static_assert(SM_CURSOR_TEXT_MAX >= (RAW_MAX * 4 + 2) / 3 + 1, "a cursor fits its text");

/* The check of the first `len` bytes of raw for a scope. */
static uint32_t check_of(const char *scope, const unsigned char *raw, size_t len) {
  unsigned char joined[8];
  uint32_t parts[2] = {sm_crc32(scope, strlen(scope)), sm_crc32(raw, len)};
  memcpy(joined, parts, sizeof joined);
  return sm_crc32(joined, sizeof joined);
}

char *sm_cursor_format(const char *scope, const char *key, char out[SM_CURSOR_TEXT_MAX]) {
  unsigned char raw[RAW_MAX];
  size_t key_len = strlen(key);
  assert(key_len < SM_CURSOR_KEY_MAX);
  raw[0] = FORMAT;
  for (size_t i = 0; i < key_len; i++) raw[1 + i] = (unsigned char)key[i];
  uint32_t check = check_of(scope, raw, 1 + key_len);
  memcpy(raw + 1 + key_len, &check, CHECK_BYTES);
  return sodium_bin2base64(out, SM_CURSOR_TEXT_MAX, raw, 1 + key_len + CHECK_BYTES,
                           sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

sm_err sm_cursor_parse(const char *scope, const char *text, char key[SM_CURSOR_KEY_MAX]) {
  unsigned char raw[RAW_MAX];
  size_t len;
  const char *end;
  size_t text_len = strlen(text);
  if (text_len >= SM_CURSOR_TEXT_MAX ||
      sodium_base642bin(raw, sizeof raw, text, text_len, NULL, &len, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text + text_len || len < 1 + CHECK_BYTES || raw[0] != FORMAT)
    return SM_ERR_SYNTAX;
  size_t key_len = len - 1 - CHECK_BYTES;
  uint32_t check;
  memcpy(&check, raw + 1 + key_len, CHECK_BYTES);
  if (key_len >= SM_CURSOR_KEY_MAX || check != check_of(scope, raw, 1 + key_len) ||
      memchr(raw + 1, '\0', key_len) != NULL)
    return SM_ERR_SYNTAX;
  memcpy(key, raw + 1, key_len);
  key[key_len] = '\0';
  return SM_OK;
}

void sm_cursor_write_next(sm_jsonw *w, const char *scope, const char *key) {
  char text[SM_CURSOR_TEXT_MAX];
  sm_jsonw_key_text(w, "next", key == NULL ? NULL : sm_cursor_format(scope, key, text));
}
