/* What admins add and change over the real server, and the lists that show it. */
#include "api/api.h"
#include "api/api_test_util.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A body that must be refused with `status`, naming `field`. */
static void refused(const test_server *s, const char *method, const char *target, const char *body,
                    unsigned status, const char *field) {
  json_t *root = test_admin_ask(s, method, target, body, status);
  json_t *errors = json_object_get(root, "errors");
  bool named = false;
  for (size_t i = 0; i < json_array_size(errors); i++)
    if (strcmp(test_text_in(json_array_get(errors, i), "field"), field) == 0) named = true;
  if (!named) fail_msg("%s is not named for %s", field, body);
  json_decref(root);
}

/* ---- devices ---- */

static void a_device_is_added_with_its_owner_and_shown(void **state) {
  const test_server *s = *state;
  json_t *root =
      test_admin_ask(s, "POST", "/api/devices",
                     "{\"device_id\":\"new-1\",\"name\":\"Flat 9\",\"owner\":\"Nine@Example.org\","
                     "\"tariff\":\"LT-1 Domestic\"}",
                     201);
  assert_string_equal(test_text_in(root, "device_id"), "new-1");
  assert_int_equal(strcasecmp(test_text_in(root, "owner"), "nine@example.org"), 0);
  assert_string_equal(test_text_in(root, "tariff"), "LT-1 Domestic");
  assert_string_equal(test_text_in(root, "status"), "never");
  assert_true(json_is_null(json_object_get(root, "last_reading")));
  assert_true(json_is_null(json_object_get(root, "credentials")));
  assert_non_null(test_text_in(root, "note"));
  json_decref(root);
}

static void a_device_needs_its_id_only(void **state) {
  const test_server *s = *state;
  json_t *root = test_admin_ask(s, "POST", "/api/devices",
                                "{\"device_id\":\"new-2\",\"name\":null,\"owner\":null}", 201);
  assert_true(json_is_null(json_object_get(root, "owner")));
  assert_true(json_is_null(json_object_get(root, "tariff")));
  json_decref(root);
  root = test_admin_ask(s, "POST", "/api/devices",
                        "{\"device_id\":\"new-3\",\"tariff\":\"LT-1 Domestic\"}", 201);
  assert_string_equal(test_text_in(root, "tariff"), "LT-1 Domestic");
  json_decref(root);
}

static void a_bad_device_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {{"{}", "device_id"},
                                       {"{\"device_id\":\"a.b\"}", "device_id"},
                                       {"{\"device_id\":\"\"}", "device_id"},
                                       {"{\"device_id\":7}", "device_id"},
                                       {"{\"device_id\":\"x\",\"name\":\"\"}", "name"},
                                       {"{\"device_id\":\"x\",\"name\":\"a\\nb\"}", "name"},
                                       {"{\"device_id\":\"x\",\"owner\":\"nobody\"}", "owner"},
                                       {"{\"device_id\":\"x\",\"tariff\":\"absent\"}", "tariff"},
                                       {"{\"device_id\":\"x\",\"revoked\":false}", "revoked"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, "POST", "/api/devices", bad[i][0], 422, bad[i][1]);
  refused(s, "POST", "/api/devices",
          "{\"device_id\":\"meter-001\",\"owner\":\"never@example.org\"}", 409, "device_id");
}

static sm_err credentials(void *context, const char *device_id,
                          const sm_api_credential_order *order, sm_jsonw *w, sm_buf *problem) {
  (void)problem;
  if (context == NULL) return SM_ERR_IO;
  sm_jsonw_object(w);
  sm_jsonw_key(w, "mqtt");
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "host", order->host);
  sm_jsonw_key_text(w, "username", device_id);
  sm_jsonw_key_text(w, "password", context);
  sm_jsonw_object_end(w);
  sm_jsonw_key_text(w, "ca_pem", "");
  sm_jsonw_object_end(w);
  return SM_OK;
}

