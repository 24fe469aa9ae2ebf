/* Telling a running broker: read your files again, end these sessions, say this to a meter.
 *
 * Mosquitto 2.0 has no command for any of it. SIGHUP is answered within a tenth of a second, but
 * nothing says when: so each time its control listener, a socket in its own folder, gets another
 * password, and who is let in with that one knows that all was read. And a client id is taken over
 * by whoever connects with it: that ends the other connection and, with a clean session, all that
 * waited for it. */
#include "app/broker.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  READ_TIMEOUT_MS = 10000, /* for the broker to have read its files */
  ANSWER_TIMEOUT_MS = 5000,
  TRY_AGAIN_MS = 30,
  PACKET_MAX = 16384,
  CONNACK = 0x20,
  PUBACK = 0x40
};

/* ---- packets, MQTT 3.1.1 ---- */

static void put_text(sm_buf *out, const char *text) {
  size_t len = strlen(text);
  sm_buf_append_char(out, (char)(len >> 8));
  sm_buf_append_char(out, (char)(len & 0xff));
  sm_buf_append(out, text, len);
}

static void put_packet(sm_buf *out, int type, const sm_buf *body) {
  size_t len = body->len;
  sm_buf_append_char(out, (char)type);
  do {
    sm_buf_append_char(out, (char)((len & 0x7f) | (len > 0x7f ? 0x80 : 0)));
    len >>= 7;
  } while (len > 0);
  sm_buf_append(out, body->data, body->len);
}

static void put_connect(sm_buf *out, const char *client_id, const char *password) {
  sm_buf body;
  sm_buf_init(&body, PACKET_MAX);
  put_text(&body, "MQTT");
  /* level 4; user name, password, clean session; no keep-alive */
  sm_buf_append(&body, "\x04\xc2\x00\x00", 4);
  put_text(&body, client_id);
  put_text(&body, SM_BROKER_CONTROL_USER);
  put_text(&body, password);
  put_packet(out, 0x10, &body);
  sm_buf_fini(&body);
}

static void put_publish(sm_buf *out, const char *topic, const char *text) {
  sm_buf body;
  sm_buf_init(&body, PACKET_MAX);
  put_text(&body, topic);
  sm_buf_append(&body, "\x00\x01", 2); /* packet id */
  sm_buf_append_text(&body, text);
  put_packet(out, 0x32, &body); /* QoS 1 */
  if (out->err == SM_OK) out->err = body.err;
  sm_buf_fini(&body);
}

/* ---- one connection ---- */

static sm_err send_all(int fd, const sm_buf *bytes) {
  if (bytes->err != SM_OK) return bytes->err;
  size_t sent = 0;
  while (sent < bytes->len) {
    ssize_t n = send(fd, bytes->data + sent, bytes->len - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) return SM_ERR_IO;
    if (n > 0) sent += (size_t)n;
  }
  return SM_OK;
}

/* An answer of two bytes behind its header, as all are that can come here. */
static sm_err await(int fd, int type, uint8_t answer[2]) {
  uint8_t packet[4];
  size_t got = 0;
  int64_t deadline = sm_clock_steady_ms() + ANSWER_TIMEOUT_MS;
  while (got < sizeof packet) {
    int64_t left = deadline - sm_clock_steady_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
    if (ready == 0) return SM_ERR_TIMEOUT;
    if (ready < 0 && errno == EINTR) continue;
    ssize_t n = recv(fd, packet + got, sizeof packet - got, 0);
    if (n <= 0) return SM_ERR_CLOSED;
    got += (size_t)n;
  }
  if (packet[0] != type || packet[1] != 2) return SM_ERR_PROTOCOL;
  memcpy(answer, packet + 2, 2);
  return SM_OK;
}

/* SM_ERR_NOT_FOUND: nobody listens. */
static sm_err dial(const char *path, int *out) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return SM_ERR_NOT_FOUND;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return SM_ERR_IO;
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    sm_err err = errno == ENOENT || errno == ECONNREFUSED ? SM_ERR_NOT_FOUND : SM_ERR_IO;
    (void)close(fd);
    return err;
  }
  *out = fd;
  return SM_OK;
}

