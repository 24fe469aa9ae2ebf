/* Refused messages. */
#include "store/postgres/readings_pg.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_OVERHEAD = 200, WALK_ROWS = 5000, REJECT_BYTES_MAX = 64 * 1024 * 1024 };

static sm_err drop_one(pg_readings *store, int64_t reject_no) {
  sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM reject WHERE reject_no = ?1 "
                                        "RETURNING length(payload) + length(topic)");
  sm_sql_bind_i64(&q, 1, reject_no);
  while (sm_sql_row(&q)) store->reject_bytes -= sm_sql_i64(&q, 0) + ROW_OVERHEAD;
  return sm_sql_end(&q);
}

static sm_err write_one(pg_readings *store, const sm_reject_in *r) {
  if (r->drop_no != 0) return drop_one(store, r->drop_no);
  size_t payload_len = r->payload_len;
  if (payload_len > SM_REJECT_PAYLOAD_MAX) payload_len = SM_REJECT_PAYLOAD_MAX;
  sm_sql_stmt q =
      sm_sql_use(store->db, "INSERT INTO reject (received_ms, topic, device_id, reason, detail, "
                            "payload, payload_len_sent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  sm_sql_bind_i64(&q, 1, r->received_ms);
  sm_sql_bind_blob(&q, 2, r->topic_len > 0 ? r->topic : "", r->topic_len);
  sm_sql_bind_blob(&q, 3, r->device_id, strlen(r->device_id));
  sm_sql_bind_text(&q, 4, r->reason);
  sm_sql_bind_blob(&q, 5, r->detail, strlen(r->detail));
  sm_sql_bind_blob(&q, 6, payload_len > 0 ? r->payload : "", payload_len);
  sm_sql_bind_i64(&q, 7, (int64_t)r->payload_len_sent);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) store->reject_bytes += (int64_t)(payload_len + r->topic_len) + ROW_OVERHEAD;
  return err;
}

sm_err pg_rejects_measure(pg_readings *store) {
  return sm_sql_query_i64(
      store->db, "SELECT coalesce(sum(length(payload) + length(topic) + 200), 0) FROM reject",
      &store->reject_bytes);
}

/* Drops the oldest tenth once the cap is passed, so that a flood costs a delete now and then. */
static sm_err keep_under_cap(pg_readings *store) {
  if (store->reject_bytes <= REJECT_BYTES_MAX) return SM_OK;
  sm_sql_stmt q =
      sm_sql_use(store->db, "DELETE FROM reject WHERE reject_no <= (SELECT min(reject_no) + "
                            "(max(reject_no) - min(reject_no)) / 10 FROM reject)");
  sm_err err = sm_sql_run(&q);
  if (err != SM_OK) return err;
  sm_log(SM_LOG_WARN, "readings.rejects_dropped", SM_LOG_INT("rows", sm_sql_changes(store->db)));
  return pg_rejects_measure(store);
}

sm_err pg_rejects_write(pg_readings *store, const sm_reject_in *rejects, size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = write_one(store, &rejects[i]);
  return err == SM_OK ? keep_under_cap(store) : err;
}

/* ---- reading ---- */

#define REJECT_SELECT                                                                              \
  "SELECT reject_no, received_ms, topic, device_id, reason, detail, payload, payload_len_sent "    \
  "FROM reject "

static void take_bytes(sm_sql_stmt *q, int column, char **out, size_t *len) {
  uint8_t *bytes = NULL;
  sm_sql_take_blob(q, column, &bytes, len);
  *out = (char *)bytes; /* terminated */
}

static void take_row(sm_sql_stmt *q, sm_reject *r) {
  size_t unused;
  *r = (sm_reject){.reject_no = sm_sql_i64(q, 0),
                   .received_ms = sm_sql_i64(q, 1),
                   .payload_len_sent = (size_t)sm_sql_i64(q, 7)};
  take_bytes(q, 2, &r->topic, &r->topic_len);
  take_bytes(q, 3, &r->device_id, &unused);
  sm_sql_take_text(q, 4, &r->reason);
  take_bytes(q, 5, &r->detail, &unused);
  take_bytes(q, 6, &r->payload, &r->payload_len);
}

