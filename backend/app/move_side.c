#include "app/move_side.h"

#include "app/member.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "store/data_lock.h"
#include "store/embedded/embedded.h"
#include "store/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- words ---- */

/* A password on a command line is seen by everybody on the machine. */
static bool has_password(const char *url) {
  const char *at = strstr(url, "://");
  const char *authority = at != NULL ? at + 3 : url;
  size_t len = strcspn(authority, "/?");
  const char *host = memchr(authority, '@', len);
  bool in_user = host != NULL && memchr(authority, ':', (size_t)(host - authority)) != NULL;
  return in_user || strstr(url, "password=") != NULL;
}

/* "PostgreSQL, db.example/smartmeter": neither who nor how, which may be secret. */
static void describe_server(const char *url, char out[SM_MOVE_WHERE_MAX]) {
  const char *at = strstr(url, "://");
  const char *authority = at != NULL ? at + 3 : url;
  size_t len = strcspn(authority, "/?");
  const char *host = memchr(authority, '@', len);
  const char *from = host != NULL ? host + 1 : authority;
  size_t rest = strcspn(from, "?");
  if (rest > SM_MOVE_WHERE_MAX - 20) rest = SM_MOVE_WHERE_MAX - 20;
  (void)snprintf(out, SM_MOVE_WHERE_MAX, "PostgreSQL, %.*s", (int)rest, from);
}

static bool name_it(sm_move_side *side, bool target) {
  const char *data_dir = side->config->data_dir;
  bool stage = target && !side->server;
  int len = snprintf(side->dir, sizeof side->dir, "%s%s", data_dir, stage ? "/" SM_MOVE_STAGE : "");
  if (len < 0 || (size_t)len >= sizeof side->dir) {
    sm_complain("the path %s is too long", data_dir);
    return false;
  }
  if (side->server)
    describe_server(side->store, side->where);
  else
    (void)snprintf(side->where, sizeof side->where, "the folder %.200s", data_dir);
  return true;
}

bool sm_move_side_init(sm_move_side *side, const sm_config *config, const char *store,
                       bool target) {
  *side = (sm_move_side){.config = config, .store = store, .lock = -1};
  side->target = target;
  side->server = sm_postgres_url(store);
  if (!side->server && strcmp(store, "embedded") != 0) {
    sm_complain("a store is 'embedded' or the URL of a PostgreSQL server, "
                "postgresql://user@host/database");
    return false;
  }
  if (side->server && has_password(store)) {
    sm_complain(
        "a password does not belong on a command line: put it into the file that PGPASSFILE "
        "names");
    return false;
  }
  return name_it(side, target);
}

void sm_move_side_fini(sm_move_side *side) {
  sm_readings_close(side->readings);
  sm_readings_close(side->writer);
  sm_ledger_close(side->ledger);
  if (side->lock >= 0) (void)close(side->lock);
  side->readings = side->writer = NULL;
  side->ledger = NULL;
  side->lock = -1;
}

/* ---- opening ---- */

static sm_postgres_options on_server(const sm_move_side *side) {
  return (sm_postgres_options){.url = side->store,
                               .data_dir = side->config->data_dir,
                               .zone = sm_zone_name(side->config->zone),
                               .currency = side->config->currency};
}

static sm_embedded_options in_folder(const sm_move_side *side) {
  return (sm_embedded_options){.data_dir = side->dir,
                               .zone = sm_zone_name(side->config->zone),
                               .currency = side->config->currency};
}

static sm_err look_for_ledger(const sm_move_side *side) {
  char *path = sm_path_join(side->dir, "ledger.db");
  sm_err err = path != NULL ? sm_file_look(path) : SM_ERR_NOMEM;
  free(path);
  return err;
}

sm_err sm_move_side_open_ledger(sm_move_side *side, bool create) {
  if (side->server) {
    sm_postgres_options options = on_server(side);
    options.create = create;
    return sm_postgres_ledger_open(&options, &side->ledger);
  }
  const sm_embedded_options options = in_folder(side);
  sm_err err = create ? sm_dir_make(side->config->data_dir) : look_for_ledger(side);
  return err == SM_OK ? sm_embedded_ledger_open(&options, &side->ledger) : err;
}

static sm_err open_readings(const sm_move_side *side, bool writer, sm_readings **out) {
  sm_postgres_options there = on_server(side);
  const sm_embedded_options here = in_folder(side);
  /* What is filled is locked on its server; the folder's lock is the running server's. */
  if (side->target) there.data_dir = NULL;
  return side->server ? sm_postgres_readings_open(&there, writer, out)
                      : sm_embedded_readings_open(&here, writer, out);
}

sm_err sm_move_side_open_readings(sm_move_side *side, bool writer) {
  return open_readings(side, writer, &side->readings);
}

static void close_readings(sm_move_side *side) {
  sm_readings_stats stats = {.damaged = 0};
  if (side->readings != NULL) sm_readings_stats_get(side->readings, &stats);
  side->damaged += stats.damaged;
  sm_readings_close(side->readings);
  side->readings = NULL;
}

sm_err sm_move_side_look_again(sm_move_side *side) {
  close_readings(side);
  return open_readings(side, false, &side->readings);
}

/* Servers on other machines hold no lock here; while one is there its lease has not ended. The
 * ledger's mark keeps new ones away (store/ledger_move.h), but none that is running. */
static sm_err look_for_servers(const sm_move_side *side) {
  sm_lease *list = NULL;
  size_t count = 0;
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = sm_ledger_leases(side->ledger, SM_MEMBER_PREFIX, &list, &count);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    if (list[i].until_ms > now_ms) err = SM_ERR_BUSY;
  free(list);
  return err;
}

sm_err sm_move_side_hold(sm_move_side *side) {
  if (!side->server) return sm_data_lock(side->dir, &side->lock);
  sm_err err = open_readings(side, true, &side->writer);
  if (err == SM_OK) err = look_for_servers(side);
  if (err != SM_OK) {
    sm_readings_close(side->writer);
    side->writer = NULL;
  }
  return err;
}

void sm_move_side_complain(const sm_move_side *side, const char *what, sm_err err) {
  if (err == SM_ERR_UNSUPPORTED)
    sm_complain("the data in %s is of another version of this program: use that one on both sides",
                side->where);
  else if (err == SM_ERR_IO && side->server)
    sm_complain("cannot reach %s: the log above says why", side->where);
  else
    sm_complain("cannot %s %s: %s", what, side->where, sm_complain_text(err));
}
