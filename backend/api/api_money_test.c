/* Payments, credit notes, exceptions, disputes and tariffs billed again, over HTTP. */
#include "api/api_test_util.h"
#include "invoicing/invoicing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the four above, which it wants */
#include <cmocka.h>

static sm_invoicing invoicing_of(const test_server *s) {
  return (sm_invoicing){.ledger = s->ledger,
                        .readings = s->readings,
                        .zone = s->zone,
                        .currency = "INR",
                        .settings = &s->invoicing};
}

static void issue_january(const test_server *s) {
  const sm_invoicing invoicing = invoicing_of(s);
  const sm_issue_request issue = {
      .actor = {.id = "cli"}, .year = 2026, .month = 1, .now_ms = test_now_ms()};
  sm_issue_summary summary;
  assert_int_equal(sm_invoicing_issue_month(&invoicing, &issue, NULL, NULL, &summary), SM_OK);
  assert_true(summary.issued > 0);
}

/* What GET /api/invoices/meter-001 says of the invoice at a place; the caller decrefs. */
static json_t *invoice_at(const test_server *s, size_t at) {
  json_t *root = test_get(s, "/api/invoices/meter-001", ASHA);
  json_t *invoice = json_array_get(json_object_get(root, "invoices"), at);
  assert_non_null(invoice);
  json_incref(invoice);
  json_decref(root);
  return invoice;
}

typedef struct subject {
  char account[65];
  char number[24];
  char total[24];
} subject;

static subject asha(const test_server *s) {
  subject out;
  json_t *invoice = invoice_at(s, 0);
  (void)snprintf(out.account, sizeof out.account, "%s", test_text_in(invoice, "account_id"));
  (void)snprintf(out.number, sizeof out.number, "%s", test_text_in(invoice, "number"));
  (void)snprintf(out.total, sizeof out.total, "%s", test_text_in(invoice, "total"));
  json_decref(invoice);
  return out;
}

static void expect_balance(const test_server *s, const subject *who, const char *balance) {
  char target[128];
  (void)snprintf(target, sizeof target, "/api/accounts/%s/entries", who->account);
  json_t *root = test_get(s, target, ASHA);
  assert_string_equal(test_text_in(root, "balance"), balance);
  json_decref(root);
}

static void refused(const test_server *s, const char *target, const char *body, unsigned status,
                    const char *field) {
  json_t *root = test_admin_ask(s, "POST", target, body, status);
  json_t *error = json_array_get(json_object_get(root, "errors"), 0);
  if (error == NULL || strcmp(test_text_in(error, "field"), field) != 0)
    fail_msg("%s: %s", body, json_dumps(root, 0));
  json_decref(root);
}

/* ---- how to pay ---- */
static void an_invoice_says_how_it_is_paid_by_upi(void **state) {
  test_server *s = *state;
  char target[96], link[128];
  static char id[] = "society@bank";
  static char name[] = "Lake View";
  s->invoicing.upi_id = id;
  s->invoicing.upi_name = name;
  issue_january(s);
  subject who = asha(s);
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s", who.number);
  json_t *root = test_get(s, target, ASHA);
  json_t *upi = json_object_get(root, "upi");
  (void)snprintf(link, sizeof link, "upi://pay?pa=society@bank&pn=Lake%%20View&am=%s&cu=INR&tr=%s",
                 who.total, who.number);
  assert_string_equal(test_text_in(upi, "id"), "society@bank");
  assert_string_equal(test_text_in(upi, "name"), "Lake View");
  assert_string_equal(test_text_in(upi, "reference"), who.number);
  assert_string_equal(test_text_in(upi, "amount"), who.total);
  assert_string_equal(test_text_in(upi, "link"), link);
  json_decref(root);
  /* Taken back it is not to be paid, and nor is the credit note. */
  char credit[112];
  (void)snprintf(credit, sizeof credit, "%s/credit", target);
  root = test_admin_ask(s, "POST", credit, "{\"reason\":\"wrong\"}", 201);
  assert_true(json_is_null(json_object_get(root, "upi")));
  json_decref(root);
  root = test_get(s, target, ASHA);
  assert_string_equal(test_text_in(root, "status"), "cancelled");
  assert_true(json_is_null(json_object_get(root, "upi")));
  json_decref(root);
}

