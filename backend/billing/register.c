#include "billing/register.h"

#include "base/checked.h"
#include "base/order.h"
#include "billing/billing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Beyond these no meter and no clock goes; below them no difference can wrap. */
#define INSTANT_MAX_MS INT64_C(253402300800000) /* the year 10000 */
#define REGISTER_MAX_WH INT64_C(1000000000000000)

enum {
  AGREE = 3, /* readings in a row that make an event believable */
  STATED = 2 /* what a person's reading counts for */
};

typedef struct judge {
  sm_course *course;
  int64_t max_power_w;
  int64_t offset_wh; /* what rollovers added in this stretch */
  bool has_good;
  sm_register_point good; /* the last good reading, as the meter showed it */
  /* If the last good ones are stated and follow one of the meter's own: how many they are, and that
   * one. */
  size_t stated;
  sm_register_point own;
  sm_register_point chain[AGREE];
  size_t chain_len;
  int64_t seen_ms; /* the instant of the point looked at before this one */
} judge;

int64_t sm_billing_step_limit_w(int64_t max_power_w) {
  /* One less than the rule's own limit: a store that rounds its steps can only show more. */
  int64_t limit_w = max_power_w / 10 * 12 + max_power_w % 10 * 12 / 10;
  return limit_w > 0 ? limit_w - 1 : 0;
}

/* Whether so much could be used in that time. 36,000,000 is ms an hour × the tenths of 1.2. */
static bool plausible(int64_t use_wh, int64_t passed_ms, int64_t max_power_w) {
  return (sm_i128)(use_wh - SM_BILLING_RESOLUTION_WH) * 36000000 <=
         (sm_i128)max_power_w * 12 * passed_ms;
}

static bool follows(const sm_register_point *a, const sm_register_point *b, int64_t max_power_w) {
  return b->wh >= a->wh && plausible(b->wh - a->wh, b->ts_ms - a->ts_ms, max_power_w);
}

static void suspect(judge *j, const sm_register_point *point) {
  j->course->suspect_ms[j->course->suspect_count++] = point->ts_ms;
}

static void drop_chain(judge *j) {
  for (size_t i = 0; i < j->chain_len; i++) suspect(j, &j->chain[i]);
  j->chain_len = 0;
}

static void open_stretch(judge *j) {
  sm_course *course = j->course;
  course->stretch[course->stretch_count++] = (sm_stretch){.first = course->point_count};
  j->offset_wh = 0;
}

static void append(judge *j, int64_t ts_ms, int64_t unrolled_wh, int32_t gap_ms) {
  sm_course *course = j->course;
  course->own_point[course->point_count++] =
      (sm_register_point){.ts_ms = ts_ms, .wh = unrolled_wh, .gap_ms = gap_ms};
  course->stretch[course->stretch_count - 1].count++;
}

static void accept(judge *j, const sm_register_point *point) {
  if (!j->has_good) open_stretch(j);
  /* What was left out lay between it and the point looked at before: if that was not good, the time
   * since the last good one counts. */
  bool neighbours = j->has_good && j->good.ts_ms == j->seen_ms;
  append(j, point->ts_ms, point->wh + j->offset_wh, neighbours ? point->gap_ms : 0);
  bool has_own = j->has_good && (j->stated > 0 || !j->good.stated);
  if (has_own && j->stated == 0) j->own = j->good;
  j->stated = point->stated && has_own ? j->stated + 1 : 0;
  j->good = *point;
  j->has_good = true;
}

/* The meter's own readings before and after what was stated agree with each other: nobody can have
 * read the register right in between. */
static bool is_overruled(const judge *j, const sm_register_point *point) {
  return j->stated > 0 && !point->stated && follows(&j->own, point, j->max_power_w);
}

/* Those that do not fit between; an earlier one that does is kept. */
static void take_back_stated(judge *j, const sm_register_point *next) {
  sm_course *course = j->course;
  while (j->stated > 0 && !follows(&j->good, next, j->max_power_w)) {
    suspect(j, &course->point[--course->point_count]);
    course->stretch[course->stretch_count - 1].count--;
    const sm_register_point *before = &course->point[course->point_count - 1];
    j->good = (sm_register_point){
        .ts_ms = before->ts_ms, .wh = before->wh - j->offset_wh, .stated = --j->stated > 0};
  }
}

