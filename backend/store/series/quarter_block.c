#include "store/series/quarter_block.h"

#include "store/series/column.h"
#include "store/series/quarter.h"
#include "store/series/reading_column.h"
#include "store/series/wrapping.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
  VERSION_1 = 1,
  VERSION_2 = 2,
  HEAD_BYTES = 3 /* of version 2: it, and how long the course is */
};

/* ---- the columns; each one may look at those before it ---- */

typedef struct column {
  int64_t (*get)(const sm_quarter *q);
  bool (*set)(sm_quarter *q, int64_t value); /* false: not a value of this column */
} column;

static int64_t get_count(const sm_quarter *q) {
  return q->count;
}
static bool set_count(sm_quarter *q, int64_t value) {
  q->count = (uint32_t)value;
  return value > 0 && value <= UINT32_MAX;
}
static int64_t get_first_ms(const sm_quarter *q) {
  return sm_wrapping_sub(q->first.ts_ms, q->start_ms);
}
static bool set_first_ms(sm_quarter *q, int64_t value) {
  q->first.ts_ms = sm_wrapping_add(q->start_ms, value);
  return value >= 0 && value < SM_QUARTER_MS;
}
static int64_t get_last_ms(const sm_quarter *q) {
  return sm_wrapping_sub(q->last.ts_ms, q->first.ts_ms);
}
static bool set_last_ms(sm_quarter *q, int64_t value) {
  q->last.ts_ms = sm_wrapping_add(q->first.ts_ms, value);
  return value >= 0 && value < SM_QUARTER_MS;
}
static int64_t get_used_wh(const sm_quarter *q) {
  return sm_wrapping_sub(q->last.wh, q->first.wh);
}
/* Until first.wh is there, last.wh holds the difference. */
static bool set_used_wh(sm_quarter *q, int64_t value) {
  q->last.wh = value;
  return true;
}
static int64_t get_first_wh(const sm_quarter *q) {
  return q->first.wh;
}
static bool set_first_wh(sm_quarter *q, int64_t value) {
  q->first.wh = value;
  q->last.wh = sm_wrapping_add(value, q->last.wh);
  return true;
}

#define COLUMN(name, type, low, high)                                                              \
  static int64_t get_##name(const sm_quarter *q) {                                                 \
    return (int64_t)q->name;                                                                       \
  }                                                                                                \
  static bool set_##name(sm_quarter *q, int64_t value) {                                           \
    q->name = (type)value;                                                                         \
    return value >= (low) && value <= (high);                                                      \
  }
