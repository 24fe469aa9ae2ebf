#include "transfer/backup.h"

#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "base/jsonw.h"
#include "store/ledger_audit.h"
#include "transfer/doctor.h"
#include "transfer/progress.h"
#include "transfer/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(const char *dir, const char *name) {
  char *path = sm_path_join(dir, name);
  if (path == NULL) abort(); /* a path is too little to go on without */
  return path;
}

/* ---- content ---- */

static void print_finding(void *context, const sm_doctor_finding *f) {
  sm_progress_end(context);
  sm_complain("%s, %s %s: %s", f->where, f->kind, f->subject, f->detail);
}

static void on_check(void *context, const char *what, uint64_t done, uint64_t total) {
  sm_progress *progress = context;
  progress->unit = what;
  sm_progress_at(progress, (sm_progress_point){.count = done, .done = done, .total = total});
}

static void on_read(void *context, const sm_export_counts *counts) {
  sm_progress *progress = context;
  progress->unit = "rows";
  sm_progress_at(progress, (sm_progress_point){.count = counts->rows,
                                               .done = counts->devices_done,
                                               .total = counts->devices});
}

static sm_err read_content(const char *keys_in, const sm_stores *stores, sm_manifest_content *c) {
  sm_progress progress;
  sm_doctor_result result;
  const sm_doctor_options options = {.keys_in = keys_in,
                                     .ledger = stores->ledger,
                                     .readings = stores->readings,
                                     .context = &progress,
                                     .finding = print_finding,
                                     .progress = on_check};
  sm_progress_init(&progress, stderr, "checking", "");
  sm_err err = sm_doctor_check(&options, &result);
  if (err == SM_OK && stores->readings != NULL)
    err = sm_export_content_of(stores->readings, &progress, on_read, &c->readings);
  sm_progress_end(&progress);
  if (err != SM_OK) return err;
  c->users = result.ledger.users;
  c->devices = result.ledger.devices;
  c->accounts = result.ledger.accounts;
  c->invoices = result.ledger.invoices;
  c->entries = result.ledger.entries;
  c->audit_count = result.ledger.audit_count;
  memcpy(c->audit_head, result.ledger.audit_head, sizeof c->audit_head);
  c->findings = result.findings;
  return SM_OK;
}

bool sm_backup_content_of(const char *dir, const char *keys_in, sm_stores_open *open_stores,
                          sm_manifest_content *content) {
  sm_stores stores;
  sm_err err;
  sm_err readings;
  *content = (sm_manifest_content){.findings = 0};
  open_stores(dir, &stores, &err, &readings);
  if (err == SM_OK && readings != SM_ERR_NOT_FOUND) err = readings;
  if (err == SM_OK) err = read_content(keys_in, &stores, content);
  sm_stores_fini(&stores);
  return sm_complain_unless(err, "read the stores in", dir);
}

/* ---- copying ---- */

static bool on_pages(void *context, uint64_t done, uint64_t total) {
  sm_progress_at(context, (sm_progress_point){.count = done, .done = done, .total = total});
  return true;
}

static bool copy_stores(const sm_backup_source *source, const char *dir) {
  sm_progress progress;
  char *ledger = join(dir, "ledger.db");
  char *readings = join(dir, "readings.db");
  sm_progress_init(&progress, stderr, "copying", "pages");
  bool good = sm_complain_unless(sm_ledger_backup(source->ledger, ledger, on_pages, &progress),
                                 "copy the ledger to", ledger);
  if (good && source->readings != NULL)
    good = sm_complain_unless(sm_readings_backup(source->readings, readings, on_pages, &progress),
                              "copy the readings to", readings);
  sm_progress_end(&progress);
  free(ledger);
  free(readings);
  return good;
}

static sm_err copy_one(const char *from_dir, const char *to_dir, const char *folder,
                       const char *name, sm_manifest *manifest) {
  char path[SM_MANIFEST_PATH_MAX];
  struct stat st;
  sm_file_print print;
  int len = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (len < 0 || (size_t)len >= sizeof path) return SM_ERR_RANGE;
  char *from = join(from_dir, path);
  char *to = join(to_dir, path);
  sm_err err = SM_OK;
  if (lstat(from, &st) == 0 && S_ISREG(st.st_mode)) {
    err = sm_file_copy(from, to, &print);
    if (err == SM_OK) err = sm_manifest_add(manifest, path, &print);
  }
  free(from);
  free(to);
  return err == SM_ERR_NOT_FOUND ? SM_OK : err; /* it was there just now */
}

/* The regular files of one folder of the data folder. Left out are its secrets, the broker's queue
 * (it belongs to the running broker, and what it still holds comes again or is in the readings),
 * logs and what is being written. */
