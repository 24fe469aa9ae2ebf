/* The rejects of readings that were refused: pure. */
#include "store/refused.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static sm_reading_in reading(const char *device_id) {
  return (sm_reading_in){.device_id = device_id, .reading = {.ts_ms = 0, .energy_wh = 12345}};
}

static void says_which_and_why(void **state) {
  (void)state;
  sm_refused room;
  sm_reject_in reject;
  const sm_reading_in in = reading("m1");
  sm_refused_init(&room);
  assert_int_equal(sm_refused_make(&room, &in, SM_VERDICT_CONFLICT, 1000, &reject), SM_OK);
  assert_int_equal(reject.received_ms, 1000);
  assert_string_equal(reject.reason, "conflict");
  assert_non_null(strstr(reject.detail, "the first one stays"));
  assert_string_equal(reject.device_id, "m1");
  assert_memory_equal(reject.topic, "meters/m1/telemetry", reject.topic_len);
  assert_int_equal(reject.topic_len, strlen("meters/m1/telemetry"));
  assert_non_null(strstr(sm_buf_text(&room.payload), "\"device_id\":\"m1\""));
  assert_non_null(strstr(sm_buf_text(&room.payload), "12.345"));
  assert_int_equal(reject.payload_len, room.payload.len);
  assert_int_equal(reject.payload_len_sent, room.payload.len);
  assert_false(reject.mark.present);
  assert_int_equal(reject.drop_no, 0);
  assert_int_equal(sm_refused_make(&room, &in, SM_VERDICT_PAST_RETENTION, 1000, &reject), SM_OK);
  assert_string_equal(reject.reason, "past_retention");
  assert_non_null(strstr(reject.detail, "kept no more"));
  sm_refused_fini(&room);
}

static void says_where_it_came_from(void **state) {
  (void)state;
  sm_refused room;
  sm_reject_in reject;
  sm_reading_in in = reading("m1");
  sm_refused_init(&room);
  in.imported = true;
  assert_int_equal(sm_refused_make(&room, &in, SM_VERDICT_CONFLICT, 0, &reject), SM_OK);
  assert_int_equal(reject.topic_len, 6);
  assert_memory_equal(reject.topic, "import", 6);
  in.topic = "tele/tasmota/SENSOR";
  assert_int_equal(sm_refused_make(&room, &in, SM_VERDICT_CONFLICT, 0, &reject), SM_OK);
  assert_ptr_equal(reject.topic, in.topic);
  assert_int_equal(reject.topic_len, strlen(in.topic));
  sm_refused_fini(&room);
}

/* One room serves for many, the longest name too. */
static void each_stands_alone(void **state) {
  (void)state;
  char longest[SM_DEVICE_ID_MAX + 1];
  sm_refused room;
  sm_reject_in reject;
  memset(longest, 'x', SM_DEVICE_ID_MAX);
  longest[SM_DEVICE_ID_MAX] = '\0';
  const sm_reading_in first = reading(longest);
  const sm_reading_in second = reading("b");
  sm_refused_init(&room);
  assert_int_equal(sm_refused_make(&room, &first, SM_VERDICT_CONFLICT, 0, &reject), SM_OK);
  assert_int_equal(reject.topic_len, SM_DEVICE_ID_MAX + strlen("meters//telemetry"));
  assert_int_equal(sm_refused_make(&room, &second, SM_VERDICT_CONFLICT, 0, &reject), SM_OK);
  assert_int_equal(reject.topic_len, strlen("meters/b/telemetry"));
  assert_null(strstr(sm_buf_text(&room.payload), "xx"));
  sm_refused_fini(&room);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_which_and_why),
      cmocka_unit_test(says_where_it_came_from),
      cmocka_unit_test(each_stands_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
