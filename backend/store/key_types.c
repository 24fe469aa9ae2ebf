#include "store/ledger_keys.h"

#include <stdlib.h>

void sm_api_key_fini(sm_api_key *key) {
  free(key->key_id);
  free(key->name);
  free(key->scopes);
  free(key->devices);
  free(key->created_by);
  *key = (sm_api_key){0};
}

void sm_api_keys_free(sm_api_key *keys, size_t count) {
  for (size_t i = 0; i < count; i++) sm_api_key_fini(&keys[i]);
  free(keys);
}
