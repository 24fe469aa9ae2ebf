#include "base/csv.h"

#include <stdbool.h>
#include <string.h>

static size_t count_lines(const char *text, size_t len) {
  size_t lines = 0;
  const char *at = text;
  const char *end = text + len;
  while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    lines++;
    at++;
  }
  return lines;
}

/* A quote opens a quoted field only at a field's start; inside, two of them are one. Elsewhere it
 * is a letter like others, so that one stray quote does not swallow the rest of a file. */
static size_t quoted_record_len(const char *text, size_t len) {
  bool quoted = false;
  bool at_start = true;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 == len) return 0; /* the next byte says whether it closes */
      if (c == '"' && text[i + 1] == '"')
        i++;
      else if (c == '"')
        quoted = false;
      continue;
    }
    if (c == '\n') return i + 1;
    quoted = at_start && c == '"';
    at_start = c == ',';
  }
  return 0;
}

size_t sm_csv_record_len(const char *text, size_t len, size_t *lines) {
  if (len == 0) return 0;
  const char *feed = memchr(text, '\n', len);
  if (feed == NULL) return 0;
  size_t plain = (size_t)(feed - text) + 1;
  if (memchr(text, '"', plain) == NULL) {
    *lines = 1;
    return plain;
  }
  size_t record = quoted_record_len(text, len);
  if (record > 0) *lines = count_lines(text, record);
  return record;
}

/* Reads the quoted field at text[at] (its opening quote); gives where it ended. */
static sm_err take_quoted(char *text, size_t len, size_t at, sm_csv_field *field, size_t *after) {
  size_t write = at + 1;
  for (size_t i = at + 1; i < len; i++) {
    if (text[i] == '"' && i + 1 < len && text[i + 1] == '"')
      i++;
    else if (text[i] == '"') {
      if (i + 1 < len && text[i + 1] != ',') return SM_ERR_SYNTAX;
      *field = (sm_csv_field){.text = text + at + 1, .len = write - at - 1};
      *after = i + 1;
      return SM_OK;
    }
    text[write++] = text[i];
  }
  return SM_ERR_SYNTAX;
}

static size_t without_line_end(const char *record, size_t len) {
  if (len > 0 && record[len - 1] == '\n') len--;
  if (len > 0 && record[len - 1] == '\r') len--;
  return len;
}

sm_err sm_csv_split(char *record, size_t len, sm_csv_field *fields, size_t cap, size_t *count) {
  len = without_line_end(record, len);
  size_t n = 0;
  size_t at = 0;
  for (;;) {
    sm_csv_field field;
    if (at < len && record[at] == '"') {
      sm_err err = take_quoted(record, len, at, &field, &at);
      if (err != SM_OK) return err;
    } else {
      const char *comma = at < len ? memchr(record + at, ',', len - at) : NULL;
      size_t end = comma != NULL ? (size_t)(comma - record) : len;
      field = (sm_csv_field){.text = record + at, .len = end - at};
      at = end;
    }
    if (n < cap) fields[n] = field;
    n++;
    if (at >= len) break;
    at++; /* the comma */
  }
  *count = n;
  return SM_OK;
}
