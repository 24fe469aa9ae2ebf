/* A start: from the file into memory what the store's functions expect there. Damage makes it less,
 * not fail. */
#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sm_err load_meta_text(sm_readings *store) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT value FROM meta WHERE key = 'client_id'");
  if (sm_sql_row(&q))
    (void)snprintf(store->client_id, sizeof store->client_id, "%s", sm_sql_text(&q, 0));
  return sm_sql_end(&q);
}

static sm_err load_meta(sm_readings *store) {
  sm_err err = load_meta_text(store);
  if (err == SM_OK)
    err = sm_sql_query_i64(store->db,
                           "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta"
                           " WHERE key = 'horizon_day'), 0)",
                           &store->horizon_day);
  if (err == SM_OK)
    err = sm_sql_query_i64(store->db,
                           "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta"
                           " WHERE key = 'dropped_day'), 0)",
                           &store->dropped_day);
  int64_t vacuum = 0;
  if (err == SM_OK) err = sm_sql_query_i64(store->db, "PRAGMA auto_vacuum", &vacuum);
  store->can_shrink = vacuum == 2;
  if (err == SM_OK && store->writer)
    err = sm_sql_query_i64(
        store->db, "SELECT coalesce(sum(length(payload) + length(topic) + 200), 0) FROM reject",
        &store->reject_bytes);
  return err;
}

/* ---- series ---- */

/* Series whose state must be found out, with the bounds of their fresh rows. */
typedef struct lost_state {
  sm_series *series;
  int64_t first_hour;
  int64_t last_hour;
} lost_state;

typedef struct lost_list {
  lost_state *item;
  size_t count;
  size_t cap;
} lost_list;

static sm_err add_lost(lost_list *lost, sm_series *series) {
  if (lost->count == lost->cap) {
    size_t cap = lost->cap + lost->cap / 2 + 16;
    lost_state *item = realloc(lost->item, cap * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    lost->item = item;
    lost->cap = cap;
  }
  lost->item[lost->count++] = (lost_state){.series = series, .first_hour = -1, .last_hour = -1};
  return SM_OK;
}

static sm_err take_state(sm_readings *store, sm_sql_stmt *q, sm_series *series, lost_list *lost) {
  if (sm_sql_is_null(q, 3)) return SM_OK; /* nothing of it is sealed */
  size_t len = 0;
  const uint8_t *body = sm_sql_blob(q, 3, &len);
  sm_err err = len == 0 ? SM_ERR_NOT_FOUND : sm_state_decode(body, len, series);
  if (err == SM_OK || err == SM_ERR_NOMEM) return err;
  if (err != SM_ERR_NOT_FOUND) sm_damage_found(store, DAMAGE_STATE, series->no);
  return add_lost(lost, series);
}

static sm_err load_series_row(sm_readings *store, sm_sql_stmt *q, lost_list *lost) {
  const char *device_id = sm_sql_text(q, 1);
  int64_t no = sm_sql_i64(q, 0);
  if (device_id == NULL || strlen(device_id) > SM_DEVICE_ID_MAX || no < 1 || no > UINT32_MAX) {
    sm_damage_found(store, DAMAGE_STATE, no);
    return SM_OK;
  }
  sm_err err = sm_readings_series_reserve(store, 1);
  if (err != SM_OK) return err;
  sm_series *series = sm_series_new(device_id, (uint8_t)sm_sql_i64(q, 2));
  if (series == NULL) return SM_ERR_NOMEM;
  series->no = (uint32_t)no;
  err = sm_series_table_add(&store->table, series);
  if (err != SM_OK) {
    sm_series_free(series);
    return err;
  }
  store->series[store->series_count++] = series;
  return take_state(store, q, series, lost);
}

static sm_err load_series(sm_readings *store, lost_list *lost) {
  sm_sql_stmt q = sm_sql_use(
      store->db, "SELECT series_no, device_id, channel, state FROM series ORDER BY series_no");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) err = load_series_row(store, &q, lost);
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

static lost_state *find_lost(const lost_list *lost, int64_t series_no) {
  size_t low = 0;
  size_t high = lost->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (lost->item[middle].series->no < series_no)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < lost->count && lost->item[low].series->no == series_no;
  return found ? &lost->item[low] : NULL;
}

/* One pass over the keys of all fresh rows; what a damaged page hides is told and passed over. */
static void bound_fresh(sm_readings *store, lost_list *lost) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT fresh_key FROM fresh ORDER BY fresh_key");
  while (sm_sql_row(&q)) {
    int64_t hour = sm_sql_i64(&q, 0) >> HOUR_SHIFT;
    lost_state *l = find_lost(lost, sm_sql_i64(&q, 0) - sm_fresh_key(hour, 0));
    if (l == NULL) continue;
    if (l->first_hour < 0) l->first_hour = hour;
    l->last_hour = hour;
  }
  if (sm_sql_end(&q) == SM_OK) return;
  sm_damage_found(store, DAMAGE_PAGE, 0);
  for (size_t i = 0; i < lost->count; i++) lost->item[i].series->unsure = true;
}

