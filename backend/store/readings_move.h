/* What a store of readings gives and takes when a house moves from one engine to another
 * (transfer/move.h): pieces of a series and UTC day, each of which is put whole in one step, so
 * that a move that was broken off goes on by looking which pieces differ.
 *
 * A reading is never changed and never goes but by retention. So two stores of one house hold the
 * same readings of a day where their quarters of it are the same: these have the count, the first
 * and last register, and sums of power and voltage of every 15 minutes.
 *
 * Numbers of series stay what they are, and with them the order of all lists. Threads: the ones of
 * readings.h; what puts is the writer's. A store that is being filled must not be used otherwise.
 */
#ifndef SM_STORE_READINGS_MOVE_H
#define SM_STORE_READINGS_MOVE_H

#include "base/buf.h"
#include "model/reading.h"
#include "store/readings.h"

typedef struct sm_move_series {
  int64_t series_no;
  char device_id[SM_DEVICE_ID_MAX + 1];
  uint8_t channel;
  bool has_readings; /* else only its sequence is known, and the next two are 0 */
  int64_t first_ms;
  int64_t last_ms;
  sm_buf state; /* first and last reading and what of the sequence is settled: embedded/state.h */
} sm_move_series;
void sm_move_series_fini(sm_move_series *series);

/* The series with the next number. SM_ERR_NOT_FOUND: there is none. fini after SM_OK. */
SM_MUST_CHECK sm_err sm_readings_move_series(sm_readings *store, int64_t after_no,
                                             sm_move_series *series);

/* One UTC day of a series (days since 1970). Where raw readings were dropped, `raw` is empty and
 * `course` may be what is kept of the register (only ts_ms and energy_wh mean something). */
typedef struct sm_move_day {
  int64_t day;
  bool fresh; /* to be put, and nothing of it is there yet */
  sm_quarter_list quarters;
  sm_reading_list raw;
  sm_reading_list course;
} sm_move_day;
void sm_move_day_fini(sm_move_day *day);

/* What is kept of the register in [from_ms, to_ms), where raw readings were dropped: to be read
 * behind them, since raw goes and leaves its course in one step. */
SM_MUST_CHECK sm_err sm_readings_move_course(sm_readings *store, const char *device_id,
                                             uint8_t channel, int64_t from_ms, int64_t to_ms,
                                             sm_reading_list *list);
bool sm_move_quarters_same(const sm_quarter *a, size_t a_count, const sm_quarter *b,
                           size_t b_count);
bool sm_move_days_same(const sm_move_day *a, const sm_move_day *b);
/* Whether `all`, which is what is there from the first of these days to the last, has each of them
 * as it is. */
bool sm_move_days_there(const sm_move_day *all, const sm_move_day *days, size_t count);
/* Appends all of it, the same bytes whatever the engine: for checksums. */
void sm_move_day_print(const sm_move_day *day, sm_buf *out);

/* Puts a series' state and so many of its days (ascending) in one durable step, in place of what is
 * there of those days, and reads them back before it is committed: SM_ERR_CORRUPT if they are not
 * the same. SM_ERR_CONFLICT: the store knows the series by another number, or the number for
 * another series.
 */
SM_MUST_CHECK sm_err sm_readings_move_put(sm_readings *store, const sm_move_series *series,
                                          const sm_move_day *days, size_t count);

/* What is not of a series: the name at the broker, whose session keeps what meters send meanwhile,
 * and before when raw readings are refused since they are kept no more (0: never). Setting it is
 * the last step of filling a store. */
typedef struct sm_move_meta {
  char client_id[32];
  int64_t horizon_ms;
} sm_move_meta;
SM_MUST_CHECK sm_err sm_readings_move_meta(sm_readings *store, sm_move_meta *meta);
SM_MUST_CHECK sm_err sm_readings_move_set_meta(sm_readings *store, const sm_move_meta *meta);

/* These refused messages, with their numbers, in place of all that are there. */
SM_MUST_CHECK sm_err sm_readings_move_rejects(sm_readings *store, const sm_reject_list *rejects);
bool sm_move_rejects_same(const sm_reject_list *a, const sm_reject_list *b);

#endif
