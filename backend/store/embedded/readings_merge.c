/* Days that are over move from `fresh` (hour by hour) into `block` and `quarter` (series by
 * series). A slice takes the fresh rows of a day for a range of series numbers; what is moved is
 * gone from `fresh`, so nothing but the rows themselves says how far a merge has come. */
#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/series/quarter_block.h"

#include <stdlib.h>
#include <string.h>

/* ---- which days wait ---- */

static size_t place_of(const sm_readings *store, int64_t day) {
  size_t low = 0;
  size_t high = store->fresh_day_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (store->fresh_days[middle].day < day)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

sm_err sm_merge_note_day(sm_readings *store, int64_t day, int64_t steady_ms) {
  size_t at = place_of(store, day);
  if (at < store->fresh_day_count && store->fresh_days[at].day == day) {
    store->fresh_days[at].sealed_ms = steady_ms;
    store->fresh_days[at].seals = store->seals;
    return SM_OK;
  }
  if (store->fresh_day_count == store->fresh_day_cap) {
    size_t cap = store->fresh_day_cap * 2 + 16;
    fresh_day *list = realloc(store->fresh_days, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    store->fresh_days = list;
    store->fresh_day_cap = cap;
  }
  memmove(store->fresh_days + at + 1, store->fresh_days + at,
          (store->fresh_day_count - at) * sizeof *store->fresh_days);
  store->fresh_days[at] = (fresh_day){.day = day, .sealed_ms = steady_ms, .seals = store->seals};
  store->fresh_day_count++;
  return SM_OK;
}

static void forget_day(sm_readings *store, int64_t day) {
  size_t at = place_of(store, day);
  if (at == store->fresh_day_count || store->fresh_days[at].day != day) return;
  store->fresh_day_count--;
  memmove(store->fresh_days + at, store->fresh_days + at + 1,
          (store->fresh_day_count - at) * sizeof *store->fresh_days);
}

/* Over by the wall clock and by what meters say, so that a clock that jumps does no harm. */
static bool day_is_over(const sm_readings *store, int64_t day, int64_t now_ms) {
  int64_t sure_ms = now_ms < store->newest_ms ? now_ms : store->newest_ms;
  return (day + 1) * DAY_MS + MERGE_WAIT_MS <= sure_ms;
}

/* The earliest day that may be merged, -1 if none. A day that an import still adds to waits, or it
 * would be written again and again. */
static int64_t due_day(const sm_readings *store, bool force) {
  int64_t now_ms = sm_clock_now_ms();
  int64_t steady_ms = sm_clock_steady_ms();
  for (size_t i = 0; i < store->fresh_day_count; i++) {
    const fresh_day *d = &store->fresh_days[i];
    if (!day_is_over(store, d->day, now_ms)) return -1;
    bool idle =
        steady_ms - d->sealed_ms >= MERGE_IDLE_MS || store->seals - d->seals > MERGE_IDLE_SEALS;
    if (force || idle || d->day < store->horizon_day) return d->day;
  }
  return -1;
}

/* ---- one slice ---- */

typedef struct fresh_row {
  int64_t series_no;
  int64_t key;
  sm_run run;
  bool stays; /* its day is too large for one block */
} fresh_row;

typedef struct rows {
  fresh_row *item;
  size_t count;
  size_t cap;
  size_t readings;
  size_t staying;
} rows;

static void rows_fini(rows *r) {
  for (size_t i = 0; i < r->count; i++) sm_run_fini(&r->item[i].run);
  free(r->item);
}

static sm_err add_row(rows *r, int64_t key) {
  if (r->count == r->cap) {
    size_t cap = r->cap * 2 + 256;
    fresh_row *list = realloc(r->item, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    r->item = list;
    r->cap = cap;
  }
  int64_t hour = key >> HOUR_SHIFT;
  r->item[r->count++] = (fresh_row){.series_no = key - sm_fresh_key(hour, 0), .key = key};
  return SM_OK;
}

/* The keys of one hour for the slice's series. */
static sm_err list_hour(sm_readings *store, int64_t hour, int64_t from_no, int64_t to_no, rows *r) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT fresh_key FROM fresh WHERE fresh_key >= ?1"
                                        " AND fresh_key < ?2 ORDER BY fresh_key");
  sm_sql_bind_i64(&q, 1, sm_fresh_key(hour, from_no));
  sm_sql_bind_i64(&q, 2, sm_fresh_key(hour, to_no));
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) err = add_row(r, sm_sql_i64(&q, 0));
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

static sm_err read_rows(sm_readings *store, rows *r) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < r->count; i++) {
    bool damaged = false;
    err = sm_rows_read(store, store->db, DAMAGE_FRESH, r->item[i].key, &r->item[i].run, &damaged);
    if (err == SM_OK && damaged) err = sm_damage_keep(store, DAMAGE_FRESH, r->item[i].key);
    r->readings += r->item[i].run.count;
  }
  return err;
}

