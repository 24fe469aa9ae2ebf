#include "app/rollout.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/steady.h"
#include "base/strmap.h"
#include "base/thread.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  EVERY_MS = 500,
  STEP_EVERY_MS = 10000, /* for what time alone brings on: holds, expiries, new meters */
  SAID_AT_ONCE = 1000,   /* reports in one transaction */
  LOST_MS = 600000       /* so far back a broker may have lost what it has answered */
};

struct sm_rollout {
  sm_ledger *ledger;
  sm_offers *offers;
  pthread_t thread;
  bool started;
  pthread_mutex_t lock; /* guards the members below */
  pthread_cond_t woken;
  bool stopping;
  sm_strmap *waiting; /* by device: a heap sm_firmware_said */

  /* the thread's own */
  int64_t version;
  int64_t next_step_ms;
  uint64_t connection; /* to the broker, of which all was forgotten */
  atomic_bool follows; /* another server tells the broker */
  atomic_uint_fast64_t reports;
  atomic_uint_fast64_t failures;
};

sm_err sm_rollout_new(sm_ledger *ledger, sm_offers *offers, sm_rollout **rollout) {
  sm_rollout *r = calloc(1, sizeof *r);
  if (r == NULL) return SM_ERR_NOMEM;
  r->ledger = ledger;
  r->offers = offers;
  r->version = -1;
  r->waiting = sm_strmap_new();
  bool made = r->waiting != NULL && sm_steady_cond_init(&r->woken);
  if (!made) {
    sm_strmap_free(r->waiting);
    free(r);
    return SM_ERR_NOMEM;
  }
  (void)pthread_mutex_init(&r->lock, NULL);
  *rollout = r;
  return SM_OK;
}

/* ---- what meters say ---- */

void sm_rollout_said(void *rollout, const char *device_id, const sm_firmware_report *report,
                     bool fresh) {
  sm_rollout *r = rollout;
  atomic_fetch_add(&r->reports, 1);
  (void)pthread_mutex_lock(&r->lock);
  sm_firmware_said *said = sm_strmap_get(r->waiting, device_id);
  bool known = said != NULL;
  if (!known) said = calloc(1, sizeof *said);
  if (said != NULL) {
    *said = (sm_firmware_said){
        .fresh = fresh || (known && said->fresh), .at_ms = sm_clock_now_ms(), .report = *report};
    (void)snprintf(said->device_id, sizeof said->device_id, "%s", device_id);
    if (!known && sm_strmap_put(r->waiting, device_id, said) != SM_OK) free(said);
  }
  (void)pthread_mutex_unlock(&r->lock);
}

/* All that waits, in one block; NULL: nothing does. */
typedef struct gathered {
  sm_firmware_said *list;
  size_t count;
} gathered;

static void gather(void *context, const char *key, void *value) {
  gathered *g = context;
  (void)key;
  if (g->list != NULL) g->list[g->count++] = *(const sm_firmware_said *)value;
  free(value);
}

static gathered take_waiting(sm_rollout *r) {
  gathered g = {.list = NULL};
  sm_strmap *fresh = sm_strmap_new();
  (void)pthread_mutex_lock(&r->lock);
  size_t count = sm_strmap_count(r->waiting);
  if (count > 0 && fresh != NULL) g.list = calloc(count, sizeof *g.list);
  if (g.list != NULL) {
    sm_strmap_each(r->waiting, gather, &g);
    sm_strmap_free(r->waiting);
    r->waiting = fresh;
    fresh = NULL;
  }
  (void)pthread_mutex_unlock(&r->lock);
  sm_strmap_free(fresh);
  return g;
}

/* Once failed, what was said is put back, unless the meter has said more since. */
static void put_back(sm_rollout *r, const sm_firmware_said *said) {
  (void)pthread_mutex_lock(&r->lock);
  if (sm_strmap_get(r->waiting, said->device_id) == NULL) {
    sm_firmware_said *copy = malloc(sizeof *copy);
    if (copy != NULL) {
      *copy = *said;
      if (sm_strmap_put(r->waiting, said->device_id, copy) != SM_OK) free(copy);
    }
  }
  (void)pthread_mutex_unlock(&r->lock);
}

