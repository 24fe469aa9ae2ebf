#include "auth/apikey.h"

#include "base/crc32.h"
#include "base/crypto.h"

#include <string.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static const char *const names[SM_SCOPE_COUNT] = {
    "devices:read", "readings:read", "billing:read",   "invoices:read",
    "tariffs:read", "accounts:read", "payments:write", "audit:read"};

/* ---- scopes ---- */

const char *sm_scope_name(unsigned i) {
  return names[i];
}

const char *sm_scope_name_of(uint32_t bit) {
  for (unsigned i = 0; i < SM_SCOPE_COUNT; i++)
    if (bit == 1U << i) return names[i];
  return "";
}

uint32_t sm_scope_parse(const char *name, size_t len) {
  for (unsigned i = 0; i < SM_SCOPE_COUNT; i++)
    if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) return 1U << i;
  return 0;
}

char *sm_scopes_write(uint32_t scopes, char out[SM_SCOPES_TEXT_MAX]) {
  size_t len = 0;
  for (unsigned i = 0; i < SM_SCOPE_COUNT; i++) {
    if ((scopes & 1U << i) == 0) continue;
    if (len > 0) out[len++] = ' ';
    memcpy(out + len, names[i], strlen(names[i]));
    len += strlen(names[i]);
  }
  out[len] = '\0';
  return out;
}

uint32_t sm_scopes_read(const char *text) {
  uint32_t scopes = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, " ");
    scopes |= sm_scope_parse(text, len);
    text += len + (text[len] == ' ');
  }
  return scopes;
}

/* ---- the key ---- */

static void write_check(const char *text, char out[SM_APIKEY_CHECK]) {
  uint32_t crc = sm_crc32(text, 4 + SM_APIKEY_RANDOM);
  for (int i = 0; i < SM_APIKEY_CHECK; i++) {
    out[i] = alphabet[crc & 31];
    crc >>= 5;
  }
}

char *sm_apikey_make(char out[SM_APIKEY_MAX]) {
  uint8_t random[SM_APIKEY_RANDOM];
  sm_random_bytes(random, sizeof random);
  memcpy(out, SM_APIKEY_PREFIX, 4);
  for (size_t i = 0; i < sizeof random; i++) out[4 + i] = alphabet[random[i] & 31];
  write_check(out, out + 4 + SM_APIKEY_RANDOM);
  out[SM_APIKEY_LEN] = '\0';
  return out;
}

bool sm_apikey_is(const char *text, size_t len) {
  return len >= 4 && memcmp(text, SM_APIKEY_PREFIX, 4) == 0;
}

sm_err sm_apikey_hash(const char *text, size_t len, uint8_t hash[32]) {
  char check[SM_APIKEY_CHECK];
  if (len != SM_APIKEY_LEN || !sm_apikey_is(text, len)) return SM_ERR_DENIED;
  for (size_t i = 4; i < len; i++)
    if (memchr(alphabet, text[i], sizeof alphabet - 1) == NULL) return SM_ERR_DENIED;
  write_check(text, check);
  if (memcmp(check, text + 4 + SM_APIKEY_RANDOM, sizeof check) != 0) return SM_ERR_DENIED;
  sm_sha256(text, len, hash);
  return SM_OK;
}

bool sm_apikey_has_device(const char *devices, const char *device_id) {
  if (devices == NULL) return true;
  size_t wanted = strlen(device_id);
  while (*devices != '\0') {
    size_t len = strcspn(devices, " ");
    if (len == wanted && memcmp(devices, device_id, len) == 0) return true;
    devices += len + (devices[len] == ' ');
  }
  return false;
}
