/* One batch: judged against memory and, where that cannot tell, what is stored; written in one
 * transaction that holds only if nobody was in between; and only then shown. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/sequence.h"
#include "store/embedded/journal_row.h"
#include "store/embedded/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Nothing later fits the embedded store's keys: what one engine takes, the other does. */
#define TS_MAX_MS (((int64_t)1 << 24) * DAY_MS - 1)

/* ---- the batch's series ---- */

static sm_err series_for(mg_readings *store, const char *device_id, uint8_t channel,
                         sm_series **out) {
  /* Only this thread adds series, so it may look without the lock. */
  sm_series *series = sm_series_table_get(&store->table, device_id, channel);
  if (series == NULL) {
    series = sm_series_new(device_id, channel);
    if (series == NULL) return SM_ERR_NOMEM;
    (void)pthread_rwlock_wrlock(&store->lock);
    sm_err err = sm_series_table_add(&store->table, series);
    (void)pthread_rwlock_unlock(&store->lock);
    if (err != SM_OK) {
      sm_series_free(series);
      return err;
    }
  }
  *out = series;
  return SM_OK;
}

static sm_err touch(mg_readings *store, const char *device_id, uint8_t channel, uint32_t *index) {
  mg_batch *b = &store->batch;
  sm_series *series;
  sm_err err = series_for(store, device_id, channel, &series);
  if (err != SM_OK) return err;
  if (series->touched != 0) {
    *index = series->touched - 1;
    return SM_OK;
  }
  if (b->touched_count == b->touched_cap) {
    size_t cap = b->touched_cap < 64 ? 64 : b->touched_cap * 2;
    mg_touched *list = realloc(b->touched, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    b->touched = list;
    b->touched_cap = cap;
  }
  *index = (uint32_t)b->touched_count;
  b->touched[b->touched_count++] =
      (mg_touched){.series = series,
                   .device_id = device_id,
                   .latest_ms = series->has_last ? series->last.ts_ms : INT64_MIN};
  series->touched = *index + 1;
  return SM_OK;
}

static void forget_batch(mg_readings *store) {
  mg_batch *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) b->touched[i].series->touched = 0;
  b->touched_count = b->found_count = 0;
  b->stored = b->late = b->refused = 0;
}

static sm_err make_room(mg_batch *b, size_t count) {
  if (count <= b->item_cap) return SM_OK;
  mg_item *items = realloc(b->item, count * sizeof *items);
  if (items == NULL) return SM_ERR_NOMEM;
  b->item = items;
  b->item_cap = count;
  return SM_OK;
}

/* ---- verdicts ---- */

static bool is_stored(const mg_item *it) {
  return it->verdict == SM_VERDICT_STORED || it->verdict == SM_VERDICT_LATE;
}

