#include "store/series/verdicts.h"

#include "base/log.h"
#include "store/refused.h"

#include <stdlib.h>

/* Nothing later fits the embedded store's keys: what one engine takes, the others do. */
#define TS_MAX_MS (((int64_t)1 << 24) * 86400000 - 1)

void sm_verdicts_fini(sm_verdicts *v) {
  free(v->series);
  free(v->item);
  free(v->found);
  *v = (sm_verdicts){0};
}

void sm_verdicts_forget(sm_verdicts *v) {
  for (size_t i = 0; i < v->series_count; i++) {
    sm_series_free(v->series[i].next);
    v->series[i].series->touched = 0;
  }
  v->series_count = v->found_count = 0;
  v->stored = v->late = v->refused = 0;
}

/* ---- the batch's series ---- */

static sm_err make_room(sm_verdicts *v, size_t count) {
  if (count <= v->item_cap) return SM_OK;
  sm_verdict_item *items = realloc(v->item, count * sizeof *items);
  if (items == NULL) return SM_ERR_NOMEM;
  v->item = items;
  v->item_cap = count;
  return SM_OK;
}

static sm_err touch_one(sm_verdicts *v, sm_series *series, const char *device_id, uint32_t *index) {
  if (series->touched != 0) {
    *index = series->touched - 1;
    return SM_OK;
  }
  if (v->series_count == v->series_cap) {
    size_t cap = v->series_cap < 64 ? 64 : v->series_cap * 2;
    sm_verdict_series *list = realloc(v->series, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    v->series = list;
    v->series_cap = cap;
  }
  *index = (uint32_t)v->series_count;
  v->series[v->series_count++] =
      (sm_verdict_series){.series = series, .device_id = device_id, .latest_ms = INT64_MIN};
  series->touched = *index + 1;
  return SM_OK;
}

/* A mark of a reject belongs to the meter; one that leaves has none. */
static bool has_mark(const sm_reject_in *r) {
  return r->mark.present && r->drop_no == 0;
}

sm_err sm_verdicts_touch(sm_verdicts *v, const sm_readings_batch *in, sm_verdicts_series_fn find,
                         void *store) {
  sm_err err = make_room(v, in->reading_count + in->reject_count + 1);
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++) {
    const sm_reading_in *r = &in->readings[i];
    sm_series *series = NULL;
    v->item[i] = (sm_verdict_item){.verdict = SM_VERDICT_STORED};
    if (r->reading.ts_ms < 0 || r->reading.ts_ms > TS_MAX_MS) return SM_ERR_RANGE;
    err = find(store, r->device_id, r->channel, &series);
    if (err == SM_OK) err = touch_one(v, series, r->device_id, &v->item[i].series);
    if (err == SM_OK && r->mark.present) v->series[v->item[i].series].marked = true;
  }
  for (size_t i = 0; err == SM_OK && i < in->reject_count; i++) {
    const sm_reject_in *r = &in->rejects[i];
    sm_verdict_item *it = &v->item[in->reading_count + i];
    sm_series *series = NULL;
    if (!has_mark(r)) continue;
    err = find(store, r->device_id, SM_CHANNEL_IMPORT, &series);
    if (err == SM_OK) err = touch_one(v, series, r->device_id, &it->series);
    if (err == SM_OK) v->series[it->series].marked = true;
  }
  return err;
}

/* ---- verdicts ---- */

void sm_verdicts_first(sm_verdicts *v, const sm_readings_batch *in, int64_t horizon_ms) {
  for (size_t i = 0; i < in->reading_count; i++) {
    sm_verdict_item *it = &v->item[i];
    sm_verdict_series *s = &v->series[it->series];
    int64_t ts_ms = in->readings[i].reading.ts_ms;
    if (ts_ms < horizon_ms) {
      it->verdict = SM_VERDICT_PAST_RETENTION;
      v->refused++;
    } else if (ts_ms > s->latest_ms) {
      s->latest_ms = ts_ms;
    } else {
      it->late = true;
      v->late++;
    }
  }
}

