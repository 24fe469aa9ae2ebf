#include "api/live_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
  READ_A_TURN = 16384,   /* bytes of one client, before others are looked at */
  PIECES_MAX = 256,      /* frames of one message */
  CONTROL_SPARE = 4096,  /* pongs and close may go over the queue's limit by this */
  SMALL_OUT = 1024,      /* a queue kept when empty */
  CROWDED_SHARE = 16384, /* of each client, when all queues together are too long */
};

/* ---- wslay's side ---- */

static ssize_t take_early(sm_live_client *client, uint8_t *buf, size_t len) {
  size_t n = client->early_len - client->early_at;
  if (n > len) n = len;
  memcpy(buf, client->early + client->early_at, n);
  client->early_at += n;
  if (client->early_at == client->early_len) {
    free(client->early);
    client->early = NULL;
  }
  return (ssize_t)n;
}

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len, int flags,
                       void *context) {
  sm_live_client *client = context;
  (void)flags;
  if (client->early != NULL) return take_early(client, buf, len);
  if (len > client->read_left) len = client->read_left;
  ssize_t n = len == 0 ? -1 : recv(client->fd, buf, len, MSG_DONTWAIT);
  if (n > 0) {
    client->read_left -= (size_t)n;
    client->heard_ms = client->live->now_ms;
    return n;
  }
  bool later = len == 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
  if (!later) client->gone = true;
  wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

static bool out_reserve(sm_live_client *client, size_t len) {
  if (client->out_at > 0 && client->out_len + len > client->out_cap) {
    memmove(client->out, client->out + client->out_at, client->out_len - client->out_at);
    client->out_len -= client->out_at;
    client->out_at = 0;
  }
  if (client->out_len + len <= client->out_cap) return true;
  size_t cap = client->out_cap == 0 ? SMALL_OUT : client->out_cap;
  while (cap < client->out_len + len) cap *= 2;
  char *grown = realloc(client->out, cap);
  if (grown == NULL) return false;
  client->out = grown;
  client->out_cap = cap;
  return true;
}

static size_t waiting(const sm_live_client *client) {
  return client->out_len - client->out_at;
}

static void mark_dirty(sm_live_client *client) {
  sm_live *live = client->live;
  if (client->dirty) return;
  client->dirty = true;
  client->dirty_next = live->dirty;
  live->dirty = client;
}

static bool out_append(sm_live_client *client, const uint8_t *data, size_t len) {
  size_t limit = client->live->options.queue_bytes + CONTROL_SPARE;
  if (waiting(client) + len > limit || !out_reserve(client, len)) return false;
  if (waiting(client) == 0) client->moved_ms = client->live->now_ms;
  memcpy(client->out + client->out_len, data, len);
  client->out_len += len;
  (void)atomic_fetch_add(&client->live->queued_bytes, len);
  mark_dirty(client);
  return true;
}

/* Frames go to the queue whole; the socket gets many of them in one call later. */
static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *context) {
  (void)flags;
  if (out_append(context, data, len)) return (ssize_t)len;
  wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

/* A message in countless pieces would cost more memory than its bytes. */
static void on_frame(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *context) {
  sm_live_client *client = context;
  if (wslay_is_ctrl_frame(frame->opcode)) return;
  client->pieces = frame->opcode == WSLAY_CONTINUATION_FRAME ? client->pieces + 1 : 1;
  if (client->pieces <= PIECES_MAX) return;
  sm_live_client_close(client, WSLAY_CODE_MESSAGE_TOO_BIG, "too many fragments");
  wslay_event_shutdown_read(ws);
}

static void on_message(wslay_event_context_ptr ws,
                       const struct wslay_event_on_msg_recv_arg *message, void *context) {
  sm_live_client *client = context;
  (void)ws;
  if (wslay_is_ctrl_frame(message->opcode) || client->state == SM_LIVE_CLOSING) return;
  sm_live_session_message(client, message->opcode, (const char *)message->msg, message->msg_length);
}

/* ---- life ---- */

static bool watch(sm_live_client *client, int operation, bool for_room) {
  struct epoll_event event = {.events = for_room ? EPOLLIN | EPOLLOUT : EPOLLIN,
                              .data.ptr = client};
  return epoll_ctl(client->live->epoll_fd, operation, client->fd, &event) == 0;
}

static bool ws_init(sm_live_client *client) {
  struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                            .send_callback = on_send,
                                            .on_frame_recv_start_callback = on_frame,
                                            .on_msg_recv_callback = on_message};
  if (wslay_event_context_server_init(&client->ws, &callbacks, client) != 0) return false;
  wslay_event_config_set_max_recv_msg_length(client->ws, SM_LIVE_MESSAGE_MAX);
  return true;
}

