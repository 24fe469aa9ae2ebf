#include "ingest/scan.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

void sm_scan_init(sm_scan *scan, const char *text, size_t len) {
  scan->at = text;
  scan->begin = text;
  scan->end = text + len;
  scan->depth = 0;
  scan->problem = SM_SCAN_GOOD;
  scan->what = "";
  scan->name = scan->few;
  scan->name_count = 0;
  scan->name_cap = SM_SCAN_NAMES_FEW;
}

void sm_scan_fini(sm_scan *scan) {
  if (scan->name != scan->few) free(scan->name);
}

bool sm_scan_fail(sm_scan *scan, const char *what) {
  if (scan->problem == SM_SCAN_GOOD) {
    scan->problem = SM_SCAN_MALFORMED;
    scan->what = what;
  }
  return false;
}

/* ---- characters ---- */

char sm_scan_skip_space(sm_scan *scan) {
  const char *p = scan->at;
  while (p < scan->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  scan->at = p;
  return p < scan->end ? *p : '\0';
}

/* The four digits of \uXXXX at p; -1 if they are not there. */
static int32_t take_unit(const char *p, const char *end) {
  if (end - p < 4) return -1;
  int32_t unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = sm_hex_value(p[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/* The character that an escape means, *p behind its backslash and then behind all of it; -1: none.
 */
static int32_t take_escape(const char **p, const char *end) {
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  if (*p == end) return -1;
  char c = *(*p)++;
  if (c != 'u') {
    const char *found = c != '\0' ? strchr(letters, c) : NULL;
    return found != NULL ? meanings[found - letters] : -1;
  }
  int32_t unit = take_unit(*p, end);
  if (unit <= 0) return -1; /* U+0000 neither */
  *p += 4;
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  bool pair = unit < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u';
  int32_t low = pair ? take_unit(*p + 2, end) : -1;
  if (low < 0xdc00 || low > 0xdfff) return -1;
  *p += 6;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t encode(int32_t c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | (c >> 6));
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | (c >> 12));
    out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | (c >> 18));
  out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
  out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

/* ---- strings ---- */

/* The bytes that most strings are made of: printable ASCII without quote and backslash. */
static bool is_plain(char c) {
  return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The top bit of each byte that is not plain. A borrow can set one too many, but only above one
 * that is right, so the lowest is. */
static uint64_t not_plain(uint64_t eight) {
  const uint64_t ones = 0x0101010101010101U;
  uint64_t quotes = eight ^ (ones * '"');
  uint64_t escapes = eight ^ (ones * '\\');
  uint64_t special =
      ((quotes - ones) & ~quotes) | ((escapes - ones) & ~escapes) | (eight - ones * 0x20) | eight;
  return special & (ones * 0x80);
}

/* The first byte that is not plain, eight at a time: strings are most of a payload. */
static const char *skip_plain(const char *p, const char *end) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  while (end - p >= 8) {
    uint64_t eight;
    memcpy(&eight, p, sizeof eight);
    uint64_t special = not_plain(eight);
    if (special != 0) return p + __builtin_ctzll(special) / 8;
    p += 8;
  }
#endif
  while (p < end && is_plain(*p)) p++;
  return p;
}

bool sm_scan_string(sm_scan *scan, sm_scan_text *text) {
  const char *end = scan->end;
  const char *p = scan->at + 1;
  text->text = p;
  text->escaped = false;
  for (;;) {
    p = skip_plain(p, end);
    scan->at = p;
    if (p == end) return sm_scan_fail(scan, "a string without its end");
    if (*p == '"') break;
    if (*p == '\\') {
      text->escaped = true;
      p++;
      if (take_escape(&p, end) < 0) return sm_scan_fail(scan, "an escape that means no character");
      continue;
    }
    size_t step = (unsigned char)*p < 0x20 ? 0 : sm_utf8_step(p, (size_t)(end - p));
    if (step == 0) return sm_scan_fail(scan, "a control character in a string");
    p += step;
  }
  text->len = (size_t)(p - text->text);
  scan->at = p + 1;
  return true;
}

/* The next character of a text that has been scanned, decoded; its bytes. */
static size_t next_char(const char **p, const char *end, char out[4]) {
  if (**p == '\\') {
    (*p)++;
    return encode(take_escape(p, end), out);
  }
  size_t step = sm_utf8_step(*p, (size_t)(end - *p));
  memcpy(out, *p, step);
  *p += step;
  return step;
}

size_t sm_scan_decode(const sm_scan_text *text, char *out, size_t cap) {
  const char *p = text->text;
  const char *end = p + text->len;
  size_t len = 0;
  while (p < end) {
    char bytes[4];
    size_t step = next_char(&p, end, bytes);
    if (len + step >= cap) break;
    memcpy(out + len, bytes, step);
    len += step;
  }
  out[len] = '\0';
  return len;
}

/* As memcmp would order them decoded, a prefix before what it begins. */
static int compare_decoded(const sm_scan_text *a, const sm_scan_text *b) {
  const char *p = a->text;
  const char *q = b->text;
  const char *p_end = p + a->len;
  const char *q_end = q + b->len;
  while (p < p_end && q < q_end) {
    char x[4];
    char y[4];
    size_t x_len = next_char(&p, p_end, x);
    size_t y_len = next_char(&q, q_end, y);
    int order = memcmp(x, y, x_len < y_len ? x_len : y_len);
    if (order != 0) return order; /* of valid UTF-8, none is the beginning of another */
  }
  return (p < p_end) - (q < q_end);
}

static int compare_texts(const void *left, const void *right) {
  const sm_scan_text *a = left;
  const sm_scan_text *b = right;
  if (a->escaped || b->escaped) return compare_decoded(a, b);
  size_t shorter = a->len < b->len ? a->len : b->len;
  int order = memcmp(a->text, b->text, shorter);
  return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

bool sm_scan_says(const sm_scan_text *text, const char *bytes, size_t len) {
  if (!text->escaped) return text->len == len && memcmp(text->text, bytes, len) == 0;
  const sm_scan_text other = {.text = bytes, .len = len};
  return compare_decoded(text, &other) == 0;
}

/* ---- names ---- */

bool sm_scan_keep_name(sm_scan *scan, const sm_scan_text *name) {
  if (scan->name_count == scan->name_cap) {
    size_t cap = scan->name_cap * 2;
    bool few = scan->name == scan->few;
    sm_scan_text *grown = realloc(few ? NULL : scan->name, cap * sizeof *grown);
    if (grown == NULL) {
      if (scan->problem == SM_SCAN_GOOD) scan->problem = SM_SCAN_NO_MEMORY;
      return false;
    }
    if (few) memcpy(grown, scan->few, sizeof scan->few);
    scan->name = grown;
    scan->name_cap = cap;
  }
  scan->name[scan->name_count++] = *name;
  return true;
}

/* Heapsort: an attacker chooses the names, and qsort's time may depend on them. */
static void sift(sm_scan_text *name, size_t root, size_t count) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && compare_texts(&name[child], &name[child + 1]) < 0) child++;
    if (compare_texts(&name[root], &name[child]) >= 0) return;
    sm_scan_text other = name[root];
    name[root] = name[child];
    name[child] = other;
  }
}

static void sort(sm_scan_text *name, size_t count) {
  for (size_t i = count / 2; i-- > 0;) sift(name, i, count);
  for (size_t last = count; last-- > 1;) {
    sm_scan_text other = name[0];
    name[0] = name[last];
    name[last] = other;
    sift(name, 0, last);
  }
}

bool sm_scan_fail_twice(sm_scan *scan, const sm_scan_text *name) {
  scan->problem = SM_SCAN_TWICE;
  scan->twice = *name;
  return false;
}

/* Forgets the names of the innermost object; false if two of them are equal. */
static bool end_names(sm_scan *scan) {
  size_t mark = scan->mark[scan->depth];
  sm_scan_text *name = scan->name + mark;
  size_t count = scan->name_count - mark;
  scan->name_count = mark;
  if (count < 2) return true;
  sort(name, count);
  for (size_t i = 1; i < count; i++)
    if (compare_texts(&name[i - 1], &name[i]) == 0) return sm_scan_fail_twice(scan, &name[i]);
  return true;
}

void sm_scan_settle(sm_scan *scan) {
  while (scan->depth > SM_SCAN_DEPTH_MAX) scan->depth--; /* the one that was not opened */
  while (scan->problem == SM_SCAN_MALFORMED && scan->depth > 0) {
    (void)end_names(scan);
    scan->depth--;
  }
}

/* ---- values ---- */

bool sm_scan_open(sm_scan *scan) {
  if (++scan->depth > SM_SCAN_DEPTH_MAX) return sm_scan_fail(scan, "nested too deep");
  scan->mark[scan->depth] = scan->name_count;
  scan->at++;
  return true;
}

static bool close_here(sm_scan *scan) {
  bool good = end_names(scan);
  scan->depth--;
  scan->at++;
  return good;
}

bool sm_scan_empty(sm_scan *scan, char close) {
  return sm_scan_peek(scan) == close && close_here(scan);
}

bool sm_scan_next(sm_scan *scan, char close, bool *more) {
  char c = sm_scan_peek(scan);
  *more = c == ',';
  if (c == close) return close_here(scan);
  if (c != ',') return sm_scan_fail(scan, "a comma or the end of what was opened is expected");
  scan->at++;
  return true;
}

bool sm_scan_number(sm_scan *scan, sm_number *number) {
  const char *problem = sm_number_scan(&scan->at, scan->end, number);
  return problem == NULL || sm_scan_fail(scan, problem);
}

bool sm_scan_name(sm_scan *scan, sm_scan_text *name) {
  if (sm_scan_peek(scan) != '"') return sm_scan_fail(scan, "the name of a member is expected");
  return sm_scan_string(scan, name);
}

bool sm_scan_colon(sm_scan *scan) {
  if (sm_scan_peek(scan) != ':') return sm_scan_fail(scan, "a colon is expected");
  scan->at++;
  return true;
}

static bool skip_word(sm_scan *scan, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
    return sm_scan_fail(scan, "a value is expected");
  scan->at += len;
  return true;
}

/* Depth is bounded by sm_scan_open. */
static bool skip_array(sm_scan *scan) { // NOLINT(misc-no-recursion)
  if (!sm_scan_open(scan)) return false;
  if (sm_scan_empty(scan, ']')) return true;
  bool more = true;
  while (more)
    if (!sm_scan_skip(scan) || !sm_scan_next(scan, ']', &more)) return false;
  return true;
}

static bool skip_object(sm_scan *scan) { // NOLINT(misc-no-recursion)
  if (!sm_scan_open(scan)) return false;
  if (sm_scan_empty(scan, '}')) return true;
  bool more = true;
  while (more) {
    sm_scan_text name;
    if (!sm_scan_name(scan, &name) || !sm_scan_keep_name(scan, &name) || !sm_scan_colon(scan) ||
        !sm_scan_skip(scan) || !sm_scan_next(scan, '}', &more))
      return false;
  }
  return true;
}

bool sm_scan_skip(sm_scan *scan) { // NOLINT(misc-no-recursion)
  sm_number number;
  sm_scan_text text;
  char c = sm_scan_peek(scan);
  switch (c) {
  case '{':
    return skip_object(scan);
  case '[':
    return skip_array(scan);
  case '"':
    return sm_scan_string(scan, &text);
  case 't':
    return skip_word(scan, "true");
  case 'f':
    return skip_word(scan, "false");
  case 'n':
    return skip_word(scan, "null");
  default:
    if (c == '-' || (c >= '0' && c <= '9')) return sm_scan_number(scan, &number);
    return sm_scan_fail(scan, "a value is expected");
  }
}
