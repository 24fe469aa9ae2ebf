/* What payments settle: pure, over made-up statements. */
#include "store/ledger_money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ALWAYS = 1000 };

static sm_debit debit(int64_t invoice_no, int64_t amount, int64_t at_ms) {
  return (sm_debit){.invoice_no = invoice_no, .amount_minor = amount, .at_ms = at_ms};
}

static sm_credit_item credit(int64_t amount, int64_t invoice_no, int64_t at_ms) {
  return (sm_credit_item){.amount_minor = amount, .invoice_no = invoice_no, .at_ms = at_ms};
}

static void expect(const sm_statement *s, int64_t as_of_ms, const int64_t *wanted, int64_t spare) {
  int64_t settled[8];
  int64_t left = -1;
  memset(settled, 0x5a, sizeof settled);
  assert_int_equal(sm_statement_settle(s, as_of_ms, settled, &left), SM_OK);
  for (size_t i = 0; i < s->debit_count; i++) assert_int_equal(settled[i], wanted[i]);
  assert_int_equal(left, spare);
}

static void the_oldest_due_is_paid_first(void **state) {
  (void)state;
  sm_debit debits[] = {debit(1, 100, 0), debit(2, 50, 0), debit(3, 70, 0)};
  sm_credit_item credits[] = {credit(120, 0, 0)};
  const sm_statement s = {.debit = debits, .debit_count = 3, .credit = credits, .credit_count = 1};
  expect(&s, ALWAYS, (const int64_t[]){100, 20, 0}, 0);
}

static void a_named_invoice_is_paid_before_all_else(void **state) {
  (void)state;
  sm_debit debits[] = {debit(1, 100, 0), debit(2, 50, 0), debit(3, 70, 0)};
  sm_credit_item credits[] = {credit(60, 0, 0), credit(80, 3, 0)};
  const sm_statement s = {.debit = debits, .debit_count = 3, .credit = credits, .credit_count = 2};
  expect(&s, ALWAYS, (const int64_t[]){70, 0, 70}, 0); /* what is over pays the oldest */
}

static void the_fee_of_a_named_invoice_is_not_meant(void **state) {
  (void)state;
  sm_debit debits[] = {debit(2, 50, 0), debit(2, 5, 0)};
  debits[1].fee = true;
  sm_credit_item credits[] = {credit(53, 2, 0)};
  const sm_statement s = {.debit = debits, .debit_count = 2, .credit = credits, .credit_count = 1};
  expect(&s, ALWAYS, (const int64_t[]){50, 3}, 0);
}

static void too_much_is_a_credit(void **state) {
  (void)state;
  sm_debit debits[] = {debit(1, 100, 0)};
  sm_credit_item credits[] = {credit(60, 1, 0), credit(60, 1, 0), credit(5, 9, 0)};
  const sm_statement s = {.debit = debits, .debit_count = 1, .credit = credits, .credit_count = 3};
  expect(&s, ALWAYS, (const int64_t[]){100}, 25);
}

static void what_comes_later_counts_later(void **state) {
  (void)state;
  sm_debit debits[] = {debit(1, 100, 10), debit(2, 50, 30)};
  sm_credit_item credits[] = {credit(120, 2, 20)};
  const sm_statement s = {.debit = debits, .debit_count = 2, .credit = credits, .credit_count = 1};
  expect(&s, 5, (const int64_t[]){0, 0}, 0);
  expect(&s, 19, (const int64_t[]){0, 0}, 0);
  expect(&s, 20, (const int64_t[]){100, 0}, 20);
  expect(&s, 30, (const int64_t[]){70, 50}, 0);
}

static void what_does_not_fit_is_an_error(void **state) {
  (void)state;
  sm_credit_item credits[] = {credit(INT64_MAX, 0, 0), credit(1, 0, 0)};
  const sm_statement s = {.credit = credits, .credit_count = 2};
  assert_int_equal(sm_statement_settle(&s, ALWAYS, NULL, NULL), SM_ERR_OVERFLOW);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_oldest_due_is_paid_first),
      cmocka_unit_test(a_named_invoice_is_paid_before_all_else),
      cmocka_unit_test(the_fee_of_a_named_invoice_is_not_meant),
      cmocka_unit_test(too_much_is_a_credit),
      cmocka_unit_test(what_comes_later_counts_later),
      cmocka_unit_test(what_does_not_fit_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
