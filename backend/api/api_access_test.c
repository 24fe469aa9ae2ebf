/* Every route × everybody × own and foreign: what each may do, in one table. */
#include "api/api_test_util.h"
#include "api/routes.h"
#include "auth/apikey.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct access_row {
  const char *method;
  const char *target;
  const char *body;
  unsigned status[WHO_COUNT]; /* NOBODY, ASHA, RAVI, ADMIN */
} access_row;

#define JSON_DEVICE "{\"device_id\":\"meter-100\",\"owner\":\"owner@example.org\"}"
#define JSON_ACCOUNT "{\"person\":\"Mira\",\"meters\":[{\"device_id\":\"meter-004\"}]}"
#define JSON_TARIFF                                                                                \
  "{\"name\":\"Night\",\"effective_from\":\"2027-01-01\",\"slabs\":[{\"up_to_kwh\":null,"          \
  "\"rate\":\"3.00\"}],\"fixed_charge\":\"10.00\"}"

#define JSON_EDIT "{\"at\":\"2026-02-10T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"wild\"}"
#define NO_IMAGE "0000000000000000000000000000000000000000000000000000000000000000"
#define JSON_REASON "{\"reason\":\"it was right\"}"

static const access_row rows[] = {
    {"GET", "/api/site", NULL, {200, 200, 200, 200}},
    {"GET", "/healthz", NULL, {200, 200, 200, 200}},
    {"GET", "/readyz", NULL, {200, 200, 200, 200}},
    {"GET", "/api/openapi.json", NULL, {200, 200, 200, 200}},
    {"GET", "/api/docs", NULL, {200, 200, 200, 200}},
    {"POST", "/api/auth/login", "{}", {422, 422, 422, 422}},
    {"POST", "/api/auth/refresh", NULL, {401, 401, 401, 401}},
    {"POST", "/api/auth/logout", NULL, {204, 204, 204, 204}},
    {"POST", "/api/auth/redeem", "{}", {422, 422, 422, 422}},
    {"GET", "/api/me", NULL, {401, 200, 200, 200}},
    {"PATCH", "/api/me", "{}", {401, 200, 200, 200}},
    {"POST", "/api/me/password", "{}", {401, 422, 422, 422}},
    {"GET", "/api/me/sessions", NULL, {401, 200, 200, 200}},
    {"DELETE", "/api/me/sessions/f_nobodys", NULL, {401, 404, 404, 404}},
    {"GET", "/api/me/notifications", NULL, {401, 200, 200, 200}},
    {"PUT", "/api/me/notifications", "{\"x\":1}", {401, 422, 422, 422}},
    {"GET", "/api/users", NULL, {401, 403, 403, 200}},
    {"POST", "/api/users", "{\"email\":\"new@example.org\"}", {401, 403, 403, 201}},
    {"POST", "/api/users", "{\"email\":\"new@example.org\"}", {401, 403, 403, 409}},
    {"GET", "/api/users/u_nobody", NULL, {401, 403, 403, 404}},
    {"PATCH", "/api/users/u_nobody", "{}", {401, 403, 403, 404}},
    {"POST", "/api/users/u_nobody/reset-link", NULL, {401, 403, 403, 404}},
    {"GET", "/api/users/u_nobody/sessions", NULL, {401, 403, 403, 404}},
    {"DELETE", "/api/users/u_nobody/sessions/f_nobodys", NULL, {401, 403, 403, 404}},
    {"GET", "/api/settings", NULL, {401, 403, 403, 200}},
    {"PATCH", "/api/settings", "{}", {401, 403, 403, 200}},
    {"GET", "/api/losses", NULL, {401, 403, 403, 200}},
    {"GET", "/api/losses?month=2027-01", NULL, {401, 403, 403, 400}},
    {"GET", "/api/live", NULL, {503, 503, 503, 503}},
    {"GET", "/api/devices", NULL, {401, 200, 200, 200}},
    {"POST", "/api/devices", JSON_DEVICE, {401, 403, 403, 201}},
    {"POST", "/api/devices", JSON_DEVICE, {401, 403, 403, 409}},
    {"GET", "/api/devices/meter-001", NULL, {401, 200, 404, 200}},
    {"GET", "/api/devices/meter-002", NULL, {401, 404, 200, 200}},
    {"GET", "/api/devices/meter-003", NULL, {401, 200, 200, 200}},
    {"GET", "/api/devices/meter-004", NULL, {401, 404, 404, 200}},
    {"GET", "/api/devices/meter-999", NULL, {401, 404, 404, 404}},
    {"PATCH", "/api/devices/meter-001", "{\"name\":\"Flat 1\"}", {401, 403, 403, 200}},
    {"PATCH", "/api/devices/meter-999", "{}", {401, 403, 403, 404}},
    {"GET", "/api/devices/meter-001/credentials", NULL, {401, 403, 403, 200}},
    {"GET", "/api/devices/meter-999/credentials", NULL, {401, 403, 403, 404}},
    {"POST", "/api/devices/meter-001/credentials", "{}", {401, 403, 403, 409}},
    {"POST", "/api/devices/meter-999/credentials", "{}", {401, 403, 403, 404}},
    {"POST", "/api/devices/meter-001/replace", "{}", {401, 403, 403, 422}},
    {"POST", "/api/devices/meter-999/replace", "{}", {401, 403, 403, 404}},
    {"POST", "/api/devices/meter-100/revoke", NULL, {401, 403, 403, 200}},
    {"POST", "/api/devices/meter-999/revoke", NULL, {401, 403, 403, 404}},
    {"GET", "/api/devices/meter-001/readings", NULL, {401, 200, 404, 200}},
    {"GET", "/api/devices/meter-002/readings", NULL, {401, 404, 200, 200}},
    {"GET", "/api/devices/meter-003/readings", NULL, {401, 200, 200, 200}},
    {"GET", "/api/devices/meter-004/readings", NULL, {401, 404, 404, 200}},
    {"GET", "/api/devices/meter-999/readings", NULL, {401, 404, 404, 404}},
    {"GET", "/api/devices/meter.999/readings", NULL, {404, 404, 404, 404}},
    {"GET", "/api/devices/meter-001/readings?agg=1d", NULL, {401, 200, 404, 200}},
    {"GET", "/api/devices/meter-001/thresholds", NULL, {401, 200, 404, 200}},
    {"GET", "/api/devices/meter-999/thresholds", NULL, {401, 404, 404, 404}},
    {"PUT", "/api/devices/meter-001/thresholds", "{}", {401, 422, 404, 422}},
    {"PUT", "/api/devices/meter-999/thresholds", "{\"thresholds\":{}}", {401, 404, 404, 404}},
    {"GET", "/api/alerts", NULL, {401, 200, 200, 200}},
    {"POST", "/api/alerts/1/acknowledge", NULL, {401, 404, 404, 404}},
    {"GET", "/api/firmware", NULL, {401, 403, 403, 200}},
    {"GET", "/api/firmware/1/devices", NULL, {401, 403, 403, 404}},
    {"POST", "/api/firmware/1/halt", JSON_REASON, {401, 403, 403, 404}},
    {"POST", "/api/firmware/1/resume", NULL, {401, 403, 403, 404}},
    {"GET", "/firmware/" NO_IMAGE, NULL, {404, 404, 404, 404}},
    {"GET", "/firmware/none", NULL, {404, 404, 404, 404}},
    {"GET", "/api/devices/meter-001/edits", NULL, {401, 200, 404, 200}},
    {"GET", "/api/devices/meter-003/edits", NULL, {401, 200, 200, 200}},
    {"GET", "/api/devices/meter-999/edits", NULL, {401, 404, 404, 404}},
    {"POST", "/api/devices/meter-001/edits", JSON_EDIT, {401, 403, 403, 201}},
    {"POST", "/api/devices/meter-001/edits", JSON_EDIT, {401, 403, 403, 409}},
    {"POST", "/api/devices/meter-001/edits/1/withdraw", JSON_REASON, {401, 403, 403, 200}},
    {"POST", "/api/devices/meter-002/edits/1/withdraw", JSON_REASON, {401, 403, 403, 404}},
    {"GET", "/api/billing/meter-001?month=2026-01", NULL, {401, 200, 404, 200}},
    {"GET", "/api/billing/meter-002?month=2026-01", NULL, {401, 404, 200, 200}},
    {"GET", "/api/billing/meter-003?month=2026-01", NULL, {401, 200, 404, 200}},
    {"GET", "/api/billing/meter-003?month=2026-02", NULL, {401, 404, 200, 200}},
    {"GET", "/api/billing/meter-999?month=2026-01", NULL, {401, 404, 404, 404}},
    {"GET", "/api/billing/meter-001/explain?month=2026-01", NULL, {401, 200, 404, 200}},
    {"GET", "/api/billing/meter-999/explain?month=2026-01", NULL, {401, 404, 404, 404}},
    {"GET", "/api/billing/meter-001/coming", NULL, {401, 200, 404, 200}},
    {"GET", "/api/billing/meter-999/coming", NULL, {401, 404, 404, 404}},
    {"GET", "/api/tariffs", NULL, {401, 200, 200, 200}},
    {"POST", "/api/tariffs", JSON_TARIFF, {401, 403, 403, 201}},
    {"GET", "/api/invoices/meter-001", NULL, {401, 200, 404, 200}},
    {"GET", "/api/invoices/meter-003", NULL, {401, 200, 200, 200}},
    {"GET", "/api/invoices/meter-999", NULL, {401, 404, 404, 404}},
    {"GET", "/api/invoices/meter-001/SM2526-000001", NULL, {401, 404, 404, 404}},
    {"GET", "/api/invoices/meter-001/SM2526-000001.pdf", NULL, {401, 404, 404, 404}},
    {"GET", "/api/invoices", NULL, {401, 403, 403, 200}},
    {"GET", "/api/invoices.zip?month=2026-01", NULL, {401, 403, 403, 404}},
    {"GET", "/api/billing-run", NULL, {401, 403, 403, 200}},
    {"POST", "/api/billing-run", "{}", {401, 403, 403, 422}},
    {"GET", "/api/billing-run/accounts", NULL, {401, 403, 403, 200}},
    {"POST", "/api/invoices/meter-001", "{}", {401, 403, 403, 422}},
    {"POST", "/api/invoices/meter-001/SM2526-000001/credit", JSON_REASON, {401, 403, 403, 404}},
    {"POST",
     "/api/invoices/meter-001/SM2526-000001/dispute",
     "{\"text\":\"too high\"}",
     {401, 404, 404, 404}},
    {"GET", "/api/exceptions", NULL, {401, 403, 403, 200}},
    {"POST", "/api/exceptions/1", "{}", {401, 403, 403, 422}},
    {"GET", "/api/disputes", NULL, {401, 200, 200, 200}},
    {"GET", "/api/disputes/1", NULL, {401, 404, 404, 404}},
    {"POST", "/api/disputes/1/resolve", "{\"text\":\"right\"}", {401, 403, 403, 404}},
    {"GET", "/api/accounts/a_nobodys/entries", NULL, {401, 404, 404, 404}},
    {"POST", "/api/accounts/a_nobodys/entries/1/reverse", JSON_REASON, {401, 403, 403, 404}},
    {"POST", "/api/accounts/a_nobodys/payments", "{}", {401, 403, 403, 422}},
    {"POST", "/api/tariffs/preview", "{}", {401, 403, 403, 422}},
    {"POST", "/api/accounts/import", "{}", {401, 403, 403, 422}},
    {"POST", "/api/payments/import", "{}", {401, 403, 403, 422}},
    {"GET", "/api/statements", NULL, {401, 400, 400, 400}},
    {"GET", "/api/utility-bills", NULL, {401, 403, 403, 200}},
    {"POST", "/api/utility-bills", "{}", {401, 403, 403, 422}},
    {"GET", "/api/utility-bills/u_none", NULL, {401, 403, 403, 404}},
    {"POST", "/api/utility-bills/u_none/post", "{}", {401, 403, 403, 404}},
    {"POST", "/api/utility-bills/u_none/reverse", JSON_REASON, {401, 403, 403, 404}},
    {"POST", "/api/utility-bills/u_none/cancel", JSON_REASON, {401, 403, 403, 404}},
    {"GET", "/api/accounts", NULL, {401, 200, 200, 200}},
    {"POST", "/api/accounts", JSON_ACCOUNT, {401, 403, 403, 201}},
    {"GET", "/api/accounts/a_nobodys", NULL, {401, 404, 404, 404}},
    {"PATCH", "/api/accounts/a_nobodys", "{}", {401, 403, 403, 404}},
    {"GET", "/api/users/u_nobodys/export", NULL, {401, 404, 404, 404}},
    {"POST", "/api/users/u_nobodys/erase", NULL, {401, 403, 403, 404}},
    {"GET", "/api/keys", NULL, {401, 403, 403, 200}},
    {"POST", "/api/keys", "{}", {401, 403, 403, 422}},
    {"POST", "/api/keys/k_none/rotate", "{}", {401, 403, 403, 404}},
    {"DELETE", "/api/keys/k_none", NULL, {401, 403, 403, 404}},
    {"GET", "/api/rejects", NULL, {401, 403, 403, 200}},
    {"GET", "/api/audit", NULL, {401, 403, 403, 200}},
    {"GET", "/api/audit?verify=1&action=user.&user=cli", NULL, {401, 403, 403, 200}},
    {"GET", "/api/audit?newest=1", NULL, {401, 403, 403, 200}},
    {"GET", "/api/audit?verify=2", NULL, {401, 403, 403, 400}},
    {"GET", "/api/", NULL, {404, 404, 404, 404}},
    {"GET", "/metrics", NULL, {404, 404, 404, 404}},
    {"DELETE", "/api/devices", NULL, {405, 405, 405, 405}},
    {"POST", "/", "{}", {405, 405, 405, 405}},
    {"GET", "/", NULL, {200, 200, 200, 200}},
    {"GET", "/meters/meter-001", NULL, {200, 200, 200, 200}},
};

