#include "api/live_test_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEVICES_MAX = 20000, NAME_MAX_LEN = 16 };

typedef struct test_device {
  sm_live_device seen;
  char owner[NAME_MAX_LEN];
  bool has_last;
  sm_reading last;
} test_device;

struct test_server {
  sm_live *live;
  struct MHD_Daemon *daemon;
  uint16_t port;
  atomic_llong now_ms;

  pthread_mutex_t mutex; /* over what follows */
  pthread_cond_t changed;
  test_device *device; /* by id */
  size_t count;
  char disabled[NAME_MAX_LEN];
  bool hold;
  bool held;
};

/* ---- the source ---- */

static sm_err authenticate(void *context, const char *token, size_t len, sm_live_user *user) {
  (void)context;
  char text[64];
  if (len >= sizeof text) return SM_ERR_DENIED;
  memcpy(text, token, len);
  text[len] = '\0';
  char *slash = strchr(text, '/');
  *user = (sm_live_user){.expires_ms = INT64_MAX};
  if (slash != NULL) {
    user->expires_ms = strtoll(slash + 1, NULL, 10);
    *slash = '\0';
  }
  if (strcmp(text, "bad") == 0) return SM_ERR_DENIED;
  if (strcmp(text, "broken") == 0) return SM_ERR_IO;
  (void)snprintf(user->user_id, sizeof user->user_id, "%s", text);
  user->role = strcmp(text, "admin") == 0 ? SM_ROLE_ADMIN : SM_ROLE_CONSUMER;
  return SM_OK;
}

static bool still(void *context, const sm_live_user *user) {
  test_server *s = context;
  (void)pthread_mutex_lock(&s->mutex);
  bool is = strcmp(s->disabled, user->user_id) != 0;
  (void)pthread_mutex_unlock(&s->mutex);
  return is;
}

