/* One batch: its series locked, judged by what is stored of them, written in one transaction, and
 * only then shown. */
#include "store/postgres/readings_pg.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/series/state.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES = 5 };

/* ---- the batch's series ---- */

static sm_series *series_in_memory(pg_readings *store, const char *device_id, uint8_t channel) {
  (void)pthread_rwlock_rdlock(&store->lock);
  sm_series *series = sm_series_table_get(&store->table, device_id, channel);
  (void)pthread_rwlock_unlock(&store->lock);
  return series;
}

static sm_err series_for(void *context, const char *device_id, uint8_t channel, sm_series **out) {
  pg_readings *store = context;
  sm_series *series = series_in_memory(store, device_id, channel);
  if (series != NULL) {
    *out = series;
    return SM_OK;
  }
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = sm_series_table_need(&store->table, device_id, channel, out);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

/* ---- what is stored of them ---- */

/* The numbers of those that memory has none of: another server may have made them. All of them
 * where one was another's: what a primary showed without having waited for its standby (as after a
 * crash of its own) is not on the one that took over, which gives the numbers anew. */
static sm_err find_numbers(pg_readings *store) {
  sm_verdicts *b = &store->batch;
  sm_buf names;
  sm_buf channels;
  sm_buf_init(&names, 0);
  sm_buf_init(&channels, 0);
  (void)pthread_rwlock_rdlock(&store->lock);
  for (size_t i = 0; i < b->series_count; i++) {
    const sm_series *s = b->series[i].series;
    b->series[i].no = store->look_up ? 0 : s->no;
    if (b->series[i].no != 0) continue;
    pg_array_word(&names, s->device_id);
    pg_array_i64(&channels, s->channel);
  }
  (void)pthread_rwlock_unlock(&store->lock);
  sm_err err = SM_OK;
  if (names.len > 0) {
    sm_sql_stmt q = sm_sql_use(
        store->db, "SELECT s.series_no, s.device_id, s.channel FROM unnest(CAST(?1 AS text[]), "
                   "CAST(?2 AS bigint[])) n (device_id, channel) JOIN series s "
                   "ON s.device_id = n.device_id AND s.channel = n.channel ORDER BY s.series_no");
    pg_array_bind(&q, 1, &names);
    pg_array_bind(&q, 2, &channels);
    while (sm_sql_row(&q)) {
      sm_series *s = NULL;
      const char *device_id = sm_sql_text(&q, 1);
      (void)pthread_rwlock_wrlock(&store->lock);
      sm_err added = device_id == NULL ? SM_ERR_CORRUPT
                                       : pg_add_series(store, device_id, (uint8_t)sm_sql_i64(&q, 2),
                                                       sm_sql_i64(&q, 0), &s);
      (void)pthread_rwlock_unlock(&store->lock);
      if (added == SM_OK && s->touched != 0) b->series[s->touched - 1].no = s->no;
      if (added != SM_OK) q.err = added;
    }
    err = sm_sql_end(&q);
  }
  sm_buf_fini(&names);
  sm_buf_fini(&channels);
  return err;
}

static sm_err take_stored(pg_readings *store, sm_sql_stmt *q, size_t *taken) {
  size_t len = 0;
  const char *device_id = sm_sql_text(q, 0);
  const uint8_t *state = sm_sql_blob(q, 2, &len);
  if (device_id == NULL) return SM_ERR_CORRUPT;
  const sm_series *s = series_in_memory(store, device_id, (uint8_t)sm_sql_i64(q, 1));
  if (s == NULL || s->touched == 0) return SM_ERR_CONFLICT;
  sm_verdict_series *t = &store->batch.series[s->touched - 1];
  if (t->no != sm_sql_i64(q, 3)) return SM_ERR_CONFLICT;
  sm_err err = state != NULL ? sm_state_decode(state, len, t->next) : SM_OK;
  if (err == SM_OK && t->next->has_last) t->latest_ms = t->next->last.ts_ms;
  if (err == SM_OK) (*taken)++;
  return err;
}

/* Locked in the order of their numbers, until the transaction ends. SM_ERR_CONFLICT: a number is
 * another series' by now. */
static sm_err lock_series(pg_readings *store) {
  sm_verdicts *b = &store->batch;
  size_t wanted = 0;
  size_t taken = 0;
  sm_buf numbers;
  sm_buf_init(&numbers, 0);
  for (size_t i = 0; i < b->series_count; i++) {
    sm_verdict_series *t = &b->series[i];
    t->latest_ms = INT64_MIN;
    t->next = sm_series_new(t->series->device_id, t->series->channel);
    if (t->next == NULL) {
      sm_buf_fini(&numbers);
      return SM_ERR_NOMEM;
    }
    if (t->no == 0) continue;
    pg_array_i64(&numbers, t->no);
    wanted++;
  }
  sm_err turn = pg_take_turn(store, wanted);
  if (turn != SM_OK) {
    sm_buf_fini(&numbers);
    return turn;
  }
  sm_sql_stmt q = sm_sql_use(
      store->db, "SELECT device_id, channel, state, series_no FROM series WHERE series_no = ANY("
                 "CAST(?1 AS bigint[])) ORDER BY series_no FOR NO KEY UPDATE");
  sm_pg_binary(&q);
  pg_array_bind(&q, 1, &numbers);
  while (sm_sql_row(&q)) {
    sm_err err = take_stored(store, &q, &taken);
    if (err != SM_OK) q.err = err;
  }
  sm_err err = sm_sql_end(&q);
  sm_buf_fini(&numbers);
  if (err == SM_OK && taken != wanted) err = SM_ERR_CONFLICT;
  store->look_up = err == SM_ERR_CONFLICT;
  return err;
}

/* ---- verdicts ---- */

/* All that is stored under the keys of late readings. */
static sm_err look_up(pg_readings *store, const sm_readings_batch *in) {
  sm_verdicts *b = &store->batch;
  sm_buf series;
  sm_buf instants;
  sm_buf_init(&series, 0);
  sm_buf_init(&instants, 0);
  for (size_t i = 0; i < in->reading_count; i++) {
    int64_t no = sm_verdicts_no(b, i);
    if (!b->item[i].late || no == 0) continue;
    pg_array_i64(&series, no);
    pg_array_i64(&instants, in->readings[i].reading.ts_ms);
  }
  sm_sql_stmt q =
      sm_sql_use(store->db, "SELECT DISTINCT r.series_no, " PG_READING_COLUMNS
                            " FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) k (no, at)"
                            " CROSS JOIN LATERAL (SELECT * FROM reading WHERE series_no = k.no "
                            "AND ts_ms = k.at OFFSET 0) r");
  pg_array_bind(&q, 1, &series);
  pg_array_bind(&q, 2, &instants);
  while (sm_sql_row(&q)) {
    const sm_reading r = pg_take_reading(&q, 1);
    sm_err added = sm_verdicts_found(b, sm_sql_i64(&q, 0), &r);
    if (added != SM_OK) q.err = added;
  }
  sm_err err = sm_sql_end(&q);
  sm_buf_fini(&series);
  sm_buf_fini(&instants);
  return err;
}

static sm_err judge_late(pg_readings *store, const sm_readings_batch *in) {
  sm_verdict_key *keys;
  size_t count;
  sm_err err = sm_verdicts_keys(&store->batch, in, &keys, &count);
  if (err == SM_OK && keys != NULL) err = look_up(store, in);
  if (err == SM_OK) sm_verdicts_late(&store->batch, in, keys, count);
  free(keys);
  return err;
}

/* ---- writing ---- */

static int by_name(const void *a, const void *b) {
  const sm_series *left = (*(sm_verdict_series *const *)a)->series;
  const sm_series *right = (*(sm_verdict_series *const *)b)->series;
  int order = strcmp(left->device_id, right->device_id);
  return order != 0 ? order : (left->channel > right->channel) - (left->channel < right->channel);
}

/* SM_ERR_CONFLICT: another server has made it since it was looked for. */
static sm_err insert_series(pg_readings *store, sm_verdict_series *t) {
  int64_t no = 0;
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO series (device_id, channel) VALUES (?1, ?2) "
                                        "ON CONFLICT DO NOTHING RETURNING series_no");
  sm_sql_bind_text(&q, 1, t->series->device_id);
  sm_sql_bind_i64(&q, 2, t->series->channel);
  if (sm_sql_row(&q)) no = sm_sql_i64(&q, 0);
  sm_err err = sm_sql_end(&q);
  if (err != SM_OK) return err;
  if (no > UINT32_MAX) return SM_ERR_FULL;
  t->no = no;
  return no != 0 ? SM_OK : SM_ERR_CONFLICT;
}

