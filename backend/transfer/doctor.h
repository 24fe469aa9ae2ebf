/* Everything that must hold in a data folder, looked at: both stores by their own checks, that the
 * keys open what is sealed, and that the two belong together. Changes nothing. One thread. */
#ifndef SM_TRANSFER_DOCTOR_H
#define SM_TRANSFER_DOCTOR_H

#include "base/err.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdint.h>

typedef struct sm_doctor_finding {
  const char *where;   /* "ledger", "readings", "keys" */
  const char *kind;    /* a stable word, as the stores give it */
  const char *subject; /* what it is about; "" if it is the whole */
  const char *detail;
  const char *advice; /* what to do */
} sm_doctor_finding;

typedef struct sm_doctor_options {
  const char *keys_in;   /* the data folder whose keys open what is sealed; NULL: not looked at */
  sm_ledger *ledger;     /* NULL: passed over */
  sm_readings *readings; /* NULL: passed over */
  void *context;
  void (*finding)(void *context, const sm_doctor_finding *finding);
  /* How far `what` is: "checking the readings". */
  void (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
} sm_doctor_options;

typedef struct sm_doctor_result {
  uint64_t findings;
  sm_ledger_check_result ledger;
  sm_readings_check_result readings;
} sm_doctor_result;

/* SM_OK also with findings; else what made the look impossible. */
SM_MUST_CHECK sm_err sm_doctor_check(const sm_doctor_options *options, sm_doctor_result *result);

#endif
