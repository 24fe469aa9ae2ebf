#include "mqtt/outgoing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  sm_mqtt_outgoing outgoing;
  sm_buf out;
} fixture;

static void start(fixture *f, uint16_t receive_max, uint32_t packet_max) {
  sm_mqtt_outgoing_init(&f->outgoing);
  sm_buf_init(&f->out, 0);
  sm_mqtt_terms terms = {.receive_max = receive_max, .packet_max = packet_max};
  sm_mqtt_outgoing_connected(&f->outgoing, SM_MQTT_VERSION_5, &terms);
}

static void finish(fixture *f) {
  sm_mqtt_outgoing_fini(&f->outgoing);
  sm_buf_fini(&f->out);
}

static sm_err add(fixture *f, const char *payload) {
  return sm_mqtt_outgoing_add(&f->outgoing, "t", payload, strlen(payload), false, NULL);
}

/* What has left since the last call must be the packets with these ids and one byte of payload. */
static void assert_left(fixture *f, uint16_t first, uint16_t count) {
  sm_mqtt_outgoing_release(&f->outgoing, &f->out);
  assert_int_equal(f->out.len, (size_t)count * 9);
  for (uint16_t i = 0; i < count; i++) {
    uint16_t id = (uint16_t)(first + i);
    uint8_t wanted[9] = {0x32, 7, 0, 1, 't', (uint8_t)(id >> 8), (uint8_t)id, 0, 'x'};
    assert_memory_equal(f->out.data + (size_t)i * 9, wanted, sizeof wanted);
  }
  sm_buf_clear(&f->out);
}

static void nothing_leaves_before_it_may(void **state) {
  (void)state;
  fixture f;
  start(&f, 65535, UINT32_MAX);
  assert_int_equal(add(&f, "x"), SM_OK);
  assert_left(&f, 0, 0);
  sm_mqtt_outgoing_make_ready(&f.outgoing);
  assert_int_equal(add(&f, "x"), SM_OK); /* of the next batch */
  assert_left(&f, 1, 1);
  assert_left(&f, 0, 0);
  sm_mqtt_outgoing_make_ready(&f.outgoing);
  assert_left(&f, 2, 1);
  finish(&f);
}

/* What is to be said may outlive who says it: its connection is known again. */
static void each_connection_has_a_number_of_its_own(void **state) {
  (void)state;
  fixture one;
  fixture two;
  start(&one, 1, UINT32_MAX);
  start(&two, 1, UINT32_MAX);
  assert_true(one.outgoing.connection > 0);
  assert_true(two.outgoing.connection > one.outgoing.connection);
  finish(&one);
  finish(&two);
}

static void what_is_taken_back_was_never_there(void **state) {
  (void)state;
  fixture f;
  start(&f, 65535, UINT32_MAX);
  assert_int_equal(add(&f, "x"), SM_OK);
  sm_mqtt_outgoing_mark mark = sm_mqtt_outgoing_get_mark(&f.outgoing);
  assert_int_equal(add(&f, "y"), SM_OK);
  assert_int_equal(add(&f, "z"), SM_OK);
  sm_mqtt_outgoing_go_back(&f.outgoing, mark);
  assert_int_equal(add(&f, "x"), SM_OK);
  sm_mqtt_outgoing_make_ready(&f.outgoing);
  assert_left(&f, 1, 2);
  finish(&f);
}

/* So long a queue that what has left is given back many times over. */
static void a_window_lets_all_through_in_order(void **state) {
  (void)state;
  enum { COUNT = 20000, WINDOW = 7 };
  fixture f;
  start(&f, WINDOW, UINT32_MAX);
  for (unsigned i = 0; i < COUNT; i++) assert_int_equal(add(&f, "x"), SM_OK);
  sm_mqtt_outgoing_make_ready(&f.outgoing);
  assert_left(&f, 1, WINDOW);
  assert_left(&f, 0, 0);
  for (unsigned answered = 1; answered <= COUNT - WINDOW; answered++) {
    sm_mqtt_outgoing_answered(&f.outgoing);
    assert_left(&f, (uint16_t)(answered + WINDOW), 1);
  }
  for (unsigned i = 0; i < WINDOW; i++) sm_mqtt_outgoing_answered(&f.outgoing);
  assert_left(&f, 0, 0);
  assert_int_equal(f.outgoing.bytes.len, 0);
  sm_mqtt_outgoing_answered(&f.outgoing); /* one too many is nobody's answer */
  assert_int_equal(f.outgoing.in_flight, 0);
  finish(&f);
}

static void limits_are_told_apart(void **state) {
  (void)state;
  enum { LARGE = 9 * 1024 * 1024 };
  fixture f;
  char *large = malloc(LARGE + 1);
  assert_non_null(large);
  memset(large, 'x', LARGE);
  large[LARGE] = '\0';
  start(&f, 1, LARGE + 100);
  assert_int_equal(sm_mqtt_outgoing_add(&f.outgoing, "a/+", "x", 1, false, NULL), SM_ERR_INVALID);
  assert_int_equal(sm_mqtt_outgoing_add(&f.outgoing, "", "x", 1, false, NULL), SM_ERR_INVALID);
  assert_int_equal(add(&f, large), SM_OK);
  assert_int_equal(add(&f, large), SM_ERR_FULL); /* 16 MiB */
  for (unsigned i = 1; i < 32768; i++) assert_int_equal(add(&f, "x"), SM_OK);
  assert_int_equal(add(&f, "x"), SM_ERR_FULL); /* packet ids */
  sm_mqtt_terms terms = {.receive_max = 1, .packet_max = 8};
  sm_mqtt_outgoing_connected(&f.outgoing, SM_MQTT_VERSION_5, &terms);
  assert_int_equal(add(&f, ""), SM_OK);
  assert_int_equal(add(&f, "x"), SM_ERR_RANGE);
  sm_mqtt_outgoing_disconnected(&f.outgoing);
  assert_int_equal(add(&f, ""), SM_ERR_CLOSED);
  free(large);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_leaves_before_it_may),
      cmocka_unit_test(each_connection_has_a_number_of_its_own),
      cmocka_unit_test(what_is_taken_back_was_never_there),
      cmocka_unit_test(a_window_lets_all_through_in_order),
      cmocka_unit_test(limits_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
