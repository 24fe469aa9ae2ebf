#define _GNU_SOURCE /* SCHED_BATCH */

#include "invoicing/job.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/order.h"
#include "base/steady.h"
#include "base/thread.h"
#include "invoicing/daily.h"
#include "store/ledger_issue.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MINUTE_MS INT64_C(60000)
#define LEASE "billing"

static const int64_t day_begins_ms = 60 * MINUTE_MS; /* after midnight */
static const int64_t again_ms = 60 * MINUTE_MS;
static const int64_t lease_ms = 10 * MINUTE_MS;
static const int64_t lease_renew_ms = 2 * MINUTE_MS;

enum { LOOK_MS = 5000, NICE = 10 };

struct sm_job {
  const sm_invoicing *invoicing;
  int64_t (*now_ms)(void);
  char *holder;
  pthread_t thread;
  bool started;
  atomic_bool stopping;

  /* the thread's */
  bool worked; /* on `day`, to its end */
  sm_date day;
  int64_t not_before_ms; /* on the steady clock: after a failure */
  int64_t lease_told_ms; /* on the steady clock */

  pthread_mutex_t lock; /* guards all below */
  pthread_cond_t wake;  /* something of these has changed */
  bool ended;           /* the thread has nothing more to do */
  sm_job_stats stats;
};

/* ---- telling ---- */

static void note_running(sm_job *job, bool running) {
  (void)pthread_mutex_lock(&job->lock);
  job->stats.running = running;
  (void)pthread_mutex_unlock(&job->lock);
}

static void note_issued(sm_job *job, uint64_t more) {
  (void)pthread_mutex_lock(&job->lock);
  job->stats.issued += more;
  (void)pthread_mutex_unlock(&job->lock);
}

static void note_end(sm_job *job, bool whole, bool good, uint64_t waiting) {
  (void)pthread_mutex_lock(&job->lock);
  job->stats.running = false;
  if (!good) job->stats.failures++;
  if (whole) {
    job->stats.runs++;
    job->stats.waiting = waiting;
    job->stats.last_ms = job->now_ms();
  }
  (void)pthread_mutex_unlock(&job->lock);
}

/* ---- one month ---- */

typedef struct progress {
  sm_job *job;
  const sm_issue_summary *summary;
  uint64_t noted; /* invoices that the stats know of */
} progress;

static void renew_lease(sm_job *job) {
  int64_t now_ms = sm_clock_steady_ms();
  bool taken;
  if (now_ms - job->lease_told_ms < lease_renew_ms) return;
  job->lease_told_ms = now_ms;
  sm_err err = sm_ledger_lease_take(job->invoicing->ledger, LEASE, job->holder, job->now_ms(),
                                    lease_ms, &taken);
  (void)err; /* nothing rests on it */
}

static bool go_on(void *context, const sm_issue_result *result) {
  progress *p = context;
  if (result->outcome == SM_ISSUE_FAILED)
    sm_log(SM_LOG_ERROR, "billing.account_failed", SM_LOG_TEXT("account_id", result->account_id),
           SM_LOG_TEXT("reason", result->text));
  if (p->summary->issued > p->noted) {
    note_issued(p->job, p->summary->issued - p->noted);
    p->noted = p->summary->issued;
  }
  renew_lease(p->job);
  return !atomic_load(&p->job->stopping);
}

static void log_month(const char *month, const sm_issue_summary *s, sm_err err, int64_t took_ms) {
  bool good = err == SM_OK && s->failed == 0;
  if (good && s->issued == 0) return;
  sm_log(good ? SM_LOG_INFO : SM_LOG_ERROR, "billing.month", SM_LOG_TEXT("month", month),
         SM_LOG_INT("issued", (int64_t)s->issued), SM_LOG_INT("estimated", (int64_t)s->estimated),
         SM_LOG_INT("not_settled", (int64_t)s->not_settled),
         SM_LOG_INT("failed", (int64_t)s->failed), SM_LOG_INT("ms", took_ms),
         SM_LOG_TEXT("result", sm_err_text(err)));
}

static sm_err issue_month(sm_job *job, sm_date month, uint64_t *waiting, bool *good) {
  sm_issue_summary summary = {.issued = 0};
  progress p = {.job = job, .summary = &summary};
  char text[16];
  const sm_issue_request request = {.actor = {.id = "server"},
                                    .year = month.year,
                                    .month = month.month,
                                    .open_only = true,
                                    .now_ms = job->now_ms(),
                                    .threads = 1};
  int64_t begun_ms = sm_clock_steady_ms();
  sm_err err = sm_invoicing_issue_month(job->invoicing, &request, go_on, &p, &summary);
  note_issued(job, summary.issued - p.noted);
  *waiting += summary.not_settled;
  if (summary.failed > 0) *good = false;
  if (err == SM_ERR_CLOSED) return err;
  (void)snprintf(text, sizeof text, "%04d-%02d", month.year, month.month);
  log_month(text, &summary, err, sm_clock_steady_ms() - begun_ms);
  return err;
}

/* ---- all months ---- */

