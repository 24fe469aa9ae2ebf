/* Time as a program is told to see it: the machine's own, or faster, for tests. Then ms pass
 * `speed` times as fast, and the wall clock showed start_ms when the machine's showed anchor_ms: so
 * programs that are told the same, at whatever moment, see the same time. */
#ifndef EDGE_POSIX_SIM_TIME_H
#define EDGE_POSIX_SIM_TIME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_time {
  int64_t anchor_ms;
  int64_t start_ms;
  int64_t speed; /* 1: the machine's own time */
} sim_time;

/* "SPEED@START@ANCHOR", whole numbers, the latter two in ms since 1970. False: it is not. */
bool sim_time_parse(const char *text, sim_time *time);
int64_t sim_time_wall_ms(const sim_time *time);
/* Of a clock that never goes back. */
int64_t sim_time_steady_ms(const sim_time *time);

#endif
