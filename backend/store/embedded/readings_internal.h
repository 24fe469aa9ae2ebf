/* The embedded readings store from inside: what its files share. Nobody else includes this.
 *
 * The file: every accepted batch is one row of `journal`. Sealing moves readings from there into
 * `fresh` (one row an hour and series, hour by hour, so that a seal of a whole fleet writes
 * neighbouring pages); merging moves a day that is over from `fresh` into `block` and `quarter`
 * (one row a series and UTC day, series by series, so that a query reads neighbouring pages). Each
 * move is a transaction: a reading stands in exactly one of the three at any instant. In memory,
 * `hot` and `frozen` of the series mirror the journal.
 *
 * A seal works in slices of series, in the order of their numbers. It begins by making `hot` of
 * every series `frozen`: just what the journal rows up to `seal.journal_no` hold. After each slice
 * the row of `seal` says up to which series those journal rows are done, so what is found at a
 * start is what stood in memory. The last slice deletes them.
 *
 * Locks: the writer thread alone changes anything; it takes `lock` for writing only to publish (add
 * a batch to hot, drop frozen with a slice's commit), so readers hold it for reading just long
 * enough to begin their snapshot of the file and copy the hot readings that belong to it. */
#ifndef SM_STORE_EMBEDDED_READINGS_INTERNAL_H
#define SM_STORE_EMBEDDED_READINGS_INTERNAL_H

#include "store/embedded/block.h"
#include "store/embedded/embedded.h"
#include "store/embedded/fresh_row.h"
#include "store/embedded/readings_embedded.h"
#include "store/readings.h"
#include "store/series/journal_row.h"
#include "store/series/quarter.h"
#include "store/series/quarter_block.h"
#include "store/series/series.h"
#include "store/series/state.h"
#include "store/series/trace.h"
#include "store/sqlite/sqlite_util.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  READERS_MAX = 8,
  SNAPSHOT_READERS = 4, /* of a read-only store, at most READERS_MAX */
  SNAPSHOT_TRIES = 20,
  DAY_BITS = 24,   /* of a block's key: days since 1970 */
  HOUR_SHIFT = 32, /* of a fresh row's key: hour since 1970 << 32 | series_no */
  DAY_HOURS = 24,
  DAY_QUARTERS = 96,
  SEAL_AGE_MS = 15 * 60 * 1000,
  SEAL_SLICE_READINGS = 20000,
  SEAL_SLICE_SERIES = 512,
  MERGE_SLICE_READINGS = 100000,
  MERGE_WAIT_MS = 2 * 3600 * 1000, /* a day is over so long after its end */
  MERGE_IDLE_MS = 5 * 60 * 1000,   /* and when nothing has come for it for so long */
  MERGE_IDLE_SEALS = 2,            /* or in so many seals */
  /* A file with more free pages than a third, and these, gives back all but a few: what is left of
   * a bulk load is given back, what a day's hours need again tomorrow is not. */
  SHRINK_PAGES_MIN = 256,
  SHRINK_PAGES_LEFT = 16,
  SHRINK_PAGES_STOP = 16384,
  SHRINK_SLICE_PAGES = 256,
  DROP_SLICE_ROWS = 512,
  REST_MS = 10, /* between two slices, unless memory is short */
  FAILED_REST_MS = 1000,
  WAL_PAGES = 4000, /* beyond that it is copied into the file */
  CACHE_SLOTS = 256,
  CACHE_BYTES = 8 * 1024 * 1024,
  DAMAGE_KNOWN_MAX = 4096,
  COURSE_STEP_W = 5000, /* days with steps above keep their register when raw is dropped */
  REJECT_BYTES_MAX = 64 * 1024 * 1024
};

#define DAY_MS ((int64_t)86400000)
#define HOUR_MS ((int64_t)3600000)
/* Nothing later fits the keys. */
#define TS_MAX_MS (((int64_t)1 << DAY_BITS) * DAY_MS - 1)

static inline int64_t sm_day_of(int64_t ts_ms) { /* of instants from 1970 on */
  return ts_ms / DAY_MS;
}
static inline int64_t sm_day_earlier(int64_t a, int64_t b) { /* -1 is none */
  return a < 0 || (b >= 0 && b < a) ? b : a;
}
static inline int64_t sm_day_key(int64_t series_no, int64_t day) { /* of block, quarter, course */
  return series_no * ((int64_t)1 << DAY_BITS) + day;
}
static inline int64_t sm_fresh_key(int64_t hour, int64_t series_no) {
  return hour * ((int64_t)1 << HOUR_SHIFT) + series_no;
}

/* ---- damage (readings_damage.c) ---- */

