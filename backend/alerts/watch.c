#include "alerts/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/steady.h"
#include "base/strmap.h"
#include "base/thread.h"
#include "store/ledger_alerts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  QUEUE = 16384,  /* readings */
  CHUNK = 512,    /* that are judged before what they came to is written */
  PENDING = 4096, /* changes that wait for the ledger */
  WRITE = 500,    /* of them in one transaction */
  SITE_MAX = 16,  /* certificates of the site that are watched */
  TICK_MS = 1000,
  SWEEP_TICKS = 10, /* every meter is asked for silence once in so many */
  PLANS_PAGE = 500,
  PLANS_EVERY_MS = 3600 * 1000, /* tenancies begin and end with time alone */
  MONTH_EVERY_MS = 10 * 1000,   /* of one meter; of all together no more than so many a tick: */
  MONTHS_A_TICK = 20,
  NIGHTS_A_TICK = 200,
  NIGHT_EDGE_MS = 45 * 60 * 1000, /* so near to a night's edge a reading must be */
  PAST_MS = 6 * 3600 * 1000       /* what opened longer ago is kept, and nobody is told */
};

/* A meter. */
typedef struct meter {
  sm_alert_state state;
  sm_alert_limits *own;       /* NULL: the defaults */
  int64_t month_ms;           /* when its month is to be looked at again */
  uint32_t plan_round;        /* the reading of the plans that `own` is of */
  uint32_t certificate_round; /* in which it was said to have one */
  bool dirty;                 /* its budget may have changed */
  char device_id[];
} meter;

typedef struct item {
  char device_id[SM_DEVICE_ID_MAX + 1];
  sm_alert_point point;
} item;

typedef struct site_state {
  char subject[SM_ALERT_SUBJECT_MAX + 1];
  sm_alert_state state;
} site_state;

struct sm_alert_watch {
  sm_alert_watch_options options;
  sm_alert_limits defaults;

  pthread_mutex_t lock; /* guards the queues and `stopping` */
  pthread_cond_t filled;
  item *queue;
  size_t head;
  size_t count;
  sm_alert_certificate *certificates; /* that are to be looked at; NULL: none */
  size_t certificate_count;
  bool stopping;
  bool started;
  pthread_t thread;

  /* the thread's */
  sm_strmap *meters;
  meter **list;
  size_t list_count;
  size_t list_cap;
  size_t sweep_at;
  size_t night_at;
  size_t month_at;
  site_state site[SITE_MAX];
  size_t site_count;
  item chunk[CHUNK];
  sm_alert_change *pending;
  size_t pending_count;
  const char *judging_id; /* whose change comes in, for the sink */
  const char *judging_subject;
  int64_t now_ms;
  int64_t started_ms;
  int64_t plans_version; /* of the plans that were read; 0: none */
  int64_t plans_ms;
  uint32_t plan_round;
  uint32_t certificate_round;
  bool failing;

  atomic_uint_fast64_t shed;
  atomic_uint_fast64_t judged;
  atomic_uint_fast64_t opened;
  atomic_uint_fast64_t ended;
  atomic_int_fast64_t open;
  atomic_uint_fast64_t meters_known;
};

/* ---- life ---- */

sm_err sm_alert_watch_new(const sm_alert_watch_options *options, sm_alert_watch **watch) {
  sm_alert_watch *w = calloc(1, sizeof *w);
  if (w == NULL) return SM_ERR_NOMEM;
  w->options = *options;
  if (w->options.tick_ms == 0) w->options.tick_ms = TICK_MS;
  if (w->options.now_ms == NULL) w->options.now_ms = sm_clock_now_ms_for;
  sm_alert_limits_default(&w->defaults);
  (void)pthread_mutex_init(&w->lock, NULL);
  (void)sm_steady_cond_init(&w->filled);
  w->queue = calloc(QUEUE, sizeof *w->queue);
  w->pending = calloc(PENDING, sizeof *w->pending);
  w->meters = sm_strmap_new();
  if (w->queue == NULL || w->pending == NULL || w->meters == NULL) {
    sm_alert_watch_free(w);
    return SM_ERR_NOMEM;
  }
  *watch = w;
  return SM_OK;
}

