#include "transfer/restore.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "transfer/backup.h"
#include "transfer/secret.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a data folder holds that a backup puts in its place; places in files that were being
 * imported say nothing of other stores, nor do pages that were printed of another ledger. Secrets
 * are not in a backup: those that are there stay. */
static const char *const parts[] = {
    "ledger.db",       "ledger.db-wal", "ledger.db-shm", "readings.db", "readings.db-wal",
    "readings.db-shm", "keys",          "broker",        "logos",       "firmware",
    "imports",         "invoices",      "audit.head"};
enum { PARTS = sizeof parts / sizeof parts[0] };

typedef struct restoring {
  const sm_restore_options *options;
  const sm_manifest *manifest;
  char stage[4096]; /* in the data folder: where it is built and checked */
  char aside[4096]; /* what was there before */
  char mark[4096];  /* there while parts are moved */
} restoring;

static bool in_folder(const char *dir, const char *name, char out[4096]) {
  int len = snprintf(out, 4096, "%s/%s", dir, name);
  if (len >= 0 && len < 4096) return true;
  sm_complain("the path %s is too long", dir);
  return false;
}

/* ---- before anything is changed ---- */

/* Whether a folder of the data folder has a file that is no secret: keys may be put there first. */
static bool only_secrets(const char *path, const char *folder) {
  DIR *open_dir = opendir(path);
  bool only = open_dir != NULL;
  const struct dirent *entry;
  while (only && (entry = readdir(open_dir)) != NULL)
    only = sm_secret_passing(entry->d_name) || sm_secret_is(folder, entry->d_name);
  if (open_dir != NULL) (void)closedir(open_dir);
  return only;
}

static bool holds_data(const char *data_dir) {
  char path[4096];
  for (size_t i = 0; i < PARTS; i++)
    if (in_folder(data_dir, parts[i], path) && sm_file_exists(path) &&
        !only_secrets(path, parts[i]))
      return true;
  return false;
}

static bool may_begin(const restoring *r) {
  if (r->options->force || !holds_data(r->options->data_dir)) return true;
  sm_complain(
      "%s holds data: set SMARTMETER_DATA_DIR to an empty folder, or use --force, which sets "
      "that data aside",
      r->options->data_dir);
  return false;
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
  if (!in_folder(r->options->backup, file->path, from) || !in_folder(r->stage, file->path, to) ||
      !make_folder_of(to) || !sm_complain_unless(sm_file_copy(from, to, &print), "copy", from))
    return false;
  bool same = sm_file_print_equal(&print, &file->print);
  if (!same) sm_complain("%s has changed while it was read", from);
  return same;
}

static bool build(const restoring *r) {
  if (!sm_complain_unless(sm_tree_remove(r->stage), "clear", r->stage) ||
      !sm_complain_unless(sm_dir_make(r->stage), "make", r->stage))
    return false;
  for (size_t i = 0; i < r->manifest->file_count; i++)
    if (!copy_file(r, &r->manifest->file[i])) return false;
  return true;
}

/* The secrets that are in the data folder and not in the backup go along, so that what is moved to
 * its place is whole. */
static sm_err keep_secret(void *context, const char *path) {
  const restoring *r = context;
  char from[4096];
  char to[4096];
  sm_file_print print;
  if (sm_secret_beside(path)) return SM_OK; /* it stays where it is */
  if (!in_folder(r->options->data_dir, path, from) || !in_folder(r->stage, path, to) ||
      !make_folder_of(to))
    return SM_ERR_IO;
  if (sm_file_exists(to)) return SM_OK; /* a backup of before keys were kept apart */
  return sm_file_copy(from, to, &print);
}

static bool keep_secrets(restoring *r) {
  return sm_complain_unless(sm_secret_each(r->options->data_dir, r, keep_secret),
                            "keep the keys of", r->options->data_dir);
}

