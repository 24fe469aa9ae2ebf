/* Everything of one snapshot is read and held against what the store promises of itself. Nothing
 * here uses what the store has in memory: the file alone is judged. */
#include "store/embedded/readings_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reading that the journal holds and that no seal has moved yet. */
typedef struct waiting {
  int64_t series_no;
  int64_t ts_ms;
} waiting;

typedef struct name {
  int64_t series_no;
  char *device_id;
} name;

typedef struct check {
  reader r;
  sm_readings_finding_fn finding;
  sm_readings_progress_fn progress;
  void *context;
  sm_readings_check_result result;
  name *name; /* by series_no */
  size_t name_count;
  size_t name_cap;
  waiting *waiting; /* by series_no, then ts_ms */
  size_t waiting_count;
  size_t waiting_cap;
  int64_t sealed_journal_no; /* the running seal, 0: none */
  int64_t sealed_below;
} check;

static const char *name_of(const check *c, int64_t series_no);

static void tell(check *c, const char *kind, int64_t key, int64_t series_no, const char *detail) {
  const char *device_id = series_no > 0 ? name_of(c, series_no) : NULL;
  const sm_readings_finding finding = {
      .kind = kind, .key = key, .device_id = device_id != NULL ? device_id : "", .detail = detail};
  c->result.findings++;
  if (c->finding != NULL) c->finding(c->context, &finding);
}

/* ---- the file's pages ---- */

static sm_err check_pages(check *c) {
  sm_sql_stmt q = sm_sql_use(c->r.db, "PRAGMA integrity_check(100)");
  while (sm_sql_row(&q)) {
    const char *text = sm_sql_text(&q, 0);
    if (text != NULL && strcmp(text, "ok") != 0) tell(c, "page", 0, 0, text);
  }
  sm_err err = sm_sql_end(&q);
  if (err != SM_ERR_CORRUPT) return err;
  tell(c, "page", 0, 0, "the database cannot be read throughout");
  return SM_OK;
}

/* ---- series ---- */

static name *find_name(const check *c, int64_t series_no) {
  size_t low = 0;
  size_t high = c->name_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (c->name[middle].series_no < series_no)
      low = middle + 1;
    else
      high = middle;
  }
  return low < c->name_count && c->name[low].series_no == series_no ? &c->name[low] : NULL;
}

static const char *name_of(const check *c, int64_t series_no) {
  const name *n = find_name(c, series_no);
  return n != NULL ? n->device_id : NULL;
}

