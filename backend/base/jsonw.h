/* A JSON writer over sm_buf. It writes decimals from scaled integers (230400 with 3 places is
 * 230.4), so that no number passes through floating point, and puts commas by itself. Invalid UTF-8
 * in a text is replaced by U+FFFD, so what is written is always valid JSON. */
#ifndef SM_BASE_JSONW_H
#define SM_BASE_JSONW_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_jsonw {
  sm_buf *buf; /* borrowed */
  bool comma;  /* a comma is owed before the next value */
} sm_jsonw;

void sm_jsonw_init(sm_jsonw *w, sm_buf *buf);

void sm_jsonw_object(sm_jsonw *w);     /* { */
void sm_jsonw_object_end(sm_jsonw *w); /* } */
void sm_jsonw_array(sm_jsonw *w);      /* [ */
void sm_jsonw_array_end(sm_jsonw *w);  /* ] */
void sm_jsonw_key(sm_jsonw *w, const char *key);

void sm_jsonw_text(sm_jsonw *w, const char *text); /* NULL writes null */
void sm_jsonw_text_len(sm_jsonw *w, const char *text, size_t len);
void sm_jsonw_int(sm_jsonw *w, int64_t value);
void sm_jsonw_bool(sm_jsonw *w, bool value);
void sm_jsonw_null(sm_jsonw *w);
/* A number: value / 10^places without needless zeros: (1000000, 3) is 1000, (628990, 3) 628.99. */
void sm_jsonw_decimal(sm_jsonw *w, int64_t value, unsigned places);
/* A string: value / 10^places with exactly `places` digits ("1888.00"), as money is written. */
void sm_jsonw_decimal_text(sm_jsonw *w, int64_t value, unsigned places);
/* Ready JSON, put in as it is. */
void sm_jsonw_raw(sm_jsonw *w, const char *json, size_t len);

/* Key and value in one. */
void sm_jsonw_key_text(sm_jsonw *w, const char *key, const char *text);
void sm_jsonw_key_int(sm_jsonw *w, const char *key, int64_t value);
void sm_jsonw_key_bool(sm_jsonw *w, const char *key, bool value);
void sm_jsonw_key_null(sm_jsonw *w, const char *key);
void sm_jsonw_key_decimal(sm_jsonw *w, const char *key, int64_t value, unsigned places);

#endif
