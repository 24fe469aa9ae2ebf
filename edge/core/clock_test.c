#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const edge_clock_settings settings = EDGE_CLOCK_DEFAULTS;
enum { BEGIN_S = 1767225600, HOUR_MS = 3600000, MINUTE_MS = 60000 };

static edge_clock c;

static int setup(void **state) {
  (void)state;
  edge_clock_init(&c, &settings);
  return 0;
}

/* The port's clock, so far off the true one. */
static void port(int64_t off_s, int64_t now_ms) {
  edge_clock_port(&c, true, (BEGIN_S + off_s) * (int64_t)1000 + now_ms, now_ms);
}

/* Asked now, and answered a second later by a server whose clock is so far off. */
static bool answer(int64_t off_s, int64_t now_ms) {
  uint32_t asked_s = edge_clock_ask(&c, now_ms);
  return edge_clock_told(&c, asked_s, (uint32_t)(BEGIN_S + off_s + now_ms / 1000), now_ms + 1000);
}

static void nothing_is_sent_before_the_server_has_answered(void **state) {
  (void)state;
  assert_int_equal(edge_clock_due_ms(&c), INT64_MAX);
  assert_int_equal(edge_clock_at(&c, 5000), 0);
  port(0, 5000);
  assert_int_equal(edge_clock_due_ms(&c), 5000);
  assert_false(edge_clock_lets_send(&c) || edge_clock_stands(&c));
  assert_true(answer(0, 5000));
  assert_true(edge_clock_lets_send(&c) && edge_clock_stands(&c));
  assert_int_equal(c.state, EDGE_CLOCK_GOOD);
  assert_int_equal(edge_clock_due_ms(&c), 6000 + 900000);
  assert_int_equal(edge_clock_at(&c, 15000), BEGIN_S + 15);
}

/* What is not the answer to the last question, or came too late, may be from any time. */
static void only_the_answer_to_the_last_question_counts(void **state) {
  (void)state;
  port(0, 0);
  assert_false(edge_clock_told(&c, BEGIN_S, BEGIN_S, 0)); /* not asked */
  uint32_t asked_s = edge_clock_ask(&c, 1000);
  assert_false(edge_clock_told(&c, asked_s - 1, BEGIN_S + 1, 1500));
  assert_false(edge_clock_lets_send(&c));
  assert_false(edge_clock_told(&c, asked_s, BEGIN_S + 1, 21001 + 1000)); /* too late */
  assert_false(edge_clock_lets_send(&c));
  assert_int_equal(edge_clock_due_ms(&c), 22001);
  asked_s = edge_clock_ask(&c, 30000);
  edge_clock_lost(&c, 50000);
  assert_false(edge_clock_told(&c, asked_s, BEGIN_S + 30, 50001));
  assert_int_equal(edge_clock_due_ms(&c), 50000);
}

static void the_limit_is_a_minute_to_either_side(void **state) {
  (void)state;
  static const struct {
    int64_t off_s;
    edge_clock_state is;
  } cases[] = {{0, EDGE_CLOCK_GOOD},        {59, EDGE_CLOCK_GOOD},         {-59, EDGE_CLOCK_GOOD},
               {62, EDGE_CLOCK_APART},      {-62, EDGE_CLOCK_APART},       {301, EDGE_CLOCK_APART},
               {1 << 30, EDGE_CLOCK_APART}, {-(1 << 30), EDGE_CLOCK_APART}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    edge_clock_init(&c, &settings);
    port(cases[i].off_s, 0);
    assert_true(answer(0, 0));
    assert_int_equal(c.state, cases[i].is);
    assert_int_equal(edge_clock_lets_send(&c), cases[i].is == EDGE_CLOCK_GOOD);
    assert_in_range(c.differs_s + cases[i].off_s + 1, 0, 2);
  }
}

