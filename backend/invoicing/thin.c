#include "invoicing/thin.h"

#include "billing/billing.h"

#include <stdbool.h>
#include <string.h>

#define MS_PER_H INT64_C(3600000)

/* Beyond these nothing is plain: their products fit. */
#define WH_FAR INT64_C(1000000000)
#define MS_FAR INT64_C(100000000000)
#define W_FAR INT64_C(10000000)

static bool is_plain_step(const sm_register_point *a, const sm_register_point *b, int64_t limit_w) {
  int64_t ms = b->ts_ms - a->ts_ms;
  int64_t wh = b->wh - a->wh;
  if (ms <= 0 || ms > MS_FAR || wh < 0 || wh > WH_FAR || b->stated) return false;
  return (wh - SM_BILLING_RESOLUTION_WH) * MS_PER_H <= limit_w * ms;
}

static bool is_plain(const sm_trace *trace, int64_t limit_w) {
  const sm_register_point *point = trace->point;
  if (trace->count < 3 || limit_w <= 0 || limit_w > W_FAR || point[0].stated ||
      point[0].ts_ms < -MS_FAR * 1000 || point[0].wh < 0 || point[0].wh > WH_FAR * 1000)
    return false;
  for (size_t i = 1; i < trace->count; i++)
    if (!is_plain_step(&point[i - 1], &point[i], limit_w)) return false;
  return true;
}

/* Marks what is kept; *kept is how many. Many small steps may each be forgiven their resolution,
 * and not be all together: false then. */
static bool choose(const sm_trace *trace, int64_t limit_w, const int64_t *instant_ms, size_t count,
                   size_t *keep, size_t room, size_t *kept) {
  const sm_register_point *point = trace->point;
  size_t n = 0;
  size_t i = 0;
  keep[n++] = 0;
  for (size_t k = 0; k < count; k++) {
    while (i + 1 < trace->count && point[i + 1].ts_ms <= instant_ms[k]) i++;
    bool exact = point[i].ts_ms == instant_ms[k];
    size_t last = i + 1 < trace->count && !exact && point[i].ts_ms < instant_ms[k] ? i + 1 : i;
    for (size_t at = i; at <= last; at++)
      if (at > keep[n - 1]) {
        if (n + 1 >= room || !is_plain_step(&point[keep[n - 1]], &point[at], limit_w)) return false;
        keep[n++] = at;
      }
  }
  size_t end = trace->count - 1;
  if (end > keep[n - 1]) {
    if (!is_plain_step(&point[keep[n - 1]], &point[end], limit_w)) return false;
    keep[n++] = end;
  }
  *kept = n;
  return true;
}

bool sm_trace_thin(sm_trace *trace, int64_t step_limit_w, const int64_t *instant_ms, size_t count) {
  enum { ROOM = 256 };
  size_t keep[ROOM];
  size_t kept = 0;
  if (trace->count == 0 || !is_plain(trace, step_limit_w)) return false;
  if (!choose(trace, step_limit_w, instant_ms, count, keep, ROOM, &kept)) return false;
  for (size_t i = 0; i < kept; i++) trace->point[i] = trace->point[keep[i]];
  trace->count = kept;
  return true;
}
