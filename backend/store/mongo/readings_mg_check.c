/* Doctor: what MongoDB's own checks cannot know. */
#include "store/mongo/readings_mg.h"
#include "store/series/quarter_check.h"

typedef struct check {
  mg_readings *store;
  mg_conn conn;
  sm_quarter_check quarters;
} check;

static sm_err check_series(check *c, const mg_which *which) {
  sm_run raw = {0};
  sm_quarter_list docs = {0};
  int64_t from_ms = c->store->kept_ms; /* raw of before may be there still, and not whole */
  sm_err err = mg_raw(&c->conn, which, from_ms, INT64_MAX, SIZE_MAX, &raw);
  if (err == SM_OK) err = mg_quarters(&c->conn, which, INT64_MIN, INT64_MAX, SIZE_MAX, &docs);
  if (err == SM_OK) err = sm_quarter_check_series(&c->quarters, which->device_id, &raw, &docs);
  sm_run_fini(&raw);
  sm_quarter_list_fini(&docs);
  return err;
}

static sm_err is_known(void *context, int64_t series_no, const sm_reading *r) {
  const mg_readings *store = context;
  (void)r;
  bool known =
      series_no > 0 && (size_t)series_no < store->version_cap && store->by_no[series_no] != NULL;
  return known ? SM_OK : SM_ERR_NOT_FOUND;
}

static sm_err check_journal(check *c) {
  mg_find docs;
  const bson_t *doc;
  mg_find_begin(&docs, &c->conn, MG_JOURNAL, bson_new(), NULL);
  while ((doc = mg_find_next(&docs)) != NULL) {
    sm_err err = mg_journal_doc_walk(doc, is_known, c->store);
    if (err == SM_ERR_NOT_FOUND)
      sm_quarter_check_find(&c->quarters, "series", 0, "",
                            "readings are in the journal of a series that is not there");
    else if (err != SM_OK)
      sm_quarter_check_find(&c->quarters, "journal", 0, "",
                            "a document of the journal cannot be read");
  }
  return mg_find_end(&docs);
}

static sm_err check_all(check *c, sm_readings_progress_fn progress, void *context) {
  sm_err err = mg_load_series(c->store, &c->conn, bson_new());
  if (err == SM_OK) err = check_journal(c);
  for (size_t i = 0; err == SM_OK && i < c->store->series_count; i++) {
    const sm_series *s = c->store->series[i];
    const mg_which which = {.no = s->no, .device_id = s->device_id, .channel = s->channel};
    if (progress != NULL && !progress(context, i, c->store->series_count)) return SM_ERR_CLOSED;
    err = check_series(c, &which);
  }
  return err;
}

sm_err mg_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                         sm_readings_progress_fn progress, void *context,
                         sm_readings_check_result *result) {
  check c = {.store = mg_of(store), .quarters = {.finding = finding, .context = context}};
  mg_take(c.store->pool, &c.conn);
  sm_err err = check_all(&c, progress, context);
  mg_give(&c.conn);
  if (err == SM_OK) *result = c.quarters.result;
  return err;
}
