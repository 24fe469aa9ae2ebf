#include "api/run_desk.h"

#include "base/clock.h"
#include "model/money.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTOR_MAX = 80, PARTS = 2, MONTH_MAX = 16, ROOM_FIRST = 64 };

typedef enum state { NONE, RUNNING, DONE, FAILED } state;

static const char *state_name(state s) {
  static const char *const names[] = {"none", "running", "done", "failed"};
  return names[s];
}

/* What became of an account: the texts are its own. */
typedef struct kept {
  char *account_id;
  char *device_id;
  char *number; /* NULL */
  char *reason; /* NULL */
  char *text;
  sm_issue_outcome outcome;
  bool has_total;
  int64_t total_minor;
  bool estimated;
  bool has_look;
  sm_look look;
} kept;

typedef struct part {
  kept *item;
  size_t count;
  size_t room;
  uint64_t seen; /* also those that are not kept */
} part;

struct sm_run_desk {
  sm_invoicing invoicing;
  pthread_mutex_t lock;
  /* guarded by lock: */
  state state;
  bool to_join; /* a thread has been started */
  bool stop;
  char actor[ACTOR_MAX];
  sm_run_wish wish; /* being done, or done last; the thread's alone while it works */
  int64_t ended_ms;
  uint64_t accounts;        /* in all: for progress */
  sm_issue_summary summary; /* as it was when an account was told */
  part part[PARTS];
  sm_err err;
  pthread_t worker;
  sm_issue_summary counting; /* the thread's alone */
};

static void kept_fini(kept *k) {
  free(k->account_id);
  free(k->device_id);
  free(k->number);
  free(k->reason);
  free(k->text);
}

static void parts_fini(sm_run_desk *desk) {
  for (size_t p = 0; p < PARTS; p++) {
    for (size_t i = 0; i < desk->part[p].count; i++) kept_fini(&desk->part[p].item[i]);
    free(desk->part[p].item);
    desk->part[p] = (part){0};
  }
}

sm_err sm_run_desk_new(const sm_invoicing *invoicing, sm_run_desk **desk) {
  sm_run_desk *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->invoicing = *invoicing;
  (void)pthread_mutex_init(&out->lock, NULL);
  *desk = out;
  return SM_OK;
}

void sm_run_desk_free(sm_run_desk *desk) {
  if (desk == NULL) return;
  (void)pthread_mutex_lock(&desk->lock);
  desk->stop = true;
  bool to_join = desk->to_join;
  (void)pthread_mutex_unlock(&desk->lock);
  if (to_join) (void)pthread_join(desk->worker, NULL);
  (void)pthread_mutex_destroy(&desk->lock);
  parts_fini(desk);
  free(desk);
}

/* ---- keeping, with the lock ---- */

/* What becomes right by itself needs no look: a month that is not settled yet. */
static sm_run_part part_of(const sm_issue_result *r) {
  if (r->outcome == SM_ISSUE_FAILED) return SM_RUN_LOOK;
  if (r->outcome == SM_ISSUE_SKIPPED && strcmp(r->reason, "not_settled") != 0) return SM_RUN_LOOK;
  return r->has_look && r->look.why != 0 ? SM_RUN_LOOK : SM_RUN_REST;
}

static bool copy(const char *text, char **out) {
  *out = text != NULL ? strdup(text) : NULL;
  return text == NULL || *out != NULL;
}

static kept *room_for_one(part *p) {
  if (p->count == SM_RUN_KEPT_MAX) return NULL;
  if (p->count == p->room) {
    size_t room = p->room == 0 ? ROOM_FIRST : p->room * 2;
    kept *grown = realloc(p->item, room * sizeof *grown);
    if (grown == NULL) return NULL;
    p->item = grown;
    p->room = room;
  }
  return &p->item[p->count];
}