static bool device_status(void *context, const char *device_id, sm_device_live *live) {
  (void)context;
  if (strcmp(device_id, "meter-001") != 0) return false;
  *live = (sm_device_live){.seen = true, .last_seen_ms = 0, .online = false};
  return true;
}

static void a_managed_broker_gives_credentials_once(void **state) {
  test_server *s = *state;
  sm_api *plain = s->api;
  char password[] = "s3cret";
  sm_api_options options = s->options;
  options.hooks.make_credentials = credentials;
  options.hooks.device_status = device_status;
  options.mqtt.host = "broker.example";
  for (int round = 0; round < 2; round++) {
    options.hooks.context = round == 0 ? password : NULL;
    assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
    assert_int_equal(sm_api_start(s->api), SM_OK);
    json_t *root =
        test_admin_ask(s, "POST", "/api/devices",
                       round == 0 ? "{\"device_id\":\"new-4\"}" : "{\"device_id\":\"new-5\"}", 201);
    json_t *given = json_object_get(root, "credentials");
    json_t *mqtt = json_object_get(given, "mqtt");
    if (round == 0) {
      assert_string_equal(test_text_in(mqtt, "username"), "new-4");
      assert_string_equal(test_text_in(mqtt, "password"), "s3cret");
      assert_string_equal(test_text_in(mqtt, "host"), "broker.example");
      assert_non_null(test_text_in(given, "ca_pem"));
    } else {
      assert_true(json_is_null(given));
      assert_non_null(test_text_in(root, "note"));
    }
    json_decref(root);
    root = test_admin_ask(s, "GET", "/api/devices?limit=1", NULL, 200);
    json_t *first = json_array_get(json_object_get(root, "devices"), 0);
    assert_string_equal(test_text_in(first, "device_id"), "meter-001");
    assert_string_equal(test_text_in(first, "status"), "offline");
    assert_string_equal(test_text_in(first, "last_seen"), "1970-01-01T00:00:00Z");
    json_decref(root);
    sm_api_free(s->api);
  }
  s->api = plain;
}

static size_t walk(const test_server *s, const char *path, const char *list, const char *key) {
  char *next = NULL;
  char last[4096] = "";
  size_t count = 0;
  do {
    char target[1024];
    (void)snprintf(target, sizeof target, "%s?limit=2%s%s", path,
                   next == NULL ? "" : "&cursor=", next == NULL ? "" : next);
    json_t *root = test_get(s, target, ADMIN);
    json_t *rows = json_object_get(root, list);
    assert_true(json_array_size(rows) <= 2);
    for (size_t i = 0; i < json_array_size(rows); i++, count++) {
      json_t *row = json_array_get(rows, i);
      assert_non_null(test_text_in(row, key));
      char *whole = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
      assert_true(strcmp(last, whole) != 0);
      (void)snprintf(last, sizeof last, "%s", whole);
      free(whole);
    }
    free(next);
    const char *cursor = test_text_in(root, "next");
    next = cursor == NULL ? NULL : strdup(cursor);
    json_decref(root);
    assert_true(count < 1000);
  } while (next != NULL);
  return count;
}

static void lists_are_paged_to_their_end(void **state) {
  const test_server *s = *state;
  static const char *const lists[][3] = {{"/api/devices", "devices", "device_id"},
                                         {"/api/accounts", "accounts", "account_id"},
                                         {"/api/tariffs", "tariffs", "effective_from"}};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    json_t *whole = test_get(s, lists[i][0], ADMIN);
    size_t count = json_array_size(json_object_get(whole, lists[i][1]));
    json_decref(whole);
    assert_true(count >= 1);
    assert_int_equal(walk(s, lists[i][0], lists[i][1], lists[i][2]), count);
  }
}

/* ---- tariffs ---- */

#define SLABS "\"slabs\":[{\"up_to_kwh\":null,\"rate\":\"5.00\"}],\"fixed_charge\":\"0.00\""

