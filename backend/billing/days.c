#include "billing/days.h"

#include "base/checked.h"
#include "base/order.h"

sm_err sm_days_add(const sm_measures *measures, const sm_zone *zone, sm_date from, int64_t until_ms,
                   sm_bill *bill) {
  sm_date date = from;
  int64_t before_wh = 0;
  int64_t start_ms = sm_zone_day_start_ms(zone, date);
  sm_err err = sm_measures_use(measures, start_ms, &before_wh);
  while (err == SM_OK && start_ms < until_ms) {
    sm_bill_day *day = sm_bill_add_day(bill);
    if (day == NULL) return SM_ERR_NOMEM;
    day->date = date;
    date = sm_date_add_days(date, 1);
    start_ms = sm_zone_day_start_ms(zone, date);
    int64_t after_wh;
    err = sm_measures_use(measures, sm_min_i64(start_ms, until_ms), &after_wh);
    if (err == SM_OK) err = sm_sub_i64(after_wh, before_wh, &day->use_wh);
    before_wh = after_wh;
  }
  return err;
}