/* In the order of their names: two servers that make the same ones do not wait in a circle. */
static sm_err write_series(pg_readings *store) {
  sm_verdicts *b = &store->batch;
  size_t count = 0;
  sm_err err = SM_OK;
  sm_verdict_series **list = malloc((b->series_count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < b->series_count; i++) {
    sm_verdict_series *t = &b->series[i];
    if (t->no == 0 && (t->stored || t->marked)) list[count++] = t;
  }
  qsort(list, count, sizeof *list, by_name);
  for (size_t i = 0; err == SM_OK && i < count; i++) err = insert_series(store, list[i]);
  free(list);
  return err;
}

/* SM_ERR_CONFLICT: something of it is stored already, and its series did not know; or a month that
 * was there has been dropped. */
static sm_err insert_readings(pg_readings *store, const sm_readings_batch *in) {
  const sm_verdicts *b = &store->batch;
  int64_t copied = 0;
  sm_buf rows;
  sm_buf_init(&rows, 0);
  pg_copy_begin(&rows);
  for (size_t i = 0; i < in->reading_count; i++)
    if (sm_verdicts_is_stored(b, i))
      pg_copy_reading(&rows, sm_verdicts_no(b, i), &in->readings[i].reading);
  sm_err err = pg_copy_end(store, &rows, &copied);
  sm_buf_fini(&rows);
  if (err == SM_ERR_INVALID) { /* no partition takes it */
    store->behind = true;
    return SM_ERR_CONFLICT;
  }
  if (err == SM_ERR_EXISTS) return SM_ERR_CONFLICT;
  return err == SM_OK && (size_t)copied != b->stored ? SM_ERR_INTERNAL : err;
}

static sm_err insert_due(pg_readings *store, const sm_readings_batch *in) {
  const sm_verdicts *b = &store->batch;
  sm_buf series;
  sm_buf starts;
  int64_t last_no = 0;
  int64_t last_ms = -1;
  sm_buf_init(&series, 0);
  sm_buf_init(&starts, 0);
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!sm_verdicts_is_stored(b, i)) continue;
    int64_t no = sm_verdicts_no(b, i);
    int64_t start_ms = sm_quarter_start_ms(in->readings[i].reading.ts_ms);
    if (no == last_no && start_ms == last_ms) continue; /* readings of one meter come together */
    pg_array_i64(&series, last_no = no);
    pg_array_i64(&starts, last_ms = start_ms);
  }
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO quarter_due SELECT * FROM unnest("
                                        "CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) "
                                        "ON CONFLICT DO NOTHING");
  pg_array_bind(&q, 1, &series);
  pg_array_bind(&q, 2, &starts);
  sm_err err = sm_sql_later(&q);
  sm_buf_fini(&series);
  sm_buf_fini(&starts);
  return err;
}

