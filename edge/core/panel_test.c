/* Settings, console, LED and button. */
#include "core/panel.h"

#include "core/bytes.h"
#include "core/console.h"
#include "core/crc.h"
#include "core/json.h"
#include "core/settings.h"
#include "core/test_flash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static test_flash device;
static edge_flash port;

static int setup(void **state) {
  (void)state;
  test_flash_init(&device, EDGE_SETTINGS_SECTORS);
  port = test_flash_port(&device);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_flash_fini(&device);
  return 0;
}

/* ---- settings ---- */

static void settings_come_back(void **state) {
  (void)state;
  edge_settings_store store;
  edge_settings s;
  assert_true(edge_settings_load(&store, &port, &s));
  assert_false(store.found);
  assert_int_equal(s.interval_s, 10);
  assert_null(edge_settings_set(&s, "device_id", "meter-001"));
  assert_null(edge_settings_set(&s, "password", "with \"quotes\" and spaces"));
  assert_null(edge_settings_set(&s, "port", "1883"));
  assert_null(edge_settings_set(&s, "tls", "0"));
  for (int i = 0; i < 5; i++) assert_true(edge_settings_save(&store, &s));
  edge_settings again;
  assert_true(edge_settings_load(&store, &port, &again));
  assert_true(store.found);
  assert_int_equal(store.version, EDGE_SETTINGS_VERSION);
  assert_string_equal(again.device_id, "meter-001");
  assert_string_equal(again.password, "with \"quotes\" and spaces");
  assert_int_equal(again.port, 1883);
  assert_false(again.tls);
}

static void wrong_settings_are_told_and_change_nothing(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {"device_id", ""},  {"device_id", "a.b"}, {"host", "a\nb"},    {"port", "0"},
      {"port", "65536"},  {"port", "88x"},      {"interval_s", "0"}, {"interval_s", "3601"},
      {"address", "249"}, {"nonsense", "1"}};
  edge_settings s;
  edge_settings_default(&s);
  edge_settings before = s;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_non_null(edge_settings_set(&s, wrong[i][0], wrong[i][1]));
  assert_memory_equal(&s, &before, sizeof s);
}

static void a_password_is_not_shown(void **state) {
  (void)state;
  edge_settings s;
  char shown[80];
  edge_settings_default(&s);
  assert_null(edge_settings_set(&s, "password", "secret"));
  for (unsigned i = 0; edge_settings_name(i) != NULL; i++) {
    edge_settings_show(&s, i, shown, sizeof shown);
    assert_null(strstr(shown, "secret"));
  }
}

/* As an older firmware left them: without the items that came later. As a newer one did: with some
 * that are not known here, which are kept through a save. */
static void other_versions_are_read_and_carried(void **state) {
  (void)state;
  static const uint8_t body[] = {1, 2, 'm', '1', 200, 3, 'n', 'e', 'w'};
  uint8_t bytes[64];
  edge_put_u32(bytes, 0x31434D53);
  edge_put_u16(bytes + 4, 7);
  edge_put_u16(bytes + 6, sizeof body);
  edge_put_u32(bytes + 8, 41);
  memcpy(bytes + 12, body, sizeof body);
  edge_put_u32(bytes + 12 + sizeof body, edge_crc32(0, bytes, 12 + sizeof body));
  memcpy(device.bytes, bytes, sizeof bytes);
  edge_settings_store store;
  edge_settings s;
  assert_true(edge_settings_load(&store, &port, &s));
  assert_int_equal(store.version, 7);
  assert_string_equal(s.device_id, "m1");
  assert_int_equal(s.port, 8883);
  assert_true(edge_settings_save(&store, &s));
  assert_true(edge_settings_load(&store, &port, &s));
  assert_int_equal(store.generation, 42);
  assert_int_equal(s.carried_len, 5);
  assert_memory_equal(s.carried, body + 4, 5);
}

static void damaged_settings_are_the_ones_before(void **state) {
  (void)state;
  edge_settings_store store;
  edge_settings s;
  assert_true(edge_settings_load(&store, &port, &s));
  s.interval_s = 20;
  assert_true(edge_settings_save(&store, &s));
  s.interval_s = 30;
  assert_true(edge_settings_save(&store, &s));
  device.bytes[store.sector * EDGE_SECTOR_SIZE + 20] ^= 1;
  assert_true(edge_settings_load(&store, &port, &s));
  assert_int_equal(s.interval_s, 20);
}

/* ---- console ---- */

static char printed[512];
static char ran[256];

static void print(void *context, const char *text, size_t len) {
  (void)context;
  (void)strncat(printed, text, len);
}

