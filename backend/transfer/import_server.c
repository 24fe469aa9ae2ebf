#include "transfer/import_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "transfer/import_socket.h"
#include "transfer/import_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SEND_TIMEOUT_S = 10, INBOX = SM_WIRE_HEAD + SM_WIRE_BODY_MAX };

struct sm_import_server {
  sm_import_server_options options;
  int listen_fd;
  int stop_fd; /* readable: end */
  pthread_t thread;

  /* the thread's */
  int client_fd; /* -1: none */
  bool greeted;
  uint8_t *inbox; /* INBOX bytes */
  size_t inbox_len;
  sm_wire_room room;
  sm_buf outbox;

  atomic_uint_fast64_t batches;
  atomic_uint_fast64_t stored;
  atomic_uint_fast64_t duplicates;
  atomic_uint_fast64_t refused;
};

/* ---- one client ---- */

static void drop_client(sm_import_server *s) {
  if (s->client_fd >= 0) (void)close(s->client_fd);
  s->client_fd = -1;
  s->greeted = false;
  s->inbox_len = 0;
}

static bool send_all(int fd, const sm_buf *out) {
  size_t at = 0;
  while (out->err == SM_OK && at < out->len) {
    ssize_t n = send(fd, out->data + at, out->len - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += (size_t)n;
  }
  return out->err == SM_OK;
}

static bool say_sorry(sm_import_server *s, int fd, const char *sentence) {
  sm_buf_clear(&s->outbox);
  sm_wire_put_sorry(&s->outbox, sentence);
  return send_all(fd, &s->outbox);
}

static void count(sm_import_server *s, const sm_readings_batch *batch) {
  uint64_t kinds[SM_VERDICT_PAST_RETENTION + 1] = {0};
  for (size_t i = 0; i < batch->reading_count; i++) kinds[batch->readings[i].verdict]++;
  atomic_fetch_add(&s->batches, 1);
  atomic_fetch_add(&s->stored, kinds[SM_VERDICT_STORED] + kinds[SM_VERDICT_LATE]);
  atomic_fetch_add(&s->duplicates, kinds[SM_VERDICT_DUPLICATE]);
  atomic_fetch_add(&s->refused, batch->reject_count + kinds[SM_VERDICT_CONFLICT] +
                                    kinds[SM_VERDICT_PAST_RETENTION]);
}

static bool take_batch(sm_import_server *s, const sm_wire_body *body) {
  sm_readings_batch batch;
  sm_err err = sm_wire_read_batch(body, sm_clock_now_ms(), &s->room, &batch);
  if (err != SM_OK) {
    (void)say_sorry(s, s->client_fd, "the batch is not one that an import sends");
    return false;
  }
  err = s->options.commit(s->options.context, &batch);
  if (err != SM_OK) return say_sorry(s, s->client_fd, sm_err_text(err));
  count(s, &batch);
  sm_buf_clear(&s->outbox);
  sm_wire_put_verdicts(&s->outbox, &batch);
  return send_all(s->client_fd, &s->outbox);
}

static bool take_hello(sm_import_server *s, const sm_wire_body *body) {
  uint16_t version = 0;
  sm_err err = sm_wire_read_hello(body, &version);
  if (err != SM_OK || version != SM_WIRE_VERSION) {
    (void)say_sorry(s, s->client_fd,
                    "the running server is of another version: import with its own program");
    return false;
  }
  s->greeted = true;
  sm_buf_clear(&s->outbox);
  sm_wire_put_hello(&s->outbox);
  return send_all(s->client_fd, &s->outbox);
}

/* Takes what frames there are; false: the connection is of no more use. */
static bool take_frames(sm_import_server *s) {
  size_t at = 0;
  for (;;) {
    sm_wire_body body;
    size_t frame_len;
    if (sm_wire_take(s->inbox + at, s->inbox_len - at, &body, &frame_len) != SM_OK) return false;
    if (frame_len == 0) break;
    if (!(s->greeted ? take_batch(s, &body) : take_hello(s, &body))) return false;
    at += frame_len;
  }
  memmove(s->inbox, s->inbox + at, s->inbox_len - at);
  s->inbox_len -= at;
  return true;
}

static void serve_client(sm_import_server *s) {
  ssize_t n = recv(s->client_fd, s->inbox + s->inbox_len, INBOX - s->inbox_len, 0);
  if (n < 0 && errno == EINTR) return;
  if (n > 0) s->inbox_len += (size_t)n;
  if (n <= 0 || !take_frames(s)) drop_client(s);
}

/* Its process has ended: what it still had sent is no longer waited for by anybody. */
static void drop_client_if_gone(sm_import_server *s) {
  struct pollfd polled = {.fd = s->client_fd};
  if (s->client_fd >= 0 && poll(&polled, 1, 0) == 1 && (polled.revents & POLLHUP) != 0)
    drop_client(s);
}

static void accept_client(sm_import_server *s) {
  int fd = accept(s->listen_fd, NULL, NULL);
  if (fd < 0) return;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  drop_client_if_gone(s);
  const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (s->client_fd >= 0) {
    (void)say_sorry(s, fd,
                    "another import is running: wait for its end, then start this one again");
    (void)close(fd);
    return;
  }
  s->client_fd = fd;
}

static void *run(void *context) {
  sm_import_server *s = context;
  for (;;) {
    struct pollfd polled[] = {{.fd = s->stop_fd, .events = POLLIN},
                              {.fd = s->listen_fd, .events = POLLIN},
                              {.fd = s->client_fd, .events = POLLIN}}; /* -1 is passed over */
    if (poll(polled, 3, -1) < 0 && errno != EINTR) break;
    if (polled[0].revents != 0) break;
    if (polled[2].revents != 0) serve_client(s);
    if (polled[1].revents != 0) accept_client(s);
  }
  drop_client(s);
  return NULL;
}

/* ---- start and stop ---- */

static void free_server(sm_import_server *s) {
  if (s->listen_fd >= 0) (void)close(s->listen_fd);
  if (s->stop_fd >= 0) (void)close(s->stop_fd);
  sm_wire_room_fini(&s->room);
  sm_buf_fini(&s->outbox);
  free(s->inbox);
  free(s);
}

static sm_err prepare(sm_import_server *s) {
  s->inbox = malloc(INBOX);
  sm_err err = sm_wire_room_init(&s->room);
  if (err != SM_OK || s->inbox == NULL) return SM_ERR_NOMEM;
  s->stop_fd = eventfd(0, EFD_CLOEXEC);
  if (s->stop_fd < 0) return SM_ERR_IO;
  return sm_import_socket_listen(s->options.data_dir, &s->listen_fd);
}

sm_err sm_import_server_start(const sm_import_server_options *options, sm_import_server **out) {
  sm_import_server *s = calloc(1, sizeof *s);
  if (s == NULL) return SM_ERR_NOMEM;
  s->options = *options;
  s->listen_fd = s->stop_fd = s->client_fd = -1;
  sm_buf_init(&s->outbox, 0);
  sm_err err = prepare(s);
  if (err == SM_OK && pthread_create(&s->thread, NULL, run, s) != 0) err = SM_ERR_NOMEM;
  if (err != SM_OK) {
    free_server(s);
    return err;
  }
  *out = s;
  return SM_OK;
}

void sm_import_server_stop(sm_import_server *s) {
  if (s == NULL) return;
  const uint64_t one = 1;
  if (write(s->stop_fd, &one, sizeof one) != sizeof one) abort(); /* an eventfd takes it */
  (void)pthread_join(s->thread, NULL);
  sm_import_socket_remove(s->options.data_dir);
  free_server(s);
}

void sm_import_server_write_metrics(sm_import_server *s, sm_buf *out) {
  const sm_metric rows[] = {
      {"smartmeter_import_batches_total", "counter", "Batches stored for `smartmeter import`.",
       atomic_load(&s->batches)},
      {"smartmeter_import_stored_total", "counter", "Readings stored by imports.",
       atomic_load(&s->stored)},
      {"smartmeter_import_duplicate_total", "counter",
       "Readings of imports that were stored already.", atomic_load(&s->duplicates)},
      {"smartmeter_import_refused_total", "counter", "Readings of imports that were refused.",
       atomic_load(&s->refused)},
  };
  sm_metrics_write(out, rows, sizeof rows / sizeof rows[0]);
}
