#include "base/order.h"
#include "store/embedded/readings_internal.h"
#include "store/series/known.h"
#include "store/series/quarter_block.h"

#include <stdlib.h>
#include <string.h>

/* ---- which days ---- */

/* Walks the days of a series that have anything, in order. What stands next in each place is looked
 * up once and kept until it is passed. */
typedef struct walk {
  reader *r;
  const char *sql; /* of the table of day rows that is walked */
  int64_t to;      /* the last day */
  int64_t row_day; /* -1: no more */
  int64_t fresh_day;
  int64_t hot_day;
} walk;

static int64_t clamp_day(int64_t ts_ms) {
  return ts_ms < 0 ? 0 : ts_ms > TS_MAX_MS ? sm_day_of(TS_MAX_MS) : sm_day_of(ts_ms);
}

static sm_err next_row(walk *w, int64_t from) {
  return sm_day_next(w->r->store, w->r->db, w->sql, w->r->series_no, from, w->to, &w->row_day);
}

static sm_err next_fresh(walk *w, int64_t from) {
  int64_t hour = -1;
  sm_err err = sm_fresh_next_hour(w->r->store, w->r->db, w->r->series_no, from * DAY_HOURS,
                                  (w->to + 1) * DAY_HOURS, &hour);
  if (err == SM_OK) w->fresh_day = hour < 0 ? -1 : hour / DAY_HOURS;
  return err;
}

static void next_hot(walk *w, int64_t from) {
  const sm_run *hot = &w->r->hot;
  size_t at = sm_run_find(hot, from * DAY_MS);
  w->hot_day = at < hot->count ? sm_day_of(hot->item[at].ts_ms) : -1;
  if (w->hot_day > w->to) w->hot_day = -1;
}

/* From the day of from_ms to that of to_ms - 1, as far as the series goes. */
static sm_err walk_begin(walk *w, reader *r, const char *sql, int64_t from_ms, int64_t to_ms) {
  *w = (walk){.r = r, .sql = sql, .row_day = -1, .fresh_day = -1, .hot_day = -1};
  if (r->series_no == 0 || from_ms >= to_ms || to_ms <= 0) return SM_OK;
  if (from_ms < r->first_ms) from_ms = r->first_ms;
  w->to = clamp_day(to_ms - 1);
  if (w->to > clamp_day(r->last_ms)) w->to = clamp_day(r->last_ms);
  int64_t from = clamp_day(from_ms);
  if (from > w->to) return SM_OK;
  next_hot(w, from);
  sm_err err = next_fresh(w, from);
  return err == SM_OK ? next_row(w, from) : err;
}

/* The next day, -1 at the end. */
static int64_t walk_day(const walk *w) {
  return sm_day_earlier(sm_day_earlier(w->row_day, w->fresh_day), w->hot_day);
}

static sm_err walk_on(walk *w) {
  int64_t day = walk_day(w);
  sm_err err = SM_OK;
  if (w->row_day == day) err = next_row(w, day + 1);
  if (err == SM_OK && w->fresh_day == day) err = next_fresh(w, day + 1);
  if (w->hot_day == day) next_hot(w, day + 1);
  return err;
}

sm_err sm_reader_day(reader *r, int64_t day, const sm_run **run) {
  *run = &r->kept;
  if (r->kept_day == day) return SM_OK;
  sm_run_fini(&r->kept);
  r->kept_day = -1;
  day_rows rows = {0};
  sm_err err = sm_day_load(r->store, r->db, r->series_no, day, r->brief, &rows);
  if (err != SM_OK) return err;
  size_t first = sm_run_find(&r->hot, day * DAY_MS);
  size_t end = sm_run_find(&r->hot, (day + 1) * DAY_MS);
  if (end > first) err = sm_run_join(&rows.run, r->hot.item + first, end - first);
  if (err != SM_OK) {
    sm_run_fini(&rows.run);
    return err;
  }
  r->kept_day = day;
  r->kept = rows.run;
  return SM_OK;
}

/* ---- raw ---- */

static sm_err append(sm_run *out, const sm_run *run, int64_t from_ms, int64_t to_ms, size_t limit) {
  size_t first = sm_run_find(run, from_ms);
  size_t end = sm_run_find(run, to_ms);
  if (end <= first) return SM_OK;
  size_t count = end - first;
  if (count > limit - out->count) count = limit - out->count;
  return sm_run_join(out, run->item + first, count);
}

static sm_err read_on(walk *w, int64_t from_ms, int64_t to_ms, size_t limit, sm_run *out) {
  int64_t day;
  sm_err err = SM_OK;
  while (err == SM_OK && out->count < limit && (day = walk_day(w)) >= 0) {
    const sm_run *run;
    err = sm_reader_day(w->r, day, &run);
    if (err == SM_OK) err = append(out, run, from_ms, to_ms, limit);
    if (err == SM_OK) err = walk_on(w);
  }
  return err;
}

