#include "store/embedded/readings_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

const char *sm_damage_word(damage_kind kind) {
  static const char *const words[] = {"page",    "journal", "fresh", "block",
                                      "quarter", "course",  "state"};
  return words[kind];
}

static bool note(sm_readings *store, damage_kind kind, int64_t key) {
  for (size_t i = 0; i < store->damage_count; i++)
    if (store->damage[i].kind == kind && store->damage[i].key == key) return false;
  if (store->damage_count == DAMAGE_KNOWN_MAX) return true;
  if (store->damage == NULL) store->damage = calloc(DAMAGE_KNOWN_MAX, sizeof *store->damage);
  if (store->damage != NULL)
    store->damage[store->damage_count++] =
        (damage){.kind = kind, .key = key, .repair = kind == DAMAGE_QUARTER};
  return true;
}

void sm_damage_found(sm_readings *store, damage_kind kind, int64_t key) {
  (void)pthread_mutex_lock(&store->damage_mutex);
  bool is_new = note(store, kind, key);
  (void)pthread_mutex_unlock(&store->damage_mutex);
  if (!is_new) return;
  atomic_fetch_add(&store->damaged, 1);
  sm_log(SM_LOG_ERROR, "readings.damaged", SM_LOG_TEXT("kind", sm_damage_word(kind)),
         SM_LOG_INT("key", key));
}

bool sm_damage_next_repair(sm_readings *store, int64_t *key) {
  if (atomic_load(&store->damaged) == 0) return false;
  bool found = false;
  (void)pthread_mutex_lock(&store->damage_mutex);
  for (size_t i = 0; !found && i < store->damage_count; i++) {
    found = store->damage[i].repair;
    if (!found) continue;
    store->damage[i].repair = false;
    *key = store->damage[i].key;
  }
  (void)pthread_mutex_unlock(&store->damage_mutex);
  return found;
}

static const char *copy_sql(damage_kind kind) {
  switch (kind) {
  case DAMAGE_JOURNAL:
    return "INSERT INTO damaged(found_ms, kind, key, body)"
           " SELECT ?1, 'journal', journal_no, body FROM journal WHERE journal_no = ?2";
  case DAMAGE_FRESH:
    return "INSERT INTO damaged(found_ms, kind, key, body)"
           " SELECT ?1, 'fresh', fresh_key, body FROM fresh WHERE fresh_key = ?2";
  case DAMAGE_BLOCK:
    return "INSERT INTO damaged(found_ms, kind, key, body)"
           " SELECT ?1, 'block', block_key, body FROM block WHERE block_key = ?2";
  case DAMAGE_COURSE:
    return "INSERT INTO damaged(found_ms, kind, key, body)"
           " SELECT ?1, 'course', course_key, body FROM course WHERE course_key = ?2";
  case DAMAGE_QUARTER:
    return "INSERT INTO damaged(found_ms, kind, key, body)"
           " SELECT ?1, 'quarter', quarter_key, body FROM quarter WHERE quarter_key = ?2";
  case DAMAGE_PAGE:
  case DAMAGE_STATE:
    break;
  }
  return NULL;
}

sm_err sm_damage_keep(sm_readings *store, damage_kind kind, int64_t key) {
  sm_sql_stmt q = sm_sql_use(store->db, copy_sql(kind));
  sm_sql_bind_i64(&q, 1, sm_clock_now_ms());
  sm_sql_bind_i64(&q, 2, key);
  sm_err err = sm_sql_run(&q);
  /* On a page that cannot be read there are no bytes to keep. */
  return err == SM_ERR_CORRUPT ? SM_OK : err;
}
