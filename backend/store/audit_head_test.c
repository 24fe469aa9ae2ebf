#include "base/crypto.h"
#include "store/audit_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static sm_audit_head example(void) {
  sm_audit_head head = {.count = 1042, .at_ms = 1769680000123, .kid = "kabc_-9"};
  for (size_t i = 0; i < sizeof head.hash; i++) head.hash[i] = (uint8_t)(i * 7);
  for (size_t i = 0; i < sizeof head.signature; i++) head.signature[i] = (uint8_t)(255 - i);
  return head;
}

static void what_is_written_is_read(void **state) {
  (void)state;
  sm_audit_head head = example();
  sm_audit_head back = {0};
  char text[SM_AUDIT_HEAD_TEXT_MAX + 4];
  (void)sm_audit_head_write(&head, text);
  assert_int_equal(sm_audit_head_read(text, strlen(text), &back), SM_OK);
  assert_memory_equal(&back, &head, sizeof head);
  (void)strcat(text, " \n");
  assert_int_equal(sm_audit_head_read(text, strlen(text), &back), SM_OK);
  char signed_text[SM_AUDIT_HEAD_TEXT_MAX];
  assert_true(sm_audit_head_signed_text(&head, signed_text) < strlen(text));
  assert_memory_equal(signed_text, text, strlen(signed_text));
}

static void anything_else_is_refused(void **state) {
  (void)state;
  sm_audit_head head = example();
  sm_audit_head back;
  char text[SM_AUDIT_HEAD_TEXT_MAX];
  (void)sm_audit_head_write(&head, text);
  size_t len = strlen(text);
  for (size_t cut = 0; cut < len; cut += 3)
    assert_int_equal(sm_audit_head_read(text, cut, &back), SM_ERR_SYNTAX);
  static const char *const bad[] = {
      "",
      "smartmeter-audit-1",
      "smartmeter-audit-1 1 2 3 4 5",
      "1 2 3 4 5 6 7",
      "smartmeter-audit-1 -1 00 2026-01-01T00:00:00Z k AA==",
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_audit_head_read(bad[i], strlen(bad[i]), &back), SM_ERR_SYNTAX);
  text[19] = '0'; /* 0042: another text for another number */
  assert_int_equal(sm_audit_head_read(text, len, &back), SM_ERR_SYNTAX);
}

static void the_short_form(void **state) {
  (void)state;
  sm_audit_head head = example();
  char text[SM_AUDIT_SHORT_MAX];
  int64_t count = 0;
  uint8_t hash[32];
  size_t digits = 0;
  assert_string_equal(sm_audit_short_write(head.count, head.hash, text), "1042-00070e151c232a31");
  assert_int_equal(sm_audit_short_read(text, strlen(text), &count, hash, &digits), SM_OK);
  assert_int_equal(count, 1042);
  assert_int_equal(digits, 16);
  assert_memory_equal(hash, head.hash, 8);
  static const char *const bad[] = {"",
                                    "1042",
                                    "1042-",
                                    "1042-0007",
                                    "-1-00070e151c232a31",
                                    "0-00070e151c232a31",
                                    "x-00070e151c232a31",
                                    "1-00070e151c232a3g",
                                    "1-00070e151c232a315"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_audit_short_read(bad[i], strlen(bad[i]), &count, hash, &digits),
                     SM_ERR_SYNTAX);
}

int main(void) {
  if (sm_crypto_init() != SM_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
                                     cmocka_unit_test(anything_else_is_refused),
                                     cmocka_unit_test(the_short_form)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