static void add_event(judge *j, sm_event_kind kind) {
  sm_course *course = j->course;
  course->event[course->event_count++] = (sm_register_event){.kind = kind,
                                                             .last_good_ms = j->good.ts_ms,
                                                             .at_ms = j->chain[0].ts_ms,
                                                             .before_wh = j->good.wh,
                                                             .after_wh = j->chain[0].wh};
  if (!j->chain[0].stated) return;
  sm_register_event *event = &course->event[course->event_count - 1];
  event->stated = true;
  event->known = j->good.stated && event->at_ms - event->last_good_ms <= SM_BILLING_GAP_MS;
}

static bool rolled_over(const judge *j) {
  const sm_register_point *next = &j->chain[0];
  int64_t modulus_wh = j->course->modulus_wh;
  return next->wh < j->good.wh && j->good.wh <= modulus_wh &&
         plausible(modulus_wh - j->good.wh + next->wh, next->ts_ms - j->good.ts_ms, j->max_power_w);
}

/* How many readings of the meter the chain weighs. */
static size_t chain_weight(const judge *j) {
  size_t weight = 0;
  for (size_t i = 0; i < j->chain_len; i++) weight += j->chain[i].stated ? STATED : 1;
  return weight;
}

/* Enough in a row agree with each other and not with the last good one. */
static void believe_chain(judge *j) {
  if (j->course->point_count == 1) {
    /* The first reading of all, alone against three: it was the wild one, also where a rollover
     * could be, or it would bill all up to the modulus. */
    suspect(j, &j->good);
    j->course->point_count = 0;
    j->course->stretch_count = 0;
    j->has_good = false;
  } else if (rolled_over(j)) {
    add_event(j, SM_EVENT_ROLLOVER);
    j->offset_wh += j->course->modulus_wh;
  } else if (j->chain[0].wh < j->good.wh) {
    add_event(j, SM_EVENT_RESET);
    open_stretch(j);
    if (!j->chain[0].stated) append(j, j->good.ts_ms, 0, 0);
  } else {
    add_event(j, SM_EVENT_JUMP);
    open_stretch(j);
  }
  /* What the meter said before the event overrules nothing behind it. */
  j->stated = 0;
  j->good.stated = true;
  for (size_t i = 0; i < j->chain_len; i++) accept(j, &j->chain[i]);
  j->chain_len = 0;
}

static void judge_point(judge *j, const sm_register_point *point) {
  if (!j->has_good || follows(&j->good, point, j->max_power_w)) {
    drop_chain(j);
    accept(j, point);
    return;
  }
  if (is_overruled(j, point)) {
    drop_chain(j);
    take_back_stated(j, point);
    accept(j, point);
    return;
  }
  if (j->chain_len > 0 && !follows(&j->chain[j->chain_len - 1], point, j->max_power_w))
    drop_chain(j);
  j->chain[j->chain_len++] = *point;
  if (chain_weight(j) >= AGREE) believe_chain(j);
}

static sm_err check_points(const sm_register_point *point, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && point[i].ts_ms < point[i - 1].ts_ms) return SM_ERR_INVALID;
    if (point[i].ts_ms < 0 || point[i].ts_ms > INSTANT_MAX_MS || point[i].wh < 0 ||
        point[i].wh > REGISTER_MAX_WH)
      return SM_ERR_OVERFLOW;
  }
  return SM_OK;
}

/* Two points can be a reset, if one of them is stated: one point, stretch and event more. One point
 * more is for sm_course_extend. */
static sm_err make_room(sm_course *course, size_t count) {
  size_t more = count / 2 + 1;
  course->own_point = calloc(count + more + 1, sizeof *course->own_point);
  course->stretch = calloc(more + 1, sizeof *course->stretch);
  course->event = calloc(more, sizeof *course->event);
  course->suspect_ms = calloc(count + 1, sizeof *course->suspect_ms);
  course->point = course->own_point;
  bool all = course->own_point != NULL && course->stretch != NULL && course->event != NULL &&
             course->suspect_ms != NULL;
  return all ? SM_OK : SM_ERR_NOMEM;
}

