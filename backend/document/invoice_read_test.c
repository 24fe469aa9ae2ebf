/* Reading a row of the ledger for print: what is there, what older rows lack, and what is none of
 * ours. */
#include "base/file.h"
#include "document/document_test_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_row(const char *name, sample *s, sm_document_invoice *invoice) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sample_load(name, s);
  assert_int_equal(sm_document_invoice_read(&s->source, invoice, &problem), SM_OK);
  sm_buf_fini(&problem);
}

static void done(sample *s, sm_document_invoice *invoice) {
  sm_document_invoice_fini(invoice);
  sample_fini(s);
}

static void all_of_a_plain_bill(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("plain", &s, &i);
  assert_false(i.credit_note);
  assert_int_equal(i.total_minor, 188800);
  assert_int_equal(i.to_pay_minor, 188800);
  assert_int_equal(i.opening_wh, 1000000);
  assert_int_equal(i.consumption_wh, 350000);
  assert_int_equal(i.line_count, 5);
  assert_int_equal(i.line[4].kind, SM_LINE_TAX);
  assert_int_equal(i.day_count, 31);
  assert_int_equal(i.history_count, 12);
  assert_string_equal(i.place, "Flat 12, Block B");
  assert_int_equal(i.sanctioned_load_w, 5000);
  assert_string_equal(i.upi_id, "meadows@examplebank");
  assert_int_equal(i.language, SM_LANGUAGE_EN);
  done(&s, &i);
}

static void what_is_owed_before_is_to_be_paid_too(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("hindi", &s, &i);
  assert_int_equal(i.before_minor, -25050);
  assert_int_equal(i.to_pay_minor, 163750);
  assert_int_equal(i.language, SM_LANGUAGE_HI);
  done(&s, &i);
}

static void a_credit_note_and_a_re_issue_name_the_other(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("credit-note", &s, &i);
  assert_true(i.credit_note);
  assert_string_equal(i.credited, "SM2526-000003");
  assert_non_null(i.reason);
  done(&s, &i);
  read_row("re-issue", &s, &i);
  assert_string_equal(i.previous, "SM2526-000003");
  assert_int_equal(i.difference_minor, -41300);
  done(&s, &i);
}

static void an_older_row_lacks_the_newer_members(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("older-negative", &s, &i);
  assert_null(i.seller_name);
  assert_null(i.payer);
  assert_false(i.has_before);
  assert_int_equal(i.to_pay_minor, -12000);
  assert_int_equal(i.day_count, 0);
  done(&s, &i);
}

static void a_balance_says_what_it_came_from(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("arrears", &s, &i);
  assert_true(i.has_previous);
  assert_string_equal(i.previous_number, "SM2526-000009");
  assert_int_equal(i.previous_owed_minor, 120000);
  assert_int_equal(i.entry_count, 5);
  assert_string_equal(i.entry[0].detail, "upi");
  assert_int_equal(i.entry[0].amount_minor, -100000);
  assert_int_equal(i.entry[0].count, 1);
  assert_string_equal(i.entry[4].reverses, "payment");
  assert_int_equal(i.to_pay_minor, 199421 + 134776);
  assert_string_equal(i.account_name, "B-12");
  done(&s, &i);
  read_row("plain", &s, &i);
  assert_false(i.has_previous);
  assert_null(i.account_name);
  done(&s, &i);
}

static void a_window_has_its_use_and_its_hours(void **state) {
  (void)state;
  sample s;
  sm_document_invoice i;
  read_row("time-of-day", &s, &i);
  assert_int_equal(i.window_count, 2);
  assert_string_equal(i.window[0].name, "Evening peak");
  assert_int_equal(i.window[0].use_wh, 30000);
  assert_string_equal(i.window[0].from, "18:00");
  assert_int_equal(i.window[0].days, 31);
  assert_string_equal(i.window[1].to, "06:00");
  assert_int_equal(i.window[1].days, 0);
  done(&s, &i);
  /* A row without its tariffs has the use alone. */
  sample_load("time-of-day", &s);
  assert_int_equal(
      json_object_set_new(json_object_get(s.json, "snapshot"), "tariffs", json_array()), 0);
  sample_renew(&s);
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_document_invoice_read(&s.source, &i, &problem), SM_OK);
  assert_int_equal(i.window_count, 2);
  assert_null(i.window[0].from);
  sm_buf_fini(&problem);
  done(&s, &i);
}

/* ---- refusals ---- */
typedef struct change {
  const char *where; /* "body" or "snapshot", and the keys below it, parted by '/' */
  const char *json;  /* put there; NULL: taken away */
  const char *wanted;
} change;

