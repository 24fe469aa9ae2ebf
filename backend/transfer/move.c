#include "transfer/move.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <stdlib.h>
#include <string.h>

enum {
  BATCH_DAYS = 31, /* of one step */
  BATCH_SPAN = 62, /* days from the first to the last */
  BATCH_READINGS = 100000,
  AGAIN_MS = 30000,
  PARTS = 1000 /* of a series, for the progress */
};

#define DAY_MS ((int64_t)86400000)

typedef struct run {
  sm_move_pass pass;
  sm_move_counts counts;
  int64_t again_ms; /* steady clock */
  uint64_t series_total;
  /* the series that is being worked on */
  sm_move_series series;
  sm_move_day day[BATCH_DAYS];
  size_t day_count;
  size_t batch_readings;
  sm_buf print;
} run;

/* ---- the batch ---- */

static void forget_batch(run *r) {
  for (size_t i = 0; i < r->day_count; i++) sm_move_day_fini(&r->day[i]);
  r->day_count = 0;
  r->batch_readings = 0;
}

static sm_err look_again(run *r) {
  int64_t now_ms = sm_clock_steady_ms();
  if (r->pass.again == NULL || now_ms < r->again_ms) return SM_OK;
  r->again_ms = now_ms + AGAIN_MS;
  return r->pass.again(r->pass.context, &r->pass.from);
}

static sm_err flush(run *r) {
  sm_err err = sm_readings_move_put(r->pass.to, &r->series, r->day, r->day_count);
  r->counts.days_put += r->day_count;
  forget_batch(r);
  return err == SM_OK ? look_again(r) : err;
}

static uint64_t count_of(const sm_quarter_list *quarters) {
  uint64_t count = 0;
  for (size_t i = 0; i < quarters->count; i++) count += quarters->item[i].count;
  return count;
}

/* Takes the day. */
static sm_err add_day(run *r, sm_move_day *day) {
  sm_err err = r->day_count > 0 && day->day - r->day[0].day >= BATCH_SPAN ? flush(r) : SM_OK;
  if (err != SM_OK) return err;
  r->counts.readings_put += count_of(&day->quarters);
  r->batch_readings += day->raw.count;
  r->day[r->day_count++] = *day;
  *day = (sm_move_day){.day = day->day};
  return r->day_count == BATCH_DAYS || r->batch_readings >= BATCH_READINGS ? flush(r) : SM_OK;
}

/* ---- one day ---- */

typedef struct span { /* the quarters of one day */
  const sm_quarter *item;
  size_t count;
} span;

static bool holds_all(const sm_reading_list *theirs, const sm_reading_list *ours) {
  size_t at = 0;
  for (size_t i = 0; i < theirs->count; i++) {
    while (at < ours->count && ours->item[at].ts_ms < theirs->item[i].ts_ms) at++;
    if (at == ours->count || !sm_reading_equal(&ours->item[at], &theirs->item[i])) return false;
  }
  return true;
}

static void print_day(run *r, const sm_move_day *day) {
  sm_buf_clear(&r->print);
  sm_buf_append(&r->print, r->counts.digest, sizeof r->counts.digest);
  sm_move_day_print(day, &r->print);
  if (r->print.err == SM_OK) sm_sha256(r->print.data, r->print.len, r->counts.digest);
}

/* Raw that has been dropped here since it was put there may stay there, unless it left its course.
 */
static bool is_same(const sm_move_day *ours, const sm_move_day *theirs) {
  if (sm_move_days_same(ours, theirs)) return true;
  return ours->raw.count == 0 && ours->course.count == 0 &&
         theirs->raw.count == count_of(&theirs->quarters) && theirs->raw.count > 0 &&
         sm_move_quarters_same(ours->quarters.item, ours->quarters.count, theirs->quarters.item,
                               theirs->quarters.count);
}

