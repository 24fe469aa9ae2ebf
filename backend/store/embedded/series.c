#include "store/embedded/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  size_t cap = run->cap < 8 ? 8 : run->cap * 2;
  if (cap < need) cap = need;
  sm_reading *item = realloc(run->item, cap * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  run->item = item;
  run->cap = cap;
  return SM_OK;
}

void sm_run_insert(sm_run *run, const sm_reading *reading) {
  bool last = run->count == 0 || run->item[run->count - 1].ts_ms < reading->ts_ms;
  size_t at = last ? run->count : sm_run_find(run, reading->ts_ms);
  memmove(run->item + at + 1, run->item + at, (run->count - at) * sizeof *run->item);
  run->item[at] = *reading;
  run->count++;
}

size_t sm_run_merge(const sm_reading *a, size_t a_count, const sm_reading *b, size_t b_count,
                    sm_reading *out) {
  size_t i = 0;
  size_t j = 0;
  size_t n = 0;
  while (i < a_count || j < b_count) {
    if (j < b_count && i < a_count && a[i].ts_ms == b[j].ts_ms)
      j++;
    else if (j == b_count || (i < a_count && a[i].ts_ms < b[j].ts_ms))
      out[n++] = a[i++];
    else
      out[n++] = b[j++];
  }
  return n;
}

sm_series *sm_series_new(const char *device_id, uint8_t channel) {
  sm_series *series = calloc(1, sizeof *series);
  if (series == NULL) return NULL;
  (void)snprintf(series->device_id, sizeof series->device_id, "%s", device_id);
  series->channel = channel;
  return series;
}

void sm_series_free(sm_series *series) {
  if (series == NULL) return;
  sm_run_fini(&series->hot);
  sm_run_fini(&series->pending);
  sm_sequence_fini(&series->sequence);
  free(series);
}

char *sm_series_key(const char *device_id, uint8_t channel, char out[SM_SERIES_KEY_MAX]) {
  (void)snprintf(out, SM_SERIES_KEY_MAX, "%.64s/%u", device_id, (unsigned)channel);
  return out;
}
