#include "app/meters.h"

#include "app/expiry.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
  EXPIRE_EVERY_MS = 5 * 1000,
  /* When something could not be ended: not every few seconds again. */
  TRY_AGAIN_MS = 3600 * 1000,
  LOOK_EVERY_MS = 10 * 1000,
  TELL_EVERY_MS = 24 * 3600 * 1000
};

struct sm_meters {
  const sm_broker *broker;
  sm_crl_port port;
  int64_t expire_ms; /* steady clock: when to look next */
  int64_t look_ms;
  int64_t tell_ms;
  void (*looked)(void *context, const sm_broker *broker, int64_t now_ms); /* NULL */
  void *looked_context;
  struct timespec crl_at; /* the list that the broker has read */
  pthread_mutex_t lock;   /* guards the members below */
  pthread_cond_t changed;
  bool stopping;
  bool running;
  pthread_t thread;
  sm_expiry expiry;
};

sm_err sm_meters_new(const sm_broker *broker, sm_keeper *keeper, sm_meters **meters) {
  sm_meters *m = calloc(1, sizeof *m);
  if (m == NULL) return SM_ERR_NOMEM;
  m->broker = broker;
  m->port = (sm_crl_port){.revoke = sm_keeper_revoke, .context = keeper};
  (void)pthread_mutex_init(&m->lock, NULL);
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&m->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  *meters = m;
  return SM_OK;
}

void sm_meters_free(sm_meters *meters) {
  if (meters == NULL) return;
  sm_meters_stop(meters);
  (void)pthread_cond_destroy(&meters->changed);
  (void)pthread_mutex_destroy(&meters->lock);
  free(meters);
}

void sm_meters_watch(sm_meters *meters,
                     void (*looked)(void *context, const sm_broker *broker, int64_t now_ms),
                     void *context) {
  meters->looked = looked;
  meters->looked_context = context;
}

/* ---- the API ---- */

sm_err sm_meters_add(void *context, const char *device_id, const sm_api_credential_order *order,
                     sm_jsonw *w, sm_buf *problem) {
  sm_meters *m = context;
  const sm_credential_order wanted = {.device_id = device_id,
                                      .kind =
                                          order->psk ? SM_CREDENTIAL_PSK : SM_CREDENTIAL_PASSWORD,
                                      .grace_ms = order->grace_ms};
  sm_credential made;
  sm_err err = sm_credential_make(m->broker, &wanted, problem, &made);
  if (err != SM_OK) return err;
  sm_credential_write_json(w, m->broker, order->host, &made);
  sm_credential_fini(&made);
  return SM_OK;
}

static void tell(const sm_credentials_ended *from, sm_api_credentials_ended *to) {
  *to = (sm_api_credentials_ended){.ended = from->ended, .waiting = from->waiting};
}

sm_err sm_meters_revoke(void *context, const char *device_id, sm_api_credentials_ended *ended) {
  sm_meters *m = context;
  sm_credentials_ended result = {.ended = 0};
  sm_err err = sm_credentials_revoke(m->broker, device_id, &m->port, &result);
  tell(&result, ended);
  return err;
}

sm_err sm_meters_finish(void *context, const char *device_id, sm_api_credentials_ended *ended) {
  sm_meters *m = context;
  sm_credentials_ended result = {.ended = 0};
  sm_err err = sm_credentials_expire(m->broker, device_id, sm_clock_now_ms(), &m->port, &result);
  tell(&result, ended);
  return err;
}

static void write_row(sm_jsonw *w, const sm_credential_row *row) {
  char at[SM_RFC3339_MAX];
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "kind", sm_credential_kind_name(row->kind));
  sm_jsonw_key_text(w, row->kind == SM_CREDENTIAL_CERTIFICATE ? "serial" : "username", row->name);
  if (row->not_after_ms != 0)
    sm_jsonw_key_text(w, "not_after", sm_rfc3339_format(row->not_after_ms, at));
  sm_jsonw_key_text(w, "ends", row->ends_ms != 0 ? sm_rfc3339_format(row->ends_ms, at) : NULL);
  sm_jsonw_object_end(w);
}

void sm_meters_write_json(void *context, const char *device_id, sm_jsonw *w) {
  sm_meters *m = context;
  sm_credential_rows rows = {.row = NULL};
  sm_jsonw_array(w);
  if (sm_credentials_read(m->broker, &rows) == SM_OK)
    for (size_t i = 0; i < rows.count; i++)
      if (strcmp(rows.row[i].device_id, device_id) == 0) write_row(w, &rows.row[i]);
  sm_jsonw_array_end(w);
  free(rows.row);
}

/* ---- upkeep ---- */

static bool due(int64_t *at_ms, int64_t now_ms, int64_t every_ms) {
  if (now_ms < *at_ms) return false;
  *at_ms = now_ms + every_ms;
  return true;
}

