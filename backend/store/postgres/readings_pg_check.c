/* Doctor: what PostgreSQL's own checks cannot know. */
#include "store/postgres/readings_pg.h"

#include <stdlib.h>
#include <string.h>

typedef struct check {
  pg_readings *store;
  sm_sql *db;
  sm_readings_finding_fn finding;
  void *context;
  sm_readings_check_result result;
} check;

static void find(check *c, const char *kind, int64_t key, const char *device_id,
                 const char *detail) {
  c->result.findings++;
  c->finding(c->context, &(sm_readings_finding){
                             .kind = kind, .key = key, .device_id = device_id, .detail = detail});
}

static bool same(const sm_quarter *a, const sm_quarter *b) {
  for (size_t i = 0; i < PG_QUARTER_COLUMN_COUNT; i++)
    if (pg_quarter_value(a, i) != pg_quarter_value(b, i)) return false;
  return true;
}

/* Each quarter that raw readings are there for must be what they give. */
static void compare(check *c, const char *device_id, const sm_quarter_list *rows,
                    const sm_quarter *made, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < rows->count && rows->item[at].start_ms < made[i].start_ms) at++;
    bool there = at < rows->count && rows->item[at].start_ms == made[i].start_ms;
    if (!there)
      find(c, "quarter", made[i].start_ms, device_id,
           "it is missing, and raw readings of it are there");
    else if (!same(&rows->item[at], &made[i]))
      find(c, "quarter", made[i].start_ms, device_id, "it is not what the raw readings give");
  }
  c->result.quarters += rows->count;
}

/* The rows of whole days say what those of their quarters do. */
static sm_err check_days(check *c, const pg_asked *each, const sm_quarter_list *rows,
                         const char *device_id) {
  pg_asked asked = *each;
  sm_quarter_list days = {0};
  asked.each = false;
  sm_err err = pg_quarters(c->db, &asked, &days);
  if (err != SM_OK) return err;
  size_t i = 0;
  while (i < days.count && i < rows->count && same(&days.item[i], &rows->item[i])) i++;
  if (i < days.count || i < rows->count)
    find(c, "quarter", i < rows->count ? rows->item[i].start_ms : 0, device_id,
         "the row of its day says something else");
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
  sm_quarter *made = err == SM_OK ? malloc((raw.count + 1) * sizeof *made) : NULL;
  if (err == SM_OK && made == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK) {
    compare(c, device_id, &rows, made, sm_quarters_of(raw.item, raw.count, made));
    c->result.readings += raw.count;
    c->result.series++;
  }
  free(made);
  sm_run_fini(&raw);
  sm_quarter_list_fini(&rows);
  return err;
}

static sm_err check_strays(check *c) {
  sm_sql_stmt q = sm_sql_use(c->db, "SELECT DISTINCT r.series_no FROM reading r WHERE NOT EXISTS "
                                    "(SELECT 1 FROM series s WHERE s.series_no = r.series_no)");
  while (sm_sql_row(&q))
    find(c, "series", sm_sql_i64(&q, 0), "", "readings are there of a series that is not");
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
  check c = {.store = pg_of(store), .finding = finding, .context = context};
  sm_err err = pg_read_begin(c.store, &c.db);
  if (err != SM_OK) return err;
  err = check_all(&c, progress, context);
  pg_read_end(c.store, c.db);
  if (err == SM_OK) *result = c.result;
  return err;
}
