#include "store/postgres/pg_connect.h"

#include "base/buf.h"
#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 16, URLS_MAX = 8, IDENTIFIER_CHARS = 24 };

/* The hosts of a URL, in parts of its lists. */
typedef struct hosts {
  char *name; /* the lists, cut up; NULL: none */
  char *address;
  char *port;
  const char *names[HOSTS_MAX];
  const char *addresses[HOSTS_MAX];
  const char *ports[HOSTS_MAX];
  size_t count; /* 0: one, and it stays with libpq which */
} hosts;

/* A database cluster as one of its servers tells of it. */
typedef struct cluster {
  char identifier[IDENTIFIER_CHARS]; /* "": not known yet */
  int64_t timeline;
} cluster;

/* What this process knows of a URL. */
typedef struct known {
  char *url;
  cluster newest;
  size_t at; /* the host that it was seen at */
} known;

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static known known_urls[URLS_MAX]; /* for the process's life */

/* ---- hosts ---- */

static size_t cut(const char *list, char **copy, const char *part[HOSTS_MAX]) {
  size_t count = 0;
  if (list == NULL || list[0] == '\0') return 0;
  *copy = strdup(list);
  for (char *rest = *copy; rest != NULL && count < HOSTS_MAX; count++) {
    part[count] = rest;
    rest = strchr(rest, ',');
    if (rest != NULL) *rest++ = '\0';
  }
  return count;
}

static void hosts_fini(hosts *h) {
  free(h->name);
  free(h->address);
  free(h->port);
}

/* A URL that libpq cannot read has none: libpq will say what is wrong with it. */
static void hosts_init(hosts *h, const char *url) {
  *h = (hosts){.count = 0};
  PQconninfoOption *options = PQconninfoParse(url, NULL);
  size_t ports = 0;
  for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
    size_t count = 0;
    if (strcmp(o->keyword, "host") == 0) count = cut(o->val, &h->name, h->names);
    if (strcmp(o->keyword, "hostaddr") == 0) count = cut(o->val, &h->address, h->addresses);
    if (strcmp(o->keyword, "port") == 0) ports = cut(o->val, &h->port, h->ports);
    if (count > h->count) h->count = count;
  }
  PQconninfoFree(options);
  for (size_t i = 1; ports == 1 && i < h->count; i++) h->ports[i] = h->ports[0];
}

static PGconn *connect_to(const char *url, const hosts *h, size_t at) {
  /* What the URL says itself goes before what stands here before it. A server that is gone without
   * a word is noticed after some 20 s. */
  const char *const keys[] = {"application_name",
                              "connect_timeout",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              "keepalives_interval",
                              "keepalives_count",
                              "client_encoding",
                              "target_session_attrs",
                              "dbname",
                              "host",
                              "hostaddr",
                              "port",
                              NULL};
  bool several = h->count > 1;
  const char *const values[] = {"smartmeter",
                                "5",
                                "15000",
                                "10",
                                "5",
                                "2",
                                "UTF8",
                                "read-write",
                                url,
                                several ? h->names[at] : NULL,
                                several ? h->addresses[at] : NULL,
                                several ? h->ports[at] : NULL,
                                NULL};
  return PQconnectdbParams(keys, values, 1);
}

/* ---- what is known ---- */

static const char ask_cluster[] =
    "SELECT system_identifier, "
    "('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int "
    "FROM pg_control_system()";

static bool read_cluster(PGconn *conn, cluster *out) {
  PGresult *result = PQexec(conn, ask_cluster);
  bool good = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  if (good) {
    (void)snprintf(out->identifier, sizeof out->identifier, "%s", PQgetvalue(result, 0, 0));
    out->timeline = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
  }
  PQclear(result);
  return good;
}

/* The place of a URL in known_urls; NULL: none is left. Under known_lock. */
static known *place_of(const char *url) {
  for (size_t i = 0; i < URLS_MAX; i++) {
    known *k = &known_urls[i];
    if (k->url == NULL) k->url = strdup(url);
    if (k->url == NULL || strcmp(k->url, url) == 0) return k->url != NULL ? k : NULL;
  }
  return NULL;
}

static known look_at(const char *url) {
  (void)pthread_mutex_lock(&known_lock);
  const known *k = place_of(url);
  known copy = k != NULL ? *k : (known){.at = 0};
  (void)pthread_mutex_unlock(&known_lock);
  return copy;
}