/* Whether each point follows the one before: then there is nothing to judge, and all are good. */
static bool all_follow(const sm_register_point *point, size_t count, int64_t max_power_w) {
  for (size_t i = 1; i < count; i++)
    if (point[i].ts_ms == point[i - 1].ts_ms || !follows(&point[i - 1], &point[i], max_power_w))
      return false;
  return true;
}

static sm_err take_all(sm_course *course, const sm_register_point *point, size_t count) {
  if (count == 0) return SM_OK;
  course->stretch = calloc(1, sizeof *course->stretch);
  if (course->stretch == NULL) return SM_ERR_NOMEM;
  course->stretch[course->stretch_count++] = (sm_stretch){.count = count};
  course->point = point;
  course->point_count = count;
  return SM_OK;
}

static sm_err judge_all(sm_course *course, const sm_register_point *point, size_t count,
                        int64_t max_power_w) {
  sm_err err = make_room(course, count);
  if (err != SM_OK) return err;
  judge j = {.course = course, .max_power_w = max_power_w};
  for (size_t i = 0; i < count; i++)
    if (i == 0 || point[i].ts_ms != point[i - 1].ts_ms) {
      judge_point(&j, &point[i]);
      j.seen_ms = point[i].ts_ms;
    }
  drop_chain(&j);
  return SM_OK;
}

static int64_t longest_step(const sm_course *course) {
  int64_t longest_ms = 0;
  for (size_t s = 0; s < course->stretch_count; s++) {
    const sm_register_point *point = &course->point[course->stretch[s].first];
    for (size_t i = 1; i < course->stretch[s].count; i++)
      longest_ms = sm_max_i64(longest_ms, point[i].ts_ms - point[i - 1].ts_ms);
  }
  return longest_ms;
}

sm_err sm_course_init(sm_course *course, const sm_register_point *point, size_t count,
                      int64_t modulus_wh, int64_t max_power_w) {
  if (modulus_wh <= 0 || modulus_wh > REGISTER_MAX_WH || max_power_w <= 0 ||
      max_power_w > REGISTER_MAX_WH)
    return SM_ERR_INVALID;
  sm_err err = check_points(point, count);
  if (err != SM_OK) return err;
  *course = (sm_course){.modulus_wh = modulus_wh};
  err = all_follow(point, count, max_power_w) ? take_all(course, point, count)
                                              : judge_all(course, point, count, max_power_w);
  if (err == SM_OK)
    course->longest_ms = longest_step(course);
  else
    sm_course_fini(course);
  return err;
}

/* A course that reads its points where they are gets a copy of them. */
static sm_err own_points(sm_course *course) {
  if (course->own_point != NULL) return SM_OK;
  sm_register_point *copy = malloc((course->point_count + 1) * sizeof *copy);
  if (copy == NULL) return SM_ERR_NOMEM;
  memcpy(copy, course->point, course->point_count * sizeof *copy);
  course->point = course->own_point = copy;
  return SM_OK;
}

sm_err sm_course_extend(sm_course *course, int64_t to_ms, int64_t more_wh) {
  assert(course->point_count > 0);
  sm_err err = own_points(course);
  if (err != SM_OK) return err;
  const sm_register_point *last = &course->point[course->point_count - 1];
  sm_register_point next = {.ts_ms = to_ms, .gap_ms = INT32_MAX};
  course->longest_ms = sm_max_i64(course->longest_ms, to_ms - last->ts_ms);
  err = sm_add_i64(last->wh, more_wh, &next.wh);
  if (err != SM_OK) return err;
  course->own_point[course->point_count++] = next;
  course->stretch[course->stretch_count - 1].count++;
  return SM_OK;
}

bool sm_course_doubts(const sm_course *course, int64_t ts_ms) {
  for (size_t i = 0; i < course->suspect_count; i++)
    if (course->suspect_ms[i] == ts_ms) return true;
  return false;
}

void sm_course_fini(sm_course *course) {
  if (course == NULL) return;
  free(course->own_point);
  free(course->stretch);
  free(course->event);
  free(course->suspect_ms);
  *course = (sm_course){0};
}

