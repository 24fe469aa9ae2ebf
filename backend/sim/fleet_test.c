#include "sim/fleet.h"

#include "base/clock.h"
#include "sim/demo_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t DAY_S = 86400;
static const int64_t MINUTE_S = 60;

static sm_zone *kolkata;
static const char START[] = "2026-11-24T11:04:47Z";

static int setup(void **state) {
  (void)state;
  return sm_zone_new("Asia/Kolkata", &kolkata) == SM_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  sm_zone_free(kolkata);
  return 0;
}

static int64_t instant_ms(const char *text) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms;
}

static sm_sim_fleet demo(void) {
  sm_sim_fleet fleet;
  assert_int_equal(sm_sim_fleet_init_demo(&fleet, 1, kolkata, instant_ms(START)), SM_OK);
  return fleet;
}

static sm_sim_demo_schedule schedule(void) {
  return sm_sim_demo_schedule_of(kolkata, instant_ms(START));
}

static const sm_sim_meter *meter_of(const sm_sim_fleet *fleet, sm_sim_scenario scenario) {
  size_t count;
  const sm_sim_demo_meter *table = sm_sim_demo_meters(&count);
  for (size_t i = 0; i < count; i++)
    if (table[i].scenario == scenario) return &fleet->meters[i];
  fail();
  return NULL;
}

static int64_t register_at(const sm_sim_meter *meter, int64_t t) {
  sm_sim_reading reading;
  assert_int_equal(sm_sim_meter_read(meter, t, &reading), SM_OK);
  assert_in_range(reading.energy_wh, 0, SM_SIM_REGISTER_WH - 1);
  return reading.energy_wh;
}

static void the_history_begins_two_full_months_before_the_start(void **state) {
  (void)state;
  sm_sim_demo_schedule s = schedule();
  assert_int_equal(s.history_from_ms, instant_ms("2026-09-01T00:00:00+05:30"));
  assert_int_equal(s.swap_ms, sm_sim_demo_swap_at(kolkata, instant_ms(START)));
  int64_t last_full_month_ms = instant_ms("2026-10-01T00:00:00+05:30");
  int64_t its_end_ms = instant_ms("2026-11-01T00:00:00+05:30");
  assert_true(s.gap_from_ms < last_full_month_ms && s.gap_to_ms > last_full_month_ms);
  assert_int_equal(s.gap_to_ms - s.gap_from_ms, INT64_C(9) * 3600000);
  const int64_t within[] = {s.reset_ms, s.swap_ms, s.late_from_ms, s.late_to_ms, s.late_sent_ms};
  for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
    assert_in_range(within[i], last_full_month_ms, its_end_ms);
    assert_int_equal(within[i] % 60000, 0);
  }
  /* Also where a start is on the first of January, in a zone with clock changes. */
  sm_zone *berlin;
  assert_int_equal(sm_zone_new("Europe/Berlin", &berlin), SM_OK);
  s = sm_sim_demo_schedule_of(berlin, instant_ms("2027-01-01T00:00:00+01:00"));
  assert_int_equal(s.history_from_ms, instant_ms("2026-11-01T00:00:00+01:00"));
  sm_zone_free(berlin);
}

static void the_neighbourhood_is_the_one_described(void **state) {
  (void)state;
  size_t count;
  const sm_sim_demo_meter *table = sm_sim_demo_meters(&count);
  assert_int_equal(count, 10);
  int seen[SM_SIM_SWAPPED_IN + 1] = {0};
  for (size_t i = 0; i < count; i++) {
    seen[table[i].scenario]++;
    assert_true((table[i].resident == NULL) == (table[i].size == SM_SIM_COMMON));
    assert_true((table[i].email == NULL) == (table[i].resident == NULL));
  }
  for (int scenario = SM_SIM_GAP; scenario <= SM_SIM_SWAPPED_IN; scenario++)
    assert_int_equal(seen[scenario], 1);
  assert_string_equal(table[0].device_id, "meter-001");
  assert_int_equal(table[0].scenario, SM_SIM_NORMAL);
  sm_sim_fleet fleet = demo();
  assert_int_equal(fleet.count, 10);
  assert_int_equal(fleet.household_count, 9);
  sm_sim_fleet_fini(&fleet);
}

static void a_register_never_falls_but_at_a_reset(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  int64_t from = schedule().history_from_ms / 1000;
  for (size_t i = 0; i < fleet.count; i++) {
    const sm_sim_meter *meter = &fleet.meters[i];
    int64_t before = -1;
    for (int64_t t = from; t < from + 92 * DAY_S; t += 17 * MINUTE_S) {
      if (!sm_sim_meter_measures(meter, t)) continue;
      int64_t now = register_at(meter, t);
      bool just_reset = t >= meter->reset_s && t - 17 * MINUTE_S < meter->reset_s;
      assert_true(just_reset ? now < before && now < 1000 : now >= before);
      before = now;
    }
  }
  sm_sim_fleet_fini(&fleet);
}

