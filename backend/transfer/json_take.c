#include "transfer/json_take.h"

#include <string.h>

bool sm_json_take_count(json_t *object, const char *key, uint64_t *out) {
  json_t *value = json_object_get(object, key);
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  *out = (uint64_t)json_integer_value(value);
  return true;
}

/* As hashes are written here: in lower case only. */
static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sm_json_take_sha256(json_t *object, const char *key, uint8_t out[SM_SHA256_BYTES]) {
  const char *hex = json_string_value(json_object_get(object, key));
  uint8_t bytes[SM_SHA256_BYTES];
  if (hex == NULL || strlen(hex) != SM_SHA256_HEX_MAX - 1) return false;
  for (size_t i = 0; i < SM_SHA256_BYTES; i++) {
    int high = hex_digit(hex[2 * i]);
    int low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = (uint8_t)(high * 16 + low);
  }
  memcpy(out, bytes, sizeof bytes);
  return true;
}
