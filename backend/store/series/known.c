#include "store/series/known.h"

#include <string.h>

int64_t sm_known_no(const sm_known *k, const char *device_id, uint8_t channel, int64_t *first_ms,
                    int64_t *last_ms) {
  (void)pthread_rwlock_rdlock(k->lock);
  const sm_series *series = sm_series_table_get(k->table, device_id, channel);
  bool there = series != NULL && series->no != 0 && series->has_last;
  int64_t no = there ? series->no : 0;
  if (there && first_ms != NULL) *first_ms = series->first_ms;
  if (there && last_ms != NULL) *last_ms = series->last.ts_ms;
  (void)pthread_rwlock_unlock(k->lock);
  return no;
}

sm_err sm_known_latest(const sm_known *k, const char *device_id, uint8_t channel,
                       sm_reading *reading) {
  sm_err err = SM_ERR_NOT_FOUND;
  (void)pthread_rwlock_rdlock(k->lock);
  const sm_series *series = sm_series_table_get(k->table, device_id, channel);
  if (series != NULL && series->has_last) {
    *reading = series->last;
    err = SM_OK;
  }
  (void)pthread_rwlock_unlock(k->lock);
  return err;
}

sm_err sm_known_first_ms(const sm_known *k, const char *device_id, uint8_t channel,
                         int64_t *ts_ms) {
  return sm_known_no(k, device_id, channel, ts_ms, NULL) != 0 ? SM_OK : SM_ERR_NOT_FOUND;
}

sm_err sm_known_last_ms(const sm_known *k, int64_t *ts_ms) {
  (void)pthread_rwlock_rdlock(k->lock);
  int64_t newest_ms = *k->newest_ms;
  (void)pthread_rwlock_unlock(k->lock);
  if (newest_ms == INT64_MIN) return SM_ERR_NOT_FOUND;
  *ts_ms = newest_ms;
  return SM_OK;
}

/* A copy of a series' span, so that the callback runs without the lock. */
static bool span_at(const sm_known *k, size_t at, char device_id[SM_DEVICE_ID_MAX + 1],
                    sm_readings_span *span, bool *has) {
  (void)pthread_rwlock_rdlock(k->lock);
  bool there = at < *k->count;
  *has = there && (*k->list)[at]->has_last;
  if (*has) {
    const sm_series *series = (*k->list)[at];
    size_t len = strnlen(series->device_id, SM_DEVICE_ID_MAX);
    memcpy(device_id, series->device_id, len);
    device_id[len] = '\0';
    *span = (sm_readings_span){.device_id = device_id,
                               .channel = series->channel,
                               .first_ms = series->first_ms,
                               .last_ms = series->last.ts_ms};
  }
  (void)pthread_rwlock_unlock(k->lock);
  return there;
}

sm_err sm_known_each(const sm_known *k, sm_readings_each_fn each, void *context) {
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_readings_span span;
  bool has;
  for (size_t i = 0; span_at(k, i, device_id, &span, &has); i++) {
    sm_err err = has ? each(context, &span) : SM_OK;
    if (err != SM_OK) return err;
  }
  return SM_OK;
}
