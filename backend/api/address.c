#include "api/address.h"

#include "base/decimal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* One address of either family, mapped into 16 bytes. */
static bool take_address(const char *text, size_t len, uint8_t out[16], bool *is_v4) {
  char copy[SM_ADDRESS_TEXT_MAX];
  if (len >= sizeof copy) return false;
  memcpy(copy, text, len);
  copy[len] = '\0';
  if (inet_pton(AF_INET6, copy, out) == 1) {
    *is_v4 = memcmp(out, mapped, sizeof mapped) == 0;
    return true;
  }
  memcpy(out, mapped, sizeof mapped);
  *is_v4 = true;
  return inet_pton(AF_INET, copy, out + sizeof mapped) == 1;
}

static bool take_network(const char *text, size_t len, sm_network *network) {
  const char *slash = memchr(text, '/', len);
  size_t address_len = slash == NULL ? len : (size_t)(slash - text);
  bool is_v4;
  if (!take_address(text, address_len, network->address, &is_v4)) return false;
  int64_t bits = is_v4 ? 32 : 128;
  int64_t most = bits;
  if (slash != NULL && (sm_decimal_parse(slash + 1, len - address_len - 1, 0, &bits) != SM_OK ||
                        bits < 0 || bits > most))
    return false;
  network->bits = (unsigned)(is_v4 ? bits + 96 : bits);
  return true;
}

sm_err sm_proxies_parse(const char *text, sm_proxies *proxies) {
  sm_proxies out = {0};
  for (const char *at = text == NULL ? "" : text; *at != '\0';) {
    at += strspn(at, " ,\t");
    size_t len = strcspn(at, " ,\t");
    if (len == 0) break;
    if (out.count == SM_PROXIES_MAX || !take_network(at, len, &out.network[out.count]))
      return SM_ERR_SYNTAX;
    out.count++;
    at += len;
  }
  *proxies = out;
  return SM_OK;
}

static bool is_trusted(const sm_proxies *proxies, const uint8_t address[16]) {
  for (size_t i = 0; i < proxies->count; i++) {
    const sm_network *network = &proxies->network[i];
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(address, network->address, whole) != 0) continue;
    if (rest == 0 || (address[whole] ^ network->address[whole]) >> (8 - rest) == 0) return true;
  }
  return false;
}

static void write_address(const uint8_t address[16], char out[SM_ADDRESS_TEXT_MAX]) {
  bool is_v4 = memcmp(address, mapped, sizeof mapped) == 0;
  if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? address + 12 : address, out,
                SM_ADDRESS_TEXT_MAX) == NULL)
    out[0] = '\0';
}

/* The last element of a comma-separated list of `*len` bytes, without blanks; *len becomes the
 * length of what stands before it. */
static const char *last_element(const char *list, size_t *len, size_t *element_len) {
  size_t end = *len;
  size_t begin = end;
  while (begin > 0 && list[begin - 1] != ',') begin--;
  *len = begin > 0 ? begin - 1 : 0;
  while (begin < end && (list[begin] == ' ' || list[begin] == '\t')) begin++;
  while (end > begin && (list[end - 1] == ' ' || list[end - 1] == '\t')) end--;
  *element_len = end - begin;
  return list + begin;
}

void sm_client_address(const sm_proxies *proxies, const struct sockaddr *peer,
                       const char *forwarded_for, char out[SM_ADDRESS_TEXT_MAX]) {
  uint8_t address[16];
  out[0] = '\0';
  if (peer != NULL && peer->sa_family == AF_INET) {
    memcpy(address, mapped, sizeof mapped);
    memcpy(address + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
  } else if (peer != NULL && peer->sa_family == AF_INET6) {
    memcpy(address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
  } else {
    return;
  }
  size_t len = forwarded_for == NULL ? 0 : strlen(forwarded_for);
  while (len > 0 && is_trusted(proxies, address)) {
    size_t element_len;
    const char *element = last_element(forwarded_for, &len, &element_len);
    uint8_t next[16];
    bool is_v4;
    if (!take_address(element, element_len, next, &is_v4)) break;
    memcpy(address, next, sizeof address);
  }
  write_address(address, out);
}