static int by_place(const void *a, const void *b) {
  const sm_verdict_key *left = a;
  const sm_verdict_key *right = b;
  if (left->series != right->series) return left->series < right->series ? -1 : 1;
  if (left->ts_ms != right->ts_ms) return left->ts_ms < right->ts_ms ? -1 : 1;
  return (left->at > right->at) - (left->at < right->at);
}

sm_err sm_verdicts_keys(const sm_verdicts *v, const sm_readings_batch *in, sm_verdict_key **keys,
                        size_t *count) {
  *keys = NULL;
  *count = 0;
  if (v->late == 0) return SM_OK;
  sm_verdict_key *list = malloc(in->reading_count * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < in->reading_count; i++)
    if (v->item[i].verdict != SM_VERDICT_PAST_RETENTION)
      list[n++] = (sm_verdict_key){
          .series = v->item[i].series, .at = (uint32_t)i, .ts_ms = in->readings[i].reading.ts_ms};
  qsort(list, n, sizeof *list, by_place);
  *keys = list;
  *count = n;
  return SM_OK;
}

sm_err sm_verdicts_found(sm_verdicts *v, int64_t series_no, const sm_reading *reading) {
  if (v->found_count == v->found_cap) {
    size_t cap = v->found_cap < 64 ? 64 : v->found_cap * 2;
    sm_verdict_found *list = realloc(v->found, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    v->found = list;
    v->found_cap = cap;
  }
  v->found[v->found_count++] = (sm_verdict_found){.series_no = series_no, .reading = *reading};
  return SM_OK;
}

static int by_key(const void *a, const void *b) {
  const sm_verdict_found *left = a;
  const sm_verdict_found *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->reading.ts_ms > right->reading.ts_ms) -
         (left->reading.ts_ms < right->reading.ts_ms);
}

static const sm_reading *find_stored(const sm_verdicts *v, int64_t series_no, int64_t ts_ms) {
  const sm_verdict_found wanted = {.series_no = series_no, .reading = {.ts_ms = ts_ms}};
  if (v->found_count == 0) return NULL;
  const sm_verdict_found *found = bsearch(&wanted, v->found, v->found_count, sizeof wanted, by_key);
  return found != NULL ? &found->reading : NULL;
}

static void judge_one(sm_verdicts *v, const sm_readings_batch *in, size_t at,
                      const sm_reading *first) {
  sm_verdict_item *it = &v->item[at];
  if (!it->late) return;
  if (first == NULL) {
    it->verdict = SM_VERDICT_LATE;
    return;
  }
  bool same = sm_reading_equal(first, &in->readings[at].reading);
  it->verdict = same ? SM_VERDICT_DUPLICATE : SM_VERDICT_CONFLICT;
  if (!same) v->refused++;
}

/* Readings of one key, in the order in which they stand in the batch: the first of what is stored
 * and of these counts. */
static void judge_key(sm_verdicts *v, const sm_readings_batch *in, const sm_verdict_key *keys,
                      size_t count) {
  const sm_reading *first = find_stored(v, v->series[keys[0].series].no, keys[0].ts_ms);
  for (size_t i = 0; i < count; i++) {
    judge_one(v, in, keys[i].at, first);
    if (first == NULL && sm_verdicts_is_stored(v, keys[i].at))
      first = &in->readings[keys[i].at].reading;
  }
}

void sm_verdicts_late(sm_verdicts *v, const sm_readings_batch *in, const sm_verdict_key *keys,
                      size_t count) {
  if (v->found_count > 0) qsort(v->found, v->found_count, sizeof *v->found, by_key);
  for (size_t from = 0, to; from < count; from = to) {
    to = from + 1;
    while (to < count && keys[to].series == keys[from].series && keys[to].ts_ms == keys[from].ts_ms)
      to++;
    judge_key(v, in, keys + from, to - from);
  }
}

