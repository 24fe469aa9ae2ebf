#include "mqtt/test_sink.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, MESSAGES_MAX = 100000 };

/* ---- the sink, on the subscriber's thread (where a cmocka assertion must not be) ---- */

static char *copy(const char *bytes, size_t len) {
  char *text = malloc(len + 1);
  if (text == NULL) abort();
  if (len > 0) memcpy(text, bytes, len);
  text[len] = '\0';
  return text;
}

static void take(void *context, const sm_mqtt_message *message) {
  test_sink *sink = context;
  (void)pthread_mutex_lock(&sink->lock);
  if (sink->taken == MESSAGES_MAX) abort();
  sink->messages[sink->taken++] = (test_message){
      .topic = copy(message->topic, message->topic_len),
      .payload = copy(message->payload, message->payload_len),
      .payload_len = message->payload_len,
      .payload_len_sent = message->payload_len_sent,
      .truncated = message->truncated,
      .retained = message->retained,
      .qos = message->qos,
      .borrowed = message->payload,
  };
  (void)pthread_cond_broadcast(&sink->changed);
  (void)pthread_mutex_unlock(&sink->lock);
}

static void check_borrowed(test_sink *sink) {
  for (size_t i = sink->committed; i < sink->taken; i++) {
    const test_message *m = &sink->messages[i];
    if (memcmp(m->borrowed, m->payload, m->payload_len) != 0) sink->spoilt = true;
  }
}

static sm_err commit(void *context) {
  test_sink *sink = context;
  (void)pthread_mutex_lock(&sink->lock);
  sink->tries++;
  sink->holding = sink->hold;
  (void)pthread_cond_broadcast(&sink->changed);
  while (sink->hold) (void)pthread_cond_wait(&sink->changed, &sink->lock);
  sink->holding = false;
  check_borrowed(sink);
  sm_err result = sink->result;
  if (sink->publish_topic != NULL)
    sink->published = sm_mqtt_subscriber_publish(sink->subscriber, sink->publish_topic, "n", 1);
  if (result == SM_OK) sink->committed = sink->taken;
  (void)pthread_cond_broadcast(&sink->changed);
  (void)pthread_mutex_unlock(&sink->lock);
  return result;
}

static void speak(void *context) {
  test_sink *sink = context;
  (void)pthread_mutex_lock(&sink->lock);
  sm_mqtt_sent answered = sm_mqtt_subscriber_answered(sink->subscriber);
  if (sink->said > sink->answered && answered.connection == sink->last.connection &&
      answered.number >= sink->last.number)
    sink->answered = sink->said;
  if (sink->say_topic != NULL &&
      sm_mqtt_subscriber_retain(sink->subscriber, sink->say_topic, sink->say, strlen(sink->say),
                                &sink->last) == SM_OK) {
    sink->say_topic = NULL;
    sink->said++;
  }
  (void)pthread_cond_broadcast(&sink->changed);
  (void)pthread_mutex_unlock(&sink->lock);
}

/* ---- life ---- */

void test_sink_start(test_sink *sink, const sm_mqtt_options *options) {
  static const char *const filters[] = {"meters/#"};
  *sink = (test_sink){.result = SM_OK};
  sink->messages = calloc(MESSAGES_MAX, sizeof *sink->messages);
  assert_non_null(sink->messages);
  pthread_condattr_t steady;
  assert_int_equal(pthread_condattr_init(&steady), 0);
  assert_int_equal(pthread_condattr_setclock(&steady, CLOCK_MONOTONIC), 0);
  assert_int_equal(pthread_cond_init(&sink->changed, &steady), 0);
  (void)pthread_condattr_destroy(&steady);
  assert_int_equal(pthread_mutex_init(&sink->lock, NULL), 0);
  sm_mqtt_options all = *options;
  if (all.client_id == NULL) all.client_id = "server";
  if (all.filters == NULL) {
    all.filters = filters;
    all.filter_count = 1;
  }
  sm_mqtt_sink calls = {.context = sink, .take = take, .commit = commit, .speak = speak};
  assert_int_equal(sm_mqtt_subscriber_new(&all, &calls, &sink->subscriber), SM_OK);
  assert_int_equal(sm_mqtt_subscriber_start(sink->subscriber), SM_OK);
}

void test_sink_stop(test_sink *sink) {
  if (sink->subscriber == NULL) return;
  assert_true(sm_mqtt_subscriber_stop(sink->subscriber, PATIENCE_MS));
  sm_mqtt_subscriber_free(sink->subscriber);
  sink->subscriber = NULL;
}

void test_sink_fini(test_sink *sink) {
  test_sink_stop(sink);
  assert_false(sink->spoilt);
  for (size_t i = 0; i < sink->taken; i++) {
    free(sink->messages[i].topic);
    free(sink->messages[i].payload);
  }
  free(sink->messages);
  (void)pthread_mutex_destroy(&sink->lock);
  (void)pthread_cond_destroy(&sink->changed);
}

/* ---- telling and waiting, on the test's thread ---- */

