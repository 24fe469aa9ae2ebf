/* The HTTP side of the server: the REST routes of contracts/openapi.json, the dashboard's files,
 * the hand-over of /api/live to the live hub, and /metrics on a listener of its own on loopback.
 *
 * Handlers are plain and synchronous; they run on libmicrohttpd's pool of threads. Everything that
 * a client sends is bounded: header bytes, body bytes, connections in all and an address, and the
 * time that a request's headers, its body and the reading of its answer may take.
 *
 * What is borrowed (stores, identity, hub, zone) must outlive the api; the hooks are called from
 * any of its threads, also several at once. Instants are ms UTC. */
#ifndef SM_API_SERVER_H
#define SM_API_SERVER_H

#include "api/rates.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/jsonw.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sm_ledger;             /* store/ledger.h */
struct sm_readings;           /* store/readings.h */
struct sm_identity;           /* auth/identity.h */
struct sm_live;               /* api/live.h */
struct sm_cabinet;            /* document/cabinet.h */
struct sm_invoicing_settings; /* invoicing/settings.h */

/* What the server knows of a device beside its readings. */
typedef struct sm_device_live {
  bool seen;            /* anything was ever heard of it: a status or a reading */
  int64_t last_seen_ms; /* if seen */
  bool online;
} sm_device_live;

/* A login to be made for a meter: certificates come from the command line alone. */
typedef struct sm_api_credential_order {
  bool psk;         /* else a password */
  int64_t grace_ms; /* how long what it has goes on */
  const char *host; /* to be told */
} sm_api_credential_order;

typedef struct sm_api_credentials_ended {
  size_t ended;
  size_t waiting; /* certificates that only who has the authority's key can revoke */
} sm_api_credentials_ended;

/* What only the program as a whole can answer. Each may be NULL. */
typedef struct sm_api_hooks {
  void *context;
  /* Appends Prometheus text to `out`, after the figures of the HTTP side itself. */
  void (*write_metrics)(void *context, sm_buf *out);
  /* Whether work can be taken; if not, a reason for people in `reason` (terminated). NULL: always.
   */
  bool (*ready)(void *context, char *reason, size_t cap);
  /* Whether a device is connected. False: nothing is known of it, and its latest reading decides
   * (online while that is younger than five minutes). */
  bool (*device_status)(void *context, const char *device_id, sm_device_live *live);
  /* Makes the broker know a device with a new login, and writes it as one JSON value, the
   * "credentials" that are shown once. What it had before goes on for the grace. On a failure
   * nothing is written, and `problem` may say what would be right. NULL: no broker is managed here,
   * and a new device is answered with `"credentials": null`. */
  sm_err (*make_credentials)(void *context, const char *device_id,
                             const sm_api_credential_order *order, sm_jsonw *w, sm_buf *problem);
  /* Ends all logins of a device and its live connections · those that were replaced. NULL likewise.
   */
  sm_err (*revoke_credentials)(void *context, const char *device_id,
                               sm_api_credentials_ended *ended);
  sm_err (*finish_credentials)(void *context, const char *device_id,
                               sm_api_credentials_ended *ended);
  /* Writes a list of what a device can log in by, without anything secret. NULL likewise. */
  void (*write_credentials)(void *context, const char *device_id, sm_jsonw *w);
} sm_api_hooks;

/* How a meter reaches the broker: what is told with a login. */
typedef struct sm_api_mqtt {
  const char *host;
} sm_api_mqtt;

typedef struct sm_api_options {
  const char *bind;            /* address: "127.0.0.1", "::", … */
  uint16_t port;               /* 0: any free one, see sm_api_port */
  uint16_t metrics_port;       /* on loopback; 0: off */
  const char *tls_cert;        /* path, PEM with its chain; NULL: plain HTTP */
  const char *tls_key;         /* path, PEM; set if tls_cert is */
  const char *trusted_proxies; /* "10.0.0.1, 192.168.0.0/16": whose X-Forwarded-For is believed */
  const char *public_url;      /* "https://meters.example": links, the cookie's Secure; NULL */
  const char *allowed_origins; /* "https://a.example": whose pages may use the API; NULL: none */
  const char *dashboard_dir;   /* the built dashboard; NULL or missing: a page that says so */
  const sm_zone *zone;
  const char *currency;
  const struct sm_invoicing_settings *invoicing;
  struct sm_ledger *ledger;
  struct sm_readings *readings;
  struct sm_identity *identity;
  struct sm_live *live;       /* NULL: /api/live answers 503 */
  struct sm_cabinet *cabinet; /* NULL: invoices are not printed, which is a 503 */
  sm_api_hooks hooks;
  sm_api_mqtt mqtt;
  int64_t (*now_ms)(void); /* NULL: the wall clock */

  /* Limits; 0 takes the default in brackets. */
  unsigned threads;           /* [4] */
  unsigned connections;       /* [as many as the limit of open files leaves, at most 20000] */
  unsigned connections_each;  /* an address [512; without limit when there are trusted proxies] */
  unsigned expensive_at_once; /* wide readings and bills [threads less one, at least 1] */
  uint32_t header_timeout_ms; /* from connecting to the end of the first headers [10 s] */
  uint32_t idle_timeout_ms;   /* from an answer to the end of the next headers [60 s] */
  uint32_t body_timeout_ms;   /* from the headers' end to the body's [30 s] */
  uint32_t answer_timeout_ms; /* to take the answer [120 s] */
  sm_rate_limits rates;       /* requests a minute; 0 is without limit */
} sm_api_options;

typedef struct sm_api sm_api;

/* What sm_api_new would say of proxies, public URL, origins and certificate, without making
 * anything: SM_ERR_INVALID and in `problem` (initialised by the caller) a line for each that can't
 * be used, by the name of its setting. */
SM_MUST_CHECK sm_err sm_api_check(const sm_api_options *options, sm_buf *problem);
/* Checks the options and reads certificate and key. SM_ERR_INVALID: one of them can't be used, the
 * reason is logged. Options are copied, what they borrow is not. The caller frees it. */
SM_MUST_CHECK sm_err sm_api_new(const sm_api_options *options, sm_api **api);
/* Listens. SM_ERR_BUSY: an address or port is taken; SM_ERR_IO: another failure; both are logged
 * with their reason. */
SM_MUST_CHECK sm_err sm_api_start(sm_api *api);
/* The port that is listened on, once started. */
uint16_t sm_api_port(const sm_api *api);
/* Takes no new requests, lets the running ones end, closes all connections. The live hub must have
 * been stopped before: its connections are the listener's. */
void sm_api_stop(sm_api *api);
void sm_api_free(sm_api *api); /* stops first; NULL is fine */

#endif