static void without_an_address_there_is_no_upi(void **state) {
  const test_server *s = *state;
  char target[96];
  issue_january(s);
  subject who = asha(s);
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s", who.number);
  json_t *root = test_get(s, target, ASHA);
  assert_true(json_is_null(json_object_get(root, "upi")));
  json_decref(root);
}

/* ---- payments ---- */

#define AT "\"received_at\":\"2026-02-15T10:00:00+05:30\""

static void a_payment_is_counted_once_and_pays_the_invoice(void **state) {
  const test_server *s = *state;
  issue_january(s);
  const subject who = asha(s);
  char target[160];
  char body[256];
  (void)snprintf(target, sizeof target, "/api/accounts/%s/payments", who.account);
  (void)snprintf(body, sizeof body, "{\"amount\":\"%s\"," AT ",\"method\":\"upi\"}", who.total);
  test_reply reply = test_ask_with(s, "POST", target, ADMIN, "Idempotency-Key: k-1\r\n", body);
  assert_int_equal(reply.status, 201);
  json_t *entry = test_json(&reply);
  assert_string_equal(test_text_in(entry, "kind"), "payment");
  assert_string_equal(test_text_in(entry, "balance"), "0.00");
  assert_string_equal(test_text_in(entry, "by"), "admin");
  int64_t no = json_integer_value(json_object_get(entry, "no"));
  json_decref(entry);
  test_reply_fini(&reply);
  reply = test_ask_with(s, "POST", target, ADMIN, "Idempotency-Key: k-1\r\n", body);
  assert_int_equal(reply.status, 200);
  entry = test_json(&reply);
  assert_int_equal(json_integer_value(json_object_get(entry, "no")), no);
  json_decref(entry);
  test_reply_fini(&reply);
  reply = test_ask_with(s, "POST", target, ADMIN, "Idempotency-Key: k-1\r\n",
                        "{\"amount\":\"1.00\"," AT "}");
  assert_int_equal(reply.status, 409);
  test_reply_fini(&reply);
  expect_balance(s, &who, "0.00");
  json_t *invoice = invoice_at(s, 0);
  assert_string_equal(test_text_in(invoice, "status"), "paid");
  assert_string_equal(test_text_in(invoice, "paid"), who.total);
  json_decref(invoice);
  (void)snprintf(target, sizeof target, "/api/accounts/%s/entries/%lld/reverse", who.account,
                 (long long)no);
  refused(s, target, "{}", 422, "reason");
  entry = test_admin_ask(s, "POST", target, "{\"reason\":\"bounced\"}", 201);
  assert_string_equal(test_text_in(entry, "kind"), "reversal");
  json_decref(entry);
  refused(s, target, "{\"reason\":\"bounced\"}", 409, "no");
  expect_balance(s, &who, who.total);
  invoice = invoice_at(s, 0);
  assert_string_not_equal(test_text_in(invoice, "status"), "paid");
  assert_string_equal(test_text_in(invoice, "paid"), "0.00");
  json_decref(invoice);
}

static void a_bad_payment_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  issue_january(s);
  const subject who = asha(s);
  char target[160];
  (void)snprintf(target, sizeof target, "/api/accounts/%s/payments", who.account);
  static const char *const bad[][2] = {
      {"{\"amount\":\"0\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"-5.00\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"5.005\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"1000000000.01\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"99999999999999999999\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"1e3\"," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":5," AT ",\"reference\":\"r\"}", "amount"},
      {"{\"amount\":\"5.00\",\"currency\":\"USD\"," AT ",\"reference\":\"r\"}", "currency"},
      {"{\"amount\":\"5.00\",\"reference\":\"r\"}", "received_at"},
      {"{\"amount\":\"5.00\",\"received_at\":\"2026-02-16T12:00:00+05:30\",\"reference\":\"r\"}",
       "received_at"},
      {"{\"amount\":\"5.00\",\"received_at\":\"1999-02-16T12:00:00+05:30\",\"reference\":\"r\"}",
       "received_at"},
      {"{\"amount\":\"5.00\"," AT ",\"reference\":\"r\",\"method\":\"barter\"}", "method"},
      {"{\"amount\":\"5.00\"," AT "}", "reference"},
      {"{\"amount\":\"5.00\"," AT ",\"reference\":\"r\\u0007\"}", "reference"},
      {"{\"amount\":\"5.00\"," AT ",\"reference\":\"r\",\"invoice\":\"SM2526-000099\"}",
       "invoice"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, target, bad[i][0], 422, bad[i][1]);
  expect_balance(s, &who, who.total);
  static const char *const good = "{\"amount\":\"5.00\"," AT ",\"reference\":\"r\"}";
  test_reply reply = test_ask_with(s, "POST", target, ADMIN, "Idempotency-Key: a b\r\n", good);
  assert_int_equal(reply.status, 400);
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "POST", target, NOBODY, good), 401);
  assert_int_equal(test_status(s, "POST", target, ASHA, good), 403);
  assert_int_equal(test_status(s, "POST", "/api/accounts/a_none/payments", ADMIN, good), 404);
  (void)snprintf(target, sizeof target, "/api/accounts/%s/entries", who.account);
  assert_int_equal(test_status(s, "GET", target, NOBODY, NULL), 401);
  assert_int_equal(test_status(s, "GET", target, RAVI, NULL), 404);
  assert_int_equal(test_status(s, "GET", "/api/accounts/a_none/entries", ADMIN, NULL), 404);
}