static const change changes[] = {
    {"body/total", "\"1888.01\"", "total is not the row's"},
    {"body/total", "1888", "total is no text"},
    {"body/total", NULL, "total is missing"},
    {"body/subtotal", "\"12.345\"", "subtotal is no amount"},
    {"body/from", "\"2026-01-01\"", "from is no instant"},
    {"body/to", "\"2025-01-01T00:00:00+05:30\"", "to is not after"},
    {"body/consumption_kwh", "\"350\"", "consumption_kwh is no number"},
    {"body/consumption_kwh", "1e300", "consumption_kwh is no number"},
    {"body/estimated", "1", "estimated is neither"},
    {"body/lines", "{}", "lines is no list"},
    {"body/lines/2", "7", "lines[2].element is no object"},
    {"body/lines/2/kind", "\"gift\"", "lines[2].kind is none"},
    {"body/lines/2/amount", "\"x\"", "lines[2].amount is no amount"},
    {"body/lines/2/amount", "\"99999999999999999999.00\"", "lines[2].amount is no amount"},
    {"body/lines/2/name", "null", "lines[2].name is missing"},
    {"body/registers/0/from", "\"never\"", "registers[0].from is no instant"},
    {"body/segments/0/line_count", "6", "segments[0].line_count reaches"},
    {"body/segments/0/first_line", "-1", "segments[0].line_count reaches"},
    {"body/segments/0/first_line", "9223372036854775807", "segments[0].line_count reaches"},
    {"body/segments/0/version", "1.5", "segments[0].version is no whole number"},
    {"body/days/3/date", "\"2026-02-30\"", "days[3].date is no date"},
    {"snapshot/history/0/month", "\"2026-13\"", "history[0].month is no month"},
    {"snapshot/zone", "\"Mars/Base\"", "zone is none"},
    {"snapshot/zone", "\"../../etc/passwd\"", "zone is none"},
    {"snapshot/zone", NULL, "zone is missing"},
    {"snapshot/balance_before", "\"92233720368547758.00\"", "balance_before is too large"},
    {"snapshot/seller/name", "[]", "seller.name is no text"},
    {"snapshot/account_name", "7", "account_name is no text"},
    {"snapshot/balance", "{}", "balance.previous is missing"},
    {"snapshot/balance", "{\"previous\":\"1.00\",\"entries\":[]}", "balance.entries do not add up"},
    {"snapshot/balance",
     "{\"previous\":\"1.00\",\"entries\":[{\"kind\":\"fee\",\"at\":\"x\",\"amount\":\"-1.00\"}]}",
     "entries[0].at is no instant"},
    {"snapshot/balance",
     "{\"previous\":\"92233720368547758.07\",\"entries\":[{\"kind\":\"fee\",\"at\":\"2026-01-01T00:"
     "00:"
     "00Z\",\"amount\":\"92233720368547758.07\"}]}",
     "balance.entries do not add up"},
};

static void apply(json_t *root, const change *c) {
  char where[64];
  (void)snprintf(where, sizeof where, "%s", c->where);
  char *last = strrchr(where, '/');
  *last++ = '\0';
  json_t *at = root;
  char *rest = NULL;
  for (char *key = strtok_r(where, "/", &rest); key != NULL; key = strtok_r(NULL, "/", &rest))
    at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
  json_t *value = c->json == NULL ? NULL : json_loads(c->json, JSON_DECODE_ANY, NULL);
  if (json_is_array(at))
    assert_int_equal(json_array_set_new(at, strtoul(last, NULL, 10), value), 0);
  else if (value != NULL)
    assert_int_equal(json_object_set_new(at, last, value), 0);
  else
    assert_int_equal(json_object_del(at, last), 0);
}

static void what_is_none_of_ours_is_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    sample s;
    sm_document_invoice invoice;
    sm_buf problem;
    sm_buf_init(&problem, 0);
    sample_load("plain", &s);
    apply(s.json, &changes[i]);
    sample_renew(&s);
    sm_err err = sm_document_invoice_read(&s.source, &invoice, &problem);
    if (err != SM_ERR_CORRUPT || strstr(sm_buf_text(&problem), changes[i].wanted) == NULL)
      fail_msg("%s: %s, '%s'", changes[i].where, sm_err_text(err), sm_buf_text(&problem));
    sm_buf_fini(&problem);
    sample_fini(&s);
  }
}

static void texts_that_are_no_json(void **state) {
  (void)state;
  static const char *const odd[] = {"",
                                    "{",
                                    "[]",
                                    "null",
                                    "{\"a\":1,\"a\":2}",
                                    "{\"a\":\"\xff\"}",
                                    "{}",
                                    "{\"total\":\"\\u0000\"}"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    sample s;
    sm_document_invoice invoice;
    sm_buf problem;
    sm_buf_init(&problem, 0);
    sample_load("plain", &s);
    s.source.body = odd[i];
    assert_int_equal(sm_document_invoice_read(&s.source, &invoice, &problem), SM_ERR_CORRUPT);
    assert_true(problem.len > 0);
    sm_buf_fini(&problem);
    sample_fini(&s);
  }
}

