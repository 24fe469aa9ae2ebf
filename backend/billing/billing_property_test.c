/* What must hold for every history and tariff, tried on many made by a small generator. The same
 * ones every time: a failure names its seed. */
#include "billing/billing_test_kit.h"

#include "base/buf.h"
#include "base/checked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 300, STEP_MS = 600000 };

/* xorshift64*: enough for test data, the same on every machine. */
static uint64_t next_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(2685821657736338717);
}

static int64_t below(uint64_t *state, int64_t limit) {
  return (int64_t)(next_random(state) % (uint64_t)limit);
}

/* January 2026 with some hours before and after it: a reading every 5 to 45 minutes, or, for one in
 * eight, every 2.5 to 5.5 with a longer pause now and then; use of up to 5 kW. */
static kit *random_history(uint64_t *state) {
  kit *k = kit_new("Asia/Kolkata", "2026-01");
  bool dense = below(state, 8) == 0;
  int64_t at = kit_ms("2025-12-31T12:00:00+05:30");
  int64_t end = kit_ms("2026-02-01T12:00:00+05:30");
  int64_t wh = 1000000 + below(state, 4000000);
  while (at < end && k->meter[0].point_count < KIT_POINTS) {
    k->point[0][k->meter[0].point_count++] = (sm_register_point){.ts_ms = at, .wh = wh};
    int64_t step_ms =
        dense ? 150000 + below(state, 180000) : STEP_MS / 2 + below(state, 4 * STEP_MS);
    if (dense && below(state, 300) == 0) step_ms += below(state, 30 * STEP_MS);
    at += step_ms;
    wh += below(state, step_ms / 720); /* 5 kW are a Wh in 720 ms */
  }
  assert_true(at >= end);
  return k;
}

static void random_rate(uint64_t *state, char out[16]) {
  (void)snprintf(out, 16, "%u.%06u", (unsigned)below(state, 12), (unsigned)below(state, 1000000));
}

/* Windows between some of the day's quarter hours, the last perhaps past midnight; on some days;
 * and some holidays. */
static void random_windows(uint64_t *state, sm_buf *buf) {
  static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"};
  int minute[8];
  size_t count = 2 + (size_t)below(state, 6);
  const char *comma = "";
  for (size_t i = 0; i < count; i++)
    minute[i] = (i > 0 ? minute[i - 1] : 0) + 15 * (1 + (int)below(state, 11));
  sm_buf_append_text(buf, ",\"time_of_day\":[");
  for (size_t i = 0; i < count; i++) {
    int to = minute[(i + 1) % count];
    if (below(state, 3) == 0) continue;
    sm_buf_printf(buf,
                  "%s{\"name\":\"W%d\",\"from\":\"%02d:%02d\",\"to\":\"%02d:%02d\",\"percent\":"
                  "\"%d.%06d\"",
                  comma, (int)i, minute[i] / 60, minute[i] % 60, to / 60, to % 60,
                  (int)below(state, 150) - 99, (int)below(state, 1000000));
    comma = ",";
    if (below(state, 2) == 0) {
      uint64_t days = 1 + next_random(state) % 255;
      const char *between = ",\"days\":[";
      for (size_t d = 0; d < 8; d++)
        if ((days >> d & 1) != 0) {
          sm_buf_printf(buf, "%s\"%s\"", between, names[d]);
          between = ",";
        }
      sm_buf_append_text(buf, "]");
    }
    sm_buf_append_text(buf, "}");
  }
  sm_buf_append_text(buf, "],\"holidays\":[\"2026-01-01\",\"2026-01-26\",\"2026-01-27\"]");
}

static void random_demand(uint64_t *state, sm_buf *buf) {
  static const int minutes[] = {15, 30, 60};
  sm_buf_printf(buf, ",\"demand\":{\"rate_per_kw\":\"%d.50\",\"window_minutes\":%d}",
                (int)below(state, 300), minutes[below(state, 3)]);
}

/* A telescopic tariff with rising bounds, every optional part now and then; windows only if
 * `timed`. */
