#include "billing/days.h"

#include "base/checked.h"
#include "base/order.h"
#include "billing/walk.h"

static sm_err add_days(sm_account_walk *walk, const sm_calendar *calendar, size_t first,
                       int64_t until_ms, sm_bill *bill) {
  int64_t before_wh, after_wh;
  sm_err err = sm_account_walk_use(walk, calendar->start_ms[first], &before_wh);
  for (size_t i = first; i < calendar->count && calendar->start_ms[i] < until_ms; i++) {
    if (err == SM_OK)
      err = sm_account_walk_use(walk, sm_min_i64(calendar->start_ms[i + 1], until_ms), &after_wh);
    if (err != SM_OK) return err;
    sm_bill_day *day = sm_bill_add_day(bill);
    if (day == NULL) return SM_ERR_NOMEM;
    day->date = sm_calendar_date(calendar, i);
    err = sm_sub_i64(after_wh, before_wh, &day->use_wh);
    before_wh = after_wh;
  }
  return err;
}

sm_err sm_days_add(const sm_measures *measures, const sm_calendar *calendar, size_t first,
                   int64_t until_ms, sm_bill *bill) {
  sm_account_walk walk;
  sm_err err = sm_account_walk_init(&walk, measures);
  if (err == SM_OK) err = add_days(&walk, calendar, first, until_ms, bill);
  sm_account_walk_fini(&walk);
  return err;
}