typedef enum damage_kind {
  DAMAGE_PAGE,
  DAMAGE_JOURNAL,
  DAMAGE_FRESH,
  DAMAGE_BLOCK,
  DAMAGE_QUARTER,
  DAMAGE_COURSE,
  DAMAGE_STATE
} damage_kind;

typedef struct damage {
  damage_kind kind;
  bool repair; /* a quarter row that is to be made again */
  int64_t key;
} damage;

const char *sm_damage_word(damage_kind kind);
/* Counts and logs what failed its checksum, the first time that it is met; any thread. */
void sm_damage_found(sm_readings *store, damage_kind kind, int64_t key);
/* Copies a row's body into `damaged`, inside the writer's transaction. */
SM_MUST_CHECK sm_err sm_damage_keep(sm_readings *store, damage_kind kind, int64_t key);
/* Takes a damaged quarter row that nobody has repaired yet; false: none. */
bool sm_damage_next_repair(sm_readings *store, int64_t *key);

/* ---- the store ---- */

typedef struct reader_pool {
  pthread_mutex_t mutex;
  pthread_cond_t free_again;
  sm_sql *idle[READERS_MAX];
  size_t idle_count;
  size_t open_count;
} reader_pool;

/* A series of the running batch. */
typedef struct touched {
  sm_series *series;
  const char *device_id; /* the batch's, for acks */
  int64_t latest_ms;     /* with what the batch has so far */
  int64_t packed_ms;     /* the last instant of the packed run, with what the batch adds */
  int64_t new_no;        /* its number if the running transaction commits, else 0 */
  uint32_t stored;
  uint32_t packed; /* of `stored`: how many go to the packed run */
  bool wanted;     /* must have a row in `series`: a reading or a mark of it is stored */
  bool many_epochs;
  uint8_t epoch_count;
  uint32_t epochs[SM_SEQUENCE_EPOCHS_MAX]; /* named by marks of the batch */
} touched;

typedef struct batch_item { /* of the running batch, one a reading */
  uint32_t touched;
  uint8_t verdict;
  bool packed; /* it goes to the packed run, else to the late one */
} batch_item;

/* The running batch; its memory is kept from one to the next. */
typedef struct batch_memory {
  touched *touched;
  size_t touched_count;
  size_t touched_cap;
  batch_item *item;
  size_t item_cap;
  uint32_t *late_slots; /* 1 + index of an accepted reading, by series and instant */
  size_t late_size;     /* 0: not built, nothing was late yet */
  size_t late_cap;
  sm_reading *spare;
  size_t spare_cap;
  size_t stored;
  size_t refused; /* conflicts and past retention */
  size_t marks;   /* that go into the journal by themselves */
  bool in_transaction;
  bool spoiled;       /* a look-up in the transaction has met a page that cannot be read */
  int64_t journal_no; /* of the row that is being written */
  sm_journal_writer row;
} batch_memory;

/* Decoded readings of one place, for look-ups of late readings. */
typedef struct cached_run {
  const void *hot; /* a packed run, or NULL: of the file */
  int64_t key;     /* of the file: a row's key, day rows as their complement */
  sm_run run;
} cached_run;

typedef struct fresh_day {
  int64_t day;
  int64_t sealed_ms; /* steady clock; when something last came for it */
  uint64_t seals;    /* how many seals had ended by then */
} fresh_day;

struct sm_readings {
  const sm_readings_engine *engine; /* first */
  bool writer;
  int lock_fd; /* of the writer's lock, -1 otherwise */
  char *path;
  char client_id[32];
  size_t hot_bytes_max;
  size_t seal_slice_readings; /* a slice ends with the series that reaches one of them */
  size_t seal_slice_series;
  int64_t retention_days; /* 0: for ever */
  sm_sql *db; /* the writer's connection; of a read-only store the one with its snapshot */

  /* Guards table, series (the list), and each series' hot, frozen, last, has_last, first_ms, no. */
  pthread_rwlock_t lock;
  sm_series_table table;
  sm_series **series; /* those with a number, ascending */
  size_t series_count;
  size_t series_cap;

  reader_pool readers;

  pthread_mutex_t damage_mutex;
  damage *damage;
  size_t damage_count;

