/* Readings, buckets and bills over the real server: what they say and how they are paged. */
#include "api/api_test_util.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JANUARY "from=2026-01-01T00:00:00+05:30&to=2026-02-01T00:00:00+05:30"

/* All pages of a list of readings, `limit` rows each, joined. */
static json_t *all_pages(const test_server *s, const char *target, int limit, int *pages) {
  json_t *all = json_array();
  char *next = NULL;
  *pages = 0;
  do {
    char page[1024];
    (void)snprintf(page, sizeof page, "%s&limit=%d%s%s", target, limit,
                   next == NULL ? "" : "&cursor=", next == NULL ? "" : next);
    json_t *root = test_get(s, page, ADMIN);
    json_t *rows = json_object_get(root, "readings");
    assert_true(json_array_size(rows) <= (size_t)limit);
    assert_int_equal(json_array_extend(all, rows), 0);
    free(next);
    const char *cursor = test_text_in(root, "next");
    next = cursor == NULL ? NULL : strdup(cursor);
    json_decref(root);
    (*pages)++;
    assert_true(*pages < 1000);
  } while (next != NULL);
  return all;
}

static double sum_of(json_t *rows, const char *key) {
  double sum = 0;
  for (size_t i = 0; i < json_array_size(rows); i++)
    sum += test_number_in(json_array_get(rows, i), key);
  return sum;
}

static void a_raw_row_is_a_telemetry_object(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s,
                          "/api/devices/meter-001/readings?from=2026-01-05T06:00:00+05:30&"
                          "to=2026-01-05T06:20:00+05:30",
                          ASHA);
  json_t *rows = json_object_get(root, "readings");
  assert_int_equal(json_array_size(rows), 2);
  json_t *row = json_array_get(rows, 0);
  assert_string_equal(test_text_in(root, "agg"), "raw");
  assert_string_equal(test_text_in(row, "device_id"), "meter-001");
  assert_string_equal(test_text_in(row, "timestamp"), "2026-01-05T00:30:00Z");
  assert_true(test_number_in(row, "voltage") > 229 && test_number_in(row, "energy_kwh") >= 1000);
  assert_true(json_is_null(json_object_get(root, "next")));
  json_decref(root);
}

static void the_default_is_the_last_day_up_to_now(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, "/api/devices/meter-001/readings", ASHA);
  json_t *rows = json_object_get(root, "readings");
  size_t count = json_array_size(rows);
  assert_int_equal(count, 144);
  assert_string_equal(test_text_in(json_array_get(rows, count - 1), "timestamp"),
                      "2026-02-15T06:30:00Z");
  json_decref(root);
}

static void pages_joined_are_the_whole(void **state) {
  const test_server *s = *state;
  static const char *const aggs[] = {"raw", "1m", "15m", "1h", "1d", "1M"};
  static const int limits[] = {1000, 97, 10000, 50, 3, 1};
  for (size_t i = 0; i < sizeof aggs / sizeof aggs[0]; i++) {
    char target[256];
    int pages;
    (void)snprintf(target, sizeof target,
                   "/api/devices/meter-001/readings?from=2026-01-01T00:00:00Z&to="
                   "2026-02-28T00:00:00Z&agg=%s",
                   aggs[i]);
    json_t *whole = all_pages(s, target, 10000, &pages);
    json_t *joined = all_pages(s, target, limits[i], &pages);
    assert_true(json_array_size(whole) > 0);
    assert_true(json_equal(whole, joined));
    json_decref(whole);
    json_decref(joined);
  }
}

static void buckets_of_every_size_add_up_to_the_same(void **state) {
  const test_server *s = *state;
  static const char *const aggs[] = {"1m", "15m", "1h", "1d", "1M"};
  double first = 0;
  for (size_t i = 0; i < sizeof aggs / sizeof aggs[0]; i++) {
    char target[256];
    int pages;
    (void)snprintf(target, sizeof target, "/api/devices/meter-001/readings?" JANUARY "&agg=%s",
                   aggs[i]);
    json_t *rows = all_pages(s, target, 10000, &pages);
    double sum = sum_of(rows, "energy_kwh");
    if (i == 0) first = sum;
    assert_true(sum > 100);
    assert_true(test_near(sum, first));
    json_decref(rows);
  }
}

