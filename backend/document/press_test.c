#include "document/press.h"

#include "base/file.h"
#include "document/document_test_kit.h"
#include "store/embedded/embedded.h"

#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const samples[] = {
    "plain",   "hindi",          "estimated", "many-lines",    "credit-note", "re-issue",
    "hostile", "older-negative", "arrears",   "arrears-hindi", "time-of-day"};
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

/* As the root of the pages counts them. */
static int pages_of(const sm_buf *pdf) {
  static const char mark[] = "/Count ";
  for (size_t i = 0; i + sizeof mark < pdf->len; i++)
    if (memcmp(pdf->data + i, mark, sizeof mark - 1) == 0)
      return (int)strtol(pdf->data + i + sizeof mark - 1, NULL, 10);
  return 0;
}

static void test_every_sample_prints(void **state) {
  sm_press *press = *state;
  for (size_t i = 0; i < SAMPLES; i++) {
    sm_buf pdf;
    print_sample(press, samples[i], &pdf);
    assert_true(pdf.len > 5000);
    assert_memory_equal(pdf.data, "%PDF-1.", 7);
    assert_memory_equal(pdf.data + pdf.len - 6, "%%EOF\n", 6);
    assert_int_equal(pages_of(&pdf), strcmp(samples[i], "many-lines") == 0 ? 2 : 1);
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

/* ---- threads ---- */
enum { THREADS = 4, ROUNDS = 1 };

typedef struct printer {
  sm_press *press;
  const sm_buf *wanted; /* one a sample */
  size_t first;
  bool same;
} printer;

/* cmocka's assertions are the main thread's: what is loaded and compared here says so by `same`. */
static void *print_all(void *context) {
  printer *p = context;
  p->same = true;
  for (size_t i = 0; i < SAMPLES * ROUNDS; i++) {
    size_t at = (p->first + i) % SAMPLES;
    sm_buf pdf;
    print_sample(p->press, samples[at], &pdf);
    if (pdf.len != p->wanted[at].len || memcmp(pdf.data, p->wanted[at].data, pdf.len) != 0)
      p->same = false;
    sm_buf_fini(&pdf);
  }
  return NULL;
}

static void test_threads_print_the_same(void **state) {
  sm_buf wanted[SAMPLES];
  printer printers[THREADS];
  pthread_t thread[THREADS];
  for (size_t i = 0; i < SAMPLES; i++) print_sample(*state, samples[i], &wanted[i]);
  for (size_t i = 0; i < THREADS; i++) {
    printers[i] = (printer){.press = *state, .wanted = wanted, .first = i * 2};
    assert_int_equal(pthread_create(&thread[i], NULL, print_all, &printers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_true(printers[i].same);
  }
  for (size_t i = 0; i < SAMPLES; i++) sm_buf_fini(&wanted[i]);
}

/* ---- the world around ---- */
/* In a child with another locale, zone and font settings, into a pipe. */
static void print_elsewhere(const char *name, int out) {
  sm_press *press;
  sm_buf pdf;
  (void)setenv("LC_ALL", "C.UTF-8", 1);
  (void)setenv("LANG", "ur_PK.UTF-8", 1);
  (void)setenv("LANGUAGE", "ja", 1);
  (void)setenv("TZ", "Pacific/Chatham", 1);
  (void)setenv("FONTCONFIG_FILE", "/nonexistent", 1);
  (void)setenv("PANGO_LANGUAGE", "ar:ja", 1);
  (void)setlocale(LC_ALL, "");
  tzset();
  if (sm_press_new(NULL, &press) != SM_OK) _exit(1);
  print_sample(press, name, &pdf);
  sm_err err = sm_write_all(out, pdf.data, pdf.len);
  _exit(err == SM_OK ? 0 : 1); /* no checks at the end: the child has its parent's memory */
}

static void read_all(int in, sm_buf *out) {
  char part[4096];
  ssize_t n;
  while ((n = read(in, part, sizeof part)) > 0) sm_buf_append(out, part, (size_t)n);
}

static void test_the_world_around_changes_nothing(void **state) {
  static const char *const some[] = {"plain", "hindi", "hostile"};
  for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
    int ends[2], status = 1;
    sm_buf here, elsewhere;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) print_elsewhere(some[i], ends[1]);
    (void)close(ends[1]);
    sm_buf_init(&elsewhere, 0);
    read_all(ends[0], &elsewhere);
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    print_sample(*state, some[i], &here);
    assert_same(&here, &elsewhere);
    sm_buf_fini(&here);
    sm_buf_fini(&elsewhere);
  }
}

/* ---- many ---- */
static void test_more_lines_are_more_pages(void **state) {
  sample s;
  sm_buf few, many;
  sample_load("plain", &s);
  json_t *body = json_object_get(s.json, "body");
  json_t *lines = json_object_get(body, "lines");
  json_t *reasons = json_array();
  sm_buf_init(&few, 0);
  sample_print(*state, &s, &few);
  json_t *line = json_deep_copy(json_array_get(lines, 0));
  for (int i = 0; i < 1500; i++) assert_int_equal(json_array_append(lines, line), 0);
  json_decref(line);
  for (int i = 0; i < 500; i++)
    assert_int_equal(json_array_append_new(
                         reasons, json_pack("{s:s,s:n,s:s,s:s}", "reason", "new_one", "device_id",
                                            "at", "2026-01-02T00:00:00+05:30", "text",
                                            "A sentence of 2026-01-02T03:04:05.678+05:30 and "
                                            "9999-99-99T99:99:99Z.")),
                     0);
  assert_int_equal(json_object_set_new(body, "explanations", reasons), 0);
  assert_int_equal(json_object_set_new(body, "estimated", json_true()), 0);
  sample_renew(&s);
  sm_buf_init(&many, 0);
  sample_print(*state, &s, &many);
  leave("very-many", &many);
  assert_int_equal(pages_of(&few), 1);
  assert_int_equal(pages_of(&many), 46);
  sm_buf_fini(&few);
  sm_buf_fini(&many);
  sample_fini(&s);
}

/* All that an ordinary bill may have at once: estimated, read twice, corrected, with arrears. */
static void test_an_ordinary_bill_is_one_page(void **state) {
  static const char *const names[] = {"arrears", "arrears-hindi", "time-of-day"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    sample from, s;
    sm_buf pdf;
    sample_load("estimated", &from);
    sample_load(names[i], &s);
    json_t *body = json_object_get(s.json, "body");
    json_t *other = json_object_get(from.json, "body");
    assert_int_equal(json_object_set_new(body, "estimated", json_true()), 0);
    assert_int_equal(json_object_set(body, "explanations", json_object_get(other, "explanations")),
                     0);
    assert_int_equal(json_object_set(body, "registers", json_object_get(other, "registers")), 0);
    sample_renew(&s);
    sm_buf_init(&pdf, 0);
    sample_print(*state, &s, &pdf);
    if (i == 0) leave("full", &pdf);
    if (i == 1) leave("full-hindi", &pdf);
    assert_int_equal(pages_of(&pdf), 1);
    sm_buf_fini(&pdf);
    sample_fini(&s);
    sample_fini(&from);
  }
}

static void test_a_limit_is_kept(void **state) {
  sample s;
  sm_document_invoice invoice;
  sm_buf problem, pdf;
  bool whole;
  sample_load("plain", &s);
  sm_buf_init(&problem, 0);
  sm_buf_init(&pdf, 1000);
  assert_int_equal(sm_document_invoice_read(&s.source, &invoice, &problem), SM_OK);
  assert_int_not_equal(sm_press_print(*state, &invoice, &pdf, &whole), SM_OK);
  sm_document_invoice_fini(&invoice);
  sm_buf_fini(&problem);
  sm_buf_fini(&pdf);
  sample_fini(&s);
}

/* One name in the place of the payer's, the seller's and a line's. */
static void test_any_name_prints(void **state) {
  static const char *const names[] = {
      "",
      " ",
      "👪 <b>Rao</b> &amp; \xe2\x80\xae evil \x01\x02",
      "محمد عبد الله",
      "שלום שלום",
      "அருண் ಅರುಣ್ అరుణ్ અરુણ ਅਰੁਣ അരുൺ",
      "Z̷̛͖̪a̴l̶g̵o̸",
      "\xff\xfe not utf-8",
      "%s%n%d",
      "漢字",
      "a\u200db\u200cc\u0300\u0301",
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    sample s;
    sm_buf pdf;
    sample_load("plain", &s);
    s.source.payer = names[i];
    json_t *snapshot = json_object_get(s.json, "snapshot");
    json_t *name = json_string(names[i]);
    if (name != NULL)
      assert_int_equal(json_object_set(json_object_get(snapshot, "seller"), "name", name), 0);
    if (name != NULL)
      assert_int_equal(json_object_set(json_object_get(snapshot, "payer"), "place", name), 0);
    json_decref(name);
    sample_renew(&s);
    sm_buf_init(&pdf, 0);
    sample_print(*state, &s, &pdf);
    assert_true(pdf.len > 5000);
    if (i == 2) leave("emoji", &pdf);
    sm_buf_fini(&pdf);
    sample_fini(&s);
  }
}

static void test_a_logo_that_is_gone_is_told(void **state) {
  sample s;
  sm_document_invoice invoice;
  sm_buf problem, pdf;
  bool whole = true;
  sample_load("plain", &s);
  sm_buf_init(&problem, 0);
  sm_buf_init(&pdf, 0);
  assert_int_equal(sm_document_invoice_read(&s.source, &invoice, &problem), SM_OK);
  assert_int_equal(sm_press_print(*state, &invoice, &pdf, &whole), SM_OK);
  assert_true(whole);
  sm_press *with_logos;
  char dir[] = "/tmp/sm-press-XXXXXX";
  sm_ledger *ledger = NULL;
  assert_non_null(mkdtemp(dir));
  const sm_embedded_options options = {.data_dir = dir, .zone = "UTC", .currency = "INR"};
  assert_int_equal(sm_embedded_ledger_open(&options, &ledger), SM_OK);
  assert_int_equal(sm_press_new(ledger, &with_logos), SM_OK);
  invoice.logo = "00000000000000000000000000000000000000000000000000000000000000aa";
  sm_buf_clear(&pdf);
  assert_int_equal(sm_press_print(with_logos, &invoice, &pdf, &whole), SM_OK);
  assert_false(whole);
  sm_press_free(with_logos);
  sm_ledger_close(ledger);
  char command[64];
  (void)snprintf(command, sizeof command, "rm -rf -- %s", dir);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
  sm_document_invoice_fini(&invoice);
  sm_buf_fini(&problem);
  sm_buf_fini(&pdf);
  sample_fini(&s);
}

static int set_up(void **state) {
  sm_press *press;
  if (sm_press_new(NULL, &press) != SM_OK) return -1;
  *state = press;
  return 0;
}

static int tear_down(void **state) {
  sm_press_free(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_sample_prints),
      cmocka_unit_test(test_the_same_bytes),
      cmocka_unit_test(test_threads_print_the_same),
      cmocka_unit_test(test_the_world_around_changes_nothing),
      cmocka_unit_test(test_more_lines_are_more_pages),
      cmocka_unit_test(test_an_ordinary_bill_is_one_page),
      cmocka_unit_test(test_a_limit_is_kept),
      cmocka_unit_test(test_any_name_prints),
      cmocka_unit_test(test_a_logo_that_is_gone_is_told),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
