#include "store/embedded/readings_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- readers ---- */

static sm_err open_reader(sm_readings *store, sm_sql **db) {
  const sm_sql_options options = {.path = store->path, .read_only = true, .busy_timeout_ms = 10000};
  return sm_sql_open(&options, db);
}

static sm_err take_connection(sm_readings *store, sm_sql **db) {
  reader_pool *pool = &store->readers;
  (void)pthread_mutex_lock(&pool->mutex);
  if (!store->writer) {
    /* A read-only store has the one connection that holds its snapshot. */
    while (pool->open_count == 1) (void)pthread_cond_wait(&pool->free_again, &pool->mutex);
    pool->open_count = 1;
    *db = store->db;
    (void)pthread_mutex_unlock(&pool->mutex);
    return SM_OK;
  }
  while (pool->idle_count == 0 && pool->open_count == READERS_MAX)
    (void)pthread_cond_wait(&pool->free_again, &pool->mutex);
  bool reuse = pool->idle_count > 0;
  if (reuse)
    *db = pool->idle[--pool->idle_count];
  else
    pool->open_count++;
  (void)pthread_mutex_unlock(&pool->mutex);
  if (reuse) return SM_OK;
  sm_err err = open_reader(store, db);
  if (err != SM_OK) {
    (void)pthread_mutex_lock(&pool->mutex);
    pool->open_count--;
    (void)pthread_cond_signal(&pool->free_again);
    (void)pthread_mutex_unlock(&pool->mutex);
  }
  return err;
}

static void give_connection(sm_readings *store, sm_sql *db) {
  reader_pool *pool = &store->readers;
  if (store->writer) sm_sql_rollback(db);
  (void)pthread_mutex_lock(&pool->mutex);
  if (store->writer)
    pool->idle[pool->idle_count++] = db;
  else
    pool->open_count = 0;
  (void)pthread_cond_signal(&pool->free_again);
  (void)pthread_mutex_unlock(&pool->mutex);
}

static sm_err begin_snapshot(reader *r) {
  if (!r->store->writer) return SM_OK;
  sm_err err = sm_sql_begin(r->db);
  int64_t unused;
  /* A read is what takes the snapshot, not BEGIN. */
  return err == SM_OK ? sm_sql_query_i64(r->db, "SELECT count(*) FROM meta", &unused) : err;
}

/* The start of an instant's hour; the ends of time stay what they are. */
static int64_t hour_start_ms(int64_t ts_ms) {
  const int64_t far_ms = INT64_MAX / 2;
  return ts_ms < -far_ms || ts_ms > far_ms ? ts_ms : sm_hour_of(ts_ms) * 3600000;
}

static sm_err copy_hot(reader *r, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms) {
  const sm_series *series = sm_readings_series(r->store, device_id, channel);
  if (series == NULL || series->series_no == 0) return SM_OK;
  r->series_no = series->series_no;
  const sm_run *hot = &series->hot;
  if (hot->count > 0) r->hot_first_ms = hot->item[0].ts_ms;
  size_t first = sm_run_find(hot, hour_start_ms(from_ms));
  size_t end = sm_run_find(hot, to_ms > INT64_MAX / 2 ? to_ms : hour_start_ms(to_ms) + 3600000);
  if (first >= end) return SM_OK;
  r->hot = malloc((end - first) * sizeof *r->hot);
  if (r->hot == NULL) return SM_ERR_NOMEM;
  memcpy(r->hot, hot->item + first, (end - first) * sizeof *r->hot);
  r->hot_count = end - first;
  return SM_OK;
}

sm_err sm_reader_begin(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, reader *r) {
  reader out = {.store = store, .hot_first_ms = INT64_MAX};
  sm_err err = take_connection(store, &out.db);
  if (err != SM_OK) return err;
  (void)pthread_rwlock_rdlock(&store->lock);
  err = begin_snapshot(&out);
  if (err == SM_OK) err = copy_hot(&out, device_id, channel, from_ms, to_ms);
  (void)pthread_rwlock_unlock(&store->lock);
  if (err != SM_OK) {
    sm_reader_end(&out);
    return err;
  }
  *r = out;
  return SM_OK;
}

void sm_reader_end(reader *r) {
  give_connection(r->store, r->db);
  free(r->hot);
  r->hot = NULL;
}

/* ---- raw ---- */