static void random_tariff(uint64_t *state, size_t slot, const char *from, bool timed, kit *k) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_buf_printf(&buf, "{\"name\":\"R\",\"effective_from\":\"%s\",\"slabs\":[", from);
  int64_t bound = 0;
  char rate[16];
  for (int64_t i = below(state, 5); i > 0; i--) {
    bound += 1 + below(state, 300000);
    random_rate(state, rate);
    sm_buf_printf(&buf, "{\"up_to_kwh\":%d.%03d,\"rate\":\"%s\"},", (int)(bound / 1000),
                  (int)(bound % 1000), rate);
  }
  random_rate(state, rate);
  sm_buf_printf(&buf, "{\"up_to_kwh\":null,\"rate\":\"%s\"}]", rate);
  random_rate(state, rate);
  sm_buf_printf(&buf, ",\"fixed_charge\":\"%s\"", rate);
  if (below(state, 3) == 0) sm_buf_append_text(&buf, ",\"prorate_slabs\":true");
  if (below(state, 3) == 0) sm_buf_append_text(&buf, ",\"minimum_charge\":\"333.33\"");
  if (below(state, 3) == 0) sm_buf_append_text(&buf, ",\"fixed_per_kw\":\"12.345678\"");
  if (below(state, 3) == 0) sm_buf_append_text(&buf, ",\"round_total_to\":\"1.00\"");
  if (below(state, 2) == 0)
    sm_buf_append_text(&buf, ",\"surcharges\":[{\"name\":\"S\",\"per_kwh\":\"0.123456\"},"
                             "{\"name\":\"C\",\"percent\":\"3.3\"}]");
  if (timed && below(state, 4) > 0) random_windows(state, &buf);
  if (below(state, 2) == 0) random_demand(state, &buf);
  sm_buf_append_text(&buf, ",\"taxes\":[{\"name\":\"T\",\"percent\":\"17.77\"},{\"name\":\"D\","
                           "\"percent\":\"9\",\"on\":[\"energy\"]}]}");
  kit_tariff(k, slot, from, sm_buf_text(&buf));
  sm_buf_fini(&buf);
}

static void check_sums(const sm_bill *bill) {
  int64_t subtotal = 0, tax = 0, rounding = 0, use = 0, parts = 0, days = 0;
  for (size_t i = 0; i < bill->line_count; i++) {
    int64_t amount = bill->line[i].amount_minor;
    if (bill->line[i].kind == SM_LINE_TAX)
      tax += amount;
    else if (bill->line[i].kind == SM_LINE_ROUNDING)
      rounding += amount;
    else
      subtotal += amount;
  }
  for (size_t i = 0; i < bill->reg_count; i++) use += bill->reg[i].use_wh;
  for (size_t i = 0; i < bill->segment_count; i++) parts += bill->segment[i].use_wh;
  assert_int_equal(bill->subtotal_minor, subtotal);
  assert_int_equal(bill->tax_minor, tax);
  assert_int_equal(bill->total_minor, subtotal + tax + rounding);
  assert_int_equal(bill->consumption_wh, use);
  assert_int_equal(bill->consumption_wh, parts);
  for (size_t i = 0; i < bill->day_count; i++) days += bill->day[i].use_wh;
  assert_int_equal(bill->consumption_wh, days);
}

/* Whether an amount is the nearest to a fraction. */
static void check_rounded(int64_t amount, sm_i128 numerator, sm_i128 denominator) {
  sm_i128 twice = 2 * (amount * denominator - numerator);
  if (denominator < 0) {
    twice = -twice;
    denominator = -denominator;
  }
  assert_true(twice >= -denominator && twice <= denominator);
}

static int64_t energy_of(const sm_bill *bill, const sm_bill_segment *segment) {
  int64_t sum = 0;
  for (size_t i = 0; i < segment->line_count; i++) {
    const sm_bill_line *line = &bill->line[segment->first_line + i];
    if (line->kind == SM_LINE_ENERGY) sum += line->amount_minor;
  }
  return sum;
}

