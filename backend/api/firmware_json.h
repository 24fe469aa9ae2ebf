/* How a device's firmware is written. */
#ifndef SM_API_FIRMWARE_JSON_H
#define SM_API_FIRMWARE_JSON_H

#include "api/api.h"
#include "base/jsonw.h"

/* The member "firmware" of a device: what it said last, null if it never did. The errors of the
 * ledger. */
SM_MUST_CHECK sm_err sm_firmware_write_json(sm_api *api, sm_jsonw *w, const char *device_id);

#endif