static sm_err write_readings(pg_readings *store, const sm_readings_batch *in) {
  const sm_verdicts *b = &store->batch;
  sm_err err = SM_OK;
  if (b->stored == 0) return SM_OK;
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++)
    if (sm_verdicts_is_stored(b, i))
      err = pg_need_month(store, pg_month_of(in->readings[i].reading.ts_ms));
  if (err == SM_OK) err = insert_readings(store, in);
  return err == SM_OK ? insert_due(store, in) : err;
}

/* ---- state ---- */

static sm_err write_states(pg_readings *store) {
  const sm_verdicts *b = &store->batch;
  sm_buf numbers;
  sm_buf states;
  sm_buf state;
  sm_buf_init(&numbers, 0);
  sm_buf_init(&states, 0);
  sm_buf_init(&state, 0);
  for (size_t i = 0; i < b->series_count; i++) {
    const sm_verdict_series *t = &b->series[i];
    if (!t->stored && !t->marked) continue;
    sm_buf_clear(&state);
    sm_state_encode(t->next, &state);
    pg_array_i64(&numbers, t->no);
    pg_array_bytes(&states, state.data, state.len);
    if (state.err != SM_OK) states.err = state.err;
  }
  sm_sql_stmt q = sm_sql_use(
      store->db, "WITH n AS (UPDATE series SET state = n.state FROM unnest("
                 "CAST(?1 AS bigint[]), CAST(?2 AS bytea[])) n (no, state) "
                 "WHERE series.series_no = n.no RETURNING series_no) "
                 "INSERT INTO series_change (server_no, series) "
                 "SELECT CAST(?3 AS bigint), array_agg(series_no) FROM n HAVING count(*) > 0");
  pg_array_bind(&q, 1, &numbers);
  pg_array_bind(&q, 2, &states);
  sm_sql_bind_i64(&q, 3, store->self_no);
  sm_err err = sm_sql_later(&q);
  sm_buf_fini(&numbers);
  sm_buf_fini(&states);
  sm_buf_fini(&state);
  return err;
}

