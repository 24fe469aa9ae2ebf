#include "transfer/import_port.h"

#include "transfer/import_socket.h"
#include "transfer/import_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the store itself ---- */

static sm_err local_send(void *context, sm_readings_batch *batch, sm_buf *problem) {
  sm_err err = sm_readings_commit(context, batch);
  if (err != SM_OK) sm_buf_append_text(problem, sm_err_text(err));
  /* Durable whatever becomes of the sealing, which is tried again. */
  if (err == SM_OK && sm_readings_maintain(context, false, NULL) != SM_OK) return SM_OK;
  return err;
}

static sm_err local_wait(void *context, sm_readings_batch *batch, sm_buf *problem) {
  (void)context;
  (void)batch;
  (void)problem;
  return SM_OK;
}

static void local_close(void *context) {
  (void)context;
}

sm_import_port sm_import_port_local(sm_readings *store) {
  return (sm_import_port){
      .context = store, .send = local_send, .wait = local_wait, .close = local_close};
}

/* ---- the running server ---- */

typedef struct remote {
  int fd;
  sm_buf out;
  uint8_t *inbox; /* SM_WIRE_HEAD + SM_WIRE_BODY_MAX bytes */
  size_t inbox_len;
  size_t taken; /* of the frame at the inbox's start that was given out */
} remote;

static const char gone[] = "the server has ended, or closed the connection";

static sm_err flush(remote *r, sm_buf *problem) {
  size_t at = 0;
  if (r->out.err != SM_OK) return r->out.err;
  while (at < r->out.len) {
    ssize_t n = send(r->fd, r->out.data + at, r->out.len - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      sm_buf_append_text(problem, gone);
      return SM_ERR_CLOSED;
    }
    at += (size_t)n;
  }
  return SM_OK;
}

static sm_err receive(remote *r, sm_wire_body *body, sm_buf *problem) {
  memmove(r->inbox, r->inbox + r->taken, r->inbox_len - r->taken);
  r->inbox_len -= r->taken;
  r->taken = 0;
  for (;;) {
    sm_err err = sm_wire_take(r->inbox, r->inbox_len, body, &r->taken);
    if (err != SM_OK) sm_buf_append_text(problem, "the server's answer is not understood");
    if (err != SM_OK || r->taken > 0) return err;
    size_t room = SM_WIRE_HEAD + SM_WIRE_BODY_MAX - r->inbox_len;
    ssize_t n = recv(r->fd, r->inbox + r->inbox_len, room, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      sm_buf_append_text(problem, gone);
      return SM_ERR_CLOSED;
    }
    r->inbox_len += (size_t)n;
  }
}

/* Whether the server said sorry; then its sentence is the problem. */
static bool is_sorry(const sm_wire_body *body, sm_buf *problem) {
  if (body->kind != SM_WIRE_SORRY) return false;
  sm_buf_append_text(problem, "the server says: ");
  sm_buf_append(problem, body->data, body->len);
  return true;
}

static sm_err remote_send(void *context, sm_readings_batch *batch, sm_buf *problem) {
  remote *r = context;
  sm_buf_clear(&r->out);
  sm_wire_put_batch(&r->out, batch);
  return flush(r, problem);
}

static sm_err remote_wait(void *context, sm_readings_batch *batch, sm_buf *problem) {
  remote *r = context;
  sm_wire_body body;
  sm_err err = receive(r, &body, problem);
  if (err != SM_OK) return err;
  if (is_sorry(&body, problem)) return SM_ERR_IO;
  err = sm_wire_read_verdicts(&body, batch);
  if (err != SM_OK) sm_buf_append_text(problem, "the server's answer is not that of this batch");
  return err;
}

static void remote_close(void *context) {
  remote *r = context;
  if (r == NULL) return;
  if (r->fd >= 0) (void)close(r->fd);
  sm_buf_fini(&r->out);
  free(r->inbox);
  free(r);
}

/* A server that is busy says so and closes, maybe before it was greeted: what it said is read also
 * when nothing can be sent. */
static sm_err greet(remote *r, sm_buf *problem) {
  sm_wire_put_hello(&r->out);
  sm_err sent = flush(r, problem);
  if (sent != SM_OK) sm_buf_clear(problem);
  sm_wire_body body;
  sm_err err = receive(r, &body, problem);
  if (err != SM_OK) return err;
  if (is_sorry(&body, problem)) return SM_ERR_BUSY;
  uint16_t version = 0;
  err = sm_wire_read_hello(&body, &version);
  if (err == SM_OK && version == SM_WIRE_VERSION) return SM_OK;
  sm_buf_append_text(problem, "the running server is of another version");
  return SM_ERR_UNSUPPORTED;
}

static remote *new_remote(void) {
  remote *r = calloc(1, sizeof *r);
  if (r == NULL) return NULL;
  r->fd = -1;
  sm_buf_init(&r->out, 0);
  r->inbox = malloc(SM_WIRE_HEAD + SM_WIRE_BODY_MAX);
  if (r->inbox != NULL) return r;
  remote_close(r);
  return NULL;
}

sm_err sm_import_port_connect(const char *data_dir, sm_import_port *port, sm_buf *problem) {
  remote *r = new_remote();
  if (r == NULL) return SM_ERR_NOMEM;
  sm_err err = sm_import_socket_connect(data_dir, &r->fd);
  if (err == SM_OK) err = greet(r, problem);
  if (err != SM_OK) {
    remote_close(r);
    return err;
  }
  *port = (sm_import_port){
      .context = r, .send = remote_send, .wait = remote_wait, .close = remote_close};
  return SM_OK;
}
