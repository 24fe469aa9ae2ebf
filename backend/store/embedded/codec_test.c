/* The byte formats of readings and quarters: whatever goes in comes out, and what is damaged is
 * said to be. */
#include "base/crc32.h"
#include "store/embedded/block.h"
#include "store/series/bits.h"
#include "store/series/journal_row.h"
#include "store/series/packed.h"
#include "store/series/quarter.h"
#include "store/series/quarter_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 1;

static uint64_t any(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}
static int64_t between(int64_t low, int64_t high) {
  return low + (int64_t)(any() % (uint64_t)(high - low + 1));
}

/* ---- bits ---- */

static void check_bits(const uint64_t *numbers, size_t count) {
  uint8_t *bytes = malloc(count * SM_BITS_WORST + 16);
  uint64_t *back = calloc(count + 1, sizeof *back);
  size_t len = sm_bits_write(numbers, count, bytes);
  assert_true(len <= count * SM_BITS_WORST + 16);
  /* The bytes alone, so that reading past them is found out. */
  uint8_t *exact = malloc(len + 1);
  memcpy(exact, bytes, len);
  const uint8_t *at = exact;
  size_t used = 0;
  assert_true(sm_bits_read(&at, exact + len, count, back, &used));
  assert_true(used <= count);
  for (size_t i = used; i < count; i++) assert_int_equal(numbers[i], 0);
  assert_ptr_equal(at, exact + len);
  assert_memory_equal(back, numbers, used * sizeof *numbers);
  for (size_t cut = len > 40 ? len - 40 : 0; cut < len; cut++) {
    at = exact;
    assert_false(sm_bits_read(&at, exact + cut, count, back, &used));
  }
  free(exact);
  free(back);
  free(bytes);
}

static void bits_keep_every_width(void **state) {
  (void)state;
  uint64_t numbers[300];
  for (unsigned width = 0; width <= 64; width++) {
    uint64_t mask = width == 0 ? 0 : UINT64_MAX >> (64 - width);
    for (size_t i = 0; i < 300; i++) numbers[i] = any() & mask;
    check_bits(numbers, 300);
    check_bits(numbers, 1 + width);
  }
  for (size_t i = 0; i < 300; i++) numbers[i] = i % 50 == 0 ? UINT64_MAX : any() % 3;
  check_bits(numbers, 300);
}

static void bits_are_near_their_entropy(void **state) {
  (void)state;
  enum { COUNT = 64000 };
  uint64_t *numbers = malloc(COUNT * sizeof *numbers);
  uint8_t *bytes = malloc((size_t)COUNT * SM_BITS_WORST + 16);
  for (size_t i = 0; i < COUNT; i++) numbers[i] = any() & 255; /* 8 bits each */
  assert_true(sm_bits_write(numbers, COUNT, bytes) < (size_t)COUNT * 9 / 8);
  memset(numbers, 0, COUNT * sizeof *numbers);
  assert_true(sm_bits_write(numbers, COUNT, bytes) <= COUNT / 64 * 6 / 8 + 1);
  free(bytes);
  free(numbers);
}

static void zigzag_is_undone(void **state) {
  (void)state;
  const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    assert_int_equal(sm_unzigzag(sm_zigzag(values[i])), values[i]);
  assert_int_equal(sm_zigzag(-1), 1);
  assert_int_equal(sm_zigzag(1), 2);
}

/* ---- readings ---- */

/* As a meter sends them: tenths of a volt, mA, tenths of a watt, its register the integral. */
static void household(sm_reading *r, size_t count) {
  int64_t energy_mws = 1000;
  int64_t load_mw = 400000;
  for (size_t i = 0; i < count; i++) {
    if (any() % 60 == 0) load_mw = between(20000, 3000000);
    int64_t mw = load_mw + between(-9000, 9000);
    int64_t mv = 230000 + between(-800, 800);
    int64_t factor = load_mw > 300000 ? 950 : 820;
    energy_mws += mw * 10;
    r[i] = (sm_reading){.ts_ms = INT64_C(1770000000000) + (int64_t)i * 10000,
                        .energy_wh = energy_mws / 3600000,
                        .voltage_mv = (int32_t)(mv / 100 * 100),
                        .current_ma = (int32_t)(mw * 1000 / mv * 1000 / factor),
                        .power_mw = (int32_t)(mw / 100 * 100),
                        .frequency_mhz = (int32_t)between(499, 501) * 100,
                        .power_factor_milli = (int16_t)(factor / 10 * 10),
                        .has = SM_READING_FREQUENCY | SM_READING_POWER_FACTOR};
  }
}