void sm_alert_watch_free(sm_alert_watch *watch) {
  if (watch == NULL) return;
  sm_alert_watch_stop(watch);
  for (size_t i = 0; i < watch->list_count; i++) {
    free(watch->list[i]->own);
    free(watch->list[i]);
  }
  sm_strmap_free(watch->meters);
  free(watch->list);
  free(watch->queue);
  free(watch->certificates);
  free(watch->pending);
  (void)pthread_cond_destroy(&watch->filled);
  (void)pthread_mutex_destroy(&watch->lock);
  free(watch);
}

/* ---- from other threads ---- */

static void put(sm_alert_watch *w, const sm_reading_in *in) {
  if (w->count == QUEUE) {
    (void)atomic_fetch_add(&w->shed, 1);
    return;
  }
  item *to = &w->queue[(w->head + w->count++) % QUEUE];
  memcpy(to->device_id, in->device_id, strnlen(in->device_id, SM_DEVICE_ID_MAX) + 1);
  to->device_id[SM_DEVICE_ID_MAX] = '\0';
  to->point = (sm_alert_point){.ts_ms = in->reading.ts_ms,
                               .energy_wh = in->reading.energy_wh,
                               .voltage_mv = in->reading.voltage_mv,
                               .power_mw = in->reading.power_mw};
}

void sm_alert_watch_take(sm_alert_watch *watch, const sm_readings_batch *batch) {
  bool any = false;
  (void)pthread_mutex_lock(&watch->lock);
  for (size_t i = 0; i < batch->reading_count; i++) {
    const sm_reading_in *in = &batch->readings[i];
    if (in->verdict != SM_VERDICT_STORED || in->channel != SM_CHANNEL_IMPORT) continue;
    put(watch, in);
    any = true;
  }
  /* A single one can wait for the next tick; many are begun with. */
  if (any && watch->count >= CHUNK) (void)pthread_cond_signal(&watch->filled);
  (void)pthread_mutex_unlock(&watch->lock);
}

void sm_alert_watch_certificates(sm_alert_watch *watch, sm_alert_certificate *list, size_t count) {
  (void)pthread_mutex_lock(&watch->lock);
  sm_alert_certificate *old = watch->certificates;
  watch->certificates = list;
  watch->certificate_count = count;
  (void)pthread_mutex_unlock(&watch->lock);
  free(old);
}

/* ---- meters ---- */

static const sm_alert_limits *limits_of(const sm_alert_watch *w, const meter *m) {
  return m->own != NULL ? m->own : &w->defaults;
}

static bool add_to_list(sm_alert_watch *w, meter *m) {
  if (w->list_count == w->list_cap) {
    size_t cap = w->list_cap == 0 ? 256 : w->list_cap * 2;
    meter **grown = realloc(w->list, cap * sizeof(meter *));
    if (grown == NULL) return false;
    w->list = grown;
    w->list_cap = cap;
  }
  w->list[w->list_count++] = m;
  return true;
}

/* NULL without memory. */
static meter *meter_of(sm_alert_watch *w, const char *device_id, bool make) {
  meter *m = sm_strmap_get(w->meters, device_id);
  if (m != NULL || !make) return m;
  size_t len = strlen(device_id);
  m = calloc(1, sizeof *m + len + 1);
  if (m == NULL) return NULL;
  memcpy(m->device_id, device_id, len + 1);
  if (!add_to_list(w, m)) {
    free(m);
    return NULL;
  }
  if (sm_strmap_put(w->meters, device_id, m) != SM_OK) {
    w->list_count--;
    free(m);
    return NULL;
  }
  (void)atomic_fetch_add(&w->meters_known, 1);
  return m;
}

/* ---- what the rules come to ---- */

