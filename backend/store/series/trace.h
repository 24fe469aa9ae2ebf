/* How a register trace is made (sm_readings_trace), whatever the engine: from the quarters of a
 * series, and the raw readings of those days in which quarters alone do not tell enough. */
#ifndef SM_STORE_SERIES_TRACE_H
#define SM_STORE_SERIES_TRACE_H

#include "store/readings.h"
#include "store/series/quarter_block.h"
#include "store/series/series.h"

/* The days of which no more is needed than their outline (quarter_block.h), while they are plain.
 */
typedef struct sm_outline_days {
  sm_outline_ask ask;
  int64_t from_day; /* since 1970, of UTC */
  int64_t to_day;   /* exclusive */
  bool doubtful;    /* set by who reads them: a day was not plain, so it is not there at all */
} sm_outline_days;

/* One series as one snapshot has it. Lists are the caller's; a run is borrowed until the next
 * call. */
typedef struct sm_trace_source {
  bool there; /* false: it has no readings, and nothing else holds */
  int64_t first_ms;
  int64_t last_ms;
  /* The quarters that start in [from_ms, to_ms). */
  sm_err (*quarters)(void *context, int64_t from_ms, int64_t to_ms, sm_quarter_list *list);
  /* All raw readings of a UTC day (days since 1970). */
  sm_err (*day)(void *context, int64_t day, const sm_run **run);
  /* What was kept of the register's course where raw was dropped (only ts_ms and energy_wh mean
   * something). */
  sm_err (*course)(void *context, int64_t from_ms, int64_t to_ms, sm_reading_list *list);
  void *context;
  sm_outline_days **outline; /* where `quarters` finds them; NULL there: none is to be outlined */
} sm_trace_source;

/* What a trace is judged with. */
typedef struct sm_trace_rule {
  int64_t step_limit_w;
  const sm_edits *edits;
} sm_trace_rule;
extern const sm_edits sm_trace_no_edits;

/* Far edges ("open" is INT64_MIN or MAX) brought near enough to compute with. */
int64_t sm_trace_near(int64_t at_ms, int64_t least_ms);

/* sm_readings_survey; quarters may be NULL. 0 <= from_ms <= to_ms, both near. */
SM_MUST_CHECK sm_err sm_trace_survey(const sm_trace_source *source, int64_t from_ms, int64_t to_ms,
                                     const sm_trace_rule *rule, sm_trace *trace,
                                     sm_quarter_list *quarters);

/* sm_readings_outline: the trace where it had to be given whole. */
SM_MUST_CHECK sm_err sm_trace_outline(const sm_trace_source *source, int64_t from_ms, int64_t to_ms,
                                      const sm_outline_ask *ask, sm_trace *trace, bool *whole);

/* ---- quarters around a span of time (readings_span.c) ---- */

/* The quarters of one source over some days, which grow at both ends by what is wanted next, so
 * that no day is read twice. */
typedef struct sm_quarter_span {
  const sm_trace_source *r;
  int64_t floor_ms; /* the start of the first quarter of all, and the end of the last */
  int64_t stop_ms;
  int64_t from_ms; /* whole days are looked at, so far */
  int64_t to_ms;
  sm_quarter_list list;
} sm_quarter_span;

enum { SPAN_STEP_MS = 16 * SM_QUARTER_MS }; /* looked at beyond what is asked for, at first */

/* 0 <= from_ms <= to_ms. A source without a series has no quarters. fini after success. */
SM_MUST_CHECK sm_err sm_span_init(sm_quarter_span *s, const sm_trace_source *r, int64_t from_ms,
                                  int64_t to_ms);
void sm_span_fini(sm_quarter_span *s);
/* Goes back by width_ms or more, not beyond floor_ms; *more: so many quarters stand before the
 * others now. And on, not beyond stop_ms. After a failure it is as it was. */
SM_MUST_CHECK sm_err sm_span_back(sm_quarter_span *s, int64_t width_ms, size_t *more);
SM_MUST_CHECK sm_err sm_span_on(sm_quarter_span *s, int64_t width_ms);
/* The index of the first quarter that starts at or after an instant. */
size_t sm_span_find(const sm_quarter_span *s, int64_t start_ms);
/* The quarters that touch [from_ms, to_ms), as far as they are there; the span has none after. */
void sm_span_take(sm_quarter_span *s, int64_t from_ms, int64_t to_ms, sm_quarter_list *quarters);

/* The readings of the trace, before any edit. An end that nothing was found beyond is open. If days
 * were left out of the span (*outlined) and something is in doubt, *outlined is false after it, and
 * there is no trace. */
SM_MUST_CHECK sm_err sm_trace_readings(sm_quarter_span *s, int64_t *from_ms, int64_t *to_ms,
                                       const sm_trace_rule *rule, bool *outlined, sm_trace *trace);

#endif
