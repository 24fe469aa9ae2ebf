/* A column of whole numbers in few bytes: divided by the power of ten that all share, each foretold
 * from those before it, and only what was foretold wrongly is kept (bits.h).
 *
 * In bytes: 1 byte: low 4 bits the power of ten (0 to 9), high 4 bits the prediction; then the
 * residuals, zigzag, in groups. What cannot be is refused on reading, never computed with: all
 * arithmetic wraps. Pure. */
#ifndef SM_STORE_SERIES_COLUMN_H
#define SM_STORE_SERIES_COLUMN_H

#include "base/buf.h"
#include "base/err.h"
#include "store/series/wrapping.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory to work in, made once for columns of up to `count` numbers. */
typedef struct sm_column_work {
  int64_t *value; /* in units of 10^scale; sm_column_read leaves whole values here */
  uint64_t *residual;
  uint8_t *bytes;
} sm_column_work;

SM_MUST_CHECK sm_err sm_column_work_init(sm_column_work *work, size_t count); /* SM_ERR_NOMEM */
void sm_column_work_fini(sm_column_work *work);

/* What an owner knows of a column that the numbers before do not tell. Its order is the column's:
 * foretell(0), settle(0), foretell(1), … in whole values. NULL: it knows nothing. */
typedef struct sm_column_oracle {
  void *context;
  void (*begin)(void *context);
  int64_t (*foretell)(void *context, size_t at); /* the value of row `at` */
  void (*settle)(void *context, size_t at, int64_t value);
} sm_column_oracle;

/* Appends the `count` numbers of work->value (whole values; they are used up). `before` is a number
 * that the reader knows too, near the first. A failure sticks in `out`. */
void sm_column_write(sm_column_work *work, size_t count, int64_t before,
                     const sm_column_oracle *oracle, sm_buf *out);
/* Reads `count` numbers into work->value and moves *at behind them. False: not what was written. */
SM_MUST_CHECK bool sm_column_read(const uint8_t **at, const uint8_t *end, size_t count,
                                  int64_t before, const sm_column_oracle *oracle,
                                  sm_column_work *work);

/* A column of which few rows are asked for. */
typedef struct sm_column_look {
  const int64_t *value; /* of the first `used` rows: what was worked in */
  size_t used;
  int64_t last; /* from there on it goes on by the slope */
  int64_t slope;
} sm_column_look;

/* Reads as sm_column_read does, without an oracle, but for what follows of itself. `work` is the
 * look's as long as that is used. */
SM_MUST_CHECK bool sm_column_look_at(const uint8_t **at, const uint8_t *end, size_t count,
                                     int64_t before, sm_column_work *work, sm_column_look *look);
static inline int64_t sm_column_row(const sm_column_look *look, size_t row) {
  if (row < look->used) return look->value[row];
  return sm_wrapping_add(look->last, sm_wrapping_mul(look->slope, (int64_t)(row - look->used + 1)));
}

/* Moves *at behind a column that is not wanted. False: it cannot be one. */
SM_MUST_CHECK bool sm_column_pass(const uint8_t **at, const uint8_t *end, size_t count,
                                  sm_column_work *work);

#endif