static void buckets_add_up_to_the_bill(void **state) {
  const test_server *s = *state;
  int pages;
  json_t *rows = all_pages(s, "/api/devices/meter-001/readings?" JANUARY "&agg=1d", 10000, &pages);
  json_t *bill = test_get(s, "/api/billing/meter-001?month=2026-01", ASHA);
  assert_true(test_near(sum_of(rows, "energy_kwh"), test_number_in(bill, "consumption_kwh")));
  assert_string_equal(test_text_in(bill, "device_id"), "meter-001");
  assert_non_null(test_text_in(bill, "total"));
  json_decref(bill);
  json_decref(rows);
}

static void any_cut_adds_up_also_inside_a_quarter(void **state) {
  const test_server *s = *state;
  int pages;
  json_t *whole = all_pages(s,
                            "/api/devices/meter-001/readings?agg=1h&from=2026-01-10T00:07:13Z&to="
                            "2026-01-12T11:11:11.111Z",
                            10000, &pages);
  json_t *left = all_pages(s,
                           "/api/devices/meter-001/readings?agg=15m&from=2026-01-10T00:07:13Z&to="
                           "2026-01-11T09:09:09.999Z",
                           10000, &pages);
  json_t *right = all_pages(s,
                            "/api/devices/meter-001/readings?agg=1d&from=2026-01-11T09:09:09.999Z&"
                            "to=2026-01-12T11:11:11.111Z",
                            10000, &pages);
  assert_true(test_near(sum_of(whole, "energy_kwh"),
                        sum_of(left, "energy_kwh") + sum_of(right, "energy_kwh")));
  assert_true(test_near(sum_of(whole, "count"), sum_of(left, "count") + sum_of(right, "count")));
  assert_true(sum_of(whole, "count") > 300);
  json_decref(whole);
  json_decref(left);
  json_decref(right);
}

/* A quarter that is cut gives what was read on this side, and its buckets add up at every cut. */
static void a_quarter_is_told_apart_at_any_cut(void **state) {
  const test_server *s = *state;
  int pages;
  json_t *raw = all_pages(s,
                          "/api/devices/meter-001/readings?from=2026-01-10T10:00:00Z&to="
                          "2026-01-10T10:30:00Z",
                          10000, &pages);
  double whole_kwh = -1;
  for (int second = 0; second <= 1800; second += 61) {
    char left[160];
    char right[160];
    const char *base = "/api/devices/meter-001/readings?agg=15m&";
    (void)snprintf(left, sizeof left, "%sfrom=2026-01-10T10:00:00Z&to=2026-01-10T10:%02d:%02dZ",
                   base, second / 60, second % 60);
    (void)snprintf(right, sizeof right, "%sfrom=2026-01-10T10:%02d:%02dZ&to=2026-01-10T10:30:00Z",
                   base, second / 60, second % 60);
    json_t *before = second == 0 ? json_array() : all_pages(s, left, 10000, &pages);
    json_t *behind = all_pages(s, right, 10000, &pages);
    double kwh = sum_of(before, "energy_kwh") + sum_of(behind, "energy_kwh");
    if (whole_kwh < 0) whole_kwh = kwh;
    assert_true(test_near(kwh, whole_kwh));
    assert_true(
        test_near(sum_of(before, "count") + sum_of(behind, "count"), (double)json_array_size(raw)));
    json_decref(before);
    json_decref(behind);
  }
  json_decref(raw);
}

static void hours_begin_on_the_zones_clock_and_say_so(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s,
                          "/api/devices/meter-001/readings?agg=1h&from=2026-01-10T00:00:00%2B05:30&"
                          "to=2026-01-10T02:00:00%2B05:30",
                          ASHA);
  json_t *rows = json_object_get(root, "readings");
  assert_int_equal(json_array_size(rows), 2);
  assert_string_equal(test_text_in(json_array_get(rows, 0), "timestamp"),
                      "2026-01-10T00:00:00+05:30");
  assert_string_equal(test_text_in(json_array_get(rows, 1), "timestamp"),
                      "2026-01-10T01:00:00+05:30");
  assert_true(test_number_in(json_array_get(rows, 0), "count") == 6);
  json_decref(root);
}

