#include "transfer/secret.h"

#include "base/buf.h"
#include "base/complain.h"
#include "base/config.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const folders[] = {"keys", "broker", "ca"};
enum { FOLDERS = sizeof folders / sizeof folders[0] };

static bool ends_with(const char *name, const char *end) {
  size_t len = strlen(name);
  return len >= strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

bool sm_secret_passing(const char *name) {
  static const char *const ends[] = {".pid", ".log", ".tmp", ".new", ".db", ".lock"};
  if (name[0] == '.' || strstr(name, ".replaced-") != NULL) return true;
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
    if (ends_with(name, ends[i])) return true;
  return false;
}

bool sm_secret_is(const char *folder, const char *name) {
  if (sm_secret_passing(name)) return false;
  if (strcmp(folder, "keys") == 0 || strcmp(folder, "ca") == 0) return true;
  return strcmp(folder, "broker") == 0 &&
         (ends_with(name, ".key") || ends_with(name, ".password") || ends_with(name, "psk"));
}

bool sm_secret_beside(const char *path) {
  return strncmp(path, "ca/", 3) == 0 || strcmp(path, "ca") == 0;
}

char *sm_secret_place(const char *data_dir, const char *path) {
  if (!sm_secret_beside(path)) return sm_path_join(data_dir, path);
  char *set = sm_config_get("SMARTMETER_CA_DIR");
  size_t len = strlen(data_dir);
  while (len > 1 && data_dir[len - 1] == '/') len--;
  sm_buf text;
  sm_buf_init(&text, 0);
  if (set != NULL)
    sm_buf_append_text(&text, set);
  else
    sm_buf_printf(&text, "%.*s.ca", (int)len, data_dir);
  sm_buf_append_text(&text, path + 2);
  free(set);
  return sm_buf_take(&text);
}

static bool name_good(const char *name) {
  for (const char *at = name; *at != '\0'; at++) {
    bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                 (*at >= '0' && *at <= '9') || *at == '_' || *at == '-' || *at == '.';
    if (!plain) return false;
  }
  return name[0] != '\0' && name[0] != '.';
}

bool sm_secret_path(const char *path) {
  if (strlen(path) >= SM_SECRET_PATH_MAX) return false;
  for (size_t i = 0; i < FOLDERS; i++) {
    size_t len = strlen(folders[i]);
    if (strncmp(path, folders[i], len) == 0 && path[len] == '/')
      return name_good(path + len + 1) && sm_secret_is(folders[i], path + len + 1);
  }
  return false;
}

static sm_err look(const char *dir, const char *folder, const char *name, void *context,
                   sm_err (*found)(void *context, const char *path)) {
  char path[SM_SECRET_PATH_MAX];
  struct stat st;
  int len = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (len < 0 || (size_t)len >= sizeof path || !name_good(name)) {
    sm_complain("%s/%s is passed over: this program makes no file of such a name", dir, name);
    return SM_OK;
  }
  char *whole = sm_path_join(dir, name);
  if (whole == NULL) return SM_ERR_NOMEM;
  bool regular = lstat(whole, &st) == 0 && S_ISREG(st.st_mode);
  free(whole);
  return regular ? found(context, path) : SM_OK;
}

static sm_err look_through(const char *dir, const char *folder, void *context,
                           sm_err (*found)(void *context, const char *path)) {
  DIR *open_dir = opendir(dir);
  if (open_dir == NULL) return errno == ENOENT ? SM_OK : sm_open_err();
  sm_err err = SM_OK;
  const struct dirent *entry;
  while (err == SM_OK && (entry = readdir(open_dir)) != NULL)
    if (sm_secret_is(folder, entry->d_name)) err = look(dir, folder, entry->d_name, context, found);
  (void)closedir(open_dir);
  return err;
}

sm_err sm_secret_each(const char *data_dir, void *context,
                      sm_err (*found)(void *context, const char *path)) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < FOLDERS; i++) {
    char *dir = sm_secret_place(data_dir, folders[i]);
    if (dir == NULL) return SM_ERR_NOMEM;
    err = look_through(dir, folders[i], context, found);
    free(dir);
  }
  return err;
}
