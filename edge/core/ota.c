#include "core/ota.h"

#include "core/bytes.h"
#include "core/crc.h"
#include "core/json.h"

#include <string.h>

enum {
  HEAD_LEN = 8,
  SIGNATURE_AT = HEAD_LEN + EDGE_OTA_MANIFEST_MAX,
  CRC_AT = SIGNATURE_AT + EDGE_OTA_SIGNATURE_MAX,
  DONE_AT = 2048,
  OUTCOME_AT = 4000,
  PIECE = 256,
  PAUSE_FIRST_MS = 2000,
  PAUSE_MAX_MS = 900000,
  TRIAL_MS = 600000,
  WRONG_MAX = 3
};
static const uint32_t magic = 0x314F4D53; /* "SMO1" */

/* ---- the manifest ---- */

static bool hex_digit(char ch, uint8_t *value) {
  if (ch >= '0' && ch <= '9')
    *value = (uint8_t)(ch - '0');
  else if (ch >= 'a' && ch <= 'f')
    *value = (uint8_t)(ch - 'a' + 10);
  else
    return false;
  return true;
}

static bool read_sha(edge_json object, uint8_t out[EDGE_OTA_SHA_LEN]) {
  edge_json value;
  char text[2 * EDGE_OTA_SHA_LEN + 1];
  if (!edge_json_member(object, "sha256", &value) || !edge_json_text(value, text, sizeof text) ||
      strlen(text) != sizeof text - 1)
    return false;
  for (size_t i = 0; i < EDGE_OTA_SHA_LEN; i++) {
    uint8_t high;
    uint8_t low;
    if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low)) return false;
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool read_text(edge_json object, const char *name, char *out, size_t cap) {
  edge_json value;
  return edge_json_member(object, name, &value) && edge_json_text(value, out, cap) &&
         out[0] != '\0';
}

static bool is_of_name(char ch) {
  return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
         ch == '.' || ch == '_' || ch == '+' || ch == '-';
}

/* Told to the server as it is, which takes no other characters. */
static bool read_name(edge_json object, const char *name, char out[EDGE_OTA_NAME_MAX + 1]) {
  if (!read_text(object, name, out, EDGE_OTA_NAME_MAX + 1)) return false;
  for (; *out != '\0'; out++)
    if (!is_of_name(*out)) return false;
  return true;
}

static bool read_number(edge_json object, const char *name, uint32_t *out) {
  edge_json value;
  return edge_json_member(object, name, &value) && edge_json_u32(value, out);
}

bool edge_ota_read_manifest(const uint8_t *manifest, size_t len, edge_ota_image *image) {
  edge_json object = {(const char *)manifest, len};
  edge_ota_image i;
  memset(&i, 0, sizeof i);
  if (!read_name(object, "product", i.product) || !read_name(object, "hardware", i.hardware) ||
      !read_name(object, "version", i.version) || !read_text(object, "url", i.url, sizeof i.url) ||
      !read_number(object, "counter", &i.counter) || !read_number(object, "size", &i.size) ||
      !read_number(object, "from", &i.from) || !read_number(object, "expires", &i.expires_s) ||
      !read_sha(object, i.sha256))
    return false;
  *image = i;
  return true;
}

static bool too_large(const edge_ota *o, uint32_t size) {
  uint32_t sectors = o->port.slot.sectors < EDGE_OTA_IMAGE_SECTORS_MAX
                         ? o->port.slot.sectors
                         : (uint32_t)EDGE_OTA_IMAGE_SECTORS_MAX;
  return size == 0 || size > sectors * EDGE_SECTOR_SIZE;
}

/* The meter that asks is this image already. */
static bool runs(const edge_ota *o, const edge_ota_image *i) {
  return i->counter == o->self.counter && strcmp(i->version, o->self.version) == 0 &&
         strcmp(i->hardware, o->self.hardware) == 0 && strcmp(i->product, o->self.product) == 0;
}

