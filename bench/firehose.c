/* Sends a fleet's readings as fast as they are taken, with a window of messages that are not yet
 * acknowledged, and says what that cost the process that took them.
 *
 * As a broker (--port) it speaks MQTT 3.1.1 to the subscriber under test directly, so that no
 * broker is the limit: it waits for --connections subscribers of telemetry, gives each message to
 * one of them (as a shared subscription does), counts PUBACKs, and acknowledges and hands on what
 * they publish. A CONNECT of MQTT 5 is answered as a 3.1.1 broker does, so that the subscriber
 * falls back.
 *
 * As meters (--connect) it publishes the same messages to a broker over --connections connections.
 */
#include "arguments.h"
#include "clocks.h"
#include "peer.h"
#include "source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 32, WINDOW_MAX = 30000 };

typedef enum phase { WAITING, WARMING, RUNNING, OVER } phase;

typedef struct hose {
  /* options */
  uint64_t port;         /* listen, or */
  uint64_t connect_port; /* connect */
  uint64_t connections;
  uint64_t steps;
  uint64_t skip;
  uint64_t per_message;
  uint64_t window;
  const char *usage;
  uint64_t pid; /* of it; 0: not measured */
  bool warm;
  bool seq;
  bench_plan plan;

  int listener;
  bench_peer peer[PEERS_MAX];
  size_t peers; /* places in use in `peer`, some of them closed */
  size_t turn;  /* whose turn it is */
  phase phase;
  bench_source *source;
  bench_group group;
  bool exhausted;
  char payload[BENCH_PER_MESSAGE_MAX * (BENCH_TEXT_MAX + 1) + 2];

  uint64_t messages;
  uint64_t readings;
  uint64_t bytes;
  uint64_t published_back;
  int64_t wall_ns;
  int64_t cpu_ns;
  int64_t cpu_before_ns;
} hose;

static _Noreturn void fail(const char *what) {
  (void)fprintf(stderr, "bench_firehose: %s%s%s\n", what, errno != 0 ? ": " : "",
                errno != 0 ? strerror(errno) : "");
  exit(1);
}

static void read_arguments(int argc, char **argv, hose *h) {
  uint64_t devices = 1000;
  uint64_t first = 1;
  uint64_t start_s = 0;
  uint64_t interval_s = 10;
  bool calm = false;
  h->plan.seed = 1;
  h->connections = 1;
  h->steps = 1000;
  h->per_message = 1;
  h->window = 8000;
  const bench_argument arguments[] = {
      {"--port", "be a broker on this port of loopback", .number = &h->port},
      {"--connect", "be meters of the broker on this port of loopback", .number = &h->connect_port},
      {"--connections", "how many to wait for, or to make", .number = &h->connections},
      {"--devices", "how many meters", .number = &devices},
      {"--first", "number of the first meter", .number = &first},
      {"--start", "time of the first reading, seconds since 1970", .number = &start_s},
      {"--interval", "seconds between readings", .number = &interval_s},
      {"--steps", "readings of each meter that are measured", .number = &h->steps},
      {"--skip", "readings of each meter, before those, that are left out", .number = &h->skip},
      {"--warm", "send one more reading of each meter first, unmeasured", .flag = &h->warm},
      {"--per-message", "readings a message; over 1, as an array", .number = &h->per_message},
      {"--seq", "readings have seq, epoch and seq_first", .flag = &h->seq},
      {"--window", "messages under way on a connection", .number = &h->window},
      {"--calm", "quiet data instead of noisy", .flag = &calm},
      {"--seed", "of the data", .number = &h->plan.seed},
      {"--usage", "file of bench_usage: the process whose CPU time is measured", .text = &h->usage},
  };
  bench_arguments_read(argc, argv,
                       "bench_firehose: sends readings over MQTT as fast as they are taken",
                       arguments, sizeof arguments / sizeof arguments[0]);
  if ((h->port == 0) == (h->connect_port == 0)) fail("one of --port and --connect is needed");
  if (start_s == 0 || interval_s == 0 || devices == 0)
    fail("--start, --interval, --devices: not 0");
  if (h->connections == 0 || h->connections > PEERS_MAX) fail("--connections is 1 to 32");
  if (h->per_message == 0 || h->per_message > BENCH_PER_MESSAGE_MAX)
    fail("--per-message is 1 to 500");
  if (h->window == 0 || h->window > WINDOW_MAX) fail("--window is 1 to 30000");
  h->plan.noise = calm ? BENCH_CALM : BENCH_NOISY;
  h->plan.devices = (uint32_t)devices;
  h->plan.first_no = (uint32_t)first;
  h->plan.start_ms = (int64_t)start_s * 1000;
  h->plan.interval_s = (uint32_t)interval_s;
}

