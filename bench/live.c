/* How long a reading takes from the meter's publish to people's screens: opens many WebSockets on
 * /api/live, each of one person for one meter, publishes readings by MQTT at a steady rate, stamped
 * with the moment of sending, and prints the middle, the 99th percentile and the longest of the
 * times until the frames arrive, and how many did. Both ends are in this process, so one clock is
 * read; what it costs to be the clients is in the times. */
#include "arguments.h"
#include "clocks.h"
#include "data.h"

#include <mosquitto.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  OPENING_MAX = 64, /* handshakes at once */
  BUFFER = 8192,
  TOKEN_MAX = 2048,
  TOKENS_MAX = 4096,
  TIMES_MAX = 4000000,
  SETTLE_MS = 3000 /* after the last reading was sent */
};

typedef enum phase { UPGRADING, AWAITS_READY, LISTENING } phase;

typedef struct client {
  int fd;
  phase phase;
  uint32_t meter;
  const char *token;
  size_t len;
  uint8_t bytes[BUFFER];
} client;

typedef struct bench {
  uint64_t http_port;
  uint64_t mqtt_port;
  uint64_t clients;
  uint64_t rate;
  uint64_t seconds;
  const char *tokens_path;

  char *tokens[TOKENS_MAX];
  size_t token_count;
  client *client;
  int epoll_fd;
  size_t opened;
  size_t ready;
  struct mosquitto *publisher;
  uint64_t published;
  int64_t begun_ms; /* readings from then on count */
  int32_t *times_ms;
  size_t time_count;
} bench;

static _Noreturn void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_live: %s: %s\n", what, why);
  exit(1);
}

static int64_t now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- opening ---- */

static void read_tokens(bench *b) {
  FILE *file = fopen(b->tokens_path, "r");
  char line[TOKEN_MAX];
  if (file == NULL) fail(b->tokens_path, strerror(errno));
  while (b->token_count < TOKENS_MAX && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    b->tokens[b->token_count] = strdup(line);
    if (b->tokens[b->token_count++] == NULL) fail("tokens", "out of memory");
  }
  (void)fclose(file);
  if (b->token_count == 0) fail(b->tokens_path, "no tokens");
}

static void send_all(const client *c, const void *bytes, size_t len) {
  if (send(c->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) fail("send", strerror(errno));
}

/* From one of many loopback addresses, as the server lets in only so many of one. */
static void bind_to_own(const bench *b, int fd) {
  enum { EACH = 400 };
  const struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr =
                                       htonl(INADDR_LOOPBACK + 1 + (uint32_t)(b->opened / EACH))};
  if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0) fail("bind", strerror(errno));
}

static void open_one(bench *b, client *c) {
  const struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)b->http_port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  static const char hello[] = "GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket", strerror(errno));
  bind_to_own(b, c->fd);
  if (connect(c->fd, (const struct sockaddr *)&to, sizeof to) != 0)
    fail("connect", strerror(errno));
  send_all(c, hello, sizeof hello - 1);
  if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl", strerror(errno));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) fail("epoll", strerror(errno));
}

/* A masked text frame, as clients must send; a mask of zeros leaves the text as it is. */
static void send_text(const client *c, const char *text, size_t len) {
  uint8_t frame[TOKEN_MAX + 256] = {0x81, 0x80 | 126, (uint8_t)(len >> 8), (uint8_t)len};
  if (len > 0xffff || len > sizeof frame - 8 || len < 126) fail("token", "of no usual length");
  memcpy(frame + 8, text, len);
  send_all(c, frame, len + 8);
}

static void subscribe(client *c) {
  char text[TOKEN_MAX + 128];
  char id[BENCH_TEXT_MAX];
  size_t id_len = bench_write_id(id, c->meter);
  int len = snprintf(text, sizeof text, "{\"token\":\"%s\",\"devices\":[\"%.*s\"]}", c->token,
                     (int)id_len, id);
  send_text(c, text, (size_t)len);
}

/* ---- what comes ---- */

static int two(const char *at) {
  return (at[0] - '0') * 10 + (at[1] - '0');
}

