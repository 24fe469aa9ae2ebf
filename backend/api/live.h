/* The live hub: WebSocket clients of /api/live, and the readings they are sent.
 *
 * One thread serves all clients with epoll. libmicrohttpd speaks the HTTP part and hands the socket
 * over; wslay does the framing. Whoever stores readings calls sm_live_publish for each, which
 * never blocks; the hub encodes a reading once and queues it to every client that may see it. A
 * client that cannot keep up loses frames (its `n` jumps), never memory of the server.
 *
 * To a client: {"type":"ready"}, the last reading of each of its devices, then readings as they are
 * stored: {"type":"reading","n":7,"late":true,"reading":{…}}, `late` only where it is older than
 * one that was sent; {"type":"alert","n":8,"alert":{…}} when an alert of one of them opens, is
 * acknowledged or ends (admins with "*" also those of the site); {"type":"renewed"} after a new
 * token. `n` counts what was meant for that client; if the hub itself had to drop readings,
 * everybody's n jumps by one. From a client, as text of at most 16 KiB:
 * {"token":"…","devices":["…"] or "*"} within 5 s; later {"token":"…"} to renew (of the same user),
 * or both members again for other devices. Close codes: 1000 (answer to the client's), 1001 server
 * stops, 1002 protocol, 1003 not text, 1007 not UTF-8, 1008 members wrong or too many messages,
 * 1009 too large, 1011 the server failed, 4401 no, bad or ended token, 4404 a device not theirs,
 * 4429 too many connections of this user.
 *
 * With TLS in the daemon itself, libmicrohttpd 0.9.75 has 8 bytes to forward an upgraded connection
 * with (it keeps its pool for the header that it has sent), one TLS record for each 4: right, but
 * some 3,000 frames a second in all. Beyond a household, put the TLS of a proxy in front.
 *
 * Life: new, start, then (any thread) upgrade and publish; stop before MHD_stop_daemon (it hands
 * all sockets back), free after it. */
#ifndef SM_API_LIVE_H
#define SM_API_LIVE_H

#include "base/err.h"
#include "model/alert.h"
#include "model/reading.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;
struct MHD_Response;

enum { SM_LIVE_USER_ID_MAX = 64 };

typedef struct sm_live sm_live;

typedef struct sm_live_user {
  char user_id[SM_LIVE_USER_ID_MAX + 1];
  char session_id[SM_SESSION_ID_MAX + 1];
  sm_role role;
  int64_t expires_ms; /* when the token ends, wall clock */
} sm_live_user;

/* A device as one user may see it: readings in [from_ms, to_ms), the interval that is now or, if
 * there is none now, the last one (then nothing new comes). Open ends are INT64_MIN, INT64_MAX. */
typedef struct sm_live_device {
  char device_id[SM_DEVICE_ID_MAX + 1];
  int64_t from_ms;
  int64_t to_ms;
} sm_live_device;

/* What the hub asks of its owner; all are called on the hub's thread, so each must be quick (well
 * under a millisecond; a page of devices a few). */
typedef struct sm_live_source {
  void *context;
  /* Whose token it is. SM_ERR_DENIED: 4401; any other failure: 1011. */
  sm_err (*authenticate)(void *context, const char *token, size_t len, sm_live_user *user);
  /* Whether the user may still be here (not disabled, the same role, the session not ended): asked
   * several times a second. */
  bool (*still)(void *context, const sm_live_user *user);
  /* One device of an explicit list. SM_ERR_NOT_FOUND: unknown or not theirs: 4404. For an admin
   * every known device, with open ends. */
  sm_err (*device)(void *context, const sm_live_user *user, const char *device_id,
                   sm_live_device *device);
  /* The devices of "*", in byte order of device_id, those after `after` ("" first), at most
   * `limit`; *count less than limit: these were the last. For an admin: all, with open ends. */
  sm_err (*devices)(void *context, const sm_live_user *user, const char *after, size_t limit,
                    sm_live_device *devices, size_t *count);
  /* The last reading of a device, from memory. SM_ERR_NOT_FOUND: none yet. */
  sm_err (*latest)(void *context, const char *device_id, sm_reading *reading);
} sm_live_source;

