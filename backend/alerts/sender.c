#include "alerts/sender.h"

#include "alerts/mail.h"
#include "alerts/webhook.h"
#include "alerts/words.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/steady.h"
#include "base/thread.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 1000, CLAIM_MS = 120 * 1000, BODY_MAX = 1 << 20 };

/* Until the next try; then it is given up. */
static const int64_t later_s[] = {10, 60, 300, 1800, 3600, 10800, 21600, 43200};
enum { TRIES = sizeof later_s / sizeof later_s[0] };

struct sm_alert_sender {
  sm_alert_sender_options options;
  pthread_mutex_t lock; /* guards stopping */
  pthread_cond_t changed;
  bool stopping;
  atomic_bool stop; /* the same, for what is being sent */
  bool started;
  pthread_t thread;
  atomic_uint_fast64_t sent;
  atomic_uint_fast64_t later;
  atomic_uint_fast64_t failed;
};

bool sm_webhook_split(char *text, const char **url, const char **secret) {
  char *end = strchr(text, '\n');
  if (end == NULL || end[1] == '\0') return false;
  *end = '\0';
  *url = text;
  *secret = end + 1;
  return true;
}

/* ---- one parcel ---- */

static void write_body(const sm_alert_sender *s, const sm_alert_parcel *parcel, int64_t now_ms,
                       sm_buf *out) {
  char at[SM_RFC3339_MAX];
  sm_jsonw w;
  sm_jsonw_init(&w, out);
  sm_jsonw_object(&w);
  sm_jsonw_key_text(&w, "type", "alerts");
  sm_jsonw_key_text(&w, "sent_at", sm_rfc3339_format(now_ms, at));
  sm_jsonw_key(&w, "messages");
  sm_jsonw_array(&w);
  for (size_t i = 0; i < parcel->count; i++) {
    const sm_alert_message *m = &parcel->message[i];
    sm_jsonw_object(&w);
    sm_jsonw_key_int(&w, "id", m->message_no);
    sm_jsonw_key_text(&w, "event", m->ended ? "ended" : "opened");
    sm_jsonw_key(&w, "alert");
    sm_alert_write_json(&w, &m->alert, s->options.currency, false);
    sm_jsonw_object_end(&w);
  }
  sm_jsonw_array_end(&w);
  sm_jsonw_object_end(&w);
}

static sm_err post(sm_alert_sender *s, const sm_alert_parcel *parcel, int64_t now_ms,
                   sm_buf *problem) {
  char *text = NULL;
  const char *url = NULL;
  const char *secret = NULL;
  sm_buf body;
  sm_err err = s->options.open_webhook(s->options.context, &parcel->webhook_sealed, &text);
  if (err != SM_OK) return err;
  size_t text_len = strlen(text);
  sm_buf_init(&body, BODY_MAX);
  write_body(s, parcel, now_ms, &body);
  err = body.err;
  if (err == SM_OK && !sm_webhook_split(text, &url, &secret)) err = SM_ERR_DENIED;
  if (err == SM_OK) {
    const sm_webhook webhook = {.url = url,
                                .secret = secret,
                                .ca = s->options.settings->ca,
                                .reach = &s->options.settings->reach,
                                .now_ms = now_ms,
                                .stop = &s->stop};
    err = sm_webhook_post(&webhook, body.data, body.len, problem);
  }
  explicit_bzero(text, text_len);
  free(text);
  sm_buf_fini(&body);
  return err;
}