/* Anything that a struct can hold: a codec must not lean on what ingest lets through. */
static void wild(sm_reading *r, size_t count) {
  int64_t ts_ms = between(-5000000, 5000000);
  for (size_t i = 0; i < count; i++) {
    ts_ms += any() % 4 == 0 ? between(1, INT64_C(1) << 40) : between(1, 20000);
    r[i] = (sm_reading){.ts_ms = ts_ms,
                        .energy_wh = any() % 9 == 0 ? (int64_t)any() : between(0, 100),
                        .voltage_mv = (int32_t)any(),
                        .current_ma = any() % 3 == 0 ? (int32_t)any() : 0,
                        .power_mw = any() % 3 == 0 ? INT32_MIN : (int32_t)any(),
                        .has = (uint8_t)(any() % 3 == 0 ? any() & 31 : 31)};
    if (r[i].has & SM_READING_FREQUENCY) r[i].frequency_mhz = (int32_t)any();
    if (r[i].has & SM_READING_POWER_FACTOR) r[i].power_factor_milli = (int16_t)any();
    if (r[i].has & SM_READING_RSSI) r[i].rssi_dbm = (int16_t)any();
    if (r[i].has & SM_READING_SEQ) r[i].seq = (uint32_t)any();
    if (r[i].has & SM_READING_EPOCH) r[i].epoch = (uint32_t)any();
  }
}

static void check_equal(const sm_reading *a, const sm_reading *b, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(a[i].ts_ms, b[i].ts_ms);
    assert_true(sm_reading_equal(&a[i], &b[i]));
  }
}

/* A brief decoding gives the members that every reading has, and says of no other that it is there.
 */
static void check_brief(const sm_reading *r, size_t count, const sm_buf *buf) {
  sm_reading *back = NULL;
  size_t n = 0;
  assert_int_equal(sm_block_decode_brief((const uint8_t *)buf->data, buf->len, &back, &n), SM_OK);
  assert_int_equal(n, count);
  for (size_t i = 0; i < count; i++) {
    const sm_reading wanted = {.ts_ms = r[i].ts_ms,
                               .energy_wh = r[i].energy_wh,
                               .voltage_mv = r[i].voltage_mv,
                               .current_ma = r[i].current_ma,
                               .power_mw = r[i].power_mw};
    assert_int_equal(back[i].ts_ms, wanted.ts_ms);
    assert_true(sm_reading_equal(&back[i], &wanted));
  }
  free(back);
}

static size_t check_block(const sm_reading *r, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_block_encode(r, count, &buf);
  assert_int_equal(buf.err, SM_OK);
  sm_reading *back = NULL;
  size_t n = 0;
  assert_int_equal(sm_block_decode((const uint8_t *)buf.data, buf.len, &back, &n), SM_OK);
  assert_int_equal(n, count);
  check_equal(r, back, count);
  free(back);
  check_brief(r, count, &buf);
  sm_block_info info;
  assert_int_equal(sm_block_peek((const uint8_t *)buf.data, buf.len, &info), SM_OK);
  assert_int_equal(info.count, count);
  assert_int_equal(info.first_ms, r[0].ts_ms);
  check_equal(&r[count - 1], &info.last, 1);
  size_t len = buf.len;
  sm_buf_fini(&buf);
  return len;
}

static void blocks_keep_everything(void **state) {
  (void)state;
  enum { MOST = 2000 };
  sm_reading *r = calloc(MOST, sizeof *r);
  for (size_t count = 1; count <= 200; count++) {
    household(r, count);
    (void)check_block(r, count);
    wild(r, count);
    (void)check_block(r, count);
  }
  household(r, MOST);
  assert_true(check_block(r, MOST) < (size_t)MOST * 4); /* six members in less than four bytes */
  wild(r, MOST);
  (void)check_block(r, MOST);
  free(r);
}

static void damaged_blocks_are_found(void **state) {
  (void)state;
  sm_reading r[90];
  household(r, 90);
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_block_encode(r, 90, &buf);
  sm_reading *back = NULL;
  size_t n = 0;
  for (size_t at = 0; at < buf.len; at++) {
    buf.data[at] = (char)(buf.data[at] ^ 16);
    assert_int_equal(sm_block_decode((const uint8_t *)buf.data, buf.len, &back, &n),
                     SM_ERR_CORRUPT);
    assert_int_equal(sm_block_decode_brief((const uint8_t *)buf.data, buf.len, &back, &n),
                     SM_ERR_CORRUPT);
    assert_int_equal(sm_block_decode((const uint8_t *)buf.data, at, &back, &n), SM_ERR_CORRUPT);
    buf.data[at] = (char)(buf.data[at] ^ 16);
  }
  sm_buf_fini(&buf);
}

