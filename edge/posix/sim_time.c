#include "posix/sim_time.h"

#include <stdlib.h>
#include <time.h>

static int64_t read_ms(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool take(const char **at, char behind, int64_t *value) {
  char *end;
  *value = strtoll(*at, &end, 10);
  if (end == *at || *end != behind || *value <= 0) return false;
  *at = end + (behind != '\0');
  return true;
}

bool sim_time_parse(const char *text, sim_time *time) {
  sim_time t;
  if (!take(&text, '@', &t.speed) || !take(&text, '@', &t.start_ms) ||
      !take(&text, '\0', &t.anchor_ms) || t.speed > 1000)
    return false;
  *time = t;
  return true;
}

int64_t sim_time_wall_ms(const sim_time *time) {
  int64_t now_ms = read_ms(CLOCK_REALTIME);
  return time->speed == 1 ? now_ms : time->start_ms + (now_ms - time->anchor_ms) * time->speed;
}

int64_t sim_time_steady_ms(const sim_time *time) {
  return read_ms(CLOCK_MONOTONIC) * time->speed;
}