  /* the writer's */
  batch_memory batch;
  cached_run cache[CACHE_SLOTS];
  size_t cache_bytes;
  int64_t newest_ms;          /* the latest instant of all readings */
  int64_t oldest_unsealed_ms; /* steady clock; 0: nothing unsealed */
  int64_t journal_no;         /* the last row */
  int64_t *journal_damaged;   /* rows that cannot be read */
  size_t journal_damaged_count;
  int64_t *fresh_lost; /* keys of fresh rows on pages that cannot be written */
  size_t fresh_lost_count;
  bool sealing;
  int64_t seal_journal_no; /* the running seal's last journal row */
  size_t seal_next;        /* index of the next series */
  int64_t seal_begun_ms;
  uint64_t seal_readings;
  uint64_t seals;        /* that have ended */
  fresh_day *fresh_days; /* ascending */
  size_t fresh_day_count;
  size_t fresh_day_cap;
  int64_t merge_day; /* the running merge's; -1: none */
  int64_t merge_next;
  bool merge_moved;    /* something, in this round */
  int64_t merge_width; /* series numbers a slice */
  int64_t horizon_day; /* raw of days before is refused, being dropped */
  int64_t dropped_day; /* raw of days before is dropped */
  size_t drop_next;
  uint64_t drop_after_seals; /* not before so many have ended */
  int64_t rest_until_ms;     /* steady clock: the next slice may begin */
  int64_t reject_bytes;
  bool can_shrink;
  bool shrinking; /* has begun to give free pages back, and is not done */

  atomic_size_t hot_bytes;
  atomic_size_t frozen_bytes;
  atomic_uint_fast64_t journal_readings;
  atomic_uint_fast64_t sealed_readings;
  atomic_uint_fast64_t merged_readings;
  atomic_uint_fast64_t dropped_days;
  atomic_uint_fast64_t commits;
  atomic_uint_fast64_t damaged;
};

/* ---- series (readings_open.c) ---- */

sm_series *sm_readings_series(const sm_readings *store, const char *device_id, uint8_t channel);
sm_series *sm_readings_series_by_no(const sm_readings *store, int64_t series_no);
/* Room in the list for `more` series with numbers, under the lock. */
SM_MUST_CHECK sm_err sm_readings_series_reserve(sm_readings *store, size_t more);

/* ---- what the file knows of a series (readings_state.c) ---- */

SM_MUST_CHECK sm_err sm_state_write(sm_readings *store, sm_series *series);
/* Finds first and last of a series in the file itself; its fresh rows are of hours from first_hour
 * to last_hour (-1: it has none). */
SM_MUST_CHECK sm_err sm_state_rebuild(sm_readings *store, sm_series *series, int64_t first_hour,
                                      int64_t last_hour);

/* Everything into memory at the start (readings_load.c). */
SM_MUST_CHECK sm_err sm_readings_load(sm_readings *store);

/* ---- rows of a day (readings_day.c) ---- */

typedef struct day_rows {
  sm_run run; /* all readings in the file of one series and day */
  bool block_damaged;
  bool fresh; /* some are in fresh rows */
  bool fresh_damaged;
} day_rows;

/* The first fresh row of a series with an hour in [from, to): its hour, -1 if there is none. */
SM_MUST_CHECK sm_err sm_fresh_next_hour(sm_readings *store, sm_sql *db, int64_t series_no,
                                        int64_t from_hour, int64_t to_hour, int64_t *hour);
/* The first day of a series in [from, to] in a table of day rows (`sql` gives the first key in
 * [?1, ?2]), -1 if there is none; pages that cannot be read are passed over. */
SM_MUST_CHECK sm_err sm_day_next(sm_readings *store, sm_sql *db, const char *sql, int64_t series_no,
                                 int64_t from_day, int64_t to_day, int64_t *day);
extern const char sm_block_next_sql[];
extern const char sm_quarter_next_sql[];
extern const char sm_course_next_sql[];

/* Decodes the body of a row of readings; empty if there is none. Damage is told, *damaged: `run`
 * has what can be read all the same. */
SM_MUST_CHECK sm_err sm_rows_read(sm_readings *store, sm_sql *db, damage_kind kind, int64_t key,
                                  sm_run *run, bool *damaged);
/* `brief`: what block.h says of it, but fresh rows are whole. */
SM_MUST_CHECK sm_err sm_day_load(sm_readings *store, sm_sql *db, int64_t series_no, int64_t day,
                                 bool brief, day_rows *rows);
/* The day's quarter row. *damaged: it cannot be read. */
SM_MUST_CHECK sm_err sm_day_quarter_row(sm_readings *store, sm_sql *db, int64_t series_no,
                                        int64_t day, sm_quarter_list *list, bool *damaged);
/* The quarters of a day from its raw readings (with hot ones among them or not) and, where raw has
 * been lost or dropped, from its row (empty if there is none). */
SM_MUST_CHECK sm_err sm_day_quarters(const sm_quarter_list *row, const sm_run *raw,
                                     sm_quarter_list *list);
SM_MUST_CHECK sm_err sm_row_write(sm_sql *db, damage_kind kind, int64_t key, const sm_buf *body);

/* ---- readers (readings_reader.c) ---- */