static void a_tariff_gets_versions_and_is_never_edited(void **state) {
  const test_server *s = *state;
  json_t *root =
      test_admin_ask(s, "POST", "/api/tariffs",
                     "{\"name\":\"Flat\",\"effective_from\":\"2026-03-01\"," SLABS "}", 201);
  assert_string_equal(test_text_in(root, "name"), "Flat");
  assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
  json_decref(root);
  root = test_admin_ask(s, "POST", "/api/tariffs",
                        "{\"name\":\"Flat\",\"effective_from\":\"2026-04-01\"," SLABS "}", 201);
  assert_int_equal(json_integer_value(json_object_get(root, "version")), 2);
  json_decref(root);
  /* The same again is that version; another one of that day takes its place. */
  root = test_admin_ask(s, "POST", "/api/tariffs",
                        "{\"name\":\"Flat\",\"effective_from\":\"2026-04-01\"," SLABS "}", 201);
  assert_int_equal(json_integer_value(json_object_get(root, "version")), 2);
  json_decref(root);
  root = test_admin_ask(
      s, "POST", "/api/tariffs",
      "{\"name\":\"Flat\",\"effective_from\":\"2026-04-01\",\"slabs\":[{\"up_to_kwh\":null,"
      "\"rate\":\"6.00\"}],\"fixed_charge\":\"0.00\"}",
      201);
  assert_int_equal(json_integer_value(json_object_get(root, "version")), 3);
  json_decref(root);
  root = test_admin_ask(
      s, "POST", "/api/tariffs",
      "{\"name\":\"Flat\",\"rebill\":true,\"effective_from\":\"2026-05-01\"," SLABS "}", 200);
  assert_int_equal(json_integer_value(json_object_get(root, "count")),
                   0); /* and nothing is added */
  json_decref(root);
  root = test_admin_ask(s, "GET", "/api/tariffs", NULL, 200);
  assert_string_equal(test_text_in(root, "default"), "LT-1 Domestic");
  json_t *rows = json_object_get(root, "tariffs");
  json_t *flat = json_array_get(rows, 0);
  assert_string_equal(test_text_in(flat, "name"), "Flat");
  assert_string_equal(test_text_in(flat, "effective_from"), "2026-03-01");
  assert_int_equal(json_integer_value(json_object_get(flat, "version")), 1);
  assert_string_equal(test_text_in(json_array_get(json_object_get(flat, "slabs"), 0), "rate"),
                      "5.00");
  json_decref(root);
}

static void a_bad_tariff_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  refused(s, "POST", "/api/tariffs", "{\"name\":\"X\",\"effective_from\":\"2026-02-30\"," SLABS "}",
          422, "effective_from");
  refused(s, "POST", "/api/tariffs",
          "{\"name\":\"X\",\"effective_from\":\"2026-03-01\",\"typo\":1," SLABS "}", 422, "typo");
  refused(s, "POST", "/api/tariffs",
          "{\"name\":\"X\",\"effective_from\":\"2026-03-01\",\"slabs\":[{\"up_to_kwh\":null,"
          "\"rate\":5}],\"fixed_charge\":\"0.00\"}",
          422, "slabs[0].rate");
  json_decref(test_admin_ask(s, "POST", "/api/tariffs", "{\"name\":\"X\",\"name\":\"Y\"}", 400));
  json_decref(test_admin_ask(s, "POST", "/api/tariffs", "[]", 400));
}

/* ---- accounts ---- */

