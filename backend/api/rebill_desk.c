#include "api/rebill_desk.h"

#include "base/steady.h"
#include "model/money.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 1000, ACTOR_MAX = 80 };

typedef enum state { IDLE, WORKING, DONE } state;

/* A wish of its own: who asked may be gone. */
typedef struct work {
  char *tariff;
  char *confirm; /* NULL */
  char actor[ACTOR_MAX];
  int64_t now_ms;
} work;

struct sm_rebill_desk {
  sm_invoicing invoicing;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* guarded by lock: */
  state state;
  bool to_join; /* a thread has been started */
  bool stop;
  work work; /* being done, or done last; the thread's alone while it works */
  uint64_t done;
  sm_err err; /* of what is done */
  sm_buf list;
  int32_t version;
  pthread_t worker;
};

static void work_fini(work *w) {
  free(w->tariff);
  free(w->confirm);
  *w = (work){0};
}

sm_err sm_rebill_desk_new(const sm_invoicing *invoicing, sm_rebill_desk **desk) {
  sm_rebill_desk *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->invoicing = *invoicing;
  sm_buf_init(&out->list, 0);
  (void)pthread_mutex_init(&out->lock, NULL);
  (void)sm_steady_cond_init(&out->changed);
  *desk = out;
  return SM_OK;
}

void sm_rebill_desk_free(sm_rebill_desk *desk) {
  if (desk == NULL) return;
  (void)pthread_mutex_lock(&desk->lock);
  desk->stop = true;
  bool to_join = desk->to_join;
  (void)pthread_mutex_unlock(&desk->lock);
  if (to_join) (void)pthread_join(desk->worker, NULL);
  (void)pthread_cond_destroy(&desk->changed);
  (void)pthread_mutex_destroy(&desk->lock);
  work_fini(&desk->work);
  sm_buf_fini(&desk->list);
  free(desk);
}

/* ---- the work ---- */

static bool go_on(void *context) {
  sm_rebill_desk *desk = context;
  (void)pthread_mutex_lock(&desk->lock);
  desk->done++;
  bool on = !desk->stop;
  (void)pthread_mutex_unlock(&desk->lock);
  return on;
}

typedef struct listing {
  sm_rebill_desk *desk;
  sm_jsonw w;
  const char *currency;
  size_t shown;
} listing;

static bool list_effect(void *context, const sm_rebill_effect *effect) {
  listing *l = context;
  if (!go_on(l->desk)) return false;
  if (l->shown++ >= SHOWN_MAX) return true;
  sm_jsonw_object(&l->w);
  sm_jsonw_key_text(&l->w, "number", effect->number);
  sm_jsonw_key_text(&l->w, "account_id", effect->account_id);
  sm_jsonw_key_text(&l->w, "device_id", effect->device_id);
  sm_jsonw_key_text(&l->w, "month", effect->month);
  sm_money_write_key(&l->w, "old_total", effect->old_total_minor, l->currency);
  sm_money_write_key(&l->w, "new_total", effect->new_total_minor, l->currency);
  sm_jsonw_object_end(&l->w);
  return true;
}

static sm_err list_effects(sm_rebill_desk *desk, const sm_tariff *tariff, sm_buf *out) {
  sm_rebill_summary summary;
  char day[SM_DATE_MAX];
  listing l = {.desk = desk, .currency = desk->invoicing.currency};
  sm_jsonw_init(&l.w, out);
  sm_jsonw_object(&l.w);
  sm_jsonw_key_text(&l.w, "name", tariff->name);
  sm_jsonw_key_text(&l.w, "effective_from", sm_date_format(tariff->effective_from, day));
  sm_jsonw_key(&l.w, "invoices");
  sm_jsonw_array(&l.w);
  sm_err err =
      sm_rebill_effects(&desk->invoicing, tariff, desk->work.now_ms, list_effect, &l, &summary);
  if (err != SM_OK) return err;
  sm_jsonw_array_end(&l.w);
  sm_jsonw_key_int(&l.w, "count", (int64_t)summary.count);
  sm_money_write_key(&l.w, "old_total", summary.old_total_minor, l.currency);
  sm_money_write_key(&l.w, "new_total", summary.new_total_minor, l.currency);
  sm_jsonw_key_text(&l.w, "currency", l.currency);
  sm_jsonw_key_text(&l.w, "confirm", summary.confirm);
  sm_jsonw_object_end(&l.w);
  return out->err;
}