static edge_ota_verdict judge(const edge_ota *o, const edge_ota_image *i, uint32_t wall_s) {
  if (strcmp(i->product, o->self.product) != 0) return EDGE_OTA_OTHER_PRODUCT;
  if (strcmp(i->hardware, o->self.hardware) != 0) return EDGE_OTA_OTHER_HARDWARE;
  if (i->counter < o->self.counter) return EDGE_OTA_OLDER;
  if (o->self.counter < i->from) return EDGE_OTA_TOO_FAR;
  if (too_large(o, i->size)) return EDGE_OTA_TOO_LARGE;
  return wall_s == 0 || wall_s >= i->expires_s ? EDGE_OTA_EXPIRED : EDGE_OTA_TAKEN;
}

/* ---- the sector ---- */

static bool read_state(const edge_ota *o, uint32_t at, void *bytes, size_t len) {
  return o->port.state.read(o->port.state.context, at, bytes, len);
}

static void set_outcome(edge_ota *o, edge_ota_outcome outcome) {
  uint8_t byte = (uint8_t)outcome;
  o->outcome = byte;
  (void)edge_flash_put(&o->port.state, OUTCOME_AT, &byte, 1);
}

/* The offer as it is kept, if it is whole and still verifies. */
static bool load(edge_ota *o) {
  uint8_t bytes[CRC_AT + 4];
  if (!read_state(o, 0, bytes, sizeof bytes) || edge_get_u32(bytes) != magic ||
      edge_get_u32(bytes + CRC_AT) != edge_crc32(0, bytes, CRC_AT))
    return false;
  uint16_t manifest_len = edge_get_u16(bytes + 4);
  uint16_t signature_len = edge_get_u16(bytes + 6);
  return manifest_len <= EDGE_OTA_MANIFEST_MAX && signature_len <= EDGE_OTA_SIGNATURE_MAX &&
         o->port.verify(o->port.context, bytes + HEAD_LEN, manifest_len, bytes + SIGNATURE_AT,
                        signature_len) &&
         edge_ota_read_manifest(bytes + HEAD_LEN, manifest_len, &o->image) &&
         !too_large(o, o->image.size) && read_state(o, OUTCOME_AT, &o->outcome, 1);
}

static bool keep(edge_ota *o, const uint8_t *manifest, size_t manifest_len,
                 const uint8_t *signature, size_t signature_len) {
  uint8_t bytes[CRC_AT + 4];
  memset(bytes, 0xFF, sizeof bytes);
  edge_put_u32(bytes, magic);
  edge_put_u16(bytes + 4, (uint32_t)manifest_len);
  edge_put_u16(bytes + 6, (uint32_t)signature_len);
  memcpy(bytes + HEAD_LEN, manifest, manifest_len);
  memcpy(bytes + SIGNATURE_AT, signature, signature_len);
  edge_put_u32(bytes + CRC_AT, edge_crc32(0, bytes, CRC_AT));
  return o->port.state.erase(o->port.state.context, 0) &&
         edge_flash_put(&o->port.state, 0, bytes, sizeof bytes);
}

/* How many bytes of the image were written for good. */
static uint32_t done_bytes(const edge_ota *o) {
  uint32_t sector = 0;
  uint8_t byte;
  while (sector * EDGE_SECTOR_SIZE < o->image.size && read_state(o, DONE_AT + sector, &byte, 1) &&
         byte == 0)
    sector++;
  uint32_t bytes = sector * EDGE_SECTOR_SIZE;
  return bytes < o->image.size ? bytes : o->image.size;
}

/* ---- fetching ---- */

static void begin_image(edge_ota *o) {
  o->port.hash_begin(o->port.context);
  o->at = 0;
  o->swept = false;
  o->target = done_bytes(o);
  o->state = EDGE_OTA_HASHING;
}

static void pause(edge_ota *o, int64_t now_ms) {
  o->pause_ms = o->pause_ms == 0                 ? PAUSE_FIRST_MS
                : o->pause_ms > PAUSE_MAX_MS / 2 ? PAUSE_MAX_MS
                                                 : o->pause_ms * 2;
  o->state = EDGE_OTA_PAUSED;
  o->due_ms = now_ms + o->pause_ms;
}

static void fail(edge_ota *o) {
  set_outcome(o, EDGE_OTA_FAILED);
  o->state = EDGE_OTA_IDLE;
}