static void entries_are_paged_with_a_running_balance(void **state) {
  const test_server *s = *state;
  issue_january(s);
  const subject who = asha(s);
  char target[600];
  char body[160];
  for (int i = 0; i < 3; i++) {
    (void)snprintf(target, sizeof target, "/api/accounts/%s/payments", who.account);
    (void)snprintf(body, sizeof body, "{\"amount\":\"1.00\"," AT ",\"reference\":\"r%d\"}", i);
    json_decref(test_admin_ask(s, "POST", target, body, 201));
  }
  size_t seen = 0;
  char cursor[450] = "";
  for (;;) {
    (void)snprintf(target, sizeof target, "/api/accounts/%s/entries?limit=1%s%s", who.account,
                   cursor[0] != '\0' ? "&cursor=" : "", cursor);
    json_t *root = test_get(s, target, ASHA);
    json_t *entry = json_array_get(json_object_get(root, "entries"), 0);
    assert_non_null(entry);
    if (seen == 0) assert_string_equal(test_text_in(entry, "balance"), who.total);
    if (seen == 0) assert_string_equal(test_text_in(entry, "invoice"), who.number);
    assert_null(test_text_in(entry, "by_user"));
    seen++;
    const char *next = test_text_in(root, "next");
    (void)snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
    json_decref(root);
    if (cursor[0] == '\0') break;
  }
  assert_int_equal(seen, 4);
}

/* ---- credit notes ---- */

static void an_invoice_is_taken_back_and_issued_again(void **state) {
  const test_server *s = *state;
  issue_january(s);
  const subject who = asha(s);
  char target[160];
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s/credit", who.number);
  refused(s, "/api/invoices/meter-001", "{\"month\":\"2026-01\",\"reason\":\"x\"}", 409, "month");
  refused(s, target, "{\"reason\":\"\"}", 422, "reason");
  assert_int_equal(test_status(s, "POST", target, ASHA, "{\"reason\":\"x\"}"), 403);
  json_t *note = test_admin_ask(s, "POST", target, "{\"reason\":\"wrong\"}", 201);
  assert_string_equal(test_text_in(note, "kind"), "credit_note");
  assert_string_equal(test_text_in(note, "number"), "CN2526-000001");
  assert_string_equal(test_text_in(note, "total"), who.total);
  assert_string_equal(test_text_in(json_object_get(note, "bill"), "credits"), who.number);
  json_decref(note);
  refused(s, target, "{\"reason\":\"again\"}", 409, "number");
  expect_balance(s, &who, "0.00");
  /* The month is open for edits, which it was not. */
  json_decref(test_admin_ask(
      s, "POST", "/api/devices/meter-001/edits",
      "{\"at\":\"2026-01-10T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"wild\"}", 201));
  refused(s, "/api/invoices/meter-001", "{\"month\":\"2026-01\"}", 422, "reason");
  refused(s, "/api/invoices/meter-001", "{\"month\":\"2026-02\",\"reason\":\"x\"}", 422, "month");
  refused(s, "/api/invoices/meter-001", "{\"month\":\"2026-13\",\"reason\":\"x\"}", 422, "month");
  json_t *again = test_admin_ask(s, "POST", "/api/invoices/meter-001",
                                 "{\"month\":\"2026-01\",\"reason\":\"edited\"}", 201);
  assert_int_equal(json_integer_value(json_object_get(again, "revision")), 2);
  json_t *difference = json_object_get(json_object_get(again, "bill"), "difference");
  assert_string_equal(test_text_in(difference, "previous"), who.number);
  assert_string_equal(test_text_in(difference, "previous_total"), who.total);
  assert_string_equal(test_text_in(difference, "difference"), "0.00");
  json_decref(again);
  json_t *old = invoice_at(s, 0);
  assert_string_equal(test_text_in(old, "status"), "cancelled");
  json_decref(old);
  assert_int_equal(test_status(s, "POST", "/api/invoices/absent", ADMIN, "{\"month\":\"2026-01\"}"),
                   404);
  assert_int_equal(test_status(s, "POST", "/api/invoices/meter-001", ADMIN,
                               "{\"month\":\"2026-01\",\"account\":\"a_none\"}"),
                   404);
  (void)snprintf(target, sizeof target, "/api/invoices/meter-002/%s/credit", who.number);
  assert_int_equal(test_status(s, "POST", target, ADMIN, "{\"reason\":\"x\"}"), 404);
}

