/* Time of the wall and of another process's CPU, both in nanoseconds: the kernel's own clocks, not
 * the ticks of /proc/PID/stat. */
#ifndef SM_BENCH_CLOCKS_H
#define SM_BENCH_CLOCKS_H

#include <stdint.h>

int64_t bench_wall_ns(void);
/* The process id in a file of bench_usage; 0 for NULL. Ends the program when there is none. */
uint64_t bench_pid_of(const char *usage_path);
/* User and system time of all threads of `pid` so far; 0 for pid 0. Ends the program when there is
 * no such process: what is measured has died. */
int64_t bench_cpu_ns(uint64_t pid);

#endif
