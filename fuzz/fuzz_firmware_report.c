/* What meters say of their firmware, as any of them may write it: what is taken has names and
 * numbers that the ledger takes, what is not has a reason and a sentence. */
#include "ingest/firmware.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *text) {
  if (!sm_firmware_name_valid(text, strlen(text))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_firmware_report report;
  sm_refusal refusal = SM_REFUSAL_COUNT_;
  char detail[SM_FIRMWARE_DETAIL_MAX] = "";
  if (!sm_firmware_report_parse((const char *)data, size, &report, &refusal, detail)) {
    if (refusal >= SM_REFUSAL_COUNT_ || detail[0] == '\0') abort();
    return 0;
  }
  check_name(report.product);
  check_name(report.hardware);
  check_name(report.version);
  if (report.state >= SM_FIRMWARE_STATES) abort();
  if (!report.has_offer) return 0;
  check_name(report.offer_version);
  if (report.result >= SM_FIRMWARE_RESULTS) abort();
  return 0;
}