static void flats_meet_the_slabs_differently(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  int64_t from = instant_ms("2026-09-01T00:00:00+05:30") / 1000;
  int64_t to = instant_ms("2026-10-01T00:00:00+05:30") / 1000;
  int under_200_kwh = 0;
  int over_300_kwh = 0;
  for (size_t i = 0; i < 8; i++) {
    int64_t t = sm_sim_meter_measures(&fleet.meters[i], to) ? to : to + INT64_C(6) * 3600;
    int64_t wh = register_at(&fleet.meters[i], t) - register_at(&fleet.meters[i], from);
    assert_in_range(wh, 120000, 450000);
    under_200_kwh += wh < 200000;
    over_300_kwh += wh > 300000;
  }
  assert_true(under_200_kwh >= 2 && over_300_kwh >= 2);
  sm_sim_fleet_fini(&fleet);
}

static void in_a_gap_the_meter_is_silent_and_the_register_goes_on(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  const sm_sim_meter *meter = meter_of(&fleet, SM_SIM_GAP);
  int64_t from = schedule().gap_from_ms / 1000;
  int64_t to = schedule().gap_to_ms / 1000;
  sm_sim_reading reading;
  assert_int_equal(sm_sim_meter_read(meter, from, &reading), SM_ERR_NOT_FOUND);
  assert_false(sm_sim_meter_measures(meter, to - 1));
  assert_true(register_at(meter, to) - register_at(meter, from - MINUTE_S) > 500);
  sm_sim_due due;
  int64_t t;
  sm_sim_due_init(&due, meter, from, to, MINUTE_S);
  assert_false(sm_sim_due_next(&due, &t));
  sm_sim_fleet_fini(&fleet);
}

static void a_reset_register_counts_on_from_zero(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  const sm_sim_meter *meter = meter_of(&fleet, SM_SIM_RESET);
  int64_t at = schedule().reset_ms / 1000;
  assert_true(register_at(meter, at - 1) > 3410892);
  assert_int_equal(register_at(meter, at), 0);
  assert_true(register_at(meter, at + DAY_S) > 3000);
  sm_sim_fleet_fini(&fleet);
}

static void a_swap_ends_one_meter_where_the_other_begins(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  const sm_sim_meter *out = meter_of(&fleet, SM_SIM_SWAPPED_OUT);
  const sm_sim_meter *in = meter_of(&fleet, SM_SIM_SWAPPED_IN);
  int64_t at = schedule().swap_ms / 1000;
  assert_true(sm_sim_meter_measures(out, at));
  assert_false(sm_sim_meter_measures(out, at + 1));
  assert_false(sm_sim_meter_measures(in, at - 1));
  assert_int_equal(register_at(in, at), 214);
  assert_true(register_at(out, at) > 4127430);
  sm_sim_reading a;
  sm_sim_reading b;
  assert_int_equal(sm_sim_meter_read(out, at, &a), SM_OK);
  assert_int_equal(sm_sim_meter_read(in, at, &b), SM_OK);
  assert_int_equal(a.power_mw, b.power_mw); /* one household */
  sm_sim_fleet_fini(&fleet);
}

static void late_hours_come_after_what_followed_them(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  const sm_sim_meter *meter = meter_of(&fleet, SM_SIM_LATE);
  int64_t late_from = schedule().late_from_ms / 1000;
  int64_t late_to = schedule().late_to_ms / 1000;
  int64_t sent = schedule().late_sent_ms / 1000;
  int64_t from = late_from - DAY_S;
  int64_t to = sent + DAY_S;
  size_t span = (size_t)((to - from) / MINUTE_S);
  bool *seen = calloc(span, sizeof *seen);
  assert_non_null(seen);
  sm_sim_due due;
  sm_sim_due_init(&due, meter, from, to, MINUTE_S);
  size_t count = 0;
  int64_t latest = from;
  for (int64_t t; sm_sim_due_next(&due, &t); count++) {
    assert_in_range(t, from, to - 1);
    assert_false(seen[(t - from) / MINUTE_S]);
    seen[(t - from) / MINUTE_S] = true;
    if (t >= late_from && t < late_to)
      assert_int_equal(latest, sent - MINUTE_S);
    else
      latest = t;
  }
  assert_int_equal(count, span);
  free(seen);
  sm_sim_fleet_fini(&fleet);
}

