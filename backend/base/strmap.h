/* A map from short texts to pointers. The hash is keyed with randomness of the process, so names
 * chosen by strangers cannot make it slow. Not safe for threads by itself. */
#ifndef SM_BASE_STRMAP_H
#define SM_BASE_STRMAP_H

#include "base/err.h"

#include <stddef.h>

typedef struct sm_strmap sm_strmap;

/* sm_crypto_init must have run. NULL without memory. */
sm_strmap *sm_strmap_new(void);
/* Frees the map, not what it points to; NULL is fine. */
void sm_strmap_free(sm_strmap *map);
/* Sets or replaces; the key is copied. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_strmap_put(sm_strmap *map, const char *key, void *value);
/* The value, or NULL if there is none. */
void *sm_strmap_get(const sm_strmap *map, const char *key);
size_t sm_strmap_count(const sm_strmap *map);
/* Calls `each` for every entry, in no order; the map must not be changed meanwhile. */
void sm_strmap_each(const sm_strmap *map, void (*each)(void *context, const char *key, void *value),
                    void *context);

#endif