static const char *const who_names[] = {"nobody", "asha", "ravi", "admin"};

static void everybody_may_do_what_the_table_says_and_no_more(void **state) {
  const test_server *s = *state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (int who = 0; who < WHO_COUNT; who++) {
      unsigned got = test_status(s, rows[i].method, rows[i].target, (test_who)who, rows[i].body);
      if (got != rows[i].status[who])
        fail_msg("%s %s as %s: %u, not %u", rows[i].method, rows[i].target, who_names[who], got,
                 rows[i].status[who]);
    }
}

/* Whether some row of the table goes to a route. */
static bool is_covered(const sm_route *route) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sm_request request;
    const sm_route *found = NULL;
    char allow[SM_ALLOW_MAX];
    size_t count;
    const sm_route *table = sm_routes(&count);
    assert_int_equal(sm_request_init(&request, rows[i].target), SM_OK);
    request.method = rows[i].method;
    (void)sm_router_find(table, count, &request, &found, allow);
    sm_request_fini(&request);
    if (found == route) return true;
  }
  return false;
}

static void the_table_leaves_no_route_out(void **state) {
  (void)state;
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (size_t i = 0; i < count; i++)
    if (!is_covered(&table[i])) fail_msg("%s %s", table[i].method, table[i].pattern);
}

