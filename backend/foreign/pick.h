/* Values at JSON pointers in a payload, by the scanner that reads telemetry too: numbers stay the
 * digits that they are written with. Pure; any thread. */
#ifndef SM_FOREIGN_PICK_H
#define SM_FOREIGN_PICK_H

#include "foreign/mapping.h"
#include "ingest/number.h"
#include "ingest/scan.h"

typedef struct sm_pick {
  const char *pointer; /* "" is never found */
  size_t count;        /* numbers there: 0, one, or those of an array */
  sm_number number[SM_MAPPING_PHASES_MAX];
  bool array;
  bool other;        /* something is there that is no number, nor an array of them */
  sm_scan_text text; /* a string: `text` is NULL if there is none. Numbers in it count too */
} sm_pick;

/* Fills `count` picks from a payload; pointers lead to members of objects and elements of arrays.
 * False: it is not JSON; the scan, initialised by the caller, says what is wrong. */
bool sm_pick_all(sm_scan *scan, sm_pick *pick, size_t count);

#endif
