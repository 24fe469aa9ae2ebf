#include "core/firmware.h"

#include "core/bytes.h"
#include "core/crc.h"
#include "core/offer.h"
#include "core/text.h"

#include <string.h>

static const char unknown[] = "unknown";
enum { PARTS = 8 }; /* so often is told how far it is fetched */

void edge_firmware_init(edge_firmware *firmware, const edge_ota_port *port,
                        const edge_ota_self *self, int64_t now_ms) {
  memset(firmware, 0, sizeof *firmware);
  firmware->self = *self;
  firmware->updates = port != NULL;
  if (port == NULL) return;
  edge_ota_init(&firmware->ota, port, self, now_ms);
  if (firmware->ota.known) firmware->told = EDGE_FIRMWARE_ITS_OFFER;
}

/* ---- offers ---- */

static void refuse(edge_firmware *f, edge_ota_verdict verdict, const uint8_t *manifest,
                   size_t len) {
  edge_ota_image image;
  f->told = EDGE_FIRMWARE_OTHER_OFFER;
  f->verdict = verdict;
  memcpy(f->other_version, unknown, sizeof unknown);
  f->other_counter = 0;
  /* What nobody signed may say so too: only to tell what was refused. */
  if (len == 0 || !edge_ota_read_manifest(manifest, len, &image)) return;
  memcpy(f->other_version, image.version, sizeof f->other_version);
  f->other_counter = image.counter;
}

static bool is_its_own(const edge_firmware *f, const uint8_t *manifest, size_t len) {
  edge_ota_image image;
  return f->ota.known && f->ota.outcome != EDGE_OTA_FAILED &&
         edge_ota_read_manifest(manifest, len, &image) && image.counter == f->ota.image.counter &&
         strcmp(image.version, f->ota.image.version) == 0;
}

static void take(edge_firmware *f, const edge_offer *offer, uint32_t wall_s) {
  edge_ota_verdict verdict = edge_ota_offer(&f->ota, offer->manifest, offer->manifest_len,
                                            offer->signature, offer->signature_len, wall_s);
  switch (verdict) {
  case EDGE_OTA_BUSY:
    f->later = true;
    return;
  case EDGE_OTA_TAKEN:
  case EDGE_OTA_FAILED_ONCE:
    f->told = EDGE_FIRMWARE_ITS_OFFER;
    return;
  case EDGE_OTA_HAVE_IT:
    if (is_its_own(f, offer->manifest, offer->manifest_len)) {
      f->told = EDGE_FIRMWARE_ITS_OFFER;
      return;
    }
    break;
  case EDGE_OTA_EXPIRED:
    if (wall_s == 0) {
      f->later = true;
      return;
    }
    break;
  default:
    break;
  }
  refuse(f, verdict, offer->manifest, offer->manifest_len);
}

static void withdraw(edge_firmware *f) {
  f->later = false;
  edge_ota_withdraw(&f->ota);
  f->told = f->ota.known ? EDGE_FIRMWARE_ITS_OFFER : EDGE_FIRMWARE_NO_OFFER;
}

bool edge_firmware_command(edge_firmware *firmware, const char *payload, size_t len, uint8_t *room,
                           uint32_t wall_s) {
  edge_offer offer;
  if (!firmware->updates) return false;
  if (len == 0) {
    withdraw(firmware);
    return true;
  }
  switch (edge_offer_read(payload, len, room, &offer)) {
  case EDGE_OFFER_NONE:
    return false;
  case EDGE_OFFER_BAD:
    refuse(firmware, EDGE_OTA_MALFORMED, room, 0);
    return true;
  case EDGE_OFFER_GOOD:
    take(firmware, &offer, wall_s);
    return true;
  }
  return false;
}

bool edge_firmware_asks_again(edge_firmware *firmware, uint32_t wall_s) {
  bool busy = firmware->ota.state == EDGE_OTA_READY || firmware->ota.state == EDGE_OTA_TRIAL;
  if (!firmware->later || busy || wall_s == 0) return false;
  firmware->later = false;
  return true;
}

/* ---- what is told ---- */

const char *edge_firmware_state(const edge_firmware *firmware) {
  switch (firmware->ota.state) {
  case EDGE_OTA_HASHING:
  case EDGE_OTA_PAUSED:
  case EDGE_OTA_FETCHING:
    return "fetching";
  case EDGE_OTA_READY:
    return "ready";
  case EDGE_OTA_TRIAL:
    return "trial";
  case EDGE_OTA_IDLE:
    break;
  }
  return "idle";
}

