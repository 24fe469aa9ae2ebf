#include "api/live.h"

#include "api/live_internal.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BODY_MAX = 4096 };

/* ---- life ---- */

static void fill_defaults(sm_live_options *o) {
  if (o->clients_max == 0) o->clients_max = 10000;
  if (o->clients_per_user == 0) o->clients_per_user = 50;
  if (o->queue_bytes == 0) o->queue_bytes = (size_t)256 << 10;
  if (o->queue_total_bytes == 0) o->queue_total_bytes = (size_t)64 << 20;
  if (o->pending_max == 0) o->pending_max = 16384;
  if (o->hello_ms == 0) o->hello_ms = 5000;
  if (o->ping_ms == 0) o->ping_ms = 30000;
  if (o->closing_ms == 0) o->closing_ms = 2000;
  if (o->recheck_ms == 0) o->recheck_ms = 10000;
  if (o->currency == NULL) o->currency = "INR";
  if (o->now_ms == NULL) o->now_ms = sm_clock_now_ms_for;
}

static void free_origins(char **origins) {
  for (size_t i = 0; origins != NULL && origins[i] != NULL; i++) free(origins[i]);
  free(origins);
}

sm_err sm_live_allow_origins(sm_live *live, const char *const *origins) {
  size_t count = 0;
  while (origins != NULL && origins[count] != NULL) count++;
  char **copies = calloc(count + 1, sizeof *copies);
  if (copies == NULL) return SM_ERR_NOMEM;
  for (size_t i = 0; i < count; i++)
    if ((copies[i] = strdup(origins[i])) == NULL) {
      free_origins(copies);
      return SM_ERR_NOMEM;
    }
  free_origins(live->origins);
  live->origins = copies;
  return SM_OK;
}

static sm_err open_files(sm_live *live) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  live->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (live->epoll_fd < 0 || live->event_fd < 0 ||
      epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, live->event_fd, &event) != 0)
    return SM_ERR_IO;
  return SM_OK;
}

static sm_err open_all(sm_live *live, const sm_live_options *options) {
  live->gate.cap = live->options.pending_max;
  live->gate.ring = calloc(live->gate.cap, sizeof *live->gate.ring);
  live->gate.alerts = calloc(SM_LIVE_ALERTS, sizeof *live->gate.alerts);
  live->bucket_count = SM_LIVE_BUCKETS;
  live->bucket = calloc(live->bucket_count, sizeof(sm_live_entry *));
  if (live->gate.ring == NULL || live->gate.alerts == NULL || live->bucket == NULL)
    return SM_ERR_NOMEM;
  sm_err err = sm_live_allow_origins(live, options->origins);
  return err == SM_OK ? open_files(live) : err;
}

sm_err sm_live_new(const sm_live_options *options, sm_live **out) {
  sm_live *live = calloc(1, sizeof *live);
  if (live == NULL) return SM_ERR_NOMEM;
  if (pthread_mutex_init(&live->gate.mutex, NULL) != 0) {
    free(live);
    return SM_ERR_NOMEM;
  }
  live->options = *options;
  live->options.origins = NULL;
  live->epoll_fd = live->event_fd = -1;
  live->era = 1;
  fill_defaults(&live->options);
  sm_buf_init(&live->body, BODY_MAX);
  sm_buf_init(&live->frame, BODY_MAX * 2);
  sm_err err = open_all(live, options);
  if (err != SM_OK) {
    sm_live_free(live);
    return err;
  }
  *out = live;
  return SM_OK;
}

sm_err sm_live_start(sm_live *live) {
  if (pthread_create(&live->thread, NULL, sm_live_run, live) != 0) return SM_ERR_IO;
  live->started = true;
  return SM_OK;
}

void sm_live_stop(sm_live *live) {
  (void)pthread_mutex_lock(&live->gate.mutex);
  live->gate.stopping = true;
  live->gate.closed = true;
  sm_live_wake(live);
  (void)pthread_mutex_unlock(&live->gate.mutex);
  if (live->started) (void)pthread_join(live->thread, NULL);
  live->started = false;
  sm_live_arrivals_close(live);
}

void sm_live_free(sm_live *live) {
  if (live == NULL) return;
  sm_live_stop(live);
  sm_live_entries_clear(live);
  if (live->epoll_fd >= 0) (void)close(live->epoll_fd);
  if (live->event_fd >= 0) (void)close(live->event_fd);
  free_origins(live->origins);
  free(live->bucket);
  free(live->every);
  free(live->gate.ring);
  free(live->gate.alerts);
  sm_buf_fini(&live->body);
  sm_buf_fini(&live->frame);
  (void)pthread_mutex_destroy(&live->gate.mutex);
  free(live);
}

/* ---- from other threads ---- */

void sm_live_publish(sm_live *live, const char *device_id, const sm_reading *reading, bool late) {
  sm_live_gate *gate = &live->gate;
  (void)pthread_mutex_lock(&gate->mutex);
  if (gate->listening > 0 && !gate->closed) {
    (void)atomic_fetch_add(&live->published, 1);
    if (gate->count == gate->cap) {
      gate->head = (gate->head + 1) % gate->cap;
      gate->count--;
      gate->overflowed++;
      (void)atomic_fetch_add(&live->overflowed, 1);
    }
    sm_live_event *event = &gate->ring[(gate->head + gate->count) % gate->cap];
    size_t len = strnlen(device_id, SM_DEVICE_ID_MAX);
    memcpy(event->id, device_id, len);
    event->id[len] = '\0';
    event->late = late;
    event->reading = *reading;
    gate->count++;
    sm_live_wake(live);
  }
  (void)pthread_mutex_unlock(&gate->mutex);
}

void sm_live_alerts_to(sm_live *live, void (*told)(void *context, const sm_alert *alert),
                       void *context) {
  live->told = told;
  live->told_context = context;
}

void sm_live_publish_alert(sm_live *live, const sm_alert *alert) {
  if (live == NULL) return;
  if (live->told != NULL) live->told(live->told_context, alert);
  sm_live_show_alert(live, alert);
}

void sm_live_show_alert(sm_live *live, const sm_alert *alert) {
  sm_live_gate *gate = &live->gate;
  (void)pthread_mutex_lock(&gate->mutex);
  if (gate->listening > 0 && !gate->closed) {
    if (gate->alert_count == SM_LIVE_ALERTS) {
      gate->alert_head = (gate->alert_head + 1) % SM_LIVE_ALERTS;
      gate->alert_count--;
      gate->overflowed++;
      (void)atomic_fetch_add(&live->overflowed, 1);
    }
    gate->alerts[(gate->alert_head + gate->alert_count++) % SM_LIVE_ALERTS] = *alert;
    sm_live_wake(live);
  }
  (void)pthread_mutex_unlock(&gate->mutex);
}

bool sm_live_listening(sm_live *live) {
  sm_live_gate *gate = &live->gate;
  (void)pthread_mutex_lock(&gate->mutex);
  bool listening = gate->listening > 0 && !gate->closed;
  (void)pthread_mutex_unlock(&gate->mutex);
  return listening;
}

void sm_live_stats_get(sm_live *live, sm_live_stats *stats) {
  *stats = (sm_live_stats){
      .clients = atomic_load(&live->clients),
      .clients_total = atomic_load(&live->clients_total),
      .published = atomic_load(&live->published),
      .overflowed = atomic_load(&live->overflowed),
      .frames_sent = atomic_load(&live->frames_sent),
      .frames_dropped = atomic_load(&live->frames_dropped),
      .queued_bytes = atomic_load(&live->queued_bytes),
  };
}
