#include "store/series/quarter_check.h"

#include "store/series/quarter.h"

#include <stdlib.h>

void sm_quarter_check_find(sm_quarter_check *c, const char *kind, int64_t key,
                           const char *device_id, const char *detail) {
  c->result.findings++;
  c->finding(c->context, &(sm_readings_finding){
                             .kind = kind, .key = key, .device_id = device_id, .detail = detail});
}

static void compare(sm_quarter_check *c, const char *device_id, const sm_quarter_list *rows,
                    const sm_quarter *made, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < rows->count && rows->item[at].start_ms < made[i].start_ms) at++;
    bool there = at < rows->count && rows->item[at].start_ms == made[i].start_ms;
    if (!there)
      sm_quarter_check_find(c, "quarter", made[i].start_ms, device_id,
                            "it is missing, and raw readings of it are there");
    else if (!sm_quarter_equal(&rows->item[at], &made[i]))
      sm_quarter_check_find(c, "quarter", made[i].start_ms, device_id,
                            "it is not what the raw readings give");
  }
}

sm_err sm_quarter_check_series(sm_quarter_check *c, const char *device_id, const sm_run *raw,
                               const sm_quarter_list *rows) {
  sm_quarter *made = malloc((raw->count + 1) * sizeof *made);
  if (made == NULL) return SM_ERR_NOMEM;
  compare(c, device_id, rows, made, sm_quarters_of(raw->item, raw->count, made));
  free(made);
  c->result.quarters += rows->count;
  c->result.readings += raw->count;
  c->result.series++;
  return SM_OK;
}
