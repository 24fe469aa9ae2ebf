/* Beginning a thread of this program. */
#ifndef SM_BASE_THREAD_H
#define SM_BASE_THREAD_H

#include "base/err.h"

#include <pthread.h>

/* It has every signal blocked, as have those that it begins: signals are the main thread's
 * business, and a library may write to a socket without MSG_NOSIGNAL. SM_ERR_NOMEM: there is no
 * thread. */
SM_MUST_CHECK sm_err sm_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