/* ---- exceptions ---- */

static void a_tariff_billed_again_makes_exceptions_that_are_decided(void **state) {
  const test_server *s = *state;
  static const char *const body =
      "{\"name\":\"LT-1 Domestic\",\"rebill\":true,\"effective_from\":\"2026-01-01\",\"slabs\":["
      "{\"up_to_kwh\":null,\"rate\":\"9.00\"}],\"fixed_charge\":\"50.00\"}";
  char target[160];
  char confirm[80];
  issue_january(s);
  const subject who = asha(s);
  json_t *effects = test_admin_ask(s, "POST", "/api/tariffs", body, 200);
  (void)snprintf(confirm, sizeof confirm, "%s", test_text_in(effects, "confirm"));
  int64_t count = json_integer_value(json_object_get(effects, "count"));
  assert_true(count > 0);
  assert_int_equal(json_array_size(json_object_get(effects, "invoices")), (size_t)count);
  json_decref(effects);
  /* Who does not wait is told how far it is, and gets what came of it by asking again. */
  effects = test_admin_ask(s, "POST", "/api/tariffs?wait=0", body, 202);
  assert_string_equal(test_text_in(effects, "state"), "working");
  json_decref(effects);
  effects = test_admin_ask(s, "POST", "/api/tariffs", body, 200);
  assert_string_equal(test_text_in(effects, "confirm"), confirm);
  json_decref(effects);
  refused(s, "/api/tariffs?wait=11", body, 400, "wait");
  json_t *tariffs = test_get(s, "/api/tariffs", ADMIN);
  assert_int_equal(json_array_size(json_object_get(tariffs, "tariffs")), 1);
  json_decref(tariffs);
  refused(s, "/api/tariffs?confirm=00", body, 409, "confirm");
  (void)snprintf(target, sizeof target, "/api/tariffs?confirm=%s", confirm);
  json_decref(test_admin_ask(s, "POST", target, body, 201));
  json_t *root = test_get(s, "/api/exceptions?state=open", ADMIN);
  json_t *list = json_object_get(root, "exceptions");
  assert_int_equal(json_array_size(list), (size_t)count);
  json_t *first = json_array_get(list, 0);
  assert_string_equal(test_text_in(first, "cause"), "tariff");
  assert_string_equal(test_text_in(first, "invoice"), who.number);
  (void)snprintf(target, sizeof target, "/api/exceptions/%lld",
                 (long long)json_integer_value(json_object_get(first, "no")));
  json_decref(root);
  refused(s, target, "{\"action\":\"forget\",\"reason\":\"x\"}", 422, "action");
  refused(s, target, "{\"action\":\"true_up\"}", 422, "reason");
  root = test_admin_ask(s, "POST", target, "{\"action\":\"true_up\",\"reason\":\"ok\"}", 200);
  assert_string_equal(test_text_in(root, "state"), "true_up");
  assert_string_equal(test_text_in(json_object_get(root, "decided"), "reason"), "ok");
  json_decref(root);
  root = test_admin_ask(s, "POST", target, "{\"action\":\"reissue\",\"reason\":\"no, so\"}", 200);
  assert_string_equal(test_text_in(root, "state"), "reissue");
  char total[24];
  (void)snprintf(total, sizeof total, "%s", test_text_in(root, "new_total"));
  json_decref(root);
  expect_balance(s, &who, total);
  refused(s, target, "{\"action\":\"dismiss\",\"reason\":\"late\"}", 409, "no");
  assert_int_equal(test_status(s, "POST", "/api/exceptions/999", ADMIN,
                               "{\"action\":\"dismiss\",\"reason\":\"x\"}"),
                   404);
  assert_int_equal(test_status(s, "GET", "/api/exceptions", ASHA, NULL), 403);
  assert_int_equal(test_status(s, "GET", "/api/exceptions?state=done", ADMIN, NULL), 400);
  assert_int_equal(
      test_status(s, "POST", target, ASHA, "{\"action\":\"dismiss\",\"reason\":\"x\"}"), 403);
}

