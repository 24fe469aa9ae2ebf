#include "document/lean.h"

#include "base/file.h"

#include <hb-subset.h>
#include <hb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* All characters, glyphs and features, and no hinting. NULL: no font, or no memory. */
static hb_face_t *subset(hb_face_t *face) {
  hb_subset_input_t *input = hb_subset_input_create_or_fail();
  if (input == NULL) return NULL;
  hb_set_t *features = hb_subset_input_set(input, HB_SUBSET_SETS_LAYOUT_FEATURE_TAG);
  hb_set_invert(hb_subset_input_unicode_set(input));
  hb_set_invert(hb_subset_input_glyph_set(input));
  hb_set_clear(features);
  hb_set_invert(features);
  hb_subset_input_set_flags(input, HB_SUBSET_FLAGS_NO_HINTING | HB_SUBSET_FLAGS_RETAIN_GIDS |
                                       HB_SUBSET_FLAGS_NOTDEF_OUTLINE);
  hb_face_t *lean = hb_subset_or_fail(face, input);
  hb_subset_input_destroy(input);
  return lean;
}

static sm_err put_in_memory(hb_face_t *face, int *fd) {
  unsigned len = 0;
  hb_blob_t *blob = hb_face_reference_blob(face);
  const char *data = hb_blob_get_data(blob, &len);
  int out = len > 0 ? memfd_create("font", MFD_CLOEXEC) : -1;
  sm_err err = out >= 0 ? sm_write_all(out, data, len) : SM_ERR_NOMEM;
  hb_blob_destroy(blob);
  if (err == SM_OK)
    *fd = out;
  else if (out >= 0)
    (void)close(out);
  return err;
}

static sm_err make(const char *path, int *fd) {
  if (access(path, R_OK) != 0) return SM_ERR_NOT_FOUND;
  hb_blob_t *file = hb_blob_create_from_file_or_fail(path);
  if (file == NULL) return SM_ERR_IO;
  hb_face_t *face = hb_face_create(file, 0);
  hb_face_t *lean = hb_face_get_glyph_count(face) > 0 ? subset(face) : NULL;
  sm_err err = lean != NULL ? put_in_memory(lean, fd) : SM_ERR_UNSUPPORTED;
  hb_face_destroy(lean);
  hb_face_destroy(face);
  hb_blob_destroy(file);
  return err;
}

/* ---- those that were made ---- */
typedef struct font {
  char path[256];
  int fd;
} font;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static font made[SM_LEAN_FONTS_MAX]; /* guarded by lock, as the next */
static size_t made_count;

static sm_err find_or_make(const char *path, int *fd) {
  if (strlen(path) >= sizeof made[0].path) return SM_ERR_RANGE;
  for (size_t i = 0; i < made_count; i++) {
    if (strcmp(made[i].path, path) != 0) continue;
    *fd = made[i].fd;
    return SM_OK;
  }
  if (made_count == SM_LEAN_FONTS_MAX) return SM_ERR_RANGE;
  font *next = &made[made_count];
  sm_err err = make(path, &next->fd);
  if (err != SM_OK) return err;
  (void)snprintf(next->path, sizeof next->path, "%s", path);
  made_count++;
  *fd = next->fd;
  return SM_OK;
}

sm_err sm_lean_font(const char *path, char name[SM_LEAN_PATH_MAX]) {
  int fd = -1;
  (void)pthread_mutex_lock(&lock);
  sm_err err = find_or_make(path, &fd);
  (void)pthread_mutex_unlock(&lock);
  if (err == SM_OK) (void)snprintf(name, SM_LEAN_PATH_MAX, "/proc/self/fd/%d", fd);
  return err;
}
