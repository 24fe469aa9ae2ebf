/* What is known of each series in memory, and what is told from it. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"
#include "store/series/known.h"
#include "store/series/state.h"

#include <stdlib.h>

enum {
  FRESH_MS = 500,
  /* Servers' clocks differ, and a transaction is seen later than it says. */
  OVERLAP_MS = 60000
};

sm_err mg_version_room(mg_readings *store, int64_t no) {
  if ((size_t)no < store->version_cap) return SM_OK;
  size_t cap = store->version_cap == 0 ? 256 : store->version_cap * 2;
  while (cap <= (size_t)no) cap *= 2;
  int64_t *list = realloc(store->version, cap * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  store->version = list;
  sm_series **by_no = realloc(store->by_no, cap * sizeof(sm_series *));
  if (by_no == NULL) return SM_ERR_NOMEM;
  store->by_no = by_no;
  for (size_t i = store->version_cap; i < cap; i++) {
    list[i] = 0;
    by_no[i] = NULL;
  }
  store->version_cap = cap;
  return SM_OK;
}

static sm_err add_series(mg_readings *store, const char *device_id, uint8_t channel, int64_t no,
                         sm_series **out) {
  sm_series *series = NULL;
  sm_err err = sm_series_table_need(&store->table, device_id, channel, &series);
  if (err != SM_OK) return err;
  *out = series;
  if (series->no != 0) return SM_OK;
  if (store->series_count == store->series_cap) {
    size_t cap = store->series_cap == 0 ? 64 : store->series_cap * 2;
    sm_series **list = realloc(store->series, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    store->series = list;
    store->series_cap = cap;
  }
  series->no = (uint32_t)no;
  store->series[store->series_count++] = series;
  store->by_no[no] = series;
  return SM_OK;
}

static sm_err take_series(mg_readings *store, const bson_t *doc) {
  size_t len = 0;
  int64_t no = mg_i64(doc, "no");
  int64_t changed_ms = mg_i64(doc, "at");
  const char *device_id = mg_text(doc, "_id.device");
  const uint8_t *state = mg_bytes(doc, "state", &len);
  sm_series *series = NULL;
  if (device_id == NULL || state == NULL || no <= 0 || no > UINT32_MAX) return SM_ERR_CORRUPT;
  sm_err err = mg_version_room(store, no);
  if (err == SM_OK)
    err = add_series(store, device_id, (uint8_t)mg_i64(doc, "_id.channel"), no, &series);
  if (err != SM_OK) return err;
  if (no > store->top_no) store->top_no = no;
  if (changed_ms > store->changed_ms) store->changed_ms = changed_ms;
  if (store->version[no] >= mg_i64(doc, "version")) return SM_OK;
  err = sm_state_decode(state, len, series);
  if (err != SM_OK) return err;
  store->version[no] = mg_i64(doc, "version");
  if (series->has_last && series->last.ts_ms > store->newest_ms)
    store->newest_ms = series->last.ts_ms;
  return SM_OK;
}

sm_err mg_load_series(mg_readings *store, mg_conn *conn, bson_t *filter) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_SERIES, filter, BCON_NEW("sort", "{", "no", BCON_INT32(1), "}"));
  while ((doc = mg_find_next(&find)) != NULL) {
    (void)pthread_rwlock_wrlock(&store->lock);
    find.err = take_series(store, doc);
    (void)pthread_rwlock_unlock(&store->lock);
  }
  return mg_find_end(&find);
}

sm_err mg_refresh(mg_readings *store, mg_conn *conn) {
  sm_err err = SM_OK;
  (void)pthread_mutex_lock(&store->fresh_lock);
  if (sm_clock_steady_ms() >= store->fresh_until_ms) {
    err = mg_load_series(
        store, conn,
        BCON_NEW("at", "{", "$gte", BCON_DATE_TIME(store->changed_ms - OVERLAP_MS), "}"));
    store->fresh_until_ms = sm_clock_steady_ms() + FRESH_MS; /* also if it is gone: not each time */
  }
  (void)pthread_mutex_unlock(&store->fresh_lock);
  return err;
}

/* A reader beside writers looks now and then; a writer does in its maintenance. Without a server
 * memory is all there is. */
static void look_again(mg_readings *store) {
  mg_conn conn;
  if (store->writer) return;
  mg_take(store->pool, &conn);
  sm_err unused = mg_refresh(store, &conn); /* logged */
  (void)unused;
  mg_give(&conn);
}

static sm_known known(mg_readings *store) {
  look_again(store);
  return (sm_known){.lock = &store->lock,
                    .table = &store->table,
                    .list = &store->series,
                    .count = &store->series_count,
                    .newest_ms = &store->newest_ms};
}

int64_t mg_series_no(mg_readings *store, const char *device_id, uint8_t channel, int64_t *first_ms,
                     int64_t *last_ms) {
  const sm_known k = known(store);
  return sm_known_no(&k, device_id, channel, first_ms, last_ms);
}

sm_err mg_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading) {
  const sm_known k = known(mg_of(store));
  return sm_known_latest(&k, device_id, channel, reading);
}

sm_err mg_readings_last_ms(sm_readings *store, int64_t *ts_ms) {
  const sm_known k = known(mg_of(store));
  return sm_known_last_ms(&k, ts_ms);
}

sm_err mg_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms) {
  const sm_known k = known(mg_of(store));
  return sm_known_first_ms(&k, device_id, channel, ts_ms);
}

sm_err mg_readings_each(sm_readings *store, sm_readings_each_fn each, void *context) {
  const sm_known k = known(mg_of(store));
  return sm_known_each(&k, each, context);
}