static const char *refusal_of(const edge_firmware *f) {
  static const char *const words[] = {
      [EDGE_OTA_TAKEN] = "taken",
      [EDGE_OTA_HAVE_IT] = "confirmed",
      [EDGE_OTA_BUSY] = "taken",
      [EDGE_OTA_NO_FLASH] = "failed",
      [EDGE_OTA_BAD_SIGNATURE] = "bad_signature",
      [EDGE_OTA_MALFORMED] = "malformed",
      [EDGE_OTA_OTHER_PRODUCT] = "other_product",
      [EDGE_OTA_OTHER_HARDWARE] = "other_hardware",
      [EDGE_OTA_OLDER] = "older",
      [EDGE_OTA_TOO_FAR] = "too_far",
      [EDGE_OTA_TOO_LARGE] = "too_large",
      [EDGE_OTA_EXPIRED] = "expired",
      [EDGE_OTA_FAILED_ONCE] = "failed",
  };
  /* What runs is on trial, and its offer is not known any more. */
  if (f->verdict == EDGE_OTA_HAVE_IT && f->ota.state == EDGE_OTA_TRIAL) return "taken";
  return words[f->verdict];
}

const char *edge_firmware_result(const edge_firmware *firmware) {
  if (firmware->told == EDGE_FIRMWARE_NO_OFFER) return NULL;
  if (firmware->told == EDGE_FIRMWARE_OTHER_OFFER) return refusal_of(firmware);
  if (firmware->ota.outcome == EDGE_OTA_CONFIRMED) return "confirmed";
  return firmware->ota.outcome == EDGE_OTA_FAILED ? "failed" : "taken";
}

uint32_t edge_firmware_at(const edge_firmware *firmware) {
  const edge_ota *o = &firmware->ota;
  if (firmware->told != EDGE_FIRMWARE_ITS_OFFER) return 0;
  bool whole = o->outcome == EDGE_OTA_TRIED || o->outcome == EDGE_OTA_CONFIRMED;
  return whole ? o->image.size : o->at;
}

static void add_text(edge_text *text, const char *name, const char *value) {
  edge_text_add(text, name);
  edge_text_add(text, "\"");
  edge_text_add(text, value);
  edge_text_add(text, "\"");
}

static void add_number(edge_text *text, const char *name, uint32_t value) {
  edge_text_add(text, name);
  edge_text_add_int(text, value);
}

size_t edge_firmware_report(const edge_firmware *firmware, char *out, size_t cap) {
  const edge_firmware *f = firmware;
  const char *result = edge_firmware_result(f);
  bool other = f->told == EDGE_FIRMWARE_OTHER_OFFER;
  edge_text text = edge_text_in(out, cap);
  add_text(&text, "{\"product\": ", f->self.product);
  add_text(&text, ", \"hardware\": ", f->self.hardware);
  add_text(&text, ", \"version\": ", f->self.version);
  add_number(&text, ", \"counter\": ", f->self.counter);
  add_text(&text, ", \"state\": ", edge_firmware_state(f));
  if (result != NULL) {
    add_text(&text, ", \"offer\": {\"version\": ", other ? f->other_version : f->ota.image.version);
    add_number(&text, ", \"counter\": ", other ? f->other_counter : f->ota.image.counter);
    add_text(&text, ", \"result\": ", result);
    add_number(&text, ", \"at\": ", edge_firmware_at(f));
    edge_text_add(&text, "}");
  }
  edge_text_add(&text, "}");
  return text.len;
}

/* The same for reports that say the same, but for how far it is fetched, of which eighths count. */
static uint32_t mark_of(const edge_firmware *f) {
  const char *result = edge_firmware_result(f);
  uint32_t size = f->ota.image.size == 0 ? 1 : f->ota.image.size;
  uint8_t numbers[12];
  edge_put_u32(numbers,
               f->told == EDGE_FIRMWARE_OTHER_OFFER ? f->other_counter : f->ota.image.counter);
  edge_put_u32(numbers + 4, (uint32_t)((uint64_t)edge_firmware_at(f) * PARTS / size));
  edge_put_u32(numbers + 8, (uint32_t)f->told);
  uint32_t mark = edge_crc32(0, numbers, sizeof numbers);
  const char *const texts[] = {edge_firmware_state(f), result == NULL ? "" : result,
                               f->told == EDGE_FIRMWARE_OTHER_OFFER ? f->other_version
                                                                    : f->ota.image.version};
  for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
    mark = edge_crc32(mark, (const uint8_t *)texts[i], strlen(texts[i]) + 1);
  return mark;
}

bool edge_firmware_is_news(const edge_firmware *firmware) {
  return !firmware->reported || firmware->last_report != mark_of(firmware);
}

void edge_firmware_reported(edge_firmware *firmware) {
  firmware->reported = true;
  firmware->last_report = mark_of(firmware);
}

void edge_firmware_connected(edge_firmware *firmware) {
  firmware->reported = false;
}
