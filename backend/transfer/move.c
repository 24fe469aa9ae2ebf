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

/* ---- days that are looked at together: one question to each side ---- */

typedef struct span { /* the quarters of one day */
  const sm_quarter *item;
  size_t count;
} span;

typedef struct piece {
  int64_t day;
  span from;
  span to;
} piece;

typedef struct look { /* days one after the other */
  piece item[BATCH_DAYS];
  size_t count;
  uint64_t readings;
} look;

/* What a side has of them. */
typedef struct side {
  sm_reading_list raw;
  sm_reading_list course; /* read if a day of them has no raw */
  size_t raw_at;          /* how far days were cut from it */
  size_t course_at;
} side;

static void side_fini(side *s) {
  sm_reading_list_fini(&s->raw);
  sm_reading_list_fini(&s->course);
}

/* Those of a day, borrowed, behind *at; *at is behind them then. */
static sm_reading_list cut(const sm_reading_list *list, size_t *at, int64_t day) {
  while (*at < list->count && list->item[*at].ts_ms < day * DAY_MS) ++*at;
  size_t first = *at;
  while (*at < list->count && list->item[*at].ts_ms < (day + 1) * DAY_MS) ++*at;
  return (sm_reading_list){.item = list->item + first, .count = *at - first};
}

static bool lacks_raw(const look *l, const sm_reading_list *raw) {
  size_t at = 0;
  for (size_t i = 0; i < l->count; i++)
    if (cut(raw, &at, l->item[i].day).count == 0) return true;
  return false;
}

/* Raw goes and leaves its course in one step: the course is read behind it. */
static sm_err read_side(sm_readings *store, const sm_move_series *series, const look *l, side *s) {
  int64_t from_ms = l->item[0].day * DAY_MS;
  int64_t to_ms = (l->item[l->count - 1].day + 1) * DAY_MS;
  sm_err err =
      sm_readings_raw(store, series->device_id, series->channel, from_ms, to_ms, SIZE_MAX, &s->raw);
  if (err == SM_OK && lacks_raw(l, &s->raw))
    err = sm_readings_move_course(store, series->device_id, series->channel, from_ms, to_ms,
                                  &s->course);
  return err;
}

/* Borrowed: of the side and of the quarters that were read before it. */
static sm_move_day day_of(side *s, int64_t day, span quarters) {
  sm_move_day out = {
      .day = day,
      .quarters = {.item = (sm_quarter *)(uintptr_t)quarters.item, .count = quarters.count},
      .raw = cut(&s->raw, &s->raw_at, day)};
  sm_reading_list course = cut(&s->course, &s->course_at, day);
  if (out.raw.count == 0) out.course = course;
  return out;
}

/* ---- one day ---- */

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

/* NULL of nothing; *err if there is no memory. */
static void *copy_of(const void *item, size_t bytes, sm_err *err) {
  void *copy = bytes > 0 ? malloc(bytes) : NULL;
  if (copy != NULL) memcpy(copy, item, bytes);
  if (copy == NULL && bytes > 0) *err = SM_ERR_NOMEM;
  return copy;
}

static sm_err copy_day(const sm_move_day *day, sm_move_day *out) {
  sm_err err = SM_OK;
  *out = *day;
  out->quarters.item =
      copy_of(day->quarters.item, day->quarters.count * sizeof *day->quarters.item, &err);
  out->raw.item = copy_of(day->raw.item, day->raw.count * sizeof *day->raw.item, &err);
  out->course.item = copy_of(day->course.item, day->course.count * sizeof *day->course.item, &err);
  if (err != SM_OK) sm_move_day_fini(out);
  return err;
}

static sm_err judge_day(run *r, const sm_move_day *ours, const sm_move_day *theirs) {
  sm_move_day copy;
  if (r->pass.whole) {
    r->counts.raw += ours->raw.count;
    print_day(r, ours);
    if (r->print.err != SM_OK) return r->print.err;
  }
  if (is_same(ours, theirs)) return SM_OK;
  if (ours->raw.count > 0 && !holds_all(&theirs->raw, &ours->raw)) return SM_ERR_CONFLICT;
  sm_err err = copy_day(ours, &copy);
  if (err == SM_OK) err = add_day(r, &copy);
  if (err != SM_OK) sm_move_day_fini(&copy);
  return err;
}

static sm_err judge_days(run *r, const look *l, side *from, side *to) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < l->count; i++) {
    const piece *p = &l->item[i];
    sm_move_day ours = day_of(from, p->day, p->from);
    const sm_move_day theirs = day_of(to, p->day, p->to);
    ours.fresh = p->to.count == 0;
    err = judge_day(r, &ours, &theirs);
  }
  return err;
}

static bool has_any_there(const look *l) {
  for (size_t i = 0; i < l->count; i++)
    if (l->item[i].to.count > 0) return true;
  return false;
}

static sm_err look_at_days(run *r, look *l) {
  side from = {.raw_at = 0};
  side to = {.raw_at = 0};
  if (l->count == 0) return SM_OK;
  sm_err err = read_side(r->pass.from, &r->series, l, &from);
  if (err == SM_OK && has_any_there(l)) err = read_side(r->pass.to, &r->series, l, &to);
  if (err == SM_OK) err = judge_days(r, l, &from, &to);
  side_fini(&from);
  side_fini(&to);
  *l = (look){.count = 0};
  return err;
}

static sm_err add_piece(run *r, look *l, const piece *p) {
  uint64_t readings = count_of(
      &(sm_quarter_list){.item = (sm_quarter *)(uintptr_t)p->from.item, .count = p->from.count});
  if (p->from.count == 0) return SM_ERR_CONFLICT;
  r->counts.readings += readings;
  r->counts.quarters += p->from.count;
  bool same = sm_move_quarters_same(p->from.item, p->from.count, p->to.item, p->to.count);
  if (!r->pass.whole && same) return SM_OK;
  bool joins = l->count > 0 && l->count < BATCH_DAYS && l->readings + readings <= BATCH_READINGS &&
               l->item[l->count - 1].day + 1 == p->day;
  sm_err err = joins ? SM_OK : look_at_days(r, l);
  if (err != SM_OK) return err;
  l->item[l->count++] = *p;
  l->readings += readings;
  return SM_OK;
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
  look l = {.count = 0};
  size_t i = 0;
  size_t j = 0;
  sm_err err = SM_OK;
  while (err == SM_OK && (i < from->count || j < to->count)) {
    int64_t ours = day_at(from, i);
    int64_t theirs = day_at(to, j);
    piece p = {.day = ours < theirs ? ours : theirs};
    p.from = take_day(from, &i, p.day);
    p.to = take_day(to, &j, p.day);
    err = add_piece(r, &l, &p);
    if (err == SM_OK && !tell(r, i, from->count)) err = SM_ERR_CLOSED;
  }
  return err == SM_OK ? look_at_days(r, &l) : err;
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
