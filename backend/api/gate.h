/* A gate that lets at most so many through at once. A burst of quick queries waits a moment; when
 * the ones inside are slow, the rest are turned away, since a queue of wide queries would only make
 * all of them late. Any number of threads. */
#ifndef SM_API_GATE_H
#define SM_API_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sm_gate {
  pthread_mutex_t lock;
  pthread_cond_t left;
  unsigned inside;
  unsigned most;
  uint32_t wait_ms;
} sm_gate;

void sm_gate_init(sm_gate *gate, unsigned most, uint32_t wait_ms);
void sm_gate_fini(sm_gate *gate);
/* False: it is full and stayed so for wait_ms. */
bool sm_gate_enter(sm_gate *gate);
void sm_gate_leave(sm_gate *gate);

#endif
