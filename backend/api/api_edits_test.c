/* Edits and manual readings over the real server: who may, what bills and buckets make of them, and
 * that the readings stay as they came. */
#include "api/api_test_util.h"

#include "invoicing/invoicing.h"

#include <setjmp.h>
#include <stdarg.h>
/* after the ones above, which it wants */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDITS "/api/devices/meter-001/edits"
#define AT "2026-01-10T10:00:00+05:30"

static void refused(const test_server *s, const char *target, const char *body, unsigned status,
                    const char *field) {
  json_t *root = test_admin_ask(s, "POST", target, body, status);
  json_t *errors = json_object_get(root, "errors");
  bool named = false;
  for (size_t i = 0; i < json_array_size(errors); i++)
    if (strcmp(test_text_in(json_array_get(errors, i), "field"), field) == 0) named = true;
  if (!named) fail_msg("%s is not named for %s", field, body);
  json_decref(root);
}

/* Adds one of meter-001 or another and gives its number. */
static int64_t add(const test_server *s, const char *target, const char *body) {
  json_t *root = test_admin_ask(s, "POST", target, body, 201);
  int64_t no = json_integer_value(json_object_get(root, "no"));
  json_decref(root);
  return no;
}

static void withdraw(const test_server *s, const char *target, int64_t no) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/%lld/withdraw", target, (long long)no);
  json_decref(test_admin_ask(s, "POST", path, "{\"reason\":\"done\"}", 200));
}

static void store(test_server *s, const char *device_id, const char *at, int64_t wh) {
  sm_reading_in in = {.device_id = device_id,
                      .reading = {.ts_ms = test_instant(at), .energy_wh = wh}};
  sm_readings_batch batch = {.readings = &in, .reading_count = 1};
  assert_int_equal(sm_readings_commit(s->readings, &batch), SM_OK);
}

static int64_t register_at(const test_server *s, const char *device_id, const char *at) {
  sm_reading_list list;
  int64_t ts_ms = test_instant(at);
  assert_int_equal(
      sm_readings_raw(s->readings, device_id, SM_CHANNEL_IMPORT, ts_ms, ts_ms + 1, 1, &list),
      SM_OK);
  assert_int_equal(list.count, 1);
  int64_t wh = list.item[0].energy_wh;
  sm_reading_list_fini(&list);
  return wh;
}

/* ---- what an edit does ---- */

static void an_edit_is_shown_with_who_when_and_why(void **state) {
  const test_server *s = *state;
  json_t *root =
      test_admin_ask(s, "POST", EDITS,
                     "{\"at\":\"2026-01-10T10:05:00+05:30\",\"kind\":\"manual\",\"kwh\":1103.25,"
                     "\"reason\":\"read at the handover\"}",
                     201);
  assert_string_equal(test_text_in(root, "at"), "2026-01-10T04:35:00Z");
  assert_string_equal(test_text_in(root, "kind"), "manual");
  assert_true(json_is_null(json_object_get(root, "before_kwh")));
  assert_true(test_near(test_number_in(root, "after_kwh"), 1103.25));
  assert_string_equal(test_text_in(root, "reason"), "read at the handover");
  assert_string_equal(test_text_in(root, "by"), "admin");
  assert_true(strncmp(test_text_in(root, "by_user"), "u_", 2) == 0);
  assert_non_null(test_text_in(root, "made_at"));
  assert_true(json_is_null(json_object_get(root, "withdrawn")));
  int64_t no = json_integer_value(json_object_get(root, "no"));
  json_decref(root);
  root = test_get(s, EDITS, ASHA);
  json_t *edits = json_object_get(root, "edits");
  assert_int_equal(json_array_size(edits), 1);
  json_t *seen = json_array_get(edits, 0);
  assert_string_equal(test_text_in(seen, "by"), "admin");
  assert_true(json_is_null(json_object_get(seen, "by_user"))); /* a resident sees the role */
  assert_true(json_is_null(json_object_get(root, "next")));
  json_decref(root);
  withdraw(s, EDITS, no);
}

static double kwh_of(json_t *bill) {
  return test_number_in(bill, "consumption_kwh");
}

