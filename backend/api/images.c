#include "api/images.h"

#include "base/file.h"
#include "store/ledger_files.h"
#include "store/ledger_firmware.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct kept_image {
  char name[SM_FILE_NAME_MAX]; /* "": none */
  int file;                    /* without a name, in memory */
  uint64_t size;
  uint64_t used; /* when, in calls */
} kept_image;

struct sm_images {
  sm_ledger *ledger;
  pthread_mutex_t loading; /* one at a time asks the ledger; taken before `lock` */
  pthread_mutex_t lock;    /* guards the rest */
  uint64_t calls;
  kept_image kept[SM_IMAGES_KEPT];
};

sm_err sm_images_new(sm_ledger *ledger, sm_images **images) {
  sm_images *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  (void)pthread_mutex_init(&out->loading, NULL);
  (void)pthread_mutex_init(&out->lock, NULL);
  out->ledger = ledger;
  *images = out;
  return SM_OK;
}

void sm_images_free(sm_images *images) {
  if (images == NULL) return;
  for (size_t i = 0; i < SM_IMAGES_KEPT; i++)
    if (images->kept[i].name[0] != '\0') (void)close(images->kept[i].file);
  (void)pthread_mutex_destroy(&images->loading);
  (void)pthread_mutex_destroy(&images->lock);
  free(images);
}

/* A descriptor of the caller's own; it is read by place, so that all may share one file. */
static sm_err give(const kept_image *kept, int *file, uint64_t *size) {
  int own = fcntl(kept->file, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return SM_ERR_BUSY;
  *file = own;
  *size = kept->size;
  return SM_OK;
}

/* SM_ERR_NOT_FOUND: it is not kept. */
static sm_err find_kept(sm_images *images, const char *sha256, int *file, uint64_t *size) {
  sm_err err = SM_ERR_NOT_FOUND;
  (void)pthread_mutex_lock(&images->lock);
  for (size_t i = 0; i < SM_IMAGES_KEPT && err == SM_ERR_NOT_FOUND; i++) {
    kept_image *kept = &images->kept[i];
    if (strcmp(kept->name, sha256) != 0) continue;
    kept->used = ++images->calls;
    err = give(kept, file, size);
  }
  (void)pthread_mutex_unlock(&images->lock);
  return err;
}

/* In the place of the one that nobody has asked for the longest. */
static void keep(sm_images *images, const kept_image *fresh) {
  (void)pthread_mutex_lock(&images->lock);
  kept_image *place = &images->kept[0];
  for (size_t i = 1; i < SM_IMAGES_KEPT; i++)
    if (images->kept[i].used < place->used) place = &images->kept[i];
  if (place->name[0] != '\0') (void)close(place->file);
  *place = *fresh;
  place->used = ++images->calls;
  (void)pthread_mutex_unlock(&images->lock);
}

static sm_err put_in_memory(const uint8_t *bytes, size_t len, int *file) {
  int out = memfd_create("image", MFD_CLOEXEC);
  sm_err err = out >= 0 ? sm_write_all(out, bytes, len) : SM_ERR_NOMEM;
  if (err == SM_OK)
    *file = out;
  else if (out >= 0)
    (void)close(out);
  return err;
}

static sm_err load(sm_images *images, const char *sha256, kept_image *out) {
  uint8_t *bytes = NULL;
  size_t len = 0;
  bool known = false;
  sm_err err = sm_ledger_firmware_image(images->ledger, sha256, &known);
  if (err == SM_OK && !known) err = SM_ERR_NOT_FOUND;
  if (err == SM_OK)
    err = sm_ledger_file_get(images->ledger, SM_FILE_FIRMWARE, sha256, &bytes, &len);
  if (err != SM_OK) return err;
  err = put_in_memory(bytes, len, &out->file);
  free(bytes);
  out->size = len;
  memcpy(out->name, sha256, sizeof out->name);
  return err;
}

sm_err sm_images_open(sm_images *images, const char *sha256, int *file, uint64_t *size) {
  if (!sm_file_name_valid(sha256)) return SM_ERR_NOT_FOUND;
  sm_err err = find_kept(images, sha256, file, size);
  if (err != SM_ERR_NOT_FOUND) return err;
  (void)pthread_mutex_lock(&images->loading);
  err = find_kept(images, sha256, file, size); /* by whoever was before us */
  if (err == SM_ERR_NOT_FOUND) {
    kept_image fresh = {.file = -1};
    err = load(images, sha256, &fresh);
    if (err == SM_OK) err = give(&fresh, file, size);
    if (err == SM_OK)
      keep(images, &fresh);
    else if (fresh.file >= 0)
      (void)close(fresh.file);
  }
  (void)pthread_mutex_unlock(&images->loading);
  return err;
}