static sm_err mail_to(sm_alert_sender *s, const sm_alert_parcel *parcel, const char *email,
                      int64_t now_ms, sm_buf *problem) {
  const sm_alert_settings *set = s->options.settings;
  const sm_alert_words words = {.language = parcel->language,
                                .zone = s->options.zone,
                                .currency = s->options.currency,
                                .public_url = s->options.public_url};
  sm_buf subject;
  sm_buf text;
  sm_buf_init(&subject, BODY_MAX);
  sm_buf_init(&text, BODY_MAX);
  sm_alert_words_subject(&words, parcel, &subject);
  sm_alert_words_text(&words, parcel, &text);
  sm_err err = subject.err != SM_OK ? subject.err : text.err;
  if (err == SM_OK) {
    const sm_mail mail = {.from = set->smtp_from,
                          .to = email,
                          .subject = sm_buf_text(&subject),
                          .text = sm_buf_text(&text),
                          .number = parcel->message[0].message_no,
                          .at_ms = now_ms};
    const sm_mail_relay relay = {.url = set->smtp_url,
                                 .user = set->smtp_user,
                                 .password = set->smtp_password,
                                 .ca = set->ca,
                                 .stop = &s->stop};
    err = sm_mail_send(&relay, &mail, problem);
  }
  sm_buf_fini(&subject);
  sm_buf_fini(&text);
  return err;
}

static sm_err mail(sm_alert_sender *s, const sm_alert_parcel *parcel, int64_t now_ms,
                   sm_buf *problem) {
  char *email = NULL;
  if (s->options.settings->smtp_url == NULL) {
    sm_buf_append_text(problem, "no relay is set (SMARTMETER_SMTP_URL)");
    return SM_ERR_DENIED;
  }
  sm_err err = s->options.email_of(s->options.context, parcel->user_id, &email);
  if (err != SM_OK) return err;
  err = mail_to(s, parcel, email, now_ms, problem);
  explicit_bzero(email, strlen(email));
  free(email);
  return err;
}

/* A parcel is as old as its oldest message. */
static int64_t tries_of(const sm_alert_parcel *parcel) {
  int64_t most = 0;
  for (size_t i = 0; i < parcel->count; i++)
    if (parcel->message[i].tries > most) most = parcel->message[i].tries;
  return most;
}

static sm_message_outcome outcome_of(sm_err err, int64_t tries) {
  if (err == SM_OK) return SM_MESSAGE_SENT;
  if (err == SM_ERR_DENIED || err == SM_ERR_NOT_FOUND || err == SM_ERR_CORRUPT || tries >= TRIES)
    return SM_MESSAGE_FAILED;
  return SM_MESSAGE_LATER;
}

static void count(sm_alert_sender *s, const sm_alert_parcel *parcel, sm_message_outcome outcome,
                  const char *problem) {
  uint64_t n = parcel->count;
  if (outcome == SM_MESSAGE_SENT) (void)atomic_fetch_add(&s->sent, n);
  if (outcome == SM_MESSAGE_LATER) (void)atomic_fetch_add(&s->later, n);
  if (outcome == SM_MESSAGE_FAILED) (void)atomic_fetch_add(&s->failed, n);
  if (outcome == SM_MESSAGE_LATER || outcome == SM_MESSAGE_FAILED)
    sm_log(SM_LOG_WARN, outcome == SM_MESSAGE_LATER ? "alerts.not_sent_yet" : "alerts.not_sent",
           SM_LOG_TEXT("channel", parcel->webhook ? "webhook" : "email"),
           SM_LOG_TEXT("user", parcel->user_id), SM_LOG_TEXT("problem", problem));
}

static sm_err send_parcel(sm_alert_sender *s, const sm_alert_parcel *parcel) {
  int64_t now_ms = sm_clock_now_ms();
  int64_t tries = tries_of(parcel);
  sm_buf problem;
  sm_message_outcome outcome = SM_MESSAGE_DROPPED;
  sm_buf_init(&problem, 400);
  if (parcel->wanted) {
    sm_err err =
        parcel->webhook ? post(s, parcel, now_ms, &problem) : mail(s, parcel, now_ms, &problem);
    if (err != SM_OK && problem.len == 0) sm_buf_append_text(&problem, sm_err_text(err));
    outcome = outcome_of(err, tries);
  } else {
    sm_buf_append_text(&problem, "not wanted any more");
  }
  count(s, parcel, outcome, sm_buf_text(&problem));
  now_ms = sm_clock_now_ms();
  int64_t due_ms = now_ms + later_s[tries < TRIES ? tries : TRIES - 1] * 1000;
  sm_err err = sm_ledger_parcel_done(s->options.ledger, parcel, outcome, now_ms, due_ms,
                                     problem.len > 0 ? sm_buf_text(&problem) : NULL);
  sm_buf_fini(&problem);
  return err;
}

