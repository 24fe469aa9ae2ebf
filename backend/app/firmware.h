/* A release as files, and what makes it one: an image, a manifest (JSON) and a detached ECDSA P-256
 * signature over the manifest's exact bytes, DER, as edge/core/ota.h reads them. Keys are made and
 * kept on the operator's own machine; the server has public ones alone. What fails is told on
 * standard error in a sentence with the fix. */
#ifndef SM_APP_FIRMWARE_H
#define SM_APP_FIRMWARE_H

#include "base/err.h"
#include "store/ledger_firmware.h"

#include <stdbool.h>

/* Names in a release's folder. */
#define SM_FIRMWARE_IMAGE_FILE "firmware.bin"
#define SM_FIRMWARE_MANIFEST_FILE "manifest.json"
#define SM_FIRMWARE_SIGNATURE_FILE "manifest.sig"

/* Makes a key: `path` has the private one, PEM, mode 0600, and must be new; `path`.pub the public
 * one. */
bool sm_firmware_keygen(const char *path, char key_id[SM_FIRMWARE_KEY_ID_LEN + 1]);

typedef struct sm_firmware_order {
  const char *image; /* paths */
  const char *key;
  const char *out; /* a folder, made if it is missing; no release may be in it */
  const char *product;
  const char *hardware;
  const char *version;
  int64_t counter;
  int64_t from;
  int64_t expires_ms;
  const char *url_base; /* the server's address */
  const char *cohort;   /* NULL: none is named */
} sm_firmware_order;
bool sm_firmware_sign(const sm_firmware_order *order, sm_release *release);

/* Reads a release's folder into `release` (what the manifest says, and its signature) and the image
 * into *image (heap, of release->size bytes), after holding them against each other and against the
 * public keys in the file `keys`. */
bool sm_firmware_open(const char *dir, const char *keys, sm_release *release, char **image);
/* What a manifest says. SM_ERR_SYNTAX, with what is wrong in `problem`. */
SM_MUST_CHECK sm_err sm_firmware_read_manifest(const uint8_t *manifest, size_t len,
                                               sm_release *release, sm_buf *problem);

#endif
