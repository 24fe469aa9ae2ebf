#include "api/gate.h"

#include <time.h>

void sm_gate_init(sm_gate *gate, unsigned most, uint32_t wait_ms) {
  pthread_condattr_t attributes;
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&gate->lock, NULL);
  (void)pthread_cond_init(&gate->left, &attributes);
  (void)pthread_condattr_destroy(&attributes);
  gate->inside = 0;
  gate->most = most;
  gate->wait_ms = wait_ms;
}

void sm_gate_fini(sm_gate *gate) {
  (void)pthread_cond_destroy(&gate->left);
  (void)pthread_mutex_destroy(&gate->lock);
}

bool sm_gate_enter(sm_gate *gate) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + (int64_t)gate->wait_ms * 1000000;
  until.tv_sec += (time_t)(ns / 1000000000);
  until.tv_nsec = (long)(ns % 1000000000);
  (void)pthread_mutex_lock(&gate->lock);
  int waited = 0;
  while (gate->inside >= gate->most && waited == 0)
    waited = pthread_cond_timedwait(&gate->left, &gate->lock, &until);
  bool in = gate->inside < gate->most;
  if (in) gate->inside++;
  (void)pthread_mutex_unlock(&gate->lock);
  return in;
}

void sm_gate_leave(sm_gate *gate) {
  (void)pthread_mutex_lock(&gate->lock);
  gate->inside--;
  (void)pthread_cond_signal(&gate->left);
  (void)pthread_mutex_unlock(&gate->lock);
}
