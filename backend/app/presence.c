#include "app/presence.h"

#include "base/strmap.h"

#include <pthread.h>
#include <stdlib.h>

struct sm_presence_table {
  pthread_mutex_t mutex;
  sm_strmap *entries;
};

sm_presence_table *sm_presence_table_new(void) {
  sm_presence_table *table = calloc(1, sizeof *table);
  if (table == NULL) return NULL;
  table->entries = sm_strmap_new();
  if (table->entries == NULL) {
    free(table);
    return NULL;
  }
  (void)pthread_mutex_init(&table->mutex, NULL);
  return table;
}

static void free_entry(void *context, const char *key, void *value) {
  (void)context;
  (void)key;
  free(value);
}

void sm_presence_table_free(sm_presence_table *table) {
  if (table == NULL) return;
  sm_strmap_each(table->entries, free_entry, NULL);
  sm_strmap_free(table->entries);
  (void)pthread_mutex_destroy(&table->mutex);
  free(table);
}

/* The entry of a device, made if it is new; NULL without memory. The caller holds the mutex. */
static sm_presence *entry_of(sm_presence_table *table, const char *device_id) {
  sm_presence *entry = sm_strmap_get(table->entries, device_id);
  if (entry != NULL) return entry;
  entry = calloc(1, sizeof *entry);
  if (entry == NULL || sm_strmap_put(table->entries, device_id, entry) != SM_OK) {
    free(entry);
    return NULL;
  }
  entry->online = true;
  return entry;
}

void sm_presence_begin(sm_presence_table *table) {
  (void)pthread_mutex_lock(&table->mutex);
}

void sm_presence_end(sm_presence_table *table) {
  (void)pthread_mutex_unlock(&table->mutex);
}

void sm_presence_sign(sm_presence_table *table, const char *device_id, int64_t at_ms) {
  sm_presence *entry = entry_of(table, device_id);
  if (entry != NULL && (!entry->seen || at_ms >= entry->last_seen_ms))
    *entry = (sm_presence){.seen = true, .last_seen_ms = at_ms, .online = true};
}

void sm_presence_status(sm_presence_table *table, const char *device_id, bool online) {
  sm_presence *entry = entry_of(table, device_id);
  if (entry != NULL) entry->online = online;
}

bool sm_presence_get(sm_presence_table *table, const char *device_id, sm_presence *presence) {
  (void)pthread_mutex_lock(&table->mutex);
  const sm_presence *entry = sm_strmap_get(table->entries, device_id);
  if (entry != NULL) *presence = *entry;
  (void)pthread_mutex_unlock(&table->mutex);
  return entry != NULL;
}