/* What memory alone can tell: newest, past retention, or to be looked up. */
static sm_err judge_first(mg_readings *store, const sm_readings_batch *in, int64_t now_ms) {
  mg_batch *b = &store->batch;
  int64_t horizon_ms = mg_horizon_ms(store, now_ms);
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_reading_in *r = &in->readings[i];
    mg_item *it = &b->item[i];
    *it = (mg_item){.verdict = SM_VERDICT_STORED};
    if (r->reading.ts_ms < 0 || r->reading.ts_ms > TS_MAX_MS) return SM_ERR_RANGE;
    sm_err err = touch(store, r->device_id, r->channel, &it->touched);
    if (err != SM_OK) return err;
    mg_touched *t = &b->touched[it->touched];
    if (r->mark.present) t->marked = true;
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

static int by_key(const void *a, const void *b) {
  const mg_found *left = a;
  const mg_found *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->reading.ts_ms > right->reading.ts_ms) -
         (left->reading.ts_ms < right->reading.ts_ms);
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

static sm_err add_found(mg_batch *b, int64_t series_no, const sm_reading *r) {
  if (b->found_count == b->found_cap) {
    size_t cap = b->found_cap < 64 ? 64 : b->found_cap * 2;
    mg_found *list = realloc(b->found, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    b->found = list;
    b->found_cap = cap;
  }
  b->found[b->found_count++] = (mg_found){.series_no = series_no, .reading = *r};
  return SM_OK;
}

static sm_err add_from_journal(void *context, int64_t series_no, const sm_reading *r) {
  return add_found(context, series_no, r);
}

/* What is in the journal of all series with late readings. It is asked for before MG_RAW: what is
 * moved in between is found there. */
static sm_err look_in_journal(mg_readings *store, mg_conn *conn, const key *keys, size_t count) {
  mg_batch *b = &store->batch;
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
    const sm_series *series = b->touched[keys[i].touched].series;
    if (!b->item[keys[i].at].late || series->no == 0 || keys[i].touched == last) continue;
    last = keys[i].touched;
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
static sm_err look_in_raw(mg_batch *b, mg_conn *conn, const key *keys, size_t count) {
  const sm_series *series = b->touched[keys[0].touched].series;
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
    find.err = add_found(b, series->no, &r);
  }
  return mg_find_end(&find);
}

/* All that is stored under the keys of late readings. */
static sm_err look_up(mg_readings *store, mg_conn *conn, const key *keys, size_t count) {
  enum { AT_ONCE = 1000 };
  mg_batch *b = &store->batch;
  sm_err err = look_in_journal(store, conn, keys, count);
  for (size_t from = 0, to; err == SM_OK && from < count; from = to) {
    to = from + 1;
    while (to < count && to - from < AT_ONCE && keys[to].touched == keys[from].touched) to++;
    err = look_in_raw(b, conn, keys + from, to - from);
  }
  if (err == SM_OK && b->found_count > 0) qsort(b->found, b->found_count, sizeof *b->found, by_key);
  return err;
}

static const sm_reading *find_stored(const mg_batch *b, const sm_series *series, int64_t ts_ms) {
  const mg_found wanted = {.series_no = series->no, .reading = {.ts_ms = ts_ms}};
  if (b->found_count == 0) return NULL;
  const mg_found *found = bsearch(&wanted, b->found, b->found_count, sizeof wanted, by_key);
  return found != NULL ? &found->reading : NULL;
}

static void judge_one(mg_batch *b, const sm_readings_batch *in, size_t at,
                      const sm_reading *first) {
  mg_item *it = &b->item[at];
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
static void judge_key(mg_batch *b, const sm_readings_batch *in, const key *keys, size_t count) {
  const sm_reading *first = find_stored(b, b->touched[keys[0].touched].series, keys[0].ts_ms);
  for (size_t i = 0; i < count; i++) {
    judge_one(b, in, keys[i].at, first);
    if (first == NULL && is_stored(&b->item[keys[i].at])) first = &in->readings[keys[i].at].reading;
  }
}

static sm_err judge_late(mg_readings *store, mg_conn *conn, const sm_readings_batch *in) {
  mg_batch *b = &store->batch;
  if (b->late == 0) return SM_OK;
  key *keys = malloc(in->reading_count * sizeof *keys);
  if (keys == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < in->reading_count; i++)
    if (b->item[i].verdict != SM_VERDICT_PAST_RETENTION)
      keys[n++] = (key){
          .touched = b->item[i].touched, .at = (uint32_t)i, .ts_ms = in->readings[i].reading.ts_ms};
  qsort(keys, n, sizeof *keys, by_place);
  sm_err err = look_up(store, conn, keys, n);
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

/* Series that are new get the numbers behind the highest that is known; the unique index says if
 * another server was first. */
static sm_err number_series(mg_readings *store) {
  mg_batch *b = &store->batch;
  int64_t no = store->top_no;
  for (size_t i = 0; i < b->touched_count; i++) {
    mg_touched *t = &b->touched[i];
    if (t->series->no != 0 || !(t->stored || t->marked)) continue;
    if (++no > UINT32_MAX) return SM_ERR_FULL;
    sm_err err = mg_version_room(store, no);
    if (err != SM_OK) return err;
    t->series->no = (uint32_t)no; /* in no list yet; taken back if the transaction is */
    t->is_new = true;
  }
  return SM_OK;
}

/* SM_ERR_CONFLICT: another server has stored something of a series in between. */
static sm_err write_states(mg_readings *store, mg_conn *conn, int64_t now_ms) {
  const mg_batch *b = &store->batch;
  mg_bulk bulk;
  sm_buf state;
  int64_t changed = 0;
  mg_bulk_begin(&bulk, conn, MG_SERIES);
  sm_buf_init(&state, 0);
  for (size_t i = 0; i < b->touched_count; i++) {
    const mg_touched *t = &b->touched[i];
    if (!t->stored && !t->marked) continue;
    sm_buf_clear(&state);
    sm_state_encode(t->next, &state);
    if (state.err != SM_OK) {
      bulk.err = state.err;
      break;
    }
    const sm_series *s = t->series;
    const mg_series_state next = {.state = &state,
                                  .has_readings = t->next->has_last,
                                  .first_ms = t->next->first_ms,
                                  .last_ms = t->next->last.ts_ms,
                                  .at_ms = now_ms};
    if (t->is_new)
      mg_bulk_insert(&bulk, mg_series_new_doc(s->device_id, s->channel, s->no, &next));
    else
      mg_series_update(&bulk, s->device_id, s->channel, store->version[s->no], &next);
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
  const mg_batch *b = &store->batch;
  static const sm_seq_mark none = {.present = false};
  j->doc = BCON_NEW("by", BCON_UTF8(store->server), "at", BCON_DATE_TIME(now_ms), "count",
                    BCON_INT64((int64_t)count));
  j->count = 0;
  j->last_no = 0;
  BSON_APPEND_ARRAY_BEGIN(j->doc, "s", &j->numbers);
  sm_journal_writer_begin(&j->w, count, 0);
  for (size_t n = 0; n < count; (*at)++) {
    if (!is_stored(&b->item[*at])) continue;
    int64_t no = b->touched[b->item[*at].touched].series->no;
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
  const mg_batch *b = &store->batch;
  mg_bulk bulk;
  bson_oid_t batch;
  int64_t last_no = 0;
  int64_t last_ms = -1;
  bson_oid_init(&batch, NULL);
  mg_bulk_begin(&bulk, conn, MG_DUE);
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!is_stored(&b->item[i])) continue;
    const sm_series *s = b->touched[b->item[i].touched].series;
    int64_t start_ms = sm_quarter_start_ms(in->readings[i].reading.ts_ms);
    if (s->no == last_no && start_ms == last_ms) continue; /* readings of one meter come together */
    put_due(&bulk, s, start_ms, &batch);
    last_no = s->no;
    last_ms = start_ms;
  }
  return mg_bulk_end(&bulk);
}

/* ---- refused readings ---- */

static sm_err write_refused(mg_readings *store, mg_conn *conn, const sm_reading_in *in,
                            bool conflict, int64_t now_ms, sm_buf *text) {
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
  return mg_rejects_write(store, conn, &reject, 1);
}

static sm_err write_all_refused(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                                int64_t now_ms) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++) {
    uint8_t verdict = store->batch.item[i].verdict;
    if (verdict == SM_VERDICT_CONFLICT || verdict == SM_VERDICT_PAST_RETENTION)
      err = write_refused(store, conn, &in->readings[i], verdict == SM_VERDICT_CONFLICT, now_ms,
                          &text);
  }
  sm_buf_fini(&text);
  return err;
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

static void add_reading(sm_series *series, const sm_reading *r) {
  if (!series->has_last || r->ts_ms < series->first_ms) series->first_ms = r->ts_ms;
  if (!series->has_last || r->ts_ms > series->last.ts_ms) series->last = *r;
  series->has_last = true;
}

/* Without memory a mark is left out: the meter, not told of it, sends it again. */
static void settle(mg_touched *t, const sm_seq_mark *mark) {
  sm_sequence *sequence = &t->next->sequence;
  if (mark->present && sm_sequence_settle(sequence, mark) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.sequence_not_kept", SM_LOG_TEXT("device_id", t->device_id));
}

static sm_err make_next(mg_readings *store, const sm_readings_batch *in) {
  mg_batch *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) {
    sm_err err = copy_series(b->touched[i].series, &b->touched[i].next);
    if (err != SM_OK) return err;
  }
  for (size_t i = 0; i < in->reading_count; i++) {
    mg_touched *t = &b->touched[b->item[i].touched];
    if (is_stored(&b->item[i])) add_reading(t->next, &in->readings[i].reading);
    settle(t, &in->readings[i].mark);
  }
  for (size_t i = 0; i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    if (!r->mark.present || r->drop_no != 0) continue;
    const sm_series *s = sm_series_table_get(&store->table, r->device_id, SM_CHANNEL_IMPORT);
    settle(&b->touched[s->touched - 1], &r->mark);
  }
  return SM_OK;
}

/* Whether there is anything to keep: a batch of duplicates changes nothing. */
static bool has_news(const mg_batch *b, const sm_readings_batch *in) {
  bool news = b->stored > 0 || b->refused > 0 || in->reject_count > 0;
  for (size_t i = 0; !news && i < b->touched_count; i++) news = b->touched[i].marked;
  return news;
}

static sm_err write_all(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                        int64_t now_ms) {
  sm_err err = write_states(store, conn, now_ms);
  if (err == SM_OK) err = write_journal(store, conn, in, now_ms);
  if (err == SM_OK) err = write_due(store, conn, in);
  if (err == SM_OK && in->reject_count > 0)
    err = mg_rejects_write(store, conn, in->rejects, in->reject_count);
  if (err == SM_OK && store->batch.refused > 0) err = write_all_refused(store, conn, in, now_ms);
  return err;
}

/* ---- showing ---- */

/* Room for what is shown after the commit, so that showing cannot fail. */
static sm_err reserve_series(mg_readings *store) {
  size_t need = store->series_count + store->batch.touched_count;
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

static void show_one(mg_readings *store, mg_touched *t) {
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
  mg_batch *b = &store->batch;
  (void)pthread_rwlock_wrlock(&store->lock);
  for (size_t i = 0; i < b->touched_count; i++) show_one(store, &b->touched[i]);
  (void)pthread_rwlock_unlock(&store->lock);
}

/* ---- acks ---- */

static bool names(const sm_readings_batch *in, const mg_batch *b, uint32_t index, uint32_t epoch) {
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

static void add_acks(const mg_batch *b, sm_readings_batch *in) {
  for (uint32_t t = 0; t < b->touched_count; t++) {
    const sm_sequence *sequence = &b->touched[t].series->sequence;
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

static void count_stored(mg_batch *b, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!is_stored(&b->item[i])) continue;
    b->stored++;
    b->touched[b->item[i].touched].stored = true;
  }
}

static sm_err judge(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                    int64_t now_ms) {
  sm_err err = make_room(&store->batch, in->reading_count + 1);
  if (err == SM_OK) err = judge_first(store, in, now_ms);
  if (err == SM_OK) err = judge_late(store, conn, in);
  if (err == SM_OK) count_stored(&store->batch, in);
  if (err == SM_OK) err = reserve_series(store);
  if (err == SM_OK) err = number_series(store);
  return err == SM_OK ? make_next(store, in) : err;
}

static void take_back(mg_readings *store) {
  mg_batch *b = &store->batch;
  for (size_t i = 0; i < b->touched_count; i++) {
    if (b->touched[i].is_new) b->touched[i].series->no = 0;
    b->touched[i].is_new = false;
  }
}

static sm_err store_batch(mg_readings *store, mg_conn *conn, const sm_readings_batch *in,
                          int64_t now_ms) {
  if (!has_news(&store->batch, in)) return SM_OK;
  sm_err err = mg_begin(conn);
  if (err == SM_OK) err = write_all(store, conn, in, now_ms);
  if (err == SM_OK) err = mg_commit(conn);
  mg_abort(conn);
  return err;
}

/* What others have stored of the batch's series. */
static sm_err load_touched(mg_readings *store, mg_conn *conn) {
  const mg_batch *b = &store->batch;
  bson_t *filter = bson_new();
  bson_t id;
  bson_t in;
  char name[16];
  const char *index;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &id);
  BSON_APPEND_ARRAY_BEGIN(&id, "$in", &in);
  for (uint32_t i = 0; i < b->touched_count; i++) {
    bson_t which;
    const sm_series *s = b->touched[i].series;
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
  show(store);
  for (size_t i = 0; i < in->reading_count; i++)
    in->readings[i].verdict = (sm_verdict)store->batch.item[i].verdict;
  if (in->acks != NULL) add_acks(&store->batch, in);
  atomic_fetch_add(&store->commits, 1);
  atomic_fetch_add(&store->pending, store->batch.stored);
  return SM_OK;
}

static void end_batch(mg_readings *store) {
  for (size_t i = 0; i < store->batch.touched_count; i++)
    sm_series_free(store->batch.touched[i].next);
  forget_batch(store);
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
    end_batch(store);
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
