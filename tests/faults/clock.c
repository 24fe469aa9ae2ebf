/* A wall clock that jumps: SM_CLOCK_FILE holds how many seconds it is ahead of the real one
 * (behind, if negative), as text, read at every look at the clock. Or one that stands still, at
 * SM_CLOCK_STILL, seconds since 1970. The clock that never goes back is left alone, and so are the
 * waits of threads that go by it. */
#include "shim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *control, *still;
static int (*next_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void) {
  SM_SHIM_NEXT(next_clock_gettime, "clock_gettime");
  control = getenv("SM_CLOCK_FILE");
  still = getenv("SM_CLOCK_STILL");
}

static time_t ahead_s(void) {
  char text[32];
  int fd = control != NULL ? open(control, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t len = read(fd, text, sizeof text - 1);
  (void)close(fd);
  text[len > 0 ? len : 0] = '\0';
  return (time_t)strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  /* Another library's constructor may ask before ours has run. */
  if (next_clock_gettime == NULL) start();
  int result = next_clock_gettime(clock, now);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  if (still != NULL) *now = (struct timespec){.tv_sec = (time_t)strtoll(still, NULL, 10)};
  now->tv_sec += ahead_s();
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}
