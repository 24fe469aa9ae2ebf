#include "store/postgres/logins_pg.h"

#include "base/buf.h"
#include "store/postgres/pg_sql.h"
#include "store/postgres/postgres_schema.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOCK_LOGINS = 3, SWEEP_EVERY = 256 };

#define NOW_MS "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

struct sm_pg_logins {
  char *url;
  pthread_mutex_t lock; /* guards the rest */
  sm_sql *db;           /* NULL: not connected yet */
  unsigned takes;
};

sm_err sm_pg_logins_new(const char *url, sm_pg_logins **logins) {
  sm_pg_logins *l = calloc(1, sizeof *l);
  if (l == NULL) return SM_ERR_NOMEM;
  l->url = strdup(url);
  if (l->url == NULL) {
    free(l);
    return SM_ERR_NOMEM;
  }
  (void)pthread_mutex_init(&l->lock, NULL);
  *logins = l;
  return SM_OK;
}

void sm_pg_logins_free(sm_pg_logins *logins) {
  if (logins == NULL) return;
  sm_sql_close(logins->db);
  (void)pthread_mutex_destroy(&logins->lock);
  free(logins->url);
  free(logins);
}

static sm_err connect_to(sm_pg_logins *l) {
  static const sm_pg_migration steps[] = {{sm_postgres_logins_1}};
  sm_sql *db = NULL;
  if (l->db != NULL) return SM_OK;
  sm_err err = sm_pg_open(
      &(sm_pg_options){.url = l->url, .schema = "smartmeter", .lock_no = LOCK_LOGINS}, &db);
  if (err == SM_OK)
    err = sm_pg_migrate(db, "logins", steps, sizeof steps / sizeof steps[0], NULL, NULL);
  if (err == SM_OK)
    l->db = db;
  else
    sm_sql_close(db);
  return err;
}

/* A transaction, and the lock of this object: end_it ends both. */
static sm_err begin_it(sm_pg_logins *l) {
  (void)pthread_mutex_lock(&l->lock);
  sm_err err = connect_to(l);
  if (err == SM_OK) err = sm_pg_begin_shared(l->db);
  if (err != SM_OK) (void)pthread_mutex_unlock(&l->lock);
  return err;
}

static sm_err end_it(sm_pg_logins *l, sm_err err) {
  if (err == SM_OK)
    err = sm_sql_commit(l->db);
  else
    sm_sql_rollback(l->db);
  (void)pthread_mutex_unlock(&l->lock);
  return err;
}

typedef struct arrays {
  sm_buf tags;
  sm_buf refills;
} arrays;

static void put(arrays *a, const sm_pg_bucket *bucket, size_t count) {
  sm_buf_init(&a->tags, 0);
  sm_buf_init(&a->refills, 0);
  for (size_t i = 0; i < count; i++) {
    sm_buf_printf(&a->tags, "%c%lld", i == 0 ? '{' : ',', (long long)bucket[i].tag);
    sm_buf_printf(&a->refills, "%c%u", i == 0 ? '{' : ',', bucket[i].refill_ms);
  }
  sm_buf_append_char(&a->tags, '}');
  sm_buf_append_char(&a->refills, '}');
}

static void fini(arrays *a) {
  sm_buf_fini(&a->tags);
  sm_buf_fini(&a->refills);
}

static int64_t wait_of(const sm_pg_bucket *b, int64_t full_ms, int64_t now_ms) {
  int64_t ahead = full_ms > now_ms ? full_ms - now_ms : 0;
  int64_t room = (int64_t)(b->burst - 1) * b->refill_ms;
  return ahead <= room ? 0 : ahead - room;
}

/* Locks their rows, in the order of their tags, and makes those that are not there. */
static sm_err look(sm_sql *db, const sm_pg_bucket *bucket, size_t count, arrays *a,
                   int64_t *wait_ms) {
  int64_t longest = 0;
  sm_sql_stmt q =
      sm_sql_use(db, "INSERT INTO login_bucket (tag, full_ms) SELECT t, 0 FROM "
                     "unnest(CAST(?1 AS bigint[])) t ORDER BY t ON CONFLICT (tag) DO UPDATE SET "
                     "full_ms = login_bucket.full_ms RETURNING tag, full_ms, " NOW_MS);
  sm_sql_bind_text(&q, 1, sm_buf_text(&a->tags));
  while (sm_sql_row(&q)) {
    uint64_t tag = (uint64_t)sm_sql_i64(&q, 0);
    for (size_t i = 0; i < count; i++) {
      if (bucket[i].tag != tag) continue;
      int64_t wait = wait_of(&bucket[i], sm_sql_i64(&q, 1), sm_sql_i64(&q, 2));
      if (wait > longest) longest = wait;
    }
  }
  sm_err err = sm_sql_end(&q);
  if (err == SM_OK) *wait_ms = longest;
  return err;
}

