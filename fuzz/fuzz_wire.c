/* What a stranger sends on a connection, byte for byte, to the whole server: libmicrohttpd, the api
 * over real stores, the live hub behind it. The first byte says what the rest is: 'w' the frames of
 * a WebSocket after a good handshake, anything else a request and what follows it. The server must
 * answer what is one, and close the rest; what it does inside is watched by the sanitizers. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "api/live.h"
#include "api/server.h"
#include "auth/identity.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/zone.h"
#include "invoicing/settings.h"
#include "store/embedded/embedded.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_MAX = 1 << 20, SILENCE_MS = 2 };

static const char handshake[] =
    "GET /api/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static struct world {
  char dir[32];
  sm_zone *zone;
  sm_ledger *ledger;
  sm_readings *readings;
  sm_identity *identity;
  sm_invoicing_settings invoicing;
  sm_live *live;
  sm_api *api;
} w = {.dir = "/tmp/sm-fuzz-wire-XXXXXX"};

/* The token "good" is an admin's. */
static sm_err authenticate(void *context, const char *token, size_t len, sm_live_user *user) {
  (void)context;
  if (len != 4 || memcmp(token, "good", 4) != 0) return SM_ERR_DENIED;
  *user = (sm_live_user){.user_id = "u_a", .role = SM_ROLE_ADMIN, .expires_ms = INT64_MAX};
  return SM_OK;
}

static bool still(void *context, const sm_live_user *user) {
  (void)context;
  (void)user;
  return true;
}

static sm_err device(void *context, const sm_live_user *user, const char *device_id,
                     sm_live_device *out) {
  (void)context;
  (void)user;
  if (strcmp(device_id, "m1") != 0) return SM_ERR_NOT_FOUND;
  *out = (sm_live_device){.device_id = "m1", .from_ms = INT64_MIN, .to_ms = INT64_MAX};
  return SM_OK;
}

static sm_err devices(void *context, const sm_live_user *user, const char *after, size_t limit,
                      sm_live_device *out, size_t *count) {
  *count = strcmp(after, "m1") < 0 && limit > 0 ? 1 : 0;
  return *count == 0 ? SM_OK : device(context, user, "m1", out);
}

static sm_err latest(void *context, const char *device_id, sm_reading *reading) {
  (void)context;
  (void)device_id;
  *reading = (sm_reading){.ts_ms = 1769679900000, .energy_wh = 1000, .voltage_mv = 230000};
  return SM_OK;
}

static bool start(void) {
  const sm_embedded_options store = {.data_dir = w.dir, .zone = "Asia/Kolkata", .currency = "INR"};
  const sm_live_options live = {.source = {.authenticate = authenticate,
                                           .still = still,
                                           .device = device,
                                           .devices = devices,
                                           .latest = latest},
                                .hello_ms = 500};
  sm_log_set_level((sm_log_level)(SM_LOG_ERROR + 1));
  if (mkdtemp(w.dir) == NULL || sm_crypto_init() != SM_OK ||
      sm_zone_new("Asia/Kolkata", &w.zone) != SM_OK ||
      sm_embedded_ledger_open(&store, &w.ledger) != SM_OK ||
      sm_embedded_readings_open(&store, true, &w.readings) != SM_OK)
    return false;
  const sm_identity_options identity = {
      .ledger = w.ledger, .data_dir = w.dir, .password = {.ops = 1, .memory = 8192}};
  sm_invoicing_settings_default("INR", &w.invoicing);
  if (sm_identity_new(&identity, &w.identity) != SM_OK || sm_live_new(&live, &w.live) != SM_OK ||
      sm_live_start(w.live) != SM_OK)
    return false;
  const sm_api_options options = {.bind = "127.0.0.1",
                                  .zone = w.zone,
                                  .currency = "INR",
                                  .invoicing = &w.invoicing,
                                  .ledger = w.ledger,
                                  .readings = w.readings,
                                  .identity = w.identity,
                                  .live = w.live,
                                  .trusted_proxies = "127.0.0.1",
                                  .threads = 2,
                                  .header_timeout_ms = 500,
                                  .idle_timeout_ms = 500,
                                  .body_timeout_ms = 500,
                                  .answer_timeout_ms = 500};
  return sm_api_new(&options, &w.api) == SM_OK && sm_api_start(w.api) == SM_OK;
}

static int connect_to_it(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sm_api_port(w.api))};
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) abort();
  /* Or the ports of this machine are all waiting after some minutes. */
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  return fd;
}

static void send_all(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
    if (n <= 0) return; /* it has hung up: its right */
    at += n;
    len -= (size_t)n;
  }
}

static void await_upgrade(int fd) {
  char head[1024];
  size_t len = 0;
  while (len < sizeof head - 1) {
    ssize_t n = recv(fd, head + len, 1, 0);
    if (n <= 0) abort();
    len++;
    if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) break;
  }
  head[len] = '\0';
  if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) abort();
}

/* Until it closes, or has been silent for so long that it waits for more: what it does after that
 * is cut off, which clients do too. */
static void read_answers(int fd) {
  static char answer[ANSWER_MAX];
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  while (poll(&wait, 1, SILENCE_MS) == 1) {
    ssize_t n = recv(fd, answer, sizeof answer, 0);
    if (n <= 0) return;
    if (n >= 12 && memcmp(answer, "HTTP/1.", 7) == 0 && memcmp(answer + 8, " 500", 4) == 0)
      abort(); /* nothing that comes by the wire makes the server fail */
  }
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
  (void)about;
  (void)kind;
  (void)where;
  return remove(path);
}

static void remove_all(void) {
  (void)nftw(w.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (w.api == NULL) {
    if (!start() || atexit(remove_all) != 0) abort();
  }
  if (size == 0) return 0;
  int fd = connect_to_it();
  if (data[0] == 'w') {
    send_all(fd, handshake, sizeof handshake - 1);
    await_upgrade(fd);
  }
  send_all(fd, data + 1, size - 1);
  (void)shutdown(fd, SHUT_WR);
  read_answers(fd);
  (void)close(fd);
  return 0;
}
