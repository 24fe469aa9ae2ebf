/* The inside of the live hub. All of it belongs to the hub's thread, except struct sm_live_gate
 * (under its mutex) and the counters (atomic). Steady instants are of sm_clock_steady_ms.
 *
 * What a device last said stands in one place, sm_live_entry.last: a reading, from the queue or,
 * at first, from the store, passes there once and goes to everybody who is subscribed by then; who
 * subscribes later is sent `last`. So nobody misses one or gets one twice. */
#ifndef SM_API_LIVE_INTERNAL_H
#define SM_API_LIVE_INTERNAL_H

#include "api/live.h"
#include "api/live_message.h"
#include "base/buf.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <wslay/wslay.h>

typedef struct sm_live_client sm_live_client;
typedef struct sm_live_entry sm_live_entry;

/* One device that one client is sent, in [from_ms, to_ms). */
typedef struct sm_live_sub {
  sm_live_client *client;
  sm_live_entry *entry;
  int64_t from_ms;
  int64_t to_ms;
  size_t at;   /* its place in entry->sub */
  bool linked; /* it is there: the last reading was sent, further ones follow */
} sm_live_sub;

/* A device that somebody is, or may come to be, sent. */
struct sm_live_entry {
  sm_live_entry *next; /* in its hash chain */
  sm_live_id id;
  bool has_last;
  uint64_t asked; /* the hub's `era` in which `last` became known; 0: never */
  sm_reading last;
  sm_live_sub **sub;
  size_t sub_count;
  size_t sub_cap;
};

typedef enum sm_live_state {
  SM_LIVE_HELLO,   /* no token yet */
  SM_LIVE_OPEN,    /* known; subscribed or about to be */
  SM_LIVE_CLOSING, /* a close frame is on its way */
} sm_live_state;

/* Work on a client's devices that is done a page at a time. */
typedef enum sm_live_walk {
  SM_LIVE_WALK_NONE,
  SM_LIVE_WALK_CHECK,   /* a list: may it have them all? then "ready" */
  SM_LIVE_WALK_GREET,   /* a list: send the last reading of each, and subscribe */
  SM_LIVE_WALK_EVERY,   /* an admin's "*": the last reading of each device there is */
  SM_LIVE_WALK_OWN,     /* a consumer's "*": find what came and went */
  SM_LIVE_WALK_RECHECK, /* a list: are all still theirs? */
} sm_live_walk;

struct sm_live_client {
  sm_live *live;
  sm_live_client *prev;
  sm_live_client *next;
  int fd;
  struct MHD_UpgradeResponseHandle *handle;
  wslay_event_context_ptr ws;

  char *early; /* bytes that came with the request; heap */
  size_t early_len;
  size_t early_at;
  unsigned pieces;  /* frames of the message that is coming in */
  size_t read_left; /* what may still be read in this turn */

  char *out; /* frames from out_at to out_len wait to be sent */
  size_t out_at;
  size_t out_len;
  size_t out_cap;
  bool out_watched; /* epoll tells when there is room */
  bool dirty;       /* in the hub's list to flush */
  sm_live_client *dirty_next;

  sm_live_state state;
  bool gone;          /* the socket ended or failed */
  bool dead;          /* to be freed at the turn's end */
  int64_t since_ms;   /* steady: when this state began */
  int64_t heard_ms;   /* steady */
  int64_t moved_ms;   /* steady: when nothing waited, or some of what waits was last taken */
  int64_t pinged_ms;  /* steady */
  int64_t checked_ms; /* steady: rights looked at */
  int64_t budget_full_ms;

  sm_live_user user; /* from SM_LIVE_OPEN on */
  uint64_t n;
  bool listening;    /* counted in the gate */
  bool every;        /* an admin's "*": no subs; sent each device up to `cursor`, then all */
  size_t every_at;   /* its place in live->every */
  bool own;          /* a consumer's "*" */
  sm_live_sub **sub; /* in order of device id */
  size_t sub_count;
  size_t sub_cap;

  sm_live_walk walk;
  bool walk_queued;
  bool walk_blocked; /* no room in the queue: goes on when there is */
  sm_live_client *walk_next;
  size_t walk_at;
  sm_live_id cursor;
  sm_live_message wanted; /* while SM_LIVE_WALK_CHECK */
};

/* A socket that libmicrohttpd handed over. */
typedef struct sm_live_arrival {
  struct sm_live_arrival *next;
  int fd;
  struct MHD_UpgradeResponseHandle *handle;
  size_t early_len;
  char early[];
} sm_live_arrival;

typedef struct sm_live_event {
  sm_live_id id;
  bool late;
  sm_reading reading;
} sm_live_event;

/* Where other threads reach the hub. */
typedef struct sm_live_gate {
  pthread_mutex_t mutex;
  sm_live_event *ring;
  size_t cap;
  size_t head; /* the oldest */
  size_t count;
  uint64_t overflowed;
  sm_alert *alerts; /* a ring of SM_LIVE_ALERTS */
  size_t alert_head;
  size_t alert_count;
  sm_live_arrival *arrivals;
  size_t clients;   /* arrivals included */
  size_t listening; /* clients that want readings: with none, none are queued */
  bool sleeping;    /* the hub waits: wake it */
  bool stopping;
  bool closed; /* what arrives is sent away */
} sm_live_gate;

enum {
  SM_LIVE_BATCH = 256,
  SM_LIVE_BUCKETS = 4096,
  SM_LIVE_ALERTS = 256,
  SM_LIVE_ALERTS_A_TURN = 16
};

