/* One batch: judged against what is stored and what it holds itself, written as one journal row in
 * one synced transaction with the rejects, and only then shown to readers. All that is written to
 * before that is the batch's own memory, so a failure leaves nothing behind. */
#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "store/refused.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_KEPT = 65536 /* readings: memory for more is given back */ };

/* ---- the batch's memory ---- */

static sm_err grow_items(batch_memory *b, size_t count) {
  if (count <= b->item_cap) return SM_OK;
  batch_item *list = realloc(b->item, count * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  b->item = list;
  b->item_cap = count;
  return SM_OK;
}

static sm_err touch(batch_memory *b, sm_series *series, const char *device_id, uint32_t *index) {
  if (series->touched != 0) {
    *index = series->touched - 1;
    return SM_OK;
  }
  if (b->touched_count == b->touched_cap) {
    size_t cap = b->touched_cap < 64 ? 64 : b->touched_cap * 2;
    touched *list = realloc(b->touched, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    b->touched = list;
    b->touched_cap = cap;
  }
  *index = (uint32_t)b->touched_count;
  b->touched[b->touched_count++] =
      (touched){.series = series,
                .device_id = device_id,
                .latest_ms = series->has_last ? series->last.ts_ms : INT64_MIN,
                .packed_ms = series->hot != NULL && series->hot->packed.count > 0
                                 ? series->hot->packed.last.ts_ms
                                 : INT64_MIN};
  series->touched = *index + 1;
  return SM_OK;
}

static void forget_batch(sm_readings *store) {
  batch_memory *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) b->touched[i].series->touched = 0;
  b->touched_count = 0;
  b->late_size = 0;
  b->stored = b->refused = b->marks = 0;
  b->spoiled = false;
  if (b->in_transaction) sm_sql_rollback(store->db);
  b->in_transaction = false;
  if (b->item_cap <= SCRATCH_KEPT) return;
  free(b->item);
  free(b->late_slots);
  free(b->spare);
  sm_journal_writer_fini(&b->row);
  b->item = NULL;
  b->late_slots = NULL;
  b->spare = NULL;
  b->item_cap = b->late_cap = b->spare_cap = 0;
}

static sm_err need_transaction(sm_readings *store) {
  if (store->batch.in_transaction) return SM_OK;
  sm_err err = sm_sql_set_synced(store->db, true); /* a slice may have been the last */
  if (err == SM_OK) err = sm_sql_begin_immediate(store->db);
  store->batch.in_transaction = err == SM_OK;
  return err;
}

/* A transaction that has met a page which cannot be read fails at its next write, whatever that is
 * about. What was only looked up in it holds in another one. */
static void end_spoiled(sm_readings *store) {
  batch_memory *b = &store->batch;
  if (b->spoiled && b->in_transaction) {
    sm_sql_rollback(store->db);
    b->in_transaction = false;
  }
  b->spoiled = false;
}

/* ---- series ---- */

/* Made in memory if it is new; its row follows in the transaction. */
static sm_err series_for(sm_readings *store, const char *device_id, uint8_t channel,
                         sm_series **out) {
  /* Only this thread adds series, so it may look without the lock. */
  sm_series *series = sm_readings_series(store, device_id, channel);
  if (series != NULL) {
    *out = series;
    return SM_OK;
  }
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = sm_series_table_need(&store->table, device_id, channel, out);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

/* ---- late readings of the same batch ---- */

static size_t late_place(const batch_memory *b, uint32_t touched_index, int64_t ts_ms) {
  uint64_t mixed = ((uint64_t)ts_ms + ((uint64_t)touched_index << 40)) * 0x9e3779b97f4a7c15U;
  return (size_t)(mixed >> 32) & (b->late_size - 1);
}

static void late_add(batch_memory *b, const sm_reading_in *readings, size_t at) {
  size_t place = late_place(b, b->item[at].touched, readings[at].reading.ts_ms);
  while (b->late_slots[place] != 0) place = (place + 1) & (b->late_size - 1);
  b->late_slots[place] = (uint32_t)at + 1;
}

static bool is_stored(const batch_item *i) {
  return i->verdict == SM_VERDICT_STORED || i->verdict == SM_VERDICT_LATE;
}

/* The first late reading of a batch pays for a table of what the batch has accepted so far. */
static sm_err late_begin(batch_memory *b, const sm_reading_in *readings, size_t at, size_t count) {
  if (b->late_size > 0) return SM_OK;
  size_t size = 64;
  while (size < count * 2) size *= 2;
  if (size > b->late_cap) {
    uint32_t *slots = realloc(b->late_slots, size * sizeof *slots);
    if (slots == NULL) return SM_ERR_NOMEM;
    b->late_slots = slots;
    b->late_cap = size;
  }
  b->late_size = size;
  memset(b->late_slots, 0, size * sizeof *b->late_slots);
  for (size_t i = 0; i < at; i++)
    if (is_stored(&b->item[i])) late_add(b, readings, i);
  return SM_OK;
}

static const sm_reading *late_find(const batch_memory *b, const sm_reading_in *readings,
                                   uint32_t touched_index, int64_t ts_ms) {
  size_t place = late_place(b, touched_index, ts_ms);
  for (; b->late_slots[place] != 0; place = (place + 1) & (b->late_size - 1)) {
    size_t i = b->late_slots[place] - 1;
    if (b->item[i].touched == touched_index && readings[i].reading.ts_ms == ts_ms)
      return &readings[i].reading;
  }
  return NULL;
}

/* ---- verdicts ---- */

static sm_err find_older(sm_readings *store, const sm_readings_batch *in, size_t at,
                         const sm_reading **found) {
  batch_memory *b = &store->batch;
  const batch_item *it = &b->item[at];
  const sm_reading *r = &in->readings[at].reading;
  sm_err err = late_begin(b, in->readings, at, in->reading_count);
  if (err != SM_OK) return err;
  *found = late_find(b, in->readings, it->touched, r->ts_ms);
  if (*found != NULL) return SM_OK;
  /* A look-up that reads the file is cheaper inside the transaction that follows anyway. */
  err = need_transaction(store);
  return err == SM_OK ? sm_find_stored(store, b->touched[it->touched].series, r->ts_ms, found)
                      : err;
}

static void accept(batch_memory *b, const sm_readings_batch *in, size_t at, bool newest) {
  batch_item *it = &b->item[at];
  touched *t = &b->touched[it->touched];
  int64_t ts_ms = in->readings[at].reading.ts_ms;
  it->verdict = newest ? SM_VERDICT_STORED : SM_VERDICT_LATE;
  it->packed = ts_ms > t->packed_ms;
  if (it->packed) t->packed_ms = ts_ms;
  if (newest) t->latest_ms = ts_ms;
  t->stored++;
  if (it->packed) t->packed++;
  t->wanted = true;
  b->stored++;
  if (b->late_size > 0) late_add(b, in->readings, at);
}

static sm_err judge(sm_readings *store, const sm_readings_batch *in, size_t at,
                    int64_t horizon_ms) {
  batch_memory *b = &store->batch;
  batch_item *it = &b->item[at];
  const sm_reading *r = &in->readings[at].reading;
  bool newest = r->ts_ms > b->touched[it->touched].latest_ms;
  if (r->ts_ms < 0 || r->ts_ms > TS_MAX_MS) return SM_ERR_RANGE;
  if (r->ts_ms < horizon_ms) {
    it->verdict = SM_VERDICT_PAST_RETENTION;
    b->refused++;
    return SM_OK;
  }
  const sm_reading *found = NULL;
  sm_err err = newest ? SM_OK : find_older(store, in, at, &found);
  if (err != SM_OK) return err;
  if (found == NULL) {
    accept(b, in, at, newest);
    return SM_OK;
  }
  bool same = sm_reading_equal(found, r);
  it->verdict = same ? SM_VERDICT_DUPLICATE : SM_VERDICT_CONFLICT;
  if (!same) b->refused++;
  return SM_OK;
}

/* A mark goes with its reading if that is stored and says the same; else by itself, unless it is
 * settled already. */
static bool stands_alone(const batch_item *it, const sm_reading *reading, const sm_seq_mark *mark) {
  return !(it != NULL && is_stored(it) && sm_journal_implies(reading, mark));
}

static void note_mark(batch_memory *b, uint32_t index, const batch_item *it,
                      const sm_reading *reading, const sm_seq_mark *mark) {
  touched *t = &b->touched[index];
  sm_acks_note(t, mark);
  if (!stands_alone(it, reading, mark) || sm_sequence_has(&t->series->sequence, mark)) return;
  t->wanted = true;
  b->marks++;
}

static sm_err judge_readings(sm_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  batch_memory *b = &store->batch;
  int64_t horizon_ms = sm_horizon_ms(store, now_ms);
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_reading_in *r = &in->readings[i];
    sm_err err = SM_OK;
    if (i > 0 && sm_reading_in_same_series(r, &in->readings[i - 1])) {
      b->item[i].touched = b->item[i - 1].touched;
    } else {
      sm_series *series;
      err = series_for(store, r->device_id, r->channel, &series);
      if (err == SM_OK) err = touch(b, series, r->device_id, &b->item[i].touched);
    }
    if (err == SM_OK) err = judge(store, in, i, horizon_ms);
    if (err != SM_OK) return err;
    if (r->mark.present) note_mark(b, b->item[i].touched, &b->item[i], &r->reading, &r->mark);
  }
  return SM_OK;
}

static sm_err judge_rejects(sm_readings *store, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    if (!r->mark.present) continue;
    sm_series *series;
    uint32_t index = 0;
    sm_err err = series_for(store, r->device_id, SM_CHANNEL_IMPORT, &series);
    if (err == SM_OK) err = touch(&store->batch, series, r->device_id, &index);
    if (err != SM_OK) return err;
    note_mark(&store->batch, index, NULL, NULL, &r->mark);
  }
  return SM_OK;
}

