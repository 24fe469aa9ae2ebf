#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

_Noreturn void bench_peer_breach(const char *what) {
  (void)fprintf(stderr, "bench_firehose: %s\n", what);
  exit(1);
}

/* ---- buffers ---- */

/* Room for `more` bytes behind the end. */
static void reserve(bench_buffer *b, size_t more) {
  if (b->cap - b->end >= more) return;
  if (b->start > 0) {
    memmove(b->data, b->data + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
  }
  if (b->cap - b->end >= more) return;
  size_t cap = b->end + more + BENCH_OUT_HIGH;
  uint8_t *data = realloc(b->data, cap);
  if (data == NULL) bench_peer_breach("out of memory");
  b->data = data;
  b->cap = cap;
}

static void append(bench_buffer *b, const void *bytes, size_t len) {
  if (len == 0) return;
  reserve(b, len);
  memcpy(b->data + b->end, bytes, len);
  b->end += len;
}

void bench_peer_open(bench_peer *peer, int fd) {
  *peer = (bench_peer){.fd = fd};
}

void bench_peer_close(bench_peer *peer) {
  if (peer->fd >= 0) (void)close(peer->fd);
  free(peer->in.data);
  free(peer->out.data);
  *peer = (bench_peer){.fd = -1};
}

/* True if the call would only have had to wait. */
static bool must_wait(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

bool bench_peer_read(bench_peer *peer) {
  reserve(&peer->in, READ_SIZE);
  ssize_t got = recv(peer->fd, peer->in.data + peer->in.end, READ_SIZE, 0);
  if (got > 0) peer->in.end += (size_t)got;
  return got > 0 || (got < 0 && must_wait());
}

bool bench_peer_write(bench_peer *peer) {
  bench_buffer *b = &peer->out;
  while (b->start < b->end) {
    ssize_t sent = send(peer->fd, b->data + b->start, b->end - b->start, MSG_NOSIGNAL);
    if (sent < 0) return must_wait();
    b->start += (size_t)sent;
  }
  b->start = b->end = 0;
  return true;
}

size_t bench_peer_unsent(const bench_peer *peer) {
  return peer->out.end - peer->out.start;
}

/* ---- packets ---- */

bool bench_peer_packet(bench_peer *peer, bench_packet *packet) {
  bench_buffer *b = &peer->in;
  const uint8_t *at = b->data + b->start;
  size_t there = b->end - b->start;
  size_t len = 0;
  size_t header = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (header >= there) return false;
    if (shift > 21) bench_peer_breach("a packet's length is malformed");
    len |= (size_t)(at[header] & 0x7f) << shift;
    if ((at[header++] & 0x80) == 0) break;
  }
  if (there - header < len) return false;
  *packet =
      (bench_packet){.type = at[0] >> 4, .flags = at[0] & 0x0f, .body = at + header, .len = len};
  b->start += header + len;
  return true;
}

static void put_header(bench_buffer *b, unsigned first, size_t len) {
  uint8_t header[5] = {(uint8_t)first};
  size_t at = 1;
  do {
    header[at++] = (uint8_t)(len % 128 | (len >= 128 ? 0x80 : 0));
    len /= 128;
  } while (len > 0);
  append(b, header, at);
}

static void put_u16(bench_buffer *b, size_t value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  append(b, bytes, sizeof bytes);
}

static uint16_t get_u16(const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

void bench_peer_put(bench_peer *peer, unsigned first, const void *body, size_t len) {
  put_header(&peer->out, first, len);
  append(&peer->out, body, len);
}

static uint16_t id_after(uint16_t id) {
  return id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
}

void bench_peer_publish(bench_peer *peer, const char *topic, const void *payload, size_t len) {
  size_t topic_len = strlen(topic);
  peer->sent_id = id_after(peer->sent_id);
  peer->in_flight++;
  put_header(&peer->out, BENCH_PUBLISH << 4 | 2, 2 + topic_len + 2 + len);
  put_u16(&peer->out, topic_len);
  append(&peer->out, topic, topic_len);
  put_u16(&peer->out, peer->sent_id);
  append(&peer->out, payload, len);
}

void bench_peer_acked(bench_peer *peer, const bench_packet *puback) {
  if (puback->len < 2 || peer->in_flight == 0) bench_peer_breach("a PUBACK answers nothing");
  peer->acked_id = id_after(peer->acked_id);
  if (get_u16(puback->body) != peer->acked_id) peer->out_of_order++;
  peer->in_flight--;
}

void bench_publish_read(const bench_packet *packet, bench_publish *publish) {
  size_t topic_len = packet->len >= 2 ? get_u16(packet->body) : packet->len;
  unsigned qos = packet->flags >> 1 & 3;
  size_t head = 2 + topic_len + (qos > 0 ? 2 : 0);
  if (head > packet->len || topic_len >= BENCH_TOPIC_MAX || qos > 1)
    bench_peer_breach("a PUBLISH is malformed");
  memcpy(publish->topic, packet->body + 2, topic_len);
  publish->topic[topic_len] = '\0';
  publish->qos = qos;
  publish->id = qos > 0 ? get_u16(packet->body + 2 + topic_len) : 0;
  publish->payload = packet->body + head;
  publish->payload_len = packet->len - head;
}

/* ---- subscriptions ---- */

static const char *without_share(const char *filter) {
  if (strncmp(filter, "$share/", 7) != 0) return filter;
  const char *slash = strchr(filter + 7, '/');
  return slash != NULL ? slash + 1 : filter;
}

/* Copies the filter at `at` of the packet, `$share/name/` left out, and returns where it ends. */
static size_t get_filter(const bench_packet *packet, size_t at, char *filter) {
  size_t len = at + 2 <= packet->len ? get_u16(packet->body + at) : 0;
  char text[BENCH_FILTER_LEN];
  if (len == 0 || len >= sizeof text || at + 2 + len > packet->len)
    bench_peer_breach("a filter is malformed, or too long");
  memcpy(text, packet->body + at + 2, len);
  text[len] = '\0';
  (void)snprintf(filter, BENCH_FILTER_LEN, "%s", without_share(text));
  return at + 2 + len;
}

void bench_peer_subscribe(bench_peer *peer, const bench_packet *packet) {
  uint8_t answer[2 + BENCH_FILTERS_MAX];
  size_t answers = 2;
  for (size_t at = 2; at < packet->len; at++) {
    if (peer->filter_count == BENCH_FILTERS_MAX || answers == sizeof answer)
      bench_peer_breach("too many subscriptions");
    at = get_filter(packet, at, peer->filter[peer->filter_count]);
    if (at >= packet->len) bench_peer_breach("a SUBSCRIBE is malformed");
    peer->filter_count++;
    answer[answers++] = packet->body[at] > 0 ? 1 : 0;
  }
  if (answers == 2) bench_peer_breach("a SUBSCRIBE is malformed");
  memcpy(answer, packet->body, 2);
  bench_peer_put(peer, BENCH_SUBACK << 4, answer, answers);
}

static void forget(bench_peer *peer, const char *filter) {
  for (size_t i = 0; i < peer->filter_count; i++) {
    if (strcmp(peer->filter[i], filter) != 0) continue;
    peer->filter_count--;
    memmove(peer->filter[i], peer->filter[peer->filter_count], BENCH_FILTER_LEN);
    return;
  }
}

void bench_peer_unsubscribe(bench_peer *peer, const bench_packet *packet) {
  char filter[BENCH_FILTER_LEN];
  for (size_t at = 2; at < packet->len;) {
    at = get_filter(packet, at, filter);
    forget(peer, filter);
  }
  if (packet->len < 2) bench_peer_breach("an UNSUBSCRIBE is malformed");
  bench_peer_put(peer, BENCH_UNSUBACK << 4, packet->body, 2);
}

static bool matches(const char *filter, const char *topic) {
  for (;;) {
    if (*filter == '#') return true;
    if (*filter == '+') {
      filter++;
      topic += strcspn(topic, "/");
    } else {
      size_t len = strcspn(filter, "/");
      if (len != strcspn(topic, "/") || strncmp(filter, topic, len) != 0) return false;
      filter += len;
      topic += len;
    }
    if (*filter == '\0' || *topic == '\0') return *filter == *topic || strcmp(filter, "/#") == 0;
    filter++;
    topic++;
  }
}

bool bench_peer_wants(const bench_peer *peer, const char *topic) {
  for (size_t i = 0; i < peer->filter_count; i++)
    if (matches(peer->filter[i], topic)) return true;
  return false;
}
