#include "transfer/json_scan.h"

#include "base/ascii.h"

#include <jansson.h>
#include <string.h>

static size_t skip_blanks(const char *text, size_t len, size_t at) {
  while (at < len && sm_is_blank(text[at])) at++;
  return at;
}

/* The index of the quote that closes the string opened at text[at]; len if there is none. */
static size_t string_end(const char *text, size_t len, size_t at) {
  for (size_t i = at + 1; i < len; i++) {
    if (text[i] == '\\')
      i++;
    else if (text[i] == '"')
      return i;
  }
  return len;
}

/* Behind the value that begins at text[at]: the comma or bracket that ends it, or len. */
static size_t value_end(const char *text, size_t len, size_t at) {
  size_t depth = 0;
  for (size_t i = at; i < len; i++) {
    char c = text[i];
    if (c == '"') {
      i = string_end(text, len, i);
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      depth--;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return len;
}

/* Finds the member without looking at what is escaped. */
static bool find_plain(const char *text, size_t len, const char *name, const char **value,
                       size_t *value_len) {
  size_t name_len = strlen(name);
  size_t at = skip_blanks(text, len, 0);
  if (at == len || text[at] != '{') return false;
  while (at < len && text[at] != '}') {
    size_t key = skip_blanks(text, len, at + 1);
    if (key >= len || text[key] != '"') return false;
    size_t key_end = string_end(text, len, key);
    size_t colon = key_end < len ? skip_blanks(text, len, key_end + 1) : len;
    if (colon >= len || text[colon] != ':') return false;
    size_t begin = skip_blanks(text, len, colon + 1);
    bool found = key_end - key - 1 == name_len && memcmp(text + key + 1, name, name_len) == 0;
    if (found) {
      if (begin >= len || text[begin] != '"') return false;
      size_t end = string_end(text, len, begin);
      if (end == len) return false;
      *value = text + begin + 1;
      *value_len = end - begin - 1;
      return true;
    }
    at = value_end(text, len, begin);
  }
  return false;
}

static bool give(const char *value, size_t value_len, char out[SM_JSON_TEXT_MAX], size_t *out_len) {
  size_t n = value_len < SM_JSON_TEXT_MAX - 1 ? value_len : SM_JSON_TEXT_MAX - 1;
  memcpy(out, value, n);
  out[n] = '\0';
  *out_len = n;
  return true;
}

/* The slow and sure way, for what is escaped. */
static bool find_parsed(const char *text, size_t len, const char *name, char out[SM_JSON_TEXT_MAX],
                        size_t *out_len) {
  json_t *root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
  json_t *value = json_object_get(root, name);
  bool found = json_is_string(value) &&
               give(json_string_value(value), json_string_length(value), out, out_len);
  json_decref(root);
  return found;
}

bool sm_json_scan_text(const char *text, size_t len, const char *name, char out[SM_JSON_TEXT_MAX],
                       size_t *out_len) {
  const char *value;
  size_t value_len;
  if (find_plain(text, len, name, &value, &value_len) && memchr(value, '\\', value_len) == NULL)
    return give(value, value_len, out, out_len);
  return memchr(text, '\\', len) != NULL && find_parsed(text, len, name, out, out_len);
}

bool sm_json_elements_whole(const char *text, size_t len) {
  size_t depth = 0;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (c == '"') {
      i = string_end(text, len, i);
      if (i == len) return false;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return false;
      depth--;
      if (depth == 0) return c == ']' && skip_blanks(text, len, i + 1) == len;
    }
  }
  return false;
}

bool sm_json_elements_next(sm_json_elements *elements, const char **element, size_t *len) {
  const char *text = elements->text;
  size_t begin = skip_blanks(text, elements->len, elements->at + 1);
  if (begin >= elements->len) return false;
  if (elements->at == 0 && text[begin] == ']') return false;
  size_t end = value_end(text, elements->len, begin);
  elements->at = end < elements->len && text[end] == ',' ? end : elements->len;
  while (end > begin && sm_is_blank(text[end - 1])) end--;
  *element = text + begin;
  *len = end - begin;
  return true;
}

static size_t skip_digits(const char *text, size_t len, size_t at) {
  while (at < len && text[at] >= '0' && text[at] <= '9') at++;
  return at;
}

bool sm_json_is_number(const char *text, size_t len) {
  size_t at = len > 0 && text[0] == '-' ? 1 : 0;
  size_t digits = skip_digits(text, len, at);
  if (digits == at || (text[at] == '0' && digits > at + 1)) return false;
  at = digits;
  if (at < len && text[at] == '.') {
    digits = skip_digits(text, len, at + 1);
    if (digits == at + 1) return false;
    at = digits;
  }
  if (at < len && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    if (at < len && (text[at] == '+' || text[at] == '-')) at++;
    digits = skip_digits(text, len, at);
    if (digits == at) return false;
    at = digits;
  }
  return at == len;
}

void sm_json_put_text(sm_buf *json, const char *text, size_t len) {
  sm_buf_append_char(json, '"');
  size_t start = 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    sm_buf_append(json, text + start, i - start);
    sm_buf_printf(json, "\\u%04x", (unsigned)c);
    start = i + 1;
  }
  sm_buf_append(json, text + start, len - start);
  sm_buf_append_char(json, '"');
}
