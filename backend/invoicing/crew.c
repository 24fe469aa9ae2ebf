#include "invoicing/crew.h"

#include "base/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { NICE = 10 };

struct sm_crew {
  pthread_t thread[SM_CREW_MAX];
  size_t thread_count;

  pthread_mutex_t lock; /* guards all below, and the jobs */
  pthread_cond_t begun;
  pthread_cond_t ended;
  sm_crew_job *first; /* with something to be taken */
  sm_crew_job *last;
  size_t open; /* jobs that are not done */
  bool stop;
};

/* The next thing of the first job; the job is out of the queue when its last one is taken. */
static sm_crew_job *take(sm_crew *crew, size_t *index) {
  sm_crew_job *job = crew->first;
  *index = job->next++;
  if (job->next < job->count) return job;
  crew->first = job->behind;
  if (crew->first == NULL) crew->last = NULL;
  return job;
}

static void *work(void *argument) {
  sm_crew *crew = argument;
  /* This thread alone, on Linux. Its owner does what nobody else may, and all wait for it. */
  (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
  (void)pthread_mutex_lock(&crew->lock);
  while (!crew->stop) {
    if (crew->first == NULL) {
      (void)pthread_cond_wait(&crew->begun, &crew->lock);
      continue;
    }
    size_t index;
    sm_crew_job *job = take(crew, &index);
    (void)pthread_mutex_unlock(&crew->lock);
    job->each(job->context, index);
    (void)pthread_mutex_lock(&crew->lock);
    if (++job->done < job->count) continue;
    crew->open--; /* the job may be gone from here on */
    (void)pthread_cond_signal(&crew->ended);
  }
  (void)pthread_mutex_unlock(&crew->lock);
  return NULL;
}

static void start_threads(sm_crew *crew, size_t threads) {
  while (crew->thread_count < threads &&
         sm_thread_start(&crew->thread[crew->thread_count], work, crew) == SM_OK)
    crew->thread_count++;
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

void sm_crew_give(sm_crew *crew, sm_crew_job *job) {
  if (job->count == 0) return;
  (void)pthread_mutex_lock(&crew->lock);
  if (crew->last != NULL)
    crew->last->behind = job;
  else
    crew->first = job;
  crew->last = job;
  crew->open++;
  (void)pthread_cond_broadcast(&crew->begun);
  (void)pthread_mutex_unlock(&crew->lock);
}

void sm_crew_wait(sm_crew *crew, sm_crew_job *job) {
  (void)pthread_mutex_lock(&crew->lock);
  while (job->done < job->count) (void)pthread_cond_wait(&crew->ended, &crew->lock);
  (void)pthread_mutex_unlock(&crew->lock);
}

void sm_crew_free(sm_crew *crew) {
  if (crew == NULL) return;
  (void)pthread_mutex_lock(&crew->lock);
  while (crew->open > 0) (void)pthread_cond_wait(&crew->ended, &crew->lock);
  (void)pthread_mutex_unlock(&crew->lock);
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
