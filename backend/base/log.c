#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int lowest = SM_LOG_INFO;

void sm_log_set_level(sm_log_level level) {
  atomic_store(&lowest, (int)level);
}

void sm_log_write(sm_log_level level, const char *event, const sm_log_field *fields) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  if ((int)level < atomic_load(&lowest)) return;
  char now[SM_RFC3339_MAX];
  sm_buf line;
  sm_buf_init(&line, 16384);
  sm_jsonw w;
  sm_jsonw_init(&w, &line);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "ts", sm_rfc3339_format(sm_clock_now_ms(), now));
  sm_jsonw_key_text(&w, "level", names[level]);
  sm_jsonw_key_text(&w, "event", event);
  for (const sm_log_field *f = fields; f->key != NULL; f++) {
    if (f->text != NULL)
      sm_jsonw_key_text(&w, f->key, f->text);
    else
      sm_jsonw_key_int(&w, f->key, f->number);
  }
  sm_jsonw_object_end(&w);
  sm_buf_append_char(&line, '\n');
  if (line.err == SM_OK) {
    ssize_t written = write(STDERR_FILENO, line.data, line.len);
    (void)written; /* a log that can't be written has nowhere to say so */
  }
  sm_buf_fini(&line);
}
