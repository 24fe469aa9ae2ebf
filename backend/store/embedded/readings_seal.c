#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

sm_err sm_slice_begin(sm_readings *store) {
  sm_err err = sm_sql_set_synced(store->db, false);
  return err == SM_OK ? sm_sql_begin_immediate(store->db) : err;
}

sm_err sm_slice_end(sm_readings *store, sm_err err) {
  if (err == SM_OK)
    err = sm_sql_commit(store->db);
  else
    sm_sql_rollback(store->db);
  sm_find_forget(store);
  return err;
}

/* ---- what a slice takes ---- */

/* Readings of one series and hour. */
typedef struct part {
  int64_t key; /* of the fresh row */
  size_t from; /* in the slice's readings */
  size_t count;
} part;

typedef struct slice {
  sm_reading *reading;
  size_t count;
  size_t cap;
  part *part;
  size_t part_count;
  size_t part_cap;
  size_t end; /* index of the first series behind it */
} slice;

static void slice_fini(slice *s) {
  free(s->reading);
  free(s->part);
}

static sm_err add_part(slice *s, const sm_series *series, size_t from, size_t count) {
  if (s->part_count == s->part_cap) {
    size_t cap = s->part_cap * 2 + 256;
    part *list = realloc(s->part, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    s->part = list;
    s->part_cap = cap;
  }
  int64_t hour = s->reading[from].ts_ms / HOUR_MS;
  s->part[s->part_count++] =
      (part){.key = sm_fresh_key(hour, series->no), .from = from, .count = count};
  return SM_OK;
}

static sm_err make_room(slice *s, size_t count) {
  if (s->reading != NULL && s->count + count <= s->cap) return SM_OK;
  size_t cap = s->cap + s->cap / 2 + SEAL_SLICE_READINGS;
  if (cap < s->count + count) cap = s->count + count;
  sm_reading *list = realloc(s->reading, cap * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  s->reading = list;
  s->cap = cap;
  return SM_OK;
}

/* All frozen readings of a series in order, at the slice's end. */
static sm_err add_readings(slice *s, const sm_series *series) {
  const sm_hot *frozen = series->frozen;
  sm_err err = make_room(s, sm_hot_count(frozen));
  if (err != SM_OK) return err;
  if (frozen->late.count == 0) {
    sm_packed_read(&frozen->packed, s->reading + s->count);
    s->count += frozen->packed.count;
    return SM_OK;
  }
  sm_run run = {0};
  err = sm_hot_read(frozen, INT64_MIN, INT64_MAX, &run);
  if (err == SM_OK && run.count > 0) {
    memcpy(s->reading + s->count, run.item, run.count * sizeof *run.item);
    s->count += run.count;
  }
  sm_run_fini(&run);
  return err;
}

static sm_err add_series(slice *s, const sm_series *series) {
  size_t from = s->count;
  sm_err err = add_readings(s, series);
  while (err == SM_OK && from < s->count) {
    int64_t hour = s->reading[from].ts_ms / HOUR_MS;
    size_t to = from + 1;
    while (to < s->count && s->reading[to].ts_ms / HOUR_MS == hour) to++;
    err = add_part(s, series, from, to - from);
    from = to;
  }
  return err;
}

static sm_err gather(const sm_readings *store, slice *s) {
  size_t taken = 0;
  sm_err err = SM_OK;
  for (s->end = store->seal_next; err == SM_OK && s->end < store->series_count; s->end++) {
    const sm_series *series = store->series[s->end];
    bool full = s->count >= store->seal_slice_readings || taken >= store->seal_slice_series;
    if (full) break;
    if (sm_hot_count(series->frozen) > 0) err = add_series(s, series);
    if (series->frozen != NULL || series->state_behind) taken++;
  }
  return err;
}

/* ---- writing it ---- */

static int by_key(const void *a, const void *b) {
  const part *left = a;
  const part *right = b;
  return (left->key > right->key) - (left->key < right->key);
}

static bool row_is_lost(const sm_readings *store, int64_t key) {
  for (size_t i = 0; i < store->fresh_lost_count; i++)
    if (store->fresh_lost[i] == key) return true;
  return false;
}

/* A page that cannot be read cannot be written either, and whatever is written behind it in the
 * same transaction fails. The slice goes another way with its next try. */
static void note_lost_row(sm_readings *store, int64_t key) {
  size_t count = store->fresh_lost_count;
  int64_t *list = realloc(store->fresh_lost, (count + 1) * sizeof *list);
  if (list == NULL) return;
  list[count] = key;
  store->fresh_lost = list;
  store->fresh_lost_count++;
  sm_damage_found(store, DAMAGE_FRESH, key);
}

/* What the hour's row holds already, into `row`: as it is, or made anew where that is damaged or of
 * an old version. */
static sm_err take_row(sm_readings *store, int64_t key, sm_buf *row, bool *sound) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT body FROM fresh WHERE fresh_key = ?1");
  sm_sql_bind_i64(&q, 1, key);
  *sound = true;
  if (sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 0, &len);
    *sound = body != NULL && sm_fresh_row_sound(body, len);
    if (*sound) sm_buf_append(row, body, len);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_ERR_CORRUPT) note_lost_row(store, key);
  return err;
}

