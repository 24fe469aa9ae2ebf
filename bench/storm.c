/* How long meters wait for their acknowledgement while others storm the server: publishes readings
 * with `seq` by MQTT at a steady rate, of many meters in turn, listens to their `ack` topics, and
 * prints the middle, the 99th percentile and the longest of the times from publishing a reading to
 * the ack that covers it, and how many never had one. Both ends are in this process, so one clock
 * is read. */
#include "arguments.h"
#include "clocks.h"
#include "data.h"

#include <mosquitto.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNDER_WAY = 256, TIMES_MAX = 2000000, SETTLE_S = 20 };

typedef struct meter {
  uint32_t sent; /* the last seq */
  uint32_t acked;
  int64_t sent_ns[UNDER_WAY]; /* of seq, at seq % UNDER_WAY */
} meter;

typedef struct bench {
  uint64_t mqtt_port;
  uint64_t meters;
  uint64_t rate;
  uint64_t seconds;
  uint64_t epoch;
  meter *meter;
  struct mosquitto *client;
  uint64_t published;
  bool listening;
  bool counting;
  int64_t *times_ns;
  size_t time_count;
} bench;

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_storm: %s: %s\n", what, why);
  exit(1);
}

static void on_subscribe(struct mosquitto *client, void *context, int id, int count,
                         const int *granted) {
  (void)client;
  (void)id;
  if (count != 1 || granted[0] != 1) fail("meters/+/ack", "not granted");
  ((bench *)context)->listening = true;
}

static uint64_t number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  if (at == NULL) fail("an ack", text);
  return strtoull(at + strlen(key) + strspn(at + strlen(key), " :"), NULL, 10);
}

static void on_ack(struct mosquitto *client, void *context,
                   const struct mosquitto_message *message) {
  bench *b = context;
  char text[128];
  (void)client;
  (void)snprintf(text, sizeof text, "%.*s", message->payloadlen, (const char *)message->payload);
  uint64_t no = strtoull(message->topic + strlen("meters/meter-"), NULL, 10);
  if (no == 0 || no > b->meters || number_after(text, "\"epoch\"") != b->epoch) return;
  meter *m = &b->meter[no - 1];
  uint64_t upto = number_after(text, "\"seq\"");
  int64_t now = bench_wall_ns();
  for (; m->acked < upto && m->acked < m->sent; m->acked++)
    if (b->counting && b->time_count < TIMES_MAX && m->sent_ns[(m->acked + 1) % UNDER_WAY] != 0)
      b->times_ns[b->time_count++] = now - m->sent_ns[(m->acked + 1) % UNDER_WAY];
}