static sm_err append(sm_reading_list *list, size_t *cap, const sm_reading *readings, size_t count) {
  if (count == 0) return SM_OK;
  if (list->count + count > *cap) {
    size_t more = *cap * 2 > list->count + count ? *cap * 2 : list->count + count;
    sm_reading *item = realloc(list->item, more * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    *cap = more;
  }
  memcpy(list->item + list->count, readings, count * sizeof *readings);
  list->count += count;
  return SM_OK;
}

/* A window of an ascending array: what lies in [from, to). */
static const sm_reading *window(const sm_reading *readings, size_t count, int64_t from_ms,
                                int64_t to_ms, size_t *n) {
  const sm_run run = {.item = (sm_reading *)(uintptr_t)readings, .count = count};
  size_t first = sm_run_find(&run, from_ms);
  size_t end = sm_run_find(&run, to_ms);
  *n = end > first ? end - first : 0;
  return readings + first;
}

/* Appends the readings of one sealed hour and the hot ones of before its end, in order. */
static sm_err append_hour(reader *r, const sm_reading *sealed, size_t sealed_count, int64_t from_ms,
                          int64_t to_ms, sm_reading_list *list, size_t *cap) {
  size_t hot_n = 0;
  const sm_reading *hot = r->hot;
  if (r->hot_count > 0) hot = window(r->hot, r->hot_count, from_ms, to_ms, &hot_n);
  size_t sealed_n = 0;
  if (sealed_count > 0) sealed = window(sealed, sealed_count, from_ms, to_ms, &sealed_n);
  if (hot_n == 0) return append(list, cap, sealed, sealed_n);
  if (sealed_n == 0) return append(list, cap, hot, hot_n);
  sm_reading *both = malloc((hot_n + sealed_n) * sizeof *both);
  if (both == NULL) return SM_ERR_NOMEM;
  size_t n = sm_run_merge(sealed, sealed_n, hot, hot_n, both);
  sm_err err = append(list, cap, both, n);
  free(both);
  return err;
}

static int64_t clamp_hour(int64_t ts_ms) {
  int64_t hour = sm_hour_of(ts_ms);
  int64_t max = ((int64_t)1 << HOUR_BITS) - 1;
  return hour < 0 ? 0 : hour > max ? max : hour;
}

sm_err sm_reader_raw(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                     sm_reading_list *list) {
  sm_reading_list out = {0};
  size_t cap = 0;
  sm_err err = SM_OK;
  int64_t done_ms = from_ms; /* everything before this instant has been given */
  if (from_ms >= to_ms || r->series_no == 0) {
    *list = out;
    return SM_OK;
  }
  sm_sql_stmt q = sm_sql_use(r->db, "SELECT block_key, body FROM block WHERE block_key >= ?1"
                                    " AND block_key <= ?2 ORDER BY block_key");
  sm_sql_bind_i64(&q, 1, sm_block_key(r->series_no, clamp_hour(from_ms)));
  sm_sql_bind_i64(&q, 2, sm_block_key(r->series_no, clamp_hour(to_ms - 1)));
  while (err == SM_OK && out.count < limit && sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    sm_reading *sealed = NULL;
    size_t count = 0;
    int64_t hour = sm_sql_i64(&q, 0) - sm_block_key(r->series_no, 0);
    int64_t end_ms = (hour + 1) * 3600000;
    if (end_ms > to_ms) end_ms = to_ms;
    sm_err decoded = body != NULL ? sm_block_decode(body, len, &sealed, &count) : SM_ERR_CORRUPT;
    if (decoded == SM_ERR_NOMEM)
      err = decoded;
    else if (decoded != SM_OK)
      atomic_fetch_add(&r->store->damaged, 1); /* the rest is served */
    if (err == SM_OK) err = append_hour(r, sealed, count, done_ms, end_ms, &out, &cap);
    done_ms = end_ms;
    free(sealed);
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (err == SM_OK && out.count < limit) err = append_hour(r, NULL, 0, done_ms, to_ms, &out, &cap);
  if (err != SM_OK) {
    sm_reading_list_fini(&out);
    return err;
  }
  if (out.count > limit) out.count = limit;
  *list = out;
  return SM_OK;
}

sm_err sm_readings_raw(sm_readings *store, const char *device_id, uint8_t channel, int64_t from_ms,
                       int64_t to_ms, size_t limit, sm_reading_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, from_ms, to_ms, &r);
  if (err != SM_OK) return err;
  err = sm_reader_raw(&r, from_ms, to_ms, limit, list);
  sm_reader_end(&r);
  return err;
}

/* ---- latest, first ---- */

sm_err sm_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                          sm_reading *reading) {
  sm_err err = SM_ERR_NOT_FOUND;
  (void)pthread_rwlock_rdlock(&store->lock);
  const sm_series *series = sm_readings_series(store, device_id, channel);
  if (series != NULL && series->has_last) {
    *reading = series->last;
    err = SM_OK;
  }
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

sm_err sm_reader_first_ms(reader *r, int64_t *ts_ms) {
  int64_t first = INT64_MAX;
  sm_sql_stmt q = sm_sql_use(r->db, "SELECT first_ms FROM quarter WHERE quarter_key >= ?1"
                                    " AND quarter_key < ?2 ORDER BY quarter_key LIMIT 1");
  sm_sql_bind_i64(&q, 1, sm_quarter_key(r->series_no, 0));
  sm_sql_bind_i64(&q, 2, sm_quarter_key(r->series_no + 1, 0));
  if (r->series_no != 0 && sm_sql_row(&q)) first = sm_sql_i64(&q, 0);
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (r->hot_first_ms < first) first = r->hot_first_ms;
  if (first == INT64_MAX) return SM_ERR_NOT_FOUND;
  *ts_ms = first;
  return SM_OK;
}

sm_err sm_readings_first_ms(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t *ts_ms) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, 0, 0, &r);
  if (err != SM_OK) return err;
  err = sm_reader_first_ms(&r, ts_ms);
  sm_reader_end(&r);
  return err;
}

