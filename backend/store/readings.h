/* The readings store: the contract that every engine keeps. It takes batches of readings and of
 * refused messages in one durable step, knows each (device, channel, instant) once (the first
 * stored wins), and gives them back raw, in buckets, and as the register trace that bills are made
 * from.
 *
 * Threads: one writer (commit, seal, maintain); any number of readers (all other functions) beside
 * it. One process may hold a store as writer; others may open it read-only beside that process.
 * Instants are ms UTC; `from` is inclusive, `to` exclusive. Results are on the caller's side: lists
 * are freed with their fini function. */
#ifndef SM_STORE_READINGS_H
#define SM_STORE_READINGS_H

#include "base/err.h"
#include "model/edit.h"
#include "model/reading.h"
#include "model/sequence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sm_readings sm_readings;

/* Which register of a meter: kept in the key so that export and phases need no migration. */
enum { SM_CHANNEL_IMPORT = 0 };

typedef enum sm_verdict {
  SM_VERDICT_STORED,        /* new, and the latest of its device */
  SM_VERDICT_LATE,          /* new, older than the latest stored */
  SM_VERDICT_DUPLICATE,     /* the same reading is stored already */
  SM_VERDICT_CONFLICT,      /* another reading has this key; this one is kept as a reject */
  SM_VERDICT_PAST_RETENTION /* older than raw readings are kept: it cannot be told whether it is
                               stored already; this one is kept as a reject */
} sm_verdict;

typedef struct sm_reading_in {
  const char *device_id; /* borrowed, valid by sm_device_id_valid */
  uint8_t channel;
  bool imported; /* no meter sent it: a reject of it gets no meter's topic */
  sm_reading reading;
  sm_seq_mark mark;   /* its place in the meter's sequence */
  sm_verdict verdict; /* out, after a successful commit */
  const char *topic;  /* of a reject of it, borrowed; NULL: its meter's, or that of an import */
} sm_reading_in;

/* Readings of one meter come together: those of one batch often share even the text. */
static inline bool sm_reading_in_same_series(const sm_reading_in *a, const sm_reading_in *b) {
  return a->channel == b->channel &&
         (a->device_id == b->device_id || strcmp(a->device_id, b->device_id) == 0);
}

/* A refused message or element, as it came in. */
typedef struct sm_reject_in {
  int64_t received_ms;
  const char *topic; /* len bytes each, borrowed; any bytes */
  size_t topic_len;
  const char *device_id; /* terminated; the topic's, "" if it has none */
  const char *reason;    /* a stable word: "malformed", "unknown_device", … */
  const char *detail;    /* a sentence for people */
  const char *payload;   /* the engine keeps the first SM_REJECT_PAYLOAD_MAX bytes */
  size_t payload_len;
  size_t payload_len_sent; /* how long it really was */
  sm_seq_mark mark; /* of a known device, settled with the reject; else not present: a meter that
                       nobody has added yet keeps what it has */
  int64_t drop_no;  /* not 0: nothing is refused here; the reject of this number leaves in the same
                       step, because its reading is in the batch. Then nothing else counts */
} sm_reject_in;

enum { SM_REJECT_PAYLOAD_MAX = 4096 };

/* What a meter may be told: every reading of that epoch up to `seq` is stored, a duplicate, or
 * durably refused. */
typedef struct sm_ack {
  const char *device_id; /* the one of the reading or reject that it answers */
  uint32_t epoch;
  uint32_t seq;
} sm_ack;

typedef struct sm_readings_batch {
  sm_reading_in *readings; /* the verdicts are filled in */
  size_t reading_count;
  const sm_reject_in *rejects;
  size_t reject_count;
  sm_ack *acks;     /* room for reading_count + reject_count; NULL: nobody wants to know */
  size_t ack_count; /* out: one for each (device, epoch) that a mark of the batch names, as soon as
                       something of it is settled */
} sm_readings_batch;

/* Makes all of it durable in one step, or nothing: on SM_OK every verdict is set and a power cut
 * cannot take anything back. A batch may hold the same key twice: the first one counts. Conflicts
 * are added to the rejects by the store, with reason "conflict", and readings from before the
 * raw retention with reason "past_retention". Marks are settled in the same step. SM_ERR_FULL,
 * SM_ERR_IO, SM_ERR_BUSY, SM_ERR_NOMEM: nothing was stored, try again. SM_ERR_RANGE: a reading from
 * before 1970 or far beyond any calendar, which ingest never lets through. */
SM_MUST_CHECK sm_err sm_readings_commit(sm_readings *store, sm_readings_batch *batch);

/* Work that keeps the store compact, in slices of some 10 ms so that no commit waits for long:
 * sealing what is in the journal, merging days that are over, dropping raw readings past their
 * retention. Call it after every commit and every second or so from the writer. Does nothing when
 * nothing is due; forced (at a clean stop, after an import), all that can be done at once. *more
 * (may be NULL): as much again could be done at once, by who has nothing better to do. */
SM_MUST_CHECK sm_err sm_readings_maintain(sm_readings *store, bool force, bool *more);

