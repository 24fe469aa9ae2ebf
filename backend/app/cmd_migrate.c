/* Moving house: the readings are copied beside the running server, pass after pass; at the switch
 * the server is stopped, the rest is copied, the ledger is copied while nobody may write to it, and
 * the store that was left is marked, so that nobody works there any more. */
#include "app/commands.h"
#include "app/move_side.h"
#include "app/options.h"
#include "app/program.h"
#include "app/verbs.h"

#include "auth/audit_key.h"
#include "base/clock.h"
#include "base/complain.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "store/embedded/embedded.h"
#include "store/ledger_audit.h"
#include "transfer/move.h"
#include "transfer/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: smartmeter migrate --from STORE --to STORE [--switch] [--password-file FILE] [--json]\n"
    "Moves everything from one store to another: embedded (the files of SMARTMETER_DATA_DIR), a\n"
    "PostgreSQL server, postgresql://user@host/database, or a MongoDB, "
    "mongodb://user@host/database.\n"
    "The server goes on with the old store meanwhile. Broken off at any moment, the same command\n"
    "goes on.\n"
    "  --switch              then waits until the server is stopped, copies what came meanwhile,\n"
    "                        and closes the old store: from then on SMARTMETER_STORE must name "
    "the\n"
    "                        new one\n"
    "  --password-file FILE  of the MongoDB's user (PostgreSQL's is in the file of PGPASSFILE)\n"
    "Without it everything is copied and compared, and the old store stays in use.\n";

enum { CATCH_UP_ROUNDS = 5, CATCH_UP_FEW = 20000, WAIT_NS = 200000000, CATCH_UP_EVERY_MS = 10000 };

typedef struct migration {
  sm_config config;
  const char *password_file; /* NULL: none */
  sm_move_side from;
  sm_move_side to;
  sm_audit_key *audit_key; /* NULL: nothing of the ledger is signed */
  sm_move_meta meta;
  sm_move_mark left; /* what the old store will say */
  bool settled;      /* a run before this one has closed the old store already */
  sm_progress progress;
  sm_move_counts readings; /* of the last pass over everything */
  sm_move_ledger ledger;
} migration;

/* ---- who may go where ---- */

static bool open_source(migration *m) {
  sm_move_mark mark;
  sm_move_side *from = &m->from;
  sm_err err = sm_move_side_open_ledger(from, false);
  if (err == SM_ERR_NOT_FOUND) {
    sm_complain("there is no data in %s", from->where);
    return false;
  }
  if (err == SM_OK) err = sm_ledger_move_mark(from->ledger, &mark);
  if (err == SM_OK) err = sm_move_side_open_readings(from, false);
  if (err == SM_ERR_NOT_FOUND) {
    sm_complain("there are no readings in %s yet: let the server run once", from->where);
    return false;
  }
  if (err == SM_OK) err = sm_readings_move_meta(from->readings, &m->meta);
  if (err != SM_OK) {
    sm_move_side_complain(from, "open the data in", err);
    return false;
  }
  if (mark.state == SM_MOVE_ARRIVING) {
    sm_complain("%s is being filled itself, from %s: let that come to its end first", from->where,
                mark.where);
    return false;
  }
  m->settled = mark.state == SM_MOVE_LEFT;
  m->left = mark;
  if (m->settled && strcmp(mark.where, m->to.where) != 0) {
    sm_complain("the data of %s has moved to %s: what is here is old", from->where, mark.where);
    return false;
  }
  return true;
}

static bool is_other_house(const migration *m, const sm_move_side *side, const sm_move_mark *mark) {
  if (strcmp(mark->house, m->meta.client_id) == 0) return false;
  sm_complain("%s holds another deployment's data (%s; this one is %s): give an empty one",
              side->where, mark->house, m->meta.client_id);
  return true;
}

/* A store that is in use is nothing to move into, unless it is what a run before this one filled:
 * it has done all but its last step. */
