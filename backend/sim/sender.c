#include "sim/sender.h"

#include "base/clock.h"
#include "base/order.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  MESSAGE_BYTES_MAX = 120 * 1024, /* hosted brokers take 128 KiB */
  CHECKPOINT_MS = 3000,
  GOODBYE_MS = 2000,
  FLUSH_MS = 5000,
  BEHIND_S = 60 /* further behind than this, live sends arrays */
};

typedef struct sender {
  const sm_sim_fleet *fleet;
  sm_sim_publisher *publisher;
  const sm_sim_sender_options *options;
  sm_sim_sender_stats *stats;
  sm_sim_sequence *sequences; /* one a meter; NULL: without */
  sm_buf payload;
  int64_t at_s;     /* all that was due before this has been handed over */
  int64_t began_ms; /* steady clock */
  int64_t checkpoint_at_ms;
  uint64_t connects_told; /* the connection in which the meters were last said to be online */
} sender;

/* The wall clock, or the fast one until it has caught up. */
static int64_t now_ms(const sender *s) {
  int64_t real_ms = sm_clock_now_ms();
  if (s->options->speed == 0) return real_ms;
  int64_t fast_ms =
      s->options->from_s * 1000 + (sm_clock_steady_ms() - s->began_ms) * (int64_t)s->options->speed;
  return fast_ms < real_ms ? fast_ms : real_ms;
}

static sm_err send_to(sender *s, const sm_sim_meter *meter, const char *channel,
                      const void *payload, size_t len, bool retain) {
  char topic[SM_SIM_DEVICE_ID_MAX + 32];
  (void)snprintf(topic, sizeof topic, "meters/%s/%s", meter->device_id, channel);
  return sm_sim_publisher_send(s->publisher, topic, payload, len, retain);
}

/* Sends what is due of one meter in [from, to). */
static sm_err send_due(sender *s, size_t index, int64_t from_s, int64_t to_s, int64_t interval_s,
                       size_t readings_max) {
  const sm_sim_meter *meter = &s->fleet->meters[index];
  sm_sim_limits limits = {.readings = readings_max, .bytes = MESSAGE_BYTES_MAX};
  sm_sim_sequence *sequence = s->sequences == NULL ? NULL : &s->sequences[index];
  sm_sim_due due;
  sm_sim_due_init(&due, meter, from_s, to_s, interval_s);
  for (;;) {
    size_t readings;
    sm_err err = sm_sim_message_next(&due, &limits, sequence, &s->payload, &readings);
    if (err != SM_OK || readings == 0) return err;
    err = send_to(s, meter, "telemetry", s->payload.data, s->payload.len, false);
    if (err != SM_OK) return err;
    s->stats->readings += readings;
    s->stats->messages++;
  }
}

static sm_err say_status(sender *s, bool online) {
  int64_t now_s = now_ms(s) / 1000;
  for (size_t i = 0; i < s->fleet->count; i++) {
    const sm_sim_meter *meter = &s->fleet->meters[i];
    bool serves = online && meter->begin_s <= now_s && now_s <= meter->end_s;
    sm_err err = send_to(s, meter, "status", serves ? "online" : "offline", serves ? 6 : 7, true);
    if (err != SM_OK) return err;
  }
  return SM_OK;
}

/* Says that the meters are online, once in every connection. */
static sm_err greet(sender *s) {
  uint64_t connects = sm_sim_publisher_get_stats(s->publisher).connects;
  if (!s->options->live || s->connects_told == connects) return SM_OK;
  s->connects_told = connects;
  return say_status(s, true);
}

static sm_err checkpoint(sender *s) {
  if (s->options->checkpoint == NULL) return SM_OK;
  return s->options->checkpoint(s->options->context, s->at_s);
}

/* Every few seconds: lets all that is on its way arrive, then has the position remembered. */
static sm_err checkpoint_if_time(sender *s) {
  int64_t steady_ms = sm_clock_steady_ms();
  if (s->options->checkpoint == NULL || steady_ms < s->checkpoint_at_ms) return SM_OK;
  s->checkpoint_at_ms = steady_ms + CHECKPOINT_MS;
  sm_err err = sm_sim_publisher_flush(s->publisher, FLUSH_MS);
  if (err == SM_ERR_TIMEOUT) return SM_OK;
  return err == SM_OK ? checkpoint(s) : err;
}

static sm_err keep_rate(sender *s, int64_t phase_began_ms, uint64_t readings_before) {
  if (s->options->rate == 0) return SM_OK;
  uint64_t readings = s->stats->readings - readings_before;
  return sm_sim_publisher_wait(s->publisher,
                               phase_began_ms + (int64_t)(readings * 1000 / s->options->rate));
}

/* Sends one meter after the other what is due in [at, to), and moves on to `to`. */
static sm_err send_round(sender *s, int64_t to_s, int64_t interval_s, int64_t phase_began_ms,
                         uint64_t readings_before) {
  for (size_t i = 0; i < s->fleet->count; i++) {
    sm_err err = send_due(s, i, s->at_s, to_s, interval_s, s->options->readings_max);
    if (err == SM_OK) err = keep_rate(s, phase_began_ms, readings_before);
    if (err != SM_OK) return err;
  }
  s->at_s = to_s;
  return SM_OK;
}

