#include "app/commands.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"
#include "transfer/backup.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "store/embedded/embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: smartmeter restore DIR [--force] [--json]\n"
    "Brings the backup DIR back into the data folder (SMARTMETER_DATA_DIR) while no server runs\n"
    "there: checks it against its manifest, copies it, checks by content that all of it is there,\n"
    "and only then puts it in its place.\n"
    "  --force  the folder may hold data: it is set aside in replaced-<time>, never deleted\n";

/* What a data folder holds that a backup puts in its place; places in files that were being
 * imported say nothing of other stores. */
static const char *const parts[] = {"ledger.db",   "ledger.db-wal",   "ledger.db-shm",
                                    "readings.db", "readings.db-wal", "readings.db-shm",
                                    "keys",        "broker",          "imports"};
enum { PARTS = sizeof parts / sizeof parts[0] };

typedef struct restoring {
  const char *backup;
  const char *data_dir;
  bool force;
  sm_manifest manifest;
  char stage[4096]; /* in the data folder: where it is built and checked */
  char aside[4096]; /* what was there before */
} restoring;

static bool in_folder(const char *dir, const char *name, char out[4096]) {
  int len = snprintf(out, 4096, "%s/%s", dir, name);
  if (len >= 0 && len < 4096) return true;
  sm_complain("the path %s is too long", dir);
  return false;
}

/* ---- before anything is changed ---- */

static bool holds_data(const char *data_dir) {
  char path[4096];
  for (size_t i = 0; i < PARTS; i++)
    if (in_folder(data_dir, parts[i], path) && sm_file_exists(path)) return true;
  return false;
}

static bool may_begin(const restoring *r) {
  if (r->force || !holds_data(r->data_dir)) return true;
  sm_complain(
      "%s holds data: set SMARTMETER_DATA_DIR to an empty folder, or use --force, which sets "
      "that data aside",
      r->data_dir);
  return false;
}

static bool take_lock(const char *data_dir, int *lock) {
  sm_err err = sm_dir_make(data_dir);
  if (err == SM_OK) err = sm_embedded_lock(data_dir, lock);
  if (err == SM_ERR_BUSY)
    sm_complain("a server runs on %s: stop it first", data_dir);
  else if (err != SM_OK)
    sm_complain("cannot use %s: %s", data_dir, sm_err_text(err));
  return err == SM_OK;
}

/* ---- building it beside ---- */

static bool make_folder_of(const char *path) {
  char *folder = strdup(path);
  if (folder == NULL) return false;
  *strrchr(folder, '/') = '\0';
  sm_err err = sm_dir_make(folder);
  free(folder);
  return sm_complain_unless(err, "make the folder of", path);
}

/* What was copied is compared, not what was read for verifying before. */
static bool copy_file(const restoring *r, const sm_manifest_file *file) {
  char from[4096];
  char to[4096];
  sm_file_print print;
  if (!in_folder(r->backup, file->path, from) || !in_folder(r->stage, file->path, to) ||
      !make_folder_of(to) || !sm_complain_unless(sm_file_copy(from, to, &print), "copy", from))
    return false;
  bool same = print.size == file->print.size &&
              memcmp(print.sha256, file->print.sha256, SM_SHA256_BYTES) == 0;
  if (!same) sm_complain("%s has changed while it was read", from);
  return same;
}

static bool build(const restoring *r) {
  if (!sm_complain_unless(sm_tree_remove(r->stage), "clear", r->stage) ||
      !sm_complain_unless(sm_dir_make(r->stage), "make", r->stage))
    return false;
  for (size_t i = 0; i < r->manifest.file_count; i++)
    if (!copy_file(r, &r->manifest.file[i])) return false;
  return true;
}

static bool check_content(const restoring *r) {
  sm_manifest_content content;
  if (!sm_backup_content_of(r->stage, sm_program_open_stores, &content)) return false;
  if (!sm_manifest_content_equal(&content, &r->manifest.content)) {
    sm_complain("what was restored does not hold what the backup's manifest says");
    return false;
  }
  if (content.findings > r->manifest.content.findings) {
    sm_complain("what was restored is not as it should be (see above)");
    return false;
  }
  return true;
}

/* ---- putting it in its place ---- */

static bool move_parts(const char *from_dir, const char *to_dir, bool *moved) {
  char from[4096];
  char to[4096];
  for (size_t i = 0; i < PARTS; i++) {
    if (!in_folder(from_dir, parts[i], from) || !in_folder(to_dir, parts[i], to)) return false;
    if (!sm_file_exists(from)) continue;
    if (!*moved && !sm_complain_unless(sm_dir_make(to_dir), "make", to_dir)) return false;
    *moved = true;
    if (!sm_complain_unless(rename(from, to) == 0 ? SM_OK : SM_ERR_IO, "move", from)) return false;
  }
  return true;
}

static bool put_in_place(const restoring *r, bool *set_aside) {
  bool moved = true;
  *set_aside = false;
  return move_parts(r->data_dir, r->aside, set_aside) &&
         sm_complain_unless(sm_dir_sync(r->data_dir), "sync", r->data_dir) &&
         move_parts(r->stage, r->data_dir, &moved) &&
         sm_complain_unless(sm_dir_sync(r->data_dir), "sync", r->data_dir) &&
         sm_complain_unless(sm_tree_remove(r->stage), "clear", r->stage);
}

static bool name_folders(restoring *r) {
  char name[64];
  char instant[SM_RFC3339_MAX];
  (void)sm_rfc3339_format(sm_clock_now_ms() / 1000 * 1000, instant);
  (void)snprintf(name, sizeof name, "replaced-%.20s", instant);
  return in_folder(r->data_dir, "restore.partial", r->stage) &&
         in_folder(r->data_dir, name, r->aside);
}

static bool restore(restoring *r) {
  bool set_aside = false;
  bool good = name_folders(r) && build(r) && check_content(r);
  if (!good) {
    /* Nothing was changed, and nothing half is left behind. */
    sm_err err = sm_tree_remove(r->stage);
    return sm_complain_unless(err, "clear", r->stage) && false;
  }
  if (!put_in_place(r, &set_aside)) {
    sm_complain("what was there before is in %s, what was restored and is not yet in its place in "
                "%s; when the cause is gone, restore again with --force",
                r->aside, r->stage);
    return false;
  }
  if (set_aside) (void)fprintf(stderr, "what was there before is in %s\n", r->aside);
  return true;
}

static int run(restoring *r, bool json) {
  int lock = -1;
  bool good = sm_backup_verify(r->backup, &r->manifest) && take_lock(r->data_dir, &lock) &&
              may_begin(r) && restore(r);
  if (good) sm_backup_print(&r->manifest, json);
  if (lock >= 0) (void)close(lock);
  sm_manifest_fini(&r->manifest);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_restore(int argc, char **argv) {
  bool force = false;
  bool json = false;
  const sm_option options[] = {{"--force", .flag = &force}, {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc != 2 || argv[1][0] == '\0') return sm_misused(usage, "say which backup");
  sm_log_set_level(SM_LOG_ERROR);
  sm_config config;
  if (!sm_settings_load(&config)) return SM_EXIT_FAILED;
  restoring r = {.backup = argv[1], .data_dir = config.data_dir, .force = force};
  status = run(&r, json);
  sm_config_fini(&config);
  return status;
}