static bool is_done(const migration *m, sm_move_side *side) {
  sm_err err = m->settled ? sm_move_side_open_readings(side, false) : SM_ERR_NOT_FOUND;
  bool done = err == SM_OK && strcmp(sm_readings_client_id(side->readings), m->meta.client_id) == 0;
  if (!done) sm_complain("%s holds data that is in use: give an empty one", side->where);
  return done;
}

static sm_err mark_target(const migration *m) {
  sm_move_mark mark = {.state = SM_MOVE_ARRIVING, .at_ms = sm_clock_now_ms()};
  memcpy(mark.house, m->meta.client_id, sizeof mark.house);
  memcpy(mark.where, m->from.where, sizeof mark.where);
  return sm_ledger_move_set_mark(m->to.ledger, sm_cli_actor(), &mark);
}

/* *done: the move is over already. */
static bool judge_target(migration *m, bool *done) {
  sm_move_mark mark;
  bool unused = false;
  sm_move_side *to = &m->to;
  sm_err err = sm_ledger_move_mark(to->ledger, &mark);
  if (err == SM_OK) err = sm_ledger_move_unused(to->ledger, &unused);
  if (err != SM_OK) {
    sm_move_side_complain(to, "look at the data in", err);
    return false;
  }
  if (mark.state == SM_MOVE_NONE && !unused) {
    *done = (m->settled && !to->server) || is_done(m, to); /* nobody else fills that folder */
    return *done;
  }
  if (mark.state != SM_MOVE_NONE && is_other_house(m, to, &mark)) return false;
  if (mark.state == SM_MOVE_ARRIVING) return true;
  err = mark_target(m);
  if (err != SM_OK) sm_move_side_complain(to, "mark", err);
  return err == SM_OK;
}

/* The files that will be replaced must be ones that were left. */
static bool may_replace(const migration *m, bool *done) {
  sm_move_side there;
  sm_move_mark mark;
  if (m->to.server) return true;
  if (!sm_move_side_init(&there, &m->config, "embedded", NULL, false)) return false;
  sm_err err = sm_move_side_open_ledger(&there, false);
  bool none = err == SM_ERR_NOT_FOUND;
  bool good = none;
  if (err == SM_OK) err = sm_ledger_move_mark(there.ledger, &mark);
  if (!none && err != SM_OK) sm_move_side_complain(&there, "open the data in", err);
  if (!none && err == SM_OK) {
    *done = mark.state != SM_MOVE_LEFT && is_done(m, &there);
    good = *done || (mark.state == SM_MOVE_LEFT && !is_other_house(m, &there, &mark));
  }
  sm_move_side_fini(&there);
  return good;
}

static bool open_target(migration *m, bool *done) {
  sm_move_side *to = &m->to;
  if (!may_replace(m, done)) return false;
  if (*done) return true;
  sm_err err = sm_move_side_open_ledger(to, true);
  if (err != SM_OK) {
    sm_move_side_complain(to, "open", err);
    return false;
  }
  if (!judge_target(m, done)) return false;
  if (*done) return true;
  err = sm_move_side_open_readings(to, true);
  if (err == SM_ERR_BUSY)
    sm_complain("another process works on %s: a second migrate, or a server", to->where);
  else if (err != SM_OK)
    sm_move_side_complain(to, "open the readings in", err);
  return err == SM_OK;
}

/* What ends the move is an entry of the audit log, which somebody has to sign. */
static bool open_signer(migration *m) {
  sm_audit_head head;
  sm_err err = sm_ledger_audit_head(m->from.ledger, &head);
  if (err == SM_ERR_NOT_FOUND) return true;
  if (err == SM_OK) err = sm_audit_key_open(m->config.data_dir, false, &m->audit_key);
  if (err == SM_ERR_NOT_FOUND)
    sm_complain("%s/keys/audit.json is gone, with which the audit log is signed: bring it back "
                "(smartmeter keys import)",
                m->config.data_dir);
  else
    (void)sm_complain_unless(err, "use the key of the audit log in", m->config.data_dir);
  if (err == SM_OK) sm_ledger_set_signer(m->to.ledger, sm_audit_key_signer(m->audit_key));
  return err == SM_OK;
}

