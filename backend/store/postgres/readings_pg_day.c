/* Days that are over, as one row each: a month is 31 rows then instead of 2976. The rows of
 * `quarter` stay what counts; a day's row is made from them, is taken away as soon as one of them
 * is made again, and is made anew later. */
#include "store/postgres/readings_pg.h"

#include "base/order.h"
#include "store/series/quarter_block.h"

#include <stdlib.h>

enum { SLICE = 40 }; /* days of one transaction */

/* ---- reading ---- */

static int64_t day_at(int64_t ts_ms) {
  const int64_t far = (int64_t)1 << 24; /* no reading is there */
  return sm_min_i64(sm_max_i64(ts_ms, 0) / DAY_MS, far);
}

/* Nothing of a day that cannot be read is lost: its rows tell the same. */
static sm_err unpack(const uint8_t *body, size_t len, int64_t day, const pg_asked *asked,
                     sm_quarter *out, size_t *count) {
  sm_outline_days *o = asked->outline;
  bool plain = true;
  if (body == NULL) return SM_ERR_CORRUPT;
  if (o == NULL || day < o->from_day || day >= o->to_day)
    return sm_quarter_block_read(body, len, asked->brief, out, count);
  sm_err err = sm_quarter_block_outline(body, len, &o->ask, out, count, &plain);
  if (err == SM_OK && !plain) o->doubtful = true;
  return err;
}

static sm_err add_gap(pg_days *days, const pg_asked *asked, int64_t from_day, int64_t to_day) {
  if (from_day >= to_day) return SM_OK;
  pg_array_i64(&days->gap_from, sm_max_i64(from_day * DAY_MS, asked->from_ms));
  pg_array_i64(&days->gap_to, sm_min_i64(to_day * DAY_MS, asked->to_ms));
  days->gaps++;
  return days->gap_to.err;
}

static void keep_inside(sm_quarter_list *list, size_t from, const pg_asked *asked) {
  size_t n = from;
  for (size_t i = from; i < list->count; i++) {
    const sm_quarter q = list->item[i];
    if (q.start_ms >= asked->from_ms && q.start_ms < asked->to_ms) list->item[n++] = q;
  }
  list->count = n;
}

static sm_err add_day(pg_days *days, size_t *cap, int64_t day, const uint8_t *body, size_t len,
                      const pg_asked *asked) {
  sm_quarter_list *list = &days->list;
  size_t count = 0;
  if (*cap - list->count < SM_QUARTERS_A_DAY) {
    size_t wanted = *cap + *cap / 2 + 4 * (size_t)SM_QUARTERS_A_DAY;
    sm_quarter *item = realloc(list->item, wanted * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    *cap = wanted;
  }
  sm_err err = unpack(body, len, day, asked, list->item + list->count, &count);
  if (err == SM_ERR_CORRUPT || err == SM_ERR_UNSUPPORTED) return add_gap(days, asked, day, day + 1);
  if (err != SM_OK) return err;
  size_t before = list->count;
  list->count += count;
  keep_inside(list, before, asked);
  return SM_OK;
}

/* *next is the day behind the last one that there is a row of. */
static sm_err read_rows(sm_sql *db, const pg_asked *asked, int64_t end, int64_t *next,
                        pg_days *days) {
  size_t cap = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "SELECT day, body, EXISTS (SELECT 1 FROM quarter_due WHERE series_no = ?1 AND "
                     "start_ms >= ?5 AND start_ms < ?6) FROM quarter_day "
                     "WHERE series_no = ?1 AND day >= ?2 AND day < ?3 ORDER BY day LIMIT ?4");
  sm_pg_binary(&q);
  sm_sql_bind_i64(&q, 1, asked->series_no);
  sm_sql_bind_i64(&q, 2, *next);
  sm_sql_bind_i64(&q, 3, end);
  sm_sql_bind_i64(&q, 4, asked->limit > INT32_MAX ? INT32_MAX : (int64_t)asked->limit);
  sm_sql_bind_i64(&q, 5, asked->from_ms);
  sm_sql_bind_i64(&q, 6, asked->to_ms);
  while (sm_sql_row(&q)) {
    size_t len = 0;
    int64_t day = sm_sql_i64(&q, 0);
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    days->due = sm_sql_i64(&q, 2) != 0;
    q.err = add_gap(days, asked, *next, day);
    if (q.err == SM_OK) q.err = add_day(days, &cap, day, body, len, asked);
    *next = day + 1;
    days->rows++;
  }
  return sm_sql_end(&q);
}