static void note(void *context, sm_alert_kind kind, bool opens, int64_t at_ms, int64_t value,
                 int64_t limit) {
  sm_alert_watch *w = context;
  /* Callers see to it that there is room: PENDING is far above what one meter comes to. */
  sm_alert_change *c = &w->pending[w->pending_count++];
  *c = (sm_alert_change){.opens = opens,
                         .told = w->now_ms - at_ms < PAST_MS,
                         .alert = {.kind = kind,
                                   .opened_ms = at_ms,
                                   .ended_ms = at_ms,
                                   .found_ms = w->now_ms,
                                   .value = value,
                                   .limit = limit}};
  (void)snprintf(c->alert.device_id, sizeof c->alert.device_id, "%s",
                 w->judging_id != NULL ? w->judging_id : "");
  (void)snprintf(c->alert.subject, sizeof c->alert.subject, "%s",
                 w->judging_subject != NULL ? w->judging_subject : "");
}

static sm_alert_sink sink_for(sm_alert_watch *w, const meter *m) {
  w->judging_id = m->device_id;
  w->judging_subject = NULL;
  return (sm_alert_sink){.context = w, .change = note};
}

static bool has_room(const sm_alert_watch *w) {
  return w->pending_count + 2 * SM_ALERT_KINDS <= PENDING;
}

static void tell(sm_alert_watch *w, const sm_alert_change *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const sm_alert_change *c = &changes[i];
    if (!c->applied) continue;
    (void)atomic_fetch_add(c->opens ? &w->opened : &w->ended, 1);
    (void)atomic_fetch_add(&w->open, c->opens ? 1 : -1);
    if (w->options.changed != NULL) w->options.changed(w->options.context, &c->alert);
  }
}

/* True: all is written. Else it is tried again, and nothing is judged meanwhile. */
static bool write_pending(sm_alert_watch *w) {
  const sm_alert_apply how = {.now_ms = w->now_ms, .gather_ms = w->options.gather_ms};
  while (w->pending_count > 0) {
    size_t count = w->pending_count < WRITE ? w->pending_count : WRITE;
    sm_err err = sm_ledger_alerts_apply(w->options.ledger, &how, w->pending, count);
    if (err != SM_OK) {
      if (!w->failing)
        sm_log(SM_LOG_WARN, "alerts.not_written", SM_LOG_TEXT("reason", sm_err_text(err)));
      w->failing = true;
      return false;
    }
    tell(w, w->pending, count);
    w->pending_count -= count;
    memmove(w->pending, w->pending + count, w->pending_count * sizeof *w->pending);
  }
  w->failing = false;
  return true;
}

/* ---- judging ---- */

static void judge(sm_alert_watch *w, const item *i) {
  meter *m = meter_of(w, i->device_id, true);
  if (m == NULL) return;
  const sm_alert_sink sink = sink_for(w, m);
  const sm_alert_limits *limits = limits_of(w, m);
  /* The zone's clock costs more than all the rules: asked for where hours are set. */
  int minute = limits->value[SM_LIMIT_ODD_AT] > 0
                   ? sm_zone_minute_of_day(w->options.zone, i->point.ts_ms)
                   : 0;
  sm_alert_rules_reading(&m->state, limits, &i->point, minute, w->now_ms, &sink);
  m->dirty = true;
}

/* Whether there was anything. */
static bool drain(sm_alert_watch *w) {
  if (!write_pending(w)) return false;
  (void)pthread_mutex_lock(&w->lock);
  size_t count = w->count < CHUNK ? w->count : CHUNK;
  for (size_t i = 0; i < count; i++) w->chunk[i] = w->queue[(w->head + i) % QUEUE];
  w->head = (w->head + count) % QUEUE;
  w->count -= count;
  (void)pthread_mutex_unlock(&w->lock);
  w->now_ms = w->options.now_ms(w->options.context);
  for (size_t i = 0; i < count; i++) {
    if (!has_room(w) && !write_pending(w)) {
      (void)atomic_fetch_add(&w->shed, count - i);
      break;
    }
    judge(w, &w->chunk[i]);
  }
  (void)atomic_fetch_add(&w->judged, count);
  (void)write_pending(w);
  return count > 0;
}

/* ---- silence ---- */

static void end_all(sm_alert_watch *w, meter *m) {
  const sm_alert_sink sink = sink_for(w, m);
  for (int kind = 0; kind < SM_ALERT_KINDS; kind++)
    if (sm_alert_is_open(&m->state, (sm_alert_kind)kind)) {
      sm_alert_set_open(&m->state, (sm_alert_kind)kind, false);
      sink.change(sink.context, (sm_alert_kind)kind, false, w->now_ms, 0, 0);
    }
}