/* ---- readings ---- */

static bool on_readings(void *context, uint64_t readings, uint64_t done, uint64_t total) {
  migration *m = context;
  sm_progress_at(&m->progress,
                 (sm_progress_point){.count = readings, .done = done, .total = total});
  return true;
}

static sm_err on_again(void *context, sm_readings **from) {
  migration *m = context;
  sm_err err = sm_move_side_look_again(&m->from);
  *from = m->from.readings;
  return err;
}

static void complain_of_pass(const migration *m, sm_err err) {
  if (err == SM_ERR_CONFLICT)
    sm_complain("%s holds readings that %s does not: it is no copy of it, and nothing of it was "
                "replaced",
                m->to.where, m->from.where);
  else if (err == SM_ERR_CORRUPT)
    sm_complain("what was written to %s is not what is read back from it: run smartmeter doctor",
                m->to.where);
  else
    sm_complain("broken off: %s; the same command goes on", sm_complain_text(err));
}

static bool run_pass(migration *m, const char *verb, bool whole, sm_move_counts *counts) {
  sm_err err = sm_move_side_look_again(&m->from);
  const sm_move_pass pass = {.from = m->from.readings,
                             .to = m->to.readings,
                             .whole = whole,
                             .progress = on_readings,
                             .again = on_again,
                             .context = m};
  sm_progress_init(&m->progress, stderr, verb, "readings");
  if (err == SM_OK) err = sm_move_pass_run(&pass, counts);
  sm_progress_end(&m->progress);
  if (err != SM_OK) complain_of_pass(m, err);
  return err == SM_OK;
}

/* The first pass takes long, and leaves what came meanwhile to the next, which is quicker. */
static bool copy_readings(migration *m) {
  sm_move_counts counts = {.readings_put = UINT64_MAX};
  for (int i = 0; i < CATCH_UP_ROUNDS && counts.readings_put > CATCH_UP_FEW; i++)
    if (!run_pass(m, "copying", false, &counts)) return false;
  return run_pass(m, "comparing", true, &m->readings);
}

static bool is_sound(const migration *m) {
  sm_readings_stats stats;
  sm_readings_stats_get(m->from.readings, &stats);
  uint64_t damaged = m->from.damaged + stats.damaged;
  if (damaged > 0)
    sm_complain("pieces of %s are damaged and cannot be read: smartmeter doctor says which. All "
                "else is copied, and nothing is switched",
                m->from.where);
  return damaged == 0;
}

/* ---- the ledger ---- */

static bool on_rows(void *context, uint64_t done, uint64_t total) {
  sm_progress *progress = context;
  sm_progress_at(progress, (sm_progress_point){.count = done, .done = done, .total = total});
  return true;
}

static bool move_ledger(migration *m, const sm_move_mark *left) {
  sm_move_ledger_fini(&m->ledger);
  sm_progress_init(&m->progress, stderr, "ledger", "rows");
  const sm_ledger_move_options options = {.from = m->from.ledger,
                                          .to = m->to.ledger,
                                          .left = left,
                                          .progress = on_rows,
                                          .context = &m->progress};
  sm_err err = sm_ledger_move(&options, &m->ledger);
  sm_progress_end(&m->progress);
  if (err == SM_ERR_UNSUPPORTED)
    sm_complain("the ledgers of %s and %s are of different versions: use one program on both",
                m->from.where, m->to.where);
  else if (err != SM_OK)
    sm_complain("the ledger was not copied: %s; the same command goes on", sm_complain_text(err));
  return err == SM_OK;
}

/* ---- the switch ---- */