sm_err pg_days_read(sm_sql *db, const pg_asked *asked, pg_days *days) {
  int64_t next = day_at(asked->from_ms);
  int64_t end = asked->to_ms <= 0 ? 0 : day_at(asked->to_ms - 1) + 1;
  *days = (pg_days){.due = true};
  sm_buf_init(&days->gap_from, 0);
  sm_buf_init(&days->gap_to, 0);
  sm_err err = asked->each ? SM_OK : read_rows(db, asked, end, &next, days);
  /* As many as are wanted: what comes behind them is not. */
  if (err == SM_OK && days->rows < asked->limit) err = add_gap(days, asked, next, end);
  return err;
}

void pg_days_fini(pg_days *days) {
  sm_quarter_list_fini(&days->list);
  sm_buf_fini(&days->gap_from);
  sm_buf_fini(&days->gap_to);
}

/* ---- making ---- */

sm_err pg_days_changed(pg_readings *store, const char *series, const char *starts) {
  sm_sql_stmt q = sm_sql_use(
      store->db,
      "WITH d AS (SELECT DISTINCT no, start_ms / 86400000 AS day FROM "
      "unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) d (no, start_ms)), "
      "gone AS (DELETE FROM quarter_day q USING d WHERE q.series_no = d.no "
      "AND q.day = d.day) "
      "INSERT INTO day_due (day, series_no) SELECT day, no FROM d ON CONFLICT DO NOTHING");
  sm_sql_bind_text(&q, 1, series);
  sm_sql_bind_text(&q, 2, starts);
  return sm_sql_run(&q);
}

void pg_day_rows_init(pg_day_rows *rows) {
  sm_buf_init(&rows->series, 0);
  sm_buf_init(&rows->days, 0);
  sm_buf_init(&rows->bodies, 0);
}

void pg_day_rows_fini(pg_day_rows *rows) {
  sm_buf_fini(&rows->series);
  sm_buf_fini(&rows->days);
  sm_buf_fini(&rows->bodies);
}

sm_err pg_day_rows_add(pg_day_rows *rows, int64_t series_no, const sm_quarter *quarters,
                       size_t count) {
  sm_buf body;
  if (count == 0) return SM_OK;
  if (count > SM_QUARTERS_A_DAY) return SM_ERR_CORRUPT;
  sm_buf_init(&body, 0);
  sm_quarter_block_encode(quarters, count, &body);
  sm_err err = body.err;
  if (err == SM_OK) {
    pg_array_i64(&rows->series, series_no);
    pg_array_i64(&rows->days, quarters[0].start_ms / DAY_MS);
    pg_array_bytes(&rows->bodies, body.data, body.len);
  }
  sm_buf_fini(&body);
  return err;
}

sm_err pg_day_rows_write(pg_readings *store, pg_day_rows *rows) {
  sm_sql_stmt q =
      sm_sql_use(store->db, "INSERT INTO quarter_day (series_no, day, body) SELECT * FROM unnest("
                            "CAST(?1 AS bigint[]), CAST(?2 AS bigint[]), CAST(?3 AS bytea[])) "
                            "ON CONFLICT (series_no, day) DO UPDATE SET body = excluded.body");
  pg_array_bind(&q, 1, &rows->series);
  pg_array_bind(&q, 2, &rows->days);
  pg_array_bind(&q, 3, &rows->bodies);
  return sm_sql_run(&q);
}

/* ---- those that are due ---- */

