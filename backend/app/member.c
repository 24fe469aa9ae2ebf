#include "app/member.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/steady.h"
#include "base/thread.h"
#include "store/ledger_issue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER SM_MEMBER_PREFIX "server/"
#define LEAD SM_MEMBER_PREFIX "lead"

enum { LOOK_MS = 1000, FORGET_MS = 600000 };

struct sm_member {
  sm_member_options options;
  char id[SM_LEASE_HOLDER_MAX + 1];
  char server[SM_LEASE_NAME_MAX + 1]; /* its lease's name */
  pthread_t thread;
  bool started;
  pthread_mutex_t lock; /* guards stopping */
  pthread_cond_t changed;
  bool stopping;

  /* the thread's own */
  int64_t kept_ms; /* steady clock: when the leases were prolonged; 0: never, or cut off */
  bool failing;

  atomic_uint others;
  atomic_bool leads;
  atomic_int_fast64_t until_ms; /* steady clock: when the leases end */
  atomic_uint_fast64_t cuts;
  atomic_uint_fast64_t leads_taken;
};

sm_err sm_member_new(const sm_member_options *options, sm_member **member) {
  sm_member *m = calloc(1, sizeof *m);
  if (m == NULL) return SM_ERR_NOMEM;
  m->options = *options;
  (void)snprintf(m->id, sizeof m->id, "%s", options->server_id);
  (void)snprintf(m->server, sizeof m->server, SERVER "%.40s", m->id);
  if (!sm_steady_cond_init(&m->changed)) {
    free(m);
    return SM_ERR_NOMEM;
  }
  (void)pthread_mutex_init(&m->lock, NULL);
  *member = m;
  return SM_OK;
}

/* ---- a look ---- */

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

static sm_err keep(sm_member *m, int64_t now_ms) {
  int64_t steady_ms = sm_clock_steady_ms();
  const sm_member_options *o = &m->options;
  bool taken = false;
  if (m->kept_ms != 0 && steady_ms - m->kept_ms < o->lease_ms / 3) return SM_OK;
  sm_err err = sm_ledger_leases_keep(o->ledger, SM_MEMBER_PREFIX, m->id, now_ms, o->lease_ms);
  if (err == SM_OK)
    err = sm_ledger_lease_take(o->ledger, m->server, m->id, now_ms, o->lease_ms, &taken);
  if (err != SM_OK) return err;
  m->kept_ms = steady_ms; /* from before it was asked for */
  atomic_store(&m->until_ms, steady_ms + o->lease_ms);
  return SM_OK;
}

/* One that has been gone for long is not listed any more. */
static void forget(sm_member *m, const sm_lease *lease, int64_t now_ms) {
  bool taken = false;
  if (now_ms - lease->until_ms < FORGET_MS) return;
  sm_err err = sm_ledger_lease_take(m->options.ledger, lease->name, m->id, now_ms,
                                    m->options.lease_ms, &taken);
  if (err == SM_OK && taken) err = sm_ledger_lease_give(m->options.ledger, lease->name, m->id);
  (void)err; /* the next look does it */
}

static void count_others(sm_member *m, const sm_lease *list, size_t count, int64_t now_ms) {
  unsigned others = 0;
  for (size_t i = 0; i < count; i++) {
    if (!begins(list[i].name, SERVER) || strcmp(list[i].name, m->server) == 0) continue;
    if (list[i].until_ms > now_ms)
      others++;
    else
      forget(m, &list[i], now_ms);
  }
  if (others != atomic_exchange(&m->others, others))
    sm_log(SM_LOG_INFO, "servers.seen", SM_LOG_INT("others", others));
}

static void set_lead(sm_member *m, bool leads) {
  if (atomic_load(&m->leads) == leads) return;
  sm_log(SM_LOG_INFO, leads ? "servers.leads" : "servers.leads_no_more",
         SM_LOG_TEXT("server", m->id));
  if (leads) atomic_fetch_add(&m->leads_taken, 1);
  atomic_store(&m->leads, leads);
  m->options.lead(m->options.context, leads);
}

static sm_err look_at_lead(sm_member *m, const sm_lease *list, size_t count, int64_t now_ms) {
  const sm_lease *lead = NULL;
  for (size_t i = 0; i < count && lead == NULL; i++)
    if (strcmp(list[i].name, LEAD) == 0) lead = &list[i];
  bool mine = lead != NULL && strcmp(lead->holder, m->id) == 0;
  sm_err err = SM_OK;
  if (!mine && (lead == NULL || lead->until_ms <= now_ms))
    err = sm_ledger_lease_take(m->options.ledger, LEAD, m->id, now_ms, m->options.lease_ms, &mine);
  if (err == SM_OK) set_lead(m, mine);
  return err;
}

