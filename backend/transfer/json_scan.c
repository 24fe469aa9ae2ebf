#include "transfer/json_scan.h"

#include "base/ascii.h"
#include "ingest/scan.h"

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

/* Passes the value that the scan stands at, well-formed or not; true: another member follows. */
static bool pass_value(sm_scan *scan, const char *text, size_t len) {
  scan->at = text + value_end(text, len, (size_t)(scan->at - text));
  return scan->at < scan->end && *scan->at++ == ',';
}

static bool find_text(sm_scan *scan, const char *text, size_t len, const char *name,
                      sm_scan_text *value) {
  size_t name_len = strlen(name);
  if (sm_scan_peek(scan) != '{') return false;
  scan->at++;
  do {
    sm_scan_text key;
    if (!sm_scan_name(scan, &key) || !sm_scan_colon(scan)) return false;
    char begin = sm_scan_peek(scan);
    if (sm_scan_says(&key, name, name_len)) return begin == '"' && sm_scan_string(scan, value);
  } while (pass_value(scan, text, len));
  return false;
}

bool sm_json_scan_text(const char *text, size_t len, const char *name, char out[SM_JSON_TEXT_MAX],
                       size_t *out_len) {
  sm_scan scan;
  sm_scan_text value;
  sm_scan_init(&scan, text, len);
  bool found = find_text(&scan, text, len, name, &value);
  if (found) *out_len = sm_scan_decode(&value, out, SM_JSON_TEXT_MAX);
  sm_scan_fini(&scan);
  return found;
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

bool sm_json_is_number(const char *text, size_t len) {
  sm_number number;
  const char *at = text;
  return len > 0 && sm_number_scan(&at, text + len, &number) == NULL && at == text + len;
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