/* A connection with a snapshot, and the hot readings of one series that belong to it, those of the
 * days that [from_ms, to_ms) touches. One thread. */
typedef struct reader {
  sm_readings *store;
  sm_sql *db;
  int64_t series_no; /* 0: no such series, or nothing of it is stored */
  int64_t first_ms;  /* of the series, if series_no */
  int64_t last_ms;
  sm_run hot;
  bool brief;               /* its user needs no more of a reading than block.h calls brief */
  bool course_only;         /* nor of a quarter than quarter_block.h does */
  sm_outline_days *outline; /* NULL: of no day */
  int64_t kept_day; /* the day that was put together last; -1: none. A snapshot never changes, so
                       what was read of it stays true */
  sm_run kept;
} reader;
/* Begins the snapshot of a read-only store, on several connections that see the same if the writer
 * lets it, else on store->db alone. store->db is one of the pool from then on, or (with an error)
 * may be: sm_readings_close knows. */
SM_MUST_CHECK sm_err sm_readers_open_snapshot(sm_readings *store);
SM_MUST_CHECK sm_err sm_reader_begin(sm_readings *store, const char *device_id, uint8_t channel,
                                     int64_t from_ms, int64_t to_ms, reader *r);
void sm_reader_end(reader *r);
/* All readings of a day, decoded once if nothing else is asked for in between. Borrowed until the
 * next call that reads days. */
SM_MUST_CHECK sm_err sm_reader_day(reader *r, int64_t day, const sm_run **run);
SM_MUST_CHECK sm_err sm_reader_raw(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                                   sm_reading_list *list);
/* What was kept of the register's course where raw was dropped (only ts_ms and energy_wh mean
 * something). */
SM_MUST_CHECK sm_err sm_reader_course(reader *r, int64_t from_ms, int64_t to_ms,
                                      sm_reading_list *list);
SM_MUST_CHECK sm_err sm_reader_quarters(reader *r, int64_t from_ms, int64_t to_ms, size_t limit,
                                        sm_quarter_list *list);

/* ---- the writer's pieces ---- */

/* Whether a reading of this instant is stored, in memory or in the file (readings_find.c).
 * *found is borrowed until the next call; NULL: it is not. */
SM_MUST_CHECK sm_err sm_find_stored(sm_readings *store, sm_series *series, int64_t ts_ms,
                                    const sm_reading **found);
/* Rows have moved: forgets what was decoded of the file. */
void sm_find_forget(sm_readings *store);
void sm_find_fini(sm_readings *store);

/* Marks that have become durable, and what meters may be told (readings_ack.c). */
void sm_acks_settle(sm_readings *store, sm_readings_batch *batch);
void sm_acks_note(touched *t, const sm_seq_mark *mark);

/* Rejects, inside the writer's transaction (readings_reject.c). */
SM_MUST_CHECK sm_err sm_rejects_write(sm_readings *store, const sm_reject_in *rejects,
                                      size_t count);

/* Makes a day's quarter row again from its block, inside the writer's transaction. */
SM_MUST_CHECK sm_err sm_quarters_rebuild(sm_readings *store, int64_t series_no, int64_t day);

/* Slices (readings_seal.c, readings_merge.c, readings_retain.c), each in its own transaction.
 * *done false: nothing was due. */
SM_MUST_CHECK sm_err sm_seal_slice(sm_readings *store, bool force, bool *done);
SM_MUST_CHECK sm_err sm_merge_slice(sm_readings *store, bool force, bool *done);
SM_MUST_CHECK sm_err sm_drop_slice(sm_readings *store, bool *done);
SM_MUST_CHECK sm_err sm_repair_slice(sm_readings *store, bool *done);
/* Gives free pages back to the file system when they are a third of the file; forced, when they are
 * a little of it and few enough to be quick. */
SM_MUST_CHECK sm_err sm_shrink_slice(sm_readings *store, bool force, bool *done);
/* Notes that a day has fresh rows. */
SM_MUST_CHECK sm_err sm_merge_note_day(sm_readings *store, int64_t day, int64_t steady_ms);
/* Readings of one fresh row go into their day's block at once, inside the writer's transaction. */
SM_MUST_CHECK sm_err sm_merge_part(sm_readings *store, int64_t fresh_key,
                                   const sm_reading *readings, size_t count);
/* Before this instant nothing can be judged any more. */
int64_t sm_horizon_ms(sm_readings *store, int64_t now_ms);
void sm_drop_after_seals(sm_readings *store);
/* A transaction of a slice: need not be synced, since what it moves is durable already. */
SM_MUST_CHECK sm_err sm_slice_begin(sm_readings *store);
SM_MUST_CHECK sm_err sm_slice_end(sm_readings *store, sm_err err);

#endif
