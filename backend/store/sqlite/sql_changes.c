/* Whether bytes are a changeset at all: SQLite 3.40 believes the lengths in one, and walks some
 * damaged ones for ever (found by fuzz/fuzz_mongo_document.c). Its format is that of
 * sqlite3session.c: for each table 'T', the number of its columns, a byte a column (its place in
 * the primary key), its name with a zero; then for each row the operation, a flag, and one record,
 * or of an update two. */
#include "store/sqlite/sql_copy.h"

#include <string.h>

enum { INSERT = 18, DELETE = 9, UPDATE = 23 }; /* SQLite's codes of authorizers */
enum { VALUE_NONE, VALUE_I64, VALUE_REAL, VALUE_TEXT, VALUE_BLOB, VALUE_NULL };

typedef struct walk {
  const uint8_t *at;
  const uint8_t *end;
  const uint8_t *key; /* a byte a column */
  size_t columns;
  bool bad;
} walk;

static uint8_t take_byte(walk *w) {
  if (w->at == w->end) w->bad = true;
  return w->bad ? 0 : *w->at++;
}

static void skip(walk *w, size_t count) {
  if (count > (size_t)(w->end - w->at)) w->bad = true;
  if (!w->bad) w->at += count;
}

/* Seven bits a byte, the highest first. What has more than four bytes is longer than any of these.
 */
static size_t take_length(walk *w) {
  size_t value = 0;
  for (int i = 0; i < 4; i++) {
    uint8_t byte = take_byte(w);
    value = value << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) return value;
  }
  w->bad = true;
  return 0;
}

static void take_table(walk *w) {
  size_t keys = 0;
  w->columns = take_length(w);
  w->key = w->at;
  if (w->columns == 0 || w->columns > SM_COPY_COLUMNS_MAX) w->bad = true;
  for (size_t c = 0; !w->bad && c < w->columns; c++) {
    uint8_t place = take_byte(w);
    if (place > w->columns) w->bad = true;
    keys += place != 0;
  }
  if (w->bad) return;
  const uint8_t *zero = memchr(w->at, 0, (size_t)(w->end - w->at));
  if (keys == 0 || zero == NULL || zero == w->at)
    w->bad = true;
  else
    w->at = zero + 1;
}

/* all: every value must be there; else those of the key. NULL is in no key. */
static void take_record(walk *w, bool keyed, bool all) {
  for (size_t c = 0; !w->bad && c < w->columns; c++) {
    uint8_t type = take_byte(w);
    bool key = keyed && w->key[c] != 0;
    if (type == VALUE_I64 || type == VALUE_REAL)
      skip(w, 8);
    else if (type == VALUE_TEXT || type == VALUE_BLOB)
      skip(w, take_length(w));
    else if (type > VALUE_NULL || (type == VALUE_NONE && (all || key)) ||
             (type == VALUE_NULL && key))
      w->bad = true;
  }
}

static void take_change(walk *w) {
  uint8_t op = take_byte(w);
  if (take_byte(w) > 1) w->bad = true;
  if (op == INSERT || op == DELETE) {
    take_record(w, true, true);
  } else if (op == UPDATE) {
    take_record(w, true, false);
    take_record(w, false, false);
  } else {
    w->bad = true;
  }
}

bool sm_changes_whole(const void *changes, size_t len) {
  walk w = {.at = changes, .end = (const uint8_t *)changes + len};
  while (!w.bad && w.at < w.end) {
    if (*w.at == 'T') {
      w.at++;
      take_table(&w);
    } else if (w.columns == 0) {
      w.bad = true;
    } else {
      take_change(&w);
    }
  }
  return !w.bad;
}
