/* What a person should look at before a month's bill goes out: estimated bills, registers that
 * began anew, gaps, and a use that is far from the usual. Pure; any thread. */
#ifndef SM_INVOICING_LOOK_H
#define SM_INVOICING_LOOK_H

#include "model/bill.h"
#include "store/ledger_issue.h"

#include <stdint.h>

/* Bits of sm_look.why. */
enum {
  SM_LOOK_ESTIMATED = 1,
  SM_LOOK_RESET = 2,    /* a reset or a jump: what lies between is unknown */
  SM_LOOK_GAP = 4,      /* no reading where one was needed, or no meter for a while */
  SM_LOOK_USE = 8,      /* more than twice the usual use or less than half, by 30 kWh at least */
  SM_LOOK_SUSPECTS = 16 /* readings in the period were not believed */
};
enum { SM_LOOK_COUNT = 5 };

typedef struct sm_look {
  uint32_t why;
  int64_t use_wh;
  int64_t usual_wh; /* of as many days, by the last three invoiced months; -1: not known */
} sm_look;

sm_look sm_look_at(const sm_bill *bill, const sm_issue_candidate *candidate);
/* The stable word of a bit, by its place from 0 to SM_LOOK_COUNT - 1: "estimated", "reset", "gap",
 * "unusual_use", "suspect_readings". */
const char *sm_look_name(int place);

#endif
