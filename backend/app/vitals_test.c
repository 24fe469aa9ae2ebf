#include "app/vitals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static double value_of(const char *name) {
  char line[96] = "\n";
  sm_buf out;
  sm_buf_init(&out, 0);
  sm_vitals_write_metrics("/tmp", &out);
  strncat(line, name, sizeof line - 3);
  strcat(line, " ");
  const char *at = strstr(sm_buf_text(&out), line);
  if (at == NULL) fail_msg("no %s in %s", name, sm_buf_text(&out));
  double value = at == NULL ? -1 : strtod(at + strlen(line), NULL);
  sm_buf_fini(&out);
  return value;
}

static void files_are_counted(void **state) {
  (void)state;
  double before = value_of("process_open_fds");
  int fd[2];
  assert_int_equal(pipe(fd), 0);
  assert_true(value_of("process_open_fds") == before + 2);
  (void)close(fd[0]);
  (void)close(fd[1]);
  assert_true(value_of("process_open_fds") == before);
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_true(value_of("process_max_fds") == (double)limit.rlim_cur);
}

static void time_is_what_the_system_says(void **state) {
  (void)state;
  struct rusage before;
  struct rusage after;
  volatile uint64_t sum = 0;
  assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
  do { /* work to be counted */
    for (uint64_t i = 0; i < 1000000; i++) sum += i;
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
  } while (after.ru_utime.tv_sec * 10 + after.ru_utime.tv_usec / 100000 < 2);
  double told = value_of("process_cpu_seconds_total");
  double used = (double)(after.ru_utime.tv_sec + after.ru_stime.tv_sec) +
                (double)(after.ru_utime.tv_usec + after.ru_stime.tv_usec) / 1e6;
  assert_true(told > used - 0.1);
  double started = value_of("process_start_time_seconds");
  assert_true(started <= (double)time(NULL) + 1 && started > (double)time(NULL) - 86400);
}

static void memory_threads_and_disk_are_there(void **state) {
  (void)state;
  assert_true(value_of("process_threads") >= 1);
  double resident = value_of("process_resident_memory_bytes");
  assert_true(resident > 100000 && resident <= value_of("process_virtual_memory_bytes"));
  assert_true(value_of("smartmeter_disk_free_bytes") <= value_of("smartmeter_disk_bytes"));
  assert_true(value_of("smartmeter_disk_bytes") > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_counted),
      cmocka_unit_test(time_is_what_the_system_says),
      cmocka_unit_test(memory_threads_and_disk_are_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
