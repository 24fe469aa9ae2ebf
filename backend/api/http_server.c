#include "api/http_server.h"

#include "api/api.h"
#include "api/connections.h"
#include "api/dress.h"
#include "api/http_send.h"
#include "api/listen.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/steady.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
  MEMORY_BYTES = 16384, /* a connection's, for its headers */
  DRAIN_MAX = 4 << 20,  /* of a body that nobody wants: read, so that the answer is */
  STOP_WAIT_MS = 5000,  /* for running requests */
  TICK_MS = 1000,       /* of the deadlines */
  NICE = 5,             /* of the threads that serve */
  OPTIONS_MAX = 20
};

typedef struct sm_http {
  sm_api *api;
  struct MHD_Daemon *daemon;
  sm_connections *connections;
  uint16_t port;
  pthread_mutex_t lock;
  pthread_cond_t idle;
  unsigned running; /* requests between headers and end, guarded by lock */
  atomic_bool stopping;
} sm_http;

/* One request on its way. */
typedef struct exchange {
  sm_http *http;
  sm_connection *connection;
  sm_request request;
  sm_answer answer;
  const sm_route *route;
  bool begun;    /* the headers have been looked at */
  bool answered; /* the answer is there, the body does not matter */
  bool upgraded;
  bool settled;  /* counted and logged */
  unsigned sent; /* the status that was sent */
  uint64_t drained;
  int64_t begun_us;
} exchange;

static sm_connection *connection_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

/* ---- a request's life ---- */

/* The request line is there. What this returns comes back as *context below. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection) {
  exchange *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  e->http = cls;
  e->connection = connection_of(connection);
  sm_answer_init(&e->answer);
  if (sm_request_init(&e->request, target) == SM_OK) return e;
  free(e);
  return NULL;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value) {
  (void)kind;
  sm_request_header(cls, name, value);
  return MHD_YES;
}

static void begin(exchange *e, struct MHD_Connection *connection, const char *method) {
  sm_http *http = e->http;
  e->begun = true;
  e->begun_us = sm_clock_steady_us();
  e->request.method = method;
  (void)pthread_mutex_lock(&http->lock);
  http->running++;
  (void)pthread_mutex_unlock(&http->lock);
  (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &e->request);
  const union MHD_ConnectionInfo *peer =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  sm_client_address(&http->api->proxies, peer == NULL ? NULL : peer->client_addr,
                    e->request.header[SM_HEADER_FORWARDED_FOR], e->request.address);
  if (atomic_load(&http->stopping)) {
    sm_answer_later(&e->answer, 503, 5, "The server is stopping.");
    e->answered = true;
  } else {
    e->answered = sm_api_admit(http->api, &e->request, &e->route, &e->answer);
  }
  sm_connection_allow(e->connection, http->api->options.body_timeout_ms);
}

static enum MHD_Result send_answer(exchange *e, struct MHD_Connection *connection) {
  sm_api *api = e->http->api;
  sm_send_style style = {.secure = api->secure,
                         .close = e->answer.close || atomic_load(&e->http->stopping)};
  sm_api_dress(api, &e->request, &e->answer);
  sm_connection_allow(e->connection, api->options.answer_timeout_ms);
  e->sent = e->answer.status;
  return sm_http_send(connection, &e->request, &e->answer, &style) ? MHD_YES : MHD_NO;
}

static void too_large(exchange *e) {
  sm_answer_clear(&e->answer);
  sm_answer_problem(&e->answer, 413, "The body is larger than %d bytes.", (int)SM_BODY_MAX);
  e->answered = true;
}

/* Looks at the headers. Most answers wait until the body is read, since a client that is still
 * writing would not read them; a body that is too large for that is not waited for. */
static enum MHD_Result take_headers(exchange *e, struct MHD_Connection *connection,
                                    const char *method) {
  begin(e, connection, method);
  const char *length = e->request.header[SM_HEADER_CONTENT_LENGTH];
  unsigned long long bytes = length == NULL ? 0 : strtoull(length, NULL, 10);
  if (!e->answered && bytes > SM_BODY_MAX) too_large(e);
  bool client_waits = e->request.header[SM_HEADER_EXPECT] != NULL;
  if (e->answered && bytes > 0 && (bytes > DRAIN_MAX || client_waits))
    return send_answer(e, connection);
  return MHD_YES;
}

static enum MHD_Result take_body(exchange *e, const char *data, size_t *len) {
  e->drained += *len;
  if (!e->answered && e->drained > SM_BODY_MAX) too_large(e);
  if (!e->answered) sm_buf_append(&e->request.body, data, *len);
  *len = 0;
  return e->drained > DRAIN_MAX ? MHD_NO : MHD_YES;
}