/* Cuts a stretch into pieces and gathers what is due, in the order of sending. */
static size_t gather(const sm_sim_meter *meter, int64_t from, int64_t to, int64_t piece,
                     int64_t *out, size_t cap) {
  size_t count = 0;
  for (int64_t at = from; at < to; at += piece) {
    sm_sim_due due;
    sm_sim_due_init(&due, meter, at, at + piece < to ? at + piece : to, MINUTE_S);
    for (int64_t t; sm_sim_due_next(&due, &t);) {
      assert_true(count < cap);
      out[count++] = t;
    }
  }
  return count;
}

static void rounds_of_any_length_send_the_same_in_the_same_order(void **state) {
  (void)state;
  enum { CAP = 20000 };
  sm_sim_fleet fleet = demo();
  int64_t *whole = calloc(CAP, sizeof *whole);
  int64_t *pieces = calloc(CAP, sizeof *pieces);
  assert_non_null(whole);
  assert_non_null(pieces);
  int64_t from = schedule().late_from_ms / 1000 - DAY_S;
  int64_t to = from + 12 * DAY_S;
  for (size_t i = 0; i < fleet.count; i++) {
    size_t count = gather(&fleet.meters[i], from, to, to - from, whole, CAP);
    static const int64_t lengths[] = {61, 3600, 30000};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
      assert_int_equal(gather(&fleet.meters[i], from, to, lengths[k], pieces, CAP), count);
      if (count > 0) assert_memory_equal(whole, pieces, count * sizeof *whole);
    }
  }
  free(whole);
  free(pieces);
  sm_sim_fleet_fini(&fleet);
}

static void a_payload_is_the_contracts_object(void **state) {
  (void)state;
  sm_sim_fleet fleet = demo();
  sm_buf payload;
  sm_buf_init(&payload, 0);
  sm_sim_due due;
  int64_t at = instant_ms("2026-09-06T20:10:30+05:30") / 1000;
  sm_sim_due_init(&due, &fleet.meters[0], at, at + 10, 10);
  sm_sim_limits one = {.readings = 1, .bytes = 4096};
  size_t readings;
  assert_int_equal(sm_sim_message_next(&due, &one, NULL, &payload, &readings), SM_OK);
  assert_int_equal(readings, 1);
  assert_string_equal(sm_buf_text(&payload),
                      "{\"device_id\":\"meter-001\",\"timestamp\":\"2026-09-06T14:40:30Z\","
                      "\"voltage\":222.4,\"current\":2.537,\"power_w\":502.2,"
                      "\"energy_kwh\":1292.427,\"power_factor\":0.89,\"frequency_hz\":50,"
                      "\"rssi\":-55}");
  assert_int_equal(sm_sim_message_next(&due, &one, NULL, &payload, &readings), SM_OK);
  assert_int_equal(readings, 0);
  sm_sim_sequence sequence = {.epoch = 7, .seq = 41};
  sm_sim_due_init(&due, &fleet.meters[0], at, at + 20, 10);
  sm_sim_limits many = {.readings = 500, .bytes = 4096};
  assert_int_equal(sm_sim_message_next(&due, &many, &sequence, &payload, &readings), SM_OK);
  assert_int_equal(readings, 2);
  assert_int_equal(sm_buf_text(&payload)[0], '[');
  assert_non_null(strstr(sm_buf_text(&payload), "\"epoch\":7,\"seq\":42},{\"device_id\""));
  assert_non_null(strstr(sm_buf_text(&payload), "\"epoch\":7,\"seq\":43}]"));
  sm_buf_fini(&payload);
  sm_sim_fleet_fini(&fleet);
}

static void messages_keep_their_limits(void **state) {
  (void)state;
  char prefix[SM_SIM_PREFIX_MAX + 1];
  memset(prefix, 'x', sizeof prefix - 1);
  prefix[sizeof prefix - 1] = '\0';
  sm_sim_fleet fleet;
  int64_t begin = instant_ms("2026-01-01T00:00:00Z") / 1000;
  assert_int_equal(sm_sim_fleet_init(&fleet, 9, 3, prefix, kolkata, begin), SM_OK);
  sm_buf payload;
  sm_buf_init(&payload, 0);
  static const sm_sim_limits limits[] = {{500, 122880}, {500, 1000}, {7, 122880}, {1, 512}};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    sm_sim_due due;
    sm_sim_due_init(&due, &fleet.meters[2], begin, begin + DAY_S, MINUTE_S);
    size_t total = 0;
    for (size_t readings = 1; readings > 0; total += readings) {
      assert_int_equal(sm_sim_message_next(&due, &limits[i], NULL, &payload, &readings), SM_OK);
      assert_true(readings <= limits[i].readings);
      assert_true(payload.len <= limits[i].bytes);
    }
    assert_int_equal(total, 1440);
  }
  sm_buf_fini(&payload);
  sm_sim_fleet_fini(&fleet);
}

