/* The embedded readings store from inside: what its files share. Nobody else includes this.
 *
 * The file: every accepted batch is one row of `journal`. Sealing moves all journal rows into
 * `block` rows (one a series and hour) and `quarter` rows, in one transaction, so a reading stands
 * in exactly one of the two at any instant. In memory, `hot` mirrors the journal.
 *
 * Locks: the writer thread alone changes anything; it takes `lock` for writing only to publish (add
 * a batch to hot, drop hot after a seal) so readers hold it for reading just long enough to begin
 * their snapshot of the file and copy the hot readings that belong to it. */
#ifndef SM_STORE_EMBEDDED_READINGS_INTERNAL_H
#define SM_STORE_EMBEDDED_READINGS_INTERNAL_H

#include "base/strmap.h"
#include "store/embedded/block.h"
#include "store/embedded/journal.h"
#include "store/embedded/quarter.h"
#include "store/embedded/series.h"
#include "store/embedded/sqlite_util.h"
#include "store/readings.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  READERS_MAX = 8,
  HOUR_BITS = 24,    /* of a block's key: hours since 1970 */
  QUARTER_BITS = 26, /* of a quarter's key: quarters since 1970 */
  SEAL_READINGS = 200000,
  SEAL_AGE_MS = 15 * 60 * 1000,
  REJECT_BYTES_MAX = 64 * 1024 * 1024
};

typedef struct reader_pool {
  pthread_mutex_t mutex;
  pthread_cond_t free_again;
  sm_sql *idle[READERS_MAX];
  size_t idle_count;
  size_t open_count;
} reader_pool;

struct sm_readings {
  bool writer;
  int lock_fd; /* of the writer's lock, -1 otherwise */
  char *path;
  char client_id[32];
  sm_sql *db; /* the writer's connection; of a read-only store the one with its snapshot */

  pthread_rwlock_t
      lock; /* guards series_by_key, series (the list), and each series' hot and last */
  sm_strmap *series_by_key;
  sm_series **series;
  size_t series_count;
  size_t series_cap;

  reader_pool readers;

  /* the writer's */
  sm_series **touched; /* series of the running batch */
  size_t touched_count;
  size_t touched_cap;
  int64_t oldest_unsealed_ms; /* steady clock; 0: nothing unsealed */
  int64_t reject_bytes;
  int64_t cached_block_key; /* 0: none; the last block that a late reading was looked up in */
  sm_reading *cached;
  size_t cached_count;

  atomic_uint_fast64_t journal_readings;
  atomic_uint_fast64_t sealed_readings;
  atomic_uint_fast64_t commits;
  atomic_uint_fast64_t damaged;
};

static inline int64_t sm_block_key(int64_t series_no, int64_t hour) {
  return series_no * ((int64_t)1 << HOUR_BITS) + hour;
}
static inline int64_t sm_quarter_key(int64_t series_no, int64_t quarter) {
  return series_no * ((int64_t)1 << QUARTER_BITS) + quarter;
}

/* series table in memory (readings_open.c). The caller holds what the comment on `lock` asks for.
 */
sm_series *sm_readings_series(const sm_readings *store, const char *device_id, uint8_t channel);
SM_MUST_CHECK sm_err sm_readings_series_add(sm_readings *store, sm_series *series);

/* Reads the block of a key into heap memory; *count is 0 and *readings NULL if there is none. A
 * damaged block is counted, logged and SM_ERR_CORRUPT. */
SM_MUST_CHECK sm_err sm_block_load(sm_readings *store, sm_sql *db, int64_t key,
                                   sm_reading **readings, size_t *count);

/* A reader: a connection with a snapshot, and the hot readings of one series that belong to it,
 * those of the hours that [from_ms, to_ms) touches. */
typedef struct reader {
  sm_readings *store;
  sm_sql *db;
  int64_t series_no; /* 0: no such series */
  sm_reading *hot;
  size_t hot_count;
  int64_t hot_first_ms; /* the earliest hot reading of the whole series; INT64_MAX: none */
} reader;
SM_MUST_CHECK sm_err sm_reader_begin(sm_readings *store, const char *device_id, uint8_t channel,
                                     int64_t from_ms, int64_t to_ms, reader *r);
void sm_reader_end(reader *r);
SM_MUST_CHECK sm_err sm_reader_raw(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                                   sm_reading_list *list);
SM_MUST_CHECK sm_err sm_reader_quarters(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                                        sm_quarter_list *list);
SM_MUST_CHECK sm_err sm_reader_first_ms(reader *r, int64_t *ts_ms);

/* Rejects, inside the writer's transaction (readings_reject.c). */
SM_MUST_CHECK sm_err sm_rejects_write(sm_readings *store, const sm_reject_in *rejects,
                                      size_t count);

#endif