static const sm_bill_window *window_named(const sm_bill_segment *segment, const char *name) {
  for (size_t i = 0; i < segment->window_count; i++)
    if (strcmp(segment->window[i].name, name) == 0) return &segment->window[i];
  fail_msg("no window is called %s", name);
  return NULL;
}

/* Every line that is not a month's share is what its members say, rounded once. */
static void check_line(const sm_bill *bill, const sm_bill_segment *segment,
                       const sm_bill_line *line) {
  if (line->kind == SM_LINE_TIME_OF_DAY) {
    const sm_bill_window *window = window_named(segment, line->name);
    check_rounded(line->amount_minor,
                  (sm_i128)energy_of(bill, segment) * window->use_wh * line->rate_micro,
                  (sm_i128)segment->use_wh * 100000000);
    /* its base to 6 places gives the same to a minor unit */
    check_rounded(line->quantity, (sm_i128)energy_of(bill, segment) * window->use_wh * 10000,
                  segment->use_wh);
  } else if (line->kind == SM_LINE_DEMAND) {
    check_rounded(line->amount_minor,
                  (sm_i128)segment->demand.kw_centi * line->rate_micro * segment->days,
                  (sm_i128)1000000 * segment->month_days);
  } else if (strcmp(line->unit, "kWh") == 0) {
    check_rounded(line->amount_minor, (sm_i128)line->quantity * line->rate_micro, 10000000);
  } else if (strcmp(line->unit, "percent") == 0) {
    check_rounded(line->amount_minor, (sm_i128)line->quantity * line->rate_micro, 100000000);
  }
}

static void check_lines(const sm_bill *bill) {
  for (size_t s = 0; s < bill->segment_count; s++)
    for (size_t i = 0; i < bill->segment[s].line_count; i++)
      check_line(bill, &bill->segment[s], &bill->line[bill->segment[s].first_line + i]);
}

static void lines_add_up_and_are_rounded_once(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 7919;
    kit *k = random_history(&random);
    k->input.sanctioned_load_w = 100 * below(&random, 100);
    random_tariff(&random, 0, "2025-01-01", true, k);
    if (seed % 2 == 0) random_tariff(&random, 1, "2026-01-11", true, k);
    if (seed % 4 == 0) random_tariff(&random, 2, "2026-01-30", true, k);
    sm_bill *bill = kit_bill(k);
    check_sums(bill);
    check_lines(bill);
    assert_int_equal(bill->event_count, 0);
    sm_bill_free(bill);
    kit_free(k);
  }
}

static int64_t use_of_tenancy(kit *k, int from_day, int to_day) {
  k->input.has_from = true;
  k->input.from = (sm_date){2026, 1, from_day};
  k->input.has_to = true;
  k->input.to = sm_date_add_days((sm_date){2026, 1, 1}, to_day - 1);
  sm_bill *bill = kit_bill(k);
  check_sums(bill);
  int64_t use = bill->consumption_wh;
  sm_bill_free(bill);
  return use;
}

static void parts_of_a_month_add_up_to_the_whole_for_any_cut(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 104729;
    kit *k = random_history(&random);
    k->meter[0].multiplier_milli = 1 + below(&random, 5000);
    int a = 2 + (int)below(&random, 15);
    int b = a + 1 + (int)below(&random, 14);
    int64_t whole = use_of_tenancy(k, 1, 32);
    int64_t parts = use_of_tenancy(k, 1, a) + use_of_tenancy(k, a, b) + use_of_tenancy(k, b, 32);
    assert_int_equal(parts, whole);
    kit_free(k);
  }
}

static void a_cut_with_the_same_rates_changes_no_energy(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 15485863;
    kit *k = random_history(&random);
    sm_bill *plain = kit_bill(k);
    kit_tariff(k, 1, "2026-01-17", sm_tariff_default_json());
    sm_bill *cut = kit_bill(k);
    int64_t difference = 0;
    for (size_t i = 0; i < plain->line_count; i++)
      if (plain->line[i].kind == SM_LINE_ENERGY) difference += plain->line[i].amount_minor;
    for (size_t i = 0; i < cut->line_count; i++)
      if (cut->line[i].kind == SM_LINE_ENERGY) difference -= cut->line[i].amount_minor;
    assert_in_range(difference + 2, 0, 4); /* one more line, rounded */
    assert_int_equal(plain->consumption_wh, cut->consumption_wh);
    sm_bill_free(plain);
    sm_bill_free(cut);
    kit_free(k);
  }
}