COLUMN(power_sum_mw, int64_t, INT64_MIN, INT64_MAX)
COLUMN(power_max_mw, int32_t, INT32_MIN, INT32_MAX)
COLUMN(voltage_sum_mv, int64_t, INT64_MIN, INT64_MAX)
COLUMN(voltage_min_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(voltage_max_mv, int32_t, INT32_MIN, INT32_MAX)
COLUMN(gap_max_ms, int32_t, 0, SM_QUARTER_MS)
COLUMN(step_max_w, int64_t, 0, INT64_MAX)
COLUMN(fell, bool, 0, 1)
#undef COLUMN

/* The course of the register, then what only shows. */
enum {
  COUNT,
  FIRST_MS,
  LAST_MS,
  USED_WH,
  FIRST_WH,
  GAP_MAX_MS,
  STEP_MAX_W,
  FELL,
  COURSE_COLUMNS,
  POWER_SUM_MW = COURSE_COLUMNS,
  POWER_MAX_MW,
  VOLTAGE_SUM_MV,
  VOLTAGE_MIN_MV,
  VOLTAGE_MAX_MV,
  COLUMNS
};
static const column columns[COLUMNS] = {
    [COUNT] = {get_count, set_count},
    [FIRST_MS] = {get_first_ms, set_first_ms},
    [LAST_MS] = {get_last_ms, set_last_ms},
    [USED_WH] = {get_used_wh, set_used_wh},
    [FIRST_WH] = {get_first_wh, set_first_wh},
    [GAP_MAX_MS] = {get_gap_max_ms, set_gap_max_ms},
    [STEP_MAX_W] = {get_step_max_w, set_step_max_w},
    [FELL] = {get_fell, set_fell},
    [POWER_SUM_MW] = {get_power_sum_mw, set_power_sum_mw},
    [POWER_MAX_MW] = {get_power_max_mw, set_power_max_mw},
    [VOLTAGE_SUM_MV] = {get_voltage_sum_mv, set_voltage_sum_mv},
    [VOLTAGE_MIN_MV] = {get_voltage_min_mv, set_voltage_min_mv},
    [VOLTAGE_MAX_MV] = {get_voltage_max_mv, set_voltage_max_mv},
};
/* Version 1 has those that only show in the middle. */
static const uint8_t order_1[COLUMNS] = {
    COUNT,        FIRST_MS,       LAST_MS,        USED_WH,        FIRST_WH,   POWER_SUM_MW,
    POWER_MAX_MW, VOLTAGE_SUM_MV, VOLTAGE_MIN_MV, VOLTAGE_MAX_MV, GAP_MAX_MS, STEP_MAX_W,
    FELL};

/* ---- the day as a whole ---- */

static void look_at_step(sm_register_point from, sm_register_point to, sm_quarter_day *day) {
  int64_t step_w = sm_step_w(from, to);
  if (step_w > day->step_max_w) day->step_max_w = step_w;
  if (to.wh < from.wh) day->fell = true;
}

sm_quarter_day sm_quarter_day_of(const sm_quarter *quarters, size_t count) {
  sm_quarter_day day = {0};
  for (size_t i = 0; i < count; i++) {
    const sm_quarter *q = &quarters[i];
    if (q->step_max_w > day.step_max_w) day.step_max_w = q->step_max_w;
    if (q->fell) day.fell = true;
    look_at_step(q->first, q->last, &day);
    if (i > 0) look_at_step(quarters[i - 1].last, q->first, &day);
  }
  return day;
}

/* ---- writing ---- */

static void put_column(const sm_quarter *quarters, size_t count, int c, int64_t before,
                       sm_column_work *work, sm_buf *out) {
  for (size_t i = 0; i < count; i++) work->value[i] = columns[c].get(&quarters[i]);
  sm_column_write(work, count, before, NULL, out);
}

/* The course, which begins with what course_head holds. */
static void put_course(const sm_quarter *quarters, size_t count, sm_column_work *work,
                       sm_buf *out) {
  const sm_quarter_day day = sm_quarter_day_of(quarters, count);
  sm_varint_put(out, count);
  sm_varint_put_signed(out, quarters[0].start_ms / SM_QUARTER_MS);
  sm_varint_put(out, (uint64_t)day.step_max_w);
  sm_buf_append_char(out, day.fell ? 1 : 0);
  sm_varint_put_signed(out, quarters[0].first.wh);
  for (size_t i = 0; i < count; i++)
    work->value[i] = (quarters[i].start_ms - quarters[0].start_ms) / SM_QUARTER_MS;
  sm_column_write(work, count, 0, NULL, out);
  for (int c = 0; c < COURSE_COLUMNS; c++)
    put_column(quarters, count, c, c == FIRST_WH ? quarters[0].first.wh : 0, work, out);
}

void sm_quarter_block_encode(const sm_quarter *quarters, size_t count, sm_buf *out) {
  assert(count >= 1 && count <= SM_QUARTERS_A_DAY);
  static const char head[HEAD_BYTES] = {VERSION_2};
  size_t from = out->len;
  sm_column_work work;
  sm_err err = sm_column_work_init(&work, count);
  if (err != SM_OK) {
    if (out->err == SM_OK) out->err = err;
    return;
  }
  sm_buf_append(out, head, sizeof head);
  put_course(quarters, count, &work, out);
  if (out->err == SM_OK) {
    size_t len = out->len - from - HEAD_BYTES; /* 9 columns of 96 numbers: two bytes are enough */
    out->data[from + 1] = (char)(uint8_t)len;
    out->data[from + 2] = (char)(uint8_t)(len >> 8);
  }
  sm_crc_put(out, from);
  for (int c = COURSE_COLUMNS; c < COLUMNS; c++) put_column(quarters, count, c, 0, &work, out);
  sm_crc_put(out, from);
  sm_column_work_fini(&work);
}

/* ---- reading ---- */

static bool get_size(sm_cursor *in, size_t *count, int64_t *first) {
  const int64_t far = INT64_MAX / SM_QUARTER_MS / 2;
  uint64_t n = sm_varint_get(in);
  *first = sm_varint_get_signed(in);
  *count = (size_t)n;
  return !in->bad && n > 0 && n <= SM_QUARTERS_A_DAY && *first >= -far && *first <= far;
}

/* The numbers of the quarters, less that of the first. */
static bool get_numbers(sm_cursor *in, size_t count, sm_column_work *work) {
  if (!sm_column_read(&in->at, in->end, count, 0, NULL, work)) return false;
  const int64_t *number = work->value;
  if (number[0] != 0 || number[count - 1] >= SM_QUARTERS_A_DAY) return false;
  for (size_t i = 1; i < count; i++)
    if (number[i] <= number[i - 1]) return false;
  return true;
}

static bool get_starts(sm_cursor *in, int64_t first, sm_quarter *out, size_t count,
                       sm_column_work *work) {
  if (!get_numbers(in, count, work)) return false;
  for (size_t i = 0; i < count; i++)
    out[i] = (sm_quarter){.start_ms = (first + work->value[i]) * SM_QUARTER_MS};
  return true;
}

static bool get_column(sm_cursor *in, int c, int64_t before, sm_quarter *out, size_t count,
                       sm_column_work *work) {
  sm_column_look look;
  if (!sm_column_look_at(&in->at, in->end, count, before, work, &look)) return false;
  /* From the longest gap on all are 0 as they are. */
  if (c >= GAP_MAX_MS && look.used == 0 && look.last == 0 && look.slope == 0) return true;
  for (size_t i = 0; i < count; i++)
    if (!columns[c].set(&out[i], sm_column_row(&look, i))) return false;
  return true;
}

static sm_err read_1(const uint8_t *data, size_t len, bool brief, sm_quarter *out, size_t *count,
                     sm_column_work *work) {
  int64_t first = 0;
  sm_cursor in = {.at = data + 1, .end = data + len - SM_CRC_BYTES};
  if (!sm_crc_good(data, len) || !get_size(&in, count, &first) ||
      !get_starts(&in, first, out, *count, work))
    return SM_ERR_CORRUPT;
  for (size_t c = 0; c < COLUMNS; c++) {
    bool got = brief && order_1[c] >= COURSE_COLUMNS
                   ? sm_column_pass(&in.at, in.end, *count, work)
                   : get_column(&in, order_1[c], 0, out, *count, work);
    if (!got) return SM_ERR_CORRUPT;
  }
  return in.at == in.end ? SM_OK : SM_ERR_CORRUPT;
}

/* The bytes of version 2 that tell of the course, and how long they are with their checksum; false:
 * they cannot be there, or are not what was written. */
static bool open_course(const uint8_t *data, size_t len, sm_cursor *in, size_t *bytes) {
  if (len < HEAD_BYTES) return false;
  size_t course = (size_t)data[1] | (size_t)data[2] << 8;
  *bytes = HEAD_BYTES + course + SM_CRC_BYTES;
  *in = (sm_cursor){.at = data + HEAD_BYTES, .end = data + HEAD_BYTES + course};
  return *bytes <= len && sm_crc_good(data, *bytes);
}

/* What the course begins with. */
typedef struct course_head {
  size_t count;
  int64_t first; /* the number of the first quarter */
  sm_quarter_day day;
  int64_t first_wh; /* of the first quarter */
} course_head;

static bool get_head(sm_cursor *in, course_head *head) {
  if (!get_size(in, &head->count, &head->first)) return false;
  uint64_t step_w = sm_varint_get(in);
  uint8_t fell = sm_byte_get(in);
  head->day = (sm_quarter_day){.step_max_w = (int64_t)step_w, .fell = fell != 0};
  head->first_wh = sm_varint_get_signed(in);
  return !in->bad && step_w <= INT64_MAX && fell <= 1;
}

/* The number that is foretold to a column's first one. */
static int64_t before_of(const course_head *head, int c) {
  return c == FIRST_WH ? head->first_wh : 0;
}

static bool get_course(sm_cursor *in, const course_head *head, sm_quarter *out,
                       sm_column_work *work) {
  if (!get_starts(in, head->first, out, head->count, work)) return false;
  for (int c = 0; c < COURSE_COLUMNS; c++)
    if (!get_column(in, c, before_of(head, c), out, head->count, work)) return false;
  return in->at == in->end;
}

static bool get_shown(sm_cursor *in, sm_quarter *out, size_t count, sm_column_work *work) {
  for (int c = COURSE_COLUMNS; c < COLUMNS; c++)
    if (!get_column(in, c, 0, out, count, work)) return false;
  return in->at == in->end;
}

static sm_err read_2(const uint8_t *data, size_t len, bool brief, sm_quarter *out, size_t *count,
                     sm_column_work *work) {
  sm_cursor in;
  size_t course = 0;
  course_head head;
  if (!open_course(data, len, &in, &course) || !get_head(&in, &head) ||
      !get_course(&in, &head, out, work))
    return SM_ERR_CORRUPT;
  *count = head.count;
  if (brief) return SM_OK;
  if (len < course + SM_CRC_BYTES || !sm_crc_good(data, len)) return SM_ERR_CORRUPT;
  in = (sm_cursor){.at = data + course, .end = data + len - SM_CRC_BYTES};
  if (!get_shown(&in, out, head.count, work)) return SM_ERR_CORRUPT;
  const sm_quarter_day made = sm_quarter_day_of(out, head.count);
  bool same = made.step_max_w == head.day.step_max_w && made.fell == head.day.fell;
  return same ? SM_OK : SM_ERR_CORRUPT;
}

/* The version of what may be a block; 0: it cannot be one. */
static uint8_t version_of(const uint8_t *data, size_t len) {
  return len < SM_CRC_BYTES + 2 ? 0 : data[0];
}

sm_err sm_quarter_block_read(const uint8_t *data, size_t len, bool brief,
                             sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count) {
  int64_t value[SM_QUARTERS_A_DAY + 1] = {0};
  uint64_t residual[SM_QUARTERS_A_DAY + 1];
  sm_column_work work = {.value = value, .residual = residual};
  size_t n = 0;
  sm_err err = SM_ERR_CORRUPT;
  switch (version_of(data, len)) {
  case VERSION_1:
    err = read_1(data, len, brief, quarters, &n, &work);
    break;
  case VERSION_2:
    err = read_2(data, len, brief, quarters, &n, &work);
    break;
  default:
    /* Only what is whole can be of a version that came later. */
    if (sm_crc_good(data, len)) err = SM_ERR_UNSUPPORTED;
  }
  if (err == SM_OK) *count = n;
  return err;
}

sm_err sm_quarter_block_decode(const uint8_t *data, size_t len, sm_quarter **quarters,
                               size_t *count) {
  sm_quarter read[SM_QUARTERS_A_DAY];
  size_t n = 0;
  sm_err err = sm_quarter_block_read(data, len, false, read, &n);
  if (err != SM_OK) return err;
  sm_quarter *out = malloc(n * sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  memcpy(out, read, n * sizeof *out);
  *quarters = out;
  *count = n;
  return SM_OK;
}

/* ---- the outline of a day ---- */

/* The first readings of a day's quarters. */
typedef struct firsts {
  int64_t first;         /* the number of the first quarter */
  sm_column_look number; /* of each, less that */
  sm_column_look off_ms; /* of its first reading, behind the quarter's start */
  size_t count;
} firsts;

static int64_t start_ms(const firsts *f, size_t i) {
  return (f->first + sm_column_row(&f->number, i)) * SM_QUARTER_MS;
}

static int64_t first_ms(const firsts *f, size_t i) {
  return sm_wrapping_add(start_ms(f, i), sm_column_row(&f->off_ms, i));
}

/* The last one that begins to be read at or before an instant, which is not before the first's. */
static size_t last_before(const firsts *f, int64_t instant_ms) {
  /* A quarter's number is at least its index, and no later one than the instant's can be it. */
  int64_t most = instant_ms / SM_QUARTER_MS - f->first;
  if (most < 0) return 0;
  size_t i = most < (int64_t)f->count ? (size_t)most : f->count - 1;
  while (i > 0 && first_ms(f, i) > instant_ms) i--;
  return i;
}

/* The rows that are wanted, ascending. */
typedef struct chosen {
  size_t row[SM_QUARTERS_A_DAY];
  size_t count;
} chosen;

static void add_row(chosen *c, size_t row) {
  if (c->count == 0 || row > c->row[c->count - 1]) c->row[c->count++] = row;
}

static void choose(const firsts *f, const sm_outline_ask *ask, chosen *c) {
  const int64_t begin_ms = first_ms(f, 0);
  const int64_t end_ms = start_ms(f, f->count - 1) + SM_QUARTER_MS;
  add_row(c, 0);
  for (size_t i = 0; i < ask->instant_count && ask->instant_ms[i] < end_ms; i++) {
    if (ask->instant_ms[i] < begin_ms) continue; /* what stands before it is in the day before */
    size_t at = last_before(f, ask->instant_ms[i]);
    add_row(c, at);
    if (at + 1 < f->count) add_row(c, at + 1);
  }
  add_row(c, f->count - 1);
}

static bool is_plain(sm_quarter_day day, const sm_outline_ask *ask) {
  return !day.fell && day.step_max_w <= ask->step_limit_w;
}

static sm_err outline_1(const uint8_t *data, size_t len, const sm_outline_ask *ask, sm_quarter *out,
                        size_t *count, bool *plain) {
  int64_t number[SM_QUARTERS_A_DAY];
  int64_t off_ms[SM_QUARTERS_A_DAY];
  chosen c = {.count = 0};
  size_t all = 0;
  sm_err err = sm_quarter_block_read(data, len, true, out, &all);
  if (err != SM_OK) return err;
  *plain = is_plain(sm_quarter_day_of(out, all), ask);
  if (!*plain) return SM_OK;
  const firsts f = {.first = out[0].start_ms / SM_QUARTER_MS,
                    .number = {.value = number, .used = all},
                    .off_ms = {.value = off_ms, .used = all},
                    .count = all};
  for (size_t i = 0; i < all; i++) {
    number[i] = out[i].start_ms / SM_QUARTER_MS - f.first;
    off_ms[i] = get_first_ms(&out[i]);
  }
  choose(&f, ask, &c);
  for (size_t i = 0; i < c.count; i++) out[i] = out[c.row[i]];
  *count = c.count;
  return SM_OK;
}

/* Numbers ascend from 0, also those that follow of themselves. */
static bool numbers_ascend(const sm_column_look *number, size_t count) {
  size_t used = number->used;
  if (sm_column_row(number, 0) != 0 || sm_column_row(number, count - 1) >= SM_QUARTERS_A_DAY)
    return false;
  for (size_t i = 1; i < used; i++)
    if (number->value[i] <= number->value[i - 1]) return false;
  if (used == count || count == 1) return true;
  return number->slope > 0 && number->slope < SM_QUARTERS_A_DAY &&
         number->last >= -SM_QUARTERS_A_DAY && number->last < SM_QUARTERS_A_DAY;
}

static bool take_row(sm_cursor *in, int c, const course_head *head, const chosen *rows,
                     sm_column_work *work, sm_quarter *out) {
  sm_column_look look;
  if (!sm_column_look_at(&in->at, in->end, head->count, before_of(head, c), work, &look))
    return false;
  for (size_t i = 0; i < rows->count; i++)
    if (!columns[c].set(&out[i], sm_column_row(&look, rows->row[i]))) return false;
  return true;
}

/* The numbers of the day's quarters, their counts and first instants come first. */
static bool get_outline(sm_cursor *in, const course_head *head, const sm_outline_ask *ask,
                        sm_quarter *out, chosen *rows) {
  int64_t value[3][SM_QUARTERS_A_DAY + 1];
  uint64_t residual[SM_QUARTERS_A_DAY + 1];
  sm_column_look counts;
  firsts f = {.first = head->first, .count = head->count};
  sm_column_work work = {.value = value[0], .residual = residual};
  if (!sm_column_look_at(&in->at, in->end, f.count, 0, &work, &f.number) ||
      !numbers_ascend(&f.number, f.count))
    return false;
  work.value = value[1];
  if (!sm_column_look_at(&in->at, in->end, f.count, 0, &work, &counts)) return false;
  work.value = value[2];
  if (!sm_column_look_at(&in->at, in->end, f.count, 0, &work, &f.off_ms)) return false;
  choose(&f, ask, rows);
  for (size_t i = 0; i < rows->count; i++) {
    size_t row = rows->row[i];
    out[i] = (sm_quarter){.start_ms = start_ms(&f, row)};
    if (!set_count(&out[i], sm_column_row(&counts, row)) ||
        !set_first_ms(&out[i], sm_column_row(&f.off_ms, row)))
      return false;
  }
  for (int c = LAST_MS; c <= GAP_MAX_MS; c++)
    if (!take_row(in, c, head, rows, &work, out)) return false;
  return true; /* the highest steps and the falls are none that matter */
}

static sm_err outline_2(const uint8_t *data, size_t len, const sm_outline_ask *ask, sm_quarter *out,
                        size_t *count, bool *plain) {
  sm_cursor in;
  size_t course = 0;
  course_head head;
  chosen rows = {.count = 0};
  if (!open_course(data, len, &in, &course) || !get_head(&in, &head)) return SM_ERR_CORRUPT;
  *plain = is_plain(head.day, ask);
  if (!*plain) return SM_OK;
  if (!get_outline(&in, &head, ask, out, &rows)) return SM_ERR_CORRUPT;
  *count = rows.count;
  return SM_OK;
}

sm_err sm_quarter_block_outline(const uint8_t *data, size_t len, const sm_outline_ask *ask,
                                sm_quarter quarters[SM_QUARTERS_A_DAY], size_t *count,
                                bool *plain) {
  *count = 0;
  return version_of(data, len) == VERSION_2 ? outline_2(data, len, ask, quarters, count, plain)
                                            : outline_1(data, len, ask, quarters, count, plain);
}