/* Shed readings are in the store all the same. A meter that was taken out of use says nothing. */
static void ask_for_silence(sm_alert_watch *w, meter *m) {
  sm_reading latest;
  bool known = true;
  bool open = m->state.open != 0;
  if (!open && !sm_alert_rules_silent(&m->state, limits_of(w, m), w->now_ms)) return;
  if (sm_ledger_device_known(w->options.ledger, m->device_id, &known) == SM_OK && !known) {
    end_all(w, m);
    return;
  }
  if (!sm_alert_rules_silent(&m->state, limits_of(w, m), w->now_ms)) return;
  if (sm_readings_latest(w->options.readings, m->device_id, SM_CHANNEL_IMPORT, &latest) == SM_OK &&
      latest.ts_ms > m->state.last_ms)
    m->state.last_ms = latest.ts_ms;
  const sm_alert_sink sink = sink_for(w, m);
  sm_alert_rules_silence(&m->state, limits_of(w, m), w->now_ms, &sink);
}

static void sweep(sm_alert_watch *w) {
  if (w->now_ms - w->started_ms < w->options.grace_ms) return;
  size_t share = w->list_count / SWEEP_TICKS + 1;
  for (size_t i = 0; i < share && i < w->list_count; i++) {
    if (!has_room(w) && !write_pending(w)) return;
    if (w->sweep_at >= w->list_count) w->sweep_at = 0;
    ask_for_silence(w, w->list[w->sweep_at++]);
  }
}

/* ---- nights ---- */

/* The mean power between a night's edges; below 0: it cannot be told. */
static int64_t night_power(sm_alert_watch *w, const meter *m, sm_date day) {
  const sm_alert_limits *l = limits_of(w, m);
  int64_t midnight_ms = sm_zone_day_start_ms(w->options.zone, day);
  int64_t from_ms = midnight_ms + l->value[SM_LIMIT_NIGHT_FROM] * 60000;
  int64_t to_ms = midnight_ms + l->value[SM_LIMIT_NIGHT_TO] * 60000;
  sm_quarter_list quarters = {.item = NULL};
  int64_t power_mw = -1;
  if (sm_readings_quarters(w->options.readings, m->device_id, SM_CHANNEL_IMPORT, from_ms, to_ms,
                           200, &quarters) != SM_OK)
    return -1;
  if (quarters.count > 1) {
    const sm_register_point *a = &quarters.item[0].first;
    const sm_register_point *b = &quarters.item[quarters.count - 1].last;
    int64_t ms = b->ts_ms - a->ts_ms;
    if (b->wh >= a->wh && a->ts_ms - from_ms <= NIGHT_EDGE_MS && to_ms - b->ts_ms <= NIGHT_EDGE_MS)
      power_mw = (b->wh - a->wh) * 3600 * 1000000 / ms;
  }
  sm_quarter_list_fini(&quarters);
  return power_mw;
}

static void judge_night(sm_alert_watch *w, meter *m, sm_date today) {
  int64_t night_mw[SM_ALERT_NIGHTS + 1];
  for (int i = 0; i <= SM_ALERT_NIGHTS; i++) {
    night_mw[i] = night_power(w, m, sm_date_add_days(today, -i));
    if (i == 0 && night_mw[0] < 0) return;
  }
  const sm_alert_sink sink = sink_for(w, m);
  sm_alert_rules_night(&m->state, limits_of(w, m), night_mw, m->state.last_ms, &sink);
}

/* Each meter once, when it has spoken after its night, a few at a time. */
static void judge_nights(sm_alert_watch *w) {
  sm_date today = sm_zone_date(w->options.zone, w->now_ms);
  int32_t day = (int32_t)sm_days_from_civil(today.year, today.month, today.day);
  int64_t midnight_ms = sm_zone_day_start_ms(w->options.zone, today);
  size_t asked = 0;
  for (size_t i = 0; i < w->list_count && i < 20 * NIGHTS_A_TICK && asked < NIGHTS_A_TICK; i++) {
    if (w->night_at >= w->list_count) w->night_at = 0;
    meter *m = w->list[w->night_at++];
    const sm_alert_limits *l = limits_of(w, m);
    if (m->state.night_day == day || l->value[SM_LIMIT_NIGHT_ON] == 0 ||
        m->state.last_ms < midnight_ms + l->value[SM_LIMIT_NIGHT_TO] * 60000)
      continue;
    if (!has_room(w) && !write_pending(w)) return;
    m->state.night_day = day;
    judge_night(w, m, today);
    asked++;
  }
}

