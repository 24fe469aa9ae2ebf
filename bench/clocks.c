#include "clocks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

uint64_t bench_pid_of(const char *usage_path) {
  char line[64] = "";
  if (usage_path == NULL) return 0;
  FILE *file = fopen(usage_path, "r");
  bool ok = file != NULL && fgets(line, sizeof line, file) != NULL && strncmp(line, "pid=", 4) == 0;
  if (file != NULL) (void)fclose(file);
  uint64_t pid = ok ? strtoull(line + 4, NULL, 10) : 0;
  if (pid == 0) {
    (void)fprintf(stderr, "%s: no process id in it\n", usage_path);
    exit(1);
  }
  return pid;
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