static bool copy_folder(const char *from_dir, const char *to_dir, const char *folder,
                        sm_manifest *manifest) {
  char *from = join(from_dir, folder);
  char *to = join(to_dir, folder);
  DIR *open_dir = opendir(from);
  sm_err err = open_dir == NULL && errno != ENOENT ? sm_open_err() : SM_OK;
  if (open_dir != NULL) err = sm_dir_make(to);
  const struct dirent *entry;
  while (err == SM_OK && open_dir != NULL && (entry = readdir(open_dir)) != NULL)
    if (!sm_secret_passing(entry->d_name) && !sm_secret_is(folder, entry->d_name))
      err = copy_one(from_dir, to_dir, folder, entry->d_name, manifest);
  if (open_dir != NULL) {
    (void)closedir(open_dir);
    if (err == SM_OK) err = sm_dir_sync(to);
  }
  bool good = sm_complain_unless(err, "copy", from);
  free(from);
  free(to);
  return good;
}

/* The databases are told by their prints once they have been looked into: opening one makes files
 * beside it, which are gone again after it. */
static bool add_database(const char *dir, const char *name, sm_manifest *manifest) {
  sm_file_print print;
  char *path = join(dir, name);
  sm_err err = sm_file_print_of(path, &print);
  if (err == SM_OK) err = sm_manifest_add(manifest, name, &print);
  bool good = sm_complain_unless(
      err == SM_ERR_NOT_FOUND && strcmp(name, "readings.db") == 0 ? SM_OK : err, "read", path);
  free(path);
  return good;
}

/* The head of the copy, which is older than the one beside the running ledger. */
static bool put_head(const char *dir, sm_stores_open *open_stores, sm_manifest *manifest) {
  sm_stores stores;
  sm_err err;
  sm_err readings;
  sm_audit_head head;
  sm_file_print print;
  char text[SM_AUDIT_HEAD_TEXT_MAX + 2];
  char *path = join(dir, SM_AUDIT_HEAD_FILE);
  open_stores(dir, &stores, &err, &readings);
  if (err == SM_OK) err = sm_ledger_audit_head(stores.ledger, &head);
  sm_stores_fini(&stores);
  bool none = err == SM_ERR_NOT_FOUND;
  if (err == SM_OK) {
    size_t len = strlen(sm_audit_head_write(&head, text));
    text[len++] = '\n';
    err = sm_file_write_private(path, text, len);
  }
  if (err == SM_OK) err = sm_file_print_of(path, &print);
  if (err == SM_OK) err = sm_manifest_add(manifest, SM_AUDIT_HEAD_FILE, &print);
  bool good = sm_complain_unless(none ? SM_OK : err, "write", path);
  free(path);
  return good;
}

static sm_err name_secret(void *context, const char *path) {
  return sm_manifest_add_secret(context, path);
}

/* logos and firmware: what the ledger has of an older version's folders lies there until somebody
 * deletes it, and what it has not taken is nowhere else. */
static bool fill(const sm_backup_source *source, sm_stores_open *open_stores, const char *dir,
                 sm_manifest *m) {
  const char *data_dir = source->data_dir;
  m->created_ms = sm_clock_now_ms();
  return copy_stores(source, dir) && copy_folder(data_dir, dir, "broker", m) &&
         copy_folder(data_dir, dir, "logos", m) && copy_folder(data_dir, dir, "firmware", m) &&
         sm_complain_unless(sm_secret_each(data_dir, m, name_secret), "look for the keys in",
                            data_dir) &&
         put_head(dir, open_stores, m) &&
         sm_backup_content_of(dir, data_dir, open_stores, &m->content) &&
         add_database(dir, "ledger.db", m) && add_database(dir, "readings.db", m) &&
         sm_complain_unless(sm_dir_sync(dir), "sync", dir) &&
         sm_complain_unless(sm_manifest_write(m, dir), "write the manifest in", dir) &&
         sm_complain_unless(sm_dir_sync(dir), "sync", dir);
}

/* ---- the folder ---- */

/* An empty folder may have the name: renaming puts the backup in its place. */
static bool name_free(const char *dir) {
  if (!sm_file_exists(dir) || rmdir(dir) == 0) return true;
  sm_complain("%s is there already and is not empty: give a new name", dir);
  return false;
}

/* The folder that grows; what an interrupted backup left of it goes first. *lock is open on it: the
 * kernel knows who is at work there. */
static bool make_partial(const char *partial, int *lock) {
  *lock = open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) != 0) {
    sm_complain("another backup is being written to %s", partial);
    return false;
  }
  if (*lock >= 0) (void)close(*lock);
  sm_err err = sm_tree_remove(partial);
  if (err == SM_OK && mkdir(partial, 0700) != 0) err = sm_open_err();
  if (err == SM_ERR_NOT_FOUND) {
    sm_complain("the folder that %s is to be in is not there: mount its disk, or make the folder",
                partial);
    return false;
  }
  if (err == SM_OK) err = sm_file_sync_name(partial);
  if (err == SM_OK) *lock = open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (err == SM_OK && (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) != 0)) err = SM_ERR_IO;
  return sm_complain_unless(err, "make", partial);
}