/* Two readings as version 1 wrote them. */
static void the_first_version_is_read(void **state) {
  (void)state;
  uint8_t bytes[] = {1,    2, /* version, count */
                     0xd0, 0x0f,
                     0xa0, 0x9c,
                     1,                     /* 1,000 ms, then 10,000 ms later */
                     1,    SM_READING_RSSI, /* has */
                     10,   2,               /* 5 Wh, 6 Wh */
                     200,  1,
                     2,    4,
                     1,    6,
                     0,       /* 100, 101 mV; 2, 1 mA; 3, 3 mW */
                     119,  2, /* -60, -59 dBm */
                     0,    0,
                     0,    0};
  size_t body = sizeof bytes - 4;
  uint32_t crc = sm_crc32(bytes, body);
  for (unsigned i = 0; i < 4; i++) bytes[body + i] = (uint8_t)(crc >> (8 * i));
  sm_reading *back = NULL;
  size_t n = 0;
  assert_int_equal(sm_block_decode(bytes, sizeof bytes, &back, &n), SM_OK);
  assert_int_equal(n, 2);
  const sm_reading second = {.ts_ms = 11000,
                             .energy_wh = 6,
                             .voltage_mv = 101,
                             .current_ma = 1,
                             .power_mw = 3,
                             .rssi_dbm = -59,
                             .has = SM_READING_RSSI};
  assert_int_equal(back[0].ts_ms, 1000);
  check_equal(&back[1], &second, 1);
  free(back);
  sm_block_info info;
  assert_int_equal(sm_block_peek(bytes, sizeof bytes, &info), SM_OK);
  check_equal(&info.last, &second, 1);
}

static void newer_versions_are_not_guessed_at(void **state) {
  (void)state;
  uint8_t bytes[12] = {99};
  uint32_t crc = sm_crc32(bytes, 8);
  for (unsigned i = 0; i < 4; i++) bytes[8 + i] = (uint8_t)(crc >> (8 * i));
  sm_reading *r = NULL;
  sm_journal_reader row;
  sm_quarter *q = NULL;
  size_t n = 0;
  assert_int_equal(sm_block_decode(bytes, sizeof bytes, &r, &n), SM_ERR_UNSUPPORTED);
  assert_int_equal(sm_journal_reader_open(&row, bytes, sizeof bytes), SM_ERR_UNSUPPORTED);
  assert_int_equal(sm_quarter_block_decode(bytes, sizeof bytes, &q, &n), SM_ERR_UNSUPPORTED);
}

/* ---- quarters ---- */

static void a_step_is_within_its_own_power_and_not_below(void **state) {
  (void)state;
  for (int round = 0; round < 5000; round++) {
    sm_register_point from = {.ts_ms = between(0, 1000000), .wh = between(-1000, 1000000)};
    sm_register_point to = {.ts_ms = from.ts_ms + between(1, 100000000),
                            .wh = from.wh + between(-10, round % 2 == 0 ? 30 : 10000000)};
    int64_t step_w = sm_step_w(from, to);
    assert_true(sm_step_within(from, to, step_w));
    assert_true(step_w == 0 || !sm_step_within(from, to, step_w - 1));
  }
  const sm_register_point low = {.ts_ms = 0, .wh = INT64_MIN};
  const sm_register_point high = {.ts_ms = 1, .wh = INT64_MAX};
  assert_int_equal(sm_step_w(low, high), INT64_MAX);
  assert_int_equal(sm_step_w(high, low), 0);
  assert_false(sm_step_within(low, high, INT64_MAX - 1));
  assert_true(sm_step_within(low, high, INT64_MAX));
  assert_int_equal(
      sm_step_w((sm_register_point){.ts_ms = 5, .wh = 0}, (sm_register_point){.ts_ms = 5, .wh = 3}),
      INT64_MAX); /* in no time */
}

