#include "store/postgres/pg_dialect.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct word_pair {
  const char *from;
  const char *to;
} word_pair;

static const word_pair words[] = {
    {"user", "\"user\""},
    {"INTEGER", "bigint"},
    {"json_object", "json_build_object"},
    {"json_group_array", "json_agg"},
};

static bool is_word(char c) {
  return isalnum((unsigned char)c) != 0 || c == '_';
}

static size_t word_len(const char *at) {
  size_t len = 0;
  while (is_word(at[len])) len++;
  return len;
}

static bool is(const char *word, size_t len, const char *what) {
  return strlen(what) == len && memcmp(word, what, len) == 0;
}

static const char *skip_spaces(const char *at) {
  while (isspace((unsigned char)*at)) at++;
  return at;
}

/* Behind IS [NOT]: words with which PostgreSQL's IS goes on as it stands. */
static bool is_plain(const char *at) {
  static const char *const plain[] = {"NULL", "TRUE", "FALSE", "DISTINCT"};
  size_t len = word_len(at);
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
    if (is(at, len, plain[i])) return true;
  return false;
}

/* at is behind the word IS; gives where to go on. */
static const char *put_is(const char *at, sm_buf *out) {
  const char *next = skip_spaces(at);
  bool negated = is(next, word_len(next), "NOT");
  const char *operand = negated ? skip_spaces(next + 3) : next;
  if (is_plain(operand)) {
    sm_buf_append_text(out, "IS");
    return at;
  }
  sm_buf_append_text(out, negated ? "IS DISTINCT FROM " : "IS NOT DISTINCT FROM ");
  return operand;
}

static const char *put_word(const char *at, sm_buf *out) {
  size_t len = word_len(at);
  if (is(at, len, "IS")) return put_is(at + len, out);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (!is(at, len, words[i].from)) continue;
    sm_buf_append_text(out, words[i].to);
    return at + len;
  }
  sm_buf_append(out, at, len);
  return at + len;
}

/* Up to and with the closing quote, which is doubled inside; NULL if there is none. */
static const char *put_quoted(const char *at, sm_buf *out) {
  const char *end = strchr(at + 1, *at);
  if (end == NULL) return NULL;
  sm_buf_append(out, at, (size_t)(end + 1 - at));
  return end + 1;
}

static const char *put_value(const char *at, sm_buf *out, int *params) {
  if (!isdigit((unsigned char)at[1])) return NULL;
  size_t len = word_len(at + 1);
  long number = strtol(at + 1, NULL, 10);
  if (number > *params) *params = number < INT_MAX ? (int)number : INT_MAX;
  sm_buf_append_text(out, "$");
  sm_buf_append(out, at + 1, len);
  return at + 1 + len;
}

sm_err sm_pg_translate(const char *sql, sm_buf *out, int *params) {
  int highest = 0;
  const char *at = sql;
  while (at != NULL && *at != '\0') {
    if (*at == '\'' || *at == '"') {
      at = put_quoted(at, out);
    } else if (*at == '?') {
      at = put_value(at, out, &highest);
    } else if (is_word(*at)) {
      at = put_word(at, out);
    } else {
      sm_buf_append(out, at++, 1);
    }
  }
  if (at == NULL) return SM_ERR_INVALID;
  if (out->err == SM_OK) *params = highest;
  return out->err;
}
