#include "app/options.h"
#include "app/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 8 };

typedef struct fixture {
  bool json;
  const char *device;
  int64_t days;
  int argc;
  char *argv[ARGUMENTS_MAX + 1];
  sm_buf problem;
} fixture;

static sm_err take(fixture *f, const char *const arguments[ARGUMENTS_MAX]) {
  const sm_option options[] = {{"--json", .flag = &f->json},
                               {"--device", .text = &f->device},
                               {"--days", .number = &f->days, .min = 1, .max = 30}};
  f->argv[0] = (char *)(uintptr_t) "command";
  for (f->argc = 1; arguments[f->argc - 1] != NULL; f->argc++)
    f->argv[f->argc] = (char *)(uintptr_t)arguments[f->argc - 1];
  sm_buf_init(&f->problem, 0);
  return sm_options_take(options, 3, &f->argc, f->argv, &f->problem);
}

static void options_are_told_from_words(void **state) {
  (void)state;
  static const char *const arguments[ARGUMENTS_MAX] = {"add",      "--json", "--device",
                                                       "--json=1", "-",      "--days=30"};
  fixture f = {.days = 7};
  assert_int_equal(take(&f, arguments), SM_OK);
  assert_true(f.json);
  assert_string_equal(f.device, "--json=1");
  assert_int_equal(f.days, 30);
  assert_int_equal(f.argc, 3);
  assert_string_equal(f.argv[1], "add");
  assert_string_equal(f.argv[2], "-");
  sm_buf_fini(&f.problem);
}

static void an_option_may_be_given_several_times(void **state) {
  (void)state;
  const char *room[2];
  sm_option_list list = {.item = room, .cap = 2};
  const sm_option options[] = {{"--account", .list = &list}};
  char *argv[] = {(char *)(uintptr_t) "command",       (char *)(uintptr_t) "--account",
                  (char *)(uintptr_t) "101",           (char *)(uintptr_t) "add",
                  (char *)(uintptr_t) "--account=102", NULL};
  int argc = 5;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  assert_int_equal(sm_options_take(options, 1, &argc, argv, &problem), SM_OK);
  assert_int_equal(argc, 2);
  assert_int_equal(list.count, 2);
  assert_string_equal(room[0], "101");
  assert_string_equal(room[1], "102");
  char *more[] = {(char *)(uintptr_t) "command", (char *)(uintptr_t) "--account=103", NULL};
  argc = 2;
  assert_int_equal(sm_options_take(options, 1, &argc, more, &problem), SM_ERR_INVALID);
  assert_string_equal(sm_buf_text(&problem), "--account is given more than 2 times");
  sm_buf_fini(&problem);
}

static void behind_two_dashes_all_are_words(void **state) {
  (void)state;
  static const char *const arguments[ARGUMENTS_MAX] = {"--", "--json", "--"};
  fixture f = {.days = 7};
  assert_int_equal(take(&f, arguments), SM_OK);
  assert_false(f.json);
  assert_null(f.device);
  assert_int_equal(f.days, 7);
  assert_int_equal(f.argc, 3);
  assert_string_equal(f.argv[1], "--json");
  assert_string_equal(f.argv[2], "--");
  sm_buf_fini(&f.problem);
}

static void what_is_wrong_is_said(void **state) {
  (void)state;
  static const struct {
    const char *const arguments[ARGUMENTS_MAX];
    const char *problem;
  } bad[] = {
      {{"--jso"}, "there is no option '--jso'"},
      {{"-j"}, "there is no option '-j'"},
      {{"--json=yes"}, "--json takes no value"},
      {{"add", "--device"}, "--device needs a value"},
      {{"--days", "0"}, "--days is '0': give a whole number from 1 to 30"},
      {{"--days=31"}, "--days is '31': give a whole number from 1 to 30"},
      {{"--days", "x"}, "--days is 'x': give a whole number from 1 to 30"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    fixture f = {.days = 7};
    assert_int_equal(take(&f, bad[i].arguments), SM_ERR_INVALID);
    assert_string_equal(sm_buf_text(&f.problem), bad[i].problem);
    assert_int_equal(f.days, 7);
    sm_buf_fini(&f.problem);
  }
}

static void help_and_misuse_end_a_command(void **state) {
  (void)state;
  bool json = false;
  int argc = 2;
  int status = -1;
  const sm_option options[] = {{"--json", .flag = &json}};
  char *help[] = {(char *)(uintptr_t) "command", (char *)(uintptr_t) "-h", NULL};
  assert_false(sm_options_read(options, 1, "usage\n", &argc, help, &status));
  assert_int_equal(status, SM_EXIT_OK);
  argc = 2;
  char *bad[] = {(char *)(uintptr_t) "command", (char *)(uintptr_t) "--xml", NULL};
  assert_false(sm_options_read(options, 1, "usage\n", &argc, bad, &status));
  assert_int_equal(status, SM_EXIT_USAGE);
  argc = 2;
  char *good[] = {(char *)(uintptr_t) "command", (char *)(uintptr_t) "--json", NULL};
  assert_true(sm_options_read(options, 1, "usage\n", &argc, good, &status));
  assert_int_equal(argc, 1);
  assert_true(json);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_are_told_from_words),
      cmocka_unit_test(an_option_may_be_given_several_times),
      cmocka_unit_test(behind_two_dashes_all_are_words),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(help_and_misuse_end_a_command),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