/* While it is waited for, little is left to be done then. */
static bool wait_for_server(migration *m) {
  sm_move_counts counts;
  bool told = false;
  int64_t pass_ms = sm_clock_steady_ms();
  for (;;) {
    sm_err err = sm_move_side_hold(&m->from);
    if (err == SM_OK) return true;
    if (err != SM_ERR_BUSY) {
      sm_move_side_complain(&m->from, "lock", err);
      return false;
    }
    if (!told)
      (void)fputs("everything is copied. Stop the server now (all, if there are several): this "
                  "waits for that\n",
                  stderr);
    told = true;
    (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
    if (sm_clock_steady_ms() - pass_ms < CATCH_UP_EVERY_MS) continue;
    if (!run_pass(m, "copying", false, &counts)) return false;
    pass_ms = sm_clock_steady_ms();
  }
}

/* Nobody stores readings any more: what is left is copied, and a look that finds nothing different
 * is the proof. */
static bool finish_readings(migration *m) {
  sm_move_counts counts;
  if (!run_pass(m, "copying", false, &counts) || !run_pass(m, "comparing", false, &counts))
    return false;
  if (counts.days_put > 0) {
    sm_complain("somebody writes to %s while it is locked: nothing is switched", m->from.where);
    return false;
  }
  m->readings.series = counts.series;
  m->readings.readings = counts.readings;
  m->readings.quarters = counts.quarters;
  m->readings.rejects = counts.rejects;
  sm_err err = sm_readings_move_meta(m->from.readings, &m->meta);
  if (err == SM_OK) err = sm_readings_move_set_meta(m->to.readings, &m->meta);
  if (err != SM_OK) complain_of_pass(m, err);
  return err == SM_OK;
}

static bool open_the_door(migration *m) {
  sm_move_mark none = {.state = SM_MOVE_NONE};
  memcpy(none.where, m->from.where, sizeof none.where);
  sm_err err = sm_ledger_move_set_mark(m->to.ledger, sm_cli_actor(), &none);
  if (err != SM_OK) sm_move_side_complain(&m->to, "open to everybody", err);
  return err == SM_OK;
}

static bool move_file(const char *from_dir, const char *to_dir, const char *name) {
  char *from = sm_path_join(from_dir, name);
  char *to = sm_path_join(to_dir, name);
  bool good = from != NULL && to != NULL;
  if (good && sm_file_exists(from)) {
    good = rename(from, to) == 0 && sm_file_sync_name(to) == SM_OK;
    if (!good) sm_complain("cannot move %s to %s", from, to);
  }
  free(from);
  free(to);
  return good;
}

static bool is_there(const char *dir, const char *name) {
  char *path = sm_path_join(dir, name);
  bool there = path != NULL && sm_file_exists(path);
  free(path);
  return there;
}

/* What was left in this folder before. Its ledger first: without it nobody takes the rest for data.
 */
static bool set_aside(const migration *m) {
  static const char *const files[] = {"ledger.db",   "ledger.db-wal",   "ledger.db-shm",
                                      "readings.db", "readings.db-wal", "readings.db-shm"};
  char aside[4200];
  const char *dir = m->config.data_dir;
  bool any = false;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) any = any || is_there(dir, files[i]);
  if (!any) return true;
  (void)snprintf(aside, sizeof aside, "%s/left-%lld", dir, (long long)(m->left.at_ms / 1000));
  bool good = sm_complain_unless(sm_dir_make(aside), "make", aside);
  for (size_t i = 0; good && i < sizeof files / sizeof files[0]; i++)
    good = move_file(dir, aside, files[i]);
  if (good) (void)fprintf(stderr, "What was left here before is in %s.\n", aside);
  return good;
}

/* A log that a killed run left beside a file belongs into it before that is moved. */
static bool is_closed(const migration *m, const char *stage) {
  sm_readings *readings = NULL;
  sm_ledger *ledger = NULL;
  const sm_embedded_options options = {.data_dir = stage};
  sm_err err =
      is_there(stage, "readings.db") ? sm_embedded_readings_open(&options, true, &readings) : SM_OK;
  sm_readings_close(readings);
  if (err == SM_OK && is_there(stage, "ledger.db"))
    err = sm_embedded_ledger_open(&options, &ledger);
  sm_ledger_close(ledger);
  bool closed =
      err == SM_OK && !is_there(stage, "readings.db-wal") && !is_there(stage, "ledger.db-wal");
  if (!closed)
    sm_complain("%s is in use, and cannot be put in its place (%s): %s", stage, sm_err_text(err),
                m->config.data_dir);
  return closed;
}

