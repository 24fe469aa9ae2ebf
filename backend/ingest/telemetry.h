/* From a topic and a payload to validated readings, or reasons. This is the gate: nothing upstream
 * of it is trusted, and floating point ends here. Pure: no I/O, no state; any thread. */
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
typedef enum sm_topic_kind { SM_TOPIC_OTHER, SM_TOPIC_TELEMETRY, SM_TOPIC_STATUS } sm_topic_kind;
typedef struct sm_topic {
  sm_topic_kind kind; /* OTHER: anything else, also a device id that cannot be one */
  char device_id[SM_DEVICE_ID_MAX + 1]; /* "" for OTHER */
} sm_topic;
void sm_topic_parse(const char *topic, size_t len, sm_topic *out);

/* Where the results of one message go, in the order of its elements. What is passed is borrowed for
 * the call. */
typedef struct sm_telemetry_sink {
  void *context;
  /* `mark` is the reading's place in its meter's sequence, not present if it has none. */
  void (*reading)(void *context, const char *device_id, const sm_reading *reading,
                  const sm_seq_mark *mark);
  /* `detail` is a sentence that names the field and what would be right; `payload` is the message,
   * or the element of an array as JSON; `mark` as above, as far as it could be read. */
  void (*refused)(void *context, const char *device_id, sm_refusal refusal, const char *detail,
                  const char *payload, size_t payload_len, const sm_seq_mark *mark);
} sm_telemetry_sink;

typedef struct sm_telemetry_message {
  const char *device_id; /* the topic's */
  const char *payload;
  size_t payload_len;      /* bytes at payload */
  size_t payload_len_sent; /* as it was sent: more if it was cut */
  int64_t now_ms;          /* the server's clock, for timestamps ahead of it */
  int64_t modulus_wh;      /* the register starts over here; 0: 10,000 kWh */
} sm_telemetry_message;

/* Judges one telemetry payload: an object, or an array of 1 to 500 judged element by element. */
void sm_telemetry_parse(const sm_telemetry_message *message, const sm_telemetry_sink *sink);

#endif