/* All of it is there: is it the one that was signed? */
static void finish(edge_ota *o, int64_t now_ms) {
  uint8_t sha256[EDGE_OTA_SHA_LEN];
  o->port.hash_end(o->port.context, sha256);
  if (memcmp(sha256, o->image.sha256, sizeof sha256) == 0) {
    if (!o->port.try_slot(o->port.context)) {
      fail(o);
      return;
    }
    /* If the power goes before this is put down, the trial puts it down. */
    set_outcome(o, EDGE_OTA_TRIED);
    o->state = EDGE_OTA_READY;
    return;
  }
  if (++o->wrong == WRONG_MAX) {
    fail(o);
    return;
  }
  /* From the begin; what is marked as done is not looked at. */
  o->port.hash_begin(o->port.context);
  o->at = 0;
  o->swept = false;
  pause(o, now_ms);
}

static void hash_some(edge_ota *o, int64_t now_ms) {
  uint8_t piece[PIECE];
  uint32_t left = o->target - o->at;
  uint32_t len = left < sizeof piece ? left : (uint32_t)sizeof piece;
  if (len > 0) {
    if (!o->port.slot.read(o->port.slot.context, o->at, piece, len)) {
      fail(o);
      return;
    }
    o->port.hash_add(o->port.context, piece, len);
    o->at += len;
    return;
  }
  if (o->at == o->image.size) {
    finish(o, now_ms);
    return;
  }
  o->state = EDGE_OTA_FETCHING;
  o->port.fetch(o->port.context, o->image.url, o->at);
}

static void mark_done(edge_ota *o, uint32_t sector) {
  static const uint8_t done = 0;
  (void)edge_flash_put(&o->port.state, DONE_AT + sector, &done, 1);
}

/* Writes what lies in one sector; gives how much that was, 0: the flash failed. */
static size_t write_some(edge_ota *o, const uint8_t *bytes, size_t len) {
  uint32_t sector = o->at / EDGE_SECTOR_SIZE;
  uint32_t room = EDGE_SECTOR_SIZE - o->at % EDGE_SECTOR_SIZE;
  size_t some = len < room ? len : room;
  if (!o->swept && !o->port.slot.erase(o->port.slot.context, sector)) return 0;
  o->swept = true;
  if (!edge_flash_put(&o->port.slot, o->at, bytes, some)) return 0;
  o->port.hash_add(o->port.context, bytes, some);
  o->at += (uint32_t)some;
  if (o->at % EDGE_SECTOR_SIZE == 0 || o->at == o->image.size) {
    mark_done(o, sector);
    o->swept = false;
  }
  return some;
}

void edge_ota_bytes(edge_ota *ota, const uint8_t *bytes, size_t len, int64_t now_ms) {
  if (ota->state != EDGE_OTA_FETCHING) return;
  /* More than was signed is not the image; that much of it may be, which its hash will say. */
  if (len > ota->image.size - ota->at) len = ota->image.size - ota->at;
  while (len > 0) {
    size_t some = write_some(ota, bytes, len);
    if (some == 0) {
      ota->port.stop(ota->port.context);
      fail(ota);
      return;
    }
    bytes += some;
    len -= some;
    ota->pause_ms = 0; /* it gets on */
  }
  if (ota->at < ota->image.size) return;
  ota->port.stop(ota->port.context);
  finish(ota, now_ms);
}

void edge_ota_fetched(edge_ota *ota, int64_t now_ms) {
  if (ota->state == EDGE_OTA_FETCHING) pause(ota, now_ms);
}

/* ---- offers, starts, trials ---- */

static bool under_way(const edge_ota *o) {
  return o->state == EDGE_OTA_HASHING || o->state == EDGE_OTA_PAUSED ||
         o->state == EDGE_OTA_FETCHING;
}

static void drop(edge_ota *o) {
  if (o->state == EDGE_OTA_FETCHING) o->port.stop(o->port.context);
  o->state = EDGE_OTA_IDLE;
  o->known = false;
}

void edge_ota_withdraw(edge_ota *ota) {
  if (!under_way(ota)) return;
  drop(ota);
  /* If the flash does not forget it, the next start goes on with what was signed all the same. */
  (void)ota->port.state.erase(ota->port.state.context, 0);
}

