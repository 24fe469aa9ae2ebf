/* The one writer of the readings store. Batches come from several broker connections, from imports,
 * from replays, and the store wants its upkeep; all of them write one at a time, under one lock:
 *
 *   sm_readings *store = sm_writer_begin(writer);
 *   err = sm_writer_commit(writer, &batch);     (or other work on `store`)
 *   sm_writer_end(writer);
 *
 * A thread of its own keeps the store compact every second, also when no message comes, and calls
 * its owner's `tick`. Any thread; begin and end do not nest. */
#ifndef SM_APP_WRITER_H
#define SM_APP_WRITER_H

#include "base/buf.h"
#include "base/err.h"
#include "store/readings.h"

typedef struct sm_writer sm_writer;

/* The store is borrowed. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_writer_new(sm_readings *readings, sm_writer **writer);
void sm_writer_free(sm_writer *writer); /* stops first; NULL is fine */

/* Waits for its turn; the store, for this thread alone to write to until end. */
sm_readings *sm_writer_begin(sm_writer *writer);
void sm_writer_end(sm_writer *writer);
/* How long the one whose turn it is has had it, 0 if nobody has: a disk that hangs shows here. */
int64_t sm_writer_busy_ms(const sm_writer *writer);
/* Between begin and end: sm_readings_commit, timed and counted, and what upkeep is due. */
SM_MUST_CHECK sm_err sm_writer_commit(sm_writer *writer, sm_readings_batch *batch);

/* Starts the thread of upkeep. `tick` is called once a second outside of the lock; NULL: nothing.
 * SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_writer_start(sm_writer *writer, void (*tick)(void *context), void *context);
/* Ends it; returns when it has ended, which a store that hangs holds up. */
void sm_writer_stop(sm_writer *writer);

/* Appends the metrics of commits in Prometheus text. */
void sm_writer_write_metrics(sm_writer *writer, sm_buf *out);

#endif