/* ---- writing ---- */

static sm_err write_new_series(sm_readings *store, size_t *count) {
  batch_memory *b = &store->batch;
  *count = 0;
  for (size_t i = 0; i < b->touched_count; i++) {
    touched *t = &b->touched[i];
    if (!t->wanted || t->series->no != 0) continue;
    sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO series(device_id, channel) VALUES(?1, ?2)");
    sm_sql_bind_text(&q, 1, t->series->device_id);
    sm_sql_bind_i64(&q, 2, t->series->channel);
    sm_err err = sm_sql_run(&q);
    if (err != SM_OK) return err;
    t->new_no = sm_sql_last_insert_no(store->db);
    if (t->new_no > UINT32_MAX) return SM_ERR_FULL;
    ++*count;
  }
  return SM_OK;
}

static int64_t no_of(const touched *t) {
  return t->series->no != 0 ? t->series->no : t->new_no;
}

static void put_mark(sm_readings *store, const touched *t, const batch_item *it,
                     const sm_reading *reading, const sm_seq_mark *mark) {
  if (mark->present && stands_alone(it, reading, mark) &&
      !sm_sequence_has(&t->series->sequence, mark))
    sm_journal_writer_mark(&store->batch.row, no_of(t), mark);
}

static void put_marks(sm_readings *store, const sm_readings_batch *in) {
  const batch_memory *b = &store->batch;
  for (size_t i = 0; i < in->reading_count; i++)
    put_mark(store, &b->touched[b->item[i].touched], &b->item[i], &in->readings[i].reading,
             &in->readings[i].mark);
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    if (!r->mark.present) continue;
    const sm_series *series = sm_readings_series(store, r->device_id, SM_CHANNEL_IMPORT);
    put_mark(store, &b->touched[series->touched - 1], NULL, NULL, &r->mark);
  }
}

