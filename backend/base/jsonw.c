#include "base/jsonw.h"

#include "base/decimal.h"
#include "base/put.h"
#include "base/utf8.h"

#include <string.h>

void sm_jsonw_init(sm_jsonw *w, sm_buf *buf) {
  *w = (sm_jsonw){.buf = buf};
}

static void before_value(sm_jsonw *w) {
  if (w->comma) sm_buf_append_char(w->buf, ',');
  w->comma = true;
}

static void open_with(sm_jsonw *w, char c) {
  before_value(w);
  sm_buf_append_char(w->buf, c);
  w->comma = false;
}

static void close_with(sm_jsonw *w, char c) {
  sm_buf_append_char(w->buf, c);
  w->comma = true;
}

void sm_jsonw_object(sm_jsonw *w) {
  open_with(w, '{');
}
void sm_jsonw_object_end(sm_jsonw *w) {
  close_with(w, '}');
}
void sm_jsonw_array(sm_jsonw *w) {
  open_with(w, '[');
}
void sm_jsonw_array_end(sm_jsonw *w) {
  close_with(w, ']');
}

static void write_escape(sm_buf *buf, unsigned char c) {
  switch (c) {
  case '"':
    sm_buf_append_text(buf, "\\\"");
    break;
  case '\\':
    sm_buf_append_text(buf, "\\\\");
    break;
  case '\n':
    sm_buf_append_text(buf, "\\n");
    break;
  case '\r':
    sm_buf_append_text(buf, "\\r");
    break;
  case '\t':
    sm_buf_append_text(buf, "\\t");
    break;
  default:
    sm_buf_printf(buf, "\\u%04x", c);
    break;
  }
}

static void write_string(sm_buf *buf, const char *text, size_t len) {
  sm_buf_append_char(buf, '"');
  size_t start = 0;
  for (size_t at = 0; at < len;) {
    unsigned char c = (unsigned char)text[at];
    bool plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
    size_t step = plain ? sm_utf8_step(text + at, len - at) : 1;
    if (plain && step > 0) {
      at += step;
      continue;
    }
    sm_buf_append(buf, text + start, at - start);
    if (plain)
      sm_buf_append_text(buf, "\xef\xbf\xbd");
    else
      write_escape(buf, c);
    at++;
    start = at;
  }
  sm_buf_append(buf, text + start, len - start);
  sm_buf_append_char(buf, '"');
}

/* Whether a text stands in JSON as it is. */
static bool is_plain(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  }
  return true;
}

/* A short plain text, which nearly all are, goes in one piece with what stands around it. */
static bool write_plain(sm_jsonw *w, const char *text, size_t len, bool is_key) {
  enum { SHORT = 64 };
  char piece[SHORT + 4];
  if (len > SHORT || !is_plain(text, len)) return false;
  char *at = piece;
  if (w->comma) *at++ = ',';
  *at++ = '"';
  at = sm_put_text(at, text, len);
  *at++ = '"';
  if (is_key) *at++ = ':';
  sm_buf_append(w->buf, piece, (size_t)(at - piece));
  w->comma = !is_key;
  return true;
}

void sm_jsonw_key(sm_jsonw *w, const char *key) {
  if (write_plain(w, key, strlen(key), true)) return;
  before_value(w);
  write_string(w->buf, key, strlen(key));
  sm_buf_append_char(w->buf, ':');
  w->comma = false;
}

void sm_jsonw_text_len(sm_jsonw *w, const char *text, size_t len) {
  if (write_plain(w, text, len, false)) return;
  before_value(w);
  write_string(w->buf, text, len);
}

void sm_jsonw_text(sm_jsonw *w, const char *text) {
  if (text == NULL)
    sm_jsonw_null(w);
  else
    sm_jsonw_text_len(w, text, strlen(text));
}

void sm_jsonw_int(sm_jsonw *w, int64_t value) {
  sm_jsonw_decimal(w, value, 0);
}

void sm_jsonw_bool(sm_jsonw *w, bool value) {
  before_value(w);
  sm_buf_append_text(w->buf, value ? "true" : "false");
}

void sm_jsonw_null(sm_jsonw *w) {
  before_value(w);
  sm_buf_append_text(w->buf, "null");
}

void sm_jsonw_decimal(sm_jsonw *w, int64_t value, unsigned places) {
  char text[1 + SM_DECIMAL_TEXT_MAX] = ",";
  (void)sm_decimal_format(value, places, 0, text + 1);
  sm_buf_append_text(w->buf, w->comma ? text : text + 1);
  w->comma = true;
}

void sm_jsonw_decimal_text(sm_jsonw *w, int64_t value, unsigned places) {
  char text[SM_DECIMAL_TEXT_MAX];
  sm_jsonw_text(w, sm_decimal_format(value, places, places, text));
}

void sm_jsonw_raw(sm_jsonw *w, const char *json, size_t len) {
  before_value(w);
  sm_buf_append(w->buf, json, len);
}

void sm_jsonw_key_text(sm_jsonw *w, const char *key, const char *text) {
  sm_jsonw_key(w, key);
  sm_jsonw_text(w, text);
}
void sm_jsonw_key_int(sm_jsonw *w, const char *key, int64_t value) {
  sm_jsonw_key(w, key);
  sm_jsonw_int(w, value);
}
void sm_jsonw_key_bool(sm_jsonw *w, const char *key, bool value) {
  sm_jsonw_key(w, key);
  sm_jsonw_bool(w, value);
}
void sm_jsonw_key_null(sm_jsonw *w, const char *key) {
  sm_jsonw_key(w, key);
  sm_jsonw_null(w);
}
void sm_jsonw_key_decimal(sm_jsonw *w, const char *key, int64_t value, unsigned places) {
  sm_jsonw_key(w, key);
  sm_jsonw_decimal(w, value, places);
}