static void somebody_elses_looks_exactly_like_nothing(void **state) {
  const test_server *s = *state;
  static const char *const pairs[][2] = {
      {"/api/devices/meter-002/readings", "/api/devices/meter-999/readings"},
      {"/api/billing/meter-002?month=2026-01", "/api/billing/meter-999?month=2026-01"},
      {"/api/invoices/meter-002", "/api/invoices/meter-999"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    test_reply foreign = test_ask(s, "GET", pairs[i][0], ASHA, NULL);
    test_reply absent = test_ask(s, "GET", pairs[i][1], ASHA, NULL);
    assert_int_equal(foreign.status, 404);
    assert_int_equal(absent.status, 404);
    assert_string_equal(foreign.body, absent.body);
    assert_string_equal(test_header(&foreign, "Content-Type"), "application/problem+json");
    test_reply_fini(&foreign);
    test_reply_fini(&absent);
  }
}

static void a_token_that_is_none_is_401_and_says_how_to_get_one(void **state) {
  const test_server *s = *state;
  static const char *const bad[] = {"Authorization: Bearer x\r\n", "Authorization: Basic YTpi\r\n",
                                    "Authorization: Bearer \r\n", "Authorization: \r\n",
                                    "Authorization: Bearer a.b.c\r\n"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    test_reply reply = test_ask_with(s, "GET", "/api/devices", NOBODY, bad[i], NULL);
    assert_int_equal(reply.status, 401);
    assert_non_null(strstr(test_header(&reply, "WWW-Authenticate"), "Bearer"));
    test_reply_fini(&reply);
  }
}

static size_t count_of(json_t *root, const char *list) {
  return json_array_size(json_object_get(root, list));
}

static json_t *device_in(json_t *root, const char *device_id) {
  json_t *list = json_object_get(root, "devices");
  for (size_t i = 0; i < json_array_size(list); i++)
    if (strcmp(test_text_in(json_array_get(list, i), "device_id"), device_id) == 0)
      return json_array_get(list, i);
  fail_msg("%s is not in the list", device_id);
  return NULL;
}

static void who_moved_out_sees_their_own_time_and_nothing_of_the_next(void **state) {
  const test_server *s = *state;
  json_t *asha = test_get(s, "/api/devices", ASHA);
  assert_int_equal(count_of(asha, "devices"), 2);
  json_t *left = device_in(asha, "meter-003");
  assert_true(json_is_null(json_object_get(left, "owner")));
  assert_true(json_is_null(json_object_get(left, "tariff")));
  assert_true(json_is_null(json_object_get(left, "last_reading")));
  assert_string_not_equal(test_text_in(left, "status"), "online");
  json_decref(asha);
  json_t *ravi = test_get(s, "/api/devices", RAVI);
  json_t *now = device_in(ravi, "meter-003");
  assert_string_equal(test_text_in(now, "owner"), TEST_RAVI);
  assert_string_equal(test_text_in(now, "tariff"), "LT-1 Domestic");
  assert_string_equal(test_text_in(now, "status"), "online");
  assert_non_null(test_text_in(json_object_get(now, "last_reading"), "timestamp"));
  json_decref(ravi);
  const char *around = "/api/devices/meter-003/"
                       "readings?from=2026-01-31T23:00:00%2B05:30&to=2026-02-01T01:00:00%2B05:30";
  json_t *before = test_get(s, around, ASHA);
  json_t *after = test_get(s, around, RAVI);
  json_t *all = test_get(s, around, ADMIN);
  assert_int_equal(count_of(before, "readings"), 6);
  assert_int_equal(count_of(after, "readings"), 6);
  assert_int_equal(count_of(all, "readings"), 12);
  json_t *readings = json_object_get(after, "readings");
  assert_string_equal(test_text_in(json_array_get(readings, 0), "timestamp"),
                      "2026-01-31T18:30:00Z");
  json_decref(before);
  json_decref(after);
  json_decref(all);
}

static double energy_of(const test_server *s, const char *target, test_who who) {
  json_t *root = test_get(s, target, who);
  json_t *list = json_object_get(root, "readings");
  double sum = 0;
  for (size_t i = 0; i < json_array_size(list); i++)
    sum += json_number_value(json_object_get(json_array_get(list, i), "energy_kwh"));
  json_decref(root);
  return sum;
}

static void a_bucket_shows_the_part_that_is_ones_own(void **state) {
  const test_server *s = *state;
  const char *month = "/api/devices/meter-003/readings?agg=1d&from=2026-01-31T12:00:00%2B05:30&to="
                      "2026-02-02T12:00:00%2B05:30";
  double asha = energy_of(s, month, ASHA);
  double ravi = energy_of(s, month, RAVI);
  double all = energy_of(s, month, ADMIN);
  assert_true(asha > 1 && ravi > 1);
  assert_true(asha + ravi > all - 0.0005 && asha + ravi < all + 0.0005);
}

/* ---- API keys: another kind of caller ---- */

/* Makes a key; *id and the header that shows it are set, heap. */
static char *make_key(const test_server *s, const char *body, char **id) {
  test_reply reply = test_ask(s, "POST", "/api/keys", ADMIN, body);
  assert_int_equal(reply.status, 201);
  json_t *root = json_loads(reply.body, 0, NULL);
  char header[160];
  (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", test_text_in(root, "key"));
  *id = strdup(test_text_in(root, "id"));
  json_decref(root);
  test_reply_fini(&reply);
  char *copy = strdup(header);
  assert_non_null(copy);
  assert_non_null(*id);
  return copy;
}

static unsigned status_by(const test_server *s, const char *method, const char *target,
                          const char *header, const char *body) {
  test_reply reply = test_ask_with(s, method, target, NOBODY, header, body);
  unsigned status = reply.status;
  test_reply_fini(&reply);
  return status;
}

/* Some row of the table that goes to a route. */
static const access_row *row_of(const sm_route *wanted) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sm_request request;
    const sm_route *found = NULL;
    char allow[SM_ALLOW_MAX];
    size_t count;
    const sm_route *table = sm_routes(&count);
    assert_int_equal(sm_request_init(&request, rows[i].target), SM_OK);
    request.method = rows[i].method;
    (void)sm_router_find(table, count, &request, &found, allow);
    sm_request_fini(&request);
    if (found == wanted) return &rows[i];
  }
  return NULL;
}

