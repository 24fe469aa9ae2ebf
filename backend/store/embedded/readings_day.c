#include "store/embedded/readings_internal.h"

#include "store/series/quarter_block.h"

#include <stdlib.h>
#include <string.h>

const char sm_block_next_sql[] = "SELECT block_key FROM block WHERE block_key >= ?1"
                                 " AND block_key <= ?2 ORDER BY block_key LIMIT 1";
const char sm_quarter_next_sql[] = "SELECT quarter_key FROM quarter WHERE quarter_key >= ?1"
                                   " AND quarter_key <= ?2 ORDER BY quarter_key LIMIT 1";
const char sm_course_next_sql[] = "SELECT course_key FROM course WHERE course_key >= ?1"
                                  " AND course_key <= ?2 ORDER BY course_key LIMIT 1";

/* ---- which rows there are ---- */

static sm_err next_key(sm_sql *db, const char *sql, int64_t from, int64_t to, int64_t *key) {
  sm_sql_stmt q = sm_sql_use(db, sql);
  sm_sql_bind_i64(&q, 1, from);
  sm_sql_bind_i64(&q, 2, to);
  int64_t found = sm_sql_row(&q) ? sm_sql_i64(&q, 0) : -1;
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK) *key = found;
  return err;
}

/* A page that cannot be read hides some keys; each try from a later one takes its own way down the
 * tree. The steps grow, so that a wide range ends soon. */
static sm_err next_key_past_damage(sm_readings *store, sm_sql *db, const char *sql, int64_t from,
                                   int64_t to, int64_t *key) {
  sm_err err = next_key(db, sql, from, to, key);
  if (err != SM_ERR_CORRUPT) return err;
  sm_damage_found(store, DAMAGE_PAGE, from);
  for (int64_t step = 1, at = from; at < to; step += step / 16 + 1) {
    at = to - at > step ? at + step : to;
    err = next_key(db, sql, at, to, key);
    if (err != SM_ERR_CORRUPT) return err;
  }
  *key = -1;
  return SM_OK;
}

sm_err sm_day_next(sm_readings *store, sm_sql *db, const char *sql, int64_t series_no,
                   int64_t from_day, int64_t to_day, int64_t *day) {
  int64_t base = sm_day_key(series_no, 0);
  int64_t key = -1;
  sm_err err = from_day > to_day
                   ? SM_OK
                   : next_key_past_damage(store, db, sql, base + from_day, base + to_day, &key);
  if (err == SM_OK) *day = key < 0 ? -1 : key - base;
  return err;
}

/* Hours that nobody has readings in are jumped over. */
sm_err sm_fresh_next_hour(sm_readings *store, sm_sql *db, int64_t series_no, int64_t from_hour,
                          int64_t to_hour, int64_t *hour) {
  static const char sql[] = "SELECT fresh_key FROM fresh WHERE fresh_key >= ?1"
                            " AND fresh_key <= ?2 ORDER BY fresh_key LIMIT 1";
  int64_t to_key = sm_fresh_key(to_hour, 0) - 1;
  int64_t at = from_hour;
  while (at < to_hour) {
    int64_t key = -1;
    sm_err err = next_key_past_damage(store, db, sql, sm_fresh_key(at, series_no), to_key, &key);
    if (err != SM_OK) return err;
    if (key < 0) break;
    int64_t found_hour = key >> HOUR_SHIFT;
    int64_t found_no = key - sm_fresh_key(found_hour, 0);
    if (found_no == series_no) {
      *hour = found_hour;
      return SM_OK;
    }
    at = found_no > series_no ? found_hour + 1 : found_hour;
  }
  *hour = -1;
  return SM_OK;
}

/* ---- bodies ---- */

static const char *body_sql(damage_kind kind) {
  switch (kind) {
  case DAMAGE_FRESH:
    return "SELECT body FROM fresh WHERE fresh_key = ?1";
  case DAMAGE_BLOCK:
    return "SELECT body FROM block WHERE block_key = ?1";
  case DAMAGE_COURSE:
    return "SELECT body FROM course WHERE course_key = ?1";
  case DAMAGE_QUARTER:
    return "SELECT body FROM quarter WHERE quarter_key = ?1";
  case DAMAGE_PAGE:
  case DAMAGE_JOURNAL:
  case DAMAGE_STATE:
    break;
  }
  return NULL;
}

static bool is_damage(sm_err err) {
  return err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED;
}

static sm_err decode(damage_kind kind, const uint8_t *body, size_t len, bool brief, sm_run *run) {
  if (body == NULL) return SM_ERR_CORRUPT;
  if (kind == DAMAGE_FRESH) return sm_fresh_row_read(body, len, run);
  sm_err err = brief ? sm_block_decode_brief(body, len, &run->item, &run->count)
                     : sm_block_decode(body, len, &run->item, &run->count);
  run->cap = run->count;
  return err;
}

static sm_err read_rows(sm_readings *store, sm_sql *db, damage_kind kind, int64_t key, bool brief,
                        sm_run *run, bool *damaged) {
  sm_run out = {0};
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(db, body_sql(kind));
  sm_sql_bind_i64(&q, 1, key);
  if (sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 0, &len);
    err = decode(kind, body, len, brief, &out);
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (is_damage(err)) {
    sm_damage_found(store, kind, key);
    *damaged = true;
    err = SM_OK; /* what could be read of it is given */
  }
  if (err != SM_OK) sm_run_fini(&out);
  if (err == SM_OK) *run = out;
  return err;
}

