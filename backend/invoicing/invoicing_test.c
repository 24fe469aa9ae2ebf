/* Bills from the real embedded stores. */
#include "base/buf.h"
#include "base/clock.h"
#include "billing/billing.h"
#include "invoicing/invoicing_test_kit.h"
#include "invoicing/snapshot.h"
#include "model/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_contracts_example_comes_out_of_the_store(void **state) {
  fixture *f = *state;
  char *owner = add_example(f, "meter-001", 1);
  sm_invoicing_query query = january("meter-001");
  query.user_id = owner;
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_int_equal(bill->opening_wh, 1000000);
  assert_int_equal(bill->closing_wh, 1350000);
  assert_int_equal(bill->total_minor, 188800);
  assert_false(bill->estimated);
  assert_true(bill->settled);
  assert_non_null(bill->account_id);
  assert_null(bill->invoice);
  assert_string_equal(bill->device_id, "meter-001");
  sm_bill_free(bill);
  free(owner);
}

static void what_is_not_theirs_or_not_there_is_not_found(void **state) {
  fixture *f = *state;
  char *owner = add_example(f, "meter-001", 1);
  char *other = add_user(f, 2);
  sm_bill *bill = NULL;
  sm_invoicing_query query = january("meter-001");
  query.user_id = other;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  query = january("meter-999");
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  query = january("meter-001");
  query.account_id = "a_unknown";
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  query.device_id = NULL;
  query.account_id = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_INVALID);
  assert_null(bill);
  free(owner);
  free(other);
}

static void an_account_may_be_named_with_a_meter_of_its_own(void **state) {
  fixture *f = *state;
  char *owner = add_example(f, "meter-001", 1);
  char *other = add_user(f, 2);
  add_device(f, "meter-002", other);
  sm_account account = {0};
  assert_int_equal(sm_ledger_account_of_device(f->ledger, "meter-001", NULL, 0,
                                               ms("2026-02-01T00:00:00Z"), &account),
                   SM_OK);
  sm_invoicing_query query = january(NULL);
  query.account_id = account.account_id;
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_string_equal(bill->device_id, "meter-001");
  assert_int_equal(bill->total_minor, 188800);
  sm_bill_free(bill);
  bill = NULL;
  query.device_id = "meter-002";
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  query.device_id = NULL;
  query.user_id = other;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  sm_account_fini(&account);
  free(owner);
  free(other);
}

static void a_month_that_has_not_begun_is_refused(void **state) {
  fixture *f = *state;
  char *owner = add_example(f, "meter-001", 1);
  sm_bill *bill = NULL;
  sm_invoicing_query query = january("meter-001");
  query.month = 3;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_RANGE);
  query.month = 2;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_true(bill->running);
  assert_true(bill->has_projection);
  assert_int_equal(bill->to_ms, ms("2026-02-02T00:00:00+05:30"));
  sm_bill_free(bill);
  free(owner);
}

static void a_meter_without_an_account_is_billed_for_admins_by_the_first_tariff(void **state) {
  fixture *f = *state;
  /* "first" is told by the ms of its making: the other must be made in a later one */
  for (int64_t made_ms = sm_clock_now_ms(); sm_clock_now_ms() <= made_ms;) continue;
  add_tariff(f, "{\"name\":\"A later one\",\"effective_from\":\"2020-01-01\",\"slabs\":[{"
                "\"up_to_kwh\":null,\"rate\":\"99.00\"}]}");
  add_device(f, "meter-007", NULL);
  feed(f, "meter-007", "2026-01-01T00:00:00+05:30", "2026-02-01T00:00:00+05:30", 600, 0, 350000);
  sm_invoicing_query query = january("meter-007");
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_null(bill->account_id);
  assert_int_equal(bill->total_minor, 188800);
  assert_string_equal(bill->segment[0].tariff, "LT-1 Domestic");
  sm_bill_free(bill);
  char *owner = add_user(f, 1);
  query.user_id = owner;
  bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_ERR_NOT_FOUND);
  free(owner);
}

