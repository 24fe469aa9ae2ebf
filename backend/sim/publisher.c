#include "sim/publisher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/order.h"

#include <assert.h>
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  KEEPALIVE_S = 30,
  LOOK_AROUND_MS = 100, /* how late a stop is noticed */
  RETRY_FIRST_MS = 200,
  RETRY_LAST_MS = 10000,
  UNTRUSTED = -1
};

/* Debian's store. The library's own switch for it (2.0.11) works for the first connection alone. */
static const char SYSTEM_CERTIFICATES[] = "/etc/ssl/certs";

struct sm_sim_publisher {
  struct mosquitto *client;
  sm_broker_url url; /* borrowed */
  const volatile sig_atomic_t *stop;
  unsigned window;
  unsigned on_their_way;
  bool connected; /* CONNACK has come */
  bool began;     /* mosquitto_connect was called, so reconnect may be */
  int refusal;    /* CONNACK code that repeating cannot mend, or UNTRUSTED; 0: none */
  int64_t retry_at_ms;
  int64_t retry_pause_ms;
  char reason[160];      /* why there is no connection */
  char tls_problem[160]; /* what the library said last of TLS, "" if nothing */
  sm_sim_publisher_stats stats;
};

static bool refusal_is_final(int code) {
  return code != 0 && code != 3; /* 3: server unavailable, which passes */
}

static void on_connect(struct mosquitto *client, void *context, int code) {
  sm_sim_publisher *p = context;
  (void)client;
  if (code != 0) {
    if (refusal_is_final(code)) p->refusal = code;
    (void)snprintf(p->reason, sizeof p->reason, "%s", mosquitto_connack_string(code));
    return;
  }
  p->connected = true;
  p->retry_pause_ms = RETRY_FIRST_MS;
  p->stats.connects++;
  if (p->stats.connects > 1)
    sm_log(SM_LOG_INFO, "sim.reconnected", SM_LOG_TEXT("host", p->url.host),
           SM_LOG_INT("port", p->url.port));
}

static void on_disconnect(struct mosquitto *client, void *context, int code) {
  sm_sim_publisher *p = context;
  (void)client;
  (void)code;
  p->connected = false;
}

static void on_publish(struct mosquitto *client, void *context, int mid) {
  sm_sim_publisher *p = context;
  (void)client;
  (void)mid;
  if (p->on_their_way > 0) p->on_their_way--;
  p->stats.acknowledged++;
}

static void on_log(struct mosquitto *client, void *context, int level, const char *text) {
  sm_sim_publisher *p = context;
  (void)client;
  if (level == MOSQ_LOG_ERR) (void)snprintf(p->tls_problem, sizeof p->tls_problem, "%s", text);
}

static sm_err check_stop(const sm_sim_publisher *p) {
  if (p->stop != NULL && *p->stop) return SM_ERR_CLOSED;
  return p->refusal != 0 ? SM_ERR_DENIED : SM_OK;
}

static void note_reason(sm_sim_publisher *p, int code) {
  if (p->refusal != 0 || code == MOSQ_ERR_CONN_REFUSED) return; /* on_connect has said it */
  const char *text = code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code);
  if (code == MOSQ_ERR_TLS && p->tls_problem[0] != '\0') text = p->tls_problem;
  (void)snprintf(p->reason, sizeof p->reason, "%s", text);
  if (code == MOSQ_ERR_TLS && strstr(text, "certificate verify failed") != NULL)
    p->refusal = UNTRUSTED;
}

/* Notes why the connection is gone and when to try again. */
static void lost(sm_sim_publisher *p, int code) {
  bool was_connected = p->connected;
  p->connected = false;
  note_reason(p, code);
  p->retry_at_ms = sm_clock_steady_ms() + p->retry_pause_ms;
  p->retry_pause_ms = sm_min_i64(p->retry_pause_ms * 2, RETRY_LAST_MS);
  if (was_connected)
    sm_log(SM_LOG_WARN, "sim.disconnected", SM_LOG_TEXT("host", p->url.host),
           SM_LOG_INT("port", p->url.port), SM_LOG_TEXT("reason", p->reason));
}