static sm_err make_row_anew(sm_readings *store, int64_t key, sm_buf *row) {
  sm_run all = {0};
  bool damaged = false;
  sm_err err = sm_rows_read(store, store->db, DAMAGE_FRESH, key, &all, &damaged);
  if (err == SM_OK && damaged) err = sm_damage_keep(store, DAMAGE_FRESH, key);
  if (err == SM_OK && all.count > 0) sm_fresh_row_add(row, all.item, all.count, &store->batch.row);
  sm_run_fini(&all);
  return err;
}

/* New readings join what is sealed of that hour. */
static sm_err write_part(sm_readings *store, const slice *s, const part *p, sm_buf *row) {
  bool sound = false;
  sm_buf_clear(row);
  if (row_is_lost(store, p->key))
    return sm_merge_part(store, p->key, s->reading + p->from, p->count);
  sm_err err = take_row(store, p->key, row, &sound);
  if (err == SM_OK && !sound) err = make_row_anew(store, p->key, row);
  if (err != SM_OK) return err;
  sm_fresh_row_add(row, s->reading + p->from, p->count, &store->batch.row);
  err = sm_row_write(store->db, DAMAGE_FRESH, p->key, row);
  if (err == SM_ERR_CORRUPT) note_lost_row(store, p->key);
  return err;
}

static sm_err write_parts(sm_readings *store, slice *s) {
  int64_t steady_ms = sm_clock_steady_ms();
  int64_t noted_day = -1;
  sm_buf row;
  sm_buf_init(&row, 0);
  if (s->part_count > 0) qsort(s->part, s->part_count, sizeof *s->part, by_key);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < s->part_count; i++) {
    int64_t day = (s->part[i].key >> HOUR_SHIFT) / DAY_HOURS;
    if (day != noted_day) err = sm_merge_note_day(store, day, steady_ms);
    noted_day = day;
    if (err == SM_OK) err = write_part(store, s, &s->part[i], &row);
  }
  sm_buf_fini(&row);
  return err;
}

static sm_err write_series_states(sm_readings *store, const slice *s) {
  sm_err err = SM_OK;
  for (size_t i = store->seal_next; err == SM_OK && i < s->end; i++) {
    sm_series *series = store->series[i];
    if (series->frozen != NULL || series->state_behind) err = sm_state_write(store, series);
  }
  return err;
}

static sm_err write_progress(sm_readings *store, int64_t next_no) {
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT OR REPLACE INTO seal(seal_no, journal_no,"
                                        " next_series) VALUES(1, ?1, ?2)");
  sm_sql_bind_i64(&q, 1, store->seal_journal_no);
  sm_sql_bind_i64(&q, 2, next_no);
  return sm_sql_run(&q);
}

/* Rows that cannot be read are not in memory, so they must not go with the rest. */
static sm_err keep_damaged_journal(sm_readings *store) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < store->journal_damaged_count; i++)
    if (store->journal_damaged[i] <= store->seal_journal_no)
      err = sm_damage_keep(store, DAMAGE_JOURNAL, store->journal_damaged[i]);
  return err;
}