static sm_err write_journal(sm_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  batch_memory *b = &store->batch;
  if (b->stored + b->marks == 0) return SM_OK;
  sm_journal_writer_begin(&b->row, b->stored, b->marks);
  for (size_t i = 0; i < in->reading_count; i++)
    if (is_stored(&b->item[i]))
      sm_journal_writer_reading(&b->row, no_of(&b->touched[b->item[i].touched]),
                                &in->readings[i].reading, &in->readings[i].mark);
  if (b->marks > 0) put_marks(store, in);
  sm_err err = sm_journal_writer_end(&b->row);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(store->db, "INSERT INTO journal(committed_ms, body) VALUES(?1, ?2)");
  sm_sql_bind_i64(&q, 1, now_ms);
  sm_sql_bind_blob(&q, 2, b->row.data, b->row.len);
  err = sm_sql_run(&q);
  b->journal_no = sm_sql_last_insert_no(store->db);
  return err;
}

static sm_err write_refused(sm_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  sm_refused room;
  sm_err err = SM_OK;
  sm_refused_init(&room);
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++) {
    sm_reject_in reject;
    sm_verdict verdict = (sm_verdict)store->batch.item[i].verdict;
    if (verdict != SM_VERDICT_CONFLICT && verdict != SM_VERDICT_PAST_RETENTION) continue;
    err = sm_refused_make(&room, &in->readings[i], verdict, now_ms, &reject);
    if (err == SM_OK) err = sm_rejects_write(store, &reject, 1);
  }
  sm_refused_fini(&room);
  return err;
}

/* Makes room before the commit for what is shown after it, so that showing cannot fail. */
static sm_err reserve(sm_readings *store, size_t new_series) {
  batch_memory *b = &store->batch;
  size_t spare = 0;
  sm_err err = SM_OK;
  (void)pthread_rwlock_wrlock(&store->lock);
  if (new_series > 0) err = sm_readings_series_reserve(store, new_series);
  for (size_t i = 0; err == SM_OK && i < b->touched_count; i++) {
    touched *t = &b->touched[i];
    if (t->stored == 0) continue;
    if (t->series->hot == NULL) t->series->hot = calloc(1, sizeof *t->series->hot);
    sm_hot *hot = t->series->hot;
    size_t late = t->stored - t->packed;
    if (late > spare) spare = late;
    err = hot == NULL ? SM_ERR_NOMEM : sm_packed_reserve(&hot->packed, t->packed);
    if (err == SM_OK && late > 0) err = sm_run_reserve(&hot->late, late);
  }
  (void)pthread_rwlock_unlock(&store->lock);
  if (err != SM_OK || spare <= b->spare_cap) return err;
  sm_reading *room = realloc(b->spare, spare * sizeof *room);
  if (room == NULL) return SM_ERR_NOMEM;
  b->spare = room;
  b->spare_cap = spare;
  return SM_OK;
}

