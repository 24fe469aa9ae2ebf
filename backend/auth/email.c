#include "auth/seal.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *trimmed(const char *text, size_t *len) {
  while (blank(*text)) text++;
  size_t n = strlen(text);
  while (n > 0 && blank(text[n - 1])) n--;
  *len = n;
  return text;
}

static bool local_valid(const char *text, size_t len) {
  if (len == 0 || len > 64) return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c <= ' ' || c == 0x7f || strchr("\"(),:;<>@[\\]", c) != NULL) return false;
  }
  return true;
}

static bool label_valid(const char *text, size_t len) {
  if (len == 0 || len > 63 || text[0] == '-' || text[len - 1] == '-') return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-' && c < 0x80) return false;
  }
  return true;
}

static bool host_valid(const char *text, size_t len) {
  size_t start = 0;
  for (size_t i = 0; i <= len; i++) {
    if (i < len && text[i] != '.') continue;
    if (!label_valid(text + start, i - start)) return false;
    start = i + 1;
  }
  return true;
}

/* UTF-8 encodes the control characters U+0080 to U+009F as C2 80 to C2 9F. */
static bool has_c1_control(const char *text, size_t len) {
  for (size_t i = 1; i < len; i++)
    if ((unsigned char)text[i - 1] == 0xc2 && (unsigned char)text[i] < 0xa0) return true;
  return false;
}

static bool address_valid(const char *text, size_t len) {
  if (len == 0 || len > SM_EMAIL_MAX || !sm_utf8_valid(text, len)) return false;
  const char *at = memchr(text, '@', len);
  if (at == NULL || has_c1_control(text, len)) return false;
  size_t local = (size_t)(at - text);
  return local_valid(text, local) && host_valid(at + 1, len - local - 1);
}

bool sm_email_valid(const char *email) {
  size_t len;
  const char *text = trimmed(email, &len);
  return address_valid(text, len);
}

sm_err sm_email_fold(const char *email, char **folded) {
  size_t len;
  const char *text = trimmed(email, &len);
  if (!address_valid(text, len)) return SM_ERR_INVALID;
  char *copy = malloc(len + 1);
  if (copy == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    copy[i] = c;
  }
  copy[len] = '\0';
  *folded = copy;
  return SM_OK;
}
