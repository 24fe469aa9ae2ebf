#include "transfer/import_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char path[] = "/tmp/sm-import-file-XXXXXX";

static int make_file(void **state) {
  (void)state;
  int fd = mkstemp(path);
  return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path);
}

static void fill(const char *bytes, size_t len, bool compressed) {
  gzFile out = gzopen(path, compressed ? "wb" : "wbT");
  assert_non_null(out);
  assert_int_equal(gzwrite(out, bytes, (unsigned)len), (int)len);
  assert_int_equal(gzclose(out), Z_OK);
}

static sm_import_file *open_it(sm_import_format format) {
  sm_import_file *file = NULL;
  assert_int_equal(sm_import_file_open(path, format, &file), SM_OK);
  return file;
}

static void expect(sm_import_file *file, const char *text, uint64_t line) {
  sm_import_record record;
  assert_int_equal(sm_import_file_next(file, &record), SM_OK);
  assert_int_equal(record.len, strlen(text));
  assert_memory_equal(record.text, text, record.len);
  assert_int_equal(record.line, line);
  assert_false(record.too_long);
}

static void expect_end(sm_import_file *file) {
  sm_import_record record;
  assert_int_equal(sm_import_file_next(file, &record), SM_ERR_NOT_FOUND);
}

static void records_come_with_their_lines(void **state) {
  (void)state;
  static const char text[] = "\xef\xbb\xbfh\n\n  \na,\"x\ny\"\nb";
  for (int compressed = 0; compressed < 2; compressed++) {
    fill(text, strlen(text), compressed == 1);
    sm_import_file *file = open_it(SM_IMPORT_AUTO);
    sm_import_format format = SM_IMPORT_AUTO;
    assert_int_equal(sm_import_file_format(file, &format), SM_OK);
    assert_int_equal(format, SM_IMPORT_CSV);
    expect(file, "h\n", 1);
    expect(file, "a,\"x\ny\"\n", 4);
    sm_import_place place = sm_import_file_place(file);
    expect(file, "b", 6);
    expect_end(file);
    sm_import_file_close(file);
    file = open_it(SM_IMPORT_AUTO);
    expect(file, "h\n", 1);
    assert_int_equal(sm_import_file_seek(file, place), SM_OK);
    expect(file, "b", 6);
    expect_end(file);
    sm_import_file_close(file);
  }
}

/* Rows before the place that were never imported must not be passed over. */
static void a_place_holds_only_behind_what_was_there(void **state) {
  (void)state;
  static const char *const texts[] = {"h\naa\nbb\nc\n", "h\naa\nbx\nc\nd\n", "h\naa\n",
                                      "h\naa\nbb\nc\nd\n"};
  static const sm_err said[] = {SM_OK, SM_ERR_CONFLICT, SM_ERR_CONFLICT, SM_OK};
  sm_import_place place = {.offset = 0};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    fill(texts[i], strlen(texts[i]), false);
    sm_import_file *file = open_it(SM_IMPORT_CSV);
    expect(file, "h\n", 1);
    if (i == 0) {
      expect(file, "aa\n", 2);
      expect(file, "bb\n", 3);
      place = sm_import_file_place(file);
    } else {
      assert_int_equal(sm_import_file_seek(file, place), said[i]);
    }
    if (said[i] == SM_OK) expect(file, "c\n", 4);
    sm_import_file_close(file);
  }
}

static void json_is_known_by_its_first_letter(void **state) {
  (void)state;
  sm_import_format format = SM_IMPORT_AUTO;
  fill(" \n {}\n[]\n", 9, false);
  sm_import_file *file = open_it(SM_IMPORT_AUTO);
  assert_int_equal(sm_import_file_format(file, &format), SM_OK);
  assert_int_equal(format, SM_IMPORT_JSONL);
  expect(file, " {}\n", 2);
  expect(file, "[]\n", 3);
  expect_end(file);
  sm_import_file_close(file);
}

/* A quote that is never closed must not take the rest of the file with it, nor the memory. */
static void a_record_without_end_is_passed_over(void **state) {
  (void)state;
  const size_t len = 3 * 1024 * 1024;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, 'x', len);
  memcpy(text, "a\n\"", 3);
  memcpy(text + len - 5, "\nb\nc\n", 5);
  fill(text, len, false);
  free(text);
  sm_import_file *file = open_it(SM_IMPORT_CSV);
  sm_import_record record;
  expect(file, "a\n", 1);
  assert_int_equal(sm_import_file_next(file, &record), SM_OK);
  assert_true(record.too_long);
  assert_int_equal(record.line, 2);
  expect(file, "b\n", 3);
  expect(file, "c\n", 4);
  expect_end(file);
  sm_import_file_close(file);
}

