#include "alerts/reach.h"

#include "base/decimal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

typedef struct range {
  uint8_t address[16];
  unsigned bits;
} range;

#define V4(a, b, c, bits)                                                                          \
  { {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, 0}, 96 + (bits) }

/* What of IPv4 is not the public Internet (IANA's registry of special addresses). */
static const range special[] = {
    V4(0, 0, 0, 8),
    V4(10, 0, 0, 8),
    V4(100, 64, 0, 10),
    V4(127, 0, 0, 8),
    V4(169, 254, 0, 16),
    V4(172, 16, 0, 12),
    V4(192, 0, 0, 24),
    V4(192, 0, 2, 24),
    V4(192, 88, 99, 24),
    V4(192, 168, 0, 16),
    V4(198, 18, 0, 15),
    V4(198, 51, 100, 24),
    V4(203, 0, 113, 24),
    V4(224, 0, 0, 4),
    V4(240, 0, 0, 4),
    /* of IPv6 inside 2000::/3: Teredo, benchmarks and ORCHID (2001::/23), 6to4, documentation */
    {{0x20, 0x01, 0x00, 0x00}, 23},
    {{0x20, 0x02}, 16},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x3f, 0xff}, 20},
};
static const range mapped = V4(0, 0, 0, 0);
static const range global = {{0x20}, 3};

static bool lies_in(const uint8_t address[16], const uint8_t net[16], unsigned bits) {
  unsigned whole = bits / 8;
  unsigned rest = bits % 8;
  if (memcmp(address, net, whole) != 0) return false;
  if (rest == 0) return true;
  uint8_t mask = (uint8_t)(0xff << (8 - rest));
  return (address[whole] & mask) == (net[whole] & mask);
}

static bool is_public(const uint8_t address[16]) {
  if (!lies_in(address, mapped.address, mapped.bits) &&
      !lies_in(address, global.address, global.bits))
    return false;
  for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
    if (lies_in(address, special[i].address, special[i].bits)) return false;
  return true;
}

static void map_v4(const void *v4, uint8_t out[16]) {
  memcpy(out, mapped.address, 12);
  memcpy(out + 12, v4, 4);
}

bool sm_reach_allows(const sm_reach *reach, const struct sockaddr *address) {
  uint8_t bytes[16];
  if (address->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, address, sizeof in);
    map_v4(&in.sin_addr, bytes);
  } else if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 in;
    memcpy(&in, address, sizeof in);
    memcpy(bytes, &in.sin6_addr, sizeof bytes);
  } else {
    return false;
  }
  for (size_t i = 0; i < reach->count; i++)
    if (lies_in(bytes, reach->net[i].address, reach->net[i].bits)) return true;
  return is_public(bytes);
}

/* ---- parsing ---- */

static sm_err parse_net(const char *text, size_t len, sm_reach_net *net) {
  char word[INET6_ADDRSTRLEN + 8];
  uint8_t v4[4];
  int64_t bits = -1;
  if (len == 0 || len >= sizeof word) return SM_ERR_SYNTAX;
  memcpy(word, text, len);
  word[len] = '\0';
  char *slash = strchr(word, '/');
  if (slash != NULL) {
    *slash = '\0';
    if (sm_decimal_parse(slash + 1, strlen(slash + 1), 0, &bits) != SM_OK || bits < 0)
      return SM_ERR_SYNTAX;
  }
  bool is_v4 = inet_pton(AF_INET, word, v4) == 1;
  if (is_v4)
    map_v4(v4, net->address);
  else if (inet_pton(AF_INET6, word, net->address) != 1)
    return SM_ERR_SYNTAX;
  int64_t most = is_v4 ? 32 : 128;
  if (bits > most) return SM_ERR_SYNTAX;
  net->bits = (unsigned)((bits < 0 ? most : bits) + (is_v4 ? 96 : 0));
  return SM_OK;
}

sm_err sm_reach_parse(const char *text, sm_reach *reach) {
  sm_reach got = {.count = 0};
  for (const char *at = text; *at != '\0';) {
    at += strspn(at, " ,");
    size_t len = strcspn(at, " ,");
    if (len == 0) break;
    if (got.count == SM_REACH_MAX) return SM_ERR_RANGE;
    sm_err err = parse_net(at, len, &got.net[got.count++]);
    if (err != SM_OK) return err;
    at += len;
  }
  *reach = got;
  return SM_OK;
}
