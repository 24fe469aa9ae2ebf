/* What another server says, as anybody might say it who may write there: what is handed on is a
 * device and a reading that could be told again. */
#include "app/relay_text.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = 1790000000000;

typedef struct again {
  sm_reading reading;
  size_t count;
} again;

static void on_again(void *context, const char *device_id, const sm_reading *reading, bool late) {
  again *a = context;
  (void)device_id;
  (void)late;
  a->reading = *reading;
  a->count++;
}

static void on_nothing(void *context, int64_t alert_no) {
  (void)context;
  (void)alert_no;
  abort();
}

static void on_reading(void *context, const char *device_id, const sm_reading *reading, bool late) {
  again a = {.count = 0};
  const sm_relay_sink sink = {.context = &a, .reading = on_again, .alert = on_nothing};
  sm_buf text;
  (void)context;
  if (!sm_device_id_valid(device_id, strlen(device_id))) abort();
  sm_buf_init(&text, 0);
  sm_relay_put_reading(&text, device_id, reading, late);
  if (text.err != SM_OK || sm_relay_read(text.data, text.len, now_ms, &sink) != 0) abort();
  if (a.count != 1 || !sm_reading_equal(&a.reading, reading) || a.reading.ts_ms != reading->ts_ms)
    abort();
  sm_buf_fini(&text);
}

static void on_alert(void *context, int64_t alert_no) {
  (void)context;
  if (alert_no <= 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const sm_relay_sink sink = {.reading = on_reading, .alert = on_alert};
  (void)sm_relay_read((const char *)data, size, now_ms, &sink);
  return 0;
}
