#include "app/alarm.h"

#include "alerts/sender.h"
#include "alerts/watch.h"
#include "app/credentials.h"
#include "app/expiry.h"
#include "auth/seal.h"
#include "base/complain.h"
#include "invoicing/invoicing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sm_alarm {
  sm_identity *identity;
  sm_live *live;
  sm_invoicing invoicing;
  sm_alert_settings settings;
  sm_alert_watch_options watching;
  sm_alert_sender_options sending;
  pthread_rwlock_t lock; /* guards these two: NULL while nothing runs */
  sm_alert_watch *watch;
  sm_alert_sender *sender;
};

/* ---- what the watch and the sender ask ---- */

/* People are not named to each other: who acknowledged it stays with the API. */
static void changed(void *context, const sm_alert *alert) {
  const sm_alarm *a = context;
  sm_live_publish_alert(a->live, alert);
}

static sm_err month(void *context, const char *device_id, int64_t now_ms, sm_alert_month *out) {
  const sm_alarm *a = context;
  sm_date today = sm_zone_date(a->invoicing.zone, now_ms);
  const sm_invoicing_query query = {
      .device_id = device_id, .year = today.year, .month = today.month, .now_ms = now_ms};
  sm_bill *bill = NULL;
  sm_err err = sm_invoicing_bill(&a->invoicing, &query, &bill);
  if (err != SM_OK) return err;
  *out = (sm_alert_month){.energy_wh = bill->consumption_wh, .total_minor = bill->total_minor};
  sm_bill_free(bill);
  return SM_OK;
}

static sm_err email_of(void *context, const char *user_id, char **email) {
  const sm_alarm *a = context;
  sm_person person;
  sm_err err = sm_identity_person(a->identity, user_id, &person);
  if (err != SM_OK) return err;
  *email = person.email;
  person.email = NULL;
  sm_person_fini(&person);
  return *email != NULL ? SM_OK : SM_ERR_NOT_FOUND;
}

static sm_err open_webhook(void *context, const sm_bytes *sealed, char **text) {
  const sm_alarm *a = context;
  sm_err err = sm_unseal(sm_identity_sealer(a->identity), SM_FIELD_WEBHOOK, sealed, text);
  return err == SM_OK && *text == NULL ? SM_ERR_NOT_FOUND : err;
}

/* ---- life ---- */

static bool load_settings(sm_alarm *a) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_err err = sm_alert_settings_load(sm_config_get, &a->settings, &problem);
  if (err != SM_OK) sm_complain_lines(problem.len > 0 ? sm_buf_text(&problem) : sm_err_text(err));
  sm_buf_fini(&problem);
  return err == SM_OK;
}

static void choose(const sm_program *program, sm_alarm *a) {
  a->watching = (sm_alert_watch_options){.ledger = program->ledger,
                                         .readings = program->readings,
                                         .zone = program->config.zone,
                                         .currency = program->config.currency,
                                         .gather_ms = a->settings.gather_ms,
                                         .grace_ms = a->settings.grace_ms,
                                         .context = a,
                                         .changed = changed,
                                         .month = month};
  a->sending = (sm_alert_sender_options){.ledger = program->ledger,
                                         .settings = &a->settings,
                                         .zone = program->config.zone,
                                         .currency = program->config.currency,
                                         .public_url = program->config.public_url,
                                         .context = a,
                                         .email_of = email_of,
                                         .open_webhook = open_webhook};
}

bool sm_alarm_new(const sm_program *program, sm_live *live, sm_alarm **alarm) {
  sm_alarm *a = calloc(1, sizeof *a);
  if (a == NULL) {
    sm_complain("cannot set up alerts: %s", sm_err_text(SM_ERR_NOMEM));
    return false;
  }
  a->identity = program->identity;
  a->live = live;
  a->invoicing = sm_program_invoicing(program);
  if (!load_settings(a)) {
    free(a);
    return false;
  }
  (void)pthread_rwlock_init(&a->lock, NULL);
  choose(program, a);
  *alarm = a;
  return true;
}

static void show(sm_alarm *a, sm_alert_watch *watch, sm_alert_sender *sender) {
  (void)pthread_rwlock_wrlock(&a->lock);
  a->watch = watch;
  a->sender = sender;
  (void)pthread_rwlock_unlock(&a->lock);
}

