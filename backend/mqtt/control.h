/* What the subscriber's thread shares with all others: being asked to stop, whether it may call the
 * owner's functions, and the status. */
#ifndef SM_MQTT_CONTROL_H
#define SM_MQTT_CONTROL_H

#include "mqtt/reason.h"
#include "mqtt/subscriber.h"

#include <pthread.h>

/* Counters of the subscriber's thread; others see them after each `leave`. */
typedef struct sm_mqtt_counts {
  uint64_t messages;
  uint64_t acknowledged;
  uint64_t commits;
  uint64_t connects;
  uint64_t unusable;
  uint64_t publishes_refused;
  sm_mqtt_version version;
} sm_mqtt_counts;

typedef struct sm_mqtt_control {
  int wake_fd;           /* readable from the ask to stop until the next start */
  sm_mqtt_counts counts; /* the subscriber's thread only */

  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t changed;
  bool running;   /* the thread has begun and not ended */
  bool stopping;  /* it is asked to end */
  bool busy;      /* it may be in the owner's functions */
  bool abandoned; /* the owner waits no longer: its functions must not be called any more */
  bool orphaned;  /* the thread frees the subscriber when it ends */
  int64_t stop_deadline_ms;
  sm_mqtt_status status;
} sm_mqtt_control;

SM_MUST_CHECK sm_err sm_mqtt_control_init(sm_mqtt_control *control); /* SM_ERR_IO: no descriptor */
void sm_mqtt_control_fini(sm_mqtt_control *control);

/* ---- the subscriber's thread ---- */

/* Between enter and leave the owner's functions may be called. False: they must not, end now. */
bool sm_mqtt_control_enter(sm_mqtt_control *control);
void sm_mqtt_control_leave(sm_mqtt_control *control); /* publishes the counts */
bool sm_mqtt_control_stopping(sm_mqtt_control *control);
int64_t sm_mqtt_control_stop_deadline_ms(sm_mqtt_control *control);
void sm_mqtt_control_set_state(sm_mqtt_control *control, sm_mqtt_state state, const char *reason);
/* Sleeps, at most until a stop is asked for. */
void sm_mqtt_control_sleep(sm_mqtt_control *control, int64_t timeout_ms);
/* The thread's last act. True: the subscriber is its to free. */
bool sm_mqtt_control_end(sm_mqtt_control *control);

/* ---- other threads ---- */

/* SM_ERR_BUSY: there is a thread already. */
SM_MUST_CHECK sm_err sm_mqtt_control_begin(sm_mqtt_control *control);
typedef enum sm_mqtt_stopped {
  SM_MQTT_THREAD_NONE,   /* there was no thread */
  SM_MQTT_THREAD_ENDED,  /* the thread has ended: join it */
  SM_MQTT_THREAD_QUIET,  /* it still runs, but will not call the owner's functions any more */
  SM_MQTT_THREAD_IN_CALL /* it still runs one of the owner's functions, and will call no other */
} sm_mqtt_stopped;
sm_mqtt_stopped sm_mqtt_control_stop(sm_mqtt_control *control, uint32_t timeout_ms);
/* Leaves the subscriber to its thread if that still runs; false if it does not. */
bool sm_mqtt_control_orphan(sm_mqtt_control *control);
void sm_mqtt_control_status(sm_mqtt_control *control, sm_mqtt_status *status);

#endif