/* Embedded stores were filled beside their place. The ledger comes last: until it is there, the
 * folder is not taken for a whole one. */
static bool install(const migration *m) {
  static const char *const files[] = {"readings.db", "audit.head", "ledger.db"};
  const char *dir = m->config.data_dir;
  char stage[4200];
  (void)snprintf(stage, sizeof stage, "%s/" SM_MOVE_STAGE, dir);
  if (!is_there(stage, "ledger.db")) return true; /* it was the last step of a run before */
  bool good = is_closed(m, stage) && (!is_there(stage, "readings.db") || set_aside(m));
  for (size_t i = 0; good && i < sizeof files / sizeof files[0]; i++)
    good = move_file(stage, dir, files[i]);
  char *lock = good ? sm_path_join(stage, "readings.db.lock") : NULL;
  if (lock != NULL && unlink(lock) == 0) (void)rmdir(stage);
  free(lock);
  return good;
}

/* Of a MongoDB that was filled: its lock and its session. */
static void clear_place(const migration *m) {
  static const char *const files[] = {"readings.mongodb-session", "readings.db.lock"};
  char place[4200];
  (void)snprintf(place, sizeof place, "%s/" SM_MOVE_STAGE, m->config.data_dir);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char *path = sm_path_join(place, files[i]);
    if (path != NULL) (void)unlink(path);
    free(path);
  }
  (void)rmdir(place);
}

static bool settle(const migration *m) {
  if (m->to.engine == SM_MOVE_EMBEDDED) return install(m);
  if (m->to.engine == SM_MOVE_MONGO) clear_place(m);
  return true;
}

static bool switch_over(migration *m) {
  if (!m->settled) m->left = (sm_move_mark){.state = SM_MOVE_LEFT, .at_ms = sm_clock_now_ms()};
  memcpy(m->left.house, m->meta.client_id, sizeof m->left.house);
  memcpy(m->left.where, m->to.where, sizeof m->left.where);
  if (!finish_readings(m) || !is_sound(m) || !move_ledger(m, &m->left) || !open_the_door(m))
    return false;
  sm_move_side_fini(&m->to);
  return settle(m);
}

/* ---- what was done ---- */

static void print_sum(const migration *m, bool switched, bool json) {
  char hex[2][SM_SHA256_HEX_MAX];
  char text[4][SM_COUNT_TEXT_MAX];
  const sm_move_counts *c = &m->readings;
  (void)sm_hex(c->digest, sizeof c->digest, hex[0]);
  (void)sm_hex(m->ledger.digest, sizeof m->ledger.digest, hex[1]);
  if (json) {
    (void)printf("{\"series\":%llu,\"readings\":%llu,\"quarters\":%llu,\"rejects\":%llu,"
                 "\"readings_sha256\":\"%s\",\"ledger_tables\":%zu,\"ledger_rows\":%llu,"
                 "\"ledger_sha256\":\"%s\",\"switched\":%s}\n",
                 (unsigned long long)c->series, (unsigned long long)c->readings,
                 (unsigned long long)c->quarters, (unsigned long long)c->rejects, hex[0],
                 m->ledger.count, (unsigned long long)m->ledger.rows, hex[1],
                 switched ? "true" : "false");
    return;
  }
  (void)printf("readings  %s of %s, %s of 15 minutes, %s refused: the same on both sides\n",
               sm_count_text(c->readings, text[0]), sm_count_of(c->series, "meter", text[1]),
               sm_count_of(c->quarters, "row", text[2]), sm_count_text(c->rejects, text[3]));
  (void)printf("          compared one by one, sha256 %s\n", hex[0]);
  (void)printf("ledger    %s in %zu tables, sha256 %s\n",
               sm_count_of(m->ledger.rows, "row", text[0]), m->ledger.count, hex[1]);
}

