#include "core/ring.h"

#include "core/test_flash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SECTORS = 6, EPOCH = 77 };

static test_flash device;

static int setup(void **state) {
  (void)state;
  test_flash_init(&device, SECTORS);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_flash_fini(&device);
  return 0;
}

static edge_record record_of(uint32_t n) {
  return (edge_record){.wall_s = 1700000000 + 10 * n,
                       .uptime_s = 10 * n,
                       .boot = 3,
                       .rssi_dbm = -60,
                       .sample = {.energy_wh = n,
                                  .power_dw = 600000 - n,
                                  .current_ma = 120000,
                                  .voltage_dv = 2304,
                                  .frequency_dhz = 500,
                                  .power_factor_centi = 98}};
}

static edge_ring mounted(uint32_t mark_every) {
  edge_ring ring;
  edge_flash port = test_flash_port(&device);
  assert_true(edge_ring_mount(&ring, &port, EPOCH, mark_every));
  return ring;
}

static uint32_t append(edge_ring *ring, uint32_t n) {
  edge_record record = record_of(n);
  uint32_t seq = 0;
  assert_true(edge_ring_append(ring, &record, &seq));
  return seq;
}

static void assert_holds(const edge_ring *ring, uint32_t seq, uint32_t n) {
  edge_record is;
  edge_record wanted = record_of(n);
  if (!edge_ring_get(ring, seq, &is)) fail_msg("reading %u is not held", (unsigned)seq);
  uint8_t is_bytes[EDGE_RECORD_LEN];
  uint8_t wanted_bytes[EDGE_RECORD_LEN];
  edge_record_write(&is, EPOCH, seq, is_bytes);
  edge_record_write(&wanted, EPOCH, seq, wanted_bytes);
  assert_memory_equal(is_bytes, wanted_bytes, sizeof is_bytes);
}

static void an_empty_log_begins_at_one(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  assert_int_equal(edge_ring_next(&ring), 1);
  assert_int_equal(edge_ring_first(&ring), 1);
  assert_int_equal(edge_ring_backlog(&ring), 0);
  assert_int_equal(append(&ring, 1), 1);
  assert_int_equal(append(&ring, 2), 2);
  assert_int_equal(edge_ring_backlog(&ring), 2);
  assert_holds(&ring, 2, 2);
}

static void a_restart_finds_what_was_written(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  for (uint32_t n = 1; n <= 300; n++) assert_int_equal(append(&ring, n), n);
  assert_true(edge_ring_ack(&ring, 200));
  edge_ring again = mounted(1);
  assert_int_equal(again.epoch, EPOCH);
  assert_int_equal(edge_ring_next(&again), 301);
  assert_int_equal(edge_ring_first(&again), 201);
  assert_int_equal(again.newest_seq, 300);
  for (uint32_t n = 201; n <= 300; n++) assert_holds(&again, n, n);
}

static void a_full_log_drops_the_oldest_and_counts(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  uint32_t total = 1000;
  for (uint32_t n = 1; n <= total; n++) (void)append(&ring, n);
  uint32_t first = edge_ring_first(&ring);
  assert_true(edge_ring_backlog(&ring) >= edge_ring_capacity(&ring));
  assert_int_equal(ring.dropped, first - 1);
  for (uint32_t n = first; n <= total; n++) assert_holds(&ring, n, n);
  edge_ring again = mounted(1);
  assert_int_equal(edge_ring_first(&again), first);
  assert_true(again.dropped + EDGE_RING_SLOTS >= ring.dropped);
}

static void what_is_acknowledged_is_not_dropped(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  for (uint32_t n = 1; n <= 2000; n++) assert_true(edge_ring_ack(&ring, append(&ring, n)));
  assert_int_equal(ring.dropped, 0);
  assert_int_equal(edge_ring_backlog(&ring), 0);
}

static void marks_go_down_in_steps(void **state) {
  (void)state;
  edge_ring ring = mounted(6);
  for (uint32_t n = 1; n <= 20; n++) assert_true(edge_ring_ack(&ring, append(&ring, n)));
  assert_int_equal(mounted(6).acked, 18);
  edge_ring_mark(&ring);
  assert_int_equal(mounted(6).acked, 20);
}

static void marks_take_their_sectors_in_turn(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  for (uint32_t n = 1; n <= 1000; n++) {
    assert_true(edge_ring_ack(&ring, append(&ring, n)));
    if (n % 50 == 0) assert_int_equal(mounted(1).acked, n);
  }
  assert_in_range(device.erases[0], 1, 2);
  assert_in_range(device.erases[1], 1, 2);
}

