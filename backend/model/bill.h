/* A bill: what one account (or one meter without an account) used and owes for one month, as the
 * contract shows it. A plain struct that billing/ fills and the API, the ledger and the PDF read.
 * Energy in Wh, money in minor units of `currency`, instants in ms UTC. All texts and arrays belong
 * to the bill. */
#ifndef SM_MODEL_BILL_H
#define SM_MODEL_BILL_H

#include "base/err.h"
#include "base/jsonw.h"
#include "base/zone.h"
#include "model/edit.h"
#include "model/line.h"
#include "model/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_event_kind {
  SM_EVENT_RESET,
  SM_EVENT_ROLLOVER,
  SM_EVENT_JUMP,
  SM_EVENT_SWAP
} sm_event_kind;
const char *sm_event_kind_name(sm_event_kind kind); /* "reset", … */

/* Why a bill is estimated. The names are stable; texts for people stand beside them. */
typedef enum sm_reason_code {
  SM_REASON_GAP_AT_BOUNDARY,      /* an edge of the period lies in a gap of more than an hour */
  SM_REASON_NO_READING_AFTER_END, /* the register was taken to stand still, or to go on by an
                                     average, until the end */
  SM_REASON_RESET,                /* use between the last good reading and the reset is unknown */
  SM_REASON_JUMP,                 /* what lies between two stretches is unknown */
  SM_REASON_METER_GAP,            /* no meter served for more than an hour between two */
  SM_REASON_NEGATIVE_USE          /* meters with sign -1 counted more than those with +1 */
} sm_reason_code;
const char *sm_reason_name(sm_reason_code code); /* "gap_at_boundary", … */

typedef struct sm_bill_reason {
  sm_reason_code code;
  char *device_id; /* NULL: the account as a whole */
  int64_t at_ms;   /* the edge or the event that it is about */
  char *text;      /* one sentence for people */
} sm_bill_reason;

/* One meter's one unbroken stretch of register inside the period. */
typedef struct sm_bill_register {
  char *device_id;
  int64_t from_ms;
  int64_t to_ms;
  int64_t opening_wh; /* as the meter shows it */
  int64_t closing_wh;
  int32_t sign;
  int64_t multiplier_milli;
  int64_t use_wh; /* (closing - opening) × multiplier × sign */
} sm_bill_register;

typedef struct sm_bill_event {
  sm_event_kind kind;
  char *device_id; /* of a swap: the meter that came */
  int64_t at_ms;
  int64_t before_wh;
  int64_t after_wh;
} sm_bill_event;

/* An edit of a reading that the bill stands on. */
typedef struct sm_bill_edit {
  int64_t edit_no;
  sm_edit_kind kind;
  char *device_id;
  int64_t at_ms;
  int64_t before_wh; /* the reading that was voided or corrected; of a manual one nothing */
  int64_t after_wh;  /* what the register was; of a void nothing */
  bool believed;     /* else the meter's own readings overruled it */
  char *reason;
  char *by; /* "admin", "operator": a role, since residents read bills */
  int64_t made_ms;
} sm_bill_edit;

/* Where in its segment and tariff a line comes from: for its explanation, not shown with the bill.
 * Of an energy line the slab's bounds as they held in the segment (of an open one slab_to_wh is 0);
 * of a line by kWh what part of the period's use it is: from above to, where the net use fell. */
typedef struct sm_line_source {
  /* 1: the first of the tariff's slabs, windows, surcharges or taxes; of a fixed line the charge a
   * month, and 2 the one per kW; 0: none */
  size_t item;
  int64_t slab_from_wh;
  int64_t slab_to_wh;
  int64_t from_wh;
  int64_t to_wh;
} sm_line_source;

typedef struct sm_bill_line {
  sm_line_kind kind;
  char *name;
  int64_t quantity; /* scaled by 10^quantity_places */
  uint8_t quantity_places;
  uint8_t quantity_min_places; /* written at least */
  char unit[8];                /* "kWh", "kW", "month", "percent", or a currency */
  int64_t rate_micro;          /* money, or per cent */
  int64_t amount_minor;
  sm_line_source source;
} sm_bill_line;

/* What was used in one time-of-day window of a segment. */
typedef struct sm_bill_window {
  char *name;
  int64_t use_wh;     /* measured: what the window's line is about */
  int64_t untimed_wh; /* what an even use would put here from gaps that cross an edge: not in it */
} sm_bill_window;