sm_err sm_reader_raw(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                     sm_reading_list *list) {
  walk w;
  sm_run out = {0};
  sm_err err = walk_begin(&w, r, sm_block_next_sql, from_ms, to_ms);
  if (err == SM_OK) err = read_on(&w, from_ms, to_ms, limit, &out);
  if (err != SM_OK) {
    sm_run_fini(&out);
    return err;
  }
  *list = (sm_reading_list){.item = out.item, .count = out.count};
  return SM_OK;
}

static sm_err read_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, bool brief, size_t limit, sm_reading_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, from_ms, to_ms, &r);
  if (err != SM_OK) return err;
  r.brief = brief;
  err = sm_reader_raw(&r, from_ms, to_ms, limit, list);
  sm_reader_end(&r);
  return err;
}

sm_err sm_embedded_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list) {
  return read_raw(store, device_id, channel, from_ms, to_ms, false, limit, list);
}

sm_err sm_embedded_brief(sm_readings *store, const char *device_id, uint8_t channel,
                         int64_t from_ms, int64_t to_ms, size_t limit, sm_reading_list *list) {
  return read_raw(store, device_id, channel, from_ms, to_ms, true, limit, list);
}

sm_err sm_reader_course(reader *r, int64_t from_ms, int64_t to_ms, sm_reading_list *list) {
  walk w;
  sm_run out = {0};
  sm_err err = walk_begin(&w, r, sm_course_next_sql, from_ms, to_ms);
  while (err == SM_OK && w.row_day >= 0) {
    sm_run run = {0};
    bool damaged = false;
    err = sm_rows_read(r->store, r->db, DAMAGE_COURSE, sm_day_key(r->series_no, w.row_day), &run,
                       &damaged);
    if (err == SM_OK) err = append(&out, &run, from_ms, to_ms, SIZE_MAX);
    sm_run_fini(&run);
    if (err == SM_OK) err = next_row(&w, w.row_day + 1);
  }
  if (err != SM_OK) {
    sm_run_fini(&out);
    return err;
  }
  *list = (sm_reading_list){.item = out.item, .count = out.count};
  return SM_OK;
}

/* ---- latest, first, each ---- */

static sm_known known(sm_readings *store) {
  return (sm_known){.lock = &store->lock,
                    .table = &store->table,
                    .list = &store->series,
                    .count = &store->series_count,
                    .newest_ms = &store->newest_ms};
}

sm_err sm_embedded_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading) {
  const sm_known k = known(store);
  return sm_known_latest(&k, device_id, channel, reading);
}

/* A part of the series from *at on, under the lock; false: that was the last one. */
static bool look_at_some(sm_readings *store, size_t *at, int64_t *last_ms) {
  enum { SOME = 1000 };
  (void)pthread_rwlock_rdlock(&store->lock);
  size_t end = store->series_count - *at > SOME ? *at + SOME : store->series_count;
  for (; *at < end; (*at)++)
    if (store->series[*at]->has_last)
      *last_ms = sm_max_i64(*last_ms, store->series[*at]->last.ts_ms);
  bool more = *at < store->series_count;
  (void)pthread_rwlock_unlock(&store->lock);
  return more;
}

sm_err sm_embedded_last_ms(sm_readings *store, int64_t *ts_ms) {
  int64_t last_ms = INT64_MIN;
  size_t at = 0;
  while (look_at_some(store, &at, &last_ms)) continue;
  if (last_ms == INT64_MIN) return SM_ERR_NOT_FOUND;
  *ts_ms = last_ms;
  return SM_OK;
}

sm_err sm_embedded_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms) {
  const sm_known k = known(store);
  return sm_known_first_ms(&k, device_id, channel, ts_ms);
}

sm_err sm_embedded_each(sm_readings *store, sm_readings_each_fn each, void *context) {
  const sm_known k = known(store);
  return sm_known_each(&k, each, context);
}

/* ---- quarters ---- */

/* A day's quarters: its row, or made from raw where that knows more or the row cannot be read. */
static sm_err quarters_of_day(const walk *w, int64_t day, sm_quarter_list *list) {
  reader *r = w->r;
  sm_quarter_list row = {0};
  bool damaged = false;
  sm_err err = sm_day_quarter_row(r->store, r->db, r->series_no, day, &row, &damaged);
  bool plain = w->fresh_day != day && w->hot_day != day && row.count > 0;
  if (err == SM_OK && plain) {
    *list = row;
    return SM_OK;
  }
  const sm_run *run;
  if (err == SM_OK) err = sm_reader_day(r, day, &run);
  if (err == SM_OK) err = sm_day_quarters(&row, run, list);
  sm_quarter_list_fini(&row);
  return err;
}

/* A sweep begins with room for what an outline of a month takes. */
enum { ROOM = 4 * DAY_QUARTERS };