bool sm_alarm_start(sm_alarm *alarm) {
  sm_alert_watch *watch = NULL;
  sm_alert_sender *sender = NULL;
  if (alarm->watch != NULL) return true; /* only this thread sets it */
  sm_err err = sm_alert_watch_new(&alarm->watching, &watch);
  if (err == SM_OK) err = sm_alert_sender_new(&alarm->sending, &sender);
  if (err == SM_OK) err = sm_alert_watch_start(watch);
  if (err == SM_OK) err = sm_alert_sender_start(sender);
  if (err == SM_OK) {
    show(alarm, watch, sender);
    return true;
  }
  sm_alert_watch_free(watch);
  sm_alert_sender_free(sender);
  sm_complain("cannot start alerts: %s", sm_err_text(err));
  return false;
}

void sm_alarm_stop(sm_alarm *alarm) {
  if (alarm == NULL || alarm->watch == NULL) return;
  sm_alert_watch *watch = alarm->watch;
  sm_alert_sender *sender = alarm->sender;
  show(alarm, NULL, NULL);
  sm_alert_watch_stop(watch); /* what it still finds is sent, or by the next start */
  sm_alert_sender_stop(sender);
  sm_alert_watch_free(watch);
  sm_alert_sender_free(sender);
}

void sm_alarm_free(sm_alarm *alarm) {
  if (alarm == NULL) return;
  sm_alarm_stop(alarm);
  (void)pthread_rwlock_destroy(&alarm->lock);
  sm_alert_settings_fini(&alarm->settings);
  free(alarm);
}

/* ---- what comes in ---- */

void sm_alarm_stored(void *alarm, const sm_readings_batch *batch) {
  sm_alarm *a = alarm;
  (void)pthread_rwlock_rdlock(&a->lock);
  if (a->watch != NULL) sm_alert_watch_take(a->watch, batch);
  (void)pthread_rwlock_unlock(&a->lock);
}

static int by_device(const void *a, const void *b) {
  const sm_credential_row *x = a;
  const sm_credential_row *y = b;
  return strcmp(x->device_id, y->device_id);
}

static void put(sm_alert_certificate *c, const char *device_id, const char *subject,
                int64_t ends_ms) {
  (void)snprintf(c->device_id, sizeof c->device_id, "%.64s", device_id);
  (void)snprintf(c->subject, sizeof c->subject, "%s", subject);
  c->ends_ms = ends_ms;
}

/* Of a meter's certificates the one that ends last counts: the others are being replaced. */
static size_t put_meters(sm_credential_rows *rows, sm_alert_certificate *list) {
  size_t count = 0;
  if (rows->count > 0) qsort(rows->row, rows->count, sizeof *rows->row, by_device);
  for (size_t i = 0; i < rows->count; i++) {
    const sm_credential_row *row = &rows->row[i];
    if (row->kind != SM_CREDENTIAL_CERTIFICATE || row->ends_ms != 0) continue;
    sm_alert_certificate *last = count > 0 ? &list[count - 1] : NULL;
    if (last == NULL || strcmp(last->device_id, row->device_id) != 0)
      put(&list[count++], row->device_id, "", row->not_after_ms);
    else if (row->not_after_ms > last->ends_ms)
      last->ends_ms = row->not_after_ms;
  }
  return count;
}

void sm_alarm_certificates(void *alarm, const sm_broker *broker, int64_t now_ms) {
  sm_alarm *a = alarm;
  sm_expiry seen;
  sm_credential_rows rows = {.row = NULL};
  if (sm_credentials_read(broker, &rows) != SM_OK) return;
  sm_alert_certificate *list = calloc(rows.count + SM_EXPIRY_ITEMS, sizeof *list);
  if (list != NULL) {
    size_t count = put_meters(&rows, list);
    sm_expiry_look(broker, now_ms, &seen);
    for (size_t i = 0; i < SM_EXPIRY_ITEMS; i++) {
      const sm_expiry_item *item = &seen.item[i];
      if (item->known && strcmp(item->what, "meter") != 0)
        put(&list[count++], "", item->what, item->ends_ms);
    }
    (void)pthread_rwlock_rdlock(&a->lock);
    if (a->watch != NULL)
      sm_alert_watch_certificates(a->watch, list, count);
    else
      free(list);
    (void)pthread_rwlock_unlock(&a->lock);
  }
  free(rows.row);
}

void sm_alarm_write_metrics(sm_alarm *alarm, sm_buf *out) {
  if (alarm == NULL) return;
  (void)pthread_rwlock_rdlock(&alarm->lock);
  sm_alert_watch_write_metrics(alarm->watch, out);
  sm_alert_sender_write_metrics(alarm->sender, out);
  (void)pthread_rwlock_unlock(&alarm->lock);
}