edge_ota_verdict edge_ota_offer(edge_ota *ota, const uint8_t *manifest, size_t manifest_len,
                                const uint8_t *signature, size_t signature_len, uint32_t wall_s) {
  edge_ota_image image;
  if (manifest_len > EDGE_OTA_MANIFEST_MAX || signature_len > EDGE_OTA_SIGNATURE_MAX)
    return EDGE_OTA_MALFORMED;
  if (!ota->port.verify(ota->port.context, manifest, manifest_len, signature, signature_len))
    return EDGE_OTA_BAD_SIGNATURE;
  if (!edge_ota_read_manifest(manifest, manifest_len, &image)) return EDGE_OTA_MALFORMED;
  if (runs(ota, &image)) return EDGE_OTA_HAVE_IT;
  bool same = ota->known && memcmp(&image, &ota->image, sizeof image) == 0;
  if (same && ota->outcome == EDGE_OTA_FAILED) return EDGE_OTA_FAILED_ONCE;
  /* One that was confirmed, and does not run, was damaged since. */
  if (same && ota->outcome != EDGE_OTA_CONFIRMED) return EDGE_OTA_HAVE_IT;
  edge_ota_verdict verdict = judge(ota, &image, wall_s);
  if (verdict != EDGE_OTA_TAKEN) return verdict;
  if (ota->state == EDGE_OTA_READY || ota->state == EDGE_OTA_TRIAL) return EDGE_OTA_BUSY;
  drop(ota);
  if (!keep(ota, manifest, manifest_len, signature, signature_len)) return EDGE_OTA_NO_FLASH;
  ota->known = true;
  ota->image = image;
  ota->outcome = EDGE_OTA_OPEN;
  ota->wrong = 0;
  ota->pause_ms = 0;
  begin_image(ota);
  return EDGE_OTA_TAKEN;
}

void edge_ota_init(edge_ota *ota, const edge_ota_port *port, const edge_ota_self *self,
                   int64_t now_ms) {
  memset(ota, 0, sizeof *ota);
  ota->port = *port;
  ota->self = *self;
  ota->known = load(ota);
  if (self->on_trial) {
    ota->state = EDGE_OTA_TRIAL;
    /* One that is not what its manifest says is not confirmed: it would be offered for ever. */
    bool is_it = !ota->known || ota->outcome == EDGE_OTA_CONFIRMED || runs(ota, &ota->image);
    ota->due_ms = now_ms + (is_it ? TRIAL_MS : 0);
    if (ota->known && ota->outcome == EDGE_OTA_OPEN) set_outcome(ota, EDGE_OTA_TRIED);
  } else if (ota->known && ota->outcome == EDGE_OTA_OPEN) {
    begin_image(ota);
  } else if (ota->known && ota->outcome != EDGE_OTA_CONFIRMED && ota->outcome != EDGE_OTA_FAILED) {
    /* Tried, or a byte that the power spoilt: the old one runs again, or the power went between the
     * boot loader's confirmation and ours. */
    set_outcome(ota, runs(ota, &ota->image) ? EDGE_OTA_CONFIRMED : EDGE_OTA_FAILED);
  }
}

void edge_ota_healthy(edge_ota *ota) {
  if (ota->state != EDGE_OTA_TRIAL) return;
  ota->port.confirm(ota->port.context);
  if (ota->known) set_outcome(ota, EDGE_OTA_CONFIRMED);
  ota->state = EDGE_OTA_IDLE;
}

void edge_ota_poll(edge_ota *ota, int64_t now_ms) {
  if (ota->state == EDGE_OTA_HASHING) {
    hash_some(ota, now_ms);
  } else if (ota->state == EDGE_OTA_PAUSED && now_ms >= ota->due_ms) {
    /* What was written stays, and so does its hash: on from here. */
    ota->state = EDGE_OTA_FETCHING;
    ota->port.fetch(ota->port.context, ota->image.url, ota->at);
  } else if (ota->state == EDGE_OTA_TRIAL && now_ms >= ota->due_ms) {
    if (ota->known) set_outcome(ota, EDGE_OTA_FAILED);
    ota->state = EDGE_OTA_IDLE;
    ota->port.roll_back(ota->port.context);
  }
}

int64_t edge_ota_due_ms(const edge_ota *ota, int64_t now_ms) {
  if (ota->state == EDGE_OTA_HASHING) return now_ms;
  return ota->state == EDGE_OTA_PAUSED || ota->state == EDGE_OTA_TRIAL ? ota->due_ms : INT64_MAX;
}
