/* For tests: a sink that keeps copies of what it takes and does at commit what a test tells it to,
 * and a subscriber around it. Waiting functions fail the test when what they wait for does not
 * happen within 20 s. */
#ifndef SM_MQTT_TEST_SINK_H
#define SM_MQTT_TEST_SINK_H

#include "mqtt/subscriber.h"

#include <pthread.h>

typedef struct test_message {
  char *topic; /* copies with a NUL behind them */
  char *payload;
  size_t payload_len;
  size_t payload_len_sent;
  bool truncated;
  bool retained;
  uint8_t qos;
  const char *borrowed; /* the payload as handed in, to see that it stays until the commit */
} test_message;

typedef struct test_sink {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  sm_mqtt_subscriber *subscriber;
  test_message *messages;
  size_t taken;
  size_t committed;          /* of those taken */
  size_t tries;              /* calls of commit */
  sm_err result;             /* what commit returns */
  bool hold;                 /* commit waits until this is false */
  bool holding;              /* it does */
  bool spoilt;               /* a borrowed payload had changed before its commit */
  const char *publish_topic; /* commit publishes "n" (committed so far) under this; NULL: nothing */
  sm_err published;          /* what that returned last */
  const char *say_topic;     /* what is said unasked, once: `say`, to be retained under this */
  const char *say;
  size_t said;     /* times that something was said */
  size_t answered; /* of these the broker has answered */
  sm_mqtt_sent last;
} test_sink;

/* options->url and the like are the test's; the client id and filter "meters/#" are filled in where
 * missing. The subscriber is started. */
void test_sink_start(test_sink *sink, const sm_mqtt_options *options);
/* Stops and frees the subscriber, if there still is one. */
void test_sink_stop(test_sink *sink);
void test_sink_fini(test_sink *sink); /* stops first */

void test_sink_set_result(test_sink *sink, sm_err result);
void test_sink_set_hold(test_sink *sink, bool hold);
void test_sink_await_taken(test_sink *sink, size_t count);
void test_sink_await_committed(test_sink *sink, size_t count);
void test_sink_await_tries(test_sink *sink, size_t more); /* this many more from now on */
void test_sink_await_holding(test_sink *sink);
size_t test_sink_taken(test_sink *sink);
/* Commit publishes "n" under this topic from now on. */
void test_sink_set_publish(test_sink *sink, const char *topic);
sm_err test_sink_published(test_sink *sink);
/* Says this unasked, retained, and waits until the broker has answered. */
void test_sink_say(test_sink *sink, const char *topic, const char *payload);
/* Message i; fails the test if there is none. */
test_message test_sink_message(test_sink *sink, size_t i);
/* Message i with this topic and payload, else the test fails. */
void test_sink_assert_message(test_sink *sink, size_t i, const char *topic, const char *payload);

void test_await_state(test_sink *sink, sm_mqtt_state state);
void test_await_reason(test_sink *sink, const char *part); /* of the status' reason */
void test_await_acknowledged(test_sink *sink, uint64_t count);
sm_mqtt_status test_status(test_sink *sink);

#endif