/* The highest demand of a segment, if its tariff charges one. */
typedef struct sm_bill_demand {
  bool charged;     /* by the tariff; else nothing here counts */
  bool measured;    /* a window was valid; else kw_centi, from and to say nothing */
  int64_t kw_centi; /* never below 0 */
  int64_t from_ms;  /* the window that it was reached in */
  int64_t to_ms;
  int32_t window_minutes;
  int64_t skipped; /* windows that could not be measured */
} sm_bill_demand;

/* A part of the period under one tariff version. Its lines are line[first_line] and the next ones.
 */
typedef struct sm_bill_segment {
  char *tariff;
  int32_t version;
  sm_date effective_from; /* the version's */
  int64_t from_ms;
  int64_t to_ms; /* in the running month too the calendar's end, not the last reading */
  int32_t days;  /* calendar days in the zone */
  int32_t month_days;
  int64_t use_wh;
  size_t first_line;
  size_t line_count;
  sm_bill_window *window; /* one for each of the version's windows */
  size_t window_count;
  sm_bill_demand demand;
} sm_bill_segment;

/* What was used on a calendar day of the period. */
typedef struct sm_bill_day {
  sm_date date;
  int64_t use_wh; /* from interpolated registers: the days add up to the consumption */
} sm_bill_day;

enum { SM_PROJECTION_DAYS_MAX = 32 };
typedef struct sm_bill_projection {
  int64_t total_minor;
  int64_t low_minor;
  int64_t high_minor;
  int64_t consumption_wh;
  /* How it came about: for its explanation, not shown with the bill. */
  int64_t so_far_wh; /* used in passed_ms, at least an hour */
  int64_t passed_ms;
  int64_t mean_wh; /* a day, from these two; and the least and most that a coming day is given: */
  int64_t low_day_wh;
  int64_t high_day_wh;
  int64_t spread_wh; /* of the full days so far, or (fewer than two) half of the mean */
  int64_t day_wh[SM_PROJECTION_DAYS_MAX];
  size_t day_count;
  int64_t rest_ms; /* from the last reading to the end */
} sm_bill_projection;

typedef struct sm_bill {
  char *device_id;
  char *account_id; /* NULL: a meter that served no account */
  int year;
  int month;
  int64_t from_ms;
  int64_t to_ms;
  bool has_registers; /* else opening and closing are null */
  int64_t opening_wh;
  int64_t closing_wh;
  int64_t consumption_wh; /* the sum over `reg` */
  bool estimated;
  bool running; /* the period is not over */
  /* every meter that served to the end has a good reading at or after it; never while running */
  bool settled;
  int32_t days;      /* charged: 0 if the first reading came after the period */
  uint32_t suspects; /* readings in the period that were not believed */
  sm_bill_reason *reason;
  size_t reason_count;
  sm_bill_register *reg;
  size_t reg_count;
  sm_bill_event *event;
  size_t event_count;
  sm_bill_edit *edit;
  size_t edit_count;
  sm_bill_line *line;
  size_t line_count;
  sm_bill_segment *segment;
  size_t segment_count;
  sm_bill_day *day; /* all of the period, in the running month to the last reading's; none if
                       nothing was measured */
  size_t day_count;
  int64_t subtotal_minor; /* all lines but tax and rounding */
  int64_t tax_minor;
  int64_t rounding_minor;
  int64_t total_minor;
  char currency[4];
  char *invoice; /* number of the one issued for that month; NULL */
  bool has_projection;
  sm_bill_projection projection;
} sm_bill;

void sm_bill_free(sm_bill *bill); /* NULL is fine */

/* Each adds one zeroed element at the end and gives it back, borrowed until the next call for the
 * same list; NULL without memory. */
sm_bill_reason *sm_bill_add_reason(sm_bill *bill);
sm_bill_register *sm_bill_add_register(sm_bill *bill);
sm_bill_event *sm_bill_add_event(sm_bill *bill);
sm_bill_edit *sm_bill_add_edit(sm_bill *bill);
sm_bill_line *sm_bill_add_line(sm_bill *bill);
sm_bill_segment *sm_bill_add_segment(sm_bill *bill);
sm_bill_day *sm_bill_add_day(sm_bill *bill);

/* Writes the contract's Bill as one object; times on the clock of `zone`. Beyond the contract it
 * has `explanations` (a sentence for each reason), `segments`, `days`, and in a register `use_kwh`
 * and, unless they are 1, `sign` and `multiplier`. `projection` is there in the running month only,
 * `edits` only if there are any. */
void sm_bill_write_json(sm_jsonw *w, const sm_bill *bill, const sm_zone *zone);

#endif
