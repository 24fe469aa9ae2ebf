/* The publisher and the sender against a real mosquitto on a free loopback port. */
#include "sim/publisher.h"

#include "base/clock.h"
#include "sim/sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000 };

/* A broker in a folder of its own, which keeps its queues over a restart. */
typedef struct broker {
  char folder[32];
  char config[64];
  uint16_t port;
  pid_t pid;
} broker;

static uint16_t free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  assert_int_equal(close(fd), 0);
  return ntohs(address.sin_port);
}

static void start_broker(broker *b) {
  b->pid = fork();
  assert_true(b->pid >= 0);
  if (b->pid > 0) return;
  (void)execlp("mosquitto", "mosquitto", "-c", b->config, (char *)NULL);
  (void)execl("/usr/sbin/mosquitto", "mosquitto", "-c", b->config, (char *)NULL);
  (void)fprintf(stderr, "cannot start mosquitto (%s): install the package\n", strerror(errno));
  _exit(127);
}

static void stop_broker(broker *b, int signal_number) {
  assert_int_equal(kill(b->pid, signal_number), 0);
  assert_int_equal(waitpid(b->pid, NULL, 0), b->pid);
}

static void make_broker(broker *b) {
  (void)snprintf(b->folder, sizeof b->folder, "/tmp/sm-broker-XXXXXX");
  assert_non_null(mkdtemp(b->folder));
  b->port = free_port();
  (void)snprintf(b->config, sizeof b->config, "%s/conf", b->folder);
  FILE *file = fopen(b->config, "w");
  assert_non_null(file);
  (void)fprintf(file,
                "listener %u 127.0.0.1\nallow_anonymous true\npersistence true\n"
                "persistence_location %s/\nautosave_interval 1\nautosave_on_changes true\n"
                "max_inflight_messages 0\nmax_queued_messages 0\nlog_dest none\n",
                (unsigned)b->port, b->folder);
  /* Started as root it would become another user, who may not write here. */
  if (geteuid() == 0) (void)fprintf(file, "user root\n");
  assert_int_equal(fclose(file), 0);
  start_broker(b);
}

static void remove_broker(broker *b) {
  char database[64];
  stop_broker(b, SIGTERM);
  (void)snprintf(database, sizeof database, "%s/mosquitto.db", b->folder);
  (void)unlink(database);
  (void)unlink(b->config);
  (void)rmdir(b->folder);
}

/* Everything that a durable QoS 1 subscriber gets, as "topic payload". */
typedef struct listener {
  struct mosquitto *client;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool subscribed;
  bool done;
  char **messages;
  size_t count;
  size_t cap;
} listener;

static void on_connect(struct mosquitto *client, void *context, int code) {
  (void)context;
  if (code == 0) (void)mosquitto_subscribe(client, NULL, "meters/#", 1);
}

static void on_subscribe(struct mosquitto *client, void *context, int mid, int count,
                         const int *granted) {
  (void)client;
  (void)mid;
  (void)count;
  (void)granted;
  listener *l = context;
  (void)pthread_mutex_lock(&l->lock);
  l->subscribed = true;
  (void)pthread_cond_broadcast(&l->changed);
  (void)pthread_mutex_unlock(&l->lock);
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message) {
  (void)client;
  listener *l = context;
  size_t topic_len = strlen(message->topic);
  char *text = malloc(topic_len + (size_t)message->payloadlen + 2);
  if (text == NULL) abort();
  memcpy(text, message->topic, topic_len);
  text[topic_len] = ' ';
  memcpy(text + topic_len + 1, message->payload, (size_t)message->payloadlen);
  text[topic_len + 1 + (size_t)message->payloadlen] = '\0';
  (void)pthread_mutex_lock(&l->lock);
  if (l->count == l->cap) {
    l->cap = l->cap == 0 ? 1024 : l->cap * 2;
    char **grown = realloc(l->messages, l->cap * sizeof *grown);
    if (grown == NULL) abort();
    l->messages = grown;
  }
  l->messages[l->count++] = text;
  (void)pthread_cond_broadcast(&l->changed);
  (void)pthread_mutex_unlock(&l->lock);
}

static bool is_done(listener *l) {
  (void)pthread_mutex_lock(&l->lock);
  bool done = l->done;
  (void)pthread_mutex_unlock(&l->lock);
  return done;
}

static void *listen_on(void *context) {
  listener *l = context;
  while (!is_done(l))
    if (mosquitto_loop(l->client, 50, 1) != MOSQ_ERR_SUCCESS &&
        mosquitto_reconnect(l->client) != MOSQ_ERR_SUCCESS)
      (void)poll(NULL, 0, 20); /* the broker is away */
  return NULL;
}

