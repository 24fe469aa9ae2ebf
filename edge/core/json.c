#include "core/json.h"

#include "core/text.h"

#include <string.h>

enum { DEPTH_MAX = 8 };

typedef struct cursor {
  const char *at;
  const char *end;
} cursor;

static char peek(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
    c->at++;
  return c->at < c->end ? *c->at : '\0';
}

static bool take(cursor *c, char wanted) {
  if (peek(c) != wanted || c->at == c->end) return false;
  c->at++;
  return true;
}

static bool skip_text(cursor *c) {
  if (!take(c, '"')) return false;
  for (; c->at < c->end; c->at++) {
    if (*c->at == '"') {
      c->at++;
      return true;
    }
    if ((unsigned char)*c->at < 0x20) return false;
    if (*c->at == '\\' && ++c->at == c->end) return false;
  }
  return false;
}

static bool is_plain(char ch) {
  return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
         ch == '-' || ch == '+' || ch == '.';
}

/* A number or one of the three words: what it is, whoever asks for it looks. */
static bool skip_plain(cursor *c) {
  const char *from = c->at;
  while (c->at < c->end && is_plain(*c->at)) c->at++;
  return c->at > from;
}

/* Objects and arrays by their brackets; what is between them must be of the right kind only. */
static bool skip_nested(cursor *c) {
  char closes[DEPTH_MAX];
  unsigned depth = 0;
  do {
    char ch = peek(c);
    if (ch == '{' || ch == '[') {
      if (depth == DEPTH_MAX) return false;
      closes[depth++] = ch == '{' ? '}' : ']';
      c->at++;
    } else if (ch == '"') {
      if (!skip_text(c)) return false;
    } else if (ch != '\0' && ch == closes[depth - 1]) {
      depth--;
      c->at++;
    } else if (ch == ',' || ch == ':') {
      c->at++;
    } else if (!skip_plain(c)) {
      return false;
    }
  } while (depth > 0);
  return true;
}

static bool skip_value(cursor *c, edge_json *value) {
  char ch = peek(c);
  const char *from = c->at;
  bool good = ch == '"' ? skip_text(c) : ch == '{' || ch == '[' ? skip_nested(c) : skip_plain(c);
  if (good) *value = (edge_json){from, (size_t)(c->at - from)};
  return good;
}

static bool says(edge_json text, const char *name) {
  size_t len = strlen(name);
  return text.len == len + 2 && memcmp(text.at + 1, name, len) == 0;
}

bool edge_json_member(edge_json object, const char *name, edge_json *value) {
  cursor c = {object.at, object.at + object.len};
  bool found = false;
  edge_json key;
  edge_json one;
  if (!take(&c, '{')) return false;
  if (!take(&c, '}')) {
    do {
      if (peek(&c) != '"' || !skip_value(&c, &key) || !take(&c, ':') || !skip_value(&c, &one))
        return false;
      if (!found && says(key, name)) {
        found = true;
        *value = one;
      }
    } while (take(&c, ','));
    if (!take(&c, '}')) return false;
  }
  (void)peek(&c);
  return found && c.at == c.end;
}

bool edge_json_u32(edge_json value, uint32_t *number) {
  return edge_text_to_u32(value.at, value.len, number);
}

static bool decode(char escape, char *out) {
  static const char from[] = "\"\\/nrt";
  static const char to[] = "\"\\/\n\r\t";
  const char *at = escape == '\0' ? NULL : strchr(from, escape);
  if (at == NULL) return false;
  *out = to[at - from];
  return true;
}

bool edge_json_text(edge_json value, char *out, size_t cap) {
  if (value.len < 2 || value.at[0] != '"') return false;
  size_t len = 0;
  for (size_t i = 1; i + 1 < value.len; i++) {
    char ch = value.at[i];
    if (ch == '\\' && !decode(value.at[++i], &ch)) return false;
    if (len + 1 >= cap) return false;
    out[len++] = ch;
  }
  if (cap == 0) return false;
  out[len] = '\0';
  return true;
}