/* The register at the end of January is corrected by 0.010 kWh: the bill and the month's bucket
 * follow, and go back with the edit. */
static void bills_and_buckets_follow_and_raw_stays(void **state) {
  const test_server *s = *state;
  static const char *const bill = "/api/billing/meter-001?month=2026-01";
  static const char *const month = "/api/devices/meter-001/readings?agg=1M&"
                                   "from=2026-01-01T00:00:00+05:30&to=2026-02-01T00:00:00+05:30";
  static const char *const raw = "/api/devices/meter-001/readings?"
                                 "from=2026-02-01T00:00:00+05:30&to=2026-02-01T00:10:00+05:30";
  char body[256];
  int64_t wh = register_at(s, "meter-001", "2026-02-01T00:00:00+05:30");
  json_t *before = test_get(s, bill, ASHA);
  assert_null(json_object_get(before, "edits"));
  (void)snprintf(body, sizeof body,
                 "{\"at\":\"2026-02-01T00:00:00+05:30\",\"kind\":\"correct\",\"kwh\":%lld.%03lld,"
                 "\"reason\":\"the display, by photo\"}",
                 (long long)(wh - 10) / 1000, (long long)(wh - 10) % 1000);
  int64_t no = add(s, EDITS, body);
  json_t *after = test_get(s, bill, ASHA);
  assert_true(test_near(kwh_of(after), kwh_of(before) - 0.010));
  json_t *edit = json_array_get(json_object_get(after, "edits"), 0);
  assert_true(test_near(test_number_in(edit, "before_kwh"), (double)wh / 1000));
  assert_true(test_near(test_number_in(edit, "after_kwh"), (double)(wh - 10) / 1000));
  assert_string_equal(test_text_in(edit, "by"), "admin");
  assert_string_equal(test_text_in(edit, "at"), "2026-02-01T00:00:00+05:30");
  assert_true(json_is_true(json_object_get(edit, "believed")));
  json_t *buckets = test_get(s, month, ASHA);
  json_t *bucket = json_array_get(json_object_get(buckets, "readings"), 0);
  assert_true(test_near(test_number_in(bucket, "energy_kwh"), kwh_of(after)));
  json_decref(buckets);
  json_t *rows = test_get(s, raw, ASHA);
  json_t *row = json_array_get(json_object_get(rows, "readings"), 0);
  assert_true(test_near(test_number_in(row, "energy_kwh"), (double)wh / 1000));
  json_decref(rows);
  withdraw(s, EDITS, no);
  json_t *again = test_get(s, bill, ASHA);
  assert_true(json_equal(again, before));
  json_decref(again);
  json_decref(after);
  json_decref(before);
}

/* Three wild readings that agree are a jump and a reset; voided they are nothing, in buckets of any
 * size, also where a bucket cuts the quarter. */
