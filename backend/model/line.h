/* The kinds of a bill's lines. A tariff's taxes name them in `on`, a bill's lines carry them. */
#ifndef SM_MODEL_LINE_H
#define SM_MODEL_LINE_H

#include "base/err.h"

#include <stdint.h>

typedef enum sm_line_kind {
  SM_LINE_ENERGY,
  SM_LINE_TIME_OF_DAY,
  SM_LINE_DEMAND,
  SM_LINE_FIXED,
  SM_LINE_SURCHARGE,
  SM_LINE_MINIMUM,
  SM_LINE_TRUE_UP,
  SM_LINE_TAX,
  SM_LINE_ROUNDING,
  SM_LINE_KIND_COUNT
} sm_line_kind;

/* A set of kinds, one bit each. */
typedef uint32_t sm_line_set;
#define SM_LINE_BIT(kind) ((sm_line_set)1 << (kind))
/* Every kind that a tax may be on: all but `tax` and `rounding`. */
#define SM_LINE_TAXABLE ((sm_line_set)(SM_LINE_BIT(SM_LINE_TAX) - 1))

/* "energy", "time_of_day", …; never NULL. */
const char *sm_line_kind_name(sm_line_kind kind);
/* The kind of a name; SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_line_kind_parse(const char *name, sm_line_kind *kind);

#endif
