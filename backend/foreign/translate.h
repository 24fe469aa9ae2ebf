/* From another meter's message to a reading of ours: the values are picked and brought to our
 * units, written as telemetry, and judged by the one parser that judges all meters, so the same
 * ranges and reasons hold. Energy and all else stay exact: digits are moved, never computed with in
 * floating point. Pure; any thread. */
#ifndef SM_FOREIGN_TRANSLATE_H
#define SM_FOREIGN_TRANSLATE_H

#include "base/buf.h"
#include "foreign/mapping.h"
#include "ingest/telemetry.h"

/* The register of a meter of others may have as many digits as ours can be told to have. */
enum { SM_FOREIGN_REGISTER_MAX_WH = 1000000000 };

typedef enum sm_foreign_outcome {
  SM_FOREIGN_READING,
  SM_FOREIGN_REFUSED,
  SM_FOREIGN_NOTHING /* the message has none of what a reading needs: it is about something else */
} sm_foreign_outcome;

typedef struct sm_foreign_result {
  sm_foreign_outcome outcome;
  sm_reading reading; /* of SM_FOREIGN_READING */
  sm_refusal refusal; /* of the others: for NOTHING what it is of a meter that is known */
  char detail[200];
} sm_foreign_result;

/* Values in thousandths of kWh, W, V, A, 1, Hz, dBm. */
typedef struct sm_foreign_values {
  int64_t milli[SM_FIELD_COUNT_];
  bool has[SM_FIELD_COUNT_];
} sm_foreign_values;

typedef struct sm_foreign_message {
  const sm_mapping *mapping;
  const char *device_id;
  const char *payload;
  size_t payload_len;
  size_t payload_len_sent; /* more if it was cut */
  int64_t now_ms;          /* when it was received */
} sm_foreign_message;

/* A message of SM_FORM_JSON. `telemetry`, initialised by the caller, is what a reading was judged
 * as. SM_ERR_NOMEM: *result is void. */
SM_MUST_CHECK sm_err sm_foreign_translate(const sm_foreign_message *message, sm_buf *telemetry,
                                          sm_foreign_result *result);
/* Writes and judges a reading of these values. */
SM_MUST_CHECK sm_err sm_foreign_judge(const char *device_id, int64_t ts_ms, int64_t now_ms,
                                      const sm_foreign_values *values, sm_buf *telemetry,
                                      sm_foreign_result *result);

/* One sensor's state as text (SM_FORM_ESPHOME). False: it is no number; *none: it says that there
 * is no value ("nan", or nothing). */
bool sm_foreign_state(const sm_mapping_field *field, const char *payload, size_t len, bool *none,
                      int64_t *milli);

#endif
