/* What the tests of billing share: a bill's input put together line by line. Test code only. */
#ifndef SM_BILLING_TEST_KIT_H
#define SM_BILLING_TEST_KIT_H

#include "billing/billing.h"

enum { KIT_POINTS = 16384, KIT_METERS = 4, KIT_TARIFFS = 4 };

typedef struct kit {
  sm_zone *zone;
  sm_billing_input input;
  sm_billing_meter meter[KIT_METERS];
  sm_register_point point[KIT_METERS][KIT_POINTS];
  sm_billing_tariff tariff[KIT_TARIFFS];
  sm_tariff *owned[KIT_TARIFFS];
} kit;

/* A kit for a month of a zone, with the contract's tariff, one meter without points, and a clock
 * that stands far behind the month. Fails the test on any error; free with kit_free. */
kit *kit_new(const char *zone, const char *month);
void kit_free(kit *k);
/* Replaces tariff i (0 or the next free one), in force from a date. */
void kit_tariff(kit *k, size_t i, const char *from, const char *json);
/* Adds a meter with the usual limits; gives its number. */
size_t kit_meter(kit *k, const char *device_id);
/* Adds a reading to meter m. */
void kit_read(kit *k, size_t m, const char *time, int64_t wh);
/* Adds readings to meter m from one time to another, a step apart, each so much more than the one
 * before; the first is the meter's last register, or 1000 kWh. */
void kit_run(kit *k, size_t m, const char *from, const char *to, int step_minutes, int64_t step_wh);
/* "2026-01-31T00:00:00+05:30" as ms. */
int64_t kit_ms(const char *time);
sm_bill *kit_bill(kit *k);

/* The amount of the only line with this name; fails if there is none or more than one. */
int64_t kit_amount(const sm_bill *bill, const char *name);
/* How many lines a kind has. */
size_t kit_count(const sm_bill *bill, sm_line_kind kind);
bool kit_has_reason(const sm_bill *bill, sm_reason_code code);

#endif
