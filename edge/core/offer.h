/* A firmware offer as it comes at the meter's `command` topic: {"firmware": {"manifest":
 * "<base64>", "signature": "<base64>"}}. Only taken apart here: core/ota.h judges it. Pure; any
 * thread. */
#ifndef EDGE_CORE_OFFER_H
#define EDGE_CORE_OFFER_H

#include "core/ota.h"

enum { EDGE_OFFER_ROOM = EDGE_OTA_MANIFEST_MAX + EDGE_OTA_SIGNATURE_MAX };

/* Both are in the caller's room. */
typedef struct edge_offer {
  const uint8_t *manifest;
  const uint8_t *signature;
  size_t manifest_len;
  size_t signature_len;
} edge_offer;

typedef enum edge_offer_kind {
  EDGE_OFFER_NONE, /* the payload is about something else, or nothing */
  EDGE_OFFER_BAD,  /* it has "firmware", and not as it should be */
  EDGE_OFFER_GOOD
} edge_offer_kind;

/* `room` has EDGE_OFFER_ROOM bytes, and is not where `payload` is. `offer` is set for GOOD. */
edge_offer_kind edge_offer_read(const char *payload, size_t len, uint8_t *room, edge_offer *offer);

#endif
