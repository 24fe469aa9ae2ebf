#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

sm_err sm_shrink_slice(sm_readings *store, bool force, bool *done) {
  int64_t pages = 0;
  int64_t unused = 0;
  *done = false;
  if (!store->can_shrink) return SM_OK;
  sm_err err = sm_sql_query_i64(store->db, "PRAGMA page_count", &pages);
  if (err == SM_OK) err = sm_sql_query_i64(store->db, "PRAGMA freelist_count", &unused);
  bool due = unused > SHRINK_PAGES_MIN && unused > pages / 3;
  /* At a clean stop also a little, as long as nobody has to wait for it. */
  if (force && unused <= SHRINK_PAGES_STOP && unused > pages / 32) due = true;
  *done = err == SM_OK && (due || (store->shrinking && unused > SHRINK_PAGES_LEFT));
  store->shrinking = *done;
  if (!*done) return err;
  err = sm_slice_begin(store);
  if (err != SM_OK) return err;
  char sql[64];
  (void)snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", SHRINK_SLICE_PAGES);
  return sm_slice_end(store, sm_sql_exec(store->db, sql));
}

/* One piece of work, the most urgent first. */
static sm_err one_slice(sm_readings *store, bool force, bool *done) {
  sm_err err = sm_seal_slice(store, force, done);
  if (err == SM_OK && !*done) err = sm_repair_slice(store, done);
  if (err == SM_OK && !*done) err = sm_merge_slice(store, force, done);
  if (err == SM_OK && !*done) err = sm_drop_slice(store, done);
  if (err == SM_OK && !*done) err = sm_shrink_slice(store, force, done);
  if (err == SM_OK && sm_sql_wal_pages(store->db) >= WAL_PAGES) err = sm_sql_checkpoint(store->db);
  return err;
}

static bool memory_is_short(const sm_readings *store) {
  return atomic_load(&store->hot_bytes) + atomic_load(&store->frozen_bytes) >= store->hot_bytes_max;
}

sm_err sm_embedded_maintain(sm_readings *store, bool force, bool *more) {
  (void)more; /* one slice a rest keeps up with whatever comes in */
  if (!store->writer) return SM_ERR_DENIED;
  bool hurry = force || memory_is_short(store);
  if (!hurry && sm_clock_steady_ms() < store->rest_until_ms) return SM_OK;
  bool done = false;
  sm_err err;
  do err = one_slice(store, force, &done);
  while (err == SM_OK && done && (force || memory_is_short(store)));
  int64_t steady_ms = sm_clock_steady_ms();
  store->rest_until_ms = steady_ms + (err == SM_OK ? REST_MS : FAILED_REST_MS);
  if (err != SM_OK)
    sm_log(SM_LOG_ERROR, "readings.maintain_failed", SM_LOG_TEXT("reason", sm_err_text(err)));
  return err;
}
