#include "api/live_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOCKETS_A_TURN = 256, TICK_MS = 200, ENDING_MS = 1000 };

/* ---- the gate ---- */

void sm_live_wake(sm_live *live) {
  const uint64_t one = 1;
  if (!live->gate.sleeping) return;
  live->gate.sleeping = false;
  /* Only a full counter fails, and that wakes as well. */
  ssize_t written = write(live->event_fd, &one, sizeof one);
  (void)written;
}

void sm_live_arrive(sm_live *live, int fd, struct MHD_UpgradeResponseHandle *handle,
                    const char *early, size_t early_len) {
  sm_live_arrival *arrival = NULL;
  if (early_len <= SM_LIVE_MESSAGE_MAX) arrival = malloc(sizeof *arrival + early_len);
  sm_live_gate *gate = &live->gate;
  (void)pthread_mutex_lock(&gate->mutex);
  bool taken = arrival != NULL && !gate->closed && gate->clients < live->options.clients_max;
  if (taken) {
    arrival->fd = fd;
    arrival->handle = handle;
    arrival->early_len = early_len;
    if (early_len > 0) memcpy(arrival->early, early, early_len);
    arrival->next = gate->arrivals;
    gate->arrivals = arrival;
    gate->clients++;
    sm_live_wake(live);
  }
  (void)pthread_mutex_unlock(&gate->mutex);
  if (taken) return;
  free(arrival);
  (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

void sm_live_left(sm_live *live) {
  (void)pthread_mutex_lock(&live->gate.mutex);
  live->gate.clients--;
  (void)pthread_mutex_unlock(&live->gate.mutex);
}

void sm_live_arrivals_close(sm_live *live) {
  (void)pthread_mutex_lock(&live->gate.mutex);
  sm_live_arrival *arrival = live->gate.arrivals;
  live->gate.arrivals = NULL;
  (void)pthread_mutex_unlock(&live->gate.mutex);
  while (arrival != NULL) {
    sm_live_arrival *next = arrival->next;
    (void)MHD_upgrade_action(arrival->handle, MHD_UPGRADE_ACTION_CLOSE);
    sm_live_left(live);
    free(arrival);
    arrival = next;
  }
}

typedef struct haul {
  sm_live_arrival *arrivals;
  size_t events; /* in live->batch */
  size_t alerts; /* in live->alerts */
  uint64_t overflowed;
} haul;

static size_t pull_alerts(sm_live *live) {
  sm_live_gate *gate = &live->gate;
  size_t count =
      gate->alert_count < SM_LIVE_ALERTS_A_TURN ? gate->alert_count : SM_LIVE_ALERTS_A_TURN;
  for (size_t i = 0; i < count; i++)
    live->alerts[i] = gate->alerts[(gate->alert_head + i) % SM_LIVE_ALERTS];
  gate->alert_head = (gate->alert_head + count) % SM_LIVE_ALERTS;
  gate->alert_count -= count;
  return count;
}

/* Takes what waits at the gate. With nothing there, the next publisher will wake us. */
static bool pull(sm_live *live, haul *got) {
  sm_live_gate *gate = &live->gate;
  (void)pthread_mutex_lock(&gate->mutex);
  got->arrivals = gate->arrivals;
  gate->arrivals = NULL;
  got->events = gate->count < SM_LIVE_BATCH ? gate->count : SM_LIVE_BATCH;
  for (size_t i = 0; i < got->events; i++)
    live->batch[i] = gate->ring[(gate->head + i) % gate->cap];
  gate->head = (gate->head + got->events) % gate->cap;
  gate->count -= got->events;
  got->alerts = pull_alerts(live);
  got->overflowed = gate->overflowed;
  bool stopping = gate->stopping && !live->ending;
  bool any = got->arrivals != NULL || got->events > 0 || got->alerts > 0 || stopping;
  gate->sleeping = !any;
  (void)pthread_mutex_unlock(&gate->mutex);
  return any;
}

/* ---- a turn ---- */

static void take_arrivals(sm_live *live, sm_live_arrival *arrival) {
  while (arrival != NULL) {
    sm_live_arrival *next = arrival->next;
    sm_live_client *client = sm_live_client_new(live, arrival);
    if (client != NULL && client->early != NULL) sm_live_client_readable(client);
    if (client != NULL && live->ending)
      sm_live_client_close(client, WSLAY_CODE_GOING_AWAY, "the server stops");
    arrival = next;
  }
}

/* What was lost is not known by device: everybody's count moves on, and the store is asked again
 * for what devices said last. */
static void note_overflow(sm_live *live, uint64_t overflowed) {
  if (overflowed == live->overflow_seen) return;
  sm_log(SM_LOG_WARN, "live.overflow",
         SM_LOG_INT("readings", (int64_t)(overflowed - live->overflow_seen)));
  live->overflow_seen = overflowed;
  live->era++;
  for (sm_live_client *client = live->first; client != NULL; client = client->next)
    if (client->listening) client->n++;
}

static void tick(sm_live *live) {
  if (live->now_ms - live->ticked_ms < TICK_MS) return;
  live->ticked_ms = live->now_ms;
  for (sm_live_client *client = live->first; client != NULL; client = client->next)
    sm_live_session_tick(client);
}

static void flush(sm_live *live) {
  while (live->dirty != NULL) {
    sm_live_client *client = live->dirty;
    live->dirty = client->dirty_next;
    client->dirty = false;
    sm_live_client_flush(client);
  }
}

static void reap(sm_live *live) {
  if (!live->any_dead) return;
  live->any_dead = false;
  for (sm_live_client *client = live->first; client != NULL;) {
    sm_live_client *next = client->next;
    if (client->dead) sm_live_client_free(client);
    client = next;
  }
}

static void begin_ending(sm_live *live) {
  live->ending = true;
  for (sm_live_client *client = live->first; client != NULL; client = client->next)
    sm_live_client_close(client, WSLAY_CODE_GOING_AWAY, "the server stops");
}

/* Whether there was something at the gate: then there may be more. */
static bool work(sm_live *live) {
  haul got;
  bool any = pull(live, &got);
  live->now_ms = sm_clock_steady_ms();
  take_arrivals(live, got.arrivals);
  note_overflow(live, got.overflowed);
  for (size_t i = 0; i < got.events; i++) sm_live_devices_event(live, &live->batch[i]);
  for (size_t i = 0; i < got.alerts; i++) sm_live_devices_alert(live, &live->alerts[i]);
  bool walking = sm_live_walk_some(live);
  tick(live);
  flush(live);
  reap(live);
  return any || walking || live->walk_head != NULL;
}

static void serve(sm_live *live, int timeout_ms) {
  struct epoll_event event[SOCKETS_A_TURN];
  int count = epoll_wait(live->epoll_fd, event, SOCKETS_A_TURN, timeout_ms);
  live->now_ms = sm_clock_steady_ms();
  for (int i = 0; i < count; i++) {
    sm_live_client *client = event[i].data.ptr;
    if (client == NULL) {
      uint64_t woken;
      ssize_t got = read(live->event_fd, &woken, sizeof woken);
      (void)got;
      continue;
    }
    if ((event[i].events & EPOLLOUT) != 0) sm_live_client_writable(client);
    if ((event[i].events & ~(uint32_t)EPOLLOUT) != 0) sm_live_client_readable(client);
  }
}

static bool stopping(sm_live *live) {
  (void)pthread_mutex_lock(&live->gate.mutex);
  bool is = live->gate.stopping;
  (void)pthread_mutex_unlock(&live->gate.mutex);
  return is;
}

void *sm_live_run(void *context) {
  sm_live *live = context;
  int64_t end_ms = INT64_MAX;
  for (;;) {
    if (!live->ending && stopping(live)) {
      begin_ending(live);
      end_ms = sm_clock_steady_ms() + ENDING_MS;
    }
    bool more = work(live);
    if (live->ending && (live->first == NULL || live->now_ms >= end_ms)) break;
    serve(live, more ? 0 : live->first == NULL ? -1 : TICK_MS / 2);
  }
  for (sm_live_client *client = live->first; client != NULL; client = client->next)
    sm_live_client_kill(client);
  reap(live);
  return NULL;
}