static sm_err drop_journal(sm_readings *store) {
  sm_err err = keep_damaged_journal(store);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM journal WHERE journal_no <= ?1");
  sm_sql_bind_i64(&q, 1, store->seal_journal_no);
  err = sm_sql_run(&q);
  /* On a page that cannot be read they stay, and are passed over from now on. */
  if (err == SM_ERR_CORRUPT) return write_progress(store, INT64_MAX);
  return err == SM_OK ? sm_sql_exec(store->db, "DELETE FROM seal") : err;
}

static sm_err write_slice(sm_readings *store, slice *s) {
  sm_err err = write_parts(store, s);
  if (err == SM_OK) err = write_series_states(store, s);
  if (err != SM_OK) return err;
  if (s->end < store->series_count) return write_progress(store, store->series[s->end]->no);
  return drop_journal(store);
}

/* ---- memory ---- */

/* With the slice's commit, in one step for readers. */
static void drop_frozen(sm_readings *store, const slice *s) {
  for (size_t i = store->seal_next; i < s->end; i++) {
    sm_series *series = store->series[i];
    series->state_behind = false;
    series->gap_from_ms = series->gap_to_ms = 0;
    if (series->frozen == NULL) continue;
    atomic_fetch_sub(&store->frozen_bytes, sm_hot_bytes(series->frozen));
    sm_hot_free(series->frozen);
    series->frozen = NULL;
  }
}

/* What a series knows beyond the file after its state was written is behind again. */
static void end_seal(sm_readings *store) {
  size_t kept = 0;
  for (size_t i = 0; i < store->journal_damaged_count; i++)
    if (store->journal_damaged[i] > store->seal_journal_no)
      store->journal_damaged[kept++] = store->journal_damaged[i];
  store->journal_damaged_count = kept;
  store->sealing = false;
  store->seals++;
  atomic_store(&store->frozen_bytes, 0);
  (void)malloc_trim(0);
  sm_log(SM_LOG_INFO, "readings.sealed", SM_LOG_INT("readings", store->seal_readings),
         SM_LOG_INT("ms", sm_clock_steady_ms() - store->seal_begun_ms));
}

static void freeze(sm_readings *store) {
  size_t bytes = 0;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; i < store->series_count; i++) {
    sm_series *series = store->series[i];
    series->frozen = series->hot;
    series->hot = NULL;
    bytes += sm_hot_bytes(series->frozen);
  }
  (void)pthread_rwlock_unlock(&store->lock);
  atomic_store(&store->frozen_bytes, bytes);
  atomic_store(&store->hot_bytes, 0);
  store->sealing = true;
  store->seal_journal_no = store->journal_no;
  store->seal_next = 0;
  store->seal_begun_ms = sm_clock_steady_ms();
  store->seal_readings = 0;
  store->oldest_unsealed_ms = 0;
}

static bool seal_due(const sm_readings *store, bool force) {
  if (store->sealing) return true;
  if (store->oldest_unsealed_ms == 0) return false;
  /* Half: the other half comes in while the first is being sealed. */
  return force || atomic_load(&store->hot_bytes) >= store->hot_bytes_max / 2 ||
         sm_clock_steady_ms() - store->oldest_unsealed_ms >= SEAL_AGE_MS;
}

sm_err sm_seal_slice(sm_readings *store, bool force, bool *done) {
  *done = seal_due(store, force);
  if (!*done) return SM_OK;
  if (!store->sealing) freeze(store);
  slice s = {0};
  sm_err err = gather(store, &s);
  if (err == SM_OK) err = sm_slice_begin(store);
  if (err == SM_OK) {
    err = write_slice(store, &s);
    (void)pthread_rwlock_wrlock(&store->lock);
    err = sm_slice_end(store, err);
    if (err == SM_OK) drop_frozen(store, &s);
    (void)pthread_rwlock_unlock(&store->lock);
  }
  if (err == SM_OK) {
    store->seal_next = s.end;
    store->seal_readings += s.count;
    atomic_fetch_sub(&store->journal_readings, s.count);
    atomic_fetch_add(&store->sealed_readings, s.count);
    if (s.end == store->series_count) end_seal(store);
  }
  slice_fini(&s);
  return err;
}