static void voided_readings_count_nowhere(void **state) {
  test_server *s = *state;
  static const char *const wild[] = {"2026-01-12T10:01:00+05:30", "2026-01-12T10:02:00+05:30",
                                     "2026-01-12T10:03:00+05:30"};
  static const char *const aggs[] = {"1m", "15m", "1h", "1d"};
  json_t *before[4];
  char target[256];
  char body[256];
  json_t *bill = test_get(s, "/api/billing/meter-001?month=2026-01", ADMIN);
  for (size_t i = 0; i < 4; i++) {
    (void)snprintf(target, sizeof target,
                   "/api/devices/meter-001/readings?agg=%s&from=2026-01-12T10:02:00+05:30&"
                   "to=2026-01-12T11:00:00+05:30",
                   aggs[i]);
    before[i] = test_get(s, target, ADMIN);
  }
  for (size_t i = 0; i < 3; i++) store(s, "meter-001", wild[i], 5000000);
  json_t *wrong = test_get(s, "/api/billing/meter-001?month=2026-01", ADMIN);
  assert_true(json_is_true(json_object_get(wrong, "estimated")));
  assert_int_equal(json_array_size(json_object_get(wrong, "events")), 2);
  json_decref(wrong);
  for (size_t i = 0; i < 3; i++) {
    (void)snprintf(body, sizeof body, "{\"at\":\"%s\",\"kind\":\"void\",\"reason\":\"wild\"}",
                   wild[i]);
    (void)add(s, EDITS, body);
  }
  json_t *right = test_get(s, "/api/billing/meter-001?month=2026-01", ADMIN);
  assert_true(json_equal(json_object_get(right, "lines"), json_object_get(bill, "lines")));
  assert_true(json_equal(json_object_get(right, "total"), json_object_get(bill, "total")));
  assert_int_equal(json_array_size(json_object_get(right, "edits")), 3);
  json_decref(right);
  json_decref(bill);
  for (size_t i = 0; i < 4; i++) {
    (void)snprintf(target, sizeof target,
                   "/api/devices/meter-001/readings?agg=%s&from=2026-01-12T10:02:00+05:30&"
                   "to=2026-01-12T11:00:00+05:30",
                   aggs[i]);
    json_t *now = test_get(s, target, ADMIN);
    double sum[2] = {0, 0};
    json_t *lists[2] = {json_object_get(before[i], "readings"), json_object_get(now, "readings")};
    for (int k = 0; k < 2; k++)
      for (size_t r = 0; r < json_array_size(lists[k]); r++)
        sum[k] += test_number_in(json_array_get(lists[k], r), "energy_kwh");
    if (!test_near(sum[0], sum[1])) fail_msg("%s: %f, was %f", aggs[i], sum[1], sum[0]);
    json_decref(now);
    json_decref(before[i]);
  }
}

/* A meter without any reading has what was read by hand. */
static void a_meter_read_by_hand_has_buckets(void **state) {
  const test_server *s = *state;
  static const char *const edits = "/api/devices/meter-004/edits";
  (void)add(s, edits,
            "{\"at\":\"2026-01-10T00:00:00+05:30\",\"kind\":\"manual\",\"kwh\":10,"
            "\"reason\":\"round\"}");
  (void)add(s, edits,
            "{\"at\":\"2026-01-12T00:00:00+05:30\",\"kind\":\"manual\",\"kwh\":14,"
            "\"reason\":\"round\"}");
  json_t *root = test_get(s,
                          "/api/devices/meter-004/readings?agg=1d&"
                          "from=2026-01-01T00:00:00+05:30&to=2026-02-01T00:00:00+05:30",
                          ADMIN);
  json_t *rows = json_object_get(root, "readings");
  assert_int_equal(json_array_size(rows), 2);
  assert_true(test_near(test_number_in(json_array_get(rows, 0), "energy_kwh"), 2));
  assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "count")), 0);
  json_decref(root);
}

/* ---- who ---- */

static void only_admins_edit(void **state) {
  const test_server *s = *state;
  static const char *const body =
      "{\"at\":\"" AT "\",\"kind\":\"void\",\"reason\":\"I would like that\"}";
  assert_int_equal(test_status(s, "POST", EDITS, NOBODY, body), 401);
  assert_int_equal(test_status(s, "POST", EDITS, ASHA, body), 403);
  assert_int_equal(test_status(s, "POST", EDITS "/1/withdraw", NOBODY, "{}"), 401);
  assert_int_equal(test_status(s, "POST", EDITS "/1/withdraw", ASHA, "{\"reason\":\"x\"}"), 403);
  assert_int_equal(test_status(s, "GET", EDITS, NOBODY, NULL), 401);
  assert_int_equal(test_status(s, "GET", EDITS, RAVI, NULL), 404);
  assert_int_equal(test_status(s, "GET", "/api/devices/absent/edits", ADMIN, NULL), 404);
  assert_int_equal(test_status(s, "POST", "/api/devices/absent/edits", ADMIN, body), 404);
}

static size_t seen(const test_server *s, test_who who) {
  json_t *root = test_get(s, "/api/devices/meter-003/edits?withdrawn=1", who);
  size_t count = json_array_size(json_object_get(root, "edits"));
  json_decref(root);
  return count;
}