static void a_file_is_known_by_its_beginning(void **state) {
  (void)state;
  size_t len = 0;
  uint8_t first[SM_SHA256_BYTES];
  uint8_t second[SM_SHA256_BYTES];
  fill("a\nb\n", 4, false);
  sm_import_file *file = open_it(SM_IMPORT_CSV);
  assert_int_equal(sm_import_file_head(file, &len, first), SM_OK);
  assert_int_equal(len, 4);
  expect(file, "a\n", 1);
  sm_import_file_close(file);
  fill("a\nc\n", 4, false);
  file = open_it(SM_IMPORT_CSV);
  assert_int_equal(sm_import_file_head(file, &len, second), SM_OK);
  assert_memory_not_equal(first, second, sizeof first);
  sm_import_file_close(file);
}

static void damaged_compression_is_found(void **state) {
  (void)state;
  char text[20000];
  for (size_t i = 0; i < sizeof text; i++) text[i] = i % 20 == 19 ? '\n' : (char)('a' + i * 7 % 23);
  fill(text, sizeof text, true);
  FILE *raw = fopen(path, "r+b");
  assert_non_null(raw);
  assert_int_equal(fseek(raw, -6, SEEK_END), 0);
  assert_int_equal(fputc('x', raw), 'x');
  assert_int_equal(fclose(raw), 0);
  sm_import_file *file = open_it(SM_IMPORT_CSV);
  sm_import_record record;
  sm_err err = SM_OK;
  while (err == SM_OK) err = sm_import_file_next(file, &record);
  assert_int_equal(err, SM_ERR_CORRUPT);
  sm_import_file_close(file);
}

static void compression_that_is_cut_off_is_told(void **state) {
  (void)state;
  enum { RECORDS = 20000, LEN = 8 };
  char *text = malloc((size_t)RECORDS * LEN);
  assert_non_null(text);
  for (int i = 0; i < RECORDS; i++) {
    char row[32];
    (void)snprintf(row, sizeof row, "%07d\n", i * 7919 % 9999991);
    memcpy(text + (size_t)i * LEN, row, LEN);
  }
  for (int cut = 1; cut <= 4097; cut += 4096) {
    fill(text, (size_t)RECORDS * LEN, true);
    FILE *raw = fopen(path, "rb");
    assert_non_null(raw);
    assert_int_equal(fseek(raw, 0, SEEK_END), 0);
    assert_int_equal(truncate(path, ftell(raw) - cut), 0);
    assert_int_equal(fclose(raw), 0);
    sm_import_file *file = open_it(SM_IMPORT_CSV);
    sm_import_record record;
    sm_err err;
    size_t given = 0;
    while ((err = sm_import_file_next(file, &record)) == SM_OK) {
      assert_int_equal(record.len, LEN);
      assert_memory_equal(record.text, text + given++ * LEN, LEN);
    }
    assert_int_equal(err, SM_ERR_SYNTAX);
    assert_true(cut == 1 ? given == RECORDS : given > 0 && given < RECORDS);
    sm_import_file_close(file);
  }
  free(text);
}

static void what_cannot_be_opened_is_told(void **state) {
  (void)state;
  sm_import_file *file = NULL;
  assert_int_equal(sm_import_file_open("/tmp/sm-there-is-no-such-file", SM_IMPORT_AUTO, &file),
                   SM_ERR_NOT_FOUND);
  assert_int_equal(sm_import_file_open("/tmp", SM_IMPORT_AUTO, &file), SM_ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(records_come_with_their_lines),
      cmocka_unit_test(a_place_holds_only_behind_what_was_there),
      cmocka_unit_test(json_is_known_by_its_first_letter),
      cmocka_unit_test(a_record_without_end_is_passed_over),
      cmocka_unit_test(a_file_is_known_by_its_beginning),
      cmocka_unit_test(damaged_compression_is_found),
      cmocka_unit_test(compression_that_is_cut_off_is_told),
      cmocka_unit_test(what_cannot_be_opened_is_told),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