static sm_err find_states(sm_readings *store, lost_list *lost) {
  if (lost->count == 0) return SM_OK;
  bound_fresh(store, lost);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < lost->count; i++) {
    const lost_state *l = &lost->item[i];
    err = sm_state_rebuild(store, l->series, l->first_hour, l->last_hour);
  }
  return err;
}

/* So that the next start need not look for it again. */
static sm_err write_states(sm_readings *store, const lost_list *lost) {
  if (lost->count == 0 || !store->writer) return SM_OK;
  sm_err err = sm_sql_begin_immediate(store->db);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < lost->count; i++)
    err = sm_state_write(store, lost->item[i].series);
  if (err == SM_OK) return sm_sql_commit(store->db);
  sm_sql_rollback(store->db);
  return err;
}

static sm_err load_all_series(sm_readings *store) {
  lost_list lost = {0};
  sm_err err = load_series(store, &lost);
  if (err == SM_OK) err = find_states(store, &lost);
  if (err == SM_OK) err = write_states(store, &lost);
  free(lost.item);
  return err;
}

/* ---- journal ---- */

static sm_hot **run_for(sm_readings *store, sm_series *series, int64_t journal_no) {
  return store->sealing && journal_no <= store->seal_journal_no ? &series->frozen : &series->hot;
}

static sm_err take_reading(sm_readings *store, sm_series *series, int64_t journal_no,
                           const sm_reading *r) {
  sm_hot **slot = run_for(store, series, journal_no);
  if (*slot == NULL) *slot = calloc(1, sizeof **slot);
  sm_hot *hot = *slot;
  if (hot == NULL) return SM_ERR_NOMEM;
  bool in_order = hot->packed.count == 0 || hot->packed.last.ts_ms < r->ts_ms;
  sm_err err = in_order ? sm_packed_reserve(&hot->packed, 1) : sm_run_reserve(&hot->late, 1);
  if (err != SM_OK) return err;
  if (in_order)
    sm_packed_append(&hot->packed, r);
  else
    hot->late.item[hot->late.count++] = *r; /* put in order when all are there */
  if (!series->has_last || r->ts_ms < series->first_ms) series->first_ms = r->ts_ms;
  if (!series->has_last || r->ts_ms > series->last.ts_ms) series->last = *r;
  series->has_last = true;
  series->state_behind = true;
  atomic_fetch_add(&store->journal_readings, 1);
  return SM_OK;
}

