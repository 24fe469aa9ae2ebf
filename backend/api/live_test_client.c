#include "api/live_test_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include <cmocka.h>

enum { WAIT_MS = 60000, HEAD_MAX = 4096 };

typedef struct message {
  struct message *next;
  char text[];
} message;

struct ws_client {
  int fd;
  wslay_event_context_ptr ws;
  char head[HEAD_MAX];
  char rest[HEAD_MAX]; /* frame bytes that came with the answer's head */
  size_t rest_len;
  int status;
  message *first;
  message *last;
  message *given;
  bool ended;
  int code;
  unsigned pongs;
};

static void wait_readable(const ws_client *c) {
  struct pollfd p = {.fd = c->fd, .events = POLLIN};
  int ready;
  do ready = poll(&p, 1, WAIT_MS);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) fail_msg("nothing came from the server");
}

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len, int flags,
                       void *context) {
  ws_client *c = context;
  (void)flags;
  if (c->rest_len > 0) {
    size_t n = c->rest_len < len ? c->rest_len : len;
    memcpy(buf, c->rest, n);
    memmove(c->rest, c->rest + n, c->rest_len - n);
    c->rest_len -= n;
    return (ssize_t)n;
  }
  ssize_t n = recv(c->fd, buf, len, MSG_DONTWAIT);
  if (n > 0) return n;
  bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
  if (!later) c->ended = true;
  wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

/* The server may have gone: that shows when reading. */
static void send_all(const ws_client *c, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
    if (n <= 0) return;
    at += n;
    len -= (size_t)n;
  }
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *context) {
  (void)ws;
  (void)flags;
  send_all(context, data, len);
  return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len, void *context) {
  (void)ws;
  (void)context;
  for (size_t i = 0; i < len; i++) buf[i] = (uint8_t)(0x5a + i);
  return 0;
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *arg,
                       void *context) {
  ws_client *c = context;
  (void)ws;
  if (arg->opcode == WSLAY_CONNECTION_CLOSE) c->code = arg->status_code;
  if (arg->opcode == WSLAY_PONG) c->pongs++;
  if (arg->opcode != WSLAY_TEXT_FRAME) return;
  message *m = malloc(sizeof *m + arg->msg_length + 1);
  assert_non_null(m);
  m->next = NULL;
  memcpy(m->text, arg->msg, arg->msg_length);
  m->text[arg->msg_length] = '\0';
  if (c->last != NULL)
    c->last->next = m;
  else
    c->first = m;
  c->last = m;
}

static void read_head(ws_client *c) {
  size_t len = 0;
  char *end = NULL;
  while (end == NULL && len < sizeof c->head - 1) {
    wait_readable(c);
    ssize_t n = recv(c->fd, c->head + len, sizeof c->head - 1 - len, 0);
    if (n <= 0) break;
    len += (size_t)n;
    c->head[len] = '\0';
    end = strstr(c->head, "\r\n\r\n");
  }
  if (end == NULL) {
    fail_msg("no answer's head");
    return;
  }
  end += 4;
  c->rest_len = len - (size_t)(end - c->head);
  memcpy(c->rest, end, c->rest_len);
  *end = '\0';
  c->status = (int)strtol(c->head + strcspn(c->head, " "), NULL, 10);
}

static void ask(const ws_client *c, uint16_t port, const ws_options *o) {
  static const char usual[] = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  char text[16384];
  int len = snprintf(text, sizeof text, "GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
                     port, o->headers != NULL ? o->headers : usual);
  assert_true(len > 0 && (size_t)len + o->early_len < sizeof text);
  if (o->early_len > 0) memcpy(text + len, o->early, o->early_len);
  send_all(c, text, (size_t)len + o->early_len);
}

ws_client *ws_open(uint16_t port, const ws_options *options) {
  ws_options o = options != NULL ? *options : (ws_options){0};
  ws_client *c = calloc(1, sizeof *c);
  assert_non_null(c);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(c->fd >= 0);
  if (o.receive_buffer > 0)
    assert_int_equal(
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &o.receive_buffer, sizeof o.receive_buffer), 0);
  const int on = 1;
  assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(c->fd, (const struct sockaddr *)&to, sizeof to), 0);
  struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                            .send_callback = on_send,
                                            .genmask_callback = on_mask,
                                            .on_msg_recv_callback = on_message};
  assert_int_equal(wslay_event_context_client_init(&c->ws, &callbacks, c), 0);
  ask(c, port, &o);
  read_head(c);
  return c;
}

void ws_free(ws_client *c) {
  if (c == NULL) return;
  (void)close(c->fd);
  wslay_event_context_free(c->ws);
  free(c->given);
  while (c->first != NULL) {
    message *next = c->first->next;
    free(c->first);
    c->first = next;
  }
  free(c);
}

int ws_status(const ws_client *c) {
  return c->status;
}

const char *ws_head(const ws_client *c) {
  return c->head;
}

unsigned ws_pongs(const ws_client *c) {
  return c->pongs;
}

static void queue(ws_client *c, uint8_t opcode, const char *text) {
  struct wslay_event_msg m = {
      .opcode = opcode, .msg = (const uint8_t *)text, .msg_length = strlen(text)};
  assert_int_equal(wslay_event_queue_msg(c->ws, &m), 0);
  assert_int_equal(wslay_event_send(c->ws), 0);
}

void ws_say(ws_client *c, const char *text) {
  queue(c, WSLAY_TEXT_FRAME, text);
}

void ws_say_binary(ws_client *c, const char *text) {
  queue(c, WSLAY_BINARY_FRAME, text);
}

void ws_raw(ws_client *c, const void *bytes, size_t len) {
  send_all(c, bytes, len);
}

void ws_frame(ws_client *c, uint8_t head, const void *payload, size_t len) {
  uint8_t start[14] = {head};
  size_t used;
  if (len < 126) {
    start[1] = (uint8_t)(0x80 | len);
    used = 2;
  } else {
    assert_true(len < 65536);
    start[1] = 0x80 | 126;
    start[2] = (uint8_t)(len >> 8);
    start[3] = (uint8_t)len;
    used = 4;
  }
  send_all(c, start, used + 4); /* the mask's four bytes are zero */
  send_all(c, payload, len);
}

static void read_some(ws_client *c) {
  if (c->rest_len == 0) wait_readable(c);
  if (wslay_event_recv(c->ws) != 0) c->ended = true;
  (void)wslay_event_send(c->ws);
  /* What the server sent was against the protocol. */
  if (c->code == 0 && !wslay_event_get_read_enabled(c->ws)) c->ended = true;
}

const char *ws_next(ws_client *c) {
  free(c->given);
  c->given = NULL;
  while (c->first == NULL && !c->ended && c->code == 0) read_some(c);
  if (c->first == NULL) return NULL;
  c->given = c->first;
  c->first = c->first->next;
  if (c->first == NULL) c->last = NULL;
  return c->given->text;
}

int ws_code(ws_client *c) {
  while (!c->ended && c->code == 0) read_some(c);
  return c->code;
}

bool ws_pong(ws_client *c) {
  static const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};
  return send(c->fd, pong, sizeof pong, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof pong;
}

void ws_wait_end_deaf(ws_client *c) {
  char buf[4096];
  ssize_t n;
  do {
    wait_readable(c);
    n = recv(c->fd, buf, sizeof buf, 0);
  } while (n > 0);
}
