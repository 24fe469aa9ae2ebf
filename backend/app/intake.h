/* One broker connection's way in: the subscriber's sink. `take` only remembers where a message
 * lies; `commit` judges the messages, stores what they came to in slices, and tells meters that
 * send seq how far they may forget. All that can fail is in `commit`, which the subscriber calls
 * again until it succeeds, so nothing is acknowledged before it is durable; a slice that is durable
 * is not judged again.
 *
 * Memory is bounded whatever is sent: messages stay in the subscriber's buffer, and of what they
 * came to no more is held at a time than a slice and one message (500 elements). One thread an
 * intake. */
#ifndef SM_APP_INTAKE_H
#define SM_APP_INTAKE_H

#include "app/pipeline.h"
#include "base/err.h"
#include "mqtt/subscriber.h"

typedef struct sm_intake sm_intake;

/* Queues a message to a meter at the connection that the batch came from, within a commit only; as
 * sm_mqtt_subscriber_publish. */
typedef sm_err (*sm_intake_publish)(void *context, const char *topic, const void *payload,
                                    size_t len);

/* The pipeline is borrowed. `publish` NULL: meters are not acknowledged. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_intake_new(sm_pipeline *pipeline, sm_intake_publish publish, void *context,
                                   sm_intake **intake);
void sm_intake_free(sm_intake *intake); /* NULL is fine */

/* What the subscriber is given; borrows the intake. */
/* Who may speak over its connection (sm_mqtt_sink); before sm_intake_sink. */
void sm_intake_speak_by(sm_intake *intake, void (*say)(void *context), void *context);
sm_mqtt_sink sm_intake_sink(sm_intake *intake);

#endif
