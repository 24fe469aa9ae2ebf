/* Who a request came from: the peer of the connection, or, where that is a proxy that is trusted,
 * the nearest address in X-Forwarded-For that is not one. What an untrusted peer claims there is
 * ignored: it would let a guesser choose the address that his tries are counted for. */
#ifndef SM_API_ADDRESS_H
#define SM_API_ADDRESS_H

#include "api/request.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* A block of addresses; IPv4 ones are kept mapped into IPv6. */
typedef struct sm_network {
  uint8_t address[16];
  unsigned bits; /* 0..128 */
} sm_network;

enum { SM_PROXIES_MAX = 32 };

typedef struct sm_proxies {
  sm_network network[SM_PROXIES_MAX];
  size_t count;
} sm_proxies;

/* "10.0.0.1, 192.168.0.0/16, ::1"; NULL and "" are none. SM_ERR_SYNTAX. */
SM_MUST_CHECK sm_err sm_proxies_parse(const char *text, sm_proxies *proxies);

/* The client's address as text: `peer` as accepted, `forwarded_for` the header or NULL. "" where
 * the peer has no IP address. */
void sm_client_address(const sm_proxies *proxies, const struct sockaddr *peer,
                       const char *forwarded_for, char out[SM_ADDRESS_TEXT_MAX]);

#endif
