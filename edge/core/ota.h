/* New firmware over the air: from an offer to an image that runs, or the old one again. An offer is
 * a manifest with a detached signature over its exact bytes; nothing is erased before it is
 * verified and judged. The image is written to the slot that does not run, its hash taken on the
 * way; a connection that drops is taken up where it was, after a restart behind the last whole
 * sector, what is there already being hashed again. An image that runs is on trial until the meter
 * has measured and the server has acknowledged a reading; else, or if it is not the version that
 * the manifest says, the old one comes back, and that offer is not taken again. Signature, hash,
 * slots and transport are the port's; all decisions are here.
 *
 * The manifest: {"product", "hardware", "version", "counter", "size", "sha256" (hexadecimal),
 * "url", "from", "expires"}. counter rises with each release that must not be gone behind; from is
 * the lowest counter that may be updated from; expires is in seconds since 1970. Other members
 * ("key" and "cohort", which are the server's) are signed too and not looked at. Product,
 * hardware and version are of A-Z a-z 0-9 . _ + -.
 *
 * One sector keeps the offer over restarts:
 *      0 "SMO1", u16 bytes of the manifest, u16 of the signature, manifest, from 1032 on the
 *        signature, at 1128 u32 CRC-32 of all that
 *   2048 one byte for each sector of the image: 0 once it is written
 *   4000 how it went: see edge_ota_outcome
 *
 * One thread; times are ms of a clock that never goes back. */
#ifndef EDGE_CORE_OTA_H
#define EDGE_CORE_OTA_H

#include "core/flash.h"

enum {
  EDGE_OTA_MANIFEST_MAX = 1024,
  EDGE_OTA_SIGNATURE_MAX = 96,
  EDGE_OTA_IMAGE_SECTORS_MAX = 1024,
  EDGE_OTA_NAME_MAX = 32,
  EDGE_OTA_URL_MAX = 160,
  EDGE_OTA_SHA_LEN = 32
};

typedef struct edge_ota_port {
  void *context;
  edge_flash slot;  /* the one that does not run */
  edge_flash state; /* one sector */
  /* Whether one of the keys that this meter trusts signed these bytes. */
  bool (*verify)(void *context, const uint8_t *manifest, size_t manifest_len,
                 const uint8_t *signature, size_t signature_len);
  void (*hash_begin)(void *context);
  void (*hash_add)(void *context, const uint8_t *bytes, size_t len);
  void (*hash_end)(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]);
  /* Begins to fetch from byte `from` on: edge_ota_bytes is told what comes, edge_ota_fetched that
   * it is over, however. Neither is called from within. */
  void (*fetch)(void *context, const char *url, uint32_t from);
  void (*stop)(void *context); /* ends a fetch; nothing more is told of it */
  /* The next start is from the slot, on trial: a start after that, unless it was confirmed, is from
   * the old one again, by the boot loader. False: the slot is not one that boots. */
  bool (*try_slot)(void *context);
  void (*confirm)(void *context);
  void (*roll_back)(void *context); /* restarts with the old one */
} edge_ota_port;

/* Who runs now. */
typedef struct edge_ota_self {
  const char *product;
  const char *hardware;
  const char *version; /* with the counter: an offer of both is this one, and not fetched */
  uint32_t counter;
  bool on_trial; /* as the boot loader says */
} edge_ota_self;

typedef enum edge_ota_verdict {
  EDGE_OTA_TAKEN,
  EDGE_OTA_HAVE_IT,  /* the same offer is under way or was taken, or it runs already */
  EDGE_OTA_BUSY,     /* another one waits for its start, or is on trial: ask again behind it */
  EDGE_OTA_NO_FLASH, /* the sector does not take it */
  EDGE_OTA_BAD_SIGNATURE,
  EDGE_OTA_MALFORMED,
  EDGE_OTA_OTHER_PRODUCT,
  EDGE_OTA_OTHER_HARDWARE,
  EDGE_OTA_OLDER,      /* its counter is below the running one's */
  EDGE_OTA_TOO_FAR,    /* the running one is below what may be updated from */
  EDGE_OTA_TOO_LARGE,  /* or empty */
  EDGE_OTA_EXPIRED,    /* or there is no clock to tell */
  EDGE_OTA_FAILED_ONCE /* this very offer was tried, and rolled back or never came whole */
} edge_ota_verdict;

/* As it stands in flash; each is made of the one before by clearing bits. */
typedef enum edge_ota_outcome {
  EDGE_OTA_OPEN = 0xFF,
  EDGE_OTA_TRIED = 0xF0,
  EDGE_OTA_CONFIRMED = 0xA0,
  EDGE_OTA_FAILED = 0x50
} edge_ota_outcome;

typedef enum edge_ota_state {
  EDGE_OTA_IDLE,
  EDGE_OTA_HASHING, /* what was fetched before the restart */
  EDGE_OTA_PAUSED,  /* before it is fetched again */
  EDGE_OTA_FETCHING,
  EDGE_OTA_READY, /* the next start is the new one: restart when nothing is lost by it */
  EDGE_OTA_TRIAL
} edge_ota_state;

typedef struct edge_ota_image {
  char product[EDGE_OTA_NAME_MAX + 1];
  char hardware[EDGE_OTA_NAME_MAX + 1];
  char version[EDGE_OTA_NAME_MAX + 1];
  char url[EDGE_OTA_URL_MAX + 1];
  uint32_t counter;
  uint32_t size;
  uint32_t from;
  uint32_t expires_s;
  uint8_t sha256[EDGE_OTA_SHA_LEN];
} edge_ota_image;

typedef struct edge_ota {
  edge_ota_port port;
  edge_ota_self self;
  edge_ota_state state;
  bool known; /* an offer is in flash, and this is it */
  edge_ota_image image;
  uint8_t outcome;
  uint32_t at;     /* bytes written and hashed */
  uint32_t target; /* of HASHING */
  bool swept;      /* the sector that `at` is in was erased */
  uint32_t pause_ms;
  int64_t due_ms; /* of PAUSED and TRIAL */
  unsigned wrong; /* how often it came whole and was another one */
} edge_ota;

/* Takes up what was under way. */
void edge_ota_init(edge_ota *ota, const edge_ota_port *port, const edge_ota_self *self,
                   int64_t now_ms);
/* `wall_s`: seconds since 1970, 0 while the clock is not set. What is fetched meanwhile is dropped
 * for an offer that is taken. */
edge_ota_verdict edge_ota_offer(edge_ota *ota, const uint8_t *manifest, size_t manifest_len,
                                const uint8_t *signature, size_t signature_len, uint32_t wall_s);
void edge_ota_bytes(edge_ota *ota, const uint8_t *bytes, size_t len, int64_t now_ms);
void edge_ota_fetched(edge_ota *ota, int64_t now_ms);
/* Nothing is on offer any more: what is fetched is dropped. What came whole stays. */
void edge_ota_withdraw(edge_ota *ota);
/* The meter measures, and the server has acknowledged it. */
void edge_ota_healthy(edge_ota *ota);
void edge_ota_poll(edge_ota *ota, int64_t now_ms);
/* When it wants to be polled at the latest; INT64_MAX: not before something happens. */
int64_t edge_ota_due_ms(const edge_ota *ota, int64_t now_ms);
/* Reads a manifest; false: it is none. */
bool edge_ota_read_manifest(const uint8_t *manifest, size_t len, edge_ota_image *image);

#endif