static int by_series(const void *a, const void *b) {
  const fresh_row *left = a;
  const fresh_row *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->key > right->key) - (left->key < right->key);
}

static sm_err write_day(sm_readings *store, int64_t key, const sm_run *raw,
                        const sm_quarter_list *quarters) {
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_block_encode(raw->item, raw->count, &body);
  sm_err err = sm_row_write(store->db, DAMAGE_BLOCK, key, &body);
  sm_buf_clear(&body);
  if (err == SM_OK) sm_quarter_block_encode(quarters->item, quarters->count, &body);
  if (err == SM_OK) err = sm_row_write(store->db, DAMAGE_QUARTER, key, &body);
  sm_buf_fini(&body);
  return err;
}

/* What is damaged is put aside, and what its quarters said stays. */
static sm_err merge_quarters(sm_readings *store, int64_t series_no, int64_t day, const sm_run *raw,
                             bool block_damaged, sm_quarter_list *list) {
  sm_quarter_list row = {0};
  bool damaged = false;
  int64_t key = sm_day_key(series_no, day);
  sm_err err = SM_OK;
  if (block_damaged) err = sm_damage_keep(store, DAMAGE_BLOCK, key);
  if (err == SM_OK) err = sm_day_quarter_row(store, store->db, series_no, day, &row, &damaged);
  if (err == SM_OK && damaged) err = sm_damage_keep(store, DAMAGE_QUARTER, key);
  if (err == SM_OK) err = sm_day_quarters(&row, raw, list);
  sm_quarter_list_fini(&row);
  return err;
}

/* More than a block holds: no meter sends that, but one that does must not hold up the others. Its
 * day stays hour by hour. */
static void leave(rows *r, fresh_row *row, size_t count) {
  for (size_t i = 0; i < count; i++) row[i].stays = true;
  r->staying += count;
  sm_log(SM_LOG_WARN, "readings.day_too_large", SM_LOG_INT("series_no", row[0].series_no));
}

/* The fresh rows of one series join its day. */
static sm_err merge_series(sm_readings *store, int64_t day, rows *r, fresh_row *row, size_t count) {
  int64_t series_no = row[0].series_no;
  int64_t key = sm_day_key(series_no, day);
  sm_run raw = {0};
  bool block_damaged = false;
  sm_err err = sm_rows_read(store, store->db, DAMAGE_BLOCK, key, &raw, &block_damaged);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    if (row[i].run.count > 0) err = sm_run_join(&raw, row[i].run.item, row[i].run.count);
  sm_quarter_list quarters = {0};
  if (raw.count > SM_BLOCK_READINGS_MAX) {
    leave(r, row, count);
  } else if (err == SM_OK && raw.count > 0) {
    err = merge_quarters(store, series_no, day, &raw, block_damaged, &quarters);
    if (err == SM_OK) err = write_day(store, key, &raw, &quarters);
  }
  sm_quarter_list_fini(&quarters);
  sm_run_fini(&raw);
  return err;
}

