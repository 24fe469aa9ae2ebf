#include "invoicing/daily.h"

#include "invoicing/fees.h"

static sm_err recheck(const sm_invoicing *invoicing, sm_actor actor, int64_t now_ms,
                      sm_recheck_summary *summary) {
  char from[16], to[16];
  if (!sm_recheck_months(invoicing, now_ms, from, to)) return SM_OK;
  const sm_recheck_request request = {
      .actor = actor, .from_month = from, .to_month = to, .now_ms = now_ms};
  return sm_invoicing_recheck(invoicing, &request, summary);
}

sm_err sm_invoicing_daily(const sm_invoicing *invoicing, sm_actor actor, int64_t now_ms,
                          sm_daily_summary *summary) {
  *summary = (sm_daily_summary){0};
  sm_err fees = sm_invoicing_late_fees(invoicing, actor, now_ms, &summary->fees);
  sm_err rebill = sm_rebill_process(invoicing, actor, now_ms, &summary->rebilled);
  sm_err late = recheck(invoicing, actor, now_ms, &summary->recheck);
  if (fees != SM_OK) return fees;
  return rebill != SM_OK ? rebill : late;
}