/* ---- disputes ---- */

static void a_resident_disputes_their_own_invoice(void **state) {
  const test_server *s = *state;
  char target[160];
  char path[160];
  issue_january(s);
  const subject who = asha(s);
  static const char *const body = "{\"text\":\"I was away in January\"}";
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s/dispute", who.number);
  assert_int_equal(test_status(s, "POST", target, NOBODY, body), 401);
  assert_int_equal(test_status(s, "POST", target, RAVI, body), 404);
  assert_int_equal(test_status(s, "POST", target, ASHA, "{}"), 422);
  test_reply reply = test_ask(s, "POST", target, ASHA, body);
  assert_int_equal(reply.status, 201);
  json_t *dispute = test_json(&reply);
  assert_string_equal(test_text_in(dispute, "by"), "you");
  assert_true(json_is_null(json_object_get(dispute, "resolved")));
  json_t *explanation = json_object_get(dispute, "explanation");
  assert_string_equal(test_text_in(json_object_get(explanation, "totals"), "total"), who.total);
  assert_string_equal(test_text_in(json_object_get(explanation, "invoice"), "number"), who.number);
  (void)snprintf(path, sizeof path, "/api/disputes/%lld",
                 (long long)json_integer_value(json_object_get(dispute, "no")));
  json_decref(dispute);
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "POST", target, ASHA, body), 409);
  assert_int_equal(test_status(s, "GET", path, RAVI, NULL), 404);
  assert_int_equal(test_status(s, "GET", path, ASHA, NULL), 200);
  assert_int_equal(test_status(s, "GET", "/api/disputes/x", ADMIN, NULL), 404);
  json_t *root = test_get(s, "/api/disputes?open=1", RAVI);
  assert_int_equal(json_array_size(json_object_get(root, "disputes")), 0);
  json_decref(root);
  root = test_get(s, "/api/disputes?open=1", ADMIN);
  assert_int_equal(json_array_size(json_object_get(root, "disputes")), 1);
  json_decref(root);
  (void)snprintf(target, sizeof target, "%.140s/resolve", path);
  assert_int_equal(test_status(s, "POST", target, ASHA, body), 403);
  root = test_admin_ask(s, "POST", target, "{\"text\":\"The fridge was not\"}", 200);
  assert_string_equal(test_text_in(json_object_get(root, "resolved"), "text"),
                      "The fridge was not");
  json_decref(root);
  refused(s, target, "{\"text\":\"again\"}", 409, "no");
  root = test_get(s, "/api/disputes?open=1", ASHA);
  assert_int_equal(json_array_size(json_object_get(root, "disputes")), 0);
  json_decref(root);
}

#define SERVED(name)                                                                               \
  cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(an_invoice_says_how_it_is_paid_by_upi),
      SERVED(without_an_address_there_is_no_upi),
      SERVED(a_payment_is_counted_once_and_pays_the_invoice),
      SERVED(a_bad_payment_is_refused_by_its_fields),
      SERVED(entries_are_paged_with_a_running_balance),
      SERVED(an_invoice_is_taken_back_and_issued_again),
      SERVED(a_tariff_billed_again_makes_exceptions_that_are_decided),
      SERVED(a_resident_disputes_their_own_invoice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
