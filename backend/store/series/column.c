#include "store/series/column.h"

#include "store/series/bits.h"
#include "store/series/varint.h"
#include "store/series/wrapping.h"

#include <stdlib.h>
#include <string.h>

/* How a number is foretold. The codes are in files: append only. */
enum {
  FROM_LAST,  /* it stays */
  FROM_MEAN,  /* what it has been around of late: for noise */
  FROM_SLOPE, /* it goes on as it went: for times */
  FROM_ORACLE /* what the other columns say */
};
enum { SCALE_MAX = 9, MEAN_SHIFT = 2, MEAN_BITS = 8 };

static const int64_t powers[SCALE_MAX + 1] = {1,      10,      100,      1000,      10000,
                                              100000, 1000000, 10000000, 100000000, 1000000000};

sm_err sm_column_work_init(sm_column_work *work, size_t count) {
  sm_column_work made = {
      .value = calloc(count + 1, sizeof *made.value),
      .residual = malloc((count + 1) * sizeof *made.residual),
      .bytes = malloc(count * SM_BITS_WORST + 16),
  };
  if (made.value == NULL || made.residual == NULL || made.bytes == NULL) {
    sm_column_work_fini(&made);
    return SM_ERR_NOMEM;
  }
  *work = made;
  return SM_OK;
}

void sm_column_work_fini(sm_column_work *work) {
  free(work->value);
  free(work->residual);
  free(work->bytes);
  *work = (sm_column_work){0};
}

/* ---- the common power of ten ---- */

static inline bool all_divide(const int64_t *value, size_t count, int64_t by) {
  for (size_t i = 0; i < count; i++)
    if (value[i] % by != 0) return false;
  return true;
}

static unsigned scale_of(const int64_t *value, size_t count) {
  /* The usual ones by constants, which a compiler divides by quickly. */
  if (!all_divide(value, count, 10)) return 0;
  if (!all_divide(value, count, 100)) return 1;
  unsigned scale = 2;
  while (scale < SCALE_MAX && all_divide(value, count, powers[scale + 1])) scale++;
  return scale;
}

/* To units, towards the nearest; exact for the column's own values. */
static int64_t to_units(int64_t value, unsigned scale) {
  if (scale == 0) return value;
  int64_t half = powers[scale] / 2;
  int64_t near = sm_wrapping_add(value, value < 0 ? -half : half);
  switch (scale) { /* the usual ones by constants, as above */
  case 1:
    return near / 10;
  case 2:
    return near / 100;
  default:
    return near / powers[scale];
  }
}

/* ---- foretelling, in units ---- */

typedef struct teller {
  unsigned how;
  unsigned scale;
  const sm_column_oracle *oracle;
  int64_t last;
  int64_t slope;
  int64_t mean; /* times 2^MEAN_BITS */
} teller;

static void begin(teller *t, unsigned how, unsigned scale, const sm_column_oracle *oracle,
                  int64_t before) {
  *t = (teller){.how = how, .scale = scale, .oracle = oracle, .last = to_units(before, scale)};
  t->mean = sm_wrapping_mul(t->last, 1 << MEAN_BITS);
  if (how == FROM_ORACLE) oracle->begin(oracle->context);
}

/* `how` is given apart, a constant at every use, so that each loop is made for one way. */
static inline int64_t foretell(const teller *t, unsigned how, size_t at) {
  switch (how) {
  case FROM_MEAN:
    return sm_wrapping_add(t->mean, 1 << (MEAN_BITS - 1)) >> MEAN_BITS;
  case FROM_SLOPE:
    return sm_wrapping_add(t->last, t->slope);
  case FROM_ORACLE:
    return to_units(t->oracle->foretell(t->oracle->context, at), t->scale);
  default:
    return t->last;
  }
}

static inline void settle(teller *t, unsigned how, size_t at, int64_t units) {
  switch (how) {
  case FROM_MEAN:
    t->mean = sm_wrapping_add(
        t->mean, sm_wrapping_sub(sm_wrapping_mul(units, 1 << MEAN_BITS), t->mean) >> MEAN_SHIFT);
    break;
  case FROM_SLOPE:
    t->slope = sm_wrapping_sub(units, t->last);
    t->last = units;
    break;
  case FROM_ORACLE:
    t->oracle->settle(t->oracle->context, at, sm_wrapping_mul(units, powers[t->scale]));
    break;
  default:
    t->last = units;
  }
}

/* ---- writing ---- */

static inline void foretell_run(const int64_t *units, size_t from, size_t to, teller *t,
                                unsigned how, uint64_t *residual) {
  for (size_t i = from; i < to; i++) {
    *residual++ = sm_zigzag(sm_wrapping_sub(units[i], foretell(t, how, i)));
    settle(t, how, i, units[i]);
  }
}

static void residuals(const int64_t *units, size_t from, size_t to, teller *t, uint64_t *residual) {
  switch (t->how) {
  case FROM_MEAN:
    foretell_run(units, from, to, t, FROM_MEAN, residual);
    break;
  case FROM_SLOPE:
    foretell_run(units, from, to, t, FROM_SLOPE, residual);
    break;
  case FROM_ORACLE:
    foretell_run(units, from, to, t, FROM_ORACLE, residual);
    break;
  default:
    foretell_run(units, from, to, t, FROM_LAST, residual);
  }
}

