/* The ledger on a PostgreSQL server: its logic is that of the embedded one, by the same statements.
 */
#include "base/file.h"
#include "store/ledger/ledger_backing.h"
#include "store/postgres/pg_sql.h"
#include "store/postgres/postgres.h"
#include "store/postgres/postgres_schema.h"

#include <stdlib.h>
#include <string.h>

enum { LOCK_LEDGER = 1, LOCK_LEASES = 4, LEASES_LIMIT_MS = 5000 };

typedef struct ledger_server {
  char *url;
  char *data_dir;
  const sm_postgres_options *options; /* while it is opened */
} ledger_server;

static sm_err add_site(sm_sql *db, void *context) {
  const sm_postgres_options *options = context;
  return sm_ledger_add_site(db, options->zone, options->currency);
}

static sm_err connect_to(const ledger_server *server, bool writer, sm_sql **db) {
  return sm_pg_open(&(sm_pg_options){.url = server->url,
                                     .schema = "smartmeter",
                                     .read_only = !writer,
                                     .lock_no = LOCK_LEDGER,
                                     .marks = writer},
                    db);
}

static sm_err is_there(sm_sql *db) {
  int64_t there = 0;
  sm_err err = sm_sql_query_i64(db, "SELECT to_regclass('smartmeter.site') IS NOT NULL", &there);
  return err == SM_OK && there == 0 ? SM_ERR_NOT_FOUND : err;
}

static sm_err open_server(void *context, bool writer, sm_sql **out) {
  const ledger_server *server = context;
  static const sm_pg_migration steps[] = {{sm_postgres_schema_1}};
  sm_postgres_options copy;
  sm_sql *db = NULL;
  sm_err err = connect_to(server, writer, &db);
  if (err == SM_OK && writer && !server->options->create) err = is_there(db);
  if (err == SM_OK && writer) {
    copy = *server->options;
    err = sm_pg_migrate(db, "ledger", steps, sizeof steps / sizeof steps[0], add_site, &copy);
  }
  if (err == SM_OK)
    *out = db;
  else
    sm_sql_close(db);
  return err;
}

/* An answer to the commit of a lease is not asked after: the next one tells. */
static sm_err open_leases(void *context, sm_sql **db) {
  const ledger_server *server = context;
  return sm_pg_open(&(sm_pg_options){.url = server->url,
                                     .schema = "smartmeter",
                                     .lock_no = LOCK_LEASES,
                                     .shared = true,
                                     .limit_ms = LEASES_LIMIT_MS},
                    db);
}

/* Asked now and then, by any thread: by a connection of its own. */
static uint64_t server_bytes(void *context) {
  int64_t bytes = 0;
  sm_sql *db = NULL;
  if (connect_to(context, false, &db) != SM_OK) return 0;
  sm_err err = sm_sql_query_i64(db,
                                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                                "WHERE relnamespace = 'smartmeter'::regnamespace "
                                "AND relkind = 'r'",
                                &bytes);
  sm_sql_close(db);
  return err == SM_OK ? (uint64_t)bytes : 0;
}

static void free_server(void *context) {
  ledger_server *server = context;
  free(server->url);
  free(server->data_dir);
  free(server);
}

bool sm_postgres_url(const char *store) {
  return strncmp(store, "postgresql://", 13) == 0 || strncmp(store, "postgres://", 11) == 0;
}

sm_err sm_postgres_ledger_open(const sm_postgres_options *options, sm_ledger **ledger) {
  sm_err err = sm_dir_make(options->data_dir);
  if (err != SM_OK) return err;
  ledger_server *server = calloc(1, sizeof *server);
  if (server == NULL) return SM_ERR_NOMEM;
  server->options = options;
  server->url = strdup(options->url);
  server->data_dir = strdup(options->data_dir);
  if (server->url == NULL || server->data_dir == NULL) {
    free_server(server);
    return SM_ERR_NOMEM;
  }
  const sm_ledger_backing backing = {.open = open_server,
                                     .open_leases = open_leases,
                                     .bytes = server_bytes,
                                     .free = free_server,
                                     .context = server,
                                     .data_dir = server->data_dir};
  return sm_ledger_open_on(&backing, ledger);
}
