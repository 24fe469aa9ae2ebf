/* What servers tell each other: what was put in comes out, and what is none of that does not. */
#include "app/relay_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEEN_MAX = 8 };

static const int64_t now_ms = 1790000000000;

typedef struct seen {
  char device_id[SEEN_MAX][SM_DEVICE_ID_MAX + 1];
  sm_reading reading[SEEN_MAX];
  bool late[SEEN_MAX];
  size_t count;
  int64_t alert_no;
} seen;

static void on_reading(void *context, const char *device_id, const sm_reading *reading, bool late) {
  seen *s = context;
  assert_true(s->count < SEEN_MAX);
  (void)snprintf(s->device_id[s->count], sizeof s->device_id[0], "%s", device_id);
  s->reading[s->count] = *reading;
  s->late[s->count++] = late;
}

static void on_alert(void *context, int64_t alert_no) {
  seen *s = context;
  s->alert_no = alert_no;
}

static size_t read_all(const char *text, size_t len, seen *s) {
  const sm_relay_sink sink = {.context = s, .reading = on_reading, .alert = on_alert};
  *s = (seen){.count = 0};
  return sm_relay_read(text, len, now_ms, &sink);
}

static void what_is_told_is_heard(void **state) {
  (void)state;
  const sm_reading whole = {.ts_ms = now_ms - 1001,
                            .energy_wh = 123456789, /* over the usual modulus */
                            .voltage_mv = 230437,
                            .current_ma = 2731,
                            .power_mw = 628993,
                            .frequency_mhz = 50010,
                            .seq = 4000000000U,
                            .epoch = 7,
                            .power_factor_milli = 987,
                            .rssi_dbm = -60,
                            .has = SM_READING_POWER_FACTOR | SM_READING_RSSI |
                                   SM_READING_FREQUENCY | SM_READING_SEQ | SM_READING_EPOCH};
  const sm_reading plain = {.ts_ms = now_ms - 5000, .energy_wh = 1, .voltage_mv = 1};
  seen s;
  sm_buf text;
  sm_buf_init(&text, 0);
  sm_relay_put_reading(&text, "meter-001", &whole, false);
  sm_relay_put_reading(&text, "B_2", &plain, true);
  sm_relay_put_alert(&text, 17);
  assert_int_equal(text.err, SM_OK);
  assert_int_equal(read_all(text.data, text.len, &s), 0);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.device_id[0], "meter-001");
  assert_true(sm_reading_equal(&s.reading[0], &whole));
  assert_int_equal(s.reading[0].ts_ms, whole.ts_ms);
  assert_false(s.late[0]);
  assert_string_equal(s.device_id[1], "B_2");
  assert_true(sm_reading_equal(&s.reading[1], &plain));
  assert_true(s.late[1]);
  assert_int_equal(s.alert_no, 17);
  sm_buf_fini(&text);
}

static void what_is_none_of_it_is_left_out(void **state) {
  (void)state;
  static const char *const bad[] = {
      "S",
      "S ",
      "S meter-001",
      "S meter-001 {}",
      "S meter-001 []",
      "S me.ter {\"device_id\":\"me.ter\"}",
      "X meter-001 {}",
      "A ",
      "A -1",
      "A 0",
      "A 1x",
      "A 99999999999999999999",
      /* of another device than the line says */
      "S b {\"device_id\":\"a\",\"timestamp\":\"2026-01-29T09:45:00Z\",\"voltage\":230,"
      "\"current\":1,\"power_w\":1,\"energy_kwh\":1}",
  };
  static const char good[] =
      "S a {\"device_id\":\"a\",\"timestamp\":\"2026-01-29T09:45:00Z\",\"voltage\":230,"
      "\"current\":1,\"power_w\":1,\"energy_kwh\":1}";
  seen s;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(read_all(bad[i], strlen(bad[i]), &s), 1);
    assert_int_equal(s.count, 0);
    assert_int_equal(s.alert_no, 0);
  }
  assert_int_equal(read_all("", 0, &s), 0);
  assert_int_equal(read_all("\n\n", 2, &s), 0);
  char text[1000];
  int len = snprintf(text, sizeof text, "nonsense\n%s\nA x\n%s", good, good); /* no last end */
  assert_int_equal(read_all(text, (size_t)len, &s), 2);
  assert_int_equal(s.count, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_told_is_heard),
      cmocka_unit_test(what_is_none_of_it_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
