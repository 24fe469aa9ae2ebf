/* The rules of alerts, pure: what a meter's state, a reading and the time come to. Integers, no
 * clock, no store. A rule opens when its condition has held for a time, and ends when the opposite,
 * with hysteresis, has; between two readings further apart than SM_ALERT_GAP_MS nothing is known,
 * and a condition begins anew.
 *
 * A state is zero at first, and is told of each reading in the order of its instants; older ones
 * than the last are passed over. 96 bytes a meter. */
#ifndef SM_ALERTS_RULES_H
#define SM_ALERTS_RULES_H

#include "alerts/limits.h"
#include "model/alert.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  SM_ALERT_GAP_MS = 30 * 60 * 1000,
  SM_ALERT_NIGHTS = 7,     /* before the one that is judged */
  SM_ALERT_NIGHTS_MIN = 4, /* that must be known of them */
  SM_ALERT_AGREE = 3       /* readings that make an event of the register, as in bills */
};

typedef struct sm_alert_state {
  int64_t last_ms; /* of the latest reading; 0: none yet */
  int64_t good_ms; /* the register that was believed last */
  int64_t good_wh;
  int64_t run_ms; /* and the first of those that disagree with it */
  int64_t run_first_wh;
  int64_t run_last_wh;
  uint32_t since_s[SM_ALERT_KINDS]; /* since when a rule's condition holds; 0: it does not */
  uint16_t open;                    /* a bit a kind */
  uint8_t run_count;
  bool has_good;
  int32_t night_day; /* the day (since 1970) whose night was judged; 0: none */
} sm_alert_state;

/* What of a reading rules look at. */
typedef struct sm_alert_point {
  int64_t ts_ms;
  int64_t energy_wh;
  int32_t voltage_mv;
  int32_t power_mw;
} sm_alert_point;

/* What a rule came to. `value` and `limit` as model/alert.h says; of an end 0. */
typedef struct sm_alert_sink {
  void *context;
  void (*change)(void *context, sm_alert_kind kind, bool opens, int64_t at_ms, int64_t value,
                 int64_t limit);
} sm_alert_sink;

bool sm_alert_is_open(const sm_alert_state *state, sm_alert_kind kind);
/* For a state that is restored: of an alert that is open in the ledger. */
void sm_alert_set_open(sm_alert_state *state, sm_alert_kind kind, bool open);

/* A reading. minute: the zone's clock at its instant; now_ms: the server's, since a meter that
 * catches up is not back yet. */
void sm_alert_rules_reading(sm_alert_state *state, const sm_alert_limits *limits,
                            const sm_alert_point *point, int minute, int64_t now_ms,
                            const sm_alert_sink *sink);
/* Whether the meter is silent for too long: asked now and then. */
bool sm_alert_rules_silent(const sm_alert_state *state, const sm_alert_limits *limits,
                           int64_t now_ms);
/* After that, and when it is certain that there is no later reading. */
void sm_alert_rules_silence(sm_alert_state *state, const sm_alert_limits *limits, int64_t now_ms,
                            const sm_alert_sink *sink);
/* The mean power of the last night and of those before it, the latest first; below 0: not known. It
 * rose if it is above the median of those before by both limits, and is back within half of that.
 * A rise that stays becomes what is usual, and ends. */
void sm_alert_rules_night(sm_alert_state *state, const sm_alert_limits *limits,
                          const int64_t night_mw[SM_ALERT_NIGHTS + 1], int64_t at_ms,
                          const sm_alert_sink *sink);
/* What was used in the month so far. With a new month it is little again, which ends the alert. */
typedef struct sm_alert_month {
  int64_t energy_wh;
  int64_t total_minor;
} sm_alert_month;
void sm_alert_rules_month(sm_alert_state *state, const sm_alert_limits *limits,
                          const sm_alert_month *month, int64_t at_ms, const sm_alert_sink *sink);
/* A certificate of the meter ends at an instant; 0: it has none. Hysteresis: a day. */
void sm_alert_rules_certificate(sm_alert_state *state, const sm_alert_limits *limits,
                                int64_t ends_ms, int64_t now_ms, const sm_alert_sink *sink);
/* Ends what is open and not wanted any more. */
void sm_alert_rules_switched(sm_alert_state *state, const sm_alert_limits *limits, int64_t at_ms,
                             const sm_alert_sink *sink);

#endif
