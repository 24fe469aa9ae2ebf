#include "invoicing/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct sm_crew {
  pthread_t thread[SM_CREW_MAX];
  size_t thread_count;

  pthread_mutex_t lock; /* guards all below */
  pthread_cond_t begun;
  pthread_cond_t ended;
  void (*each)(void *context, size_t index);
  void *context;
  size_t next; /* to be taken */
  size_t count;
  size_t done;
  bool stop;
};

static void *work(void *argument) {
  sm_crew *crew = argument;
  (void)pthread_mutex_lock(&crew->lock);
  while (!crew->stop) {
    if (crew->next == crew->count) {
      (void)pthread_cond_wait(&crew->begun, &crew->lock);
      continue;
    }
    size_t index = crew->next++;
    (void)pthread_mutex_unlock(&crew->lock);
    crew->each(crew->context, index);
    (void)pthread_mutex_lock(&crew->lock);
    crew->done++;
    if (crew->done == crew->count) (void)pthread_cond_signal(&crew->ended);
  }
  (void)pthread_mutex_unlock(&crew->lock);
  return NULL;
}

/* What signals the program waits for are for its own threads. */
static void start_threads(sm_crew *crew, size_t threads) {
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  while (crew->thread_count < threads &&
         pthread_create(&crew->thread[crew->thread_count], NULL, work, crew) == 0)
    crew->thread_count++;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

sm_err sm_crew_new(size_t threads, sm_crew **crew) {
  sm_crew *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  (void)pthread_mutex_init(&out->lock, NULL);
  (void)pthread_cond_init(&out->begun, NULL);
  (void)pthread_cond_init(&out->ended, NULL);
  start_threads(out, threads < SM_CREW_MAX ? threads : SM_CREW_MAX);
  if (out->thread_count == 0) {
    sm_crew_free(out);
    return SM_ERR_NOMEM;
  }
  *crew = out;
  return SM_OK;
}

void sm_crew_start(sm_crew *crew, void (*each)(void *context, size_t index), void *context,
                   size_t count) {
  (void)pthread_mutex_lock(&crew->lock);
  crew->each = each;
  crew->context = context;
  crew->next = 0;
  crew->done = 0;
  crew->count = count;
  (void)pthread_cond_broadcast(&crew->begun);
  (void)pthread_mutex_unlock(&crew->lock);
}

void sm_crew_wait(sm_crew *crew) {
  (void)pthread_mutex_lock(&crew->lock);
  while (crew->done < crew->count) (void)pthread_cond_wait(&crew->ended, &crew->lock);
  (void)pthread_mutex_unlock(&crew->lock);
}

void sm_crew_free(sm_crew *crew) {
  if (crew == NULL) return;
  sm_crew_wait(crew);
  (void)pthread_mutex_lock(&crew->lock);
  crew->stop = true;
  (void)pthread_cond_broadcast(&crew->begun);
  (void)pthread_mutex_unlock(&crew->lock);
  for (size_t i = 0; i < crew->thread_count; i++) (void)pthread_join(crew->thread[i], NULL);
  (void)pthread_cond_destroy(&crew->begun);
  (void)pthread_cond_destroy(&crew->ended);
  (void)pthread_mutex_destroy(&crew->lock);
  free(crew);
}
