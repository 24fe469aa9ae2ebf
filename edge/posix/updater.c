#include "posix/updater.h"

#include "posix/boot_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 2048 };

static void on_bytes(void *context, const uint8_t *bytes, size_t len) {
  posix_updater *u = context;
  edge_ota_bytes(u->ota, bytes, len, u->now_ms(u->context));
}

static void on_over(void *context) {
  posix_updater *u = context;
  edge_ota_fetched(u->ota, u->now_ms(u->context));
}

void updater_init(posix_updater *updater, const char *ca_file) {
  edge_trust_init(&updater->trust);
  updater->fetcher =
      (image_fetcher){.ca_file = ca_file, .context = updater, .bytes = on_bytes, .over = on_over};
  updater->slot_file.fd = updater->state_file.fd = updater->record_file.fd = -1;
}

static bool complain(const char *path, const char *why) {
  (void)fprintf(stderr, "edge-meter: %s: %s\n", path, why);
  return false;
}

bool updater_add_key(posix_updater *updater, const char *path) {
  uint8_t key[KEY_FILE_MAX + 1];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return complain(path, strerror(errno));
  ssize_t len = read(fd, key, KEY_FILE_MAX);
  (void)close(fd);
  if (len <= 0) return complain(path, "cannot be read");
  key[len] = '\0';
  if (!edge_trust_add_key(&updater->trust, key, (size_t)len + 1) &&
      !edge_trust_add_key(&updater->trust, key, (size_t)len))
    return complain(path, updater->trust.count == EDGE_TRUST_KEYS_MAX
                              ? "there are two keys already"
                              : "is not a public key of P-256");
  return true;
}

static bool open_one(flash_file *file, const char *dir, const char *name, uint32_t sectors) {
  char path[BOOT_PATH_MAX];
  if (!boot_loader_path(dir, name, path)) return complain(dir, "is too long");
  *file = (flash_file){flash_file_open(path, sectors), 0};
  return file->fd >= 0 ||
         complain(path, errno == EWOULDBLOCK ? "another meter runs on it" : strerror(errno));
}

bool updater_open(posix_updater *updater, const char *dir, boot_image running) {
  updater->slot = boot_record_free_slot(running);
  if (!open_one(&updater->record_file, dir, "boot", BOOT_RECORD_SECTORS) ||
      !open_one(&updater->state_file, dir, "offer", 1) ||
      !open_one(&updater->slot_file, dir, boot_loader_slot_name(updater->slot),
                UPDATER_SLOT_SECTORS))
    return false;
  edge_flash flash = flash_file_port(&updater->record_file, BOOT_RECORD_SECTORS);
  return boot_record_load(&updater->record, &flash) || complain(dir, "cannot be read");
}

/* ---- what core asks for ---- */

static bool verify(void *context, const uint8_t *manifest, size_t manifest_len,
                   const uint8_t *signature, size_t signature_len) {
  posix_updater *u = context;
  return edge_trust_verify(&u->trust, manifest, manifest_len, signature, signature_len);
}

static void hash_begin(void *context) {
  edge_trust_hash_begin(&((posix_updater *)context)->trust);
}

static void hash_add(void *context, const uint8_t *bytes, size_t len) {
  edge_trust_hash_add(&((posix_updater *)context)->trust, bytes, len);
}

static void hash_end(void *context, uint8_t sha256[EDGE_OTA_SHA_LEN]) {
  edge_trust_hash_end(&((posix_updater *)context)->trust, sha256);
}

static void fetch(void *context, const char *url, uint32_t from) {
  fetcher_begin(&((posix_updater *)context)->fetcher, url, from);
}

static void stop(void *context) {
  fetcher_stop(&((posix_updater *)context)->fetcher);
}

static bool try_slot(void *context) {
  posix_updater *u = context;
  return boot_record_try(&u->record, u->slot, u->ota->image.size, u->ota->image.sha256);
}

static void confirm(void *context) {
  posix_updater *u = context;
  if (!boot_record_confirm(&u->record))
    (void)fprintf(stderr, "edge-meter: the boot record cannot be written\n");
}

/* The record has the trial as begun: that is enough. */
static void roll_back(void *context) {
  posix_updater *u = context;
  u->restart(u->context);
}

edge_ota_port updater_port(posix_updater *updater) {
  return (edge_ota_port){.context = updater,
                         .slot = flash_file_port(&updater->slot_file, UPDATER_SLOT_SECTORS),
                         .state = flash_file_port(&updater->state_file, 1),
                         .verify = verify,
                         .hash_begin = hash_begin,
                         .hash_add = hash_add,
                         .hash_end = hash_end,
                         .fetch = fetch,
                         .stop = stop,
                         .try_slot = try_slot,
                         .confirm = confirm,
                         .roll_back = roll_back};
}

/* ---- running ---- */

void updater_service(posix_updater *updater) {
  fetcher_service(&updater->fetcher);
}

bool updater_is_busy(const posix_updater *updater) {
  return fetcher_is_busy(&updater->fetcher);
}

static void close_one(flash_file *file) {
  if (file->fd >= 0) (void)close(file->fd);
  file->fd = -1;
}

void updater_fini(posix_updater *updater) {
  fetcher_fini(&updater->fetcher);
  edge_trust_fini(&updater->trust);
  close_one(&updater->slot_file);
  close_one(&updater->state_file);
  close_one(&updater->record_file);
}
