/* The sums of a bill that a correction is made of, from a bill or from the JSON of an issued one;
 * and the tariff versions that it was billed by. Internal to invoicing; one thread. */
#ifndef SM_INVOICING_ISSUED_H
#define SM_INVOICING_ISSUED_H

#include "base/err.h"
#include "base/zone.h"
#include "model/bill.h"

#include <stddef.h>
#include <stdint.h>

/* The lines of one tax, added up over the segments. */
typedef struct sm_issued_tax {
  char *name;
  int64_t percent_micro;
  int64_t base_minor;
  int64_t amount_minor;
} sm_issued_tax;

/* A version, and the day of the bill from which it holds. */
typedef struct sm_issued_segment {
  char *tariff;
  int32_t version;
  sm_date from;
} sm_issued_segment;

typedef struct sm_issued {
  int64_t net_minor; /* all lines but tax and rounding */
  int64_t total_minor;
  sm_issued_tax *tax;
  size_t tax_count;
  sm_issued_segment *segment;
  size_t segment_count;
} sm_issued;

/* fini with sm_issued_fini. SM_ERR_CORRUPT: it is not a bill's JSON. `digits` of the currency. */
SM_MUST_CHECK sm_err sm_issued_read(const char *body, unsigned digits, sm_issued *issued);
SM_MUST_CHECK sm_err sm_issued_of_bill(const sm_bill *bill, const sm_zone *zone, sm_issued *issued);
void sm_issued_fini(sm_issued *issued);

/* Adds an amount of a tax; a new one gets a place. SM_ERR_NOMEM, SM_ERR_OVERFLOW. */
SM_MUST_CHECK sm_err sm_issued_add_tax(sm_issued *issued, const char *name, int64_t percent_micro,
                                       int64_t base_minor, int64_t amount_minor);

#endif
