/* Firmware over the air on this machine: slots and the boot record are files of a folder, images
 * come by libcurl, keys and hashes are port/trust.h's. All decisions are core/ota.h's. One thread.
 */
#ifndef EDGE_POSIX_UPDATER_H
#define EDGE_POSIX_UPDATER_H

#include "core/meter.h"
#include "port/trust.h"
#include "posix/boot_record.h"
#include "posix/fetcher.h"
#include "posix/flash_file.h"

enum { UPDATER_SLOT_SECTORS = EDGE_OTA_IMAGE_SECTORS_MAX };

typedef struct posix_updater {
  edge_ota *ota; /* borrowed: who is told */
  int64_t (*now_ms)(void *context);
  void (*restart)(void *context); /* as a reset would */
  void *context;                  /* of the two */
  edge_trust trust;
  image_fetcher fetcher;
  boot_record record;
  boot_image slot; /* the one that may be written */
  flash_file slot_file;
  flash_file state_file;
  flash_file record_file;
} posix_updater;

/* ota, now_ms, restart and context are set; the rest is zero. */
void updater_init(posix_updater *updater, const char *ca_file);
/* A public key in PEM or DER; false: it is told on stderr what is wrong. */
bool updater_add_key(posix_updater *updater, const char *path);
/* Opens the files for who runs as `running`; false as above. */
bool updater_open(posix_updater *updater, const char *dir, boot_image running);
edge_ota_port updater_port(posix_updater *updater);
/* Fetches on; never waits. */
void updater_service(posix_updater *updater);
bool updater_is_busy(const posix_updater *updater);
void updater_fini(posix_updater *updater);

#endif
