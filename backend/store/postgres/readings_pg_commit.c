/* One batch: its series locked, judged by what is stored of them, written in one transaction, and
 * only then shown. */
#include "store/postgres/readings_pg.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/sequence.h"
#include "store/embedded/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing later fits the embedded store's keys: what one engine takes, the other does. */
enum { TRIES = 5 };
#define TS_MAX_MS (((int64_t)1 << 24) * DAY_MS - 1)

/* ---- the batch's series ---- */

static sm_series *series_in_memory(pg_readings *store, const char *device_id, uint8_t channel) {
  (void)pthread_rwlock_rdlock(&store->lock);
  sm_series *series = sm_series_table_get(&store->table, device_id, channel);
  (void)pthread_rwlock_unlock(&store->lock);
  return series;
}

/* Another thread may have heard of it meanwhile. */
static sm_err add_series(pg_readings *store, const char *device_id, uint8_t channel,
                         sm_series **out) {
  sm_series *series = sm_series_table_get(&store->table, device_id, channel);
  if (series == NULL) {
    series = sm_series_new(device_id, channel);
    if (series == NULL) return SM_ERR_NOMEM;
    sm_err err = sm_series_table_add(&store->table, series);
    if (err != SM_OK) {
      sm_series_free(series);
      return err;
    }
  }
  *out = series;
  return SM_OK;
}

static sm_err series_for(pg_readings *store, const char *device_id, uint8_t channel,
                         sm_series **out) {
  sm_series *series = series_in_memory(store, device_id, channel);
  if (series != NULL) {
    *out = series;
    return SM_OK;
  }
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = add_series(store, device_id, channel, out);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

static sm_err touch(pg_readings *store, const char *device_id, uint8_t channel, uint32_t *index) {
  pg_batch *b = &store->batch;
  sm_series *series;
  sm_err err = series_for(store, device_id, channel, &series);
  if (err != SM_OK) return err;
  if (series->touched != 0) {
    *index = series->touched - 1;
    return SM_OK;
  }
  if (b->touched_count == b->touched_cap) {
    size_t cap = b->touched_cap < 64 ? 64 : b->touched_cap * 2;
    pg_touched *list = realloc(b->touched, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    b->touched = list;
    b->touched_cap = cap;
  }
  *index = (uint32_t)b->touched_count;
  b->touched[b->touched_count++] = (pg_touched){.series = series, .device_id = device_id};
  series->touched = *index + 1;
  return SM_OK;
}

static void forget_batch(pg_readings *store) {
  pg_batch *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) b->touched[i].series->touched = 0;
  b->touched_count = b->found_count = 0;
  b->stored = b->late = b->refused = 0;
}

static sm_err make_room(pg_batch *b, size_t count) {
  if (count <= b->item_cap) return SM_OK;
  pg_item *items = realloc(b->item, count * sizeof *items);
  if (items == NULL) return SM_ERR_NOMEM;
  b->item = items;
  pg_found *found = realloc(b->found, count * sizeof *found);
  if (found == NULL) return SM_ERR_NOMEM;
  b->found = found;
  b->item_cap = count;
  return SM_OK;
}

static sm_err touch_all(pg_readings *store, const sm_readings_batch *in) {
  pg_batch *b = &store->batch;
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_reading_in *r = &in->readings[i];
    b->item[i] = (pg_item){.verdict = SM_VERDICT_STORED};
    if (r->reading.ts_ms < 0 || r->reading.ts_ms > TS_MAX_MS) return SM_ERR_RANGE;
    sm_err err = touch(store, r->device_id, r->channel, &b->item[i].touched);
    if (err != SM_OK) return err;
    if (r->mark.present) b->touched[b->item[i].touched].marked = true;
  }
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    uint32_t index;
    if (!r->mark.present || r->drop_no != 0) continue;
    sm_err err = touch(store, r->device_id, SM_CHANNEL_IMPORT, &index);
    if (err != SM_OK) return err;
    b->touched[index].marked = true;
  }
  return SM_OK;
}

