#include "app/old_files.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "document/logo.h"
#include "model/firmware.h"
#include "store/ledger_files.h"
#include "store/ledger_firmware.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct shelf {
  sm_file_kind kind;
  const char *folder;
  const char *suffix;
  size_t bytes_max;
} shelf;

static const shelf shelves[] = {{SM_FILE_LOGO, "logos", ".png", SM_LOGO_BYTES_MAX},
                                {SM_FILE_FIRMWARE, "firmware", "", SM_FIRMWARE_IMAGE_MAX}};

typedef struct old_file {
  const shelf *of;
  const char *path;
  char name[SM_FILE_NAME_MAX]; /* that it should have in the ledger */
} old_file;

/* SM_OK: goes on with the next one. */
typedef sm_err each_fn(sm_ledger *ledger, const old_file *file, int64_t *count);

static void tell_left(const char *path, const char *reason) {
  sm_log(SM_LOG_WARN, "files.left", SM_LOG_TEXT("file", path), SM_LOG_TEXT("reason", reason));
}

/* False: it is not called as one. */
static bool take_name(const shelf *of, const char *entry, char name[SM_FILE_NAME_MAX]) {
  size_t len = strlen(entry);
  size_t tail = strlen(of->suffix);
  if (len != SM_FILE_NAME_MAX - 1 + tail || strcmp(entry + len - tail, of->suffix) != 0)
    return false;
  memcpy(name, entry, SM_FILE_NAME_MAX - 1);
  name[SM_FILE_NAME_MAX - 1] = '\0';
  return sm_file_name_valid(name);
}

/* SM_ERR_INVALID: it is not what its name says. */
static sm_err read_old(const old_file *file, char **bytes, size_t *len) {
  uint8_t digest[SM_SHA256_BYTES];
  char name[SM_FILE_NAME_MAX];
  struct stat about;
  /* What is no file could be waited for for ever. */
  if (stat(file->path, &about) == 0 && !S_ISREG(about.st_mode)) return SM_ERR_INVALID;
  sm_err err = sm_file_read(file->path, file->of->bytes_max, bytes, len);
  if (err != SM_OK) return err;
  sm_sha256(*bytes, *len, digest);
  if (*len > 0 && strcmp(sm_hex(digest, sizeof digest, name), file->name) == 0) return SM_OK;
  free(*bytes);
  return SM_ERR_INVALID;
}

/* ---- taking ---- */

static sm_err take_one(sm_ledger *ledger, const old_file *file, int64_t *count) {
  char *bytes = NULL;
  size_t len = 0;
  char name[SM_FILE_NAME_MAX];
  bool added = false;
  sm_err err = sm_ledger_file_known(ledger, file->of->kind, file->name, &added);
  if (err != SM_OK || added) return err;
  if (read_old(file, &bytes, &len) != SM_OK) return SM_OK; /* tell_one says so */
  err = sm_ledger_file_put(ledger, file->of->kind, bytes, len, sm_clock_now_ms(), name, &added);
  free(bytes);
  if (err == SM_OK && added) ++*count;
  return err;
}

/* ---- telling ---- */

static sm_err tell_one(sm_ledger *ledger, const old_file *file, int64_t *count) {
  char *bytes = NULL;
  size_t len = 0;
  bool known = false;
  (void)count;
  sm_err err = sm_ledger_file_known(ledger, file->of->kind, file->name, &known);
  if (err != SM_OK || known) return err;
  err = read_old(file, &bytes, &len);
  if (err == SM_OK) free(bytes);
  tell_left(file->path, err == SM_OK            ? "the ledger has not taken it"
                        : err == SM_ERR_INVALID ? "its bytes are not those of its name"
                                                : sm_err_text(err));
  return SM_OK;
}

/* ---- the folders ---- */

static sm_err each_in(const sm_program *program, const shelf *of, const char *folder, DIR *dir,
                      each_fn *each, int64_t *count) {
  const struct dirent *entry;
  sm_err err = SM_OK;
  while (err == SM_OK && (entry = readdir(dir)) != NULL) {
    old_file file = {.of = of};
    if (entry->d_name[0] == '.') continue;
    char *path = sm_path_join(folder, entry->d_name);
    if (path == NULL) return SM_ERR_NOMEM;
    file.path = path;
    if (take_name(of, entry->d_name, file.name))
      err = each(program->ledger, &file, count);
    else if (each == tell_one)
      tell_left(path, "it is not called as its SHA-256");
    free(path);
  }
  return err;
}

static sm_err each_of(const sm_program *program, const shelf *of, each_fn *each) {
  int64_t count = 0;
  char *folder = sm_path_join(program->config.data_dir, of->folder);
  if (folder == NULL) return SM_ERR_NOMEM;
  DIR *dir = opendir(folder);
  sm_err err = SM_OK;
  if (dir != NULL) {
    err = each_in(program, of, folder, dir, each, &count);
    (void)closedir(dir);
  }
  if (count > 0)
    sm_log(SM_LOG_INFO, "files.taken", SM_LOG_TEXT("folder", folder), SM_LOG_INT("count", count),
           SM_LOG_TEXT("message", "the ledger has them now: delete the folder once you are "
                                  "content"));
  free(folder);
  return err;
}

static void each_folder(const sm_program *program, each_fn *each) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < sizeof shelves / sizeof shelves[0]; i++)
    err = each_of(program, &shelves[i], each);
  if (err != SM_OK)
    sm_log(SM_LOG_ERROR, "files.not_taken", SM_LOG_TEXT("data_dir", program->config.data_dir),
           SM_LOG_TEXT("reason", sm_err_text(err)));
}

/* ---- releases ---- */

static sm_err tell_missing(sm_ledger *ledger, const sm_release *r) {
  bool known = true;
  bool over = strcmp(r->state, "active") != 0 && strcmp(r->state, "halted") != 0;
  if (over) return SM_OK;
  sm_err err = sm_ledger_file_known(ledger, SM_FILE_FIRMWARE, r->sha256, &known);
  if (err == SM_OK && !known)
    sm_log(SM_LOG_WARN, "firmware.no_image", SM_LOG_INT("release", r->release_no),
           SM_LOG_TEXT("version", &r->version[0]), SM_LOG_TEXT("sha256", &r->sha256[0]),
           SM_LOG_TEXT("message", "no meter can fetch it: publish its folder again"));
  return err;
}

static sm_err tell_releases(sm_ledger *ledger) {
  enum { PAGE = 50 };
  int64_t after_no = 0;
  size_t count = PAGE;
  sm_err err = SM_OK;
  while (err == SM_OK && count == PAGE) {
    sm_release *list = NULL;
    err = sm_ledger_releases(ledger, after_no, PAGE, &list, &count);
    if (err != SM_OK) return err;
    for (size_t i = 0; err == SM_OK && i < count; i++) err = tell_missing(ledger, &list[i]);
    if (count > 0) after_no = list[count - 1].release_no;
    free(list);
  }
  return err;
}

void sm_old_files_take(const sm_program *program) {
  each_folder(program, take_one);
}

void sm_old_files_tell_left(const sm_program *program) {
  each_folder(program, tell_one);
  sm_err err = tell_releases(program->ledger);
  if (err != SM_OK)
    sm_log(SM_LOG_ERROR, "firmware.not_looked_at", SM_LOG_TEXT("reason", sm_err_text(err)));
}