static sm_err judge_day(run *r, sm_move_day *ours, const sm_move_day *theirs) {
  bool same = is_same(ours, theirs);
  if (r->pass.whole) {
    r->counts.raw += ours->raw.count;
    print_day(r, ours);
    if (r->print.err != SM_OK) return r->print.err;
  }
  if (same) return SM_OK;
  if (ours->raw.count > 0 && !holds_all(&theirs->raw, &ours->raw)) return SM_ERR_CONFLICT;
  return add_day(r, ours);
}

static sm_err compare_day(run *r, int64_t day, span from, span to) {
  sm_move_day ours = {.day = day};
  sm_move_day theirs = {.day = day};
  const sm_move_series *s = &r->series;
  if (from.count == 0) return SM_ERR_CONFLICT;
  for (size_t i = 0; i < from.count; i++) r->counts.readings += from.item[i].count;
  r->counts.quarters += from.count;
  if (!r->pass.whole && sm_move_quarters_same(from.item, from.count, to.item, to.count))
    return SM_OK;
  sm_err err = sm_readings_move_day(r->pass.from, s->device_id, s->channel, day, &ours);
  ours.fresh = to.count == 0;
  if (err == SM_OK && to.count > 0)
    err = sm_readings_move_day(r->pass.to, s->device_id, s->channel, day, &theirs);
  if (err == SM_OK) err = judge_day(r, &ours, &theirs);
  sm_move_day_fini(&ours);
  sm_move_day_fini(&theirs);
  return err;
}

/* ---- one series ---- */

static int64_t day_at(const sm_quarter_list *list, size_t at) {
  return at < list->count ? list->item[at].start_ms / DAY_MS : INT64_MAX;
}

static span take_day(const sm_quarter_list *list, size_t *at, int64_t day) {
  size_t first = *at;
  while (day_at(list, *at) == day) ++*at;
  return (span){.item = list->item + first, .count = *at - first};
}

static bool tell(const run *r, size_t done, size_t total) {
  if (r->pass.progress == NULL) return true;
  uint64_t part = total > 0 ? (uint64_t)done * PARTS / total : 0;
  return r->pass.progress(r->pass.context, r->counts.readings, r->counts.series * PARTS + part,
                          r->series_total * PARTS);
}

static sm_err compare_days(run *r, const sm_quarter_list *from, const sm_quarter_list *to) {
  size_t i = 0;
  size_t j = 0;
  sm_err err = SM_OK;
  while (err == SM_OK && (i < from->count || j < to->count)) {
    int64_t ours = day_at(from, i);
    int64_t theirs = day_at(to, j);
    int64_t day = ours < theirs ? ours : theirs;
    span from_day = take_day(from, &i, day);
    err = compare_day(r, day, from_day, take_day(to, &j, day));
    if (err == SM_OK && !tell(r, i, from->count)) err = SM_ERR_CLOSED;
  }
  return err;
}

static sm_err state_differs(const run *r, bool *differs) {
  sm_move_series theirs;
  const sm_move_series *s = &r->series;
  *differs = true;
  sm_err err = sm_readings_move_series(r->pass.to, s->series_no - 1, &theirs);
  if (err == SM_ERR_NOT_FOUND) return SM_OK;
  if (err != SM_OK) return err;
  *differs = theirs.series_no != s->series_no || theirs.state.len != s->state.len ||
             memcmp(theirs.state.data, s->state.data, s->state.len) != 0;
  sm_move_series_fini(&theirs);
  return SM_OK;
}

static sm_err quarters_of(sm_readings *store, const sm_move_series *s, sm_quarter_list *list) {
  return sm_readings_quarters(store, s->device_id, s->channel, 0, INT64_MAX, SIZE_MAX, list);
}

static sm_err move_series(run *r) {
  sm_quarter_list from = {0};
  sm_quarter_list to = {0};
  bool differs = false;
  sm_err err = quarters_of(r->pass.from, &r->series, &from);
  if (err == SM_OK) err = quarters_of(r->pass.to, &r->series, &to);
  if (err == SM_OK) err = compare_days(r, &from, &to);
  if (err == SM_OK) err = state_differs(r, &differs);
  if (err == SM_OK && (r->day_count > 0 || differs)) err = flush(r);
  forget_batch(r);
  sm_quarter_list_fini(&from);
  sm_quarter_list_fini(&to);
  return err == SM_OK ? look_again(r) : err;
}

