/* A strict JSON scanner over bytes in memory (RFC 8259): no tree, no copies. It checks all that it
 * passes: grammar, UTF-8, escapes and surrogates, depth, and that no object has a member twice,
 * whatever way their names are written. \u0000 is not taken, as no text here may hold it.
 *
 * The first problem stands and stops the scan: functions return false, `problem` says which kind,
 * `what` and `at` what and where. One thread a scan. */
#ifndef SM_INGEST_SCAN_H
#define SM_INGEST_SCAN_H

#include "base/err.h"
#include "ingest/number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_scan_problem {
  SM_SCAN_GOOD,
  SM_SCAN_MALFORMED,
  SM_SCAN_TWICE, /* a member stands twice: `twice` is its name */
  SM_SCAN_NO_MEMORY
} sm_scan_problem;

/* A string of the text, without its quotes, as it is written. */
typedef struct sm_scan_text {
  const char *text;
  size_t len;
  bool escaped; /* it has escapes: compare and show it decoded */
} sm_scan_text;

enum { SM_SCAN_NAMES_FEW = 32, SM_SCAN_DEPTH_MAX = 16 };

typedef struct sm_scan {
  const char *at;
  const char *begin;
  const char *end;
  int depth;
  sm_scan_problem problem;
  const char *what; /* static */
  sm_scan_text twice;

  /* the names of the members of all objects that are open, for finding one twice */
  sm_scan_text *name;
  size_t name_count;
  size_t name_cap;
  size_t mark[SM_SCAN_DEPTH_MAX + 1]; /* by depth: name_count when it was opened */
  sm_scan_text few[SM_SCAN_NAMES_FEW];
} sm_scan;

void sm_scan_init(sm_scan *scan, const char *text, size_t len);
void sm_scan_fini(sm_scan *scan);

/* Always false: notes the first problem. */
bool sm_scan_fail(sm_scan *scan, const char *what);

/* Moves over white space; the character there, '\0' at the end (which a NUL in the text is not:
 * compare `at` with `end`). */
char sm_scan_skip_space(sm_scan *scan);
static inline char sm_scan_peek(sm_scan *scan) {
  if (scan->at<scan->end && * scan->at> ' ') return *scan->at;
  return sm_scan_skip_space(scan);
}
/* Passes the '{' or '[' that the scan stands at. */
bool sm_scan_open(sm_scan *scan);
/* What stands behind an element or member: true and *more for a comma; true and not *more for
 * `close`, which ends the array or object; no two names that were kept of it may be equal. */
bool sm_scan_next(sm_scan *scan, char close, bool *more);
/* Passes `close` if it stands there: an array or object with nothing in it. */
bool sm_scan_empty(sm_scan *scan, char close);

bool sm_scan_number(sm_scan *scan, sm_number *number);
/* The string whose opening quote the scan stands at. */
bool sm_scan_string(sm_scan *scan, sm_scan_text *text);
/* Any value, and all that is in it. */
bool sm_scan_skip(sm_scan *scan);
/* The name of a member, and then the colon behind it. Between the two the caller keeps the name,
 * or finds out by itself whether it stands twice. */
bool sm_scan_name(sm_scan *scan, sm_scan_text *name);
bool sm_scan_keep_name(sm_scan *scan, const sm_scan_text *name);
bool sm_scan_colon(sm_scan *scan);
/* Always false: a member stands twice. */
bool sm_scan_fail_twice(sm_scan *scan, const sm_scan_text *name);
/* After a malformed text: whether a member stood twice before that place, which then is the first
 * problem. */
void sm_scan_settle(sm_scan *scan);

/* The text decoded into `out`, terminated, cut to `cap` - 1 bytes at a character; its length. */
size_t sm_scan_decode(const sm_scan_text *text, char *out, size_t cap);
/* Whether it says the same as `len` bytes without escapes. */
bool sm_scan_says(const sm_scan_text *text, const char *bytes, size_t len);

#endif
