/* Power cuts: a log is filled, acknowledged, goes round and over, and at every write and every
 * erase on the way the power goes, after each number of bytes that it can go after. After each:
 * what was appended and not acknowledged is there, but the one in flight may not be; no number is
 * used twice; what is acknowledged is no more than was, and at most the mark's step less; and the
 * log goes on. */
#include "core/ring.h"
#include "core/settings.h"
#include "core/test_flash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTORS = 5, EPOCH = 9, MARK_EVERY = 1, STEPS = 860, SEQ_MAX = 4000 };

/* What the world knows of the log. */
typedef struct truth {
  uint32_t n[SEQ_MAX]; /* by seq: the reading's content, 0 for none */
  uint32_t highest;    /* seq that was given out */
  uint32_t acked;      /* by the server */
  uint32_t next_n;
} truth;

static truth world;
static uint64_t cuts;

static edge_record record_of(uint32_t n) {
  return (edge_record){.wall_s = 1700000000 + n,
                       .uptime_s = n,
                       .boot = 1,
                       .sample = {.energy_wh = n, .voltage_dv = 2300, .frequency_dhz = 500}};
}

static bool append(edge_ring *ring) {
  uint32_t seq;
  edge_record record = record_of(world.next_n);
  if (!edge_ring_append(ring, &record, &seq)) return false;
  if (seq <= world.highest || seq >= SEQ_MAX) fail_msg("number %u again", (unsigned)seq);
  world.n[seq] = world.next_n++;
  world.highest = seq;
  return true;
}

static void ack_up_to(edge_ring *ring, uint32_t seq) {
  if (seq > world.acked) world.acked = seq;
  (void)edge_ring_ack(ring, seq);
}

/* One step of the log's life. The acknowledgements keep up, fall behind until the log overflows,
 * and catch up. */
static void step(edge_ring *ring, uint32_t i) {
  (void)append(ring);
  if (i < 200 || i > 650) ack_up_to(ring, world.highest - (world.highest > 2 ? 2 : 0));
}

static void check_held(edge_ring *ring, uint32_t in_flight_n) {
  /* The oldest may have been dropped for want of room, whole sectors of them. */
  uint32_t room = edge_ring_capacity(ring);
  uint32_t from = world.highest > room ? world.highest - room + 1 : 1;
  if (from <= world.acked) from = world.acked + 1;
  for (uint32_t seq = from; seq < edge_ring_next(ring); seq++) {
    edge_record record;
    bool held = edge_ring_get(ring, seq, &record);
    if (seq <= world.highest && world.n[seq] != 0) {
      if (!held || record.sample.energy_wh != world.n[seq])
        fail_msg("reading %u is gone", (unsigned)seq);
    } else if (held && record.sample.energy_wh != in_flight_n) {
      fail_msg("reading %u is one that nobody took", (unsigned)seq);
    }
  }
}

/* `acked` was acknowledged before the step that was cut. */
static void restart_and_check(const edge_flash *port, uint32_t in_flight_n, uint32_t acked) {
  edge_ring ring;
  cuts++;
  if (!edge_ring_mount(&ring, port, EPOCH + 1, MARK_EVERY)) fail_msg("not mounted");
  if (world.highest > 0 && ring.epoch != EPOCH) fail_msg("another epoch");
  if (edge_ring_next(&ring) <= world.highest) fail_msg("numbers would be used again");
  if (ring.acked > world.acked) fail_msg("acknowledged what nobody had");
  if (ring.acked + MARK_EVERY <= acked)
    fail_msg("%u of %u acknowledged are sent again", (unsigned)(acked - ring.acked),
             (unsigned)acked);
  check_held(&ring, in_flight_n);
  /* It goes on. */
  uint32_t before = edge_ring_next(&ring);
  edge_record record = record_of(1);
  uint32_t seq;
  for (int i = 0; i < 2; i++) {
    if (!edge_ring_append(&ring, &record, &seq) || seq < before) fail_msg("it does not go on");
    if (!edge_ring_ack(&ring, seq)) fail_msg("it does not acknowledge");
  }
}

/* Does step i with a cut of each kind, from the same flash each time; then without. */
static void cut_step(test_flash *device, edge_ring *ring, uint32_t i, uint8_t *kept) {
  size_t size = (size_t)SECTORS * EDGE_SECTOR_SIZE;
  memcpy(kept, device->bytes, size);
  edge_ring kept_ring = *ring;
  truth kept_world = world;
  edge_flash port = test_flash_port(device);
  for (uint32_t operation = 0;; operation++) {
    for (int backwards = 0; backwards < 2; backwards++) {
      for (uint32_t byte = 0;; byte++) {
        test_flash_power_on(device);
        device->cut_at = operation;
        device->cut_byte = byte;
        device->erase_backwards = backwards != 0;
        uint32_t in_flight_n = world.next_n;
        step(ring, i);
        bool was_cut = device->off;
        uint32_t len = device->last_len;
        test_flash_power_on(device);
        if (was_cut) restart_and_check(&port, in_flight_n, kept_world.acked);
        memcpy(device->bytes, kept, size);
        *ring = kept_ring;
        world = kept_world;
        if (!was_cut) goto all_cut;
        if (byte >= len) break;
      }
      if (device->last_len != EDGE_SECTOR_SIZE) break; /* a write has one direction */
    }
  }
all_cut:
  step(ring, i);
}

