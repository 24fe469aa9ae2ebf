/* contracts/openapi.json, built into the program. */
#ifndef SM_API_OPENAPI_H
#define SM_API_OPENAPI_H

extern const char sm_openapi_json[]; /* terminated */

#endif