static sm_err grow(sm_reject_list *list, size_t *cap) {
  if (list->count < *cap) return SM_OK;
  size_t more = *cap == 0 ? 16 : *cap * 2;
  sm_reject *item = realloc(list->item, more * sizeof *item);
  if (item == NULL) return SM_ERR_NOMEM;
  list->item = item;
  *cap = more;
  return SM_OK;
}

static void add_row(sm_sql_stmt *q, sm_reject_list *list, size_t *cap) {
  sm_err err = grow(list, cap);
  if (err == SM_OK)
    take_row(q, &list->item[list->count++]);
  else
    q->err = err;
}

sm_err pg_readings_rejects(sm_readings *base, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list) {
  sm_sql *db;
  size_t cap = 0;
  sm_reject_list out = {0};
  sm_err err = pg_read_begin(pg_of(base), &db);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(db, REJECT_SELECT "WHERE reject_no > ?1 AND received_ms >= ?2 "
                                               "AND received_ms < ?3 ORDER BY reject_no LIMIT ?4");
  sm_sql_bind_i64(&q, 1, after);
  sm_sql_bind_i64(&q, 2, from_ms);
  sm_sql_bind_i64(&q, 3, to_ms);
  sm_sql_bind_i64(&q, 4, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
  while (sm_sql_row(&q)) add_row(&q, &out, &cap);
  err = sm_sql_end(&q);
  pg_read_end(pg_of(base), db);
  if (err == SM_OK)
    *list = out;
  else
    sm_reject_list_fini(&out);
  return err;
}

static bool matches(sm_sql_stmt *q, const char *reason, sm_reject_wanted_fn wanted, void *context) {
  size_t len;
  char device_id[SM_DEVICE_ID_MAX + 1];
  const char *why = sm_sql_text(q, 4);
  const void *id = sm_sql_blob(q, 3, &len);
  if (why == NULL || id == NULL || strcmp(why, reason) != 0 || len > SM_DEVICE_ID_MAX) return false;
  memcpy(device_id, id, len);
  device_id[len] = '\0';
  return wanted(context, device_id);
}

/* Rows by number, a bounded piece at a time: the walk costs little however many are kept. */
static sm_err walk(sm_sql *db, const char *reason, sm_reject_wanted_fn wanted, void *context,
                   int64_t after, size_t limit, sm_reject_list *out, int64_t *next) {
  int64_t seen = 0;
  size_t cap = 0;
  sm_sql_stmt q = sm_sql_use(db, REJECT_SELECT "WHERE reject_no > ?1 ORDER BY reject_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, after);
  sm_sql_bind_i64(&q, 2, WALK_ROWS);
  *next = after;
  while (out->count < limit && sm_sql_row(&q)) {
    seen++;
    *next = sm_sql_i64(&q, 0);
    if (matches(&q, reason, wanted, context)) add_row(&q, out, &cap);
  }
  if (out->count < limit && seen < WALK_ROWS) *next = 0;
  return sm_sql_end(&q);
}

sm_err pg_readings_rejects_wanted(sm_readings *base, const char *reason, sm_reject_wanted_fn wanted,
                                  void *context, int64_t after, size_t limit, sm_reject_list *list,
                                  int64_t *next) {
  sm_sql *db;
  int64_t at = 0;
  sm_reject_list out = {0};
  sm_err err = pg_read_begin(pg_of(base), &db);
  if (err != SM_OK) return err;
  err = walk(db, reason, wanted, context, after, limit, &out, &at);
  pg_read_end(pg_of(base), db);
  if (err != SM_OK) {
    sm_reject_list_fini(&out);
    return err;
  }
  *list = out;
  *next = at;
  return SM_OK;
}
