/* Brings the readings of the ring log to the server, in order, and frees them when the server says
 * that it has them, on nothing less: the broker's PUBACK proves nothing.
 *
 * One message is on its way at a time: the readings from the oldest that is not acknowledged on, as
 * many as fit; the next goes when the server has acknowledged all of it. One reading is sent as an
 * object, more as an array. A backlog is sent with pauses, so that a town that comes back after a
 * cut does not flood its server. What is not acknowledged in time is sent again, more and more
 * seldom, and after a few times over a new connection. Connections are tried with pauses that
 * double, each with a random part; they grow until an acknowledgement comes, so that a broker that
 * lets one in and serves nobody is not hammered.
 *
 * What the clock has to ask the server goes with one reading in a message of its own, which the
 * server answers and does not store; it may be one that the server has. Until the clock lets it,
 * nothing else is sent, and never a reading whose time is ahead of the clock: the server would
 * refuse it for good.
 *
 * Nothing here waits or keeps time: poll it when edge_uplink_due_ms says so, and after an event.
 * Times are ms of a clock that never goes back. One thread. */
#ifndef EDGE_CORE_UPLINK_H
#define EDGE_CORE_UPLINK_H

#include "core/clock.h"
#include "core/ring.h"
#include "core/stamp.h"
#include "core/telemetry.h"

/* The connection to the broker, as the port gives it. */
typedef struct edge_link {
  void *context;
  /* Begins to connect; edge_uplink_opened or edge_uplink_closed tells how it went. */
  void (*open)(void *context);
  /* Ends the connection, or the attempt; edge_uplink_closed need not be called. */
  void (*close)(void *context);
  /* Sends to the meter's telemetry topic at QoS 1; `payload` is borrowed for the call. False: it
   * was not taken. */
  bool (*publish)(void *context, const char *payload, size_t len);
} edge_link;

typedef struct edge_uplink_settings {
  uint32_t batch_max;      /* readings in a message, 1 to 500 */
  uint32_t open_ms;        /* a connection stands by then, or is given up */
  uint32_t pause_first_ms; /* before the second attempt to connect … */
  uint32_t pause_max_ms;   /* … doubled up to this; of each a random half */
  uint32_t ack_ms;         /* an acknowledgement is there by then … */
  uint32_t ack_max_ms;     /* … doubled up to this when it is not */
  uint32_t tries_a_link;   /* messages without an acknowledgement before another connection */
  uint32_t replay_gap_ms;  /* between messages of a backlog, and up to as much again at random */
} edge_uplink_settings;

#define EDGE_UPLINK_DEFAULTS                                                                       \
  { 24, 20000, 1000, 300000, 20000, 900000, 3, 250 }

typedef enum edge_uplink_state {
  EDGE_UPLINK_PAUSED, /* no connection; the next attempt is at due */
  EDGE_UPLINK_OPENING,
  EDGE_UPLINK_OPEN
} edge_uplink_state;

typedef struct edge_uplink_stats {
  uint32_t opened;
  uint32_t closed; /* connections lost, attempts that failed */
  uint32_t messages;
  uint32_t readings;     /* sent, each time counted */
  uint32_t resent;       /* of messages: for want of an acknowledgement */
  uint32_t acks;         /* that moved the log on */
  uint32_t questions;    /* for the server's time */
  uint32_t strange_acks; /* not readable, of another epoch, or of readings that there are not */
} edge_uplink_stats;

typedef struct edge_uplink {
  edge_uplink_settings settings;
  edge_link link;
  edge_ring *ring;
  uint16_t boot;     /* of this start, as records have it */
  edge_clock *clock; /* NULL: nobody is asked, and each time is as it was put down */
  edge_stamp stamp;
  const char *device_id;
  const char *fw;
  char *room;
  size_t cap;
  uint32_t random;
  edge_uplink_state state;
  int64_t due_ms; /* of PAUSED and OPENING; of OPEN, when something may be sent again */
  uint32_t pause_ms;
  bool in_flight;
  bool question;      /* what is in flight is one */
  uint32_t sent_last; /* the last reading of the message on its way */
  int64_t sent_ms;
  uint32_t wait_ms;
  uint32_t tries;
  bool waits_for_clock; /* the oldest reading has no time yet … */
  uint32_t waits_at;    /* … with this one as the next */
  uint32_t mute_at;     /* nothing to ask with, with this one as the next */
  bool acked_ever;      /* since this start */
  int64_t acked_ms;     /* when it was last */
  edge_uplink_stats stats;
} edge_uplink;

/* `room` (`cap` bytes, enough for EDGE_TELEMETRY_MAX + 4 at least) is where messages are written;
 * room, ring, clock and texts are borrowed for the uplink's life. `seed` is anything random. The
 * first attempt to connect is due at now_ms. */
void edge_uplink_init(edge_uplink *uplink, const edge_uplink_settings *settings,
                      const edge_link *link, edge_ring *ring, edge_clock *clock, uint16_t boot,
                      const char *device_id, const char *fw, char *room, size_t cap, uint32_t seed,
                      int64_t now_ms);

/* The connection stands, and acknowledgements are subscribed to. */
void edge_uplink_opened(edge_uplink *uplink, int64_t now_ms);
/* It was lost, or could not be made. */
void edge_uplink_closed(edge_uplink *uplink, int64_t now_ms);
/* What came at the meter's `ack` topic. */
void edge_uplink_ack(edge_uplink *uplink, const char *payload, size_t len, int64_t now_ms);

/* Ends the connection, if there is one, and makes another at once: with another login. */
void edge_uplink_reconnect(edge_uplink *uplink, int64_t now_ms);

void edge_uplink_poll(edge_uplink *uplink, int64_t now_ms);
/* When it wants to be polled at the latest, if no event comes and no reading is appended. */
int64_t edge_uplink_due_ms(edge_uplink *uplink);

#endif