static void check_route(const test_server *s, const sm_route *route, uint32_t scope,
                        const char *header) {
  const access_row *row = row_of(route);
  assert_non_null(row);
  unsigned got = status_by(s, row->method, row->target, header, row->body);
  bool may = route->access >> 3 == scope;
  bool refused = got == 403 || got == 401;
  if (refused == may || (refused && got != 403))
    fail_msg("%s %s by a key of %s: %u", row->method, row->target, sm_scope_name_of(scope), got);
}

/* Every route × every scope alone. */
static void a_key_may_what_its_scope_says_and_no_more(void **state) {
  const test_server *s = *state;
  size_t count;
  const sm_route *table = sm_routes(&count);
  for (unsigned i = 0; i < SM_SCOPE_COUNT; i++) {
    char body[120];
    char *id;
    (void)snprintf(body, sizeof body, "{\"name\":\"one\",\"scopes\":[\"%s\"]}", sm_scope_name(i));
    char *header = make_key(s, body, &id);
    for (size_t r = 0; r < count; r++) {
      sm_access access = (sm_access)(table[r].access & SM_ACCESS_MASK);
      if (access == SM_ACCESS_OWN || access == SM_ACCESS_ADMIN)
        check_route(s, &table[r], 1U << i, header);
    }
    free(header);
    free(id);
  }
}