static void an_account_is_opened_changed_and_closed(void **state) {
  const test_server *s = *state;
  json_t *root = test_admin_ask(
      s, "POST", "/api/accounts",
      "{\"person\":\"Mira Rao\",\"email\":\"mira@example.org\",\"place\":\"Flat 4\","
      "\"from\":\"2026-01-10\",\"sanctioned_load_kw\":4.5,"
      "\"meters\":[{\"device_id\":\"meter-004\",\"from\":\"2026-01-10T00:00:00+05:30\","
      "\"multiplier\":1.5}],"
      "\"tariffs\":[{\"name\":\"LT-1 Domestic\"}]}",
      201);
  char target[128];
  (void)snprintf(target, sizeof target, "/api/accounts/%s", test_text_in(root, "account_id"));
  assert_string_equal(test_text_in(root, "person"), "Mira Rao");
  assert_string_equal(test_text_in(root, "email"), "mira@example.org");
  assert_string_equal(test_text_in(root, "from"), "2026-01-10");
  assert_true(json_is_null(json_object_get(root, "to")));
  json_t *meter = json_array_get(json_object_get(root, "meters"), 0);
  assert_string_equal(test_text_in(meter, "from"), "2026-01-09T18:30:00Z");
  assert_true(json_real_value(json_object_get(meter, "multiplier")) > 1.4999);
  json_decref(root);
  root = test_admin_ask(s, "PATCH", target,
                        "{\"to\":\"2026-03-01\",\"person\":\"Mira R\",\"email\":null}", 200);
  assert_string_equal(test_text_in(root, "to"), "2026-03-01");
  assert_string_equal(test_text_in(root, "person"), "Mira R");
  assert_string_equal(test_text_in(root, "place"), "Flat 4");
  assert_true(json_is_null(json_object_get(root, "email")));
  assert_int_equal(json_array_size(json_object_get(root, "meters")), 1);
  json_decref(root);
  refused(s, "PATCH", target, "{\"to\":\"2026-01-01\"}", 422, "to");
  refused(s, "PATCH", target, "{\"meters\":[{\"device_id\":\"absent\"}]}", 422,
          "meters[0].device_id");
  root = test_admin_ask(s, "PATCH", target, "{\"meters\":[],\"tariffs\":[]}", 200);
  assert_int_equal(json_array_size(json_object_get(root, "meters")), 0);
  json_decref(root);
}

static void a_bad_account_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"{}", "person"},
      {"{\"person\":\"\"}", "person"},
      {"{\"person\":\"A\",\"email\":\"x\"}", "email"},
      {"{\"person\":\"A\",\"from\":\"2026-01-01T00:00:00Z\"}", "from"},
      {"{\"person\":\"A\",\"from\":\"2026-01-02\",\"to\":\"2026-01-02\"}", "to"},
      {"{\"person\":\"A\",\"sanctioned_load_kw\":-1}", "sanctioned_load_kw"},
      {"{\"person\":\"A\",\"meters\":{}}", "meters"},
      {"{\"person\":\"A\",\"meters\":[5]}", "meters[0]"},
      {"{\"person\":\"A\",\"meters\":[{\"device_id\":\"meter-004\",\"sign\":2}]}",
       "meters[0].sign"},
      {"{\"person\":\"A\",\"meters\":[{\"device_id\":\"meter-004\",\"multiplier\":0}]}",
       "meters[0].multiplier"},
      {"{\"person\":\"A\",\"tariffs\":[{\"name\":\"absent\"}]}", "tariffs[0].name"},
      {"{\"person\":\"A\",\"tariffs\":[{\"name\":\"LT-1 Domestic\"},{\"name\":\"LT-1 Domestic\"}]}",
       "tariffs[1].from"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, "POST", "/api/accounts", bad[i][0], 422, bad[i][1]);
  refused(s, "POST", "/api/accounts",
          "{\"person\":\"A\",\"meters\":[{\"device_id\":\"meter-001\"}]}", 409, "meters");
}

/* ---- rejects ---- */