/* ---- budgets ---- */

static bool has_budget(const meter *m) {
  return m->own != NULL && (m->own->value[SM_LIMIT_BUDGET_ENERGY_AT] > 0 ||
                            m->own->value[SM_LIMIT_BUDGET_MONEY_AT] > 0);
}

static void judge_month(sm_alert_watch *w, meter *m) {
  sm_alert_month month = {0};
  m->month_ms = w->now_ms + MONTH_EVERY_MS;
  m->dirty = false;
  sm_err err = w->options.month(w->options.context, m->device_id, w->now_ms, &month);
  if (err == SM_ERR_NOT_FOUND) err = SM_OK;
  const sm_alert_sink sink = sink_for(w, m);
  if (err == SM_OK) sm_alert_rules_month(&m->state, m->own, &month, w->now_ms, &sink);
}

static void judge_months(sm_alert_watch *w) {
  size_t asked = 0;
  if (w->options.month == NULL) return;
  for (size_t i = 0; i < w->list_count && i < 10000 && asked < MONTHS_A_TICK; i++) {
    if (w->month_at >= w->list_count) w->month_at = 0;
    meter *m = w->list[w->month_at++];
    if (!has_budget(m) || (m->month_ms > w->now_ms && m->month_ms != 0)) continue;
    /* A new month ends what is open without a reading. */
    if (!m->dirty && m->state.open == 0) continue;
    if (!has_room(w) && !write_pending(w)) return;
    judge_month(w, m);
    asked++;
  }
}

/* ---- certificates ---- */

static site_state *site_of(sm_alert_watch *w, const char *subject) {
  for (size_t i = 0; i < w->site_count; i++)
    if (strcmp(w->site[i].subject, subject) == 0) return &w->site[i];
  if (w->site_count == SITE_MAX) return NULL;
  site_state *s = &w->site[w->site_count++];
  (void)snprintf(s->subject, sizeof s->subject, "%s", subject);
  return s;
}

static void judge_certificate(sm_alert_watch *w, const sm_alert_certificate *c) {
  if (c->device_id[0] != '\0') {
    meter *m = meter_of(w, c->device_id, true);
    if (m == NULL) return;
    const sm_alert_sink sink = sink_for(w, m);
    m->certificate_round = w->certificate_round;
    sm_alert_rules_certificate(&m->state, limits_of(w, m), c->ends_ms, w->now_ms, &sink);
    return;
  }
  site_state *s = site_of(w, c->subject);
  if (s == NULL) return;
  w->judging_id = NULL;
  w->judging_subject = s->subject;
  const sm_alert_sink sink = {.context = w, .change = note};
  sm_alert_rules_certificate(&s->state, &w->defaults, c->ends_ms, w->now_ms, &sink);
}

/* Meters whose certificate is gone. */
static void end_gone(sm_alert_watch *w) {
  for (size_t i = 0; i < w->list_count; i++) {
    meter *m = w->list[i];
    if (m->certificate_round == w->certificate_round ||
        !sm_alert_is_open(&m->state, SM_ALERT_CERTIFICATE))
      continue;
    if (!has_room(w) && !write_pending(w)) return;
    const sm_alert_sink sink = sink_for(w, m);
    sm_alert_rules_certificate(&m->state, limits_of(w, m), 0, w->now_ms, &sink);
  }
}

static void judge_certificates(sm_alert_watch *w) {
  (void)pthread_mutex_lock(&w->lock);
  sm_alert_certificate *list = w->certificates;
  size_t count = w->certificate_count;
  w->certificates = NULL;
  (void)pthread_mutex_unlock(&w->lock);
  if (list == NULL) return;
  w->certificate_round++;
  for (size_t i = 0; i < count; i++) {
    if (!has_room(w) && !write_pending(w)) break;
    judge_certificate(w, &list[i]);
    if (i + 1 == count) end_gone(w);
  }
  free(list);
}

