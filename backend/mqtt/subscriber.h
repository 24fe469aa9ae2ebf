/* The ack-after-commit MQTT subscriber: takes QoS 1 messages from a broker, hands them on in
 * batches, and acknowledges a message to the broker only after the batch that holds it is durable.
 * No C library offers that: libmosquitto and Paho acknowledge before the application has stored.
 *
 * One thread owns one broker connection (MQTT 5 or 3.1.1, a session that outlives it, plain TCP or
 * TLS by OpenSSL). It reads what the socket has, parses every complete PUBLISH in place, gives each
 * to `take`, calls `commit` when the socket is drained or a batch is full or old, then writes all
 * PUBACKs in order, and what `commit` asked to publish, in as few writes as it can. While a commit
 * fails nothing is acknowledged and nothing more is read: TCP holds the broker back. A lost
 * connection is made anew with jittered back-off; what was not acknowledged comes again.
 *
 * A message may come twice: after a reconnect, and from some brokers (NATS) on the same connection
 * when an acknowledgement takes long, even within one batch. Each copy is handed on and
 * acknowledged; to know it again is the owner's.
 *
 * Several subscribers, each with a client id of its own, may share the messages of a topic
 * (share_group), in one process or in several: nothing here is common to two of them. Some brokers
 * grant a shared subscription and deliver nothing to it (RabbitMQ 3.10, NATS 2.9); so it is proved
 * by a message to oneself before the state is READY.
 *
 * A subscriber that is taken out of use must not leave its session behind: the broker would queue
 * its share of the messages in it for ever. So it can be started once more to retire: leave.h.
 *
 * The broker is not trusted: packets are bounded and checked, and a breach of protocol ends the
 * connection, never the program. */
#ifndef SM_MQTT_SUBSCRIBER_H
#define SM_MQTT_SUBSCRIBER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_mqtt_subscriber sm_mqtt_subscriber;

/* One PUBLISH, borrowed until the successful commit of its batch returns (not longer). */
typedef struct sm_mqtt_message {
  const char *topic; /* not terminated, valid UTF-8 without NUL */
  size_t topic_len;
  const char *payload;
  size_t payload_len;      /* bytes at `payload` */
  size_t payload_len_sent; /* as the broker sent it: more than payload_len if truncated */
  bool truncated;
  uint8_t qos; /* 0 or 1 (the subscription asks for 1) */
  bool retained;
} sm_mqtt_message;

/* What the owner does with messages. All are called on the subscriber's thread. */
typedef struct sm_mqtt_sink {
  void *context;
  /* Looks at one message and remembers what is to be stored. Must not fail: what cannot be used is
   * refused and remembered as such. */
  void (*take)(void *context, const sm_mqtt_message *message);
  /* Makes everything taken since the last successful commit durable. Called again after back-off
   * while it fails, with nothing taken in between. May call sm_mqtt_subscriber_publish. Should
   * return well within the keepalive interval: nothing is sent meanwhile. A batch that outlives its
   * connection is committed before the next connection is made; its messages then come again. */
  sm_err (*commit)(void *context);
  /* NULL, or called some times a second while the state is READY and nothing waits for a commit, to
   * say what has nothing to do with what is heard: it may call sm_mqtt_subscriber_publish,
   * sm_mqtt_subscriber_retain and sm_mqtt_subscriber_answered. The same haste. */
  void (*speak)(void *context);
} sm_mqtt_sink;

typedef enum sm_mqtt_version {
  SM_MQTT_VERSION_AUTO = 0, /* 5, or 3.1.1 with a broker that does not speak it; see version.h */
  SM_MQTT_VERSION_3_1_1 = 4,
  SM_MQTT_VERSION_5 = 5
} sm_mqtt_version;

