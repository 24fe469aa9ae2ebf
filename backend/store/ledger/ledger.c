/* Connections, and the site. */
#include "base/clock.h"
#include "base/log.h"
#include "store/ledger/ledger_audit_head.h"
#include "store/ledger/ledger_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- connections ---- */

static sm_err open_on(sm_ledger *ledger, bool writer, sm_sql **db) {
  sm_err err = ledger->backing.open(ledger->backing.context, writer, db);
  if (err == SM_OK) sm_sql_set_context(*db, ledger);
  return err;
}

/* An idle connection, else a place for a new one (*db NULL), else waits for either. */
static void pool_take(sm_ledger *ledger, sm_sql **db) {
  *db = NULL;
  (void)pthread_mutex_lock(&ledger->pool_lock);
  while (ledger->idle_count == 0 && ledger->open_count == SM_LEDGER_READERS_MAX) {
    (void)pthread_cond_wait(&ledger->pool_freed, &ledger->pool_lock);
  }
  if (ledger->idle_count > 0) {
    *db = ledger->idle[--ledger->idle_count];
  } else {
    ledger->open_count++;
  }
  (void)pthread_mutex_unlock(&ledger->pool_lock);
}

/* db NULL: the place of one that could not be opened. */
static void pool_give(sm_ledger *ledger, sm_sql *db) {
  (void)pthread_mutex_lock(&ledger->pool_lock);
  if (db != NULL) {
    ledger->idle[ledger->idle_count++] = db;
  } else {
    ledger->open_count--;
  }
  (void)pthread_cond_signal(&ledger->pool_freed);
  (void)pthread_mutex_unlock(&ledger->pool_lock);
}

sm_err sm_ledger_read_begin(sm_ledger *ledger, sm_sql **out) {
  sm_sql *db;
  pool_take(ledger, &db);
  sm_err err = db == NULL ? open_on(ledger, false, &db) : SM_OK;
  if (err == SM_OK) err = sm_sql_begin(db);
  if (err != SM_OK) {
    pool_give(ledger, db);
    return err;
  }
  *out = db;
  return SM_OK;
}

void sm_ledger_read_end(sm_ledger *ledger, sm_sql *db) {
  sm_sql_rollback(db);
  pool_give(ledger, db);
}

sm_err sm_ledger_write_begin(sm_ledger *ledger, sm_sql **db) {
  (void)pthread_mutex_lock(&ledger->write_lock);
  sm_err err = sm_sql_begin_immediate(ledger->writer);
  /* Whoever waited for it may find the house empty. */
  if (err == SM_OK && !ledger->moving) {
    err = sm_ledger_move_check(ledger->writer);
    if (err != SM_OK) sm_sql_rollback(ledger->writer);
  }
  if (err != SM_OK) {
    (void)pthread_mutex_unlock(&ledger->write_lock);
    return err;
  }
  *db = ledger->writer;
  return SM_OK;
}

sm_err sm_ledger_write_end(sm_ledger *ledger, sm_err err) {
  sm_audit_head head = {0};
  if (err == SM_OK) err = sm_ledger_head_add(ledger, &head);
  if (err == SM_OK) {
    err = sm_sql_commit(ledger->writer);
  } else {
    sm_sql_rollback(ledger->writer);
  }
  if (err == SM_OK && head.count > 0) sm_ledger_head_publish(ledger, &head);
  (void)pthread_mutex_unlock(&ledger->write_lock);
  return err;
}

/* ---- opening ---- */

sm_err sm_ledger_add_site(sm_sql *db, const char *zone_name, const char *currency) {
  if (zone_name == NULL || currency == NULL) return SM_ERR_INVALID;
  sm_zone *zone = NULL;
  sm_err err = sm_zone_new(zone_name, &zone);
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_ERR_INVALID : err;
  sm_zone_free(zone);
  sm_sql_stmt q = sm_sql_use(db, "INSERT INTO site (site_no, name, zone, currency, created_ms) "
                                 "VALUES (1, 'Smartmeter', ?1, ?2, ?3)");
  sm_sql_bind_text(&q, 1, zone_name);
  sm_sql_bind_text(&q, 2, currency);
  sm_sql_bind_i64(&q, 3, sm_clock_now_ms());
  return sm_sql_run(&q);
}

static sm_err load_zone(sm_ledger *ledger) {
  sm_site site = {0};
  sm_err err = sm_ledger_site(ledger, &site);
  if (err != SM_OK) return err;
  err = sm_zone_new(site.zone, &ledger->zone);
  if (err == SM_ERR_NOT_FOUND) {
    static const char *const advice = "this system has no such time zone: install tzdata";
    sm_log(SM_LOG_ERROR, "ledger.zone", SM_LOG_TEXT("zone", site.zone),
           SM_LOG_TEXT("message", advice));
    err = SM_ERR_INVALID;
  }
  sm_site_fini(&site);
  return err;
}

