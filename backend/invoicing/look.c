#include "invoicing/look.h"

#include "base/checked.h"

enum { USUAL_MONTHS = 3, ODD_TIMES = 2 };
static const int64_t odd_least_wh = 30000;

static uint32_t look_of_reason(sm_reason_code code) {
  switch (code) {
  case SM_REASON_RESET:
  case SM_REASON_JUMP:
    return SM_LOOK_RESET;
  case SM_REASON_GAP_AT_BOUNDARY:
  case SM_REASON_NO_READING_AFTER_END:
  case SM_REASON_METER_GAP:
    return SM_LOOK_GAP;
  case SM_REASON_NEGATIVE_USE:
    return SM_LOOK_USE;
  }
  return 0;
}

/* A first month may have few days: it counts by them. */
static int64_t usual_of(const sm_issue_candidate *candidate, int32_t days) {
  int64_t use_wh = 0;
  int64_t past_days = 0;
  int64_t product;
  int months = 0;
  for (size_t i = 0; i < candidate->use_count && months < USUAL_MONTHS; i++) {
    const sm_issue_use *past = &candidate->use[i];
    if (!past->measured || past->days <= 0) continue;
    if (sm_add_i64(use_wh, past->use_wh, &use_wh) != SM_OK) return -1;
    past_days += past->days;
    months++;
  }
  if (past_days == 0 || use_wh < 0 || sm_mul_i64(use_wh, days, &product) != SM_OK) return -1;
  return product / past_days;
}

static bool is_odd(int64_t use_wh, int64_t usual_wh) {
  if (usual_wh < 0 || use_wh < 0) return false;
  int64_t apart_wh = use_wh > usual_wh ? use_wh - usual_wh : usual_wh - use_wh;
  return apart_wh >= odd_least_wh &&
         (use_wh / ODD_TIMES > usual_wh || usual_wh / ODD_TIMES > use_wh);
}

sm_look sm_look_at(const sm_bill *bill, const sm_issue_candidate *candidate) {
  sm_look look = {.use_wh = bill->consumption_wh, .usual_wh = usual_of(candidate, bill->days)};
  if (bill->estimated) look.why |= SM_LOOK_ESTIMATED;
  if (bill->suspects > 0) look.why |= SM_LOOK_SUSPECTS;
  for (size_t i = 0; i < bill->reason_count; i++) look.why |= look_of_reason(bill->reason[i].code);
  if (is_odd(look.use_wh, look.usual_wh)) look.why |= SM_LOOK_USE;
  return look;
}

const char *sm_look_name(int place) {
  static const char *const names[SM_LOOK_COUNT] = {"estimated", "reset", "gap", "unusual_use",
                                                   "suspect_readings"};
  return names[place];
}