/* ---- connections ---- */

static void set_up_socket(int fd) {
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail("cannot set up a socket");
}

static struct sockaddr_in loopback(uint64_t port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static void start_listening(hose *h) {
  int on = 1;
  struct sockaddr_in at = loopback(h->port);
  h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (h->listener < 0) fail("cannot make a socket");
  (void)setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(h->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(h->listener, 16) != 0)
    fail("cannot listen");
}

static void accept_peer(hose *h) {
  int fd = accept(h->listener, NULL, NULL);
  if (fd < 0) return;
  set_up_socket(fd);
  size_t place = 0;
  while (place < h->peers && h->peer[place].fd >= 0) place++;
  if (place == PEERS_MAX) fail("too many connections");
  if (place == h->peers) h->peers++;
  bench_peer_open(&h->peer[place], fd);
}

static void connect_peers(hose *h) {
  struct sockaddr_in at = loopback(h->connect_port);
  for (uint64_t i = 0; i < h->connections; i++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) fail("cannot connect");
    set_up_socket(fd);
    bench_peer *peer = &h->peer[h->peers++];
    bench_peer_open(peer, fd);
    /* MQTT 3.1.1, clean session, no keepalive, client id "bench-NN". */
    uint8_t body[] = {0, 4, 'M', 'Q', 'T', 'T', 4,   2,   0, 0,
                      0, 8, 'b', 'e', 'n', 'c', 'h', '-', 0, 0};
    body[18] = (uint8_t)('0' + i / 10);
    body[19] = (uint8_t)('0' + i % 10);
    bench_peer_put(peer, BENCH_CONNECT << 4, body, sizeof body);
  }
}

/* A connection that ends while it owes acknowledgements spoils the measurement; others may go, as
 * the first try of a subscriber that falls back to 3.1.1 does. */
static void drop_peer(bench_peer *peer) {
  errno = 0;
  if (peer->in_flight > 0) fail("the connection was lost with messages under way");
  bench_peer_close(peer);
}

/* ---- what packets cause ---- */

static void on_connect(bench_peer *peer, const bench_packet *packet) {
  static const uint8_t welcome[] = {0, 0};
  static const uint8_t unsupported_version[] = {0, 1};
  bool known = packet->len >= 7 && memcmp(packet->body, "\0\4MQTT\4", 7) == 0;
  bench_peer_put(peer, BENCH_CONNACK << 4, known ? welcome : unsupported_version, 2);
  peer->greeted = known;
  if (known) return;
  (void)bench_peer_write(peer);
  drop_peer(peer);
}

static void on_connack(bench_peer *peer, const bench_packet *packet) {
  errno = 0;
  if (packet->len < 2 || packet->body[1] != 0) fail("the broker refused the connection");
  peer->greeted = true;
}

/* What a subscriber publishes goes to the subscribers that want it: one of them, as with a shared
 * subscription. */