/* NULL where no keys are that could open anything. */
static const char *keys_in(const restoring *r) {
  char path[4096];
  return in_folder(r->stage, "keys/pii.json", path) && sm_file_exists(path) ? r->stage : NULL;
}

static bool check_content(const restoring *r) {
  sm_manifest_content content;
  if (!sm_backup_content_of(r->stage, keys_in(r), r->options->open_stores, &content)) return false;
  if (!sm_manifest_content_equal(&content, &r->manifest->content)) {
    sm_complain("what was restored does not hold what the backup's manifest says");
    return false;
  }
  if (content.findings > r->manifest->content.findings) {
    sm_complain("what was restored is not as it should be (see above)%s",
                keys_in(r) != NULL ? "; if its names cannot be opened, the keys in the data folder "
                                     "are of another deployment: move them away, restore, and then "
                                     "smartmeter keys import"
                                   : "");
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
    if (!sm_complain_unless(rename(from, to) == 0 ? SM_OK : sm_write_err(), "move", from))
      return false;
  }
  return true;
}

/* Nothing opens the folder from here until all is in its place, whatever ends this program. */
static bool set_mark(const restoring *r) {
  if (sm_file_exists(r->aside)) {
    sm_complain("%s is there already: try again in a second", r->aside);
    return false;
  }
  return sm_complain_unless(sm_file_write_private(r->mark, "", 0), "write", r->mark) &&
         sm_complain_unless(sm_dir_sync(r->options->data_dir), "sync", r->options->data_dir);
}

static bool clear_mark(const restoring *r) {
  return sm_complain_unless(unlink(r->mark) == 0 ? SM_OK : SM_ERR_IO, "remove", r->mark) &&
         sm_complain_unless(sm_dir_sync(r->options->data_dir), "sync", r->options->data_dir);
}

static bool put_in_place(const restoring *r, bool *set_aside) {
  bool moved = true;
  *set_aside = false;
  return set_mark(r) && move_parts(r->options->data_dir, r->aside, set_aside) &&
         sm_complain_unless(sm_dir_sync(r->options->data_dir), "sync", r->options->data_dir) &&
         move_parts(r->stage, r->options->data_dir, &moved) &&
         sm_complain_unless(sm_dir_sync(r->options->data_dir), "sync", r->options->data_dir) &&
         clear_mark(r) && sm_complain_unless(sm_tree_remove(r->stage), "clear", r->stage);
}

static bool name_folders(restoring *r) {
  char name[64];
  char instant[SM_RFC3339_MAX];
  (void)sm_rfc3339_format(sm_clock_now_ms() / 1000 * 1000, instant);
  (void)snprintf(name, sizeof name, "replaced-%.20s", instant);
  return in_folder(r->options->data_dir, "restore.partial", r->stage) &&
         in_folder(r->options->data_dir, r->options->mark, r->mark) &&
         in_folder(r->options->data_dir, name, r->aside);
}

static bool restore(restoring *r) {
  bool set_aside = false;
  bool good = name_folders(r) && build(r) && keep_secrets(r) && check_content(r);
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

size_t sm_restore_missing(const char *data_dir, const sm_manifest *manifest) {
  size_t missing = 0;
  for (size_t i = 0; i < manifest->secret_count; i++) {
    char *path = sm_secret_place(data_dir, manifest->secret[i]);
    bool there = path != NULL && sm_file_exists(path);
    free(path);
    if (there) continue;
    if (missing++ == 0) (void)fputs("missing, since a backup has no keys:\n", stderr);
    (void)fprintf(stderr, "  %s\n", manifest->secret[i]);
  }
  if (missing > 0)
    (void)fputs("bring them back with `smartmeter keys import FILE`; until then no name can be "
                "read, and no server starts\n",
                stderr);
  return missing;
}

bool sm_restore(const sm_restore_options *options, const sm_manifest *manifest) {
  restoring r = {.options = options, .manifest = manifest};
  return may_begin(&r) && restore(&r);
}
