#include "foreign/pick.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = SM_MAPPING_SOURCE_MAX + 8, NAME_MAX_BYTES = SM_MAPPING_SOURCE_MAX + 1 };

typedef struct walk {
  sm_scan *scan;
  sm_pick *pick;
  size_t count;
  char path[PATH_MAX_BYTES]; /* of the value that the scan stands at, as a pointer */
  size_t len;                /* of it; more than fits no pointer, and is SIZE_MAX */
} walk;

static void put(walk *w, char c) {
  if (w->len == SIZE_MAX) return;
  if (w->len + 1 >= sizeof w->path)
    w->len = SIZE_MAX;
  else
    w->path[w->len++] = c;
}

static void put_level(walk *w, const char *name, size_t len) {
  put(w, '/');
  for (size_t i = 0; i < len; i++) {
    if (name[i] == '~' || name[i] == '/') {
      put(w, '~');
      put(w, name[i] == '~' ? '0' : '1');
    } else {
      put(w, name[i]);
    }
  }
}

static sm_pick *wanted(const walk *w) {
  if (w->len == SIZE_MAX || w->len == 0) return NULL;
  for (size_t i = 0; i < w->count; i++)
    if (strlen(w->pick[i].pointer) == w->len && memcmp(w->pick[i].pointer, w->path, w->len) == 0)
      return &w->pick[i];
  return NULL;
}

static void add_number(sm_pick *p, const sm_number *number) {
  if (p->count < SM_MAPPING_PHASES_MAX)
    p->number[p->count++] = *number;
  else
    p->other = true;
}

static void add_text(sm_pick *p, const sm_scan_text *text) {
  p->text = *text;
  const char *at = text->text;
  const char *end = at + text->len;
  sm_number number;
  if (!text->escaped && text->len > 0 && sm_number_scan(&at, end, &number) == NULL && at == end)
    add_number(p, &number);
  else
    p->other = true;
}

static bool scan_value(walk *w, sm_pick *into);

static bool scan_array(walk *w, sm_pick *here, sm_pick *into) {
  if (into != NULL) into->other = true; /* an array in an array */
  if (here != NULL) here->array = true;
  if (!sm_scan_open(w->scan)) return false;
  if (sm_scan_empty(w->scan, ']')) return true;
  size_t len = w->len;
  bool more = true;
  for (size_t i = 0; more; i++) {
    char index[24];
    int digits = snprintf(index, sizeof index, "%zu", i);
    put_level(w, index, (size_t)digits);
    (void)sm_scan_peek(w->scan);
    if (!scan_value(w, here) || !sm_scan_next(w->scan, ']', &more)) return false;
    w->len = len;
  }
  return true;
}

static bool scan_object(walk *w) {
  if (!sm_scan_open(w->scan)) return false;
  if (sm_scan_empty(w->scan, '}')) return true;
  size_t len = w->len;
  for (bool more = true; more;) {
    sm_scan_text name;
    char plain[NAME_MAX_BYTES];
    if (!sm_scan_name(w->scan, &name) || !sm_scan_keep_name(w->scan, &name) ||
        !sm_scan_colon(w->scan))
      return false;
    size_t plain_len = sm_scan_decode(&name, plain, sizeof plain);
    put_level(w, plain, plain_len);
    if (name.len >= sizeof plain) w->len = SIZE_MAX; /* it may have been cut */
    (void)sm_scan_peek(w->scan);
    if (!scan_value(w, NULL) || !sm_scan_next(w->scan, '}', &more)) return false;
    w->len = len;
  }
  return true;
}

/* The value that the scan stands at; `into` is the pick of the array that it is an element of. */
static bool scan_value(walk *w, sm_pick *into) {
  sm_pick *here = wanted(w);
  sm_pick *const takers[2] = {here, into};
  char c = sm_scan_peek(w->scan);
  if (c == '[') return scan_array(w, here, into);
  if (c == '{' || !(c == '-' || c == '"' || (c >= '0' && c <= '9'))) {
    for (int i = 0; i < 2; i++)
      if (takers[i] != NULL) takers[i]->other = true;
    return c == '{' ? scan_object(w) : sm_scan_skip(w->scan);
  }
  sm_number number = {0};
  sm_scan_text text = {0};
  if (c == '"' ? !sm_scan_string(w->scan, &text) : !sm_scan_number(w->scan, &number)) return false;
  for (int i = 0; i < 2; i++) {
    if (takers[i] == NULL) continue;
    if (c == '"')
      add_text(takers[i], &text);
    else
      add_number(takers[i], &number);
  }
  return true;
}

bool sm_pick_all(sm_scan *scan, sm_pick *pick, size_t count) {
  walk w = {.scan = scan, .pick = pick, .count = count};
  (void)sm_scan_peek(scan);
  if (!scan_value(&w, NULL)) return false;
  (void)sm_scan_peek(scan);
  return scan->at == scan->end || sm_scan_fail(scan, "more behind the end");
}
