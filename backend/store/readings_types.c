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