static sm_date month_of(const sm_zone *zone, int64_t instant_ms) {
  sm_date date = sm_zone_date(zone, instant_ms);
  date.day = 1;
  return date;
}

/* The first month that is looked at. */
static sm_err find_first(const sm_job *job, sm_date running, sm_date *first) {
  int64_t created_ms = 0;
  char *last = NULL;
  sm_err err = sm_ledger_issue_begin(job->invoicing->ledger, &created_ms, &last);
  if (err != SM_OK) return err;
  sm_date from = month_of(job->invoicing->zone, created_ms);
  sm_date issued = {.day = 1};
  if (last != NULL && sm_month_parse(last, &issued.year, &issued.month) == SM_OK &&
      sm_date_compare(issued, from) < 0)
    from = issued;
  free(last);
  sm_date oldest = sm_date_add_months(running, -SM_JOB_MONTHS_MAX);
  *first = sm_date_compare(from, oldest) < 0 ? oldest : from;
  return SM_OK;
}

/* The month that is not over: by the clock, and by the readings, since a clock that has jumped
 * ahead would have months issued that nobody has lived through yet. */
static sm_err find_running(const sm_job *job, sm_date *running) {
  int64_t last_ms;
  int64_t now_ms = job->now_ms();
  sm_err err = sm_readings_last_ms(job->invoicing->readings, &last_ms);
  if (err == SM_OK) *running = month_of(job->invoicing->zone, sm_min_i64(now_ms, last_ms));
  return err;
}

static sm_err issue_months(sm_job *job, uint64_t *waiting, bool *good) {
  sm_date running;
  sm_date month;
  sm_err err = find_running(job, &running);
  if (err == SM_ERR_NOT_FOUND) return SM_OK; /* nothing was ever measured */
  if (err == SM_OK) err = find_first(job, running, &month);
  for (; err == SM_OK && sm_date_compare(month, running) < 0; month = sm_date_add_months(month, 1))
    err = issue_month(job, month, waiting, good);
  /* The clock was set back into that month meanwhile: later, then. */
  return err == SM_ERR_RANGE ? SM_OK : err;
}

/* ---- what is issued already ---- */

static bool still_wanted(void *context) {
  sm_job *job = context;
  renew_lease(job);
  return !atomic_load(&job->stopping);
}

static void log_daily(const sm_daily_summary *s, sm_err err) {
  bool good = err == SM_OK && s->recheck.failed == 0;
  if (good && s->fees + s->rebilled + s->recheck.found + s->closed == 0) return;
  sm_log(good ? SM_LOG_INFO : SM_LOG_ERROR, "billing.daily", SM_LOG_INT("fees", (int64_t)s->fees),
         SM_LOG_INT("checked", (int64_t)s->recheck.checked),
         SM_LOG_INT("exceptions", (int64_t)(s->recheck.found + s->rebilled)),
         SM_LOG_INT("true_ups", (int64_t)s->recheck.true_up),
         SM_LOG_INT("closed", (int64_t)s->closed), SM_LOG_INT("failed", (int64_t)s->recheck.failed),
         SM_LOG_TEXT("result", sm_err_text(err)));
}

/* Late fees, and what late readings changed: before months are issued, so that it is on them. What
 * goes wrong here does not keep them back, and is tried again like theirs. */
static sm_err look_after_issued(sm_job *job, bool *good) {
  sm_daily_summary summary = {.fees = 0};
  sm_daily_request request = {
      .actor = {.id = "server"}, .now_ms = job->now_ms(), .go_on = still_wanted, .context = job};
  sm_err err = sm_readings_last_ms(job->invoicing->readings, &request.known_ms);
  if (err == SM_ERR_NOT_FOUND) return SM_OK; /* nothing was ever measured */
  if (err == SM_OK) err = sm_invoicing_daily(job->invoicing, &request, &summary);
  if (err == SM_ERR_CLOSED) return err;
  log_daily(&summary, err);
  if (err != SM_OK) *good = false;
  return SM_OK;
}

/* ---- when ---- */

/* The day that is to be worked on: it begins at one. */
static sm_date day_of(const sm_job *job) {
  return sm_zone_date(job->invoicing->zone, job->now_ms() - day_begins_ms);
}

static bool is_due(const sm_job *job, sm_date day) {
  if (sm_clock_steady_ms() < job->not_before_ms) return false;
  return !job->worked || sm_date_compare(day, job->day) != 0;
}

/* Works through the months under the lease. */
static sm_err work(sm_job *job, uint64_t *waiting, bool *good) {
  bool taken = false;
  sm_ledger *ledger = job->invoicing->ledger;
  sm_err err = sm_ledger_lease_take(ledger, LEASE, job->holder, job->now_ms(), lease_ms, &taken);
  if (err != SM_OK) return err;
  if (!taken) return SM_ERR_BUSY;
  job->lease_told_ms = sm_clock_steady_ms();
  err = look_after_issued(job, good);
  if (err == SM_OK) err = issue_months(job, waiting, good);
  sm_err given = sm_ledger_lease_give(ledger, LEASE, job->holder);
  (void)given; /* it ends by itself */
  return err;
}