/* ---- what is stored of them ---- */

/* The numbers of those that memory has none of: another server may have made them. */
static sm_err find_numbers(pg_readings *store) {
  pg_batch *b = &store->batch;
  sm_buf names;
  sm_buf channels;
  sm_buf_init(&names, 0);
  sm_buf_init(&channels, 0);
  (void)pthread_rwlock_rdlock(&store->lock);
  for (size_t i = 0; i < b->touched_count; i++) {
    const sm_series *s = b->touched[i].series;
    b->touched[i].no = s->no;
    if (s->no != 0) continue;
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
      if (added == SM_OK && s->touched != 0) b->touched[s->touched - 1].no = s->no;
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
  if (s == NULL || s->touched == 0) return SM_ERR_CORRUPT;
  pg_touched *t = &store->batch.touched[s->touched - 1];
  sm_err err = state != NULL ? sm_state_decode(state, len, t->next) : SM_OK;
  if (err == SM_OK && t->next->has_last) t->latest_ms = t->next->last.ts_ms;
  if (err == SM_OK) (*taken)++;
  return err;
}

/* Locked in the order of their numbers, until the transaction ends. */
static sm_err lock_series(pg_readings *store) {
  pg_batch *b = &store->batch;
  size_t wanted = 0;
  size_t taken = 0;
  sm_buf numbers;
  sm_buf_init(&numbers, 0);
  for (size_t i = 0; i < b->touched_count; i++) {
    pg_touched *t = &b->touched[i];
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
  sm_sql_stmt q =
      sm_sql_use(store->db, "SELECT device_id, channel, state FROM series WHERE series_no = ANY("
                            "CAST(?1 AS bigint[])) ORDER BY series_no FOR NO KEY UPDATE");
  sm_pg_binary(&q);
  pg_array_bind(&q, 1, &numbers);
  while (sm_sql_row(&q)) {
    sm_err err = take_stored(store, &q, &taken);
    if (err != SM_OK) q.err = err;
  }
  sm_err err = sm_sql_end(&q);
  sm_buf_fini(&numbers);
  return err == SM_OK && taken != wanted ? SM_ERR_CORRUPT : err;
}

/* ---- verdicts ---- */

static bool is_stored(const pg_item *it) {
  return it->verdict == SM_VERDICT_STORED || it->verdict == SM_VERDICT_LATE;
}

/* What the series' last reading alone can tell: newest, past retention, or to be looked up. */
static void judge_first(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  pg_batch *b = &store->batch;
  int64_t horizon_ms = pg_horizon_ms(store, now_ms);
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_reading_in *r = &in->readings[i];
    pg_item *it = &b->item[i];
    pg_touched *t = &b->touched[it->touched];
    if (r->reading.ts_ms < horizon_ms) {
      it->verdict = SM_VERDICT_PAST_RETENTION;
      b->refused++;
    } else if (r->reading.ts_ms > t->latest_ms) {
      t->latest_ms = r->reading.ts_ms;
    } else {
      it->late = true;
      b->late++;
    }
  }
}

static int by_key(const void *a, const void *b) {
  const pg_found *left = a;
  const pg_found *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->reading.ts_ms > right->reading.ts_ms) -
         (left->reading.ts_ms < right->reading.ts_ms);
}