/* Sends everything due before end_s, in rounds of a message or so a meter. */
static sm_err send_history(sender *s, int64_t end_s) {
  const sm_sim_sender_options *o = s->options;
  int64_t fine_from_s = o->fine_s == 0 ? end_s : end_s - o->fine_s;
  int64_t from_s = s->at_s;
  int64_t began_ms = sm_clock_steady_ms();
  uint64_t readings_before = s->stats->readings;
  while (s->at_s < end_s) {
    bool coarse = s->at_s < fine_from_s;
    int64_t interval_s = coarse ? o->coarse_interval_s : o->fine_interval_s;
    int64_t to_s = s->at_s + (int64_t)o->readings_max * interval_s;
    to_s = sm_min_i64(to_s, coarse ? fine_from_s : end_s);
    sm_err err = greet(s);
    if (err == SM_OK) err = send_round(s, to_s, interval_s, began_ms, readings_before);
    if (err == SM_OK) err = checkpoint_if_time(s);
    if (err != SM_OK) return err;
    if (o->progress != NULL) o->progress(o->context, from_s, s->at_s, end_s, s->stats->readings);
  }
  return SM_OK;
}

static sm_err wait_until(sender *s, int64_t due_ms) {
  for (;;) {
    int64_t left_ms = due_ms - now_ms(s);
    if (left_ms <= 0) return SM_OK;
    /* In short pieces: the wall clock may be set, and the fast one catches up. */
    if (s->options->speed != 0) left_ms = left_ms / (int64_t)s->options->speed + 1;
    sm_err err =
        sm_sim_publisher_wait(s->publisher, sm_clock_steady_ms() + sm_min_i64(left_ms, 1000));
    if (err != SM_OK) return err;
  }
}

/* One instant of the grid: each meter in its own turn within the interval. */
static sm_err send_live_step(sender *s) {
  int64_t interval_s = s->options->fine_interval_s;
  int64_t instant_s = sm_sim_grid_s(s->at_s, interval_s);
  int64_t count = (int64_t)s->fleet->count;
  for (int64_t i = 0; i < count; i++) {
    sm_err err = wait_until(s, instant_s * 1000 + i * interval_s * 1000 / count);
    if (err == SM_OK) err = greet(s);
    if (err == SM_OK)
      err = send_due(s, (size_t)i, instant_s, instant_s + interval_s, interval_s, 1);
    if (err != SM_OK) return err;
  }
  s->at_s = instant_s + interval_s;
  return checkpoint_if_time(s);
}

static sm_err run(sender *s) {
  const sm_sim_sender_options *o = s->options;
  if (!o->live) return send_history(s, o->to_s == SM_SIM_NEVER ? now_ms(s) / 1000 + 1 : o->to_s);
  for (;;) {
    int64_t now_s = now_ms(s) / 1000;
    bool behind = o->speed == 0 && now_s - s->at_s > BEHIND_S + 2 * o->fine_interval_s;
    sm_err err = behind ? send_history(s, now_s + 1) : send_live_step(s);
    if (err != SM_OK) return err;
  }
}

/* The end of history: nothing is left on its way. */
static sm_err flush_all(sender *s) {
  sm_err err;
  do err = sm_sim_publisher_flush(s->publisher, FLUSH_MS);
  while (err == SM_ERR_TIMEOUT);
  return err;
}

/* Stopped: lets the last messages arrive and says goodbye, if that takes no more than a moment. */
static sm_err take_leave(sender *s) {
  s->stats->stopped = true;
  sm_sim_publisher_ignore_stop(s->publisher);
  sm_err err = sm_sim_publisher_flush(s->publisher, GOODBYE_MS);
  if (err == SM_OK) err = checkpoint(s);
  if (err == SM_OK && s->options->live) err = say_status(s, false);
  if (err == SM_OK) err = sm_sim_publisher_flush(s->publisher, GOODBYE_MS);
  return err == SM_ERR_TIMEOUT ? SM_OK : err;
}

static sm_err finish(sender *s, sm_err err) {
  if (err == SM_OK) err = flush_all(s);
  if (err == SM_OK) return checkpoint(s);
  return err == SM_ERR_CLOSED ? take_leave(s) : err;
}

static sm_err make_sequences(sender *s) {
  if (!s->options->sequence) return SM_OK;
  s->sequences = calloc(s->fleet->count, sizeof *s->sequences);
  if (s->sequences == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < s->fleet->count; i++) s->sequences[i].epoch = (uint32_t)s->options->from_s;
  return SM_OK;
}

sm_err sm_sim_sender_run(const sm_sim_fleet *fleet, sm_sim_publisher *publisher,
                         const sm_sim_sender_options *options, sm_sim_sender_stats *stats) {
  *stats = (sm_sim_sender_stats){0};
  sender s = {.fleet = fleet,
              .publisher = publisher,
              .options = options,
              .stats = stats,
              .at_s = options->from_s,
              .began_ms = sm_clock_steady_ms()};
  s.checkpoint_at_ms = s.began_ms + CHECKPOINT_MS;
  sm_buf_init(&s.payload, 0);
  sm_err err = make_sequences(&s);
  if (err == SM_OK) err = finish(&s, run(&s));
  sm_buf_fini(&s.payload);
  free(s.sequences);
  return err;
}
