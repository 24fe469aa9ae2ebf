/* What `smartmeter bill` does beside issuing a month: taking an invoice back, issuing a month of
 * one account, looking at issued months again, late
 * fees. Each gives the exit status. */
#ifndef SM_APP_BILL_CORRECT_H
#define SM_APP_BILL_CORRECT_H

#include "app/program.h"

typedef struct sm_bill_words {
  const char *month;   /* "2026-01"; NULL: not given */
  const char *account; /* NULL */
  const char *reason;  /* NULL */
  const char *number;  /* of an invoice */
  bool json;
} sm_bill_words;

int sm_bill_credit(sm_program *program, const sm_bill_words *words);
int sm_bill_one(sm_program *program, const sm_bill_words *words);
int sm_bill_fees(sm_program *program, const sm_bill_words *words);
int sm_bill_recheck(sm_program *program, const sm_bill_words *words);

#endif