void sm_verdicts_count(sm_verdicts *v, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++) {
    if (!sm_verdicts_is_stored(v, i)) continue;
    v->stored++;
    v->series[v->item[i].series].stored = true;
  }
}

/* ---- what follows of them ---- */

bool sm_verdicts_has_news(const sm_verdicts *v, const sm_readings_batch *in) {
  bool news = v->stored > 0 || v->refused > 0 || in->reject_count > 0;
  for (size_t i = 0; !news && i < v->series_count; i++) news = v->series[i].marked;
  return news;
}

/* Without memory a mark is left out: the meter, not told of it, sends it again. */
static void settle_mark(sm_verdict_series *s, const sm_seq_mark *mark) {
  if (mark->present && sm_sequence_settle(&s->next->sequence, mark) != SM_OK)
    sm_log(SM_LOG_WARN, "readings.sequence_not_kept", SM_LOG_TEXT("device_id", s->device_id));
}

void sm_verdicts_settle(sm_verdicts *v, const sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++) {
    sm_verdict_series *s = &v->series[v->item[i].series];
    if (sm_verdicts_is_stored(v, i)) sm_series_widen(s->next, &in->readings[i].reading);
    settle_mark(s, &in->readings[i].mark);
  }
  for (size_t i = 0; i < in->reject_count; i++)
    if (has_mark(&in->rejects[i]))
      settle_mark(&v->series[v->item[in->reading_count + i].series], &in->rejects[i].mark);
}

sm_err sm_verdicts_refused(const sm_verdicts *v, const sm_readings_batch *in, int64_t now_ms,
                           sm_verdicts_reject_fn keep, void *context) {
  sm_refused room;
  sm_err err = SM_OK;
  if (v->refused == 0) return SM_OK;
  sm_refused_init(&room);
  for (size_t i = 0; err == SM_OK && i < in->reading_count; i++) {
    sm_reject_in reject;
    sm_verdict verdict = (sm_verdict)v->item[i].verdict;
    if (verdict != SM_VERDICT_CONFLICT && verdict != SM_VERDICT_PAST_RETENTION) continue;
    err = sm_refused_make(&room, &in->readings[i], verdict, now_ms, &reject);
    if (err == SM_OK) err = keep(context, &reject);
  }
  sm_refused_fini(&room);
  return err;
}

/* ---- telling ---- */

static bool names(const sm_verdicts *v, const sm_readings_batch *in, uint32_t index,
                  uint32_t epoch) {
  for (size_t i = 0; i < in->reading_count; i++) {
    const sm_seq_mark *mark = &in->readings[i].mark;
    if (v->item[i].series == index && mark->present && mark->epoch == epoch) return true;
  }
  for (size_t i = 0; i < in->reject_count; i++)
    if (has_mark(&in->rejects[i]) && v->item[in->reading_count + i].series == index &&
        in->rejects[i].mark.epoch == epoch)
      return true;
  return false;
}

static void add_acks(const sm_verdicts *v, sm_readings_batch *in) {
  for (uint32_t s = 0; s < v->series_count; s++) {
    if (!v->series[s].marked) continue;
    const sm_sequence *sequence = &v->series[s].next->sequence;
    for (size_t i = 0; i < sequence->count; i++) {
      uint32_t epoch = sequence->epoch[i].epoch;
      uint32_t seq;
      if (!names(v, in, s, epoch) || !sm_sequence_acked(sequence, epoch, &seq)) continue;
      in->acks[in->ack_count++] =
          (sm_ack){.device_id = v->series[s].device_id, .epoch = epoch, .seq = seq};
    }
  }
}

void sm_verdicts_tell(const sm_verdicts *v, sm_readings_batch *in) {
  for (size_t i = 0; i < in->reading_count; i++)
    in->readings[i].verdict = (sm_verdict)v->item[i].verdict;
  if (in->acks != NULL) add_acks(v, in);
}
