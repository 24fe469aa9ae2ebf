/* Quarters follow their readings: what a commit has marked is made again from raw. */
#include "store/mongo/readings_mg.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SLICE = 500, /* quarters of one transaction */
  /* A quarter gets its document when it is over and its meters have had time: until then it is made
   * from raw by who asks. */
  WAIT_MS = SM_QUARTER_MS + 60000,
  PAUSE_MS = 1000
};

typedef struct mark {
  char device_id[SM_DEVICE_ID_MAX + 1];
  uint8_t channel;
  int64_t start_ms;
  bson_oid_t batch;
} mark;

typedef struct slice {
  mark item[SLICE];
  size_t count;
} slice;

static sm_err take_mark(const bson_t *doc, mark *m) {
  bson_iter_t batch;
  const char *device_id = mg_text(doc, "_id.device");
  if (device_id == NULL || strlen(device_id) > SM_DEVICE_ID_MAX ||
      !bson_iter_init_find(&batch, doc, "batch") || !BSON_ITER_HOLDS_OID(&batch))
    return SM_ERR_CORRUPT;
  (void)snprintf(m->device_id, sizeof m->device_id, "%s", device_id);
  m->channel = (uint8_t)mg_i64(doc, "_id.channel");
  m->start_ms = mg_i64(doc, "_id.start");
  bson_oid_copy(bson_iter_oid(&batch), &m->batch);
  return SM_OK;
}

static int by_place(const void *a, const void *b) {
  const mark *left = a;
  const mark *right = b;
  int name = strcmp(left->device_id, right->device_id);
  if (name != 0) return name;
  if (left->channel != right->channel) return left->channel < right->channel ? -1 : 1;
  return (left->start_ms > right->start_ms) - (left->start_ms < right->start_ms);
}

static sm_err take_slice(mg_conn *conn, int64_t before_ms, slice *s) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_DUE,
                BCON_NEW("_id.start", "{", "$lt", BCON_DATE_TIME(before_ms), "}"),
                BCON_NEW("sort", "{", "_id.start", BCON_INT32(1), "}", "limit", BCON_INT64(SLICE)));
  while (s->count < SLICE && (doc = mg_find_next(&find)) != NULL)
    find.err = take_mark(doc, &s->item[s->count++]);
  sm_err err = mg_find_end(&find);
  qsort(s->item, s->count, sizeof s->item[0], by_place);
  return err;
}

/* Documents that are made outside of the transaction and written in it. */
typedef struct made {
  bson_t *doc[SLICE];
  size_t count;
} made;

static void free_made(made *m) {
  for (size_t i = 0; i < m->count; i++) bson_destroy(m->doc[i]);
  m->count = 0;
}

/* Neighbours of one series: [from, to). What is before the retention's horizon stands as it is. */
static sm_err make_range(const mg_readings *store, mg_conn *conn, const mark *from, const mark *to,
                         made *m) {
  sm_run run = {0};
  const mg_which which = {.device_id = from->device_id,
                          .channel = from->channel,
                          .no = mg_series_no((mg_readings *)(uintptr_t)store, from->device_id,
                                             from->channel, NULL, NULL)};
  sm_err err =
      mg_raw(conn, &which, from->start_ms, to[-1].start_ms + SM_QUARTER_MS, SIZE_MAX, &run);
  sm_quarter *list = err == SM_OK ? malloc((run.count + 1) * sizeof *list) : NULL;
  if (err == SM_OK && list == NULL) err = SM_ERR_NOMEM;
  size_t count = err == SM_OK ? sm_quarters_of(run.item, run.count, list) : 0;
  for (size_t i = 0; i < count; i++)
    if (list[i].start_ms >= store->kept_ms)
      m->doc[m->count++] = mg_quarter_doc(which.device_id, which.channel, &list[i]);
  free(list);
  sm_run_fini(&run);
  return err;
}

static bool follows(const mark *a, const mark *b) {
  return strcmp(a->device_id, b->device_id) == 0 && a->channel == b->channel &&
         b->start_ms == a->start_ms + SM_QUARTER_MS;
}