static sm_err add_name(check *c, sm_sql_stmt *q) {
  if (c->name_count == c->name_cap) {
    size_t cap = c->name_cap * 2 + 64;
    name *list = realloc(c->name, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    c->name = list;
    c->name_cap = cap;
  }
  char *device_id = NULL;
  sm_sql_take_text(q, 1, &device_id);
  if (device_id == NULL) return q->err;
  c->name[c->name_count++] = (name){.series_no = sm_sql_i64(q, 0), .device_id = device_id};
  return SM_OK;
}

static sm_err check_state(check *c, sm_sql_stmt *q) {
  int64_t series_no = sm_sql_i64(q, 0);
  if (sm_sql_is_null(q, 2)) return SM_OK;
  size_t len = 0;
  const uint8_t *body = sm_sql_blob(q, 2, &len);
  sm_series *series = sm_series_new("", 0);
  if (series == NULL) return SM_ERR_NOMEM;
  sm_err err = body == NULL ? SM_ERR_CORRUPT : sm_state_decode(body, len, series);
  sm_series_free(series);
  if (err == SM_ERR_NOMEM) return err;
  if (err != SM_OK) tell(c, "state", series_no, series_no, "what is known of a series is damaged");
  return SM_OK;
}

static sm_err check_series(check *c) {
  sm_sql_stmt q =
      sm_sql_use(c->r.db, "SELECT series_no, device_id, state FROM series ORDER BY series_no");
  sm_err err = SM_OK;
  while (err == SM_OK && sm_sql_row(&q)) {
    err = add_name(c, &q);
    if (err == SM_OK) err = check_state(c, &q);
  }
  sm_err end = sm_sql_end(&q);
  c->result.series = c->name_count;
  return err != SM_OK ? err : end;
}

/* ---- journal ---- */

static sm_err add_waiting(check *c, const sm_journal_entry *entry) {
  if (c->waiting_count == c->waiting_cap) {
    size_t cap = c->waiting_cap * 2 + 1024;
    waiting *list = realloc(c->waiting, cap * sizeof *list);
    if (list == NULL) return SM_ERR_NOMEM;
    c->waiting = list;
    c->waiting_cap = cap;
  }
  c->waiting[c->waiting_count++] =
      (waiting){.series_no = entry->series_no, .ts_ms = entry->reading.ts_ms};
  return SM_OK;
}

static sm_err check_entry(check *c, int64_t journal_no, const sm_journal_entry *entry) {
  if (find_name(c, entry->series_no) == NULL)
    tell(c, "series", journal_no, 0, "a journal row names a series that there is not");
  bool sealed = journal_no <= c->sealed_journal_no && entry->series_no < c->sealed_below;
  if (!entry->has_reading || sealed) return SM_OK;
  c->result.readings++;
  return add_waiting(c, entry);
}

static sm_err check_journal_row(check *c, int64_t journal_no, const uint8_t *body, size_t len) {
  sm_journal_reader row;
  sm_err err = body == NULL ? SM_ERR_CORRUPT : sm_journal_reader_open(&row, body, len);
  const sm_journal_entry *entry;
  if (err == SM_OK) {
    while (err == SM_OK && (entry = sm_journal_reader_next(&row)) != NULL)
      err = check_entry(c, journal_no, entry);
    if (err == SM_OK && !sm_journal_reader_done(&row)) err = SM_ERR_CORRUPT;
  }
  if (err == SM_OK || err == SM_ERR_NOMEM) return err;
  tell(c, "journal", journal_no, 0, "a committed batch cannot be read");
  return SM_OK;
}

static int by_instant(const void *a, const void *b) {
  const waiting *left = a;
  const waiting *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->ts_ms > right->ts_ms) - (left->ts_ms < right->ts_ms);
}

static sm_err read_seal(check *c) {
  sm_sql_stmt q = sm_sql_use(c->r.db, "SELECT journal_no, next_series FROM seal");
  if (sm_sql_row(&q)) {
    c->sealed_journal_no = sm_sql_i64(&q, 0);
    c->sealed_below = sm_sql_i64(&q, 1);
  }
  return sm_sql_end(&q);
}

static sm_err check_journal(check *c) {
  sm_err err = read_seal(c);
  sm_sql_stmt q = sm_sql_use(c->r.db, "SELECT journal_no, body FROM journal ORDER BY journal_no");
  while (err == SM_OK && sm_sql_row(&q)) {
    size_t len = 0;
    const uint8_t *body = sm_sql_blob(&q, 1, &len);
    err = check_journal_row(c, sm_sql_i64(&q, 0), body, len);
  }
  sm_err end = sm_sql_end(&q);
  if (end == SM_ERR_CORRUPT) {
    tell(c, "journal", 0, 0, "the journal cannot be read to its end");
    end = SM_OK;
  }
  if (c->waiting_count > 0) qsort(c->waiting, c->waiting_count, sizeof *c->waiting, by_instant);
  for (size_t i = 1; i < c->waiting_count; i++)
    if (by_instant(&c->waiting[i - 1], &c->waiting[i]) == 0)
      tell(c, "twice", c->waiting[i].ts_ms, c->waiting[i].series_no,
           "a reading stands twice in the journal");
  return err != SM_OK ? err : end;
}

/* ---- days ---- */

static void check_bounds(check *c, const sm_run *run, int64_t from_ms, int64_t to_ms,
                         const char *kind, int64_t key, int64_t series_no) {
  if (run->count == 0) return;
  if (run->item[0].ts_ms < from_ms || run->item[run->count - 1].ts_ms >= to_ms)
    tell(c, kind, key, series_no, "a row holds readings that are not of its time");
}