typedef struct sm_live_options {
  sm_live_source source;
  /* Origins allowed besides the one that equals the request's Host, as "https://host[:port]", NULL
   * ends the list; NULL: none. A request without Origin (no browser) is let in. Copied. */
  const char *const *origins;
  size_t clients_max;        /* 0: 10,000 */
  size_t clients_per_user;   /* 0: 50 */
  size_t queue_bytes;        /* waiting to be sent, each client; 0: 256 KiB */
  size_t queue_total_bytes;  /* of all clients; 0: 64 MiB */
  size_t pending_max;        /* published, not yet seen by the hub's thread; 0: 16,384 */
  uint32_t hello_ms;         /* until the first message; 0: 5,000 */
  uint32_t ping_ms;          /* 0: 30,000; a peer silent for two and a half of these is dropped */
  uint32_t closing_ms;       /* for a peer to answer a close; 0: 2,000 */
  uint32_t recheck_ms;       /* how often rights to devices are looked at again; 0: 10,000 */
  const char *currency;      /* of alerts about money; borrowed; NULL: "INR" */
  int64_t (*now_ms)(void *); /* wall clock for expiry; NULL: sm_clock_now_ms */
  void *now_context;
} sm_live_options;

/* SM_ERR_NOMEM, SM_ERR_IO. */
SM_MUST_CHECK sm_err sm_live_new(const sm_live_options *options, sm_live **live);
/* Takes these origins in place of those of the options; copied. Before the first upgrade.
 * SM_ERR_NOMEM: nothing has changed. */
SM_MUST_CHECK sm_err sm_live_allow_origins(sm_live *live, const char *const *origins);
/* Starts the hub's thread. */
SM_MUST_CHECK sm_err sm_live_start(sm_live *live);
/* Closes all clients with 1001, gives them a second to take it, and ends the thread. Upgrades that
 * come later are closed at once. Before MHD_stop_daemon. A second call does nothing. */
void sm_live_stop(sm_live *live);
void sm_live_free(sm_live *live); /* stops if need be; NULL is fine; after MHD_stop_daemon */

/* A reading was stored (verdict STORED, or LATE with late true; not duplicates, not conflicts).
 * Never blocks, never fails: when the hub cannot follow, the oldest waiting one is dropped. */
void sm_live_publish(sm_live *live, const char *device_id, const sm_reading *reading, bool late);
/* An alert was opened, acknowledged or ended. As publish: never blocks, never fails; NULL is fine.
 */
void sm_live_publish_alert(sm_live *live, const sm_alert *alert);
/* The same of an alert that was told by another server. */
void sm_live_show_alert(sm_live *live, const sm_alert *alert);
/* Whom sm_live_publish_alert tells of each besides, whether anybody listens or not: quick. Before
 * the first of them. */
void sm_live_alerts_to(sm_live *live, void (*told)(void *context, const sm_alert *alert),
                       void *context);
/* Whether anybody listens at all: asked once before a batch is published. Who begins to listen
 * after a no is sent the latest reading of each device, read after that. Any thread. */
bool sm_live_listening(sm_live *live);

/* Judges the handshake of a GET /api/live. SM_OK: *response is ready for the caller to queue with
 * status 101 and to destroy, as any MHD response. Else *detail is a static sentence for the
 * problem: SM_ERR_INVALID 400; SM_ERR_UNSUPPORTED 426 (answer with the headers "Upgrade: websocket"
 * and "Sec-WebSocket-Version: 13"); SM_ERR_DENIED 403 (origin); SM_ERR_BUSY 503 (full);
 * SM_ERR_NOMEM. The daemon must run with MHD_ALLOW_UPGRADE; a client keeps its connection in the
 * daemon's count for as long as it stays. */
SM_MUST_CHECK sm_err sm_live_upgrade(sm_live *live, struct MHD_Connection *connection,
                                     struct MHD_Response **response, const char **detail);

typedef struct sm_live_stats {
  uint64_t clients;        /* now */
  uint64_t clients_total;  /* since the start */
  uint64_t published;      /* readings given to sm_live_publish while there were clients */
  uint64_t overflowed;     /* of these, dropped before the hub saw them */
  uint64_t frames_sent;    /* queued to clients */
  uint64_t frames_dropped; /* not queued because a client was slow */
  uint64_t queued_bytes;   /* waiting to be sent, now */
} sm_live_stats;
/* Any thread. */
void sm_live_stats_get(sm_live *live, sm_live_stats *stats);

#endif
