#include "store/series/series.h"

#include "base/crypto.h"

#include <stdlib.h>
#include <string.h>

/* ---- runs ---- */

void sm_run_fini(sm_run *run) {
  free(run->item);
  *run = (sm_run){0};
}

size_t sm_run_find(const sm_run *run, int64_t ts_ms) {
  size_t low = 0;
  size_t high = run->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (run->item[middle].ts_ms < ts_ms)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const sm_reading *sm_run_at(const sm_run *run, int64_t ts_ms) {
  if (run->count == 0 || run->item[run->count - 1].ts_ms < ts_ms) return NULL;
  size_t at = sm_run_find(run, ts_ms);
  return run->item[at].ts_ms == ts_ms ? &run->item[at] : NULL;
}

sm_err sm_run_reserve(sm_run *run, size_t more) {
  size_t need = run->count + more;
  if (need <= run->cap) return SM_OK;
  size_t cap = run->cap < 4 ? 4 : run->cap + run->cap / 2;
  if (cap < need) cap = need;
  sm_reading *item = realloc(run->item, cap * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  run->item = item;
  run->cap = cap;
  return SM_OK;
}

static int by_instant(const void *a, const void *b) {
  const sm_reading *left = a;
  const sm_reading *right = b;
  return (left->ts_ms > right->ts_ms) - (left->ts_ms < right->ts_ms);
}

void sm_run_settle(sm_run *run, size_t sorted, sm_reading *spare) {
  size_t behind = run->count - sorted;
  if (behind == 0) return;
  sm_reading *item = run->item;
  qsort(item + sorted, behind, sizeof *item, by_instant);
  if (sorted == 0 || item[sorted - 1].ts_ms < item[sorted].ts_ms) return;
  memcpy(spare, item + sorted, behind * sizeof *item);
  for (size_t at = run->count; behind > 0;) { /* from the end, so that nothing is overwritten */
    bool take_old = sorted > 0 && item[sorted - 1].ts_ms > spare[behind - 1].ts_ms;
    item[--at] = take_old ? item[--sorted] : spare[--behind];
  }
}

size_t sm_run_merge(const sm_reading *a, size_t a_count, const sm_reading *b, size_t b_count,
                    sm_reading *out) {
  size_t i = 0;
  size_t j = 0;
  size_t n = 0;
  while (i < a_count && j < b_count) {
    if (a[i].ts_ms == b[j].ts_ms)
      j++;
    else if (a[i].ts_ms < b[j].ts_ms)
      out[n++] = a[i++];
    else
      out[n++] = b[j++];
  }
  if (i < a_count) memcpy(out + n, a + i, (a_count - i) * sizeof *out);
  n += a_count - i;
  if (j < b_count) memcpy(out + n, b + j, (b_count - j) * sizeof *out);
  return n + b_count - j;
}

sm_err sm_run_join(sm_run *run, const sm_reading *readings, size_t count) {
  if (count == 0) return SM_OK;
  bool behind = run->count == 0 || run->item[run->count - 1].ts_ms < readings[0].ts_ms;
  if (behind) {
    sm_err err = sm_run_reserve(run, count);
    if (err != SM_OK) return err;
    memcpy(run->item + run->count, readings, count * sizeof *readings);
    run->count += count;
    return SM_OK;
  }
  sm_reading *all = malloc((run->count + count) * sizeof *all);
  if (all == NULL) return SM_ERR_NOMEM;
  size_t n = sm_run_merge(run->item, run->count, readings, count, all);
  size_t cap = run->count + count;
  free(run->item);
  *run = (sm_run){.item = all, .count = n, .cap = cap};
  return SM_OK;
}

/* ---- hot ---- */

size_t sm_hot_count(const sm_hot *hot) {
  return hot == NULL ? 0 : hot->packed.count + hot->late.count;
}

size_t sm_hot_bytes(const sm_hot *hot) {
  enum { ALLOCATIONS = 48 }; /* what the allocator adds */
  if (hot == NULL) return 0;
  return sizeof *hot + ALLOCATIONS + hot->packed.cap + hot->late.cap * sizeof(sm_reading);
}

void sm_hot_free(sm_hot *hot) {
  if (hot == NULL) return;
  sm_packed_fini(&hot->packed);
  sm_run_fini(&hot->late);
  free(hot);
}

static sm_err read_packed(const sm_packed *packed, sm_run *out) {
  sm_reading *readings = malloc(packed->count * sizeof *readings);
  if (readings == NULL) return SM_ERR_NOMEM;
  sm_packed_read(packed, readings);
  sm_err err = sm_run_join(out, readings, packed->count);
  free(readings);
  return err;
}

sm_err sm_hot_read(const sm_hot *hot, int64_t from_ms, int64_t to_ms, sm_run *out) {
  if (hot == NULL) return SM_OK;
  const sm_packed *packed = &hot->packed;
  bool touches = packed->count > 0 && packed->first_ms < to_ms && packed->last.ts_ms >= from_ms;
  sm_err err = touches ? read_packed(packed, out) : SM_OK;
  if (err != SM_OK) return err;
  size_t first = sm_run_find(&hot->late, from_ms);
  size_t end = sm_run_find(&hot->late, to_ms);
  return end > first ? sm_run_join(out, hot->late.item + first, end - first) : SM_OK;
}

/* ---- series ---- */

static uint32_t hash_of(const char *device_id, size_t len, uint8_t channel) {
  return (uint32_t)sm_keyed_hash(device_id, len) + channel * 0x9e3779b1U;
}

sm_series *sm_series_new(const char *device_id, uint8_t channel) {
  size_t len = strlen(device_id);
  sm_series *series = calloc(1, sizeof *series + len + 1);
  if (series == NULL) return NULL;
  memcpy(series->device_id, device_id, len + 1);
  series->channel = channel;
  series->hash = hash_of(device_id, len, channel);
  return series;
}

void sm_series_free(sm_series *series) {
  if (series == NULL) return;
  sm_hot_free(series->hot);
  sm_hot_free(series->frozen);
  sm_sequence_fini(&series->sequence);
  free(series);
}

void sm_series_widen(sm_series *series, const sm_reading *reading) {
  if (!series->has_last || reading->ts_ms < series->first_ms) series->first_ms = reading->ts_ms;
  if (!series->has_last || reading->ts_ms > series->last.ts_ms) series->last = *reading;
  series->has_last = true;
}

void sm_series_table_fini(sm_series_table *table) {
  for (size_t i = 0; i < table->size; i++) sm_series_free(table->slot[i]);
  free(table->slot);
  *table = (sm_series_table){0};
}

sm_series *sm_series_table_get(const sm_series_table *table, const char *device_id,
                               uint8_t channel) {
  if (table->size == 0) return NULL;
  uint32_t hash = hash_of(device_id, strlen(device_id), channel);
  for (size_t at = hash & (table->size - 1);; at = (at + 1) & (table->size - 1)) {
    sm_series *series = table->slot[at];
    if (series == NULL) return NULL;
    if (series->hash == hash && series->channel == channel &&
        strcmp(series->device_id, device_id) == 0)
      return series;
  }
}

static void put(sm_series **slot, size_t size, sm_series *series) {
  size_t at = series->hash & (size - 1);
  while (slot[at] != NULL) at = (at + 1) & (size - 1);
  slot[at] = series;
}

static sm_err grow(sm_series_table *table) {
  size_t size = table->size == 0 ? 64 : table->size * 2;
  sm_series **slot = calloc(size, sizeof *slot);
  if (slot == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < table->size; i++)
    if (table->slot[i] != NULL) put(slot, size, table->slot[i]);
  free(table->slot);
  table->slot = slot;
  table->size = size;
  return SM_OK;
}

sm_err sm_series_table_add(sm_series_table *table, sm_series *series) {
  if (table->count * 4 >= table->size * 3) {
    sm_err err = grow(table);
    if (err != SM_OK) return err;
  }
  put(table->slot, table->size, series);
  table->count++;
  return SM_OK;
}

sm_err sm_series_table_need(sm_series_table *table, const char *device_id, uint8_t channel,
                            sm_series **out) {
  sm_series *series = sm_series_table_get(table, device_id, channel);
  if (series == NULL) {
    series = sm_series_new(device_id, channel);
    if (series == NULL) return SM_ERR_NOMEM;
    sm_err err = sm_series_table_add(table, series);
    if (err != SM_OK) {
      sm_series_free(series);
      return err;
    }
  }
  *out = series;
  return SM_OK;
}
