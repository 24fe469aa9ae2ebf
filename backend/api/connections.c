#include "api/connections.h"

#include "base/clock.h"
#include "base/steady.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

struct sm_connection {
  int socket;
  atomic_int_fast64_t deadline_ms; /* steady clock; INT64_MAX: none */
  sm_connection *next;
  sm_connection *previous;
};

struct sm_connections {
  pthread_mutex_t lock; /* guards the list, and every socket in it against being closed */
  pthread_cond_t ended;
  bool stop;
  sm_connection *first;
  uint32_t tick_ms;
  atomic_uint_fast64_t *cut;
  pthread_t thread;
};

static void cut_late(sm_connections *connections) {
  int64_t now = sm_clock_steady_ms();
  for (sm_connection *c = connections->first; c != NULL; c = c->next) {
    if (atomic_load(&c->deadline_ms) > now) continue;
    atomic_store(&c->deadline_ms, INT64_MAX);
    (void)shutdown(c->socket, SHUT_RDWR);
    atomic_fetch_add(connections->cut, 1);
  }
}

static void *watch(void *context) {
  sm_connections *connections = context;
  (void)pthread_mutex_lock(&connections->lock);
  while (!connections->stop) {
    const struct timespec until = sm_steady_after(connections->tick_ms);
    (void)pthread_cond_timedwait(&connections->ended, &connections->lock, &until);
    cut_late(connections);
  }
  (void)pthread_mutex_unlock(&connections->lock);
  return NULL;
}

sm_err sm_connections_new(uint32_t tick_ms, atomic_uint_fast64_t *cut,
                          sm_connections **connections) {
  sm_connections *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->tick_ms = tick_ms;
  out->cut = cut;
  (void)pthread_mutex_init(&out->lock, NULL);
  (void)sm_steady_cond_init(&out->ended);
  if (pthread_create(&out->thread, NULL, watch, out) != 0) {
    (void)pthread_cond_destroy(&out->ended);
    (void)pthread_mutex_destroy(&out->lock);
    free(out);
    return SM_ERR_INTERNAL;
  }
  *connections = out;
  return SM_OK;
}

void sm_connections_free(sm_connections *connections) {
  if (connections == NULL) return;
  (void)pthread_mutex_lock(&connections->lock);
  connections->stop = true;
  (void)pthread_cond_signal(&connections->ended);
  (void)pthread_mutex_unlock(&connections->lock);
  (void)pthread_join(connections->thread, NULL);
  (void)pthread_cond_destroy(&connections->ended);
  (void)pthread_mutex_destroy(&connections->lock);
  free(connections);
}

sm_connection *sm_connections_add(sm_connections *connections, int socket, uint32_t timeout_ms) {
  sm_connection *out = calloc(1, sizeof *out);
  if (out == NULL) return NULL;
  out->socket = socket;
  sm_connection_allow(out, timeout_ms);
  (void)pthread_mutex_lock(&connections->lock);
  out->next = connections->first;
  if (out->next != NULL) out->next->previous = out;
  connections->first = out;
  (void)pthread_mutex_unlock(&connections->lock);
  return out;
}

void sm_connections_remove(sm_connections *connections, sm_connection *connection) {
  if (connection == NULL) return;
  (void)pthread_mutex_lock(&connections->lock);
  if (connection->previous != NULL)
    connection->previous->next = connection->next;
  else
    connections->first = connection->next;
  if (connection->next != NULL) connection->next->previous = connection->previous;
  (void)pthread_mutex_unlock(&connections->lock);
  free(connection);
}

void sm_connection_allow(sm_connection *connection, uint32_t timeout_ms) {
  if (connection == NULL) return;
  atomic_store(&connection->deadline_ms,
               timeout_ms == 0 ? INT64_MAX : sm_clock_steady_ms() + timeout_ms);
}
