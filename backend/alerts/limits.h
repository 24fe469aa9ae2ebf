/* What a meter's alerts are judged by: one value for each row of limits.def, integers all of them.
 * As JSON, an object of an object for each kind:
 *
 *   {"voltage_low": {"below_v": 200, "for_s": 120}, "odd_hours": {"above_w": 500, "from": "22:00"}}
 *
 * What is not given stays as it was: the operator's word is read over the defaults, then the
 * owner's over that. Pure. */
#ifndef SM_ALERTS_LIMITS_H
#define SM_ALERTS_LIMITS_H

#include "base/err.h"
#include "base/jsonw.h"
#include "base/problem.h"
#include "model/alert.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_limit {
#define SM_ALERT_LIMIT(code, kind, member, type, default_, min, max) SM_LIMIT_##code,
#include "alerts/limits.def"
#undef SM_ALERT_LIMIT
  SM_LIMITS
} sm_limit;

typedef struct sm_alert_limits {
  int64_t value[SM_LIMITS];
  int64_t sanctioned_load_mw; /* 0: none */
  int64_t modulus_wh;
  int64_t max_power_w;
} sm_alert_limits;

void sm_alert_limits_default(sm_alert_limits *limits);
/* Reads the members that are given over `limits`. What is wrong is noted by its path
 * ("voltage_low.below_v"), and an unknown member too; then nothing of it may be used. */
void sm_alert_limits_read(const json_t *object, const char *currency, sm_alert_limits *limits,
                          sm_problems *problems);
/* The same of a text that was checked before: SM_ERR_CORRUPT where it is not good any more. */
SM_MUST_CHECK sm_err sm_alert_limits_read_text(const char *text, const char *currency,
                                               sm_alert_limits *limits);
/* Writes an object with all members. Where nothing is set an amount is null. */
void sm_alert_limits_write(sm_jsonw *w, const sm_alert_limits *limits, const char *currency);
/* Writes what `object` gives, in the order of limits.def: how it is stored. It was read before. */
void sm_alert_limits_write_given(sm_jsonw *w, const json_t *object);
/* Whether a kind is judged at all. */
bool sm_alert_limits_on(const sm_alert_limits *limits, sm_alert_kind kind);

#endif