/* A row that cannot be taken whole is kept when the others go. */
static sm_err note_damaged_journal(sm_readings *store, int64_t journal_no) {
  size_t count = store->journal_damaged_count;
  if (count > 0 && store->journal_damaged[count - 1] == journal_no) return SM_OK;
  int64_t *list = realloc(store->journal_damaged, (count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  list[count] = journal_no;
  store->journal_damaged = list;
  store->journal_damaged_count++;
  sm_damage_found(store, DAMAGE_JOURNAL, journal_no);
  return SM_OK;
}

static sm_err take_entry(sm_readings *store, int64_t journal_no, const sm_journal_entry *entry) {
  bool before = store->sealing && journal_no <= store->seal_journal_no;
  sm_series *series = sm_readings_series_by_no(store, entry->series_no);
  if (series == NULL) return note_damaged_journal(store, journal_no); /* the series' row is lost */
  bool sealed = before && store->seal_next < store->series_count &&
                series->no < store->series[store->seal_next]->no;
  if (before && store->seal_next == store->series_count) sealed = true;
  sm_err err = SM_OK;
  if (entry->mark.present) {
    err = sm_sequence_settle(&series->sequence, &entry->mark);
    series->state_behind = true;
  }
  if (err == SM_OK && entry->has_reading && !sealed)
    err = take_reading(store, series, journal_no, &entry->reading);
  return err;
}

static sm_err take_journal_row(sm_readings *store, int64_t journal_no, const uint8_t *body,
                               size_t len) {
  sm_journal_reader r;
  sm_err err = body == NULL ? SM_ERR_CORRUPT : sm_journal_reader_open(&r, body, len);
  if (err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED)
    return note_damaged_journal(store, journal_no);
  const sm_journal_entry *entry;
  while (err == SM_OK && (entry = sm_journal_reader_next(&r)) != NULL)
    err = take_entry(store, journal_no, entry);
  if (err == SM_OK && !sm_journal_reader_done(&r)) return note_damaged_journal(store, journal_no);
  return err;
}

/* The rows behind `after`; *last is the last one that could be read. */
static sm_err read_journal(sm_readings *store, int64_t after, int64_t *last) {
  sm_sql_stmt q = sm_sql_use(
      store->db, "SELECT journal_no, body FROM journal WHERE journal_no > ?1 ORDER BY journal_no");
  sm_sql_bind_i64(&q, 1, after);
  sm_err err = SM_OK;
  *last = after;
  while (err == SM_OK && sm_sql_row(&q)) {
    size_t len = 0;
    *last = sm_sql_i64(&q, 0);
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    err = take_journal_row(store, *last, body, len);
  }
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

static sm_err load_seal(sm_readings *store) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT journal_no, next_series FROM seal");
  int64_t next = 0;
  if (sm_sql_row(&q)) {
    store->sealing = true;
    store->seal_journal_no = sm_sql_i64(&q, 0);
    next = sm_sql_i64(&q, 1);
  }
  while (store->sealing && store->seal_next < store->series_count &&
         store->series[store->seal_next]->no < next)
    store->seal_next++;
  return sm_sql_end(&q);
}

/* An instant that stands in two rows (only a fault can have made it so) is one reading: the first
 * in its run. */
static sm_err drop_repeats(sm_readings *store, sm_hot *hot) {
  sm_run packed = {0};
  sm_err err = sm_run_reserve(&packed, hot->packed.count);
  if (err != SM_OK) return err;
  sm_packed_read(&hot->packed, packed.item);
  packed.count = hot->packed.count;
  size_t kept = 0;
  for (size_t i = 0; i < hot->late.count; i++) {
    const sm_reading *r = &hot->late.item[i];
    bool again = kept > 0 && hot->late.item[kept - 1].ts_ms == r->ts_ms;
    if (!again && sm_run_at(&packed, r->ts_ms) == NULL) hot->late.item[kept++] = *r;
  }
  atomic_fetch_sub(&store->journal_readings, hot->late.count - kept);
  hot->late.count = kept;
  sm_run_fini(&packed);
  return SM_OK;
}

static sm_err settle_hot(sm_readings *store, sm_hot *hot, atomic_size_t *bytes) {
  if (hot == NULL) return SM_OK;
  atomic_fetch_add(bytes, sm_hot_bytes(hot));
  if (hot->late.count == 0) return SM_OK;
  sm_run_settle(&hot->late, 0, NULL);
  return drop_repeats(store, hot);
}

/* Behind a page that cannot be read: row by row as far as a page may reach, then in growing steps.
 */
static sm_err read_journal_past_damage(sm_readings *store, int64_t last, int64_t end) {
  enum { ROWS_A_PAGE = 1024 };
  int64_t tries = 0;
  int64_t step = 1;
  sm_err err = SM_ERR_CORRUPT;
  sm_damage_found(store, DAMAGE_PAGE, last + 1);
  while (err == SM_ERR_CORRUPT && last < end) {
    int64_t from = end - last > step ? last + step : end;
    if (++tries > ROWS_A_PAGE) step *= 2;
    err = read_journal(store, from, &last);
    if (last == from) continue;
    tries = 0; /* it came on */
    step = 1;
  }
  return err == SM_ERR_CORRUPT ? SM_OK : err;
}

static sm_err load_journal(sm_readings *store) {
  sm_err err = load_seal(store);
  int64_t end = 0;
  if (err == SM_OK)
    err = sm_sql_query_i64(store->db,
                           "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"
                           " WHERE name = 'journal'",
                           &end);
  int64_t last = 0;
  if (err == SM_OK) err = read_journal(store, 0, &last);
  if (err == SM_ERR_CORRUPT) err = read_journal_past_damage(store, last, end);
  store->journal_no = end;
  for (size_t i = 0; err == SM_OK && i < store->series_count; i++) {
    err = settle_hot(store, store->series[i]->hot, &store->hot_bytes);
    if (err == SM_OK) err = settle_hot(store, store->series[i]->frozen, &store->frozen_bytes);
  }
  if (store->sealing || atomic_load(&store->journal_readings) > 0)
    store->oldest_unsealed_ms = sm_clock_steady_ms();
  return err;
}

/* ---- days that wait to be merged ---- */

static sm_err load_fresh_days(sm_readings *store) {
  int64_t now_ms = sm_clock_steady_ms();
  int64_t day = 0;
  for (;;) {
    sm_sql_stmt q = sm_sql_use(store->db, "SELECT fresh_key FROM fresh WHERE fresh_key >= ?1"
                                          " ORDER BY fresh_key LIMIT 1");
    sm_sql_bind_i64(&q, 1, sm_fresh_key(day * DAY_HOURS, 0));
    bool found = sm_sql_row(&q);
    int64_t hour = found ? sm_sql_i64(&q, 0) >> HOUR_SHIFT : 0;
    sm_err err = sm_sql_end(&q);
    if (err == SM_ERR_CORRUPT) {
      sm_damage_found(store, DAMAGE_PAGE, day);
      return SM_OK;
    }
    if (err != SM_OK || !found) return err;
    err = sm_merge_note_day(store, hour / DAY_HOURS, now_ms);
    if (err != SM_OK) return err;
    day = hour / DAY_HOURS + 1;
  }
}

sm_err sm_readings_load(sm_readings *store) {
  sm_err err = load_meta(store);
  if (err == SM_OK) err = load_all_series(store);
  if (err == SM_OK) err = load_journal(store);
  if (err == SM_OK && store->writer) err = load_fresh_days(store);
  sm_drop_after_seals(store);
  for (size_t i = 0; err == SM_OK && i < store->series_count; i++) {
    const sm_series *series = store->series[i];
    if (series->has_last && series->last.ts_ms > store->newest_ms)
      store->newest_ms = series->last.ts_ms;
  }
  return err;
}