/* The seeds of the fuzz target are rows that are read, so that it begins behind the first checks.
 */
static void seeds_of_the_fuzz_target_are_read(void **state) {
  (void)state;
  static const char *const seeds[] = {"plain",      "credit-note", "re-issue",   "estimated",
                                      "many-lines", "arrears",     "time-of-day"};
  for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
    char path[512];
    char *text = NULL;
    sample s;
    sm_document_invoice invoice;
    sm_buf problem;
    sm_buf_init(&problem, 0);
    sample_load(seeds[i], &s);
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/invoice/%s", SM_SOURCE_DIR, seeds[i]);
    assert_int_equal(sm_file_read(path, 1 << 20, &text, NULL), SM_OK);
    char *snapshot = strchr(text, '\n');
    assert_non_null(snapshot);
    *snapshot++ = '\0';
    s.source.body = text + 1;
    s.source.snapshot = snapshot;
    if (sm_document_invoice_read(&s.source, &invoice, &problem) != SM_OK)
      fail_msg("%s: %s", seeds[i], sm_buf_text(&problem));
    sm_document_invoice_fini(&invoice);
    sm_buf_fini(&problem);
    free(text);
    sample_fini(&s);
  }
}

/* ---- UPI ---- */
static void upi_is(sample *s, const char *wanted) {
  sm_document_invoice invoice;
  sm_buf problem, upi;
  sm_buf_init(&problem, 0);
  sm_buf_init(&upi, 0);
  sample_renew(s);
  assert_int_equal(sm_document_invoice_read(&s->source, &invoice, &problem), SM_OK);
  sm_document_upi(&invoice, &upi);
  assert_string_equal(sm_buf_text(&upi), wanted);
  sm_document_invoice_fini(&invoice);
  sm_buf_fini(&upi);
  sm_buf_fini(&problem);
}

static void a_upi_link_says_who_how_much_and_for_what(void **state) {
  (void)state;
  sample s;
  sample_load("plain", &s);
  upi_is(&s, "upi://pay?pa=meadows@examplebank&pn=Green%20Meadows%20Society&am=1888.00&cu=INR"
             "&tr=SM2526-000001");
  json_t *upi = json_object_get(json_object_get(s.json, "snapshot"), "upi");
  assert_int_equal(json_object_set_new(upi, "name", json_string("A&B=C? #100%+ é")), 0);
  upi_is(&s, "upi://pay?pa=meadows@examplebank&pn=A%26B%3DC%3F%20%23100%25%2B%20%C3%A9"
             "&am=1888.00&cu=INR&tr=SM2526-000001");
  /* Cut between two characters. */
  assert_int_equal(
      json_object_set_new(upi, "name", json_string("ééééééééééééééééééééééééééééééééééééééé")), 0);
  sm_buf long_one;
  sm_buf_init(&long_one, 0);
  sm_buf_append_text(&long_one, "upi://pay?pa=meadows@examplebank&pn=");
  for (int i = 0; i < 30; i++) sm_buf_append_text(&long_one, "%C3%A9");
  sm_buf_append_text(&long_one, "&am=1888.00&cu=INR&tr=SM2526-000001");
  upi_is(&s, sm_buf_text(&long_one));
  sm_buf_fini(&long_one);
  sample_fini(&s);
}

static void there_is_none_when_nothing_is_to_be_paid_that_way(void **state) {
  (void)state;
  sample s;
  sample_load("credit-note", &s);
  upi_is(&s, "");
  sample_fini(&s);
  sample_load("plain", &s);
  json_t *snapshot = json_object_get(s.json, "snapshot");
  assert_int_equal(json_object_set_new(snapshot, "balance_before", json_string("-1888.00")), 0);
  upi_is(&s, ""); /* paid by the credit */
  assert_int_equal(json_object_set_new(snapshot, "balance_before", json_string("0.00")), 0);
  s.source.currency = "EUR";
  upi_is(&s, "");
  s.source.currency = "INR";
  assert_int_equal(json_object_set_new(snapshot, "upi", json_null()), 0);
  upi_is(&s, "");
  sample_fini(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_a_plain_bill),
      cmocka_unit_test(what_is_owed_before_is_to_be_paid_too),
      cmocka_unit_test(a_credit_note_and_a_re_issue_name_the_other),
      cmocka_unit_test(an_older_row_lacks_the_newer_members),
      cmocka_unit_test(a_balance_says_what_it_came_from),
      cmocka_unit_test(a_window_has_its_use_and_its_hours),
      cmocka_unit_test(what_is_none_of_ours_is_named),
      cmocka_unit_test(texts_that_are_no_json),
      cmocka_unit_test(seeds_of_the_fuzz_target_are_read),
      cmocka_unit_test(a_upi_link_says_who_how_much_and_for_what),
      cmocka_unit_test(there_is_none_when_nothing_is_to_be_paid_that_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
