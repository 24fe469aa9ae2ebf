/* The stream that the benches send: the readings of a fleet of meters, in the order in which they
 * would come. Each step all meters read once; with `per_message` n each meter's n readings stand
 * together, as the backlog of a meter does, and then comes the next meter. Not thread-safe. */
#ifndef SM_BENCH_SOURCE_H
#define SM_BENCH_SOURCE_H

#include "data.h"

#include <stdbool.h>

enum { BENCH_PER_MESSAGE_MAX = 500 };

typedef struct bench_plan {
  uint64_t seed;
  bench_noise noise;
  uint32_t first_no; /* of the first device */
  uint32_t devices;
  int64_t start_ms; /* the first step's time */
  uint32_t interval_s;
} bench_plan;

typedef struct bench_source bench_source;

/* NULL: out of memory. The caller frees it; NULL may be freed. */
bench_source *bench_source_new(const bench_plan *plan);
void bench_source_free(bench_source *source);

/* Sets out on the next `steps` steps, going on where the last ones ended. per_message is 1 to
 * BENCH_PER_MESSAGE_MAX. */
void bench_source_run(bench_source *source, uint64_t steps, uint32_t per_message);

typedef struct bench_group {
  uint32_t no; /* the device */
  uint32_t count;
  uint32_t seq; /* of the first reading; the device's very first is 1 */
  bench_reading reading[BENCH_PER_MESSAGE_MAX];
} bench_group;

/* The next device's readings; false when the run is over. */
bool bench_source_next(bench_source *source, bench_group *group);

#endif
