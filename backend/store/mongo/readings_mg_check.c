/* Doctor: what MongoDB's own checks cannot know. */
#include "store/mongo/readings_mg.h"

#include <stdlib.h>

typedef struct check {
  mg_readings *store;
  mg_conn conn;
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

/* Each quarter that raw readings are there for must be what they give. */
static void compare(check *c, const char *device_id, const sm_quarter_list *docs,
                    const sm_quarter *made, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < docs->count && docs->item[at].start_ms < made[i].start_ms) at++;
    bool there = at < docs->count && docs->item[at].start_ms == made[i].start_ms;
    if (!there)
      find(c, "quarter", made[i].start_ms, device_id,
           "it is missing, and raw readings of it are there");
    else if (!mg_quarter_equal(&docs->item[at], &made[i]))
      find(c, "quarter", made[i].start_ms, device_id, "it is not what the raw readings give");
  }
  c->result.quarters += docs->count;
}

static sm_err check_series(check *c, const mg_which *which) {
  sm_run raw = {0};
  sm_quarter_list docs = {0};
  int64_t from_ms = c->store->kept_ms; /* raw of before may be there still, and not whole */
  sm_err err = mg_raw(&c->conn, which, from_ms, INT64_MAX, SIZE_MAX, &raw);
  if (err == SM_OK) err = mg_quarters(&c->conn, which, INT64_MIN, INT64_MAX, SIZE_MAX, &docs);
  sm_quarter *made = err == SM_OK ? malloc((raw.count + 1) * sizeof *made) : NULL;
  if (err == SM_OK && made == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK) {
    compare(c, which->device_id, &docs, made, sm_quarters_of(raw.item, raw.count, made));
    c->result.readings += raw.count;
    c->result.series++;
  }
  free(made);
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
      find(c, "series", 0, "", "readings are in the journal of a series that is not there");
    else if (err != SM_OK)
      find(c, "journal", 0, "", "a document of the journal cannot be read");
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
  check c = {.store = mg_of(store), .finding = finding, .context = context};
  mg_take(c.store->pool, &c.conn);
  sm_err err = check_all(&c, progress, context);
  mg_give(&c.conn);
  if (err == SM_OK) *result = c.result;
  return err;
}