static void try_connect(sm_sim_publisher *p) {
  int code = p->began ? mosquitto_reconnect(p->client)
                      : mosquitto_connect(p->client, p->url.host, p->url.port, KEEPALIVE_S);
  /* libmosquitto remembers the address only from a connect that got as far as a socket's try. */
  p->began = true;
  if (code != MOSQ_ERR_SUCCESS) lost(p, code);
}

/* One turn of the connection, at most max_ms long. */
static void turn(sm_sim_publisher *p, int64_t max_ms) {
  int timeout_ms = (int)sm_min_i64(max_ms < 0 ? 0 : max_ms, LOOK_AROUND_MS);
  if (mosquitto_socket(p->client) >= 0) {
    int code = mosquitto_loop(p->client, timeout_ms, 1);
    if (code != MOSQ_ERR_SUCCESS) lost(p, code);
    return;
  }
  int64_t pause_ms = p->retry_at_ms - sm_clock_steady_ms();
  if (pause_ms > 0)
    (void)poll(NULL, 0, (int)sm_min_i64(pause_ms, timeout_ms));
  else
    try_connect(p);
}

static sm_err set_up(sm_sim_publisher *p, const char *ca_file, sm_buf *problem) {
  p->client = mosquitto_new(NULL, true, p);
  if (p->client == NULL) return SM_ERR_NOMEM;
  mosquitto_connect_callback_set(p->client, on_connect);
  mosquitto_disconnect_callback_set(p->client, on_disconnect);
  mosquitto_publish_callback_set(p->client, on_publish);
  mosquitto_log_callback_set(p->client, on_log);
  int code = mosquitto_int_option(p->client, MOSQ_OPT_SEND_MAXIMUM, (int)p->window);
  if (code == MOSQ_ERR_SUCCESS && p->url.username != NULL)
    code = mosquitto_username_pw_set(p->client, p->url.username, p->url.password);
  if (code != MOSQ_ERR_SUCCESS) return SM_ERR_NOMEM;
  if (!p->url.tls) return SM_OK;
  code = mosquitto_tls_set(p->client, ca_file, ca_file == NULL ? SYSTEM_CERTIFICATES : NULL, NULL,
                           NULL, NULL);
  if (code == MOSQ_ERR_SUCCESS) return SM_OK;
  sm_buf_printf(problem, "cannot use the CA file %s: give a readable PEM file",
                ca_file == NULL ? SYSTEM_CERTIFICATES : ca_file);
  return SM_ERR_IO;
}

static void explain_refusal(const sm_sim_publisher *p, sm_buf *problem) {
  char shown[SM_BROKER_URL_SHOWN_MAX];
  if (p->refusal == UNTRUSTED)
    sm_buf_printf(problem,
                  "%s shows a certificate that is not trusted, or not of that name (%s): give the "
                  "certificate of its authority by --ca, and the host's name as it stands in there",
                  sm_broker_url_show(&p->url, shown), p->reason);
  else
    sm_buf_printf(problem,
                  "%s refuses the connection (%s): check user and password in SMARTMETER_MQTT_URL",
                  sm_broker_url_show(&p->url, shown), p->reason);
}

static sm_err first_connection(sm_sim_publisher *p, int64_t timeout_ms, sm_buf *problem) {
  int64_t deadline_ms = sm_clock_steady_ms() + timeout_ms;
  char shown[SM_BROKER_URL_SHOWN_MAX];
  while (!p->connected) {
    sm_err err = check_stop(p);
    if (err == SM_ERR_DENIED) explain_refusal(p, problem);
    if (err != SM_OK) return err;
    int64_t left_ms = deadline_ms - sm_clock_steady_ms();
    if (left_ms <= 0) {
      sm_buf_printf(problem,
                    "no connection to %s (%s): start the broker there, or name another one by "
                    "--url or SMARTMETER_MQTT_URL",
                    sm_broker_url_show(&p->url, shown),
                    p->reason[0] == '\0' ? "no answer" : p->reason);
      return SM_ERR_TIMEOUT;
    }
    turn(p, left_ms);
  }
  return SM_OK;
}

