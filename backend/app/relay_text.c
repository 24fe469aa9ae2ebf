#include "app/relay_text.h"

#include "base/decimal.h"
#include "base/jsonw.h"
#include "ingest/telemetry.h"

#include <string.h>

/* A register may be as large as its meter makes it: that was judged when it was stored. */
static const int64_t any_modulus_wh = INT64_C(1000000000000);

void sm_relay_put_reading(sm_buf *out, const char *device_id, const sm_reading *reading,
                          bool late) {
  sm_jsonw w;
  sm_buf_append_text(out, late ? "L " : "S ");
  sm_buf_append_text(out, device_id);
  sm_buf_append_char(out, ' ');
  sm_jsonw_init(&w, out);
  sm_reading_write_json(&w, device_id, reading);
  sm_buf_append_char(out, '\n');
}

void sm_relay_put_alert(sm_buf *out, int64_t alert_no) {
  sm_buf_printf(out, "A %lld\n", (long long)alert_no);
}

/* ---- reading it ---- */

typedef struct line {
  const sm_relay_sink *sink;
  const char *device_id;
  bool late;
  bool used;
} line;

static void on_reading(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                       const char *text, size_t text_len) {
  line *l = context;
  (void)mark;
  (void)text;
  (void)text_len;
  l->used = true;
  l->sink->reading(l->sink->context, l->device_id, reading, l->late);
}

static void on_refused(void *context, sm_refusal refusal, const char *detail,
                       const sm_seq_mark *mark, const char *text, size_t text_len) {
  (void)context;
  (void)refusal;
  (void)detail;
  (void)mark;
  (void)text;
  (void)text_len;
}

/* at: behind the kind and its blank. */
static bool read_reading(const char *at, size_t len, bool late, int64_t now_ms,
                         const sm_relay_sink *sink) {
  char device_id[SM_DEVICE_ID_MAX + 1];
  const char *blank = memchr(at, ' ', len);
  size_t id_len = blank != NULL ? (size_t)(blank - at) : 0;
  if (blank == NULL || !sm_device_id_valid(at, id_len)) return false;
  memcpy(device_id, at, id_len);
  device_id[id_len] = '\0';
  line l = {.sink = sink, .device_id = device_id, .late = late};
  const sm_telemetry_sink judged = {.context = &l, .reading = on_reading, .refused = on_refused};
  size_t rest = len - id_len - 1;
  const sm_telemetry_message message = {.device_id = device_id,
                                        .payload = blank + 1,
                                        .payload_len = rest,
                                        .payload_len_sent = rest,
                                        .now_ms = now_ms,
                                        .modulus_wh = any_modulus_wh};
  return sm_telemetry_parse(&message, &judged) == SM_OK && l.used;
}

static bool read_alert(const char *at, size_t len, const sm_relay_sink *sink) {
  int64_t alert_no = 0;
  if (sm_decimal_parse(at, len, 0, &alert_no) != SM_OK || alert_no <= 0) return false;
  sink->alert(sink->context, alert_no);
  return true;
}

static bool read_line(const char *at, size_t len, int64_t now_ms, const sm_relay_sink *sink) {
  if (len < 3 || at[1] != ' ') return false;
  if (at[0] == 'A') return read_alert(at + 2, len - 2, sink);
  if (at[0] != 'S' && at[0] != 'L') return false;
  return read_reading(at + 2, len - 2, at[0] == 'L', now_ms, sink);
}

size_t sm_relay_read(const char *text, size_t len, int64_t now_ms, const sm_relay_sink *sink) {
  size_t unusable = 0;
  while (len > 0) {
    const char *end = memchr(text, '\n', len);
    size_t line_len = end != NULL ? (size_t)(end - text) : len;
    if (line_len > 0 && !read_line(text, line_len, now_ms, sink)) unusable++;
    size_t step = end != NULL ? line_len + 1 : line_len;
    text += step;
    len -= step;
  }
  return unusable;
}