/* ---- raw ---- */
typedef struct sm_reading_list {
  sm_reading *item;
  size_t count;
} sm_reading_list;
void sm_reading_list_fini(sm_reading_list *list);

/* The first `limit` readings of [from, to), by time. An unknown device has none. */
SM_MUST_CHECK sm_err sm_readings_raw(sm_readings *store, const char *device_id, uint8_t channel,
                                     int64_t from_ms, int64_t to_ms, size_t limit,
                                     sm_reading_list *list);

/* The same where only instant, register, voltage, current and power are wanted: quicker. Of the
 * others, with their flags in `has`, some may be there. */
SM_MUST_CHECK sm_err sm_readings_brief(sm_readings *store, const char *device_id, uint8_t channel,
                                       int64_t from_ms, int64_t to_ms, size_t limit,
                                       sm_reading_list *list);

/* The latest reading of a device; SM_ERR_NOT_FOUND. From memory. */
SM_MUST_CHECK sm_err sm_readings_latest(sm_readings *store, const char *device_id, uint8_t channel,
                                        sm_reading *reading);
/* The latest instant of any device's reading; SM_ERR_NOT_FOUND: there is none. From memory, and
 * without holding up who stores readings. */
SM_MUST_CHECK sm_err sm_readings_last_ms(sm_readings *store, int64_t *ts_ms);
/* The earliest reading's instant; SM_ERR_NOT_FOUND. */
SM_MUST_CHECK sm_err sm_readings_first_ms(sm_readings *store, const char *device_id,
                                          uint8_t channel, int64_t *ts_ms);

/* One series: what is known of it without reading its history. */
typedef struct sm_readings_span {
  const char *device_id; /* borrowed until the callback returns */
  uint8_t channel;
  int64_t first_ms; /* of all that was ever stored, raw retention or not */
  int64_t last_ms;
} sm_readings_span;

/* Calls `each` for every series that has readings, in the order in which they first came; what it
 * returns other than SM_OK ends the walk and is returned. No lock is held meanwhile: the callback
 * may read from the store. Series that come while it runs may be left out. */
typedef sm_err (*sm_readings_each_fn)(void *context, const sm_readings_span *span);
SM_MUST_CHECK sm_err sm_readings_each(sm_readings *store, sm_readings_each_fn each, void *context);

/* ---- quarters: 15 minutes in UTC, kept for ever ---- */
enum { SM_QUARTER_MS = 900000 };

typedef struct sm_quarter {
  int64_t start_ms; /* a multiple of SM_QUARTER_MS */
  sm_register_point first;
  sm_register_point last;
  uint32_t count;       /* readings, at least 1 */
  int64_t power_sum_mw; /* sum over readings */
  int32_t power_max_mw;
  int64_t voltage_sum_mv;
  int32_t voltage_min_mv;
  int32_t voltage_max_mv;
  int32_t gap_max_ms; /* longest time between two neighbours inside, 0 with one reading */
  int64_t step_max_w; /* highest mean power between two neighbours inside that a register step of
                         its Wh less 2 Wh (resolution) implies; 0 with one reading */
  bool fell;          /* the register fell between two neighbours inside */
} sm_quarter;

typedef struct sm_quarter_list {
  sm_quarter *item;
  size_t count;
} sm_quarter_list;
void sm_quarter_list_fini(sm_quarter_list *list);
bool sm_quarter_equal(const sm_quarter *a, const sm_quarter *b);

/* The quarters with readings whose start is in [from, to), by time, at most `limit`. */
SM_MUST_CHECK sm_err sm_readings_quarters(sm_readings *store, const char *device_id,
                                          uint8_t channel, int64_t from_ms, int64_t to_ms,
                                          size_t limit, sm_quarter_list *list);

/* ---- the register, for bills ---- */
typedef struct sm_trace {
  sm_register_point *point; /* by time */
  size_t count;
  bool from_beginning; /* nothing is known of the meter before the first point */
} sm_trace;
void sm_trace_fini(sm_trace *trace);

/* The register's course through [from, to]: enough readings to judge and to interpolate at any
 * quarter edge inside exactly as if all readings were given. Where a quarter is plain (no fall, no
 * step above step_limit_w, also not to its neighbours) only its first and last reading are given,
 * else all of it; what was left out between them is told by gap_ms of the last (model/reading.h),
 * so that a gap is found as if all were given. Begins with three readings before `from` that agree
 * (or the first reading ever), and goes on past `to` through three that agree (or to the last
 * reading).
 *
 * `edits` (NULL: none) are those of this register that hold: readings of an edited instant are left
 * out, what a person stated stands in (`stated`), and a quarter that an edit touches is given whole
 * and counts as no agreement. Before the first reading and after the last, and for a meter that has
 * none, there is what was stated. */
SM_MUST_CHECK sm_err sm_readings_trace(sm_readings *store, const char *device_id, uint8_t channel,
                                       int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                       const sm_edits *edits, sm_trace *trace);

/* The same trace, without edits, for who asks for the register at some instants (ascending) only:
 * of a course without any doubt points may be left out that are none of these: the first point, the
 * last, of each instant the last at or before it and the first behind it. *whole: none was. Each
 * step between points that are left out is plain as above, and none of them passes a day. */