static sm_err do_work(sm_rebill_desk *desk, sm_buf *list, int32_t *version) {
  const work *w = &desk->work;
  sm_problems problems = {0};
  sm_tariff *tariff = NULL;
  sm_err err = sm_tariff_read_json(w->tariff, strlen(w->tariff), &tariff, NULL, &problems);
  if (err == SM_OK && w->confirm == NULL)
    err = list_effects(desk, tariff, list);
  else if (err == SM_OK)
    err = sm_rebill_apply(&desk->invoicing, (sm_actor){.id = w->actor}, tariff, w->confirm,
                          w->now_ms, go_on, desk, version);
  sm_tariff_free(tariff);
  return err;
}

static void *run(void *context) {
  sm_rebill_desk *desk = context;
  sm_buf list;
  int32_t version = 0;
  sm_buf_init(&list, 0);
  sm_err err = do_work(desk, &list, &version);
  (void)pthread_mutex_lock(&desk->lock);
  sm_buf_fini(&desk->list);
  desk->list = list;
  desk->version = version;
  desk->err = err;
  desk->state = DONE;
  (void)pthread_cond_broadcast(&desk->changed);
  (void)pthread_mutex_unlock(&desk->lock);
  return NULL;
}

/* ---- asking, all with the lock ---- */

static bool is_of(const work *w, const sm_rebill_wish *wish) {
  bool same_confirm = wish->confirm == NULL || w->confirm == NULL
                          ? wish->confirm == w->confirm
                          : strcmp(w->confirm, wish->confirm) == 0;
  return w->tariff != NULL && strcmp(w->tariff, wish->tariff) == 0 && same_confirm;
}

static sm_err begin(sm_rebill_desk *desk, const sm_rebill_wish *wish) {
  if (desk->to_join) (void)pthread_join(desk->worker, NULL); /* it has let the lock go for good */
  desk->to_join = false;
  work_fini(&desk->work);
  desk->work.tariff = strdup(wish->tariff);
  desk->work.confirm = wish->confirm != NULL ? strdup(wish->confirm) : NULL;
  desk->work.now_ms = wish->now_ms;
  (void)snprintf(desk->work.actor, ACTOR_MAX, "%s",
                 wish->actor.id != NULL ? wish->actor.id : "server");
  desk->done = 0;
  desk->state = IDLE;
  if (desk->work.tariff == NULL || (wish->confirm != NULL && desk->work.confirm == NULL) ||
      pthread_create(&desk->worker, NULL, run, desk) != 0)
    return SM_ERR_NOMEM;
  desk->to_join = true;
  desk->state = WORKING;
  return SM_OK;
}

/* Who does not wait keeps the lock, so that what has only just begun is not done. */
static void wait_for_it(sm_rebill_desk *desk, const sm_rebill_wish *wish) {
  if (wish->wait_ms == 0) return;
  const struct timespec until = sm_steady_after(wish->wait_ms);
  int waited = 0;
  while (desk->state == WORKING && is_of(&desk->work, wish) && waited == 0)
    waited = pthread_cond_timedwait(&desk->changed, &desk->lock, &until);
}

static sm_err serve(sm_rebill_desk *desk, const sm_rebill_wish *wish, sm_rebill_outcome *out) {
  bool done = desk->state == DONE && is_of(&desk->work, wish);
  sm_err err = desk->state == WORKING || done ? SM_OK : begin(desk, wish);
  if (err != SM_OK) return err;
  wait_for_it(desk, wish);
  out->mine = is_of(&desk->work, wish);
  out->done = desk->done;
  if (desk->state != DONE || !out->mine) return SM_ERR_BUSY;
  desk->state = IDLE; /* handed out once */
  out->list = desk->list;
  sm_buf_init(&desk->list, 0);
  out->version = desk->version;
  return desk->err;
}

sm_err sm_rebill_desk_ask(sm_rebill_desk *desk, const sm_rebill_wish *wish,
                          sm_rebill_outcome *outcome) {
  *outcome = (sm_rebill_outcome){.done = 0};
  (void)pthread_mutex_lock(&desk->lock);
  sm_err err = serve(desk, wish, outcome);
  (void)pthread_mutex_unlock(&desk->lock);
  return err;
}