/* All that is stored under the keys of late readings. */
static sm_err look_up(pg_readings *store, const sm_readings_batch *in) {
  pg_batch *b = &store->batch;
  sm_buf series;
  sm_buf instants;
  sm_buf_init(&series, 0);
  sm_buf_init(&instants, 0);
  for (size_t i = 0; i < in->reading_count; i++) {
    int64_t no = b->touched[b->item[i].touched].no;
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
  while (b->found_count < in->reading_count && sm_sql_row(&q))
    b->found[b->found_count++] =
        (pg_found){.series_no = sm_sql_i64(&q, 0), .reading = pg_take_reading(&q, 1)};
  sm_err err = sm_sql_end(&q);
  sm_buf_fini(&series);
  sm_buf_fini(&instants);
  if (err == SM_OK) qsort(b->found, b->found_count, sizeof *b->found, by_key);
  return err;
}

/* By series of the batch, instant, and place in the batch. */
typedef struct key {
  uint32_t touched;
  uint32_t at;
  int64_t ts_ms;
} key;

static int by_place(const void *a, const void *b) {
  const key *left = a;
  const key *right = b;
  if (left->touched != right->touched) return left->touched < right->touched ? -1 : 1;
  if (left->ts_ms != right->ts_ms) return left->ts_ms < right->ts_ms ? -1 : 1;
  return (left->at > right->at) - (left->at < right->at);
}

static const sm_reading *find_stored(const pg_batch *b, int64_t series_no, int64_t ts_ms) {
  const pg_found wanted = {.series_no = series_no, .reading = {.ts_ms = ts_ms}};
  if (b->found_count == 0) return NULL;
  const pg_found *found = bsearch(&wanted, b->found, b->found_count, sizeof wanted, by_key);
  return found != NULL ? &found->reading : NULL;
}

static void judge_one(pg_batch *b, const sm_readings_batch *in, size_t at,
                      const sm_reading *first) {
  pg_item *it = &b->item[at];
  if (!it->late) return;
  if (first == NULL) {
    it->verdict = SM_VERDICT_LATE;
    return;
  }
  bool same = sm_reading_equal(first, &in->readings[at].reading);
  it->verdict = same ? SM_VERDICT_DUPLICATE : SM_VERDICT_CONFLICT;
  if (!same) b->refused++;
}

/* Readings of one key, in the order in which they stand in the batch: the first of what is stored
 * and of these counts. */
static void judge_key(pg_batch *b, const sm_readings_batch *in, const key *keys, size_t count) {
  const sm_reading *first = find_stored(b, b->touched[keys[0].touched].no, keys[0].ts_ms);
  for (size_t i = 0; i < count; i++) {
    judge_one(b, in, keys[i].at, first);
    if (first == NULL && is_stored(&b->item[keys[i].at])) first = &in->readings[keys[i].at].reading;
  }
}

static sm_err judge_late(pg_readings *store, const sm_readings_batch *in) {
  pg_batch *b = &store->batch;
  if (b->late == 0) return SM_OK;
  key *keys = malloc(in->reading_count * sizeof *keys);
  if (keys == NULL) return SM_ERR_NOMEM;
  sm_err err = look_up(store, in);
  size_t n = 0;
  for (size_t i = 0; i < in->reading_count; i++)
    if (b->item[i].verdict != SM_VERDICT_PAST_RETENTION)
      keys[n++] = (key){
          .touched = b->item[i].touched, .at = (uint32_t)i, .ts_ms = in->readings[i].reading.ts_ms};
  qsort(keys, n, sizeof *keys, by_place);
  for (size_t from = 0, to; err == SM_OK && from < n; from = to) {
    to = from + 1;
    while (to < n && keys[to].touched == keys[from].touched && keys[to].ts_ms == keys[from].ts_ms)
      to++;
    judge_key(b, in, keys + from, to - from);
  }
  free(keys);
  return err;
}

/* ---- writing ---- */

static int by_name(const void *a, const void *b) {
  const sm_series *left = (*(pg_touched *const *)a)->series;
  const sm_series *right = (*(pg_touched *const *)b)->series;
  int order = strcmp(left->device_id, right->device_id);
  return order != 0 ? order : (left->channel > right->channel) - (left->channel < right->channel);
}

/* SM_ERR_CONFLICT: another server has made it since it was looked for. */
static sm_err insert_series(pg_readings *store, pg_touched *t) {
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
  pg_batch *b = &store->batch;
  size_t count = 0;
  sm_err err = SM_OK;
  pg_touched **list = malloc((b->touched_count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < b->touched_count; i++) {
    pg_touched *t = &b->touched[i];
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
  const pg_batch *b = &store->batch;
  int64_t copied = 0;
  sm_buf rows;
  sm_buf_init(&rows, 0);
  pg_copy_begin(&rows);
  for (size_t i = 0; i < in->reading_count; i++)
    if (is_stored(&b->item[i]))
      pg_copy_reading(&rows, b->touched[b->item[i].touched].no, &in->readings[i].reading);
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
  const pg_batch *b = &store->batch;
  sm_buf series;
  sm_buf starts;
  int64_t last_no = 0;
  int64_t last_ms = -1;
  sm_buf_init(&series, 0);
  sm_buf_init(&starts, 0);
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!is_stored(&b->item[i])) continue;
    int64_t no = b->touched[b->item[i].touched].no;
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
  const pg_batch *b = &store->batch;
  sm_err err = SM_OK;
  if (b->stored == 0) return SM_OK;
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++)
    if (is_stored(&b->item[i]))
      err = pg_need_month(store, pg_month_of(in->readings[i].reading.ts_ms));
  if (err == SM_OK) err = insert_readings(store, in);
  return err == SM_OK ? insert_due(store, in) : err;
}

/* ---- refused readings ---- */

static sm_err write_refused(pg_readings *store, const sm_reading_in *in, bool conflict,
                            int64_t now_ms, sm_buf *text) {
  sm_jsonw w;
  char topic[SM_DEVICE_ID_MAX + 24];
  int topic_len = in->imported ? snprintf(topic, sizeof topic, "import")
                               : snprintf(topic, sizeof topic, "meters/%.*s/telemetry",
                                          SM_DEVICE_ID_MAX, in->device_id);
  sm_buf_clear(text);
  sm_jsonw_init(&w, text);
  sm_reading_write_json(&w, in->device_id, &in->reading);
  if (text->err != SM_OK) return text->err;
  const sm_reject_in reject = {
      .received_ms = now_ms,
      .topic = in->topic != NULL ? in->topic : topic,
      .topic_len = in->topic != NULL ? strlen(in->topic) : (size_t)topic_len,
      .device_id = in->device_id,
      .reason = conflict ? "conflict" : "past_retention",
      .detail = conflict
                    ? "another reading with this timestamp is stored already: the first one stays"
                    : "raw readings of that time are kept no more, so nothing can join them",
      .payload = text->data,
      .payload_len = text->len,
      .payload_len_sent = text->len};
  return pg_rejects_write(store, &reject, 1);
}

static sm_err write_all_refused(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++) {
    uint8_t verdict = store->batch.item[i].verdict;
    if (verdict == SM_VERDICT_CONFLICT || verdict == SM_VERDICT_PAST_RETENTION)
      err = write_refused(store, &in->readings[i], verdict == SM_VERDICT_CONFLICT, now_ms, &text);
  }
  sm_buf_fini(&text);
  return err;
}

