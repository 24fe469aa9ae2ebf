/* Refused messages: `reading_rejects`, numbered by the document "rejects" of `reading_meta`, which
 * also knows how many bytes they take. Texts that may be any bytes are binary. */
#include "store/mongo/readings_mg.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_OVERHEAD = 200, WALK_ROWS = 5000, REJECT_BYTES_MAX = 64 * 1024 * 1024 };

/* Takes `count` numbers; *first is the lowest. A second server that does so at the same time makes
 * one of the two transactions fail. */
static sm_err take_numbers(mg_readings *store, mg_conn *conn, int64_t count, int64_t bytes,
                           int64_t *first) {
  bson_t reply;
  bson_t *command =
      BCON_NEW("findAndModify", BCON_UTF8(MG_META), "query", "{", "_id", BCON_UTF8("rejects"), "}",
               "update", "{", "$inc", "{", "last", BCON_INT64(count), "bytes", BCON_INT64(bytes),
               "}", "}", "upsert", BCON_BOOL(true), "new", BCON_BOOL(true));
  sm_err err = mg_command(conn, command, &reply);
  if (err == SM_OK) {
    *first = mg_i64(&reply, "value.last") - count + 1;
    store->reject_bytes = mg_i64(&reply, "value.bytes");
  }
  bson_destroy(&reply);
  bson_destroy(command);
  return err;
}

static size_t payload_kept(const sm_reject_in *r) {
  return r->payload_len < SM_REJECT_PAYLOAD_MAX ? r->payload_len : SM_REJECT_PAYLOAD_MAX;
}

static void put_bytes(bson_t *doc, const char *name, const void *data, size_t len) {
  bson_append_binary(doc, name, -1, BSON_SUBTYPE_BINARY, len > 0 ? data : (const void *)"",
                     (uint32_t)len);
}

static bson_t *reject_doc(const sm_reject_in *r, int64_t no) {
  bson_t *doc =
      BCON_NEW("_id", BCON_INT64(no), "received", BCON_DATE_TIME(r->received_ms), "reason",
               BCON_UTF8(r->reason), "sent", BCON_INT64((int64_t)r->payload_len_sent), "bytes",
               BCON_INT64((int64_t)(payload_kept(r) + r->topic_len) + ROW_OVERHEAD));
  put_bytes(doc, "topic", r->topic, r->topic_len);
  put_bytes(doc, "device", r->device_id, strlen(r->device_id));
  put_bytes(doc, "detail", r->detail, strlen(r->detail));
  put_bytes(doc, "payload", r->payload, payload_kept(r));
  return doc;
}

static sm_err drop_some(mg_readings *store, mg_conn *conn, const sm_reject_in *rejects,
                        size_t count) {
  int64_t bytes = 0;
  int64_t unused;
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_REJECTS);
  for (size_t i = 0; bulk.err == SM_OK && i < count; i++) {
    if (rejects[i].drop_no == 0) continue;
    mg_find find;
    mg_find_begin(&find, conn, MG_REJECTS, BCON_NEW("_id", BCON_INT64(rejects[i].drop_no)), NULL);
    const bson_t *doc = mg_find_next(&find);
    if (doc != NULL) bytes += mg_i64(doc, "bytes");
    bulk.err = mg_find_end(&find);
    mg_bulk_delete(&bulk, BCON_NEW("_id", BCON_INT64(rejects[i].drop_no)));
  }
  sm_err err = mg_bulk_end(&bulk);
  return err == SM_OK && bytes > 0 ? take_numbers(store, conn, 0, -bytes, &unused) : err;
}

sm_err mg_rejects_write(mg_readings *store, mg_conn *conn, const sm_reject_in *rejects,
                        size_t count) {
  int64_t kept = 0;
  int64_t bytes = 0;
  int64_t no = 0;
  for (size_t i = 0; i < count; i++) {
    if (rejects[i].drop_no != 0) continue;
    kept++;
    bytes += (int64_t)(payload_kept(&rejects[i]) + rejects[i].topic_len) + ROW_OVERHEAD;
  }
  sm_err err = kept < (int64_t)count ? drop_some(store, conn, rejects, count) : SM_OK;
  if (err == SM_OK && kept > 0) err = take_numbers(store, conn, kept, bytes, &no);
  if (err != SM_OK || kept == 0) return err;
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_REJECTS);
  for (size_t i = 0; i < count; i++)
    if (rejects[i].drop_no == 0) mg_bulk_insert(&bulk, reject_doc(&rejects[i], no++));
  return mg_bulk_end(&bulk);
}