static bool early_take(sm_live_client *client, const sm_live_arrival *arrival) {
  if (arrival->early_len == 0) return true;
  client->early = malloc(arrival->early_len);
  if (client->early == NULL) return false;
  memcpy(client->early, arrival->early, arrival->early_len);
  client->early_len = arrival->early_len;
  return true;
}

static void link_first(sm_live_client *client) {
  sm_live *live = client->live;
  client->next = live->first;
  if (live->first != NULL) live->first->prev = client;
  live->first = client;
  (void)atomic_fetch_add(&live->clients, 1);
  (void)atomic_fetch_add(&live->clients_total, 1);
}

sm_live_client *sm_live_client_new(sm_live *live, sm_live_arrival *arrival) {
  sm_live_client *client = calloc(1, sizeof *client);
  bool done = false;
  if (client != NULL) {
    int64_t now = live->now_ms;
    client->live = live;
    client->fd = arrival->fd;
    client->handle = arrival->handle;
    client->since_ms = client->heard_ms = client->pinged_ms = client->checked_ms = now;
    client->moved_ms = now;
    client->budget_full_ms = now;
    done = early_take(client, arrival) && ws_init(client) && watch(client, EPOLL_CTL_ADD, false);
  }
  if (done) {
    link_first(client);
  } else {
    if (client != NULL && client->ws != NULL) wslay_event_context_free(client->ws);
    if (client != NULL) free(client->early);
    free(client);
    client = NULL;
    (void)MHD_upgrade_action(arrival->handle, MHD_UPGRADE_ACTION_CLOSE);
    sm_live_left(live);
  }
  free(arrival);
  return client;
}