static sm_err look(sm_member *m) {
  sm_lease *list = NULL;
  size_t count = 0;
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = keep(m, now_ms);
  if (err == SM_OK) err = sm_ledger_leases(m->options.ledger, SM_MEMBER_PREFIX, &list, &count);
  if (err != SM_OK) return err;
  count_others(m, list, count, now_ms);
  err = look_at_lead(m, list, count, now_ms);
  if (err == SM_OK)
    m->options.turn(m->options.context, list, count, now_ms, atomic_load(&m->until_ms));
  free(list);
  return err;
}

static void notice_cut(sm_member *m) {
  if (m->kept_ms == 0 || sm_clock_steady_ms() - m->kept_ms < m->options.lease_ms) return;
  sm_log(SM_LOG_ERROR, "servers.cut_off", SM_LOG_TEXT("server", m->id));
  m->kept_ms = 0; /* prolonged at the next look that succeeds */
  atomic_fetch_add(&m->cuts, 1);
  set_lead(m, false);
}

/* Before the look too: the process may have been stopped since the last one. */
static void look_or_cut_off(sm_member *m) {
  notice_cut(m);
  sm_err err = look(m);
  if (err != SM_OK && !m->failing)
    sm_log(SM_LOG_WARN, "servers.not_looked", SM_LOG_TEXT("reason", sm_err_text(err)));
  m->failing = err != SM_OK;
  notice_cut(m);
}

/* ---- life ---- */

static bool rest(sm_member *m) {
  int64_t third_ms = m->options.lease_ms / 3;
  struct timespec until = sm_steady_after(third_ms < LOOK_MS ? third_ms : LOOK_MS);
  (void)pthread_mutex_lock(&m->lock);
  int waited = 0;
  while (!m->stopping && waited == 0)
    waited = pthread_cond_timedwait(&m->changed, &m->lock, &until);
  bool go_on = !m->stopping;
  (void)pthread_mutex_unlock(&m->lock);
  return go_on;
}

static void *run(void *context) {
  sm_member *m = context;
  while (rest(m)) look_or_cut_off(m);
  return NULL;
}

sm_err sm_member_start(sm_member *member) {
  sm_err err = look(member);
  if (err == SM_OK) err = sm_thread_start(&member->thread, run, member);
  member->started = err == SM_OK;
  return err;
}

void sm_member_stop(sm_member *member) {
  if (member == NULL || !member->started) return;
  (void)pthread_mutex_lock(&member->lock);
  member->stopping = true;
  (void)pthread_cond_broadcast(&member->changed);
  (void)pthread_mutex_unlock(&member->lock);
  (void)pthread_join(member->thread, NULL);
  member->started = false;
}

void sm_member_leave(sm_member *member) {
  if (member == NULL) return;
  sm_err err = sm_ledger_lease_give(member->options.ledger, member->server, member->id);
  if (err == SM_OK)
    err = sm_ledger_leases_end(member->options.ledger, SM_MEMBER_PREFIX, member->id);
  if (err != SM_OK) /* then they end by themselves */
    sm_log(SM_LOG_WARN, "servers.not_left", SM_LOG_TEXT("reason", sm_err_text(err)));
}

void sm_member_free(sm_member *member) {
  if (member == NULL) return;
  sm_member_stop(member);
  (void)pthread_cond_destroy(&member->changed);
  (void)pthread_mutex_destroy(&member->lock);
  free(member);
}

unsigned sm_member_others(const sm_member *member) {
  return member == NULL ? 0 : atomic_load(&member->others);
}

bool sm_member_is_there(const sm_member *member) {
  return member == NULL || sm_clock_steady_ms() < atomic_load(&member->until_ms);
}

bool sm_member_leads(const sm_member *member) {
  return sm_member_is_there(member) && (member == NULL || atomic_load(&member->leads));
}

void sm_member_write_metrics(const sm_member *member, sm_buf *out) {
  if (member == NULL) return;
  const sm_metric rows[] = {
      {"smartmeter_servers_others", "gauge", "Other servers on the same store.",
       sm_member_others(member)},
      {"smartmeter_servers_leads", "gauge",
       "1 while this server does what only one should do: alerts, offers of firmware.",
       sm_member_leads(member) ? 1 : 0},
      {"smartmeter_servers_lead_taken_total", "counter", "Times that this server began to lead.",
       atomic_load(&member->leads_taken)},
      {"smartmeter_servers_cut_off_total", "counter",
       "Times that this server could not prolong its leases in time.", atomic_load(&member->cuts)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
