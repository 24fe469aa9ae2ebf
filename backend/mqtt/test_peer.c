#include "mqtt/test_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

void test_peer_init(test_peer *peer) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  *peer = (test_peer){.fd = -1};
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(peer->listener >= 0);
  assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(peer->listener, 4), 0);
  assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
  peer->port = ntohs(address.sin_port);
  (void)snprintf(peer->url, sizeof peer->url, "mqtt://127.0.0.1:%u", (unsigned)peer->port);
}

void test_peer_close(test_peer *peer) {
  if (peer->fd >= 0) (void)close(peer->fd);
  peer->fd = -1;
}

void test_peer_reset(test_peer *peer) {
  struct linger none = {.l_onoff = 1, .l_linger = 0};
  assert_int_equal(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
  test_peer_close(peer);
}

void test_peer_fini(test_peer *peer) {
  test_peer_close(peer);
  (void)close(peer->listener);
}

static void await_input(int fd, const char *what) {
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  if (poll(&poller, 1, PATIENCE_MS) <= 0) fail_msg("no %s within 20 s", what);
}

void test_peer_accept(test_peer *peer) {
  test_peer_close(peer);
  await_input(peer->listener, "connection");
  peer->fd = accept(peer->listener, NULL, NULL);
  assert_true(peer->fd >= 0);
  int on = 1;
  assert_int_equal(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

void test_peer_welcome(test_peer *peer) {
  uint8_t packet[1024];
  test_peer_accept(peer);
  (void)test_peer_read(peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x10);
  TEST_PEER_SEND(peer, "\x20\x02\x00\x00");
  (void)test_peer_read(peer, packet, sizeof packet);
  assert_int_equal(packet[0], 0x82);
  uint8_t suback[] = {0x90, 3, packet[2], packet[3], 1};
  test_peer_send(peer, suback, sizeof suback);
}

void test_peer_send(test_peer *peer, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t n = send(peer->fd, at, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_msg("cannot send: %s", strerror(errno));
    at += n;
    len -= (size_t)n;
  }
}

static void put(sm_buf *out, unsigned byte) {
  uint8_t b = (uint8_t)byte;
  sm_buf_append(out, &b, 1);
}

void test_peer_encode_publish(sm_buf *out, uint16_t packet_id, const char *topic,
                              const void *payload, size_t payload_len) {
  size_t topic_len = strlen(topic);
  size_t remaining = 2 + topic_len + (packet_id != 0 ? 2 : 0) + payload_len;
  put(out, packet_id != 0 ? 0x32 : 0x30);
  for (; remaining >= 128; remaining /= 128) put(out, (unsigned)(remaining % 128) | 0x80U);
  put(out, (unsigned)remaining);
  put(out, (unsigned)(topic_len >> 8));
  put(out, (unsigned)(topic_len & 0xff));
  sm_buf_append(out, topic, topic_len);
  if (packet_id != 0) {
    put(out, packet_id >> 8);
    put(out, packet_id & 0xffU);
  }
  sm_buf_append(out, payload, payload_len);
  assert_int_equal(out->err, SM_OK);
}

void test_peer_publish(test_peer *peer, uint16_t packet_id, const char *topic,
                       const char *payload) {
  sm_buf out;
  sm_buf_init(&out, 0);
  test_peer_encode_publish(&out, packet_id, topic, payload, strlen(payload));
  test_peer_send(peer, out.data, out.len);
  sm_buf_fini(&out);
}

static void read_all(test_peer *peer, uint8_t *bytes, size_t len) {
  for (size_t at = 0; at < len;) {
    await_input(peer->fd, "bytes");
    ssize_t n = recv(peer->fd, bytes + at, len - at, 0);
    if (n <= 0) fail_msg("the other side has closed, %zu bytes short", len - at);
    at += (size_t)n;
  }
}

size_t test_peer_read(test_peer *peer, uint8_t *packet, size_t room) {
  size_t at = 0;
  size_t remaining = 0;
  read_all(peer, packet + at++, 1);
  for (unsigned shift = 0;; shift += 7) {
    assert_true(shift < 28);
    read_all(peer, packet + at, 1);
    remaining |= (size_t)(packet[at] & 0x7f) << shift;
    if ((packet[at++] & 0x80) == 0) break;
  }
  assert_true(at + remaining <= room);
  read_all(peer, packet + at, remaining);
  return at + remaining;
}

void test_peer_expect(test_peer *peer, const void *bytes, size_t len) {
  uint8_t got[1024];
  assert_true(len <= sizeof got);
  read_all(peer, got, len);
  assert_memory_equal(got, bytes, len);
}

void test_peer_expect_end(test_peer *peer) {
  char byte;
  await_input(peer->fd, "end");
  ssize_t n = recv(peer->fd, &byte, 1, 0);
  if (n > 0) fail_msg("a byte 0x%02x instead of the end", (unsigned)(unsigned char)byte);
}

bool test_peer_has_bytes(test_peer *peer) {
  struct pollfd poller = {.fd = peer->fd, .events = POLLIN};
  return poll(&poller, 1, 0) > 0;
}
