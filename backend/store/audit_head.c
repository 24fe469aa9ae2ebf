#include "store/audit_head.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char first_word[] = "smartmeter-audit-1";
enum { BASE64 = sodium_base64_VARIANT_ORIGINAL, WORDS = 6, WORD_MAX = 100 };

size_t sm_audit_head_signed_text(const sm_audit_head *head, char out[SM_AUDIT_HEAD_TEXT_MAX]) {
  char hex[SM_SHA256_HEX_MAX];
  char instant[SM_RFC3339_MAX];
  int len = snprintf(out, SM_AUDIT_HEAD_TEXT_MAX, "%s %" PRId64 " %s %s %.32s", first_word,
                     head->count, sm_hex(head->hash, sizeof head->hash, hex),
                     sm_rfc3339_format(head->at_ms, instant), head->kid);
  return len > 0 ? (size_t)len : 0;
}

char *sm_audit_head_write(const sm_audit_head *head, char out[SM_AUDIT_HEAD_TEXT_MAX]) {
  char signature[sodium_base64_ENCODED_LEN(SM_AUDIT_SIGNATURE_BYTES, BASE64)];
  size_t len = sm_audit_head_signed_text(head, out);
  (void)snprintf(out + len, SM_AUDIT_HEAD_TEXT_MAX - len, " %s",
                 sodium_bin2base64(signature, sizeof signature, head->signature,
                                   sizeof head->signature, BASE64));
  return out;
}

/* ---- reading ---- */

/* Cuts a text at its blanks; how many words it has, WORDS + 1 for more than fit. */
static size_t cut(const char *text, size_t len, char word[WORDS][WORD_MAX]) {
  size_t count = 0;
  for (size_t at = 0; at < len;) {
    size_t end = at;
    while (end < len && strchr(" \t\r\n", text[end]) == NULL) end++;
    if (end > at) {
      if (count == WORDS || end - at >= WORD_MAX) return WORDS + 1;
      memcpy(word[count], text + at, end - at);
      word[count++][end - at] = '\0';
    }
    at = end + 1;
  }
  return count;
}

static bool read_hex(const char *text, size_t digits, uint8_t hash[32]) {
  size_t got = 0;
  return sodium_hex2bin(hash, 32, text, digits, NULL, &got, NULL) == 0 && got == digits / 2;
}

static bool read_count(const char *text, size_t len, int64_t *count) {
  return len > 0 && text[0] != '-' && text[0] != '+' &&
         sm_decimal_parse(text, len, 0, count) == SM_OK;
}

static bool read_signature(const char *text, uint8_t signature[SM_AUDIT_SIGNATURE_BYTES]) {
  size_t got = 0;
  return sodium_base642bin(signature, SM_AUDIT_SIGNATURE_BYTES, text, strlen(text), NULL, &got,
                           NULL, BASE64) == 0 &&
         got == SM_AUDIT_SIGNATURE_BYTES;
}

sm_err sm_audit_head_read(const char *text, size_t len, sm_audit_head *head) {
  char word[WORDS][WORD_MAX];
  char again[SM_AUDIT_HEAD_TEXT_MAX];
  char given[WORDS * WORD_MAX];
  sm_audit_head got = {0};
  if (memchr(text, '\0', len) != NULL || cut(text, len, word) != WORDS) return SM_ERR_SYNTAX;
  size_t kid = strlen(word[4]);
  bool good = strcmp(word[0], first_word) == 0 &&
              read_count(word[1], strlen(word[1]), &got.count) && strlen(word[2]) == 64 &&
              read_hex(word[2], 64, got.hash) &&
              sm_rfc3339_parse(word[3], strlen(word[3]), &got.at_ms) == SM_OK &&
              kid < SM_AUDIT_KID_MAX && read_signature(word[5], got.signature);
  if (!good) return SM_ERR_SYNTAX;
  memcpy(got.kid, word[4], kid + 1);
  /* One way of writing it alone, so that the text is what was signed. */
  (void)sm_audit_head_signed_text(&got, again);
  (void)snprintf(given, sizeof given, "%s %s %s %s %s", word[0], word[1], word[2], word[3],
                 word[4]);
  if (strcmp(given, again) != 0) return SM_ERR_SYNTAX;
  *head = got;
  return SM_OK;
}

/* ---- the short form ---- */

char *sm_audit_short_write(int64_t count, const uint8_t hash[32], char out[SM_AUDIT_SHORT_MAX]) {
  char hex[SM_SHA256_HEX_MAX];
  (void)snprintf(out, SM_AUDIT_SHORT_MAX, "%" PRId64 "-%.*s", count, (int)SM_AUDIT_SHORT_DIGITS,
                 sm_hex(hash, 32, hex));
  return out;
}

sm_err sm_audit_short_read(const char *text, size_t len, int64_t *count, uint8_t hash[32],
                           size_t *digits) {
  while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) len--;
  const char *dash = len > 0 ? memchr(text, '-', len) : NULL;
  if (dash == NULL) return SM_ERR_SYNTAX;
  size_t n = len - (size_t)(dash - text) - 1;
  int64_t got = 0;
  uint8_t bytes[32] = {0};
  if (n < SM_AUDIT_SHORT_DIGITS || n > 64 || n % 2 != 0 ||
      !read_count(text, (size_t)(dash - text), &got) || got < 1 || !read_hex(dash + 1, n, bytes))
    return SM_ERR_SYNTAX;
  *count = got;
  memcpy(hash, bytes, sizeof bytes);
  *digits = n;
  return SM_OK;
}
