/* The ledger in an SQLite file of the data directory. */
#include "base/file.h"
#include "store/embedded/embedded.h"
#include "store/embedded/ledger_file.h"
#include "store/embedded/ledger_schema.h"
#include "store/ledger/ledger_backing.h"
#include "store/ledger/ledger_internal.h"
#include "store/sqlite/sql_migrate.h"
#include "store/sqlite/sqlite_util.h"

#include <stdlib.h>
#include <string.h>

static const int32_t application_id = 0x534d4c31; /* "SML1" */

typedef struct ledger_file {
  char *data_dir;
  char *path;
  const sm_embedded_options *options; /* while it is opened */
} ledger_file;

static sm_err add_site(sm_sql *db, void *context) {
  const sm_embedded_options *options = context;
  return sm_ledger_add_site(db, options->zone, options->currency);
}

/* ---- a file ---- */

static const sm_sql_migration *schema(size_t *count) {
  static const sm_sql_migration steps[] = {
      {sm_ledger_schema_1}, {sm_ledger_schema_2},  {sm_ledger_schema_3}, {sm_ledger_schema_4},
      {sm_ledger_schema_5}, {sm_ledger_schema_6},  {sm_ledger_schema_7}, {sm_ledger_schema_8},
      {sm_ledger_schema_9}, {sm_ledger_schema_10}, {sm_ledger_schema_11}};
  *count = sizeof steps / sizeof steps[0];
  return steps;
}

int sm_ledger_schema_version(void) {
  size_t count;
  (void)schema(&count);
  return (int)count;
}

sm_err sm_ledger_file_read(const char *path, sm_sql **db) {
  return sm_sql_open(&(sm_sql_options){.path = path,
                                       .read_only = true,
                                       .trust_schema = true,
                                       .busy_timeout_ms = SM_LEDGER_BUSY_TIMEOUT_MS},
                     db);
}

/* A billing run commits some hundred pages at a time, and would copy and sync the file at every
 * other commit. */
sm_err sm_ledger_file_write(const char *path, sm_err (*init)(sm_sql *db, void *context),
                            void *context, sm_sql **out) {
  enum { WAL_PAGES = 4000 };
  size_t count;
  const sm_sql_migration *steps = schema(&count);
  sm_sql *db = NULL;
  sm_err err = sm_sql_open(&(sm_sql_options){.path = path,
                                             .create = true,
                                             .trust_schema = true,
                                             .wal_pages = WAL_PAGES,
                                             .busy_timeout_ms = SM_LEDGER_BUSY_TIMEOUT_MS},
                           &db);
  if (err == SM_OK) err = sm_sql_migrate(db, application_id, steps, count, init, context);
  if (err == SM_OK)
    *out = db;
  else
    sm_sql_close(db);
  return err;
}

/* ---- the backing ---- */

static sm_err open_file(void *context, bool writer, sm_sql **db) {
  const ledger_file *file = context;
  if (!writer) return sm_ledger_file_read(file->path, db);
  sm_embedded_options options = *file->options;
  return sm_ledger_file_write(file->path, add_site, &options, db);
}

static uint64_t file_bytes(void *context) {
  return sm_sql_file_bytes(((const ledger_file *)context)->path);
}

static void free_file(void *context) {
  ledger_file *file = context;
  free(file->data_dir);
  free(file->path);
  free(file);
}

sm_err sm_embedded_ledger_open(const sm_embedded_options *options, sm_ledger **ledger) {
  sm_err err = sm_dir_make(options->data_dir);
  if (err != SM_OK) return err;
  ledger_file *file = calloc(1, sizeof *file);
  if (file == NULL) return SM_ERR_NOMEM;
  file->options = options;
  file->path = sm_path_join(options->data_dir, "ledger.db");
  file->data_dir = strdup(options->data_dir);
  if (file->path == NULL || file->data_dir == NULL) {
    free_file(file);
    return SM_ERR_NOMEM;
  }
  const sm_ledger_backing backing = {.open = open_file,
                                     .bytes = file_bytes,
                                     .free = free_file,
                                     .context = file,
                                     .data_dir = file->data_dir};
  return sm_ledger_open_on(&backing, ledger);
}