/* ---- quarters ---- */

static void take_quarter(sm_sql_stmt *q, int64_t series_no, sm_quarter *out) {
  int64_t quarter = sm_sql_i64(q, 0) - sm_quarter_key(series_no, 0);
  *out = (sm_quarter){
      .start_ms = quarter * SM_QUARTER_MS,
      .count = (uint32_t)sm_sql_i64(q, 1),
      .first = {.ts_ms = sm_sql_i64(q, 2), .wh = sm_sql_i64(q, 3)},
      .last = {.ts_ms = sm_sql_i64(q, 4), .wh = sm_sql_i64(q, 5)},
      .power_sum_mw = sm_sql_i64(q, 6),
      .power_max_mw = (int32_t)sm_sql_i64(q, 7),
      .voltage_sum_mv = sm_sql_i64(q, 8),
      .voltage_min_mv = (int32_t)sm_sql_i64(q, 9),
      .voltage_max_mv = (int32_t)sm_sql_i64(q, 10),
      .gap_max_ms = (int32_t)sm_sql_i64(q, 11),
      .step_max_w = sm_sql_i64(q, 12),
      .fell = sm_sql_i64(q, 13) != 0,
  };
}

static int64_t clamp_quarter(int64_t ts_ms) {
  int64_t quarter = sm_quarter_start_ms(ts_ms) / SM_QUARTER_MS;
  int64_t max = ((int64_t)1 << QUARTER_BITS) - 1;
  return quarter < 0 ? 0 : quarter > max ? max : quarter;
}