static sm_err load_known(sm_ledger *ledger) {
  sm_sql *watch = NULL;
  sm_err err = open_on(ledger, false, &watch);
  return err == SM_OK ? sm_ledger_known_init(&ledger->known, watch) : err;
}

sm_err sm_ledger_open_on(const sm_ledger_backing *backing, sm_ledger **out) {
  sm_ledger *ledger = calloc(1, sizeof *ledger);
  if (ledger == NULL) {
    backing->free(backing->context);
    return SM_ERR_NOMEM;
  }
  ledger->backing = *backing;
  (void)pthread_mutex_init(&ledger->write_lock, NULL);
  (void)pthread_mutex_init(&ledger->lease_lock, NULL);
  (void)pthread_mutex_init(&ledger->pool_lock, NULL);
  (void)pthread_cond_init(&ledger->pool_freed, NULL);
  sm_err err = open_on(ledger, true, &ledger->writer);
  if (err == SM_OK) err = load_zone(ledger);
  if (err == SM_OK) err = load_known(ledger);
  if (err != SM_OK) {
    sm_ledger_close(ledger);
    return err;
  }
  *out = ledger;
  return SM_OK;
}

uint64_t sm_ledger_bytes(const sm_ledger *ledger) {
  return ledger->backing.bytes(ledger->backing.context);
}

void sm_ledger_close(sm_ledger *ledger) {
  if (ledger == NULL) return;
  assert(ledger->idle_count == ledger->open_count); /* nobody is in a call */
  if (ledger->known.watch != NULL) sm_ledger_known_fini(&ledger->known);
  for (size_t i = 0; i < ledger->idle_count; i++) sm_sql_close(ledger->idle[i]);
  sm_sql_close(ledger->leases);
  sm_sql_close(ledger->writer); /* last, so that the log is put back into the file */
  (void)pthread_cond_destroy(&ledger->pool_freed);
  (void)pthread_mutex_destroy(&ledger->pool_lock);
  (void)pthread_mutex_destroy(&ledger->lease_lock);
  (void)pthread_mutex_destroy(&ledger->write_lock);
  sm_zone_free(ledger->zone);
  ledger->backing.free(ledger->backing.context);
  free(ledger);
}

/* ---- the site ---- */

static void take_site(sm_sql_stmt *q, sm_site *site) {
  site->site_no = sm_sql_i64(q, 0);
  sm_sql_take_text(q, 1, &site->name);
  sm_sql_take_text(q, 2, &site->zone);
  sm_sql_take_text(q, 3, &site->currency);
  site->demo = sm_sql_i64(q, 4) != 0;
}

sm_err sm_ledger_site(sm_ledger *ledger, sm_site *site) {
  sm_sql *db;
  sm_err err = sm_ledger_read_begin(ledger, &db);
  if (err != SM_OK) return err;
  sm_site got = {0};
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT site_no, name, zone, currency, demo FROM site WHERE site_no = 1");
  bool found = sm_sql_row(&q);
  if (found) take_site(&q, &got);
  err = sm_sql_end(&q);
  sm_ledger_read_end(ledger, db);
  if (err == SM_OK && !found) err = SM_ERR_CORRUPT;
  if (err == SM_OK) {
    *site = got;
  } else {
    sm_site_fini(&got);
  }
  return err;
}

static sm_err mark_demo(sm_sql *db) {
  int64_t demo = 0;
  int64_t users = 0;
  sm_err err = sm_sql_query_i64(db, "SELECT demo FROM site WHERE site_no = 1", &demo);
  if (err != SM_OK || demo != 0) return err;
  err = sm_sql_query_i64(db, "SELECT EXISTS (SELECT 1 FROM user)", &users);
  if (err != SM_OK) return err;
  if (users != 0) return SM_ERR_CONFLICT;
  sm_sql_stmt q = sm_sql_use(db, "UPDATE site SET demo = 1 WHERE site_no = 1");
  err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  return sm_ledger_audit_add(db, (sm_actor){"server"}, "site.mark_demo", NULL, NULL);
}

sm_err sm_ledger_mark_demo(sm_ledger *ledger) {
  sm_sql *db;
  sm_err err = sm_ledger_write_begin(ledger, &db);
  if (err != SM_OK) return err;
  return sm_ledger_write_end(ledger, mark_demo(db));
}
