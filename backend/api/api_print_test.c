/* Invoices as PDF and a month as ZIP, over HTTP. What stands on the pages is document/'s to test.
 */
#include "api/api_test_util.h"
#include "document/cabinet.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *copy(const char *text) {
  char *out = strdup(text);
  assert_non_null(out);
  return out;
}

static char *account_of_asha(const test_server *s) {
  json_t *root = test_get(s, "/api/accounts", ASHA);
  json_t *accounts = json_object_get(root, "accounts");
  char *account_id = NULL;
  for (size_t i = 0; i < json_array_size(accounts); i++) {
    json_t *account = json_array_get(accounts, i);
    json_t *meter = json_array_get(json_object_get(account, "meters"), 0);
    if (strcmp(json_string_value(json_object_get(meter, "device_id")), "meter-001") == 0)
      account_id = copy(json_string_value(json_object_get(account, "account_id")));
  }
  json_decref(root);
  assert_non_null(account_id);
  return account_id;
}

/* Issues one with the bill of a sample, or with a body that is none. Gives its number. */
static char *issue(const test_server *s, const char *month, const char *body) {
  json_t *sample = json_load_file(SM_SOURCE_DIR "/contracts/documents/plain.json", 0, NULL);
  assert_non_null(sample);
  sm_invoice invoice = {
      .account_id = account_of_asha(s),
      .revision = 1,
      .device_id = copy("meter-001"),
      .kind = copy("invoice"),
      .month = copy(month),
      .total_minor = 188800,
      .tax_minor = 28800,
      .currency = copy("INR"),
      .issued_ms = test_now_ms(),
      .due_ms = INT64_C(4102444800000),
      .body = body != NULL ? copy(body) : json_dumps(json_object_get(sample, "body"), JSON_COMPACT),
      .snapshot = json_dumps(json_object_get(sample, "snapshot"), JSON_COMPACT)};
  assert_int_equal(
      sm_ledger_invoice_issue(s->ledger, (sm_actor){.id = "tester"}, "SM", "2526", &invoice),
      SM_OK);
  char *number = copy(invoice.number);
  sm_invoice_fini(&invoice);
  json_decref(sample);
  return number;
}

static void target_of(const char *device, const char *number, const char *more, char out[128]) {
  (void)snprintf(out, 128, "/api/invoices/%s/%s.pdf%s", device, number, more);
}

static void the_owner_and_admins_get_the_same_bytes_and_nobody_else_any(void **state) {
  const test_server *s = *state;
  char target[128];
  char *number = issue(s, "2025-10", NULL);
  target_of("meter-001", number, "", target);
  test_reply first = test_ask(s, "GET", target, ASHA, NULL);
  test_reply second = test_ask(s, "GET", target, ADMIN, NULL);
  assert_int_equal(first.status, 200);
  assert_string_equal(test_header(&first, "Content-Type"), "application/pdf");
  assert_memory_equal(first.body, "%PDF-", 5);
  assert_int_equal(first.body_len, second.body_len);
  assert_memory_equal(first.body, second.body, first.body_len);
  assert_non_null(strstr(test_header(&first, "Content-Disposition"), number));
  char headers[128];
  (void)snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", test_header(&first, "ETag"));
  test_reply known = test_ask_with(s, "GET", target, ASHA, headers, NULL);
  assert_int_equal(known.status, 304);
  assert_int_equal(known.body_len, 0);
  assert_int_equal(test_status(s, "GET", target, RAVI, NULL), 404);
  target_of("meter-002", number, "", target);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 404);
  test_reply_fini(&first);
  test_reply_fini(&second);
  test_reply_fini(&known);
  free(number);
}

static void a_language_is_one_of_two(void **state) {
  const test_server *s = *state;
  char target[128];
  char *number = issue(s, "2025-09", NULL);
  target_of("meter-001", number, "?lang=hi", target);
  assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 200);
  target_of("meter-001", number, "?lang=fr", target);
  assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 400);
  free(number);
}