bool sm_job_look(sm_job *job) {
  sm_date day = day_of(job);
  uint64_t waiting = 0;
  bool good = true;
  if (!is_due(job, day)) return false;
  note_running(job, true);
  sm_err err = work(job, &waiting, &good);
  bool other = err == SM_ERR_BUSY;
  bool closed = err == SM_ERR_CLOSED;
  if (err != SM_OK && !other && !closed)
    sm_log(SM_LOG_ERROR, "billing.failed", SM_LOG_TEXT("reason", sm_err_text(err)));
  note_end(job, err == SM_OK, closed || other || (err == SM_OK && good), waiting);
  job->worked = err == SM_OK && good;
  job->day = day;
  if (!job->worked) job->not_before_ms = sm_clock_steady_ms() + (other ? lease_ms : again_ms);
  return true;
}

/* ---- the thread ---- */

static void nap(sm_job *job) {
  const struct timespec until = sm_steady_after(LOOK_MS);
  (void)pthread_mutex_lock(&job->lock);
  if (!atomic_load(&job->stopping)) (void)pthread_cond_timedwait(&job->wake, &job->lock, &until);
  (void)pthread_mutex_unlock(&job->lock);
}

static void *run(void *argument) {
  sm_job *job = argument;
  const struct sched_param none = {.sched_priority = 0};
  /* This thread alone, and those that it makes: readings go first. Both may be refused. */
  (void)sched_setscheduler(0, SCHED_BATCH, &none);
  (void)setpriority(PRIO_PROCESS, 0, NICE);
  while (!atomic_load(&job->stopping)) {
    (void)sm_job_look(job);
    if (!atomic_load(&job->stopping)) nap(job);
  }
  (void)pthread_mutex_lock(&job->lock);
  job->ended = true;
  (void)pthread_cond_broadcast(&job->wake);
  (void)pthread_mutex_unlock(&job->lock);
  return NULL;
}

sm_err sm_job_new(const sm_job_options *options, sm_job **job) {
  sm_job *out = calloc(1, sizeof *out);
  char *holder = strdup(options->holder);
  if (out == NULL || holder == NULL) {
    free(out);
    free(holder);
    return SM_ERR_NOMEM;
  }
  out->holder = holder;
  out->not_before_ms = sm_clock_steady_ms() + options->delay_ms;
  out->invoicing = options->invoicing;
  out->now_ms = options->now_ms != NULL ? options->now_ms : sm_clock_now_ms;
  (void)pthread_mutex_init(&out->lock, NULL);
  (void)sm_steady_cond_init(&out->wake);
  *job = out;
  return SM_OK;
}

sm_err sm_job_start(sm_job *job) {
  sm_err err = sm_thread_start(&job->thread, run, job);
  job->started = err == SM_OK;
  return err;
}

bool sm_job_stop(sm_job *job, int64_t timeout_ms) {
  int waited = 0;
  if (job == NULL) return true;
  const struct timespec until = sm_steady_after(timeout_ms);
  (void)pthread_mutex_lock(&job->lock);
  atomic_store(&job->stopping, true);
  (void)pthread_cond_broadcast(&job->wake);
  while (job->started && !job->ended && waited != ETIMEDOUT)
    waited = pthread_cond_timedwait(&job->wake, &job->lock, &until);
  bool ended = !job->started || job->ended;
  (void)pthread_mutex_unlock(&job->lock);
  if (ended && job->started) (void)pthread_join(job->thread, NULL);
  if (ended) job->started = false;
  return ended;
}

void sm_job_free(sm_job *job) {
  if (job == NULL) return;
  (void)pthread_cond_destroy(&job->wake);
  (void)pthread_mutex_destroy(&job->lock);
  free(job->holder);
  free(job);
}

/* ---- stats ---- */

void sm_job_stats_get(sm_job *job, sm_job_stats *stats) {
  (void)pthread_mutex_lock(&job->lock);
  *stats = job->stats;
  (void)pthread_mutex_unlock(&job->lock);
}

void sm_job_write_metrics(sm_job *job, sm_buf *out) {
  sm_job_stats s;
  if (job == NULL) return;
  sm_job_stats_get(job, &s);
  const sm_metric rows[] = {
      {"smartmeter_billing_running", "gauge", "1 while the server issues invoices.", s.running},
      {"smartmeter_billing_runs_total", "counter", "Daily runs that came to their end.", s.runs},
      {"smartmeter_billing_failures_total", "counter",
       "Daily runs that ended with an error, or with an account that could not be billed.",
       s.failures},
      {"smartmeter_billing_invoices_total", "counter", "Invoices that the server issued by itself.",
       s.issued},
      {"smartmeter_billing_waiting", "gauge",
       "Accounts with a month that waits for a reading after its end.", s.waiting},
      {"smartmeter_billing_last_run_timestamp_seconds", "gauge",
       "When the last daily run came to its end, in seconds since 1970; 0: not yet.",
       (uint64_t)(s.last_ms > 0 ? s.last_ms / 1000 : 0)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
