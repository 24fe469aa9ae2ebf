/* One MQTT 3.1.1 connection of the firehose, from either end: buffers, packets in and out, packet
 * ids and what is in flight. It knows the bytes; what a packet means is the firehose's business.
 * Bytes that break the protocol end the program: this is a measuring instrument, and its reading
 * would be wrong. */
#ifndef SM_BENCH_PEER_H
#define SM_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  BENCH_FILTERS_MAX = 8,
  BENCH_FILTER_LEN = 128,
  BENCH_OUT_HIGH = 256 * 1024, /* with this much unsent nothing more is added */
  BENCH_TOPIC_MAX = 256
};

enum {
  BENCH_CONNECT = 1,
  BENCH_CONNACK = 2,
  BENCH_PUBLISH = 3,
  BENCH_PUBACK = 4,
  BENCH_SUBSCRIBE = 8,
  BENCH_SUBACK = 9,
  BENCH_UNSUBSCRIBE = 10,
  BENCH_UNSUBACK = 11,
  BENCH_PINGREQ = 12,
  BENCH_PINGRESP = 13,
  BENCH_DISCONNECT = 14
};

typedef struct bench_buffer {
  uint8_t *data;
  size_t start; /* first byte that is not consumed */
  size_t end;
  size_t cap;
} bench_buffer;

typedef struct bench_peer {
  int fd; /* -1: none */
  bool greeted;
  bench_buffer in;
  bench_buffer out;
  uint16_t sent_id;  /* the last one given out */
  uint16_t acked_id; /* the last one acknowledged */
  uint32_t in_flight;
  uint64_t out_of_order; /* PUBACKs that did not come in the order of the messages */
  size_t filter_count;
  char filter[BENCH_FILTERS_MAX][BENCH_FILTER_LEN];
} bench_peer;

/* One packet, borrowed until the next call on the peer. */
typedef struct bench_packet {
  unsigned type;  /* BENCH_… */
  unsigned flags; /* of the first byte */
  const uint8_t *body;
  size_t len;
} bench_packet;

/* A PUBLISH packet's parts, borrowed as it is. */
typedef struct bench_publish {
  char topic[BENCH_TOPIC_MAX];
  unsigned qos;
  uint16_t id; /* if qos is 1 */
  const uint8_t *payload;
  size_t payload_len;
} bench_publish;

void bench_peer_open(bench_peer *peer, int fd);
void bench_peer_close(bench_peer *peer);
/* False: the other end has closed. */
bool bench_peer_read(bench_peer *peer);
bool bench_peer_write(bench_peer *peer);
size_t bench_peer_unsent(const bench_peer *peer);
/* The next whole packet that was read; false if there is none. */
bool bench_peer_packet(bench_peer *peer, bench_packet *packet);

void bench_peer_put(bench_peer *peer, unsigned first, const void *body, size_t len);
/* A QoS 1 PUBLISH; it is in flight from now on. */
void bench_peer_publish(bench_peer *peer, const char *topic, const void *payload, size_t len);
/* Takes account of a PUBACK. */
void bench_peer_acked(bench_peer *peer, const bench_packet *puback);

void bench_publish_read(const bench_packet *packet, bench_publish *publish);
/* Remembers a SUBSCRIBE's filters, `$share/name/` left out, or forgets an UNSUBSCRIBE's, and
 * answers. */
void bench_peer_subscribe(bench_peer *peer, const bench_packet *packet);
void bench_peer_unsubscribe(bench_peer *peer, const bench_packet *packet);
bool bench_peer_wants(const bench_peer *peer, const char *topic);

_Noreturn void bench_peer_breach(const char *what);

#endif