/* Without memory it is counted, and not kept. */
static void keep(part *p, const sm_issue_result *r) {
  kept *k = room_for_one(p);
  p->seen++;
  if (k == NULL) return;
  *k = (kept){.outcome = r->outcome,
              .has_total = r->has_total,
              .total_minor = r->total_minor,
              .estimated = r->estimated,
              .has_look = r->has_look,
              .look = r->look};
  bool whole = copy(r->account_id, &k->account_id) && copy(r->device_id, &k->device_id) &&
               copy(r->number, &k->number) && copy(r->reason, &k->reason) &&
               copy(r->text, &k->text);
  if (whole)
    p->count++;
  else
    kept_fini(k);
}

/* ---- the work ---- */

static bool tell(void *context, const sm_issue_result *result) {
  sm_run_desk *desk = context;
  (void)pthread_mutex_lock(&desk->lock);
  desk->summary = desk->counting;
  keep(&desk->part[part_of(result)], result);
  bool go_on = !desk->stop;
  (void)pthread_mutex_unlock(&desk->lock);
  return go_on;
}

static void *run(void *context) {
  sm_run_desk *desk = context;
  const sm_run_wish *wish = &desk->wish;
  const sm_issue_request request = {.actor = {.id = desk->actor},
                                    .year = wish->year,
                                    .month = wish->month,
                                    .dry_run = wish->dry_run,
                                    .now_ms = wish->now_ms};
  sm_err err = sm_invoicing_issue_month(&desk->invoicing, &request, tell, desk, &desk->counting);
  (void)pthread_mutex_lock(&desk->lock);
  desk->summary = desk->counting;
  desk->err = err;
  desk->state = err == SM_OK ? DONE : FAILED;
  desk->ended_ms = sm_clock_now_ms();
  (void)pthread_mutex_unlock(&desk->lock);
  return NULL;
}

/* With the lock. */
static sm_err begin(sm_run_desk *desk, const sm_run_wish *wish) {
  if (desk->state == RUNNING) return SM_ERR_BUSY;
  if (desk->to_join) (void)pthread_join(desk->worker, NULL); /* it has let the lock go for good */
  desk->to_join = false;
  parts_fini(desk);
  desk->state = NONE;
  desk->wish = *wish;
  (void)snprintf(desk->actor, sizeof desk->actor, "%s",
                 wish->actor.id != NULL ? wish->actor.id : "server");
  desk->summary = (sm_issue_summary){0};
  desk->counting = (sm_issue_summary){0};
  sm_err err = sm_ledger_account_count(desk->invoicing.ledger, &desk->accounts);
  if (err != SM_OK) return err;
  if (pthread_create(&desk->worker, NULL, run, desk) != 0) return SM_ERR_NOMEM;
  desk->to_join = true;
  desk->state = RUNNING;
  return SM_OK;
}

sm_err sm_run_desk_begin(sm_run_desk *desk, const sm_run_wish *wish) {
  const sm_date next =
      sm_date_add_months((sm_date){.year = wish->year, .month = wish->month, .day = 1}, 1);
  if (sm_zone_day_start_ms(desk->invoicing.zone, next) > wish->now_ms) return SM_ERR_RANGE;
  (void)pthread_mutex_lock(&desk->lock);
  sm_err err = begin(desk, wish);
  (void)pthread_mutex_unlock(&desk->lock);
  return err;
}

/* ---- telling, with the lock ---- */

static void write_time(sm_jsonw *w, const char *key, bool there, int64_t at_ms) {
  char text[SM_RFC3339_MAX];
  if (there)
    sm_jsonw_key_text(w, key, sm_rfc3339_format(at_ms, text));
  else
    sm_jsonw_key_null(w, key);
}

