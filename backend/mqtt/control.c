#include "mqtt/control.h"

#include "base/clock.h"
#include "base/steady.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

sm_err sm_mqtt_control_init(sm_mqtt_control *control) {
  *control = (sm_mqtt_control){.status = {.state = SM_MQTT_STOPPED}};
  control->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (control->wake_fd < 0) return SM_ERR_IO;
  bool made = sm_steady_cond_init(&control->changed);
  if (made && pthread_mutex_init(&control->lock, NULL) == 0) return SM_OK;
  if (made) (void)pthread_cond_destroy(&control->changed);
  (void)close(control->wake_fd);
  return SM_ERR_NOMEM;
}

void sm_mqtt_control_fini(sm_mqtt_control *control) {
  (void)pthread_mutex_destroy(&control->lock);
  (void)pthread_cond_destroy(&control->changed);
  (void)close(control->wake_fd);
}

static void lock(sm_mqtt_control *control) {
  (void)pthread_mutex_lock(&control->lock);
}

static void unlock(sm_mqtt_control *control) {
  (void)pthread_mutex_unlock(&control->lock);
}

/* ---- the subscriber's thread ---- */

bool sm_mqtt_control_enter(sm_mqtt_control *control) {
  lock(control);
  bool allowed = !control->abandoned;
  control->busy = allowed;
  unlock(control);
  return allowed;
}

void sm_mqtt_control_leave(sm_mqtt_control *control) {
  const sm_mqtt_counts *counts = &control->counts;
  lock(control);
  control->busy = false;
  control->status.messages = counts->messages;
  control->status.acknowledged = counts->acknowledged;
  control->status.commits = counts->commits;
  control->status.connects = counts->connects;
  control->status.unusable = counts->unusable;
  control->status.publishes_refused = counts->publishes_refused;
  control->status.version = counts->version;
  unlock(control);
}

bool sm_mqtt_control_stopping(sm_mqtt_control *control) {
  lock(control);
  bool stopping = control->stopping;
  unlock(control);
  return stopping;
}

int64_t sm_mqtt_control_stop_deadline_ms(sm_mqtt_control *control) {
  lock(control);
  int64_t deadline_ms = control->stop_deadline_ms;
  unlock(control);
  return deadline_ms;
}

void sm_mqtt_control_set_state(sm_mqtt_control *control, sm_mqtt_state state, const char *reason) {
  lock(control);
  control->status.state = state;
  (void)snprintf(control->status.reason, sizeof control->status.reason, "%s", reason);
  unlock(control);
}

void sm_mqtt_control_sleep(sm_mqtt_control *control, int64_t timeout_ms) {
  struct pollfd wake = {.fd = control->wake_fd, .events = POLLIN};
  if (timeout_ms > 0) (void)poll(&wake, 1, timeout_ms > 60000 ? 60000 : (int)timeout_ms);
}

bool sm_mqtt_control_end(sm_mqtt_control *control) {
  lock(control);
  control->running = false;
  control->busy = false;
  control->status.state = SM_MQTT_STOPPED;
  control->status.reason[0] = '\0';
  bool orphaned = control->orphaned;
  (void)pthread_cond_broadcast(&control->changed);
  unlock(control);
  return orphaned;
}

/* ---- other threads ---- */

sm_err sm_mqtt_control_begin(sm_mqtt_control *control) {
  lock(control);
  /* After a stop that timed out the thread is not joined, nor is the owner expecting calls. */
  sm_err err = control->running || control->abandoned ? SM_ERR_BUSY : SM_OK;
  if (err == SM_OK) {
    uint64_t wakes;
    ssize_t drained = read(control->wake_fd, &wakes, sizeof wakes);
    (void)drained; /* nothing to drain at the first start */
    control->running = true;
    control->stopping = false;
    control->status.state = SM_MQTT_CONNECTING;
    control->status.reason[0] = '\0';
  }
  unlock(control);
  return err;
}

static struct timespec timespec_of(int64_t steady_ms) {
  return (struct timespec){.tv_sec = steady_ms / 1000, .tv_nsec = steady_ms % 1000 * 1000000};
}

sm_mqtt_stopped sm_mqtt_control_stop(sm_mqtt_control *control, uint32_t timeout_ms) {
  lock(control);
  if (!control->running) {
    bool unjoined = control->abandoned;
    control->abandoned = false;
    unlock(control);
    return unjoined ? SM_MQTT_THREAD_ENDED : SM_MQTT_THREAD_NONE;
  }
  control->stopping = true;
  control->stop_deadline_ms = sm_clock_steady_ms() + timeout_ms;
  uint64_t one = 1;
  ssize_t written = write(control->wake_fd, &one, sizeof one);
  (void)written; /* it can only fail when it is readable anyway */
  struct timespec deadline = timespec_of(control->stop_deadline_ms);
  int waited = 0;
  while (control->running && waited == 0)
    waited = pthread_cond_timedwait(&control->changed, &control->lock, &deadline);
  control->abandoned = control->running;
  sm_mqtt_stopped stopped = SM_MQTT_THREAD_ENDED;
  if (control->running) stopped = control->busy ? SM_MQTT_THREAD_IN_CALL : SM_MQTT_THREAD_QUIET;
  unlock(control);
  return stopped;
}

bool sm_mqtt_control_orphan(sm_mqtt_control *control) {
  lock(control);
  control->orphaned = control->running;
  bool orphaned = control->orphaned;
  unlock(control);
  return orphaned;
}

void sm_mqtt_control_status(sm_mqtt_control *control, sm_mqtt_status *status) {
  lock(control);
  *status = control->status;
  unlock(control);
}