static sm_err write_all(sm_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  batch_memory *b = &store->batch;
  size_t new_series = 0;
  bool nothing = b->stored + b->marks + b->refused + in->reject_count == 0;
  if (nothing) return SM_OK;
  end_spoiled(store);
  sm_err err = need_transaction(store);
  if (err == SM_OK) err = write_new_series(store, &new_series);
  if (err == SM_OK) err = reserve(store, new_series);
  if (err == SM_OK) err = write_journal(store, in, now_ms);
  if (err == SM_OK) err = sm_rejects_write(store, in->rejects, in->reject_count);
  if (err == SM_OK && b->refused > 0) err = write_refused(store, in, now_ms);
  if (err != SM_OK) return err;
  err = sm_sql_commit(store->db);
  if (err == SM_OK && b->stored + b->marks > 0) store->journal_no = b->journal_no;
  b->in_transaction = false;
  return err;
}

/* ---- showing ---- */

/* Before a batch's first reading of the series, and behind its last. */
static size_t settled_count(const touched *t) {
  return t->series->hot->late.count - (t->stored - t->packed);
}

static void show_reading(touched *t, const sm_reading *r, bool packed) {
  sm_hot *hot = t->series->hot;
  sm_series *series = t->series;
  if (packed)
    sm_packed_append(&hot->packed, r); /* room was reserved */
  else
    hot->late.item[hot->late.count++] = *r;
  sm_series_widen(series, r);
}

static void show_new_series(sm_readings *store) {
  batch_memory *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) {
    touched *t = &b->touched[i];
    if (t->new_no == 0) continue;
    t->series->no = (uint32_t)t->new_no;
    store->series[store->series_count++] = t->series;
  }
}

/* What the runs of the batch's series take, before it is shown and after. */
static size_t touched_bytes(const batch_memory *b) {
  size_t bytes = 0;
  for (size_t i = 0; i < b->touched_count; i++)
    if (b->touched[i].stored > 0) bytes += sm_hot_bytes(b->touched[i].series->hot);
  return bytes;
}

static void show(sm_readings *store, const sm_readings_batch *in) {
  batch_memory *b = &store->batch;
  (void)pthread_rwlock_wrlock(&store->lock);
  show_new_series(store);
  for (size_t i = 0; i < in->reading_count; i++)
    if (is_stored(&b->item[i]))
      show_reading(&b->touched[b->item[i].touched], &in->readings[i].reading, b->item[i].packed);
  for (size_t i = 0; i < b->touched_count; i++) {
    touched *t = &b->touched[i];
    if (t->stored > t->packed) sm_run_settle(&t->series->hot->late, settled_count(t), b->spare);
    if (t->stored == 0) continue;
    t->series->state_behind = true;
    if (t->series->last.ts_ms > store->newest_ms) store->newest_ms = t->series->last.ts_ms;
  }
  (void)pthread_rwlock_unlock(&store->lock);
}

static sm_err run_batch(sm_readings *store, sm_readings_batch *in) {
  batch_memory *b = &store->batch;
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = grow_items(b, in->reading_count);
  if (err == SM_OK) err = judge_readings(store, in, now_ms);
  if (err == SM_OK) err = judge_rejects(store, in);
  size_t before = touched_bytes(b);
  if (err == SM_OK) err = write_all(store, in, now_ms);
  if (err != SM_OK) return err;
  if (b->stored + b->marks > 0) show(store, in);
  atomic_fetch_add(&store->hot_bytes, touched_bytes(b) - before);
  for (size_t i = 0; i < in->reading_count; i++)
    in->readings[i].verdict = (sm_verdict)b->item[i].verdict;
  sm_acks_settle(store, in);
  if (b->stored + b->marks > 0 && store->oldest_unsealed_ms == 0)
    store->oldest_unsealed_ms = sm_clock_steady_ms();
  atomic_fetch_add(&store->journal_readings, b->stored);
  atomic_fetch_add(&store->commits, 1);
  return SM_OK;
}

sm_err sm_embedded_commit(sm_readings *store, sm_readings_batch *batch) {
  if (!store->writer) return SM_ERR_DENIED;
  batch->ack_count = 0;
  if (batch->reading_count == 0 && batch->reject_count == 0) return SM_OK;
  if (batch->reading_count > INT32_MAX) return SM_ERR_RANGE;
  int64_t reject_bytes = store->reject_bytes;
  sm_err err = run_batch(store, batch);
  if (err != SM_OK) store->reject_bytes = reject_bytes; /* rolled back with the rest */
  forget_batch(store);
  return err;
}
