#include "app/sharing.h"

#include "base/buf.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4096 };

/* ---- the file ---- */

/* False: no group can have this name. The present one and those that are known are left out. */
static bool add_former(sm_sharing *sharing, const char *name, size_t len) {
  char group[SM_SHARING_GROUP_MAX + 1] = "";
  if (len == 0 || len > SM_SHARING_GROUP_MAX) return false;
  memcpy(group, name, len);
  if (strpbrk(group, "/+#") != NULL) return false;
  bool known = strcmp(sharing->group, group) == 0;
  for (size_t i = 0; i < sharing->former_count; i++)
    known = known || strcmp(sharing->former[i], group) == 0;
  if (known) return true;
  if (sharing->former_count < SM_SHARING_FORMER_MAX)
    memcpy(sharing->former[sharing->former_count++], group, sizeof group);
  else
    sm_log(SM_LOG_WARN, "mqtt.group_forgotten", SM_LOG_TEXT("group", group));
  return true;
}

static bool parse(sm_sharing *sharing, const char *text) {
  size_t len = strcspn(text, "\n");
  int64_t count = 0;
  if (sm_decimal_parse(text, len, 0, &count) != SM_OK) return false;
  if (count < 1 || count > SM_CONFIG_CONNECTIONS_MAX) return false;
  const char *at = text + len;
  while (at[0] == '\n' && at[1] != '\0') {
    at++;
    len = strcspn(at, "\n");
    if (!add_former(sharing, at, len)) return false;
    at += len;
  }
  if (count > sharing->count) sharing->count = (uint16_t)count;
  return true;
}

static void compose(const sm_sharing *sharing, sm_buf *text) {
  sm_buf_printf(text, "%u\n", (unsigned)sharing->count);
  if (sharing->group[0] != '\0') sm_buf_printf(text, "%s\n", sharing->group);
  for (size_t i = 0; i < sharing->former_count; i++)
    sm_buf_printf(text, "%s\n", sharing->former[i]);
}

/* `before` is what the file says; NULL: there is none. */
static sm_err save(const sm_sharing *sharing, const char *before) {
  /* One connection that never shared anything needs no memory. */
  if (before == NULL) before = "1\n";
  sm_buf text;
  sm_buf_init(&text, 0);
  compose(sharing, &text);
  sm_err err = text.err;
  if (err == SM_OK && strcmp(sm_buf_text(&text), before) != 0)
    err = sm_file_write_private(sharing->path, text.data, text.len);
  sm_buf_fini(&text);
  return err;
}

/* ---- life ---- */

static sm_err recall(sm_sharing *sharing) {
  char *before = NULL;
  sm_err err = sm_file_read(sharing->path, FILE_MAX, &before, NULL);
  if (err != SM_OK && err != SM_ERR_NOT_FOUND) return err;
  if (before != NULL && !parse(sharing, before))
    sm_log(SM_LOG_WARN, "mqtt.connections_unreadable", SM_LOG_TEXT("file", sharing->path));
  err = save(sharing, before);
  free(before);
  return err;
}

sm_err sm_sharing_init(sm_sharing *sharing, const char *data_dir, uint16_t serve,
                       const char *group) {
  sm_sharing made = {.serve = serve, .count = serve};
  if (group != NULL) {
    assert(strlen(group) <= SM_SHARING_GROUP_MAX);
    memcpy(made.group, group, strlen(group));
  }
  sm_buf path;
  sm_buf_init(&path, 0);
  sm_buf_printf(&path, "%s/mqtt-connections", data_dir);
  made.path = sm_buf_take(&path);
  sm_buf_fini(&path);
  sm_err err = made.path == NULL ? SM_ERR_NOMEM : recall(&made);
  if (err == SM_OK)
    *sharing = made;
  else
    sm_sharing_fini(&made);
  return err;
}

void sm_sharing_fini(sm_sharing *sharing) {
  free(sharing->path);
  *sharing = (sm_sharing){0};
}

/* ---- what is gone ---- */

/* A session that is to be retired may hold the former groups too: they go with the last. */
static sm_err forget(sm_sharing *sharing) {
  while (sharing->count > sharing->serve && sharing->retired[sharing->count]) sharing->count--;
  if (sharing->settled && sharing->count == sharing->serve) sharing->former_count = 0;
  return save(sharing, "");
}

sm_err sm_sharing_settled(sm_sharing *sharing) {
  bool was = sharing->settled;
  sharing->settled = true;
  return was || sharing->former_count == 0 ? SM_OK : forget(sharing);
}

sm_err sm_sharing_retired(sm_sharing *sharing, unsigned number) {
  assert(number > sharing->serve && number <= SM_CONFIG_CONNECTIONS_MAX);
  sharing->retired[number] = true;
  return forget(sharing);
}