/* meter-003 was asha's in January and is ravi's since. */
static void a_resident_sees_the_edits_of_their_own_time(void **state) {
  const test_server *s = *state;
  static const char *const edits = "/api/devices/meter-003/edits";
  (void)add(s, edits,
            "{\"at\":\"2026-01-10T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"of asha\"}");
  (void)add(s, edits,
            "{\"at\":\"2026-02-10T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"of ravi\"}");
  (void)add(s, edits,
            "{\"at\":\"2026-02-11T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"of ravi\"}");
  assert_int_equal(seen(s, ADMIN), 3);
  assert_int_equal(seen(s, ASHA), 1);
  assert_int_equal(seen(s, RAVI), 2);
}

/* ---- the list ---- */

static void the_list_is_paged_and_tells_what_was_taken_back(void **state) {
  const test_server *s = *state;
  static const char *const edits = "/api/devices/meter-002/edits";
  int64_t no[4];
  for (int i = 0; i < 4; i++) {
    char body[160];
    (void)snprintf(body, sizeof body,
                   "{\"at\":\"2026-01-1%dT10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"r%d\"}",
                   4 - i, i);
    no[i] = add(s, edits, body);
  }
  withdraw(s, edits, no[1]);
  char target[512] = "/api/devices/meter-002/edits?limit=1&withdrawn=1";
  for (int i = 3; i >= 0; i--) {
    json_t *root = test_get(s, target, RAVI);
    json_t *list = json_object_get(root, "edits");
    assert_int_equal(json_array_size(list), 1);
    json_t *edit = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(edit, "no")), no[i]);
    json_t *withdrawn = json_object_get(edit, "withdrawn");
    assert_int_equal(json_is_object(withdrawn), i == 1);
    if (i == 1) assert_string_equal(test_text_in(withdrawn, "reason"), "done");
    if (i == 1) assert_true(json_is_null(json_object_get(withdrawn, "by_user")));
    const char *next = test_text_in(root, "next");
    assert_int_equal(next == NULL, i == 0);
    if (next != NULL)
      (void)snprintf(target, sizeof target,
                     "/api/devices/meter-002/edits?limit=1&withdrawn=1&cursor=%s", next);
    json_decref(root);
  }
  json_t *root = test_get(s,
                          "/api/devices/meter-002/edits?from=2026-01-12T00:00:00+05:30&"
                          "to=2026-01-14T00:00:00+05:30",
                          ADMIN);
  assert_int_equal(json_array_size(json_object_get(root, "edits")), 1); /* one is taken back */
  json_decref(root);
  assert_int_equal(test_status(s, "GET", EDITS "?cursor=x", ADMIN, NULL), 400);
  assert_int_equal(test_status(s, "GET", EDITS "?withdrawn=2", ADMIN, NULL), 400);
  assert_int_equal(test_status(s, "GET", EDITS "?from=yesterday", ADMIN, NULL), 400);
}

/* ---- refusals ---- */

