#include "source.h"

#include <stdlib.h>

struct bench_source {
  bench_plan plan;
  uint64_t steps_done; /* by all devices */
  uint64_t steps_end;
  uint32_t per_message;
  uint32_t device; /* whose turn it is within the present group of steps */
  bench_meter meter[];
};

bench_source *bench_source_new(const bench_plan *plan) {
  bench_source *source = calloc(1, sizeof *source + plan->devices * sizeof source->meter[0]);
  if (source == NULL) return NULL;
  source->plan = *plan;
  for (uint32_t i = 0; i < plan->devices; i++)
    bench_meter_init(&source->meter[i], plan->seed, plan->first_no + i, plan->noise);
  return source;
}

void bench_source_free(bench_source *source) {
  free(source);
}

void bench_source_run(bench_source *source, uint64_t steps, uint32_t per_message) {
  source->steps_end = source->steps_done + steps;
  source->per_message = per_message;
}

bool bench_source_next(bench_source *source, bench_group *group) {
  const bench_plan *plan = &source->plan;
  if (source->steps_done == source->steps_end || plan->devices == 0) return false;
  uint64_t left = source->steps_end - source->steps_done;
  uint32_t count = left < source->per_message ? (uint32_t)left : source->per_message;
  group->no = plan->first_no + source->device;
  group->count = count;
  group->seq = (uint32_t)source->steps_done + 1;
  for (uint32_t i = 0; i < count; i++) {
    int64_t step = (int64_t)(source->steps_done + i);
    bench_meter_next(&source->meter[source->device],
                     plan->start_ms + step * plan->interval_s * 1000, plan->interval_s,
                     &group->reading[i]);
  }
  if (++source->device == plan->devices) {
    source->device = 0;
    source->steps_done += count;
  }
  return true;
}
