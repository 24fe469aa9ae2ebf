#include "api/gate.h"

#include "base/steady.h"

void sm_gate_init(sm_gate *gate, unsigned most, uint32_t wait_ms) {
  (void)pthread_mutex_init(&gate->lock, NULL);
  (void)sm_steady_cond_init(&gate->left);
  gate->inside = 0;
  gate->most = most;
  gate->wait_ms = wait_ms;
}

void sm_gate_fini(sm_gate *gate) {
  (void)pthread_cond_destroy(&gate->left);
  (void)pthread_mutex_destroy(&gate->lock);
}

bool sm_gate_enter(sm_gate *gate) {
  const struct timespec until = sm_steady_after(gate->wait_ms);
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