static void write_log_line(const exchange *e, int64_t us) {
  /* A flood that is turned away must not fill the disk; it is counted. */
  bool quiet = e->route == NULL || strncmp(e->route->pattern, "/api/", 5) != 0 || e->sent == 429;
  sm_log(quiet ? SM_LOG_DEBUG : SM_LOG_INFO, "http.request",
         SM_LOG_TEXT("request", &e->request.id[0]), SM_LOG_TEXT("method", e->request.method),
         SM_LOG_TEXT("route", e->route == NULL ? "*" : e->route->pattern),
         SM_LOG_INT("status", e->sent), SM_LOG_INT("ms", us / 1000),
         SM_LOG_TEXT("address", &e->request.address[0]),
         SM_LOG_TEXT("user", e->request.caller.known ? e->request.caller.user_id : ""));
}

/* The request is over: it is counted, logged, and no longer waited for when the server stops. */
static void settle(exchange *e) {
  sm_http *http = e->http;
  if (!e->begun || e->settled) return;
  e->settled = true;
  int64_t us = sm_clock_steady_us() - e->begun_us;
  sm_figures_count(&http->api->figures, e->route, e->sent, us);
  write_log_line(e, us);
  (void)pthread_mutex_lock(&http->lock);
  if (--http->running == 0) (void)pthread_cond_broadcast(&http->idle);
  (void)pthread_mutex_unlock(&http->lock);
}

static void refuse_live(exchange *e, sm_err err, const char *detail) {
  switch (err) {
  case SM_ERR_INVALID:
    sm_answer_problem(&e->answer, 400, "%s", detail);
    break;
  case SM_ERR_UNSUPPORTED:
    sm_answer_problem(&e->answer, 426, "%s", detail);
    sm_answer_header_add(&e->answer, "Upgrade", "websocket");
    sm_answer_header_add(&e->answer, "Sec-WebSocket-Version", "13");
    break;
  case SM_ERR_DENIED:
    sm_answer_problem(&e->answer, 403, "%s", detail);
    break;
  case SM_ERR_BUSY:
    sm_answer_later(&e->answer, 503, 10, detail);
    break;
  default:
    sm_api_fail(&e->request, &e->answer, err);
    break;
  }
}

static enum MHD_Result upgrade(exchange *e, struct MHD_Connection *connection) {
  sm_api *api = e->http->api;
  struct MHD_Response *response = NULL;
  const char *detail = "Live readings are not served here.";
  sm_err err = api->options.live == NULL
                   ? SM_ERR_BUSY
                   : sm_live_upgrade(api->options.live, connection, &response, &detail);
  if (err == SM_OK) {
    /* The hub has its own times for its clients. */
    sm_connection_allow(e->connection, 0);
    e->upgraded = true;
    e->sent = MHD_HTTP_SWITCHING_PROTOCOLS;
    enum MHD_Result queued = MHD_queue_response(connection, e->sent, response);
    MHD_destroy_response(response);
    settle(e); /* what follows is the hub's, and may last for days */
    return queued;
  }
  refuse_live(e, err, detail);
  return send_answer(e, connection);
}

static enum MHD_Result finish(exchange *e, struct MHD_Connection *connection) {
  if (!e->answered && e->request.body.err != SM_OK) {
    sm_api_fail(&e->request, &e->answer, e->request.body.err);
    e->answered = true;
  }
  if (!e->answered && e->route->handler == NULL) return upgrade(e, connection);
  if (!e->answered) sm_api_handle(e->http->api, e->route, &e->request, &e->answer);
  e->answered = true;
  return send_answer(e, connection);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context) {
  (void)cls;
  (void)url;
  (void)version;
  exchange *e = *context;
  if (e == NULL) return MHD_NO;
  if (!e->begun) return take_headers(e, connection, method);
  if (*len > 0) return take_body(e, data, len);
  return finish(e, connection);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **context,
                   enum MHD_RequestTerminationCode code) {
  sm_http *http = cls;
  exchange *e = *context;
  (void)connection;
  (void)code;
  if (e == NULL) return;
  settle(e);
  if (!e->upgraded) sm_connection_allow(e->connection, http->api->options.idle_timeout_ms);
  sm_answer_fini(&e->answer);
  sm_request_fini(&e->request);
  free(e);
  *context = NULL;
}

/* Readings come first: under a flood of requests the threads that serve them wait for those that
 * take readings in. On Linux 0 means the calling thread alone, here one of the pool. */
static void stand_back(void) {
  static _Thread_local bool done;
  if (!done) (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
  done = true;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  sm_http *http = cls;
  stand_back();
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    atomic_fetch_add(&http->api->figures.connections, 1);
    *socket_context = info == NULL ? NULL
                                   : sm_connections_add(http->connections, info->connect_fd,
                                                        http->api->options.header_timeout_ms);
    return;
  }
  atomic_fetch_sub(&http->api->figures.connections, 1);
  sm_connections_remove(http->connections, *socket_context);
  *socket_context = NULL;
}

static void SM_PRINTF(2, 0) on_library_log(void *cls, const char *format, va_list args) {
  (void)cls;
  char text[512];
  (void)vsnprintf(text, sizeof text, format, args);
  size_t len = strlen(text);
  while (len > 0 && text[len - 1] == '\n') text[--len] = '\0';
  sm_log(SM_LOG_DEBUG, "http.library", SM_LOG_TEXT("text", &text[0]));
}

/* ---- the daemon ---- */