static void add_reject(const test_server *s, int64_t received_ms, const char *payload, size_t len,
                       size_t sent) {
  sm_reject_in reject = {.received_ms = received_ms,
                         .topic = "meters/x\xff/telemetry",
                         .topic_len = 19,
                         .device_id = "x",
                         .reason = "malformed",
                         .detail = "not JSON",
                         .payload = payload,
                         .payload_len = len,
                         .payload_len_sent = sent};
  assert_int_equal(
      sm_readings_commit(s->readings, &(sm_readings_batch){.rejects = &reject, .reject_count = 1}),
      SM_OK);
}

static void refused_messages_are_shown_as_they_came(void **state) {
  const test_server *s = *state;
  add_reject(s, test_now_ms() - 3, "{\"a\":", 5, 5);
  add_reject(s, test_now_ms() - 2, "\x00\xff", 2, 2);
  add_reject(s, test_now_ms() - 1, "caf\xc3", 4, 5000);
  add_reject(s, test_now_ms(), "", 0, 0);
  json_t *root = test_admin_ask(s, "GET", "/api/rejects", NULL, 200);
  json_t *rows = json_object_get(root, "rejects");
  assert_int_equal(json_array_size(rows), 4);
  static const char *const payloads[][2] = {
      {"{\"a\":", "utf-8"}, {"AP8=", "base64"}, {"caf", "utf-8"}, {"", "utf-8"}};
  for (size_t i = 0; i < 4; i++) {
    json_t *row = json_array_get(rows, i);
    assert_string_equal(test_text_in(row, "payload"), payloads[i][0]);
    assert_string_equal(test_text_in(row, "payload_encoding"), payloads[i][1]);
    assert_string_equal(test_text_in(row, "reason"), "malformed");
    assert_string_equal(test_text_in(row, "topic"), "meters/x\xef\xbf\xbd/telemetry");
  }
  assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 2), "payload_bytes")),
                   5000);
  json_decref(root);
  assert_int_equal(walk(s, "/api/rejects", "rejects", "at"), 4);
  root = test_admin_ask(s, "GET", "/api/rejects?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
                        NULL, 200);
  assert_int_equal(json_array_size(json_object_get(root, "rejects")), 0);
  json_decref(root);
}

/* ---- invoices ---- */

static char *copy(const char *text) {
  char *out = strdup(text);
  assert_non_null(out);
  return out;
}

/* Issues one for the first account of `who`; gives its number. */
static char *issue(const test_server *s, test_who who, const char *month) {
  json_t *root = test_get(s, "/api/accounts", who);
  json_t *accounts = json_object_get(root, "accounts");
  char *account_id = NULL;
  for (size_t i = 0; i < json_array_size(accounts); i++) {
    json_t *account = json_array_get(accounts, i);
    json_t *meter = json_array_get(json_object_get(account, "meters"), 0);
    if (strcmp(test_text_in(meter, "device_id"), "meter-001") == 0)
      account_id = copy(test_text_in(account, "account_id"));
  }
  json_decref(root);
  assert_non_null(account_id);
  sm_invoice invoice = {.account_id = account_id,
                        .revision = 1,
                        .device_id = copy("meter-001"),
                        .kind = copy("invoice"),
                        .month = copy(month),
                        .total_minor = 188800,
                        .tax_minor = 28800,
                        .currency = copy("INR"),
                        .issued_ms = test_now_ms(),
                        .due_ms = INT64_C(4102444800000),
                        .body = copy("{\"total\":\"1888.00\"}"),
                        .snapshot = copy("{}")};
  assert_int_equal(
      sm_ledger_invoice_issue(s->ledger, (sm_actor){.id = "tester"}, "SM", "2526", &invoice),
      SM_OK);
  char *number = copy(invoice.number);
  sm_invoice_fini(&invoice);
  return number;
}