static sm_err keep_refused(void *store, const sm_reject_in *reject) {
  return pg_rejects_write(store, reject, 1);
}

static sm_err write_all(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_err err = write_series(store);
  if (err == SM_OK) err = write_readings(store, in);
  if (err == SM_OK) err = pg_rejects_write(store, in->rejects, in->reject_count);
  if (err == SM_OK) err = sm_verdicts_refused(&store->batch, in, now_ms, keep_refused, store);
  if (err != SM_OK) return err;
  sm_verdicts_settle(&store->batch, in);
  return write_states(store);
}

/* ---- showing ---- */

static void show_one(pg_readings *store, const sm_verdict_series *t) {
  sm_series *s = t->series;
  sm_series *same = NULL;
  /* Without memory its number is looked up at the next commit. */
  if (t->no != 0 && pg_add_series(store, s->device_id, s->channel, t->no, &same) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.series_not_shown", SM_LOG_TEXT("device_id", s->device_id));
  pg_widen_series(store, s, t->next);
}

static void show(pg_readings *store) {
  sm_verdicts *b = &store->batch;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; i < b->series_count; i++) show_one(store, &b->series[i]);
  (void)pthread_rwlock_unlock(&store->lock);
}

/* ---- the batch ---- */

static sm_err judge(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_err err = sm_verdicts_touch(&store->batch, in, series_for, store);
  if (err == SM_OK) err = find_numbers(store);
  if (err == SM_OK) err = lock_series(store);
  if (err != SM_OK) return err;
  sm_verdicts_first(&store->batch, in, pg_horizon_ms(store, now_ms));
  err = judge_late(store, in);
  if (err == SM_OK) sm_verdicts_count(&store->batch, in);
  return err;
}

/* A meter is told that its reading is stored, though this batch does not store it: what did may
 * have been a commit that the standby does not have yet. */
static bool any_duplicate(const pg_readings *store, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++)
    if (store->batch.item[i].verdict == SM_VERDICT_DUPLICATE) return true;
  return false;
}

static sm_err run_once(pg_readings *store, sm_readings_batch *in, int64_t now_ms) {
  sm_err err = pg_write_begin(store);
  if (err != SM_OK) return err;
  err = judge(store, in, now_ms);
  if (err == SM_OK) err = write_all(store, in, now_ms);
  if (err == SM_OK && any_duplicate(store, in)) err = sm_pg_await_standby(store->db);
  if (err == SM_OK) err = sm_sql_commit(store->db);
  if (err != SM_OK) {
    sm_sql_rollback(store->db);
    store->behind = true; /* a month may have been made in vain */
    return err;
  }
  show(store);
  sm_verdicts_tell(&store->batch, in);
  atomic_fetch_add(&store->commits, 1);
  return SM_OK;
}

/* A server that was stopped between a COPY and its data holds its meters' rows for as long as it is
 * stopped: PostgreSQL ends no statement that waits for its client, whatever the time limits are.
 * The data are sent at once otherwise, so a COPY that has waited for as long as we did for a lock
 * is such a one; its server sends them again. */
static void end_stuck(pg_readings *store) {
  int64_t ended = 0;
  sm_err err = sm_sql_query_i64(
      store->db,
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
      "WHERE datname = current_database() AND usename = current_user "
      "AND application_name = current_setting('application_name') AND pid <> pg_backend_pid() "
      "AND state = 'active' AND wait_event = 'ClientRead' AND query LIKE 'COPY %' "
      "AND extract(epoch FROM clock_timestamp() - state_change) > 8",
      &ended);
  if (err == SM_OK && ended > 0)
    sm_log(SM_LOG_WARN, "store.postgres_stuck", SM_LOG_INT("ended", ended),
           SM_LOG_TEXT("message", "the transaction of a server that was stopped, or is cut off"));
}

sm_err pg_readings_commit(sm_readings *base, sm_readings_batch *batch) {
  pg_readings *store = pg_of(base);
  if (!store->writer) return SM_ERR_DENIED;
  batch->ack_count = 0;
  if (batch->reading_count == 0 && batch->reject_count == 0) return SM_OK;
  if (batch->reading_count > INT32_MAX / 2) return SM_ERR_RANGE;
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = SM_ERR_CONFLICT;
  /* Where another server was quicker, what it did is seen the next time. */
  for (int i = 0; err == SM_ERR_CONFLICT && i < TRIES; i++) {
    err = run_once(store, batch, now_ms);
    sm_verdicts_forget(&store->batch);
  }
  if (err == SM_ERR_BUSY) end_stuck(store);
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}
