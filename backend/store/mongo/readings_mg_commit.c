/* One batch: judged against memory and, where that cannot tell, what is stored; written in one
 * transaction that holds only if nobody was in between; and only then shown. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/series/journal_row.h"
#include "store/series/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the batch's series ---- */

static sm_err series_for(void *context, const char *device_id, uint8_t channel, sm_series **out) {
  mg_readings *store = context;
  /* Only this thread adds series, so it may look without the lock. */
  sm_series *series = sm_series_table_get(&store->table, device_id, channel);
  if (series != NULL) {
    *out = series;
    return SM_OK;
  }
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_err err = sm_series_table_need(&store->table, device_id, channel, out);
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

/* What is known of them in memory, which the transaction holds to by their versions. */
static sm_err touch(mg_readings *store, const sm_readings_batch *in) {
  sm_verdicts *b = &store->batch;
  sm_err err = sm_verdicts_touch(b, in, series_for, store);
  for (size_t i = 0; err == SM_OK && i < b->series_count; i++) {
    const sm_series *s = b->series[i].series;
    b->series[i].no = s->no;
    if (s->has_last) b->series[i].latest_ms = s->last.ts_ms;
  }
  return err;
}

/* ---- verdicts ---- */

static sm_err add_from_journal(void *context, int64_t series_no, const sm_reading *r) {
  return sm_verdicts_found(context, series_no, r);
}

/* What is in the journal of all series with late readings. It is asked for before MG_RAW: what is
 * moved in between is found there. */
static sm_err look_in_journal(mg_readings *store, mg_conn *conn, const sm_verdict_key *keys,
                              size_t count) {
  sm_verdicts *b = &store->batch;
  bson_t *filter = bson_new();
  bson_t s;
  bson_t in;
  char name[16];
  const char *index;
  uint32_t n = 0;
  uint32_t last = UINT32_MAX;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "s", &s);
  BSON_APPEND_ARRAY_BEGIN(&s, "$in", &in);
  for (size_t i = 0; i < count; i++) {
    const sm_series *series = b->series[keys[i].series].series;
    if (!b->item[keys[i].at].late || series->no == 0 || keys[i].series == last) continue;
    last = keys[i].series;
    size_t len = bson_uint32_to_string(n++, &index, name, sizeof name);
    bson_append_int64(&in, index, (int)len, series->no);
  }
  bson_append_array_end(&s, &in);
  bson_append_document_end(filter, &s);
  if (n > 0) return mg_journal_walk(conn, filter, add_from_journal, b);
  bson_destroy(filter);
  return SM_OK;
}

/* What is stored of one series under the instants of its late readings among these keys. */
static sm_err look_in_raw(sm_verdicts *b, mg_conn *conn, const sm_verdict_key *keys, size_t count) {
  const sm_series *series = b->series[keys[0].series].series;
  bson_t *filter =
      BCON_NEW("m.device", BCON_UTF8(series->device_id), "m.channel", BCON_INT32(series->channel));
  bson_t ts;
  bson_t in;
  char name[16];
  const char *index;
  uint32_t n = 0;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "ts", &ts);
  BSON_APPEND_ARRAY_BEGIN(&ts, "$in", &in);
  for (size_t i = 0; i < count; i++) {
    if (!b->item[keys[i].at].late) continue;
    size_t len = bson_uint32_to_string(n++, &index, name, sizeof name);
    bson_append_date_time(&in, index, (int)len, keys[i].ts_ms);
  }
  bson_append_array_end(&ts, &in);
  bson_append_document_end(filter, &ts);
  if (n == 0 || series->no == 0) {
    bson_destroy(filter);
    return SM_OK;
  }
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_RAW, filter, NULL);
  while ((doc = mg_find_next(&find)) != NULL) {
    const sm_reading r = mg_take_raw(doc);
    find.err = sm_verdicts_found(b, series->no, &r);
  }
  return mg_find_end(&find);
}