sm_err sm_merge_part(sm_readings *store, int64_t fresh_key, const sm_reading *readings,
                     size_t count) {
  int64_t hour = fresh_key >> HOUR_SHIFT;
  fresh_row row = {.series_no = fresh_key - sm_fresh_key(hour, 0), .key = fresh_key};
  rows one = {0};
  sm_err err = sm_run_join(&row.run, readings, count);
  if (err == SM_OK) err = merge_series(store, hour / DAY_HOURS, &one, &row, 1);
  if (err == SM_OK && one.staying > 0) err = SM_ERR_RANGE; /* there is nowhere for it to stay */
  sm_run_fini(&row.run);
  return err;
}

static sm_err drop_rows(sm_readings *store, int64_t day, int64_t from_no, int64_t to_no) {
  sm_err err = SM_OK;
  for (int64_t hour = day * DAY_HOURS; err == SM_OK && hour < (day + 1) * DAY_HOURS; hour++) {
    sm_sql_stmt q =
        sm_sql_use(store->db, "DELETE FROM fresh WHERE fresh_key >= ?1 AND fresh_key < ?2");
    sm_sql_bind_i64(&q, 1, sm_fresh_key(hour, from_no));
    sm_sql_bind_i64(&q, 2, sm_fresh_key(hour, to_no));
    err = sm_sql_run(&q);
  }
  return err;
}

/* The same, where some stay. */
static sm_err drop_moved(sm_readings *store, const rows *r) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < r->count; i++) {
    if (r->item[i].stays) continue;
    sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM fresh WHERE fresh_key = ?1");
    sm_sql_bind_i64(&q, 1, r->item[i].key);
    err = sm_sql_run(&q);
  }
  return err;
}

static sm_err merge_rows(sm_readings *store, int64_t day, rows *r) {
  sm_err err = read_rows(store, r);
  if (err == SM_OK && r->count > 0) qsort(r->item, r->count, sizeof *r->item, by_series);
  for (size_t from = 0; err == SM_OK && from < r->count;) {
    size_t to = from + 1;
    while (to < r->count && r->item[to].series_no == r->item[from].series_no) to++;
    err = merge_series(store, day, r, &r->item[from], to - from);
    from = to;
  }
  return err;
}

static sm_err merge_range(sm_readings *store, int64_t day, int64_t from_no, int64_t to_no,
                          size_t *readings) {
  rows r = {0};
  sm_err err = SM_OK;
  for (int64_t hour = day * DAY_HOURS; err == SM_OK && hour < (day + 1) * DAY_HOURS; hour++)
    err = list_hour(store, hour, from_no, to_no, &r);
  if (err == SM_OK) err = merge_rows(store, day, &r);
  if (err == SM_OK && r.staying > 0)
    err = drop_moved(store, &r);
  else if (err == SM_OK && r.count > 0)
    err = drop_rows(store, day, from_no, to_no);
  *readings = r.readings;
  if (err == SM_OK && r.count > r.staying) store->merge_moved = true;
  rows_fini(&r);
  return err;
}

/* The next series number with a fresh row of the day, INT64_MAX if there is none. */
static sm_err next_series(sm_readings *store, int64_t day, int64_t from_no, int64_t *series_no) {
  int64_t best = INT64_MAX;
  for (int64_t hour = day * DAY_HOURS; hour < (day + 1) * DAY_HOURS; hour++) {
    sm_sql_stmt q = sm_sql_use(store->db, "SELECT fresh_key FROM fresh WHERE fresh_key >= ?1"
                                          " AND fresh_key < ?2 ORDER BY fresh_key LIMIT 1");
    sm_sql_bind_i64(&q, 1, sm_fresh_key(hour, from_no));
    sm_sql_bind_i64(&q, 2, sm_fresh_key(hour + 1, 0));
    int64_t no = sm_sql_row(&q) ? sm_sql_i64(&q, 0) - sm_fresh_key(hour, 0) : INT64_MAX;
    sm_err err = sm_sql_end(&q);
    if (err != SM_OK) return err;
    if (no < best) best = no;
  }
  *series_no = best;
  return SM_OK;
}

