#include "core/pzem.h"

#include "core/bytes.h"
#include "core/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* 230.4 V, 2.730 A, 629.0 W, 70,000 Wh, 50.0 Hz, 0.98; 32-bit registers low word first. */
static const uint8_t data[20] = {0x09, 0x00, 0x0A, 0xAA, 0x00, 0x00, 0x18, 0x92, 0x00, 0x00,
                                 0x11, 0x70, 0x00, 0x01, 0x01, 0xF4, 0x00, 0x62, 0x00, 0x00};

static void seal(uint8_t *frame, size_t len) {
  edge_put_u16(frame + len, edge_crc16(frame, len));
}

static void make_reply(uint8_t reply[EDGE_PZEM_REPLY_LEN], uint8_t address) {
  reply[0] = address;
  reply[1] = 0x04;
  reply[2] = 20;
  memcpy(reply + 3, data, sizeof data);
  seal(reply, 23);
}

static void checksums_are_the_known_ones(void **state) {
  (void)state;
  const uint8_t digits[] = "123456789";
  assert_int_equal(edge_crc16(digits, 9), 0x4B37);
  assert_int_equal(edge_crc32(0, digits, 9), 0xCBF43926);
  assert_int_equal(edge_crc32(edge_crc32(0, digits, 4), digits + 4, 5), 0xCBF43926);
}

static void the_request_is_as_in_the_data_sheet(void **state) {
  (void)state;
  const uint8_t wanted[] = {0xF8, 0x04, 0x00, 0x00, 0x00, 0x0A, 0x64, 0x64};
  uint8_t request[EDGE_PZEM_REQUEST_LEN];
  edge_pzem_request(EDGE_PZEM_ANY_ADDRESS, request);
  assert_memory_equal(request, wanted, sizeof wanted);
}

static void a_reply_is_read(void **state) {
  (void)state;
  uint8_t reply[EDGE_PZEM_REPLY_LEN];
  edge_sample s;
  make_reply(reply, 0xF8);
  for (size_t len = 0; len < sizeof reply; len++)
    assert_int_equal(edge_pzem_parse(0xF8, reply, len, &s), EDGE_PZEM_SHORT);
  assert_int_equal(edge_pzem_parse(0xF8, reply, sizeof reply, &s), EDGE_PZEM_OK);
  assert_int_equal(s.voltage_dv, 2304);
  assert_int_equal(s.current_ma, 2730);
  assert_int_equal(s.power_dw, 6290);
  assert_int_equal(s.energy_wh, 70000);
  assert_int_equal(s.frequency_dhz, 500);
  assert_int_equal(s.power_factor_centi, 98);
}

static void any_flipped_bit_is_noticed(void **state) {
  (void)state;
  uint8_t reply[EDGE_PZEM_REPLY_LEN];
  for (unsigned bit = 0; bit < 8 * sizeof reply; bit++) {
    edge_sample s = {.energy_wh = 4242};
    make_reply(reply, 0x01);
    reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
    assert_int_not_equal(edge_pzem_parse(0x01, reply, sizeof reply, &s), EDGE_PZEM_OK);
    assert_int_equal(s.energy_wh, 4242);
  }
}

static void only_the_one_that_was_asked_answers(void **state) {
  (void)state;
  uint8_t reply[EDGE_PZEM_REPLY_LEN];
  edge_sample s;
  make_reply(reply, 0x02);
  assert_int_equal(edge_pzem_parse(0x01, reply, sizeof reply, &s), EDGE_PZEM_ADDRESS);
  assert_int_equal(edge_pzem_parse(0xF8, reply, sizeof reply, &s), EDGE_PZEM_OK);
  make_reply(reply, 0xF9);
  assert_int_equal(edge_pzem_parse(0xF8, reply, sizeof reply, &s), EDGE_PZEM_ADDRESS);
}

static void another_function_or_length_is_no_answer(void **state) {
  (void)state;
  uint8_t reply[EDGE_PZEM_REPLY_LEN];
  edge_sample s;
  make_reply(reply, 0x01);
  reply[1] = 0x03;
  seal(reply, 23);
  assert_int_equal(edge_pzem_parse(0x01, reply, sizeof reply, &s), EDGE_PZEM_FUNCTION);
  make_reply(reply, 0x01);
  reply[2] = 18;
  seal(reply, 23);
  assert_int_equal(edge_pzem_parse(0x01, reply, sizeof reply, &s), EDGE_PZEM_LENGTH);
}

static void an_exception_is_told(void **state) {
  (void)state;
  uint8_t reply[EDGE_PZEM_EXCEPTION_LEN] = {0x01, 0x84, 0x02};
  edge_sample s;
  seal(reply, 3);
  assert_int_equal(edge_pzem_parse(0x01, reply, 4, &s), EDGE_PZEM_SHORT);
  assert_int_equal(edge_pzem_parse(0x01, reply, 5, &s), EDGE_PZEM_EXCEPTION);
  reply[2] ^= 1;
  assert_int_equal(edge_pzem_parse(0x01, reply, 5, &s), EDGE_PZEM_CRC);
}

/* As docs/protocol.md shows it. */
static void the_reply_in_the_documents_is_read(void **state) {
  (void)state;
  static const uint8_t reply[] = {0x01, 0x04, 0x14, 0x09, 0x00, 0x0A, 0xAA, 0x00, 0x00,
                                  0x18, 0x91, 0x00, 0x00, 0x11, 0x70, 0x00, 0x01, 0x01,
                                  0xF4, 0x00, 0x62, 0x00, 0x00, 0xDB, 0x03};
  edge_sample s;
  assert_int_equal(edge_pzem_parse(0xF8, reply, sizeof reply, &s), EDGE_PZEM_OK);
  assert_int_equal(s.voltage_dv, 2304);
  assert_int_equal(s.current_ma, 2730);
  assert_int_equal(s.power_dw, 6289);
  assert_int_equal(s.energy_wh, 70000);
  assert_int_equal(s.frequency_dhz, 500);
  assert_int_equal(s.power_factor_centi, 98);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checksums_are_the_known_ones),
      cmocka_unit_test(the_request_is_as_in_the_data_sheet),
      cmocka_unit_test(a_reply_is_read),
      cmocka_unit_test(the_reply_in_the_documents_is_read),
      cmocka_unit_test(any_flipped_bit_is_noticed),
      cmocka_unit_test(only_the_one_that_was_asked_answers),
      cmocka_unit_test(another_function_or_length_is_no_answer),
      cmocka_unit_test(an_exception_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