static void nobody_acknowledges_what_was_never_written(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  (void)append(&ring, 1);
  assert_false(edge_ring_ack(&ring, 2));
  assert_int_equal(edge_ring_backlog(&ring), 1);
  assert_true(edge_ring_ack(&ring, 1));
  assert_true(edge_ring_ack(&ring, 0)); /* an old one, come late */
  assert_int_equal(ring.acked, 1);
}

static void damage_leaves_a_number_out(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  for (uint32_t n = 1; n <= 10; n++) (void)append(&ring, n);
  device.bytes[EDGE_RING_MARK_SECTORS * EDGE_SECTOR_SIZE + 5 * EDGE_RECORD_LEN + 9] ^= 4;
  edge_ring again = mounted(1);
  edge_record record;
  assert_false(edge_ring_get(&again, 5, &record));
  assert_true(edge_ring_ack(&again, 4));
  assert_int_equal(edge_ring_first(&again), 6);
  assert_int_equal(edge_ring_next(&again), 11);
}

static void a_rotten_header_hides_no_number(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  for (uint32_t n = 1; n <= 140; n++) (void)append(&ring, n);
  device.bytes[(EDGE_RING_MARK_SECTORS + 1) * EDGE_SECTOR_SIZE + 4] ^= 1; /* of the newest */
  edge_ring again = mounted(1);
  assert_true(edge_ring_next(&again) > 140);
  for (uint32_t n = 1; n <= 140; n++) assert_holds(&again, n, n);
}

static void a_sector_that_is_worn_out_is_left_out(void **state) {
  (void)state;
  edge_ring ring = mounted(1);
  device.worn = EDGE_RING_MARK_SECTORS + 1;
  uint32_t seqs[200];
  for (uint32_t n = 0; n < 200; n++) seqs[n] = append(&ring, n);
  assert_int_equal(seqs[126], 127);
  assert_int_equal(seqs[127], 2 * EDGE_RING_SLOTS + 1);
  for (uint32_t n = 0; n < 200; n++) assert_holds(&ring, seqs[n], n);
  edge_ring again = mounted(1);
  for (uint32_t n = 0; n < 200; n++) assert_holds(&again, seqs[n], n);
}

static void too_little_flash_is_refused(void **state) {
  (void)state;
  edge_ring ring;
  edge_flash port = test_flash_port(&device);
  port.sectors = EDGE_RING_SECTORS_MIN - 1;
  assert_false(edge_ring_mount(&ring, &port, EPOCH, 1));
}

/* As docs/protocol.md shows it. */
static void a_record_is_as_in_the_documents(void **state) {
  (void)state;
  static const uint8_t wanted[EDGE_RECORD_LEN] = {0x1C, 0x2C, 0x7B, 0x69, 0x80, 0x51, 0x01, 0x00,
                                                  0x03, 0x00, 0x62, 0xC4, 0x00, 0x09, 0xF4, 0x01,
                                                  0xAA, 0x0A, 0x00, 0x91, 0x18, 0x00, 0x70, 0x11,
                                                  0x01, 0x00, 0x00, 0x00, 0x34, 0xBF, 0x0A, 0xB5};
  const edge_record record = {.sample = {.voltage_dv = 2304,
                                         .current_ma = 2730,
                                         .power_dw = 6289,
                                         .energy_wh = 70000,
                                         .frequency_dhz = 500,
                                         .power_factor_centi = 98},
                              .wall_s = 1769679900,
                              .uptime_s = 86400,
                              .boot = 3,
                              .rssi_dbm = -60};
  uint8_t bytes[EDGE_RECORD_LEN];
  edge_record_write(&record, 2882400001, 4711, bytes);
  assert_memory_equal(bytes, wanted, sizeof bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_record_is_as_in_the_documents),
      TEST(an_empty_log_begins_at_one),
      TEST(a_restart_finds_what_was_written),
      TEST(a_full_log_drops_the_oldest_and_counts),
      TEST(what_is_acknowledged_is_not_dropped),
      TEST(marks_go_down_in_steps),
      TEST(marks_take_their_sectors_in_turn),
      TEST(nobody_acknowledges_what_was_never_written),
      TEST(damage_leaves_a_number_out),
      TEST(a_rotten_header_hides_no_number),
      TEST(a_sector_that_is_worn_out_is_left_out),
      TEST(too_little_flash_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
