#include "app/presence.h"

#include "base/strmap.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct entry {
  int64_t last_seen_ms;
  bool online;
} entry;

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

void sm_presence_note(sm_presence_table *table, const char *device_id, bool online, int64_t at_ms) {
  (void)pthread_mutex_lock(&table->mutex);
  entry *e = sm_strmap_get(table->entries, device_id);
  if (e == NULL) {
    e = calloc(1, sizeof *e);
    if (e != NULL && sm_strmap_put(table->entries, device_id, e) != SM_OK) {
      free(e);
      e = NULL;
    }
  }
  if (e != NULL) *e = (entry){.last_seen_ms = at_ms, .online = online};
  (void)pthread_mutex_unlock(&table->mutex);
}

bool sm_presence_get(sm_presence_table *table, const char *device_id, bool *online,
                     int64_t *last_seen_ms) {
  (void)pthread_mutex_lock(&table->mutex);
  const entry *e = sm_strmap_get(table->entries, device_id);
  if (e != NULL) {
    *online = e->online;
    *last_seen_ms = e->last_seen_ms;
  }
  (void)pthread_mutex_unlock(&table->mutex);
  return e != NULL;
}
