/* Doctor: what PostgreSQL's own checks cannot know. */
#include "store/postgres/readings_pg.h"
#include "store/series/quarter_check.h"

typedef struct check {
  pg_readings *store;
  sm_sql *db;
  sm_quarter_check quarters;
} check;

/* The rows of whole days say what those of their quarters do. */
static sm_err check_days(check *c, const pg_asked *each, const sm_quarter_list *rows,
                         const char *device_id) {
  pg_asked asked = *each;
  sm_quarter_list days = {0};
  asked.each = false;
  sm_err err = pg_quarters(c->db, &asked, &days);
  if (err != SM_OK) return err;
  size_t i = 0;
  while (i < days.count && i < rows->count && sm_quarter_equal(&days.item[i], &rows->item[i])) i++;
  if (i < days.count || i < rows->count)
    sm_quarter_check_find(&c->quarters, "quarter", i < rows->count ? rows->item[i].start_ms : 0,
                          device_id, "the row of its day says something else");
  sm_quarter_list_fini(&days);
  return SM_OK;
}

static sm_err check_series(check *c, int64_t series_no, const char *device_id) {
  const pg_asked asked = {.series_no = series_no,
                          .from_ms = INT64_MIN,
                          .to_ms = INT64_MAX,
                          .limit = SIZE_MAX,
                          .each = true};
  sm_run raw = {0};
  sm_quarter_list rows = {0};
  sm_err err = pg_raw(c->db, series_no, INT64_MIN, INT64_MAX, SIZE_MAX, &raw);
  if (err == SM_OK) err = pg_quarters(c->db, &asked, &rows);
  if (err == SM_OK) err = check_days(c, &asked, &rows, device_id);
  if (err == SM_OK) err = sm_quarter_check_series(&c->quarters, device_id, &raw, &rows);
  sm_run_fini(&raw);
  sm_quarter_list_fini(&rows);
  return err;
}

static sm_err check_strays(check *c) {
  sm_sql_stmt q = sm_sql_use(c->db, "SELECT DISTINCT r.series_no FROM reading r WHERE NOT EXISTS "
                                    "(SELECT 1 FROM series s WHERE s.series_no = r.series_no)");
  while (sm_sql_row(&q))
    sm_quarter_check_find(&c->quarters, "series", sm_sql_i64(&q, 0), "",
                          "readings are there of a series that is not");
  return sm_sql_end(&q);
}

static sm_err check_all(check *c, sm_readings_progress_fn progress, void *context) {
  uint64_t done = 0;
  int64_t total = 0;
  sm_err err = sm_sql_query_i64(c->db, "SELECT count(*) FROM series", &total);
  if (err == SM_OK) err = check_strays(c);
  sm_sql_stmt q = sm_sql_use(c->db, "SELECT series_no, device_id FROM series ORDER BY series_no");
  while (err == SM_OK && sm_sql_row(&q)) {
    if (progress != NULL && !progress(context, done++, (uint64_t)total)) err = SM_ERR_CLOSED;
    if (err == SM_OK) err = check_series(c, sm_sql_i64(&q, 0), sm_sql_text(&q, 1));
  }
  sm_err end = sm_sql_end(&q);
  return err != SM_OK ? err : end;
}

sm_err pg_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result) {
  check c = {.store = pg_of(store), .quarters = {.finding = finding, .context = context}};
  sm_err err = pg_read_begin(c.store, &c.db);
  if (err != SM_OK) return err;
  err = check_all(&c, progress, context);
  pg_read_end(c.store, c.db);
  if (err == SM_OK) *result = c.quarters.result;
  return err;
}