static bool any_over(const sm_broker *broker, int64_t now_ms) {
  sm_credential_rows rows = {.row = NULL};
  bool over = false;
  if (sm_credentials_read(broker, &rows) == SM_OK)
    for (size_t i = 0; i < rows.count; i++)
      over = over || (rows.row[i].ends_ms != 0 && rows.row[i].ends_ms <= now_ms);
  free(rows.row);
  return over;
}

static void expire(sm_meters *m, int64_t steady_ms) {
  int64_t now_ms = sm_clock_now_ms();
  if (!any_over(m->broker, now_ms)) return;
  sm_credentials_ended ended = {.ended = 0};
  sm_err err = sm_credentials_expire(m->broker, NULL, now_ms, &m->port, &ended);
  if (err != SM_OK || ended.waiting > 0) m->expire_ms = steady_ms + TRY_AGAIN_MS;
  sm_log(err == SM_OK ? SM_LOG_INFO : SM_LOG_WARN, "meters.grace_over",
         SM_LOG_INT("ended", (int64_t)ended.ended), SM_LOG_INT("waiting", (int64_t)ended.waiting),
         SM_LOG_TEXT("result", sm_err_text(err)));
}

/* The keeper makes the list anew, and the broker has to read it. */
static void follow_list(sm_meters *m) {
  char *path = sm_path_join(m->broker->dir, "crl.pem");
  struct stat st;
  bool there = path != NULL && stat(path, &st) == 0;
  free(path);
  if (!there || (st.st_mtim.tv_sec == m->crl_at.tv_sec && st.st_mtim.tv_nsec == m->crl_at.tv_nsec))
    return;
  bool first = m->crl_at.tv_sec == 0;
  m->crl_at = st.st_mtim;
  sm_err err = first ? SM_OK : sm_broker_reload(m->broker, NULL, 0);
  if (err != SM_OK && err != SM_ERR_UNSUPPORTED)
    sm_log(SM_LOG_WARN, "broker.not_told", SM_LOG_TEXT("reason", sm_err_text(err)));
}

static void tell_ends(const sm_expiry *expiry, int64_t now_ms) {
  for (size_t i = 0; i < SM_EXPIRY_ITEMS; i++) {
    const sm_expiry_item *item = &expiry->item[i];
    if (item->soon == 0) continue;
    sm_log(SM_LOG_WARN, "meters.certificate_ends", SM_LOG_TEXT("what", item->what),
           SM_LOG_TEXT("subject", item->subject),
           SM_LOG_INT("days_left", sm_expiry_days(item, now_ms)),
           SM_LOG_INT("how_many", (int64_t)item->soon),
           SM_LOG_TEXT("advice", sm_expiry_advice(item)));
  }
}

static void tick(sm_meters *meters) {
  int64_t steady_ms = sm_clock_steady_ms();
  if (due(&meters->expire_ms, steady_ms, EXPIRE_EVERY_MS)) expire(meters, steady_ms);
  if (!due(&meters->look_ms, steady_ms, LOOK_EVERY_MS)) return;
  follow_list(meters);
  int64_t now_ms = sm_clock_now_ms();
  sm_expiry seen;
  sm_expiry_look(meters->broker, now_ms, &seen);
  (void)pthread_mutex_lock(&meters->lock);
  meters->expiry = seen;
  (void)pthread_mutex_unlock(&meters->lock);
  if (meters->looked != NULL) meters->looked(meters->looked_context, meters->broker, now_ms);
  if (due(&meters->tell_ms, steady_ms, TELL_EVERY_MS)) tell_ends(&seen, now_ms);
}

/* Until the next second; false: asked to stop. */
static bool wait_for_tick(sm_meters *m) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += 1;
  (void)pthread_mutex_lock(&m->lock);
  int waited = 0;
  while (!m->stopping && waited == 0)
    waited = pthread_cond_timedwait(&m->changed, &m->lock, &until);
  bool go_on = !m->stopping;
  (void)pthread_mutex_unlock(&m->lock);
  return go_on;
}

static void *work(void *context) {
  sm_meters *m = context;
  do {
    tick(m);
  } while (wait_for_tick(m));
  return NULL;
}

sm_err sm_meters_start(sm_meters *meters) {
  if (meters->broker->dir == NULL) return SM_OK;
  if (pthread_create(&meters->thread, NULL, work, meters) != 0) return SM_ERR_NOMEM;
  meters->running = true;
  return SM_OK;
}

void sm_meters_stop(sm_meters *meters) {
  if (meters == NULL || !meters->running) return;
  (void)pthread_mutex_lock(&meters->lock);
  meters->stopping = true;
  (void)pthread_cond_signal(&meters->changed);
  (void)pthread_mutex_unlock(&meters->lock);
  (void)pthread_join(meters->thread, NULL);
  meters->running = false;
}

void sm_meters_write_metrics(sm_meters *meters, sm_buf *out) {
  if (meters == NULL || meters->broker->dir == NULL) return;
  (void)pthread_mutex_lock(&meters->lock);
  sm_expiry seen = meters->expiry;
  (void)pthread_mutex_unlock(&meters->lock);
  if (seen.item[0].what != NULL) sm_expiry_write_metrics(&seen, out);
}