typedef enum sm_mqtt_state {
  SM_MQTT_CONNECTING, /* not connected, or not every filter granted, or the shared subscription not
                         proved (behind a backlog that takes as long as the backlog); trying. Or
                         retiring */
  SM_MQTT_READY,      /* connected and every filter granted, and proved where it is shared */
  SM_MQTT_STALLED,    /* the store does not take the batch; nothing is read, nothing acknowledged */
  SM_MQTT_RETIRED,    /* the session is gone from the broker; nothing more happens until the stop */
  SM_MQTT_STOPPED
} sm_mqtt_state;

typedef struct sm_mqtt_options {
  const char *url;      /* mqtt://[user[:pass]@]host[:port] or mqtts://…; percent-encoding in user
                           and password; default ports 1883 and 8883 */
  const char *username; /* NULL: the one in the url, if any */
  const char *password; /* NULL: the one in the url, if any */
  const char *ca_file;  /* PEM to verify the broker against; NULL: the system's store */
  const char *client_id; /* stable: the broker keeps the session under it */
  sm_mqtt_version version;
  const char *const *filters; /* topic filters, subscribed with QoS 1 */
  size_t filter_count;
  const char *share_group; /* "$share/{share_group}/" is put in front of each of `filters`, so that
                              each message goes to one member of the group; what the session holds
                              of them unshared is given up. NULL: nothing is shared */
  const char *const *unshared_filters; /* more filters, never shared: brokers send no retained
                                          messages to a shared subscription */
  size_t unshared_filter_count;
  const char *const *former_filters; /* what the session may hold of an earlier run ("$share/…" in
                                        full) and is to give up, once all above is granted and
                                        proved; those that are asked for above are kept */
  size_t former_filter_count;
  bool retire; /* subscribe to nothing: give up all filters above, hand on what the session still
                  holds, end the session at the broker for good, and be RETIRED */
  uint32_t retire_quiet_ms; /* 0: 3000. How long nothing must have come before it is asked whether
                               the session is empty */
  uint32_t speak_every_ms;  /* 0: 250. How often the sink's `speak` is called */
  bool live; /* hear only what is said while connected: QoS 0, and no session at the broker. Nothing
                comes twice, and nothing that was said before, but for retained messages */
  const char *probe_topic;   /* with share_group: a topic of this subscriber alone, which the broker
                                lets it publish to and read; no filter above may match it. What comes
                                under it is acknowledged and not handed on. Without: that of an
                                earlier run, whose filter is given up */
  uint32_t probe_timeout_ms; /* 0: 5000. How long after the last shared message it may take; 12
                                times that at most */
  uint16_t keepalive_s;      /* 0: 30; a broker of MQTT 5 may make it shorter */
  uint16_t receive_max; /* MQTT 5: messages that the broker may send before the first of them is
                           acknowledged, and so the most that one batch can hold; 0: 20. More is
                           faster, and more that a broker which saves only what it queues
                           (Mosquitto) loses when it is killed */
  size_t batch_messages_max; /* 0: 2000 */
  uint32_t batch_age_max_ms; /* 0: 5. A batch is committed at the latest this long after its first
                                message */
  /* NULL, or called on the subscriber's thread, as the sink is, when the state has become READY or
   * RETIRED. */
  void (*reached)(void *context, sm_mqtt_state state);
  void *reached_context;
  /* NULL, or asked on the subscriber's thread before each connection, and some times a second while
   * there is one (not within a commit): false ends it, and there is none until it is true. For a
   * client id that may be somebody else's by now. Must not block. */
  bool (*allowed)(void *context);
  void *allowed_context;
  size_t packet_max; /* 0: 1 MiB. A larger packet is not held: `take` gets its topic and the
                        first 4096 bytes of its payload with `truncated` set; the rest is
                        read and dropped */
} sm_mqtt_options;

