#include "app/server_id.h"

#include "base/crypto.h"
#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_BYTES = 6, FILE_MAX = 256 };

static sm_err make(const char *path, char id[SM_SERVER_ID_MAX]) {
  uint8_t random[RANDOM_BYTES];
  char hex[2 * RANDOM_BYTES + 1];
  char line[SM_SERVER_ID_MAX + 1];
  sm_random_bytes(random, sizeof random);
  (void)snprintf(id, SM_SERVER_ID_MAX, "s%s", sm_hex(random, sizeof random, hex));
  int len = snprintf(line, sizeof line, "%s\n", id);
  return sm_file_write_private(path, line, (size_t)len);
}

static sm_err take(const char *text, char id[SM_SERVER_ID_MAX]) {
  static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  size_t len = strspn(text, allowed);
  if (len == 0 || len >= SM_SERVER_ID_MAX || (text[len] != '\n' && text[len] != '\0'))
    return SM_ERR_CORRUPT;
  memcpy(id, text, len);
  id[len] = '\0';
  return SM_OK;
}

sm_err sm_server_id_get(const char *data_dir, char id[SM_SERVER_ID_MAX]) {
  char *text = NULL;
  char *path = sm_path_join(data_dir, "server-id");
  if (path == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_file_read(path, FILE_MAX, &text, NULL);
  if (err == SM_OK)
    err = take(text, id);
  else if (err == SM_ERR_NOT_FOUND)
    err = make(path, id);
  free(text);
  free(path);
  return err;
}