static void an_invoice_is_listed_and_shown_to_its_owner_and_admins(void **state) {
  const test_server *s = *state;
  char *number = issue(s, ASHA, "2026-01");
  char target[128];
  json_t *root = test_get(s, "/api/invoices/meter-001", ASHA);
  json_t *row = json_array_get(json_object_get(root, "invoices"), 0);
  assert_string_equal(test_text_in(row, "number"), number);
  assert_string_equal(test_text_in(row, "total"), "1888.00");
  assert_string_equal(test_text_in(row, "month"), "2026-01");
  assert_string_equal(test_text_in(row, "status"), "issued");
  assert_string_equal(test_text_in(row, "due_at"), "2100-01-01T00:00:00Z");
  json_decref(root);
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s", number);
  root = test_get(s, target, ASHA);
  assert_string_equal(test_text_in(json_object_get(root, "bill"), "total"), "1888.00");
  json_decref(root);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 200);
  assert_int_equal(test_status(s, "GET", target, RAVI, NULL), 404);
  (void)snprintf(target, sizeof target, "/api/invoices/meter-002/%s", number);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 404);
  free(number);
  free(issue(s, ASHA, "2025-12"));
  assert_int_equal(walk(s, "/api/invoices/meter-001", "invoices", "number"), 2);
}

/* ---- the gate ---- */

static void enough_wide_queries_turn_the_next_away(void **state) {
  const test_server *s = *state;
  unsigned taken = 0;
  while (sm_gate_enter(&s->api->expensive)) taken++;
  assert_int_equal(taken, s->api->options.expensive_at_once);
  test_reply reply = test_ask(s, "GET",
                              "/api/devices/meter-001/readings?agg=1h&from=2026-01-01T00:00:00Z&"
                              "to=2026-03-01T00:00:00Z",
                              ASHA, NULL);
  assert_int_equal(reply.status, 503);
  assert_string_equal(test_header(&reply, "Retry-After"), "1");
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "GET", "/api/billing/meter-001?month=2026-01", ASHA, NULL), 503);
  /* a day's chart still passes */
  assert_int_equal(test_status(s, "GET", "/api/devices/meter-001/readings?agg=1h", ASHA, NULL),
                   200);
  while (taken-- > 0) sm_gate_leave(&s->api->expensive);
}

static bool not_ready(void *context, char *reason, size_t cap) {
  (void)context;
  (void)snprintf(reason, cap, "The broker can't be reached.");
  return false;
}

static void readiness_says_why_not(void **state) {
  test_server *s = *state;
  sm_api *plain = s->api;
  sm_api_options options = s->options;
  options.hooks.ready = not_ready;
  assert_int_equal(sm_api_new(&options, &s->api), SM_OK);
  assert_int_equal(sm_api_start(s->api), SM_OK);
  test_reply reply = test_ask(s, "GET", "/readyz", NOBODY, NULL);
  assert_int_equal(reply.status, 503);
  assert_non_null(strstr(reply.body, "The broker can't be reached."));
  assert_non_null(test_header(&reply, "Retry-After"));
  test_reply_fini(&reply);
  assert_int_equal(test_status(s, "GET", "/healthz", NOBODY, NULL), 200);
  sm_api_free(s->api);
  s->api = plain;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_is_added_with_its_owner_and_shown),
      cmocka_unit_test(a_device_needs_its_id_only),
      cmocka_unit_test(a_bad_device_is_refused_by_its_fields),
      cmocka_unit_test(a_managed_broker_gives_credentials_once),
      cmocka_unit_test(a_tariff_gets_versions_and_is_never_edited),
      cmocka_unit_test(a_bad_tariff_is_refused_by_its_fields),
      cmocka_unit_test(an_account_is_opened_changed_and_closed),
      cmocka_unit_test(a_bad_account_is_refused_by_its_fields),
      cmocka_unit_test(lists_are_paged_to_their_end),
      cmocka_unit_test(refused_messages_are_shown_as_they_came),
      cmocka_unit_test(an_invoice_is_listed_and_shown_to_its_owner_and_admins),
      cmocka_unit_test(enough_wide_queries_turn_the_next_away),
      cmocka_unit_test(readiness_says_why_not),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