sm_err sm_sim_publisher_new(const sm_sim_publisher_options *options, sm_buf *problem,
                            sm_sim_publisher **publisher) {
  assert(options->window <= 1000);
  sm_sim_publisher *p = calloc(1, sizeof *p);
  if (p == NULL) return SM_ERR_NOMEM;
  /* Counted by the library: pairs with the cleanup in free. */
  (void)mosquitto_lib_init();
  p->url = options->url;
  p->stop = options->stop;
  p->window = options->window == 0 ? 40 : options->window;
  p->retry_pause_ms = RETRY_FIRST_MS;
  sm_err err = set_up(p, options->ca_file, problem);
  if (err == SM_OK)
    err = first_connection(p, options->first_timeout_ms == 0 ? 30000 : options->first_timeout_ms,
                           problem);
  if (err != SM_OK) {
    sm_sim_publisher_free(p);
    return err;
  }
  *publisher = p;
  return SM_OK;
}

void sm_sim_publisher_free(sm_sim_publisher *publisher) {
  if (publisher == NULL) return;
  if (publisher->client != NULL) {
    if (publisher->connected) (void)mosquitto_disconnect(publisher->client);
    mosquitto_destroy(publisher->client);
  }
  (void)mosquitto_lib_cleanup();
  free(publisher);
}

sm_err sm_sim_publisher_send(sm_sim_publisher *publisher, const char *topic, const void *payload,
                             size_t len, bool retain) {
  sm_sim_publisher *p = publisher;
  sm_err err = check_stop(p);
  while (err == SM_OK && (!p->connected || p->on_their_way >= p->window)) {
    turn(p, LOOK_AROUND_MS);
    err = check_stop(p);
  }
  if (err != SM_OK) return err;
  int code = mosquitto_publish(p->client, NULL, topic, (int)len, payload, 1, retain);
  if (code == MOSQ_ERR_NOMEM) return SM_ERR_NOMEM;
  if (code == MOSQ_ERR_INVAL || code == MOSQ_ERR_PAYLOAD_SIZE || code == MOSQ_ERR_MALFORMED_UTF8 ||
      code == MOSQ_ERR_OVERSIZE_PACKET)
    return SM_ERR_INVALID;
  /* Any other failure is the connection's, and the library keeps the message for the next one. */
  p->on_their_way++;
  p->stats.messages++;
  if (code != MOSQ_ERR_SUCCESS && code != MOSQ_ERR_NO_CONN && mosquitto_socket(p->client) < 0)
    lost(p, code);
  return SM_OK;
}

sm_err sm_sim_publisher_flush(sm_sim_publisher *publisher, uint32_t timeout_ms) {
  int64_t deadline_ms = sm_clock_steady_ms() + timeout_ms;
  while (publisher->on_their_way > 0) {
    sm_err err = check_stop(publisher);
    if (err != SM_OK) return err;
    int64_t left_ms = deadline_ms - sm_clock_steady_ms();
    if (left_ms <= 0) return SM_ERR_TIMEOUT;
    turn(publisher, left_ms);
  }
  return SM_OK;
}

sm_err sm_sim_publisher_wait(sm_sim_publisher *publisher, int64_t until_ms) {
  for (;;) {
    sm_err err = check_stop(publisher);
    if (err != SM_OK) return err;
    int64_t left_ms = until_ms - sm_clock_steady_ms();
    if (left_ms <= 0) return SM_OK;
    turn(publisher, left_ms);
  }
}

void sm_sim_publisher_ignore_stop(sm_sim_publisher *publisher) {
  publisher->stop = NULL;
}

sm_sim_publisher_stats sm_sim_publisher_get_stats(const sm_sim_publisher *publisher) {
  return publisher->stats;
}
