#include "store/ledger/ledger_known.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <stdlib.h>
#include <string.h>

/* How old the table may be for a device that it knows, and for one that it does not: the second is
 * what a meter waits for that was added a moment ago by another process. */
enum { HIT_AGE_MS = 200, MISS_AGE_MS = 20 };

/* ---- the table: open addressing, never more than half full, nothing is ever removed ---- */

/* Seeded, because with automatic registration strangers choose the ids. */
static uint64_t hash_of(uint64_t seed, const char *text) {
  uint64_t h = seed;
  for (; *text != '\0'; text++) {
    h = (h ^ (uint8_t)*text) * 0x9e3779b97f4a7c15U;
    h ^= h >> 29;
  }
  h *= 0xbf58476d1ce4e5b9U;
  return h ^ (h >> 32);
}

static sm_ledger_known_slot *slot_of(sm_ledger_known_slot *slot, size_t cap, uint64_t seed,
                                     const char *device_id) {
  size_t at = (size_t)hash_of(seed, device_id) & (cap - 1);
  while (slot[at].device_id != NULL && strcmp(slot[at].device_id, device_id) != 0) {
    at = (at + 1) & (cap - 1);
  }
  return &slot[at];
}

static sm_err grow(sm_ledger_known *known) {
  size_t cap = known->cap == 0 ? 64 : known->cap * 2;
  sm_ledger_known_slot *slot = calloc(cap, sizeof *slot);
  if (slot == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < known->cap; i++) {
    if (known->slot[i].device_id == NULL) continue;
    *slot_of(slot, cap, known->seed, known->slot[i].device_id) = known->slot[i];
  }
  free(known->slot);
  known->slot = slot;
  known->cap = cap;
  return SM_OK;
}

static sm_err put(sm_ledger_known *known, const char *device_id, bool revoked, int64_t modulus_wh) {
  if (known->count * 2 >= known->cap) {
    sm_err err = grow(known);
    if (err != SM_OK) return err;
  }
  sm_ledger_known_slot *slot = slot_of(known->slot, known->cap, known->seed, device_id);
  if (slot->device_id == NULL) {
    slot->device_id = strdup(device_id);
    if (slot->device_id == NULL) return SM_ERR_NOMEM;
    known->count++;
  }
  slot->revoked = revoked;
  slot->modulus_wh = modulus_wh;
  return SM_OK;
}

/* Whether it is there and may send; *gone: it was revoked or disabled. */
static bool look(sm_ledger_known *known, const char *device_id, bool *gone, int64_t *modulus_wh) {
  bool there = false;
  *gone = false;
  (void)pthread_rwlock_rdlock(&known->table_lock);
  if (known->cap > 0) {
    const sm_ledger_known_slot *slot = slot_of(known->slot, known->cap, known->seed, device_id);
    there = slot->device_id != NULL && !slot->revoked;
    *gone = slot->device_id != NULL && slot->revoked;
    if (there && modulus_wh != NULL) *modulus_wh = slot->modulus_wh;
  }
  (void)pthread_rwlock_unlock(&known->table_lock);
  return there;
}

/* ---- refreshing; refresh_lock is held ---- */

static sm_err read_changes(sm_ledger_known *known) {
  sm_sql_stmt q = sm_sql_use(
      known->watch, "SELECT device_id, "
                    "revoked_ms IS NOT NULL OR disabled_ms IS NOT NULL, "
                    "changed_no, modulus_wh FROM device WHERE changed_no > ?1 ORDER BY changed_no");
  sm_sql_bind_i64(&q, 1, known->changed_no);
  while (sm_sql_row(&q)) {
    const char *device_id = sm_sql_text(&q, 0);
    (void)pthread_rwlock_wrlock(&known->table_lock);
    sm_err err = device_id != NULL
                     ? put(known, device_id, sm_sql_i64(&q, 1) != 0, sm_sql_i64(&q, 3))
                     : SM_ERR_NOMEM;
    (void)pthread_rwlock_unlock(&known->table_lock);
    if (err == SM_OK) {
      known->changed_no = sm_sql_i64(&q, 2);
    } else {
      q.err = err;
    }
  }
  return sm_sql_end(&q);
}

