/* From the journal to MG_RAW: at least once, and then the journal forgets. Any server may move any
 * document; the one that wrote it does so first, the others when it seems to be gone. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
  READINGS = 20000, /* of one piece, about */
  DOCS = 200,
  LEFT_MS = 15000 /* so old, a document is anybody's */
};

typedef struct entry { /* of the journal */
  int64_t series_no;
  sm_reading reading;
} entry;

typedef struct moved {
  entry *item;
  size_t count;
  size_t cap;
  bson_oid_t id[DOCS];
  size_t ids;
} moved;

static sm_err take(void *context, int64_t series_no, const sm_reading *r) {
  moved *m = context;
  if (m->count == m->cap) {
    size_t cap = m->cap == 0 ? 1024 : m->cap * 2;
    entry *item = realloc(m->item, cap * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    m->item = item;
    m->cap = cap;
  }
  m->item[m->count++] = (entry){.series_no = series_no, .reading = *r};
  return SM_OK;
}

static sm_err take_id(const bson_t *doc, moved *m) {
  bson_iter_t id;
  if (!bson_iter_init_find(&id, doc, "_id") || !BSON_ITER_HOLDS_OID(&id)) return SM_ERR_CORRUPT;
  bson_oid_copy(bson_iter_oid(&id), &m->id[m->ids++]);
  return SM_OK;
}

static sm_err take_piece(mg_readings *store, mg_conn *conn, bool all, moved *m) {
  mg_find find;
  const bson_t *doc;
  bson_t *filter =
      all ? bson_new()
          : BCON_NEW("$or", "[", "{", "by", BCON_UTF8(store->server), "}", "{", "at", "{", "$lt",
                     BCON_DATE_TIME(sm_clock_now_ms() - LEFT_MS), "}", "}", "]");
  mg_find_begin(&find, conn, MG_JOURNAL, filter,
                BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(DOCS),
                         "batchSize", BCON_INT32(16)));
  while (m->count < READINGS && m->ids < DOCS && (doc = mg_find_next(&find)) != NULL) {
    find.err = take_id(doc, m);
    if (find.err == SM_OK) find.err = mg_journal_doc_walk(doc, take, m);
  }
  return mg_find_end(&find);
}

static int by_place(const void *a, const void *b) {
  const entry *left = a;
  const entry *right = b;
  if (left->series_no != right->series_no) return left->series_no < right->series_no ? -1 : 1;
  return (left->reading.ts_ms > right->reading.ts_ms) -
         (left->reading.ts_ms < right->reading.ts_ms);
}

static const sm_series *named(const mg_readings *store, int64_t no) {
  return no > 0 && (size_t)no < store->version_cap ? store->by_no[no] : NULL;
}

/* Another server may have met a series that this one has not. */
static sm_err know_all(mg_readings *store, mg_conn *conn, const moved *m) {
  for (size_t i = 0; i < m->count; i++) {
    if (named(store, m->item[i].series_no) != NULL) continue;
    return mg_load_series(store, conn, bson_new());
  }
  return SM_OK;
}

static sm_err put_raw(const mg_readings *store, mg_conn *conn, const moved *m) {
  mg_bulk bulk;
  mg_bulk_begin_loose(&bulk, conn, MG_RAW);
  for (size_t i = 0; bulk.err == SM_OK && i < m->count; i++) {
    const sm_series *s = named(store, m->item[i].series_no);
    if (s != NULL)
      mg_bulk_insert(&bulk, mg_raw_doc(s->device_id, s->channel, &m->item[i].reading));
    else
      bulk.err = SM_ERR_CORRUPT;
  }
  return mg_bulk_end(&bulk);
}

static sm_err forget(mg_conn *conn, const moved *m) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_JOURNAL);
  for (size_t i = 0; i < m->ids; i++) mg_bulk_delete(&bulk, BCON_NEW("_id", BCON_OID(&m->id[i])));
  return mg_bulk_end(&bulk);
}

static sm_err move_piece(mg_readings *store, mg_conn *conn, moved *m) {
  sm_err err = know_all(store, conn, m);
  if (err != SM_OK) return err;
  qsort(m->item, m->count, sizeof *m->item, by_place); /* a meter's go into few buckets */
  err = put_raw(store, conn, m);
  return err == SM_OK ? forget(conn, m) : err;
}

sm_err mg_move(mg_readings *store, mg_conn *conn, bool all, bool *done) {
  moved *m = calloc(1, sizeof *m);
  if (m == NULL) return SM_ERR_NOMEM;
  sm_err err = take_piece(store, conn, all, m);
  *done = err == SM_OK && m->ids > 0;
  if (*done && m->count > 0) err = move_piece(store, conn, m);
  if (err == SM_OK && m->ids == 0) atomic_store(&store->pending, 0);
  free(m->item);
  free(m);
  return err;
}
