/* Which devices were heard of since the start, when, and whether they say that they are online. Any
 * thread. */
#ifndef SM_APP_PRESENCE_H
#define SM_APP_PRESENCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sm_presence_table sm_presence_table;

sm_presence_table *sm_presence_table_new(void); /* NULL without memory */
void sm_presence_table_free(sm_presence_table *table);
/* Notes a sign of life (online) or a farewell. Without memory the sign is lost, and nothing else.
 */
void sm_presence_note(sm_presence_table *table, const char *device_id, bool online, int64_t at_ms);
bool sm_presence_get(sm_presence_table *table, const char *device_id, bool *online,
                     int64_t *last_seen_ms);

#endif
