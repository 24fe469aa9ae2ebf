#include "store/readings.h"

#include <stdlib.h>

void sm_reading_list_fini(sm_reading_list *list) {
  if (list == NULL) return;
  free(list->item);
  *list = (sm_reading_list){0};
}

void sm_quarter_list_fini(sm_quarter_list *list) {
  if (list == NULL) return;
  free(list->item);
  *list = (sm_quarter_list){0};
}

bool sm_quarter_equal(const sm_quarter *a, const sm_quarter *b) {
  return a->start_ms == b->start_ms && a->first.ts_ms == b->first.ts_ms &&
         a->first.wh == b->first.wh && a->last.ts_ms == b->last.ts_ms && a->last.wh == b->last.wh &&
         a->count == b->count && a->power_sum_mw == b->power_sum_mw &&
         a->power_max_mw == b->power_max_mw && a->voltage_sum_mv == b->voltage_sum_mv &&
         a->voltage_min_mv == b->voltage_min_mv && a->voltage_max_mv == b->voltage_max_mv &&
         a->gap_max_ms == b->gap_max_ms && a->step_max_w == b->step_max_w && a->fell == b->fell;
}

void sm_trace_fini(sm_trace *trace) {
  if (trace == NULL) return;
  free(trace->point);
  *trace = (sm_trace){0};
}

void sm_reject_list_fini(sm_reject_list *list) {
  if (list == NULL) return;
  for (size_t i = 0; i < list->count; i++) {
    sm_reject *r = &list->item[i];
    free(r->topic);
    free(r->device_id);
    free(r->reason);
    free(r->detail);
    free(r->payload);
  }
  free(list->item);
  *list = (sm_reject_list){0};
}