static void publish(bench *b) {
  char topic[64];
  char text[BENCH_TEXT_MAX];
  char id[BENCH_ID_LEN + 1];
  char at[32];
  uint32_t no = (uint32_t)(b->published % b->meters);
  meter *m = &b->meter[no];
  id[bench_write_id(id, no + 1)] = '\0';
  struct timespec wall;
  struct tm t;
  (void)clock_gettime(CLOCK_REALTIME, &wall);
  (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", gmtime_r(&wall.tv_sec, &t));
  m->sent++;
  int len = snprintf(text, sizeof text,
                     "{\"device_id\":\"%s\",\"timestamp\":\"%s.%03dZ\",\"voltage\":230.4,"
                     "\"current\":1,\"power_w\":230,\"energy_kwh\":%u.%03u,\"epoch\":%llu,"
                     "\"seq\":%u,\"seq_first\":1}",
                     id, at, (int)(wall.tv_nsec / 1000000), m->sent / 1000, m->sent % 1000,
                     (unsigned long long)b->epoch, m->sent);
  (void)snprintf(topic, sizeof topic, "meters/%s/telemetry", id);
  /* What was sent before the counting began is not counted when it is acknowledged. */
  m->sent_ns[m->sent % UNDER_WAY] = b->counting ? bench_wall_ns() : 0;
  if (mosquitto_publish(b->client, NULL, topic, len, text, 1, false) != 0)
    fail("mosquitto", "cannot publish");
  b->published++;
}

static bool all_acked(const bench *b) {
  for (uint64_t i = 0; i < b->meters; i++)
    if (b->meter[i].acked < b->meter[i].sent) return false;
  return true;
}

static void turn(bench *b) {
  if (mosquitto_loop(b->client, 1, 100) != 0) fail("mosquitto", "the connection was lost");
}

static void settle(bench *b) {
  int64_t end_ns = bench_wall_ns() + SETTLE_S * INT64_C(1000000000);
  while (!all_acked(b) && bench_wall_ns() < end_ns) turn(b);
}

/* One of each meter first, which makes it known. */
static void send_all(bench *b) {
  for (uint64_t i = 0; i < b->meters; i++) publish(b);
  settle(b);
  if (!all_acked(b)) fail("the first readings", "were not acknowledged");
  b->counting = true;
  uint64_t before = b->published;
  uint64_t wanted = b->rate * b->seconds;
  int64_t begun_ns = bench_wall_ns();
  while (b->published - before < wanted) {
    uint64_t due = (uint64_t)(bench_wall_ns() - begun_ns) * b->rate / 1000000000;
    while (b->published - before < due && b->published - before < wanted) publish(b);
    turn(b);
  }
  settle(b);
  b->published -= before;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void print(bench *b) {
  if (b->time_count == 0) fail("readings", "none was acknowledged");
  qsort(b->times_ns, b->time_count, sizeof *b->times_ns, by_value);
  (void)printf("published=%llu\nacked=%zu\np50_us=%lld\np99_us=%lld\nmax_us=%lld\n",
               (unsigned long long)b->published, b->time_count,
               (long long)(b->times_ns[b->time_count / 2] / 1000),
               (long long)(b->times_ns[b->time_count * 99 / 100] / 1000),
               (long long)(b->times_ns[b->time_count - 1] / 1000));
}

static void read_arguments(int argc, char **argv, bench *b) {
  b->meters = 500;
  b->rate = 100;
  b->seconds = 30;
  const bench_argument arguments[] = {
      {"--mqtt-port", "of the broker's plain listener", .number = &b->mqtt_port},
      {"--meters", "that send in turn", .number = &b->meters},
      {"--rate", "readings a second, of all together", .number = &b->rate},
      {"--seconds", "how long", .number = &b->seconds},
  };
  bench_arguments_read(argc, argv, "bench_storm: measures how long meters wait for their acks",
                       arguments, sizeof arguments / sizeof arguments[0]);
  if (b->mqtt_port == 0) fail("--mqtt-port", "is needed");
  if (b->meters == 0 || b->rate * b->seconds > TIMES_MAX) fail("--meters, --rate", "not so");
}

int main(int argc, char **argv) {
  bench b = {.mqtt_port = 0};
  read_arguments(argc, argv, &b);
  b.epoch = (uint64_t)time(NULL);
  b.meter = calloc(b.meters, sizeof *b.meter);
  b.times_ns = malloc(TIMES_MAX * sizeof *b.times_ns);
  (void)mosquitto_lib_init();
  b.client = mosquitto_new(NULL, true, &b);
  if (b.meter == NULL || b.times_ns == NULL || b.client == NULL) fail("start", "no resources");
  mosquitto_subscribe_callback_set(b.client, on_subscribe);
  mosquitto_message_callback_set(b.client, on_ack);
  if (mosquitto_connect(b.client, "127.0.0.1", (int)b.mqtt_port, 60) != 0 ||
      mosquitto_subscribe(b.client, NULL, "meters/+/ack", 1) != 0)
    fail("mosquitto", "cannot connect");
  while (!b.listening) turn(&b);
  send_all(&b);
  print(&b);
  mosquitto_destroy(b.client);
  free(b.meter);
  free(b.times_ns);
  return 0;
}