/* What a way would cost, in bits: of a long column judged by a part here and there. */
static size_t cost_of(sm_column_work *work, size_t count, teller t) {
  enum { WHOLE = 512, STRIDE = 1024, PART = 2 * SM_BITS_GROUP };
  size_t stride = count <= WHOLE ? count : STRIDE;
  size_t part = count <= WHOLE ? count : PART;
  size_t n = 0;
  for (size_t from = 0; from < count; from += stride) {
    size_t to = count - from < part ? count : from + part;
    residuals(work->value, from, to, &t, work->residual + n);
    n += to - from;
  }
  return sm_bits_estimate(work->residual, n);
}

static unsigned choose(sm_column_work *work, size_t count, unsigned scale, int64_t before,
                       const sm_column_oracle *oracle) {
  static const uint8_t ways[] = {FROM_ORACLE, FROM_LAST, FROM_MEAN, FROM_SLOPE};
  unsigned best = FROM_LAST;
  size_t best_bits = SIZE_MAX;
  for (size_t w = oracle == NULL ? 1 : 0; w < sizeof ways; w++) {
    teller t;
    begin(&t, ways[w], scale, oracle, before);
    size_t bits = cost_of(work, count, t);
    if (bits >= best_bits) continue;
    best_bits = bits;
    best = ways[w];
    if (bits <= count / 8) break; /* nothing to gain */
  }
  return best;
}

void sm_column_write(sm_column_work *work, size_t count, int64_t before,
                     const sm_column_oracle *oracle, sm_buf *out) {
  unsigned scale = scale_of(work->value, count);
  for (size_t i = 0; scale > 0 && i < count; i++) work->value[i] /= powers[scale];
  teller t;
  begin(&t, choose(work, count, scale, before, oracle), scale, oracle, before);
  residuals(work->value, 0, count, &t, work->residual);
  size_t len = sm_bits_write(work->residual, count, work->bytes);
  sm_buf_append_char(out, (char)(uint8_t)(scale | t.how << 4));
  sm_buf_append(out, work->bytes, len);
}

/* ---- reading ---- */

static inline void restore_run(sm_column_work *work, size_t count, teller *t, unsigned how) {
  int64_t power = powers[t->scale];
  for (size_t i = 0; i < count; i++) {
    int64_t units = sm_wrapping_add(foretell(t, how, i), sm_unzigzag(work->residual[i]));
    settle(t, how, i, units);
    work->value[i] = sm_wrapping_mul(units, power);
  }
}

static bool get_head(const uint8_t **at, const uint8_t *end, const sm_column_oracle *oracle,
                     unsigned *scale, unsigned *how) {
  if (*at == end) return false;
  uint8_t head = *(*at)++;
  *scale = head & 0x0fU;
  *how = head >> 4;
  return *scale <= SCALE_MAX && *how <= FROM_ORACLE && (*how != FROM_ORACLE || oracle != NULL);
}

/* The residuals of all rows: those that were not written are 0. */
static void fill(sm_column_work *work, size_t used, size_t count) {
  if (used < count) memset(work->residual + used, 0, (count - used) * sizeof *work->residual);
}

/* A column without an oracle, behind its head. */
static bool look_behind(const uint8_t **at, const uint8_t *end, size_t count, teller t,
                        sm_column_work *work, sm_column_look *look) {
  const unsigned how = t.how;
  size_t used;
  if (!sm_bits_read(at, end, count, work->residual, &used)) return false;
  if (how == FROM_MEAN) {
    fill(work, used, count);
    restore_run(work, used = count, &t, FROM_MEAN);
  } else if (how == FROM_SLOPE) {
    restore_run(work, used, &t, FROM_SLOPE);
  } else {
    restore_run(work, used, &t, FROM_LAST);
  }
  *look = (sm_column_look){.value = work->value,
                           .used = used,
                           .last = sm_wrapping_mul(t.last, powers[t.scale]),
                           .slope = sm_wrapping_mul(t.slope, powers[t.scale])};
  return true;
}

bool sm_column_look_at(const uint8_t **at, const uint8_t *end, size_t count, int64_t before,
                       sm_column_work *work, sm_column_look *look) {
  unsigned scale;
  unsigned how;
  if (!get_head(at, end, NULL, &scale, &how)) return false;
  teller t;
  begin(&t, how, scale, NULL, before);
  return look_behind(at, end, count, t, work, look);
}

/* Columns that do not change, or go on as they went, are most. */
static void go_on(sm_column_work *work, size_t count, const sm_column_look *look) {
  int64_t value = look->last;
  for (size_t i = look->used; i < count; i++)
    work->value[i] = value = sm_wrapping_add(value, look->slope);
}

bool sm_column_read(const uint8_t **at, const uint8_t *end, size_t count, int64_t before,
                    const sm_column_oracle *oracle, sm_column_work *work) {
  unsigned scale;
  unsigned how;
  size_t used;
  if (!get_head(at, end, oracle, &scale, &how)) return false;
  teller t;
  if (how != FROM_ORACLE) {
    sm_column_look look;
    begin(&t, how, scale, NULL, before);
    if (!look_behind(at, end, count, t, work, &look)) return false;
    go_on(work, count, &look);
    return true;
  }
  if (!sm_bits_read(at, end, count, work->residual, &used)) return false;
  begin(&t, how, scale, oracle, before);
  fill(work, used, count);
  restore_run(work, count, &t, FROM_ORACLE);
  return true;
}

bool sm_column_pass(const uint8_t **at, const uint8_t *end, size_t count, sm_column_work *work) {
  if (*at == end) return false;
  uint8_t head = *(*at)++;
  if ((head & 0x0fU) > SCALE_MAX || head >> 4 >= FROM_ORACLE) return false;
  size_t used;
  return sm_bits_read(at, end, count, work->residual, &used);
}