/* ---- state ---- */

static void add_reading(sm_series *series, const sm_reading *r) {
  if (!series->has_last || r->ts_ms < series->first_ms) series->first_ms = r->ts_ms;
  if (!series->has_last || r->ts_ms > series->last.ts_ms) series->last = *r;
  series->has_last = true;
}

/* Without memory a mark is left out: the meter, not told of it, sends it again. */
static void settle(pg_touched *t, const sm_seq_mark *mark) {
  sm_sequence *sequence = &t->next->sequence;
  if (mark->present && sm_sequence_settle(sequence, mark) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.sequence_not_kept", SM_LOG_TEXT("device_id", t->device_id));
}

static void make_next(pg_readings *store, const sm_readings_batch *in) {
  pg_batch *b = &store->batch;
  for (size_t i = 0; i < in->reading_count; i++) {
    pg_touched *t = &b->touched[b->item[i].touched];
    if (is_stored(&b->item[i])) add_reading(t->next, &in->readings[i].reading);
    settle(t, &in->readings[i].mark);
  }
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    if (!r->mark.present || r->drop_no != 0) continue;
    const sm_series *s = series_in_memory(store, r->device_id, SM_CHANNEL_IMPORT);
    settle(&b->touched[s->touched - 1], &r->mark);
  }
}

