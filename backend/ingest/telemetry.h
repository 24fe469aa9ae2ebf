/* From a topic and a payload to validated readings, or reasons. This is the gate: nothing upstream
 * of it is trusted, and behind it every number is an integer. The JSON is read by a parser of our
 * own (scan.h, number.h), which judges as a parser of jansson's tree does (telemetry_oracle.h; the
 * fuzz target compares the two) at a fraction of its time. Pure: no I/O, no state; any thread. */
#ifndef SM_INGEST_TELEMETRY_H
#define SM_INGEST_TELEMETRY_H

#include "base/err.h"
#include "model/reading.h"
#include "model/sequence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SM_INGEST_PAYLOAD_MAX = 256 * 1024, /* bytes of a payload */
  SM_INGEST_ARRAY_MAX = 500,          /* readings in an array */
  SM_INGEST_DEPTH_MAX = 16            /* nesting that is still looked into */
};

/* Why something is refused: a stable word for `reason`, metrics and filters. */
typedef enum sm_refusal {
#define SM_REFUSAL(code, word) SM_REFUSAL_##code,
#include "ingest/refusal.def"
#undef SM_REFUSAL
  SM_REFUSAL_COUNT_
} sm_refusal;
const char *sm_refusal_word(sm_refusal refusal);

/* What a topic of the form meters/{device_id}/{kind} is. */
typedef enum sm_topic_kind {
  SM_TOPIC_OTHER,
  SM_TOPIC_TELEMETRY,
  SM_TOPIC_STATUS,
  SM_TOPIC_FIRMWARE
} sm_topic_kind;
typedef struct sm_topic {
  sm_topic_kind kind; /* OTHER: anything else, also a device id that cannot be one */
  char device_id[SM_DEVICE_ID_MAX + 1]; /* "" for OTHER */
} sm_topic;
void sm_topic_parse(const char *topic, size_t len, sm_topic *out);

/* Where the results of one message go, in the order of its elements. What is passed is borrowed for
 * the call, but for `text` (`text_len` bytes), which lies in the message's payload: all of it, or
 * the element of an array as it was written. */
typedef struct sm_telemetry_sink {
  void *context;
  /* `mark` is the reading's place in its meter's sequence, not present if it has none. */
  void (*reading)(void *context, const sm_reading *reading, const sm_seq_mark *mark,
                  const char *text, size_t text_len);
  /* `detail` is a sentence that names the field and what would be right; `mark` as above, as far as
   * it could be read. */
  void (*refused)(void *context, sm_refusal refusal, const char *detail, const sm_seq_mark *mark,
                  const char *text, size_t text_len);
  /* A lone reading with `asks`, a device_id that is right and a place in a sequence with its first:
   * a question for the server's time (docs/protocol.md). `good`: a reading that could be stored,
   * had it come when it says. False: it is to be judged like any other, as all are where this is
   * NULL.
   */
  bool (*asked)(void *context, uint32_t asks, bool good, const sm_seq_mark *mark, const char *text,
                size_t text_len);
} sm_telemetry_sink;

typedef struct sm_telemetry_message {
  const char *device_id; /* the topic's */
  const char *payload;
  size_t payload_len;      /* bytes at payload */
  size_t payload_len_sent; /* as it was sent: more if it was cut */
  int64_t now_ms;          /* the server's clock, for timestamps ahead of it */
  int64_t modulus_wh;      /* the register starts over here; 0: 10,000 kWh */
} sm_telemetry_message;

/* Judges one telemetry payload: an object, or an array of 1 to 500 judged element by element; the
 * sink is called at least once. A number of any size is JSON: where a member has it, it is out of
 * range, and elsewhere it is ignored like all that is not known. SM_ERR_NOMEM (only for payloads
 * with many members that are not known): nothing is judged, what the sink was given is void. */
SM_MUST_CHECK sm_err sm_telemetry_parse(const sm_telemetry_message *message,
                                        const sm_telemetry_sink *sink);

#endif
