/* Whether a reading that is not the latest is stored already. What is decoded for that is kept for
 * a while, since late readings come in runs: an array of one meter, a history in order. What is
 * known to hold nothing (`gap` of a series) needs no look-up at all. */
#include "store/embedded/readings_internal.h"

#include <stdlib.h>

/* ---- what was decoded ---- */

void sm_find_forget(sm_readings *store) {
  for (size_t i = 0; i < CACHE_SLOTS; i++) {
    cached_run *c = &store->cache[i];
    if (c->hot == NULL && c->key == 0) continue;
    sm_run_fini(&c->run);
    *c = (cached_run){0};
  }
  store->cache_bytes = 0;
}

void sm_find_fini(sm_readings *store) {
  sm_find_forget(store);
}

static cached_run *slot_of(sm_readings *store, const void *hot, int64_t key) {
  uint64_t mixed = ((uint64_t)(uintptr_t)hot + (uint64_t)key) * 0x9e3779b97f4a7c15U;
  return &store->cache[mixed >> 56];
}

static cached_run *cached_at(sm_readings *store, const void *hot, int64_t key) {
  cached_run *c = slot_of(store, hot, key);
  return c->hot == hot && c->key == key ? c : NULL;
}

/* Takes the run's memory. */
static const sm_run *cache(sm_readings *store, const void *hot, int64_t key, sm_run run) {
  size_t bytes = run.cap * sizeof *run.item;
  if (store->cache_bytes + bytes > CACHE_BYTES) sm_find_forget(store);
  cached_run *c = slot_of(store, hot, key);
  store->cache_bytes += bytes;
  store->cache_bytes -= c->run.cap * sizeof *c->run.item;
  sm_run_fini(&c->run);
  *c = (cached_run){.hot = hot, .key = key, .run = run};
  return &c->run;
}

/* ---- in memory ---- */

static sm_err find_packed(sm_readings *store, const sm_packed *packed, int64_t ts_ms,
                          const sm_reading **found) {
  *found = NULL;
  if (packed->count == 0 || ts_ms < packed->first_ms || ts_ms > packed->last.ts_ms) return SM_OK;
  if (ts_ms == packed->last.ts_ms) {
    *found = &packed->last;
    return SM_OK;
  }
  /* A packed run only grows, so its count says whether it is still the same. */
  cached_run *c = cached_at(store, packed, packed->count);
  const sm_run *run = c != NULL ? &c->run : NULL;
  if (run == NULL) {
    sm_run read = {0};
    sm_err err = sm_run_reserve(&read, packed->count);
    if (err != SM_OK) return err;
    sm_packed_read(packed, read.item);
    read.count = packed->count;
    run = cache(store, packed, packed->count, read);
  }
  *found = sm_run_at(run, ts_ms);
  return SM_OK;
}

static sm_err find_hot(sm_readings *store, const sm_hot *hot, int64_t ts_ms,
                       const sm_reading **found) {
  *found = NULL;
  if (hot == NULL) return SM_OK;
  *found = sm_run_at(&hot->late, ts_ms);
  return *found != NULL ? SM_OK : find_packed(store, &hot->packed, ts_ms, found);
}

/* ---- in the file ---- */

/* What a row says of an instant: the reading there, or between which two it lies. */
typedef struct place {
  const sm_reading *found;
  int64_t after_ms;  /* nothing from here */
  int64_t before_ms; /* to here */
} place;

static void place_in(const sm_run *run, int64_t ts_ms, place *p) {
  size_t at = sm_run_find(run, ts_ms);
  if (at < run->count && run->item[at].ts_ms == ts_ms) {
    p->found = &run->item[at];
    return;
  }
  if (at > 0 && run->item[at - 1].ts_ms >= p->after_ms) p->after_ms = run->item[at - 1].ts_ms + 1;
  if (at < run->count && run->item[at].ts_ms < p->before_ms) p->before_ms = run->item[at].ts_ms;
}

/* Cheap answers from a row's head: what is at or beyond its ends. */
static bool place_by_head(sm_readings *store, const uint8_t *body, size_t len, int64_t ts_ms,
                          place *p) {
  sm_block_info info;
  if (body == NULL || sm_block_peek(body, len, &info) != SM_OK) return false;
  if (ts_ms > info.last.ts_ms) {
    if (info.last.ts_ms >= p->after_ms) p->after_ms = info.last.ts_ms + 1;
    return true;
  }
  if (ts_ms < info.first_ms) {
    if (info.first_ms < p->before_ms) p->before_ms = info.first_ms;
    return true;
  }
  if (ts_ms < info.last.ts_ms) return false;
  sm_run one = {0};
  if (sm_run_reserve(&one, 1) != SM_OK) return false;
  one.item[one.count++] = info.last;
  p->found = &cache(store, NULL, -1, one)->item[0];
  return true;
}

static sm_err find_row(sm_readings *store, const char *sql, damage_kind kind, int64_t key,
                       int64_t cache_key, int64_t ts_ms, place *p) {
  cached_run *c = cached_at(store, NULL, cache_key);
  if (c != NULL) {
    place_in(&c->run, ts_ms, p);
    return SM_OK;
  }
  sm_sql_stmt q = sm_sql_use(store->db, sql);
  sm_sql_bind_i64(&q, 1, key);
  bool known = true;
  if (sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 0, &len);
    known = place_by_head(store, body, len, ts_ms, p);
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_ERR_CORRUPT)
    store->batch.spoiled = true;
  else if (err != SM_OK || known)
    return err;
  /* What is damaged cannot say what it held: what comes now is taken, the old bytes are kept. */
  sm_run run = {0};
  bool damaged = false;
  err = sm_rows_read(store, store->db, kind, key, &run, &damaged);
  if (err == SM_OK && run.count > 0) place_in(cache(store, NULL, cache_key, run), ts_ms, p);
  return err;
}

static sm_err find_sealed(sm_readings *store, sm_series *series, int64_t ts_ms,
                          const sm_reading **found) {
  *found = NULL;
  if (series->no == 0 || (ts_ms >= series->gap_from_ms && ts_ms < series->gap_to_ms)) return SM_OK;
  int64_t hour = ts_ms / HOUR_MS;
  place p = {.after_ms = hour * HOUR_MS, .before_ms = (hour + 1) * HOUR_MS};
  int64_t day_key = sm_day_key(series->no, sm_day_of(ts_ms));
  int64_t fresh_key = sm_fresh_key(hour, series->no);
  sm_err err = find_row(store, "SELECT body FROM fresh WHERE fresh_key = ?1", DAMAGE_FRESH,
                        fresh_key, fresh_key, ts_ms, &p);
  if (err == SM_OK && p.found == NULL)
    err = find_row(store, "SELECT body FROM block WHERE block_key = ?1", DAMAGE_BLOCK, day_key,
                   ~day_key, ts_ms, &p);
  if (err != SM_OK) return err;
  *found = p.found;
  if (p.found == NULL) {
    series->gap_from_ms = p.after_ms;
    series->gap_to_ms = p.before_ms;
  }
  return SM_OK;
}

sm_err sm_find_stored(sm_readings *store, sm_series *series, int64_t ts_ms,
                      const sm_reading **found) {
  sm_err err = find_hot(store, series->hot, ts_ms, found);
  if (err == SM_OK && *found == NULL) err = find_hot(store, series->frozen, ts_ms, found);
  return err == SM_OK && *found == NULL ? find_sealed(store, series, ts_ms, found) : err;
}
