#include "app/logins.h"

#include "store/postgres/logins_pg.h"

#include <stdlib.h>

struct sm_logins {
  sm_pg_logins *there;
  sm_throttle_table table;
};

static void buckets_of(const uint64_t *tag, const sm_bucket_rule *rule, size_t count,
                       sm_pg_bucket *out) {
  for (size_t i = 0; i < count; i++)
    out[i] = (sm_pg_bucket){.tag = tag[i], .burst = rule[i].burst, .refill_ms = rule[i].refill_ms};
}

static sm_err take(void *context, const uint64_t *tag, const sm_bucket_rule *rule, size_t count,
                   int64_t *wait_ms) {
  const sm_logins *l = context;
  sm_pg_bucket bucket[SM_PG_BUCKETS_MAX];
  buckets_of(tag, rule, count, bucket);
  return sm_pg_logins_take(l->there, bucket, count, wait_ms);
}

static sm_err give(void *context, const uint64_t *tag, const sm_bucket_rule *rule, size_t count) {
  const sm_logins *l = context;
  sm_pg_bucket bucket[SM_PG_BUCKETS_MAX];
  buckets_of(tag, rule, count, bucket);
  return sm_pg_logins_give(l->there, bucket, count);
}

static sm_err know(void *context, uint64_t tag) {
  const sm_logins *l = context;
  return sm_pg_logins_know(l->there, tag);
}

static sm_err known(void *context, uint64_t tag, int64_t within_ms, bool *is_known) {
  const sm_logins *l = context;
  return sm_pg_logins_known(l->there, tag, within_ms, is_known);
}

sm_err sm_logins_new(const char *store, sm_logins **logins) {
  sm_logins *l = calloc(1, sizeof *l);
  if (l == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_pg_logins_new(store, &l->there);
  if (err != SM_OK) {
    free(l);
    return err;
  }
  l->table =
      (sm_throttle_table){.context = l, .take = take, .give = give, .know = know, .known = known};
  *logins = l;
  return SM_OK;
}

void sm_logins_free(sm_logins *logins) {
  if (logins == NULL) return;
  sm_pg_logins_free(logins->there);
  free(logins);
}

const sm_throttle_table *sm_logins_table(const sm_logins *logins) {
  return &logins->table;
}
