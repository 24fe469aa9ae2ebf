#include "invoicing/daily.h"

#include "invoicing/closing.h"
#include "invoicing/fees.h"

static sm_err recheck(const sm_invoicing *invoicing, const sm_daily_request *r,
                      sm_recheck_summary *summary) {
  char from[16], to[16];
  if (!sm_recheck_months(invoicing, r->now_ms, from, to)) return SM_OK;
  const sm_recheck_request request = {.actor = r->actor,
                                      .from_month = from,
                                      .to_month = to,
                                      .now_ms = r->now_ms,
                                      .go_on = r->go_on,
                                      .context = r->context};
  return sm_invoicing_recheck(invoicing, &request, summary);
}

sm_err sm_invoicing_daily(const sm_invoicing *invoicing, const sm_daily_request *r,
                          sm_daily_summary *summary) {
  *summary = (sm_daily_summary){0};
  const int64_t known_ms = r->known_ms < r->now_ms ? r->known_ms : r->now_ms;
  sm_err fees = sm_invoicing_late_fees(invoicing, r->actor, known_ms, &summary->fees);
  sm_err rebill =
      sm_rebill_process(invoicing, r->actor, r->now_ms, r->go_on, r->context, &summary->rebilled);
  sm_err late = recheck(invoicing, r, &summary->recheck);
  sm_err closing =
      sm_invoicing_close(invoicing, r->actor, r->now_ms, r->go_on, r->context, &summary->closed);
  if (fees != SM_OK) return fees;
  if (rebill != SM_OK) return rebill;
  return late != SM_OK ? late : closing;
}
