/* Late data: issued months are computed again, and what differs is an exception. And tariffs that
 * change issued months: what they would change, and the same exceptions of it.
 *
 * Late use is always priced in the period that it was used in, by the tariff versions that the
 * invoice was made by (or, once a tariff has been billed again, by those).
 *
 * Threads and errors as for invoicing.h. */
#ifndef SM_INVOICING_RECHECK_H
#define SM_INVOICING_RECHECK_H

#include "base/crypto.h"
#include "invoicing/invoicing.h"
#include "model/tariff.h"
#include "store/ledger_money.h"

/* Asked now and then by work that may be long: false ends it (SM_ERR_CLOSED). */
typedef bool sm_go_on_fn(void *context);

/* ---- late data ---- */
typedef struct sm_recheck_summary {
  uint64_t checked; /* valid invoices that were computed again */
  uint64_t found;   /* exceptions opened, the following included */
  uint64_t true_up; /* that go on the next invoice by themselves */
  uint64_t failed;  /* could not be computed; logged */
} sm_recheck_summary;

typedef struct sm_recheck_request {
  sm_actor actor;
  const char *from_month; /* "2026-01"; both inclusive */
  const char *to_month;
  const char *account_id; /* NULL: all */
  int64_t now_ms;
  sm_go_on_fn *go_on; /* NULL: to the end */
  void *context;
} sm_recheck_request;

/* Opens an exception for each valid invoice whose readings, and whose amounts by them, differ from
 * what it and the corrections of it hold. Run again it opens none twice; killed at any moment, the
 * next run does the rest. It goes on the next invoice by itself if it is at most the limit of the
 * settings, the tenancy goes on, and nobody has dismissed one of this invoice. */
SM_MUST_CHECK sm_err sm_invoicing_recheck(const sm_invoicing *invoicing,
                                          const sm_recheck_request *request,
                                          sm_recheck_summary *summary);
/* The months that the settings say, up to the last one that is over. false: none. */
bool sm_recheck_months(const sm_invoicing *invoicing, int64_t now_ms, char from_month[16],
                       char to_month[16]);

/* ---- a tariff billed again ---- */
typedef struct sm_rebill_effect {
  const char *number; /* borrowed, as all texts here */
  const char *account_id;
  const char *device_id; /* NULL: none */
  const char *month;
  int64_t old_total_minor;
  int64_t new_total_minor;
} sm_rebill_effect;
/* false ends the listing (SM_ERR_CLOSED). */
typedef bool sm_rebill_fn(void *context, const sm_rebill_effect *effect);

typedef struct sm_rebill_summary {
  uint64_t count; /* of invoices with days on which the version would hold */
  int64_t old_total_minor;
  int64_t new_total_minor;
  char confirm[SM_SHA256_HEX_MAX]; /* of the tariff and every effect: what is agreed to */
} sm_rebill_summary;

/* What adding a version of a tariff would make of issued months; changes nothing. `each` may be
 * NULL. */
SM_MUST_CHECK sm_err sm_rebill_effects(const sm_invoicing *invoicing, const sm_tariff *tariff,
                                       int64_t now_ms, sm_rebill_fn *each, void *context,
                                       sm_rebill_summary *summary);
/* Adds the version if its effects are still those of `confirm`, and opens an exception (state
 * "open") for each invoice that differs by it. SM_ERR_CONFLICT: they are not. Where `go_on` (NULL:
 * to the end) ends it before the adding (SM_ERR_CLOSED), nothing is changed; where it ends it
 * behind that, or the program dies, sm_rebill_process opens the rest. */
SM_MUST_CHECK sm_err sm_rebill_apply(const sm_invoicing *invoicing, sm_actor actor,
                                     const sm_tariff *tariff, const char *confirm, int64_t now_ms,
                                     sm_go_on_fn *go_on, void *context, int32_t *version);
SM_MUST_CHECK sm_err sm_rebill_process(const sm_invoicing *invoicing, sm_actor actor,
                                       int64_t now_ms, sm_go_on_fn *go_on, void *context,
                                       uint64_t *opened);

#endif