typedef struct packing {
  sm_buf series; /* of this slice */
  sm_buf days;
  size_t count;
  pg_day_rows made;
} packing;

static sm_err take_due(pg_readings *store, int64_t before_day, packing *p) {
  sm_sql_stmt q = sm_sql_use(store->db, "SELECT series_no, day FROM day_due WHERE day < ?1 "
                                        "ORDER BY day, series_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, before_day);
  sm_sql_bind_i64(&q, 2, SLICE);
  while (sm_sql_row(&q)) {
    pg_array_i64(&p->series, sm_sql_i64(&q, 0));
    pg_array_i64(&p->days, sm_sql_i64(&q, 1));
    p->count++;
  }
  sm_err err = sm_sql_end(&q);
  pg_array_end(&p->series);
  pg_array_end(&p->days);
  return err;
}

static sm_err read_days(pg_readings *store, packing *p) {
  sm_quarter quarter[SM_QUARTERS_A_DAY];
  size_t count = 0;
  int64_t series_no = 0;
  int64_t day = -1;
  sm_sql_stmt q = sm_sql_use(
      store->db,
      "SELECT " PG_QUARTER_COLUMNS
      ", q.series_no FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) d (no, day)"
      " CROSS JOIN LATERAL (SELECT * FROM quarter WHERE series_no = d.no AND start_ms >= "
      "d.day * 86400000 AND start_ms < (d.day + 1) * 86400000 OFFSET 0) q "
      "ORDER BY q.series_no, q.start_ms");
  sm_pg_binary(&q);
  sm_sql_bind_text(&q, 1, p->series.data);
  sm_sql_bind_text(&q, 2, p->days.data);
  while (sm_sql_row(&q)) {
    const sm_quarter got = pg_take_quarter(&q, 0);
    int64_t its_no = sm_sql_i64(&q, PG_QUARTER_COLUMN_COUNT);
    if (its_no != series_no || got.start_ms / DAY_MS != day) {
      q.err = pg_day_rows_add(&p->made, series_no, quarter, count);
      count = 0;
      series_no = its_no;
      day = got.start_ms / DAY_MS;
    }
    if (q.err == SM_OK && count == SM_QUARTERS_A_DAY) q.err = SM_ERR_CORRUPT;
    if (q.err == SM_OK) quarter[count++] = got;
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_OK ? pg_day_rows_add(&p->made, series_no, quarter, count) : err;
}

static sm_err drop_due(pg_readings *store, const packing *p) {
  sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM day_due t USING unnest(CAST(?1 AS bigint[]), "
                                        "CAST(?2 AS bigint[])) d (no, day) "
                                        "WHERE t.series_no = d.no AND t.day = d.day");
  sm_sql_bind_text(&q, 1, p->series.data);
  sm_sql_bind_text(&q, 2, p->days.data);
  return sm_sql_run(&q);
}

static sm_err pack_slice(pg_readings *store, int64_t before_day, packing *p) {
  sm_err err = take_due(store, before_day, p);
  if (err != SM_OK || p->count == 0) return err;
  err = read_days(store, p);
  if (err == SM_OK) err = pg_day_rows_write(store, &p->made);
  if (err == SM_OK) err = drop_due(store, p);
  return err == SM_OK ? sm_sql_commit(store->db) : err;
}

sm_err pg_days_pack(pg_readings *store, int64_t before_day, bool *done) {
  packing p = {.count = 0};
  bool mine = false;
  /* Who makes quarters has the same lock: none of these changes meanwhile. */
  sm_err err = pg_upkeep_begin(store, &mine);
  if (err == SM_OK && !mine) *done = false;
  if (err != SM_OK || !mine) return err;
  sm_buf_init(&p.series, 0);
  sm_buf_init(&p.days, 0);
  pg_day_rows_init(&p.made);
  err = pack_slice(store, before_day, &p);
  sm_sql_rollback(store->db);
  *done = p.count > 0;
  sm_buf_fini(&p.series);
  sm_buf_fini(&p.days);
  pg_day_rows_fini(&p.made);
  return err;
}