static void the_servers_is_taken_after_an_hour_and_left_when_the_ports_is_right(void **state) {
  (void)state;
  port(-600, 0);
  for (int64_t at_ms = 0; at_ms < HOUR_MS; at_ms += MINUTE_MS) {
    assert_int_equal(edge_clock_due_ms(&c), at_ms == 0 ? 0 : at_ms - MINUTE_MS + 1000 + 60000);
    assert_true(answer(0, at_ms));
    assert_int_equal(c.state, EDGE_CLOCK_APART);
  }
  assert_true(answer(0, HOUR_MS + 1000));
  assert_int_equal(c.state, EDGE_CLOCK_SERVER);
  assert_in_range(edge_clock_at(&c, HOUR_MS) - (BEGIN_S + 3600), 0, 1);
  port(0, HOUR_MS + 60000);
  assert_int_equal(c.state, EDGE_CLOCK_GOOD);
}

static void a_server_of_before_what_was_checked_is_not_followed(void **state) {
  (void)state;
  port(0, 0);
  assert_true(answer(0, 0));
  edge_clock_stood(&c, BEGIN_S + 10);
  for (int64_t at_ms = 20000; at_ms < 5 * HOUR_MS; at_ms += MINUTE_MS) {
    assert_true(answer(-86400, at_ms));
    assert_int_equal(c.state, EDGE_CLOCK_APART);
  }
  assert_true(edge_clock_stands(&c)); /* what is measured has its time all the same */
  assert_true(answer(0, 6 * HOUR_MS));
  assert_int_equal(c.state, EDGE_CLOCK_GOOD);
}

static void a_jump_is_looked_past_and_asked_about(void **state) {
  (void)state;
  port(0, 0);
  assert_true(answer(0, 0));
  port(30, 10000); /* led */
  assert_int_equal(edge_clock_at(&c, 10000), BEGIN_S + 40);
  port(7200, 20000);
  assert_int_equal(edge_clock_at(&c, 20000), BEGIN_S + 50);
  assert_int_equal(edge_clock_due_ms(&c), 20000);
  assert_true(answer(7200, 20000)); /* both have: summer time, or the first was wrong */
  assert_int_equal(edge_clock_at(&c, 20000), BEGIN_S + 7220);
  assert_int_equal(c.state, EDGE_CLOCK_GOOD);
}

static void a_server_that_tells_nothing_twice_tells_none(void **state) {
  (void)state;
  port(0, 0);
  (void)edge_clock_ask(&c, 0);
  edge_clock_untold(&c, 100);
  assert_false(edge_clock_lets_send(&c));
  (void)edge_clock_ask(&c, 100);
  edge_clock_untold(&c, 200);
  assert_true(edge_clock_lets_send(&c) && edge_clock_stands(&c));
  assert_int_equal(c.state, EDGE_CLOCK_UNTOLD);
  port(7200, 1000);
  assert_int_equal(edge_clock_at(&c, 1000), BEGIN_S + 7201); /* as ever */
}

static void a_clock_that_is_believed_asks_nobody(void **state) {
  (void)state;
  edge_clock_settings believed = settings;
  believed.believed = true;
  edge_clock_init(&c, &believed);
  port(0, 0);
  assert_true(edge_clock_lets_send(&c));
  assert_int_equal(edge_clock_due_ms(&c), INT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(nothing_is_sent_before_the_server_has_answered, setup),
      cmocka_unit_test_setup(only_the_answer_to_the_last_question_counts, setup),
      cmocka_unit_test_setup(the_limit_is_a_minute_to_either_side, setup),
      cmocka_unit_test_setup(the_servers_is_taken_after_an_hour_and_left_when_the_ports_is_right,
                             setup),
      cmocka_unit_test_setup(a_server_of_before_what_was_checked_is_not_followed, setup),
      cmocka_unit_test_setup(a_jump_is_looked_past_and_asked_about, setup),
      cmocka_unit_test_setup(a_server_that_tells_nothing_twice_tells_none, setup),
      cmocka_unit_test_setup(a_clock_that_is_believed_asks_nobody, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