static void print_end(const migration *m, bool switched) {
  const char *secret = m->password_file != NULL && m->to.engine == SM_MOVE_MONGO
                           ? " (with the password in it: mongodb://user:password@host)"
                           : "";
  if (switched)
    (void)fprintf(stderr,
                  "The data has moved to %s. Set SMARTMETER_STORE=%s%s and start the server.\n",
                  m->to.where, m->to.server ? m->to.store : "embedded", secret);
  else
    (void)fprintf(stderr,
                  "Everything so far is in %s too; %s stays in use. To move: the same "
                  "command with --switch.\n",
                  m->to.where, m->from.where);
}

static bool copy_and_switch(migration *m, bool switching, bool json) {
  if (!copy_readings(m) || !is_sound(m)) return false;
  if (!switching && !m->settled) {
    if (!move_ledger(m, NULL)) return false;
    print_sum(m, false, json);
    print_end(m, false);
    return true;
  }
  if (!move_ledger(m, NULL) || !wait_for_server(m) || !switch_over(m)) return false;
  print_sum(m, true, json);
  print_end(m, true);
  return true;
}

static bool migrate(migration *m, bool switching, bool json) {
  bool done = false;
  if (!open_source(m) || !open_target(m, &done)) return false;
  if (!done) return open_signer(m) && copy_and_switch(m, switching, json);
  /* All but the last step of a run before. */
  sm_move_side_fini(&m->to);
  if (!settle(m)) return false;
  (void)fprintf(stderr, "The data of %s has moved already.\n", m->from.where);
  print_end(m, true);
  return true;
}

static bool may_begin(const migration *m, const char *from, const char *to) {
  char *mark = sm_path_join(m->config.data_dir, SM_RESTORE_MARK);
  bool whole = mark != NULL && !sm_file_exists(mark);
  free(mark);
  if (!whole)
    sm_complain("a restore into %s was broken off: run it again, with --force", m->config.data_dir);
  if (strcmp(from, to) == 0) sm_complain("--from and --to are the same store");
  return whole && strcmp(from, to) != 0;
}

/* Of two, one data folder would hold two copies of a ledger; and MongoDB moves itself. */
static bool is_possible(const migration *m) {
  bool both = m->from.engine == SM_MOVE_MONGO && m->to.engine == SM_MOVE_MONGO;
  if (both)
    sm_complain("from one MongoDB to another its own tools move a database: a new member of the "
                "replica set, or mongodump and mongorestore while no server runs");
  return !both;
}

static int run(const char *from, const char *to, const char *password_file, bool switching,
               bool json) {
  migration *m = calloc(1, sizeof *m);
  if (m == NULL) return SM_EXIT_FAILED;
  m->from.lock = m->to.lock = -1;
  m->password_file = password_file;
  bool good = sm_settings_load(&m->config) && may_begin(m, from, to) &&
              sm_move_side_init(&m->from, &m->config, from, password_file, false) &&
              sm_move_side_init(&m->to, &m->config, to, password_file, true) && is_possible(m) &&
              migrate(m, switching, json);
  sm_move_side_fini(&m->to);
  sm_move_side_fini(&m->from);
  sm_audit_key_free(m->audit_key);
  sm_move_ledger_fini(&m->ledger);
  sm_config_fini(&m->config);
  free(m);
  return good ? SM_EXIT_OK : SM_EXIT_FAILED;
}

int sm_cmd_migrate(int argc, char **argv) {
  const char *from = NULL;
  const char *to = NULL;
  const char *password_file = NULL;
  bool switching = false;
  bool json = false;
  const sm_option options[] = {{"--from", .text = &from},
                               {"--to", .text = &to},
                               {"--password-file", .text = &password_file},
                               {"--switch", .flag = &switching},
                               {"--json", .flag = &json}};
  int status;
  if (!sm_options_read(options, sizeof options / sizeof options[0], usage, &argc, argv, &status))
    return status;
  if (argc > 1 || from == NULL || to == NULL)
    return sm_misused(usage, "say from where and to where");
  sm_log_set_level(SM_LOG_ERROR);
  return run(from, to, password_file, switching, json);
}