SM_MUST_CHECK sm_err sm_readings_outline(sm_readings *store, const char *device_id, uint8_t channel,
                                         int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                         const int64_t *instant_ms, size_t count, sm_trace *trace,
                                         bool *whole);

/* The same trace, and from the same snapshot the quarters with readings that touch [from, to): the
 * price is that of the trace alone. Also a quarter that `from` or `to` cuts is given as it is. */
SM_MUST_CHECK sm_err sm_readings_survey(sm_readings *store, const char *device_id, uint8_t channel,
                                        int64_t from_ms, int64_t to_ms, int64_t step_limit_w,
                                        const sm_edits *edits, sm_trace *trace,
                                        sm_quarter_list *quarters);

/* ---- refused messages ---- */
typedef struct sm_reject {
  int64_t reject_no; /* ascending; the cursor */
  int64_t received_ms;
  char *topic;
  size_t topic_len;
  char *device_id;
  char *reason;
  char *detail;
  char *payload; /* may hold any bytes */
  size_t payload_len;
  size_t payload_len_sent;
} sm_reject;

typedef struct sm_reject_list {
  sm_reject *item;
  size_t count;
} sm_reject_list;
void sm_reject_list_fini(sm_reject_list *list);

/* Rejects received in [from, to) with reject_no > after, oldest first, at most `limit`. */
SM_MUST_CHECK sm_err sm_readings_rejects(sm_readings *store, int64_t from_ms, int64_t to_ms,
                                         int64_t after, size_t limit, sm_reject_list *list);

/* Rejects of one reason that `wanted` wants, oldest first, at most `limit`, from among a bounded
 * number of rows behind `after`: *next is where to go on, 0 when the last has been looked at. It
 * loads only what is wanted. For judging them again: see drop_no of sm_reject_in. */
typedef bool (*sm_reject_wanted_fn)(void *context, const char *device_id);
SM_MUST_CHECK sm_err sm_readings_rejects_wanted(sm_readings *store, const char *reason,
                                                sm_reject_wanted_fn wanted, void *context,
                                                int64_t after, size_t limit, sm_reject_list *list,
                                                int64_t *next);

/* ---- backup and doctor ---- */

/* Told now and then how far a long piece of work is, in units of its own; `total` may grow. false
 * ends the work: SM_ERR_CLOSED. */
typedef bool (*sm_readings_progress_fn)(void *context, uint64_t done, uint64_t total);

/* Copies the store as it is at this moment into a new file (SM_ERR_EXISTS if there is one), beside
 * a writer or not, and syncs it. What is incomplete is removed again. `progress` may be NULL. The
 * file opens as `readings.db` of a data directory. SM_ERR_FULL, SM_ERR_IO, SM_ERR_CORRUPT. */
SM_MUST_CHECK sm_err sm_readings_backup(sm_readings *store, const char *path,
                                        sm_readings_progress_fn progress, void *context);

/* Something that is not as it should be. Texts are borrowed until the callback returns. */
typedef struct sm_readings_finding {
  const char *kind;      /* a stable word: "page", "journal", "fresh", "block", "quarter", "course",
                            "state", "twice", "series" */
  int64_t key;           /* of the row; 0 if it is not about one */
  const char *device_id; /* "" if it is not about one */
  const char *detail;    /* a sentence for people */
} sm_readings_finding;
typedef void (*sm_readings_finding_fn)(void *context, const sm_readings_finding *finding);

typedef struct sm_readings_check_result {
  uint64_t findings;
  uint64_t series;
  uint64_t readings; /* raw ones that were read */
  uint64_t quarters;
} sm_readings_check_result;

/* Reads everything of one snapshot and tells what is wrong: pages, checksums, the order and bounds
 * of every row, readings that stand in two places, quarters that are not what the raw readings
 * give, rows of no series. Changes nothing. SM_OK also with findings; SM_ERR_CLOSED if `progress`
 * (may be NULL) said so. */
SM_MUST_CHECK sm_err sm_readings_check(sm_readings *store, sm_readings_finding_fn finding,
                                       sm_readings_progress_fn progress, void *context,
                                       sm_readings_check_result *result);

/* ---- state ---- */
typedef struct sm_readings_stats {
  uint64_t journal_readings; /* stored, not yet sealed */
  uint64_t sealed_readings;  /* sealed since the process started */
  uint64_t merged_readings;  /* written into day blocks since then */
  uint64_t dropped_days;     /* days of one series whose raw readings retention has dropped */
  uint64_t commits;
  uint64_t series;    /* devices × channels seen */
  uint64_t damaged;   /* rows and pages that failed their checksum, each counted once */
  uint64_t hot_bytes; /* of memory that unsealed readings take */
  uint64_t bytes;     /* of the store's files */
} sm_readings_stats;
void sm_readings_stats_get(sm_readings *store, sm_readings_stats *stats);

/* A name of this store that stays (made at creation): "smartmeter-" and 8 hex digits. Borrowed. */
const char *sm_readings_client_id(sm_readings *store);

void sm_readings_close(sm_readings *store); /* NULL is fine */

#endif
