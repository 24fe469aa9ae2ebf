#include "api/squeeze.h"

#include <assert.h>
#include <brotli/encode.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum {
  LARGE = 65536, /* from here on speed matters more than the last tenth of size */
  GZIP_LEVEL = 6,
  GZIP_LEVEL_LARGE = 1,
  GZIP_WINDOW = 15 + 16, /* 16: with gzip's header and not zlib's */
  GZIP_MEMORY = 8,
  BROTLI_QUALITY = 4,
  BROTLI_QUALITY_LARGE = 2,
  BROTLI_WINDOW = 18 /* 256 KiB: what an encoder holds for one answer stays small */
};

bool sm_squeeze_type(const char *content_type) {
  static const char *const types[] = {"application/json", "application/manifest+json",
                                      "image/svg+xml"};
  if (content_type == NULL) return false;
  if (strncasecmp(content_type, "text/", 5) == 0) return true;
  size_t len = strcspn(content_type, "; ");
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strlen(types[i]) == len && strncasecmp(types[i], content_type, len) == 0) return true;
  return false;
}

/* Both encoders write into this: as much as the body, for what is not smaller is not wanted. */
static sm_err keep(sm_buf *out, const void *bytes, size_t len) {
  sm_buf_append(out, bytes, len);
  return out->err;
}

static sm_err gzip(const void *in, size_t len, unsigned char *room, size_t *size) {
  z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)in,
                .avail_in = (uInt)len,
                .next_out = room,
                .avail_out = (uInt)*size};
  int level = len < LARGE ? GZIP_LEVEL : GZIP_LEVEL_LARGE;
  if (deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
    return SM_ERR_NOMEM;
  int done = deflate(&z, Z_FINISH);
  *size = z.total_out;
  (void)deflateEnd(&z);
  return done == Z_STREAM_END ? SM_OK : SM_ERR_FULL;
}

static sm_err brotli(const void *in, size_t len, unsigned char *room, size_t *size) {
  int quality = len < LARGE ? BROTLI_QUALITY : BROTLI_QUALITY_LARGE;
  return BrotliEncoderCompress(quality, BROTLI_WINDOW, BROTLI_MODE_TEXT, len, in, size, room) ==
                 BROTLI_TRUE
             ? SM_OK
             : SM_ERR_FULL;
}

sm_err sm_squeeze(sm_coding coding, const void *in, size_t len, sm_buf *out) {
  assert(coding != SM_CODING_IDENTITY);
  if (len < 2 || len > UINT32_MAX) return SM_ERR_FULL;
  size_t size = len - 1;
  unsigned char *room = malloc(size);
  if (room == NULL) return SM_ERR_NOMEM;
  sm_err err = coding == SM_CODING_BR ? brotli(in, len, room, &size) : gzip(in, len, room, &size);
  if (err == SM_OK) err = keep(out, room, size);
  free(room);
  return err;
}
