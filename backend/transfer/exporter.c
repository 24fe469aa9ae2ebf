#include "transfer/exporter.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What is held in memory at once: readings of one device, and text not yet written. */
enum { PAGE = 20000, OUT_CAP = 256 * 1024 };

typedef struct run {
  const sm_export_options *options;
  sm_export_counts *counts;
  sm_export_clock clock;
  bool skipping; /* up to the device that a broken off export ended in */
  char *out;     /* OUT_CAP bytes */
  size_t len;
} run;

static sm_err flush(run *r) {
  sm_err err = r->len > 0 ? r->options->write(r->options->context, r->out, r->len) : SM_OK;
  r->len = 0;
  return err;
}

static sm_err put_row(run *r, const char *device_id, const sm_reading *reading) {
  if (r->len + SM_EXPORT_ROW_MAX > OUT_CAP) {
    sm_err err = flush(r);
    if (err != SM_OK) return err;
  }
  r->len += sm_export_row(r->options->format, &r->clock, device_id, reading, r->out + r->len);
  r->counts->rows++;
  return SM_OK;
}

static sm_err put_page(run *r, const char *device_id, int64_t *from_ms, bool *more) {
  sm_reading_list list = {0};
  sm_err err = sm_readings_raw(r->options->readings, device_id, SM_CHANNEL_IMPORT, *from_ms,
                               r->options->to_ms, PAGE, &list);
  if (err != SM_OK) return err;
  for (size_t i = 0; err == SM_OK && i < list.count; i++)
    err = put_row(r, device_id, &list.item[i]);
  *more = list.count == PAGE;
  if (list.count > 0) *from_ms = list.item[list.count - 1].ts_ms + 1;
  sm_reading_list_fini(&list);
  if (r->options->advanced != NULL) r->options->advanced(r->options->context, r->counts);
  return err;
}

static bool wanted(const run *r, const sm_readings_span *span) {
  const char *device_id = r->options->device_id;
  return span->channel == SM_CHANNEL_IMPORT &&
         (device_id == NULL || strcmp(device_id, span->device_id) == 0);
}

static sm_err count_series(void *context, const sm_readings_span *span) {
  run *r = context;
  const char *after_id = r->options->after_id;
  if (wanted(r, span)) r->counts->devices++;
  if (after_id != NULL && strcmp(span->device_id, after_id) == 0) r->skipping = true;
  return SM_OK;
}

static sm_err put_series(void *context, const sm_readings_span *span) {
  run *r = context;
  if (!wanted(r, span)) return SM_OK;
  int64_t from_ms = r->options->from_ms;
  if (r->skipping && strcmp(span->device_id, r->options->after_id) == 0) {
    r->skipping = false;
    if (from_ms <= r->options->after_ms) from_ms = r->options->after_ms + 1;
  }
  sm_err err = SM_OK;
  bool more = !r->skipping;
  while (err == SM_OK && more) err = put_page(r, span->device_id, &from_ms, &more);
  r->counts->devices_done++;
  return err;
}

static sm_err put_all(run *r) {
  sm_err err = sm_readings_each(r->options->readings, count_series, r);
  if (err == SM_OK && r->options->after_id != NULL && !r->skipping) return SM_ERR_NOT_FOUND;
  if (err == SM_OK && r->options->header && r->options->format == SM_EXPORT_CSV) {
    r->len = strlen(sm_export_header());
    memcpy(r->out, sm_export_header(), r->len);
  }
  if (err == SM_OK) err = sm_readings_each(r->options->readings, put_series, r);
  return err == SM_OK ? flush(r) : err;
}

sm_err sm_export_run(const sm_export_options *options, sm_export_counts *counts) {
  *counts = (sm_export_counts){0};
  run r = {.options = options, .counts = counts, .out = malloc(OUT_CAP)};
  if (r.out == NULL) return SM_ERR_NOMEM;
  sm_err err = put_all(&r);
  free(r.out);
  return err;
}

/* ---- content ---- */

typedef struct digesting {
  crypto_hash_sha256_state state;
  void *context;
  void (*advanced)(void *context, const sm_export_counts *counts);
} digesting;

static sm_err digest(void *context, const char *bytes, size_t len) {
  digesting *d = context;
  (void)crypto_hash_sha256_update(&d->state, (const unsigned char *)bytes, len);
  return SM_OK;
}

static void pass_on(void *context, const sm_export_counts *counts) {
  digesting *d = context;
  if (d->advanced != NULL) d->advanced(d->context, counts);
}

sm_err sm_export_content_of(sm_readings *readings, void *context,
                            void (*advanced)(void *context, const sm_export_counts *counts),
                            sm_export_content *content) {
  digesting d = {.context = context, .advanced = advanced};
  (void)crypto_hash_sha256_init(&d.state);
  const sm_export_options options = {.readings = readings,
                                     .to_ms = INT64_MAX,
                                     .format = SM_EXPORT_CSV,
                                     .header = true,
                                     .context = &d,
                                     .write = digest,
                                     .advanced = pass_on};
  sm_export_counts counts;
  sm_err err = sm_export_run(&options, &counts);
  if (err != SM_OK) return err;
  content->series = counts.devices;
  content->readings = counts.rows;
  (void)crypto_hash_sha256_final(&d.state, content->digest);
  return SM_OK;
}