static void a_key_limited_to_devices_sees_no_other(void **state) {
  const test_server *s = *state;
  char *id;
  char *header = make_key(s,
                          "{\"name\":\"two\",\"devices\":[\"meter-002\"],\"scopes\":["
                          "\"devices:read\",\"readings:read\",\"accounts:read\"]}",
                          &id);
  assert_int_equal(status_by(s, "GET", "/api/devices/meter-002/readings", header, NULL), 200);
  assert_int_equal(status_by(s, "GET", "/api/devices/meter-001/readings", header, NULL), 404);
  assert_int_equal(status_by(s, "GET", "/api/devices/meter-999/readings", header, NULL), 404);
  assert_int_equal(status_by(s, "GET", "/api/accounts", header, NULL), 403);
  test_reply reply = test_ask_with(s, "GET", "/api/devices", NOBODY, header, NULL);
  json_t *root = json_loads(reply.body, 0, NULL);
  assert_int_equal(count_of(root, "devices"), 1);
  assert_non_null(device_in(root, "meter-002"));
  json_decref(root);
  test_reply_fini(&reply);
  free(header);
  free(id);
}

static void a_key_without_that_scope_knows_no_people(void **state) {
  const test_server *s = *state;
  char *id;
  char *header = make_key(s, "{\"name\":\"3\",\"scopes\":[\"devices:read\"]}", &id);
  test_reply reply = test_ask_with(s, "GET", "/api/devices", NOBODY, header, NULL);
  assert_int_equal(reply.status, 200);
  assert_null(strstr(reply.body, "@example.org"));
  test_reply_fini(&reply);
  free(header);
  free(id);
  header = make_key(s, "{\"name\":\"4\",\"scopes\":[\"devices:read\",\"accounts:read\"]}", &id);
  reply = test_ask_with(s, "GET", "/api/devices", NOBODY, header, NULL);
  assert_non_null(strstr(reply.body, TEST_RAVI));
  test_reply_fini(&reply);
  free(header);
  free(id);
}