static void a_fleet_refuses_what_it_cannot_be(void **state) {
  (void)state;
  sm_sim_fleet fleet;
  assert_int_equal(sm_sim_fleet_init(&fleet, 1, 0, "a", kolkata, 0), SM_ERR_RANGE);
  assert_int_equal(sm_sim_fleet_init(&fleet, 1, SM_SIM_METERS_MAX + 1, "a", kolkata, 0),
                   SM_ERR_RANGE);
  static const char *const bad[] = {
      "a.b", "a/b",      "#",
      "a b", "\xc3\xa4", "1234567890123456789012345678901234567890123456789012345678"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(sm_sim_fleet_init(&fleet, 1, 1, bad[i], kolkata, 0), SM_ERR_INVALID);
}

static void a_meters_register_wraps_as_a_real_one_does(void **state) {
  (void)state;
  sm_sim_household *household;
  int64_t begin = instant_ms("2026-01-01T00:00:00Z") / 1000;
  assert_int_equal(sm_sim_household_new(1, 1, SM_SIM_LARGE, kolkata, begin, &household), SM_OK);
  sm_sim_meter meter;
  assert_int_equal(sm_sim_meter_init(&meter, "m", 1, 1, household, begin, SM_SIM_REGISTER_WH - 10),
                   SM_OK);
  assert_int_equal(register_at(&meter, begin), SM_SIM_REGISTER_WH - 10);
  assert_in_range(register_at(&meter, begin + DAY_S), 1000, 30000);
  sm_sim_household_free(household);
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fputs(text, file) >= 0, 1);
  assert_int_equal(fclose(file), 0);
}

static void a_demo_remembers_its_start_and_refuses_a_damaged_memory(void **state) {
  (void)state;
  char folder[] = "/tmp/sm-demo-XXXXXX";
  assert_non_null(mkdtemp(folder));
  char path[64];
  (void)snprintf(path, sizeof path, "%s/state", folder);
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_sim_demo_state first;
  assert_int_equal(
      sm_sim_demo_state_open(path, "Asia/Kolkata", 5, instant_ms(START) + 7, &first, &problem),
      SM_OK);
  assert_int_equal(first.start_ms, instant_ms(START));
  assert_int_equal(first.sent_until_ms, schedule().history_from_ms);
  first.sent_until_ms += 10000;
  assert_int_equal(sm_sim_demo_state_save(path, &first), SM_OK);
  sm_sim_demo_state again;
  assert_int_equal(
      sm_sim_demo_state_open(path, "Europe/Berlin", 6, instant_ms(START) + 99999, &again, &problem),
      SM_OK);
  assert_int_equal(again.start_ms, first.start_ms);
  assert_int_equal(again.sent_until_ms, first.sent_until_ms);
  assert_int_equal(again.seed, 5);
  assert_string_equal(again.zone, "Asia/Kolkata");
  static const char *const damaged[] = {
      "",
      "smartmeter-demo 1\n",
      "smartmeter-demo 2\nseed 1\n",
      "smartmeter-demo 1\nseed -1\nzone UTC\nstarted 2026-01-01T00:00:00Z\n",
      "smartmeter-demo 1\nseed 1\nzone UTC\nstarted yesterday\nsent_until 2026-01-01T00:00:00Z\n",
      "smartmeter-demo 1\nseed 1\nzone UTC\nstarted 2026-01-01T00:00:00Z\nsent_until 2026-01"};
  for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
    write_text(path, damaged[i]);
    sm_buf_clear(&problem);
    assert_int_equal(sm_sim_demo_state_open(path, "UTC", 1, 0, &again, &problem), SM_ERR_CORRUPT);
    assert_true(problem.len > 0);
  }
  sm_buf_fini(&problem);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_history_begins_two_full_months_before_the_start),
      cmocka_unit_test(the_neighbourhood_is_the_one_described),
      cmocka_unit_test(a_register_never_falls_but_at_a_reset),
      cmocka_unit_test(flats_meet_the_slabs_differently),
      cmocka_unit_test(in_a_gap_the_meter_is_silent_and_the_register_goes_on),
      cmocka_unit_test(a_reset_register_counts_on_from_zero),
      cmocka_unit_test(a_swap_ends_one_meter_where_the_other_begins),
      cmocka_unit_test(late_hours_come_after_what_followed_them),
      cmocka_unit_test(rounds_of_any_length_send_the_same_in_the_same_order),
      cmocka_unit_test(a_payload_is_the_contracts_object),
      cmocka_unit_test(messages_keep_their_limits),
      cmocka_unit_test(a_fleet_refuses_what_it_cannot_be),
      cmocka_unit_test(a_meters_register_wraps_as_a_real_one_does),
      cmocka_unit_test(a_demo_remembers_its_start_and_refuses_a_damaged_memory),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