/* The first of n points whose instant is after at_ms; n if none is. */
static size_t first_after(const sm_register_point *point, size_t n, int64_t at_ms) {
  size_t low = 0;
  size_t high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (point[middle].ts_ms > at_ms)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

int64_t sm_register_between(const sm_register_point *a, const sm_register_point *b, int64_t at_ms) {
  int64_t part = 0; /* no larger than the step it is a part of: it always fits */
  if (at_ms <= a->ts_ms) return a->wh;
  if (at_ms >= b->ts_ms) return b->wh;
  if (sm_mul_div_round(b->wh - a->wh, at_ms - a->ts_ms, b->ts_ms - a->ts_ms, &part) != SM_OK)
    return a->wh;
  return a->wh + part;
}

void sm_course_around_in(const sm_course *course, size_t stretch, int64_t at_ms,
                         const sm_register_point **before, const sm_register_point **after) {
  const sm_register_point *point = &course->point[course->stretch[stretch].first];
  size_t count = course->stretch[stretch].count;
  size_t next = first_after(point, count, at_ms);
  *before = next > 0 ? &point[next - 1] : NULL;
  bool read = *before != NULL && (*before)->ts_ms == at_ms;
  *after = next < count && !read ? &point[next] : NULL;
}

int64_t sm_course_at(const sm_course *course, size_t stretch, int64_t at_ms) {
  const sm_register_point *a, *b;
  sm_course_around_in(course, stretch, at_ms, &a, &b);
  assert(a != NULL || b != NULL); /* a stretch has a point */
  if (a == NULL) return b != NULL ? b->wh : 0;
  return b == NULL ? a->wh : sm_register_between(a, b, at_ms);
}

int64_t sm_course_when(const sm_course *course, size_t stretch, int64_t wh) {
  const sm_register_point *point = &course->point[course->stretch[stretch].first];
  size_t count = course->stretch[stretch].count;
  size_t next = 0;
  while (next < count && point[next].wh < wh) next++;
  if (next == 0) return point[0].ts_ms;
  if (next == count) return point[count - 1].ts_ms;
  const sm_register_point *a = &point[next - 1];
  const sm_register_point *b = &point[next];
  int64_t part = 0;
  if (sm_mul_div_round(b->ts_ms - a->ts_ms, wh - a->wh, b->wh - a->wh, &part) != SM_OK)
    return a->ts_ms;
  return a->ts_ms + part;
}

int64_t sm_stretch_from_ms(const sm_course *course, size_t stretch) {
  return course->point[course->stretch[stretch].first].ts_ms;
}

int64_t sm_stretch_to_ms(const sm_course *course, size_t stretch) {
  const sm_stretch *s = &course->stretch[stretch];
  return course->point[s->first + s->count - 1].ts_ms;
}

sm_err sm_register_scale(int64_t wh, int64_t multiplier_milli, int64_t *scaled) {
  if (multiplier_milli == 1000) {
    *scaled = wh;
    return SM_OK;
  }
  return sm_mul_div_round(wh, multiplier_milli, 1000, scaled);
}

sm_err sm_course_total(const sm_course *course, int64_t multiplier_milli, int64_t at_ms,
                       int64_t *wh) {
  int64_t total = 0;
  for (size_t s = 0; s < course->stretch_count && sm_stretch_from_ms(course, s) < at_ms; s++) {
    int64_t opening, closing, use;
    sm_err err =
        sm_register_scale(course->point[course->stretch[s].first].wh, multiplier_milli, &opening);
    if (err == SM_OK)
      err = sm_register_scale(sm_course_at(course, s, at_ms), multiplier_milli, &closing);
    if (err == SM_OK) err = sm_sub_i64(closing, opening, &use);
    if (err == SM_OK) err = sm_add_i64(total, use, &total);
    if (err != SM_OK) return err;
  }
  *wh = total;
  return SM_OK;
}

void sm_course_around(const sm_course *course, int64_t at_ms, const sm_register_point **before,
                      const sm_register_point **after) {
  size_t next = first_after(course->point, course->point_count, at_ms);
  *before = next > 0 ? &course->point[next - 1] : NULL;
  if (*before != NULL && (*before)->ts_ms == at_ms)
    *after = *before;
  else
    *after = next < course->point_count ? &course->point[next] : NULL;
}
