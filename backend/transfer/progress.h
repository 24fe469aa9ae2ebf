/* How far a long command is, told on standard error: a bar that draws itself again on a terminal,
 * else a line every ten seconds, so that a quick run in a script says nothing. One thread. */
#ifndef SM_TRANSFER_PROGRESS_H
#define SM_TRANSFER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SM_PROGRESS_TEXT_MAX = 160, SM_COUNT_TEXT_MAX = 48 };

typedef struct sm_progress {
  FILE *out; /* borrowed */
  bool terminal;
  bool drawn;       /* a bar stands on the terminal's line */
  const char *verb; /* "importing"; borrowed */
  const char *unit; /* "rows"; "": nothing is counted; borrowed */
  int64_t begun_ms; /* steady clock */
  int64_t told_ms;
} sm_progress;

/* How far it is: `count` units so far, and `done` of `total` of whatever measures the whole (bytes
 * of a file, pages). total 0: nobody knows. */
typedef struct sm_progress_point {
  uint64_t count;
  uint64_t done;
  uint64_t total;
} sm_progress_point;

void sm_progress_init(sm_progress *progress, FILE *out, const char *verb, const char *unit);
/* Tells it, if it is time to; cheap enough for every few thousand units. */
void sm_progress_at(sm_progress *progress, sm_progress_point point);
/* Takes the bar away, so that what is printed next begins on a clean line. */
void sm_progress_end(sm_progress *progress);
/* ms since init. */
int64_t sm_progress_elapsed_ms(const sm_progress *progress);

/* "importing [#####     ] 52 %, 1,234,567 rows, 312,000 rows/s, 0:07 left" after so many ms;
 * without a unit "checking the readings [#####     ] 52 %, 0:07 left". */
char *sm_progress_text(const char *verb, const char *unit, sm_progress_point point,
                       int64_t elapsed_ms, char out[SM_PROGRESS_TEXT_MAX]);
/* "1,234,567". */
char *sm_count_text(uint64_t count, char out[SM_COUNT_TEXT_MAX]);
/* "1 entry", "1,234,567 entries": `unit` is one of them, of at most 16 letters. */
char *sm_count_of(uint64_t count, const char *unit, char out[SM_COUNT_TEXT_MAX]);

#endif