static bool keep_said(sm_rollout *r) {
  bool any = false;
  gathered g = take_waiting(r);
  for (size_t at = 0; at < g.count;) {
    size_t n = g.count - at < SAID_AT_ONCE ? g.count - at : SAID_AT_ONCE;
    bool changed = false;
    sm_err err = sm_ledger_firmware_said(r->ledger, g.list + at, n, &changed);
    if (err != SM_OK) {
      sm_log(SM_LOG_WARN, "firmware.not_kept", SM_LOG_TEXT("reason", sm_err_text(err)));
      for (size_t i = at; i < g.count; i++) put_back(r, &g.list[i]);
      break;
    }
    any = any || changed;
    at += n;
  }
  free(g.list);
  return any;
}

/* ---- the releases ---- */

static void log_event(const sm_firmware_event *e) {
  if (strcmp(e->what, "halted") == 0)
    sm_log(SM_LOG_ERROR, "firmware.halted", SM_LOG_INT("release", e->release_no),
           SM_LOG_TEXT("version", e->version), SM_LOG_TEXT("reason", e->reason));
  else
    sm_log(SM_LOG_INFO, strcmp(e->what, "stage") == 0 ? "firmware.stage" : "firmware.expired",
           SM_LOG_INT("release", e->release_no), SM_LOG_TEXT("version", e->version),
           SM_LOG_INT("percent", e->stage_percent));
}

static void step(sm_rollout *r) {
  sm_firmware_event events[SM_FIRMWARE_EVENTS_MAX];
  size_t count = 0;
  sm_err err = sm_ledger_firmware_step(r->ledger, sm_clock_now_ms(), events, &count);
  if (err != SM_OK) {
    atomic_fetch_add(&r->failures, 1);
    sm_log(SM_LOG_WARN, "firmware.not_brought_on", SM_LOG_TEXT("reason", sm_err_text(err)));
    return;
  }
  for (size_t i = 0; i < count; i++) log_event(&events[i]);
  r->next_step_ms = sm_clock_steady_ms() + STEP_EVERY_MS;
  err = sm_ledger_firmware_version(r->ledger, &r->version);
  if (err != SM_OK) r->version = -1; /* looked at again at the next turn */
}

static void bring_on(sm_rollout *r, bool heard) {
  int64_t version = 0;
  if (sm_ledger_firmware_version(r->ledger, &version) != SM_OK) return;
  if (heard || version != r->version || sm_clock_steady_ms() >= r->next_step_ms) step(r);
}

/* ---- the broker ---- */

static void put_base64(sm_jsonw *w, const char *key, const uint8_t *bytes, size_t len) {
  char text[sodium_base64_ENCODED_LEN(SM_FIRMWARE_MANIFEST_MAX, sodium_base64_VARIANT_ORIGINAL)];
  (void)sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_ORIGINAL);
  sm_jsonw_key_text(w, key, text);
}

static char *make_text(const sm_release *release) {
  sm_buf buf;
  sm_jsonw w;
  sm_buf_init(&buf, 0);
  sm_jsonw_init(&w, &buf);
  sm_jsonw_object(&w);
  sm_jsonw_key(&w, "firmware");
  sm_jsonw_object(&w);
  put_base64(&w, "manifest", release->manifest, release->manifest_len);
  put_base64(&w, "signature", release->signature, release->signature_len);
  sm_jsonw_object_end(&w);
  sm_jsonw_object_end(&w);
  return sm_buf_take(&buf);
}

/* The text of the release before, since neighbours mostly have the same. */
typedef struct last {
  int64_t release_no;
  char *text;
} last;

static sm_err offer(sm_rollout *r, const sm_firmware_offer *o, last *l) {
  sm_err err = SM_OK;
  if (o->release_no != 0 && o->release_no != l->release_no) {
    sm_release release;
    free(l->text);
    *l = (last){.text = NULL};
    err = sm_ledger_release(r->ledger, o->release_no, &release);
    if (err == SM_OK) l->text = make_text(&release);
    if (err == SM_OK && l->text == NULL) err = SM_ERR_NOMEM;
    if (err == SM_OK) l->release_no = o->release_no;
  }
  return err == SM_OK ? sm_offers_put(r->offers, o, o->release_no != 0 ? l->text : NULL) : err;
}

/* The next ones only when all before are settled: so none is under way twice, and a large fleet
 * does not hear all at once. */