sm_err mg_rejects_replace(mg_readings *store, mg_conn *conn, const sm_reject_list *rejects) {
  int64_t bytes = 0;
  int64_t last = 0;
  mg_bulk bulk;
  mg_bulk_begin(&bulk, conn, MG_REJECTS);
  mg_bulk_delete_many(&bulk, bson_new());
  for (size_t i = 0; i < rejects->count; i++) {
    const sm_reject *r = &rejects->item[i];
    const sm_reject_in in = {.received_ms = r->received_ms,
                             .topic = r->topic,
                             .topic_len = r->topic_len,
                             .device_id = r->device_id,
                             .reason = r->reason,
                             .detail = r->detail,
                             .payload = r->payload,
                             .payload_len = r->payload_len,
                             .payload_len_sent = r->payload_len_sent};
    bytes += (int64_t)(payload_kept(&in) + in.topic_len) + ROW_OVERHEAD;
    last = r->reject_no;
    mg_bulk_insert(&bulk, reject_doc(&in, r->reject_no));
  }
  sm_err err = mg_bulk_end(&bulk);
  if (err != SM_OK) return err;
  mg_bulk_begin(&bulk, conn, MG_META);
  mg_bulk_update(&bulk, BCON_NEW("_id", BCON_UTF8("rejects")),
                 BCON_NEW("$set", "{", "last", BCON_INT64(last), "bytes", BCON_INT64(bytes), "}"),
                 true);
  err = mg_bulk_end(&bulk);
  if (err == SM_OK) store->reject_bytes = bytes;
  return err;
}

/* ---- under the cap ---- */

static sm_err end_no(mg_conn *conn, int direction, int64_t *no) {
  mg_find find;
  mg_find_begin(&find, conn, MG_REJECTS, bson_new(),
                BCON_NEW("sort", "{", "_id", BCON_INT32(direction), "}", "limit", BCON_INT64(1)));
  const bson_t *doc = mg_find_next(&find);
  if (doc != NULL) *no = mg_i64(doc, "_id");
  return mg_find_end(&find);
}

static bson_t *up_to(int64_t no) {
  return BCON_NEW("_id", "{", "$lte", BCON_INT64(no), "}");
}

static sm_err measure(mg_conn *conn, int64_t last_no, int64_t *bytes, int64_t *rows) {
  mg_find find;
  const bson_t *doc;
  mg_find_begin(&find, conn, MG_REJECTS, up_to(last_no),
                BCON_NEW("projection", "{", "bytes", BCON_INT32(1), "}"));
  while ((doc = mg_find_next(&find)) != NULL) {
    *bytes += mg_i64(doc, "bytes");
    (*rows)++;
  }
  return mg_find_end(&find);
}

static sm_err drop_up_to(mg_readings *store, mg_conn *conn, int64_t no) {
  int64_t bytes = 0;
  int64_t rows = 0;
  int64_t unused;
  mg_bulk bulk;
  sm_err err = measure(conn, no, &bytes, &rows);
  if (err != SM_OK) return err;
  mg_bulk_begin(&bulk, conn, MG_REJECTS);
  mg_bulk_delete_many(&bulk, up_to(no));
  err = mg_bulk_end(&bulk);
  if (err == SM_OK) err = take_numbers(store, conn, 0, -bytes, &unused);
  if (err == SM_OK) err = mg_commit(conn);
  if (err == SM_OK) sm_log(SM_LOG_WARN, "readings.rejects_dropped", SM_LOG_INT("rows", rows));
  return err;
}

/* The oldest tenth, so that a flood costs a deletion now and then. */
sm_err mg_rejects_trim(mg_readings *store, mg_conn *conn) {
  int64_t first = 0;
  int64_t last = 0;
  if (store->reject_bytes <= REJECT_BYTES_MAX) return SM_OK;
  sm_err err = mg_begin(conn);
  if (err == SM_OK) err = end_no(conn, 1, &first);
  if (err == SM_OK) err = end_no(conn, -1, &last);
  if (err == SM_OK) err = drop_up_to(store, conn, first + (last - first) / 10);
  mg_abort(conn);
  return err == SM_ERR_CONFLICT ? SM_OK : err; /* another server is at it */
}

/* ---- reading ---- */

static char *copy_bytes(const bson_t *doc, const char *name, size_t *len) {
  size_t size = 0;
  const uint8_t *data = mg_bytes(doc, name, &size);
  char *copy = malloc(size + 1);
  if (copy == NULL) return NULL;
  if (size > 0) memcpy(copy, data, size);
  copy[size] = '\0';
  if (len != NULL) *len = size;
  return copy;
}