void test_sink_set_result(test_sink *sink, sm_err result) {
  (void)pthread_mutex_lock(&sink->lock);
  sink->result = result;
  (void)pthread_mutex_unlock(&sink->lock);
}

void test_sink_set_hold(test_sink *sink, bool hold) {
  (void)pthread_mutex_lock(&sink->lock);
  sink->hold = hold;
  (void)pthread_cond_broadcast(&sink->changed);
  (void)pthread_mutex_unlock(&sink->lock);
}

/* Waits until *counter has reached `wanted`. */
static void await_count(test_sink *sink, const size_t *counter, size_t wanted, const char *what) {
  int64_t end_ms = sm_clock_steady_ms() + PATIENCE_MS;
  struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
  (void)pthread_mutex_lock(&sink->lock);
  int waited = 0;
  while (*counter < wanted && waited == 0)
    waited = pthread_cond_timedwait(&sink->changed, &sink->lock, &end);
  size_t got = *counter;
  (void)pthread_mutex_unlock(&sink->lock);
  if (got < wanted) fail_msg("%zu of %zu messages %s", got, wanted, what);
}

void test_sink_await_taken(test_sink *sink, size_t count) {
  await_count(sink, &sink->taken, count, "taken");
}

void test_sink_await_committed(test_sink *sink, size_t count) {
  await_count(sink, &sink->committed, count, "committed");
}

void test_sink_await_tries(test_sink *sink, size_t more) {
  (void)pthread_mutex_lock(&sink->lock);
  size_t wanted = sink->tries + more;
  (void)pthread_mutex_unlock(&sink->lock);
  await_count(sink, &sink->tries, wanted, "tried");
}

void test_sink_await_holding(test_sink *sink) {
  (void)pthread_mutex_lock(&sink->lock);
  while (!sink->holding) (void)pthread_cond_wait(&sink->changed, &sink->lock);
  (void)pthread_mutex_unlock(&sink->lock);
}

size_t test_sink_taken(test_sink *sink) {
  (void)pthread_mutex_lock(&sink->lock);
  size_t taken = sink->taken;
  (void)pthread_mutex_unlock(&sink->lock);
  return taken;
}

void test_sink_set_publish(test_sink *sink, const char *topic) {
  (void)pthread_mutex_lock(&sink->lock);
  sink->publish_topic = topic;
  (void)pthread_mutex_unlock(&sink->lock);
}

void test_sink_say(test_sink *sink, const char *topic, const char *payload) {
  (void)pthread_mutex_lock(&sink->lock);
  size_t wanted = sink->said + 1;
  sink->say = payload;
  sink->say_topic = topic;
  (void)pthread_mutex_unlock(&sink->lock);
  await_count(sink, &sink->answered, wanted, "answered");
}

sm_err test_sink_published(test_sink *sink) {
  (void)pthread_mutex_lock(&sink->lock);
  sm_err published = sink->published;
  (void)pthread_mutex_unlock(&sink->lock);
  return published;
}

test_message test_sink_message(test_sink *sink, size_t i) {
  (void)pthread_mutex_lock(&sink->lock);
  bool there = i < sink->taken;
  test_message message = there ? sink->messages[i] : (test_message){0};
  (void)pthread_mutex_unlock(&sink->lock);
  assert_true(there);
  return message;
}

void test_sink_assert_message(test_sink *sink, size_t i, const char *topic, const char *payload) {
  test_message message = test_sink_message(sink, i);
  assert_string_equal(message.topic, topic);
  assert_string_equal(message.payload, payload);
}

/* ---- the status, which can only be asked for ---- */

sm_mqtt_status test_status(test_sink *sink) {
  sm_mqtt_status status;
  sm_mqtt_subscriber_status(sink->subscriber, &status);
  return status;
}

typedef struct wish {
  int state; /* -1: any */
  const char *reason;
  uint64_t acknowledged;
} wish;

static void await_status(test_sink *sink, wish wanted) {
  int64_t end_ms = sm_clock_steady_ms() + PATIENCE_MS;
  for (;;) {
    sm_mqtt_status status = test_status(sink);
    bool state = wanted.state < 0 || (int)status.state == wanted.state;
    bool reason = wanted.reason == NULL || strstr(status.reason, wanted.reason) != NULL;
    if (state && reason && status.acknowledged >= wanted.acknowledged) return;
    if (sm_clock_steady_ms() > end_ms)
      fail_msg("state %d, \"%s\", %llu acknowledged; wanted %d, \"%s\", %llu", (int)status.state,
               status.reason, (unsigned long long)status.acknowledged, wanted.state,
               wanted.reason ? wanted.reason : "", (unsigned long long)wanted.acknowledged);
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

void test_await_state(test_sink *sink, sm_mqtt_state state) {
  await_status(sink, (wish){.state = (int)state});
}

void test_await_reason(test_sink *sink, const char *part) {
  await_status(sink, (wish){.state = -1, .reason = part});
}

void test_await_acknowledged(test_sink *sink, uint64_t count) {
  await_status(sink, (wish){.state = -1, .acknowledged = count});
}