static void tell_broker(sm_rollout *r) {
  sm_firmware_offer list[SM_OFFERS_MAX];
  size_t count = sm_offers_take_told(r->offers, list);
  int64_t now_ms = sm_clock_now_ms();
  uint64_t connection = sm_offers_connection(r->offers);
  sm_err err = count > 0 ? sm_ledger_firmware_told(r->ledger, list, count, now_ms) : SM_OK;
  /* A broker that was killed has lost what it was told last, and it may be another one. */
  if (err == SM_OK && connection != r->connection) {
    err = sm_ledger_firmware_forget(r->ledger, now_ms - LOST_MS);
    if (err == SM_OK) r->connection = connection;
  }
  count = 0;
  if (err == SM_OK && sm_offers_empty(r->offers))
    err = sm_ledger_firmware_untold(r->ledger, list, SM_OFFERS_MAX, &count);
  last l = {.text = NULL};
  for (size_t i = 0; err == SM_OK && i < count; i++) err = offer(r, &list[i], &l);
  free(l.text);
  if (err != SM_OK)
    sm_log(SM_LOG_WARN, "firmware.not_offered", SM_LOG_TEXT("reason", sm_err_text(err)));
}

/* ---- life ---- */

static bool rest(sm_rollout *r) {
  struct timespec until = sm_steady_after(EVERY_MS);
  (void)pthread_mutex_lock(&r->lock);
  int waited = 0;
  while (!r->stopping && waited == 0) waited = pthread_cond_timedwait(&r->woken, &r->lock, &until);
  bool go_on = !r->stopping;
  (void)pthread_mutex_unlock(&r->lock);
  return go_on;
}

static void *run(void *context) {
  sm_rollout *r = context;
  do {
    bool heard = keep_said(r);
    bring_on(r, heard);
    if (!atomic_load(&r->follows)) tell_broker(r);
  } while (rest(r));
  (void)keep_said(r);
  return NULL;
}

sm_err sm_rollout_start(sm_rollout *rollout) {
  sm_err err = sm_thread_start(&rollout->thread, run, rollout);
  rollout->started = err == SM_OK;
  return err;
}

void sm_rollout_lead(sm_rollout *rollout, bool leads) {
  atomic_store(&rollout->follows, !leads);
}

void sm_rollout_stop(sm_rollout *rollout) {
  if (rollout == NULL || !rollout->started) return;
  (void)pthread_mutex_lock(&rollout->lock);
  rollout->stopping = true;
  (void)pthread_cond_broadcast(&rollout->woken);
  (void)pthread_mutex_unlock(&rollout->lock);
  (void)pthread_join(rollout->thread, NULL);
  rollout->started = false;
}

static void free_said(void *context, const char *key, void *value) {
  (void)context;
  (void)key;
  free(value);
}

void sm_rollout_free(sm_rollout *rollout) {
  if (rollout == NULL) return;
  sm_rollout_stop(rollout);
  sm_strmap_each(rollout->waiting, free_said, NULL);
  sm_strmap_free(rollout->waiting);
  (void)pthread_cond_destroy(&rollout->woken);
  (void)pthread_mutex_destroy(&rollout->lock);
  free(rollout);
}

void sm_rollout_write_metrics(sm_rollout *rollout, sm_buf *out) {
  sm_firmware_figures f;
  if (sm_ledger_firmware_figures(rollout->ledger, &f) != SM_OK) return;
  const sm_metric rows[] = {
      {"smartmeter_firmware_reports_total", "counter", "What meters said of their firmware.",
       atomic_load(&rollout->reports)},
      {"smartmeter_firmware_step_failures_total", "counter",
       "Times that no release could be brought on.", atomic_load(&rollout->failures)},
      {"smartmeter_firmware_releases_active", "gauge", "Releases that go out.", f.active},
      {"smartmeter_firmware_releases_halted", "gauge",
       "Releases that are halted: somebody has to look.", f.halted},
      {"smartmeter_firmware_offers_waiting", "gauge",
       "Meters whose offer the broker is still to be told of.", f.untold},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
  sm_buf_append_text(out, "# HELP smartmeter_firmware_meters Meters of active and halted releases, "
                          "by how far they are.\n# TYPE smartmeter_firmware_meters gauge\n");
  for (unsigned i = 0; i < SM_FIRMWARE_PHASES; i++)
    sm_buf_printf(out, "smartmeter_firmware_meters{state=\"%s\"} %llu\n",
                  sm_firmware_phase_name((sm_firmware_phase)i), (unsigned long long)f.phase[i]);
}