/* ms since 1970 of "YYYY-MM-DDTHH:MM:SS[.mmm]Z". */
static int64_t instant_of(const char *at) {
  struct tm t = {.tm_year = two(at) * 100 + two(at + 2) - 1900,
                 .tm_mon = two(at + 5) - 1,
                 .tm_mday = two(at + 8),
                 .tm_hour = two(at + 11),
                 .tm_min = two(at + 14),
                 .tm_sec = two(at + 17)};
  int64_t ms = (int64_t)timegm(&t) * 1000;
  for (int i = 0, unit = 100; at[19] == '.' && i < 3 && at[20 + i] != 'Z'; i++, unit /= 10)
    ms += (at[20 + i] - '0') * unit;
  return ms;
}

static void on_reading(bench *b, const char *text, size_t len) {
  static const char key[] = "\"timestamp\":\"";
  const char *at = memmem(text, len, key, sizeof key - 1);
  if (at == NULL) fail("frame", "without a timestamp");
  int64_t sent_ms = instant_of(at + sizeof key - 1);
  if (b->begun_ms == 0 || sent_ms < b->begun_ms || b->time_count == TIMES_MAX) return;
  b->times_ms[b->time_count++] = (int32_t)(now_ms() - sent_ms);
}

static void on_text(bench *b, client *c, const char *text, size_t len) {
  if (memmem(text, len, "\"type\":\"reading\"", 16) != NULL) {
    on_reading(b, text, len);
  } else if (c->phase == AWAITS_READY && memmem(text, len, "\"type\":\"ready\"", 14) != NULL) {
    c->phase = LISTENING;
    b->ready++;
  }
}

/* Bytes of one whole frame at the beginning, 0 if it is not all there. */
static size_t take_frame(bench *b, client *c) {
  if (c->len < 2) return 0;
  size_t head = 2;
  size_t len = c->bytes[1] & 0x7f;
  if (len == 126) {
    head = 4;
    if (c->len < head) return 0;
    len = (size_t)c->bytes[2] << 8 | c->bytes[3];
  }
  if (head + len > BUFFER) fail("frame", "too large");
  if (c->len < head + len) return 0;
  unsigned opcode = c->bytes[0] & 0x0fU;
  if (opcode == 8) fail("the server closed a connection", (const char *)c->bytes + head + 2);
  if (opcode == 1) on_text(b, c, (const char *)c->bytes + head, len);
  if (opcode == 9) { /* a ping: the same back */
    uint8_t pong[6 + 125] = {0x8a, (uint8_t)(0x80 | len)};
    memcpy(pong + 6, c->bytes + head, len);
    send_all(c, pong, len + 6);
  }
  return head + len;
}

static size_t take_upgrade(client *c) {
  const char *end = memmem(c->bytes, c->len, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (memcmp(c->bytes, "HTTP/1.1 101", 12) != 0) fail("no WebSocket", (const char *)c->bytes);
  c->phase = AWAITS_READY;
  subscribe(c);
  return (size_t)(end - (const char *)c->bytes) + 4;
}

static void on_readable(bench *b, client *c) {
  ssize_t got = recv(c->fd, c->bytes + c->len, BUFFER - c->len, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN)) fail("a connection", "was lost");
  if (got > 0) c->len += (size_t)got;
  for (;;) {
    size_t used = c->phase == UPGRADING ? take_upgrade(c) : take_frame(b, c);
    if (used == 0) return;
    memmove(c->bytes, c->bytes + used, c->len - used);
    c->len -= used;
  }
}

static void serve(bench *b, int timeout_ms) {
  struct epoll_event events[512];
  int n = epoll_wait(b->epoll_fd, events, 512, timeout_ms);
  for (int i = 0; i < n; i++) on_readable(b, events[i].data.ptr);
}

static void open_all(bench *b) {
  b->client = calloc(b->clients, sizeof *b->client);
  if (b->client == NULL) fail("clients", "out of memory");
  while (b->ready < b->clients) {
    for (; b->opened < b->clients && b->opened - b->ready < OPENING_MAX; b->opened++) {
      client *c = &b->client[b->opened];
      c->meter = (uint32_t)b->opened + 1;
      c->token = b->tokens[b->opened % b->token_count];
      open_one(b, c);
    }
    serve(b, 1000);
  }
}

/* ---- publishing ---- */