static sm_err move_all_series(run *r) {
  int64_t after_no = 0;
  for (;;) {
    sm_err err = sm_readings_move_series(r->pass.from, after_no, &r->series);
    if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
    after_no = r->series.series_no;
    err = move_series(r);
    sm_move_series_fini(&r->series);
    if (err != SM_OK) return err;
    r->counts.series++;
    if (!tell(r, 0, 0)) return SM_ERR_CLOSED;
  }
}

/* A series there that is not here. */
static sm_err find_strays(const run *r) {
  sm_move_series theirs;
  sm_move_series ours;
  int64_t after_no = 0;
  for (;;) {
    sm_err err = sm_readings_move_series(r->pass.to, after_no, &theirs);
    if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
    after_no = theirs.series_no;
    err = sm_readings_move_series(r->pass.from, after_no - 1, &ours);
    bool known = err == SM_OK && ours.series_no == after_no && ours.channel == theirs.channel &&
                 strcmp(ours.device_id, theirs.device_id) == 0;
    if (err == SM_OK) sm_move_series_fini(&ours);
    sm_move_series_fini(&theirs);
    if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
    if (!known) return SM_ERR_CONFLICT;
  }
}

/* A page at a time: room for as many as are asked for is taken at once. */
static sm_err all_rejects(sm_readings *store, sm_reject_list *all) {
  enum { PAGE = 1000 };
  size_t got = PAGE;
  int64_t after = 0;
  while (got == PAGE) {
    sm_reject_list page = {0};
    sm_err err = sm_readings_rejects(store, INT64_MIN, INT64_MAX, after, PAGE, &page);
    if (err != SM_OK) return err;
    sm_reject *item = realloc(all->item, (all->count + page.count + 1) * sizeof *item);
    if (item == NULL) {
      sm_reject_list_fini(&page);
      return SM_ERR_NOMEM;
    }
    got = page.count;
    if (got > 0) memcpy(item + all->count, page.item, got * sizeof *item);
    if (got > 0) after = page.item[got - 1].reject_no;
    *all = (sm_reject_list){.item = item, .count = all->count + got};
    free(page.item);
  }
  return SM_OK;
}

static sm_err put_rejects(const run *r, const sm_reject_list *from) {
  sm_reject_list back = {0};
  sm_err err = sm_readings_move_rejects(r->pass.to, from);
  if (err == SM_OK) err = all_rejects(r->pass.to, &back);
  if (err == SM_OK && !sm_move_rejects_same(from, &back)) err = SM_ERR_CORRUPT;
  sm_reject_list_fini(&back);
  return err;
}

static sm_err move_rejects(run *r) {
  sm_reject_list from = {0};
  sm_reject_list to = {0};
  sm_err err = all_rejects(r->pass.from, &from);
  if (err == SM_OK) err = all_rejects(r->pass.to, &to);
  if (err == SM_OK && !sm_move_rejects_same(&from, &to)) err = put_rejects(r, &from);
  r->counts.rejects = from.count;
  sm_reject_list_fini(&from);
  sm_reject_list_fini(&to);
  return err;
}

sm_err sm_move_pass_run(const sm_move_pass *pass, sm_move_counts *counts) {
  run *r = calloc(1, sizeof *r);
  sm_readings_stats stats;
  if (r == NULL) return SM_ERR_NOMEM;
  r->pass = *pass;
  r->again_ms = sm_clock_steady_ms() + AGAIN_MS;
  sm_buf_init(&r->print, 0);
  sm_readings_stats_get(pass->from, &stats);
  r->series_total = stats.series;
  sm_err err = move_all_series(r);
  if (err == SM_OK) err = find_strays(r);
  if (err == SM_OK) err = move_rejects(r);
  if (err == SM_OK) *counts = r->counts;
  sm_buf_fini(&r->print);
  free(r);
  return err;
}
