#include "document/press.h"

#include "base/file.h"
#include "document/document_test_kit.h"

#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const samples[] = {"plain",       "hindi",    "estimated", "many-lines",
                                      "credit-note", "re-issue", "hostile",   "older-negative"};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void print_sample(sm_press *press, const char *name, sm_buf *pdf) {
  sample s;
  sample_load(name, &s);
  sm_buf_init(pdf, 0);
  sample_print(press, &s, pdf);
  sample_fini(&s);
}

/* SM_DOCUMENT_OUT names a folder: the samples are left there to be looked at. */
static void leave(const char *name, const sm_buf *pdf) {
  const char *dir = getenv("SM_DOCUMENT_OUT");
  char path[512];
  if (dir == NULL) return;
  (void)snprintf(path, sizeof path, "%s/%s.pdf", dir, name);
  assert_int_equal(sm_file_write_private(path, pdf->data, pdf->len), SM_OK);
}

static void assert_same(const sm_buf *a, const sm_buf *b) {
  assert_int_equal(a->len, b->len);
  assert_memory_equal(a->data, b->data, a->len);
}

static void test_every_sample_prints(void **state) {
  sm_press *press = *state;
  for (size_t i = 0; i < SAMPLES; i++) {
    sm_buf pdf;
    print_sample(press, samples[i], &pdf);
    assert_true(pdf.len > 5000);
    assert_memory_equal(pdf.data, "%PDF-1.", 7);
    assert_memory_equal(pdf.data + pdf.len - 6, "%%EOF\n", 6);
    leave(samples[i], &pdf);
    sm_buf_fini(&pdf);
  }
}

static void test_the_same_bytes(void **state) {
  sm_press *other;
  assert_int_equal(sm_press_new(NULL, &other), SM_OK);
  for (size_t i = 0; i < SAMPLES; i++) {
    sm_buf first, second, third;
    print_sample(*state, samples[i], &first);
    print_sample(other, samples[SAMPLES - 1 - i], &second); /* what came before changes nothing */
    sm_buf_fini(&second);
    print_sample(other, samples[i], &second);
    assert_same(&first, &second);
    print_sample(*state, samples[i], &third);
    assert_same(&first, &third);
    sm_buf_fini(&first);
    sm_buf_fini(&second);
    sm_buf_fini(&third);
  }
  sm_press_free(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_sample_prints),
                                     cmocka_unit_test(test_the_same_bytes)};
  sm_press *press;
  if (sm_press_new(NULL, &press) != SM_OK) return 1;
  struct CMUnitTest with_press[sizeof tests / sizeof tests[0]];
  memcpy(with_press, tests, sizeof tests);
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) with_press[i].initial_state = press;
  int failed = cmocka_run_group_tests_name("press", with_press, NULL, NULL);
  sm_press_free(press);
  return failed;
}
