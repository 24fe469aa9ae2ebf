#include "store/embedded/readings_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_OVERHEAD = 200, WALK_ROWS = 5000 };

static sm_err drop_one(sm_readings *store, int64_t reject_no) {
  sm_sql_stmt q = sm_sql_use(store->db, "DELETE FROM reject WHERE reject_no = ?1"
                                        " RETURNING length(payload) + length(topic)");
  sm_sql_bind_i64(&q, 1, reject_no);
  while (sm_sql_row(&q)) store->reject_bytes -= sm_sql_i64(&q, 0) + ROW_OVERHEAD;
  return sm_sql_end(&q);
}

static sm_err write_one(sm_readings *store, const sm_reject_in *r) {
  if (r->drop_no != 0) return drop_one(store, r->drop_no);
  size_t payload_len = r->payload_len;
  if (payload_len > SM_REJECT_PAYLOAD_MAX) payload_len = SM_REJECT_PAYLOAD_MAX;
  sm_sql_stmt q =
      sm_sql_use(store->db, "INSERT INTO reject(received_ms, topic, device_id, reason, detail,"
                            " payload, payload_len_sent) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  sm_sql_bind_i64(&q, 1, r->received_ms);
  sm_sql_bind_blob(&q, 2, r->topic_len > 0 ? r->topic : "", r->topic_len);
  sm_sql_bind_text(&q, 3, r->device_id);
  sm_sql_bind_text(&q, 4, r->reason);
  sm_sql_bind_text(&q, 5, r->detail);
  sm_sql_bind_blob(&q, 6, payload_len > 0 ? r->payload : "", payload_len);
  sm_sql_bind_i64(&q, 7, (int64_t)r->payload_len_sent);
  sm_err err = sm_sql_run(&q);
  if (err == SM_OK) store->reject_bytes += (int64_t)(payload_len + r->topic_len) + ROW_OVERHEAD;
  return err;
}

/* Drops the oldest tenth once the cap is passed, so that a flood costs a delete now and then. */
static sm_err keep_under_cap(sm_readings *store) {
  if (store->reject_bytes <= REJECT_BYTES_MAX) return SM_OK;
  sm_err err =
      sm_sql_exec(store->db, "DELETE FROM reject WHERE reject_no <= (SELECT min(reject_no) +"
                             " (max(reject_no) - min(reject_no)) / 10 FROM reject)");
  if (err != SM_OK) return err;
  sm_log(SM_LOG_WARN, "readings.rejects_dropped", SM_LOG_INT("rows", sm_sql_changes(store->db)));
  return sm_sql_query_i64(
      store->db, "SELECT coalesce(sum(length(payload) + length(topic) + 200), 0) FROM reject",
      &store->reject_bytes);
}

sm_err sm_rejects_write(sm_readings *store, const sm_reject_in *rejects, size_t count) {
  sm_err err = SM_OK;
  for (size_t i = 0; err == SM_OK && i < count; i++) err = write_one(store, &rejects[i]);
  return err == SM_OK ? keep_under_cap(store) : err;
}

static void take_row(sm_sql_stmt *q, sm_reject *r) {
  uint8_t *bytes = NULL;
  r->reject_no = sm_sql_i64(q, 0);
  r->received_ms = sm_sql_i64(q, 1);
  sm_sql_take_blob(q, 2, &bytes, &r->topic_len);
  r->topic = (char *)bytes;
  sm_sql_take_text(q, 3, &r->device_id);
  sm_sql_take_text(q, 4, &r->reason);
  sm_sql_take_text(q, 5, &r->detail);
  bytes = NULL;
  sm_sql_take_blob(q, 6, &bytes, &r->payload_len);
  r->payload = (char *)bytes;
  r->payload_len_sent = (size_t)sm_sql_i64(q, 7);
}

sm_err sm_embedded_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms, int64_t after,
                           size_t limit, sm_reject_list *list) {
  reader r;
  sm_err err = sm_reader_begin(store, "", 0, 0, 0, &r);
  if (err != SM_OK) return err;
  sm_reject_list out = {.item = calloc(limit + 1, sizeof *out.item)};
  if (out.item == NULL) err = SM_ERR_NOMEM;
  if (err == SM_OK) {
    sm_sql_stmt q =
        sm_sql_use(r.db, "SELECT reject_no, received_ms, topic, device_id, reason, detail, payload,"
                         " payload_len_sent FROM reject WHERE reject_no > ?1 AND received_ms >= ?2"
                         " AND received_ms < ?3 ORDER BY reject_no LIMIT ?4");
    sm_sql_bind_i64(&q, 1, after);
    sm_sql_bind_i64(&q, 2, from_ms);
    sm_sql_bind_i64(&q, 3, to_ms);
    sm_sql_bind_i64(&q, 4, (int64_t)limit);
    while (out.count < limit && sm_sql_row(&q)) take_row(&q, &out.item[out.count++]);
    err = sm_sql_end(&q);
  }
  sm_reader_end(&r);
  if (err != SM_OK) {
    sm_reject_list_fini(&out);
    return err;
  }
  *list = out;
  return SM_OK;
}

/* Rows by number, a bounded piece at a time: the walk costs little however many are kept. */
static sm_err walk(reader *r, const char *reason, sm_reject_wanted_fn wanted, void *context,
                   int64_t after, size_t limit, sm_reject_list *out, int64_t *next) {
  int64_t seen = 0;
  sm_sql_stmt q =
      sm_sql_use(r->db, "SELECT reject_no, received_ms, topic, device_id, reason, detail, payload,"
                        " payload_len_sent FROM reject WHERE reject_no > ?1"
                        " ORDER BY reject_no LIMIT ?2");
  sm_sql_bind_i64(&q, 1, after);
  sm_sql_bind_i64(&q, 2, WALK_ROWS);
  *next = after;
  while (out->count < limit && sm_sql_row(&q)) {
    seen++;
    *next = sm_sql_i64(&q, 0);
    const char *device_id = sm_sql_text(&q, 3);
    const char *why = sm_sql_text(&q, 4);
    bool matches = device_id != NULL && why != NULL && strcmp(why, reason) == 0;
    if (matches && wanted(context, device_id)) take_row(&q, &out->item[out->count++]);
  }
  if (out->count < limit && seen < WALK_ROWS) *next = 0;
  return sm_sql_end(&q);
}

sm_err sm_embedded_rejects_wanted(sm_readings *store, const char *reason,
                                  sm_reject_wanted_fn wanted, void *context, int64_t after,
                                  size_t limit, sm_reject_list *list, int64_t *next) {
  reader r;
  sm_err err = sm_reader_begin(store, "", 0, 0, 0, &r);
  if (err != SM_OK) return err;
  sm_reject_list out = {.item = calloc(limit + 1, sizeof *out.item)};
  int64_t at = 0;
  err =
      out.item != NULL ? walk(&r, reason, wanted, context, after, limit, &out, &at) : SM_ERR_NOMEM;
  sm_reader_end(&r);
  if (err != SM_OK) {
    sm_reject_list_fini(&out);
    return err;
  }
  *list = out;
  *next = at;
  return SM_OK;
}
