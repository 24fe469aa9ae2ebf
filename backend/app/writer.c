#include "app/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/steady.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { TICK_MS = 1000 };

static const int64_t commit_edges_ms[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000};

struct sm_writer {
  sm_readings *readings;
  pthread_mutex_t turn;         /* who has it writes */
  atomic_int_fast64_t begun_ms; /* steady clock: since when somebody has the turn; 0: nobody */

  pthread_mutex_t mutex; /* guards stopping */
  pthread_cond_t changed;
  bool stopping;
  bool started;
  pthread_t thread;
  void (*tick)(void *context);
  void *tick_context;
  sm_err upkeep; /* of the last try, under `turn`: a failure is logged once */

  atomic_uint_fast64_t failures;
  sm_histogram commits;
};

sm_err sm_writer_new(sm_readings *readings, sm_writer **writer) {
  sm_writer *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->readings = readings;
  out->commits.edge_ms = commit_edges_ms;
  out->commits.edges = sizeof commit_edges_ms / sizeof commit_edges_ms[0];
  (void)pthread_mutex_init(&out->turn, NULL);
  (void)pthread_mutex_init(&out->mutex, NULL);
  (void)sm_steady_cond_init(&out->changed);
  *writer = out;
  return SM_OK;
}

void sm_writer_free(sm_writer *writer) {
  if (writer == NULL) return;
  sm_writer_stop(writer);
  (void)pthread_cond_destroy(&writer->changed);
  (void)pthread_mutex_destroy(&writer->mutex);
  (void)pthread_mutex_destroy(&writer->turn);
  free(writer);
}

/* ---- writing ---- */

sm_readings *sm_writer_begin(sm_writer *writer) {
  (void)pthread_mutex_lock(&writer->turn);
  atomic_store(&writer->begun_ms, sm_clock_steady_ms());
  return writer->readings;
}

void sm_writer_end(sm_writer *writer) {
  atomic_store(&writer->begun_ms, 0);
  (void)pthread_mutex_unlock(&writer->turn);
}

int64_t sm_writer_busy_ms(const sm_writer *writer) {
  int64_t begun_ms = atomic_load(&writer->begun_ms);
  return begun_ms == 0 ? 0 : sm_clock_steady_ms() - begun_ms;
}

/* What is committed is durable whatever becomes of this, which is tried again soon. Whether there
 * is more to do. */
static bool keep_compact(sm_writer *writer) {
  bool more = false;
  sm_err err = sm_readings_maintain(writer->readings, false, &more);
  if (err != SM_OK && writer->upkeep == SM_OK)
    sm_log(SM_LOG_WARN, "readings.not_sealed", SM_LOG_TEXT("reason", sm_err_text(err)));
  writer->upkeep = err;
  return err == SM_OK && more;
}

sm_err sm_writer_commit(sm_writer *writer, sm_readings_batch *batch) {
  int64_t begun_ms = sm_clock_steady_ms();
  sm_err err = sm_readings_commit(writer->readings, batch);
  if (err != SM_OK) {
    atomic_fetch_add(&writer->failures, 1);
    return err;
  }
  sm_histogram_count(&writer->commits, sm_clock_steady_ms() - begun_ms);
  (void)keep_compact(writer);
  return SM_OK;
}

/* ---- upkeep ---- */

static bool is_stopping(sm_writer *writer) {
  (void)pthread_mutex_lock(&writer->mutex);
  bool stopping = writer->stopping;
  (void)pthread_mutex_unlock(&writer->mutex);
  return stopping;
}

/* What has piled up (an outage's readings, an import) is worked off for most of a second at a time,
 * slice by slice: who wants to commit gets its turn between two. */
static void catch_up(sm_writer *writer) {
  static const struct timespec breath = {.tv_nsec = 1000000};
  int64_t until_ms = sm_clock_steady_ms() + TICK_MS * 3 / 4;
  for (bool more = true; more && sm_clock_steady_ms() < until_ms && !is_stopping(writer);) {
    (void)sm_writer_begin(writer);
    more = keep_compact(writer);
    sm_writer_end(writer);
    if (more) (void)nanosleep(&breath, NULL);
  }
}

/* Until the next second; false: asked to stop. */
static bool wait_for_tick(sm_writer *writer) {
  const struct timespec until = sm_steady_after(TICK_MS);
  (void)pthread_mutex_lock(&writer->mutex);
  int waited = 0;
  while (!writer->stopping && waited == 0)
    waited = pthread_cond_timedwait(&writer->changed, &writer->mutex, &until);
  bool go_on = !writer->stopping;
  (void)pthread_mutex_unlock(&writer->mutex);
  return go_on;
}

static void *run(void *context) {
  sm_writer *writer = context;
  while (wait_for_tick(writer)) {
    catch_up(writer);
    if (writer->tick != NULL) writer->tick(writer->tick_context);
  }
  return NULL;
}

sm_err sm_writer_start(sm_writer *writer, void (*tick)(void *context), void *context) {
  writer->tick = tick;
  writer->tick_context = context;
  writer->stopping = false;
  sm_err err = sm_thread_start(&writer->thread, run, writer);
  writer->started = err == SM_OK;
  return err;
}

void sm_writer_stop(sm_writer *writer) {
  if (!writer->started) return;
  (void)pthread_mutex_lock(&writer->mutex);
  writer->stopping = true;
  (void)pthread_cond_signal(&writer->changed);
  (void)pthread_mutex_unlock(&writer->mutex);
  (void)pthread_join(writer->thread, NULL);
  writer->started = false;
}

/* ---- metrics ---- */

void sm_writer_write_metrics(sm_writer *writer, sm_buf *out) {
  const sm_metric failures = {"smartmeter_ingest_commit_failures_total", "counter",
                              "Batches that the store did not take.",
                              atomic_load(&writer->failures)};
  sm_metrics_write(out, &failures, 1);
  sm_histogram_write(&writer->commits, "smartmeter_ingest_commit_seconds",
                     "Time of a batch's synced write.", out);
}