static void a_new_version_of_the_tariff_cuts_the_month(void **state) {
  fixture *f = *state;
  char *owner = add_example(f, "meter-001", 1);
  add_tariff(f, "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-16\",\"slabs\":[{"
                "\"up_to_kwh\":null,\"rate\":\"1.00\"}]}");
  sm_invoicing_query query = january("meter-001");
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_int_equal(bill->segment_count, 2);
  assert_int_equal(bill->segment[0].version, 1);
  assert_int_equal(bill->segment[1].version, 2);
  assert_int_equal(bill->segment[0].use_wh + bill->segment[1].use_wh, 350000);
  sm_bill_free(bill);
  free(owner);
}

static void a_meter_changed_in_an_earlier_month_does_not_make_a_first_month(void **state) {
  fixture *f = *state;
  char *owner = add_user(f, 1);
  add_device(f, "old", NULL);
  add_device(f, "new", NULL);
  feed(f, "old", "2025-11-01T00:00:00+05:30", "2025-12-20T00:00:00+05:30", 3600, 0, 100000);
  feed(f, "new", "2026-01-10T12:00:00+05:30", "2026-02-02T00:00:00+05:30", 600, 0, 100000);
  sm_account_meter meter[2] = {{.device_id = strdup("old"),
                                .from_ms = INT64_MIN,
                                .to_ms = ms("2025-12-20T00:00:00+05:30"),
                                .sign = 1,
                                .multiplier_milli = 1000},
                               {.device_id = strdup("new"),
                                .from_ms = ms("2026-01-10T12:00:00+05:30"),
                                .to_ms = INT64_MAX,
                                .sign = 1,
                                .multiplier_milli = 1000}};
  sm_account account = {.user_id = owner, .meter = meter, .meter_count = 2};
  sm_account_tariff on = {.name = strdup("LT-1 Domestic")};
  account.tariff = &on;
  account.tariff_count = 1;
  assert_int_equal(sm_ledger_account_add(f->ledger, tester, &account), SM_OK);
  sm_invoicing_query query = january("new");
  sm_bill *bill = NULL;
  assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
  assert_int_equal(bill->days, 31);
  assert_int_equal(bill->from_ms, ms("2026-01-01T00:00:00+05:30"));
  sm_bill_free(bill);
  free(account.account_id);
  free(meter[0].device_id);
  free(meter[1].device_id);
  free(on.name);
  free(owner);
}

/* ---- the store's trace is as good as all readings ---- */
static uint64_t next_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(2685821657736338717);
}

/* A month at about a reading a minute, with gaps, wild readings, resets and jumps. */
static size_t random_history(uint64_t *random, sm_register_point *point, size_t max) {
  int64_t at = ms("2025-12-30T00:00:00+05:30");
  int64_t end = ms("2026-02-03T00:00:00+05:30");
  int64_t wh = (int64_t)(next_random(random) % 9900000);
  size_t count = 0;
  while (at < end && count < max) {
    uint64_t dice = next_random(random) % 3000;
    int64_t shown = wh;
    if (dice < 8) shown = (int64_t)(next_random(random) % 10000000); /* a wild one */
    if (dice == 8) wh = shown = 0;                                   /* a reset */
    if (dice == 9) wh = shown = (wh + 3000000) % 10000000;           /* a jump */
    point[count++] = (sm_register_point){.ts_ms = at, .wh = shown};
    int64_t step_ms = 30000 + (int64_t)(next_random(random) % 60000);
    if (dice > 2995) step_ms += (int64_t)(next_random(random) % 20000000); /* a gap */
    at += step_ms;
    wh = (wh + (int64_t)(next_random(random) % (uint64_t)(step_ms / 900))) % 10000000;
  }
  return count;
}

static char *text_of(const fixture *f, const sm_bill *bill) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_bill_write_json(&w, bill, f->zone);
  char *text = sm_buf_take(&buf);
  assert_non_null(text);
  return text;
}