/* All that is stored under the keys of late readings. */
static sm_err look_up(mg_readings *store, mg_conn *conn, const sm_verdict_key *keys, size_t count) {
  enum { AT_ONCE = 1000 };
  sm_verdicts *b = &store->batch;
  sm_err err = look_in_journal(store, conn, keys, count);
  for (size_t from = 0, to; err == SM_OK && from < count; from = to) {
    to = from + 1;
    while (to < count && to - from < AT_ONCE && keys[to].series == keys[from].series) to++;
    err = look_in_raw(b, conn, keys + from, to - from);
  }
  return err;
}

static sm_err judge_late(mg_readings *store, mg_conn *conn, const sm_readings_batch *in) {
  sm_verdict_key *keys;
  size_t count;
  sm_err err = sm_verdicts_keys(&store->batch, in, &keys, &count);
  if (err == SM_OK) err = look_up(store, conn, keys, count);
  if (err == SM_OK) sm_verdicts_late(&store->batch, in, keys, count);
  free(keys);
  return err;
}

/* ---- writing ---- */

/* Series that are new get the numbers behind the highest that is known; the unique index says if
 * another server was first. */
static sm_err number_series(mg_readings *store) {
  sm_verdicts *b = &store->batch;
  int64_t no = store->top_no;
  for (size_t i = 0; i < b->series_count; i++) {
    sm_verdict_series *t = &b->series[i];
    if (t->series->no != 0 || !(t->stored || t->marked)) continue;
    if (++no > UINT32_MAX) return SM_ERR_FULL;
    sm_err err = mg_version_room(store, no);
    if (err != SM_OK) return err;
    t->series->no = (uint32_t)no; /* in no list yet; taken back if the transaction is */
    t->no = no;
    t->is_new = true;
  }
  return SM_OK;
}

static bson_t *series_id(const sm_series *s) {
  return BCON_NEW("_id", "{", "device", BCON_UTF8(s->device_id), "channel", BCON_INT32(s->channel),
                  "}");
}

/* The members of a series that a batch changes. */
static void put_state(bson_t *doc, const sm_series *next, const sm_buf *state, int64_t now_ms) {
  bson_append_binary(doc, "state", 5, BSON_SUBTYPE_BINARY, (const uint8_t *)state->data,
                     (uint32_t)state->len);
  BSON_APPEND_DATE_TIME(doc, "at", now_ms);
  if (!next->has_last) return;
  BSON_APPEND_DATE_TIME(doc, "first", next->first_ms);
  BSON_APPEND_DATE_TIME(doc, "last", next->last.ts_ms);
}

static void put_new(mg_bulk *bulk, const sm_verdict_series *t, const sm_buf *state,
                    int64_t now_ms) {
  bson_t *doc = series_id(t->series);
  BSON_APPEND_INT64(doc, "no", t->series->no);
  BSON_APPEND_INT64(doc, "version", 1);
  put_state(doc, t->next, state, now_ms);
  mg_bulk_insert(bulk, doc);
}

static void put_change(mg_bulk *bulk, const sm_verdict_series *t, int64_t version,
                       const sm_buf *state, int64_t now_ms) {
  bson_t set;
  bson_t *filter = series_id(t->series);
  bson_t *update = bson_new();
  BSON_APPEND_INT64(filter, "version", version);
  BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
  BSON_APPEND_INT64(&set, "version", version + 1);
  put_state(&set, t->next, state, now_ms);
  bson_append_document_end(update, &set);
  mg_bulk_update(bulk, filter, update, false);
}

/* SM_ERR_CONFLICT: another server has stored something of a series in between. */
static sm_err write_states(mg_readings *store, mg_conn *conn, int64_t now_ms) {
  const sm_verdicts *b = &store->batch;
  mg_bulk bulk;
  sm_buf state;
  int64_t changed = 0;
  mg_bulk_begin(&bulk, conn, MG_SERIES);
  sm_buf_init(&state, 0);
  for (size_t i = 0; i < b->series_count; i++) {
    const sm_verdict_series *t = &b->series[i];
    if (!t->stored && !t->marked) continue;
    sm_buf_clear(&state);
    sm_state_encode(t->next, &state);
    if (state.err != SM_OK) {
      bulk.err = state.err;
      break;
    }
    if (t->is_new)
      put_new(&bulk, t, &state, now_ms);
    else
      put_change(&bulk, t, store->version[t->series->no], &state, now_ms);
    changed += !t->is_new;
  }
  sm_buf_fini(&state);
  sm_err err = mg_bulk_end(&bulk);
  if (err == SM_ERR_EXISTS) return SM_ERR_CONFLICT;
  return err == SM_OK && bulk.matched != changed ? SM_ERR_CONFLICT : err;
}

