/* What a meter says of its firmware, on meters/{device_id}/firmware. */
#ifndef SM_INGEST_FIRMWARE_H
#define SM_INGEST_FIRMWARE_H

#include "ingest/telemetry.h"
#include "model/firmware.h"

enum { SM_FIRMWARE_DETAIL_MAX = 120 };

/* Judges one payload of at most SM_FIRMWARE_REPORT_MAX bytes. Members that are not known are
 * ignored. False: *refusal and `detail`, a sentence that names the member and what would be right.
 * Pure; any thread. */
bool sm_firmware_report_parse(const char *payload, size_t len, sm_firmware_report *report,
                              sm_refusal *refusal, char detail[SM_FIRMWARE_DETAIL_MAX]);

#endif
