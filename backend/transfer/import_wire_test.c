#include "transfer/import_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t now_ms = 1769680000000;

static sm_reading_in reading_of(const char *device_id, int64_t ts_ms) {
  return (sm_reading_in){.device_id = device_id,
                         .channel = 1,
                         .reading = {.ts_ms = ts_ms,
                                     .energy_wh = 1234567,
                                     .voltage_mv = 230400,
                                     .current_ma = 2730,
                                     .power_mw = 628990,
                                     .frequency_mhz = 50010,
                                     .seq = UINT32_MAX,
                                     .epoch = 3,
                                     .power_factor_milli = 980,
                                     .rssi_dbm = -60,
                                     .has = 31}};
}

static sm_wire_body take_whole(const sm_buf *frame) {
  sm_wire_body body = {.len = 0};
  size_t len = 0;
  assert_int_equal(sm_wire_take((const uint8_t *)frame->data, frame->len, &body, &len), SM_OK);
  assert_int_equal(len, frame->len);
  return body;
}

static void put_example(sm_buf *out) {
  sm_reading_in readings[] = {reading_of("a", now_ms - 2), reading_of("a", now_ms - 1),
                              reading_of("b-long_name", now_ms)};
  const sm_reject_in rejects[] = {{.received_ms = 7,
                                   .topic = "import/x:1",
                                   .topic_len = 10,
                                   .device_id = "",
                                   .reason = "malformed",
                                   .detail = "why",
                                   .payload = "a\0b",
                                   .payload_len = 3,
                                   .payload_len_sent = 9}};
  const sm_readings_batch batch = {
      .readings = readings, .reading_count = 3, .rejects = rejects, .reject_count = 1};
  sm_wire_put_batch(out, &batch);
  assert_int_equal(out->err, SM_OK);
}

static void a_batch_comes_over(void **state) {
  (void)state;
  sm_buf frame;
  sm_buf_init(&frame, 0);
  put_example(&frame);
  sm_wire_room room;
  sm_readings_batch batch;
  const sm_wire_body body = take_whole(&frame);
  assert_int_equal(sm_wire_room_init(&room), SM_OK);
  assert_int_equal(sm_wire_read_batch(&body, now_ms, &room, &batch), SM_OK);
  assert_int_equal(batch.reading_count, 3);
  assert_int_equal(batch.reject_count, 1);
  for (size_t i = 0; i < 3; i++) {
    const sm_reading_in expected = reading_of(i < 2 ? "a" : "b-long_name", now_ms - 2 + (int64_t)i);
    assert_string_equal(batch.readings[i].device_id, expected.device_id);
    assert_int_equal(batch.readings[i].channel, 1);
    assert_false(batch.readings[i].mark.present);
    assert_true(sm_reading_equal(&batch.readings[i].reading, &expected.reading));
  }
  assert_string_equal(batch.rejects[0].reason, "malformed");
  assert_int_equal(batch.rejects[0].payload_len, 3);
  assert_memory_equal(batch.rejects[0].payload, "a\0b", 3);
  assert_int_equal(batch.rejects[0].payload_len_sent, 9);
  sm_wire_room_fini(&room);
  sm_buf_fini(&frame);
}

static void part_of_a_frame_waits_for_more(void **state) {
  (void)state;
  sm_buf frame;
  sm_buf_init(&frame, 0);
  put_example(&frame);
  for (size_t len = 0; len < frame.len; len++) {
    sm_wire_body body;
    size_t frame_len = 1;
    assert_int_equal(sm_wire_take((const uint8_t *)frame.data, len, &body, &frame_len), SM_OK);
    assert_int_equal(frame_len, 0);
  }
  sm_buf_fini(&frame);
}

/* Any flipped bit is found before anything is believed: by the CRC, or as a length that waits for
 * bytes that do not come, or is too long. */
static void a_flipped_bit_is_found(void **state) {
  (void)state;
  sm_buf frame;
  sm_buf_init(&frame, 0);
  put_example(&frame);
  for (size_t bit = 0; bit < frame.len * 8; bit++) {
    sm_wire_body body;
    size_t frame_len = 0;
    frame.data[bit / 8] = (char)(frame.data[bit / 8] ^ (1 << bit % 8));
    sm_err err = sm_wire_take((const uint8_t *)frame.data, frame.len, &body, &frame_len);
    assert_true(err == SM_ERR_SYNTAX || frame_len == 0);
    frame.data[bit / 8] = (char)(frame.data[bit / 8] ^ (1 << bit % 8));
  }
  sm_buf_fini(&frame);
}

static sm_err read_one(const sm_reading_in *reading) {
  sm_buf frame;
  sm_buf_init(&frame, 0);
  sm_reading_in copy = *reading;
  const sm_readings_batch one = {.readings = &copy, .reading_count = 1};
  sm_wire_put_batch(&frame, &one);
  sm_wire_room room;
  sm_readings_batch batch;
  const sm_wire_body body = take_whole(&frame);
  assert_int_equal(sm_wire_room_init(&room), SM_OK);
  sm_err err = sm_wire_read_batch(&body, now_ms, &room, &batch);
  sm_wire_room_fini(&room);
  sm_buf_fini(&frame);
  return err;
}

static void what_ingest_would_refuse_is_refused(void **state) {
  (void)state;
  sm_reading_in in = reading_of("a", now_ms);
  assert_int_equal(read_one(&in), SM_OK);
  in.reading.voltage_mv = 500001;
  assert_int_equal(read_one(&in), SM_ERR_RANGE);
  in = reading_of("a", now_ms + 600000);
  assert_int_equal(read_one(&in), SM_ERR_RANGE);
  in = reading_of("a", 1000);
  assert_int_equal(read_one(&in), SM_ERR_RANGE);
  in = reading_of("a", now_ms);
  in.reading.energy_wh = -1;
  assert_int_equal(read_one(&in), SM_ERR_RANGE);
  in = reading_of("a", now_ms);
  in.reading.has = 32;
  assert_int_equal(read_one(&in), SM_ERR_RANGE);
  in = reading_of("a.b", now_ms);
  assert_int_equal(read_one(&in), SM_ERR_SYNTAX);
}

static void verdicts_belong_to_their_batch(void **state) {
  (void)state;
  sm_reading_in readings[] = {reading_of("a", 1), reading_of("a", 2)};
  readings[0].verdict = SM_VERDICT_DUPLICATE;
  readings[1].verdict = SM_VERDICT_PAST_RETENTION;
  sm_readings_batch batch = {.readings = readings, .reading_count = 2};
  sm_buf frame;
  sm_buf_init(&frame, 0);
  sm_wire_put_verdicts(&frame, &batch);
  const sm_wire_body body = take_whole(&frame);
  readings[0].verdict = readings[1].verdict = SM_VERDICT_STORED;
  assert_int_equal(sm_wire_read_verdicts(&body, &batch), SM_OK);
  assert_int_equal(readings[0].verdict, SM_VERDICT_DUPLICATE);
  assert_int_equal(readings[1].verdict, SM_VERDICT_PAST_RETENTION);
  batch.reading_count = 1;
  assert_int_equal(sm_wire_read_verdicts(&body, &batch), SM_ERR_SYNTAX);
  sm_buf_fini(&frame);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_comes_over),
      cmocka_unit_test(part_of_a_frame_waits_for_more),
      cmocka_unit_test(a_flipped_bit_is_found),
      cmocka_unit_test(what_ingest_would_refuse_is_refused),
      cmocka_unit_test(verdicts_belong_to_their_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