sm_err mg_take_reject(const bson_t *doc, sm_reject *r) {
  const char *reason = mg_text(doc, "reason");
  *r = (sm_reject){.reject_no = mg_i64(doc, "_id"),
                   .received_ms = mg_i64(doc, "received"),
                   .payload_len_sent = (size_t)mg_i64(doc, "sent"),
                   .reason = strdup(reason != NULL ? reason : ""),
                   .device_id = copy_bytes(doc, "device", NULL),
                   .detail = copy_bytes(doc, "detail", NULL)};
  r->topic = copy_bytes(doc, "topic", &r->topic_len);
  r->payload = copy_bytes(doc, "payload", &r->payload_len);
  bool whole = r->reason != NULL && r->device_id != NULL && r->detail != NULL && r->topic != NULL &&
               r->payload != NULL;
  return whole ? SM_OK : SM_ERR_NOMEM;
}

static sm_err add_reject(const bson_t *doc, sm_reject_list *list, size_t *cap) {
  if (list->count == *cap) {
    size_t more = *cap == 0 ? 16 : *cap * 2;
    sm_reject *item = realloc(list->item, more * sizeof *item);
    if (item == NULL) return SM_ERR_NOMEM;
    list->item = item;
    *cap = more;
  }
  return mg_take_reject(doc, &list->item[list->count++]);
}

static bson_t *by_no(size_t limit) {
  bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
  if (limit < INT32_MAX) BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
  return opts;
}

sm_err mg_readings_rejects(sm_readings *base, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list) {
  mg_conn conn;
  mg_find find;
  const bson_t *doc;
  size_t cap = 0;
  sm_reject_list out = {0};
  mg_take(mg_of(base)->pool, &conn);
  mg_find_begin(&find, &conn, MG_REJECTS,
                BCON_NEW("_id", "{", "$gt", BCON_INT64(after), "}", "received", "{", "$gte",
                         BCON_DATE_TIME(from_ms), "$lt", BCON_DATE_TIME(to_ms), "}"),
                by_no(limit));
  while (out.count < limit && (doc = mg_find_next(&find)) != NULL)
    find.err = add_reject(doc, &out, &cap);
  sm_err err = mg_find_end(&find);
  mg_give(&conn);
  if (err == SM_OK)
    *list = out;
  else
    sm_reject_list_fini(&out);
  return err;
}

static bool matches(const bson_t *doc, const char *reason, sm_reject_wanted_fn wanted,
                    void *context) {
  size_t len;
  char device_id[SM_DEVICE_ID_MAX + 1];
  const char *why = mg_text(doc, "reason");
  const uint8_t *id = mg_bytes(doc, "device", &len);
  if (why == NULL || id == NULL || strcmp(why, reason) != 0 || len > SM_DEVICE_ID_MAX) return false;
  memcpy(device_id, id, len);
  device_id[len] = '\0';
  return wanted(context, device_id);
}

/* By number, a bounded piece at a time: the walk costs little however many are kept. */
static sm_err walk(mg_conn *conn, const char *reason, sm_reject_wanted_fn wanted, void *context,
                   int64_t after, size_t limit, sm_reject_list *out, int64_t *next) {
  mg_find find;
  const bson_t *doc;
  int64_t seen = 0;
  size_t cap = 0;
  mg_find_begin(&find, conn, MG_REJECTS, BCON_NEW("_id", "{", "$gt", BCON_INT64(after), "}"),
                by_no(WALK_ROWS));
  *next = after;
  while (out->count < limit && (doc = mg_find_next(&find)) != NULL) {
    seen++;
    *next = mg_i64(doc, "_id");
    if (matches(doc, reason, wanted, context)) find.err = add_reject(doc, out, &cap);
  }
  if (out->count < limit && seen < WALK_ROWS) *next = 0;
  return mg_find_end(&find);
}

sm_err mg_readings_rejects_wanted(sm_readings *base, const char *reason, sm_reject_wanted_fn wanted,
                                  void *context, int64_t after, size_t limit, sm_reject_list *list,
                                  int64_t *next) {
  mg_conn conn;
  int64_t at = 0;
  sm_reject_list out = {0};
  mg_take(mg_of(base)->pool, &conn);
  sm_err err = walk(&conn, reason, wanted, context, after, limit, &out, &at);
  mg_give(&conn);
  if (err != SM_OK) {
    sm_reject_list_fini(&out);
    return err;
  }
  *list = out;
  *next = at;
  return SM_OK;
}