/* False: something newer was seen meanwhile, or it is another cluster. */
static bool note(const char *url, const cluster *seen, size_t at) {
  (void)pthread_mutex_lock(&known_lock);
  known *k = place_of(url);
  bool good =
      k == NULL || k->newest.identifier[0] == '\0' ||
      (strcmp(k->newest.identifier, seen->identifier) == 0 && k->newest.timeline <= seen->timeline);
  if (good && k != NULL) {
    k->newest = *seen;
    k->at = at;
  }
  (void)pthread_mutex_unlock(&known_lock);
  return good;
}

/* ---- choosing ---- */

typedef struct choice {
  PGconn *conn; /* NULL: none yet */
  cluster is;
  size_t at;
  sm_buf why_not; /* of the hosts that were not taken */
} choice;

static void say_why_not(choice *c, PGconn *conn, const char *words) {
  const char *host = PQhost(conn);
  sm_buf_append_text(&c->why_not, c->why_not.len > 0 ? "; " : "");
  if (host != NULL) sm_buf_append_text(&c->why_not, host);
  sm_buf_append_text(&c->why_not, ": ");
  sm_buf_append(&c->why_not, words, strcspn(words, "\n"));
}

static void refuse_former(choice *c, PGconn *conn, const cluster *is, const cluster *newest) {
  bool same = strcmp(is->identifier, newest->identifier) == 0;
  say_why_not(c, conn, same ? "a former primary" : "another database cluster");
  sm_log(SM_LOG_ERROR, "store.postgres_former_primary", SM_LOG_TEXT("host", PQhost(conn)),
         SM_LOG_TEXT("port", PQport(conn)), SM_LOG_INT("timeline", is->timeline),
         SM_LOG_INT("newest_timeline", newest->timeline),
         SM_LOG_TEXT("message", same ? "it takes writes, though another one was promoted: it must "
                                       "be stopped; nothing is written to it from here"
                                     : "another database cluster than before: restart the server "
                                       "if that is meant"));
}

/* Takes a host, if it is a primary, and better than what was chosen. */
static void consider(choice *c, const char *url, const hosts *h, size_t at, const cluster *newest) {
  cluster is = {.timeline = 0};
  PGconn *conn = connect_to(url, h, at);
  if (conn == NULL) return;
  bool known_cluster = newest->identifier[0] != '\0';
  if (PQstatus(conn) != CONNECTION_OK || !read_cluster(conn, &is))
    say_why_not(c, conn, PQerrorMessage(conn));
  else if (known_cluster &&
           (strcmp(is.identifier, newest->identifier) != 0 || is.timeline < newest->timeline))
    refuse_former(c, conn, &is, newest);
  else if (c->conn == NULL || is.timeline > c->is.timeline) {
    PQfinish(c->conn);
    c->conn = conn;
    c->is = is;
    c->at = at;
    return;
  }
  PQfinish(conn);
}

static void choose(choice *c, const char *url, const hosts *h, bool again) {
  const known before = look_at(url);
  size_t count = h->count > 1 ? h->count : 1;
  bool known_cluster = before.newest.identifier[0] != '\0';
  for (size_t i = 0; i < count; i++) {
    consider(c, url, h, (before.at + i) % count, &before.newest);
    /* As new as what was seen, and nothing has happened: the others need not be asked. Newer than
     * what was seen is the one that took over. */
    bool newer = c->conn != NULL && c->is.timeline > before.newest.timeline;
    if (c->conn != NULL && known_cluster && (!again || newer)) return;
  }
}

sm_err sm_pg_connect(const char *url, bool again, PGconn **out, int64_t *timeline) {
  hosts h;
  choice c = {.conn = NULL};
  sm_err err = SM_OK;
  sm_buf_init(&c.why_not, 0);
  hosts_init(&h, url);
  choose(&c, url, &h, again);
  if (c.conn != NULL && !note(url, &c.is, c.at)) {
    say_why_not(&c, c.conn, "a former primary");
    PQfinish(c.conn);
    c.conn = NULL;
  }
  if (c.conn == NULL) {
    sm_log(SM_LOG_ERROR, "store.postgres", SM_LOG_TEXT("message", sm_buf_text(&c.why_not)),
           SM_LOG_TEXT("code", "connect"));
    err = SM_ERR_IO;
  }
  hosts_fini(&h);
  sm_buf_fini(&c.why_not);
  if (err != SM_OK) return err;
  *out = c.conn;
  *timeline = c.is.timeline;
  return err;
}
