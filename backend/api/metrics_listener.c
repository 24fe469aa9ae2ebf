#include "api/metrics_listener.h"

#include "api/listen.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_S = 10, CONNECTIONS = 32, BODY_MAX = 16 << 20 };

struct sm_metrics_listener {
  struct MHD_Daemon *daemon;
  uint16_t port;
  void (*write)(void *context, sm_buf *out);
  void *context;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, sm_buf *body,
                              const char *type) {
  const char *text = sm_buf_text(body);
  struct MHD_Response *response =
      MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
  if (response == NULL) return MHD_NO;
  (void)MHD_add_response_header(response, "Content-Type", type);
  (void)MHD_add_response_header(response, "Cache-Control", "no-store");
  (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
    (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
  enum MHD_Result queued = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return queued;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context) {
  sm_metrics_listener *listener = cls;
  static int seen; /* its address says that the headers were looked at */
  (void)version;
  (void)data;
  if (*context == NULL) {
    *context = &seen;
    return MHD_YES;
  }
  if (*len > 0) {
    *len = 0;
    return MHD_YES;
  }
  bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  unsigned status = !reads                         ? MHD_HTTP_METHOD_NOT_ALLOWED
                    : strcmp(url, "/metrics") == 0 ? MHD_HTTP_OK
                                                   : MHD_HTTP_NOT_FOUND;
  sm_buf body;
  sm_buf_init(&body, BODY_MAX);
  if (status == MHD_HTTP_OK)
    listener->write(listener->context, &body);
  else
    sm_buf_append_text(&body, "The figures are at GET /metrics.\n");
  if (body.err != SM_OK) status = MHD_HTTP_INTERNAL_SERVER_ERROR;
  enum MHD_Result queued = answer(connection, status, &body,
                                  status == MHD_HTTP_OK ? "text/plain; version=0.0.4; charset=utf-8"
                                                        : "text/plain; charset=utf-8");
  sm_buf_fini(&body);
  return queued;
}

sm_err sm_metrics_listener_start(uint16_t port, void (*write)(void *context, sm_buf *out),
                                 void *context, sm_metrics_listener **listener) {
  int fd;
  sm_metrics_listener *out = calloc(1, sizeof *out);
  if (out == NULL) return SM_ERR_NOMEM;
  out->write = write;
  out->context = context;
  sm_err err = sm_listen("metrics", "127.0.0.1", port, &fd, &out->port);
  if (err == SM_OK) {
    out->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, out,
                                   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_TIMEOUT,
                                   (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
                                   (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (out->daemon == NULL) {
      (void)close(fd);
      err = SM_ERR_IO;
    }
  }
  if (err == SM_OK)
    *listener = out;
  else
    free(out);
  return err;
}

uint16_t sm_metrics_listener_port(const sm_metrics_listener *listener) {
  return listener->port;
}

void sm_metrics_listener_stop(sm_metrics_listener *listener) {
  if (listener == NULL) return;
  MHD_stop_daemon(listener->daemon);
  free(listener);
}