static void adding_use_never_lowers_a_telescopic_bill(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 32452843;
    kit *k = random_history(&random);
    /* no windows: more use at noon leaves a smaller part of it to an evening's surcharge */
    random_tariff(&random, 0, "2025-01-01", false, k);
    if (seed % 3 == 0) random_tariff(&random, 1, "2026-01-20", false, k);
    sm_bill *less = kit_bill(k);
    /* the same history with more use from some reading on */
    size_t from = (size_t)below(&random, (int64_t)k->meter[0].point_count);
    int64_t more = below(&random, 50000);
    k->meter[0].max_power_w = 100000000;
    for (size_t i = from; i < k->meter[0].point_count; i++) k->point[0][i].wh += more;
    sm_bill *greater = kit_bill(k);
    assert_true(greater->consumption_wh >= less->consumption_wh);
    assert_true(greater->total_minor >= less->total_minor);
    sm_bill_free(less);
    sm_bill_free(greater);
    kit_free(k);
  }
}

/* Windows that tile the day, cut anywhere, in a zone with a change of the clock. */
static void windows_and_the_rest_are_the_whole_for_any_cut(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 86028121;
    static const char *const zones[] = {"Asia/Kolkata", "America/Asuncion", "Africa/Cairo",
                                        "Asia/Kathmandu"};
    kit *k = random_history(&random);
    sm_zone_free(k->zone);
    assert_int_equal(sm_zone_new(zones[seed % 4], &k->zone), SM_OK);
    k->input.zone = k->zone;
    char json[512];
    int a = 15 * (int)below(&random, 40);
    int b = a + 15 + 15 * (int)below(&random, 50);
    (void)snprintf(
        json, sizeof json,
        "{\"name\":\"T\",\"effective_from\":\"2025-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
        "\"rate\":\"1\"}],\"time_of_day\":[{\"name\":\"A\",\"from\":\"%02d:%02d\",\"to\":"
        "\"%02d:%02d\",\"percent\":\"1\"},{\"name\":\"B\",\"from\":\"%02d:%02d\",\"to\":"
        "\"%02d:%02d\",\"percent\":\"2\"}]}",
        a / 60, a % 60, b / 60, b % 60, b / 60, b % 60, a / 60, a % 60);
    kit_tariff(k, 0, "2025-01-01", json);
    char from[16];
    (void)snprintf(from, sizeof from, "2026-01-%02d", 2 + (int)below(&random, 29));
    kit_tariff(k, 1, from, json);
    k->meter[0].multiplier_milli = 1 + below(&random, 5000);
    sm_bill *bill = kit_bill(k);
    check_sums(bill);
    for (size_t i = 0; i < bill->segment_count; i++) {
      const sm_bill_window *w = bill->segment[i].window;
      assert_int_equal(w[0].use_wh + w[0].untimed_wh + w[1].use_wh + w[1].untimed_wh,
                       bill->segment[i].use_wh);
    }
    sm_bill_free(bill);
    kit_free(k);
  }
}

/* A highest window is not above the highest step, and what was used in it is in the bill. */
static void demand_is_that_of_a_window_that_was_read(void **state) {
  (void)state;
  size_t measured = 0;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 217645199;
    kit *k = random_history(&random);
    kit_tariff(k, 0, "2025-01-01",
               "{\"name\":\"T\",\"effective_from\":\"2025-01-01\",\"slabs\":[{\"up_to_kwh\":null,"
               "\"rate\":\"1\"}],\"demand\":{\"rate_per_kw\":\"1\",\"window_minutes\":15}}");
    sm_bill *bill = kit_bill(k);
    const sm_bill_demand *d = &bill->segment[0].demand;
    assert_true(d->measured == (d->skipped < 31 * 96));
    if (d->measured) {
      measured++;
      assert_true(d->kw_centi > 0 && d->kw_centi <= 505); /* 5 kW, and the rounding of edges */
      assert_true(d->from_ms >= bill->from_ms && d->to_ms <= bill->to_ms);
      assert_int_equal(d->from_ms % 900000, 0);
    }
    sm_bill_free(bill);
    kit_free(k);
  }
  assert_true(measured > ROUNDS / 20);
}

