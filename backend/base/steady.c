#include "base/steady.h"

bool sm_steady_cond_init(pthread_cond_t *cond) {
  pthread_condattr_t steady;
  if (pthread_condattr_init(&steady) != 0) return false;
  bool made = pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(cond, &steady) == 0;
  (void)pthread_condattr_destroy(&steady);
  return made;
}

struct timespec sm_steady_after(int64_t ms) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  int64_t ns = at.tv_nsec + ms % 1000 * 1000000;
  at.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
  at.tv_nsec = (long)(ns % 1000000000);
  return at;
}
