/* Edits of a register: what a person says about a meter's readings, applied to the points that
 * bills and buckets are made from. The readings themselves are never changed: an edit stands beside
 * them, and taking it back gives the old bill. Who made it, when and why is the ledger's
 * (store/ledger.h); here is only what it does.
 *
 * Pure; any number of threads. */
#ifndef SM_MODEL_EDIT_H
#define SM_MODEL_EDIT_H

#include "base/err.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_edit_kind {
  SM_EDIT_MANUAL, /* a person read the register */
  SM_EDIT_VOID,   /* the reading of that instant is not to be used for bills */
  SM_EDIT_CORRECT /* the same, and what the register was */
} sm_edit_kind;
const char *sm_edit_kind_name(sm_edit_kind kind);                              /* "manual", … */
SM_MUST_CHECK sm_err sm_edit_kind_parse(const char *name, sm_edit_kind *kind); /* INVALID */

typedef struct sm_edit {
  int64_t ts_ms;
  sm_edit_kind kind;
  int64_t wh; /* the register; of a void nothing */
} sm_edit;

/* The edits of one register that hold, by time, at most one an instant. Zeroed: none. */
typedef struct sm_edits {
  const sm_edit *item;
  size_t count;
} sm_edits;

/* Whether an edit lies in [from, to). */
bool sm_edits_touch(const sm_edits *edits, int64_t from_ms, int64_t to_ms);
/* The edit of an instant, borrowed; NULL: none. */
const sm_edit *sm_edits_at(const sm_edits *edits, int64_t ts_ms);

/* What is left of `count` points (by time; several of an instant are fine) once the edits have
 * done their work: a point of an edited instant goes, whatever it says, and each manual or
 * corrected register of [from, to) stands as a point with `stated` set; gap_ms stays where the
 * point before is still the one before. Applied twice it is as applied once. *applied is heap
 * memory of the caller, by time; NULL if nothing is left. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_edits_apply(const sm_edits *edits, int64_t from_ms, int64_t to_ms,
                                    const sm_register_point *point, size_t count,
                                    sm_register_point **applied, size_t *applied_count);

#endif