typedef struct asker {
  const test_server *s;
  const char *target;
  size_t len; /* of a 200 */
  unsigned status;
} asker;

static void *ask(void *context) {
  asker *a = context;
  do { /* the gate turns away who comes when enough are inside */
    test_reply reply = test_ask(a->s, "GET", a->target, ASHA, NULL);
    a->status = reply.status;
    a->len = reply.body_len;
    test_reply_fini(&reply);
  } while (a->status == 503);
  return NULL;
}

static void many_at_once_get_it(void **state) {
  enum { ASKERS = 8 };
  const test_server *s = *state;
  char target[2][128];
  pthread_t thread[ASKERS];
  asker askers[ASKERS];
  char *number = issue(s, "2025-08", NULL);
  target_of("meter-001", number, "", target[0]);
  target_of("meter-001", number, "?lang=hi", target[1]);
  for (size_t i = 0; i < ASKERS; i++) {
    askers[i] = (asker){.s = s, .target = target[i % 2]};
    assert_int_equal(pthread_create(&thread[i], NULL, ask, &askers[i]), 0);
  }
  for (size_t i = 0; i < ASKERS; i++) {
    assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(askers[i].status, 200);
    assert_int_equal(askers[i].len, askers[i % 2].len);
  }
  free(number);
}

/* ---- ZIP ---- */
static test_reply zip_of(const test_server *s, const char *month) {
  char target[64];
  (void)snprintf(target, sizeof target, "/api/invoices.zip?month=%s", month);
  for (;;) {
    test_reply reply = test_ask(s, "GET", target, ADMIN, NULL);
    if (reply.status != 503) return reply;
    assert_non_null(test_header(&reply, "Retry-After"));
    test_reply_fini(&reply);
  }
}

static size_t entries_of(const test_reply *zip) {
  size_t n = 0;
  for (size_t i = 0; i + 4 <= zip->body_len; i++)
    if (memcmp(zip->body + i, "PK\x01\x02", 4) == 0) n++;
  return n;
}

static void a_month_is_one_zip(void **state) {
  const test_server *s = *state;
  char *number = issue(s, "2025-07", NULL);
  test_reply one = zip_of(s, "2025-07");
  assert_int_equal(one.status, 200);
  assert_string_equal(test_header(&one, "Content-Type"), "application/zip");
  assert_int_equal(entries_of(&one), 1);
  test_reply again = zip_of(s, "2025-07");
  assert_int_equal(one.body_len, again.body_len);
  assert_memory_equal(one.body, again.body, one.body_len);
  assert_int_equal(test_status(s, "GET", "/api/invoices.zip?month=2019-01", ADMIN, NULL), 404);
  assert_int_equal(test_status(s, "GET", "/api/invoices.zip?month=2025-7", ADMIN, NULL), 400);
  assert_int_equal(test_status(s, "GET", "/api/invoices.zip", ADMIN, NULL), 400);
  test_reply_fini(&one);
  test_reply_fini(&again);
  free(number);
}

static void a_row_that_is_damaged_fails_by_itself(void **state) {
  const test_server *s = *state;
  char target[128];
  char *bad = issue(s, "2025-06", "{\"total\":\"1888.00\"}");
  char *good = issue(s, "2025-05", NULL);
  target_of("meter-001", bad, "", target);
  assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 500);
  test_reply zip = zip_of(s, "2025-06");
  assert_int_equal(zip.status, 500);
  test_reply_fini(&zip);
  zip = zip_of(s, "2025-05"); /* the desk goes on */
  assert_int_equal(zip.status, 200);
  test_reply_fini(&zip);
  target_of("meter-001", good, "", target);
  assert_int_equal(test_status(s, "GET", target, ASHA, NULL), 200);
  free(bad);
  free(good);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_owner_and_admins_get_the_same_bytes_and_nobody_else_any),
      cmocka_unit_test(a_language_is_one_of_two),
      cmocka_unit_test(many_at_once_get_it),
      cmocka_unit_test(a_month_is_one_zip),
      cmocka_unit_test(a_row_that_is_damaged_fails_by_itself),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