static sm_err write_states(pg_readings *store) {
  const pg_batch *b = &store->batch;
  sm_buf numbers;
  sm_buf states;
  sm_buf state;
  sm_buf_init(&numbers, 0);
  sm_buf_init(&states, 0);
  sm_buf_init(&state, 0);
  for (size_t i = 0; i < b->touched_count; i++) {
    const pg_touched *t = &b->touched[i];
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

static sm_err write_all(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_err err = write_series(store);
  if (err == SM_OK) err = write_readings(store, in);
  if (err == SM_OK) err = pg_rejects_write(store, in->rejects, in->reject_count);
  if (err == SM_OK && store->batch.refused > 0) err = write_all_refused(store, in, now_ms);
  if (err != SM_OK) return err;
  make_next(store, in);
  return write_states(store);
}

/* ---- showing ---- */

static void show_one(pg_readings *store, const pg_touched *t) {
  sm_series *s = t->series;
  sm_series *same = NULL;
  /* Without memory its number is looked up at the next commit. */
  if (t->no != 0 && pg_add_series(store, s->device_id, s->channel, t->no, &same) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.series_not_shown", SM_LOG_TEXT("device_id", s->device_id));
  pg_widen_series(store, s, t->next);
}

static void show(pg_readings *store) {
  pg_batch *b = &store->batch;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; i < b->touched_count; i++) show_one(store, &b->touched[i]);
  (void)pthread_rwlock_unlock(&store->lock);
}

/* ---- acks ---- */

static bool names(const sm_readings_batch *in, const pg_batch *b, uint32_t index, uint32_t epoch) {
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_seq_mark *mark = &in->readings[i].mark;
    if (b->item[i].touched == index && mark->present && mark->epoch == epoch) return true;
  }
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    if (r->mark.present && r->drop_no == 0 && r->mark.epoch == epoch &&
        b->touched[index].series->channel == SM_CHANNEL_IMPORT &&
        strcmp(r->device_id, b->touched[index].series->device_id) == 0)
      return true;
  }
  return false;
}

static void add_acks(const pg_batch *b, sm_readings_batch *in) {
  for (uint32_t t = 0; t < b->touched_count; t++) {
    const sm_sequence *sequence = &b->touched[t].next->sequence;
    if (!b->touched[t].marked) continue;
    for (size_t i = 0; i < sequence->count; i++) {
      uint32_t epoch = sequence->epoch[i].epoch;
      uint32_t seq;
      if (!names(in, b, t, epoch) || !sm_sequence_acked(sequence, epoch, &seq)) continue;
      in->acks[in->ack_count++] =
          (sm_ack){.device_id = b->touched[t].device_id, .epoch = epoch, .seq = seq};
    }
  }
}

/* ---- the batch ---- */

static void count_stored(pg_batch *b, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!is_stored(&b->item[i])) continue;
    b->stored++;
    b->touched[b->item[i].touched].stored = true;
  }
}

static sm_err judge(pg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_err err = make_room(&store->batch, in->reading_count + 1);
  if (err == SM_OK) err = touch_all(store, in);
  if (err == SM_OK) err = find_numbers(store);
  if (err == SM_OK) err = lock_series(store);
  if (err != SM_OK) return err;
  judge_first(store, in, now_ms);
  err = judge_late(store, in);
  if (err == SM_OK) count_stored(&store->batch, in);
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
  for (size_t i = 0; i < in->reading_count; i++)
    in->readings[i].verdict = (sm_verdict)store->batch.item[i].verdict;
  if (in->acks != NULL) add_acks(&store->batch, in);
  atomic_fetch_add(&store->commits, 1);
  return SM_OK;
}

static void end_batch(pg_readings *store) {
  for (size_t i = 0; i < store->batch.touched_count; i++)
    sm_series_free(store->batch.touched[i].next);
  forget_batch(store);
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
    end_batch(store);
  }
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}