static void a_bad_edit_is_refused_by_its_fields(void **state) {
  const test_server *s = *state;
  static const char *const bad[][2] = {
      {"{\"kind\":\"manual\",\"kwh\":1,\"reason\":\"x\"}", "at"},
      {"{\"at\":\"yesterday\",\"kind\":\"manual\",\"kwh\":1,\"reason\":\"x\"}", "at"},
      {"{\"at\":\"2026-02-15T12:00:01+05:30\",\"kind\":\"manual\",\"kwh\":1,\"reason\":\"x\"}",
       "at"},
      {"{\"at\":\"2026-01-10T10:05:00+05:30\",\"kind\":\"void\",\"reason\":\"x\"}", "at"},
      {"{\"at\":\"" AT "\",\"reason\":\"x\"}", "kind"},
      {"{\"at\":\"" AT "\",\"kind\":\"withdraw\",\"reason\":\"x\"}", "kind"},
      {"{\"at\":\"" AT "\",\"kind\":\"manual\",\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"correct\",\"kwh\":-1,\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"correct\",\"kwh\":1.0005,\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"correct\",\"kwh\":\"1\",\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"correct\",\"kwh\":10001,\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"void\",\"kwh\":1,\"reason\":\"x\"}", "kwh"},
      {"{\"at\":\"" AT "\",\"kind\":\"void\"}", "reason"},
      {"{\"at\":\"" AT "\",\"kind\":\"void\",\"reason\":\"\"}", "reason"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    refused(s, EDITS, bad[i][0], 422, bad[i][1]);
  json_t *root = test_get(s, EDITS "?withdrawn=1", ADMIN);
  assert_int_equal(json_array_size(json_object_get(root, "edits")), 0);
  json_decref(root);
}

static void an_edit_holds_until_it_is_taken_back_once(void **state) {
  const test_server *s = *state;
  static const char *const body = "{\"at\":\"" AT "\",\"kind\":\"void\",\"reason\":\"wild\"}";
  char path[128];
  int64_t no = add(s, EDITS, body);
  refused(s, EDITS, body, 409, "at");
  (void)snprintf(path, sizeof path, EDITS "/%lld/withdraw", (long long)no);
  refused(s, path, "{}", 422, "reason");
  json_t *root = test_admin_ask(s, "POST", path, "{\"reason\":\"it was right\"}", 200);
  assert_string_equal(test_text_in(json_object_get(root, "withdrawn"), "reason"), "it was right");
  assert_string_equal(test_text_in(json_object_get(root, "withdrawn"), "by"), "admin");
  json_decref(root);
  refused(s, path, "{\"reason\":\"again\"}", 409, "no");
  withdraw(s, EDITS, add(s, EDITS, body));
  static const char *const absent[] = {EDITS "/999/withdraw", EDITS "/A/withdraw",
                                       "/api/devices/meter-002/edits/1/withdraw",
                                       "/api/devices/absent/edits/1/withdraw"};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
    assert_int_equal(test_status(s, "POST", absent[i], ADMIN, "{\"reason\":\"x\"}"), 404);
}

static void an_invoiced_month_stays(void **state) {
  const test_server *s = *state;
  sm_invoicing invoicing = {.ledger = s->ledger,
                            .readings = s->readings,
                            .zone = s->zone,
                            .currency = "INR",
                            .settings = &s->invoicing};
  sm_issue_request issue = {
      .actor = {.id = "cli"}, .year = 2026, .month = 1, .now_ms = test_now_ms()};
  sm_issue_summary summary;
  int64_t no = add(s, EDITS, "{\"at\":\"" AT "\",\"kind\":\"void\",\"reason\":\"wild\"}");
  assert_int_equal(sm_invoicing_issue_month(&invoicing, &issue, NULL, NULL, &summary), SM_OK);
  assert_true(summary.issued > 0);
  refused(s, EDITS, "{\"at\":\"2026-01-11T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"late\"}",
          409, "at");
  char path[128];
  (void)snprintf(path, sizeof path, EDITS "/%lld/withdraw", (long long)no);
  refused(s, path, "{\"reason\":\"late\"}", 409, "no");
  (void)add(s, EDITS,
            "{\"at\":\"2026-02-10T10:00:00+05:30\",\"kind\":\"void\",\"reason\":\"of now\"}");
  json_t *root = test_get(s, "/api/invoices/meter-001", ASHA);
  char target[128];
  (void)snprintf(target, sizeof target, "/api/invoices/meter-001/%s",
                 test_text_in(json_array_get(json_object_get(root, "invoices"), 0), "number"));
  json_decref(root);
  root = test_get(s, target, ASHA);
  json_t *edits = json_object_get(json_object_get(root, "bill"), "edits");
  assert_int_equal(json_array_size(edits), 1); /* the invoice says what it stands on */
  json_decref(root);
}

#define SERVED(name)                                                                               \
  cmocka_unit_test_setup_teardown(name, test_server_set_up, test_server_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(an_edit_is_shown_with_who_when_and_why),
      SERVED(bills_and_buckets_follow_and_raw_stays),
      SERVED(voided_readings_count_nowhere),
      SERVED(a_meter_read_by_hand_has_buckets),
      SERVED(only_admins_edit),
      SERVED(a_resident_sees_the_edits_of_their_own_time),
      SERVED(the_list_is_paged_and_tells_what_was_taken_back),
      SERVED(a_bad_edit_is_refused_by_its_fields),
      SERVED(an_edit_holds_until_it_is_taken_back_once),
      SERVED(an_invoiced_month_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