/* Connects as client_id, says what there is to say, and leaves. SM_ERR_DENIED: another password. */
static sm_err visit(const char *socket_path, const char *client_id, const char *password,
                    const char *topic, const char *text) {
  int fd = -1;
  sm_err err = dial(socket_path, &fd);
  if (err != SM_OK) return err;
  uint8_t answer[2] = {0, 0};
  sm_buf out;
  sm_buf_init(&out, 2 * PACKET_MAX);
  put_connect(&out, client_id, password);
  err = send_all(fd, &out);
  if (err == SM_OK) err = await(fd, CONNACK, answer);
  if (err == SM_OK && answer[1] != 0) err = SM_ERR_DENIED;
  sm_buf_clear(&out);
  if (err == SM_OK && topic != NULL) {
    put_publish(&out, topic, text);
    err = send_all(fd, &out);
    if (err == SM_OK) err = await(fd, PUBACK, answer);
    sm_buf_clear(&out);
  }
  if (err == SM_OK) {
    sm_buf_append(&out, "\xe0\x00", 2); /* DISCONNECT */
    err = send_all(fd, &out);
  }
  sm_buf_fini(&out);
  (void)close(fd);
  return err;
}

/* ---- telling ---- */

/* SM_ERR_NOT_FOUND: it does not run. */
static sm_err wake(const sm_broker *broker) {
  char *text = NULL;
  if (sm_file_read(broker->pid_file, 64, &text, NULL) != SM_OK) return SM_ERR_NOT_FOUND;
  int64_t pid = 0;
  sm_err err = sm_decimal_parse(text, strcspn(text, "\r\n "), 0, &pid);
  free(text);
  if (err != SM_OK || pid <= 1 || pid > INT32_MAX) return SM_ERR_NOT_FOUND;
  if (kill((pid_t)pid, SIGHUP) == 0) return SM_OK;
  return errno == ESRCH ? SM_ERR_NOT_FOUND : SM_ERR_DENIED;
}

static sm_err new_password(const sm_broker *broker, char *password, size_t cap) {
  char first[SM_ID_MAX];
  char second[SM_ID_MAX];
  (void)snprintf(password, cap, "%s%s", sm_random_id("", first), sm_random_id("", second));
  char *path = sm_path_join(broker->dir, "control.passwords");
  sm_buf line;
  sm_buf_init(&line, 0);
  sm_err err = path != NULL ? sm_broker_password_line(SM_BROKER_CONTROL_USER, password, &line)
                            : SM_ERR_NOMEM;
  if (err == SM_OK) err = sm_file_write_private(path, line.data, line.len);
  sm_buf_fini(&line);
  free(path);
  return err;
}

static void rest(void) {
  const struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * 1000000L};
  (void)nanosleep(&pause, NULL);
}

/* Until the new password opens the door. */
static sm_err await_reading(const char *socket_path, const char *password) {
  int64_t deadline = sm_clock_steady_ms() + READ_TIMEOUT_MS;
  sm_err err;
  while ((err = visit(socket_path, SM_BROKER_CONTROL_USER, password, NULL, NULL)) ==
             SM_ERR_DENIED ||
         err == SM_ERR_CLOSED) {
    if (sm_clock_steady_ms() > deadline) return SM_ERR_TIMEOUT;
    rest();
  }
  return err == SM_ERR_NOT_FOUND ? SM_ERR_UNSUPPORTED : err;
}

/* Under the lock, since another's password would shut this one out. */
static sm_err talk(const sm_broker *broker, const char *socket_path, const char *const *client_id,
                   size_t count, const char *topic, const char *text) {
  char password[2 * SM_ID_MAX];
  sm_err err = new_password(broker, password, sizeof password);
  if (err == SM_OK) err = wake(broker);
  if (err == SM_ERR_NOT_FOUND) return topic == NULL ? SM_OK : SM_ERR_NOT_FOUND;
  if (err == SM_OK) err = await_reading(socket_path, password);
  for (size_t i = 0; err == SM_OK && i < count; i++)
    err = visit(socket_path, client_id[i], password, NULL, NULL);
  if (err == SM_OK && topic != NULL)
    err = visit(socket_path, SM_BROKER_CONTROL_USER, password, topic, text);
  explicit_bzero(password, sizeof password);
  return err;
}

static sm_err talk_alone(const sm_broker *broker, const char *const *client_id, size_t count,
                         const char *topic, const char *text) {
  if (broker->dir == NULL) return SM_ERR_UNSUPPORTED;
  char *socket_path = sm_path_join(broker->dir, "control.sock");
  if (socket_path == NULL) return SM_ERR_NOMEM;
  int lock = sm_broker_lock(broker);
  sm_err err = lock >= 0 ? talk(broker, socket_path, client_id, count, topic, text) : SM_ERR_IO;
  if (lock >= 0) (void)close(lock);
  free(socket_path);
  return err;
}

sm_err sm_broker_reload(const sm_broker *broker, const char *const *client_id, size_t count) {
  return talk_alone(broker, client_id, count, NULL, NULL);
}

sm_err sm_broker_tell(const sm_broker *broker, const char *topic, const char *text) {
  return talk_alone(broker, NULL, 0, topic, text);
}