static void store_points(fixture *f, const char *device_id, const sm_register_point *point,
                         size_t count) {
  static sm_reading_in batch[KIT_BATCH];
  for (size_t i = 0; i < count;) {
    size_t n = 0;
    for (; n < KIT_BATCH && i < count; n++, i++)
      batch[n] = (sm_reading_in){
          .device_id = device_id,
          .reading = {.ts_ms = point[i].ts_ms, .energy_wh = point[i].wh, .voltage_mv = 230000}};
    assert_int_equal(sm_readings_commit(
                         f->readings, &(sm_readings_batch){.readings = batch, .reading_count = n}),
                     SM_OK);
  }
  assert_int_equal(sm_readings_maintain(f->readings, true, NULL), SM_OK);
}

/* The default tariff and all that is measured inside the month. */
static const char measured_tariff[] =
    "{\"name\":\"LT-1 Domestic\",\"effective_from\":\"2026-01-01\",\"slabs\":[{\"up_to_kwh\":100,"
    "\"rate\":\"3.50\"},{\"up_to_kwh\":null,\"rate\":\"6.00\"}],\"time_of_day\":[{\"name\":"
    "\"Peak\","
    "\"from\":\"18:15\",\"to\":\"22:00\",\"percent\":\"20\"},{\"name\":\"Night\",\"from\":\"22:"
    "00\","
    "\"to\":\"05:45\",\"percent\":\"-15\"}],\"demand\":{\"rate_per_kw\":\"90\",\"window_minutes\":"
    "15}}";

static sm_bill *bill_of_all(const fixture *f, const char *device_id, const sm_bill *like,
                            const sm_register_point *point, size_t count) {
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  const char *json = measured_tariff;
  assert_int_equal(sm_tariff_read_json(json, strlen(json), &tariff, NULL, &problems), SM_OK);
  tariff->version = like->segment[0].version;
  sm_billing_tariff schedule = {.from = tariff->effective_from, .tariff = tariff};
  sm_billing_meter meter = {.device_id = device_id,
                            .from_ms = INT64_MIN,
                            .to_ms = INT64_MAX,
                            .sign = 1,
                            .multiplier_milli = 1000,
                            .modulus_wh = 10000000,
                            .max_power_w = 23000,
                            .point = point,
                            .point_count = count};
  sm_billing_input input = {.device_id = device_id,
                            .zone = f->zone,
                            .currency = "INR",
                            .year = like->year,
                            .month = like->month,
                            .meter = &meter,
                            .meter_count = 1,
                            .tariff = &schedule,
                            .tariff_count = 1,
                            .now_ms = ms("2026-02-02T08:00:00+05:30")};
  sm_bill *bill = NULL;
  assert_int_equal(sm_billing_compute(&input, &bill), SM_OK);
  sm_tariff_free(tariff);
  return bill;
}

static void a_bill_from_the_stores_trace_is_the_bill_from_all_readings(void **state) {
  fixture *f = *state;
  enum { MAX = 60000 };
  sm_register_point *point = calloc(MAX, sizeof *point);
  assert_non_null(point);
  size_t events = 0;
  size_t suspects = 0;
  int64_t untimed = 0;
  int64_t skipped = 0;
  add_tariff(f, measured_tariff);
  for (uint64_t seed = 1; seed <= 6; seed++) {
    uint64_t random = seed * 7919;
    char device_id[32];
    (void)snprintf(device_id, sizeof device_id, "random-%u", (unsigned)seed);
    add_device(f, device_id, NULL);
    size_t count = random_history(&random, point, MAX);
    assert_true(count < MAX);
    store_points(f, device_id, point, count);
    sm_invoicing_query query = january(device_id);
    sm_bill *traced = NULL;
    assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &traced), SM_OK);
    sm_bill *whole = bill_of_all(f, device_id, traced, point, count);
    events += whole->event_count;
    suspects += whole->suspects;
    untimed += whole->segment[0].window[0].untimed_wh;
    skipped += whole->segment[0].demand.skipped;
    assert_true(whole->segment[0].demand.measured);
    char *a = text_of(f, traced);
    char *b = text_of(f, whole);
    assert_string_equal(a, b);
    free(a);
    free(b);
    sm_bill_free(traced);
    sm_bill_free(whole);
  }
  assert_true(events > 20 && suspects > 100 && untimed > 1000 &&
              skipped > 100); /* it was put to the test */
  free(point);
}

