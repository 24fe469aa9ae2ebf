#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* What one commit works on. */
typedef struct batch {
  sm_reading_in *readings;
  size_t count;
  sm_verdict *verdicts; /* one a reading, given out only after success */
  sm_journal_item *stored;
  size_t stored_count;
  sm_reject_in *conflicts;
  sm_buf *conflict_texts; /* the payloads of `conflicts` */
  size_t conflict_count;
} batch;

static sm_err touch(sm_readings *store, sm_series *series) {
  if (series->touched) return SM_OK;
  if (store->touched_count == store->touched_cap) {
    size_t cap = store->touched_cap < 64 ? 64 : store->touched_cap * 2;
    sm_series **list = realloc(store->touched, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    store->touched = list;
    store->touched_cap = cap;
  }
  store->touched[store->touched_count++] = series;
  series->touched = true;
  return SM_OK;
}

/* The series of a reading, made in memory if it is new; its row follows in the transaction. */
static sm_err series_for(sm_readings *store, const sm_reading_in *in, sm_series **out) {
  /* Only this thread adds series, so it may look without the lock. */
  sm_series *series = sm_readings_series(store, in->device_id, in->channel);
  if (series == NULL) {
    series = sm_series_new(in->device_id, in->channel);
    if (series == NULL) return SM_ERR_NOMEM;
    (void)pthread_rwlock_wrlock(&store->lock);
    sm_err err = sm_readings_series_add(store, series);
    (void)pthread_rwlock_unlock(&store->lock);
    if (err != SM_OK) {
      sm_series_free(series);
      return err;
    }
  }
  *out = series;
  return touch(store, series);
}

static int64_t latest_ms(const sm_series *series) {
  int64_t latest = series->has_last ? series->last.ts_ms : INT64_MIN;
  const sm_run *pending = &series->pending;
  if (pending->count > 0 && pending->item[pending->count - 1].ts_ms > latest)
    latest = pending->item[pending->count - 1].ts_ms;
  return latest;
}

/* The sealed reading at an instant, if there is one, through a cache of one block: late readings
 * come in runs. *found is borrowed until the next call. */
static sm_err find_sealed(sm_readings *store, const sm_series *series, int64_t ts_ms,
                          const sm_reading **found) {
  *found = NULL;
  if (series->series_no == 0) return SM_OK;
  int64_t key = sm_block_key(series->series_no, sm_hour_of(ts_ms));
  if (store->cached_block_key != key) {
    sm_reading *readings = NULL;
    size_t count = 0;
    sm_err err = sm_block_load(store, store->db, key, &readings, &count);
    /* A damaged hour cannot say what it held: what comes now is taken, the old bytes are kept. */
    if (err != SM_OK && err != SM_ERR_CORRUPT) return err;
    free(store->cached);
    store->cached = readings;
    store->cached_count = count;
    store->cached_block_key = key;
  }
  const sm_run run = {.item = store->cached, .count = store->cached_count};
  *found = sm_run_at(&run, ts_ms);
  return SM_OK;
}

static sm_err find_stored(sm_readings *store, const sm_series *series, int64_t ts_ms,
                          const sm_reading **found) {
  *found = sm_run_at(&series->pending, ts_ms);
  if (*found == NULL) *found = sm_run_at(&series->hot, ts_ms);
  return *found != NULL ? SM_OK : find_sealed(store, series, ts_ms, found);
}

static sm_err add_conflict(batch *b, const sm_reading_in *in, int64_t now_ms) {
  sm_buf *text = &b->conflict_texts[b->conflict_count];
  sm_buf_init(text, 0);
  sm_jsonw w;
  sm_jsonw_init(&w, text);
  sm_reading_write_json(&w, in->device_id, &in->reading);
  if (text->err != SM_OK) return text->err;
  b->conflicts[b->conflict_count++] = (sm_reject_in){
      .received_ms = now_ms,
      .topic = "",
      .device_id = in->device_id,
      .reason = "conflict",
      .detail = "another reading with this timestamp is stored already: the first one stays",
      .payload = text->data,
      .payload_len = text->len,
      .payload_len_sent = text->len};
  return SM_OK;
}

static sm_err judge(sm_readings *store, batch *b, size_t at, int64_t now_ms) {
  const sm_reading_in *in = &b->readings[at];
  sm_series *series;
  sm_err err = series_for(store, in, &series);
  if (err != SM_OK) return err;
  int64_t latest = latest_ms(series);
  bool newest = in->reading.ts_ms > latest;
  const sm_reading *found = NULL;
  if (!newest) err = find_stored(store, series, in->reading.ts_ms, &found);
  if (err != SM_OK) return err;
  if (found != NULL) {
    bool same = sm_reading_equal(found, &in->reading);
    b->verdicts[at] = same ? SM_VERDICT_DUPLICATE : SM_VERDICT_CONFLICT;
    return same ? SM_OK : add_conflict(b, in, now_ms);
  }
  err = sm_run_reserve(&series->pending, 1);
  if (err != SM_OK) return err;
  sm_run_insert(&series->pending, &in->reading);
  b->verdicts[at] = newest ? SM_VERDICT_STORED : SM_VERDICT_LATE;
  b->stored_count++;
  return SM_OK;
}

static sm_err write_new_series(sm_readings *store) {
  for (size_t i = 0; i < store->touched_count; i++) {
    sm_series *series = store->touched[i];
    if (series->series_no != 0) continue;
    sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO series(device_id, channel) VALUES(?1, ?2)");
    sm_sql_bind_text(&q, 1, series->device_id);
    sm_sql_bind_i64(&q, 2, series->channel);
    sm_err err = sm_sql_run(&q);
    if (err != SM_OK) return err;
    series->new_no = sm_sql_last_insert_no(store->db);
  }
  return SM_OK;
}

/* Only a commit makes the numbers of new series true; the caller holds the lock for that. */
static void settle_new_series(sm_readings *store, bool committed) {
  for (size_t i = 0; i < store->touched_count; i++) {
    sm_series *series = store->touched[i];
    if (committed && series->new_no != 0) series->series_no = series->new_no;
    series->new_no = 0;
  }
}

static sm_err write_journal(sm_readings *store, batch *b, int64_t now_ms) {
  if (b->stored_count == 0) return SM_OK;
  b->stored = calloc(b->stored_count, sizeof *b->stored);
  if (b->stored == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    if (b->verdicts[i] != SM_VERDICT_STORED && b->verdicts[i] != SM_VERDICT_LATE) continue;
    const sm_series *series =
        sm_readings_series(store, b->readings[i].device_id, b->readings[i].channel);
    int64_t no = series->series_no != 0 ? series->series_no : series->new_no;
    b->stored[n++] = (sm_journal_item){.series_no = no, .reading = b->readings[i].reading};
  }
  sm_buf body;
  sm_buf_init(&body, 0);
  sm_journal_encode(b->stored, n, &body);
  sm_err err = body.err;
  if (err == SM_OK) {
    sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO journal(committed_ms, body) VALUES(?1, ?2)");
    sm_sql_bind_i64(&q, 1, now_ms);
    sm_sql_bind_blob(&q, 2, body.data, body.len);
    err = sm_sql_run(&q);
  }
  sm_buf_fini(&body);
  return err;
}

static sm_err write_all(sm_readings *store, batch *b, const sm_reject_in *rejects,
                        size_t reject_count, int64_t now_ms) {
  sm_err err = sm_sql_begin_immediate(store->db);
  if (err != SM_OK) return err;
  err = write_new_series(store);
  if (err == SM_OK) err = write_journal(store, b, now_ms);
  if (err == SM_OK) err = sm_rejects_write(store, rejects, reject_count);
  if (err == SM_OK) err = sm_rejects_write(store, b->conflicts, b->conflict_count);
  if (err != SM_OK) {
    sm_sql_rollback(store->db);
    return err;
  }
  return sm_sql_commit(store->db);
}

/* Makes room before the commit for what is shown after it, so that showing cannot fail. */
static sm_err reserve_hot(sm_readings *store) {
  sm_err err = SM_OK;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; err == SM_OK && i < store->touched_count; i++)
    err = sm_run_reserve(&store->touched[i]->hot, store->touched[i]->pending.count);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

static void publish(sm_readings *store) {
  (void)pthread_rwlock_wrlock(&store->lock);
  settle_new_series(store, true);
  for (size_t i = 0; i < store->touched_count; i++) {
    sm_series *series = store->touched[i];
    for (size_t j = 0; j < series->pending.count; j++)
      sm_run_insert(&series->hot, &series->pending.item[j]);
    const sm_run *hot = &series->hot;
    if (hot->count > 0 &&
        (!series->has_last || series->last.ts_ms < hot->item[hot->count - 1].ts_ms)) {
      series->last = hot->item[hot->count - 1];
      series->has_last = true;
    }
  }
  (void)pthread_rwlock_unlock(&store->lock);
}

static void forget_batch(sm_readings *store) {
  for (size_t i = 0; i < store->touched_count; i++) {
    store->touched[i]->pending.count = 0;
    store->touched[i]->touched = false;
  }
  store->touched_count = 0;
}

static sm_err judge_all(sm_readings *store, batch *b, int64_t now_ms) {
  for (size_t i = 0; i < b->count; i++) {
    sm_err err = judge(store, b, i, now_ms);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

/* Only what is durable is settled. Without memory a mark is left out: the meter, not told of it,
 * sends it again. */
static void settle(sm_readings *store, const char *device_id, uint8_t channel,
                   const sm_seq_mark *mark) {
  sm_series *series = mark->present ? sm_readings_series(store, device_id, channel) : NULL;
  if (series != NULL && sm_sequence_settle(&series->sequence, mark) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.sequence_not_kept", SM_LOG_TEXT("device_id", device_id));
}

/* One a device and epoch, for those that the batch names. */
static void add_ack(sm_readings *store, sm_readings_batch *out, const char *device_id,
                    uint8_t channel, const sm_seq_mark *mark) {
  const sm_series *series = mark->present ? sm_readings_series(store, device_id, channel) : NULL;
  uint32_t seq;
  if (series == NULL || !sm_sequence_acked(&series->sequence, mark->epoch, &seq)) return;
  for (size_t i = out->ack_count; i-- > 0;)
    if (out->acks[i].epoch == mark->epoch && strcmp(out->acks[i].device_id, device_id) == 0) return;
  out->acks[out->ack_count++] = (sm_ack){.device_id = device_id, .epoch = mark->epoch, .seq = seq};
}

static void settle_batch(sm_readings *store, sm_readings_batch *out) {
  for (size_t i = 0; i < out->reading_count; i++) {
    const sm_reading_in *in = &out->readings[i];
    settle(store, in->device_id, in->channel, &in->mark);
  }
  for (size_t i = 0; i < out->reject_count; i++)
    settle(store, out->rejects[i].device_id, SM_CHANNEL_IMPORT, &out->rejects[i].mark);
  if (out->acks == NULL) return;
  for (size_t i = 0; i < out->reading_count; i++) {
    const sm_reading_in *in = &out->readings[i];
    add_ack(store, out, in->device_id, in->channel, &in->mark);
  }
  for (size_t i = 0; i < out->reject_count; i++)
    add_ack(store, out, out->rejects[i].device_id, SM_CHANNEL_IMPORT, &out->rejects[i].mark);
}

static sm_err run_batch(sm_readings *store, batch *b, const sm_reject_in *rejects,
                        size_t reject_count) {
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = judge_all(store, b, now_ms);
  if (err == SM_OK) err = reserve_hot(store);
  bool nothing_new = b->stored_count + b->conflict_count + reject_count == 0;
  if (err == SM_OK && !nothing_new) err = write_all(store, b, rejects, reject_count, now_ms);
  if (err == SM_OK)
    publish(store);
  else
    settle_new_series(store, false);
  forget_batch(store);
  if (err != SM_OK) return err;
  for (size_t i = 0; i < b->count; i++) b->readings[i].verdict = b->verdicts[i];
  if (b->stored_count > 0 && store->oldest_unsealed_ms == 0)
    store->oldest_unsealed_ms = sm_clock_steady_ms();
  atomic_fetch_add(&store->journal_readings, b->stored_count);
  atomic_fetch_add(&store->commits, 1);
  return SM_OK;
}

sm_err sm_readings_commit(sm_readings *store, sm_readings_batch *batch_in) {
  if (!store->writer) return SM_ERR_DENIED;
  size_t count = batch_in->reading_count;
  batch_in->ack_count = 0;
  if (count == 0 && batch_in->reject_count == 0) return SM_OK;
  batch b = {.readings = batch_in->readings, .count = count};
  sm_err err = SM_ERR_NOMEM;
  b.verdicts = calloc(count + 1, sizeof *b.verdicts);
  b.conflicts = calloc(count + 1, sizeof *b.conflicts);
  b.conflict_texts = calloc(count + 1, sizeof *b.conflict_texts);
  if (b.verdicts != NULL && b.conflicts != NULL && b.conflict_texts != NULL)
    err = run_batch(store, &b, batch_in->rejects, batch_in->reject_count);
  if (err == SM_OK) settle_batch(store, batch_in);
  for (size_t i = 0; b.conflict_texts != NULL && i < count; i++) sm_buf_fini(&b.conflict_texts[i]);
  free(b.conflict_texts);
  free(b.conflicts);
  free(b.verdicts);
  free(b.stored);
  return err;
}