static sm_err make_room(sm_quarter_list *out, size_t *cap, size_t more) {
  if (out->count + more <= *cap) return SM_OK;
  size_t wanted = *cap == 0 && more == DAY_QUARTERS ? ROOM : *cap + *cap / 2 + more;
  sm_quarter *item = realloc(out->item, wanted * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  out->item = item;
  *cap = wanted;
  return SM_OK;
}

static sm_err read_row(reader *r, int64_t day, const uint8_t *body, size_t len, sm_quarter *out,
                       size_t *count) {
  sm_outline_days *o = r->outline;
  bool plain = true;
  if (o == NULL || day < o->from_day || day >= o->to_day)
    return sm_quarter_block_read(body, len, r->course_only, out, count);
  sm_err err = sm_quarter_block_outline(body, len, &o->ask, out, count, &plain);
  if (err == SM_OK && !plain) o->doubtful = true;
  return err;
}

/* The days up to the first one that has hot or fresh readings are as their rows say: taken in one
 * sweep, where no damage is in the way. *swept is the last day that is done. */
static sm_err sweep_rows(const walk *w, sm_quarter_list *out, size_t *cap, int64_t *swept) {
  static const char sql[] = "SELECT quarter_key, body FROM quarter WHERE quarter_key >= ?1"
                            " AND quarter_key <= ?2 ORDER BY quarter_key";
  const int64_t base = sm_day_key(w->r->series_no, 0);
  int64_t other = sm_day_earlier(w->fresh_day, w->hot_day);
  int64_t last = other < 0 || other > w->to ? w->to : other - 1;
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(w->r->db, sql);
  sm_sql_bind_i64(&q, 1, base + w->row_day);
  sm_sql_bind_i64(&q, 2, base + last);
  while (err == SM_OK && sm_sql_row(&q)) {
    size_t len = 0;
    size_t count = 0;
    int64_t day = sm_sql_i64(&q, 0) - base;
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    err = body == NULL ? SM_ERR_CORRUPT : make_room(out, cap, DAY_QUARTERS);
    if (err == SM_OK) err = read_row(w->r, day, body, len, out->item + out->count, &count);
    if (err != SM_OK) break;
    out->count += count;
    *swept = day;
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (err == SM_OK) *swept = last;
  /* The slow way looks at what cannot be read, and tells it. */
  return err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED ? SM_OK : err;
}

/* Sweeps what can be swept, and drops what is outside of [from_ms, to_ms). */
static sm_err sweep(walk *w, int64_t from_ms, int64_t to_ms, sm_quarter_list *out, size_t *cap) {
  int64_t swept = -1;
  int64_t other = sm_day_earlier(w->fresh_day, w->hot_day);
  if (w->row_day < 0 || (other >= 0 && other <= w->row_day)) return SM_OK;
  sm_err err = sweep_rows(w, out, cap, &swept);
  size_t first = 0;
  while (first < out->count && out->item[first].start_ms < from_ms) first++;
  while (out->count > first && out->item[out->count - 1].start_ms >= to_ms) out->count--;
  if (first > 0) {
    out->count -= first;
    memmove(out->item, out->item + first, out->count * sizeof *out->item);
  }
  return err == SM_OK && swept >= 0 ? next_row(w, swept + 1) : err;
}

static sm_err append_quarters(const sm_quarter_list *day, int64_t from_ms, int64_t to_ms,
                              size_t limit, sm_quarter_list *out, size_t *cap) {
  sm_err err = make_room(out, cap, day->count);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < day->count && out->count < limit; i++)
    if (day->item[i].start_ms >= from_ms && day->item[i].start_ms < to_ms)
      out->item[out->count++] = day->item[i];
  return SM_OK;
}

sm_err sm_reader_quarters(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                          sm_quarter_list *list) {
  sm_quarter_list out = {0};
  size_t cap = 0;
  walk w;
  int64_t day;
  /* The first reading may stand behind its quarter's start. */
  sm_err err = walk_begin(&w, r, sm_quarter_next_sql, from_ms, to_ms);
  if (err == SM_OK && limit == SIZE_MAX) err = sweep(&w, from_ms, to_ms, &out, &cap);
  while (err == SM_OK && out.count < limit && (day = walk_day(&w)) >= 0) {
    sm_quarter_list of_day = {0};
    err = quarters_of_day(&w, day, &of_day);
    if (err == SM_OK) err = append_quarters(&of_day, from_ms, to_ms, limit, &out, &cap);
    sm_quarter_list_fini(&of_day);
    if (err == SM_OK) err = walk_on(&w);
  }
  if (err != SM_OK)
    sm_quarter_list_fini(&out);
  else
    *list = out;
  return err;
}

sm_err sm_embedded_quarters(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, from_ms, to_ms, &r);
  if (err != SM_OK) return err;
  r.brief = true;
  err = sm_reader_quarters(&r, from_ms, to_ms, limit, list);
  sm_reader_end(&r);
  return err;
}