enum { JOURNAL_READINGS = 20000 }; /* of one document, far below its 16 MB */

typedef struct journal {
  sm_journal_writer w;
  bson_t *doc;
  bson_t numbers;
  uint32_t count; /* of numbers */
  int64_t last_no;
} journal;

static void put_number(journal *j, int64_t no) {
  char name[16];
  const char *index;
  if (no == j->last_no) return; /* readings of one meter come together */
  size_t len = bson_uint32_to_string(j->count++, &index, name, sizeof name);
  bson_append_int64(&j->numbers, index, (int)len, j->last_no = no);
}

/* Up to JOURNAL_READINGS of the stored readings from *at on, of which `left` are. */
static sm_err write_piece(mg_readings *store, const sm_readings_batch *in, size_t *at, size_t count,
                          int64_t now_ms, journal *j, mg_bulk *bulk) {
  const sm_verdicts *b = &store->batch;
  static const sm_seq_mark none = {.present = false};
  j->doc = BCON_NEW("by", BCON_UTF8(store->server), "at", BCON_DATE_TIME(now_ms), "count",
                    BCON_INT64((int64_t)count));
  j->count = 0;
  j->last_no = 0;
  BSON_APPEND_ARRAY_BEGIN(j->doc, "s", &j->numbers);
  sm_journal_writer_begin(&j->w, count, 0);
  for (size_t n = 0; n < count; (*at)++) {
    if (!sm_verdicts_is_stored(b, *at)) continue;
    int64_t no = sm_verdicts_no(b, *at);
    sm_journal_writer_reading(&j->w, no, &in->readings[*at].reading, &none);
    put_number(j, no);
    n++;
  }
  bson_append_array_end(j->doc, &j->numbers);
  sm_err err = sm_journal_writer_end(&j->w);
  if (err != SM_OK) {
    bson_destroy(j->doc);
    return err;
  }
  bson_append_binary(j->doc, "data", 4, BSON_SUBTYPE_BINARY, j->w.data, (uint32_t)j->w.len);
  mg_bulk_insert(bulk, j->doc);
  return SM_OK;
}

static sm_err write_journal(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                            int64_t now_ms) {
  journal j = {.doc = NULL};
  mg_bulk bulk;
  size_t at = 0;
  mg_bulk_begin(&bulk, conn, MG_JOURNAL);
  for (size_t left = store->batch.stored, count; bulk.err == SM_OK && left > 0; left -= count) {
    count = left < JOURNAL_READINGS ? left : JOURNAL_READINGS;
    bulk.err = write_piece(store, in, &at, count, now_ms, &j, &bulk);
  }
  sm_journal_writer_fini(&j.w);
  return mg_bulk_end(&bulk);
}

/* A mark names the batch that set it: who wants to take it away must have seen that one. */
static void put_due(mg_bulk *bulk, const sm_series *s, int64_t start_ms, const bson_oid_t *batch) {
  mg_bulk_update(bulk, mg_place_id(s->device_id, s->channel, start_ms),
                 BCON_NEW("$set", "{", "batch", BCON_OID(batch), "}"), true);
}

static sm_err write_due(mg_readings *store, mg_conn *conn, const sm_readings_batch *in) {
  const sm_verdicts *b = &store->batch;
  mg_bulk bulk;
  bson_oid_t batch;
  int64_t last_no = 0;
  int64_t last_ms = -1;
  bson_oid_init(&batch, NULL);
  mg_bulk_begin(&bulk, conn, MG_DUE);
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!sm_verdicts_is_stored(b, i)) continue;
    const sm_series *s = b->series[b->item[i].series].series;
    int64_t start_ms = sm_quarter_start_ms(in->readings[i].reading.ts_ms);
    if (s->no == last_no && start_ms == last_ms) continue; /* readings of one meter come together */
    put_due(&bulk, s, start_ms, &batch);
    last_no = s->no;
    last_ms = start_ms;
  }
  return mg_bulk_end(&bulk);
}