static void a_cut_at_every_byte_of_the_log(void **state) {
  (void)state;
  test_flash device;
  edge_ring ring;
  test_flash_init(&device, SECTORS);
  edge_flash port = test_flash_port(&device);
  uint8_t *kept = malloc((size_t)SECTORS * EDGE_SECTOR_SIZE);
  assert_non_null(kept);
  world = (truth){.next_n = 1};
  assert_true(edge_ring_mount(&ring, &port, EPOCH, MARK_EVERY));
  for (uint32_t i = 0; i < STEPS; i++) cut_step(&device, &ring, i, kept);
  assert_true(ring.dropped > 0);
  assert_true(device.erases[0] > 0 || device.erases[1] > 0);
  print_message("%llu cuts in %d steps\n", (unsigned long long)cuts, STEPS);
  free(kept);
  test_flash_fini(&device);
}

/* The power goes again and again, at any byte of any operation, also while the log is mounted and
 * goes on after the last time. */
static void cut_after_cut(void **state) {
  (void)state;
  test_flash device;
  test_flash_init(&device, SECTORS);
  edge_flash port = test_flash_port(&device);
  uint32_t random = 12345;
  world = (truth){.next_n = 1};
  for (unsigned life = 0; life < 3000 && world.highest < SEQ_MAX - 300; life++) {
    edge_ring ring;
    test_flash_power_on(&device);
    if (!edge_ring_mount(&ring, &port, EPOCH, MARK_EVERY)) fail_msg("not mounted");
    uint32_t in_flight_n = world.next_n;
    check_held(&ring, in_flight_n - 1);
    if (edge_ring_next(&ring) <= world.highest) fail_msg("numbers would be used again");
    /* What was in flight and got there stays; from now on it is a reading like others. */
    for (uint32_t seq = world.highest + 1; seq < edge_ring_next(&ring); seq++) {
      edge_record record;
      if (edge_ring_get(&ring, seq, &record)) world.n[seq] = record.sample.energy_wh;
      world.highest = seq;
    }
    random = random * 1664525 + 1013904223;
    device.cut_at = (random >> 16) % 12;
    device.cut_byte = (random >> 8) % 4096;
    if (random & 64) device.cut_byte %= 33;
    device.erase_backwards = (random & 128) != 0;
    while (!device.off) {
      uint32_t n = world.next_n;
      if (!append(&ring)) world.next_n = n + 1; /* a content is one reading's, in flight or not */
      if (!device.off) ack_up_to(&ring, world.highest);
    }
  }
  assert_true(world.highest > 1000);
  test_flash_fini(&device);
}

static void settings_are_the_old_or_the_new(void **state) {
  (void)state;
  test_flash device;
  test_flash_init(&device, EDGE_SETTINGS_SECTORS);
  edge_flash port = test_flash_port(&device);
  edge_settings_store store;
  edge_settings settings;
  assert_true(edge_settings_load(&store, &port, &settings));
  for (uint16_t round = 1; round <= 3; round++) {
    settings.interval_s = round;
    assert_true(edge_settings_save(&store, &settings));
    uint8_t kept[EDGE_SETTINGS_SECTORS * EDGE_SECTOR_SIZE];
    memcpy(kept, device.bytes, sizeof kept);
    for (uint32_t operation = 0; operation < 2; operation++)
      for (uint32_t byte = 0;; byte++) {
        edge_settings_store again = store;
        settings.interval_s = (uint16_t)(round + 1);
        test_flash_power_on(&device);
        device.cut_at = operation;
        device.cut_byte = byte;
        (void)edge_settings_save(&again, &settings);
        uint32_t len = device.last_len;
        test_flash_power_on(&device);
        edge_settings found;
        if (!edge_settings_load(&again, &port, &found) || !again.found ||
            (found.interval_s != round && found.interval_s != round + 1))
          fail_msg("neither the old nor the new");
        memcpy(device.bytes, kept, sizeof kept);
        if (byte >= len) break;
      }
  }
  test_flash_fini(&device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cut_at_every_byte_of_the_log),
      cmocka_unit_test(cut_after_cut),
      cmocka_unit_test(settings_are_the_old_or_the_new),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