static sm_err make_slice(const mg_readings *store, mg_conn *conn, const slice *s, made *m) {
  sm_err err = SM_OK;
  for (size_t from = 0, to; err == SM_OK && from < s->count; from = to) {
    to = from + 1;
    while (to < s->count && follows(&s->item[to - 1], &s->item[to])) to++;
    err = make_range(store, conn, &s->item[from], &s->item[to], m);
  }
  return err;
}

/* SM_ERR_CONFLICT: a mark is not the one that was seen, so there may be readings that were not. */
static sm_err take_marks_away(mg_conn *conn, const slice *s) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_DUE);
  for (size_t i = 0; i < s->count; i++) {
    const mark *m = &s->item[i];
    bson_t *filter = mg_place_id(m->device_id, m->channel, m->start_ms);
    BSON_APPEND_OID(filter, "batch", &m->batch);
    mg_bulk_delete(&bulk, filter);
  }
  sm_err err = mg_bulk_end(&bulk);
  return err == SM_OK && bulk.removed != (int64_t)s->count ? SM_ERR_CONFLICT : err;
}

static bson_t *id_of(const bson_t *doc) {
  bson_iter_t id;
  bson_t *filter = bson_new();
  if (bson_iter_init_find(&id, doc, "_id")) (void)bson_append_iter(filter, "_id", 3, &id);
  return filter;
}

static sm_err write_quarters(mg_conn *conn, made *m) {
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_QUARTERS);
  for (size_t i = 0; i < m->count; i++) mg_bulk_replace(&bulk, id_of(m->doc[i]), m->doc[i], true);
  m->count = 0; /* they were taken */
  return mg_bulk_end(&bulk);
}

static sm_err write_slice(mg_conn *conn, const slice *s, made *m) {
  sm_err err = mg_begin(conn);
  if (err == SM_OK) err = take_marks_away(conn, s);
  if (err == SM_OK) err = write_quarters(conn, m);
  if (err == SM_OK) err = mg_commit(conn);
  mg_abort(conn);
  return err;
}

sm_err mg_make_due(mg_readings *store, mg_conn *conn, int64_t before_ms, bool *done) {
  enum { TRIES = 5 };
  slice *s = malloc(sizeof *s);
  made *m = calloc(1, sizeof *m);
  sm_err err = s != NULL && m != NULL ? SM_ERR_CONFLICT : SM_ERR_NOMEM;
  for (int i = 0; err == SM_ERR_CONFLICT && i < TRIES; i++) {
    s->count = 0;
    err = take_slice(conn, before_ms, s);
    if (err == SM_OK) err = make_slice(store, conn, s, m);
    if (err == SM_OK && s->count > 0) err = write_slice(conn, s, m);
    free_made(m);
  }
  if (err == SM_OK) *done = s->count > 0;
  free(s);
  free(m);
  return err == SM_ERR_CONFLICT ? SM_ERR_BUSY : err;
}

/* ---- maintenance ---- */

/* *more: there may be as much again to do. */
static sm_err maintain_all(mg_readings *store, mg_conn *conn, bool force, bool *more) {
  int64_t now_ms = sm_clock_now_ms();
  int64_t before_ms = force ? INT64_MAX : now_ms - WAIT_MS;
  sm_err err = mg_refresh(store, conn);
  for (bool done = true; err == SM_OK && done;) {
    err = mg_move(store, conn, force, &done);
    if (!force) break;
  }
  for (bool done = true; err == SM_OK && done;) {
    err = mg_make_due(store, conn, before_ms, &done);
    *more = err == SM_OK && done;
    if (!force) break;
  }
  if (err == SM_OK) err = mg_rejects_trim(store, conn);
  for (bool done = true; err == SM_OK && done;) {
    err = mg_retain(store, conn, now_ms, &done);
    if (!force) break;
  }
  return err;
}

sm_err mg_readings_maintain(sm_readings *base, bool force, bool *more) {
  mg_readings *store = mg_of(base);
  if (!store->writer) return SM_ERR_DENIED;
  int64_t steady_ms = sm_clock_steady_ms();
  if (!force && steady_ms < store->maintain_at_ms) return SM_OK;
  sm_err err = maintain_all(store, &store->own, force, more);
  store->maintain_at_ms = err == SM_OK && *more ? steady_ms : steady_ms + PAUSE_MS;
  return err;
}
