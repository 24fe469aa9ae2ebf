/* Files that are imported, as anybody may have made them: the first byte chooses CSV or JSON lines.
 * Whatever is accepted must lie within the contract, and every record must come to something. */
#include "base/csv.h"
#include "transfer/import_rows.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = 1769680000000;

static void on_reading(void *context, const char *device_id, const sm_reading *r) {
  size_t *count = context;
  (*count)++;
  bool good = sm_device_id_valid(device_id, strlen(device_id)) && r->ts_ms >= 1577836800000 &&
              r->ts_ms <= now_ms + 300000 && r->voltage_mv >= 0 && r->voltage_mv <= 500000 &&
              r->current_ma >= 0 && r->current_ma <= 120000 && r->power_mw >= 0 &&
              r->power_mw <= 60000000 && r->energy_wh >= 0 && r->energy_wh <= 10000000;
  if (!good) abort();
}

static void on_refused(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                       const char *text, size_t len) {
  size_t *count = context;
  (*count)++;
  if (device_id[0] != '\0' && !sm_device_id_valid(device_id, strlen(device_id))) abort();
  if (detail[0] == '\0' || sm_refusal_word(refusal)[0] == '\0') abort();
  if (text == NULL && len > 0) abort();
}

static void judge(sm_import_rows *rows, char *text, size_t len) {
  size_t count = 0;
  const sm_import_sink sink = {.context = &count, .reading = on_reading, .refused = on_refused};
  const sm_import_record record = {.text = text, .len = len, .line = 1};
  if (sm_import_rows_judge(rows, &record, now_ms, &sink) != SM_OK || count == 0) abort();
}

/* The length of the first record, as the file's reader finds it. */
static size_t record_len(sm_import_format format, const char *text, size_t len) {
  size_t lines = 0;
  size_t found = 0;
  if (format == SM_IMPORT_CSV)
    found = sm_csv_record_len(text, len, &lines);
  else if (memchr(text, '\n', len) != NULL)
    found = (size_t)((const char *)memchr(text, '\n', len) - text) + 1;
  if (found > len) abort();
  return found > 0 ? found : len;
}

static void run(sm_import_format format, char *text, size_t len) {
  sm_import_rows *rows = NULL;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  if (sm_import_rows_new(format, &rows) != SM_OK) abort();
  size_t at = 0;
  if (format == SM_IMPORT_CSV && len > 0) {
    at = record_len(format, text, len);
    const sm_import_record header = {.text = text, .len = at, .line = 1};
    if (sm_import_rows_header(rows, &header, &problem) != SM_OK) at = len;
  }
  while (at < len) {
    size_t n = record_len(format, text + at, len - at);
    judge(rows, text + at, n);
    at += n;
  }
  sm_buf_fini(&problem);
  sm_import_rows_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  char *text = malloc(size - 1);
  if (text == NULL) return 0;
  memcpy(text, data + 1, size - 1);
  run(data[0] % 2 == 0 ? SM_IMPORT_CSV : SM_IMPORT_JSONL, text, size - 1);
  free(text);
  return 0;
}