struct sm_live {
  sm_live_options options; /* defaults filled in */
  char **origins;
  sm_live_gate gate;
  void (*told)(void *context, const sm_alert *alert); /* of each alert; NULL: nobody */
  void *told_context;
  pthread_t thread;
  bool started;
  int epoll_fd;
  int event_fd;

  sm_live_client *first;
  sm_live_client *dirty;
  sm_live_client *walk_head;
  sm_live_client *walk_tail;
  bool any_dead;
  bool ending;    /* the hub's own copy of gate.stopping */
  int64_t now_ms; /* steady, of this turn */
  int64_t ticked_ms;
  sm_live_client **every; /* the clients with `every` */
  size_t every_count;
  size_t every_cap;

  sm_live_entry **bucket;
  size_t bucket_count;
  size_t entry_count;
  uint64_t era; /* grows when events were lost: what is known of devices may be old */
  uint64_t overflow_seen;

  sm_live_event batch[SM_LIVE_BATCH];
  sm_alert alerts[SM_LIVE_ALERTS_A_TURN];
  sm_buf body;  /* the reading being sent, encoded once */
  sm_buf frame; /* with what differs between clients */

  atomic_uint_fast64_t clients;
  atomic_uint_fast64_t clients_total;
  atomic_uint_fast64_t published;
  atomic_uint_fast64_t overflowed;
  atomic_uint_fast64_t frames_sent;
  atomic_uint_fast64_t frames_dropped;
  atomic_uint_fast64_t queued_bytes;
};

/* ---- live_loop.c: the hub's thread ---- */
void *sm_live_run(void *live);
/* Takes in a socket, or sends it away: the caller is libmicrohttpd's thread. */
void sm_live_arrive(sm_live *live, int fd, struct MHD_UpgradeResponseHandle *handle,
                    const char *early, size_t early_len);
/* A client, or an arrival, is gone. */
void sm_live_left(sm_live *live);
/* With the gate's mutex held: has the hub look at it. */
void sm_live_wake(sm_live *live);
/* Sends away what arrived and was not taken in. */
void sm_live_arrivals_close(sm_live *live);

/* ---- live_client.c: one socket, its frames in and out ---- */
/* Takes the arrival (freed); NULL on failure, then its socket is closed. */
sm_live_client *sm_live_client_new(sm_live *live, sm_live_arrival *arrival);
/* Gives the socket back and forgets all; only at a turn's end. */
void sm_live_client_free(sm_live_client *client);
void sm_live_client_readable(sm_live_client *client);
void sm_live_client_writable(sm_live_client *client);
/* Sends what waits, as far as the socket takes it. */
void sm_live_client_flush(sm_live_client *client);
/* Queues a text frame of the hub's own ({"type":"ready"}), or a ping. */
void sm_live_client_say(sm_live_client *client, const char *text);
void sm_live_client_ping(sm_live_client *client);
/* Counts an event and queues it with the body in live->body, or drops it if there is no room. */
void sm_live_client_event(sm_live_client *client, bool late);
/* The same with an alert in live->body. */
void sm_live_client_alert(sm_live_client *client);
/* Whether the queue is less than half full: more may be made for it. */
bool sm_live_client_has_room(const sm_live_client *client);
/* Begins to close with a code; the client gets two seconds to answer. */
void sm_live_client_close(sm_live_client *client, uint16_t code, const char *reason);
void sm_live_client_kill(sm_live_client *client);
/* Whether something waits of which the peer has taken nothing for so long. */
bool sm_live_client_stuck(const sm_live_client *client, int64_t longest_ms);

/* ---- live_session.c: what a client is told and may do ---- */
void sm_live_session_message(sm_live_client *client, uint8_t opcode, const char *text, size_t len);
/* Looks at all that depends on time. */
void sm_live_session_tick(sm_live_client *client);
/* Subscribed clients are counted, so that nothing is queued while there are none. */
void sm_live_session_listen(sm_live_client *client, bool listening);

/* ---- live_devices.c: entries, subscriptions, fan-out ---- */
/* NULL without memory (make) or if there is none. */
sm_live_entry *sm_live_entry_find(sm_live *live, const char *id, bool make);
void sm_live_entries_clear(sm_live *live);
/* A reading from the queue. */
void sm_live_devices_event(sm_live *live, const sm_live_event *event);
/* An alert from the queue. */
void sm_live_devices_alert(sm_live *live, const sm_alert *alert);
/* What the device last said, asked of the store if need be; NULL: nothing yet. */
const sm_reading *sm_live_devices_last(sm_live *live, sm_live_entry *entry);
/* Sends the entry's last reading to one client, if it is in [from_ms, to_ms). */
void sm_live_devices_greet(sm_live_client *client, sm_live_entry *entry, int64_t from_ms,
                           int64_t to_ms);
/* Adds an unlinked subscription at a place of client->sub. NULL without memory. */
sm_live_sub *sm_live_sub_add(sm_live_client *client, size_t place, const sm_live_device *device);
/* Sends the last reading and has further ones follow. */
void sm_live_sub_link(sm_live_sub *sub);
/* Makes a client one that is sent every device, or not. False without memory. */
bool sm_live_every_set(sm_live_client *client, bool every);
/* Takes out client->sub[place … place + count). */
void sm_live_sub_remove(sm_live_client *client, size_t place, size_t count);

/* ---- live_walk.c ---- */
void sm_live_walk_begin(sm_live_client *client, sm_live_walk walk);
void sm_live_walk_stop(sm_live_client *client);
/* Takes it out of the line: it is about to be freed. */
void sm_live_walk_leave(sm_live_client *client);
/* Puts a blocked walk back in line if there is room now. */
void sm_live_walk_unblock(sm_live_client *client);
/* A few pages of whoever is in line. Whether anybody still is. */
bool sm_live_walk_some(sm_live *live);

#endif