sm_err sm_rows_read(sm_readings *store, sm_sql *db, damage_kind kind, int64_t key, sm_run *run,
                    bool *damaged) {
  return read_rows(store, db, kind, key, false, run, damaged);
}

static sm_err load_fresh(sm_readings *store, sm_sql *db, int64_t series_no, int64_t day,
                         day_rows *rows) {
  int64_t end = (day + 1) * DAY_HOURS;
  int64_t hour = 0;
  for (int64_t from = day * DAY_HOURS; from < end; from = hour + 1) {
    sm_err err = sm_fresh_next_hour(store, db, series_no, from, end, &hour);
    if (err != SM_OK || hour < 0) return err;
    sm_run run = {0};
    err = sm_rows_read(store, db, DAMAGE_FRESH, sm_fresh_key(hour, series_no), &run,
                       &rows->fresh_damaged);
    if (err == SM_OK && run.count > 0) err = sm_run_join(&rows->run, run.item, run.count);
    sm_run_fini(&run);
    if (err != SM_OK) return err;
    rows->fresh = true;
  }
  return SM_OK;
}

sm_err sm_day_load(sm_readings *store, sm_sql *db, int64_t series_no, int64_t day, bool brief,
                   day_rows *rows) {
  day_rows out = {0};
  sm_err err = read_rows(store, db, DAMAGE_BLOCK, sm_day_key(series_no, day), brief, &out.run,
                         &out.block_damaged);
  if (err == SM_OK) err = load_fresh(store, db, series_no, day, &out);
  if (err != SM_OK)
    sm_run_fini(&out.run);
  else
    *rows = out;
  return err;
}

sm_err sm_row_write(sm_sql *db, damage_kind kind, int64_t key, const sm_buf *body) {
  if (body->err != SM_OK) return body->err;
  const char *sql = NULL;
  if (kind == DAMAGE_FRESH) sql = "INSERT OR REPLACE INTO fresh(fresh_key, body) VALUES(?1, ?2)";
  if (kind == DAMAGE_BLOCK) sql = "INSERT OR REPLACE INTO block(block_key, body) VALUES(?1, ?2)";
  if (kind == DAMAGE_COURSE) sql = "INSERT OR REPLACE INTO course(course_key, body) VALUES(?1, ?2)";
  if (kind == DAMAGE_QUARTER)
    sql = "INSERT OR REPLACE INTO quarter(quarter_key, body) VALUES(?1, ?2)";
  if (sql == NULL) return SM_ERR_INTERNAL;
  sm_sql_stmt q = sm_sql_use(db, sql);
  sm_sql_bind_i64(&q, 1, key);
  sm_sql_bind_blob(&q, 2, body->data, body->len);
  return sm_sql_run(&q);
}

/* ---- quarters ---- */

sm_err sm_day_quarter_row(sm_readings *store, sm_sql *db, int64_t series_no, int64_t day,
                          sm_quarter_list *list, bool *damaged) {
  sm_quarter_list out = {0};
  int64_t key = sm_day_key(series_no, day);
  sm_err err = SM_OK;
  sm_sql_stmt q = sm_sql_use(db, body_sql(DAMAGE_QUARTER));
  sm_sql_bind_i64(&q, 1, key);
  if (sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 0, &len);
    err = body == NULL ? SM_ERR_CORRUPT : sm_quarter_block_decode(body, len, &out.item, &out.count);
  }
  sm_err end = sm_sql_end(&q);
  if (err == SM_OK) err = end;
  if (is_damage(err)) {
    sm_damage_found(store, DAMAGE_QUARTER, key);
    *damaged = true;
    err = SM_OK;
  }
  if (err == SM_OK)
    *list = out;
  else
    sm_quarter_list_fini(&out);
  return err;
}

/* Raw that was damaged or dropped lacks something that the row still has: the quarter that more
 * readings went into is the better one. */
static void combine(const sm_quarter_list *row, const sm_quarter_list *raw, sm_quarter_list *out) {
  size_t i = 0;
  size_t j = 0;
  while (i < row->count && j < raw->count) {
    const sm_quarter *a = &row->item[i];
    const sm_quarter *b = &raw->item[j];
    bool same = a->start_ms == b->start_ms;
    bool take_row = same ? a->count > b->count : a->start_ms < b->start_ms;
    out->item[out->count++] = take_row ? *a : *b;
    if (take_row || same) i++;
    if (!take_row || same) j++;
  }
  while (i < row->count) out->item[out->count++] = row->item[i++];
  while (j < raw->count) out->item[out->count++] = raw->item[j++];
}

sm_err sm_day_quarters(const sm_quarter_list *row, const sm_run *raw, sm_quarter_list *list) {
  size_t most = raw->count < DAY_QUARTERS ? raw->count : DAY_QUARTERS;
  sm_quarter_list made = {.item = malloc((most + 1) * sizeof *made.item)};
  if (made.item == NULL) return SM_ERR_NOMEM;
  made.count = sm_quarters_of(raw->item, raw->count, made.item);
  if (row->count == 0) {
    *list = made;
    return SM_OK;
  }
  sm_quarter_list out = {.item = malloc((made.count + row->count) * sizeof *out.item)};
  sm_err err = out.item == NULL ? SM_ERR_NOMEM : SM_OK;
  if (err == SM_OK) {
    combine(row, &made, &out);
    *list = out;
  }
  sm_quarter_list_fini(&made);
  return err;
}