/* ---- plans ---- */

/* What was stored and cannot be read any more is passed over: the rest still holds. */
static sm_err take_plan(void *context, const sm_alert_plan *plan) {
  sm_alert_watch *w = context;
  meter *m = meter_of(w, plan->device_id, true);
  if (m == NULL) return SM_ERR_NOMEM;
  if (m->own == NULL) m->own = malloc(sizeof *m->own);
  if (m->own == NULL) return SM_ERR_NOMEM;
  sm_alert_limits_default(m->own);
  m->own->sanctioned_load_mw = plan->sanctioned_load_w * 1000;
  m->own->modulus_wh = plan->modulus_wh;
  m->own->max_power_w = plan->max_power_w;
  const char *const texts[] = {plan->operators, plan->owners};
  for (size_t i = 0; i < 2; i++)
    if (texts[i] != NULL &&
        sm_alert_limits_read_text(texts[i], w->options.currency, m->own) != SM_OK)
      sm_log(SM_LOG_WARN, "alerts.thresholds_unreadable",
             SM_LOG_TEXT("device_id", plan->device_id));
  m->plan_round = w->plan_round;
  m->month_ms = 0;
  m->dirty = true;
  return SM_OK;
}

static void drop_old_plans(sm_alert_watch *w) {
  for (size_t i = 0; i < w->list_count; i++) {
    meter *m = w->list[i];
    if (m->own != NULL && m->plan_round != w->plan_round) {
      free(m->own);
      m->own = NULL;
    }
    if (m->state.open == 0) continue;
    if (!has_room(w) && !write_pending(w)) return;
    const sm_alert_sink sink = sink_for(w, m);
    sm_alert_rules_switched(&m->state, limits_of(w, m), w->now_ms, &sink);
  }
}

/* The version first: what changes while the plans are read makes them be read again. */
static sm_err read_plans(sm_alert_watch *w) {
  int64_t version = 0;
  int64_t after_no = 0;
  sm_err err = sm_ledger_alert_version(w->options.ledger, &version);
  bool old = w->now_ms - w->plans_ms >= PLANS_EVERY_MS || w->now_ms < w->plans_ms;
  if (err != SM_OK || (version == w->plans_version && !old)) return err;
  w->plan_round++;
  do {
    err = sm_ledger_alert_plans(w->options.ledger, w->now_ms, PLANS_PAGE, &after_no, take_plan, w);
  } while (err == SM_OK && after_no != 0);
  if (err != SM_OK) return err;
  drop_old_plans(w);
  w->plans_version = version;
  w->plans_ms = w->now_ms;
  return SM_OK;
}

/* ---- the beginning ---- */