/* ---- the thread ---- */

static bool go_on(sm_alert_sender *s) {
  (void)pthread_mutex_lock(&s->lock);
  bool yes = !s->stopping;
  (void)pthread_mutex_unlock(&s->lock);
  return yes;
}

static bool wait_for_tick(sm_alert_sender *s) {
  const struct timespec until = sm_steady_after(POLL_MS);
  (void)pthread_mutex_lock(&s->lock);
  int waited = 0;
  while (!s->stopping && waited == 0)
    waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
  bool yes = !s->stopping;
  (void)pthread_mutex_unlock(&s->lock);
  return yes;
}

/* False: nothing is due, or the ledger does not answer. */
static bool send_next(sm_alert_sender *s) {
  sm_alert_parcel parcel;
  int64_t now_ms = sm_clock_now_ms();
  sm_err err = sm_ledger_parcel_take(s->options.ledger, now_ms, now_ms + CLAIM_MS, &parcel);
  if (err == SM_OK) {
    err = send_parcel(s, &parcel);
    sm_alert_parcel_fini(&parcel);
  }
  if (err != SM_OK && err != SM_ERR_NOT_FOUND)
    sm_log(SM_LOG_WARN, "alerts.outbox", SM_LOG_TEXT("reason", sm_err_text(err)));
  return err == SM_OK;
}

static void *run(void *context) {
  sm_alert_sender *s = context;
  do {
    while (go_on(s) && send_next(s)) continue;
  } while (wait_for_tick(s));
  return NULL;
}

sm_err sm_alert_sender_new(const sm_alert_sender_options *options, sm_alert_sender **sender) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return SM_ERR_INTERNAL;
  sm_alert_sender *s = calloc(1, sizeof *s);
  if (s == NULL) {
    curl_global_cleanup();
    return SM_ERR_NOMEM;
  }
  s->options = *options;
  (void)pthread_mutex_init(&s->lock, NULL);
  (void)sm_steady_cond_init(&s->changed);
  *sender = s;
  return SM_OK;
}

sm_err sm_alert_sender_start(sm_alert_sender *sender) {
  sm_err err = sm_thread_start(&sender->thread, run, sender);
  sender->started = err == SM_OK;
  return err;
}

void sm_alert_sender_stop(sm_alert_sender *sender) {
  if (sender == NULL || !sender->started) return;
  (void)pthread_mutex_lock(&sender->lock);
  sender->stopping = true;
  atomic_store(&sender->stop, true);
  (void)pthread_cond_signal(&sender->changed);
  (void)pthread_mutex_unlock(&sender->lock);
  (void)pthread_join(sender->thread, NULL);
  sender->started = false;
}

void sm_alert_sender_free(sm_alert_sender *sender) {
  if (sender == NULL) return;
  sm_alert_sender_stop(sender);
  (void)pthread_cond_destroy(&sender->changed);
  (void)pthread_mutex_destroy(&sender->lock);
  free(sender);
  curl_global_cleanup();
}

void sm_alert_sender_write_metrics(sm_alert_sender *sender, sm_buf *out) {
  if (sender == NULL) return;
  const sm_metric rows[] = {
      {"smartmeter_alert_messages_sent_total", "counter", "Messages about alerts that were sent.",
       atomic_load(&sender->sent)},
      {"smartmeter_alert_messages_later_total", "counter", "Tries that failed and come again.",
       atomic_load(&sender->later)},
      {"smartmeter_alert_messages_failed_total", "counter", "Messages that were given up.",
       atomic_load(&sender->failed)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