/* So many series at a time that a slice has about its readings. */
static void adapt_width(sm_readings *store, size_t readings) {
  if (readings > MERGE_SLICE_READINGS && store->merge_width > 1) store->merge_width /= 2;
  if (readings < MERGE_SLICE_READINGS / 4 && store->merge_width < 4096) store->merge_width *= 2;
}

/* The slice's range of series; *end: nothing of the day is left. */
static sm_err merge_next(sm_readings *store, bool *end) {
  int64_t day = store->merge_day;
  int64_t from_no = 0;
  size_t readings = 0;
  sm_err err = sm_slice_begin(store);
  if (err != SM_OK) return err;
  err = next_series(store, day, store->merge_next, &from_no);
  *end = from_no == INT64_MAX;
  int64_t to_no = *end ? from_no : from_no + store->merge_width;
  if (err == SM_OK && !*end) err = merge_range(store, day, from_no, to_no, &readings);
  err = sm_slice_end(store, err);
  if (err != SM_OK || *end) return err;
  store->merge_next = to_no;
  adapt_width(store, readings);
  atomic_fetch_add(&store->merged_readings, readings);
  return SM_OK;
}

sm_err sm_merge_slice(sm_readings *store, bool force, bool *done) {
  if (store->merge_day < 0) store->merge_day = due_day(store, force);
  *done = store->merge_day >= 0;
  if (!*done) return SM_OK;
  bool end = false;
  sm_err err = merge_next(store, &end);
  if (err == SM_OK && !end) return SM_OK;
  /* What was sealed behind a merge's back is taken by another round, until one moves nothing. */
  bool over = err != SM_OK || !store->merge_moved;
  /* A page of it cannot be read: it stays as it is until the next start, and others go on. */
  if ((err == SM_OK && over) || err == SM_ERR_CORRUPT) forget_day(store, store->merge_day);
  if (over) store->merge_day = -1;
  store->merge_next = 0;
  store->merge_moved = false;
  return err;
}

/* ---- quarter rows that cannot be read ---- */

sm_err sm_quarters_rebuild(sm_readings *store, int64_t series_no, int64_t day) {
  sm_run raw = {0};
  bool damaged = false;
  int64_t key = sm_day_key(series_no, day);
  sm_err err = sm_rows_read(store, store->db, DAMAGE_BLOCK, key, &raw, &damaged);
  if (err == SM_OK && raw.count > 0) {
    const sm_quarter_list none = {0};
    sm_quarter_list quarters = {0};
    sm_buf body;
    sm_buf_init(&body, 0);
    err = sm_damage_keep(store, DAMAGE_QUARTER, key);
    if (err == SM_OK) err = sm_day_quarters(&none, &raw, &quarters);
    if (err == SM_OK) {
      sm_quarter_block_encode(quarters.item, quarters.count, &body);
      err = sm_row_write(store->db, DAMAGE_QUARTER, key, &body);
    }
    sm_buf_fini(&body);
    sm_quarter_list_fini(&quarters);
    sm_log(SM_LOG_WARN, "readings.quarters_rebuilt", SM_LOG_INT("key", key));
  }
  sm_run_fini(&raw);
  return err;
}

sm_err sm_repair_slice(sm_readings *store, bool *done) {
  int64_t key = 0;
  *done = sm_damage_next_repair(store, &key);
  if (!*done) return SM_OK;
  sm_err err = sm_slice_begin(store);
  if (err != SM_OK) return err;
  int64_t series_no = key >> DAY_BITS;
  int64_t day = key - sm_day_key(series_no, 0);
  return sm_slice_end(store, sm_quarters_rebuild(store, series_no, day));
}
