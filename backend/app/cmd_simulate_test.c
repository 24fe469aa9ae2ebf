#include "app/cmd_simulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 10 };

static int run(const char *const arguments[ARGUMENTS_MAX]) {
  char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "simulate"};
  int argc = 1;
  for (; arguments[argc - 1] != NULL; argc++) argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
  return sm_cmd_simulate(argc, argv);
}

static void bad_options_are_told_apart_from_failures(void **state) {
  (void)state;
  static const char *const bad[][ARGUMENTS_MAX] = {
      {"--nonsense"},
      {"extra"},
      {"--meters"},
      {"--meters", "0"},
      {"--meters", "100001"},
      {"--meters=1e3"},
      {"--seed", "-1"},
      {"--interval", "0"},
      {"--array", "501"},
      {"--live=yes"},
      {"--prefix", "a/b"},
      {"--prefix", "#"},
      {"--demo"},
      {"--state", "x"},
      {"--demo", "--state", "x", "--meters", "3"},
      {"--demo", "--state", "x", "--live", "--catch-up"},
      {"--to", "2026-01-01T00:00:00Z"},
      {"--from", "2026-01-01"},
      {"--from", "2019-12-31T23:59:59Z"},
      {"--from", "2199-01-01T00:00:00Z"},
      {"--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02T00:00:00Z"},
      {"--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--live"},
      {"--from", "2026-01-01T00:00:00Z", "--installed", "2026-01-01T00:00:01Z"},
      {"--speed", "10"},
      {"--json", "--quiet"},
      {"--url", "http://127.0.0.1"},
      {"--url", "mqtt://user:secret@127.0.0.1"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_int_equal(run(bad[i]), 2);
}

static void a_port_of_zero_needs_a_url(void **state) {
  (void)state;
  assert_int_equal(setenv("SMARTMETER_MQTT_PORT", "0", 1), 0);
  assert_int_equal(run((const char *const[ARGUMENTS_MAX]){"--quiet"}), 2);
  assert_int_equal(unsetenv("SMARTMETER_MQTT_PORT"), 0);
}

static void a_file_that_is_no_certificate_is_a_failure(void **state) {
  (void)state;
  assert_int_equal(run((const char *const[ARGUMENTS_MAX]){"--url", "mqtts://127.0.0.1", "--ca",
                                                          "/nonexistent/ca.pem"}),
                   1);
}

static void help_is_no_error(void **state) {
  (void)state;
  assert_int_equal(run((const char *const[ARGUMENTS_MAX]){"--help"}), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_options_are_told_apart_from_failures),
      cmocka_unit_test(a_port_of_zero_needs_a_url),
      cmocka_unit_test(a_file_that_is_no_certificate_is_a_failure),
      cmocka_unit_test(help_is_no_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