/* SQLite tells for nothing whether another connection has written; elsewhere the question costs as
 * much as its answer. */
static sm_err refresh(sm_ledger_known *known) {
  int64_t version = 0;
  if (sm_sql_engine_of(known->watch) != SM_SQL_SQLITE) return read_changes(known);
  /* The version first: what is written between the two is seen again at the next turn. */
  sm_err err = sm_sql_query_i64(known->watch, "PRAGMA data_version", &version);
  if (err == SM_OK && version == known->data_version) return SM_OK;
  if (err == SM_OK) err = read_changes(known);
  if (err == SM_OK) known->data_version = version;
  return err;
}

static bool due(sm_ledger_known *known, int64_t age_ms) {
  return atomic_load(&known->touched) != atomic_load(&known->seen) ||
         sm_clock_steady_ms() - atomic_load(&known->checked_ms) >= age_ms;
}

static void refresh_if_due(sm_ledger_known *known, int64_t age_ms) {
  (void)pthread_mutex_lock(&known->refresh_lock);
  if (due(known, age_ms)) { /* else somebody else has just done it */
    uint64_t touched = atomic_load(&known->touched);
    sm_err err = refresh(known);
    atomic_store(&known->failed, (int)err);
    atomic_store(&known->seen, touched); /* afterwards: who has written waits for it by the lock */
    atomic_store(&known->checked_ms, sm_clock_steady_ms());
  }
  (void)pthread_mutex_unlock(&known->refresh_lock);
}

sm_err sm_ledger_known_ask(sm_ledger_known *known, const char *device_id, bool *is_known,
                           int64_t *modulus_wh) {
  bool gone;
  bool there = look(known, device_id, &gone, modulus_wh);
  int64_t age_ms = there || gone ? HIT_AGE_MS : MISS_AGE_MS;
  if (due(known, age_ms)) {
    refresh_if_due(known, age_ms);
    there = look(known, device_id, &gone, modulus_wh);
  }
  sm_err failed = (sm_err)atomic_load(&known->failed);
  if (!there && !gone && failed != SM_OK) return failed;
  *is_known = there;
  return SM_OK;
}

void sm_ledger_known_each(sm_ledger_known *known,
                          void (*each)(void *context, const char *device_id, bool able),
                          void *context) {
  if (due(known, HIT_AGE_MS)) refresh_if_due(known, HIT_AGE_MS);
  (void)pthread_rwlock_rdlock(&known->table_lock);
  for (size_t i = 0; i < known->cap; i++) {
    const sm_ledger_known_slot *slot = &known->slot[i];
    if (slot->device_id != NULL) each(context, slot->device_id, !slot->revoked);
  }
  (void)pthread_rwlock_unlock(&known->table_lock);
}

void sm_ledger_known_touch(sm_ledger_known *known) {
  (void)atomic_fetch_add(&known->touched, 1);
}

sm_err sm_ledger_known_init(sm_ledger_known *known, sm_sql *watch) {
  *known = (sm_ledger_known){.watch = watch, .data_version = -1};
  sm_random_bytes(&known->seed, sizeof known->seed);
  (void)pthread_rwlock_init(&known->table_lock, NULL);
  (void)pthread_mutex_init(&known->refresh_lock, NULL);
  sm_err err = refresh(known);
  atomic_store(&known->checked_ms, sm_clock_steady_ms());
  if (err != SM_OK) sm_ledger_known_fini(known);
  return err;
}

void sm_ledger_known_fini(sm_ledger_known *known) {
  for (size_t i = 0; i < known->cap; i++) free(known->slot[i].device_id);
  free(known->slot);
  sm_sql_close(known->watch);
  (void)pthread_rwlock_destroy(&known->table_lock);
  (void)pthread_mutex_destroy(&known->refresh_lock);
  *known = (sm_ledger_known){0};
}
