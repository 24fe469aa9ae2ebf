/* Which of a meter's sequence numbers are settled: stored, a duplicate, or durably refused. From
 * this the server tells a meter how far it may forget (`meters/{id}/ack`): all of an epoch up to N,
 * contiguous only. A meter numbers its readings `seq` = n, n + 1, … within an `epoch`, which is new
 * whenever `seq` starts over; `seq_first` is the oldest that it still holds, so what is below is
 * settled whatever became of it. Without `seq_first` the first `seq` seen is the base.
 *
 * Settling is a set union: any order, any number of times, gives the same state. What does not fit
 * (too many gaps, too many epochs) is forgotten and never claimed: the meter sends it again. Pure;
 * one thread. */
#ifndef SM_MODEL_SEQUENCE_H
#define SM_MODEL_SEQUENCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one reading says of its place. */
typedef struct sm_seq_mark {
  bool present; /* the meter sent `seq`; else nothing else holds */
  bool has_first;
  uint32_t epoch; /* 0 if the meter sent none */
  uint32_t seq;
  uint32_t first; /* `seq_first`, if has_first */
} sm_seq_mark;

enum {
  SM_SEQUENCE_EPOCHS_MAX = 4, /* a meter has one, and the one before it in its log */
  /* Several connections that share a meter's messages commit beside each other, so what has come of
   * a backlog may have as many gaps as messages are on their way. 4 KiB a meter at most. */
  SM_SEQUENCE_RANGES_MAX = 512
};

typedef struct sm_seq_range {
  uint32_t first;
  uint32_t last; /* inclusive */
} sm_seq_range;

typedef struct sm_seq_epoch {
  uint64_t next; /* all below are settled, this one is not; up to 2^32 */
  uint32_t epoch;
  uint16_t range_count;
  uint16_t range_cap;
  sm_seq_range *ranges; /* settled beyond `next`: ascending, apart, none touching another */
} sm_seq_epoch;

/* All zero is a meter that has never sent `seq`. */
typedef struct sm_sequence {
  sm_seq_epoch *epoch; /* the one heard of last first */
  uint8_t count;
} sm_sequence;

void sm_sequence_fini(sm_sequence *sequence); /* safe on a zeroed one */

/* Takes a mark that has become durable; one that is not present changes nothing. SM_ERR_NOMEM:
 * nothing was changed, and nothing wrong is claimed. */
SM_MUST_CHECK sm_err sm_sequence_settle(sm_sequence *sequence, const sm_seq_mark *mark);
/* The highest N such that all of the epoch up to N is settled; false: none, or an unknown epoch. */
bool sm_sequence_acked(const sm_sequence *sequence, uint32_t epoch, uint32_t *seq);
/* Whether settling this mark would change nothing. */
bool sm_sequence_has(const sm_sequence *sequence, const sm_seq_mark *mark);

#endif