static bool give_name(const char *partial, const char *dir) {
  if (!name_free(dir)) return false;
  sm_err err = rename(partial, dir) == 0 ? SM_OK : SM_ERR_IO;
  if (err == SM_OK) err = sm_file_sync_name(dir);
  return sm_complain_unless(err, "name the backup", dir);
}

bool sm_backup_make(const sm_backup_source *source, sm_stores_open *open_stores, const char *dir,
                    sm_manifest *manifest) {
  int lock = -1;
  sm_buf name;
  sm_buf_init(&name, 0);
  sm_buf_append_text(&name, dir);
  while (name.len > 1 && name.data[name.len - 1] == '/') name.len--;
  char *whole = strdup(sm_buf_text(&name));
  sm_buf_append_text(&name, ".partial");
  const char *partial = sm_buf_text(&name);
  bool good = whole != NULL && name_free(whole) && make_partial(partial, &lock) &&
              fill(source, open_stores, partial, manifest) && give_name(partial, whole);
  if (lock >= 0) (void)close(lock);
  sm_buf_fini(&name);
  free(whole);
  return good;
}

/* ---- verifying ---- */

static bool verify_file(const char *dir, const sm_manifest_file *file) {
  sm_file_print print;
  char *path = join(dir, file->path);
  sm_err err = sm_file_print_of(path, &print);
  bool same = err == SM_OK && sm_file_print_equal(&print, &file->print);
  if (err != SM_OK)
    sm_complain("%s cannot be read: %s", path, sm_err_text(err));
  else if (!same)
    sm_complain("%s is not what was backed up: its size or SHA-256 differs from the manifest's",
                path);
  free(path);
  return same;
}

/* A log beside a database would be read as a part of it. */
static bool verify_nothing_beside(const char *dir) {
  static const char *const names[] = {"ledger.db-wal", "ledger.db-journal", "readings.db-wal",
                                      "readings.db-journal"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = join(dir, names[i]);
    bool there = sm_file_exists(path);
    if (there) sm_complain("%s does not belong to the backup", path);
    free(path);
    if (there) return false;
  }
  return true;
}

bool sm_backup_verify(const char *dir, sm_manifest *manifest) {
  sm_err err = sm_manifest_read(dir, manifest);
  if (err == SM_ERR_NOT_FOUND && sm_file_look(dir) == SM_ERR_NOT_FOUND)
    sm_complain("%s is not there", dir);
  else if (err == SM_ERR_NOT_FOUND)
    sm_complain("%s is not a backup, or one that was not finished: it has no manifest.json", dir);
  else if (err == SM_ERR_UNSUPPORTED)
    sm_complain("%s was made by a newer version of this program: use that one", dir);
  else if (err != SM_OK)
    sm_complain("the manifest of %s cannot be used: %s", dir, sm_complain_text(err));
  if (err != SM_OK) return false;
  bool ledger = false;
  for (size_t i = 0; i < manifest->file_count; i++) {
    if (!verify_file(dir, &manifest->file[i])) return false;
    ledger = ledger || strcmp(manifest->file[i].path, "ledger.db") == 0;
  }
  if (!ledger) sm_complain("the manifest of %s names no ledger.db", dir);
  return ledger && verify_nothing_beside(dir);
}

void sm_backup_print(const sm_manifest *m, bool json) {
  const sm_manifest_content *c = &m->content;
  char instant[SM_RFC3339_MAX];
  char hash[SM_SHA256_HEX_MAX];
  char text[4][SM_COUNT_TEXT_MAX];
  (void)sm_rfc3339_format(m->created_ms, instant);
  (void)sm_hex(c->readings.digest, SM_SHA256_BYTES, hash);
  if (json)
    (void)printf("{\"created\":\"%s\",\"files\":%zu,\"series\":%llu,\"readings\":%llu,"
                 "\"readings_sha256\":\"%s\",\"invoices\":%llu,\"findings\":%llu}\n",
                 instant, m->file_count, (unsigned long long)c->readings.series,
                 (unsigned long long)c->readings.readings, hash, (unsigned long long)c->invoices,
                 (unsigned long long)c->findings);
  else
    (void)printf("%s, %s of %s, %s, made %s\n", sm_count_of(m->file_count, "file", text[3]),
                 sm_count_of(c->readings.readings, "reading", text[0]),
                 sm_count_of(c->readings.series, "device", text[1]),
                 sm_count_of(c->invoices, "invoice", text[2]), instant);
}