void sm_live_client_free(sm_live_client *client) {
  sm_live *live = client->live;
  sm_live_walk_stop(client);
  sm_live_walk_leave(client);
  (void)sm_live_every_set(client, false);
  sm_live_sub_remove(client, 0, client->sub_count);
  sm_live_session_listen(client, false);
  if (client->prev != NULL) client->prev->next = client->next;
  if (client->next != NULL) client->next->prev = client->prev;
  if (live->first == client) live->first = client->next;
  (void)epoll_ctl(live->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
  sm_live_left(live); /* before the peer can see that its place is free */
  (void)MHD_upgrade_action(client->handle, MHD_UPGRADE_ACTION_CLOSE);
  wslay_event_context_free(client->ws);
  (void)atomic_fetch_sub(&live->queued_bytes, waiting(client));
  (void)atomic_fetch_sub(&live->clients, 1);
  free(client->sub);
  free(client->early);
  free(client->out);
  free(client);
}

void sm_live_client_kill(sm_live_client *client) {
  client->dead = true;
  client->live->any_dead = true;
}

/* ---- out ---- */

static void enter_closing(sm_live_client *client) {
  client->state = SM_LIVE_CLOSING;
  client->since_ms = client->live->now_ms;
  sm_live_walk_stop(client);
}

/* Moves what wslay has queued into our queue. */
static void encode(sm_live_client *client) {
  if (wslay_event_send(client->ws) != 0) sm_live_client_kill(client);
  if (wslay_event_get_close_sent(client->ws) && client->state != SM_LIVE_CLOSING)
    enter_closing(client);
}

static void queue(sm_live_client *client, uint8_t opcode, const char *text, size_t len) {
  struct wslay_event_msg message = {
      .opcode = opcode, .msg = (const uint8_t *)text, .msg_length = len};
  if (client->dead || client->state == SM_LIVE_CLOSING) return;
  if (wslay_event_queue_msg(client->ws, &message) != 0)
    sm_live_client_kill(client);
  else
    encode(client);
}

void sm_live_client_say(sm_live_client *client, const char *text) {
  queue(client, WSLAY_TEXT_FRAME, text, strlen(text));
}

void sm_live_client_ping(sm_live_client *client) {
  queue(client, WSLAY_PING, "", 0);
}

bool sm_live_client_has_room(const sm_live_client *client) {
  const sm_live *live = client->live;
  return waiting(client) < live->options.queue_bytes / 2 &&
         (waiting(client) < CROWDED_SHARE / 2 ||
          atomic_load(&live->queued_bytes) < live->options.queue_total_bytes);
}

static bool fits(const sm_live_client *client, size_t len) {
  const sm_live *live = client->live;
  size_t after = waiting(client) + len;
  if (after > live->options.queue_bytes) return false;
  return after <= CROWDED_SHARE ||
         atomic_load(&live->queued_bytes) + len <= live->options.queue_total_bytes;
}

static void send_event(sm_live_client *client, const char *type, const char *more) {
  sm_live *live = client->live;
  if (client->dead || client->state != SM_LIVE_OPEN) return;
  client->n++;
  sm_buf_clear(&live->frame);
  sm_buf_printf(&live->frame, "{\"type\":\"%s\",\"n\":%llu,%s\"%s\":", type,
                (unsigned long long)client->n, more, type);
  sm_buf_append(&live->frame, live->body.data, live->body.len);
  sm_buf_append_char(&live->frame, '}');
  bool made = live->body.err == SM_OK && live->frame.err == SM_OK;
  if (!made || !fits(client, live->frame.len + 4)) {
    (void)atomic_fetch_add(&live->frames_dropped, 1);
    return;
  }
  queue(client, WSLAY_TEXT_FRAME, live->frame.data, live->frame.len);
  (void)atomic_fetch_add(&live->frames_sent, 1);
}

void sm_live_client_event(sm_live_client *client, bool late) {
  send_event(client, "reading", late ? "\"late\":true," : "");
}

void sm_live_client_alert(sm_live_client *client) {
  send_event(client, "alert", "");
}

/* Both have said goodbye and ours is sent: the side that serves hangs up first. */
static void settle(sm_live_client *client) {
  if (client->state == SM_LIVE_CLOSING && waiting(client) == 0 &&
      wslay_event_get_close_received(client->ws))
    sm_live_client_kill(client);
}

static void watch_room(sm_live_client *client, bool wanted) {
  if (client->out_watched == wanted) return;
  client->out_watched = wanted;
  if (!watch(client, EPOLL_CTL_MOD, wanted)) sm_live_client_kill(client);
}

static void out_rest(sm_live_client *client) {
  client->out_at = client->out_len = 0;
  if (client->out_cap > SMALL_OUT) {
    free(client->out);
    client->out = NULL;
    client->out_cap = 0;
  }
}

void sm_live_client_flush(sm_live_client *client) {
  if (client->dead) return;
  while (waiting(client) > 0) {
    ssize_t n = send(client->fd, client->out + client->out_at, waiting(client),
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n < 0) {
      sm_live_client_kill(client);
      return;
    }
    client->out_at += (size_t)n;
    client->moved_ms = client->live->now_ms;
    (void)atomic_fetch_sub(&client->live->queued_bytes, (size_t)n);
  }
  if (waiting(client) == 0) out_rest(client);
  watch_room(client, waiting(client) > 0);
  sm_live_walk_unblock(client);
  settle(client);
}

void sm_live_client_writable(sm_live_client *client) {
  sm_live_client_flush(client);
}

void sm_live_client_close(sm_live_client *client, uint16_t code, const char *reason) {
  if (client->dead || client->state == SM_LIVE_CLOSING) return;
  enter_closing(client);
  if (wslay_event_queue_close(client->ws, code, (const uint8_t *)reason, strlen(reason)) != 0)
    sm_live_client_kill(client);
  else
    encode(client);
}

bool sm_live_client_stuck(const sm_live_client *client, int64_t longest_ms) {
  return waiting(client) > 0 && client->live->now_ms - client->moved_ms > longest_ms;
}

/* ---- in ---- */

/* After a breach of protocol wslay reads no more. What the peer still sends is thrown away, for a
 * socket closed with unread bytes is reset, and the close frame lost with it. */
static void discard(sm_live_client *client) {
  char buf[4096];
  for (size_t got = 0; got < READ_A_TURN;) {
    ssize_t n = recv(client->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
      sm_live_client_kill(client);
    if (n <= 0) return;
    got += (size_t)n;
  }
}

/* Of what is wrong inside a frame wslay tells the peer nothing (an empty close); we say 1002. */
static void breach(sm_live_client *client) {
  static const uint8_t close_frame[] = {0x88, 2, 0x03, 0xea};
  if (client->state == SM_LIVE_CLOSING) return;
  enter_closing(client);
  if (!out_append(client, close_frame, sizeof close_frame)) sm_live_client_kill(client);
}

void sm_live_client_readable(sm_live_client *client) {
  if (client->dead) return;
  client->read_left = READ_A_TURN;
  if (!wslay_event_get_read_enabled(client->ws)) {
    discard(client);
    return;
  }
  if (wslay_event_recv(client->ws) == 0) {
    encode(client);
    settle(client);
  } else if (client->gone) {
    sm_live_client_kill(client);
  } else {
    breach(client);
  }
}