static void a_key_is_rotated_without_a_gap_and_revoked_at_once(void **state) {
  const test_server *s = *state;
  char target[100];
  char *id;
  char *old = make_key(s, "{\"name\":\"5\",\"scopes\":[\"tariffs:read\"]}", &id);
  (void)snprintf(target, sizeof target, "/api/keys/%s/rotate", id);
  test_reply reply = test_ask(s, "POST", target, ADMIN, "{\"grace_hours\":2}");
  assert_int_equal(reply.status, 200);
  json_t *root = json_loads(reply.body, 0, NULL);
  assert_int_equal(json_integer_value(json_object_get(root, "secrets")), 2);
  char fresh[160];
  (void)snprintf(fresh, sizeof fresh, "Authorization: Bearer %s\r\n", test_text_in(root, "key"));
  json_decref(root);
  test_reply_fini(&reply);
  assert_string_not_equal(fresh, old);
  assert_int_equal(status_by(s, "GET", "/api/tariffs", old, NULL), 200);
  assert_int_equal(status_by(s, "GET", "/api/tariffs", fresh, NULL), 200);
  /* A second rotation ends the oldest at once. */
  reply = test_ask(s, "POST", target, ADMIN, "{}");
  assert_int_equal(reply.status, 200);
  test_reply_fini(&reply);
  assert_int_equal(status_by(s, "GET", "/api/tariffs", old, NULL), 401);
  assert_int_equal(status_by(s, "GET", "/api/tariffs", fresh, NULL), 200);
  reply = test_ask(s, "GET", "/api/keys?limit=1000", ADMIN, NULL);
  assert_null(strstr(reply.body, "smk_"));
  assert_non_null(strstr(reply.body, "\"last_used_at\":\"2026-"));
  test_reply_fini(&reply);
  (void)snprintf(target, sizeof target, "/api/keys/%s", id);
  assert_int_equal(test_status(s, "DELETE", target, ADMIN, NULL), 204);
  assert_int_equal(test_status(s, "DELETE", target, ADMIN, NULL), 204);
  assert_int_equal(status_by(s, "GET", "/api/tariffs", fresh, NULL), 401);
  (void)snprintf(target, sizeof target, "/api/keys/%s/rotate", id);
  assert_int_equal(test_status(s, "POST", target, ADMIN, "{}"), 409);
  free(old);
  free(id);
}