static void on_publish(hose *h, bench_peer *from, const bench_packet *packet) {
  bench_publish publish;
  bench_publish_read(packet, &publish);
  h->published_back++;
  if (publish.qos == 1) {
    const uint8_t id[2] = {(uint8_t)(publish.id >> 8), (uint8_t)publish.id};
    bench_peer_put(from, BENCH_PUBACK << 4, id, sizeof id);
  }
  for (size_t i = 0; i < h->peers; i++) {
    bench_peer *peer = &h->peer[(h->turn + i) % h->peers];
    if (peer->fd < 0 || !bench_peer_wants(peer, publish.topic)) continue;
    bench_peer_publish(peer, publish.topic, publish.payload, publish.payload_len);
    return;
  }
}

static void on_packet(hose *h, bench_peer *peer, const bench_packet *packet) {
  switch (packet->type) {
  case BENCH_CONNECT:
    on_connect(peer, packet);
    break;
  case BENCH_CONNACK:
    on_connack(peer, packet);
    break;
  case BENCH_PUBLISH:
    on_publish(h, peer, packet);
    break;
  case BENCH_PUBACK:
    bench_peer_acked(peer, packet);
    break;
  case BENCH_SUBSCRIBE:
    bench_peer_subscribe(peer, packet);
    break;
  case BENCH_UNSUBSCRIBE:
    bench_peer_unsubscribe(peer, packet);
    break;
  case BENCH_PINGREQ:
    bench_peer_put(peer, BENCH_PINGRESP << 4, NULL, 0);
    break;
  case BENCH_DISCONNECT:
    drop_peer(peer);
    break;
  default:
    bench_peer_breach("a packet that has no place here");
  }
}

static void receive(hose *h, bench_peer *peer) {
  bench_packet packet;
  bool open = bench_peer_read(peer);
  while (peer->fd >= 0 && bench_peer_packet(peer, &packet)) on_packet(h, peer, &packet);
  if (peer->fd >= 0 && !open) drop_peer(peer);
}

/* ---- what is sent ---- */

static size_t write_payload(hose *h) {
  const bench_group *group = &h->group;
  char *at = h->payload;
  if (h->per_message > 1) *at++ = '[';
  for (uint32_t i = 0; i < group->count; i++) {
    if (i > 0) *at++ = ',';
    at += bench_write_json(at, group->no, &group->reading[i], h->seq ? group->seq + i : 0);
  }
  if (h->per_message > 1) *at++ = ']';
  return (size_t)(at - h->payload);
}

static void send_next(hose *h, bench_peer *peer) {
  if (!bench_source_next(h->source, &h->group)) {
    h->exhausted = true;
    return;
  }
  char topic[64] = "meters/";
  size_t len = 7 + bench_write_id(topic + 7, h->group.no);
  (void)snprintf(topic + len, sizeof topic - len, "/telemetry");
  size_t payload_len = write_payload(h);
  bench_peer_publish(peer, topic, h->payload, payload_len);
  if (h->phase != RUNNING) return;
  h->messages++;
  h->readings += h->group.count;
  h->bytes += payload_len;
}

static bool serves(const hose *h, const bench_peer *peer) {
  if (peer->fd < 0 || !peer->greeted) return false;
  return h->connect_port != 0 || bench_peer_wants(peer, "meters/meter-000001/telemetry");
}

static void feed(hose *h) {
  if (h->phase != WARMING && h->phase != RUNNING) return;
  for (size_t i = 0; i < h->peers; i++) {
    bench_peer *peer = &h->peer[i];
    if (!serves(h, peer)) continue;
    h->turn = i;
    while (!h->exhausted && peer->in_flight < h->window && bench_peer_unsent(peer) < BENCH_OUT_HIGH)
      send_next(h, peer);
  }
}

/* ---- phases ---- */

static size_t serving(const hose *h) {
  size_t count = 0;
  for (size_t i = 0; i < h->peers; i++) count += serves(h, &h->peer[i]) ? 1 : 0;
  return count;
}

static bool all_acked(const hose *h) {
  for (size_t i = 0; i < h->peers; i++)
    if (h->peer[i].in_flight > 0) return false;
  return true;
}