static void hash_of(const sm_collected *collected, const sm_bill *bill,
                    char hex[SM_SHA256_HEX_MAX]) {
  size_t count = 0;
  assert_int_equal(sm_snapshot_hash(collected, bill, hex, &count), SM_OK);
  assert_int_equal(count, 2);
}

/* A reading that comes late into a plain quarter moves no register, and may make a demand. */
static void a_pause_is_in_the_hash_where_a_demand_is_charged(void **state) {
  (void)state;
  char before[SM_SHA256_HEX_MAX], after[SM_SHA256_HEX_MAX];
  sm_register_point point[] = {{.ts_ms = 1000, .wh = 5},
                               {.ts_ms = 601000, .wh = 9, .gap_ms = 400000}};
  sm_billing_meter meter = {.device_id = "m",
                            .from_ms = 0,
                            .to_ms = 601000,
                            .sign = 1,
                            .multiplier_milli = 1000,
                            .point = point,
                            .point_count = 2};
  sm_bill_segment segment = {.tariff = NULL};
  sm_bill bill = {.from_ms = 0, .to_ms = 900000, .segment = &segment, .segment_count = 1};
  sm_collected collected = {.count = 1, .meter = &meter};
  for (int charged = 0; charged < 2; charged++) {
    segment.demand.charged = charged == 1;
    point[1].gap_ms = 400000;
    hash_of(&collected, &bill, before);
    point[1].gap_ms = 200000;
    hash_of(&collected, &bill, after);
    assert_int_equal(strcmp(before, after) != 0, charged);
  }
}

/* Every reading somewhere else, most of them twice. */
static size_t disorder(uint64_t *random, const sm_register_point *point, size_t count,
                       sm_register_point *out) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    out[n++] = point[i];
    if (next_random(random) % 3 > 0) out[n++] = point[i];
  }
  for (size_t i = n - 1; i > 0; i--) {
    size_t k = (size_t)(next_random(random) % (i + 1));
    sm_register_point kept = out[i];
    out[i] = out[k];
    out[k] = kept;
  }
  return n;
}

static void the_order_and_repetition_of_arrival_change_nothing(void **state) {
  fixture *f = *state;
  enum { COUNT = 6000 };
  sm_register_point *point = calloc(COUNT, sizeof *point);
  sm_register_point *mixed = calloc((size_t)2 * COUNT, sizeof *mixed);
  assert_true(point != NULL && mixed != NULL);
  add_tariff(f, measured_tariff);
  uint64_t random = 977;
  size_t count = random_history(&random, point, COUNT);
  add_device(f, "arrived-a", NULL);
  add_device(f, "arrived-b", NULL);
  store_points(f, "arrived-a", point, count);
  store_points(f, "arrived-b", mixed, disorder(&random, point, count, mixed));
  char *text[2];
  for (int i = 0; i < 2; i++) {
    sm_invoicing_query query = january(i == 0 ? "arrived-a" : "arrived-b");
    sm_bill *bill = NULL;
    assert_int_equal(sm_invoicing_bill(&f->invoicing, &query, &bill), SM_OK);
    assert_true(bill->consumption_wh > 0 && bill->segment[0].demand.measured);
    text[i] = text_of(f, bill);
    for (char *at = text[i]; (at = strstr(at, "arrived-b")) != NULL;) at[8] = 'a';
    sm_bill_free(bill);
  }
  assert_string_equal(text[0], text[1]);
  free(text[0]);
  free(text[1]);
  free(point);
  free(mixed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_contracts_example_comes_out_of_the_store),
      TEST(what_is_not_theirs_or_not_there_is_not_found),
      TEST(an_account_may_be_named_with_a_meter_of_its_own),
      TEST(a_month_that_has_not_begun_is_refused),
      TEST(a_meter_without_an_account_is_billed_for_admins_by_the_first_tariff),
      TEST(a_new_version_of_the_tariff_cuts_the_month),
      TEST(a_meter_changed_in_an_earlier_month_does_not_make_a_first_month),
      TEST(a_bill_from_the_stores_trace_is_the_bill_from_all_readings),
      TEST(the_order_and_repetition_of_arrival_change_nothing),
      TEST(a_pause_is_in_the_hash_where_a_demand_is_charged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