static void write_run(const sm_run_desk *desk, sm_jsonw *w) {
  const sm_issue_summary *s = &desk->summary;
  const bool any = desk->state != NONE;
  char month[MONTH_MAX];
  (void)snprintf(month, sizeof month, "%04d-%02d", desk->wish.year, desk->wish.month);
  sm_jsonw_key_text(w, "state", state_name(desk->state));
  sm_jsonw_key_text(w, "month", any ? month : NULL);
  sm_jsonw_key_bool(w, "dry_run", any && desk->wish.dry_run);
  write_time(w, "began_at", any, desk->wish.now_ms);
  write_time(w, "ended_at", any && desk->state != RUNNING, desk->ended_ms);
  sm_jsonw_key_text(w, "error", desk->state == FAILED ? sm_err_text(desk->err) : NULL);
  sm_jsonw_key_int(w, "accounts", any ? (int64_t)desk->accounts : 0);
  sm_jsonw_key_int(w, "looked_at", (int64_t)s->looked_at);
  sm_jsonw_key_int(w, "issued", (int64_t)s->issued);
  sm_jsonw_key_int(w, "already", (int64_t)s->already);
  sm_jsonw_key_int(w, "skipped", (int64_t)s->skipped);
  sm_jsonw_key_int(w, "not_settled", (int64_t)s->not_settled);
  sm_jsonw_key_int(w, "failed", (int64_t)s->failed);
  sm_jsonw_key_int(w, "estimated", (int64_t)s->estimated);
  sm_jsonw_key_int(w, "to_look_at", (int64_t)desk->part[SM_RUN_LOOK].seen);
  if (s->total_too_large)
    sm_jsonw_key_null(w, "total");
  else
    sm_money_write_key(w, "total", s->total_minor, desk->invoicing.currency);
  sm_jsonw_key_text(w, "currency", desk->invoicing.currency);
}

void sm_run_desk_write(sm_run_desk *desk, sm_jsonw *w) {
  (void)pthread_mutex_lock(&desk->lock);
  write_run(desk, w);
  (void)pthread_mutex_unlock(&desk->lock);
}

static void write_look(sm_jsonw *w, const kept *k) {
  sm_jsonw_key(w, "look");
  sm_jsonw_array(w);
  for (int i = 0; k->has_look && i < SM_LOOK_COUNT; i++)
    if ((k->look.why & (1U << i)) != 0) sm_jsonw_text(w, sm_look_name(i));
  sm_jsonw_array_end(w);
  if (k->has_look)
    sm_jsonw_key_decimal(w, "use_kwh", k->look.use_wh, 3);
  else
    sm_jsonw_key_null(w, "use_kwh");
  if (k->has_look && k->look.usual_wh >= 0)
    sm_jsonw_key_decimal(w, "usual_kwh", k->look.usual_wh, 3);
  else
    sm_jsonw_key_null(w, "usual_kwh");
}

static void write_kept(const sm_run_desk *desk, sm_jsonw *w, const kept *k) {
  sm_jsonw_object(w);
  sm_jsonw_key_text(w, "account_id", k->account_id);
  sm_jsonw_key_text(w, "device_id", k->device_id[0] != '\0' ? k->device_id : NULL);
  sm_jsonw_key_text(w, "outcome", sm_issue_outcome_name(k->outcome));
  sm_jsonw_key_text(w, "number", k->number);
  sm_jsonw_key_text(w, "reason", k->reason);
  sm_jsonw_key_text(w, "text", k->text);
  if (k->has_total)
    sm_money_write_key(w, "total", k->total_minor, desk->invoicing.currency);
  else
    sm_jsonw_key_null(w, "total");
  sm_jsonw_key_bool(w, "estimated", k->estimated);
  write_look(w, k);
  sm_jsonw_object_end(w);
}

size_t sm_run_desk_write_accounts(sm_run_desk *desk, sm_run_part which, size_t from, size_t limit,
                                  sm_jsonw *w) {
  (void)pthread_mutex_lock(&desk->lock);
  const part *p = &desk->part[which];
  size_t first = from < p->count ? from : p->count;
  size_t shown = p->count - first < limit ? p->count - first : limit;
  for (size_t i = 0; i < shown; i++) write_kept(desk, w, &p->item[first + i]);
  size_t rest = p->count - first - shown;
  (void)pthread_mutex_unlock(&desk->lock);
  return rest;
}
