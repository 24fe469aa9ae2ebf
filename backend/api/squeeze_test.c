#include "api/squeeze.h"

#include "base/crypto.h"

#include <brotli/decode.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What a page of readings looks like. */
static sm_buf readings(size_t count) {
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_buf_append_text(&text, "{\"readings\":[");
  for (size_t i = 0; i < count; i++)
    sm_buf_printf(&text,
                  "{\"timestamp\":\"2026-01-29T%02zu:%02zu:%02zuZ\",\"voltage\":23%zu.%zu,"
                  "\"power_w\":%zu.25,\"energy_kwh\":%zu.%03zu},",
                  i / 360 % 24, i / 6 % 60, i % 6 * 10, i * 7 % 10, i % 10, i * 31 % 997, i / 1000,
                  i % 1000);
  sm_buf_append_text(&text, "]}");
  assert_int_equal(text.err, SM_OK);
  return text;
}

static void widen(sm_coding coding, const sm_buf *in, unsigned char *out, size_t *size) {
  if (coding == SM_CODING_BR) {
    assert_int_equal(BrotliDecoderDecompress(in->len, (const uint8_t *)in->data, size, out),
                     BROTLI_DECODER_RESULT_SUCCESS);
    return;
  }
  z_stream z = {.next_in = (z_const Bytef *)in->data,
                .avail_in = (uInt)in->len,
                .next_out = out,
                .avail_out = (uInt)*size};
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  *size = z.total_out;
  assert_int_equal(inflateEnd(&z), Z_OK);
}

static void what_comes_out_is_what_went_in_and_smaller(void **state) {
  (void)state;
  static const size_t counts[] = {5, 20, 400, 5000};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (int c = SM_CODING_GZIP; c <= SM_CODING_BR; c++) {
      sm_buf text = readings(counts[i]);
      sm_buf small;
      sm_buf_init(&small, 0);
      assert_int_equal(sm_squeeze((sm_coding)c, text.data, text.len, &small), SM_OK);
      assert_true(small.len < text.len);
      if (counts[i] >= 400) assert_true(small.len < text.len / 4);
      size_t size = text.len + 1;
      unsigned char *again = malloc(size);
      assert_non_null(again);
      widen((sm_coding)c, &small, again, &size);
      assert_int_equal(size, text.len);
      assert_memory_equal(again, text.data, size);
      free(again);
      sm_buf_fini(&small);
      sm_buf_fini(&text);
    }
}

static void what_would_grow_is_left(void **state) {
  (void)state;
  unsigned char noise[4096];
  sm_buf out;
  sm_random_bytes(noise, sizeof noise);
  for (int c = SM_CODING_GZIP; c <= SM_CODING_BR; c++) {
    sm_buf_init(&out, 0);
    assert_int_equal(sm_squeeze((sm_coding)c, noise, sizeof noise, &out), SM_ERR_FULL);
    assert_int_equal(sm_squeeze((sm_coding)c, "", 0, &out), SM_ERR_FULL);
    assert_int_equal(sm_squeeze((sm_coding)c, "x", 1, &out), SM_ERR_FULL);
    sm_buf_fini(&out);
  }
}

static void text_is_squeezed_and_what_is_packed_already_is_not(void **state) {
  (void)state;
  static const char *const good[] = {
      "application/json", "text/html; charset=utf-8",  "text/csv",
      "image/svg+xml",    "application/manifest+json", "application/json; charset=utf-8"};
  static const char *const bad[] = {
      NULL,         "application/pdf",          "application/zip",   "image/png",
      "font/woff2", "application/octet-stream", "application/jsonp", "application/problem+json"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(sm_squeeze_type(good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(sm_squeeze_type(bad[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_comes_out_is_what_went_in_and_smaller),
      cmocka_unit_test(what_would_grow_is_left),
      cmocka_unit_test(text_is_squeezed_and_what_is_packed_already_is_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
