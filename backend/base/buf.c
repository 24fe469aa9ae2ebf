#include "base/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sm_buf_init(sm_buf *buf, size_t limit) {
  *buf = (sm_buf){.limit = limit};
}

void sm_buf_fini(sm_buf *buf) {
  if (buf == NULL) return;
  free(buf->data);
  *buf = (sm_buf){.limit = buf->limit};
}

void sm_buf_clear(sm_buf *buf) {
  buf->len = 0;
  buf->err = SM_OK;
}

/* Makes room for `more` bytes and a NUL. */
static bool reserve(sm_buf *buf, size_t more) {
  if (buf->err != SM_OK) return false;
  if (more > SIZE_MAX / 2 - buf->len - 1 || (buf->limit != 0 && buf->len + more > buf->limit)) {
    buf->err = SM_ERR_RANGE;
    return false;
  }
  size_t need = buf->len + more + 1;
  if (need <= buf->cap) return true;
  size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
  if (cap < need) cap = need;
  char *data = realloc(buf->data, cap);
  if (data == NULL) {
    buf->err = SM_ERR_NOMEM;
    return false;
  }
  buf->data = data;
  buf->cap = cap;
  return true;
}

void sm_buf_append(sm_buf *buf, const void *bytes, size_t len) {
  if (len == 0 || !reserve(buf, len)) return;
  memcpy(buf->data + buf->len, bytes, len);
  buf->len += len;
}

void sm_buf_append_text(sm_buf *buf, const char *text) {
  sm_buf_append(buf, text, strlen(text));
}

void sm_buf_append_char(sm_buf *buf, char c) {
  sm_buf_append(buf, &c, 1);
}

static void SM_PRINTF(2, 0) print(sm_buf *buf, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  if (len < 0) {
    buf->err = SM_ERR_INTERNAL;
  } else if (reserve(buf, (size_t)len)) {
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    buf->len += (size_t)len;
  }
  va_end(again);
}

void sm_buf_printf(sm_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  print(buf, format, args);
  va_end(args);
}

void sm_buf_line(sm_buf *buf, const char *format, ...) {
  if (buf->len > 0) sm_buf_append_char(buf, '\n');
  va_list args;
  va_start(args, format);
  print(buf, format, args);
  va_end(args);
}

const char *sm_buf_text(sm_buf *buf) {
  if (buf->err != SM_OK || !reserve(buf, 0)) return "";
  buf->data[buf->len] = '\0';
  return buf->data;
}

char *sm_buf_take(sm_buf *buf) {
  if (buf->err != SM_OK || !reserve(buf, 0)) return NULL;
  buf->data[buf->len] = '\0';
  char *text = buf->data;
  *buf = (sm_buf){.limit = buf->limit};
  return text;
}