/* A reading of the run that the journal holds as well. */
static void check_waiting(check *c, const sm_run *run, int64_t series_no) {
  if (run->count == 0) return;
  size_t low = 0;
  size_t high = c->waiting_count;
  const waiting wanted = {.series_no = series_no, .ts_ms = run->item[0].ts_ms};
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (by_instant(&c->waiting[middle], &wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (size_t i = low; i < c->waiting_count && c->waiting[i].series_no == series_no; i++) {
    if (c->waiting[i].ts_ms > run->item[run->count - 1].ts_ms) return;
    if (sm_run_at(run, c->waiting[i].ts_ms) != NULL)
      tell(c, "twice", c->waiting[i].ts_ms, series_no,
           "a reading stands in the journal and in a sealed row");
  }
}

static sm_err read_run(check *c, damage_kind kind, int64_t key, int64_t series_no, sm_run *run,
                       bool *damaged) {
  sm_err err = sm_rows_read(c->r.store, c->r.db, kind, key, run, damaged);
  if (err == SM_OK && *damaged)
    tell(c, sm_damage_word(kind), key, series_no, "a row cannot be read");
  return err;
}

/* Fresh rows join the run of the day; none may hold what is there already. */
static sm_err check_fresh(check *c, int64_t series_no, int64_t day, sm_run *run) {
  int64_t end = (day + 1) * DAY_HOURS;
  int64_t hour = 0;
  for (int64_t from = day * DAY_HOURS; from < end; from = hour + 1) {
    sm_err err = sm_fresh_next_hour(c->r.store, c->r.db, series_no, from, end, &hour);
    if (err != SM_OK || hour < 0) return err;
    int64_t key = sm_fresh_key(hour, series_no);
    sm_run part = {0};
    bool damaged = false;
    err = read_run(c, DAMAGE_FRESH, key, series_no, &part, &damaged);
    check_bounds(c, &part, hour * HOUR_MS, (hour + 1) * HOUR_MS, "fresh", key, series_no);
    size_t before = run->count;
    if (err == SM_OK && part.count > 0) err = sm_run_join(run, part.item, part.count);
    if (err == SM_OK && run->count != before + part.count)
      tell(c, "twice", key, series_no, "a reading stands in an hour's row and in its day's");
    c->result.readings += part.count;
    sm_run_fini(&part);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

static bool same_quarters(const sm_quarter_list *a, const sm_quarter_list *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (!sm_quarter_equal(&a->item[i], &b->item[i])) return false;
  return true;
}

/* Where a block was damaged once, its quarters know more than what is left of it. */
static sm_err was_damaged(check *c, int64_t key, bool *was) {
  sm_sql_stmt q = sm_sql_use(c->r.db, "SELECT 1 FROM damaged WHERE key = ?1 AND kind = 'block'");
  sm_sql_bind_i64(&q, 1, key);
  *was = sm_sql_row(&q);
  return sm_sql_end(&q);
}

static sm_err check_quarters(check *c, int64_t series_no, int64_t day, const sm_run *block) {
  int64_t key = sm_day_key(series_no, day);
  sm_quarter_list row = {0};
  sm_quarter_list made = {0};
  const sm_quarter_list none = {0};
  bool damaged = false;
  bool excused = false;
  sm_err err = sm_day_quarter_row(c->r.store, c->r.db, series_no, day, &row, &damaged);
  if (err == SM_OK && damaged) tell(c, "quarter", key, series_no, "a row cannot be read");
  c->result.quarters += row.count;
  if (err == SM_OK && block->count > 0) err = sm_day_quarters(&none, block, &made);
  if (err == SM_OK && block->count > 0 && !damaged && !same_quarters(&row, &made)) {
    err = was_damaged(c, key, &excused);
    if (err == SM_OK && !excused)
      tell(c, "quarter", key, series_no, "quarters are not what the readings of the day give");
  }
  sm_quarter_list_fini(&row);
  sm_quarter_list_fini(&made);
  return err;
}

static sm_err check_day(check *c, int64_t series_no, int64_t day) {
  int64_t key = sm_day_key(series_no, day);
  int64_t from_ms = day * DAY_MS;
  bool damaged = false;
  sm_run run = {0};
  sm_run course = {0};
  sm_err err = read_run(c, DAMAGE_BLOCK, key, series_no, &run, &damaged);
  check_bounds(c, &run, from_ms, from_ms + DAY_MS, "block", key, series_no);
  c->result.readings += run.count;
  if (err == SM_OK) err = check_quarters(c, series_no, day, &run);
  if (err == SM_OK) err = check_fresh(c, series_no, day, &run);
  if (err == SM_OK) check_waiting(c, &run, series_no);
  if (err == SM_OK) err = read_run(c, DAMAGE_COURSE, key, series_no, &course, &damaged);
  check_bounds(c, &course, from_ms, from_ms + DAY_MS, "course", key, series_no);
  sm_run_fini(&course);
  sm_run_fini(&run);
  return err;
}

static sm_err next_day(check *c, int64_t series_no, int64_t from, int64_t *day) {
  const char *const tables[] = {sm_block_next_sql, sm_quarter_next_sql, sm_course_next_sql};
  int64_t max = sm_day_of(TS_MAX_MS);
  int64_t hour = -1;
  sm_err err = sm_fresh_next_hour(c->r.store, c->r.db, series_no, from * DAY_HOURS,
                                  (max + 1) * DAY_HOURS, &hour);
  int64_t best = hour < 0 ? -1 : hour / DAY_HOURS;
  for (size_t i = 0; err == SM_OK && i < sizeof tables / sizeof tables[0]; i++) {
    int64_t found = -1;
    err = sm_day_next(c->r.store, c->r.db, tables[i], series_no, from, max, &found);
    best = sm_day_earlier(best, found);
  }
  *day = best;
  return err;
}

static sm_err check_days(check *c) {
  for (size_t i = 0; i < c->name_count; i++) {
    int64_t day = 0;
    for (int64_t from = 0;; from = day + 1) {
      sm_err err = next_day(c, c->name[i].series_no, from, &day);
      if (err == SM_OK && day >= 0) err = check_day(c, c->name[i].series_no, day);
      if (err != SM_OK) return err;
      if (day < 0) break;
    }
    if (c->progress != NULL && !c->progress(c->context, i + 1, c->name_count)) return SM_ERR_CLOSED;
  }
  return SM_OK;
}

/* ---- rows of nobody ---- */

static sm_err check_owners(check *c, const char *kind, const char *sql) {
  sm_sql_stmt q = sm_sql_use(c->r.db, sql);
  bool of_hours = strcmp(kind, "fresh") == 0;
  while (sm_sql_row(&q)) {
    int64_t key = sm_sql_i64(&q, 0);
    int64_t series_no = of_hours ? key & UINT32_MAX : key >> DAY_BITS;
    if (find_name(c, series_no) == NULL)
      tell(c, "series", key, 0, "a row belongs to a series that there is not");
  }
  sm_err err = sm_sql_end(&q);
  return err == SM_ERR_CORRUPT ? SM_OK : err; /* told of as a page */
}

static sm_err check_all(check *c) {
  sm_err err = check_pages(c);
  if (err == SM_OK) err = check_series(c);
  if (err == SM_OK) err = check_journal(c);
  if (err == SM_OK) err = check_owners(c, "fresh", "SELECT fresh_key FROM fresh");
  if (err == SM_OK) err = check_owners(c, "block", "SELECT block_key FROM block");
  if (err == SM_OK) err = check_owners(c, "quarter", "SELECT quarter_key FROM quarter");
  if (err == SM_OK) err = check_owners(c, "course", "SELECT course_key FROM course");
  return err == SM_OK ? check_days(c) : err;
}

sm_err sm_embedded_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result) {
  check c = {.finding = finding, .progress = progress, .context = context};
  sm_err err = sm_reader_begin(store, "", 0, 0, 0, &c.r);
  if (err != SM_OK) return err;
  err = check_all(&c);
  sm_reader_end(&c.r);
  for (size_t i = 0; i < c.name_count; i++) free(c.name[i].device_id);
  free(c.name);
  free(c.waiting);
  if (err == SM_OK) *result = c.result;
  return err;
}
