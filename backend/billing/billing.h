/* From registers and tariff versions to a bill: pure, exact, repeatable. No I/O, no clock, no
 * floating point; the same input gives the same bill on every machine. docs/billing.md works an
 * example of every rule.
 *
 * All that is given is borrowed for the call. Any number of threads. Errors of every function:
 * SM_ERR_NOMEM, and SM_ERR_OVERFLOW if a number does not fit (nothing ever wraps). */
#ifndef SM_BILLING_BILLING_H
#define SM_BILLING_BILLING_H

#include "base/err.h"
#include "base/zone.h"
#include "model/bill.h"
#include "model/edit.h"
#include "model/reading.h"
#include "model/tariff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_BILLING_GAP_MS = 3600000, /* an edge in a longer gap makes the bill estimated */
  SM_BILLING_RESOLUTION_WH = 2 /* what the suspect rule forgives */
};

/* The mean power, W, above which a step of the register is not believed: the meter's maximum with
 * a fifth on top. What sm_readings_trace wants as step_limit_w. */
int64_t sm_billing_step_limit_w(int64_t max_power_w);

/* An edit of a meter's register, and where it comes from: shown on the bill. */
typedef struct sm_billing_edit {
  int64_t edit_no;
  sm_edit edit;
  int64_t raw_wh; /* the reading that is voided or corrected; of a manual one nothing */
  const char *reason;
  const char *by; /* a role */
  int64_t made_ms;
} sm_billing_edit;

/* A meter in the service of the account. */
typedef struct sm_billing_meter {
  const char *device_id;
  int64_t from_ms; /* serves from here; INT64_MIN: open */
  int64_t to_ms;   /* to here; INT64_MAX: open */
  int32_t sign;    /* +1, -1 */
  int64_t multiplier_milli;
  int64_t modulus_wh;
  int64_t max_power_w;
  /* The register by time, at least from the last reading before the period to the first after it.
   * Need not be judged, nor free of repeats; points of another order are SM_ERR_INVALID. Edits have
   * done their work on them already. */
  const sm_register_point *point;
  size_t point_count;
  const sm_billing_edit *edit; /* by time: those that hold */
  size_t edit_count;
} sm_billing_meter;

/* A tariff version and the day from which it is the account's. */
typedef struct sm_billing_tariff {
  sm_date from;
  const sm_tariff *tariff;
} sm_billing_tariff;

/* What a late reading changed in a month that is issued already, put on this bill: the difference
 * of the lines, and of each tax by its name. */
typedef struct sm_billing_true_up_tax {
  const char *name;
  int64_t percent_micro;
  int64_t base_minor;   /* what it is per cent of: the difference of the bases */
  int64_t amount_minor; /* the difference of the tax lines, each rounded in its own bill */
} sm_billing_true_up_tax;

typedef struct sm_billing_true_up {
  int year; /* the month that is corrected */
  int month;
  int64_t net_minor;
  const sm_billing_true_up_tax *tax;
  size_t tax_count;
} sm_billing_true_up;

typedef struct sm_billing_input {
  const char *device_id;  /* shown on the bill */
  const char *account_id; /* NULL: none */
  const sm_zone *zone;
  const char *currency; /* ISO 4217 */
  int year;
  int month;
  bool has_from; /* the tenancy: first day, and the day after the last */
  sm_date from;
  bool has_to;
  sm_date to;
  int64_t sanctioned_load_w;
  const sm_billing_meter *meter;
  size_t meter_count;
  /* By `from`; the first one is also that of all days before it. At least one. */
  const sm_billing_tariff *tariff;
  size_t tariff_count;
  int64_t now_ms; /* decides whether the month is running */
  /* After the last reading of the one meter that serves at the end the register goes on by this
   * much a day; else it stands still. */
  bool has_average;
  int64_t average_wh_per_day; /* 0 or more */
  /* Lines `true_up` and `tax` of their own; never in the base of this month's taxes. */
  const sm_billing_true_up *true_up;
  size_t true_up_count;
} sm_billing_input;

/* The bill of a month. SM_ERR_RANGE: the month has not begun; SM_ERR_NOT_FOUND: the tenancy has no
 * day in it; SM_ERR_UNSUPPORTED: a tariff has a part that is not billed; SM_ERR_INVALID: points out
 * of order, no tariff, a sign or multiplier that is none. The caller frees *bill. */
SM_MUST_CHECK sm_err sm_billing_compute(const sm_billing_input *input, sm_bill **bill);

/* Which tariff an account is on, from when: as the ledger keeps it. */
typedef struct sm_billing_assignment {
  const char *name;
  bool has_from; /* else from the beginning */
  sm_date from;
} sm_billing_assignment;

/* Joins an account's assignments (by date) with the versions of their tariffs (any order, others
 * are passed over) to the list that sm_billing_compute takes. A day before the first assignment or
 * the first version is the first one's. *schedule is heap memory of the caller that borrows the
 * tariffs. SM_ERR_NOT_FOUND: an assigned tariff has no version, or none is assigned;
 * SM_ERR_INVALID: assignments out of order, or one but the first without a date. */
SM_MUST_CHECK sm_err sm_billing_schedule(const sm_billing_assignment *assignment,
                                         size_t assignment_count, const sm_tariff *const *version,
                                         size_t version_count, sm_billing_tariff **schedule,
                                         size_t *count);

#endif
