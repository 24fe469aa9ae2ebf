/* Carries the readings of one store into another, whatever their engines: pass after pass, each of
 * which puts the pieces that differ (store/readings_move.h). What is stored meanwhile is found by
 * the next pass, and a pass that was broken off is gone on with by another one. */
#ifndef SM_TRANSFER_MOVE_H
#define SM_TRANSFER_MOVE_H

#include "store/readings_move.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_move_counts {
  uint64_t series;
  uint64_t readings; /* all that ever came, of which raw was kept or not */
  uint64_t quarters;
  uint64_t raw; /* if `whole` */
  uint64_t rejects;
  uint64_t days_put;     /* pieces that differed */
  uint64_t readings_put; /* in them */
  uint8_t digest[32];    /* if `whole`: SHA-256 over every piece, the same on both sides */
} sm_move_counts;

typedef struct sm_move_pass {
  sm_readings *from;
  sm_readings *to; /* a writer */
  /* Every reading is read on both sides and compared; else a day is taken for the same if its
   * quarters are. */
  bool whole;
  /* Told now and then; false ends it: SM_ERR_CLOSED. */
  bool (*progress)(void *context, uint64_t readings, uint64_t done, uint64_t total);
  /* NULL, or asked every half a minute for a newer view of `from` in place of the one before, which
   * would hold back what its writer has to clear away. */
  sm_err (*again)(void *context, sm_readings **from);
  void *context;
} sm_move_pass;

/* SM_ERR_CONFLICT: `to` holds something that `from` does not, so it is no copy of it.
 * SM_ERR_CORRUPT: what was written is not what is read back. The errors of both stores. */
SM_MUST_CHECK sm_err sm_move_pass_run(const sm_move_pass *pass, sm_move_counts *counts);

#endif