static struct timespec patience_ends(void) {
  struct timespec end;
  (void)clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += PATIENCE_MS / 1000;
  return end;
}

static void start_listener(listener *l, uint16_t port) {
  *l = (listener){0};
  assert_int_equal(pthread_mutex_init(&l->lock, NULL), 0);
  assert_int_equal(pthread_cond_init(&l->changed, NULL), 0);
  l->client = mosquitto_new("listener", false, l);
  assert_non_null(l->client);
  mosquitto_connect_callback_set(l->client, on_connect);
  mosquitto_subscribe_callback_set(l->client, on_subscribe);
  mosquitto_message_callback_set(l->client, on_message);
  (void)mosquitto_connect(l->client, "127.0.0.1", port, 30);
  assert_int_equal(pthread_create(&l->thread, NULL, listen_on, l), 0);
  struct timespec end = patience_ends();
  (void)pthread_mutex_lock(&l->lock);
  while (!l->subscribed && pthread_cond_timedwait(&l->changed, &l->lock, &end) == 0) continue;
  bool subscribed = l->subscribed;
  (void)pthread_mutex_unlock(&l->lock);
  assert_true(subscribed);
}

static bool has_text(const listener *l, const char *text) {
  for (size_t i = l->count; i-- > 0;)
    if (strcmp(l->messages[i], text) == 0) return true;
  return false;
}

/* Waits until a message has come. */
static void await_text(listener *l, const char *text) {
  struct timespec end = patience_ends();
  (void)pthread_mutex_lock(&l->lock);
  while (!has_text(l, text) && pthread_cond_timedwait(&l->changed, &l->lock, &end) == 0) continue;
  bool came = has_text(l, text);
  (void)pthread_mutex_unlock(&l->lock);
  assert_true(came);
}

/* What has come so far; the caller frees the list, not the texts. */
static char **come_so_far(listener *l, size_t *count) {
  (void)pthread_mutex_lock(&l->lock);
  *count = l->count;
  char **copy = calloc(l->count + 1, sizeof *copy);
  if (copy != NULL && l->count > 0) memcpy(copy, l->messages, l->count * sizeof *copy);
  (void)pthread_mutex_unlock(&l->lock);
  assert_non_null(copy);
  return copy;
}

static void stop_listener(listener *l) {
  (void)pthread_mutex_lock(&l->lock);
  l->done = true;
  (void)pthread_mutex_unlock(&l->lock);
  (void)pthread_join(l->thread, NULL);
  mosquitto_destroy(l->client);
  for (size_t i = 0; i < l->count; i++) free(l->messages[i]);
  free(l->messages);
  (void)pthread_cond_destroy(&l->changed);
  (void)pthread_mutex_destroy(&l->lock);
}

/* One broker, one listener, one zone for each test. */
typedef struct fixture {
  broker broker;
  listener listener;
  sm_zone *zone;
  sm_sim_fleet fleet;
  sm_sim_publisher *publisher;
  volatile sig_atomic_t stop;
  bool restarted;
  uint64_t restart_after; /* readings; 0: never */
  int64_t sent_until_s;
  size_t checkpoints;
} fixture;

static int64_t instant_s(const char *text) {
  int64_t ms;
  assert_int_equal(sm_rfc3339_parse(text, strlen(text), &ms), SM_OK);
  return ms / 1000;
}

static sm_sim_publisher_options options_for(fixture *f) {
  static char host[] = "127.0.0.1";
  sm_sim_publisher_options options = {.url = {.host = host, .port = f->broker.port},
                                      .first_timeout_ms = PATIENCE_MS,
                                      .stop = &f->stop};
  return options;
}

static void connect_publisher(fixture *f) {
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_sim_publisher_options options = options_for(f);
  assert_int_equal(sm_sim_publisher_new(&options, &problem, &f->publisher), SM_OK);
  sm_buf_fini(&problem);
}

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  make_broker(&f->broker);
  connect_publisher(f); /* waits for the broker */
  start_listener(&f->listener, f->broker.port);
  assert_int_equal(sm_zone_new("Asia/Kolkata", &f->zone), SM_OK);
  assert_int_equal(
      sm_sim_fleet_init(&f->fleet, 1, 4, "t-", f->zone, instant_s("2026-01-01T00:00:00Z")), SM_OK);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  sm_sim_publisher_free(f->publisher);
  stop_listener(&f->listener);
  sm_sim_fleet_fini(&f->fleet);
  sm_zone_free(f->zone);
  remove_broker(&f->broker);
  free(f);
  return 0;
}

/* What the listener is to get of a stretch, in the order of sending: "topic payload". */
typedef struct expectation {
  char **texts;
  size_t count;
} expectation;