/* ---- state ---- */

/* A copy of each touched series, which becomes what it is when the batch is stored. */
static sm_err copy_series(const sm_series *from, sm_series **out) {
  sm_series *copy = sm_series_new(from->device_id, from->channel);
  if (copy == NULL) return SM_ERR_NOMEM;
  sm_buf state;
  sm_buf_init(&state, 0);
  sm_state_encode(from, &state);
  sm_err err = state.err;
  if (err == SM_OK) err = sm_state_decode((const uint8_t *)state.data, state.len, copy);
  sm_buf_fini(&state);
  if (err == SM_OK)
    *out = copy;
  else
    sm_series_free(copy);
  return err;
}

static sm_err make_next(mg_readings *store, const sm_readings_batch *in) {
  sm_verdicts *b = &store->batch;
  for (size_t i = 0; i < b->series_count; i++) {
    sm_err err = copy_series(b->series[i].series, &b->series[i].next);
    if (err != SM_OK) return err;
  }
  sm_verdicts_settle(b, in);
  return SM_OK;
}

typedef struct place {
  mg_readings *store;
  mg_conn *conn;
} place;

static sm_err keep_refused(void *context, const sm_reject_in *reject) {
  const place *at = context;
  return mg_rejects_write(at->store, at->conn, reject, 1);
}

static sm_err write_all(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                        int64_t now_ms) {
  sm_err err = write_states(store, conn, now_ms);
  if (err == SM_OK) err = write_journal(store, conn, in, now_ms);
  if (err == SM_OK) err = write_due(store, conn, in);
  if (err == SM_OK && in->reject_count > 0)
    err = mg_rejects_write(store, conn, in->rejects, in->reject_count);
  place at = {.store = store, .conn = conn};
  return err == SM_OK ? sm_verdicts_refused(&store->batch, in, now_ms, keep_refused, &at) : err;
}

/* ---- showing ---- */

/* Room for what is shown after the commit, so that showing cannot fail. */
static sm_err reserve_series(mg_readings *store) {
  size_t need = store->series_count + store->batch.series_count;
  if (need <= store->series_cap) return SM_OK;
  sm_err err = SM_ERR_NOMEM;
  (void)pthread_rwlock_wrlock(&store->lock);
  sm_series **list = realloc(store->series, 2 * need * sizeof *list);
  if (list != NULL) {
    store->series = list;
    store->series_cap = 2 * need;
    err = SM_OK;
  }
  (void)pthread_rwlock_unlock(&store->lock);
  return err;
}

static void show_one(mg_readings *store, sm_verdict_series *t) {
  sm_series *s = t->series;
  sm_sequence before = s->sequence;
  if (t->is_new) {
    store->series[store->series_count++] = s;
    store->by_no[s->no] = s;
  }
  s->first_ms = t->next->first_ms;
  s->last = t->next->last;
  s->has_last = t->next->has_last;
  s->sequence = t->next->sequence;
  t->next->sequence = before; /* goes with the copy */
  if (t->stored || t->marked) store->version[s->no]++;
  if (s->no > store->top_no) store->top_no = s->no;
  if (s->has_last && s->last.ts_ms > store->newest_ms) store->newest_ms = s->last.ts_ms;
}

static void show(mg_readings *store) {
  sm_verdicts *b = &store->batch;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; i < b->series_count; i++) show_one(store, &b->series[i]);
  (void)pthread_rwlock_unlock(&store->lock);
}

/* ---- the batch ---- */

static sm_err judge(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                    int64_t now_ms) {
  sm_err err = touch(store, in);
  if (err != SM_OK) return err;
  sm_verdicts_first(&store->batch, in, mg_horizon_ms(store, now_ms));
  err = judge_late(store, conn, in);
  if (err == SM_OK) sm_verdicts_count(&store->batch, in);
  if (err == SM_OK) err = reserve_series(store);
  if (err == SM_OK) err = number_series(store);
  return err == SM_OK ? make_next(store, in) : err;
}

