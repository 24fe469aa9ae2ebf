/* Partitions: a month of UTC each. */
#include "store/postgres/readings_pg.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Days since 1970 of a civil date, and back (Hinnant's arithmetic of eras). */
static int64_t days_of(int64_t year, int64_t month) {
  year -= month <= 2;
  int64_t era = year / 400;
  int64_t of_era = year - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t pg_month_start_ms(int64_t month) {
  return days_of(1970 + month / 12, month % 12 + 1) * DAY_MS;
}

int64_t pg_month_of(int64_t ts_ms) {
  int64_t month = ts_ms / (DAY_MS * 31); /* never too late, too early by little */
  while (pg_month_start_ms(month + 1) <= ts_ms) month++;
  return month;
}

bool pg_has_month(const pg_readings *store, int64_t month) {
  for (size_t i = store->month_count; i > 0; i--)
    if (store->month[i - 1] == month) return true;
  return false;
}

static sm_err remember(pg_readings *store, int64_t month) {
  if (pg_has_month(store, month)) return SM_OK;
  int64_t *list = realloc(store->month, (store->month_count + 1) * sizeof *list);
  if (list == NULL) return SM_ERR_NOMEM;
  store->month = list;
  store->month[store->month_count++] = month;
  return SM_OK;
}

sm_err pg_load_months(pg_readings *store, sm_sql *db) {
  store->month_count = 0;
  sm_sql_stmt q = sm_sql_use(
      db, "SELECT CAST(substr(c.relname, 9, 4) AS INTEGER), CAST(substr(c.relname, 14, 2) AS "
          "INTEGER) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
          "WHERE i.inhparent = 'smartmeter.reading'::regclass ORDER BY 1, 2");
  while (sm_sql_row(&q)) {
    sm_err err = remember(store, (sm_sql_i64(&q, 0) - 1970) * 12 + sm_sql_i64(&q, 1) - 1);
    if (err != SM_OK) q.err = err;
  }
  return sm_sql_end(&q);
}

/* Attached, not made as a partition: that would lock out everybody who reads. The commit that needs
 * it may be taken back: then the list is read again (pg_readings.behind). */
sm_err pg_need_month(pg_readings *store, int64_t month) {
  char sql[400];
  if (pg_has_month(store, month)) return SM_OK;
  /* Another server may be about to make it: then it is there when the lock is had. */
  sm_err err = sm_sql_exec(store->db, PG_LOCK_MONTHS);
  if (err == SM_OK) err = pg_load_months(store, store->db);
  if (err != SM_OK || pg_has_month(store, month)) return err;
  int year = (int)(1970 + month / 12);
  int number = (int)(month % 12 + 1);
  (void)snprintf(sql, sizeof sql,
                 "CREATE TABLE reading_%04d_%02d (LIKE reading INCLUDING ALL);"
                 "ALTER TABLE reading ATTACH PARTITION reading_%04d_%02d"
                 " FOR VALUES FROM (%lld) TO (%lld)",
                 year, number, year, number, (long long)pg_month_start_ms(month),
                 (long long)pg_month_start_ms(month + 1));
  err = sm_sql_exec(store->db, sql);
  return err == SM_OK ? remember(store, month) : err;
}

/* ---- retention ---- */

static int64_t dropped_before_ms(const pg_readings *store) {
  return store->kept_from_ms > 0 ? store->kept_from_ms : INT64_MIN;
}

int64_t pg_horizon_ms(pg_readings *store, int64_t now_ms) {
  int64_t dropped_ms = dropped_before_ms(store);
  if (store->retention_days == 0) return dropped_ms;
  (void)pthread_rwlock_rdlock(&store->lock);
  int64_t newest_ms = store->newest_ms;
  (void)pthread_rwlock_unlock(&store->lock);
  /* By both clocks: one that jumps must not drop what is kept. */
  int64_t sure_ms = now_ms < newest_ms ? now_ms : newest_ms;
  int64_t oldest_ms = sure_ms > 0 ? sure_ms - store->retention_days * DAY_MS : 0;
  int64_t horizon_ms = oldest_ms > 0 ? pg_month_start_ms(pg_month_of(oldest_ms)) : INT64_MIN;
  return horizon_ms > dropped_ms ? horizon_ms : dropped_ms;
}

sm_err pg_load_horizon(sm_sql *db, int64_t *horizon_ms) {
  sm_err err = sm_sql_query_i64(db,
                                "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM readings_meta "
                                "WHERE key = 'horizon_ms'), 0)",
                                horizon_ms);
  return err;
}

/* Another server may have dropped more. */
static sm_err keep_horizon(pg_readings *store, int64_t horizon_ms) {
  char text[24];
  sm_err err = pg_load_horizon(store->db, &store->kept_from_ms);
  if (err != SM_OK || horizon_ms <= store->kept_from_ms) return err;
  (void)snprintf(text, sizeof text, "%lld", (long long)horizon_ms);
  return pg_put_meta(store->db, "horizon_ms", text);
}

/* Where a day's register is not plain (it fell, or stepped by more than 5000 W), or that of its
 * neighbours of a week, or where it has no neighbour to be judged by, its course stays, so that a
 * trace still judges as if all readings were there. A day more is kept rather than one less. */
static sm_err keep_course(sm_sql *db, int64_t from_ms, int64_t to_ms) {
  sm_sql_stmt q = sm_sql_use(
      db,
      "WITH q AS (SELECT series_no, start_ms / 86400000 AS day, fell <> 0 OR step_max_w > 5000 "
      "  OR first_wh > last_wh OR (last_wh - first_wh - 2) * 3600000 > 5000 * (last_ms - first_ms) "
      "  OR lag(last_wh) OVER w IS NULL OR lag(last_wh) OVER w > first_wh "
      "  OR (first_wh - lag(last_wh) OVER w - 2) * 3600000 "
      "    > 5000 * (first_ms - lag(last_ms) OVER w) AS doubt "
      "  FROM quarter WHERE start_ms >= ?1 - 691200000 AND start_ms < ?2 + 691200000 "
      "  WINDOW w AS (PARTITION BY series_no ORDER BY start_ms)), "
      "d AS (SELECT series_no, day, bool_or(doubt) AS doubt FROM q GROUP BY series_no, day), "
      "n AS (SELECT series_no, day, doubt OR coalesce(lag(doubt) OVER w, true) "
      "  OR coalesce(lead(doubt) OVER w, true) AS doubt FROM d "
      "  WINDOW w AS (PARTITION BY series_no ORDER BY day)) "
      "INSERT INTO course (series_no, ts_ms, energy_wh) "
      "SELECT r.series_no, r.ts_ms, r.energy_wh FROM n JOIN reading r ON r.series_no = n.series_no "
      "AND r.ts_ms >= n.day * 86400000 AND r.ts_ms < (n.day + 1) * 86400000 "
      "WHERE n.doubt AND r.ts_ms >= ?1 AND r.ts_ms < ?2 ON CONFLICT DO NOTHING");
  sm_sql_bind_i64(&q, 1, from_ms);
  sm_sql_bind_i64(&q, 2, to_ms);
  return sm_sql_run(&q);
}

static sm_err count_days(sm_sql *db, int64_t from_ms, int64_t to_ms, int64_t *days) {
  sm_sql_stmt q = sm_sql_use(db, "SELECT count(*) FROM (SELECT DISTINCT series_no, start_ms / "
                                 "86400000 FROM quarter WHERE start_ms >= ?1 AND start_ms < ?2) d");
  sm_sql_bind_i64(&q, 1, from_ms);
  sm_sql_bind_i64(&q, 2, to_ms);
  if (sm_sql_row(&q)) *days = sm_sql_i64(&q, 0);
  return sm_sql_end(&q);
}

static sm_err drop_table(sm_sql *db, int64_t month) {
  char sql[80];
  (void)snprintf(sql, sizeof sql, "DROP TABLE reading_%04d_%02d", (int)(1970 + month / 12),
                 (int)(month % 12 + 1));
  return sm_sql_exec(db, sql);
}

static sm_err drop(pg_readings *store, int64_t month, int64_t *days) {
  int64_t from_ms = pg_month_start_ms(month);
  int64_t to_ms = pg_month_start_ms(month + 1);
  sm_err err = keep_course(store->db, from_ms, to_ms);
  if (err == SM_OK) err = count_days(store->db, from_ms, to_ms, days);
  return err == SM_OK ? drop_table(store->db, month) : err;
}

sm_err pg_drop_month(pg_readings *store, int64_t now_ms, bool *done) {
  int64_t horizon_ms = pg_horizon_ms(store, now_ms);
  size_t at = 0;
  *done = false;
  while (at < store->month_count && pg_month_start_ms(store->month[at] + 1) > horizon_ms) at++;
  if (at == store->month_count) return SM_OK;
  /* Its quarters need all of their readings first. */
  bool due = true;
  bool gone = false;
  sm_err err = SM_OK;
  while (err == SM_OK && due) err = pg_make_due(store, horizon_ms, &due);
  /* Alone, so that no commit of another server is on its way there. */
  if (err == SM_OK) err = sm_sql_begin_immediate(store->db);
  if (err != SM_OK) return err;
  int64_t month = store->month[at];
  int64_t days = 0;
  int64_t end_ms = pg_month_start_ms(month + 1);
  err = pg_load_months(store, store->db);
  for (at = 0; at < store->month_count && store->month[at] != month;) at++;
  gone = at == store->month_count; /* by another server */
  if (err == SM_OK && !gone) err = drop(store, month, &days);
  if (err == SM_OK && !gone) err = keep_horizon(store, end_ms);
  if (err == SM_OK) err = sm_sql_commit(store->db);
  sm_sql_rollback(store->db);
  if (err != SM_OK) {
    store->behind = true;
    return err;
  }
  *done = true;
  if (end_ms > store->kept_from_ms) store->kept_from_ms = end_ms;
  if (gone) return SM_OK;
  store->month[at] = store->month[--store->month_count];
  atomic_fetch_add(&store->dropped_days, (uint64_t)days);
  return SM_OK;
}
