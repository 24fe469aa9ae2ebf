#include "ingest/firmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS "\"product\":\"smartmeter\",\"hardware\":\"posix\",\"version\":\"1.2.0\",\"counter\":3"

static const char whole[] =
    "{" RUNS ",\"state\":\"fetching\",\"offer\":{\"version\":\"1.3.0\",\"counter\":4,"
    "\"result\":\"taken\",\"at\":12345}}";

/* In memory of exactly its size, so that reading on would be seen. */
static bool parse(const char *text, size_t len, sm_firmware_report *report, sm_refusal *refusal,
                  char *detail) {
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, text, len);
  bool good = sm_firmware_report_parse(copy, len, report, refusal, detail);
  free(copy);
  return good;
}

static void test_whole(void **state) {
  (void)state;
  sm_firmware_report r;
  sm_refusal refusal;
  char detail[SM_FIRMWARE_DETAIL_MAX];
  assert_true(parse(whole, sizeof whole - 1, &r, &refusal, detail));
  assert_string_equal(r.product, "smartmeter");
  assert_string_equal(r.hardware, "posix");
  assert_string_equal(r.version, "1.2.0");
  assert_int_equal(r.counter, 3);
  assert_int_equal(r.state, SM_FIRMWARE_FETCHING);
  assert_true(r.has_offer);
  assert_string_equal(r.offer_version, "1.3.0");
  assert_int_equal(r.offer_counter, 4);
  assert_int_equal(r.result, SM_FIRMWARE_TAKEN);
  assert_int_equal(r.at, 12345);
}

static void test_other_forms(void **state) {
  (void)state;
  static const char *const good[] = {
      "{" RUNS ",\"state\":\"idle\"}",
      "{" RUNS ",\"state\":\"idle\",\"offer\":null}",
      " { \"state\" : \"trial\" , \"new\": {\"a\":[1,2]}, " RUNS " } ",
      "{" RUNS ",\"state\":\"ready\",\"offer\":{\"version\":\"2\",\"counter\":4294967295,"
      "\"result\":\"too_large\",\"more\":1}}",
      "{\"\\u0070roduct\":\"a\",\"hardware\":\"b\",\"version\":\"c\",\"counter\":0,\"state\":"
      "\"idle\"}",
  };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    sm_firmware_report r;
    sm_refusal refusal;
    char detail[SM_FIRMWARE_DETAIL_MAX] = "";
    if (!parse(good[i], strlen(good[i]), &r, &refusal, detail)) fail_msg("%s: %s", good[i], detail);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    sm_refusal refusal;
    const char *names;
  } bad[] = {
      {"", SM_REFUSAL_NOT_AN_OBJECT, "object"},
      {"nonsense", SM_REFUSAL_NOT_AN_OBJECT, "object"},
      {"[]", SM_REFUSAL_NOT_AN_OBJECT, "object"},
      {"{}", SM_REFUSAL_MISSING, "product"},
      {"{" RUNS "}", SM_REFUSAL_MISSING, "state"},
      {"{" RUNS ",\"state\":\"idle\"} x", SM_REFUSAL_MALFORMED, "object"},
      {"{" RUNS ",\"state\":\"idle\"", SM_REFUSAL_MALFORMED, "object"},
      {"{" RUNS ",\"state\":\"idle\",\"state\":\"idle\"}", SM_REFUSAL_DUPLICATE_MEMBER, "twice"},
      {"{" RUNS ",\"state\":\"asleep\"}", SM_REFUSAL_OUT_OF_RANGE, "state"},
      {"{" RUNS ",\"state\":1}", SM_REFUSAL_WRONG_TYPE, "state"},
      {"{\"product\":\"a b\"}", SM_REFUSAL_OUT_OF_RANGE, "product"},
      {"{\"product\":\"\"}", SM_REFUSAL_OUT_OF_RANGE, "product"},
      {"{\"product\":7}", SM_REFUSAL_WRONG_TYPE, "product"},
      {"{\"version\":\"123456789012345678901234567890123\"}", SM_REFUSAL_OUT_OF_RANGE, "version"},
      {"{\"counter\":-1}", SM_REFUSAL_OUT_OF_RANGE, "counter"},
      {"{\"counter\":1.5}", SM_REFUSAL_OUT_OF_RANGE, "counter"},
      {"{\"counter\":1e3}", SM_REFUSAL_OUT_OF_RANGE, "counter"},
      {"{\"counter\":4294967296}", SM_REFUSAL_OUT_OF_RANGE, "counter"},
      {"{\"counter\":99999999999999999999999}", SM_REFUSAL_OUT_OF_RANGE, "counter"},
      {"{\"counter\":\"3\"}", SM_REFUSAL_WRONG_TYPE, "counter"},
      {"{\"offer\":{}}", SM_REFUSAL_MISSING, "offer.version"},
      {"{\"offer\":3}", SM_REFUSAL_NOT_AN_OBJECT, "offer"},
      {"{\"offer\":{\"result\":\"eaten\"}}", SM_REFUSAL_OUT_OF_RANGE, "offer.result"},
      {"{\"product\":\"\xff\"}", SM_REFUSAL_MALFORMED, "object"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sm_firmware_report r = {.counter = 77};
    sm_refusal refusal = SM_REFUSAL_COUNT_;
    char detail[SM_FIRMWARE_DETAIL_MAX] = "";
    if (parse(bad[i].text, strlen(bad[i].text), &r, &refusal, detail))
      fail_msg("%s is taken", bad[i].text);
    if (refusal != bad[i].refusal || strstr(detail, bad[i].names) == NULL)
      fail_msg("%s: %s, %s", bad[i].text, sm_refusal_word(refusal), detail);
    assert_int_equal(r.counter, 77);
  }
}

static void test_too_large(void **state) {
  (void)state;
  char text[SM_FIRMWARE_REPORT_MAX + 64];
  sm_firmware_report r;
  sm_refusal refusal;
  char detail[SM_FIRMWARE_DETAIL_MAX];
  memset(text, ' ', sizeof text);
  memcpy(text, whole, sizeof whole - 1);
  assert_true(parse(text, SM_FIRMWARE_REPORT_MAX, &r, &refusal, detail));
  assert_false(parse(text, SM_FIRMWARE_REPORT_MAX + 1, &r, &refusal, detail));
  assert_int_equal(refusal, SM_REFUSAL_TOO_LARGE);
}

/* Cut anywhere it is refused, and nothing is read behind its end. */
static void test_cut(void **state) {
  (void)state;
  for (size_t len = 0; len < sizeof whole - 1; len++) {
    sm_firmware_report r;
    sm_refusal refusal;
    char detail[SM_FIRMWARE_DETAIL_MAX];
    assert_false(parse(whole, len, &r, &refusal, detail));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole), cmocka_unit_test(test_other_forms),
      cmocka_unit_test(test_refused), cmocka_unit_test(test_too_large), cmocka_unit_test(test_cut)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