static void take_back(mg_readings *store) {
  sm_verdicts *b = &store->batch;
  for (size_t i = 0; i < b->series_count; i++) {
    if (b->series[i].is_new) b->series[i].series->no = 0;
    b->series[i].is_new = false;
  }
}

static sm_err store_batch(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                          int64_t now_ms) {
  if (!sm_verdicts_has_news(&store->batch, in)) return SM_OK;
  sm_err err = mg_begin(conn);
  if (err == SM_OK) err = write_all(store, conn, in, now_ms);
  if (err == SM_OK) err = mg_commit(conn);
  mg_abort(conn);
  return err;
}

/* What others have stored of the batch's series. */
static sm_err load_touched(mg_readings *store, mg_conn *conn) {
  const sm_verdicts *b = &store->batch;
  bson_t *filter = bson_new();
  bson_t id;
  bson_t in;
  char name[16];
  const char *index;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &id);
  BSON_APPEND_ARRAY_BEGIN(&id, "$in", &in);
  for (uint32_t i = 0; i < b->series_count; i++) {
    bson_t which;
    const sm_series *s = b->series[i].series;
    size_t len = bson_uint32_to_string(i, &index, name, sizeof name);
    bson_append_document_begin(&in, index, (int)len, &which);
    BSON_APPEND_UTF8(&which, "device", s->device_id);
    BSON_APPEND_INT32(&which, "channel", s->channel);
    bson_append_document_end(&in, &which);
  }
  bson_append_array_end(&id, &in);
  bson_append_document_end(filter, &id);
  sm_err err = mg_load_series(store, conn, filter);
  if (err != SM_OK) return err;
  return mg_load_series(store, conn, BCON_NEW("no", "{", "$gt", BCON_INT64(store->top_no), "}"));
}

static sm_err load_all(mg_readings *store, mg_conn *conn) {
  sm_err err = store->behind ? mg_load_series(store, conn, bson_new()) : SM_OK;
  if (err == SM_OK) store->behind = false;
  return err;
}

static sm_err run_once(mg_readings *store, mg_conn *conn, sm_readings_batch *in, int64_t now_ms) {
  sm_err err = load_all(store, conn);
  if (err == SM_OK) err = judge(store, conn, in, now_ms);
  if (err == SM_OK) err = store_batch(store, conn, in, now_ms);
  if (err != SM_OK) {
    take_back(store);
    if (err == SM_ERR_CONFLICT && load_touched(store, conn) == SM_OK) return err;
    store->behind = true; /* also where nobody knows whether it was committed */
    return err;
  }
  sm_verdicts_tell(&store->batch, in); /* before what is settled changes places */
  show(store);
  atomic_fetch_add(&store->commits, 1);
  atomic_fetch_add(&store->pending, store->batch.stored);
  return SM_OK;
}

/* Servers that store readings of the same meters at once take turns: each round lets one of them
 * through at least. */
static sm_err run(mg_readings *store, mg_conn *conn, sm_readings_batch *in) {
  enum { TRIES = 20, PAUSE_NS = 2000000 };
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = SM_ERR_CONFLICT;
  for (int i = 0; err == SM_ERR_CONFLICT && i < TRIES; i++) {
    if (i > 1) (void)nanosleep(&(struct timespec){.tv_nsec = i * PAUSE_NS}, NULL);
    err = run_once(store, conn, in, now_ms);
    sm_verdicts_forget(&store->batch);
  }
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}

sm_err mg_readings_commit(sm_readings *base, sm_readings_batch *batch) {
  mg_readings *store = mg_of(base);
  if (!store->writer) return SM_ERR_DENIED;
  batch->ack_count = 0;
  if (batch->reading_count == 0 && batch->reject_count == 0) return SM_OK;
  if (batch->reading_count > INT32_MAX / 2) return SM_ERR_RANGE;
  return run(store, &store->own, batch);
}
