#include "document/logo_picture.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_WIDTH = 440, PRINT_HEIGHT = 168 }; /* pixels: four a point of its place on the page */

static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static uint32_t big_endian(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Its size is looked at before it is unpacked: a few bytes of PNG can ask for gigabytes. */
static sm_err check_head(const char *data, size_t len) {
  const unsigned char *head = (const unsigned char *)data;
  if (len < 33 || memcmp(head, signature, sizeof signature) != 0 ||
      memcmp(head + 12, "IHDR", 4) != 0)
    return SM_ERR_SYNTAX;
  uint32_t width = big_endian(head + 16);
  uint32_t height = big_endian(head + 20);
  if (width == 0 || height == 0) return SM_ERR_SYNTAX;
  return width <= SM_LOGO_SIDE_MAX && height <= SM_LOGO_SIDE_MAX ? SM_OK : SM_ERR_RANGE;
}

typedef struct source {
  const char *data;
  size_t left;
} source;

static cairo_status_t give(void *context, unsigned char *out, unsigned len) {
  source *s = context;
  if (len > s->left) return CAIRO_STATUS_READ_ERROR;
  memcpy(out, s->data, len);
  s->data += len;
  s->left -= len;
  return CAIRO_STATUS_SUCCESS;
}

static sm_err unpack(const char *data, size_t len, cairo_surface_t **out) {
  source s = {data, len};
  sm_err err = check_head(data, len);
  if (err != SM_OK) return err;
  cairo_surface_t *surface = cairo_image_surface_create_from_png_stream(give, &s);
  cairo_status_t status = cairo_surface_status(surface);
  if (status == CAIRO_STATUS_SUCCESS) {
    *out = surface;
    return SM_OK;
  }
  cairo_surface_destroy(surface); /* it says "no memory" of a broken picture too */
  return SM_ERR_SYNTAX;
}

sm_err sm_logo_keep(const char *path, sm_ledger *ledger, char name[SM_LOGO_NAME_MAX]) {
  char *data = NULL;
  size_t len = 0;
  cairo_surface_t *surface = NULL;
  sm_err err = sm_file_read(path, SM_LOGO_BYTES_MAX, &data, &len);
  if (err != SM_OK) return err;
  err = unpack(data, len, &surface);
  if (err == SM_OK) {
    cairo_surface_destroy(surface);
    err = sm_ledger_file_put(ledger, SM_FILE_LOGO, data, len, sm_clock_now_ms(), name, NULL);
  }
  free(data);
  return err;
}

/* Made smaller once, not in every PDF. */
static sm_err fit(cairo_surface_t *from, cairo_surface_t **out) {
  double width = cairo_image_surface_get_width(from);
  double height = cairo_image_surface_get_height(from);
  double scale =
      PRINT_WIDTH / width < PRINT_HEIGHT / height ? PRINT_WIDTH / width : PRINT_HEIGHT / height;
  if (scale >= 1) {
    *out = from;
    return SM_OK;
  }
  int to_width = (int)(width * scale) > 0 ? (int)(width * scale) : 1;
  int to_height = (int)(height * scale) > 0 ? (int)(height * scale) : 1;
  cairo_surface_t *to = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, to_width, to_height);
  cairo_t *cr = cairo_create(to);
  cairo_scale(cr, to_width / width, to_height / height);
  cairo_set_source_surface(cr, from, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
  cairo_paint(cr);
  cairo_status_t status = cairo_status(cr);
  cairo_destroy(cr);
  cairo_surface_destroy(from);
  if (status == CAIRO_STATUS_SUCCESS) {
    *out = to;
    return SM_OK;
  }
  cairo_surface_destroy(to);
  return SM_ERR_NOMEM;
}

sm_err sm_logo_load(sm_ledger *ledger, const char *name, cairo_surface_t **logo) {
  uint8_t *data = NULL;
  size_t len = 0;
  cairo_surface_t *surface = NULL;
  if (!sm_file_name_valid(name)) return SM_ERR_SYNTAX;
  sm_err err = sm_ledger_file_get(ledger, SM_FILE_LOGO, name, &data, &len);
  if (err != SM_OK) return err;
  err = unpack((const char *)data, len, &surface);
  free(data);
  return err == SM_OK ? fit(surface, logo) : err;
}