static void a_gap_shows_its_use_and_no_power(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s,
                          "/api/devices/meter-001/readings?agg=1h&from=2026-01-20T10:00:00%2B05:30&"
                          "to=2026-01-20T12:00:00%2B05:30",
                          ASHA);
  json_t *rows = json_object_get(root, "readings");
  assert_int_equal(json_array_size(rows), 2);
  json_t *row = json_array_get(rows, 0);
  assert_true(test_number_in(row, "count") == 0);
  assert_true(test_number_in(row, "energy_kwh") > 0.1);
  assert_true(json_is_null(json_object_get(row, "power_w_avg")));
  json_decref(root);
}

static void where_there_is_nothing_there_are_no_rows(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {
      "/api/devices/meter-001/readings?agg=1h&from=2025-01-01T00:00:00Z&to=2025-06-01T00:00:00Z",
      "/api/devices/meter-001/readings?from=1970-01-01T00:00:00Z&to=2025-06-01T00:00:00Z",
      "/api/devices/meter-001/readings?agg=1m&from=0001-01-01T00:00:00Z&to=2025-06-01T00:00:00Z",
      "/api/devices/meter-001/readings?agg=1M&from=2027-01-01T00:00:00Z&to=9999-06-01T00:00:00Z",
      "/api/devices/meter-004/readings?agg=1d"};
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    json_t *root = test_get(s, targets[i], ADMIN);
    assert_int_equal(json_array_size(json_object_get(root, "readings")), 0);
    assert_true(json_is_null(json_object_get(root, "next")));
    json_decref(root);
  }
}

static void a_bad_parameter_is_named(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"agg=2h", "agg"},
      {"agg=1D", "agg"},
      {"limit=10001", "limit"},
      {"limit=0", "limit"},
      {"from=now", "from"},
      {"to=2026-01-01", "to"},
      {"from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"},
      {"cursor=zzz", "cursor"},
      {"agg=raw&agg=1h", "agg"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char target[256];
    (void)snprintf(target, sizeof target, "/api/devices/meter-001/readings?%s", bad[i][0]);
    test_reply reply = test_ask(s, "GET", target, ASHA, NULL);
    assert_int_equal(reply.status, 400);
    json_t *root = test_json(&reply);
    json_t *error = json_array_get(json_object_get(root, "errors"), 0);
    assert_string_equal(test_text_in(error, "field"), bad[i][1]);
    json_decref(root);
    test_reply_fini(&reply);
  }
}

static void a_cursor_serves_its_own_list_only(void **state) {
  const test_server *s = *state;
  json_t *root = test_get(s, "/api/devices/meter-001/readings?agg=15m&limit=1", ADMIN);
  char target[512];
  const char *next = test_text_in(root, "next");
  assert_non_null(next);
  (void)snprintf(target, sizeof target, "/api/devices/meter-001/readings?agg=1h&cursor=%s", next);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 400);
  (void)snprintf(target, sizeof target, "/api/devices/meter-002/readings?agg=15m&cursor=%s", next);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 400);
  (void)snprintf(target, sizeof target, "/api/devices?cursor=%s", next);
  assert_int_equal(test_status(s, "GET", target, ADMIN, NULL), 400);
  json_decref(root);
}

/* ---- bills ---- */

static void a_month_is_checked(void **state) {
  const test_server *s = *state;
  static const char *const bad[] = {"month=2026-13", "month=2026-1",
                                    "month=",        "month=January",
                                    "month=2026-03", "month=2026-01&month=2026-02"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char target[128];
    (void)snprintf(target, sizeof target, "/api/billing/meter-001?%s", bad[i]);
    test_reply reply = test_ask(s, "GET", target, ASHA, NULL);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "\"field\":\"month\""));
    test_reply_fini(&reply);
  }
}

static void the_running_month_is_the_default_and_projects(void **state) {
  const test_server *s = *state;
  json_t *bill = test_get(s, "/api/billing/meter-001", ASHA);
  assert_string_equal(test_text_in(bill, "month"), "2026-02");
  assert_non_null(test_text_in(json_object_get(bill, "projection"), "total"));
  assert_string_equal(test_text_in(bill, "to"), "2026-02-15T12:00:00+05:30");
  json_decref(bill);
}

