#include "base/order.h"
#include "store/series/quarter.h"
#include "store/series/trace.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)86400000)

static int64_t midnight_before(int64_t at_ms) {
  return at_ms / DAY_MS * DAY_MS;
}

static int64_t midnight_after(int64_t at_ms) {
  return midnight_before(at_ms + DAY_MS - 1);
}

sm_err sm_span_init(sm_quarter_span *s, const sm_trace_source *r, int64_t from_ms, int64_t to_ms) {
  *s = (sm_quarter_span){.r = r};
  if (!r->there) return SM_OK;
  s->floor_ms = sm_quarter_start_ms(r->first_ms);
  s->stop_ms = sm_quarter_start_ms(r->last_ms) + SM_QUARTER_MS;
  from_ms = sm_min_i64(from_ms, s->stop_ms) - SPAN_STEP_MS;
  s->from_ms = midnight_before(sm_max_i64(from_ms, s->floor_ms));
  to_ms = midnight_after(sm_min_i64(to_ms + SPAN_STEP_MS, s->stop_ms));
  s->to_ms = sm_max_i64(to_ms, s->from_ms);
  return r->quarters(r->context, s->from_ms, s->to_ms, &s->list);
}

void sm_span_fini(sm_quarter_span *s) {
  sm_quarter_list_fini(&s->list);
}

/* Puts `more` before or behind what there is, and takes its memory in any case. */
static sm_err join(sm_quarter_span *s, sm_quarter_list *more, bool before) {
  sm_quarter_list *a = before ? more : &s->list;
  sm_quarter_list *b = before ? &s->list : more;
  sm_quarter *item = realloc(a->item, (a->count + b->count + 1) * sizeof *item);
  if (item == NULL) {
    sm_quarter_list_fini(more);
    return SM_ERR_NOMEM;
  }
  if (b->count > 0) memcpy(item + a->count, b->item, b->count * sizeof *item);
  const sm_quarter_list joined = {.item = item, .count = a->count + b->count};
  sm_quarter_list_fini(b);
  s->list = joined;
  return SM_OK;
}

sm_err sm_span_back(sm_quarter_span *s, int64_t width_ms, size_t *more) {
  int64_t from_ms = midnight_before(sm_max_i64(s->from_ms - width_ms, s->floor_ms));
  sm_quarter_list list = {0};
  sm_err err = s->r->quarters(s->r->context, from_ms, s->from_ms, &list);
  if (err != SM_OK) return err;
  size_t count = list.count;
  err = join(s, &list, true);
  if (err != SM_OK) return err;
  s->from_ms = from_ms;
  *more = count;
  return SM_OK;
}

sm_err sm_span_on(sm_quarter_span *s, int64_t width_ms) {
  int64_t to_ms = midnight_after(sm_min_i64(s->to_ms + width_ms, s->stop_ms));
  sm_quarter_list list = {0};
  sm_err err = s->r->quarters(s->r->context, s->to_ms, to_ms, &list);
  if (err != SM_OK) return err;
  err = join(s, &list, false);
  if (err == SM_OK) s->to_ms = to_ms;
  return err;
}

size_t sm_span_find(const sm_quarter_span *s, int64_t start_ms) {
  size_t low = 0;
  size_t high = s->list.count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (s->list.item[middle].start_ms < start_ms)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void sm_span_take(sm_quarter_span *s, int64_t from_ms, int64_t to_ms, sm_quarter_list *quarters) {
  size_t first = sm_span_find(s, sm_quarter_start_ms(from_ms));
  size_t end = sm_span_find(s, to_ms);
  size_t count = end > first ? end - first : 0;
  if (count > 0 && first > 0)
    memmove(s->list.item, s->list.item + first, count * sizeof *s->list.item);
  *quarters = (sm_quarter_list){.item = s->list.item, .count = count};
  s->list = (sm_quarter_list){0};
}
