#include "app/move_side.h"

#include "app/member.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/file.h"
#include "store/data_lock.h"
#include "store/embedded/embedded.h"
#include "store/mongo/mongo.h"
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
static void describe_server(const sm_move_side *side, char out[SM_MOVE_WHERE_MAX]) {
  const char *name = side->engine == SM_MOVE_MONGO ? "MongoDB" : "PostgreSQL";
  const char *at = strstr(side->store, "://");
  const char *authority = at != NULL ? at + 3 : side->store;
  size_t len = strcspn(authority, "/?");
  const char *host = memchr(authority, '@', len);
  const char *from = host != NULL ? host + 1 : authority;
  size_t rest = strcspn(from, "?");
  if (rest > SM_MOVE_WHERE_MAX - 20) rest = SM_MOVE_WHERE_MAX - 20;
  (void)snprintf(out, SM_MOVE_WHERE_MAX, "%s, %.*s", name, (int)rest, from);
}

static bool name_it(sm_move_side *side, bool target) {
  const char *data_dir = side->config->data_dir;
  bool stage = target && side->engine != SM_MOVE_POSTGRES;
  int len = snprintf(side->dir, sizeof side->dir, "%s%s", data_dir, stage ? "/" SM_MOVE_STAGE : "");
  if (len < 0 || (size_t)len >= sizeof side->dir) {
    sm_complain("the path %s is too long", data_dir);
    return false;
  }
  if (side->server)
    describe_server(side, side->where);
  else
    (void)snprintf(side->where, sizeof side->where, "the folder %.200s", data_dir);
  return true;
}

static bool engine_of(const char *store, sm_move_engine *engine) {
  if (sm_postgres_url(store))
    *engine = SM_MOVE_POSTGRES;
  else if (sm_mongo_url(store))
    *engine = SM_MOVE_MONGO;
  else if (strcmp(store, "embedded") == 0)
    *engine = SM_MOVE_EMBEDDED;
  else
    return false;
  return true;
}

/* ---- the password of a MongoDB's user, which libmongoc takes in the URL alone ---- */

static void put_encoded(sm_buf *out, const char *text, size_t len) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (size_t i = 0; i < len; i++) {
    if (text[i] != '\0' && strchr(plain, text[i]) != NULL)
      sm_buf_append_char(out, text[i]);
    else
      sm_buf_printf(out, "%%%02X", (unsigned char)text[i]);
  }
}

static char *with_password(const char *store, const char *user_end, const char *password,
                           size_t len) {
  sm_buf url;
  sm_buf_init(&url, 0);
  sm_buf_append(&url, store, (size_t)(user_end - store));
  sm_buf_append_char(&url, ':');
  put_encoded(&url, password, len);
  sm_buf_append_text(&url, user_end);
  char *out = url.err == SM_OK ? sm_buf_take(&url) : NULL;
  sm_buf_fini(&url);
  return out;
}

static bool take_password(sm_move_side *side, const char *file) {
  enum { PASSWORD_MAX = 1000 };
  char *password = NULL;
  size_t len = 0;
  const char *authority = strstr(side->store, "://") + 3;
  const char *user_end = memchr(authority, '@', strcspn(authority, "/?"));
  if (user_end == NULL) {
    sm_complain(
        "--password-file is of the user in the URL, and there is none: mongodb://user@host");
    return false;
  }
  sm_err err = sm_file_read(file, PASSWORD_MAX, &password, &len);
  if (err == SM_OK) {
    len = strcspn(password, "\r\n");
    side->url = with_password(side->store, user_end, password, len);
    explicit_bzero(password, len);
    if (side->url == NULL) err = SM_ERR_NOMEM;
  }
  free(password);
  return sm_complain_unless(err, "read the password in", file);
}

bool sm_move_side_init(sm_move_side *side, const sm_config *config, const char *store,
                       const char *password_file, bool target) {
  *side = (sm_move_side){.config = config, .store = store, .lock = -1};
  side->target = target;
  if (!engine_of(store, &side->engine)) {
    sm_complain("a store is 'embedded' or the URL of a database server, "
                "postgresql://user@host/database or mongodb://user@host/database");
    return false;
  }
  side->server = side->engine != SM_MOVE_EMBEDDED;
  if (side->server && has_password(store)) {
    sm_complain("a password does not belong on a command line: put it into the file that %s names",
                side->engine == SM_MOVE_MONGO ? "--password-file" : "PGPASSFILE");
    return false;
  }
  bool secret = side->engine == SM_MOVE_MONGO && password_file != NULL;
  return (!secret || take_password(side, password_file)) && name_it(side, target);
}

void sm_move_side_fini(sm_move_side *side) {
  sm_readings_close(side->readings);
  sm_readings_close(side->writer);
  sm_ledger_close(side->ledger);
  if (side->lock >= 0) (void)close(side->lock);
  if (side->url != NULL) explicit_bzero(side->url, strlen(side->url));
  free(side->url);
  side->url = NULL;
  side->readings = side->writer = NULL;
  side->ledger = NULL;
  side->lock = -1;
}

/* ---- opening ---- */

static sm_postgres_options on_postgres(const sm_move_side *side) {
  return (sm_postgres_options){.url = side->store,
                               .data_dir = side->config->data_dir,
                               .zone = sm_zone_name(side->config->zone),
                               .currency = side->config->currency};
}

/* The copy of the ledger is in the data folder: that of the server which will work there. */
static sm_mongo_options on_mongo(const sm_move_side *side) {
  return (sm_mongo_options){.url = side->url != NULL ? side->url : side->store,
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

static sm_err open_embedded_ledger(sm_move_side *side, bool create) {
  const sm_embedded_options options = in_folder(side);
  sm_err err = create ? sm_dir_make(side->config->data_dir) : look_for_ledger(side);
  return err == SM_OK ? sm_embedded_ledger_open(&options, &side->ledger) : err;
}

sm_err sm_move_side_open_ledger(sm_move_side *side, bool create) {
  sm_postgres_options postgres = on_postgres(side);
  sm_mongo_options mongo = on_mongo(side);
  postgres.create = mongo.create = create;
  switch (side->engine) {
  case SM_MOVE_POSTGRES:
    return sm_postgres_ledger_open(&postgres, &side->ledger);
  case SM_MOVE_MONGO:
    return sm_mongo_ledger_open(&mongo, &side->ledger);
  default:
    return open_embedded_ledger(side, create);
  }
}

/* The data folder's lock is the running server's: what is filled is locked on its server, or, since
 * MongoDB has no such thing, by that of the place where it is filled. */
static sm_err open_readings(const sm_move_side *side, bool writer, sm_readings **out) {
  sm_postgres_options postgres = on_postgres(side);
  sm_mongo_options mongo = on_mongo(side);
  const sm_embedded_options here = in_folder(side);
  sm_err err = SM_OK;
  if (side->target) postgres.data_dir = NULL;
  switch (side->engine) {
  case SM_MOVE_POSTGRES:
    return sm_postgres_readings_open(&postgres, writer, out);
  case SM_MOVE_MONGO:
    mongo.data_dir = side->dir;
    if (side->target) err = sm_dir_make(side->config->data_dir);
    return err == SM_OK ? sm_mongo_readings_open(&mongo, writer, out) : err;
  default:
    return sm_embedded_readings_open(&here, writer, out);
  }
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