static void check_quarters(const sm_quarter *q, size_t count) {
  sm_buf buf;
  sm_buf_init(&buf, 0);
  sm_quarter_block_encode(q, count, &buf);
  assert_int_equal(buf.err, SM_OK);
  sm_quarter *back = NULL;
  size_t n = 0;
  assert_int_equal(sm_quarter_block_decode((const uint8_t *)buf.data, buf.len, &back, &n), SM_OK);
  assert_int_equal(n, count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(back[i].start_ms, q[i].start_ms);
    assert_int_equal(back[i].first.ts_ms, q[i].first.ts_ms);
    assert_int_equal(back[i].first.wh, q[i].first.wh);
    assert_int_equal(back[i].last.ts_ms, q[i].last.ts_ms);
    assert_int_equal(back[i].last.wh, q[i].last.wh);
    assert_int_equal(back[i].count, q[i].count);
    assert_int_equal(back[i].power_sum_mw, q[i].power_sum_mw);
    assert_int_equal(back[i].power_max_mw, q[i].power_max_mw);
    assert_int_equal(back[i].voltage_sum_mv, q[i].voltage_sum_mv);
    assert_int_equal(back[i].voltage_min_mv, q[i].voltage_min_mv);
    assert_int_equal(back[i].voltage_max_mv, q[i].voltage_max_mv);
    assert_int_equal(back[i].gap_max_ms, q[i].gap_max_ms);
    assert_int_equal(back[i].step_max_w, q[i].step_max_w);
    assert_int_equal(back[i].fell, q[i].fell);
  }
  free(back);
  for (size_t at = 0; at < buf.len; at++) {
    buf.data[at] = (char)(buf.data[at] ^ 1);
    assert_int_equal(sm_quarter_block_decode((const uint8_t *)buf.data, buf.len, &back, &n),
                     SM_ERR_CORRUPT);
    buf.data[at] = (char)(buf.data[at] ^ 1);
  }
  sm_buf_fini(&buf);
}

static void quarters_keep_everything(void **state) {
  (void)state;
  enum { DAY = 8640 };
  const int64_t day_ms = 86400000;
  sm_reading *r = calloc(DAY, sizeof *r);
  sm_quarter *q = calloc(DAY, sizeof *q);
  household(r, DAY);
  int64_t shift_ms = day_ms - r[0].ts_ms % day_ms; /* to the start of a day */
  for (size_t i = 0; i < DAY; i++) r[i].ts_ms += shift_ms;
  size_t count = sm_quarters_of(r, DAY, q);
  assert_int_equal(count, SM_QUARTERS_A_DAY);
  check_quarters(q, count);
  check_quarters(q + 40, 1);
  q[3].first.wh = INT64_MIN; /* any registers */
  q[3].last.wh = INT64_MAX;
  q[4].power_sum_mw = INT64_MAX;
  q[5].step_max_w = INT64_MAX;
  q[5].fell = true;
  q[6].power_max_mw = INT32_MIN;
  memmove(q + 10, q + 20, 70 * sizeof *q); /* a gap in the day */
  check_quarters(q, 80);
  free(q);
  free(r);
}

/* ---- readings in memory ---- */

static void check_packed(const sm_reading *r, size_t count) {
  sm_packed packed = {0};
  sm_reading *back = calloc(count + 1, sizeof *back);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(sm_packed_reserve(&packed, 1), SM_OK);
    sm_packed_append(&packed, &r[i]);
    check_equal(&packed.last, &r[i], 1);
  }
  sm_packed_trim(&packed);
  assert_int_equal(packed.cap, packed.len);
  assert_int_equal(packed.count, count);
  assert_int_equal(packed.first_ms, r[0].ts_ms);
  sm_packed_read(&packed, back);
  check_equal(r, back, count);
  free(back);
  sm_packed_fini(&packed);
  assert_int_equal(packed.count, 0);
}

static void packed_readings_come_back(void **state) {
  (void)state;
  sm_reading r[500];
  for (size_t count = 1; count <= 100; count++) {
    household(r, count);
    check_packed(r, count);
    wild(r, count);
    check_packed(r, count);
  }
  wild(r, 500);
  check_packed(r, 500);
}

static void packed_readings_are_small(void **state) {
  (void)state;
  sm_reading r[360];
  household(r, 360);
  sm_packed packed = {0};
  assert_int_equal(sm_packed_reserve(&packed, 360), SM_OK);
  for (size_t i = 0; i < 360; i++) sm_packed_append(&packed, &r[i]);
  assert_true(packed.len < 360 * 11);
  sm_packed_fini(&packed);
  assert_int_equal(sm_packed_reserve(&packed, SIZE_MAX / 2), SM_ERR_RANGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bits_keep_every_width),
      cmocka_unit_test(bits_are_near_their_entropy),
      cmocka_unit_test(zigzag_is_undone),
      cmocka_unit_test(blocks_keep_everything),
      cmocka_unit_test(damaged_blocks_are_found),
      cmocka_unit_test(the_first_version_is_read),
      cmocka_unit_test(newer_versions_are_not_guessed_at),
      cmocka_unit_test(a_step_is_within_its_own_power_and_not_below),
      cmocka_unit_test(quarters_keep_everything),
      cmocka_unit_test(packed_readings_come_back),
      cmocka_unit_test(packed_readings_are_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