static void run(void *context, unsigned count, char *words[]) {
  (void)context;
  ran[0] = '\0';
  for (unsigned i = 0; i < count; i++) {
    (void)strcat(ran, words[i]);
    (void)strcat(ran, "|");
  }
}

static void type(edge_console *c, const char *text) {
  printed[0] = ran[0] = '\0';
  edge_console_type(c, text, strlen(text));
}

static void lines_become_words(void **state) {
  (void)state;
  edge_console c;
  edge_console_init(&c, NULL, print, run);
  type(&c, "  status\r");
  assert_string_equal(ran, "status|");
  type(&c, "config host  a b c\n");
  assert_string_equal(ran, "config|host|a b c|");
  type(&c, "relo\b\b\x7Fstart\r");
  assert_string_equal(ran, "rstart|");
  type(&c, "\b\b\r");
  assert_string_equal(ran, "");
}

static void a_password_is_typed_unseen(void **state) {
  (void)state;
  edge_console c;
  edge_console_init(&c, NULL, print, run);
  type(&c, "config password hunter2\r");
  assert_string_equal(ran, "config|password|hunter2|");
  assert_null(strstr(printed, "hunter2"));
  assert_non_null(strstr(printed, "*******"));
}

static void a_line_too_long_is_not_run(void **state) {
  (void)state;
  edge_console c;
  edge_console_init(&c, NULL, print, run);
  char line[EDGE_CONSOLE_LINE_MAX + 10];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  type(&c, line);
  type(&c, "\r");
  assert_string_equal(ran, "");
  assert_non_null(strstr(printed, "too long"));
  type(&c, "help\r");
  assert_string_equal(ran, "help|");
}

/* ---- LED and button ---- */

static void each_state_looks_different(void **state) {
  (void)state;
  for (int a = 0; a < EDGE_LED_COUNT_; a++)
    for (int b = 0; b < a; b++) {
      bool differ = false;
      for (int64_t t = 0; t < 2000; t += 125)
        differ |= edge_led_lit((edge_led)a, t) != edge_led_lit((edge_led)b, t);
      assert_true(differ);
    }
}

static edge_press held(int64_t for_ms) {
  edge_button b = {0};
  edge_press press = EDGE_PRESS_NONE;
  for (int64_t t = 0; t < for_ms + 200; t += 10) {
    edge_press one = edge_button_poll(&b, t < for_ms, t);
    if (one != EDGE_PRESS_NONE) {
      assert_true(t >= for_ms);
      press = one;
    }
  }
  return press;
}

static void presses_are_told_by_their_length(void **state) {
  (void)state;
  assert_int_equal(held(20), EDGE_PRESS_NONE); /* a spark */
  assert_int_equal(held(200), EDGE_PRESS_SHORT);
  assert_int_equal(held(3000), EDGE_PRESS_NONE);
  assert_int_equal(held(6000), EDGE_PRESS_SETUP);
  assert_int_equal(held(16000), EDGE_PRESS_FORGET);
}

/* ---- JSON ---- */

static edge_json json(const char *text) {
  return (edge_json){text, strlen(text)};
}

static void json_is_looked_into(void **state) {
  (void)state;
  edge_json value;
  char text[16];
  const char object[] =
      "{\"a\": {\"b\": [1, {\"c\": \"}\"}]}, \"d\": \"x\\n\\\"y\", \"e\": 7, \"d\": 1}";
  assert_true(edge_json_member(json(object), "d", &value));
  assert_true(edge_json_text(value, text, sizeof text));
  assert_string_equal(text, "x\n\"y");
  assert_false(edge_json_text(value, text, 4));
  assert_true(edge_json_member(json(object), "a", &value));
  assert_true(edge_json_member(value, "b", &value));
  assert_false(edge_json_member(value, "c", &value));
  assert_false(edge_json_member(json(object), "c", &value));
  static const char *const bad[] = {
      "",           "{",           "{\"a\"}",   "{\"a\":}", "{\"a\":1,}",
      "{\"a\":1}x", "{\"a\":\"\\", "{\"a\":[}", "{a:1}",    "{\"a\":[[[[[[[[[1]]]]]]]]]}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(edge_json_member(json(bad[i]), "a", &value));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(settings_come_back),
      TEST(wrong_settings_are_told_and_change_nothing),
      TEST(a_password_is_not_shown),
      TEST(other_versions_are_read_and_carried),
      TEST(damaged_settings_are_the_ones_before),
      cmocka_unit_test(lines_become_words),
      cmocka_unit_test(a_password_is_typed_unseen),
      cmocka_unit_test(a_line_too_long_is_not_run),
      cmocka_unit_test(each_state_looks_different),
      cmocka_unit_test(presses_are_told_by_their_length),
      cmocka_unit_test(json_is_looked_into),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
