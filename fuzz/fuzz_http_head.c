/* The headers of a request, a line "Name: value" each: what is read out of them. The first line
 * names the proxies that are trusted. What comes out must be what it claims to be. */
#include "api/address.h"
#include "api/request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_client(const sm_proxies *proxies, const char *forwarded_for) {
  char text[SM_ADDRESS_TEXT_MAX];
  struct in6_addr address;
  struct sockaddr_in peer = {.sin_family = AF_INET};
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sm_client_address(proxies, (const struct sockaddr *)&peer, forwarded_for, text);
  if (inet_pton(AF_INET, text, &address) != 1 && inet_pton(AF_INET6, text, &address) != 1) abort();
  if (proxies->count == 0 && strcmp(text, "127.0.0.1") != 0) abort();
}

static void read_all(const sm_request *request, const sm_proxies *proxies) {
  const char *value = NULL;
  size_t len = 0;
  if (sm_request_cookie(request, "smartmeter_refresh", &value, &len) == SM_OK &&
      (memchr(value, ';', len) != NULL || value + len > strchr(value, '\0')))
    abort();
  if (sm_request_bearer(request, &value, &len) == SM_OK && (len == 0 || len != strlen(value)))
    abort();
  read_client(proxies, request->header[SM_HEADER_FORWARDED_FOR]);
}

static void take_line(sm_request *request, char *line) {
  char *colon = strchr(line, ':');
  if (colon == NULL) {
    sm_request_header(request, line, NULL);
    return;
  }
  *colon = '\0';
  sm_request_header(request, line, colon + 1 + strspn(colon + 1, " \t"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return 0;
  if (size > 0) memcpy(text, data, size);
  text[size] = '\0';
  char *rest = text;
  char *line = strsep(&rest, "\n");
  sm_proxies proxies = {.count = 0};
  sm_request request;
  if (sm_proxies_parse(line, &proxies) != SM_OK && proxies.count != 0) abort();
  if (sm_request_init(&request, "/") == SM_OK) {
    while ((line = strsep(&rest, "\n")) != NULL) take_line(&request, line);
    read_all(&request, &proxies);
    sm_request_fini(&request);
  }
  free(text);
  return 0;
}