static char *account_of(const test_server *s, test_who who, size_t at) {
  json_t *root = test_get(s, "/api/accounts", who);
  json_t *account = json_array_get(json_object_get(root, "accounts"), at);
  char *id = strdup(test_text_in(account, "account_id"));
  json_decref(root);
  return id;
}

static void another_account_can_be_named_if_it_is_ones_own(void **state) {
  const test_server *s = *state;
  for (size_t at = 0; at < 2; at++) {
    char *ravis = account_of(s, RAVI, at);
    char target[160];
    (void)snprintf(target, sizeof target, "/api/billing/meter-003?month=2026-02&account=%s", ravis);
    unsigned asha = test_status(s, "GET", target, ASHA, NULL);
    unsigned ravi = test_status(s, "GET", target, RAVI, NULL);
    unsigned admin = test_status(s, "GET", target, ADMIN, NULL);
    assert_int_equal(asha, 404);
    assert_true(ravi == admin && (ravi == 200 || ravi == 404));
    free(ravis);
  }
}

/* ---- many at once ---- */

typedef struct crowd {
  const test_server *server;
  const char *target;
  char *first; /* what one alone was answered */
  pthread_t thread;
  int wrong;
} crowd;

static void *ask_again_and_again(void *context) {
  crowd *c = context;
  for (int i = 0; i < 15; i++) {
    test_reply reply = test_ask(c->server, "GET", c->target, ASHA, NULL);
    if (strcmp(reply.body, c->first) != 0) c->wrong++;
    test_reply_fini(&reply);
  }
  return NULL;
}

static void many_at_once_are_answered_as_one_alone(void **state) {
  const test_server *s = *state;
  static const char *const targets[] = {"/api/devices/meter-001/readings?agg=15m",
                                        "/api/devices",
                                        "/api/devices/meter-003/readings?" JANUARY "&agg=1h",
                                        "/api/tariffs",
                                        "/api/accounts",
                                        "/"};
  enum { CROWD = sizeof targets / sizeof targets[0] };
  crowd member[CROWD];
  for (size_t i = 0; i < CROWD; i++) {
    test_reply reply = test_ask(s, "GET", targets[i], ASHA, NULL);
    member[i] = (crowd){.server = s, .target = targets[i], .first = strdup(reply.body)};
    test_reply_fini(&reply);
  }
  for (size_t i = 0; i < CROWD; i++)
    assert_int_equal(pthread_create(&member[i].thread, NULL, ask_again_and_again, &member[i]), 0);
  for (size_t i = 0; i < CROWD; i++) assert_int_equal(pthread_join(member[i].thread, NULL), 0);
  for (size_t i = 0; i < CROWD; i++) {
    assert_int_equal(member[i].wrong, 0);
    free(member[i].first);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_raw_row_is_a_telemetry_object),
      cmocka_unit_test(the_default_is_the_last_day_up_to_now),
      cmocka_unit_test(pages_joined_are_the_whole),
      cmocka_unit_test(buckets_of_every_size_add_up_to_the_same),
      cmocka_unit_test(buckets_add_up_to_the_bill),
      cmocka_unit_test(any_cut_adds_up_also_inside_a_quarter),
      cmocka_unit_test(a_quarter_is_told_apart_at_any_cut),
      cmocka_unit_test(hours_begin_on_the_zones_clock_and_say_so),
      cmocka_unit_test(a_gap_shows_its_use_and_no_power),
      cmocka_unit_test(where_there_is_nothing_there_are_no_rows),
      cmocka_unit_test(a_bad_parameter_is_named),
      cmocka_unit_test(a_cursor_serves_its_own_list_only),
      cmocka_unit_test(a_month_is_checked),
      cmocka_unit_test(the_running_month_is_the_default_and_projects),
      cmocka_unit_test(another_account_can_be_named_if_it_is_ones_own),
      cmocka_unit_test(many_at_once_are_answered_as_one_alone),
  };
  return cmocka_run_group_tests(tests, test_server_set_up, test_server_tear_down);
}
