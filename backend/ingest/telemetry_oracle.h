/* The judge of telemetry that sm_telemetry_parse is compared with: jansson's tree, looked at member
 * by member, slowly and plainly. It is built into tests and the fuzz target only, and must come to
 * the same verdict, reason, values and mark for every payload.
 *
 * jansson alone cannot say all that the contract asks, so the payload is given to it twice:
 * - once for its grammar. Numbers that jansson has no type for (over 64 bits, over a double) are
 *   written smaller first: they are JSON, and a member that is not known may have any of them. A
 *   NUL outside of strings, which jansson 2.14 passes over behind a number, is written as another
 *   control character.
 * - once with every number replaced by its index, so that its text is known: what a double makes of
 *   500.00000000000000001 or 1.00049999999999999999 is not how the number reads. */
#ifndef SM_INGEST_TELEMETRY_ORACLE_H
#define SM_INGEST_TELEMETRY_ORACLE_H

#include "ingest/telemetry.h"

/* As sm_telemetry_parse; details and texts of elements differ. Without memory it aborts. */
void sm_telemetry_oracle(const sm_telemetry_message *message, const sm_telemetry_sink *sink);

#endif