static expectation expect_messages(const fixture *f, const sm_sim_sender_options *o) {
  enum { CAP = 20000 };
  expectation out = {.texts = calloc(CAP, sizeof(char *))};
  assert_non_null(out.texts);
  sm_buf payload;
  sm_buf_init(&payload, 0);
  sm_sim_limits limits = {.readings = o->readings_max, .bytes = 122880};
  int64_t step_s = (int64_t)o->readings_max * o->coarse_interval_s;
  for (int64_t at = o->from_s; at < o->to_s; at += step_s)
    for (size_t i = 0; i < f->fleet.count; i++) {
      sm_sim_due due;
      int64_t end = at + step_s < o->to_s ? at + step_s : o->to_s;
      sm_sim_due_init(&due, &f->fleet.meters[i], at, end, o->coarse_interval_s);
      for (;;) {
        size_t readings;
        assert_int_equal(sm_sim_message_next(&due, &limits, NULL, &payload, &readings), SM_OK);
        if (readings == 0) break;
        assert_true(out.count < CAP);
        sm_buf text;
        sm_buf_init(&text, 0);
        sm_buf_printf(&text, "meters/%s/telemetry %s", f->fleet.meters[i].device_id,
                      sm_buf_text(&payload));
        out.texts[out.count++] = sm_buf_take(&text);
      }
    }
  sm_buf_fini(&payload);
  return out;
}

static void free_expectation(expectation *e) {
  for (size_t i = 0; i < e->count; i++) free(e->texts[i]);
  free(e->texts);
}

static sm_sim_sender_options history(void) {
  return (sm_sim_sender_options){.from_s = instant_s("2026-01-10T00:00:00Z"),
                                 .to_s = instant_s("2026-01-10T06:00:00Z"),
                                 .coarse_interval_s = 60,
                                 .fine_interval_s = 60,
                                 .readings_max = 1};
}

static void every_reading_arrives_once_and_in_order(void **state) {
  fixture *f = *state;
  static const size_t lengths[] = {1, 100};
  size_t before = 0;
  for (size_t k = 0; k < 2; k++) {
    sm_sim_sender_options options = history();
    options.readings_max = lengths[k];
    sm_sim_sender_stats stats;
    assert_int_equal(sm_sim_sender_run(&f->fleet, f->publisher, &options, &stats), SM_OK);
    assert_int_equal(stats.readings, 4 * 360);
    assert_false(stats.stopped);
    expectation expected = expect_messages(f, &options);
    assert_int_equal(stats.messages, expected.count);
    await_text(&f->listener, expected.texts[expected.count - 1]);
    size_t count;
    char **came = come_so_far(&f->listener, &count);
    assert_int_equal(count - before, expected.count);
    for (size_t i = 0; i < expected.count; i++)
      assert_string_equal(came[before + i], expected.texts[i]);
    before = count;
    free(came);
    free_expectation(&expected);
  }
  sm_sim_publisher_stats sent = sm_sim_publisher_get_stats(f->publisher);
  assert_int_equal(sent.messages, before);
  assert_int_equal(sent.acknowledged, before);
  assert_int_equal(sent.connects, 1);
}

static void restart_in_the_middle(void *context, int64_t from_s, int64_t at_s, int64_t to_s,
                                  uint64_t readings) {
  fixture *f = context;
  (void)from_s;
  (void)at_s;
  (void)to_s;
  if (f->restarted || readings < f->restart_after) return;
  f->restarted = true;
  stop_broker(&f->broker, SIGTERM);
  start_broker(&f->broker);
}

static bool is_among(const char *text, char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(text, texts[i]) == 0) return true;
  return false;
}

static void a_restarted_broker_gets_all_of_it_in_order(void **state) {
  fixture *f = *state;
  sm_sim_sender_options options = history();
  options.progress = restart_in_the_middle;
  options.context = f;
  f->restart_after = 600;
  sm_sim_sender_stats stats;
  assert_int_equal(sm_sim_sender_run(&f->fleet, f->publisher, &options, &stats), SM_OK);
  assert_true(f->restarted);
  expectation expected = expect_messages(f, &options);
  await_text(&f->listener, expected.texts[expected.count - 1]);
  /* At least once: what was on its way at the restart may come twice. */
  size_t known = 0;
  size_t count;
  char **came = come_so_far(&f->listener, &count);
  for (size_t i = 0; i < count; i++) {
    bool next = known < expected.count && strcmp(came[i], expected.texts[known]) == 0;
    if (next)
      known++;
    else
      assert_true(is_among(came[i], expected.texts, known));
  }
  free(came);
  assert_int_equal(known, expected.count);
  assert_int_equal(sm_sim_publisher_get_stats(f->publisher).connects, 2);
  free_expectation(&expected);
}

