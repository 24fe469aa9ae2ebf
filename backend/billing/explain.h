/* The explanation of a bill: every line with the readings and rules that it came from, enough to
 * compute it again by hand. It is written from the very computation of the bill (compute.h), so it
 * can tell nothing else; tests/explain computes bills again from the explanation alone.
 *
 * Pure, as billing.h; any number of threads. docs/billing.md has the members and the rules. */
#ifndef SM_BILLING_EXPLAIN_H
#define SM_BILLING_EXPLAIN_H

#include "base/jsonw.h"
#include "billing/billing.h"

/* Computes a bill as sm_billing_compute does, with its errors, and writes the members of its
 * explanation into an open object of the writer: `zone`, `bill`, `period`, `meters`, `segments`,
 * `lines`, `totals`, `projection` (of the running month) and `rules`, the sentence of each rule
 * that is named. Times are on the clock of the input's zone. On an error what was written is of no
 * use. *bill is the same bill; the caller frees it. */
SM_MUST_CHECK sm_err sm_billing_explain(const sm_billing_input *input, sm_jsonw *w, sm_bill **bill);

#endif