/* While the server stops, who comes is turned away here. (MHD_quiesce_daemon would do it, but takes
 * the listener out of the set of each thread's epoll at the same time as that thread may: the
 * second one of them ends the process.) */
static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t len) {
  sm_http *http = context;
  (void)address;
  (void)len;
  return atomic_load(&http->stopping) ? MHD_NO : MHD_YES;
}

static void add_option(struct MHD_OptionItem *options, size_t *count, enum MHD_OPTION option,
                       intptr_t value, void *pointer) {
  options[*count] = (struct MHD_OptionItem){.option = option, .value = value, .ptr_value = pointer};
  (*count)++;
}

static void set_options(const sm_api *api, int listener, struct MHD_OptionItem *options) {
  /* Of TLS 1.2 only what keeps past sessions secret when the key is lost, and authenticates as it
   * encrypts. */
  static char priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
                             ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
                             ":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"
                             ":-SIGN-ECDSA-SHA1:-SIGN-RSA-SHA1:%SERVER_PRECEDENCE";
  const sm_api_options *given = &api->options;
  size_t n = 0;
  add_option(options, &n, MHD_OPTION_LISTEN_SOCKET, listener, NULL);
  add_option(options, &n, MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)given->threads, NULL);
  add_option(options, &n, MHD_OPTION_CONNECTION_LIMIT, (intptr_t)given->connections, NULL);
  add_option(options, &n, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)given->connections_each,
             NULL);
  add_option(options, &n, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, NULL);
  add_option(options, &n, MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
  if (api->cert_pem != NULL) {
    add_option(options, &n, MHD_OPTION_HTTPS_MEM_CERT, 0, api->cert_pem);
    add_option(options, &n, MHD_OPTION_HTTPS_MEM_KEY, 0, api->key_pem);
    add_option(options, &n, MHD_OPTION_HTTPS_PRIORITIES, 0, priorities);
  }
  add_option(options, &n, MHD_OPTION_END, 0, NULL);
}

static struct MHD_Daemon *start_daemon(sm_http *http, int listener) {
  struct MHD_OptionItem options[OPTIONS_MAX];
  set_options(http->api, listener, options);
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_UPGRADE;
  if (http->api->cert_pem != NULL) flags |= MHD_USE_TLS;
  return MHD_start_daemon(flags, 0, on_accept, http, on_request, http, MHD_OPTION_EXTERNAL_LOGGER,
                          on_library_log, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
                          MHD_OPTION_NOTIFY_COMPLETED, on_end, http, MHD_OPTION_NOTIFY_CONNECTION,
                          on_connection, http, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static sm_http *new_http(sm_api *api) {
  sm_http *http = calloc(1, sizeof *http);
  if (http == NULL) return NULL;
  http->api = api;
  (void)pthread_mutex_init(&http->lock, NULL);
  (void)sm_steady_cond_init(&http->idle);
  return http;
}

static uint32_t tick_of(const sm_api_options *options) {
  uint32_t shortest = options->header_timeout_ms;
  if (options->idle_timeout_ms < shortest) shortest = options->idle_timeout_ms;
  if (options->body_timeout_ms < shortest) shortest = options->body_timeout_ms;
  if (options->answer_timeout_ms < shortest) shortest = options->answer_timeout_ms;
  return shortest / 4 < TICK_MS ? shortest / 4 + 1 : TICK_MS;
}

sm_err sm_http_start(sm_api *api, sm_http **http) {
  int listener;
  sm_http *out = new_http(api);
  if (out == NULL) return SM_ERR_NOMEM;
  sm_err err =
      sm_connections_new(tick_of(&api->options), &api->figures.timed_out, &out->connections);
  if (err == SM_OK)
    err = sm_listen("http", api->options.bind, api->options.port, &listener, &out->port);
  if (err == SM_OK && (out->daemon = start_daemon(out, listener)) == NULL) {
    (void)close(listener);
    sm_log(SM_LOG_ERROR, "http.start_failed",
           SM_LOG_TEXT("hint", api->cert_pem == NULL
                                   ? "the library could not start its threads"
                                   : "certificate and key may not fit each other"));
    err = SM_ERR_IO;
  }
  if (err == SM_OK)
    *http = out;
  else
    sm_http_stop(out);
  return err;
}

uint16_t sm_http_port(const sm_http *http) {
  return http->port;
}

static void wait_until_idle(sm_http *http) {
  const struct timespec until = sm_steady_after(STOP_WAIT_MS);
  (void)pthread_mutex_lock(&http->lock);
  int waited = 0;
  while (http->running > 0 && waited == 0)
    waited = pthread_cond_timedwait(&http->idle, &http->lock, &until);
  (void)pthread_mutex_unlock(&http->lock);
}

void sm_http_stop(sm_http *http) {
  if (http == NULL) return;
  atomic_store(&http->stopping, true);
  if (http->daemon != NULL) {
    wait_until_idle(http);
    MHD_stop_daemon(http->daemon); /* closes the listener, too */
  }
  sm_connections_free(http->connections);
  (void)pthread_cond_destroy(&http->idle);
  (void)pthread_mutex_destroy(&http->lock);
  free(http);
}
