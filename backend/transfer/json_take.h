/* Reading back what this program wrote as JSON: counts and hashes of an object. */
#ifndef SM_TRANSFER_JSON_TAKE_H
#define SM_TRANSFER_JSON_TAKE_H

#include "base/crypto.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* false: there is no such member, or it is something else; *out is then untouched. */
bool sm_json_take_count(json_t *object, const char *key, uint64_t *out);
/* 64 hex digits, as sm_hex writes them. */
bool sm_json_take_sha256(json_t *object, const char *key, uint8_t out[SM_SHA256_BYTES]);

#endif