static void what_is_no_key_is_refused(void **state) {
  const test_server *s = *state;
  static const char *const bad[] = {"smk_", "smk_x", "smk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                    "smk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char header[120];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", bad[i]);
    assert_int_equal(status_by(s, "GET", "/api/tariffs", header, NULL), 401);
  }
}

static void what_makes_no_key_is_told(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"{\"scopes\":[\"tariffs:read\"]}", "name"},
      {"{\"name\":\"x\"}", "scopes"},
      {"{\"name\":\"x\",\"scopes\":[\"admin\"]}", "scopes[0]"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"device\":[\"meter-001\"]}", "device"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"expires_in_days\":367}", "expires_in_days"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"expires_in_days\":1.5}", "expires_in_days"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"devices\":[]}", "devices"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"devices\":[\"a b\"]}", "devices[0]"},
      {"{\"name\":\"x\",\"scopes\":[\"tariffs:read\"],\"devices\":[\"nobodys\"]}", "devices"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char field[60];
    test_reply reply = test_ask(s, "POST", "/api/keys", ADMIN, bad[i][0]);
    (void)snprintf(field, sizeof field, "\"field\":\"%s\"", bad[i][1]);
    assert_int_equal(reply.status, 422);
    if (strstr(reply.body, field) == NULL) fail_msg("%s: %s", bad[i][0], reply.body);
    test_reply_fini(&reply);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everybody_may_do_what_the_table_says_and_no_more),
      cmocka_unit_test(the_table_leaves_no_route_out),
      cmocka_unit_test(somebody_elses_looks_exactly_like_nothing),
      cmocka_unit_test(a_token_that_is_none_is_401_and_says_how_to_get_one),
      cmocka_unit_test(who_moved_out_sees_their_own_time_and_nothing_of_the_next),
      cmocka_unit_test(a_bucket_shows_the_part_that_is_ones_own),
      cmocka_unit_test(a_key_may_what_its_scope_says_and_no_more),
      cmocka_unit_test(a_key_limited_to_devices_sees_no_other),
      cmocka_unit_test(a_key_without_that_scope_knows_no_people),
      cmocka_unit_test(a_key_is_rotated_without_a_gap_and_revoked_at_once),
      cmocka_unit_test(what_is_no_key_is_refused),
      cmocka_unit_test(what_makes_no_key_is_told),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