static char *as_text(const kit *k, const sm_bill *bill) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_bill_write_json(&w, bill, k->zone);
  char *text = sm_buf_take(&buf);
  assert_non_null(text);
  return text;
}

/* Puts a point in behind number `at`. */
static void insert(kit *k, size_t at, sm_register_point point) {
  size_t count = k->meter[0].point_count++;
  assert_true(count < KIT_POINTS);
  memmove(&k->point[0][at + 2], &k->point[0][at + 1], (count - at - 1) * sizeof point);
  k->point[0][at + 1] = point;
}

static void a_wild_reading_or_a_repeated_one_changes_nothing(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 49979687;
    kit *k = random_history(&random);
    random_tariff(&random, 0, "2025-01-01", true, k);
    sm_bill *plain = kit_bill(k);
    size_t at = (size_t)below(&random, (int64_t)k->meter[0].point_count);
    int64_t wild = below(&random, 2) == 0 ? k->point[0][at].wh / 2
                                          : k->point[0][at].wh + 1000000 + below(&random, 9000000);
    insert(k, at, (sm_register_point){.ts_ms = k->point[0][at].ts_ms + 1, .wh = wild});
    for (int i = 0; i < 5; i++) {
      size_t again = (size_t)below(&random, (int64_t)k->meter[0].point_count);
      insert(k, again, k->point[0][again]);
    }
    sm_bill *disturbed = kit_bill(k);
    char *a = as_text(k, plain);
    char *b = as_text(k, disturbed);
    assert_string_equal(a, b);
    free(a);
    free(b);
    sm_bill_free(plain);
    sm_bill_free(disturbed);
    kit_free(k);
  }
}

static void a_reset_or_rollover_anywhere_never_makes_use_negative(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint64_t random = seed * 67867967;
    kit *k = random_history(&random);
    sm_bill *plain = kit_bill(k);
    size_t count = k->meter[0].point_count;
    size_t at = 3 + (size_t)below(&random, (int64_t)count - 6);
    bool rollover = below(&random, 2) == 0;
    int64_t step_wh = k->point[0][at].wh - k->point[0][at - 1].wh;
    int64_t lost = k->point[0][at].wh - (rollover ? below(&random, step_wh + 1) : 0);
    for (size_t i = 0; rollover && i < at; i++) k->point[0][i].wh += 10000000 - lost;
    for (size_t i = at; i < count; i++) k->point[0][i].wh -= lost;
    sm_bill *bill = kit_bill(k);
    check_sums(bill);
    assert_true(bill->consumption_wh >= 0);
    assert_true(bill->consumption_wh <= plain->consumption_wh);
    if (rollover) assert_in_range(plain->consumption_wh - bill->consumption_wh, 0, 0);
    for (size_t i = 0; i < bill->reg_count; i++) assert_true(bill->reg[i].use_wh >= 0);
    sm_bill_free(plain);
    sm_bill_free(bill);
    kit_free(k);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_add_up_and_are_rounded_once),
      cmocka_unit_test(parts_of_a_month_add_up_to_the_whole_for_any_cut),
      cmocka_unit_test(a_cut_with_the_same_rates_changes_no_energy),
      cmocka_unit_test(adding_use_never_lowers_a_telescopic_bill),
      cmocka_unit_test(windows_and_the_rest_are_the_whole_for_any_cut),
      cmocka_unit_test(demand_is_that_of_a_window_that_was_read),
      cmocka_unit_test(a_wild_reading_or_a_repeated_one_changes_nothing),
      cmocka_unit_test(a_reset_or_rollover_anywhere_never_makes_use_negative),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
