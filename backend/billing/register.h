/* A meter's register, judged: from the points that were stored to the stretches that can be billed.
 *
 * Points are judged in the order of their instants, each against the last good one:
 * - good: not below it, and within the meter's maximum power × 1.2, plus 2 Wh for resolution;
 * - else a suspect, until three in a row agree with each other (each good against the one before).
 *   Three lower ones are a rollover if modulus − old + new is plausible for the time passed, else a
 *   reset: a new stretch that counts from zero. Three higher ones are a jump: a new stretch, and
 *   what lies between is unknown.
 * - One reading never makes an event, no rollover either: if the very first reading stands alone
 *   against the three that follow it, it is the suspect.
 * - What a person stated (a manual or corrected reading) counts as two: one more that agrees, a
 *   person's or the meter's, makes the event. Alone it makes none, and a good one is taken back
 * when the meter's next reading follows its last one before and not what was stated: then that is
 * the suspect (of several, those that do not fit between). A reset that begins with a stated
 * reading counts from it, not from zero.
 *
 * Inside a stretch the register is unrolled: a rollover adds the modulus, so it never falls. Pure;
 * a course may be read by any number of threads. */
#ifndef SM_BILLING_REGISTER_H
#define SM_BILLING_REGISTER_H

#include "base/err.h"
#include "model/bill.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_stretch {
  size_t first; /* of sm_course.point */
  size_t count; /* at least 1 */
} sm_stretch;

typedef struct sm_register_event {
  sm_event_kind kind;
  int64_t last_good_ms; /* the last good reading before it */
  int64_t at_ms;        /* the first reading after it */
  int64_t before_wh;    /* as the meter showed them */
  int64_t after_wh;
  bool stated; /* after_wh is a person's word: a reset counts from it */
  bool known;  /* so is before_wh, at most SM_BILLING_GAP_MS before: nothing is missing between */
} sm_register_event;

typedef struct sm_course {
  const sm_register_point *point; /* the good ones, unrolled, by time; a reset has one more, 0 Wh at
                               the instant of the last good reading before it. gap_ms is kept where
                               the point before is good too */
  size_t point_count;
  sm_stretch *stretch;
  size_t stretch_count;
  sm_register_event *event;
  size_t event_count;
  int64_t *suspect_ms; /* instants of those that were not believed; not sorted */
  size_t suspect_count;
  int64_t modulus_wh;
  int64_t longest_ms;           /* between two neighbouring points of a stretch; 0: no two */
  sm_register_point *own_point; /* NULL: a register without any doubt is read where it is */
} sm_course;

/* Whether a point of that instant was not believed. */
bool sm_course_doubts(const sm_course *course, int64_t ts_ms);

/* Judges `count` points, which must outlive the course. Points at the instant of the one before are
 * passed over (the first stands). SM_ERR_INVALID: not by time, or a modulus or power that is none;
 * SM_ERR_OVERFLOW: an instant or a register beyond all reason; SM_ERR_NOMEM. fini with
 * sm_course_fini. */
SM_MUST_CHECK sm_err sm_course_init(sm_course *course, const sm_register_point *point, size_t count,
                                    int64_t modulus_wh, int64_t max_power_w);
void sm_course_fini(sm_course *course);

/* Adds a point behind the last one (there must be one, asserted) that is no reading: the register
 * went on by so many Wh until to_ms, unread. Once for a course. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_course_extend(sm_course *course, int64_t to_ms, int64_t more_wh);

/* The unrolled register of a stretch at an instant, to the nearest Wh; before its first and after
 * its last point it stands still. */
int64_t sm_course_at(const sm_course *course, size_t stretch, int64_t at_ms);
/* The points that sm_course_at takes its value from: the last at or before the instant and, unless
 * that is of the instant itself, the first after it, both of the stretch; NULL where it has none.
 */
void sm_course_around_in(const sm_course *course, size_t stretch, int64_t at_ms,
                         const sm_register_point **before, const sm_register_point **after);
/* The register between two points of a stretch, a not after b, to the nearest Wh: use is even.
 * Before a it stands still, after b too. */
int64_t sm_register_between(const sm_register_point *a, const sm_register_point *b, int64_t at_ms);
/* The longest time without a reading between two neighbouring points. */
static inline int64_t sm_register_gap_ms(const sm_register_point *a, const sm_register_point *b) {
  return b->gap_ms > 0 ? b->gap_ms : b->ts_ms - a->ts_ms;
}
/* When an unrolled register was reached inside a stretch: the first such ms. */
int64_t sm_course_when(const sm_course *course, size_t stretch, int64_t wh);

/* First and last instant of a stretch. */
int64_t sm_stretch_from_ms(const sm_course *course, size_t stretch);
int64_t sm_stretch_to_ms(const sm_course *course, size_t stretch);

/* What a meter has counted from its first good point until an instant, × multiplier, in Wh: the sum
 * over its stretches. The difference of two instants is the use between them, and any cuts between
 * them add up to it. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_course_total(const sm_course *course, int64_t multiplier_milli,
                                     int64_t at_ms, int64_t *wh);
/* An unrolled register × multiplier, to the nearest Wh. SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_register_scale(int64_t wh, int64_t multiplier_milli, int64_t *scaled);

/* The good points around an instant: the last at or before it, the first at or after it; NULL where
 * there is none. */
void sm_course_around(const sm_course *course, int64_t at_ms, const sm_register_point **before,
                      const sm_register_point **after);

#endif