static void start_running(hose *h) {
  h->phase = RUNNING;
  h->exhausted = false;
  bench_source_run(h->source, h->steps, (uint32_t)h->per_message);
  h->pid = bench_pid_of(h->usage);
  h->wall_ns = bench_wall_ns();
  h->cpu_before_ns = bench_cpu_ns(h->pid);
}

static void next_phase(hose *h) {
  if (h->phase == WAITING && serving(h) == h->connections && all_acked(h)) {
    h->phase = WARMING;
    h->exhausted = !h->warm;
    if (h->warm) bench_source_run(h->source, 1, 1);
  }
  if (h->phase == WARMING && h->exhausted && all_acked(h)) start_running(h);
  if (h->phase == RUNNING && h->exhausted && all_acked(h)) {
    h->cpu_ns = bench_cpu_ns(h->pid) - h->cpu_before_ns;
    h->wall_ns = bench_wall_ns() - h->wall_ns;
    h->phase = OVER;
  }
}

/* ---- the loop ---- */

static void flush_peer(bench_peer *peer) {
  if (peer->fd >= 0 && bench_peer_unsent(peer) > 0 && !bench_peer_write(peer)) drop_peer(peer);
}

static void wait_and_receive(hose *h) {
  struct pollfd polled[PEERS_MAX + 1];
  size_t peers = h->peers;
  for (size_t i = 0; i < peers; i++) {
    bool unsent = bench_peer_unsent(&h->peer[i]) > 0;
    polled[i] =
        (struct pollfd){.fd = h->peer[i].fd, .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
  }
  polled[peers] = (struct pollfd){.fd = h->listener, .events = POLLIN};
  if (poll(polled, peers + 1, -1) < 0 && errno != EINTR) fail("poll");
  for (size_t i = 0; i < peers; i++)
    if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive(h, &h->peer[i]);
  if ((polled[peers].revents & POLLIN) != 0) accept_peer(h);
}

/* A phase without anything to send is over at once: nothing would come that could wake us. */
static void advance(hose *h) {
  phase before;
  do {
    before = h->phase;
    next_phase(h);
    feed(h);
    next_phase(h);
  } while (h->phase != before);
}

static void run(hose *h) {
  for (;;) {
    advance(h);
    if (h->phase == OVER) return;
    for (size_t i = 0; i < h->peers; i++) flush_peer(&h->peer[i]);
    wait_and_receive(h);
  }
}

static void skip_steps(hose *h) {
  bench_source_run(h->source, h->skip, 1);
  while (bench_source_next(h->source, &h->group)) continue;
}

static void print_results(const hose *h) {
  uint64_t out_of_order = 0;
  for (size_t i = 0; i < h->peers; i++) out_of_order += h->peer[i].out_of_order;
  (void)printf("messages=%llu\nreadings=%llu\nbytes=%llu\nwall_us=%lld\ncpu_us=%lld\n"
               "cpu_before_us=%lld\npublished_back=%llu\nout_of_order=%llu\n",
               (unsigned long long)h->messages, (unsigned long long)h->readings,
               (unsigned long long)h->bytes, (long long)(h->wall_ns / 1000),
               (long long)(h->cpu_ns / 1000), (long long)(h->cpu_before_ns / 1000),
               (unsigned long long)h->published_back, (unsigned long long)out_of_order);
}

int main(int argc, char **argv) {
  static hose h;
  h.listener = -1;
  (void)signal(SIGPIPE, SIG_IGN);
  read_arguments(argc, argv, &h);
  h.source = bench_source_new(&h.plan);
  if (h.source == NULL) fail("out of memory");
  skip_steps(&h);
  if (h.port != 0)
    start_listening(&h);
  else
    connect_peers(&h);
  run(&h);
  print_results(&h);
  for (size_t i = 0; i < h.peers; i++) bench_peer_close(&h.peer[i]);
  bench_source_free(h.source);
  return 0;
}