/* The place of an id, or of the first one behind it. */
static size_t place_of(const test_server *s, const char *id) {
  size_t low = 0;
  size_t high = s->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (strcmp(s->device[middle].seen.device_id, id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static test_device *find(const test_server *s, const char *id) {
  size_t at = place_of(s, id);
  return at < s->count && strcmp(s->device[at].seen.device_id, id) == 0 ? &s->device[at] : NULL;
}

static bool visible(const sm_live_user *user, const test_device *device, sm_live_device *out) {
  bool admin = user->role == SM_ROLE_ADMIN;
  if (!admin && strcmp(device->owner, user->user_id) != 0) return false;
  *out = device->seen;
  if (admin) {
    out->from_ms = INT64_MIN;
    out->to_ms = INT64_MAX;
  }
  return true;
}

static sm_err device_of(void *context, const sm_live_user *user, const char *id,
                        sm_live_device *out) {
  test_server *s = context;
  (void)pthread_mutex_lock(&s->mutex);
  const test_device *device = find(s, id);
  bool theirs = device != NULL && visible(user, device, out);
  (void)pthread_mutex_unlock(&s->mutex);
  return theirs ? SM_OK : SM_ERR_NOT_FOUND;
}

static sm_err devices_of(void *context, const sm_live_user *user, const char *after, size_t limit,
                         sm_live_device *out, size_t *count) {
  test_server *s = context;
  size_t n = 0;
  (void)pthread_mutex_lock(&s->mutex);
  for (size_t i = place_of(s, after); i < s->count && n < limit; i++)
    if (strcmp(s->device[i].seen.device_id, after) > 0 && visible(user, &s->device[i], &out[n]))
      n++;
  (void)pthread_mutex_unlock(&s->mutex);
  *count = n;
  return SM_OK;
}

static sm_err latest(void *context, const char *id, sm_reading *reading) {
  test_server *s = context;
  (void)pthread_mutex_lock(&s->mutex);
  while (s->hold) {
    s->held = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_cond_wait(&s->changed, &s->mutex);
  }
  const test_device *device = find(s, id);
  bool has = device != NULL && device->has_last;
  if (has) *reading = device->last;
  (void)pthread_mutex_unlock(&s->mutex);
  return has ? SM_OK : SM_ERR_NOT_FOUND;
}

static int64_t now(void *context) {
  return atomic_load(&((test_server *)context)->now_ms);
}

/* ---- the daemon ---- */

static unsigned status_of(sm_err err) {
  switch (err) {
  case SM_ERR_INVALID:
    return 400;
  case SM_ERR_DENIED:
    return 403;
  case SM_ERR_UNSUPPORTED:
    return 426;
  case SM_ERR_BUSY:
    return 503;
  default:
    return 500;
  }
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_len, void **request) {
  test_server *s = context;
  (void)url;
  (void)method;
  (void)version;
  (void)body;
  (void)body_len;
  static int seen;
  if (*request == NULL) {
    *request = &seen;
    return MHD_YES;
  }
  struct MHD_Response *response = NULL;
  const char *detail = NULL;
  unsigned status = MHD_HTTP_SWITCHING_PROTOCOLS;
  sm_err err = sm_live_upgrade(s->live, connection, &response, &detail);
  if (err != SM_OK) {
    status = status_of(err);
    response = MHD_create_response_from_buffer(strlen(detail), (void *)(uintptr_t)detail,
                                               MHD_RESPMEM_PERSISTENT);
  }
  enum MHD_Result queued = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return queued;
}

static void start_daemon(test_server *s) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer,
      s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_THREAD_POOL_SIZE, 2u,
      MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
  assert_non_null(s->daemon);
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
  assert_non_null(info);
  s->port = info->port;
}

test_server *test_server_new(const sm_live_options *options) {
  test_server *s = calloc(1, sizeof *s);
  assert_non_null(s);
  s->device = calloc(DEVICES_MAX, sizeof *s->device);
  assert_non_null(s->device);
  (void)pthread_mutex_init(&s->mutex, NULL);
  (void)pthread_cond_init(&s->changed, NULL);
  atomic_store(&s->now_ms, 1000000);
  sm_live_options o = options != NULL ? *options : (sm_live_options){0};
  o.source = (sm_live_source){.context = s,
                              .authenticate = authenticate,
                              .still = still,
                              .device = device_of,
                              .devices = devices_of,
                              .latest = latest};
  o.now_ms = now;
  o.now_context = s;
  assert_int_equal(sm_live_new(&o, &s->live), SM_OK);
  assert_int_equal(sm_live_start(s->live), SM_OK);
  start_daemon(s);
  return s;
}

void test_server_free(test_server *s) {
  sm_live_stop(s->live);
  MHD_stop_daemon(s->daemon);
  sm_live_free(s->live);
  (void)pthread_cond_destroy(&s->changed);
  (void)pthread_mutex_destroy(&s->mutex);
  free(s->device);
  free(s);
}

sm_live *test_server_live(test_server *s) {
  return s->live;
}

uint16_t test_server_port(const test_server *s) {
  return s->port;
}

ws_client *test_server_client(const test_server *server) {
  ws_client *client = ws_open(test_server_port(server), NULL);
  assert_int_equal(ws_status(client), 101);
  return client;
}

/* ---- what tests set ---- */

void test_server_clock(test_server *s, int64_t now_ms) {
  atomic_store(&s->now_ms, now_ms);
}

void test_server_device(test_server *s, const char *id, const char *owner, int64_t from_ms,
                        int64_t to_ms) {
  (void)pthread_mutex_lock(&s->mutex);
  test_device *device = find(s, id);
  if (device == NULL) {
    assert_true(s->count < DEVICES_MAX);
    size_t at = place_of(s, id);
    memmove(&s->device[at + 1], &s->device[at], (s->count - at) * sizeof *s->device);
    device = &s->device[at];
    *device = (test_device){0};
    s->count++;
  }
  (void)snprintf(device->seen.device_id, sizeof device->seen.device_id, "%s", id);
  (void)snprintf(device->owner, sizeof device->owner, "%s", owner);
  device->seen.from_ms = from_ms;
  device->seen.to_ms = to_ms;
  (void)pthread_mutex_unlock(&s->mutex);
}

static sm_reading reading_at(int64_t ts_ms) {
  return (sm_reading){.ts_ms = ts_ms,
                      .energy_wh = 12345,
                      .voltage_mv = 230400,
                      .current_ma = 2730,
                      .power_mw = 628990};
}

void test_server_store(test_server *s, const char *id, int64_t ts_ms) {
  (void)pthread_mutex_lock(&s->mutex);
  test_device *device = find(s, id);
  assert_non_null(device);
  if (!device->has_last || device->last.ts_ms < ts_ms) device->last = reading_at(ts_ms);
  device->has_last = true;
  (void)pthread_mutex_unlock(&s->mutex);
}

void test_server_publish(test_server *s, const char *id, int64_t ts_ms, bool late) {
  sm_reading reading = reading_at(ts_ms);
  test_server_store(s, id, ts_ms);
  sm_live_publish(s->live, id, &reading, late);
}

void test_server_disable(test_server *s, const char *user) {
  (void)pthread_mutex_lock(&s->mutex);
  (void)snprintf(s->disabled, sizeof s->disabled, "%s", user);
  (void)pthread_mutex_unlock(&s->mutex);
}

void test_server_hold(test_server *s) {
  (void)pthread_mutex_lock(&s->mutex);
  s->hold = true;
  s->held = false;
  (void)pthread_mutex_unlock(&s->mutex);
}

void test_server_await_held(test_server *s) {
  (void)pthread_mutex_lock(&s->mutex);
  while (!s->held) (void)pthread_cond_wait(&s->changed, &s->mutex);
  (void)pthread_mutex_unlock(&s->mutex);
}

void test_server_release(test_server *s) {
  (void)pthread_mutex_lock(&s->mutex);
  s->hold = false;
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->mutex);
}
