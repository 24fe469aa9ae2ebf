/* The price of measured use: lines and totals of a bill. Internal to billing. */
#ifndef SM_BILLING_PRICE_H
#define SM_BILLING_PRICE_H

#include "billing/billing.h"
#include "billing/demand.h"
#include "billing/windows.h"

/* A part of the period under one tariff version. */
typedef struct sm_price_segment {
  const sm_tariff *tariff;
  int64_t from_ms;
  int64_t to_ms;
  int32_t days;
  /* What the account had used since the period's begin, at this segment's begin and end. */
  int64_t start_wh;
  int64_t end_wh;
  sm_window_use *window;  /* one for each of the tariff's */
  sm_demand_found demand; /* if the tariff charges one */
} sm_price_segment;

typedef struct sm_price_input {
  const char *currency;
  int32_t month_days;
  int64_t sanctioned_load_w;
  const sm_price_segment *segment; /* at least one */
  size_t segment_count;
  const sm_billing_true_up *true_up; /* added behind the last segment */
  size_t true_up_count;
} sm_price_input;

/* Adds the lines and segments of a month to the bill and sets its totals. Each line is rounded
 * once. SM_ERR_NOMEM, SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_price_month(const sm_price_input *input, sm_bill *bill);

#endif
