/* For tests: the other end of a connection as a plain socket, which says what the test wants and
 * nothing else. Reading fails the test when nothing comes within 20 s. */
#ifndef SM_MQTT_TEST_PEER_H
#define SM_MQTT_TEST_PEER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_peer {
  int listener;
  int fd; /* the connection; -1: none */
  uint16_t port;
  char url[64];
} test_peer;

void test_peer_init(test_peer *peer);
void test_peer_fini(test_peer *peer);

void test_peer_accept(test_peer *peer); /* closes the connection before */
void test_peer_close(test_peer *peer);
void test_peer_reset(test_peer *peer); /* closes it the hard way: the other side knows at once */
/* Accepts, takes CONNECT, grants, takes SUBSCRIBE of one filter, grants. */
void test_peer_welcome(test_peer *peer);

void test_peer_send(test_peer *peer, const void *bytes, size_t len);
#define TEST_PEER_SEND(peer_, text_) test_peer_send((peer_), (text_), sizeof(text_) - 1)
/* QoS 1 with packet_id, QoS 0 if that is 0. */
void test_peer_publish(test_peer *peer, uint16_t packet_id, const char *topic, const char *payload);
void test_peer_encode_publish(sm_buf *out, uint16_t packet_id, const char *topic,
                              const void *payload, size_t payload_len);

/* Reads one packet, whole: its size; the first byte tells the type. */
size_t test_peer_read(test_peer *peer, uint8_t *packet, size_t room);
/* Reads exactly these bytes. */
void test_peer_expect(test_peer *peer, const void *bytes, size_t len);
#define TEST_PEER_EXPECT(peer_, text_) test_peer_expect((peer_), (text_), sizeof(text_) - 1)
void test_peer_expect_end(test_peer *peer); /* the other side closes without another byte */
bool test_peer_has_bytes(test_peer *peer);  /* something to read, now */

#endif