static sm_err sealed_quarters(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                              sm_quarter_list *list) {
  sm_quarter_list out = {0};
  size_t cap = 0;
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(
      r->db, "SELECT quarter_key, count, first_ms, first_wh, last_ms, last_wh, power_sum_mw,"
             " power_max_mw, voltage_sum_mv, voltage_min_mv, voltage_max_mv, gap_max_ms,"
             " step_max_w, fell FROM quarter WHERE quarter_key >= ?1 AND quarter_key <= ?2"
             " ORDER BY quarter_key LIMIT ?3");
  sm_sql_bind_i64(&q, 1, sm_quarter_key(r->series_no, clamp_quarter(from_ms + SM_QUARTER_MS - 1)));
  sm_sql_bind_i64(&q, 2, sm_quarter_key(r->series_no, clamp_quarter(to_ms - 1)));
  sm_sql_bind_i64(&q, 3, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
  while (err == SM_OK && sm_sql_row(&q)) {
    if (out.count == cap) {
      cap = cap < 64 ? 64 : cap * 2;
      sm_quarter *item = realloc(out.item, cap * sizeof *item);
      if (item == NULL)
        err = SM_ERR_NOMEM;
      else
        out.item = item;
    }
    if (err == SM_OK) take_quarter(&q, r->series_no, &out.item[out.count++]);
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (err != SM_OK)
    sm_quarter_list_fini(&out);
  else
    *list = out;
  return err;
}

enum { HOUR_QUARTERS = 4 };

/* The quarters of one hour, from what is sealed and hot of it. */
static sm_err quarters_of_hour(reader *r, int64_t hour_ms, sm_quarter four[HOUR_QUARTERS],
                               size_t *count) {
  sm_reading_list raw = {0};
  sm_err err = sm_reader_raw(r, hour_ms, hour_ms + 3600000, SIZE_MAX, &raw);
  if (err != SM_OK) return err;
  *count = 0;
  if (raw.count > 0) {
    sm_quarter *all = calloc(raw.count, sizeof *all);
    if (all == NULL)
      err = SM_ERR_NOMEM;
    else {
      *count = sm_quarters_of(raw.item, raw.count, all);
      memcpy(four, all, *count * sizeof *four);
    }
    free(all);
  }
  sm_reading_list_fini(&raw);
  return err;
}

/* Quarters of the hot hours, growing. */
typedef struct fresh_list {
  sm_quarter_list list;
  size_t cap;
} fresh_list;

static sm_err append_fresh(reader *r, int64_t hour_ms, int64_t from_ms, int64_t to_ms,
                           fresh_list *fresh) {
  sm_quarter four[HOUR_QUARTERS];
  size_t count = 0;
  sm_err err = quarters_of_hour(r, hour_ms, four, &count);
  if (err != SM_OK) return err;
  sm_quarter_list *list = &fresh->list;
  if (list->count + HOUR_QUARTERS > fresh->cap) {
    size_t cap = fresh->cap < 64 ? 64 : fresh->cap * 2;
    sm_quarter *item = realloc(list->item, cap * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    fresh->cap = cap;
  }
  for (size_t i = 0; i < count; i++)
    if (four[i].start_ms >= from_ms && four[i].start_ms < to_ms)
      list->item[list->count++] = four[i];
  return SM_OK;
}

/* The quarters of all hours that have hot readings, made anew: the sealed rows of these hours are
 * behind. */
static sm_err fresh_quarters(reader *r, int64_t from_ms, int64_t to_ms, sm_quarter_list *list) {
  fresh_list out = {.cap = 0};
  sm_err err = SM_OK;
  for (size_t at = 0; err == SM_OK && at < r->hot_count;) {
    int64_t hour = sm_hour_of(r->hot[at].ts_ms);
    while (at < r->hot_count && sm_hour_of(r->hot[at].ts_ms) == hour) at++;
    int64_t hour_ms = hour * 3600000;
    if (hour_ms + 3600000 > from_ms && hour_ms < to_ms)
      err = append_fresh(r, hour_ms, from_ms, to_ms, &out);
  }
  if (err != SM_OK)
    sm_quarter_list_fini(&out.list);
  else
    *list = out.list;
  return err;
}

static bool hour_is_hot(const reader *r, int64_t start_ms) {
  int64_t hour_ms = sm_hour_of(start_ms) * 3600000;
  size_t n = 0;
  if (r->hot_count > 0) (void)window(r->hot, r->hot_count, hour_ms, hour_ms + 3600000, &n);
  return n > 0;
}

static sm_err merge_quarters(const reader *r, const sm_quarter_list *sealed,
                             const sm_quarter_list *fresh, size_t limit, sm_quarter_list *list) {
  sm_quarter_list out = {.item = calloc(sealed->count + fresh->count + 1, sizeof *out.item)};
  if (out.item == NULL) return SM_ERR_NOMEM;
  size_t i = 0;
  size_t j = 0;
  while (out.count < limit && (i < sealed->count || j < fresh->count)) {
    bool take_fresh = j < fresh->count &&
                      (i == sealed->count || fresh->item[j].start_ms <= sealed->item[i].start_ms);
    if (take_fresh)
      out.item[out.count++] = fresh->item[j++];
    else if (hour_is_hot(r, sealed->item[i].start_ms))
      i++;
    else
      out.item[out.count++] = sealed->item[i++];
  }
  *list = out;
  return SM_OK;
}

sm_err sm_reader_quarters(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                          sm_quarter_list *list) {
  if (from_ms >= to_ms || r->series_no == 0 || to_ms <= 0) {
    *list = (sm_quarter_list){0};
    return SM_OK;
  }
  sm_quarter_list sealed = {0};
  sm_quarter_list fresh = {0};
  sm_err err = fresh_quarters(r, from_ms, to_ms, &fresh);
  /* Sealed rows that fresh ones replace are read in vain: so many more may be needed. */
  size_t more = limit > SIZE_MAX - 4 * r->hot_count ? SIZE_MAX : limit + 4 * r->hot_count;
  if (err == SM_OK) err = sealed_quarters(r, from_ms, to_ms, more, &sealed);
  if (err == SM_OK) err = merge_quarters(r, &sealed, &fresh, limit, list);
  sm_quarter_list_fini(&sealed);
  sm_quarter_list_fini(&fresh);
  return err;
}

sm_err sm_readings_quarters(sm_readings *store, const char *device_id, uint8_t channel,
                            int64_t from_ms, int64_t to_ms, size_t limit, sm_quarter_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, device_id, channel, from_ms, to_ms, &r);
  if (err != SM_OK) return err;
  err = sm_reader_quarters(&r, from_ms, to_ms, limit, list);
  sm_reader_end(&r);
  return err;
}