static void publish(bench *b, bench_meter *meters) {
  char topic[64];
  char text[BENCH_TEXT_MAX];
  char id[BENCH_TEXT_MAX];
  uint32_t no = (uint32_t)(b->published % b->clients);
  size_t id_len = bench_write_id(id, no + 1);
  bench_reading reading;
  bench_meter_next(&meters[no], now_ms(), 10, &reading);
  char at[32];
  int64_t ms = now_ms();
  time_t second = (time_t)(ms / 1000);
  struct tm t;
  (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &t));
  int len = snprintf(text, sizeof text,
                     "{\"device_id\":\"%.*s\",\"timestamp\":\"%s.%03dZ\",\"voltage\":230.4,"
                     "\"current\":1,\"power_w\":230,\"energy_kwh\":%u.%03u}",
                     (int)id_len, id, at, (int)(ms % 1000), reading.energy_wh / 1000,
                     reading.energy_wh % 1000);
  (void)snprintf(topic, sizeof topic, "meters/%.*s/telemetry", (int)id_len, id);
  if (mosquitto_publish(b->publisher, NULL, topic, len, text, 1, false) != 0)
    fail("mosquitto", "cannot publish");
  b->published++;
}

static void publish_all(bench *b) {
  bench_meter *meters = calloc(b->clients, sizeof *meters);
  if (meters == NULL) fail("meters", "out of memory");
  for (uint32_t i = 0; i < b->clients; i++) bench_meter_init(&meters[i], 1, i + 1, BENCH_CALM);
  int64_t begun_ns = bench_wall_ns();
  b->begun_ms = now_ms();
  uint64_t wanted = b->rate * b->seconds;
  while (b->published < wanted) {
    uint64_t due = (uint64_t)(bench_wall_ns() - begun_ns) * b->rate / 1000000000;
    while (b->published < due && b->published < wanted) publish(b, meters);
    (void)mosquitto_loop(b->publisher, 0, 100);
    serve(b, 1);
  }
  int64_t end_ms = now_ms() + SETTLE_MS;
  while (b->time_count < b->published && now_ms() < end_ms) {
    (void)mosquitto_loop(b->publisher, 0, 100);
    serve(b, 1);
  }
  free(meters);
}

static int by_value(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a;
  int32_t y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static void print(bench *b) {
  if (b->time_count == 0) fail("readings", "none arrived");
  qsort(b->times_ms, b->time_count, sizeof *b->times_ms, by_value);
  (void)printf("clients=%llu\npublished=%llu\narrived=%zu\np50_ms=%d\np99_ms=%d\nmax_ms=%d\n",
               (unsigned long long)b->clients, (unsigned long long)b->published, b->time_count,
               b->times_ms[b->time_count / 2], b->times_ms[b->time_count * 99 / 100],
               b->times_ms[b->time_count - 1]);
}

static void read_arguments(int argc, char **argv, bench *b) {
  b->clients = 10000;
  b->rate = 1000;
  b->seconds = 20;
  const bench_argument arguments[] = {
      {"--http-port", "of the server", .number = &b->http_port},
      {"--mqtt-port", "of the broker's plain listener", .number = &b->mqtt_port},
      {"--tokens", "file of access tokens, one a line, used in turn", .text = &b->tokens_path},
      {"--clients", "WebSockets, each for a meter of its own", .number = &b->clients},
      {"--rate", "readings a second", .number = &b->rate},
      {"--seconds", "how long", .number = &b->seconds},
  };
  bench_arguments_read(argc, argv, "bench_live: measures readings on their way to browsers",
                       arguments, sizeof arguments / sizeof arguments[0]);
  if (b->http_port == 0 || b->mqtt_port == 0 || b->tokens_path == NULL)
    fail("--http-port, --mqtt-port, --tokens", "are needed");
  if (b->clients == 0 || b->rate * b->seconds > TIMES_MAX) fail("--clients, --rate", "not so");
}

int main(int argc, char **argv) {
  bench b = {.http_port = 0};
  read_arguments(argc, argv, &b);
  read_tokens(&b);
  b.times_ms = malloc(TIMES_MAX * sizeof *b.times_ms);
  b.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  (void)mosquitto_lib_init();
  b.publisher = mosquitto_new(NULL, true, NULL);
  if (b.times_ms == NULL || b.epoll_fd < 0 || b.publisher == NULL) fail("start", "no resources");
  if (mosquitto_connect(b.publisher, "127.0.0.1", (int)b.mqtt_port, 60) != 0)
    fail("mosquitto", "cannot connect");
  open_all(&b);
  publish_all(&b);
  print(&b);
  mosquitto_destroy(b.publisher);
  return 0;
}