static sm_err change(sm_sql *db, const char *sql, arrays *a) {
  sm_sql_stmt q = sm_sql_use(db, sql);
  sm_sql_bind_text(&q, 1, sm_buf_text(&a->tags));
  sm_sql_bind_text(&q, 2, sm_buf_text(&a->refills));
  return sm_sql_run(&q);
}

/* Full ones say nothing. */
static sm_err sweep(sm_pg_logins *l) {
  if (++l->takes % SWEEP_EVERY != 0) return SM_OK;
  sm_sql_stmt q =
      sm_sql_use(l->db, "DELETE FROM login_bucket WHERE tag IN (SELECT tag FROM "
                        "login_bucket WHERE full_ms < " NOW_MS " FOR UPDATE SKIP LOCKED)");
  return sm_sql_run(&q);
}

sm_err sm_pg_logins_take(sm_pg_logins *logins, const sm_pg_bucket *bucket, size_t count,
                         int64_t *wait_ms) {
  arrays a;
  int64_t wait = 0;
  assert(count >= 1 && count <= SM_PG_BUCKETS_MAX);
  sm_err err = begin_it(logins);
  if (err != SM_OK) return err;
  put(&a, bucket, count);
  err = look(logins->db, bucket, count, &a, &wait);
  if (err == SM_OK && wait == 0)
    err = change(logins->db,
                 "UPDATE login_bucket b SET full_ms = greatest(b.full_ms, " NOW_MS ") + n.refill "
                 "FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) n (tag, refill) "
                 "WHERE b.tag = n.tag",
                 &a);
  if (err == SM_OK) err = sweep(logins);
  err = end_it(logins, err);
  fini(&a);
  if (err == SM_OK) *wait_ms = wait;
  return err;
}

sm_err sm_pg_logins_give(sm_pg_logins *logins, const sm_pg_bucket *bucket, size_t count) {
  arrays a;
  int64_t unused = 0;
  assert(count >= 1 && count <= SM_PG_BUCKETS_MAX);
  sm_err err = begin_it(logins);
  if (err != SM_OK) return err;
  put(&a, bucket, count);
  err = look(logins->db, bucket, count, &a, &unused); /* locked as above */
  if (err == SM_OK)
    err = change(logins->db,
                 "UPDATE login_bucket b SET full_ms = b.full_ms - n.refill "
                 "FROM unnest(CAST(?1 AS bigint[]), CAST(?2 AS bigint[])) n (tag, refill) "
                 "WHERE b.tag = n.tag AND b.full_ms > 0",
                 &a);
  err = end_it(logins, err);
  fini(&a);
  return err;
}

sm_err sm_pg_logins_know(sm_pg_logins *logins, uint64_t tag) {
  sm_err err = begin_it(logins);
  if (err != SM_OK) return err;
  sm_sql_stmt q =
      sm_sql_use(logins->db, "INSERT INTO login_known (tag, seen_ms) VALUES (?1, " NOW_MS ") "
                             "ON CONFLICT (tag) DO UPDATE SET seen_ms = excluded.seen_ms");
  sm_sql_bind_i64(&q, 1, (int64_t)tag);
  return end_it(logins, sm_sql_run(&q));
}

sm_err sm_pg_logins_known(sm_pg_logins *logins, uint64_t tag, int64_t within_ms, bool *known) {
  sm_err err = begin_it(logins);
  if (err != SM_OK) return err;
  sm_sql_stmt q = sm_sql_use(logins->db, "SELECT 1 FROM login_known WHERE tag = ?1 AND "
                                         "seen_ms > " NOW_MS " - ?2");
  sm_sql_bind_i64(&q, 1, (int64_t)tag);
  sm_sql_bind_i64(&q, 2, within_ms);
  bool found = sm_sql_row(&q);
  err = end_it(logins, sm_sql_end(&q));
  if (err == SM_OK) *known = found;
  return err;
}
