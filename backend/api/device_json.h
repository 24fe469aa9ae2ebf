/* What the routes of a device share: how it is written, and how a login is told. */
#ifndef SM_API_DEVICE_JSON_H
#define SM_API_DEVICE_JSON_H

#include "api/api.h"
#include "api/request.h"
#include "base/jsonw.h"

/* The members of the contract's device, without the braces. The errors of the stores and keys. */
SM_MUST_CHECK sm_err sm_device_write_json(sm_api *api, const sm_request *request, sm_jsonw *w,
                                          const sm_device *device);
/* "credentials" of a new login for a device, or null and a "note" of what to do. */
void sm_device_write_credentials(sm_api *api, const sm_request *request, sm_jsonw *w,
                                 const char *device_id);
/* A tariff that is named must be there; else `problems` says so. */
SM_MUST_CHECK sm_err sm_device_check_tariff(sm_api *api, const char *name, sm_problems *problems);

enum { SM_DEVICE_NAME_CHARS_MAX = 80, SM_DEVICE_TARIFF_CHARS_MAX = 80 };

#endif
