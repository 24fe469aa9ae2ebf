/* Edits of readings, between the two stores: the ledger keeps them, the readings say what they
 * touch. Adding and withdrawing go through here, whoever asks; bills and buckets get what holds.
 *
 * Threads: any number. Errors beside those named: what the stores give, SM_ERR_NOMEM. */
#ifndef SM_INVOICING_EDITS_H
#define SM_INVOICING_EDITS_H

#include "base/err.h"
#include "base/problem.h"
#include "store/ledger.h"
#include "store/readings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The edits of a meter's import register that hold. */
typedef struct sm_meter_edits {
  sm_reading_edit *row; /* by time */
  sm_edit *item;        /* the same, as the trace wants them */
  size_t count;
} sm_meter_edits;
/* fini with sm_meter_edits_fini. An unknown meter has none. */
SM_MUST_CHECK sm_err sm_meter_edits_load(sm_ledger *ledger, const char *device_id,
                                         sm_meter_edits *edits);
void sm_meter_edits_fini(sm_meter_edits *edits);
/* For sm_readings_trace and sm_edits_…: borrows from `edits`. */
sm_edits sm_meter_edits_list(const sm_meter_edits *edits);

/* Who made an edit, in a word that any resident may read: "admin" (a user), "operator" (the command
 * line), "server". */
const char *sm_edit_author(const char *made_by);

/* What somebody asks for. Readings are named by their exact instant. */
typedef struct sm_edit_request {
  sm_ledger *ledger;
  sm_readings *readings;
  sm_actor actor;
  const char *device_id;
  int64_t ts_ms;
  sm_edit_kind kind;
  bool has_wh;
  int64_t wh; /* if has_wh: manual and corrected ones need it, a void must not have it */
  const char *reason;
  int64_t now_ms;
} sm_edit_request;

/* Checks and adds; *edit_no is set. SM_ERR_INVALID: `problems` names the fields "at", "kwh",
 * "reason". SM_ERR_NOT_FOUND: no such device. SM_ERR_EXISTS: an edit of that instant holds.
 * SM_ERR_CONFLICT: a month is invoiced that it would change. */
SM_MUST_CHECK sm_err sm_edit_add(const sm_edit_request *request, sm_problems *problems,
                                 int64_t *edit_no);

/* The valid invoices that an edit of that instant, or its withdrawal, would change, as a text:
 * "SM2627-000001 (2026-01), SM2627-000007 (2026-02)", with "and 3 more" behind four. Empty: none.
 * SM_ERR_NOT_FOUND: no such device. */
enum { SM_EDIT_TOUCHES_MAX = 160 };
SM_MUST_CHECK sm_err sm_edit_touches(sm_ledger *ledger, sm_readings *readings,
                                     const char *device_id, int64_t ts_ms,
                                     char out[SM_EDIT_TOUCHES_MAX]);
/* The same of the withdrawal of an edit. SM_ERR_NOT_FOUND: no such device or edit. */
SM_MUST_CHECK sm_err sm_edit_withdrawal_touches(sm_ledger *ledger, sm_readings *readings,
                                                const char *device_id, int64_t edit_no,
                                                char out[SM_EDIT_TOUCHES_MAX]);

/* Whether bills believe a register that a person stated for that instant, by the readings and edits
 * that are there now; true where none is stated. SM_ERR_NOT_FOUND: no such device. */
SM_MUST_CHECK sm_err sm_edit_believed(sm_ledger *ledger, sm_readings *readings,
                                      const char *device_id, int64_t ts_ms, bool *believed);

/* Takes one back. SM_ERR_NOT_FOUND: the device has no such edit; SM_ERR_EXISTS: it is withdrawn
 * already; SM_ERR_CONFLICT as above; SM_ERR_INVALID: a reason that is none. */
SM_MUST_CHECK sm_err sm_edit_withdraw(sm_ledger *ledger, sm_readings *readings, sm_actor actor,
                                      const char *device_id, int64_t edit_no, const char *reason);

#endif