static sm_err note_checkpoint(void *context, int64_t sent_until_s) {
  fixture *f = context;
  f->sent_until_s = sent_until_s;
  f->checkpoints++;
  return SM_OK;
}

static void stop_in_the_middle(void *context, int64_t from_s, int64_t at_s, int64_t to_s,
                               uint64_t readings) {
  fixture *f = context;
  (void)from_s;
  (void)at_s;
  (void)to_s;
  if (readings >= 1000) f->stop = 1;
}

static void a_stopped_run_remembers_what_was_acknowledged(void **state) {
  fixture *f = *state;
  sm_sim_sender_options options = history();
  options.readings_max = 50;
  options.checkpoint = note_checkpoint;
  options.progress = stop_in_the_middle;
  options.context = f;
  sm_sim_sender_stats stats;
  assert_int_equal(sm_sim_sender_run(&f->fleet, f->publisher, &options, &stats), SM_OK);
  assert_true(stats.stopped);
  assert_int_equal(f->checkpoints, 1);
  /* Four meters and fifty readings a round: the fifth round made it 1000. */
  assert_int_equal(stats.readings, 1000);
  assert_int_equal(f->sent_until_s, options.from_s + (int64_t)5 * 50 * 60);
  sm_sim_publisher_stats sent = sm_sim_publisher_get_stats(f->publisher);
  assert_int_equal(sent.acknowledged, sent.messages);
}

/* Stops the live run once it has caught up with the clock it was told about. */
static sm_err stop_when_caught_up(void *context, int64_t sent_until_s) {
  fixture *f = context;
  f->sent_until_s = sent_until_s;
  f->stop = 1;
  return SM_OK;
}

static size_t count_of(char *const *texts, size_t count, const char *beginning) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) found += strncmp(texts[i], beginning, strlen(beginning)) == 0;
  return found;
}

static void live_says_who_is_there_and_sends_each_reading_by_itself(void **state) {
  fixture *f = *state;
  int64_t from_s = sm_sim_grid_s(sm_clock_now_ms() / 1000 - INT64_C(2) * 86400, 10);
  /* Two days at 20,000 times the speed: the first checkpoint, after 3 s, falls in their middle. */
  sm_sim_sender_options options = {.from_s = from_s,
                                   .to_s = SM_SIM_NEVER,
                                   .live = true,
                                   .coarse_interval_s = 600,
                                   .fine_interval_s = 600,
                                   .readings_max = 500,
                                   .speed = 20000,
                                   .checkpoint = stop_when_caught_up,
                                   .context = f};
  sm_sim_sender_stats stats;
  assert_int_equal(sm_sim_sender_run(&f->fleet, f->publisher, &options, &stats), SM_OK);
  assert_true(stats.stopped);
  assert_true(stats.readings >= 40);
  assert_int_equal(stats.messages, stats.readings);
  await_text(&f->listener, "meters/t-004/status offline");
  size_t count;
  char **came = come_so_far(&f->listener, &count);
  assert_string_equal(came[0], "meters/t-001/status online");
  assert_int_equal(count_of(came, count, "meters/t-001/status online"), 1);
  assert_int_equal(count_of(came, count, "meters/t-004/status online"), 1);
  assert_int_equal(count_of(came, count, "meters/t-004/telemetry {"), stats.readings / 4);
  free(came);
}

static void a_missing_broker_is_told_with_the_fix(void **state) {
  fixture *f = *state;
  sm_sim_publisher_options options = options_for(f);
  options.url.port = free_port();
  options.first_timeout_ms = 300;
  sm_buf problem;
  sm_buf_init(&problem, 0);
  sm_sim_publisher *none = NULL;
  assert_int_equal(sm_sim_publisher_new(&options, &problem, &none), SM_ERR_TIMEOUT);
  assert_null(none);
  assert_non_null(strstr(sm_buf_text(&problem), "SMARTMETER_MQTT_URL"));
  sm_buf_clear(&problem);
  f->stop = 1;
  options.first_timeout_ms = PATIENCE_MS;
  assert_int_equal(sm_sim_publisher_new(&options, &problem, &none), SM_ERR_CLOSED);
  f->stop = 0;
  sm_buf_clear(&problem);
  options.url.tls = true;
  options.ca_file = "/nonexistent/ca.pem";
  assert_int_equal(sm_sim_publisher_new(&options, &problem, &none), SM_ERR_IO);
  sm_buf_fini(&problem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_reading_arrives_once_and_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(a_restarted_broker_gets_all_of_it_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(a_stopped_run_remembers_what_was_acknowledged, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(live_says_who_is_there_and_sends_each_reading_by_itself,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(a_missing_broker_is_told_with_the_fix, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