static sm_err take_series(void *context, const sm_readings_span *span) {
  sm_alert_watch *w = context;
  sm_reading latest;
  if (span->channel != SM_CHANNEL_IMPORT) return SM_OK;
  meter *m = meter_of(w, span->device_id, true);
  if (m == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_readings_latest(w->options.readings, span->device_id, SM_CHANNEL_IMPORT, &latest);
  if (err != SM_OK) return err == SM_ERR_NOT_FOUND ? SM_OK : err;
  m->state.last_ms = latest.ts_ms;
  m->state.good_ms = latest.ts_ms;
  m->state.good_wh = latest.energy_wh;
  m->state.has_good = true;
  return SM_OK;
}

static sm_err set_open(sm_alert_watch *w, const sm_alert *alert) {
  sm_alert_state *state = NULL;
  if (alert->device_id[0] != '\0') {
    meter *m = meter_of(w, alert->device_id, true);
    if (m == NULL) return SM_ERR_NOMEM;
    state = &m->state;
  } else {
    site_state *s = site_of(w, alert->subject);
    if (s == NULL) return SM_OK;
    state = &s->state;
  }
  sm_alert_set_open(state, alert->kind, true);
  (void)atomic_fetch_add(&w->open, 1);
  return SM_OK;
}

static sm_err take_open(sm_alert_watch *w) {
  sm_alert_query query = {.state = SM_ALERT_UNENDED, .limit = 1000};
  sm_err err;
  size_t count;
  do {
    sm_alert *alerts = NULL;
    count = 0;
    err = sm_ledger_alerts(w->options.ledger, &query, &alerts, &count);
    for (size_t i = 0; err == SM_OK && i < count; i++) {
      err = set_open(w, &alerts[i]);
      query.after_no = alerts[i].alert_no;
    }
    free(alerts);
  } while (err == SM_OK && count == query.limit);
  return err;
}

/* ---- the thread ---- */

/* Until there is something to do or the next second; false: asked to stop. */
static bool wait_for_work(sm_alert_watch *w) {
  const struct timespec until = sm_steady_after(w->options.tick_ms);
  (void)pthread_mutex_lock(&w->lock);
  int waited = 0;
  while (!w->stopping && waited == 0 && w->count < CHUNK)
    waited = pthread_cond_timedwait(&w->filled, &w->lock, &until);
  bool go_on = !w->stopping;
  (void)pthread_mutex_unlock(&w->lock);
  return go_on;
}

/* Before the readings that wait: who has set a threshold wants it to hold for the next one. */
static void look_at_plans(sm_alert_watch *w) {
  w->now_ms = w->options.now_ms(w->options.context);
  if (!write_pending(w)) return;
  sm_err err = read_plans(w);
  if (err != SM_OK && !w->failing)
    sm_log(SM_LOG_WARN, "alerts.plans_not_read", SM_LOG_TEXT("reason", sm_err_text(err)));
  w->failing = err != SM_OK;
}

static void tick(sm_alert_watch *w) {
  if (!write_pending(w)) return;
  judge_certificates(w);
  sweep(w);
  judge_nights(w);
  judge_months(w);
  (void)write_pending(w);
}

static void *run(void *context) {
  sm_alert_watch *w = context;
  int64_t ticked_ms = 0;
  bool go_on = true;
  while (go_on) {
    go_on = wait_for_work(w);
    int64_t steady_ms = sm_clock_steady_ms();
    bool due = steady_ms - ticked_ms >= w->options.tick_ms / 2;
    if (due) look_at_plans(w);
    while (drain(w)) continue;
    if (!due) continue;
    ticked_ms = steady_ms;
    tick(w);
  }
  return NULL;
}

sm_err sm_alert_watch_start(sm_alert_watch *watch) {
  watch->now_ms = watch->started_ms = watch->options.now_ms(watch->options.context);
  sm_err err = sm_readings_each(watch->options.readings, take_series, watch);
  if (err == SM_OK) err = take_open(watch);
  if (err == SM_OK) err = read_plans(watch);
  if (err != SM_OK) return err;
  err = sm_thread_start(&watch->thread, run, watch);
  watch->started = err == SM_OK;
  return err;
}

void sm_alert_watch_stop(sm_alert_watch *watch) {
  if (watch == NULL || !watch->started) return;
  (void)pthread_mutex_lock(&watch->lock);
  watch->stopping = true;
  (void)pthread_cond_signal(&watch->filled);
  (void)pthread_mutex_unlock(&watch->lock);
  (void)pthread_join(watch->thread, NULL);
  watch->started = false;
}

/* ---- metrics ---- */

void sm_alert_watch_write_metrics(sm_alert_watch *watch, sm_buf *out) {
  if (watch == NULL) return;
  const sm_metric rows[] = {
      {"smartmeter_alerts_open", "gauge", "Alerts that have not ended.",
       (uint64_t)atomic_load(&watch->open)},
      {"smartmeter_alerts_opened_total", "counter", "Alerts opened.", atomic_load(&watch->opened)},
      {"smartmeter_alerts_ended_total", "counter", "Alerts ended.", atomic_load(&watch->ended)},
      {"smartmeter_alerts_judged_total", "counter", "Readings that the rules have looked at.",
       atomic_load(&watch->judged)},
      {"smartmeter_alerts_shed_total", "counter", "Readings that the rules were too slow for.",
       atomic_load(&watch->shed)},
      {"smartmeter_alerts_meters", "gauge", "Meters that are watched.",
       atomic_load(&watch->meters_known)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
