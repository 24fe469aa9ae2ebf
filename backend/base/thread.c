#include "base/thread.h"

#include <signal.h>

sm_err sm_thread_start(pthread_t *thread, void *(*run)(void *context), void *context) {
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(thread, NULL, run, context);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed == 0 ? SM_OK : SM_ERR_NOMEM;
}