typedef struct sm_mqtt_status {
  sm_mqtt_state state;
  char reason[200];      /* why it is not READY: "connection refused", "not authorised", …; "" */
  uint64_t messages;     /* PUBLISH packets taken */
  uint64_t acknowledged; /* PUBACKs sent */
  uint64_t commits;
  uint64_t connects; /* successful connections so far */
  uint64_t unusable; /* PUBLISH packets acknowledged but not taken: their topic is not UTF-8, or
                        holds a wildcard or NUL, or MQTT 5's properties hold nonsense. Only a broker
                        that checks nothing sends them */
  uint64_t publishes_refused; /* own messages that a broker of MQTT 5 answered with a failure (one
                                 of 3.1.1 does not tell) */
  sm_mqtt_version version;    /* what the latest connection speaks; AUTO: there was none yet */
} sm_mqtt_status;

/* Checks the options (SM_ERR_INVALID: url, client id, filters, group, probe topic; the reason is
 * logged) and makes a
 * subscriber that does nothing yet; options are copied. The caller frees it. */
SM_MUST_CHECK sm_err sm_mqtt_subscriber_new(const sm_mqtt_options *options,
                                            const sm_mqtt_sink *sink,
                                            sm_mqtt_subscriber **subscriber);
/* Starts the thread. SM_ERR_BUSY if it runs (also after a stop that ran out of time), SM_ERR_NOMEM.
 */
SM_MUST_CHECK sm_err sm_mqtt_subscriber_start(sm_mqtt_subscriber *subscriber);
/* Ends it: what has been taken is committed (one try) and acknowledged, then DISCONNECT; returns
 * when the thread is gone, at the latest after timeout_ms. The session stays with the broker. True:
 * the sink is not called any more. False: a call of it has not returned yet (it will be the last),
 * and the sink's context must not be freed. After a complete stop it can be started again. */
bool sm_mqtt_subscriber_stop(sm_mqtt_subscriber *subscriber, uint32_t timeout_ms);
/* Stops first, for at most 5 s; NULL is fine. A thread that is still held up somewhere frees what
 * it needs itself when it ends. */
void sm_mqtt_subscriber_free(sm_mqtt_subscriber *subscriber);

/* Queues a QoS 1 PUBLISH (not retained), sent after the PUBACKs of the running commit and as fast
 * as the broker answers (the Receive Maximum of MQTT 5). Only from within `commit`, `take` or
 * `speak` (asserted). What a failing commit queued is forgotten, since it will be called again. It
 * is not repeated after a lost connection: what it says must be safe to lose (a meter that misses
 * an ack sends again and is acknowledged again). SM_ERR_INVALID: no topic to publish under.
 * SM_ERR_RANGE: more than 256 MiB, or than the broker takes. SM_ERR_CLOSED: there is no connection,
 * as in a commit that outlived its own. SM_ERR_FULL: 16 MiB are queued, or 32,768 messages queued
 * or unanswered. SM_ERR_NOMEM. */
SM_MUST_CHECK sm_err sm_mqtt_subscriber_publish(sm_mqtt_subscriber *subscriber, const char *topic,
                                                const void *payload, size_t payload_len);

/* A message of ours: which connection it was handed to, numbered over all subscribers of this
 * process, and its place there. */
typedef struct sm_mqtt_sent {
  uint64_t connection;
  uint64_t number;
} sm_mqtt_sent;

/* Queues a QoS 1 PUBLISH that the broker is to retain (an empty payload: to forget the one it
 * has). Only from within `speak` (asserted). sent may be NULL. Errors as of
 * sm_mqtt_subscriber_publish. */
SM_MUST_CHECK sm_err sm_mqtt_subscriber_retain(sm_mqtt_subscriber *subscriber, const char *topic,
                                               const void *payload, size_t payload_len,
                                               sm_mqtt_sent *sent);
/* The connection of now, and how many of its messages the broker has answered: those up to that
 * number, as it answers in their order. Only from within `speak`. */
sm_mqtt_sent sm_mqtt_subscriber_answered(const sm_mqtt_subscriber *subscriber);

/* Any thread. */
void sm_mqtt_subscriber_status(sm_mqtt_subscriber *subscriber, sm_mqtt_status *status);

#endif
