#include "clocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static int64_t ns_of(const struct timespec *t) {
  return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

int64_t bench_wall_ns(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return ns_of(&now);
}

int64_t bench_cpu_ns(uint64_t pid) {
  clockid_t clock = 0;
  struct timespec used = {0};
  if (pid == 0) return 0;
  if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    (void)fprintf(stderr, "process %llu, whose CPU time is measured, is gone\n",
                  (unsigned long long)pid);
    exit(1);
  }
  return ns_of(&used);
}
