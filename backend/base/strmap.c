#include "base/strmap.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
  char *key; /* NULL: free */
  void *value;
  uint64_t hash;
} slot;

struct sm_strmap {
  slot *slots;
  size_t size; /* a power of two */
  size_t count;
  unsigned char seed[crypto_shorthash_KEYBYTES];
};

static uint64_t hash_of(const sm_strmap *map, const char *key) {
  uint64_t hash;
  unsigned char out[crypto_shorthash_BYTES];
  (void)crypto_shorthash(out, (const unsigned char *)key, strlen(key), map->seed);
  memcpy(&hash, out, sizeof hash);
  return hash;
}

static slot *find(slot *slots, size_t size, const char *key, uint64_t hash) {
  size_t at = (size_t)hash & (size - 1);
  while (slots[at].key != NULL && (slots[at].hash != hash || strcmp(slots[at].key, key) != 0))
    at = (at + 1) & (size - 1);
  return &slots[at];
}

sm_strmap *sm_strmap_new(void) {
  sm_strmap *map = calloc(1, sizeof *map);
  if (map == NULL) return NULL;
  map->size = 64;
  map->slots = calloc(map->size, sizeof *map->slots);
  if (map->slots == NULL) {
    free(map);
    return NULL;
  }
  crypto_shorthash_keygen(map->seed);
  return map;
}

void sm_strmap_free(sm_strmap *map) {
  if (map == NULL) return;
  for (size_t i = 0; i < map->size; i++) free(map->slots[i].key);
  free(map->slots);
  free(map);
}

static sm_err grow(sm_strmap *map) {
  size_t size = map->size * 2;
  slot *slots = calloc(size, sizeof *slots);
  if (slots == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < map->size; i++) {
    const slot *old = &map->slots[i];
    if (old->key != NULL) *find(slots, size, old->key, old->hash) = *old;
  }
  free(map->slots);
  map->slots = slots;
  map->size = size;
  return SM_OK;
}

sm_err sm_strmap_put(sm_strmap *map, const char *key, void *value) {
  if (map->count * 4 >= map->size * 3 && grow(map) != SM_OK) return SM_ERR_NOMEM;
  uint64_t hash = hash_of(map, key);
  slot *at = find(map->slots, map->size, key, hash);
  if (at->key == NULL) {
    char *copy = strdup(key);
    if (copy == NULL) return SM_ERR_NOMEM;
    *at = (slot){.key = copy, .hash = hash};
    map->count++;
  }
  at->value = value;
  return SM_OK;
}

void *sm_strmap_get(const sm_strmap *map, const char *key) {
  return find(map->slots, map->size, key, hash_of(map, key))->value;
}

size_t sm_strmap_count(const sm_strmap *map) {
  return map->count;
}

void sm_strmap_each(const sm_strmap *map, void (*each)(void *context, const char *key, void *value),
                    void *context) {
  for (size_t i = 0; i < map->size; i++)
    if (map->slots[i].key != NULL) each(context, map->slots[i].key, map->slots[i].value);
}
